//! What is probably wrong where the YAML parser gave up, in the words of somebody who edits the file.

use super::read::Places;
use crate::{
    diagnostic::{Code, Diagnostic},
    source::Span,
};
use saphyr_parser::ScanError;

/// What the parser says (a part of it), what that means, and what to do. The first line that fits counts.
const MEANINGS: &[(&str, &str, &str)] = &[
    ("unknown anchor", "this alias has no anchor above it", "write `&name` before the value that `*name` repeats"),
    ("unknown escape", "a `\\` in double quotes starts an escape that YAML does not know", IN_SINGLE_QUOTES),
    ("escape sequence", "a `\\` in double quotes starts an escape that YAML does not know", IN_SINGLE_QUOTES),
    ("end of stream", "this quote is never closed", "write the closing quote"),
    ("indentation in quoted scalar", "this quote is never closed", "write the closing quote"),
    (
        "trailing content after double-quoted",
        "text follows the closing quote",
        "within single quotes write a quote twice: `'it''s'`",
    ),
    ("misplaced bracket", "this bracket closes nothing", "remove it, or put the value in quotes"),
    ("expected ',' or '}'", "a `{` is not closed, or a comma is missing, before here", "write `}` or `,`"),
    ("expected ',' or ']'", "a `[` is not closed, or a comma is missing, before here", "write `]` or `,`"),
    ("expected node content", "a value is missing here", "write the value, or close the bracket"),
    (
        "block sequence entries are not allowed",
        "a list cannot start in the middle of a line",
        "start it on the next line, or write `[a, b]`",
    ),
    ("expected '-' indicator", "this line does not continue the list above it", INDENTATION),
    ("did not find expected key", "this line does not continue the mapping above it", INDENTATION),
    ("mapping values are not allowed", "no key can stand here", QUOTE_COLON),
    ("placement of ':'", "no key can stand here", "close the bracket above, or put the value in quotes"),
    ("simple key expect", "this line has no value", "write `key: value`, with a space after the colon"),
    ("expected <document start>", "no key can stand here", "write `key: value`, with a space after the colon"),
    ("byte order mark", "a byte order mark stands in the middle of the file", "remove this invisible character"),
    (
        "block scalar, did not find",
        "text follows `|` or `>`",
        "start the text on the next line, or put the value in quotes",
    ),
    ("invalid indentation", "this line is indented in a way that YAML cannot read", INDENTATION),
    ("comments must be separated", "a comment starts without a space in front of it", "write a space before the `#`"),
    ("plain scalar cannot start", "a value cannot start with this character", "put the value in quotes"),
    (
        "only valid inside a block",
        "a list of `- ` cannot stand inside brackets",
        "write `[a, b]`, or put the value in quotes",
    ),
    ("unprintable", "this character cannot stand in YAML", "remove it, or write it as an escape in double quotes"),
];

const INDENTATION: &str = "check the indentation of this line and of the ones above";
const QUOTE_COLON: &str = "put a value that contains `: ` in quotes, or check the indentation";
const IN_SINGLE_QUOTES: &str = "use single quotes, in which a `\\` is only a `\\`";
const QUOTE_JINJA: &str = "put a value with `{{ … }}` in quotes: `key: \"{{ … }}\"`";

/// The diagnostic for text that is no YAML.
pub(super) fn syntax(places: &Places<'_>, error: &ScanError, broken: Code) -> Box<Diagnostic> {
    let (text, info) = (places.text(), error.info());
    let at = places.byte(error.marker());
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    if line.contains(": {{") || line.contains(": {%") || line.contains("- {{") || line.contains("- {%") {
        return needs_quotes(places, line_start, line, broken);
    }
    if info.contains("tab")
        && let Some(tab) = text[line_start..].find('\t').map(|tab| tab + line_start)
    {
        let message = "a tab stands where YAML wants spaces";
        let found = Diagnostic::error(broken, message).at(places.at(tab..tab + 1), "tab");
        return Box::new(found.help("indent with spaces"));
    }
    if info.contains("unexpected character")
        && let Some(character) = text[at..].chars().next()
    {
        let message = format!("a value cannot start with `{character}`");
        let found = Diagnostic::error(broken, message).at(places.at(at..at + character.len_utf8()), "");
        return Box::new(found.help("put the value in quotes"));
    }
    let known = MEANINGS.iter().find(|(part, ..)| info.contains(part));
    let (message, help) = known.map_or((info, None), |(_, message, help)| (*message, Some(*help)));
    let width = text[at..].chars().next().filter(|next| !next.is_control()).map_or(0, char::len_utf8);
    let found = Diagnostic::error(broken, message).at(places.at(at..at + width), "");
    Box::new(match help {
        Some(help) => found.help(help),
        None => found.help("check the quotes, the brackets and the indentation of this line"),
    })
}

/// A key that is a list or a mapping; mostly `key: {{ … }}` without quotes.
pub(super) fn compound_key(places: &Places<'_>, key: Span, broken: Code) -> Box<Diagnostic> {
    let shift = places.at(0..0).start;
    let at = key.start - shift;
    let text = places.text();
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    if text[..at].ends_with('{') && text[at..].starts_with('{') {
        return needs_quotes(places, line_start, line, broken);
    }
    Box::new(
        Diagnostic::error(broken, "a key must be text").at(key, "is a list or a mapping").help("write a plain name"),
    )
}

fn needs_quotes(places: &Places<'_>, line_start: usize, line: &str, broken: Code) -> Box<Diagnostic> {
    let start = line_start + line.find("{{").or_else(|| line.find("{%")).unwrap_or(0);
    let end = line_start + line.trim_end().len();
    let found = Diagnostic::error(broken, "to YAML, a value that starts with `{` is a mapping");
    Box::new(found.at(places.at(start..end), "not in quotes").help(QUOTE_JINJA))
}
