//! What is the same on both engines: counts, rows, places of errors, cancelling, transactions.

use crate::{duckdb, execute, memory, support::postgres, value};
use std::time::{Duration, Instant};
use suiro::{
    diagnostic::code,
    engine::{Connection, Engine, FailureKind},
};

/// Each test on both engines.
fn on_both(test: impl Fn(&mut dyn Connection, &str)) {
    test(memory().as_mut(), "DuckDB");
    let database = postgres::database();
    let mut connection = database.connect();
    execute(connection.as_mut(), &["create schema s", "set search_path to s"]);
    test(connection.as_mut(), "PostgreSQL");
}

#[test]
fn statements_say_how_many_rows_they_had() {
    on_both(|connection, engine| {
        for (statement, rows) in [
            ("create table t (a integer, b text)", None),
            ("insert into t values (1, 'x'), (2, 'y'), (3, null)", Some(3)),
            ("create table u as select * from t where a > 1", Some(2)),
            ("create table empty as select * from t where a > 100", Some(0)),
            ("create view v as select * from t", None),
            ("update t set b = 'z' where a > 1", Some(2)),
            ("delete from t where a > 100", Some(0)),
            ("select * from t", Some(3)),
            ("begin", None),
            ("rollback", None),
            ("-- only a comment", None),
            ("", None),
            ("drop view v;", None),
        ] {
            let count =
                connection.execute(statement).unwrap_or_else(|error| panic!("{engine}: {statement}: {error:?}"));
            assert_eq!(count, rows, "{engine}: {statement}");
        }
    });
}

#[test]
fn rows_come_as_text_with_names_and_types() {
    on_both(|connection, engine| {
        let rows = connection
            .query(
                "select 1 as a, cast(null as varchar) as a, '' as \"B b\", cast(1.50 as decimal(10, 2)) as d, \
                 timestamp '2024-01-02 03:04:05' as t, true as yes, '漢字' as k; -- the end",
                None,
            )
            .unwrap();
        assert_eq!(rows.columns, ["a", "a", "B b", "d", "t", "yes", "k"], "{engine}");
        let values: Vec<Option<&str>> = rows.rows[0].iter().map(Option::as_deref).collect();
        let yes = if engine == "DuckDB" { "true" } else { "t" };
        let expected = [Some("1"), None, Some(""), Some("1.50"), Some("2024-01-02 03:04:05"), Some(yes), Some("漢字")];
        assert_eq!(values, expected, "{engine}");
        assert_eq!(rows.types[3].to_lowercase().replace("decimal", "numeric"), "numeric(10,2)", "{engine}");
    });
}

#[test]
fn a_limit_keeps_the_order() {
    on_both(|connection, engine| {
        let series = "select i from generate_series(1, 100000) as g(i) order by i desc";
        let rows = connection.query(series, Some(3)).unwrap();
        let values: Vec<_> = rows.rows.into_iter().flatten().flatten().collect();
        assert_eq!(values, ["100000", "99999", "99998"], "{engine}");
        assert_eq!(connection.query(series, Some(0)).unwrap().rows.len(), 0, "{engine}");
        assert_eq!(connection.query(series, None).unwrap().rows.len(), 100_000, "{engine}");
        let values = connection.query("values (1), (2)", Some(5)).unwrap();
        assert_eq!(values.rows.len(), 2, "{engine}");
        // Also what no cursor can be declared for, and what is no query.
        assert_eq!(connection.query("explain select 1", Some(1)).unwrap().rows.len(), 1, "{engine}");
        execute(connection, &["create table w (a integer)"]);
        let returned = connection.query("insert into w values (1), (2) returning a", Some(1)).unwrap();
        assert_eq!(returned.rows, [[Some("1".to_owned())]], "{engine}");
        assert_eq!(value(connection, "select count(*) from w").as_deref(), Some("2"), "{engine}");
        // Inside a transaction, and twice.
        execute(connection, &["begin"]);
        for _ in 0..2 {
            assert_eq!(connection.query(series, Some(2)).unwrap().rows.len(), 2, "{engine}");
        }
        execute(connection, &["commit"]);
    });
    let database = postgres::database();
    let mut connection = database.connect();
    execute(connection.as_mut(), &["create schema s", "create table s.w (a int)"]);
    let writes = "with x as (insert into s.w values (1), (2) returning a) select a from x order by a desc";
    assert_eq!(connection.query(writes, Some(1)).unwrap().rows, [[Some("2".to_owned())]]);
    assert_eq!(value(connection.as_mut(), "select count(*) from s.w").as_deref(), Some("2"), "once, not twice");
    execute(connection.as_mut(), &["begin"]);
    let error = connection.query(writes, Some(1)).unwrap_err();
    assert_eq!(error.sqlstate.as_deref(), Some("0A000"), "{error:?}");
}

