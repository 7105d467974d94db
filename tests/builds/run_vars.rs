//! Variables that differ from run to run: a model reads their values, and is not another model for them.

use crate::{on_both_engines, project::Project};

fn plan(project: &Project, day: &str) -> String {
    project.suiro(&["plan", "--vars", &format!("day: {day}")]).stdout
}

fn build(project: &Project, day: &str) {
    project.build(&["--vars", &format!("day: {day}")]);
}

fn models(project: &Project) {
    project.write("models/events.csv", "id,day\n1,one\n2,two\n3,three\n");
    project.models(&[
        ("log", "/*---\nmaterialized: incremental\nunique_key: id\n---*/\nselect id from events where day = '{{ var('day') }}'"),
        ("today", "/*--- {materialized: view} ---*/ select id from events where day = '{{ var('day', 'one') }}'"),
        ("of_today", "select id from today"),
        ("inlined", "/*--- {materialized: ephemeral} ---*/ select id from events where day = '{{ var('day') }}'"),
        ("on_it", "select count(*) as n, max(id) as id from inlined"),
    ]);
}

on_both_engines! {
    /// The day changes: rows are added for it, and nothing that was added before is lost.
    fn a_run_variable_is_read_and_changes_no_definition(project) {
        project.configure("run_vars: [day]");
        models(project);
        build(project, "one");
        let planned = plan(project, "one");
        assert!(planned.lines().all(|line| line.starts_with("skip ")), "{planned}");
        let planned = plan(project, "two");
        assert!(planned.contains("`var('day')` has another value") && !planned.contains("its SQL"), "{planned}");
        assert!(planned.lines().any(|line| line.starts_with("increment") && line.contains(" log ")), "{planned}");
        build(project, "two");
        assert_eq!(project.rows("select id from core.log order by id"), ["1", "2"]);
        assert_eq!(project.rows("select * from core.today, core.of_today, core.on_it"), ["2|2|1|2"]);
        // A change of the model itself is one.
        project.models(&[("log", "/*---\nmaterialized: incremental\nunique_key: id\n---*/\nselect id from events where day in ('{{ var('day') }}')")]);
        assert!(plan(project, "three").contains("its SQL changed"));
        build(project, "three");
        assert_eq!(project.rows("select id from core.log order by id"), ["3"]);
    }

    /// Any other variable is part of what the model is.
    fn any_other_variable_is_part_of_the_definition(project) {
        models(project);
        build(project, "one");
        assert!(plan(project, "two").contains("its SQL changed"));
        build(project, "two");
        assert_eq!(project.rows("select id from core.log order by id"), ["2"]);
    }

    /// Which value the definition is taken with is written down where templates work with it.
    fn a_value_in_the_file_serves_for_the_definition(project) {
        project.configure("run_vars: [days]\nvars: {days: [1, 2]}");
        project.models(&[("a", "/*---\nmaterialized: incremental\nunique_key: n\n---*/\n{% for day in var('days') %}select {{ day + 1 }} as n{% if not loop.last %} union all {% endif %}{% endfor %}")]);
        project.build(&[]);
        project.build(&["--vars", "days: [7]"]);
        assert_eq!(project.rows("select n from core.a order by n"), ["2", "3", "8"]);
        // Without one, the template cannot be rendered for its definition, and that is told.
        project.configure("run_vars: [days]");
        let ended = project.suiro(&["build", "--vars", "days: [9]"]);
        assert!(ended.status == 0 && ended.stderr.contains("warning[E0202]") && ended.stderr.contains("give it a value below `vars:`"), "{}", ended.stderr);
    }
}
