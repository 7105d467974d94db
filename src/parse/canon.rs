//! Text to what tells one query from another: its tokens, without what means nothing.
//!
//! In: any SQL text. Out: a [`Canonical`], the same for two texts that differ in white space, comments and the case of
//! unquoted words, and what of it may answer differently each time. Never: a meaning beyond that.

use super::{
    keyword::Keyword,
    lexer::{Kind, Token, Tokens},
};
use crate::dialect::Dialect;
use std::collections::BTreeSet;

/// Words that PostgreSQL and DuckDB answer without brackets, from the session or the clock.
const WITHOUT_BRACKETS: [&str; 10] = [
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
];

/// Strings that PostgreSQL reads as a moment of the clock when they become a date or a time.
const MOMENTS: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];

/// A text by its tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Canonical {
    /// The tokens, one a line; unquoted words in lower case.
    pub text: String,
    /// The words and quoted names that stand before a bracket, so that each may be a function: unquoted ones in lower
    /// case.
    pub calls: BTreeSet<String>,
    /// What is known to answer differently each time although it is no function, in words for people.
    pub moving: Option<String>,
}

/// The tokens of `text`; of one that cannot be cut into tokens, the text itself.
#[must_use]
pub fn canonical(text: &str, dialect: Dialect) -> Canonical {
    let Ok(tokens) = Tokens::read(text, dialect) else {
        return Canonical { text: text.to_owned(), ..Canonical::default() };
    };
    let mut canonical = Canonical { text: String::with_capacity(text.len()), ..Canonical::default() };
    for (index, token) in tokens.list.iter().enumerate() {
        let written = tokens.slice(token);
        let word = if token.kind == Kind::Word { written.to_ascii_lowercase() } else { written.to_owned() };
        let follows = |sign: u8| tokens.list.get(index + 1).is_some_and(|next| next.is(sign));
        let behind_dot = index > 0 && tokens.list.get(index - 1).is_some_and(|before| before.is(b'.'));
        match token.kind {
            Kind::Word | Kind::Quoted if follows(b'(') => {
                canonical.calls.insert(unquoted(&word));
            }
            Kind::Word if !behind_dot && WITHOUT_BRACKETS.contains(&word.as_str()) => {
                canonical.moving.get_or_insert_with(|| format!("`{word}`"));
            }
            Kind::String if dialect == Dialect::Postgres && is_moment(written) => {
                canonical.moving.get_or_insert_with(|| format!("the string {written}"));
            }
            _ => {}
        }
        if is_sample(&tokens, index) {
            canonical.moving.get_or_insert_with(|| "a sample of rows".to_owned());
        }
        if index > 0 && !is_one_operator(&tokens, index) {
            canonical.text.push('\n');
        }
        canonical.text.push_str(&word);
    }
    // The semicolon at the end is no part of the query.
    while let Some(before) = canonical.text.strip_suffix("\n;") {
        canonical.text.truncate(before.len());
    }
    canonical
}

/// Whether that token and the one before are signs of one operator, such as `<=`; a sign of a number begins a new one.
fn is_one_operator(tokens: &Tokens<'_>, index: usize) -> bool {
    let sign = |index: usize| match tokens.list.get(index)?.kind {
        Kind::Sign(sign) if b"*/<>=~!@#%^&|?:+-".contains(&sign) => Some(sign),
        _ => None,
    };
    let touching = |before: &Token, token: &Token| before.end == token.start;
    let (Some(before), Some(token)) = (tokens.list.get(index - 1), tokens.list.get(index)) else { return false };
    touching(before, token) && sign(index - 1).is_some() && sign(index).is_some_and(|sign| !matches!(sign, b'+' | b'-'))
}

fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

fn is_moment(string: &str) -> bool {
    let inner = string.trim_matches('\'').trim();
    MOMENTS.iter().any(|moment| inner.eq_ignore_ascii_case(moment))
}

/// Whether a sample of rows begins there that no `repeatable` ties to one answer.
fn is_sample(tokens: &Tokens<'_>, index: usize) -> bool {
    let keyword = |index: usize| tokens.list.get(index).map(|token| token.keyword);
    let begins = keyword(index) == Some(Keyword::Tablesample)
        || (keyword(index) == Some(Keyword::Using) && keyword(index + 1) == Some(Keyword::Sample));
    begins && !tokens.list.iter().skip(index).any(|token| token.keyword == Keyword::Repeatable)
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use crate::dialect::Dialect;

    #[test]
    fn what_means_nothing_makes_no_difference() {
        let one = canonical("select A, 'X' -- why\nfrom t /* a /* b */ */;", Dialect::Postgres);
        let other = canonical("SELECT a ,\n'X' FROM T", Dialect::Postgres);
        assert_eq!(one.text, other.text);
        let spaced = canonical("select count( * ), a = - 1", Dialect::Postgres);
        assert_eq!(canonical("select count(*), a=-1", Dialect::Postgres).text, spaced.text);
    }

    #[test]
    fn what_means_something_makes_a_difference() {
        for (one, other) in [
            ("select 'x'", "select 'X'"),
            ("select \"a\"", "select \"A\""),
            ("select a b", "select a, b"),
            ("select 1 0", "select 10"),
            ("select a.b", "select ab"),
            ("select a @> b", "select a @ > b"),
            ("select '-- x'", "select ''"),
        ] {
            for dialect in Dialect::ALL {
                assert_ne!(canonical(one, dialect).text, canonical(other, dialect).text, "{one} / {other}");
            }
        }
    }

    #[test]
    fn calls_and_moving_parts_are_found() {
        let found = canonical("select Now(), pg_catalog.Random ( ), \"My F\"(1), max(x) from t", Dialect::Postgres);
        assert_eq!(found.calls.iter().map(String::as_str).collect::<Vec<_>>(), ["My F", "max", "now", "random"]);
        for moving in [
            "select current_date",
            "select * from t where d < CURRENT_TIMESTAMP",
            "select 'Today'::date",
            "select * from t tablesample system (10)",
        ] {
            assert!(canonical(moving, Dialect::Postgres).moving.is_some(), "{moving}");
        }
        for still in [
            "select t.current_date from t",
            "select 'today is the day'",
            "select * from t tablesample system (10) repeatable (1)",
        ] {
            assert_eq!(canonical(still, Dialect::Postgres).moving, None, "{still}");
        }
        assert!(canonical("from t using sample 10%", Dialect::DuckDb).moving.is_some());
    }
}
