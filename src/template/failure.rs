//! What goes wrong in a template: suiro's own failures, and the way from the engine's errors to diagnostics.
//!
//! In: an error of the engine and the texts that it speaks of. Out: a [`Diagnostic`] with the written place and the
//! macro calls that led there. Never: the engine's lines and columns, which saturate; only its byte ranges are used.

use super::{
    names,
    scan::{Kind, Piece, scan},
    written::Written,
};
use crate::{
    diagnostic::{
        Code, Diagnostic,
        code::{BUG, TEMPLATE_FAILED, TEMPLATE_NOT_FOUND, TEMPLATE_SYNTAX, TEMPLATE_TOO_LONG, UNDEFINED_VALUE},
    },
    source::{FileId, Frame, Span, floor_char_boundary},
};
use minijinja::{Error, ErrorKind};
use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

/// The most calls that a trace shows.
const LONGEST_TRACE: usize = 8;

/// What one of suiro's own functions refuses.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    code: Code,
    message: String,
    notes: Vec<String>,
    help: Vec<String>,
    word: Option<&'static str>,
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
    name: Arc<str>,
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

/// A template as the engine has it and as people wrote it.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub original: Arc<str>,
    /// What the engine has.
    pub written: Written,
}

impl Unit {
    fn origin(&self) -> Origin<'_> {
        Origin { file: self.file, text: &self.original, start: 0, written: &self.written }
    }
}

/// Templates by the names that the engine has for them.
pub(super) type Units = BTreeMap<String, Unit>;

/// The texts that an error can speak of.
pub(super) struct Origins<'a> {
    /// Templates that stay.
    pub units: &'a Units,
    /// The text that was rendered, if it is none of those.
    pub model: Option<Origin<'a>>,
    /// Names that a template can use, for suggestions.
    pub known: &'a [String],
    /// Where to point when nothing better is known.
    pub fallback: Span,
}

/// One of those texts.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub file: FileId,
    pub text: &'a str,
    /// Where the template starts in it.
    pub start: usize,
    pub written: &'a Written,
}

impl Origin<'_> {
    fn pieces(&self) -> Vec<Piece> {
        scan(self.text, self.start).unwrap_or_default()
    }

    /// The tag or expression around a byte.
    fn tag_around(&self, byte: usize) -> Option<Piece> {
        let piece = self.pieces().into_iter().find(|piece| piece.outer.contains(&byte))?;
        matches!(piece.kind, Kind::Print | Kind::Tag).then_some(piece)
    }
}

/// One error of a chain, from the outermost to the innermost.
struct Link<'e> {
    error: &'e Error,
    place: Option<Span>,
    called: Option<&'e str>,
}

/// A chain of errors.
struct Chain<'e> {
    links: Vec<Link<'e>>,
    failure: Option<&'e Failure>,
}

/// Where an error arose, and how it came there.
pub(super) struct Found {
    pub span: Span,
    pub calls: Vec<Frame>,
}

