//! Where SQL asks for the window of the run, and whether it may.
//!
//! In: rendered SQL, in which `window.start` and `window.end` stand as texts of their own. Out: holes for the moments, and
//! what is wrong with how they are used.

use crate::{
    diagnostic::{
        Diagnostic,
        code::{WINDOW_NOT_USED, WINDOW_WITHOUT_RANGE},
    },
    manifest::{Bound, Node, SqlPart, TimeRange},
    template::{WINDOW_END, WINDOW_START},
};
use std::ops::Range;

/// A moment of the window in rendered SQL: its bytes, quotes included.
struct Asked {
    range: Range<usize>,
    bound: Bound,
}

fn asked(text: &str) -> Vec<Asked> {
    let find = |name: &'static str, bound| {
        text.match_indices(name).filter_map(move |(at, _)| {
            let range = at.checked_sub(1)?..at + name.len() + 1;
            let quoted = text.get(range.clone())?;
            (quoted.starts_with('\'') && quoted.ends_with('\'')).then_some(Asked { range, bound })
        })
    };
    let mut all: Vec<Asked> = find(WINDOW_START, Bound::Start).chain(find(WINDOW_END, Bound::End)).collect();
    all.sort_by_key(|asked| asked.range.start);
    all
}

/// Whether a text asks for the window.
#[must_use]
pub fn is_asked(text: &str) -> bool {
    text.contains(WINDOW_START) || text.contains(WINDOW_END)
}

/// The first place that asks for it.
#[must_use]
pub fn first(text: &str) -> Option<Range<usize>> {
    asked(text).into_iter().next().map(|asked| asked.range)
}

/// Rendered text from byte `at` on, with holes where it asks for the window.
#[must_use]
pub fn parts(text: &str, at: usize, range: Option<&TimeRange>) -> Vec<SqlPart> {
    let written = |range: Range<usize>| {
        let text = text.get(range.clone()).unwrap_or_default().to_owned();
        (!text.is_empty()).then(|| SqlPart::Written { text, at: at + range.start })
    };
    let Some(first) = range.map(TimeRange::first) else { return written(0..text.len()).into_iter().collect() };
    let mut parts = Vec::new();
    let mut from = 0;
    for Asked { range, bound } in asked(text) {
        parts.extend(written(from..range.start));
        parts.push(SqlPart::Window { bound, default: bound.of(first), at: at + range.start });
        from = range.end;
    }
    parts.extend(written(from..text.len()));
    parts
}

/// The first place where the window stands between quotes, where nothing can be put in its place.
#[must_use]
pub fn quoted(text: &str) -> Option<Range<usize>> {
    const BEFORE: &str = "timestamp ";
    let proper: Vec<Range<usize>> = asked(text).into_iter().map(|asked| asked.range).collect();
    let is_quote = |found: Option<char>| matches!(found, Some('\'' | '"'));
    proper.into_iter().find(|range| {
        let before = text.get(..range.start).and_then(|before| before.strip_suffix(BEFORE));
        is_quote(before.and_then(|before| before.chars().next_back()))
            || is_quote(text.get(range.end..).and_then(|after| after.chars().next()))
    })
}

/// What is said where the window stands between quotes.
#[must_use]
pub fn between_quotes() -> Diagnostic {
    Diagnostic::error(WINDOW_WITHOUT_RANGE, "the window of the run stands between quotes")
        .help("`window.start` and `window.end` are moments already: write them without quotes, `>= {{ window.start }}`")
}

/// What is said of a window where there is none.
#[must_use]
pub fn without_range(node: Option<&Node>) -> Diagnostic {
    let what = node.map_or_else(|| "this SQL".to_owned(), |node| format!("`{}`", node.name));
    Diagnostic::error(WINDOW_WITHOUT_RANGE, format!("{what} has no window: it is not built interval by interval"))
        .help("a window belongs to models that are `materialized: incremental` and have a `time_range`")
}

/// What is said of a model that has a window and does not ask for it.
#[must_use]
pub fn not_used(node: &Node, range: &TimeRange) -> Diagnostic {
    let message = format!("`{}` is built interval by interval, and its SQL does not ask for the interval", node.name);
    Diagnostic::error(WINDOW_NOT_USED, message).help(format!(
        "keep to the window of the run: `where {{{{ in_window('{}') }}}}`, or with `{{{{ window.start }}}}` and `{{{{ window.end }}}}`",
        range.column
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_becomes_holes() {
        let text = "select 1 where a >= timestamp '__suiro_window_from' and a < timestamp '__suiro_window_till'";
        let range =
            TimeRange::read(&serde_json::json!({"column": "a", "start": "2026-01-31", "grain": "month"})).unwrap();
        let found = parts(text, 5, Some(&range));
        assert_eq!(found.len(), 4);
        let SqlPart::Window { bound: Bound::Start, default, at: 35 } = &found[1] else { panic!("{found:?}") };
        assert_eq!(default.to_string(), "2026-01-01 00:00:00");
        assert!(matches!(&found[2], SqlPart::Written { text, at: 56 } if text == " and a < timestamp "), "{found:?}");
        assert_eq!(parts(text, 0, None).len(), 1);
        assert_eq!(quoted(text), None);
        assert!(is_asked(text) && !is_asked("select 1"));
    }

    #[test]
    fn quotes_around_it_are_noticed() {
        for text in ["a >= 'timestamp '__suiro_window_from''", "\"timestamp '__suiro_window_till'\""] {
            assert!(quoted(text).is_some(), "{text}");
        }
        assert!(quoted("a = 'x' and timestamp '__suiro_window_from' < b").is_none());
    }
}
