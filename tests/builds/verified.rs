//! `suiro verify` and `suiro verify-idempotent`: rows that are still what was published, and that come out again.

use crate::{on_both_engines, project::Project};
use serde_json::{Value, json};

fn asked(project: &Project, words: &[&str], status: i32) -> Vec<Value> {
    let ended = project.suiro(&[words, &["--format", "json"]].concat());
    assert_eq!(ended.status, status, "{} {}", ended.stdout, ended.stderr);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn find<'a>(all: &'a [Value], name: &str) -> &'a Value {
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {all:?}"))
}

/// Rows by number, with a group and a float.
fn numbers(project: &Project) -> String {
    match project.database {
        Some(_) => "select g as id, g % 7 as grp, cast(1.0 / g as double precision) as x from generate_series(1, 20000) as g".to_owned(),
        None => "select cast(g as integer) as id, cast(g % 7 as integer) as grp, cast(1.0 as double) / g as x from range(1, 20001) as r(g)".to_owned(),
    }
}

on_both_engines! {
    /// What was changed by hand is noticed: other rows at once, other values once they were noted.
    fn rows_changed_by_hand(project) {
        project.models(&[("a", "select * from (values (1, 'x'), (2, null)) as v(id, word)"), ("v", "/*--- {materialized: view} ---*/ select id from a")]);
        project.build(&[]);
        assert_eq!(find(&asked(project, &["verify", "a"], 0), "a")["status"], "counted");
        let again = asked(project, &["verify", "a", "v"], 0);
        assert_eq!((again.len(), &find(&again, "a")["status"]), (1, &json!("same")));
        project.execute(&["update core.a set word = 'NULL' where id = 2"]);
        let ended = project.suiro(&["verify", "a"]);
        assert_eq!(ended.status, 65, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0707") && ended.stderr.contains("other values"), "{}", ended.stderr);
        project.execute(&["update core.a set word = null where id = 2"]);
        assert_eq!(find(&asked(project, &["verify", "a"], 0), "a")["status"], "same");
        // A version of its own begins anew.
        project.build(&["--force"]);
        assert_eq!(find(&asked(project, &["verify", "a"], 0), "a")["status"], "counted");
        project.execute(&["insert into core.a values (3, 'z')"]);
        let ended = project.suiro(&["verify", "a"]);
        assert!(ended.status == 65 && ended.stderr.contains("2 rows were there"), "{}", ended.stderr);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// The order of rows does not matter to what was noted of them.
    fn another_order_is_the_same(project) {
        project.models(&[("a", &numbers(project))]);
        project.build(&[]);
        let one = asked(project, &["verify", "a"], 0);
        project.models(&[("a", &format!("{} order by id desc", numbers(project)))]);
        project.build(&[]);
        let other = asked(project, &["verify", "a"], 0);
        assert_eq!(find(&one, "a")["sum"], find(&other, "a")["sum"]);
        assert_ne!(find(&one, "a")["run"], find(&other, "a")["run"]);
    }

    /// Models that depend on the order of rows are told, with the columns; sums of floats apart; nothing is left behind.
    fn models_that_give_other_rows(project) {
        project.models(&[
            ("t", &numbers(project)),
            ("good", "select grp, count(*) as n, sum(id) as s, max(x) as m from t group by grp"),
            ("tied", "select id, row_number() over (order by grp) as place from t"),
            ("listed", "select grp, string_agg(cast(id as varchar), ',') as ids, count(*) as n from t group by grp"),
            ("cut", "select id, grp from t limit 50"),
            ("chance", "select id, random() as r from t"),
            ("summed", "select grp, sum(x) as total, count(*) as n from t group by grp"),
            ("seen", "/*--- {materialized: view} ---*/ select id from good join t on t.grp = good.grp"),
        ]);
        project.build(&[]);
        let all = asked(project, &["verify-idempotent"], 65);
        for (name, columns) in [("tied", json!(["place"])), ("listed", json!(["ids"])), ("chance", json!(["r"]))] {
            let one = find(&all, name);
            assert_eq!((&one["status"], &one["columns"]), (&json!("differs"), &columns), "{one}");
        }
        assert_eq!(find(&all, "cut")["status"], "differs");
        for name in ["good", "seen", "t"] {
            assert_eq!(find(&all, name)["status"], "same", "{all:?}");
        }
        let summed = find(&all, "summed");
        assert_eq!((&summed["status"], &summed["floats"], &summed["differing"]), (&json!("floats"), &json!(["total"]), &json!(0)), "{summed}");
        let text = project.suiro(&["verify-idempotent", "tied", "good", "summed"]);
        assert_eq!(text.status, 65, "{}", text.stderr);
        assert!(text.stderr.contains("E0708") && text.stderr.contains("`tied` gives other `place`"), "{}", text.stderr);
        assert!(text.stdout.contains("within 1 ulp for each row"), "{}", text.stdout);
        assert_eq!(asked(project, &["verify-idempotent", "good", "summed"], 0).len(), 2);
        assert_eq!(project.rows("select count(*) from information_schema.schemata where schema_name like 'suiro_scratch%'"), ["0"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// A model that cannot be built says why, and the others are looked at all the same.
    fn one_that_fails_is_told(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select n from a"), ("c", "select 10 / (n - 1) as n from a")]);
        project.build(&["--select", "a"]);
        let word = if project.database.is_some() { "division by zero" } else { "" };
        let ended = project.suiro(&["verify-idempotent", "a", "b", "c"]);
        assert!(ended.stdout.contains("b  same"), "{} {}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
}