impl<'a> Origins<'a> {
    /// The text that the engine calls by that name.
    pub fn find(&self, name: &str) -> Option<Origin<'a>> {
        if name == names::MODEL {
            return self.model;
        }
        let unit = self.units.get(name)?;
        Some(unit.origin())
    }

    /// Where the innermost error of the chain arose, if it is known.
    pub fn locate(&self, error: &Error) -> Option<Found> {
        self.chain(error).found()
    }

    /// The calls that led to an error, without the middle of a long way.
    pub fn calls(&self, error: &Error) -> Vec<Frame> {
        let mut calls = calls(&self.chain(error).links);
        shorten(&mut calls);
        calls
    }

    /// The error in words for people.
    pub fn diagnose(&self, error: &Error) -> Diagnostic {
        let chain = self.chain(error);
        let found = chain.found();
        let span = found.as_ref().map_or(self.fallback, |found| found.span);
        let mut diagnostic = match (chain.failure, chain.links.last()) {
            (Some(failure), _) => {
                let span = failure.word.and_then(|word| self.word_at(word, span)).unwrap_or(span);
                let mut diagnostic = Diagnostic::error(failure.code, &failure.message).at(span, "");
                diagnostic.notes.clone_from(&failure.notes);
                diagnostic.help.clone_from(&failure.help);
                diagnostic
            }
            (None, Some(link)) => self.explain(link.error, span, &chain),
            (None, None) => Diagnostic::error(TEMPLATE_FAILED, "the template failed").at(span, ""),
        };
        let mut calls = found.map(|found| found.calls).unwrap_or_default();
        let left_out = shorten(&mut calls);
        if left_out > 0 {
            diagnostic.notes.push(format!("{left_out} more calls lie between these"));
        }
        diagnostic.trace = calls;
        diagnostic
    }

    fn chain<'e>(&self, error: &'e Error) -> Chain<'e> {
        let mut chain = Chain { links: Vec::new(), failure: None };
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(current) = next {
            if let Some(error) = current.downcast_ref::<Error>() {
                chain.links.push(Link { error, place: self.place(error), called: None });
            } else if let Some(called) = current.downcast_ref::<Called>() {
                if let Some(link) = chain.links.last_mut() {
                    link.called = Some(&called.name);
                    if link.error.range().is_none() {
                        link.place = self.place_of_call(link.error, &called.name).or(link.place);
                    }
                }
            } else if let Some(failure) = current.downcast_ref::<Failure>() {
                chain.failure = Some(failure);
            }
            next = current.source();
        }
        chain
    }

    /// Where an error says that it is, in the text that people wrote.
    fn place(&self, error: &Error) -> Option<Span> {
        let origin = self.find(error.name()?)?;
        let range = if let Some(range) = error.range() {
            origin.written.original(range)?
        } else {
            let line = origin.written.original(line_range(origin.written.text(), error.line()?)?)?;
            // The engine knows only the last line of a call that goes over several; its tag says more.
            let is_call = std::error::Error::source(error).is_some();
            origin.tag_around(line.start).filter(|_| is_call).map_or(line, |tag| tag.inner)
        };
        let start = floor_char_boundary(origin.text, range.start);
        let end = floor_char_boundary(origin.text, range.end.max(start));
        Some(Span::new(origin.file, start..end.max(start)))
    }

    /// Where a call of `name` stands that an error knows only a line of: the last line of a call that goes over several,
    /// or of the body of a call block.
    fn place_of_call(&self, error: &Error, name: &str) -> Option<Span> {
        let origin = self.find(error.name()?)?;
        let end = origin.written.copied_before(line_range(origin.written.text(), error.line()?)?.end);
        let pieces = origin.pieces();
        let before = pieces.iter().rev().filter(|piece| piece.outer.start < end);
        let mut tags = before.filter(|piece| matches!(piece.kind, Kind::Print | Kind::Tag));
        tags.find_map(|tag| {
            let (_, word) = tag.words(origin.text).into_iter().find(|(word, _)| *word == name)?;
            Some(Span::new(origin.file, word.start..tag.inner.end))
        })
    }

    fn explain(&self, error: &Error, span: Span, chain: &Chain<'_>) -> Diagnostic {
        let detail = error.detail().unwrap_or_default();
        match error.kind() {
            _ if detail == "template exceeds maximum recursion limits" => too_long("tags nest too deeply here", span),
            ErrorKind::SyntaxError | ErrorKind::BadEscape | ErrorKind::InvalidDelimiter => syntax(error, detail, span),
            ErrorKind::OutOfFuel => too_long("the template did not end within its number of steps", span),
            _ if detail == "recursion limit exceeded" => too_long("the template calls itself without end", span),
            _ if detail.ends_with("is too large") || detail.ends_with("too many elements") => too_long(detail, span),
            ErrorKind::UndefinedError => self.undefined(detail, span),
            _ if detail.starts_with("value of type undefined") || detail.starts_with("undefined has no method") => {
                self.undefined(detail, span)
            }
            ErrorKind::UnknownFunction => {
                let name = detail.split(' ').next().unwrap_or_default();
                let span = self.word_at(name, span).unwrap_or(span);
                let known = self.names(span);
                Diagnostic::error(UNDEFINED_VALUE, format!("`{name}` is neither a macro nor a function"))
                    .at(span, "not known")
                    .suggest(name, known.iter().map(String::as_str))
            }
            ErrorKind::UnknownFilter => unknown("filter", detail, names::FILTERS, span),
            ErrorKind::UnknownTest => unknown("test", detail, names::TESTS, span),
            ErrorKind::UnknownMethod => method(detail, span),
            ErrorKind::TemplateNotFound => self.not_found(detail, span),
            ErrorKind::TooManyArguments | ErrorKind::MissingArgument => {
                let callee = chain.links.iter().rev().find_map(|link| link.called);
                let fault = if detail.is_empty() { error.kind().to_string() } else { detail.to_owned() };
                let message =
                    callee.map_or_else(|| fault.clone(), |name| format!("`{name}` was called wrongly: {fault}"));
                Diagnostic::error(TEMPLATE_FAILED, message).at(span, "")
            }
            ErrorKind::WriteFailure => Diagnostic::error(TEMPLATE_FAILED, "this value cannot be printed").at(span, ""),
            kind => {
                let fault = if detail.is_empty() { kind.to_string() } else { detail.to_owned() };
                let written = self.origin(span).and_then(|origin| origin.text.get(span.range()));
                let filter = written.filter(|name| names::FILTERS.contains(name));
                let message =
                    filter.map_or_else(|| fault.clone(), |name| format!("the filter `{name}` failed: {fault}"));
                Diagnostic::error(TEMPLATE_FAILED, message).at(span, "")
            }
        }
    }

    fn undefined(&self, detail: &str, span: Span) -> Diagnostic {
        let named = detail.split('`').nth(1).filter(|name| !name.starts_with('('));
        let written = self.origin(span).and_then(|origin| origin.text.get(span.range()));
        let guessed = written.map(path_at).filter(|text| !text.is_empty());
        let Some(name) = named.or(guessed) else {
            return Diagnostic::error(UNDEFINED_VALUE, "a value that is not defined is used here")
                .at(span, "not defined");
        };
        let first = name.split(['.', '[']).next().unwrap_or_default();
        let span = self.word_at(first, span).unwrap_or(span);
        let diagnostic = Diagnostic::error(UNDEFINED_VALUE, format!("`{name}` is not defined")).at(span, "not defined");
        match (first, name.split_once('.')) {
            ("this", Some((_, attribute))) => diagnostic.suggest(attribute, names::OF_THIS.iter().copied()),
            ("target", Some((_, attribute))) => diagnostic.suggest(attribute, names::OF_TARGET.iter().copied()),
            _ if first == name => diagnostic.suggest(name, self.names(span).iter().map(String::as_str)),
            _ => diagnostic,
        }
    }

    fn not_found(&self, detail: &str, span: Span) -> Diagnostic {
        let quote = detail.find(['\'', '"']).and_then(|at| detail.get(at..at + 1)).unwrap_or("'");
        let name = detail.split(quote).nth(1).unwrap_or(detail);
        let files: Vec<&str> = self.units.keys().map(String::as_str).filter(|name| !name.starts_with('\0')).collect();
        let diagnostic = Diagnostic::error(TEMPLATE_NOT_FOUND, format!("there is no template `{name}`"))
            .at(span, "not found")
            .suggest(name, files.iter().flat_map(|path| [*path, super::library::short(path)]));
        if diagnostic.help.is_empty() {
            diagnostic.help("templates are found below `templates/macros/` of the project, and nowhere else")
        } else {
            diagnostic
        }
    }

    /// The text that a span is of.
    fn origin(&self, span: Span) -> Option<Origin<'a>> {
        let unit = || self.units.values().find(|unit| unit.file == span.file);
        self.model.filter(|model| model.file == span.file).or_else(|| unit().map(Unit::origin))
    }

    /// Where the word stands in the tag around `span`: the first in the span itself, else the last before it.
    fn word_at(&self, word: &str, span: Span) -> Option<Span> {
        let origin = self.origin(span)?;
        let words = origin.tag_around(span.start)?.words(origin.text);
        let end = span.end.max(span.start + 1);
        let places =
            || words.iter().filter(|(found, range)| *found == word && range.start < end).map(|(_, range)| range);
        let range = places().find(|range| range.start >= span.start).or_else(|| places().next_back())?;
        Some(Span::new(span.file, range.clone()))
    }

    /// What is written in the tag around a span: from where, to where, and in which text.
    pub fn tag_at(&self, span: Span) -> Option<(&'a str, Range<usize>)> {
        let origin = self.origin(span)?;
        Some((origin.text, origin.tag_around(span.start)?.inner))
    }

    /// The names that the template around `span` can use.
    fn names(&self, span: Span) -> Vec<String> {
        let mut known: Vec<String> = self.known.to_vec();
        known.extend(names::VARIABLES.iter().map(|name| (*name).to_owned()));
        let Some(origin) = self.origin(span) else { return known };
        for piece in origin.pieces() {
            if matches!(piece.word(origin.text), "set" | "for" | "macro" | "import" | "from" | "with") {
                let words = piece.words(origin.text);
                let others = words.iter().skip(1).filter(|(_, range)| *range != span.range());
                known.extend(others.map(|(word, _)| (*word).to_owned()));
            }
        }
        known
    }
}

