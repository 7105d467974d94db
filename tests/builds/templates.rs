//! Materializations of a project's own, and trying them out.

use crate::on_both_engines;

const GOOD: &str = "-- statement: build\ncreate table {{ staged | relation }} as\n{{ sql }}\n-- statement: note\nalter table {{ staged | relation }} add column made_by varchar(9)\n";

on_both_engines! {
    /// What comes with suiro keeps its promises, and nothing of the trial stays.
    fn what_comes_with_suiro_keeps_its_promises(project) {
        project.models(&[("other", "select 1 as n")]);
        project.build(&[]);
        for (name, more) in [("table", ""), ("view", ""), ("incremental", "incremental_strategy: delete_insert"), ("incremental", "")] {
            let mut words = vec!["template", "test", name];
            if !more.is_empty() {
                words.extend(["--config", more]);
            }
            let ended = project.suiro(&words);
            assert_eq!(ended.status, 0, "{name}: {}", ended.stderr);
            assert_eq!(ended.stderr.matches("pass ").count(), 8, "{}", ended.stderr);
        }
        let left = project.rows("select schema_name from information_schema.schemata where schema_name like 'suiro_template%'");
        assert_eq!(left, Vec::<String>::new());
        assert_eq!(project.value("select n from core.other"), "1");
    }

    /// The tests that come with suiro do, too: in every case.
    fn the_tests_that_come_with_suiro_keep_their_promises(project) {
        project.models(&[("other", "select 1 as n")]);
        let tests = ["accepted_values", "expression", "not_null", "recency", "relationships", "row_count", "unique"];
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/tests/default")).unwrap();
        assert_eq!(folder.count(), tests.len(), "every test has its turn");
        for name in tests {
            let ended = project.suiro(&["template", "test", name]);
            assert_eq!(ended.status, 0, "{name}: {}", ended.stderr);
            assert_eq!(ended.stderr.matches("pass ").count(), 16, "{name}: {}", ended.stderr);
        }
        let left = project.rows("select schema_name from information_schema.schemata where schema_name like 'suiro_template%'");
        assert_eq!(left, Vec::<String>::new());
    }

    /// A test of the project's own is tried out on rows of both kinds; what is wrong with it is found by the case.
    fn a_test_of_ones_own_is_tried_out(project) {
        let rows = ["--passing", "select 1 as v", "--failing", "select -1 as v union all select -2;"];
        let attempt = |template: &str, more: &[&str]| {
            project.write("templates/tests/positive.sql.jinja", template);
            project.suiro(&[&["template", "test", "positive"], more].concat())
        };
        let good = "select * from {{ model }} as tested where {{ column_name }} <= {{ floor | default(0) }}";
        let ended = attempt(good, &rows);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let ended = attempt(good, &["--config", "floor: -3", "--passing", "select 1 as v", "--failing", "select -4 as v"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let ended = attempt(good, &[]);
        assert!(ended.status == 64 && ended.stderr.contains("--passing"), "{}", ended.stderr);
        let ended = attempt(good, &["--passing", "select 1 as v", "--failing", "select 1 as w"]);
        assert!(ended.status == 64 && ended.stderr.contains("the same columns"), "{}", ended.stderr);
        for (wrong, case) in [
            ("select * from {{ model }} as tested where {{ column_name }} > 0", "nothing to find"),
            ("select * from {{ model }} as tested where {{ column_name }} <= 0 and v <= 0", "names in quotes"),
            ("select * from {{ this.schema }}.{{ this.name }} as tested where {{ column_name }} <= 0", "names in quotes"),
            ("select {{ column_name }} as a, {{ column_name }} as a from {{ model }} as tested where {{ column_name }} <= 0", "kept"),
            ("select * from {{ model }} as tested where {{ column_name }} <= (select sum(1) - count({{ column_name }}) from {{ model }} as counted) and 0 = (select count(*) - count({{ column_name }}) from {{ model }} as other)", "beside NULL"),
        ] {
            if case == "kept" && project.database.is_none() {
                // DuckDB gives the second of two columns another name.
                continue;
            }
            let ended = attempt(wrong, &rows);
            assert_eq!(ended.status, 66, "{wrong}: {}", ended.stderr);
            assert!(ended.stderr.contains(&format!("FAIL {case}")) && ended.stderr.contains("E0617"), "{wrong}: {}", ended.stderr);
        }
        let ended = project.suiro(&["template", "test", "positiv"]);
        assert!(ended.status == 1 && ended.stderr.contains("did you mean `positive`?"), "{}", ended.stderr);
        let left = project.rows("select schema_name from information_schema.schemata where schema_name like 'suiro_template%'");
        assert_eq!(left, Vec::<String>::new());
    }

    /// A template of the project's own builds models and can be tried out.
    fn a_template_of_ones_own_works_like_any_other(project) {
        project.write("templates/materializations/default/stamped.sql.jinja", GOOD);
        project.models(&[("a", "/*--- {materialized: stamped} ---*/ select 1 as n"), ("b", "select n from a")]);
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(project.rows("select n, made_by from core.a"), ["1|NULL"]);
        }
        let ended = project.suiro(&["template", "test", "stamped"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }

    /// A template that does not make the rows of its model, and one that cannot be rendered, are found.
    fn broken_templates_are_found(project) {
        project.models(&[("other", "select 1 as n")]);
        project.write("templates/materializations/default/first.sql.jinja", "-- statement: build\ncreate table {{ staged | relation }} as\nselect * from (\n{{ sql }}\n) as x where id < 2\n");
        let ended = project.suiro(&["template", "test", "first"]);
        assert_eq!(ended.status, 66, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0617") && ended.stderr.contains("FAIL once"), "{}", ended.stderr);
        project.write("templates/materializations/default/broken.sql.jinja", "-- statement: build\ncreate table {{ stagd | relation }} as\n{{ sql }}\n");
        let ended = project.suiro(&["template", "test", "broken"]);
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0203") && ended.stderr.contains("broken.sql.jinja"), "{}", ended.stderr);
        let ended = project.suiro(&["template", "test", "tabel"]);
        assert!(ended.status == 1 && ended.stderr.contains("did you mean `table`?"), "{}", ended.stderr);
        let left = project.rows("select schema_name from information_schema.schemata where schema_name like 'suiro_template%'");
        assert_eq!(left, Vec::<String>::new());
    }
}
