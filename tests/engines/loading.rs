//! Rows of text into tables, on both engines.

use crate::{execute, memory, support::postgres, value};
use std::time::{Duration, Instant};
use suiro::{
    diagnostic::code,
    engine::{Connection, FailureKind, LoadColumn, LoadPlace},
    name::RelationName,
};

fn on_both(test: impl Fn(&mut dyn Connection, &str)) {
    test(memory().as_mut(), "DuckDB");
    test(postgres::database().connect().as_mut(), "PostgreSQL");
}

fn columns(columns: &[(&str, &str)]) -> Vec<LoadColumn> {
    columns
        .iter()
        .map(|(name, data_type)| LoadColumn { name: (*name).to_owned(), data_type: (*data_type).to_owned() })
        .collect()
}

fn row(values: &[Option<&str>]) -> Vec<Option<String>> {
    values.iter().map(|value| value.map(str::to_owned)).collect()
}

#[test]
fn every_text_arrives_as_it_is() {
    let texts = [
        "",
        " ",
        "NULL",
        "\\N",
        "\\",
        "\\\\",
        "\\.",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "\r",
        "'",
        "\"",
        "\"\"",
        ",",
        "漢字",
        "🦆",
        "e\u{301}",
        "\u{7f}",
        "ends with \\",
        "{}",
        "$1",
        "a,b\n\"c\"\t\\d",
    ];
    on_both(|connection, engine| {
        execute(connection, &["create schema s", "create table s.\"T t\" (\"I i\" integer, \"va\"\"lue\" varchar)"]);
        let mut rows = texts.iter().enumerate().map(|(index, text)| row(&[Some(&index.to_string()), Some(text)]));
        let mut all = rows.by_ref().chain(std::iter::once(row(&[Some("999"), None])));
        let table = RelationName::new("s", "T t");
        let columns = columns(&[("I i", "integer"), ("va\"lue", "varchar")]);
        let count = connection.load(&table, &columns, &mut all).unwrap_or_else(|error| panic!("{engine}: {error:?}"));
        assert_eq!(count, texts.len() as u64 + 1, "{engine}");
        let found = connection.query("select \"va\"\"lue\" from s.\"T t\" order by \"I i\"", None).unwrap();
        let found: Vec<Option<String>> = found.rows.into_iter().flatten().collect();
        let mut expected: Vec<Option<String>> = texts.iter().map(|text| Some((*text).to_owned())).collect();
        expected.push(None);
        assert_eq!(found, expected, "{engine}");
    });
}

#[test]
fn text_becomes_the_columns_type() {
    on_both(|connection, engine| {
        execute(
            connection,
            &[
                "create schema s",
                "create table s.t (a bigint, b double precision, c decimal(12,3), d date, e timestamp, f boolean, g time, \
                 h timestamptz, i json, j uuid, k integer[], l integer default 7)",
            ],
        );
        let types = [
            "bigint",
            "double precision",
            "decimal(12,3)",
            "date",
            "timestamp",
            "boolean",
            "time",
            "timestamptz",
            "json",
            "uuid",
            "integer[]",
        ];
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
        let columns = columns(&names.iter().copied().zip(types).collect::<Vec<_>>());
        let list = if engine == "DuckDB" { "[1, 2]" } else { "{1,2}" };
        let values = [
            "-9223372036854775808",
            "1e-300",
            "123456789.125",
            "0001-02-03",
            "2024-02-29 23:59:59.123456",
            "true",
            "23:59:59",
            "2024-01-01 00:00:00+09",
            "{\"a\": [1]}",
            "00000000-0000-0000-0000-00000000000a",
            list,
        ];
        let table = RelationName::new("s", "t");
        let mut rows = [row(&values.map(Some)), row(&[None; 11])].into_iter();
        assert_eq!(connection.load(&table, &columns, &mut rows).unwrap(), 2, "{engine}");
        let found = connection.query("select * from s.t order by a nulls last", None).unwrap();
        let text = |row: usize, column: usize| found.rows[row][column].clone().unwrap_or_default();
        assert_eq!(text(0, 0), values[0], "{engine}");
        assert_eq!(text(0, 1), values[1], "{engine}");
        assert_eq!(text(0, 2), values[2], "{engine}");
        assert_eq!(text(0, 3), values[3], "{engine}");
        assert_eq!(text(0, 4), values[4], "{engine}");
        assert_eq!(text(0, 7), "2023-12-31 15:00:00+00", "{engine}");
        assert_eq!(text(0, 9), values[9], "{engine}");
        assert_eq!(found.rows[1][..11], [const { None }; 11], "{engine}");
        assert_eq!(text(1, 11), "7", "{engine}: columns that are not loaded have their default");
    });
}

