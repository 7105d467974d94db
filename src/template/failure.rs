//! What suiro's own functions refuse, and how errors pass through macros.

use crate::diagnostic::{Code, code::BUG};
use minijinja::{Error, ErrorKind};
use std::{fmt, sync::Arc};

/// What one of suiro's own functions refuses.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub code: Code,
    pub message: String,
    pub notes: Vec<String>,
    pub help: Vec<String>,
    pub word: Option<&'static str>,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), notes: Vec::new(), help: Vec::new(), word: None }
    }

    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(BUG, message)
    }

    /// About this word in particular, which stands in the tag that fails.
    #[must_use]
    pub const fn about(mut self, word: &'static str) -> Self {
        self.word = Some(word);
        self
    }

    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// With a suggestion, if one of `known` resembles `wrong`.
    #[must_use]
    pub fn suggest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match crate::diagnostic::closest(wrong, known) {
            Some(found) => self.help(format!("did you mean `{found}`?")),
            None => self,
        }
    }

    pub fn into_error(self) -> Error {
        Error::new(ErrorKind::InvalidOperation, self.message.clone()).with_source(self)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// An error that came out of a macro, with the macro's name; the error around it stands where the macro was called.
#[derive(Debug)]
pub(super) struct Called {
    pub name: Arc<str>,
    inner: Error,
}

impl Called {
    /// The error as it leaves the macro.
    pub fn error(name: &Arc<str>, inner: Error) -> Error {
        let kind = inner.kind();
        Error::new(kind, "in a macro").with_source(Self { name: Arc::clone(name), inner })
    }
}

impl fmt::Display for Called {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "in `{}`", self.name)
    }
}

impl std::error::Error for Called {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.inner)
    }
}
