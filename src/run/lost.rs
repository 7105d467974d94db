//! Sessions whose connection was lost, and which the server may take for alive.
//!
//! The server does not notice at once that nobody holds the other end of a connection. Until it does, what the session
//! began stays open, with its locks, and a COMMIT that is on its way may still arrive.

use super::{Context, Session};
use crate::{
    diagnostic::code::CONNECTION_LOST,
    engine::{EngineError, FailureKind},
};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a server may take to end a session.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the session that this process of the server served, and waits until it is no more.
///
/// # Errors
/// When the server does not end it.
pub fn end(context: &Context<'_>, session: &mut Session<'_>, process: u32) -> Result<(), EngineError> {
    until(context, session, &json!({"process": process, "key": Value::Null}))
}

/// Asks for the end of the session of that process, or of the one that holds the advisory lock of that key, until there
/// is none.
///
/// # Errors
/// When it does not end.
pub fn until(context: &Context<'_>, session: &mut Session<'_>, values: &Value) -> Result<(), EngineError> {
    let start = Instant::now();
    loop {
        let mut answers = Vec::new();
        for statement in context.step("end_session", values)? {
            answers.extend(session.values(None, &statement)?);
        }
        if answers.is_empty() {
            return Ok(());
        }
        if start.elapsed() > PATIENCE {
            let message = "a session that this run lost is still there";
            return Err(EngineError::new(CONNECTION_LOST, FailureKind::Temporary, message));
        }
        thread::sleep(Duration::from_millis(20));
    }
}
