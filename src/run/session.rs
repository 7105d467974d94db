//! A connection that tells the observer what it does, and turns the database's words into diagnostics.

use super::{Event, Nobody, Observer};
use crate::{
    diagnostic::Diagnostic,
    engine::{Connection, EngineError, Rows},
    manifest::NodeId,
};
use std::time::Instant;

/// A statement on its way to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it is for: `build`, `mark`, `publish`, …
    pub purpose: String,
    /// Its text.
    pub text: String,
    /// Where the model's own SQL starts in it, if it holds it.
    pub sql_at: Option<usize>,
}

/// One connection, watched.
pub struct Session<'a> {
    /// The connection itself.
    pub connection: Box<dyn Connection>,
    observer: &'a dyn Observer,
}

impl Session<'static> {
    /// A connection that nobody watches.
    #[must_use]
    pub fn unwatched(connection: Box<dyn Connection>) -> Self {
        Self { connection, observer: &Nobody }
    }
}

impl<'a> Session<'a> {
    /// Watches that connection.
    pub fn new(connection: Box<dyn Connection>, observer: &'a dyn Observer) -> Self {
        Self { connection, observer }
    }

    /// Carries out one statement on behalf of `node`.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn execute(&mut self, node: Option<NodeId>, statement: &Statement) -> Result<Option<u64>, EngineError> {
        self.observer.observe(&Event::Sending { purpose: &statement.purpose });
        let start = Instant::now();
        let answer = self.connection.execute(&statement.text);
        self.observer.observe(&Event::Statement {
            node,
            purpose: &statement.purpose,
            text: &statement.text,
            rows: answer.as_ref().ok().copied().flatten(),
            elapsed: start.elapsed(),
            error: answer.as_ref().err(),
        });
        answer
    }

    /// Asks one query on behalf of `node`.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn ask(&mut self, node: Option<NodeId>, statement: &Statement) -> Result<Rows, EngineError> {
        self.observer.observe(&Event::Sending { purpose: &statement.purpose });
        let start = Instant::now();
        let answer = self.connection.query(&statement.text, None);
        self.observer.observe(&Event::Statement {
            node,
            purpose: &statement.purpose,
            text: &statement.text,
            rows: answer.as_ref().ok().and_then(|rows| u64::try_from(rows.rows.len()).ok()),
            elapsed: start.elapsed(),
            error: answer.as_ref().err(),
        });
        answer
    }

    /// Asks one query of suiro's own, whose columns are known.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn values(
        &mut self,
        node: Option<NodeId>,
        statement: &Statement,
    ) -> Result<Vec<Vec<Option<String>>>, EngineError> {
        self.observer.observe(&Event::Sending { purpose: &statement.purpose });
        let start = Instant::now();
        let answer = self.connection.values(&statement.text);
        self.observer.observe(&Event::Statement {
            node,
            purpose: &statement.purpose,
            text: &statement.text,
            rows: answer.as_ref().ok().and_then(|rows| u64::try_from(rows.len()).ok()),
            elapsed: start.elapsed(),
            error: answer.as_ref().err(),
        });
        answer
    }

    /// Carries out all of the statements in one transaction, or none of them.
    ///
    /// # Errors
    /// What the database refused. After a refused statement the transaction is rolled back; after a lost answer to
    /// `commit` nobody knows.
    pub fn transaction<'s>(
        &mut self,
        node: Option<NodeId>,
        statements: impl IntoIterator<Item = &'s Statement>,
    ) -> Result<(), EngineError> {
        self.control("begin", "begin transaction")?;
        for statement in statements {
            if let Err(error) = self.execute(node, statement) {
                self.roll_back();
                return Err(error);
            }
        }
        self.control("commit", "commit")
    }

    /// Gives up what was begun; a connection that is gone has rolled back by itself.
    pub fn roll_back(&mut self) {
        drop(self.control("rollback", "rollback"));
    }

    /// Carries out a statement of suiro's own, such as `begin`.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn control(&mut self, purpose: &str, text: &str) -> Result<(), EngineError> {
        let statement = Statement { purpose: purpose.to_owned(), text: text.to_owned(), sql_at: None };
        self.execute(None, &statement).map(|_| ())
    }
}

/// The diagnostic of what the database said, without a place.
#[must_use]
pub fn refusal(error: &EngineError, what: &str) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(error.code, format!("{what}: {}", error.message));
    if let Some(sqlstate) = &error.sqlstate {
        diagnostic = diagnostic.note(format!("SQLSTATE {sqlstate}"));
    }
    diagnostic.notes.extend(error.notes.iter().cloned());
    diagnostic.help.extend(error.help.iter().cloned());
    diagnostic
}
