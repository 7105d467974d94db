//! `suiro lineage` as a user meets it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails here")]

use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// What `suiro lineage --json-lines` answers, line by line, where there is no project.
fn traced(lines: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_suiro"))
        .args(["lineage", "--json-lines"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_lines() {
    let schema = json!({"raw.orders": {"id": "integer", "amount": "numeric"}, "customers": ["id", "name"]});
    let requests = [
        json!({"id": 1, "dialect": "postgres", "schema": schema,
            "sql": "select o.id, amount::integer as n, upper(name) as name from raw.orders o join customers c using (id)"}),
        json!({"id": "two", "dialect": "ansi", "schema": null, "sql": "insert into x (a) select b from y"}),
        json!({"id": null, "dialect": "duckdb", "schema": null, "sql": "select * from y"}),
        json!({"id": 4, "dialect": "klingon", "sql": "select 1"}),
        json!({"id": 5, "dialect": "ansi", "sql": "select ("}),
        json!({"id": 6, "dialect": "ansi"}),
        json!({"id": 7, "dialect": "tsql", "schema": {"src": ["a", "b"]},
            "sql": "create table one as select a, b from src; insert into two select a from one; insert into three select b from one"}),
    ];
    let mut lines = requests.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    lines.push_str("\n\nno json\n");
    let found = traced(&lines);
    assert_eq!(found.len(), 8);
    assert_eq!(
        found[0],
        json!({"id": 1, "inputs": ["customers", "raw.orders"], "outputs": [], "columns": [
            {"name": "id", "position": 0, "sources": [{"column": "raw.orders.id", "kind": "copy", "cast": "none"}]},
            {"name": "n", "position": 1, "sources": [{"column": "raw.orders.amount", "kind": "copy", "cast": "other"}]},
            {"name": "name", "position": 2, "sources": [{"column": "customers.name", "kind": "transform"}]},
        ], "unsupported": null})
    );
    assert_eq!(
        found[1],
        json!({"id": "two", "inputs": ["y"], "outputs": ["x"], "columns": [
            {"name": "a", "position": 0, "sources": [{"column": "y.b", "kind": "copy", "cast": "none"}]},
        ], "unsupported": null})
    );
    for (at, reason) in [(2, "star"), (3, "klingon"), (4, "Expected"), (5, "`sql` is missing"), (7, "no JSON")] {
        let unsupported = found[at]["unsupported"].as_str().unwrap_or_default();
        assert!(unsupported.contains(reason) && found[at]["columns"] == json!([]), "{}", found[at]);
    }
    assert_eq!(found[6]["outputs"], json!(["three", "two"]));
    let relations: Vec<&Value> =
        found[6]["columns"].as_array().unwrap().iter().map(|column| &column["relation"]).collect();
    assert_eq!(relations, ["two", "three"]);
    assert_eq!(found[6]["columns"][1]["sources"][0]["column"], "src.b");
}
