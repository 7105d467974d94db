//! Incremental models: what is there after once, again, forced and changed.

use crate::on_both_engines;

const MERGE: &str = "/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: [id, part]\n---*/\n";

on_both_engines! {
    /// NULL in a key is found again: two runs leave one row of each key, whatever the strategy.
    fn a_null_in_a_key_does_not_double_rows(project) {
        for strategy in ["append", "delete_insert", "merge"] {
            let model = |values: &str| {
                format!(
                    "/*---\nmaterialized: incremental\non_definition_change: forward\nincremental_strategy: {strategy}\nunique_key: [id, part]\n---*/\n\
                     select * from (values {values}) as t(id, part, n)"
                )
            };
            project.models(&[(strategy, &model("('x', null, 1), ('x', 'a', 1), (null, null, 1)"))]);
            let rows = format!("select id, part, n from core.{strategy} order by id nulls last, part nulls last");
            for _ in 0..2 {
                project.build(&["--select", strategy]);
                assert_eq!(project.rows(&rows), ["x|a|1", "x|NULL|1", "NULL|NULL|1"], "{strategy}");
            }
            project.models(&[(strategy, &model("('x', null, 2), ('y', 'a', 2)"))]);
            project.build(&["--select", strategy]);
            let old = if strategy == "append" { 1 } else { 2 };
            let expected = ["x|a|1".to_owned(), format!("x|NULL|{old}"), "y|a|2".to_owned(), "NULL|NULL|1".to_owned()];
            assert_eq!(project.rows(&rows), expected, "{strategy}");
            assert_eq!(project.left_behind(), Vec::<String>::new());
        }
    }

    /// The template's own question, the live rows, and plain SQL that names the model itself.
    fn the_live_rows_can_be_read(project) {
        project.write("models/events.csv", "id,day\n1,2026-01-01\n2,2026-01-02\n");
        project.models(&[
            (
                "by_question",
                "/*---\nmaterialized: incremental\non_definition_change: forward\n---*/\nselect id, day from events\n\
                 {% if is_incremental() %} where day > (select max(day) from {{ this }}) {% endif %}",
            ),
            ("reader", "select count(*) as n from by_question"),
        ]);
        project.build(&[]);
        assert_eq!(project.value("select n from core.reader"), "2");
        let compiled = |name: &str| std::fs::read_to_string(project.path().join("target/compiled/models").join(name)).unwrap();
        assert!(!compiled("by_question.sql").contains("max(day)"), "{}", compiled("by_question.sql"));
        let adds = compiled("by_question.incremental.sql");
        assert!(adds.contains("max(day)") && adds.contains("\"core\".\"by_question\""), "{adds}");
        project.write("models/events.csv", "id,day\n1,2026-01-01\n2,2026-01-02\n3,2026-01-03\n");
        // A reader of the same run sees what the table will be.
        project.build(&[]);
        assert_eq!(project.value("select n from core.reader"), "3");
        assert_eq!(project.value("select count(*) from core.by_question"), "3");
        project.build(&[]);
        assert_eq!(project.value("select count(*) from core.by_question"), "3");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// `--full-refresh` makes incremental models anew, `full_refresh: never` outranks it.
    fn a_full_refresh_speaks_of_incremental_models_only(project) {
        let model = |more: &str, n: u32| format!("/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: n\n{more}\n---*/\nselect {n} as n");
        project.models(&[("a", &model("", 1)), ("kept", &model("full_refresh: never", 1)), ("kept_too", &model("full_refresh: false", 1))]);
        project.build(&[]);
        project.models(&[("a", &model("", 2)), ("kept", &model("full_refresh: never", 2)), ("kept_too", &model("full_refresh: false", 2))]);
        let planned = project.suiro(&["plan", "--full-refresh", "--format", "json"]);
        assert!(planned.stdout.contains("\"increment\"") && planned.stdout.contains("\"build\""), "{}", planned.stdout);
        project.build(&["--full-refresh"]);
        assert_eq!(project.rows("select n from core.a order by n"), ["2"]);
        assert_eq!(project.rows("select n from core.kept order by n"), ["1", "2"]);
        assert_eq!(project.rows("select n from core.kept_too order by n"), ["1", "2"]);
    }

    /// The same key twice among new rows is an error before anything is merged, also in the first build, also with NULL.
    fn duplicate_keys_are_refused_before_the_merge(project) {
        for strategy in ["append", "delete_insert", "merge"] {
            let model = |values: &str| {
                format!(
                    "/*---\nmaterialized: incremental\non_definition_change: forward\nincremental_strategy: {strategy}\nunique_key: [id, part]\n---*/\n\
                     select id, cast(part as varchar(9)) as part, n from (values {values}) as t(id, part, n)"
                )
            };
            project.models(&[("a", &model("(1, null, 1), (1, null, 2)"))]);
            let printed = project.build_fails(66);
            assert!(printed.contains("E0613") && printed.contains("(1, NULL) stands 2 times"), "{printed}");
            project.models(&[("a", &model("(1, 'x', 1)"))]);
            project.build(&["--full-refresh"]);
            project.models(&[("a", &model("(1, 'x', 2), (2, 'x', 1), (2, 'x', 2)"))]);
            let printed = project.build_fails(66);
            assert!(printed.contains("E0613") && printed.contains("(2, x) stands 2 times"), "{printed}");
            assert_eq!(project.rows("select id, part, n from core.a"), ["1|x|1"]);
            assert_eq!(project.left_behind(), Vec::<String>::new());
        }
    }

    /// Each way to go on when the columns change, and none by default.
    fn changed_columns_follow_the_policy(project) {
        let model = |policy: &str, sql: &str| format!("/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\n{policy}\n---*/\n{sql}");
        let first = "select 1 as id, 'a' as name, 10 as amount";
        let second = "select 2 as id, 'b' as fresh, 20 as amount";
        for (policy, status) in [("", 66), ("on_schema_change: fail", 66), ("on_schema_change: append", 0), ("on_schema_change: sync", 0), ("on_schema_change: full_refresh", 0)] {
            project.models(&[("a", &model(policy, first)), ("reader", "select * from a")]);
            project.build(&["--full-refresh"]);
            project.models(&[("a", &model(policy, second))]);
            let ended = project.suiro(&["build"]);
            assert_eq!(ended.status, status, "{policy}: {}", ended.stderr);
            let rows = |relation: &str, columns: &str| project.rows(&format!("select {columns} from core.{relation} order by id"));
            match policy {
                "on_schema_change: append" => {
                    for relation in ["a", "reader"] {
                        assert_eq!(rows(relation, "id, name, amount, fresh"), ["1|a|10|NULL", "2|NULL|20|b"], "{relation}");
                    }
                }
                "on_schema_change: sync" => {
                    for relation in ["a", "reader"] {
                        assert_eq!(rows(relation, "*"), ["1|10|NULL", "2|20|b"], "{relation}");
                    }
                }
                "on_schema_change: full_refresh" => assert_eq!(rows("a", "id, fresh, amount"), ["2|b|20"]),
                _ => {
                    assert!(ended.stderr.contains("E0614") && ended.stderr.contains("`name` is missing"), "{}", ended.stderr);
                    assert!(ended.stderr.contains("`fresh`") && ended.stderr.contains("is new"), "{}", ended.stderr);
                    assert_eq!(rows("a", "*"), ["1|a|10"]);
                }
            }
            assert_eq!(project.left_behind(), Vec::<String>::new());
            // And again: the change has arrived, nothing is left to change.
            if status == 0 {
                project.build(&[]);
            }
        }
    }

    /// A column whose type changed: `sync` converts what is there, the others refuse.
    fn changed_types_follow_the_policy(project) {
        let model = |policy: &str, sql: &str| format!("/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\non_schema_change: {policy}\n---*/\n{sql}");
        for (policy, status) in [("append", 66), ("fail", 66), ("sync", 0)] {
            project.models(&[("a", &model(policy, "select 1 as id, 7 as v"))]);
            project.build(&["--full-refresh"]);
            project.models(&[("a", &model(policy, "select 2 as id, cast('x' as varchar(9)) as v"))]);
            let ended = project.suiro(&["build"]);
            assert_eq!(ended.status, status, "{policy}: {}", ended.stderr);
            if status == 0 {
                assert_eq!(project.rows("select id, v from core.a order by id"), ["1|7", "2|x"]);
            } else {
                assert!(ended.stderr.contains("E0614") && ended.stderr.contains("`v` was"), "{}", ended.stderr);
            }
        }
    }

    /// A merge may leave columns alone.
    fn a_merge_sets_the_columns_that_it_is_told_to(project) {
        let model = |more: &str, n: u32| format!("/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\n{more}\n---*/\nselect 1 as id, {n} as a, {n} as b union all select {n}, {n}, {n}");
        for (more, expected) in [("merge_update_columns: [a]", "1|5|2"), ("merge_exclude_columns: [a]", "1|2|5"), ("", "1|5|5")] {
            project.models(&[("m", &model(more, 2)), ("v", "/*--- {materialized: view} ---*/ select * from m"), ("t", "select * from v")]);
            project.build(&["--full-refresh"]);
            project.models(&[("m", &model(more, 5))]);
            project.build(&[]);
            for relation in ["m", "v", "t"] {
                assert_eq!(project.rows(&format!("select id, a, b from core.{relation} order by id")), [expected, "2|2|2", "5|5|5"], "{more} {relation}");
            }
        }
    }

    /// Names that folding or quoting could break, in keys and columns.
    fn names_of_all_kinds_work_in_increments(project) {
        let model = |n: u32| format!("/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: [\"注文 id\", \"Select\"]\n---*/\nselect 1 as \"注文 id\", cast(null as integer) as \"Select\", {n} as \"a\"\"b\"");
        for n in [1, 2] {
            project.models(&[("増分", &model(n))]);
            project.build(&[]);
            assert_eq!(project.rows("select \"a\"\"b\" from core.増分"), [n.to_string()]);
        }
    }

    /// A key that is no column is said before anything is computed.
    fn a_key_that_is_no_column_is_an_error(project) {
        project.models(&[("a", "/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\n---*/\nselect 1 as id")]);
        project.build(&[]);
        project.models(&[("a", "/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: ident\n---*/\nselect 1 as id")]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0615") && printed.contains("its columns are: id"), "{printed}");
    }

    /// Without a key, a filter on its own rows or a time range, every run would add everything again.
    fn appending_without_a_bound_is_refused(project) {
        project.models(&[("a", "/*---\nmaterialized: incremental\non_definition_change: forward\n---*/\nselect 1 as id")]);
        let printed = project.build_fails(1);
        assert!(printed.contains("E0330") && printed.contains("unique_key") && printed.contains("this") && printed.contains("time_range"), "{printed}");
    }

    /// What failed leaves the table as it was; the next run adds what is missing once.
    fn a_failure_behind_an_increment_loses_and_doubles_nothing(project) {
        let model = |n: u32| format!("{MERGE}select 1 as id, 'p' as part, {n} as n");
        project.models(&[("a", &model(1)), ("b", "select n from a"), ("c", "select n from b")]);
        project.build(&[]);
        project.models(&[("a", &model(2)), ("b", "select cast('no number' as integer) as n from a")]);
        project.build_fails(66);
        assert_eq!(project.rows("select n from core.a"), ["2"], "what does not depend on the failure is published");
        assert_eq!(project.rows("select n from core.c"), ["1"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// A view becomes incremental, an incremental model a table, and back.
    fn a_model_may_become_incremental(project) {
        project.models(&[("a", "/*--- {materialized: view} ---*/ select 1 as id")]);
        project.build(&[]);
        project.models(&[("a", "/*--- {materialized: incremental, unique_key: id, on_definition_change: forward} ---*/ select 2 as id")]);
        project.build(&[]);
        assert_eq!(project.rows("select id from core.a"), ["2"]);
        project.models(&[("a", "/*--- {materialized: incremental, unique_key: id, on_definition_change: forward} ---*/ select 3 as id")]);
        project.build(&[]);
        assert_eq!(project.rows("select id from core.a order by id"), ["2", "3"]);
        project.models(&[("a", "select 4 as id")]);
        project.build(&[]);
        assert_eq!(project.rows("select id from core.a"), ["4"]);
    }

    /// A database error in the incremental rendering points at its line.
    fn errors_of_an_increment_point_at_the_written_line(project) {
        project.models(&[("a", "/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\n---*/\nselect 1 as id\n{% if is_incremental() %}\nwhere nosuch() > 1\n{% endif %}")]);
        project.build(&[]);
        let printed = project.force_fails(66);
        assert!(printed.contains("models/a.sql:8:7"), "{printed}");
    }

    /// Tests see what the table will be; one that fails holds the new rows back.
    fn a_failing_test_holds_new_rows_back(project) {
        project.write("models/all.yml", "models:\n  - name: a\n    columns: [{name: n, tests: [unique, not_null]}]\n");
        let model = |n: &str| format!("/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\n---*/\nselect {n} as id, {n} % 2 as n");
        project.models(&[("a", &model("1")), ("b", "select count(*) as n from a")]);
        for _ in 0..3 {
            project.build(&["--full-refresh"]);
        }
        // The batch alone is unique; with the rows that are there it is not.
        project.models(&[("a", &model("3"))]);
        let printed = project.build_fails(65);
        assert!(printed.contains("unique_core_a_n"), "{printed}");
        assert_eq!(project.rows("select id from core.a"), ["1"]);
        assert_eq!(project.rows("select n from core.b"), ["1"]);
        project.models(&[("a", &model("2"))]);
        project.build(&[]);
        assert_eq!(project.rows("select id from core.a order by id"), ["1", "2"]);
        assert_eq!(project.rows("select n from core.b"), ["2"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// Killed at any time, the table holds the old rows or the new ones, never a mixture, and the next run ends it.
    fn a_kill_at_any_time_loses_and_doubles_nothing(project) {
        for strategy in ["delete_insert", "merge"] {
            let model = |n: u32| {
                let rows = if project.database.is_none() { "range(300000) as t(id)" } else { "pg_catalog.generate_series(0, 299999) as t(id)" };
                format!("/*---\nmaterialized: incremental\non_definition_change: forward\nincremental_strategy: {strategy}\nunique_key: id\n---*/\nselect id, {n} as n from {rows}")
            };
            project.models(&[("a", &model(0))]);
            project.build(&["--full-refresh"]);
            let state = || project.value("select count(*) || ' ' || count(distinct id) || ' ' || min(n) || ' ' || max(n) from core.a");
            let mut old = 0;
            for (attempt, pause) in [100, 250, 400, 600, 900].into_iter().enumerate() {
                let new = u32::try_from(attempt).unwrap() + 1;
                project.models(&[("a", &model(new))]);
                let mut run = project.start(&["build"]);
                std::thread::sleep(std::time::Duration::from_millis(pause));
                run.kill().unwrap();
                run.wait().unwrap();
                let found = state();
                let whole = |n: u32| format!("300000 300000 {n} {n}");
                assert!(found == whole(old) || found == whole(new), "{strategy} after {pause} ms: {found}");
                // The server may need a moment to notice that its client is gone.
                let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
                loop {
                    let ended = project.suiro(&["build"]);
                    // What a session still works on that nobody has told of its client's death stays for a later run.
                    let left = project.left_behind();
                    if ended.status == 0 && left.is_empty() {
                        break;
                    }
                    assert!([0, 75].contains(&ended.status), "{}", ended.stderr);
                    assert!(std::time::Instant::now() < end, "{left:?} {}", ended.stderr);
                    std::thread::sleep(std::time::Duration::from_millis(200));
                }
                assert_eq!(state(), whole(new), "{strategy} after {pause} ms");
                old = new;
            }
        }
    }

    /// The first build has no rows of its own to read; the way out is said.
    fn reading_its_own_rows_in_the_first_build_is_explained(project) {
        project.models(&[("a", "/*---\nmaterialized: incremental\non_definition_change: forward\n---*/\nselect 1 as id where not exists (select 1 from a where a.id = 1)")]);
        let printed = project.build_fails(66);
        assert!(printed.contains("models/a.sql:5") && printed.contains("is_incremental()"), "{printed}");
    }
}

#[test]
fn two_runs_do_not_add_to_one_table_at_once() {
    let project = crate::project::Project::on_postgres();
    let model = |seconds: u32| {
        format!(
            "/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\n---*/\nselect 1 as id, {seconds} as s from pg_catalog.pg_sleep({seconds})"
        )
    };
    project.models(&[("a", &model(0)), ("other", "select 1 as n")]);
    project.build(&[]);
    project.models(&[("a", &model(4))]);
    let mut first = project.start(&["build"]);
    let claimed = || {
        project.value("select count(*) from pg_catalog.pg_stat_activity where query like '%pg_sleep(4)%' and state = 'active' and pid <> pg_catalog.pg_backend_pid()")
    };
    while claimed() == "0" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let second = project.suiro(&["build", "--select", "a"]);
    assert_eq!(second.status, 75, "{}", second.stderr);
    assert!(second.stderr.contains("E0616") && second.stderr.contains("core.a"), "{}", second.stderr);
    // What is not added to is no reason to wait.
    project.build(&["--select", "other"]);
    assert!(first.wait().unwrap().success());
    assert_eq!(project.rows("select id, s from core.a"), ["1|4"]);
    assert_eq!(project.left_behind(), Vec::<String>::new());
}