impl Chain<'_> {
    fn found(&self) -> Option<Found> {
        let innermost = self.links.iter().rposition(|link| link.place.is_some())?;
        let span = self.links.get(innermost)?.place?;
        Some(Found { span, calls: calls(self.links.get(..innermost).unwrap_or_default()) })
    }
}

/// The calls and includes that errors passed on their way.
fn calls(links: &[Link<'_>]) -> Vec<Frame> {
    let call = |link: &Link<'_>| {
        let included = (link.error.kind() == ErrorKind::BadInclude)
            .then(|| link.error.detail()?.split('"').nth(1))
            .flatten()
            .filter(|name| !name.starts_with(['\0', '\\']));
        Some(Frame { name: link.called.or(included)?.to_owned(), call: link.place? })
    };
    links.iter().filter_map(call).collect()
}

/// Leaves out the middle of a long trace; the answer is how many calls that were.
fn shorten(calls: &mut Vec<Frame>) -> usize {
    let left_out = calls.len().saturating_sub(LONGEST_TRACE);
    if left_out > 0 {
        calls.drain(LONGEST_TRACE / 2..LONGEST_TRACE / 2 + left_out);
    }
    left_out
}

fn syntax(error: &Error, detail: &str, span: Span) -> Diagnostic {
    let message = if detail.is_empty() { error.kind().to_string() } else { detail.to_owned() };
    let Some(tag) = detail.strip_prefix("unknown statement ") else {
        return Diagnostic::error(TEMPLATE_SYNTAX, message).at(span, "");
    };
    let message = if names::TAGS.contains(&tag) {
        format!("`{tag}` stands here without its beginning")
    } else {
        format!("`{tag}` is no tag of a template")
    };
    let diagnostic = Diagnostic::error(TEMPLATE_SYNTAX, message).at(span, "");
    match tag {
        "materialization" | "test" | "snapshot" | "docs" => {
            diagnostic.help(format!("suiro has no `{{% {tag} %}}` blocks in templates"))
        }
        "break" | "continue" => diagnostic.help("filter the loop instead: `{% for x in items if … %}`"),
        _ => diagnostic.suggest(tag, names::TAGS.iter().copied()),
    }
}

