//! A role that may make no schemas builds in those that it is lent (`staging_schema`).

use crate::{crashes::killed_before, project::Project, support::postgres::ROLE};
use std::{
    thread,
    time::{Duration, Instant},
};

/// A project whose role may make no schemas: `core` and `marts` are there to publish to, `lent` to stage in.
fn project(lent: &str) -> Project {
    let project = Project::on_postgres();
    project.configure_target(&format!("threads: 4, staging_schema: {lent}"), "");
    let database = project.database.as_ref().unwrap();
    let (name, mut admin) = (&database.name, database.admin());
    let owner = admin.query("select current_user", None).unwrap().rows[0][0].clone().unwrap();
    for statement in [
        format!("alter database {name} owner to \"{owner}\""),
        format!("revoke create on database {name} from {ROLE}"),
        format!("create schema core authorization {ROLE}; create schema marts authorization {ROLE}"),
        format!("create schema suiro authorization {ROLE}"),
        format!("create schema lent; grant usage, create on schema lent to {ROLE}"),
        format!("create schema \"予備\"; grant usage, create on schema \"予備\" to {ROLE}"),
    ] {
        admin.execute_all(&[&statement]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    project
}

/// One model of each kind, in two schemas, two of the same name among them.
fn write(project: &Project, version: u32) {
    project.write(
        "models/all.yml",
        "models:\n  - name: base\n    columns: [{name: v, tests: [not_null, unique]}]\n    constraints: [{type: primary_key, columns: [v]}]\n    config: {indexes: [{name: by_v, columns: [v]}]}\n",
    );
    let incremental = "materialized: incremental\non_definition_change: forward\nunique_key: id";
    project.models(&[
        ("base", &format!("select {version} as v")),
        ("shown", "/*--- {materialized: view} ---*/ select v from base"),
        ("over", "/*--- {schema: marts} ---*/ select v from shown"),
        ("kept", "/*--- {materialized: materialized_view, schema: marts} ---*/ select v from shown"),
        ("merged", &format!("/*---\n{incremental}\n---*/\nselect 1 as id, v from base")),
        (
            "parts",
            "/*---\npartition_by: {method: list, columns: [v], partitions: [{name: parts_1, values: [1]}]}\n---*/\nselect v from base",
        ),
    ]);
    project.write("models/seeded.csv", &format!("v\n{version}\n"));
}

const ALL: [&str; 7] =
    ["core.base", "core.shown", "marts.over", "marts.kept", "core.merged", "core.parts", "core.seeded"];

fn versions(project: &Project) -> Vec<String> {
    ALL.iter().map(|name| project.value(&format!("select max(v) from {name}"))).collect()
}

/// What stands in the lent schemas, of whatever kind.
fn left_in(project: &Project) -> Vec<String> {
    project.rows(
        "select n.nspname || '.' || c.relname from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where n.nspname in ('lent', '予備') \
         union all select n.nspname || '.' || e.stxname from pg_catalog.pg_statistic_ext as e join pg_catalog.pg_namespace as n on n.oid = e.stxnamespace where n.nspname in ('lent', '予備') order by 1",
    )
}

#[test]
fn builds_again_and_again_without_the_right_to_make_schemas() {
    let project = project("lent");
    for version in 1..=3 {
        write(&project, version);
        project.build(&[]);
        assert_eq!(versions(&project), vec![version.to_string(); ALL.len()]);
        assert_eq!(left_in(&project), Vec::<String>::new());
        assert!(project.suiro(&["build"]).stderr.contains("nothing to do"));
        if version == 1 {
            // What people gave to a table is on its next version, too, under its own name.
            project.execute(&[
                "create index people_made_it on core.seeded (v)",
                "create statistics core.people_count (ndistinct) on v, (v + 1) from core.seeded",
                "alter table core.seeded add constraint whole unique (v)",
                "create view core.theirs as select v from core.base",
            ]);
        }
    }
    let indexes = project.rows(
        "select schemaname || '.' || indexname from pg_catalog.pg_indexes where schemaname in ('core', 'marts') order by 1",
    );
    assert_eq!(
        indexes,
        ["core.base_v_key", "core.by_v", "core.people_made_it", "core.whole"]
            .map(|one| { if one == "core.base_v_key" { indexes[0].clone() } else { one.to_owned() } })
    );
    assert_eq!(
        project.value("select stxname from pg_catalog.pg_statistic_ext where stxnamespace = 'core'::regnamespace"),
        "people_count"
    );
    assert_eq!(project.value("select v from core.theirs"), "3");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// Relations of one name in two schemas need two schemas to be staged in, and then have them.
#[test]
fn relations_of_one_name_need_a_schema_each() {
    let project = project("lent");
    project.models(&[
        ("core/orders", "select 1 as n"),
        ("marts/orders", "/*--- {schema: marts} ---*/ select n + 1 as n from core.orders"),
    ]);
    let printed = project.build_fails(66);
    assert!(printed.contains("E0618") && printed.contains("2 schemas are needed"), "{printed}");
    project.configure_target("threads: 4, staging_schema: [lent, 予備]", "");
    project.build(&[]);
    project.models(&[("core/orders", "select 2 as n")]);
    project.build(&[]);
    assert_eq!(project.value("select n from marts.orders"), "3");
    assert_eq!(left_in(&project), Vec::<String>::new());
}

/// Two runs at once: the second one is told who is there, or waits, or takes another schema.
#[test]
fn each_schema_serves_one_run_at_a_time() {
    let project = project("lent");
    let slow = |n: u32| format!("select {n} as n from (select pg_sleep(4)) as s");
    project.models(&[("slow", &slow(1)), ("quick", "select 1 as n")]);
    let mut first = project.start(&["build", "--select", "slow"]);
    let staging = "select count(*) from pg_catalog.pg_stat_activity where state = 'active' and query like '%pg_sleep(4)%' and pid <> pg_backend_pid()";
    let deadline = Instant::now() + Duration::from_secs(30);
    while project.value(staging) == "0" {
        assert!(Instant::now() < deadline, "it did not begin");
        thread::sleep(Duration::from_millis(50));
    }
    let second = project.suiro(&["build", "--select", "quick"]);
    assert_eq!(second.status, 75, "{}", second.stderr);
    assert!(second.stderr.contains("E0619") && second.stderr.contains("`lent` is used by"), "{}", second.stderr);
    // What lives is not swept.
    assert_eq!(project.suiro(&["build", "--select", "quick", "--lock-wait", "60s"]).status, 0);
    assert!(first.wait().unwrap().success());
    assert_eq!(project.value("select n from core.slow"), "1");
    assert_eq!(project.value("select n from core.quick"), "1");
    // With a schema for each they do not wait for each other.
    project.configure_target("threads: 4, staging_schema: [lent, 予備]", "");
    project.models(&[("slow", &slow(2)), ("quick", "select 2 as n")]);
    let mut first = project.start(&["build", "--select", "slow"]);
    while project.value(staging) == "0" {
        assert!(Instant::now() < deadline, "it did not begin");
        thread::sleep(Duration::from_millis(50));
    }
    project.build(&["--select", "quick"]);
    assert!(first.try_wait().unwrap().is_none(), "both at once");
    assert!(first.wait().unwrap().success());
    assert_eq!(project.value("select n from core.slow"), "2");
    assert_eq!(project.value("select n from core.quick"), "2");
    assert_eq!(left_in(&project), Vec::<String>::new());
}

/// Whatever a killed run left goes, whatever somebody else has there stays, and is never taken for ours.
#[test]
fn what_dead_runs_left_is_swept_and_nothing_else() {
    let project = project("lent");
    write(&project, 1);
    project.build(&[]);
    let stranger = "create table lent.notes as select 7 as n; comment on table lent.notes is 'suiro: it'; \
        create table lent.__suiro_mine as select 8 as n; create view lent.seen as select n from lent.notes";
    project.database.as_ref().unwrap().admin().execute_all(&[stranger]).unwrap();
    let theirs = ["lent.__suiro_mine", "lent.notes", "lent.seen"];
    let mut version = 1;
    let mut number = 1;
    loop {
        version += 1;
        write(&project, version);
        let halted = killed_before(&project, number, version);
        let found = versions(&project);
        assert!(found.iter().all(|one| *one == found[0]), "killed before statement {number}: {found:?}");
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            // The server may need a moment to notice that the client is gone.
            let ended = project.suiro(&["build"]);
            if ended.status == 0 && left_in(&project) == theirs {
                break;
            }
            assert!([0, 75].contains(&ended.status), "{}", ended.stderr);
            assert!(Instant::now() < deadline, "{:?} {}", left_in(&project), ended.stderr);
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(versions(&project), vec![version.to_string(); ALL.len()], "after statement {number}");
        if !halted {
            break;
        }
        number += 5;
    }
    assert!(number > 100, "{number}");
    let seen = project.database.as_ref().unwrap().admin().query("select sum(n) from lent.seen", None).unwrap();
    assert_eq!(seen.rows, [[Some("7".to_owned())]]);
    // A name that is needed and is somebody else's is refused before anything is built.
    project.models(&[("notes", "select 1 as n")]);
    let printed = project.build_fails(66);
    assert!(printed.contains("E0605") && printed.contains("`lent.notes`"), "{printed}");
    assert_eq!(left_in(&project), theirs);
}

/// A run that loses the session which keeps the schema for it publishes nothing, and does not try again.
#[test]
fn a_lost_session_ends_the_run() {
    let project = project("lent");
    project.models(&[("slow", "select 1 as n from (select pg_sleep(3)) as s")]);
    let child = project.start_heard(&["build"]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let idle = "select coalesce(max(a.pid), 0) from pg_catalog.pg_locks as l join pg_catalog.pg_stat_activity as a using (pid) where l.locktype = 'advisory' and a.datname = current_database()";
    let mut pid = "0".to_owned();
    while pid == "0" {
        assert!(Instant::now() < deadline, "it did not begin");
        thread::sleep(Duration::from_millis(50));
        pid = project.value(idle);
    }
    thread::sleep(Duration::from_millis(500));
    project.database.as_ref().unwrap().admin().execute(&format!("select pg_terminate_backend({pid})")).unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{printed}");
    assert!(printed.contains("E0508") && printed.contains("kept `lent` from other runs was lost"), "{printed}");
    assert!(!printed.contains("trying again"), "{printed}");
    project.build(&[]);
    assert_eq!(project.value("select n from core.slow"), "1");
    assert_eq!(left_in(&project), Vec::<String>::new());
}

/// Schemas that cannot be used are named, with what would help.
#[test]
fn schemas_that_cannot_be_used_are_named() {
    for (lent, said) in [
        ("nowhere", "it does not exist"),
        ("core", "it is one that models are published to"),
        ("suiro", "it keeps the state"),
        ("closed", "may not make anything in it"),
    ] {
        let project = project(lent);
        project.database.as_ref().unwrap().admin().execute("create schema closed").unwrap();
        project.models(&[("a", "select 1 as n")]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0618") && printed.contains(said), "{printed}");
        assert!(!printed.contains("panicked"), "{printed}");
    }
}

/// What a role needs is said, and enough.
#[test]
fn debug_knows_what_is_lent() {
    let project = project("[lent, 予備]");
    project.models(&[("a", "select 1 as n")]);
    let ended = project.suiro(&["debug"]);
    assert_eq!(ended.status, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("where no schema may be made") && ended.stdout.contains("予備"), "{}", ended.stdout);
    let grants = project.suiro(&["debug", "--print-grants"]).stdout;
    assert!(
        grants.contains("grant usage, create on schema \"lent\"") && !grants.contains("create on database"),
        "{grants}"
    );
}
