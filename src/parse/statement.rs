//! What kind of statement a text is, before anything reads it closely.

use super::{
    keyword::Keyword,
    lexer::{Kind, Token, Tokens},
    problem::Problem,
};
use crate::{
    diagnostic::{closest, code},
    dialect::Dialect,
};
use std::ops::Range;

/// Statements that do something instead of reading.
const OTHER_STATEMENTS: [&str; 40] = [
    "abort",
    "alter",
    "analyze",
    "attach",
    "begin",
    "call",
    "checkpoint",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "desc",
    "describe",
    "detach",
    "do",
    "drop",
    "execute",
    "explain",
    "export",
    "grant",
    "import",
    "insert",
    "install",
    "load",
    "lock",
    "merge",
    "pragma",
    "prepare",
    "refresh",
    "revoke",
    "rollback",
    "set",
    "show",
    "summarize",
    "truncate",
    "update",
    "vacuum",
];

/// The tokens of the one statement of a model, without the semicolon that may end it.
pub(super) fn find(tokens: &Tokens<'_>, dialect: Dialect) -> Result<Range<usize>, Problem> {
    let list = &tokens.list;
    let is_semicolon = |token: &Token| token.is(b';');
    let Some(first) = list.iter().find(|token| !is_semicolon(token)) else {
        return Err(
            Problem::new(code::EMPTY_MODEL, 0..tokens.text.len(), "the model has no statement").help("write a SELECT")
        );
    };
    if list.first().is_some_and(is_semicolon) {
        let range = list.first().map(Token::range).unwrap_or_default();
        return Err(Problem::new(code::SQL_SYNTAX, range, "a statement cannot begin with `;`").help("remove the `;`"));
    }
    let end = list.iter().position(is_semicolon).unwrap_or(list.len());
    if let Some(second) = list.get(end..).and_then(|rest| rest.iter().find(|token| !is_semicolon(token))) {
        return Err(Problem::new(
            code::SEVERAL_STATEMENTS,
            second.range(),
            "a model is one statement, but another begins here",
        )
        .label("the second statement")
        .help("put it into a model of its own, or into a hook"));
    }
    if begins_query(first, dialect) {
        return Ok(0..end);
    }
    Err(no_query(tokens, first))
}

fn begins_query(first: &Token, dialect: Dialect) -> bool {
    match first.keyword {
        Keyword::Select | Keyword::With | Keyword::Values | Keyword::Table => true,
        Keyword::From | Keyword::Pivot | Keyword::PivotWider | Keyword::PivotLonger | Keyword::Unpivot => {
            dialect == Dialect::DuckDb
        }
        _ => first.is(b'('),
    }
}

fn no_query(tokens: &Tokens<'_>, first: &Token) -> Problem {
    let word = tokens.slice(first);
    let lower = word.to_ascii_lowercase();
    if first.kind == Kind::Word && OTHER_STATEMENTS.contains(&lower.as_str()) {
        let message = format!("a model is a query, not {} {}", article(&lower), lower.to_ascii_uppercase());
        return Problem::new(code::NOT_A_SELECT, first.range(), message)
            .help("write the SELECT alone: suiro creates and fills the relation");
    }
    let mut problem = Problem::new(code::SQL_SYNTAX, first.range(), format!("expected SELECT or WITH, found `{word}`"));
    if let Some(meant) = closest(&lower, ["select", "with", "values"]) {
        problem = problem.help(format!("did you mean `{meant}`?"));
    }
    problem
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