#[test]
fn a_query_is_one_statement() {
    on_both(|connection, engine| {
        execute(connection, &["create table t (a integer)"]);
        for query in ["select 1; drop table t", "select 1;;select 2"] {
            let error = connection.query(query, None).unwrap_err();
            assert_eq!(error.code, code::SEVERAL_STATEMENTS, "{engine}: {query}");
            assert_eq!(connection.describe(query).unwrap_err().code, code::SEVERAL_STATEMENTS, "{engine}: {query}");
        }
        assert_eq!(value(connection, "select count(*) from t;").as_deref(), Some("0"), "{engine}");
    });
}

#[test]
fn a_query_is_described_without_running() {
    on_both(|connection, engine| {
        execute(connection, &["create table t (a integer, b varchar(20))"]);
        let columns = connection
            .describe("with x as (select a, b, 1 / 0 as boom from t) select a, b, a as a, boom from x -- end")
            .unwrap();
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "a", "boom"], "{engine}");
        let types: Vec<String> = columns.iter().take(2).map(|(_, data_type)| data_type.to_lowercase()).collect();
        let text = if engine == "DuckDB" { "varchar" } else { "character varying(20)" };
        assert_eq!(types, ["integer", text], "{engine}");
    });
}

/// Statements with the place of their error behind `/*@*/`.
const WRONG: &[&str] = &[
    "select /*@*/nope from t",
    "select '漢字', /*@*/nope from t",
    "select 1,\n  '漢字',\r\n\t/*@*/nope\nfrom t",
    "-- 漢字\nselect * from /*@*/nowhere",
    "select a from t\nwhere /*@*/nope = 1 -- tail",
    "select *\nfrom t group /*@*/bye a",
    "create table x as\nselect /*@*/no_such_function(a) from t",
    "insert into t select '漢', /*@*/nope from t",
    "select 'a long literal, longer than any excerpt: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890', /*@*/nope, '0123456789012345678901234567890123456789012345678901234567890123456789' from t",
];

#[test]
fn errors_point_at_the_byte() {
    on_both(|connection, engine| {
        execute(connection, &["create table t (a integer, b text)"]);
        for statement in WRONG {
            let place = statement.find("/*@*/").unwrap() + "/*@*/".len();
            let error = connection.execute(statement).unwrap_err();
            assert_eq!(error.position, Some(place), "{engine}: {statement}: {error:?}");
            assert!(!error.message.contains('\n') && !error.message.contains("LINE"), "{engine}: {error:?}");
            assert!(!error.notes.iter().any(|note| note.contains("LINE ")), "{engine}: {error:?}");
            if !statement.starts_with("create") && !statement.starts_with("insert") {
                let error = connection.query(statement, Some(5)).unwrap_err();
                assert_eq!(error.position, Some(place), "{engine}: query: {statement}: {error:?}");
                let error = connection.describe(statement).unwrap_err();
                assert_eq!(error.position, Some(place), "{engine}: describe: {statement}: {error:?}");
            }
        }
    });
}

#[test]
fn errors_have_codes() {
    on_both(|connection, engine| {
        execute(connection, &["create table t (a integer, b text)"]);
        for (statement, code, kind) in [
            ("select * from nowhere", code::RELATION_MISSING, FailureKind::Permanent),
            ("select * from nowhere.t", code::RELATION_MISSING, FailureKind::Permanent),
            ("select nope from t", code::STATEMENT_REFUSED, FailureKind::Permanent),
            ("select cast('x' as integer)", code::STATEMENT_REFUSED, FailureKind::Permanent),
        ] {
            let error = connection.execute(statement).unwrap_err();
            assert_eq!((error.code.id, error.kind), (code.id, kind), "{engine}: {statement}: {error:?}");
        }
        let error = connection.execute("select '\0'").unwrap_err();
        assert_eq!((error.code, error.position), (code::STATEMENT_REFUSED, Some(8)), "{engine}");
        assert_eq!(connection.query("select '\0'", None).unwrap_err().position, Some(8), "{engine}");
    });
}

