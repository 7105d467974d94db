//! What goes where: colours, log files, manual pages.

use crate::project::Project;
use std::fs;

#[test]
fn a_log_file_gets_every_line_without_colours_and_secrets() {
    let project = Project::on_duckdb();
    project.models(&[("a", "select 1 as n"), ("b", "select 'hunter2secret' as s, nosuch(n) from a")]);
    let secret = [("SUIRO_SECRET_KEY", "hunter2secret")];
    let words = ["build", "--quiet", "--color", "always", "--log-file", "all.log"];
    let ended = project.suiro_with(&words, &secret);
    assert_eq!(ended.status, 66, "{}", ended.stderr);
    assert!(ended.stderr.contains("\u{1b}[") && !ended.stderr.contains("Partly done"), "{}", ended.stderr);
    let log = fs::read_to_string(project.path().join("all.log")).unwrap();
    for said in ["Partly done: 1 built, 1 failed", "error[E0601]", "1/2 built", "models/b.sql:1:30"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(!log.contains('\u{1b}') && !log.contains("hunter2secret"), "{log}");
    // A second run adds to it.
    project.suiro(&["check", "--log-file", "all.log"]);
    let longer = fs::read_to_string(project.path().join("all.log")).unwrap();
    assert!(longer.starts_with(&log) && longer.len() > log.len(), "{longer}");
    let ended = project.suiro(&["check", "--log-file", "no/such/folder/all.log"]);
    assert!(ended.status == 1 && ended.stderr.contains("E0115"), "{}", ended.stderr);
}

#[test]
fn no_color_counts_unless_colours_are_asked_for() {
    let project = Project::on_duckdb();
    project.models(&[("a", "select nosuch")]);
    for (words, variables, coloured) in [
        (vec!["build"], vec![("CLICOLOR_FORCE", "0")], false),
        (vec!["build", "--color", "always"], vec![("NO_COLOR", "1")], true),
        (vec!["build", "--color", "never"], vec![], false),
    ] {
        let ended = project.suiro_with(&words, &variables);
        assert_eq!(ended.stderr.contains("\u{1b}["), coloured, "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let project = Project::on_duckdb();
    let page = project.suiro(&["man"]);
    assert!(page.status == 0 && page.stdout.contains(".TH suiro 1"), "{}", page.stdout);
    assert_eq!(project.suiro(&["man", "--to", "pages"]).status, 0);
    let build = fs::read_to_string(project.path().join("pages/suiro-build.1")).unwrap();
    assert!(build.contains("fail\\-fast"), "{build}");
}
