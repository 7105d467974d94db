//! Where a place inside a macro was written.
//!
//! The engine tells which expression of a model printed a text, but not what the macros behind it wrote where. So, when
//! somebody wants to know, the model is rendered again with all written text going through a function that knows its
//! place: once silently, once leaving marks around every line. The marks are believed only if
//!
//! - both renders print what the first one printed, once the marks are taken out,
//! - both went through the same places in the same order, so that no mark changed a decision, and
//! - between two marks stands exactly what is written there, so that nothing changed, cut, or moved it.
//!
//! Otherwise, and for values, which may come from anywhere, the answer stays what it was: the expression of the model. A
//! third render stops at the place and so tells
//! which calls led there. Never: a mark in a text that anybody else gets to see.

use super::{
    Input, Rendered,
    context::{Context, Halt},
    names,
    origin::{Origin, Origins},
    renderer::Renderer,
    scan::{scan, trim},
    written::{Manner, Written, write},
};
use crate::{
    diagnostic::Diagnostic,
    source::{FileId, Frame, Place, Span},
};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use std::{ops::Range, sync::Arc};

const OPEN: char = '\u{F0000}';
const CLOSE: char = '\u{F0001}';
const END: char = '\u{F0002}';
/// The sixteen digits of the number in a mark: characters that no filter takes for digits, letters or white space.
const ZERO: u32 = 0xF_0010;
/// How many digits a number has, so that marks sort as they were made.
const DIGITS: u32 = 6;
/// The most places that one render may go through.
const MOST_VISITS: usize = 1 << 20;

/// What a traced render went through, in order.
#[derive(Debug)]
pub(super) struct Trail {
    texts: Vec<(FileId, Arc<str>)>,
    marks: bool,
    stop_at: Option<usize>,
    visits: Vec<Visit>,
}

/// A line of text that was printed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Visit {
    file: usize,
    written: Range<usize>,
}

impl Trail {
    fn new(texts: Vec<(FileId, Arc<str>)>, marks: bool, stop_at: Option<usize>) -> Self {
        Self { texts, marks, stop_at, visits: Vec::new() }
    }

    /// Writes down a visit and appends what it prints, between marks where they are wanted.
    fn visit(&mut self, visit: Visit, printed: &str, into: &mut String) -> Result<(), Error> {
        let number = self.visits.len();
        if self.stop_at == Some(number) {
            return Err(Halt::error());
        }
        if number >= MOST_VISITS {
            return Err(Error::from(ErrorKind::OutOfFuel));
        }
        self.visits.push(visit);
        if self.marks {
            push_mark(into, OPEN, number);
        }
        into.push_str(printed);
        if self.marks {
            push_mark(into, CLOSE, number);
        }
        Ok(())
    }
}

/// Gives an engine the function that leaves a trail.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_function(names::TEXT, |state: &mut State<'_, '_>, file: usize, start: usize, end: usize| {
        let context = Context::of(state)?;
        let Some(mut trail) = context.trail() else { return Err(Error::from(ErrorKind::UnknownFunction)) };
        let text = trail.texts.get(file).map(|(_, text)| Arc::clone(text)).unwrap_or_default();
        let Some(text) = text.get(start..end) else { return Err(Error::from(ErrorKind::UnknownFunction)) };
        let mut printed = String::with_capacity(text.len());
        let mut at = start;
        for line in text.split_inclusive('\n') {
            let core = trim(line, 0..line.len());
            printed.push_str(line.get(..core.start).unwrap_or_default());
            if let Some(words) = line.get(core.clone()).filter(|words| !words.is_empty()) {
                let written = at + core.start..at + core.end;
                trail.visit(Visit { file, written }, words, &mut printed)?;
            }
            printed.push_str(line.get(core.end..).unwrap_or_default());
            at += line.len();
        }
        Ok(printed)
    });
}

fn push_mark(into: &mut String, kind: char, number: usize) {
    into.push(kind);
    for digit in (0..DIGITS).rev() {
        let value = u32::try_from(number >> (4 * digit) & 0xF).unwrap_or(0);
        into.push(char::from_u32(ZERO + value).unwrap_or(END));
    }
    into.push(END);
}

const fn is_mark(character: char) -> bool {
    matches!(character, '\u{F0000}'..='\u{F001F}')
}

/// What stands between two marks of the same visit, in the text without marks.
#[derive(Debug)]
struct Claim {
    visit: usize,
    range: Range<usize>,
}

