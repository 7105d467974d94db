//! Both engines against real databases.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails here")]

#[path = "../support/mod.rs"]
mod support;

mod catalog;
mod connecting;
mod duckdb;
mod functions;
mod loading;
mod poolers;
mod sessions;
mod statements;

use std::path::Path;
use suiro::engine::{
    Connection, Engine,
    duckdb::{DuckDbEngine, DuckDbOptions},
};

/// A DuckDB engine for that file, or in memory.
fn duckdb(path: Option<&Path>) -> DuckDbEngine {
    DuckDbEngine::new(DuckDbOptions { path: path.map(Path::to_owned), ..DuckDbOptions::default() })
}

/// A session with a DuckDB database in memory of its own.
fn memory() -> Box<dyn Connection> {
    duckdb(None).connect("tests").unwrap()
}

/// The first value of a query, if it is not NULL.
fn value(connection: &mut dyn Connection, query: &str) -> Option<String> {
    let rows = connection.query(query, None).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    rows.rows.into_iter().next().unwrap_or_default().into_iter().next().flatten()
}

/// Carries out statements that must work.
fn execute(connection: &mut dyn Connection, statements: &[&str]) {
    for statement in statements {
        connection.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}
