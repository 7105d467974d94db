//! What an environment shows without building it: views of production (`--complete`), the past of snapshots, and how to
//! open it.

use crate::{on_both_engines, project::Project};
use std::process::Command;

fn build(project: &Project, words: &[&str]) -> String {
    let ended = project.suiro(&[&["build", "--env", "dev"], words].concat());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended.stderr
}

/// The rows of a query in the environment, as JSON.
fn rows(project: &Project, sql: &str) -> String {
    let ended = project.suiro(&["query", "--env", "dev", "--format", "json", sql]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended.stdout.trim().to_owned()
}

fn schema(project: &Project) -> &'static str {
    if project.database.is_some() { "core_dev" } else { "core" }
}

on_both_engines! {
    /// All names stand in the environment, and production is replaced as if nobody looked at it.
    fn an_environment_is_completed(project) {
        project.write("models/fruits.csv", "id,price\n1,100\n2,200\n");
        project.models(&[
            ("a", "select id, price as \"The price\" from fruits"),
            ("b", "/*--- {materialized: view} ---*/ select id from a"),
            ("c", "select count(*) as n from b"),
        ]);
        project.build(&[]);
        project.models(&[("c", "select count(*) + 10 as n from b")]);
        let printed = build(project, &["--complete"]);
        assert!(printed.contains("3 views show what is read from prod"), "{printed}");
        let core = schema(project);
        assert_eq!(rows(project, &format!("select sum(\"The price\") as s from {core}.a")), r#"{"s":300}"#);
        assert_eq!(rows(project, &format!("select count(*) as n from {core}.b")), r#"{"n":2}"#);
        assert_eq!(rows(project, &format!("select n from {core}.c")), r#"{"n":12}"#);
        // Nothing to build, and again.
        build(project, &["--complete"]);
        // Production: other rows, another type, a column that goes away. Nothing is in the way, and nothing is done in place.
        project.models(&[("a", "select cast(id as varchar) as id from fruits"), ("c", "select count(*) as n from b")]);
        let plan = project.suiro(&["plan", "--format", "json"]).stdout;
        assert!(!plan.contains("in_place") && !plan.contains("refused"), "{plan}");
        project.build(&[]);
        assert_eq!(project.rows("select count(*) from core.a"), ["2"]);
        build(project, &["--complete"]);
        assert_eq!(rows(project, &format!("select max(id) as m from {core}.a")), r#"{"m":"2"}"#);
        // What is built in the environment takes the place of its view, and what is not any more gets none.
        project.models(&[("b", "select id, 1 as more from a")]);
        build(project, &["--complete"]);
        assert_eq!(rows(project, &format!("select sum(more) as s from {core}.b")), r#"{"s":2}"#);
        let ended = project.suiro(&["env", "drop", "dev", "--yes"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        if project.database.is_some() {
            assert_eq!(project.rows("select count(*) from pg_namespace where nspname like '%_dev'"), ["0"]);
        }
        assert_eq!(project.rows("select count(*) from core.b"), ["2"]);
        let ended = project.suiro(&["build", "--complete"]);
        assert!(ended.status == 64 && ended.stderr.contains("--env"), "{}", ended.stderr);
    }

    /// A snapshot of an environment goes on from what production has, and leaves that alone.
    fn a_snapshot_begins_with_the_rows_of_production(project) {
        let snapshot = |columns: &str| format!("/*--- {{materialized: snapshot, unique_key: id, strategy: check, check_cols: all}} ---*/ select {columns} from fruits");
        project.models(&[("s", &snapshot("id, price"))]);
        for price in [1, 2] {
            project.write("models/fruits.csv", &format!("id,price\n1,{price}\n"));
            project.build(&[]);
        }
        project.write("models/fruits.csv", "id,price\n1,3\n");
        let printed = build(project, &[]);
        assert!(printed.contains("s begins with the rows of prod"), "{printed}");
        let core = schema(project);
        assert_eq!(rows(project, &format!("select count(*) as n, max(price) as m from {core}.s")), r#"{"n":3,"m":3}"#);
        assert_eq!(project.rows("select count(*) from core.s"), ["2"]);
        // Once only.
        project.write("models/fruits.csv", "id,price\n1,4\n");
        assert!(!build(project, &[]).contains("begins with"));
        assert_eq!(rows(project, &format!("select count(*) as n from {core}.s")), r#"{"n":4}"#);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// A shell is told what its programs need.
    fn an_environment_is_opened(project) {
        project.models(&[("a", "select 1 as n")]);
        project.build(&[]);
        let ended = project.suiro(&["env", "open", "Dev"]);
        assert_eq!(ended.status, 64, "{}", ended.stderr);
        project.models(&[("a", "select 2 as n")]);
        build(project, &[]);
        let ended = project.suiro(&["env", "open", "dev"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let shell = format!("{}\nprintf %s \"$SUIRO_ENV $PGOPTIONS\"", ended.stdout);
        let said = Command::new("sh").args(["-c", &shell]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        match project.database {
            Some(_) => assert_eq!(said, "dev -c search_path=\"core_dev\",\"core\""),
            None => assert_eq!(said, "dev "),
        }
        let json = project.suiro(&["env", "open", "dev", "--format", "json"]).stdout;
        assert!(json.contains("\"SUIRO_ENV\":\"dev\""), "{json}");
        assert!(json.contains(if project.database.is_some() { "core_dev" } else { "it_dev.duckdb" }), "{json}");
    }
}
