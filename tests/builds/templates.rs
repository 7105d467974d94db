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
