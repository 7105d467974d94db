//! Failures that pass: other sessions in the way, connections that die. Each is provoked for real, by a second session.

use crate::project::{Ended, Project};
use std::{
    process::Child,
    thread,
    time::{Duration, Instant},
};
use suiro::engine::Connection;

/// Waits until the query returns a row, and returns its first value.
fn wait_for(connection: &mut dyn Connection, query: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        let rows = connection.query(query, Some(1)).unwrap_or_else(|error| panic!("{query}: {error:?}"));
        if let Some(value) = rows.rows.into_iter().flatten().flatten().next() {
            return value;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let activity =
        "select application_name, state, wait_event, query from pg_catalog.pg_stat_activity where state is not null";
    panic!("it never happened: {query}\n{:#?}", connection.query(activity, None));
}

/// The process of the session that works under a name like this.
fn backend(project: &Project, like: &str, and: &str) -> String {
    let mut admin = project.database.as_ref().unwrap().admin();
    let query = format!(
        "select pid from pg_catalog.pg_stat_activity \
         where datname = pg_catalog.current_database() and application_name ~ '{like}' and {and}"
    );
    wait_for(admin.as_mut(), &query)
}

fn terminate(project: &Project, pid: &str) {
    let mut admin = project.database.as_ref().unwrap().admin();
    let killed = admin.query(&format!("select pg_catalog.pg_terminate_backend({pid})"), None).unwrap();
    assert_eq!(killed.rows, [[Some("t".to_owned())]]);
}

fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { status: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A project whose model `slow` waits for as long as the source `raw.gate` has no row.
fn gated() -> Project {
    let project = Project::on_postgres();
    project.execute(&["create schema raw", "create table raw.gate (n integer)"]);
    project.write("models/sources.yml", "sources: [{name: raw, tables: [{name: gate}]}]\n");
    project.models(&[
        ("a", "select 1 as n"),
        ("slow", "select n, case when (select count(*) from raw.gate) = 0 then pg_catalog.pg_sleep(60)::text end as s from a"),
        ("below", "select n from slow"),
    ]);
    project
}

fn open_gate(project: &Project) {
    project.execute(&["insert into raw.gate values (1)"]);
}

/// The name of a run's own session, which makes room, publishes and cleans up; workers have the model's name in theirs.
const CONTROL: &str = "^suiro [0-9]{8}T[0-9]{6}[^ ]*$";

#[test]
fn a_session_that_is_ended_in_the_middle_of_a_build_is_made_anew() {
    let project = gated();
    let child = project.start_heard(&["build"]);
    let pid = backend(&project, "^suiro slow ", "wait_event = 'PgSleep'");
    open_gate(&project);
    terminate(&project, &pid);
    let ended = ended(child);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!((project.attempts("slow"), project.attempts("a")), (2, 1));
    assert!(ended.stderr.contains("slow") && ended.stderr.contains("terminating connection"), "{}", ended.stderr);
    assert_eq!(project.value("select n from core.below"), "1");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

#[test]
fn the_runs_own_session_may_be_ended_while_models_are_built() {
    let project = gated();
    let child = project.start_heard(&["build"]);
    backend(&project, "^suiro slow ", "wait_event = 'PgSleep'");
    terminate(&project, &backend(&project, CONTROL, "true"));
    open_gate(&project);
    terminate(&project, &backend(&project, "^suiro slow ", "wait_event = 'PgSleep'"));
    let ended = ended(child);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(project.value("select n from core.below"), "1");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

#[test]
fn the_runs_own_session_may_be_ended_while_it_publishes() {
    let project = Project::on_postgres();
    project.models(&[("a", "select 1 as n"), ("b", "select n from a")]);
    project.build(&[]);
    project.models(&[("a", "select 2 as n")]);
    let mut reader = project.connect();
    reader.execute("begin").unwrap();
    reader.execute("select * from core.a").unwrap();
    let child = project.start_heard(&["build"]);
    let pid = backend(&project, CONTROL, "query like 'lock table%'");
    terminate(&project, &pid);
    backend(&project, CONTROL, &format!("query like 'lock table%' and pid <> {pid}"));
    reader.execute("commit").unwrap();
    let ended = ended(child);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(project.value("select n from core.b"), "2");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// A project whose model reads two sources, in this order.
fn two_sources() -> Project {
    let project = Project::on_postgres();
    project.execute(&[
        "create schema raw",
        "create table raw.first as select 1 as n",
        "create table raw.second as select 2 as n",
    ]);
    project.write("models/sources.yml", "sources: [{name: raw, tables: [{name: first}, {name: second}]}]\n");
    project.models(&[("pair", "select f.n + s.n as n from raw.first as f cross join raw.second as s")]);
    project
}

#[test]
fn the_victim_of_a_deadlock_tries_again() {
    let project = two_sources();
    let database = project.database.as_ref().unwrap();
    // Whoever waits this long looks for a deadlock and gives way: let it be suiro.
    database.admin().execute(&format!("alter database {} set deadlock_timeout = '2s'", database.name)).unwrap();
    let mut other = database.admin();
    other.execute("set deadlock_timeout = '60s'").unwrap();
    other.execute("begin").unwrap();
    other.execute("lock table raw.second in access exclusive mode").unwrap();
    let child = project.start_heard(&["build"]);
    backend(&project, "^suiro pair ", "wait_event_type = 'Lock'");
    other.execute("lock table raw.first in access exclusive mode").unwrap();
    other.execute("rollback").unwrap();
    let ended = ended(child);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(project.attempts("pair"), 2);
    assert!(ended.stderr.contains("deadlock detected"), "{}", ended.stderr);
    assert_eq!(project.value("select n from core.pair"), "3");
}

#[test]
fn a_lock_timeout_of_the_server_passes() {
    let project = two_sources();
    project.configure_target("threads: 4, settings: {lock_timeout: 100ms}", "");
    let mut other = project.connect();
    other.execute("begin").unwrap();
    other.execute("lock table raw.first in access exclusive mode").unwrap();
    let child = project.start_heard(&["build"]);
    backend(&project, "^suiro pair ", "wait_event_type = 'Lock'");
    thread::sleep(Duration::from_millis(300));
    other.execute("rollback").unwrap();
    let ended = ended(child);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(project.attempts("pair") > 1);
    assert_eq!(project.value("select n from core.pair"), "3");
}

#[test]
fn a_serialization_failure_passes() {
    let project = two_sources();
    project.configure_target("threads: 4, settings: {default_transaction_isolation: serializable}", "");
    project.execute(&["create table raw.third as select 3 as n"]);
    // The build takes its snapshot, then waits here.
    let mut gate = project.connect();
    gate.execute("begin").unwrap();
    gate.execute("lock table raw.second in access exclusive mode").unwrap();
    let child = project.start_heard(&["build"]);
    backend(&project, "^suiro pair ", "wait_event_type = 'Lock'");
    // One read what another then changed, and changes what the build reads from before: no order explains all three.
    let (mut reader, mut writer) = (project.connect(), project.connect());
    reader.execute("begin isolation level serializable").unwrap();
    assert_eq!(reader.query("select n from raw.third", None).unwrap().rows, [[Some("3".to_owned())]]);
    writer.execute("begin isolation level serializable").unwrap();
    writer.execute("update raw.third set n = 4").unwrap();
    writer.execute("commit").unwrap();
    reader.execute("update raw.first set n = 7").unwrap();
    reader.execute("commit").unwrap();
    gate.execute("rollback").unwrap();
    let ended = ended(child);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("could not serialize access"), "{}", ended.stderr);
    assert_eq!(project.attempts("pair"), 2);
    assert_eq!(project.value("select n from core.pair"), "9");
}

#[test]
fn what_does_not_pass_in_time_ends_with_75_after_the_last_attempt() {
    let project = two_sources();
    project.configure_target("threads: 4, settings: {lock_timeout: 50ms}", "");
    project.models(&[("other", "select 1 as n"), ("below", "select n from pair")]);
    let mut other = project.connect();
    other.execute("begin").unwrap();
    other.execute("lock table raw.first in access exclusive mode").unwrap();
    let printed = project.build_fails(75);
    assert!(printed.contains("E0607") && printed.contains("models/pair.sql"), "{printed}");
    assert_eq!(project.attempts("pair"), 5);
    assert_eq!(project.value("select n from core.other"), "1");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

#[test]
fn a_publish_that_gets_no_lock_gives_up_and_names_who_holds_it() {
    let project = Project::on_postgres();
    project.configure_target("threads: 4, publish_timeout: 1500ms", "");
    project.models(&[("a", "select 1 as n"), ("b", "select n from a")]);
    project.build(&[]);
    project.execute(&["grant usage on schema core to public", "grant select on core.b to public"]);
    project.models(&[("a", "select 2 as n")]);
    // Of a stranger's session the role may not see the query, but who it is.
    let mut holder = project.database.as_ref().unwrap().stranger();
    holder.execute("set application_name = 'a long report'").unwrap();
    let pid = holder.query("select pg_catalog.pg_backend_pid()", None).unwrap().rows[0][0].clone().unwrap();
    holder.execute("begin").unwrap();
    holder.execute("select * from core.b").unwrap();
    let child = project.start_heard(&["build"]);
    // A reader that comes in between waits for one attempt at most.
    backend(&project, CONTROL, "query like 'lock table%'");
    let mut reader = project.connect();
    let (mut reads, mut longest) = (0, Duration::ZERO);
    let deadline = Instant::now() + Duration::from_secs(1);
    while Instant::now() < deadline {
        let start = Instant::now();
        let rows = reader.query("select a.n, b.n from core.a, core.b", None).unwrap();
        assert_eq!(rows.rows, [[Some("1".to_owned()), Some("1".to_owned())]]);
        longest = longest.max(start.elapsed());
        reads += 1;
    }
    let ended = ended(child);
    assert_eq!(ended.status, 75, "{}", ended.stderr);
    for said in ["E0607", "core.b", "1.5s", "suiro_stranger (a long report, process", &pid, "publish_timeout"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(reads > 2 && longest < Duration::from_millis(600), "{reads} reads, the longest {longest:?}");
    assert_eq!(project.rows("select a.n, b.n from core.a, core.b"), ["1|1"]);
    assert_eq!(project.left_behind().len(), 1, "what was built stays for the next run");
    holder.execute("commit").unwrap();
    let ended = project.suiro(&["build", "--show-sql"]);
    assert!(
        ended.status == 0 && ended.stderr.contains("2 of what was published had been built by a run before"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("create table \"__suiro"), "{}", ended.stderr);
    assert_eq!(project.rows("select a.n, b.n from core.a, core.b"), ["2|2"]);
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// What does not hang together with the relation that cannot be locked is published.
#[test]
fn a_lock_that_cannot_be_had_keeps_back_only_what_hangs_together_with_it() {
    let project = Project::on_postgres();
    project.configure_target("threads: 4, publish_timeout: 500ms", "");
    let models = |n: u32| {
        project.models(&[
            ("a", &format!("select {n} as n")),
            ("b", "select n from a"),
            ("tied", &format!("select {n} as n")),
            ("free", &format!("select {n} as n")),
            ("below_free", "/*--- {materialized: view} ---*/ select n from free"),
            ("seen", &format!("select {n} as n")),
        ]);
    };
    project.write(
        "models/all.yml",
        "models:\n  - name: tied\n    tests: [{relationships: {column_name: n, to: ref('b'), field: n}}]\n",
    );
    models(1);
    project.build(&[]);
    project.execute(&["create view core.strange as select n from core.seen"]);
    for (held, kept) in [("b", vec!["a", "b", "tied"]), ("strange", vec!["seen"])] {
        models(if held == "b" { 2 } else { 3 });
        let mut holder = project.connect();
        holder.execute("begin").unwrap();
        holder.execute(&format!("lock table core.{held} in access share mode")).unwrap();
        let ended = project.suiro(&["build"]);
        assert_eq!(ended.status, 75, "{}", ended.stderr);
        let listed: Vec<String> = kept.iter().map(|name| format!("`{name}`")).collect();
        let mut listed = listed;
        listed.sort();
        for said in listed.iter().map(String::as_str).chain(["E0607", "hangs together", "held by suiro_test"]) {
            assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
        }
        for (name, status) in project.results() {
            let expected = if kept.contains(&name.as_str()) { "staged" } else { "built" };
            assert!(
                status == expected || status == "pass" || status == "unchanged",
                "{name} {status}: {}",
                ended.stderr
            );
        }
        holder.execute("commit").unwrap();
        assert_eq!(project.value("select max(n) from core.free"), if held == "b" { "2" } else { "3" });
        project.build(&[]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
    assert_eq!(
        project
            .rows("select a.n, b.n, tied.n, free.n, v.n from core.a, core.b, core.tied, core.free, core.strange as v"),
        ["3|3|3|3|3"]
    );
}

#[test]
fn two_runs_do_not_add_to_the_same_table_at_once() {
    let project = gated();
    open_gate(&project);
    project.models(&[(
        "slow",
        "/*--- {materialized: incremental, incremental_strategy: append, unique_key: n} ---*/ \
         select n, case when (select count(*) from raw.gate) = 0 then pg_catalog.pg_sleep(60)::text end as s from a",
    )]);
    project.build(&[]);
    project.execute(&["delete from raw.gate"]);
    let child = project.start_heard(&["build"]);
    let pid = backend(&project, "^suiro slow ", "wait_event = 'PgSleep'");
    let printed = project.build_fails(75);
    assert!(printed.contains("E0616") && printed.contains("core.slow"), "{printed}");
    open_gate(&project);
    terminate(&project, &pid);
    let ended = ended(child);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(project.value("select n from core.slow"), "1");
}
