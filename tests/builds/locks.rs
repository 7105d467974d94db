//! A lock table that is too small for a publish: refused before anything is built, with the number to raise.

use crate::{project::Project, support::postgres::narrow_server};

#[test]
fn a_publish_that_needs_too_many_locks_is_refused_before_it_is_built() {
    let project = Project::on_server(narrow_server());
    for index in 0..90 {
        project.models(&[(&format!("m{index}"), "select 1 as n")]);
    }
    project.models(&[("v", "/*--- {materialized: view} ---*/ select n from m1")]);
    // Tables that come move in; those that are replaced move out, too, and take twice as many locks.
    project.build(&[]);
    for index in 0..90 {
        project.models(&[(&format!("m{index}"), "select 2 as n")]);
    }
    let printed = project.build_fails(66);
    for said in [
        "E0611",
        "publishing 91 relations",
        "`max_locks_per_transaction` of the server from 10 to 16",
        "publish: group",
    ] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
    assert!(project.results().iter().all(|(_, status)| status == "not_started"), "{printed}");
    assert_eq!(project.value("select n from core.m7"), "1");
    assert_eq!(project.left_behind(), Vec::<String>::new());
    // Each of the ways out works.
    project.build(&["--select", "m1", "v"]);
    assert_eq!(project.value("select n from core.v"), "2");
    project.configure("publish: group");
    project.build(&[]);
    assert_eq!(project.value("select n from core.m89"), "2");
}
