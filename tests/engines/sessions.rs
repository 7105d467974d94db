//! What a session may do and how it is set: rights, pins, the target's settings.

use crate::{duckdb, execute, memory, support::postgres, value};
use suiro::{
    diagnostic::code,
    engine::{Engine, FailureKind},
};

#[test]
fn a_missing_right_names_the_grant() {
    let database = postgres::database();
    let mut admin = database.admin();
    execute(
        admin.as_mut(),
        &[
            "create schema closed",
            "create table closed.t (a int)",
            "create schema open",
            "grant usage on schema open to suiro_test",
            "create table open.t (a int)",
            "create function open.f() returns int language sql as 'select 1'",
            "revoke execute on function open.f() from public",
            "create sequence open.s",
        ],
    );
    let mut connection = database.connect();
    for (statement, grant) in [
        ("select * from closed.t", "grant usage on schema closed to suiro_test"),
        ("create table closed.x as select 1", "grant usage, create on schema closed to suiro_test"),
        ("select * from open.t", "grant select on t to suiro_test"),
        ("insert into open.t values (1)", "grant select, insert on t to suiro_test"),
        ("select open.f()", "grant execute on function f to suiro_test"),
        ("select nextval('open.s')", "grant usage on sequence s to suiro_test"),
        ("create table open.x as select 1", "grant usage, create on schema open to suiro_test"),
        ("drop table open.t", "GRANT"),
        ("create database x", "GRANT"),
    ] {
        let error = connection.execute(statement).unwrap_err();
        assert_eq!((error.code, error.kind), (code::PERMISSION_DENIED, FailureKind::Permanent), "{statement}");
        let help = error.help.unwrap_or_default();
        assert!(help.contains(grant), "{statement}: {help}");
    }
}

#[test]
fn a_refused_read_only_session_says_so() {
    let database = postgres::database();
    let mut options = database.options();
    options.read_only = true;
    let mut connection = postgres::connect(&options);
    let error = connection.execute("create schema s").unwrap_err();
    assert_eq!(error.code, code::NOT_READ_ONLY, "{error:?}");
    assert_eq!(value(connection.as_mut(), "select 1").as_deref(), Some("1"));
}

