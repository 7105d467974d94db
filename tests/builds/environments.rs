//! An environment of one's own: what differs is built there, the rest is read from production, and production stays.

use crate::{on_both_engines, project::Project};
use suiro::engine::{
    Connection, Engine,
    duckdb::{DuckDbEngine, DuckDbOptions},
};

/// The rows of a query in the environment.
fn rows(project: &Project, sql: &str) -> Vec<String> {
    let mut connection: Box<dyn Connection> = match &project.database {
        Some(database) => database.connect(),
        None => {
            let path = Some(project.path().join("it_dev.duckdb"));
            DuckDbEngine::new(DuckDbOptions { path, ..DuckDbOptions::default() }).connect("tests").unwrap()
        }
    };
    let rows = connection.query(sql, None).unwrap_or_else(|error| panic!("{sql}: {error:?}")).rows;
    rows.iter().map(|row| row.iter().map(|one| one.clone().unwrap_or_default()).collect::<Vec<_>>().join("|")).collect()
}

/// The name of a relation in the environment.
fn own(project: &Project, name: &str) -> String {
    if project.database.is_some() { format!("core_dev.{name}") } else { format!("core.{name}") }
}

fn built(project: &Project) -> Vec<String> {
    let done = project.results().into_iter().filter(|(_, word)| word != "unchanged");
    let mut done: Vec<String> = done.map(|(name, word)| format!("{name} {word}")).collect();
    done.sort();
    done
}

fn build(project: &Project, words: &[&str]) -> String {
    let ended = project.suiro(&[&["build", "--env", "dev"], words].concat());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended.stderr
}

const VIEW: &str = "/*--- {materialized: view} ---*/ ";

