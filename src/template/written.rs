//! The text that the engine is given for a template, and the way back to the text that people wrote.
//!
//! In: a template and its pieces. Out: [`Written`]. The two texts differ where suiro puts something in: the start-up of
//! a model, a guard around values that are set, and marks when a place inside a macro is looked for.

use super::{
    names,
    scan::{Kind, Piece, trim},
};
use std::ops::Range;

/// A text made of copies of another text and of insertions.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    text: String,
    copies: Vec<Copied>,
}

#[derive(Debug, Clone)]
struct Copied {
    /// Where it stands in the new text.
    at: usize,
    /// Where it stands in the original.
    from: usize,
    length: usize,
}

impl Written {
    /// An empty text with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity), copies: Vec::new() }
    }

    /// The new text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Appends these bytes of the original; ranges must come in order.
    pub fn copy(&mut self, original: &str, range: Range<usize>) {
        let Some(part) = original.get(range.clone()).filter(|part| !part.is_empty()) else { return };
        match self.copies.last_mut() {
            Some(last) if last.from + last.length == range.start && last.at + last.length == self.text.len() => {
                last.length += part.len();
            }
            _ => self.copies.push(Copied { at: self.text.len(), from: range.start, length: part.len() }),
        }
        self.text.push_str(part);
    }

    /// Appends something that is not in the original.
    pub fn insert(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// How much of the original was copied when the new text reached that byte.
    pub fn copied_before(&self, byte: usize) -> usize {
        let next = self.copies.partition_point(|copy| copy.at < byte);
        let last = next.checked_sub(1).and_then(|last| self.copies.get(last));
        last.map_or(0, |copy| copy.from + copy.length.min(byte - copy.at))
    }

    /// The bytes of the original that a range of the new text stands for; none if all of it was put in.
    ///
    /// What lies past the end belongs to the end: the engine reports an open block one byte behind the text.
    pub fn original(&self, range: Range<usize>) -> Option<Range<usize>> {
        let last = self.copies.last()?;
        if range.start >= last.at + last.length {
            let end = last.from + last.length;
            return Some(end..end);
        }
        let end = range.end.max(range.start + 1);
        let first = self.copies.partition_point(|copy| copy.at + copy.length <= range.start);
        let beyond = self.copies.partition_point(|copy| copy.at < end);
        let (first, last) = (self.copies.get(first)?, self.copies.get(beyond.checked_sub(1)?)?);
        if first.at >= end {
            return None;
        }
        let start = first.from + range.start.saturating_sub(first.at);
        let end = last.from + last.length.min(end - last.at);
        Some(start..if range.is_empty() { start } else { end.max(start) })
    }
}

/// How a template is written for the engine.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    /// As it is, but for the guard of what is set.
    Plain,
    /// With every text going through a function that knows its place; the number names the file.
    Traced(usize),
}

/// Writes the pieces for the engine, leaving out those whose start is in one of `without`.
pub(super) fn write(into: &mut Written, text: &str, pieces: &[Piece], manner: Manner, without: &[Range<usize>]) {
    let mut macros: Vec<&str> = Vec::new();
    for piece in pieces {
        if without.iter().any(|range| range.contains(&piece.outer.start)) {
            continue;
        }
        match (manner, piece.kind) {
            (_, Kind::Tag) => {
                write_tag(into, text, piece);
                match (manner, piece.word(text)) {
                    (Manner::Traced(_), "macro") => macros.push(piece.words(text).get(1).map_or("", |word| word.0)),
                    (Manner::Traced(_), "endmacro") => {
                        let name = macros.pop().unwrap_or_default();
                        let sign = if piece.after == Some(b'-') { "-" } else { "" };
                        into.insert(&wrapping(name, sign));
                    }
                    _ => {}
                }
            }
            (Manner::Traced(file), Kind::Text) => {
                let core = trim(text, piece.outer.clone());
                into.copy(text, piece.outer.start..core.start);
                if !core.is_empty() {
                    into.insert(&format!("{{{{ {}({file}, {}, {}) }}}}", names::TEXT, core.start, core.end));
                }
                into.copy(text, core.end..piece.outer.end);
            }
            (Manner::Traced(file), Kind::Raw) => {
                let (before, after) = (sign(piece.before), sign(piece.after));
                let Range { start, end } = piece.inner;
                into.insert(&format!("{{{{{before} {}({file}, {start}, {end}) {after}}}}}", names::TEXT));
            }
            (Manner::Plain, Kind::Text | Kind::Raw) | (_, Kind::Print | Kind::Comment) => {
                into.copy(text, piece.outer.clone());
            }
        }
    }
}

