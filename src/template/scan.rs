//! Where the tags of a template stand.
//!
//! In: the text of a template. Out: its [`Piece`]s, which cover it without gaps. The rules are those of the engine's
//! lexer with the usual delimiters; where the two should ever disagree, whoever rewrote a text by these pieces finds
//! that it does not render to the same, and gives up. Never: judging what stands in a tag, beyond how long it is.

use std::ops::Range;

/// The most words and signs that an expression may nest or chain: the engine's parser recurses without a bound of its
/// own, and overflows two megabytes of stack somewhere above 3,000.
const LONGEST_CHAIN: usize = 1_000;

/// The most `elif` tags of one file, for the same reason.
const MOST_ELIF: usize = 500;

/// A stretch of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// What it is.
    pub kind: Kind,
    /// All of it, delimiters included.
    pub outer: Range<usize>,
    /// What stands between the delimiters and their signs, without white space at the ends; for text, `outer`.
    pub inner: Range<usize>,
    /// The sign (`-` or `+`) after the opening delimiter.
    pub before: Option<u8>,
    /// The sign before the closing delimiter.
    pub after: Option<u8>,
}

/// What a stretch of a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text between tags.
    Text,
    /// `{# … #}`.
    Comment,
    /// `{% raw %} … {% endraw %}`; `inner` is what it prints.
    Raw,
    /// `{{ … }}`.
    Print,
    /// `{% … %}`.
    Tag,
}

/// Why a text cannot be divided into pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unscannable {
    /// Something that is opened is never closed; the engine says it better.
    Unclosed,
    /// An expression chains or nests too much, from here on.
    TooLong(Range<usize>),
}

/// Whether the text has any tag at all.
pub(super) fn has_tags(text: &str) -> bool {
    next_tag(text.as_bytes(), 0).is_some()
}

/// The pieces of `text` from the byte `start` on.
pub(super) fn scan(text: &str, start: usize) -> Result<Vec<Piece>, Unscannable> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let mut branches = 0;
    let mut at = start;
    while at < bytes.len() {
        let Some(open) = next_tag(bytes, at) else {
            pieces.push(piece(Kind::Text, at..bytes.len(), at..bytes.len()));
            break;
        };
        if open > at {
            pieces.push(piece(Kind::Text, at..open, at..open));
        }
        let found = match byte(bytes, open + 1) {
            b'#' => comment(bytes, open)?,
            b'{' => tag(text, open, Kind::Print)?,
            _ => match raw(text, open)? {
                Some(found) => found,
                None => tag(text, open, Kind::Tag)?,
            },
        };
        if found.word(text) == "elif" {
            branches += 1;
            if branches > MOST_ELIF {
                return Err(Unscannable::TooLong(found.outer));
            }
        }
        at = found.outer.end;
        pieces.push(found);
    }
    Ok(pieces)
}

impl Piece {
    /// The first word of a tag: `set`, `endfor`; empty for anything else.
    pub fn word<'t>(&self, text: &'t str) -> &'t str {
        if self.kind != Kind::Tag {
            return "";
        }
        let inner = text.get(self.inner.clone()).unwrap_or_default();
        let end = inner.bytes().position(|byte| !is_word(byte)).unwrap_or(inner.len());
        inner.get(..end).unwrap_or_default()
    }

    /// The words of a tag or expression with their places, strings left out.
    pub fn words<'t>(&self, text: &'t str) -> Vec<(&'t str, Range<usize>)> {
        let bytes = text.as_bytes();
        let mut words = Vec::new();
        let mut at = self.inner.start;
        while at < self.inner.end {
            let end = match byte(bytes, at) {
                quote @ (b'\'' | b'"') => string_end(bytes, at, quote).unwrap_or(self.inner.end),
                first if is_word(first) => {
                    let end = word_end(bytes, at).min(self.inner.end);
                    if !first.is_ascii_digit() {
                        words.push((text.get(at..end).unwrap_or_default(), at..end));
                    }
                    end
                }
                _ => at + 1,
            };
            at = end;
        }
        words
    }

    /// For `{% set a = … %}`: where the value stands, and whether it goes into a namespace (`a.b = …`).
    pub fn value_set(&self, text: &str) -> Option<(Range<usize>, bool)> {
        if self.word(text) != "set" {
            return None;
        }
        let bytes = text.as_bytes();
        let mut dotted = false;
        for at in self.inner.clone() {
            match byte(bytes, at) {
                b'.' => dotted = true,
                b'=' => {
                    let value = trim(text, at + 1..self.inner.end);
                    return (!value.is_empty()).then_some((value, dotted));
                }
                b'|' | b'\'' | b'"' => return None,
                _ => {}
            }
        }
        None
    }
}