on_both_engines! {
    /// Only what differs is built; its parents are production's, by name; production is as it was.
    fn only_what_differs_is_built(project) {
        project.write("models/fruits.csv", "id,price\n1,100\n2,200\n");
        project.models(&[
            ("stg", &format!("{VIEW}select id, price from fruits")),
            ("core", "select id, price * 2 as p from stg"),
            ("mart", "select sum(p) as n from core"),
            ("shown", &format!("{VIEW}select n from mart")),
            ("beside", "select 1 as n"),
        ]);
        project.build(&[]);
        let printed = build(project, &[]);
        assert!(printed.contains("0 of 6 relations differ from prod"), "{printed}");
        assert_eq!(built(project), Vec::<String>::new());
        project.models(&[("core", "select id, price * 3 as p from stg")]);
        let printed = build(project, &[]);
        assert!(printed.contains("3 of 6 relations differ from prod"), "{printed}");
        assert_eq!(built(project), ["core built", "mart built", "shown built"]);
        assert_eq!(rows(project, &format!("select p from {} order by p", own(project, "core"))), ["300", "600"]);
        if project.database.is_some() {
            assert_eq!(rows(project, "select n from core_dev.shown"), ["900"]);
        }
        assert_eq!(project.rows("select n from core.shown"), ["600"]);
        // Again: nothing to do, and `show` and `query` see the environment.
        build(project, &[]);
        assert_eq!(built(project), Vec::<String>::new());
        let shown = project.suiro(&["show", "--env", "dev", "--inline", "select n + 1 as n from shown", "--format", "json"]);
        assert!(shown.stdout.contains("901"), "{} {}", shown.stdout, shown.stderr);
        assert!(project.suiro(&["plan", "--env", "dev"]).stdout.contains("nothing changed since"));
        // A seed with other rows is the environment's own.
        project.write("models/fruits.csv", "id,price\n1,100\n2,200\n3,300\n");
        build(project, &[]);
        assert_eq!(rows(project, &format!("select count(*) from {}", own(project, "core"))), ["3"]);
        assert_eq!(project.rows("select count(*) from core.core"), ["2"]);
        // Production catches up, and nothing differs.
        project.build(&[]);
        assert_eq!(project.rows("select n from core.shown"), ["1800"]);
        let printed = build(project, &[]);
        assert!(printed.contains("0 of 6 relations differ from prod"), "{printed}");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// New rows in production reach what the environment has built on them.
    fn production_moves_under_an_environment(project) {
        project.write("models/fruits.csv", "id\n1\n");
        project.models(&[("stg", &format!("{VIEW}select id from fruits")), ("core", "select id from stg")]);
        project.build(&[]);
        project.models(&[("core", "select id + 10 as id from stg")]);
        build(project, &[]);
        build(project, &[]);
        assert_eq!(built(project), Vec::<String>::new());
        project.models(&[("core", "select id from stg")]);
        project.write("models/fruits.csv", "id\n2\n");
        project.build(&[]);
        project.models(&[("core", "select id + 10 as id from stg")]);
        build(project, &[]);
        assert_eq!(built(project), ["core built"]);
        assert_eq!(rows(project, &format!("select id from {}", own(project, "core"))), ["12"]);
    }

    /// Tests of what differs run in the environment, and hold back there.
    fn tests_run_in_the_environment(project) {
        project.write("models/all.yml", "models:\n  - name: a\n    columns: [{name: n, tests: [unique]}]\n  - name: b\n    columns: [{name: n, tests: [unique]}]\n");
        project.models(&[("a", "select 1 as n"), ("b", "select n from a"), ("c", "select n from b")]);
        project.build(&[]);
        project.models(&[("b", "select n from a union all select n from a")]);
        let ended = project.suiro(&["build", "--env", "dev"]);
        assert_eq!(ended.status, 65, "{}", ended.stderr);
        assert_eq!(built(project), ["b staged", "c skipped", "unique_core_b_n fail"]);
        assert_eq!(project.rows("select n from core.b"), ["1"]);
        assert_eq!(project.suiro(&["build"]).status, 65);
    }

    /// Before there is any production, everything is the environment's own.
    fn an_environment_may_come_first(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select n from a")]);
        build(project, &[]);
        assert_eq!(rows(project, &format!("select n from {}", own(project, "b"))), ["1"]);
        for name in ["Dev-Ann", "", "a_name_that_is_much_too_long_for_this"] {
            let ended = project.suiro(&["build", "--env", name]);
            assert_eq!(ended.status, 64, "{}", ended.stderr);
            assert!(ended.stderr.contains("E0406"), "{}", ended.stderr);
        }
        assert_eq!(project.suiro_with(&["plan"], &[("SUIRO_ENV", "dev")]).status, 0);
        project.build(&["--env", "prod"]);
        assert_eq!(project.rows("select n from core.b"), ["1"]);
    }

    /// Environments are listed and dropped; production and what others made stay.
    fn environments_are_listed_and_dropped(project) {
        project.models(&[("a", "select 1 as n"), ("b", &format!("{VIEW}select n from a"))]);
        project.build(&[]);
        project.models(&[("a", "select 2 as n")]);
        build(project, &[]);
        let listed = project.suiro(&["env", "list", "--format", "json"]);
        assert_eq!(listed.status, 0, "{}", listed.stderr);
        assert!(listed.stdout.contains("\"name\":\"dev\"") && listed.stdout.contains("\"relations\":2"), "{}", listed.stdout);
        let asked = project.suiro(&["env", "drop", "dev"]);
        assert_eq!(asked.status, 64, "{}", asked.stderr);
        assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
        let dropped = project.suiro(&["env", "drop", "dev", "--yes"]);
        assert_eq!(dropped.status, 0, "{}", dropped.stderr);
        assert_eq!(project.suiro(&["env", "list", "--format", "json"]).stdout, "");
        assert_eq!(project.rows("select n from core.b"), ["1"]);
        if project.database.is_some() {
            assert_eq!(project.rows("select nspname from pg_catalog.pg_namespace where nspname like '%\\_dev'"), Vec::<String>::new());
        } else {
            assert!(!project.path().join("it_dev.duckdb").exists());
        }
        let ended = project.suiro(&["env", "drop", "nosuch", "--yes"]);
        assert_eq!(ended.status, 64, "{}", ended.stderr);
        assert_eq!(project.suiro(&["env", "drop", "prod", "--yes"]).status, 64);
    }
}
