//! Bad days: what cannot be done is said with a code, and nothing is lost.

use crate::{on_both_engines, project::Project};

on_both_engines! {
    /// A relation that somebody else made under a model's name stays as it is.
    fn a_foreign_relation_is_left_alone(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select n from a")]);
        project.execute(&["create schema core", "create table core.a (mine integer)"]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0605") && printed.contains("core.a"), "{printed}");
        assert_eq!(project.rows("select mine from core.a"), Vec::<String>::new());
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// A comment that is no mark, or the mark of another relation, does not make a relation ours.
    fn a_copy_with_our_mark_is_not_ours(project) {
        project.execute(&[
            "create schema core",
            "create table core.a (mine integer)",
            "comment on table core.a is 'suiro: it core.other'",
        ]);
        project.models(&[("a", "select 1 as n")]);
        assert!(project.build_fails(66).contains("E0605"));
    }

    /// A seed that cannot be read stops itself and what reads it, not the rest.
    fn a_ragged_seed_stops_its_readers_only(project) {
        project.write("models/bad.csv", "a,b\n1,2\n3\n");
        project.models(&[("reader", "select a from bad"), ("other", "select 1 as n")]);
        let printed = project.build_fails(1);
        assert!(printed.contains("E0110") && printed.contains("models/bad.csv:3"), "{printed}");
        assert_eq!(project.value("select n from core.other"), "1");
    }
}

#[test]
fn a_wrong_password_and_a_server_that_is_down_are_told_apart() {
    let project = Project::on_postgres();
    project.models(&[("a", "select 1 as n")]);
    let network = crate::support::postgres::own_server().network();
    let port = network.port.clone().unwrap_or_default();
    let variables = [("PGHOST", "127.0.0.1"), ("PGPORT", port.as_str()), ("PGPASSWORD", "wrong horse")];
    let ended = project.suiro_with(&["build"], &variables);
    assert_eq!(ended.status, 66, "{}", ended.stderr);
    assert!(ended.stderr.contains("E0502") && !ended.stderr.contains("wrong horse"), "{}", ended.stderr);
    let ended = project.suiro_with(&["build"], &[("PGHOST", "127.0.0.1"), ("PGPORT", "1")]);
    assert_eq!(ended.status, 75, "{}", ended.stderr);
    assert!(ended.stderr.contains("E0501") && ended.stderr.contains("127.0.0.1"), "{}", ended.stderr);
}

#[test]
fn a_locked_file_names_its_holder_and_may_be_tried_again() {
    let project = Project::on_duckdb();
    project.models(&[("a", "select 1 as n")]);
    project.build(&[]);
    let open = project.connect();
    let ended = project.suiro(&["build", "--force"]);
    assert_eq!(ended.status, 75, "{}", ended.stderr);
    let holder = std::process::id().to_string();
    assert!(ended.stderr.contains("E0504") && ended.stderr.contains(&holder), "{}", ended.stderr);
    drop(open);
    project.build(&[]);
}

#[test]
fn a_locked_file_can_be_waited_for_and_planned_on() {
    let project = Project::on_duckdb();
    project.models(&[("a", "select 1 as n")]);
    let open = project.connect();
    let ended = project.suiro(&["plan"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (75, ""), "{}", ended.stderr);
    drop(open);
    project.build(&[]);
    project.models(&[("b", "select n from a")]);
    let open = project.connect();
    let ended = project.suiro(&["plan"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("warning[E0504]") && ended.stderr.contains("what the last run left"),
        "{}",
        ended.stderr
    );
    let planned: Vec<Vec<&str>> = ended.stdout.lines().map(|line| line.split_whitespace().take(7).collect()).collect();
    assert_eq!(planned[0][..3], ["skip", "table", "a"]);
    assert!(
        ended.stdout.contains("b  it does not exist yet") && !ended.stdout.contains("a  it does not"),
        "{}",
        ended.stdout
    );
    for words in [&["why", "b"][..], &["status"]] {
        let ended = project.suiro(words);
        assert!(ended.status == 0 && ended.stdout.contains("b "), "{}", ended.stderr);
    }
    for words in [["ls"], ["check"], ["compile"]] {
        assert_eq!(project.suiro(&words).status, 0);
    }
    // Waiting ends, with the reason.
    let start = std::time::Instant::now();
    let ended = project.suiro(&["build", "--lock-wait", "600ms"]);
    assert_eq!(ended.status, 75, "{}", ended.stderr);
    assert!(start.elapsed() >= std::time::Duration::from_millis(600));
    let holder = std::process::id().to_string();
    assert!(ended.stderr.contains("Waiting up to 600ms") && ended.stderr.contains(&holder), "{}", ended.stderr);
    // And is worth it.
    let release = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(700));
        drop(open);
    });
    project.build(&["--lock-wait", "30s"]);
    release.join().unwrap();
    assert_eq!(project.value("select n from core.b"), "1");
    assert_eq!(project.suiro(&["build", "--lock-wait", "5"]).status, 64);
    // Nobody waits for what never comes.
    project.write("suiro.yml", "name: it\ntargets: {it: {type: duckdb, path: nowhere/it.duckdb}}\n");
    assert_eq!(project.suiro(&["build", "--lock-wait", "1h"]).status, 66);
}

#[test]
fn names_that_postgres_would_cut_are_refused_before_anything_runs() {
    let project = Project::on_postgres();
    let long = "a".repeat(64);
    project.models(&[(&long, "select 1 as n")]);
    let printed = project.build_fails(1);
    assert!(printed.contains("E0112") && printed.contains("63"), "{printed}");
}

#[test]
fn a_role_without_rights_is_told_what_to_grant() {
    let project = Project::on_postgres();
    project.models(&[("a", "select 1 as n")]);
    let database = project.database.as_ref().unwrap();
    let role = crate::support::postgres::ROLE;
    let mut admin = database.admin();
    admin.execute(&format!("alter database {} owner to current_user", database.name)).unwrap();
    admin.execute(&format!("revoke create on database {} from public", database.name)).unwrap();
    let printed = project.build_fails(66);
    assert!(printed.contains("E0622") && printed.to_uppercase().contains("GRANT"), "{printed}");
    assert!(printed.contains(role) || printed.contains("role"), "{printed}");
}