#[test]
fn several_statements_stop_at_the_first_failure() {
    on_both(|connection, engine| {
        connection.execute_all(&[]).unwrap();
        connection
            .execute_all(&["create table a (x integer)", "insert into a values (1) -- no end", "select * from a;"])
            .unwrap();
        for (statements, index, position) in [
            (
                vec![
                    "insert into a values (2)",
                    "insert into a values (3); -- 漢",
                    "select '漢', nope from a",
                    "drop table a",
                ],
                2,
                Some("select '漢', ".len()),
            ),
            (vec!["insert into a values (2)", "selec 1"], 1, Some(0)),
            (vec!["select 1 as suiro", "insert into a values (cast('x' as integer))"], 1, None),
            (vec!["drop table nowhere"], 0, None),
        ] {
            let (at, error) = connection.execute_all(&statements).unwrap_err();
            assert_eq!(at, index, "{engine}: {statements:?}: {error:?}");
            if position.is_some() {
                assert_eq!(error.position, position, "{engine}: {statements:?}: {error:?}");
            }
        }
        let (at, _) = connection.execute_all(&["select 1", "select '\0'"]).unwrap_err();
        assert_eq!(at, 1, "{engine}");
        assert!(value(connection, "select count(*) from a").is_some(), "{engine}: the table was dropped");
    });
}

#[test]
fn several_statements_in_a_transaction() {
    on_both(|connection, engine| {
        connection.execute_all(&["begin", "create table a (x integer)", "insert into a values (1)", "commit"]).unwrap();
        assert_eq!(value(connection, "select count(*) from a").as_deref(), Some("1"), "{engine}");
        let (at, _) = connection.execute_all(&["begin", "insert into a values (2)", "select nope from a"]).unwrap_err();
        assert_eq!(at, 2, "{engine}");
        execute(connection, &["rollback"]);
        assert_eq!(value(connection, "select count(*) from a").as_deref(), Some("1"), "{engine}");
    });
}

#[test]
fn a_running_statement_can_be_cancelled() {
    // A cross join that would run for hours, on either engine.
    let endless =
        "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) where x % 7 = y % 11";
    on_both(|connection, engine| {
        // Nothing runs: nothing happens, now or to the next statement.
        connection.interrupter().interrupt();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(value(connection, "select 1").as_deref(), Some("1"), "{engine}");
        for by_query in [false, true] {
            let interrupter = connection.interrupter();
            let waiter = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                interrupter.interrupt();
            });
            let started = Instant::now();
            let error =
                if by_query { connection.query(endless, Some(1)).err() } else { connection.execute(endless).err() };
            let error = error.unwrap();
            assert_eq!((error.code, error.kind), (code::CANCELLED, FailureKind::Cancelled), "{engine}: {error:?}");
            assert!(started.elapsed() < Duration::from_secs(10), "{engine}: {:?}", started.elapsed());
            waiter.join().unwrap();
            assert_eq!(value(connection, "select 1").as_deref(), Some("1"), "{engine}: usable afterwards");
        }
    });
}