/// Takes the marks out of a text; none if they are not what was put in.
fn read_marks(marked: &str) -> Option<(String, Vec<Claim>)> {
    let mut text = String::with_capacity(marked.len());
    let mut claims = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut characters = marked.chars();
    while let Some(character) = characters.next() {
        if !is_mark(character) {
            text.push(character);
            continue;
        }
        let mut number = 0;
        for _ in 0..DIGITS {
            let digit = u32::from(characters.next()?).checked_sub(ZERO).filter(|digit| *digit < 16)?;
            number = number << 4 | digit as usize;
        }
        if characters.next()? != END {
            return None;
        }
        match character {
            OPEN => open.push((number, text.len())),
            CLOSE => {
                let (opened, start) = open.pop()?;
                if opened != number {
                    return None;
                }
                claims.push(Claim { visit: number, range: start..text.len() });
            }
            _ => return None,
        }
    }
    open.is_empty().then_some((text, claims))
}

/// A model written for tracing, with what is needed to render it.
struct Traced<'a> {
    renderer: &'a Renderer,
    input: &'a Input<'a>,
    written: Written,
    texts: Vec<(FileId, Arc<str>)>,
}

impl<'a> Traced<'a> {
    fn new(renderer: &'a Renderer, input: &'a Input<'a>) -> Option<Self> {
        let files = renderer.library().files();
        if input.text.contains(is_mark) || files.iter().any(|file| file.text.contains(is_mark)) {
            return None;
        }
        let mut texts: Vec<(FileId, Arc<str>)> = files.iter().map(|file| (file.file, Arc::clone(&file.text))).collect();
        texts.push((input.file, input.text.into()));
        let mut written = Written::default();
        written.insert(names::PRELUDE);
        write(&mut written, input.text, &scan(input.text, input.start).ok()?, Manner::Traced(files.len()), &[]);
        Some(Self { renderer, input, written, texts })
    }

    fn origins(&self) -> Origins<'_> {
        let (_, units) = self.renderer.traced();
        let model =
            Origin { file: self.input.file, text: self.input.text, start: self.input.start, written: &self.written };
        let fallback = Span::new(self.input.file, self.input.start..self.input.start);
        Origins { units, model: Some(model), known: self.renderer.known(), fallback }
    }

    fn render(&self, marks: bool, stop_at: Option<usize>) -> (Result<String, Error>, Vec<Visit>) {
        let trail = Trail::new(self.texts.clone(), marks, stop_at);
        let context = Arc::new(Context::new(self.input).tracing(trail));
        let (environment, _) = self.renderer.traced();
        let result = environment
            .template_from_named_str(names::MODEL, self.written.text())
            .and_then(|template| template.render(Value::from_dyn_object(Arc::clone(&context))));
        let visits = context.trail().map(|mut trail| std::mem::take(&mut trail.visits)).unwrap_or_default();
        (result, visits)
    }

    /// Which calls led to a visit.
    fn calls(&self, visit: usize) -> Vec<Frame> {
        match self.render(false, Some(visit)) {
            (Err(error), _) => self.origins().calls(&error),
            (Ok(_), _) => Vec::new(),
        }
    }
}

/// The same diagnostic with the calls of macros that the model defines itself, which the first render does not see; none
/// if the traced render fails in another way.
pub(super) fn with_calls(renderer: &Renderer, input: &Input<'_>, diagnostic: &Diagnostic) -> Option<Diagnostic> {
    let traced = Traced::new(renderer, input)?;
    let (Err(error), _) = traced.render(false, None) else { return None };
    let again = traced.origins().diagnose(&error);
    let same =
        again.code == diagnostic.code && again.message == diagnostic.message && again.primary == diagnostic.primary;
    same.then(|| Diagnostic { trace: again.trace, notes: again.notes, ..diagnostic.clone() })
}

/// Where `range` of the rendered text was written, if that can be told with certainty.
pub(super) fn place(renderer: &Renderer, input: &Input<'_>, output: &Rendered, range: &Range<usize>) -> Option<Place> {
    let traced = Traced::new(renderer, input).filter(|_| !output.text.contains(is_mark))?;
    let (silent, silent_visits) = traced.render(false, None);
    let (marked, visits) = traced.render(true, None);
    let (text, claims) = read_marks(&marked.ok()?)?;
    if text != output.text || silent.ok()? != output.text || visits != silent_visits {
        return None;
    }
    let claim = claims.iter().find(|claim| claim.range.contains(&range.start))?;
    let visit = visits.get(claim.visit)?;
    let (file, original) = traced.texts.get(visit.file)?;
    if original.get(visit.written.clone())? != text.get(claim.range.clone())? {
        return None;
    }
    let start = visit.written.start + (range.start - claim.range.start);
    let end = start + range.end.min(claim.range.end).saturating_sub(range.start);
    let span = Span::new(*file, start..end);
    Some(Place { span, calls: traced.calls(claim.visit) })
}