/// The statement that makes calls of a macro leave a trace in errors.
pub(super) fn wrapping(name: &str, sign: &str) -> String {
    format!("{{% set {name} = {}({name}, '{name}') {sign}%}}", names::WRAP)
}

fn sign(byte: Option<u8>) -> &'static str {
    match byte {
        Some(b'-') => "-",
        Some(b'+') => "+",
        _ => "",
    }
}

/// Copies a tag; what it sets goes through a guard.
fn write_tag(into: &mut Written, text: &str, piece: &Piece) {
    let Some((value, in_namespace)) = piece.value_set(text) else {
        into.copy(text, piece.outer.clone());
        return;
    };
    into.copy(text, piece.outer.start..value.start);
    into.insert(if in_namespace { names::PLAIN } else { names::BOUNDED });
    into.insert("((");
    into.copy(text, value.clone());
    into.insert("))");
    into.copy(text, value.end..piece.outer.end);
}

#[cfg(test)]
mod tests {
    use super::{Manner, Written, write};
    use crate::template::scan::scan;

    fn written(text: &str, manner: Manner) -> Written {
        let mut into = Written::default();
        write(&mut into, text, &scan(text, 0).unwrap(), manner, &[]);
        into
    }

    #[test]
    fn changes_nothing_but_what_is_set() {
        let text = "a {{ b }}{% if c %}d{% endif %}{# e #}{% raw %}{{ f }}{% endraw %}{% set g %}1{% endset %}";
        assert_eq!(written(text, Manner::Plain).text(), text);
        assert_eq!(written("{% set g = 1 %}", Manner::Plain).text(), "{% set g = __suiro_bounded((1)) %}");
        let guarded = written("{% set ns.x = [ns.x] -%} a", Manner::Plain);
        assert_eq!(guarded.text(), "{% set ns.x = __suiro_plain(([ns.x])) -%} a");
        let at = guarded.text().find("[ns.x]").unwrap();
        assert_eq!(guarded.original(at..at + 6), Some(14..20));
        assert_eq!(guarded.original(at - 3..at - 1), None);
        assert_eq!(guarded.original(guarded.text().len()..guarded.text().len() + 1), Some(26..26));
    }

    #[test]
    fn every_original_byte_is_found_again() {
        let text = " a {{- b|c -}} 漢\n{% macro m(x) -%} {{ x }} {%- endmacro -%} {% raw -%} {{ {%- endraw %} z";
        for manner in [Manner::Plain, Manner::Traced(7)] {
            let written = written(text, manner);
            for copy in &written.copies {
                assert_eq!(&written.text[copy.at..copy.at + copy.length], &text[copy.from..copy.from + copy.length]);
                for byte in 0..copy.length {
                    let at = copy.at + byte;
                    assert_eq!(written.original(at..at + 1), Some(copy.from + byte..copy.from + byte + 1));
                }
            }
        }
    }

    #[test]
    fn traces_texts_and_macros() {
        let traced = written("a{{- b -}}{% macro m() -%}c{% endmacro -%}", Manner::Traced(7));
        assert_eq!(
            traced.text(),
            "{{ __suiro_text(7, 0, 1) }}{{- b -}}{% macro m() -%}{{ __suiro_text(7, 26, 27) }}\
             {% endmacro -%}{% set m = __suiro_wrap(m, 'm') -%}"
        );
    }
}
