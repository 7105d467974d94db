//! Taking all locks of a publish before it changes anything, without ever making a reader wait for long.
//!
//! Every wait is far below the server's `deadlock_timeout`, so that it is suiro that gives way and never a reader that
//! is shot. The relation that could not be locked goes first in the next attempt ("adaptive order"); the first lock of
//! an attempt may wait longer, for while it waits nothing else is held.

use super::{Context, Statement, session::Session};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{CANCELLED, LOCK_NOT_HAD},
    },
    dialect::Dialect,
    engine::EngineError,
    name::RelationName,
};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};

/// SQLSTATE of a lock that could not be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// SQLSTATE of a deadlock, in which suiro was the one to give way.
const DEADLOCK: &str = "40P01";

/// A relation that readers have to wait for while it is replaced.
#[derive(Debug, Clone)]
pub struct Lock {
    /// Its name.
    pub name: RelationName,
    /// What it is, in the words of `ALTER`.
    pub kind: &'static str,
    /// Who owns it.
    pub owner: Option<String>,
}

/// Whether all locks were had.
pub enum Locked {
    /// All of them; a transaction is open.
    All,
    /// Not that one, which others hold; the transaction must be rolled back.
    Held(RelationName, Box<Diagnostic>),
    /// The run was stopped; the transaction must be rolled back.
    No(Box<Diagnostic>),
}

/// Takes every lock that replacing these relations needs, in an open transaction.
///
/// What was done in it before may have taken long; a lock that cannot be had gives back the other locks only.
///
/// # Errors
/// When the database refuses a statement for another reason than a lock.
pub fn take_all(context: &Context<'_>, session: &mut Session<'_>, locks: &[Lock]) -> Result<Locked, EngineError> {
    if context.manifest.dialect == Dialect::DuckDb || locks.is_empty() {
        return Ok(Locked::All);
    }
    session.control("savepoint", "savepoint suiro_locks")?;
    let mut order: Vec<(&RelationName, Vec<Statement>)> = Vec::with_capacity(locks.len());
    for Lock { name, kind, owner } in locks {
        let values = json!({"kind": kind, "live": context.qualified(name), "owner": owner});
        order.push((name, context.step("lock", &values)?));
    }
    let start = Instant::now();
    loop {
        let Some((at, error)) = take(session, &order)? else { return Ok(Locked::All) };
        session.control("rollback", "rollback to savepoint suiro_locks")?;
        let (name, _) = order[at];
        if context.stop.is_stopped() {
            return Ok(Locked::No(Box::new(Diagnostic::error(CANCELLED, "the publish was interrupted"))));
        }
        if start.elapsed() > context.publish_timeout {
            return Ok(Locked::Held(name.clone(), Box::new(not_had(context, session, name, &error))));
        }
        order[..=at].rotate_right(1);
        thread::sleep(Duration::from_millis(5));
    }
}

/// Takes the locks in order; the index of the first that could not be had.
fn take(
    session: &mut Session<'_>,
    order: &[(&RelationName, Vec<Statement>)],
) -> Result<Option<(usize, EngineError)>, EngineError> {
    for (index, (_, statements)) in order.iter().enumerate() {
        match index {
            0 => session.control("lock timeout", "set local lock_timeout = '200ms'")?,
            1 => session.control("lock timeout", "set local lock_timeout = '20ms'")?,
            _ => {}
        }
        for statement in statements {
            match session.execute(None, statement) {
                Ok(_) => {}
                Err(error) if matches!(error.sqlstate.as_deref(), Some(LOCK_NOT_AVAILABLE | DEADLOCK)) => {
                    return Ok(Some((index, error)));
                }
                Err(error) => return Err(error),
            }
        }
    }
    if !order.is_empty() {
        session.control("lock timeout", "set local lock_timeout = '1s'")?;
    }
    Ok(None)
}

/// The error of a lock that could not be had, with who holds it.
pub fn not_had(
    context: &Context<'_>,
    session: &mut Session<'_>,
    name: &RelationName,
    error: &EngineError,
) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        LOCK_NOT_HAD,
        format!("`{name}` could not be locked within {:?} ({})", context.publish_timeout, error.message),
    );
    // Without the rights to see other sessions, the message does without their names.
    let holders = context.step("holders", &json!({"schema": name.schema, "name": name.name}));
    for statement in holders.unwrap_or_default() {
        let rows = session.connection.query(&statement.text, Some(10)).unwrap_or_default();
        for holder in rows.rows.into_iter().flatten().flatten() {
            diagnostic = diagnostic.note(format!("held by {holder}"));
        }
    }
    diagnostic
        .help("end the sessions that hold it, or run the build again when they are done")
        .help("to try for longer, raise `publish_timeout` of the target")
}