fn piece(kind: Kind, outer: Range<usize>, inner: Range<usize>) -> Piece {
    Piece { kind, outer, inner, before: None, after: None }
}

/// The byte, or 0 past the end.
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while is_word(byte(bytes, at)) {
        at += 1;
    }
    at
}

/// The range without white space at its ends.
pub(super) fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(part) = text.get(range.clone()) else { return range };
    let start = range.end - part.trim_start().len();
    start..start + part.trim().len()
}

/// The next `{{`, `{%` or `{#`.
fn next_tag(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == b'{') {
        if matches!(byte(bytes, at + found + 1), b'{' | b'%' | b'#') {
            return Some(at + found);
        }
        at += found + 1;
    }
    None
}

/// A `-` or `+` at that byte.
fn sign(bytes: &[u8], at: usize) -> Option<u8> {
    Some(byte(bytes, at)).filter(|byte| matches!(byte, b'-' | b'+'))
}

fn comment(bytes: &[u8], open: usize) -> Result<Piece, Unscannable> {
    let before = sign(bytes, open + 2);
    let start = open + 2 + usize::from(before.is_some());
    let mut at = start;
    while at < bytes.len() {
        if byte(bytes, at) == b'#' && byte(bytes, at + 1) == b'}' {
            let after = if at > start { sign(bytes, at - 1) } else { None };
            return Ok(Piece { kind: Kind::Comment, outer: open..at + 2, inner: start..at, before, after });
        }
        at += 1;
    }
    Err(Unscannable::Unclosed)
}

/// The tag `{% name %}` at `open`, which has nothing else in it: its signs and its end.
fn bare_tag(bytes: &[u8], open: usize, name: &str) -> Option<(Option<u8>, Option<u8>, usize)> {
    let before = sign(bytes, open + 2);
    let mut at = open + 2 + usize::from(before.is_some());
    while byte(bytes, at).is_ascii_whitespace() {
        at += 1;
    }
    if !bytes.get(at..)?.starts_with(name.as_bytes()) {
        return None;
    }
    at += name.len();
    while byte(bytes, at).is_ascii_whitespace() {
        at += 1;
    }
    let after = sign(bytes, at);
    at += usize::from(after.is_some());
    bytes.get(at..)?.starts_with(b"%}").then_some((before, after, at + 2))
}

/// A raw block at `open`, if there is one.
fn raw(text: &str, open: usize) -> Result<Option<Piece>, Unscannable> {
    let bytes = text.as_bytes();
    let Some((before, inner_before, start)) = bare_tag(bytes, open, "raw") else { return Ok(None) };
    let mut at = start;
    while at < bytes.len() {
        if byte(bytes, at) == b'{'
            && byte(bytes, at + 1) == b'%'
            && let Some((inner_after, after, end)) = bare_tag(bytes, at, "endraw")
        {
            let mut inner = start..at;
            let content = text.get(inner.clone()).unwrap_or_default();
            if inner_before == Some(b'-') {
                inner.start = inner.end - content.trim_start().len();
            }
            if inner_after == Some(b'-') {
                let content = text.get(inner.clone()).unwrap_or_default();
                inner.end = inner.start + content.trim_end().len();
            }
            return Ok(Some(Piece { kind: Kind::Raw, outer: open..end, inner, before, after }));
        }
        at += 1;
    }
    Err(Unscannable::Unclosed)
}

/// How long the expression around a place is: one count for each open bracket, started anew by commas.
#[derive(Default)]
struct Chain {
    counts: Vec<usize>,
    outermost: usize,
    total: usize,
}

impl Chain {
    fn count(&mut self) -> bool {
        *self.counts.last_mut().unwrap_or(&mut self.outermost) += 1;
        self.total += 1;
        self.total <= LONGEST_CHAIN
    }

    fn open(&mut self) {
        self.counts.push(0);
    }

    fn close(&mut self) {
        self.total -= self.counts.pop().unwrap_or(0);
    }

    fn comma(&mut self) {
        self.total -= std::mem::take(self.counts.last_mut().unwrap_or(&mut self.outermost));
    }
}

