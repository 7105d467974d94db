//! How engines differ as connections.
//!
//! In: statements that somebody else wrote. Out: rows, counts, and errors sorted by what can be done about them.
//! Never: writing SQL of its own beyond reading the catalog, pinning the session and loading rows, or deciding what to
//! run.

pub mod duckdb;
mod error;
mod live;
pub mod postgres;
mod scan;
mod template;

pub use error::{EngineError, FailureKind, LoadPlace};
pub use live::{
    Dependent, DependentKind, Fitting, Key, LiveCatalog, LiveColumn, LiveRelation, RelationKind, UserFunction,
};
/// A statement without the white space, comments and semicolon at its end.
pub use scan::trim_end as without_end;

use crate::{dialect::Dialect, name::RelationName};
use std::{collections::BTreeMap, sync::Arc};

/// How a value of the environment is looked up: `std::env::var` in the program, a map in tests.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Rows as text, for people and for checks; NULL is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Column names in order.
    pub columns: Vec<String>,
    /// The engine's names of the column types, with length and precision.
    pub types: Vec<String>,
    /// The values, row by row.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A column of a table to be loaded: its name and the engine's name of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadColumn {
    /// The column's name.
    pub name: String,
    /// The engine's type, as it stands in the CREATE TABLE.
    pub data_type: String,
}

/// Stops a running statement from another thread.
pub trait Interrupt: Send + Sync {
    /// Asks the database to cancel what the connection is running. Does nothing if it runs nothing, and is not
    /// remembered: whoever wants a connection to stop calls it again until the work has ended.
    fn interrupt(&self);
}

/// A database that connections can be made to.
pub trait Engine: Send + Sync {
    /// Its dialect.
    fn dialect(&self) -> Dialect;

    /// A new connection with suiro's session settings; `purpose` names it for the server's administrator
    /// (`application_name`).
    ///
    /// # Errors
    /// When the database cannot be reached or refuses the login.
    fn connect(&self, purpose: &str) -> Result<Box<dyn Connection>, EngineError>;

    /// Where it is, without secrets, for people: `clinic.duckdb`, `clinic@localhost:5432/clinic`.
    fn place(&self) -> String;

    /// What every session of it pins and what the target's `settings:` add: part of every definition.
    fn session_settings(&self) -> BTreeMap<String, String>;

    /// Whether one process at a time can have it open, so that opening it may be worth waiting for.
    fn is_exclusive(&self) -> bool {
        false
    }

    /// Installs the extensions that the target names, from the network; their names. Nothing where there are none.
    ///
    /// # Errors
    /// When one of them cannot be had.
    fn install_extensions(&self) -> Result<Vec<String>, EngineError> {
        Ok(Vec::new())
    }

    /// The engine's version, for people, asked from the database.
    ///
    /// # Errors
    /// When the database cannot be reached.
    fn version(&self) -> Result<String, EngineError>;
}

/// One session.
pub trait Connection: Send {
    /// Names what the session works on from now on, as [`Engine::connect`] did, where the engine shows that to anybody.
    ///
    /// # Errors
    /// When the database refuses it, or the connection is gone.
    fn serve(&mut self, _purpose: &str) -> Result<(), EngineError> {
        Ok(())
    }

    /// The number of the server's process that serves the session, where there is a server.
    fn process(&self) -> Option<u32> {
        None
    }

    /// Carries out one statement. Returns the rows it wrote (also of CREATE TABLE AS) or, for a query, returned; `None`
    /// for statements that have no rows.
    ///
    /// # Errors
    /// When the database refuses it.
    fn execute(&mut self, statement: &str) -> Result<Option<u64>, EngineError>;

    /// Carries out statements that return nothing, in order, with as few round trips as the engine allows, stopping at
    /// the first failure; the error comes with the index of the statement, its position is within that statement.
    ///
    /// On PostgreSQL it is one message: outside a transaction all of them are one transaction, and statements that
    /// refuse to run in one (VACUUM, CREATE INDEX CONCURRENTLY) do not work here.
    ///
    /// # Errors
    /// When the database refuses one of them.
    fn execute_all(&mut self, statements: &[&str]) -> Result<(), (usize, EngineError)> {
        for (index, statement) in statements.iter().enumerate() {
            self.execute(statement).map_err(|error| (index, error))?;
        }
        Ok(())
    }

    /// Runs one query and returns at most `limit` rows as text.
    ///
    /// # Errors
    /// When the database refuses it, or when it is more than one statement.
    fn query(&mut self, statement: &str, limit: Option<usize>) -> Result<Rows, EngineError>;

    /// Runs one query and returns its rows alone, as text, with as few round trips as the engine allows: for queries of
    /// suiro's own, whose columns are known and are texts or whole numbers.
    ///
    /// # Errors
    /// When the database refuses it.
    fn values(&mut self, statement: &str) -> Result<Vec<Vec<Option<String>>>, EngineError> {
        self.query(statement, None).map(|rows| rows.rows)
    }

    /// The output columns and types of a query, without running it.
    ///
    /// # Errors
    /// When the database refuses it.
    fn describe(&mut self, query: &str) -> Result<Vec<(String, String)>, EngineError>;

    /// Streams rows into an existing table, all or none of them; values are text that the engine converts to the
    /// column's type. Each row has as many values as there are columns.
    ///
    /// # Errors
    /// When a value does not fit its column (`load` then says which) or the database refuses the load.
    fn load(
        &mut self,
        table: &RelationName,
        columns: &[LoadColumn],
        rows: &mut dyn Iterator<Item = Vec<Option<String>>>,
    ) -> Result<u64, EngineError>;

    /// What the database has in these schemas, and what depends on it. Takes no locks on the relations.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn catalog(&mut self, schemas: &[&str]) -> Result<LiveCatalog, EngineError>;

    /// The columns of all tables and views in these schemas, in order.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn columns(&mut self, schemas: &[&str]) -> Result<BTreeMap<RelationName, Vec<LiveColumn>>, EngineError>;

    /// For each dependent the statement that binds it again to whatever has the old name when it runs
    /// (`CREATE OR REPLACE VIEW …`), if there is one. Must be asked before the old relation is moved away. On
    /// PostgreSQL this waits for exclusive locks on the relations that the dependents read.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn rebind(&mut self, dependents: &[Dependent]) -> Result<Vec<Option<String>>, EngineError>;

    /// A handle that cancels whatever this connection runs.
    fn interrupter(&self) -> Arc<dyn Interrupt>;
}
