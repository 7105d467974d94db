//! Many runs at once: of one project in one schema, and of people's environments while production publishes.

use crate::project::Project;
use std::process::{Child, Output};

fn all_ended(children: Vec<Child>) -> Vec<Output> {
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts a run for each of these values at once.
fn start(project: &Project, values: std::ops::Range<u32>) -> Vec<Child> {
    values.map(|value| project.start_heard(&["build", "--threads", "2", "--vars", &format!("v: {value}")])).collect()
}

/// The rows that stand are those of the newest epoch, all of them of one run.
fn newest_stands(project: &Project, names: &[&str]) {
    let newest = project.value("select max(epoch) from suiro.history");
    let runs = project.rows("select distinct epoch, run from suiro.relations where relation_name not in ('kept')");
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert!(runs[0].starts_with(&format!("{newest}|")), "{runs:?}, and the newest is {newest}");
    let mut found: Vec<String> =
        names.iter().map(|name| project.value(&format!("select v from core.{name}"))).collect();
    found.dedup();
    assert_eq!(found.len(), 1, "{found:?}: one run's rows everywhere");
}

/// Nothing is doubled, nothing is mixed, and whoever comes late is superseded, also where nothing was there before.
#[test]
fn of_ten_runs_at_once_the_newest_stands() {
    let project = Project::on_postgres();
    project.configure("run_vars: [v]");
    project.models(&[
        ("a", "select {{ var('v') }} as v"),
        ("shown", "/*--- {materialized: view} ---*/ select v from a"),
        ("b", "select v from shown"),
        ("c", "select v from b"),
    ]);
    for round in 0..3_u32 {
        let outputs = all_ended(start(&project, round * 10..round * 10 + 10));
        let mut published = 0;
        for output in &outputs {
            assert!(output.status.success(), "{}", said(output));
            published += usize::from(!said(output).contains("superseded"));
        }
        assert!(published > 0, "{}", said(&outputs[0]));
        newest_stands(&project, &["a", "shown", "b", "c"]);
        assert_eq!(project.value("select count(*) from suiro.relations"), "4");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
}

/// Of runs that add to the same table one does at a time; the others say so and can be tried again, and no row comes twice.
#[test]
fn of_ten_runs_that_add_at_once_none_doubles() {
    let project = Project::on_postgres();
    project.configure("run_vars: [v]");
    project.models(&[
        ("a", "select {{ var('v') }} as v"),
        ("kept", "/*--- {materialized: incremental, incremental_strategy: append, unique_key: v} ---*/ select v from a {% if is_incremental() %} where v not in (select v from {{ this }}) {% endif %}"),
    ]);
    project.build(&["--vars", "v: 0"]);
    let outputs = all_ended(start(&project, 1..11));
    let mut done = 1;
    for output in &outputs {
        let superseded = said(output).contains("superseded");
        assert!(
            output.status.success() || (output.status.code() == Some(75) && said(output).contains("E0616")),
            "{}",
            said(output)
        );
        done += u32::from(output.status.success() && !superseded);
    }
    let rows = project.value("select count(*) || ' ' || count(distinct v) from core.kept");
    assert_eq!(rows, format!("{done} {done}"), "what was published is there once");
    newest_stands(&project, &["a"]);
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// Five people in environments of their own, each with a role of their own, while production publishes: nobody is refused,
/// and nobody stands in anybody's way.
#[test]
fn five_environments_of_five_roles_do_not_stand_in_the_way_of_production() {
    let project = Project::on_postgres();
    project.configure("run_vars: [v]");
    project.models(&[
        ("a", "select {{ var('v', 0) }} as v"),
        ("b", "select v from a"),
        ("c", "select v, '{{ env_var(\"MARK\", \"\") }}' as mark from b"),
        ("d", "/*--- {materialized: view} ---*/ select v, mark from c"),
    ]);
    project.build(&["--vars", "v: 1"]);
    let database = project.database.as_ref().unwrap();
    let mut admin = database.admin();
    for number in 0..5 {
        let role = format!("{}_{number}", database.name);
        admin.execute(&format!("create role {role} login password 'x'")).unwrap();
        admin.execute(&format!("grant create on database {} to {role}", database.name)).unwrap();
        for schema in ["core", "suiro"] {
            admin.execute(&format!("grant usage on schema {schema} to {role}")).unwrap();
            admin.execute(&format!("grant select on all tables in schema {schema} to {role}")).unwrap();
        }
    }
    admin.execute("alter default privileges for role suiro_test grant select on tables to public").unwrap();
    for round in 2..5_u32 {
        let mut children = Vec::new();
        for number in 0..5 {
            let (role, env) = (format!("{}_{number}", database.name), format!("dev_{number}"));
            let variables = [("PGUSER", role.as_str()), ("PGPASSWORD", "x"), ("MARK", env.as_str())];
            let words = ["build", "--env", env.as_str(), "--vars", "v: 1"];
            children.push(project.start_heard_with(&words, &variables));
        }
        let vars = format!("v: {round}");
        let production = project.suiro(&["build", "--vars", vars.as_str()]);
        assert_eq!(production.status, 0, "{}", production.stderr);
        for output in all_ended(children) {
            assert!(output.status.success(), "{}", said(&output));
        }
        assert_eq!(project.value("select distinct a.v || ' ' || d.v from core.a, core.d"), format!("{round} {round}"));
        for number in 0..5 {
            let mark = admin.query(&format!("select distinct mark from core_dev_{number}.c"), None).unwrap().rows;
            assert_eq!(mark, [[Some(format!("dev_{number}"))]]);
        }
    }
    assert_eq!(project.left_behind(), Vec::<String>::new());
}
