//! How engines differ as connections.
//!
//! In: statements that somebody else wrote. Out: rows, counts, and errors sorted by what can be done about them.
//! Never: writing SQL of its own beyond reading the catalog, or deciding what to run.

pub mod duckdb;
pub mod postgres;

use crate::{diagnostic::Code, dialect::Dialect, name::RelationName};
use std::{collections::BTreeMap, sync::Arc};

/// What can be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Serialization failure, deadlock, lock timeout: the same statement may work if repeated.
    Temporary,
    /// The connection is gone, or could not be made: connect again and repeat.
    Connection,
    /// The statement was cancelled from our side.
    Cancelled,
    /// The same statement will fail again.
    Permanent,
}

/// Why the database did not do what it was asked.
#[derive(Debug, Clone)]
pub struct EngineError {
    /// The code for people.
    pub code: Code,
    /// What can be done about it.
    pub kind: FailureKind,
    /// The five characters of SQLSTATE, where the engine has them.
    pub sqlstate: Option<String>,
    /// The database's own words.
    pub message: String,
    /// The database's own detail, hint and context lines, ready to be shown.
    pub notes: Vec<String>,
    /// A way out that suiro knows.
    pub help: Option<String>,
    /// The byte of the statement that it is about.
    pub position: Option<usize>,
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for EngineError {}

/// Rows as text, for people and for checks; NULL is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Column names in order.
    pub columns: Vec<String>,
    /// The engine's names of the column types.
    pub types: Vec<String>,
    /// The values, row by row.
    pub rows: Vec<Vec<Option<String>>>,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// An ordinary (or partitioned) table.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// Anything else that occupies the name: sequence, foreign table, index, composite type.
    Other,
}

/// A relation as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRelation {
    /// What it is.
    pub kind: RelationKind,
    /// Its object id; changes when it is replaced.
    pub oid: u64,
    /// Its comment, which carries suiro's mark.
    pub comment: Option<String>,
    /// The role that owns it, where the engine has roles.
    pub owner: Option<String>,
    /// For a view, its columns in order: name and type with modifiers and collation, for comparison alone.
    pub columns: Option<Vec<(String, String)>>,
}

/// Something that depends on a relation, as people should see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependent {
    /// The relation that is depended on.
    pub on: RelationName,
    /// What it is: `view`, `materialized view`, `foreign key`, `function`, `rule`, `policy`, `table`.
    pub kind: String,
    /// Its name, qualified; for a foreign key the table that has it and the constraint's name.
    pub name: String,
    /// The relation it is, where it is one.
    pub relation: Option<RelationName>,
    /// Its comment, which carries suiro's mark.
    pub comment: Option<String>,
    /// The statement that binds it again to whatever has the old name now (`CREATE OR REPLACE VIEW …`), if there is one.
    pub rebind: Option<String>,
}

/// What the database has in some schemas.
#[derive(Debug, Clone, Default)]
pub struct LiveCatalog {
    /// All schemas of the database, with their comments.
    pub schemas: BTreeMap<String, Option<String>>,
    /// The relations, by name.
    pub relations: BTreeMap<RelationName, LiveRelation>,
    /// What depends on those relations, anywhere in the database, directly.
    pub dependents: Vec<Dependent>,
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
    /// Asks the database to cancel what the connection is running; says nothing if it runs nothing.
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

    /// The name by which the database calls itself, where names must be qualified by it so that nothing else can
    /// resolve them (DuckDB); asked from the database once.
    ///
    /// # Errors
    /// When the database cannot be reached.
    fn database(&self) -> Result<Option<String>, EngineError>;

    /// Where it is, without secrets, for people: `clinic.duckdb`, `clinic@localhost:5432/clinic`.
    fn place(&self) -> String;

    /// The engine's version, for people, asked from the database.
    ///
    /// # Errors
    /// When the database cannot be reached.
    fn version(&self) -> Result<String, EngineError>;
}

/// One session.
pub trait Connection: Send {
    /// Its dialect.
    fn dialect(&self) -> Dialect;

    /// Who holds locks on a relation, for people: user, application and what it runs; empty where that cannot be known.
    ///
    /// # Errors
    /// When the database does not say.
    fn lock_holders(&mut self, relation: &RelationName) -> Result<Vec<String>, EngineError> {
        let _ = relation;
        Ok(Vec::new())
    }

    /// Carries out one statement and returns the rows it affected, where the engine says.
    ///
    /// # Errors
    /// When the database refuses it.
    fn execute(&mut self, statement: &str) -> Result<Option<u64>, EngineError>;

    /// Carries out statements that return nothing, in order, with as few round trips as the engine allows, stopping at
    /// the first failure; the error comes with the index of the statement.
    ///
    /// # Errors
    /// When the database refuses one of them.
    fn execute_all(&mut self, statements: &[&str]) -> Result<(), (usize, EngineError)> {
        for (index, statement) in statements.iter().enumerate() {
            self.execute(statement).map_err(|error| (index, error))?;
        }
        Ok(())
    }

    /// Runs a query and returns at most `limit` rows as text.
    ///
    /// # Errors
    /// When the database refuses it.
    fn query(&mut self, statement: &str, limit: Option<usize>) -> Result<Rows, EngineError>;

    /// The output columns and types of a query, without running it.
    ///
    /// # Errors
    /// When the database refuses it.
    fn describe(&mut self, query: &str) -> Result<Vec<(String, String)>, EngineError>;

    /// Streams rows into an existing table; values are text that the engine converts to the column's type.
    ///
    /// # Errors
    /// When a value does not fit its column or the database refuses the load.
    fn load(
        &mut self,
        table: &RelationName,
        columns: &[LoadColumn],
        rows: &mut dyn Iterator<Item = Vec<Option<String>>>,
    ) -> Result<u64, EngineError>;

    /// What the database has in these schemas, and what depends on it.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn catalog(&mut self, schemas: &[&str]) -> Result<LiveCatalog, EngineError>;

    /// A handle that cancels whatever this connection runs.
    fn interrupter(&self) -> Arc<dyn Interrupt>;
}
