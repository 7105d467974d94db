//! A small project of somebody who came from dbt and read the guide, `tests/guide-project`: the same rows on both
//! engines, as they were computed without a database, on the first day and on the next.

use crate::{on_both_engines, project::Project};
use std::{fs, path::Path};

const MARTS: [&str; 5] = ["best_rooms", "dim_members", "fct_bookings", "monthly_revenue", "room_months"];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide-project"))
}

/// Copies a part of the project; the database file is the one that the tests look into.
fn copy(project: &Project, from: &Path) {
    for entry in
        walkdir::WalkDir::new(from).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file())
    {
        let path = entry.path().strip_prefix(from).unwrap().to_string_lossy().into_owned();
        if !path.starts_with("expected/") && !path.starts_with("later/") {
            project.write(&path, &fs::read_to_string(entry.path()).unwrap().replace("workspace.duckdb", "it.duckdb"));
        }
    }
}

fn build(project: &Project, more: &[&str]) -> String {
    let target = if project.database.is_some() { "pg" } else { "local" };
    let ended = project.suiro(&[&["build", "--target", target], more].concat());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended.stderr
}

/// The row with its numbers by value: how many zeros follow the point is the engine's own.
fn by_value(row: &str) -> String {
    let value = |text: &str| text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| number.to_string());
    row.split('|').map(value).collect::<Vec<_>>().join("|")
}

/// Each mart has the rows that `expected/<day>` has, in whatever order they were written.
fn compare(project: &Project, day: &str) {
    for mart in MARTS {
        let path = folder().join("expected").join(day).join(format!("{mart}.csv"));
        let mut reader = csv::Reader::from_path(path).unwrap();
        let columns: Vec<String> =
            reader.headers().unwrap().iter().map(|name| format!("cast({name} as varchar)")).collect();
        let rows = reader.records().map(|row| row.unwrap().iter().collect::<Vec<_>>().join("|"));
        let mut expected: Vec<String> = rows.map(|row| by_value(&row)).collect();
        let found = project.rows(&format!("select {} from marts.{mart}", columns.join(", ")));
        let mut found: Vec<String> = found.iter().map(|row| by_value(row)).collect();
        expected.sort();
        found.sort();
        assert!(!expected.is_empty());
        assert_eq!(found, expected, "{mart} on the {day} day");
    }
}

on_both_engines! {
    fn a_project_written_from_the_guide_has_the_expected_rows(project) {
        copy(project, folder());
        let printed = build(project, &[]);
        assert!(printed.contains("14 built, 24 tests passed, 1 test warned"), "{printed}");
        compare(project, "first");
        // Once more changes nothing.
        build(project, &["--select", "selector:nightly"]);
        compare(project, "first");
        copy(project, &folder().join("later"));
        build(project, &[]);
        compare(project, "later");
        build(project, &[]);
        compare(project, "later");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
}
