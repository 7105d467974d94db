//! Loading rows of text into a DuckDB table.
//!
//! Rows are appended to a temporary table of VARCHAR columns and inserted from there, so that each value is converted
//! exactly as `cast` would and in the session's time zone; in chunks, so that memory stays bounded. (Appending straight
//! to the typed table is 5 % faster and converts differently: JSON unchecked, time zones ignored.)

use super::error;
use crate::{
    diagnostic::code,
    dialect::Dialect,
    engine::{EngineError, FailureKind, LoadColumn, LoadPlace, template::fill},
    name::RelationName,
};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

const STAGE: &str = "create or replace temp table __suiro_load ({{columns}})";
const STAGE_COLUMN: &str = "{{name}} varchar";
const INSERT: &str = "insert into {{table}} ({{columns}}) from temp.main.__suiro_load";
const CLEAR: &str = "truncate temp.main.__suiro_load";
const DROP: &str = "drop table if exists temp.main.__suiro_load";
/// Two equal answers mean one transaction. Trying BEGIN instead would abort a transaction that is open.
const TRANSACTION: &str = "select txid_current()";

/// A chunk ends at whichever comes first: two row groups, so that two threads convert, or some memory.
const CHUNK_ROWS: usize = 245_760;
const CHUNK_BYTES: usize = 64 << 20;

type Row = Vec<Option<String>>;

/// Loads all rows or none; inside the caller's transaction if there is one.
pub fn load(
    connection: &duckdb::Connection,
    table: &RelationName,
    columns: &[LoadColumn],
    rows: &mut dyn Iterator<Item = Row>,
    stop: &AtomicBool,
) -> Result<u64, EngineError> {
    if columns.is_empty() {
        return Err(EngineError::new(code::BUG, FailureKind::Permanent, "a table without columns was to be loaded"));
    }
    let refused = |error: duckdb::Error| error::engine_error(&error, "");
    let inside = in_transaction(connection).map_err(refused)?;
    if !inside {
        connection.execute_batch("begin").map_err(refused)?;
    }
    let loaded = load_chunks(connection, table, columns, rows, stop);
    if inside {
        return loaded;
    }
    match loaded {
        Ok(count) => connection.execute_batch("commit").map_err(refused).map(|()| count),
        Err(error) => {
            // The first error is the one to tell.
            let _ = connection.execute_batch("rollback");
            Err(error)
        }
    }
}

fn in_transaction(connection: &duckdb::Connection) -> duckdb::Result<bool> {
    let mut prepared = connection.prepare(TRANSACTION)?;
    let first: i64 = prepared.query_row([], |row| row.get(0))?;
    let second: i64 = prepared.query_row([], |row| row.get(0))?;
    Ok(first == second)
}

fn load_chunks(
    connection: &duckdb::Connection,
    table: &RelationName,
    columns: &[LoadColumn],
    rows: &mut dyn Iterator<Item = Row>,
    stop: &AtomicBool,
) -> Result<u64, EngineError> {
    let quote = |name: &str| Dialect::DuckDb.quote(name);
    let stage_columns: Vec<String> =
        (0..columns.len()).map(|index| fill(STAGE_COLUMN, &BTreeMap::from([("name", stage_name(index))]))).collect();
    let stage = fill(STAGE, &BTreeMap::from([("columns", stage_columns.join(", "))]));
    let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
    let insert =
        fill(INSERT, &BTreeMap::from([("table", Dialect::DuckDb.relation(table)), ("columns", names.join(", "))]));
    let refused = |error: duckdb::Error| error::engine_error(&error, "");
    connection.execute_batch(&stage).map_err(refused)?;
    let mut loaded = 0u64;
    let mut chunk = Vec::new();
    loop {
        let done = take_chunk(rows, &mut chunk, stop)?;
        if !chunk.is_empty() {
            let place = |error: EngineError| placed(error, &chunk, columns, loaded);
            append(connection, &chunk, columns.len(), loaded)?;
            connection.execute_batch(&insert).map_err(refused).map_err(place)?;
            connection.execute_batch(CLEAR).map_err(refused)?;
            loaded += chunk.len() as u64;
            chunk.clear();
        }
        if done {
            connection.execute_batch(DROP).map_err(refused)?;
            return Ok(loaded);
        }
    }
}

