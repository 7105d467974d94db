//! What engines say when they refuse.

use crate::diagnostic::Code;

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

/// A value that did not fit while rows were loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadPlace {
    /// The row, counted from 1 over the rows that were handed to `load`.
    pub row: u64,
    /// The column, where the engine says.
    pub column: Option<String>,
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
    /// The byte of the statement that it is about; always on a character boundary of it.
    pub position: Option<usize>,
    /// The row and column that it is about, when rows were being loaded.
    pub load: Option<LoadPlace>,
    /// Whether it follows from the statement and the rows that it reads alone, so that it comes again with the same.
    pub lasts: bool,
}

impl EngineError {
    /// An error with a code, a kind and words; the rest is empty.
    pub fn new(code: Code, kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            code,
            kind,
            sqlstate: None,
            message: message.into(),
            notes: Vec::new(),
            help: None,
            position: None,
            load: None,
            lasts: false,
        }
    }

    /// With a way out.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a fact that helps to understand it.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Whether repeating may help, on this connection or on a new one.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self.kind, FailureKind::Temporary | FailureKind::Connection)
    }
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for EngineError {}
