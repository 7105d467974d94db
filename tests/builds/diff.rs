//! `suiro diff`: models, columns and rows of an environment against those of production.

use crate::{on_both_engines, project::Project};
use serde_json::{Value, json};

fn differences(project: &Project, words: &[&str]) -> Vec<Value> {
    let ended = project.suiro(&[&["diff", "--env", "dev", "--format", "json"], words].concat());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn find<'a>(all: &'a [Value], name: &str) -> &'a Value {
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {all:?}"))
}

on_both_engines! {
    /// What is added, removed and changed: models, their columns and why.
    fn models_and_columns(project) {
        project.models(&[
            ("a", "select 1 as id, 2 as n, 'x' as \"Old\""),
            ("b", "select id from a"),
            ("gone", "select 1 as x"),
            ("same", "select 1 as x"),
        ]);
        project.build(&[]);
        let ended = project.suiro(&["diff"]);
        assert_eq!(ended.status, 64, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0406") && ended.stderr.contains("--env"), "{}", ended.stderr);
        project.models(&[("a", "select 1 as id, cast(2 as bigint) as n, 'y' as more"), ("new", "select 3 as x")]);
        std::fs::remove_file(project.path().join("models/gone.sql")).unwrap();
        let ended = project.suiro(&["diff", "--env", "dev"]);
        assert_eq!(ended.status, 64, "{}", ended.stderr);
        assert!(ended.stderr.contains("suiro build --env dev"), "{}", ended.stderr);
        let ended = project.suiro(&["build", "--env", "dev", "--exclude", "b"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);

        let all = differences(project, &[]);
        let names: Vec<&str> = all.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "b", "new", "core.gone"]);
        let a = find(&all, "a");
        assert_eq!(a["change"], "changed");
        assert_eq!(a["reasons"], json!(["its SQL changed"]));
        let kinds: Vec<String> = a["columns"].as_array().unwrap().iter().map(|one| format!("{} {}", one["change"], one["name"])).collect();
        assert_eq!(kinds, [r#""retyped" "n""#, r#""added" "more""#, r#""removed" "Old""#]);
        assert_eq!(a["before"], "core.a");
        assert_eq!(a["after"], if project.database.is_some() { "core_dev.a" } else { "core.a" });
        assert_eq!(find(&all, "new")["change"], "added");
        assert_eq!(find(&all, "core.gone")["change"], "removed");
        let b = find(&all, "b");
        assert_eq!((&b["after"], &b["change"]), (&Value::Null, &json!("changed")));
        assert_eq!(differences(project, &["--select", "new"]).len(), 1);

        let text = project.suiro(&["diff", "--env", "dev"]);
        for part in ["~ a", "its SQL changed", "+ more", "- Old", "~ n integer → bigint", "+ new", "- core.gone", "~ b", "not built"] {
            let text = text.stdout.to_lowercase();
            assert!(text.contains(&part.to_lowercase()), "{part}: {text}");
        }
        assert!(text.stderr.contains("1 added, 1 removed, 2 changed"), "{}", text.stderr);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// Rows by key, with how often each column changes; NULL is a value like others.
    fn rows_by_key(project) {
        let rows = |values: &str| format!("select * from (values {values}) as v(id, n, word)");
        project.models(&[("a", &rows("(1, 10, 'x'), (2, 20, null), (3, 30, 'z'), (null, 40, 'w')"))]);
        project.write("models/a.yml", "models: [{name: a, columns: [{name: id, tests: [unique]}]}]\n");
        project.build(&[]);
        project.models(&[("a", &rows("(1, 11, 'x'), (2, 21, 'now'), (null, 40, 'w'), (5, 50, 'v'), (6, 60, 'u')"))]);
        let ended = project.suiro(&["build", "--env", "dev"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let all = differences(project, &["--data"]);
        let found = &find(&all, "a")["rows"];
        assert_eq!(found["before"], 4, "{found}");
        assert_eq!(found["after"], 5);
        assert_eq!((&found["added"], &found["removed"]), (&json!(2), &json!(1)));
        assert_eq!((&found["matched"], &found["changed"]), (&json!(3), &json!(2)));
        assert_eq!(found["columns"]["n"]["rows"], 2);
        assert_eq!(found["columns"]["word"]["rows"], 1);
        assert!((found["columns"]["word"]["rate"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9);
        let text = project.suiro(&["diff", "--env", "dev", "--data"]).stdout;
        assert!(text.contains("4 → 5 rows: 2 added, 1 removed, 2 of 3 changed") && text.contains("n in 2 rows (66.67 %)"), "{text}");

        // Another key: one that is not unique leaves whole rows.
        let by = differences(project, &["--data", "--key", "id,word"]);
        assert_eq!((&by[0]["rows"]["matched"], &by[0]["rows"]["added"]), (&json!(2), &json!(3)));
        let ended = project.suiro(&["diff", "--env", "dev", "--data", "--key", "idd"]);
        assert!(ended.status == 1 && ended.stderr.contains("did you mean `id`"), "{} {}", ended.status, ended.stderr);
    }

    /// Without a key, or with one that is none, whole rows are compared, each as often as it is there.
    fn rows_without_a_key(project) {
        project.models(&[("a", "select * from (values (1, 'x'), (1, 'x'), (2, 'y')) as v(id, word)")]);
        project.build(&[]);
        project.models(&[("a", "select * from (values (1, 'x'), (2, 'y'), (2, 'z')) as v(id, word)")]);
        assert_eq!(project.suiro(&["build", "--env", "dev"]).status, 0);
        let found = differences(project, &["--data"]);
        let rows = &found[0]["rows"];
        assert_eq!((&rows["added"], &rows["removed"], &rows["matched"]), (&json!(1), &json!(1), &Value::Null));
        let found = differences(project, &["--data", "--key", "id"]);
        let rows = &found[0]["rows"];
        assert_eq!((&rows["added"], &rows["duplicate_keys"], &rows["matched"]), (&json!(1), &json!(2), &Value::Null));
        let text = project.suiro(&["diff", "--env", "dev", "--data", "--key", "id"]).stdout;
        assert!(text.contains("3 rows: 1 added, 1 removed") && text.contains("2 have the key of another row"), "{text}");
    }

    /// A sample takes the same keys on both sides, and about as many as were asked for.
    fn a_sample(project) {
        let series = |value: &str| match project.database {
            Some(_) => format!("select g as id, {value} as n from generate_series(1, 10000) as g"),
            None => format!("select cast(g as integer) as id, {value} as n from range(1, 10001) as r(g)"),
        };
        project.models(&[("a", &series("g % 10"))]);
        project.build(&[]);
        project.models(&[("a", &series("case when g % 4 = 0 then -1 else g % 10 end"))]);
        assert_eq!(project.suiro(&["build", "--env", "dev"]).status, 0);
        let found = differences(project, &["--data", "--key", "id", "--sample", "2000"]);
        let rows = &found[0]["rows"];
        let matched = rows["matched"].as_u64().unwrap();
        assert!((1_700..2_300).contains(&matched), "{rows}");
        assert_eq!((&rows["before"], &rows["added"], &rows["removed"]), (&json!(10_000), &json!(0), &json!(0)));
        let rate = rows["columns"]["n"]["rate"].as_f64().unwrap();
        assert!((0.2..0.3).contains(&rate), "{rows}");
        let whole = differences(project, &["--data", "--key", "id"]);
        assert_eq!((&whole[0]["rows"]["matched"], &whole[0]["rows"]["changed"]), (&json!(10_000), &json!(2_500)));
    }
}
