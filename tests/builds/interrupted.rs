//! Runs that are stopped or killed on the way.

use crate::{on_both_engines, project::Project};
use std::{
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// SQL that takes far longer than any test.
fn slow(project: &Project) -> &'static str {
    match project.database {
        Some(_) => "select pg_catalog.pg_sleep(60)::text as s, n from a",
        None => "select count(*) as s, max(n) as n from range(200000), range(200000), a",
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

/// The exit status, which must come soon.
fn status_soon(mut child: Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(15);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("it did not stop");
}

fn started(project: &Project) -> Child {
    project.models(&[("a", "select 1 as n"), ("slow", "select n from a"), ("z_below", "select n from slow")]);
    project.build(&[]);
    project.models(&[("a", "select 2 as n"), ("slow", slow(project))]);
    let logs = || -> Vec<String> {
        let folder = std::fs::read_dir(project.path().join("target/logs")).unwrap();
        folder.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok()).collect()
    };
    let before = logs().len();
    let child = project.start(&["build"]);
    let at_it = |log: &String| log.lines().any(|line| line.contains("\"started\"") && line.contains("\"slow\""));
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline && (logs().len() == before || !logs().iter().all(at_it)) {
        thread::sleep(Duration::from_millis(20));
    }
    // Its statement is on the way to the database.
    thread::sleep(Duration::from_millis(500));
    child
}

/// What became of `a`, of what was running, and of what is below that.
fn statuses(project: &Project) -> Vec<String> {
    let mut results = project.results();
    results.sort();
    results.into_iter().map(|(_, status)| status).collect()
}

on_both_engines! {
    /// Ctrl-C cancels the statement and publishes nothing; what was built already is not built again.
    fn ctrl_c_leaves_what_was_published(project) {
        let child = started(project);
        signal(&child, "INT");
        assert_eq!(status_soon(child), Some(130));
        assert_eq!(statuses(project), ["staged", "cancelled", "not_started"]);
        assert_eq!(project.value("select n from core.a"), "1");
        assert_eq!(project.left_behind().len(), 1, "what was built stays for the next run");
        project.models(&[("slow", "select n from a")]);
        project.build(&[]);
        assert_eq!(project.value("select n from core.slow"), "2");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// SIGTERM does the same, with its own status.
    fn sigterm_leaves_what_was_published(project) {
        let child = started(project);
        signal(&child, "TERM");
        assert_eq!(status_soon(child), Some(143));
        assert_eq!(statuses(project), ["staged", "cancelled", "not_started"]);
        assert_eq!(project.value("select n from core.a"), "1");
        assert_eq!(project.left_behind().len(), 1, "what was built stays for the next run");
        project.models(&[("slow", "select n from a")]);
        project.build(&[]);
        assert_eq!(project.value("select n from core.slow"), "2");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// A run that is killed leaves its staging; what was published is as it was, and the next run sweeps.
    fn the_next_run_sweeps_after_a_killed_one(project) {
        let child = started(project);
        signal(&child, "KILL");
        status_soon(child);
        if project.database.is_some() {
            // The server notices that its client is gone within a second, and rolls back.
            thread::sleep(Duration::from_millis(2500));
        }
        assert_eq!(project.value("select n from core.a"), "1");
        project.models(&[("slow", "select n + 1 as n from a")]);
        project.build(&[]);
        assert_eq!(project.value("select n from core.slow"), "3");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
}

#[test]
fn a_long_merge_can_be_stopped() {
    let project = Project::on_postgres();
    let model = |n: u32| {
        format!(
            "/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\n---*/\nselect {n} as id"
        )
    };
    project.models(&[("a", &model(1)), ("b", "select id from a")]);
    project.build(&[]);
    project.execute(&[
        "create function core.wait() returns trigger language plpgsql as 'begin perform pg_catalog.pg_sleep(60); return new; end'",
        "create trigger wait before insert on core.a for each row execute function core.wait()",
    ]);
    project.models(&[("a", &model(2))]);
    let child = project.start(&["build"]);
    let merging = || {
        project.value(
            "select count(*) from pg_catalog.pg_stat_activity where query like 'insert into \"core\".\"a\"%' and wait_event = 'PgSleep'",
        )
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while merging() == "0" {
        assert!(Instant::now() < deadline, "the merge never began");
        thread::sleep(Duration::from_millis(50));
    }
    signal(&child, "TERM");
    assert_eq!(status_soon(child), Some(143));
    assert_eq!(project.rows("select id from core.a"), ["1"]);
    assert_eq!(project.rows("select id from core.b"), ["1"]);
    assert_eq!(project.left_behind().len(), 1, "what was built beside it stays for the next run");
    project.execute(&["drop trigger wait on core.a"]);
    project.build(&[]);
    assert_eq!(project.rows("select id from core.b order by id"), ["1", "2"]);
    assert_eq!(project.left_behind(), Vec::<String>::new());
}
