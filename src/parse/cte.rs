//! The common table expressions at the top of a query, for people who want to look at one of them.

use super::lexer::{Kind, Tokens};
use crate::{dialect::Dialect, name::NamePart};

/// The WITH clause of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithClause {
    /// The names that it gives, in order.
    pub names: Vec<NamePart>,
    /// The byte at which the query itself begins.
    pub body: usize,
}

/// Where a common table expression can be put in front of those that a query has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryHead {
    /// The byte where the query begins, or that behind its `WITH` or `WITH RECURSIVE`.
    pub at: usize,
    /// Whether it has a `WITH`.
    pub with: bool,
}

impl QueryHead {
    /// The head of the query in these tokens.
    pub(super) fn of(tokens: &Tokens<'_>) -> Self {
        let word = |at: usize, wanted: &str| {
            let token = tokens.list.get(at).filter(|token| token.kind == Kind::Word);
            token.is_some_and(|token| tokens.slice(token).eq_ignore_ascii_case(wanted))
        };
        let before = match (word(0, "with"), word(1, "recursive")) {
            (true, true) => 2,
            (true, false) => 1,
            (false, _) => 0,
        };
        let at = tokens.list.get(before).map_or(tokens.text.len(), |token| token.range().start);
        Self { at, with: before > 0 }
    }
}

/// The WITH clause that a text begins with, if it does.
#[must_use]
pub fn with_clause(text: &str, dialect: Dialect) -> Option<WithClause> {
    let tokens = Tokens::read(text, dialect).ok()?;
    let list = &tokens.list;
    let word = |at: usize, wanted: &str| {
        list.get(at).is_some_and(|token| token.kind == Kind::Word && tokens.slice(token).eq_ignore_ascii_case(wanted))
    };
    if !word(0, "with") {
        return None;
    }
    let mut at = if word(1, "recursive") { 2 } else { 1 };
    let mut names = Vec::new();
    loop {
        let name = list.get(at).filter(|token| token.is_name())?;
        let written = tokens.slice(name);
        names.push(match name.kind {
            Kind::Quoted => NamePart::quoted(written.trim_matches('"').replace("\"\"", "\"")),
            _ => NamePart::bare(written),
        });
        // Up to its body: a list of columns may come first, AS comes in between.
        while !word(at, "as") {
            at = list.get(at).map(|token| if token.is(b'(') { token.partner as usize } else { at })? + 1;
        }
        while !list.get(at)?.is(b'(') {
            at += 1;
        }
        at = list.get(at)?.partner as usize + 1;
        // SEARCH and CYCLE clauses stand between a body and the next comma or the query.
        while ["search", "cycle", "using"].iter().any(|clause| word(at, clause)) {
            at += 1;
            while list.get(at).is_some_and(|token| !token.is(b',') && !token.is(b'('))
                && !["select", "values", "table", "from", "insert", "search", "cycle", "using"]
                    .iter()
                    .any(|next| word(at, next))
            {
                at += 1;
            }
        }
        if !list.get(at)?.is(b',') {
            return Some(WithClause { names, body: list.get(at)?.range().start });
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{QueryHead, Tokens, with_clause};
    use crate::dialect::Dialect;

    #[test]
    fn the_head_is_behind_with() {
        let written = |text: &str, rest: &str, with| {
            let head = QueryHead::of(&Tokens::read(text, Dialect::Postgres).unwrap());
            assert_eq!((&text[head.at..], head.with), (rest, with), "{text}");
        };
        written("-- c\nselect 1", "select 1", false);
        written("(with a as (select 1) select * from a)", "(with a as (select 1) select * from a)", false);
        written("/* c */ WITH/*d*/ a as (select 1) select 2", "a as (select 1) select 2", true);
        written("with Recursive \"recursive\" as (select 1) select 2", "\"recursive\" as (select 1) select 2", true);
        written("from t", "from t", false);
    }

    #[test]
    fn names_and_body_are_found() {
        let text =
            "with recursive a(x, y) as materialized (select (1), 2), \"B \"\"b\" as (select ')') select * from a";
        let found = with_clause(text, Dialect::Postgres).unwrap();
        assert_eq!(found.names.iter().map(|name| name.value.as_str()).collect::<Vec<_>>(), ["a", "B \"b"]);
        assert_eq!(&text[found.body..], "select * from a");
        assert_eq!(with_clause("select 1", Dialect::DuckDb), None);
        assert_eq!(with_clause("with a as (select 1", Dialect::DuckDb), None);
        assert_eq!(with_clause("with a as", Dialect::DuckDb), None);
    }
}
