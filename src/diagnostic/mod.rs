//! What suiro has to say about a project: a code, a message, places in files, and a way out.
//!
//! In: nothing but values. Out: [`Diagnostic`]s, and their text through [`render`]. Never: printing, or a cause without
//! a code. Every phase collects as many as it can find.

pub mod code;
mod render;
mod suggest;

pub use code::Code;
pub use render::{Style, render};
pub use suggest::closest;

use crate::{
    exit::Exit,
    source::{Frame, Place, Span},
};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Probably not what was meant; the command goes on.
    Warning,
    /// Wrong; what depends on it is not done.
    Error,
}

/// A place in a file, with a few words on what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of thing it is; each has a page, `suiro explain <code>`.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// The place it is about.
    pub primary: Option<Label>,
    /// Other places that matter, in any file.
    pub secondary: Vec<Label>,
    /// The macro calls that led to the place, outermost first.
    pub trace: Vec<Frame>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// Ways out, the best first.
    pub help: Vec<String>,
    /// The unique name of the node it belongs to, if it belongs to one.
    pub node: Option<String>,
    /// Which instance it is about, where a file is built for several.
    pub instance: Option<String>,
}

impl Diagnostic {
    /// An error of that code.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::of(Severity::Error, code, message)
    }

    /// A warning of that code.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::of(Severity::Warning, code, message)
    }

    fn of(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            trace: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
            node: None,
            instance: None,
        }
    }

    /// With the place it is about and a few words on what is there.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// With the place it is about, and the calls that led there.
    #[must_use]
    pub fn at_place(mut self, place: Place, text: impl Into<String>) -> Self {
        self.trace = place.calls;
        self.at(place.span, text)
    }

    /// A file that could not be written, and why.
    #[must_use]
    pub fn not_writable(place: &std::path::Path, error: &std::io::Error) -> Self {
        Self::error(code::NOT_WRITABLE, format!("`{}` cannot be written: {error}", place.display()))
            .help("check that there is room on the disk and that the folder is yours")
    }

    /// With another place that matters.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// With a fact that helps to understand it.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// With a way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// With a suggestion, if one of `known` resembles `wrong`.
    #[must_use]
    pub fn suggest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(wrong, known) {
            Some(found) => self.help(format!("did you mean `{found}`?")),
            None => self,
        }
    }

    /// With the node it belongs to.
    #[must_use]
    pub fn of_node(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }

    /// With the instance it is about.
    #[must_use]
    pub fn of_instance(mut self, instance: Option<&str>) -> Self {
        if self.instance.is_none() {
            self.instance = instance.map(str::to_owned);
        }
        self
    }

    /// Turned into a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = self.severity.min(Severity::Warning);
        self
    }

    /// Whether it is an error.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self.severity, Severity::Error)
    }

    /// The exit status that this alone leads to.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        if self.is_error() { self.code.exit } else { Exit::Done }
    }
}

/// The exit status that all of these lead to together.
#[must_use]
pub fn exit_of(diagnostics: &[Diagnostic]) -> Exit {
    diagnostics.iter().fold(Exit::Done, |exit, diagnostic| exit.or(diagnostic.exit()))
}

/// The same for people: what is said of several instances of a file in the same words about the same place is said once,
/// with their names.
#[must_use]
pub fn merge_instances(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    type Key<'a> = (&'static str, Severity, &'a str, Option<Span>);
    let mut merged: Vec<(Diagnostic, Vec<&str>)> = Vec::with_capacity(diagnostics.len());
    let mut first: std::collections::BTreeMap<Key<'_>, usize> = std::collections::BTreeMap::new();
    for diagnostic in diagnostics {
        let Some(instance) = &diagnostic.instance else {
            merged.push((diagnostic.clone(), Vec::new()));
            continue;
        };
        let span = diagnostic.primary.as_ref().map(|label| label.span);
        let key = (diagnostic.code.id, diagnostic.severity, diagnostic.message.as_str(), span);
        let at = *first.entry(key).or_insert(merged.len());
        match merged.get_mut(at) {
            Some((_, instances)) => instances.push(instance),
            None => merged.push((diagnostic.clone(), vec![instance])),
        }
    }
    let named = |(diagnostic, instances): (Diagnostic, Vec<&str>)| match instances.as_slice() {
        [] => diagnostic,
        [only] => diagnostic.note(format!("in the instance `{only}`")),
        several => {
            let shown: Vec<String> = several.iter().take(3).map(|name| format!("`{name}`")).collect();
            let rest = several.len() - shown.len();
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            diagnostic.note(format!("in the instances {}{more}", shown.join(", ")))
        }
    };
    merged.into_iter().map(named).collect()
}
