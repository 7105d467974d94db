//! PostgreSQL, over its wire protocol.
//!
//! In: statements. Out: rows, counts, errors. Never: a password in anything that is shown, or a session that a pooler
//! shares with others.

mod backend_key;
mod cancel;
mod catalog;
mod connect;
mod connection;
mod conninfo;
mod error;
mod load;
mod options;
mod passfile;
mod plan;
mod pooler;
mod query;
mod runtime;
mod service;
mod session;
mod tls;

pub use options::PostgresOptions;

use super::{Connection, Engine, EngineError, Environment};
use crate::dialect::Dialect;
use connect::Connected;
use connection::PostgresConnection;
use plan::Plan;
use runtime::runtime;
use session::Served;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A PostgreSQL database, 15 or later.
pub struct PostgresEngine {
    plan: Plan,
    tls: MakeRustlsConnect,
    /// The servers that were found to keep sessions.
    checked: Mutex<BTreeSet<String>>,
}

impl PostgresEngine {
    /// An engine for these options; reads the files that they name, and connects to nothing yet.
    ///
    /// # Errors
    /// When a setting is wrong or a file cannot be read.
    pub fn new(options: &PostgresOptions, environment: Environment<'_>) -> Result<Self, EngineError> {
        let plan = Plan::resolve(options, environment)?;
        let tls = tls::connector(&plan)?;
        Ok(Self { plan, tls, checked: Mutex::default() })
    }

    /// A connection, and who it is at the server.
    async fn open(&self, purpose: &str) -> Result<(Connected, Served), EngineError> {
        let connected = connect::connect(&self.plan, &self.tls, purpose).await?;
        // Before anything is set: a session that others share must stay as it is.
        self.check_pooler(&connected).await?;
        let served = session::pin(&connected.client, &self.plan).await?;
        Ok((connected, served))
    }

    async fn check_pooler(&self, connected: &Connected) -> Result<(), EngineError> {
        let checked = |places: &BTreeSet<String>| places.contains(&connected.place);
        if checked(&self.checked.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let lost = |error: tokio_postgres::Error| {
            let role = self.plan.user.as_deref().unwrap_or_default();
            error::engine_error(&error, error::Situation { statement: "", role, interrupted: false })
        };
        let second = async { connect::connect(&self.plan, &self.tls, "check").await.map(|second| second.client) };
        let kept = pooler::is_direct(&connected.client, connected.canceller.key).await.map_err(lost)?
            || pooler::keeps_sessions(&connected.client, second).await.map_err(lost)?;
        if !kept {
            return Err(pooler::not_kept(&connected.place));
        }
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(connected.place.clone());
        Ok(())
    }
}

impl Engine for PostgresEngine {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn connect(&self, purpose: &str) -> Result<Box<dyn Connection>, EngineError> {
        let (connected, served) = runtime()?.block_on(self.open(purpose))?;
        Ok(Box::new(PostgresConnection::new(connected, served, self.plan.application_name.is_none())?))
    }

    fn place(&self) -> String {
        self.plan.place()
    }

    fn session_settings(&self) -> BTreeMap<String, String> {
        session::settings(&self.plan)
    }

    fn version(&self) -> Result<String, EngineError> {
        let rows = self.connect("version")?.query("show server_version", None)?;
        let version = rows.rows.into_iter().flatten().flatten().next().unwrap_or_default();
        Ok(["PostgreSQL", version.split(' ').next().unwrap_or_default()].join(" "))
    }
}
