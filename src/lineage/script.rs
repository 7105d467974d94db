//! Scripts: several statements, one after the other, and what is left of their tables at the ends.

use super::{
    Tables, head,
    statement::{self, Effect},
};
use sqlparser::{
    ast::Statement,
    dialect::Dialect,
    keywords::Keyword,
    parser::{Parser, ParserOptions},
    tokenizer::{Token, TokenWithSpan, Tokenizer},
};
use std::collections::{BTreeMap, BTreeSet};

/// How deep a statement may nest.
const DEEPEST: usize = 600;

/// A statement of a script, as far as it can be read.
pub(super) enum Piece {
    /// In full.
    Whole(Box<Statement>),
    /// Only what its first words say, and the statements in it.
    Headed {
        /// The table that is written.
        writes: Option<String>,
        /// A table that is read.
        reads: Option<String>,
        /// What stands in it.
        inner: Vec<Piece>,
    },
}

/// The statements of a script, in order.
pub(super) fn read(sql: &str, dialects: &[&'static dyn Dialect]) -> Result<Vec<Piece>, String> {
    let mut first_error = None;
    for dialect in dialects {
        match parse(*dialect, sql) {
            Ok(statements) => return Ok(whole(statements)),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    // One statement that is not understood does not make the others so.
    let Some(dialect) = dialects.first() else { return Err("no dialect".to_owned()) };
    let tokens = Tokenizer::new(*dialect, sql).tokenize_with_location().map_err(|error| error.to_string())?;
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let mut found = Vec::new();
    for piece in split(&tokens) {
        found.extend(read_piece(piece, dialects, first_error.as_deref().unwrap_or_default())?);
    }
    Ok(found)
}

fn read_piece(piece: &[TokenWithSpan], dialects: &[&'static dyn Dialect], error: &str) -> Result<Vec<Piece>, String> {
    if statement::moves_no_rows(piece) {
        return Ok(Vec::new());
    }
    for tokens in [Some(piece.to_vec()), head::plainer(piece)].into_iter().flatten() {
        for dialect in dialects {
            let parsed = parser(*dialect).with_tokens_with_locations(tokens.clone()).parse_statements();
            if let Ok(statements) = parsed {
                return Ok(whole(statements));
            }
        }
    }
    let head = head::read(piece).ok_or_else(|| error.to_owned())?;
    let mut inner = Vec::new();
    for tokens in &head.inner {
        inner.extend(read_piece(tokens, dialects, error)?);
    }
    let writes = head.writes.map(statement::name_of_tokens);
    Ok(vec![Piece::Headed { writes, reads: head.reads.map(statement::name_of_tokens), inner }])
}

fn whole(statements: Vec<Statement>) -> Vec<Piece> {
    statements.into_iter().map(|statement| Piece::Whole(Box::new(statement))).collect()
}

/// What the statements do to tables; one that is read in part counts as one.
pub(super) fn effects(pieces: &[Piece]) -> Vec<Effect> {
    let effect = |piece: &Piece| match piece {
        Piece::Whole(statement) => statement::effect(statement),
        Piece::Headed { writes, reads, inner } => {
            let mut whole = Effect::default();
            for part in effects(inner) {
                whole.inputs.extend(part.inputs);
                whole.outputs.extend(part.outputs);
            }
            whole.outputs.extend(writes.clone());
            whole.inputs.extend(reads.clone());
            whole
        }
    };
    pieces.iter().map(effect).collect()
}

fn parser(dialect: &'static dyn Dialect) -> Parser<'static> {
    let mut options = ParserOptions::new().with_trailing_commas(dialect.supports_trailing_commas());
    // T-SQL does without semicolons.
    options.require_semicolon_stmt_delimiter = !dialect.is::<sqlparser::dialect::MsSqlDialect>();
    Parser::new(dialect).with_options(options).with_recursion_limit(DEEPEST)
}

fn parse(dialect: &'static dyn Dialect, sql: &str) -> Result<Vec<Statement>, String> {
    let mut parser = parser(dialect).try_with_sql(sql).map_err(|error| error.to_string())?;
    parser.parse_statements().map_err(|error| error.to_string())
}

/// The tokens of each statement; a block from BEGIN to END is one.
fn split(tokens: &[TokenWithSpan]) -> Vec<&[TokenWithSpan]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::Word(word) if matches!(word.keyword, Keyword::BEGIN | Keyword::CASE) => depth += 1,
            Token::Word(word) if word.keyword == Keyword::END => depth = depth.saturating_sub(1),
            Token::SemiColon if depth == 0 => {
                pieces.extend(tokens.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.extend(tokens.get(start..));
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// What a script reads from outside and leaves behind.
///
/// A table that is only on the way between others is neither; one that a statement fills from itself is both.
pub(super) fn ends(effects: &[Effect]) -> Tables {
    let mut edges: BTreeSet<(String, String)> = BTreeSet::new();
    let mut only_read: BTreeSet<String> = BTreeSet::new();
    let mut only_written: BTreeSet<String> = BTreeSet::new();
    let mut both: BTreeSet<String> = BTreeSet::new();
    for effect in effects {
        for dropped in &effect.dropped {
            if !edges.iter().any(|(from, to)| from == dropped || to == dropped) {
                only_read.remove(dropped);
                only_written.remove(dropped);
            }
        }
        if !effect.renamed.is_empty() {
            let names: BTreeMap<&str, &str> =
                effect.renamed.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
            let new = |name: &String| names.get(name.as_str()).map_or_else(|| name.clone(), |new| (*new).to_owned());
            edges = edges.iter().map(|(from, to)| (new(from), new(to))).filter(|(from, to)| from != to).collect();
            for set in [&mut only_read, &mut only_written, &mut both] {
                *set = set.iter().map(new).collect();
            }
        }
        match (effect.inputs.is_empty(), effect.outputs.is_empty()) {
            (false, true) => only_read.extend(effect.inputs.iter().cloned()),
            (true, false) => only_written.extend(effect.outputs.iter().cloned()),
            _ => {
                for output in &effect.outputs {
                    edges.extend(effect.inputs.iter().map(|input| (input.clone(), output.clone())));
                }
                both.extend(effect.inputs.intersection(&effect.outputs).cloned());
            }
        }
    }
    let read: BTreeSet<&String> = edges.iter().map(|(from, _)| from).collect();
    let written: BTreeSet<&String> = edges.iter().map(|(_, to)| to).collect();
    let mut inputs: BTreeSet<String> = read.difference(&written).map(|name| (*name).clone()).collect();
    let mut outputs: BTreeSet<String> = written.difference(&read).map(|name| (*name).clone()).collect();
    inputs.extend(only_read);
    inputs.extend(both.iter().cloned());
    outputs.extend(only_written);
    outputs.extend(both);
    Tables { inputs, outputs }
}
