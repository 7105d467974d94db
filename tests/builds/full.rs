//! No room left: the run says so, keeps what was published, and leaves nothing.
//!
//! The limits are real and the programs' own answers, but they are limits on files (`RLIMIT_FSIZE`) and on temporary
//! files, not a disk that is full: mounting a small one needs rights that not every machine of ours gives.

use crate::{project::Project, support::postgres::full_server};

/// SQL whose table needs more than 30 megabytes, in no order that a compression could use.
fn large(project: &Project) -> &'static str {
    match project.database {
        Some(_) => {
            "select g as id, pg_catalog.repeat(pg_catalog.md5(g::text), 30) as filling \
             from pg_catalog.generate_series(1, 40000) as g"
        }
        None => "select range as id, md5(cast(range as varchar)) as filling from range(3000000)",
    }
}

/// Builds a small version, then one that does not fit; `build` runs suiro.
fn does_not_fit(project: &Project, build: impl Fn() -> crate::project::Ended) -> String {
    project.models(&[("a", "select 1 as n"), ("b", "select n from a"), ("other", "select 1 as n")]);
    project.build(&[]);
    project.models(&[("a", "select 2 as n"), ("b", large(project)), ("c", "select * from b")]);
    let ended = build();
    assert_eq!(ended.status, 66, "{}", ended.stderr);
    assert!(ended.stderr.contains("E0603") && ended.stderr.contains("models/b.sql"), "{}", ended.stderr);
    assert_eq!(project.value("select n from core.b"), "1");
    ended.stderr
}

#[test]
fn a_server_without_room() {
    let project = Project::on_server(full_server());
    does_not_fit(&project, || project.suiro(&["build"]));
    // What did fit is published.
    assert_eq!(project.value("select n from core.a"), "2");
    assert_eq!(project.left_behind(), Vec::<String>::new());
    project.models(&[("b", "select n from a"), ("c", "select n from b")]);
    project.build(&[]);
    assert_eq!(project.value("select n from core.c"), "2");
}

#[test]
fn a_duckdb_file_that_cannot_grow() {
    let project = Project::on_duckdb();
    does_not_fit(&project, || project.suiro_within(20 << 20, &["build"]));
    // The file is whole, and the next run finds its place.
    project.models(&[("b", "select n from a"), ("c", "select n from b")]);
    project.build(&[]);
    assert_eq!(project.value("select n from core.c"), "2");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

#[test]
fn duckdb_may_not_spill_as_much_as_it_needs() {
    let project = Project::on_duckdb();
    project.configure_target(
        "threads: 1, memory_limit: 60MB, settings: {max_temp_directory_size: 1MB, threads: '1', preserve_insertion_order: 'false'}",
        "",
    );
    project.models(&[(
        "a",
        "select range as id, md5(cast(range as varchar)) as filling from range(3000000) order by filling",
    )]);
    let printed = project.build_fails(66);
    assert!(printed.contains("E0603") && printed.contains("max_temp_directory_size"), "{printed}");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

#[test]
fn postgres_may_not_spill_as_much_as_it_needs() {
    let project = Project::on_postgres();
    let database = project.database.as_ref().unwrap();
    database.admin().execute(&format!("alter database {} set temp_file_limit = '100kB'", database.name)).unwrap();
    project.models(&[(
        "a",
        "select pg_catalog.md5(g::text) as filling from pg_catalog.generate_series(1, 300000) as g order by filling",
    )]);
    let printed = project.build_fails(66);
    assert!(printed.contains("SQLSTATE 53400") && printed.contains("raise `temp_file_limit`"), "{printed}");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}
