//! The texts that an error of the engine can speak of, and where in them it arose.
//!
//! In: an error, with those that it was wrapped in on its way through macros and includes. Out: the place in what people
//! wrote, and the calls that led there. Never: the engine's columns, or its lines where it knows bytes; they saturate.

use super::{
    failure::{Called, Failure},
    names,
    scan::{Kind, Piece, scan},
    written::Written,
};
use crate::source::{FileId, Frame, Span, floor_char_boundary};
use minijinja::{Error, ErrorKind};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// The most calls that a trace shows.
const LONGEST_TRACE: usize = 8;

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
    pub fn pieces(&self) -> Vec<Piece> {
        scan(self.text, self.start).unwrap_or_default()
    }

    /// The tag or expression around a byte.
    fn tag_around(&self, byte: usize) -> Option<Piece> {
        let piece = self.pieces().into_iter().find(|piece| piece.outer.contains(&byte))?;
        matches!(piece.kind, Kind::Print | Kind::Tag).then_some(piece)
    }
}

/// One error of a chain, from the outermost to the innermost.
pub(super) struct Link<'e> {
    pub error: &'e Error,
    place: Option<Span>,
    pub called: Option<&'e str>,
}

/// A chain of errors.
pub(super) struct Chain<'e> {
    pub links: Vec<Link<'e>>,
    pub failure: Option<&'e Failure>,
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

    pub fn chain<'e>(&self, error: &'e Error) -> Chain<'e> {
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

    /// Where a call of `name` stands that an error knows only a line of. That is the last line of a call that goes over
    /// several, or of the body of a call block. An alias has another name than the macro.
    fn place_of_call(&self, error: &Error, name: &str) -> Option<Span> {
        let origin = self.find(error.name()?)?;
        let line = line_range(origin.written.text(), error.line()?)?;
        let (start, end) = (origin.written.copied_before(line.start), origin.written.copied_before(line.end));
        let pieces = origin.pieces();
        let called_in = |tag: &Piece| tag.words(origin.text).into_iter().find(|(word, _)| *word == name);
        let around = pieces.iter().find(|piece| piece.outer.start < start && start < piece.outer.end);
        let around = around.filter(|piece| matches!(piece.kind, Kind::Print | Kind::Tag));
        let blocks =
            || pieces.iter().rev().filter(|piece| piece.outer.start < end && piece.word(origin.text) == "call");
        let named = around.into_iter().chain(blocks()).find_map(|tag| Some((tag, called_in(tag)?.1.start)));
        let unnamed = || Some((around.or_else(|| blocks().next())?, None));
        let (tag, start) = named.map(|(tag, start)| (tag, Some(start))).or_else(unnamed)?;
        Some(Span::new(origin.file, start.unwrap_or(tag.inner.start)..tag.inner.end))
    }

    /// The text that a span is of.
    pub fn origin(&self, span: Span) -> Option<Origin<'a>> {
        let unit = || self.units.values().find(|unit| unit.file == span.file);
        self.model.filter(|model| model.file == span.file).or_else(|| unit().map(Unit::origin))
    }

    /// Where the word stands in the tag around `span`: the first in the span itself, else the last before it.
    pub fn word_at(&self, word: &str, span: Span) -> Option<Span> {
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
}

impl Chain<'_> {
    pub fn found(&self) -> Option<Found> {
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
pub(super) fn shorten(calls: &mut Vec<Frame>) -> usize {
    let left_out = calls.len().saturating_sub(LONGEST_TRACE);
    if left_out > 0 {
        calls.drain(LONGEST_TRACE / 2..LONGEST_TRACE / 2 + left_out);
    }
    left_out
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
