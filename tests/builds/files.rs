//! Models that become files, on DuckDB.

use crate::project::Project;
use std::{fs, path::PathBuf};

fn file(project: &Project, path: &str) -> PathBuf {
    project.path().join(path)
}

fn entries(project: &Project, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(project.path().join(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_written_whole_and_read_by_its_name() {
    let project = Project::on_duckdb();
    project.models(&[
        ("p", "/*--- {materialized: file} ---*/ select 1 as n, '日本' as t -- the end"),
        ("c", "/*--- {materialized: file, location: \"out/it's.csv\"} ---*/ select n, t || ',' as t from p"),
        ("t", "select c.n, c.t, p.n as m from c, p"),
        ("v", "/*--- {materialized: view} ---*/ select n from p"),
    ]);
    for n in 1..4 {
        project
            .models(&[("p", &format!("/*--- {{materialized: file}} ---*/ select {n} as n, '日本' as t -- the end"))]);
        project.build(&[]);
        assert_eq!(project.rows("select n, t, m from core.t"), [format!("{n}|日本,|{n}")]);
        assert_eq!(project.value("select n from core.v"), n.to_string());
        assert_eq!(project.value("select n from core.c"), n.to_string());
        assert_eq!(entries(&project, "files"), ["p.parquet"]);
        assert_eq!(entries(&project, "out"), ["it's.csv"]);
        assert_eq!(fs::read_to_string(file(&project, "out/it's.csv")).unwrap(), format!("n,t\n{n},\"日本,\"\n"));
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
    // Alone, and read by somebody else.
    project.build(&["--select", "p"]);
    let read = format!("select n from read_parquet('{}')", file(&project, "files/p.parquet").display());
    assert_eq!(project.value(&read), "3");
}

#[test]
fn a_failure_keeps_the_old_file() {
    let project = Project::on_duckdb();
    let model = |sql: &str| format!("/*--- {{materialized: file}} ---*/ {sql}");
    project.models(&[("p", &model("select 1 as n"))]);
    project.build(&[]);
    let before = fs::read(file(&project, "files/p.parquet")).unwrap();
    project.models(&[("p", &model("select cast('x' || range as integer) as n from range(3)"))]);
    let printed = project.build_fails(66);
    assert!(printed.contains("models/p.sql"), "{printed}");
    assert_eq!(fs::read(file(&project, "files/p.parquet")).unwrap(), before);
    // The publish itself fails: what was put in place goes back.
    project.models(&[
        ("p", &model("select 2 as n")),
        ("v", "/*---\nmaterialized: view\npost_hook: select nosuch from core.p\n---*/\nselect n from p"),
    ]);
    project.build_fails(66);
    assert_eq!(fs::read(file(&project, "files/p.parquet")).unwrap(), before);
    assert_eq!(project.value("select n from core.p"), "1");
    assert_eq!(entries(&project, "files"), ["p.parquet"]);
}

#[test]
fn what_a_dead_run_left_is_removed_and_nothing_else() {
    let project = Project::on_duckdb();
    project.write("files/.__suiro_20260101T000000-abcdef_p.parquet", "half a file");
    project.write("files/mine.parquet", "mine");
    project.models(&[("p", "/*--- {materialized: file} ---*/ select 1 as n")]);
    project.build(&[]);
    assert_eq!(entries(&project, "files"), ["mine.parquet", "p.parquet"]);
}

#[test]
fn tables_become_files_and_files_tables() {
    let project = Project::on_duckdb();
    for (materialized, n) in [("table", 1), ("file", 2), ("view", 3), ("file", 4), ("table", 5)] {
        project.models(&[("p", &format!("/*--- {{materialized: {materialized}}} ---*/ select {n} as n"))]);
        project.build(&[]);
        assert_eq!(project.value("select n from core.p"), n.to_string());
    }
}

#[test]
fn two_models_cannot_be_one_file() {
    let project = Project::on_duckdb();
    let model = "/*--- {materialized: file, location: out/x.parquet} ---*/ select 1 as n";
    project.models(&[("a", model), ("b", model)]);
    let printed = project.build_fails(1);
    assert!(printed.contains("E0111") && printed.contains("out/x.parquet"), "{printed}");
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let project = Project::on_duckdb();
    project.write("files", "no folder");
    project.models(&[("p", "/*--- {materialized: file} ---*/ select 1 as n"), ("other", "select 1 as n")]);
    let printed = project.build_fails(1);
    assert!(printed.contains("E0115") && printed.contains("files"), "{printed}");
    assert_eq!(project.value("select n from core.other"), "1");
}
