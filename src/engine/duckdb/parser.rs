//! DuckDB's own parser, for SQL that nothing else can read: no file, no catalog, nothing runs.

use std::sync::{Mutex, PoisonError};

/// A DuckDB in memory that parses; opened when it is first asked.
#[derive(Default)]
pub struct DuckDbParser {
    connection: Mutex<Option<duckdb::Connection>>,
}

impl DuckDbParser {
    /// What DuckDB's `json_serialize_sql` says of a query; nothing if it cannot be asked.
    pub fn serialize(&self, text: &str) -> Option<String> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.is_none() {
            *connection = duckdb::Connection::open_in_memory().ok();
        }
        connection.as_ref()?.query_row("select json_serialize_sql(?::varchar)", [text], |row| row.get(0)).ok()
    }
}

impl crate::parse::Referee for DuckDbParser {
    fn serialize(&self, text: &str) -> Option<String> {
        Self::serialize(self, text)
    }
}