/// The tag or expression at `open`.
fn tag(text: &str, open: usize, kind: Kind) -> Result<Piece, Unscannable> {
    let bytes = text.as_bytes();
    let close = if kind == Kind::Print { b'}' } else { b'%' };
    let closes = |at: usize| byte(bytes, at) == close && byte(bytes, at + 1) == b'}';
    let before = sign(bytes, open + 2);
    let start = open + 2 + usize::from(before.is_some());
    let mut at = start;
    let mut depth = 0_isize;
    let mut chain = Chain::default();
    while at < bytes.len() {
        let first = byte(bytes, at);
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if depth == 0 {
            let after = sign(bytes, at).filter(|_| closes(at + 1));
            if after.is_some() || closes(at) {
                let outer = open..at + 2 + usize::from(after.is_some());
                return Ok(Piece { kind, outer, inner: trim(text, start..at), before, after });
            }
        }
        let end = match first {
            quote @ (b'\'' | b'"') => string_end(bytes, at, quote).ok_or(Unscannable::Unclosed)?,
            _ if is_word(first) => word_end(bytes, at),
            _ => at + 1,
        };
        let fits = match first {
            b'(' | b'[' | b'{' => {
                depth += 1;
                let fits = chain.count();
                chain.open();
                fits
            }
            b')' | b']' | b'}' => {
                depth -= 1;
                chain.close();
                true
            }
            b',' => {
                chain.comma();
                true
            }
            _ => chain.count(),
        };
        if !fits {
            return Err(Unscannable::TooLong(open..end));
        }
        at = end;
    }
    Err(Unscannable::Unclosed)
}

/// One past the closing quote of the string at `start`.
fn string_end(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start + 1;
    while at < bytes.len() {
        match byte(bytes, at) {
            b'\\' => at += 1,
            found if found == quote => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Kind, Unscannable, scan};

    fn pieces(text: &str) -> Vec<(Kind, &str)> {
        scan(text, 0).unwrap().into_iter().map(|piece| (piece.kind, &text[piece.inner])).collect()
    }

    #[test]
    fn divides_a_template_as_the_engine_does() {
        assert_eq!(
            pieces("a {{- x -}} b{%+ if '%}' == \"\\\"%}\" %}{#- no -#}{% raw -%} {{ y }} {%- endraw %}é"),
            vec![
                (Kind::Text, "a "),
                (Kind::Print, "x"),
                (Kind::Text, " b"),
                (Kind::Tag, "if '%}' == \"\\\"%}\""),
                (Kind::Comment, " no -"),
                (Kind::Raw, "{{ y }}"),
                (Kind::Text, "é"),
            ]
        );
        assert_eq!(pieces("{{ {'a': {'b': 1}} }}"), vec![(Kind::Print, "{'a': {'b': 1}}")]);
        assert_eq!(pieces("{{-1}}{ {"), vec![(Kind::Print, "1"), (Kind::Text, "{ {")]);
    }

    #[test]
    fn covers_every_byte() {
        let text = "x{{ a }}{% b %}{# c #}\r\n{% raw %}{% endraw %}漢字";
        let mut at = 0;
        for piece in scan(text, 0).unwrap() {
            assert_eq!(piece.outer.start, at);
            at = piece.outer.end;
        }
        assert_eq!(at, text.len());
    }

    #[test]
    fn says_what_is_open() {
        for text in ["{{ a", "{% a }}", "{# a", "{% raw %}", "{{ 'a }}", "{{ (a }}"] {
            assert_eq!(scan(text, 0), Err(Unscannable::Unclosed), "{text}");
        }
    }

    #[test]
    fn refuses_endless_expressions_but_not_long_lists() {
        let long = |unit: &str| format!("{{{{ x{} }}}}", unit.repeat(5_000));
        for unit in ["+1", "|trim", ".a", "[0]", "()", " if y else z", " ~ (1"] {
            assert!(matches!(scan(&long(unit), 0), Err(Unscannable::TooLong(_))), "{unit}");
        }
        assert!(scan(&format!("{{% if a %}}{}{{% endif %}}", "{% elif b %}".repeat(5_000)), 0).is_err());
        assert!(scan(&format!("{{{{ [{}] }}}}", "f('a', -1)|trim, ".repeat(50_000)), 0).is_ok());
        assert!(scan(&"{{ a }}{% set b = 1 %}".repeat(50_000), 0).is_ok());
    }

    #[test]
    fn finds_what_is_set_and_whether_in_a_namespace() {
        let value = |text: &str| {
            let piece = scan(text, 0).unwrap().remove(0);
            piece.value_set(text).map(|(range, dotted)| (text[range].to_owned(), dotted))
        };
        assert_eq!(value("{% set ns.x = [ns.x] %}"), Some(("[ns.x]".to_owned(), true)));
        assert_eq!(value("{%- set (a, ns.b) = 1, 2 -%}"), Some(("1, 2".to_owned(), true)));
        assert_eq!(value("{% set x = ns.x %}"), Some(("ns.x".to_owned(), false)));
        assert_eq!(value("{% set ns.x %}"), None);
        assert_eq!(value("{% set ns.x | upper %}"), None);
        assert_eq!(value("{% if ns.x = 1 %}"), None);
    }
}
