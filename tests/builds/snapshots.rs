//! Snapshots: every version of a row, once, whatever happens on the way.

use crate::{on_both_engines, project::Project};
use std::{
    process::Child,
    thread,
    time::{Duration, Instant},
};

/// A snapshot of the rows of a table that something else fills.
fn snapshot(more: &str) -> String {
    format!("/*---\nmaterialized: snapshot\nunique_key: [id, part]\n{more}\n---*/\nselect * from raw.goods")
}

const BY_TIME: &str = "updated_at: changed";
const BY_VALUE: &str = "check_cols: all";

fn goods(project: &Project) {
    project.execute(&[
        "create schema raw",
        "create table raw.goods (id integer, part varchar(9), price numeric(9, 2), changed timestamp)",
        "insert into raw.goods values (1, 'a', 10, '2026-01-01 10:00:00'), (1, null, 20, '2026-01-01 11:00:00'), (null, null, 30, '2026-01-01 12:00:00')",
    ]);
    project.write("models/all.yml", "sources: [{name: raw, schema: raw, tables: [{name: goods}]}]\n");
}

/// The versions: key, price, from when, until when. What is about now is `*`.
fn versions(project: &Project, relation: &str) -> Vec<String> {
    let moment = |column: &str| {
        format!(
            "case when {column} >= timestamp '2026-06-01 00:00:00' then '*' else substr(cast({column} as varchar(30)), 1, 13) end"
        )
    };
    project.rows(&format!(
        "select id, part, price, {}, {} from core.{relation} \
         order by id nulls last, part nulls last, case when valid_to is null then 1 else 0 end, valid_to, valid_from",
        moment("valid_from"),
        moment("valid_to")
    ))
}