fn stage_name(index: usize) -> String {
    ["c", &index.to_string()].concat()
}

/// Fills the chunk; true when the rows have ended.
fn take_chunk(
    rows: &mut dyn Iterator<Item = Row>,
    chunk: &mut Vec<Row>,
    stop: &AtomicBool,
) -> Result<bool, EngineError> {
    let mut bytes = 0;
    while chunk.len() < CHUNK_ROWS && bytes < CHUNK_BYTES {
        if stop.load(Ordering::Relaxed) {
            return Err(EngineError::new(code::CANCELLED, FailureKind::Cancelled, "the load was interrupted"));
        }
        let Some(row) = rows.next() else { return Ok(true) };
        bytes += row.iter().flatten().map(String::len).sum::<usize>() + row.len() * size_of::<Option<String>>();
        chunk.push(row);
    }
    Ok(false)
}

fn append(connection: &duckdb::Connection, chunk: &[Row], width: usize, before: u64) -> Result<(), EngineError> {
    let refused = |error: duckdb::Error| error::engine_error(&error, "");
    let mut appender = connection.appender_to_catalog_and_db("__suiro_load", "temp", "main").map_err(refused)?;
    for (index, row) in chunk.iter().enumerate() {
        if row.len() != width {
            let message =
                ["a row has ", &row.len().to_string(), " values for ", &width.to_string(), " columns"].concat();
            let mut error = EngineError::new(code::STATEMENT_REFUSED, FailureKind::Permanent, message);
            error.load = Some(LoadPlace { row: before + index as u64 + 1, column: None });
            return Err(error);
        }
        appender.append_row(duckdb::appender_params_from_iter(row.iter())).map_err(refused)?;
    }
    appender.flush().map_err(refused)
}

/// The error with the row and column of the value that it is about. DuckDB names the value and the temporary table's
/// column; the row is the first one in the chunk that has that value there.
fn placed(mut error: EngineError, chunk: &[Row], columns: &[LoadColumn], before: u64) -> EngineError {
    let row_of = |matches: &dyn Fn(&Row) -> bool| chunk.iter().position(matches).map(|index| before + index as u64 + 1);
    error.position = None;
    if let Some((words, source)) = error.message.split_once(" when casting from source column ") {
        let index = (0..columns.len()).find(|index| stage_name(*index) == source.trim());
        let place = index.and_then(|index| {
            let failed =
                |row: &Row| row.get(index).and_then(Option::as_deref).is_some_and(|value| names_value(words, value));
            Some(LoadPlace { row: row_of(&failed)?, column: Some(columns[index].name.clone()) })
        });
        if let Some(index) = index {
            error.message = ["column `", &columns[index].name, "`: ", words].concat();
        }
        error.load = place;
    } else if error.message.contains("NOT NULL constraint failed") {
        let column = error.message.rsplit('.').next().unwrap_or_default();
        let index = columns.iter().position(|known| known.name.eq_ignore_ascii_case(column));
        error.load = index.and_then(|index| {
            let row = row_of(&|row: &Row| row.get(index).is_some_and(Option::is_none))?;
            Some(LoadPlace { row, column: Some(columns[index].name.clone()) })
        });
    }
    error
}

/// Whether DuckDB's words have the value between quotes.
fn names_value(words: &str, value: &str) -> bool {
    ['\'', '"'].iter().any(|quote| {
        words
            .match_indices(value)
            .any(|(at, _)| words[..at].ends_with(*quote) && words[at + value.len()..].starts_with(*quote))
    })
}