#[test]
fn a_value_that_does_not_fit_has_its_row_and_column() {
    on_both(|connection, engine| {
        execute(connection, &["create schema s", "create table s.t (\"Id\" integer, \"when\" date not null)"]);
        let table = RelationName::new("s", "t");
        let columns = columns(&[("Id", "integer"), ("when", "date")]);
        let good = || row(&[Some("1"), Some("2024-01-01")]);
        for (bad, column) in [
            (row(&[Some("x"), Some("2024-01-01")]), Some("Id")),
            (row(&[Some(""), Some("2024-01-01")]), Some("Id")),
            (row(&[Some("1"), Some("2024-02-30")]), Some("when")),
            (row(&[Some("1"), None]), Some("when")),
            (row(&[Some("99999999999"), Some("2024-01-01")]), Some("Id")),
            (row(&[Some("1")]), None),
        ] {
            // Far enough for several pieces of a stream.
            let mut rows = (0..50_000).map(|_| good()).chain([bad.clone()]).chain((0..10).map(|_| good()));
            let error = connection.load(&table, &columns, &mut rows).unwrap_err();
            assert_eq!(error.kind, FailureKind::Permanent, "{engine}: {error:?}");
            let place = error.load.clone().unwrap_or_else(|| panic!("{engine}: {bad:?}: {error:?}"));
            assert_eq!(place.row, 50_001, "{engine}: {bad:?}: {error:?}");
            {
                assert_eq!(place.column.as_deref(), column, "{engine}: {bad:?}: {error:?}");
            }
            assert_eq!(error.position, None, "{engine}: {error:?}");
            assert!(!error.message.contains("source column c"), "{engine}: {error:?}");
            assert_eq!(value(connection, "select count(*) from s.t").as_deref(), Some("0"), "{engine}: nothing stays");
        }
        assert_eq!(connection.load(&table, &columns, &mut (0..3).map(|_| good())).unwrap(), 3, "{engine}");
    });
}

#[test]
fn a_load_belongs_to_the_callers_transaction() {
    on_both(|connection, engine| {
        execute(connection, &["create schema s", "begin", "create table s.t (a integer)"]);
        let table = RelationName::new("s", "t");
        let columns = columns(&[("a", "integer")]);
        connection.load(&table, &columns, &mut (0..5).map(|i| row(&[Some(&i.to_string())]))).unwrap();
        execute(connection, &["rollback"]);
        assert_eq!(connection.execute("select * from s.t").unwrap_err().code, code::RELATION_MISSING, "{engine}");
        execute(connection, &["create table s.t (a integer)"]);
        assert_eq!(connection.load(&table, &columns, &mut std::iter::empty()).unwrap(), 0, "{engine}");
        connection.load(&table, &columns, &mut (0..5).map(|i| row(&[Some(&i.to_string())]))).unwrap();
        assert_eq!(value(connection, "select count(*) from s.t").as_deref(), Some("5"), "{engine}");
        let nowhere = RelationName::new("s", "nowhere");
        let error = connection.load(&nowhere, &columns, &mut (0..5).map(|_| row(&[None]))).unwrap_err();
        assert_eq!((error.code, error.position), (code::RELATION_MISSING, None), "{engine}: {error:?}");
    });
}

#[test]
fn a_load_can_be_interrupted() {
    on_both(|connection, engine| {
        execute(connection, &["create schema s", "create table s.t (a integer)"]);
        let interrupter = connection.interrupter();
        let waiter = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            interrupter.interrupt();
        });
        let started = Instant::now();
        let mut endless = (0..).map(|i: u64| row(&[Some(&(i % 1000).to_string())]));
        let error =
            connection.load(&RelationName::new("s", "t"), &columns(&[("a", "integer")]), &mut endless).unwrap_err();
        waiter.join().unwrap();
        assert_eq!((error.code, error.kind), (code::CANCELLED, FailureKind::Cancelled), "{engine}: {error:?}");
        assert!(started.elapsed() < Duration::from_secs(10), "{engine}");
        assert_eq!(value(connection, "select count(*) from s.t").as_deref(), Some("0"), "{engine}");
    });
}

#[test]
fn a_nul_byte_is_refused_with_its_row_or_kept() {
    on_both(|connection, engine| {
        execute(connection, &["create schema s", "create table s.t (a varchar)"]);
        let table = RelationName::new("s", "t");
        let mut rows = [row(&[Some("a")]), row(&[Some("b\0c")])].into_iter();
        match connection.load(&table, &columns(&[("a", "varchar")]), &mut rows) {
            Ok(count) => {
                assert_eq!((engine, count), ("DuckDB", 2));
                let kept = value(connection, "select a from s.t where length(a) = 3");
                assert_eq!(kept.as_deref(), Some("b\0c"));
            }
            Err(error) => {
                assert_eq!(engine, "PostgreSQL", "{error:?}");
                assert_eq!(error.load, Some(LoadPlace { row: 2, column: None }), "{error:?}");
            }
        }
    });
}

/// More rows than one chunk holds. `SUIRO_TEST_ROWS=10000000 cargo test --test engines loads_many -- --nocapture` takes
/// more, and prints the time.
#[test]
fn loads_many_rows() {
    let many = std::env::var("SUIRO_TEST_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    on_both(|connection, engine| {
        execute(
            connection,
            &["create schema s", "create table s.t (a bigint, b varchar, c double precision, d date, e boolean)"],
        );
        let columns =
            columns(&[("a", "bigint"), ("b", "varchar"), ("c", "double precision"), ("d", "date"), ("e", "boolean")]);
        let mut rows = (0..many).map(|i: u32| {
            vec![
                Some(i.to_string()),
                (!i.is_multiple_of(10)).then(|| format!("name {i}")),
                Some(format!("{}.25", i % 1000)),
                Some(format!("2024-01-{:02}", i % 28 + 1)),
                Some(i.is_multiple_of(2).to_string()),
            ]
        });
        let started = Instant::now();
        let count = connection.load(&RelationName::new("s", "t"), &columns, &mut rows).unwrap();
        assert_eq!(count, u64::from(many));
        println!("{engine}: {count} rows in {:.2} s", started.elapsed().as_secs_f64());
    });
}
