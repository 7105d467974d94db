//! Finds out whether a pooler stands between, and whether it keeps sessions.
//!
//! suiro needs sessions: settings are pinned, locks are taken, a statement is cancelled by its session. A pooler that
//! gives each transaction another server session takes all of that away without an error.
//!
//! A pooler shows in the process id that came with the login: PostgreSQL gives its own, a pooler makes one up. Then a
//! second connection decides: two open connections in one server session, or one connection that changes its server
//! session while the other holds a transaction, cannot happen when sessions are kept.

use super::backend_key::BackendKey;
use crate::{
    diagnostic::code,
    engine::{EngineError, FailureKind},
};
use std::{future::Future, time::Duration};
use tokio_postgres::{Client, SimpleQueryMessage};

const BACKEND: &str = "select pg_catalog.pg_backend_pid()";
const BEGIN_BACKEND: &str = "begin; select pg_catalog.pg_backend_pid()";
const COMMIT: &str = "commit";
/// Server sessions that are free are handed out in some order; a few rounds pass through those that matter.
const ROUNDS: usize = 8;
/// A pooler that keeps sessions lets the second connection wait when its pool is used up.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first connection has a session, or it waits for one for as long as the second holds it; a slow server answers.
const LONG_PATIENCE: Duration = Duration::from_secs(10);

/// Whether what answers is PostgreSQL itself.
pub async fn is_direct(client: &Client, key: BackendKey) -> Result<bool, tokio_postgres::Error> {
    Ok(backend(client, BACKEND).await? == Some(key.process.to_string()))
}

/// Whether two connections through a pooler have server sessions of their own, as far as can be found out.
pub async fn keeps_sessions<F>(first: &Client, second: F) -> Result<bool, tokio_postgres::Error>
where
    F: Future<Output = Result<Client, EngineError>>,
{
    let Ok(Ok(second)) = tokio::time::timeout(PATIENCE, second).await else {
        // No second connection: nothing can be said against the pooler.
        return Ok(true);
    };
    for _ in 0..ROUNDS {
        let before = backend(first, BACKEND).await?;
        let other = match tokio::time::timeout(PATIENCE, backend(&second, BEGIN_BACKEND)).await {
            Ok(Ok(other)) => other,
            // "transaction blocks not allowed in statement pooling mode"
            Ok(Err(error)) if error.code().is_some_and(|state| state.code() == "08P01") => return Ok(false),
            Ok(Err(_)) | Err(_) => return Ok(true),
        };
        let Ok(after) = tokio::time::timeout(LONG_PATIENCE, backend(first, BACKEND)).await else {
            // It waits while the other one is in a transaction: it has no session of its own.
            return Ok(false);
        };
        if other == before || after? != before {
            return Ok(false);
        }
        if second.batch_execute(COMMIT).await.is_err() {
            return Ok(true);
        }
    }
    Ok(true)
}

/// The error for a pooler that does not keep sessions.
pub fn not_kept(place: &str) -> EngineError {
    let message = format!("a pooler at {place} gives each transaction another session");
    EngineError::new(code::SESSION_NOT_KEPT, FailureKind::Permanent, message)
        .with_help("connect to PostgreSQL itself, or let the pooler keep sessions (`pool_mode = session` in PgBouncer)")
}

/// The last value of the last row of a query.
async fn backend(client: &Client, query: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let mut found = None;
    for message in client.simple_query(query).await? {
        if let SimpleQueryMessage::Row(row) = message {
            found = row.try_get(0)?.map(str::to_owned);
        }
    }
    Ok(found)
}