#[test]
fn a_sleeping_statement_can_be_cancelled() {
    let database = postgres::database();
    let mut connection = database.connect();
    let interrupter = connection.interrupter();
    let waiter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        interrupter.interrupt();
    });
    let started = Instant::now();
    let error = connection.execute("select pg_sleep(30)").unwrap_err();
    waiter.join().unwrap();
    assert_eq!((error.code, error.kind), (code::CANCELLED, FailureKind::Cancelled), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_cancellation_from_elsewhere_is_no_interrupt_of_ours() {
    let database = postgres::database();
    let mut options = database.options();
    options.statement_timeout = Some("200ms".to_owned());
    let mut connection = postgres::connect(&options);
    let error = connection.execute("select pg_sleep(30)").unwrap_err();
    assert_eq!((error.code, error.kind), (code::STATEMENT_REFUSED, FailureKind::Permanent), "{error:?}");
    assert!(error.help.as_deref().unwrap_or_default().contains("statement_timeout"), "{error:?}");
}

#[test]
fn what_the_protocol_would_break_over_is_refused() {
    let database = postgres::database();
    let mut connection = database.connect();
    execute(connection.as_mut(), &["create schema s", "create table s.t (a int)"]);
    for statement in ["copy s.t from stdin", "copy s.t to stdout", "begin; copy s.t from stdin"] {
        let error = connection.execute(statement).unwrap_err();
        assert_eq!((error.code, error.kind), (code::STATEMENT_REFUSED, FailureKind::Permanent), "{error:?}");
        assert_eq!(connection.execute_all(&["select 1", statement]).unwrap_err().0, 1);
        assert!(connection.query(statement, None).is_err());
    }
    assert_eq!(value(connection.as_mut(), "select 1").as_deref(), Some("1"), "usable afterwards");
}

#[test]
fn a_lost_connection_says_why() {
    let database = postgres::database();
    let mut connection = database.connect();
    let process = value(connection.as_mut(), "select pg_backend_pid()").unwrap();
    // A server that ends with something of ours unread resets the connection, and its words are lost.
    std::thread::sleep(Duration::from_millis(300));
    execute(database.admin().as_mut(), &[&format!("select pg_terminate_backend({process})")]);
    std::thread::sleep(Duration::from_millis(200));
    let error = connection.execute("select 1").unwrap_err();
    assert_eq!((error.code, error.kind), (code::CONNECTION_LOST, FailureKind::Connection), "{error:?}");
    assert!(error.notes.iter().any(|note| note.contains("terminating connection")), "{error:?}");
    assert!(error.may_pass());
}

#[test]
fn conflicts_and_locks_pass() {
    let database = postgres::database();
    let mut first = database.connect();
    let mut second = database.connect();
    execute(first.as_mut(), &["create schema s", "create table s.t as select 1 as a", "begin", "lock table s.t"]);
    execute(second.as_mut(), &["set lock_timeout = '100ms'"]);
    let error = second.execute("select * from s.t").unwrap_err();
    assert_eq!((error.code, error.kind), (code::LOCK_NOT_HAD, FailureKind::Temporary), "{error:?}");
    assert_eq!(error.sqlstate.as_deref(), Some("55P03"));
    execute(first.as_mut(), &["commit"]);
    for connection in [first.as_mut(), second.as_mut()] {
        execute(connection, &["begin isolation level repeatable read", "select * from s.t"]);
    }
    execute(first.as_mut(), &["update s.t set a = 2", "commit"]);
    let error = second.execute("update s.t set a = 3").unwrap_err();
    assert_eq!((error.code, error.kind), (code::TEMPORARY_FAILURE, FailureKind::Temporary), "{error:?}");

    let engine = duckdb(None);
    let mut first = engine.connect("tests").unwrap();
    let mut second = engine.connect("tests").unwrap();
    execute(first.as_mut(), &["create table t as select 1 as a", "begin", "update t set a = 2"]);
    execute(second.as_mut(), &["begin"]);
    let error = second.execute("update t set a = 3").unwrap_err();
    assert_eq!((error.code, error.kind), (code::TEMPORARY_FAILURE, FailureKind::Temporary), "{error:?}");
}

#[test]
fn two_that_make_the_same_thing_at_once_may_try_again() {
    let database = postgres::database();
    let mut first = database.connect();
    let mut second = database.connect();
    execute(first.as_mut(), &["begin", "create schema if not exists s"]);
    let process = value(second.as_mut(), "select pg_backend_pid()").unwrap();
    let blocked = std::thread::spawn(move || second.execute("create schema if not exists s"));
    let waits = format!("select wait_event_type = 'Lock' from pg_stat_activity where pid = {process}");
    let mut admin = database.admin();
    while value(admin.as_mut(), &waits).as_deref() != Some("t") {
        std::thread::sleep(Duration::from_millis(20));
    }
    execute(first.as_mut(), &["commit"]);
    let error = blocked.join().unwrap().unwrap_err();
    assert_eq!((error.sqlstate.as_deref(), error.kind), (Some("23505"), FailureKind::Temporary), "{error:?}");
}