#[test]
fn every_session_is_pinned() {
    let database = postgres::database();
    let mut connection = database.connect();
    for (setting, expected) in [
        ("TimeZone", "UTC"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("extra_float_digits", "1"),
        ("standard_conforming_strings", "on"),
        ("search_path", ""),
        ("client_encoding", "UTF8"),
        ("bytea_output", "hex"),
        ("client_connection_check_interval", "1s"),
        ("application_name", "suiro tests"),
    ] {
        let found = value(connection.as_mut(), &format!("show {setting}"));
        assert_eq!(found.as_deref(), Some(expected), "{setting}");
    }
    let error = connection.execute("create table t (a int)").unwrap_err();
    assert!(error.message.contains("no schema has been selected"), "{error:?}");
    // The test server's defaults are others, so that these show it.
    let stamp = value(connection.as_mut(), "select timestamptz '2024-01-02 03:04:05+09'");
    assert_eq!(stamp.as_deref(), Some("2024-01-01 18:04:05+00"));
    assert_eq!(value(connection.as_mut(), "select 0.1::float8 + 0.2").as_deref(), Some("0.30000000000000004"));
    assert_eq!(value(connection.as_mut(), "select 'a\\b'").as_deref(), Some("a\\b"));

    let mut connection = memory();
    let stamp = value(connection.as_mut(), "select timestamptz '2024-01-02 03:04:05+09'");
    assert_eq!(stamp.as_deref(), Some("2024-01-01 18:04:05+00"));
    let nulls = value(connection.as_mut(), "select a from (values (1), (null)) t(a) order by a");
    assert_eq!(nulls.as_deref(), Some("1"));
    assert_eq!(value(connection.as_mut(), "select current_setting('TimeZone')").as_deref(), Some("UTC"));
}

#[test]
fn a_targets_settings_come_after_the_pins() {
    let database = postgres::database();
    let mut options = database.options();
    options.settings.insert("timezone".to_owned(), "Asia/Tokyo".to_owned());
    options.settings.insert("work_mem".to_owned(), "8MB".to_owned());
    options.role = Some(postgres::GROUP.to_owned());
    options.application_name = Some("漢字 and more than sixty-three bytes, which is where PostgreSQL cuts".to_owned());
    let engine = postgres::engine(&options);
    let mut connection = engine.connect("tests").unwrap();
    for (query, expected) in [
        ("show timezone", "Asia/Tokyo"),
        ("show work_mem", "8MB"),
        ("select current_user", postgres::GROUP),
        ("select session_user", postgres::ROLE),
    ] {
        assert_eq!(value(connection.as_mut(), query).as_deref(), Some(expected), "{query}");
    }
    let settings = engine.session_settings();
    assert_eq!(settings.get("timezone").map(String::as_str), Some("Asia/Tokyo"));
    assert!(!settings.contains_key("TimeZone"), "{settings:?}");

    let mut options = suiro::engine::duckdb::DuckDbOptions::default();
    options.settings.insert("timezone".to_owned(), "Asia/Tokyo".to_owned());
    options.settings.insert("memory_limit".to_owned(), "100MB".to_owned());
    options.threads = Some(1);
    let engine = suiro::engine::duckdb::DuckDbEngine::new(options);
    let mut connection = engine.connect("tests").unwrap();
    assert_eq!(value(connection.as_mut(), "select current_setting('TimeZone')").as_deref(), Some("Asia/Tokyo"));
    assert_eq!(value(connection.as_mut(), "select current_setting('memory_limit')").as_deref(), Some("95.3 MiB"));
    assert_eq!(value(connection.as_mut(), "select current_setting('threads')").as_deref(), Some("1"));
    assert_eq!(engine.session_settings().get("timezone").map(String::as_str), Some("Asia/Tokyo"));
}

#[test]
fn wrong_settings_are_refused_with_their_name() {
    let database = postgres::database();
    for (name, setting, code) in [
        ("no_such_setting", "1", code::BAD_CONNECTION_SETTING),
        ("work_mem", "lots", code::BAD_CONNECTION_SETTING),
        ("log_statement", "all", code::BAD_CONNECTION_SETTING),
    ] {
        let mut options = database.options();
        options.settings.insert(name.to_owned(), setting.to_owned());
        let error = postgres::engine(&options).connect("tests").err().unwrap();
        assert_eq!(error.code, code, "{name}: {error:?}");
        assert!(error.message.contains(name), "{error:?}");
    }
    for (role, code) in [("no_such_role", code::BAD_CONNECTION_SETTING), ("postgres", code::PERMISSION_DENIED)] {
        let mut options = database.options();
        options.role = Some(role.to_owned());
        let error = postgres::engine(&options).connect("tests").err().unwrap();
        assert_eq!(error.code, code, "{role}: {error:?}");
        assert!(error.help.is_some(), "{error:?}");
    }
    for (name, setting) in [("no_such_setting", "1"), ("memory_limit", "lots")] {
        let mut options = suiro::engine::duckdb::DuckDbOptions::default();
        options.settings.insert(name.to_owned(), setting.to_owned());
        let error = suiro::engine::duckdb::DuckDbEngine::new(options).connect("tests").err().unwrap();
        assert_eq!(error.code, code::BAD_CONNECTION_SETTING, "{name}: {error:?}");
    }
}

#[test]
fn engines_say_their_version_and_place() {
    let database = postgres::database();
    let engine = postgres::engine(&database.options());
    assert!(engine.version().unwrap().starts_with("PostgreSQL 1"), "{:?}", engine.version());
    assert!(engine.place().contains("suiro_test@") && !engine.place().contains("pass"), "{}", engine.place());
    let engine = duckdb(None);
    assert!(engine.version().unwrap().starts_with("DuckDB 1."), "{:?}", engine.version());
    assert_eq!(engine.place(), ":memory:");
}
