//! What a run has built and not published is used by the next one, as long as it holds.

use crate::{on_both_engines, project::Project};
use std::io::{BufRead, BufReader};

/// Builds and is killed behind all builds, before it asks whether somebody has published since.
fn killed_while_publishing(project: &Project, words: &[&str]) {
    let words = [&["build", "--threads", "1"], words].concat();
    let mut child = project.start_with(&words, &[("SUIRO_HALT_BEFORE", "newer")]);
    let mut heard = Vec::new();
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let halted = said.inspect(|line| heard.push(line.clone())).any(|line| line.starts_with("halted before statement"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(halted, "it came to its end: {}", heard.join("\n"));
}

/// Builds; so many relations had been built before.
fn builds(project: &Project, words: &[&str], before: usize) -> String {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let ended = project.suiro(&[&["build"], words].concat());
        if ended.status == 75 && std::time::Instant::now() < deadline {
            continue;
        }
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let said = format!("{before} of what was published had been built by a run before");
        assert_eq!(ended.stderr.contains("had been built by a run before"), before > 0, "{}", ended.stderr);
        assert!(before == 0 || ended.stderr.contains(&said), "{before}: {}", ended.stderr);
        assert_eq!(project.left_behind(), Vec::<String>::new());
        return ended.stderr;
    }
}

fn gone(project: &Project) {
    if project.database.is_some() {
        // The server notices within a second that its client was killed.
        std::thread::sleep(std::time::Duration::from_millis(1500));
    }
}

fn write(project: &Project) {
    project.write("models/fruits.csv", "id,price\n1,100\n2,200\n");
    project.write("models/all.yml", "models:\n  - name: a\n    columns: [{name: id, tests: [unique, not_null]}]\n");
    project.models(&[
        ("a", "/*---\nindexes: [{columns: [id], unique: true}]\n---*/\nselect id, price from fruits"),
        ("shown", "/*--- {materialized: view} ---*/ select id, price from a"),
        ("b", "select sum(price) as n from shown"),
        ("kept", "/*--- {materialized: incremental, unique_key: id} ---*/ select id from shown"),
        ("clock", "select cast(now() as varchar(40)) as moment"),
    ]);
}

on_both_engines! {
    /// What follows from what is known is used, with its indexes; what may be otherwise is built.
    fn what_a_killed_run_has_built_is_used(project) {
        write(project);
        killed_while_publishing(project, &[]);
        gone(project);
        builds(project, &[], 4);
        assert_eq!(project.rows("select n from core.b"), ["300"]);
        assert_eq!(project.value("select count(*) from core.kept"), "2");
        let indexes = if project.database.is_some() { "select count(*) from pg_catalog.pg_indexes where schemaname = 'core'" } else { "select count(*) from duckdb_indexes()" };
        assert_eq!(project.value(indexes), "1");
        let ended = project.suiro(&["build"]);
        assert!(ended.stderr.contains("5 unchanged"), "all but the clock: {}", ended.stderr);
        // A second time, over what is published.
        project.write("models/fruits.csv", "id,price\n1,100\n2,200\n3,300\n");
        killed_while_publishing(project, &[]);
        gone(project);
        builds(project, &[], 3);
        assert_eq!(project.rows("select n from core.b"), ["600"]);
        assert_eq!(project.value("select count(*) from core.kept"), "3");
    }

    /// What does not hold any more is built again: another definition, other rows, other comments, and whatever reads that.
    fn what_does_not_hold_any_more_is_built(project) {
        write(project);
        std::fs::remove_file(project.path().join("models/clock.sql")).unwrap();
        std::fs::remove_file(project.path().join("models/kept.sql")).unwrap();
        killed_while_publishing(project, &[]);
        gone(project);
        project.models(&[("b", "select sum(price) + 1 as n from shown")]);
        killed_while_publishing(project, &[]);
        gone(project);
        project.write("models/fruits.csv", "id,price\n1,100\n2,200\n3,300\n");
        builds(project, &[], 0);
        assert_eq!(project.rows("select n from core.b"), ["601"]);
        project.write("models/fruits.csv", "id,price\n1,100\n");
        killed_while_publishing(project, &[]);
        gone(project);
        builds(project, &["--force"], 0);
        assert_eq!(project.rows("select n from core.b"), ["101"]);
    }

    /// Under a key the moment is the same, and so is what is told by it; and a step leaves alone what is another one's.
    fn under_a_key_each_step_finds_its_own(project) {
        write(project);
        killed_while_publishing(project, &["--run-key", "k"]);
        gone(project);
        let ended = project.suiro(&["build", "--run-key", "k", "--select", "fruits"]);
        assert!(ended.stderr.contains("1 of what was published had been built"), "{}", ended.stderr);
        assert!(!project.left_behind().is_empty(), "what the other steps may take up stays");
        builds(project, &["--run-key", "k"], 4);
        assert_eq!(project.rows("select n from core.b"), ["300"]);
    }

    /// A run that is taken up uses what it had built.
    fn a_run_that_is_taken_up_uses_what_it_has_built(project) {
        write(project);
        killed_while_publishing(project, &[]);
        gone(project);
        let said = builds(project, &["--retry"], 5);
        assert!(said.contains("Taking up run"), "{said}");
        assert_eq!(project.rows("select n from core.b"), ["300"]);
    }
}