fn kill(child: &Child) {
    let killed = std::process::Command::new("kill").args(["-s", "KILL", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
}

on_both_engines! {
    /// By time: once, again, changed, changed late, with NULL in keys; readers of the run see what the table will be.
    fn versions_follow_the_time_of_the_rows(project) {
        goods(project);
        project.models(&[("history", &snapshot(BY_TIME)), ("held", "select count(*) as n from history where valid_to is null")]);
        let first = [
            "1|a|10.00|2026-01-01 10|NULL",
            "1|NULL|20.00|2026-01-01 11|NULL",
            "NULL|NULL|30.00|2026-01-01 12|NULL",
        ];
        for _ in 0..3 {
            project.build(&["--full-refresh"]);
            assert_eq!(versions(project, "history"), first);
            assert_eq!(project.value("select n from core.held"), "3");
        }
        // One row changed, one changed without saying so, one says that it was changed earlier, one is new.
        project.execute(&[
            "update raw.goods set price = 21, changed = '2026-02-01 11:00:00' where id = 1 and part is null",
            "update raw.goods set price = 11 where part = 'a'",
            "update raw.goods set price = 29, changed = '2025-01-01 11:00:00' where id is null",
            "insert into raw.goods values (2, 'b', 40, '2026-02-02 00:00:00')",
        ]);
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(versions(project, "history"), [
                "1|a|10.00|2026-01-01 10|NULL",
                "1|NULL|20.00|2026-01-01 11|2026-02-01 11",
                "1|NULL|21.00|2026-02-01 11|NULL",
                "2|b|40.00|2026-02-02 00|NULL",
                "NULL|NULL|30.00|2026-01-01 12|NULL",
            ]);
            assert_eq!(project.value("select n from core.held"), "4");
            assert_eq!(project.left_behind(), Vec::<String>::new());
        }
    }

    /// By value: a change counts when it is seen; NULL is a value like any other; columns that are not checked do not count.
    fn versions_follow_the_checked_columns(project) {
        goods(project);
        project.models(&[("history", &snapshot("check_cols: [price]"))]);
        project.build(&[]);
        assert_eq!(versions(project, "history"), ["1|a|10.00|*|NULL", "1|NULL|20.00|*|NULL", "NULL|NULL|30.00|*|NULL"]);
        project.execute(&["update raw.goods set changed = null", "update raw.goods set price = null where id is null"]);
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(versions(project, "history"), [
                "1|a|10.00|*|NULL", "1|NULL|20.00|*|NULL", "NULL|NULL|30.00|*|*", "NULL|NULL|NULL|*|NULL",
            ]);
        }
        assert_eq!(project.value("select count(*) from core.history where valid_to < valid_from"), "0");
    }

    /// Rows that are gone: ignored, their last version ended, or a version that says so; and when they come back.
    fn rows_that_are_gone(project) {
        goods(project);
        for deletes in ["ignore", "invalidate", "new_record"] {
            project.models(&[(deletes, &snapshot(&format!("{BY_TIME}\nhard_deletes: {deletes}")))]);
        }
        project.build(&[]);
        project.execute(&["delete from raw.goods where id is null"]);
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(versions(project, "ignore")[2..], ["NULL|NULL|30.00|2026-01-01 12|NULL"]);
            assert_eq!(versions(project, "invalidate")[2..], ["NULL|NULL|30.00|2026-01-01 12|*"]);
            assert_eq!(versions(project, "new_record")[2..], ["NULL|NULL|30.00|2026-01-01 12|*", "NULL|NULL|30.00|*|NULL"]);
            assert_eq!(project.value("select count(*) from core.new_record where is_deleted"), "1");
        }
        // The row comes back as it was: its new version does not reach back into the time when it was gone.
        project.execute(&["insert into raw.goods values (null, null, 30, '2026-01-01 12:00:00')"]);
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(versions(project, "ignore").len(), 3);
            assert_eq!(versions(project, "invalidate")[2..], ["NULL|NULL|30.00|2026-01-01 12|*", "NULL|NULL|30.00|*|NULL"]);
            assert_eq!(versions(project, "new_record")[2..], ["NULL|NULL|30.00|2026-01-01 12|*", "NULL|NULL|30.00|*|*", "NULL|NULL|30.00|*|NULL"]);
            assert_eq!(project.value("select count(*) from core.new_record where is_deleted and valid_to is null"), "0");
        }
    }

    /// A key that stands twice among the rows of now is refused before anything, in the first build and later.
    fn duplicate_keys_are_refused(project) {
        goods(project);
        project.models(&[("history", &snapshot(BY_VALUE))]);
        project.execute(&["insert into raw.goods values (null, null, 31, null)"]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0613") && printed.contains("(NULL, NULL) stands 2 times"), "{printed}");
        project.execute(&["delete from raw.goods where price = 31"]);
        project.build(&[]);
        // The same row twice is no change of it, and refused all the same.
        project.execute(&["insert into raw.goods select * from raw.goods where part = 'a'"]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0613") && printed.contains("(1, a) stands 2 times"), "{printed}");
        assert_eq!(versions(project, "history").len(), 3);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// Columns that are new are added, columns that are missing stay; a change of type is refused.
    fn columns_come_and_go(project) {
        goods(project);
        project.models(&[("history", &snapshot(BY_VALUE))]);
        project.build(&[]);
        project.execute(&["alter table raw.goods add column colour varchar(9)", "update raw.goods set colour = 'red' where part = 'a'"]);
        project.build(&[]);
        assert_eq!(versions(project, "history")[..2], ["1|a|10.00|*|*", "1|a|10.00|*|NULL"]);
        assert_eq!(project.rows("select colour from core.history where part = 'a' order by valid_to nulls last"), ["NULL", "red"]);
        project.build(&[]);
        assert_eq!(versions(project, "history").len(), 4);
        project.execute(&["alter table raw.goods drop column colour", "update raw.goods set price = 12 where part = 'a'"]);
        project.build(&[]);
        assert_eq!(project.rows("select price, colour from core.history where part = 'a' order by valid_to nulls last, valid_from"), ["10.00|NULL", "10.00|red", "12.00|NULL"]);
        project.execute(&["drop table raw.goods", "create table raw.goods (id integer, part varchar(9), price text, changed timestamp)"]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0614") && printed.contains("`price` was"), "{printed}");
        assert_eq!(versions(project, "history").len(), 5);
    }

    /// What is made differently does not go on by itself; a reset begins anew, and only then is anything lost.
    fn another_definition_is_refused(project) {
        goods(project);
        project.models(&[("history", &snapshot(BY_TIME))]);
        project.build(&[]);
        project.execute(&["update raw.goods set price = 11, changed = '2026-02-01 00:00:00' where part = 'a'"]);
        project.build(&[]);
        assert_eq!(versions(project, "history").len(), 4);
        for changed in [&format!("{} where id is not null", snapshot(BY_TIME)), "select 1 as id", "/*--- {materialized: incremental, unique_key: id} ---*/ select 1 as id"] {
            project.models(&[("history", changed)]);
            for words in [&["build"] as &[&str], &["build", "--full-refresh"], &["snapshot", "--full-refresh", "--force"]] {
                let ended = project.suiro(words);
                if words[0] == "build" || changed.contains("snapshot") {
                    assert!(ended.status == 66 && ended.stderr.contains("E0621"), "{words:?} {}", ended.stderr);
                }
                assert_eq!(versions(project, "history").len(), 4);
            }
        }
        project.models(&[("history", &format!("{} where id is not null", snapshot(&format!("on_definition_change: forward\n{BY_TIME}"))))]);
        project.build(&[]);
        assert_eq!(versions(project, "history").len(), 4);
        let ended = project.suiro(&["snapshot", "reset", "history"]);
        assert!(ended.status == 64 && ended.stderr.contains("would be lost"), "{} {}", ended.status, ended.stderr);
        let ended = project.suiro(&["snapshot", "reset", "histories", "--yes"]);
        assert!(ended.status != 0 && ended.stderr.contains("did you mean `history`?"), "{}", ended.stderr);
        assert_eq!(versions(project, "history").len(), 4);
        let ended = project.suiro(&["snapshot", "reset", "history", "--yes"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(versions(project, "history"), ["1|a|11.00|2026-02-01 00|NULL", "1|NULL|20.00|2026-01-01 11|NULL"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// What a snapshot adds can be read by name, also where every column of its query is known.
    fn readers_know_the_added_columns(project) {
        project.write("models/fruits.csv", "id,price\n1,100\n");
        project.models(&[
            ("history", "/*---\nmaterialized: snapshot\nunique_key: id\ncheck_cols: [price]\nhard_deletes: new_record\n---*/\nselect id, price from fruits"),
            ("held", "select id, valid_from, is_deleted from history where valid_to is null"),
        ]);
        project.build(&[]);
        assert_eq!(project.value("select count(*) from core.held where valid_from is not null and not is_deleted"), "1");
    }

    /// `suiro snapshot` builds snapshots alone.
    fn snapshots_alone(project) {
        goods(project);
        project.models(&[("history", &snapshot(BY_TIME)), ("beside", "select 1 as n")]);
        let ended = project.suiro(&["snapshot"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(project.results(), [("history".to_owned(), "built".to_owned())]);
    }

    /// What a snapshot adds may be called otherwise, dbt's names included; a column of that name is refused.
    fn names_of_all_kinds(project) {
        project.models(&[(
            "履歴",
            "/*---\nmaterialized: snapshot\nunique_key: \"a\\\"b\"\ncheck_cols: [\"Select\"]\nhard_deletes: new_record\n\
             snapshot_meta_column_names: {dbt_valid_from: \"Ab\", valid_to: \"bis wann\", is_deleted: 消}\n---*/\n\
             select 1 as \"a\"\"b\", {{ var('n', 3) }} as \"Select\", 2 as valid_from",
        )]);
        for n in ["1", "2", "2"] {
            project.build(&["--vars", &format!("n: {n}")]);
            // Each value is another definition, which goes on because it says so.
            let text = std::fs::read_to_string(project.path().join("models/履歴.sql")).unwrap();
            project.write("models/履歴.sql", &text.replace("materialized: snapshot\nunique", "materialized: snapshot\non_definition_change: forward\nunique"));
        }
        assert_eq!(project.rows("select \"Select\" from core.履歴 where 消 is false order by \"bis wann\", \"Ab\""), ["1", "2"]);
        project.models(&[("wrong", "/*---\nmaterialized: snapshot\nunique_key: id\ncheck_cols: all\n---*/\nselect 1 as id, 2 as valid_to")]);
        let ended = project.suiro(&["build", "--select", "wrong"]);
        let printed = ended.stderr;
        assert!(ended.status != 0 && printed.contains("valid_to") && printed.contains("snapshot_meta_column_names"), "{printed}");
    }

    /// What does not make sense is said before anything is read.
    fn what_makes_no_sense_is_refused(project) {
        let model = |more: &str, sql: &str| format!("/*---\nmaterialized: snapshot\n{more}\n---*/\n{sql}");
        for (more, sql, expected) in [
            ("check_cols: all", "select 1 as id", "needs a `unique_key`"),
            ("unique_key: id", "select 1 as id", "nothing tells when a row"),
            ("unique_key: id\nstrategy: timestamp", "select 1 as id", "names no column for it"),
            ("unique_key: id\ncheck_cols: all\nhard_deletes: invalidate", "select 1 as id {% if is_incremental() %} where 1 = 0 {% endif %}", "would count as gone"),
        ] {
            project.models(&[("history", &model(more, sql))]);
            let printed = project.build_fails(1);
            assert!(printed.contains("E0106") && printed.contains(expected), "{printed}");
        }
        for (more, sql, expected) in [
            ("unique_key: ident\ncheck_cols: all", "select 1 as id", "E0615"),
            ("unique_key: id\ncheck_cols: [pricee]", "select 1 as id, 2 as price", "did you mean `price`?"),
            ("unique_key: id\nupdated_at: price", "select 1 as id, 2 as price", "has to be a timestamp"),
        ] {
            project.models(&[("history", &model(more, sql))]);
            let ended = project.suiro(&["build"]);
            assert!(ended.status != 0 && ended.stderr.contains(expected), "{}", ended.stderr);
        }
    }

    /// Tests see what the history will be, and hold it back.
    fn a_failing_test_holds_versions_back(project) {
        goods(project);
        project.models(&[("history", &snapshot(BY_TIME))]);
        project.write("tests/two.sql", "select id from history where price > 50");
        project.build(&[]);
        project.execute(&["update raw.goods set price = 60, changed = '2026-03-01 00:00:00' where part = 'a'"]);
        project.build_fails(65);
        assert_eq!(versions(project, "history").len(), 3);
    }
}

/// Killed while the versions are being written: nothing has happened, and the next build makes each version once.
#[test]
fn a_kill_in_the_middle_of_the_publish_changes_nothing() {
    let project = Project::on_postgres();
    goods(&project);
    project.models(&[("history", &snapshot(BY_TIME))]);
    project.build(&[]);
    project.execute(&[
        "create function core.wait() returns trigger language plpgsql as 'begin perform pg_catalog.pg_sleep(30); return new; end'",
        "create trigger wait before insert on core.history for each row execute function core.wait()",
        "update raw.goods set price = 11, changed = '2026-02-01 00:00:00' where part = 'a'",
    ]);
    let mut child = project.start(&["build"]);
    let writing = "select count(*) from pg_catalog.pg_stat_activity where query like 'insert into \"core\".\"history\"%' and wait_event = 'PgSleep'";
    let deadline = Instant::now() + Duration::from_secs(60);
    while project.value(writing) == "0" {
        assert!(Instant::now() < deadline, "the publish never began to write");
        thread::sleep(Duration::from_millis(50));
    }
    kill(&child);
    child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while project.value(writing) != "0" {
        assert!(Instant::now() < deadline, "the server never noticed");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(versions(&project, "history").len(), 3);
    project.execute(&["drop trigger wait on core.history"]);
    for _ in 0..2 {
        project.build(&[]);
        assert_eq!(
            versions(&project, "history")[..2],
            ["1|a|10.00|2026-01-01 10|2026-02-01 00", "1|a|11.00|2026-02-01 00|NULL"]
        );
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
}
