//! DuckDB, embedded: one database instance in the process for each file, one connection for each session.
//!
//! In: statements. Out: rows, counts, errors. Never: downloading an extension, unless that is asked for or the target's
//! `settings:` allow it.

mod catalog;
mod connection;
mod error;
mod instance;
mod load;
mod outfit;
mod parser;

pub use parser::DuckDbParser;

use super::{Connection, Engine, EngineError};
use crate::{
    dialect::Dialect,
    project::{Attached, DuckDbSecret, Extension},
};
use connection::DuckDbConnection;
use instance::Instance;
use std::{collections::BTreeMap, path::PathBuf};

/// Where a DuckDB database is and how to open it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DuckDbOptions {
    /// The file; none is a database in memory, which lives as long as the engine.
    pub path: Option<PathBuf>,
    /// The name that the database has inside DuckDB; none is the file's name without its ending.
    ///
    /// DuckDB cannot tell `orders.x` in the schema `orders` from one in the database `orders`: a project with a schema
    /// named like its file needs another name here. Views that name their database keep working only under that name.
    pub name: Option<String>,
    /// How many threads DuckDB may use for one or all queries together; none is one for each core.
    pub threads: Option<usize>,
    /// DuckDB's own settings by name.
    pub settings: BTreeMap<String, String>,
    /// Opens the file without writing to it; other processes may read it at the same time. Without a file, only what
    /// reads is carried out.
    pub read_only: bool,
    /// Extensions to load; they must be installed.
    pub extensions: Vec<Extension>,
    /// Secrets for DuckDB's own connections, which end with the process.
    pub secrets: Vec<DuckDbSecret>,
    /// Other databases to attach.
    pub attach: Vec<Attached>,
}

/// What every session sets, because it changes results.
const PINNED: &[(&str, &str)] = &[
    ("Calendar", "gregorian"),
    ("TimeZone", "UTC"),
    ("default_null_order", "nulls_last"),
    ("default_order", "asc"),
    ("ieee_floating_point_ops", "true"),
    ("integer_division", "false"),
    ("old_implicit_casting", "false"),
    ("preserve_insertion_order", "true"),
];

/// A DuckDB database; opened at the first connection, closed when the last connection and the engine are gone.
pub struct DuckDbEngine {
    options: DuckDbOptions,
    instance: std::sync::Mutex<Option<std::sync::Arc<Instance>>>,
}

impl DuckDbEngine {
    /// An engine for these options; nothing is opened yet.
    #[must_use]
    pub const fn new(options: DuckDbOptions) -> Self {
        Self { options, instance: std::sync::Mutex::new(None) }
    }

    fn open(&self) -> Result<std::sync::Arc<Instance>, EngineError> {
        let mut instance = self.instance.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match instance.as_ref() {
            Some(open) if !open.is_broken() => Ok(std::sync::Arc::clone(open)),
            _ => {
                // Dropped first: a broken instance must let go of the file before it is opened again.
                *instance = None;
                let opened = Instance::open(&self.options, &self.place())?;
                *instance = Some(std::sync::Arc::clone(&opened));
                Ok(opened)
            }
        }
    }
}

impl Engine for DuckDbEngine {
    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }

    fn connect(&self, _purpose: &str) -> Result<Box<dyn Connection>, EngineError> {
        let instance = self.open()?;
        let inner = instance.connect(&self.options, &self.session_settings())?;
        Ok(Box::new(DuckDbConnection::new(inner, instance)))
    }

    fn place(&self) -> String {
        self.options.path.as_ref().map_or_else(|| ":memory:".to_owned(), |path| path.display().to_string())
    }

    fn session_settings(&self) -> BTreeMap<String, String> {
        // Names are compared without case, as DuckDB does.
        let named = |name: &str| self.options.settings.keys().any(|key| key.eq_ignore_ascii_case(name));
        PINNED
            .iter()
            .filter(|(name, _)| !named(name))
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .chain(self.options.settings.iter().map(|(name, value)| (name.clone(), value.clone())))
            .collect()
    }

    fn is_exclusive(&self) -> bool {
        self.options.path.is_some()
    }

    fn install_extensions(&self) -> Result<Vec<String>, EngineError> {
        outfit::install(&self.options)
    }

    fn version(&self) -> Result<String, EngineError> {
        let mut connection = self.connect("version")?;
        let rows = connection.query("select version()", Some(1))?;
        let version = rows.rows.into_iter().flatten().flatten().next().unwrap_or_default();
        Ok(["DuckDB", version.trim_start_matches('v')].join(" "))
    }
}
