//! The engine's errors in words for people.
//!
//! In: an error of the engine, or of suiro's own functions on its way through the engine. Out: a [`Diagnostic`] with the
//! written place, the calls that led there, and a way out.

use super::{
    names,
    origin::{Chain, Origins, shorten},
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{TEMPLATE_FAILED, TEMPLATE_NOT_FOUND, TEMPLATE_SYNTAX, TEMPLATE_TOO_LONG, UNDEFINED_VALUE},
    },
    source::Span,
};
use minijinja::{Error, ErrorKind};

impl Origins<'_> {
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
        let span = self.origin(span).and_then(|origin| filtered(origin.text, span)).unwrap_or(span);
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
            ("window", Some((_, attribute))) => diagnostic.suggest(attribute, names::OF_WINDOW.iter().copied()),
            ("target", Some((_, attribute))) => diagnostic.suggest(attribute, names::OF_TARGET.iter().copied()),
            ("instance", None) => {
                diagnostic.help("it is there only in models that have `instances` in their configuration")
            }
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
            .suggest(
                name,
                files.iter().flat_map(|path| [*path, path.split_once("macros/").map_or(*path, |(_, below)| below)]),
            );
        if diagnostic.help.is_empty() {
            diagnostic.help("templates are found below `templates/macros/` of the project, and nowhere else")
        } else {
            diagnostic
        }
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
        "snapshot" => {
            diagnostic.help("a snapshot is a model with `materialized: snapshot`; its `config` stays, the block goes")
        }
        "materialization" | "test" | "docs" => {
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

/// The place of the name that a filter at `span` is given, if that is what stands there: `country` of `country|upper`.
fn filtered(text: &str, span: Span) -> Option<Span> {
    names::FILTERS.contains(&text.get(span.range())?).then_some(())?;
    let before = text.get(..span.start)?.trim_end().strip_suffix('|')?.trim_end();
    let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).map_or(0, |at| at + 1);
    let start = start + before.get(start..)?.find(|c: char| c != '.')?;
    Some(Span { start, end: before.len(), ..span })
}

/// The name at the start of a text, with attributes: `a.b` of `a.b()`.
fn path_at(text: &str) -> &str {
    let end = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'));
    let path = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    if path.starts_with(|first: char| first.is_ascii_digit() || first == '.') { "" } else { path }
}
