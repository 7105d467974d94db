//! Loading rows of text with COPY, as a stream.

use super::error;
use crate::{
    diagnostic::code,
    dialect::Dialect,
    engine::{EngineError, FailureKind, LoadColumn, LoadPlace, template::fill},
    name::RelationName,
};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, pin_mut};
use std::collections::BTreeMap;
use tokio_postgres::Client;

const COPY: &str = "copy {{table}} ({{columns}}) from stdin";
/// Rows are sent in pieces of about this many bytes.
const PIECE: usize = 256 << 10;

/// Why a load failed.
pub enum Failure {
    /// Something that the server was not asked about.
    Ours(EngineError),
    /// The server's or the connection's error, and the statement.
    Theirs { error: tokio_postgres::Error, statement: String },
}

/// Loads all rows or none.
pub async fn load(
    client: &Client,
    table: &RelationName,
    columns: &[LoadColumn],
    rows: &mut dyn Iterator<Item = Vec<Option<String>>>,
    is_interrupted: &dyn Fn() -> bool,
) -> Result<u64, Failure> {
    let names: Vec<String> = columns.iter().map(|column| Dialect::Postgres.quote(&column.name)).collect();
    let statement =
        fill(COPY, &BTreeMap::from([("table", Dialect::Postgres.relation(table)), ("columns", names.join(", "))]));
    let theirs = |error: tokio_postgres::Error| Failure::Theirs { error, statement: statement.clone() };
    let sink = client.copy_in::<_, Bytes>(&statement).await.map_err(theirs)?;
    pin_mut!(sink);
    let mut piece = BytesMut::with_capacity(PIECE + PIECE / 4);
    for (index, row) in rows.enumerate() {
        if row.len() != columns.len() {
            // Leaving the stream unfinished makes the server forget what it has.
            return Err(Failure::Ours(ragged(index, row.len(), columns.len())));
        }
        put_row(&mut piece, &row);
        if piece.len() >= PIECE {
            if is_interrupted() {
                return Err(Failure::Ours(EngineError::new(
                    code::CANCELLED,
                    FailureKind::Cancelled,
                    "the load was interrupted",
                )));
            }
            sink.send(piece.split().freeze()).await.map_err(theirs)?;
            piece.reserve(PIECE + PIECE / 4);
        }
    }
    sink.send(piece.freeze()).await.map_err(theirs)?;
    sink.as_mut().finish().await.map_err(theirs)
}

/// The row and column that the server's words name.
pub fn place_of(error: &tokio_postgres::Error, table: &RelationName) -> Option<LoadPlace> {
    let refusal = error.as_db_error()?;
    let place = error::load_place(refusal.where_()?, &table.name)?;
    Some(LoadPlace { column: place.column.or_else(|| refusal.column().map(str::to_owned)), ..place })
}

fn ragged(index: usize, values: usize, columns: usize) -> EngineError {
    let message = ["a row has ", &values.to_string(), " values for ", &columns.to_string(), " columns"].concat();
    let mut error = EngineError::new(code::STATEMENT_REFUSED, FailureKind::Permanent, message);
    error.load = Some(LoadPlace { row: index as u64 + 1, column: None });
    error
}

/// A row in COPY's text format: tabs between, `\N` for NULL, a backslash before what has a meaning.
fn put_row(piece: &mut BytesMut, row: &[Option<String>]) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            piece.put_u8(b'\t');
        }
        match value {
            None => piece.put_slice(b"\\N"),
            Some(value) => put_value(piece, value.as_bytes()),
        }
    }
    piece.put_u8(b'\n');
}

fn put_value(piece: &mut BytesMut, mut value: &[u8]) {
    while let Some(at) = value.iter().position(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r')) {
        piece.put_slice(&value[..at]);
        let escaped: &[u8; 2] = match value[at] {
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            _ => b"\\\\",
        };
        piece.put_slice(escaped);
        value = &value[at + 1..];
    }
    piece.put_slice(value);
}

#[cfg(test)]
mod tests {
    use super::put_row;
    use bytes::BytesMut;

    #[test]
    fn null_is_not_the_empty_string_nor_a_backslash() {
        let mut piece = BytesMut::new();
        let row = [None, Some(""), Some("\\N"), Some("a\tb\r\nc\\"), Some("漢字"), Some("\\.")];
        put_row(&mut piece, &row.map(|value| value.map(str::to_owned)));
        assert_eq!(piece.as_ref(), "\\N\t\t\\\\N\ta\\tb\\r\\nc\\\\\t漢字\t\\\\.\n".as_bytes());
    }
}