fn too_long(message: &str, span: Span) -> Diagnostic {
    Diagnostic::error(TEMPLATE_TOO_LONG, message)
        .at(span, "stopped here")
        .help("look for a loop over too much, or a macro or file that calls itself")
}

fn unknown(what: &str, detail: &str, known: &[&str], span: Span) -> Diagnostic {
    let name = detail.split(' ').nth(1).unwrap_or_default();
    Diagnostic::error(UNDEFINED_VALUE, format!("there is no {what} `{name}`"))
        .at(span, "not known")
        .suggest(name, known.iter().copied())
}

fn method(detail: &str, span: Span) -> Diagnostic {
    let mut words = detail.split(' ');
    let (kind, name) = (words.next().unwrap_or("value"), words.next_back().unwrap_or_default());
    Diagnostic::error(UNDEFINED_VALUE, format!("a {kind} has no method `{name}`"))
        .at(span, "not known")
        .suggest(name, super::method::KNOWN.iter().copied())
}

/// The name at the start of a text, with attributes: `a.b` of `a.b()`.
fn path_at(text: &str) -> &str {
    let end = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'));
    let path = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    if path.starts_with(|first: char| first.is_ascii_digit() || first == '.') { "" } else { path }
}

/// The bytes of a line, from 1, without white space at its ends.
fn line_range(text: &str, line: usize) -> Option<Range<usize>> {
    let mut start = 0;
    for _ in 1..line {
        start += text.get(start..)?.find('\n')? + 1;
    }
    let rest = text.get(start..)?;
    let end = start + rest.find('\n').unwrap_or(rest.len());
    Some(super::scan::trim(text, start..end))
}
