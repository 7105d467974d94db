//! Protected targets: what takes away rows that may not come back, or relations, is confirmed by the target's name.

use crate::{on_both_engines, project::Project};

fn protect(project: &Project, protected: bool) {
    project.configure_target(&format!("threads: 4, protected: {protected}"), "run_vars: [id]");
}

fn incremental(more: &str, sql: &str) -> String {
    format!("/*---\nmaterialized: incremental\nunique_key: id\n{more}---*/\n{sql}")
}

/// Ends with that status and says these words; nothing of `core.added` changes.
fn refused(project: &Project, words: &[&str]) {
    let ended = project.suiro(words);
    assert_eq!(ended.status, 78, "{words:?}: {}", ended.stderr);
    assert!(ended.stderr.contains("E0002") && ended.stderr.contains("--confirm"), "{words:?}: {}", ended.stderr);
    assert_eq!(project.rows("select id from core.added order by id"), ["1", "2"], "{words:?}");
}

fn started(project: &Project) {
    project.models(&[
        ("added", &incremental("", "select {{ var('id') }} as id")),
        ("plain", "select 1 as n"),
        ("kept", "/*---\nmaterialized: snapshot\nunique_key: id\nstrategy: check\ncheck_cols: all\n---*/\nselect 1 as id, 'a' as word"),
    ]);
    protect(project, true);
    for id in ["id: 1", "id: 2"] {
        project.build(&["--vars", id]);
    }
    assert_eq!(project.rows("select id from core.added order by id"), ["1", "2"]);
}

const NEXT: &[&str] = &["--vars", "id: 2"];

on_both_engines! {
    /// A table that was added to bit by bit is not made anew, whatever the reason, unless the target is named.
    fn rows_that_may_not_come_back_are_kept(project) {
        started(project);
        let with = |words: &[&'static str]| [&["build"], words, NEXT].concat();
        refused(project, &with(&["--full-refresh"]));
        refused(project, &with(&["--full-refresh", "--force"]));
        // The plan says so, too; tables that can be made again are built.
        let plan = project.suiro(&[&["plan", "--full-refresh"], NEXT].concat());
        assert_eq!(plan.status, 78, "{}", plan.stderr);
        assert!(plan.stdout.contains("blocked"), "{}", plan.stdout);
        project.models(&[("plain", "select 2 as n")]);
        refused(project, &with(&["--full-refresh"]));
        assert_eq!(project.value("select n from core.plain"), "2");
        // Other SQL, other columns, another kind of relation.
        for model in [
            incremental("", "select {{ var('id') }} + 0 as id"),
            incremental("on_definition_change: full_refresh\n", "select {{ var('id') }} + 0 as id"),
            "select {{ var('id') }} as id".to_owned(),
            "/*--- {materialized: view} ---*/ select {{ var('id') }} as id".to_owned(),
        ] {
            project.models(&[("added", &model)]);
            refused(project, &with(&[]));
        }
        let wider = incremental("on_definition_change: forward\non_schema_change: full_refresh\n", "select {{ var('id') }} as id, 1 as more");
        project.models(&[("added", &wider)]);
        let ended = project.suiro(&with(&[]));
        assert_eq!(ended.status, 66, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0614") && ended.stderr.contains("`it` is protected"), "{}", ended.stderr);
        assert_eq!(project.rows("select id from core.added order by id"), ["1", "2"]);
        // Another target's name is no confirmation, the target's is, and a model that keeps its rows keeps them.
        project.models(&[("added", &incremental("full_refresh: never\n", "select {{ var('id') }} as id"))]);
        let ended = project.suiro(&with(&["--full-refresh", "--confirm", "prod"]));
        assert_eq!(ended.status, 78, "{}", ended.stderr);
        assert!(ended.stderr.contains("the target is `it`"), "{}", ended.stderr);
        project.build(&[&["--full-refresh", "--confirm", "it"], NEXT].concat());
        assert_eq!(project.rows("select id from core.added order by id"), ["1", "2"]);
        project.models(&[("added", &incremental("", "select {{ var('id') }} as id"))]);
        project.build(&[&["--full-refresh", "--confirm", "it"], NEXT].concat());
        assert_eq!(project.rows("select id from core.added"), ["2"]);
    }

    /// Relations and the history of snapshots.
    fn relations_and_histories_are_kept(project) {
        started(project);
        refused(project, &[&["snapshot", "reset", "kept", "--yes"], NEXT].concat());
        std::fs::remove_file(project.path().join("models/plain.sql")).unwrap();
        assert_eq!(project.suiro(&[&["prune"], NEXT].concat()).status, 0);
        refused(project, &[&["prune", "--yes"], NEXT].concat());
        assert_eq!(project.value("select n from core.plain"), "1");
        let ended = project.suiro(&[&["prune", "--yes", "--confirm", "it"], NEXT].concat());
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let ended = project.suiro(&[&["snapshot", "reset", "kept", "--yes", "--confirm", "it"], NEXT].concat());
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        // An environment is built as everywhere, and dropped with a confirmation.
        project.models(&[("more", "select 1 as n")]);
        project.build(&[&["--env", "dev_ann", "--full-refresh"], NEXT].concat());
        refused(project, &[&["env", "drop", "dev_ann", "--yes"], NEXT].concat());
        let ended = project.suiro(&[&["env", "drop", "dev_ann", "--yes", "--confirm", "it"], NEXT].concat());
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }
}
