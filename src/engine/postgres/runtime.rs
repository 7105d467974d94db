//! The one asynchronous runtime behind all PostgreSQL connections: two threads that only move bytes, so that callers
//! stay synchronous.

use crate::{
    diagnostic::code,
    engine::{EngineError, FailureKind},
};
use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};

/// The runtime; started at the first use and never stopped.
///
/// # Errors
/// When the system gives the process no more threads.
pub fn runtime() -> Result<&'static Runtime, EngineError> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("suiro-postgres")
                .enable_all()
                .build()
                .map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(|error| {
            EngineError::new(code::CANNOT_CONNECT, FailureKind::Connection, "no threads for a connection")
                .with_note(error.clone())
        })
}
