//! DuckDB files: opened once, locked, broken, missing.

use crate::{duckdb, execute, value};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};
use suiro::{
    diagnostic::code,
    engine::{
        Engine, EngineError, FailureKind,
        duckdb::{DuckDbEngine, DuckDbOptions},
    },
};

const HOLD: &str = "SUIRO_TEST_HOLD_FILE";

fn refusal(options: DuckDbOptions) -> EngineError {
    DuckDbEngine::new(options).connect("tests").err().expect("it opened")
}

fn at(path: &Path) -> DuckDbOptions {
    DuckDbOptions { path: Some(path.to_owned()), ..DuckDbOptions::default() }
}

/// What the test below does in a process of its own: opens the file, says so, and waits for its input to end.
fn hold_a_file(path: &str) {
    let _connection = duckdb(Some(Path::new(path))).connect("tests").unwrap();
    println!("holding");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn a_locked_file_names_its_holder() {
    if let Ok(path) = std::env::var(HOLD) {
        return hold_a_file(&path);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clinic.duckdb");
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "duckdb::a_locked_file_names_its_holder", "--nocapture"])
        .env(HOLD, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("holding")));
    for read_only in [false, true] {
        let error = refusal(DuckDbOptions { read_only, ..at(&path) });
        assert_eq!((error.code, error.kind), (code::FILE_LOCKED, FailureKind::Temporary), "{error:?}");
        let pid = format!("(PID {})", holder.id());
        assert!(error.help.as_deref().unwrap_or_default().contains(&pid), "{error:?}");
        assert!(error.message.contains("clinic.duckdb"), "{error:?}");
    }
    drop(holder.stdin.take());
    holder.wait().unwrap();
    duckdb(Some(&path)).connect("tests").unwrap();
}

#[test]
fn files_that_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text.duckdb"), "not a database, but long enough to have a header: ".repeat(200)).unwrap();
    std::fs::write(path("short.duckdb"), "x").unwrap();
    duckdb(Some(&path("new.duckdb"))).connect("tests").unwrap();
    let mut bytes = std::fs::read(path("new.duckdb")).unwrap();
    bytes[100] ^= 1;
    std::fs::write(path("corrupt.duckdb"), &bytes).unwrap();
    bytes[100] ^= 1;
    // The version number stands behind a checksum and the magic bytes.
    bytes[12..20].copy_from_slice(&9999u64.to_le_bytes());
    let words = bytes[8..4096].chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    let checksum = words.fold(5381, |sum, word| sum ^ word.wrapping_mul(0xbf58_476d_1ce4_e5b9));
    bytes[..8].copy_from_slice(&checksum.to_le_bytes());
    std::fs::write(path("newer.duckdb"), bytes).unwrap();
    for (name, words) in [
        ("text.duckdb", "not a valid DuckDB database file"),
        ("short.duckdb", "not a valid DuckDB database file"),
        ("newer.duckdb", "version number 9999"),
        ("corrupt.duckdb", "Corrupt database file"),
        ("missing/folder.duckdb", "does not exist"),
        ("", "is a folder"),
    ] {
        let error = refusal(at(&path(name)));
        assert_eq!((error.code, error.kind), (code::UNREADABLE_DATABASE, FailureKind::Permanent), "{name}: {error:?}");
        let text = format!("{} {}", error.message, error.notes.join(" "));
        assert!(text.contains(words), "{name}: {error:?}");
        assert!(error.help.is_some(), "{name}: {error:?}");
    }
    assert!(!path("missing").exists());
}

#[test]
fn a_missing_file_is_not_made_by_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clinic.duckdb");
    let error = refusal(DuckDbOptions { read_only: true, ..at(&path) });
    assert_eq!(error.code, code::NO_SUCH_DATABASE, "{error:?}");
    assert!(!path.exists());
    execute(duckdb(Some(&path)).connect("tests").unwrap().as_mut(), &["create table t as select 1 as a"]);
    let engine = DuckDbEngine::new(DuckDbOptions { read_only: true, ..at(&path) });
    let mut connection = engine.connect("tests").unwrap();
    assert_eq!(value(connection.as_mut(), "select a from t").as_deref(), Some("1"));
    let error = connection.execute("create table u (a integer)").unwrap_err();
    assert_eq!(error.code, code::NOT_READ_ONLY, "{error:?}");
}

