//! `incremental_predicates`: which rows of an incremental model's table new rows may replace.

use crate::{on_both_engines, project::Project};

const STRATEGIES: [&str; 2] = ["merge", "delete_insert"];

fn write(project: &Project, strategy: &str, predicates: &str, more: &str, rows: &str) {
    project.models(&[(
        "m",
        &format!(
            "/*---\nmaterialized: incremental\nunique_key: [k, part]\nincremental_strategy: {strategy}\non_definition_change: forward\nincremental_predicates: {predicates}\n{more}---*/\nselect * from (values {rows}) as t (k, part, day, n)"
        ),
    )]);
}

fn rows(project: &Project) -> Vec<String> {
    project.rows("select k, part, day, n from core.m order by k, part, day, n")
}

const FIRST: &str = "(1, 'a', 10, 1), (2, 'a', 20, 1), (3, null, 20, 1)";

on_both_engines! {
    /// Rows in reach are replaced, also those with NULL in the key, and also where the new row is out of reach.
    fn rows_in_reach_are_replaced(project) {
        for strategy in STRATEGIES {
            for predicate in ["day >= 15", "[day >= 15 -- late rows, \"n > 0\"]", "DBT_INTERNAL_DEST.day >= 15 and dbt_internal_dest.n < 9", "\"day >= (select min(day) + 5 from {{ this }})\"", "\"day >= {{ var('from', 15) }} or false\""] {
                write(project, strategy, predicate, "", FIRST);
                project.build(&["--full-refresh"]);
                write(project, strategy, predicate, "", "(2, 'a', 5, 2), (3, null, 30, 2), (4, 'a', 1, 2)");
                project.build(&[]);
                assert_eq!(rows(project), ["1|a|10|1", "2|a|5|2", "3|NULL|30|2", "4|a|1|2"], "{strategy} {predicate}");
            }
        }
    }

    /// A new row whose key is in a row out of reach would stand twice: nothing is changed.
    fn a_key_out_of_reach_is_refused(project) {
        for strategy in STRATEGIES {
            for (predicate, new, key) in [
                ("day >= 15", "(1, 'a', 30, 2), (2, 'a', 30, 2)", "(1, a) is there already"),
                ("day < 15", "(3, cast(null as text), 30, 2)", "(3, NULL) is there already"),
                // What is not known is not in reach.
                ("day > nullif(day, 10)", "(1, 'a', 30, 2)", "(1, a) is there already"),
            ] {
                write(project, strategy, predicate, "", FIRST);
                project.build(&["--full-refresh"]);
                write(project, strategy, predicate, "", new);
                let printed = project.build_fails(66);
                assert!(printed.contains("E0620") && printed.contains(key), "{printed}");
                assert_eq!(rows(project), ["1|a|10|1", "2|a|20|1", "3|NULL|20|1"], "{strategy} {predicate}");
                assert_eq!(project.left_behind(), Vec::<String>::new());
            }
        }
    }

    /// Columns that a merge leaves alone, columns that come, and columns that go.
    fn with_columns_that_stay_come_and_go(project) {
        for more in ["merge_exclude_columns: [n]\n", "merge_update_columns: [day]\n"] {
            write(project, "merge", "day >= 15", more, FIRST);
            project.build(&["--full-refresh"]);
            write(project, "merge", "day >= 15", more, "(2, 'a', 30, 2)");
            project.build(&[]);
            assert_eq!(rows(project), ["1|a|10|1", "2|a|30|1", "3|NULL|20|1"]);
        }
        for strategy in STRATEGIES {
            let model = |columns: &str| {
                format!("/*---\nmaterialized: incremental\nunique_key: k\nincremental_strategy: {strategy}\non_definition_change: forward\non_schema_change: sync\nincremental_predicates: day >= 15\n---*/\nselect {columns}")
            };
            project.models(&[("m", &model("1 as k, 20 as day, 5 as gone"))]);
            project.build(&["--full-refresh"]);
            project.models(&[("m", &model("1 as k, 30 as day, 6 as fresh"))]);
            project.build(&[]);
            assert_eq!(project.rows("select k, day, fresh from core.m"), ["1|30|6"]);
            project.models(&[("m", &model("1 as k, 1 as day, 7 as fresh"))]);
            project.build(&[]);
            project.models(&[("m", &model("1 as k, 1 as day, 8 as fresh, 9 as other"))]);
            assert!(project.build_fails(66).contains("E0620"));
            project.models(&[("m", &model("1 as k, 1 as day"))]);
            assert!(project.build_fails(66).contains("E0620"));
            assert_eq!(project.rows("select k, day, fresh from core.m"), ["1|1|7"]);
        }
    }

    /// What is no condition on the rows of the table is said before anything is built.
    fn what_is_no_condition_is_refused(project) {
        project.models(&[("other", "select 1 as n")]);
        for (predicate, said) in [
            ("\"day >= \"", "this is no condition"),
            ("\"day >= 1) or (true\"", "this is no condition"),
            ("\"day >= 1; drop table core.other\"", "this is no condition"),
            ("\"\"", "this is no condition"),
            ("\"day >= (select max(n) from other)\"", "reads another relation"),
            ("\"day >= (select max(n) from {{ ref('other') }})\"", "reads another relation"),
            ("\"DBT_INTERNAL_SOURCE.day = DBT_INTERNAL_DEST.day\"", "not about the new ones"),
            ("\"day >= {{ nothing }}\"", "E0202"),
        ] {
            write(project, "merge", predicate, "", FIRST);
            let ended = project.suiro(&["check"]);
            assert_eq!(ended.status, 1, "{predicate}: {}", ended.stderr);
            assert!(ended.stderr.contains(said), "{predicate}: {}", ended.stderr);
        }
        write(project, "append", "day > 1", "", FIRST);
        assert!(project.suiro(&["check"]).stderr.contains("`incremental_predicates` has no effect"));
        // A column that there is not is the database's to refuse.
        write(project, "merge", "dya > 1", "", FIRST);
        project.build(&["--full-refresh"]);
        assert!(project.force_fails(66).contains("dya"));
    }
}
