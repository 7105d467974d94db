//! What is wrong with a query, by bytes of its text.

use crate::diagnostic::Code;
use std::ops::Range;

/// Something to say about a query; the caller maps the bytes to the written template and makes a diagnostic of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind of thing it is.
    pub code: Code,
    /// The bytes of the text that it is about; never empty, unless the text is.
    pub range: Range<usize>,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// A few words on what stands at `range`; may be empty.
    pub label: String,
    /// Other places that matter, with a few words each.
    pub also: Vec<(Range<usize>, String)>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// Ways out, the best first.
    pub help: Vec<String>,
}

impl Problem {
    /// A problem of that code at these bytes.
    pub(crate) fn new(code: Code, range: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            range,
            message: message.into(),
            label: String::new(),
            also: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// With a few words on what stands there.
    #[must_use]
    pub(crate) fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// With another place that matters.
    #[must_use]
    pub(crate) fn also(mut self, range: Range<usize>, text: impl Into<String>) -> Self {
        self.also.push((range, text.into()));
        self
    }

    /// With a way out.
    #[must_use]
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}
