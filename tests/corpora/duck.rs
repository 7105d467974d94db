//! A DuckDB that parses and binds for the tests.

use std::sync::Mutex;
use suiro::parse::Referee;

/// An in-memory DuckDB.
pub struct Duck(Mutex<duckdb::Connection>);

impl Duck {
    /// A new, empty one.
    pub fn new() -> Self {
        Self(Mutex::new(duckdb::Connection::open_in_memory().expect("DuckDB opens in memory")))
    }

    /// Runs statements that must succeed.
    pub fn run(&self, statements: &str) {
        self.0.lock().expect("one user").execute_batch(statements).expect(statements);
    }

    /// The names and types of a query's columns, or the database's words.
    pub fn describe(&self, query: &str) -> Result<Vec<(String, String)>, String> {
        let connection = self.0.lock().expect("one user");
        let mut statement = connection.prepare(&["DESCRIBE ", query].concat()).map_err(|error| error.to_string())?;
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
            .map_err(|error| error.to_string())?;
        rows.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }
}

impl Referee for Duck {
    fn serialize(&self, text: &str) -> Option<String> {
        let connection = self.0.lock().ok()?;
        connection.query_row("SELECT json_serialize_sql(?::VARCHAR)", [text], |row| row.get::<_, String>(0)).ok()
    }
}
