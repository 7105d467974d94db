//! Where a query asks for the time.
//!
//! In: SQL. Out: the bytes of `now()`, `current_date` and their like, and what each of them is. Never: functions that are
//! called with a schema, which are somebody's own.

use super::lexer::{Kind, Tokens};
use crate::dialect::Dialect;
use std::ops::Range;

/// Functions that are called with empty parentheses, and the types of what they return.
const CALLED: &[(&str, &str)] = &[
    ("now", "timestamptz"),
    ("transaction_timestamp", "timestamptz"),
    ("statement_timestamp", "timestamptz"),
    ("clock_timestamp", "timestamptz"),
    ("get_current_timestamp", "timestamptz"),
    ("current_localtimestamp", "timestamp"),
    ("current_localtime", "time"),
    ("get_current_time", "time"),
    ("today", "date"),
];
/// Words that are functions without parentheses; a precision may follow.
const WORDS: &[(&str, &str)] = &[
    ("current_timestamp", "timestamptz"),
    ("localtimestamp", "timestamp"),
    ("current_date", "date"),
    ("current_time", "timetz"),
    ("localtime", "time"),
];

/// The bytes of every call that returns the time, in order, and the type of what it returns.
#[must_use]
pub fn clock_calls(text: &str, dialect: Dialect) -> Vec<(Range<usize>, String)> {
    let Ok(tokens) = Tokens::read(text, dialect) else { return Vec::new() };
    let list = &tokens.list;
    let is = |at: Option<usize>, sign: u8| at.and_then(|at| list.get(at)).is_some_and(|token| token.is(sign));
    let word = |at: usize| {
        let token = list.get(at).filter(|token| token.kind == Kind::Word)?;
        Some(tokens.slice(token).to_ascii_lowercase())
    };
    let known = |names: &[(&str, &'static str)], word: &str| {
        names.iter().find(|(name, _)| *name == word).map(|(_, data_type)| *data_type)
    };
    let mut calls = Vec::new();
    for (at, token) in list.iter().enumerate() {
        let Some(name) = word(at) else { continue };
        let before = at.checked_sub(1);
        if is(before, b'.') || is(Some(at + 1), b'.') || before.and_then(word).is_some_and(|word| word == "as") {
            continue;
        }
        let opened = is(Some(at + 1), b'(');
        let inside: Vec<&str> = if opened {
            list.iter().take(list[at + 1].partner as usize).skip(at + 2).map(|token| tokens.slice(token)).collect()
        } else {
            Vec::new()
        };
        let end = if opened {
            list.get(list[at + 1].partner as usize).map_or(token.end, |token| token.end)
        } else {
            token.end
        };
        let range = token.start as usize..end as usize;
        let found = match inside.as_slice() {
            [] if opened => known(CALLED, &name).or_else(|| known(WORDS, &name)).map(str::to_owned),
            [] => known(WORDS, &name).map(str::to_owned),
            [digits] if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let precise = known(WORDS, &name).filter(|data_type| *data_type != "date");
                precise.map(|data_type| format!("{data_type}({digits})"))
            }
            _ => None,
        };
        calls.extend(found.map(|data_type| (range, data_type)));
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_with_their_types() {
        let text = "select NOW(), current_date - 1, current_timestamp(3) at time zone 'UTC', localtimestamp, \
                    date_trunc('day', now ( )), 'now()', \"current_date\", t.current_date, own.now(), now, now(1), \
                    x as today, today() -- now()\n";
        let found: Vec<(&str, String)> =
            clock_calls(text, Dialect::DuckDb).into_iter().map(|(range, kind)| (&text[range], kind)).collect();
        let wanted = [
            ("NOW()", "timestamptz"),
            ("current_date", "date"),
            ("current_timestamp(3)", "timestamptz(3)"),
            ("localtimestamp", "timestamp"),
            ("now ( )", "timestamptz"),
            ("today()", "date"),
        ];
        let wanted: Vec<(&str, String)> = wanted.iter().map(|(call, kind)| (*call, (*kind).to_owned())).collect();
        assert_eq!(found, wanted);
        assert_eq!(clock_calls("select 'open", Dialect::Postgres), []);
        assert_eq!(clock_calls("now", Dialect::Postgres), []);
        assert_eq!(clock_calls("current_date", Dialect::Postgres).len(), 1);
    }
}
