//! DuckDB as people use it: files as sources, other databases, extensions, secrets, names that collide.

use crate::project::Project;
use std::fs;
use suiro::engine::{
    Engine,
    duckdb::{DuckDbEngine, DuckDbOptions},
};

/// A project whose target has these further keys.
fn project(keys: &str) -> Project {
    let project = Project::on_duckdb();
    let keys = if keys.is_empty() { String::new() } else { format!(", {keys}") };
    project.write(
        "suiro.yml",
        &format!(
            "name: it\ntargets:\n  it: {{type: duckdb, path: it.duckdb, schema: core, threads: 4{keys}}}\nmodels: {{materialized: table}}\n"
        ),
    );
    project
}

/// Carries out statements in a DuckDB file of the project's folder.
fn fill(project: &Project, file: &str, statements: &[&str]) {
    let path = Some(project.path().join(file));
    let engine = DuckDbEngine::new(DuckDbOptions { path, ..DuckDbOptions::default() });
    let mut connection = engine.connect("tests").unwrap();
    for statement in statements {
        connection.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

const FILES: &str = "sources:
  - name: raw
    tables:
      - {name: orders, location: data/orders/*.csv, read_options: {delim: \";\", types: {id: VARCHAR}}}
      - {name: events, location: data/events.ndjson}
      - {name: items, location: \"data/**/items.parquet\"}
      - {name: odd, location: data/odd.txt, format: csv}
      - {name: gone, location: data/gone/*.parquet}
";

fn with_files() -> Project {
    let project = project("");
    project.write("models/raw.yml", FILES);
    project.write("data/orders/1.csv", "id;amount\n1;10\n");
    project.write("data/orders/2.csv", "id;amount\n2;20\n");
    project.write("data/events.ndjson", "{\"id\": \"1\", \"what\": {\"kind\": \"paid\"}}\n");
    project.write("data/odd.txt", "a,b\n1,2\n");
    fs::create_dir_all(project.path().join("data/deep/er")).unwrap();
    let items = project.path().join("data/deep/er/items.parquet");
    let copy = format!("copy (select '1' as id, 'apple' as item) to '{}'", items.display());
    fill(&project, "other.duckdb", &[&copy]);
    project
}

/// A source with a location is read by its name, in every form that a name can have.
#[test]
fn files_are_read_by_their_names() {
    let project = with_files();
    project.models(&[
        ("joined", "select orders.id, orders.amount, e.what.kind, i.item from raw.orders, events as e join raw.items i on i.id = e.id where orders.id = e.id"),
        ("twice", "with orders as (select 7 as n) select n, (select sum(amount) from raw.orders) as total, (select count(*) from raw.orders as o) as rows from orders"),
        ("form", "from raw.odd"),
        ("by_source", "select count(*) as n from {{ source('raw', 'orders') }}"),
        ("deep", "select n from by_source union all select n from lighter"),
    ]);
    project.write("models/lighter.sql", "{{ config(materialized='view') }}select count(*) as n from orders");
    project.write("models/within.sql", "{{ config(materialized='ephemeral') }}select amount from raw.orders");
    project.models(&[("above", "select sum(amount) as total from within")]);
    project.build(&[]);
    assert_eq!(project.rows("select * from core.joined"), ["1|10|paid|apple"]);
    assert_eq!(project.rows("select * from core.twice"), ["7|30|2"]);
    assert_eq!(project.rows("select * from core.form"), ["1|2"]);
    assert_eq!(project.rows("select n from core.deep"), ["2", "2"]);
    assert_eq!(project.value("select total from core.above"), "30");
    // The view finds the files from wherever it is read, and sees a new one.
    project.write("data/orders/3.csv", "id;amount\n3;30\n");
    assert_eq!(project.value("select n from core.lighter"), "3");
    let shown = project.suiro(&["show", "raw.orders", "--format", "json"]);
    assert!(shown.stdout.contains(r#"{"id":"3","amount":30}"#), "{}{}", shown.stdout, shown.stderr);
    let shown = project.suiro(&["show", "--inline", "select max(amount) as most from raw.orders", "--format", "json"]);
    assert_eq!(shown.stdout.trim(), r#"{"most":30}"#);
    let listed = project.suiro(&["ls", "--select", "raw.orders+"]).stdout;
    assert!(["joined", "twice", "by_source", "deep", "above"].iter().all(|name| listed.contains(name)), "{listed}");
}

/// What reads files that are not there cannot be built; the rest can, and compiling never looks.
#[test]
fn missing_files_are_named_with_their_place() {
    let project = with_files();
    project.models(&[("fine", "select 1 as n"), ("lost", "select * from raw.gone"), ("below", "select * from lost")]);
    assert_eq!(project.suiro(&["check"]).status, 0);
    let printed = project.build_fails(1);
    assert!(printed.contains("E0510") && printed.contains("models/raw.yml:8:32"), "{printed}");
    assert_eq!(project.value("select n from core.fine"), "1");
    let ended = project.suiro(&["plan"]);
    assert!(ended.status == 1 && ended.stdout.contains("it has an error (E0510)"), "{}{}", ended.stdout, ended.stderr);
    // Another selection is not concerned.
    project.build(&["--select", "fine"]);
    project.write(
        "models/wrong.yml",
        "sources: [{name: w, tables: [{name: a, location: data/x.bin}, {name: b, format: csv}]}]\n",
    );
    let ended = project.suiro(&["check"]);
    assert!(ended.stderr.contains("`format: csv`, `json` or `parquet`"), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("E0106").count(), 3, "{}", ended.stderr);
}

/// Tables of an attached database are sources that say so, by two names or three.
#[test]
fn attached_databases_are_read() {
    let project = project("attach: [crm.duckdb, {path: files/erp.duckdb, alias: ERP}]");
    fs::create_dir_all(project.path().join("files")).unwrap();
    fill(
        &project,
        "crm.duckdb",
        &[
            "create table customers as select 1 as id, 'Ann' as name",
            "create schema s",
            "create table s.t as select 'crm' as n",
        ],
    );
    fill(
        &project,
        "files/erp.duckdb",
        &["create schema s", "create table s.t as select 'erp' as n", "create table s.only as select 5 as n"],
    );
    project.write(
        "models/sources.yml",
        "sources:
  - {name: crm_main, database: crm, schema: main, tables: [{name: customers}]}
  - {name: crm_s, database: crm, schema: s, tables: [{name: t}]}
  - {name: erp, database: erp, schema: s, tables: [{name: t}, {name: only}]}
",
    );
    project.models(&[
        ("three", "select c.name, crm.s.t.n as a, erp.s.t.n as b from crm.main.customers as c, crm.s.t, erp.s.t"),
        ("two", "select name from crm.customers"),
        ("bare", "select s.only.n, x.n as t from s.only, {{ source('erp', 't') }} as x"),
    ]);
    project.write("models/seen.sql", "{{ config(materialized='view') }}select name from customers");
    project.build(&[]);
    assert_eq!(project.rows("select * from core.three"), ["Ann|crm|erp"]);
    assert_eq!(project.rows("select * from core.two"), ["Ann"]);
    assert_eq!(project.rows("select * from core.bare"), ["5|erp"]);
    assert_eq!(project.suiro(&["show", "seen"]).status, 0);
    let listed = project.suiro(&["ls", "--select", "resource_type:source"]).stdout;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(names, ["crm.s.t", "erp.s.t", "main.customers", "s.only"]);
    project.models(&[
        ("unclear", "select n from s.t"),
        ("nowhere", "select n from crm.s.missing"),
        ("own", "select n from it.core.bare"),
    ]);
    let printed = project.build_fails(1);
    assert!(
        printed.contains("E0303") && printed.contains("`crm.s.missing` reaches into another database"),
        "{printed}"
    );
    assert!(printed.contains("write `core.bare`"), "{printed}");
}

/// `SQLite` and PostgreSQL under `attach` need extensions, which cannot be had here: those that Python packages bring are of
/// another version than the library, which refuses them. What was seen with a library of their version stands in
/// docs/decisions/0002.
#[test]
fn what_cannot_be_attached_is_named() {
    let cases = [
        ("attach: [missing.duckdb]", "E0512", "does not exist"),
        ("attach: [{path: notes.txt, alias: notes}]", "E0512", "`notes` cannot be attached"),
        ("attach: [{path: x.db, alias: x, type: sqlite}]", "E0511", "--install-extensions"),
        ("attach: [{path: core.duckdb}]", "E0111", "under the name of a schema"),
        ("attach: [{path: 'host=db password=hunter22', type: postgres}]", "E0106", "`alias` is missing"),
        ("attach: [{path: 'host=db password=hunter22', alias: p, type: postgres}]", "E0511", "--install-extensions"),
        ("attach: [a.duckdb, {path: b.duckdb, alias: A}]", "E0111", "two databases are attached as `A`"),
        ("attach: [{path: a.duckdb, alias: temp}]", "E0106", "DuckDB's own"),
        ("extensions: [no_such_thing]", "E0511", "--install-extensions"),
        ("extensions: [\"a b\"]", "E0106", "no name of an extension"),
        ("secrets: [{type: s3, key_id: hunter22, secret: hunter33}]", "E0511", "--install-extensions"),
        ("secrets: [{key_id: hunter22}]", "E0106", "with a `type`"),
        ("secrets: [{type: http, bearer: hunter22}]", "E0507", "the secret `http` cannot be made"),
        ("memory_limit: lots", "E0507", "memory_limit"),
        ("settings: {no_such_setting: 1}", "E0507", "no_such_setting"),
    ];
    for (keys, code, said) in cases {
        let project = project(keys);
        project.write("notes.txt", "this is no database, and it is long enough to be read as one or not");
        project.write("x.db", "");
        project.models(&[("a", "select 1 as n")]);
        let ended = project.suiro(&["build"]);
        assert_ne!(ended.status, 0, "{keys}");
        assert!(ended.stderr.contains(code) && ended.stderr.contains(said), "{keys}: {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter"), "{keys}: {}", ended.stderr);
    }
}

/// A database that may be written is made when something is built, not when somebody only looks.
#[test]
fn an_attached_database_is_made_only_by_a_build() {
    let project = project("attach: [{path: made.duckdb, read_only: false}]");
    project.models(&[("a", "select 1 as n")]);
    assert_eq!(project.suiro(&["plan"]).status, 0);
    assert!(!project.path().join("made.duckdb").exists());
    project.build(&[]);
    assert!(project.path().join("made.duckdb").exists());
}

/// Extensions that are part of DuckDB load; secrets are made and shown nowhere.
#[test]
fn extensions_and_secrets() {
    let project = project(
        "extensions: [json, parquet], secrets: [{type: http, name: lake, bearer_token: \"{{ env_var('TOKEN') }}\", extra_http_headers: {X-Key: hunter22}}], memory_limit: 1GB, settings: {errors_as_json: true, threads: 2}",
    );
    project.models(&[("a", "select name, type from duckdb_secrets()")]);
    let ended = project.suiro_with(&["build", "--show-sql"], &[("TOKEN", "tok-en-value")]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(project.rows("select * from core.a"), ["lake|http"]);
    let logs = project.path().join("target/logs");
    let mut texts = vec![ended.stdout, ended.stderr];
    texts.extend(fs::read_dir(logs).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()));
    assert!(texts.iter().all(|text| !text.contains("hunter22") && !text.contains("tok-en-value")), "{texts:?}");
    let ended = project.suiro_with(&["debug"], &[("TOKEN", "x")]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

/// The name of the file, of a schema, and of the database in memory do not get into each other's way.
#[test]
fn a_file_called_like_a_schema() {
    for (path, schema) in [("core.duckdb", "core"), ("Core.duckdb", "core"), (":memory:", "memory")] {
        let project = project("");
        project.write(
            "suiro.yml",
            &format!("name: it\ntargets: {{it: {{type: duckdb, path: '{path}', schema: {schema}}}}}\nmodels: {{materialized: table}}\n"),
        );
        project.write("models/numbers.csv", "n\n1\n2\n");
        project.write("models/seen.sql", "{{ config(materialized='view') }}select total from below");
        let qualified = format!("select sum({schema}.numbers.n) as total from {schema}.numbers");
        project.models(&[("below", &qualified), ("above", "select total from seen")]);
        project.build(&[]);
        if path == ":memory:" {
            continue;
        }
        project.build(&[]);
        let shown = project.suiro(&["show", "above", "--format", "json"]);
        assert_eq!(shown.stdout.trim(), r#"{"total":3}"#, "{path}: {}", shown.stderr);
        let shown = project.suiro(&["query", "select total from core.seen", "--format", "json"]);
        assert_eq!(shown.stdout.trim(), r#"{"total":3}"#, "{path}: {}", shown.stderr);
    }
}