#[test]
fn a_file_is_opened_once_in_a_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clinic.duckdb");
    let first = duckdb(Some(&path));
    let mut writer = first.connect("tests").unwrap();
    execute(writer.as_mut(), &["create table t as select 1 as a"]);
    // Another way to write the same file.
    let second = duckdb(Some(&folder.path().join(".").join("clinic.duckdb")));
    let mut reader = second.connect("tests").unwrap();
    assert_eq!(value(reader.as_mut(), "select a from t").as_deref(), Some("1"));
    execute(writer.as_mut(), &["begin", "update t set a = 2"]);
    assert_eq!(value(reader.as_mut(), "select a from t").as_deref(), Some("1"));
    execute(writer.as_mut(), &["commit"]);
    assert_eq!(value(reader.as_mut(), "select a from t").as_deref(), Some("2"));
    let error = refusal(DuckDbOptions { read_only: true, ..at(&path) });
    assert_eq!(error.code, code::BAD_CONNECTION_SETTING, "{error:?}");
    drop((reader, writer, first, second));
    let mut again = duckdb(Some(&path)).connect("tests").unwrap();
    assert_eq!(value(again.as_mut(), "select a from t").as_deref(), Some("2"));
}

#[test]
fn a_schema_may_be_called_like_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.duckdb");
    let mut connection = duckdb(Some(&path)).connect("tests").unwrap();
    execute(connection.as_mut(), &["create schema shop"]);
    let error = connection.execute("create table shop.t (a integer)").unwrap_err();
    assert!(error.help.as_deref().unwrap_or_default().contains("rename"), "{error:?}");
    drop(connection);
    let named = || DuckDbEngine::new(DuckDbOptions { name: Some("shop db".to_owned()), ..at(&path) });
    {
        let engine = named();
        let mut connection = engine.connect("tests").unwrap();
        execute(
            connection.as_mut(),
            &["create table shop.t as select 1 as a", "create view shop.v as select * from shop.t"],
        );
        let catalog = engine.connect("tests").unwrap().catalog(&["shop"]).unwrap();
        assert_eq!(catalog.relations.len(), 2);
        let columns = [suiro::engine::LoadColumn { name: "a".to_owned(), data_type: "integer".to_owned() }];
        let mut rows = std::iter::once(vec![Some("2".to_owned())]);
        connection.load(&suiro::name::RelationName::new("shop", "t"), &columns, &mut rows).unwrap();
    }
    let mut connection = named().connect("tests").unwrap();
    assert_eq!(value(connection.as_mut(), "select sum(a) from shop.v").as_deref(), Some("3"), "it is in the file");
    let read_only = DuckDbOptions { name: Some("shop db".to_owned()), read_only: true, ..at(&path) };
    drop(connection);
    let mut connection = DuckDbEngine::new(read_only).connect("tests").unwrap();
    assert_eq!(connection.execute("drop view shop.v").unwrap_err().code, code::NOT_READ_ONLY);
}

#[test]
fn an_error_in_a_view_does_not_point_into_the_statement() {
    let mut connection = duckdb(None).connect("tests").unwrap();
    execute(
        connection.as_mut(),
        &[
            "create table t as select 'x' as amount",
            "create view v as select             amount::integer as total, 1 as other from t",
        ],
    );
    let error = connection.execute("create table u as select other, total from v where other = 1").unwrap_err();
    assert!(error.message.contains("Could not convert"), "{error:?}");
    assert_eq!(error.position, None, "{error:?}");
}

#[test]
fn extensions_are_not_downloaded() {
    let mut connection = duckdb(None).connect("tests").unwrap();
    assert_eq!(
        value(connection.as_mut(), "select current_setting('autoinstall_known_extensions')").as_deref(),
        Some("false")
    );
    let error = connection.execute("select st_point(1, 2)").unwrap_err();
    assert_eq!(error.code.id, "E0511");
    assert!(error.help.as_deref().unwrap_or_default().contains("--install-extensions"), "{error:?}");
}

#[test]
fn values_of_any_type_are_shown() {
    let mut connection = duckdb(None).connect("tests").unwrap();
    let query = "select * from test_all_types()";
    let rows = connection.query(query, None).unwrap();
    assert_eq!(rows.rows.len(), 3);
    assert_eq!(rows.columns.len(), rows.rows[0].len());
    assert!(rows.rows[2].iter().all(Option::is_none));
}

#[test]
fn limits_on_memory_and_disk_have_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = at(&folder.path().join("small.duckdb"));
    options.threads = Some(1);
    options.settings.insert("memory_limit".to_owned(), "50MB".to_owned());
    options.settings.insert("max_temp_directory_size".to_owned(), "1MB".to_owned());
    let mut connection = DuckDbEngine::new(options).connect("tests").unwrap();
    let big =
        "create table t as select i, hash(i)::varchar || repeat('x', 100) as s from range(3000000) r(i) order by s";
    let error = connection.execute(big).unwrap_err();
    assert_eq!((error.code, error.kind), (code::DISK_FULL, FailureKind::Permanent), "{error:?}");
    assert!(error.help.is_some(), "{error:?}");
    assert_eq!(value(connection.as_mut(), "select 1").as_deref(), Some("1"));
}
