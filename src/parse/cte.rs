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
    use super::with_clause;
    use crate::dialect::Dialect;

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
