//! sqlparser: text to its syntax tree, with places in bytes, and its errors in words.
//!
//! sqlparser counts lines and characters. While the tokens are made, every place is turned into the byte it stands for
//! (`Location { line: 1, column: byte + 1 }`), so that the tree and the errors that come out speak of bytes.

use super::{
    lexer::Tokens,
    repair::{self, Repair},
};
use crate::dialect::Dialect;
use sqlparser::{
    ast::Statement,
    dialect::{Dialect as SqlDialect, DuckDbDialect, GenericDialect, PostgreSqlDialect},
    parser::{Parser, ParserError, ParserOptions},
    tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer},
};

/// How deep a text may nest for sqlparser; each bracket counts once or twice. Its own stack grows as needed.
const DEEPEST: usize = 600;

/// Why sqlparser did not read a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The byte at which it stopped, where it said.
    pub byte: Option<usize>,
    /// What it expected there, in its own words: `an expression`.
    pub expected: Option<String>,
    /// Its message, for want of anything better.
    pub message: String,
    /// Whether the text nests too deeply.
    pub too_deep: bool,
}

impl Failure {
    /// There is no room for the tree of a text.
    pub(super) fn too_long() -> Self {
        Self { byte: None, expected: None, message: "the SQL is too long to be read".to_owned(), too_deep: true }
    }
}

/// The tokens of a text as sqlparser cuts it in that dialect, without white space, by bytes.
pub(super) fn tokenize(tokens: &Tokens<'_>, dialect: Dialect) -> Result<Vec<TokenWithSpan>, Failure> {
    let tokenizer: &dyn SqlDialect = match dialect {
        Dialect::Postgres => &PostgreSqlDialect {},
        // sqlparser's tokenizer for DuckDB knows neither `E''` nor comments within comments.
        Dialect::DuckDb if tokens.beyond_duckdb_tokenizer => &PostgreSqlDialect {},
        Dialect::DuckDb => &DuckDbDialect,
    };
    let mut cut = cut(tokens.text, tokenizer)?;
    if dialect == Dialect::DuckDb && tokens.beyond_duckdb_tokenizer {
        // Its parser for DuckDB knows them no more than its tokenizer.
        for token in &mut cut {
            if let Token::EscapedStringLiteral(text) = &mut token.token {
                token.token = Token::SingleQuotedString(std::mem::take(text));
            }
        }
    }
    Ok(cut)
}

/// The tokens of a text as sqlparser cuts it in any of its dialects, without white space, by bytes.
fn cut(text: &str, dialect: &dyn SqlDialect) -> Result<Vec<TokenWithSpan>, Failure> {
    let mut cursor = Cursor { rest: text.chars(), at: Location { line: 1, column: 1 }, byte: 0 };
    let mut buffer = Vec::with_capacity(text.len() / 3 + 8);
    let result = Tokenizer::new(dialect, text).tokenize_with_location_into_buf_with_mapper(&mut buffer, |token| {
        let start = cursor.advance(token.span.start);
        let end = cursor.advance(token.span.end);
        TokenWithSpan { token: token.token, span: Span { start: repair::location(start), end: repair::location(end) } }
    });
    if let Err(error) = result {
        let place = Location { line: error.location.line, column: error.location.column };
        let mut cursor = Cursor { rest: text.chars(), at: Location { line: 1, column: 1 }, byte: 0 };
        return Err(Failure {
            byte: Some(cursor.advance(place)),
            expected: None,
            message: error.message,
            too_deep: false,
        });
    }
    buffer.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    Ok(buffer)
}

/// The statements of a text whose tokens were repaired.
pub(super) fn parse(
    tokens: Vec<TokenWithSpan>,
    repairs: &[Repair],
    text_length: usize,
    dialect: &dyn SqlDialect,
) -> Result<Vec<Statement>, Failure> {
    let tokens = if repairs.is_empty() { tokens } else { repair::apply(&tokens, repairs, text_length) };
    let options = ParserOptions::new().with_trailing_commas(dialect.supports_trailing_commas());
    Parser::new(dialect)
        .with_options(options)
        .with_recursion_limit(DEEPEST)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(failure)
}

/// sqlparser's dialects for one of ours: its own first, then others that may know a form that its own does not.
pub(super) fn dialects(dialect: Dialect) -> [&'static dyn SqlDialect; 3] {
    match dialect {
        Dialect::Postgres => [&PostgreSqlDialect {}, &GenericDialect {}, &DuckDbDialect],
        Dialect::DuckDb => [&DuckDbDialect, &GenericDialect {}, &PostgreSqlDialect {}],
    }
}

/// Takes an error apart: `Expected: an expression, found: FROM at Line: 1, Column: 8`.
fn failure(error: ParserError) -> Failure {
    let (message, too_deep) = match error {
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => (message, false),
        ParserError::RecursionLimitExceeded => ("the SQL nests too deeply".to_owned(), true),
    };
    let (text, byte) = match message.rsplit_once(" at Line: ") {
        Some((text, place)) => {
            let column = place.rsplit_once("Column: ").and_then(|(_, column)| column.trim().parse::<usize>().ok());
            (text.to_owned(), column.map(|column| column.saturating_sub(1)))
        }
        None => (message, None),
    };
    let expected = text
        .strip_prefix("Expected")
        .and_then(|rest| rest.rsplit_once(", found: "))
        .map(|(expected, _)| expected.trim_start_matches([':', ' ']).to_owned());
    Failure { byte, expected, message: text, too_deep }
}

/// A place in a text that only moves on.
struct Cursor<'a> {
    rest: std::str::Chars<'a>,
    at: Location,
    byte: usize,
}

impl Cursor<'_> {
    /// The byte at `place`, which lies at or after the last one.
    fn advance(&mut self, place: Location) -> usize {
        while self.at.line < place.line || (self.at.line == place.line && self.at.column < place.column) {
            let Some(character) = self.rest.next() else { break };
            self.byte += character.len_utf8();
            if character == '\n' {
                self.at.line += 1;
                self.at.column = 1;
            } else {
                self.at.column += 1;
            }
        }
        self.byte
    }
}
