//! The 65 models of a clinical warehouse, from their JSON lines alone: exact edges, and tables on both engines.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

#[path = "support/corpora.rs"]
mod corpora;
#[path = "support/mod.rs"]
mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
    process::{Command, ExitCode, Output},
};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let found = corpora::folder();
    let missing = found.as_ref().err().cloned();
    if let Some(why) = &missing {
        eprintln!("ignored unless CI is set: {why}");
    }
    let ignored = missing.is_some() && std::env::var_os("CI").is_none();
    let trial = |name: &str, run: fn(&Warehouse) -> Result<(), Failed>| {
        let found = found.clone();
        Trial::test(name, move || run(&Warehouse::read(&found?)?)).with_ignored_flag(ignored)
    };
    let trials = vec![
        trial("mimic::edges_are_exact", edges_are_exact),
        trial("mimic::builds_as_tables_on_duckdb", builds_on_duckdb),
        trial("mimic::builds_as_tables_on_postgres", builds_on_postgres),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_code()
}

struct Warehouse {
    /// Model → SQL and the relations that it reads.
    models: BTreeMap<String, (String, BTreeSet<String>)>,
    /// Base table → columns and types, in order.
    tables: BTreeMap<String, Vec<(String, String)>>,
}

impl Warehouse {
    fn read(folder: &Path) -> Result<Self, Failed> {
        let mut models = BTreeMap::new();
        for line in fs::read_to_string(folder.join("mimic.jsonl"))?.lines() {
            let case: Value = serde_json::from_str(line)?;
            let text = |key: &str| case[key].as_str().unwrap().to_owned();
            let reads = case["expect_tables_in"].as_array().unwrap();
            let reads = reads.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            models.insert(text("model"), (text("sql"), reads));
        }
        let schema: Value = serde_json::from_str(&fs::read_to_string(folder.join("mimic.schema.json"))?)?;
        let tables = schema.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with("mimiciv_derived."));
        let columns = |value: &Value| {
            let entries = value.as_object().unwrap().iter();
            entries.map(|(name, word)| (name.clone(), word.as_str().unwrap().to_owned())).collect()
        };
        Ok(Self { models, tables: tables.map(|(name, value)| (name.clone(), columns(value))).collect() })
    }

    /// Writes the project: models as plain SQL, base tables as sources.
    fn write(&self, root: &Path, target: &str) -> Result<(), Failed> {
        let file = format!(
            "name: mimic\ntargets:\n  it: {target}\nmodels:\n  mimiciv_derived: {{schema: mimiciv_derived, materialized: table}}\n"
        );
        fs::write(root.join("suiro.yml"), file)?;
        for (name, (sql, _)) in &self.models {
            let path = root.join("models").join(format!("{}.sql", name.replace('.', "/")));
            fs::create_dir_all(path.parent().unwrap())?;
            fs::write(path, sql)?;
        }
        let mut schemas: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in self.tables.keys() {
            let (schema, table) = name.split_once('.').unwrap();
            schemas.entry(schema).or_default().push(table);
        }
        let mut sources = "sources:\n".to_owned();
        for (schema, tables) in schemas {
            let tables: Vec<String> = tables.iter().map(|table| format!("{{name: {table}}}")).collect();
            writeln!(sources, "  - name: {schema}\n    tables: [{}]", tables.join(", "))?;
        }
        fs::write(root.join("models/sources.yml"), sources)?;
        Ok(())
    }

    /// The statements that make the base tables, empty.
    fn tables_sql(&self) -> String {
        let mut sql = String::new();
        let schemas: BTreeSet<&str> = self.tables.keys().map(|name| name.split_once('.').unwrap().0).collect();
        for schema in schemas {
            writeln!(sql, "create schema {schema};").unwrap();
        }
        for (name, columns) in &self.tables {
            let columns: Vec<String> = columns.iter().map(|(name, word)| format!("\"{name}\" {word}")).collect();
            writeln!(sql, "create table {name} ({});", columns.join(", ")).unwrap();
        }
        sql
    }
}

fn suiro(root: &Path, words: &[&str], variables: &[(&str, String)]) -> Result<Output, Failed> {
    Ok(Command::new(env!("CARGO_BIN_EXE_suiro"))
        .args(words)
        .current_dir(root)
        .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
        .output()?)
}

fn succeeded(output: &Output) -> Result<(), Failed> {
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

fn edges_are_exact(warehouse: &Warehouse) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    warehouse.write(place.path(), "{type: duckdb, path: mimic.duckdb}")?;
    let output = suiro(place.path(), &["ls", "--format", "json"], &[])?;
    succeeded(&output)?;
    let mut edges = 0;
    let mut seen = BTreeSet::new();
    let mut bare: BTreeMap<String, String> = BTreeMap::new();
    for name in warehouse.models.keys() {
        bare.insert(name.split_once('.').unwrap().1.to_owned(), name.clone());
    }
    for line in String::from_utf8(output.stdout)?.lines() {
        let node: Value = serde_json::from_str(line)?;
        if node["kind"] != "model" {
            continue;
        }
        let qualified = |value: &Value| {
            let name = value.as_str().unwrap();
            bare.get(name).cloned().unwrap_or_else(|| name.to_owned())
        };
        let name = qualified(&node["name"]);
        let reads: BTreeSet<String> = node["depends_on"].as_array().unwrap().iter().map(qualified).collect();
        edges += reads.len();
        assert_eq!(reads, warehouse.models[&name].1, "{name}");
        seen.insert(name);
    }
    assert_eq!((seen.len(), edges), (65, 181));
    Ok(())
}

/// Builds twice (the second replaces the first), and looks at what is there.
fn builds(root: &Path, variables: &[(&str, String)]) -> Result<(), Failed> {
    for _ in 0..2 {
        let output = suiro(root, &["build"], variables)?;
        succeeded(&output)?;
        let results: Value = serde_json::from_str(&fs::read_to_string(root.join("target/run_results.json"))?)?;
        let results = results["results"].as_array().unwrap();
        let built = results.iter().filter(|result| result["status"] == "built").count();
        assert_eq!((built, results.len()), (65, 65));
    }
    Ok(())
}

fn builds_on_duckdb(warehouse: &Warehouse) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("mimic.duckdb");
    duckdb::Connection::open(&file)?.execute_batch(&warehouse.tables_sql())?;
    warehouse.write(place.path(), "{type: duckdb, path: mimic.duckdb, threads: 2}")?;
    builds(place.path(), &[])?;
    let connection = duckdb::Connection::open(&file)?;
    let count: i64 = connection.query_row(
        "select count(*) from duckdb_tables() where schema_name = 'mimiciv_derived' and table_name not like '%suiro%'",
        [],
        |row| row.get(0),
    )?;
    assert_eq!(count, 65);
    Ok(())
}

fn builds_on_postgres(warehouse: &Warehouse) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let database = support::postgres::database();
    let mut connection = database.connect();
    for statement in warehouse.tables_sql().split_inclusive(";\n") {
        connection.execute(statement).map_err(|error| format!("{statement}: {error}"))?;
    }
    warehouse.write(place.path(), "{type: postgres, threads: 4}")?;
    builds(place.path(), &database.variables())?;
    let count = "select count(*) from pg_catalog.pg_tables where schemaname = 'mimiciv_derived'";
    let rows = connection.query(count, None).map_err(|error| error.to_string())?;
    assert_eq!(rows.rows, [[Some("65".to_owned())]]);
    Ok(())
}
