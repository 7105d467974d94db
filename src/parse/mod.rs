//! Which relations a query reads, at which bytes, and how their names are replaced.
//!
//! In: the rendered SQL of one model. Out: a [`Query`] with its [`Mention`]s, from which [`Query::pieces`] makes the
//! text that is sent to the engine, or the [`Problem`]s that a person has to solve. Never: an answer that two
//! independent readings do not share, a name that is replaced by guess, or silently no dependencies.
//!
//! Two readers make an outline of the same text: `tree` walks what sqlparser makes of it, `stream` has a small grammar
//! of its own on tokens of its own. What sqlparser cannot read, or reads wrongly, is changed for it first (`repair`).
//! Where it cannot be helped, the engine's own parser may vouch for the tokens (`referee`).

mod canon;
mod complaint;
mod bound;
mod clock;
mod cte;
mod keyword;
mod lexer;
pub(crate) mod outline;
mod pair;
mod problem;
mod reader;
mod referee;
mod repair;
mod rewrite;
pub(crate) mod room;
mod shape;
mod statement;
mod stream;
mod strings;
mod syntax;
pub(crate) mod tree;

#[cfg(test)]
mod tests;

pub(crate) use repair::byte;

pub use bound::relations_by_engine;
pub use canon::{Canonical, canonical};
pub use clock::clock_calls;
pub use cte::{QueryHead, with_clause};
pub use pair::{quoted_pairs, statements};
pub use problem::Problem;
pub use referee::Referee;
pub use rewrite::{Piece, Replacement};

use crate::{diagnostic::code, dialect::Dialect, name::NamePart};
use lexer::Tokens;
use outline::{AliasPlace, Outline};
use reader::QueryReader;
use std::{ops::Range, sync::Arc};

/// A relation that a query reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The bytes of its whole dotted name.
    pub range: Range<usize>,
    /// The parts of the name as written, outermost first; one to three, never empty.
    pub parts: Vec<NamePart>,
    /// The alias that it has in the text.
    pub alias: Option<NamePart>,
    alias_place: AliasPlace,
}

/// How the relations of a query were found; only a `Tree` is faithful enough to ask it for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// sqlparser and the token reader agree on the text as it is.
    Tree,
    /// They agree after forms that sqlparser does not know were changed for it.
    Repaired,
    /// They agree with sqlparser's rules for another dialect.
    OtherDialect,
    /// The token reader alone, and nothing contradicts it.
    Tokens,
    /// The engine's own parser alone.
    Engine,
}

/// The syntax tree of a query.
#[derive(Debug, Clone)]
enum Syntax {
    /// None is exactly the query.
    None,
    /// At hand.
    Kept(Arc<sqlparser::ast::Query>),
    /// The text can be parsed again.
    PutAway,
}

/// A query whose relations are known.
#[derive(Debug, Clone)]
pub struct Query {
    text: Arc<str>,
    dialect: Dialect,
    reading: Reading,
    mentions: Vec<Mention>,
    unnamed: Vec<Range<usize>>,
    head: QueryHead,
    tree: Option<Outline>,
    stream: Outline,
    syntax: Syntax,
}

impl Query {
    /// The text that was read.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The dialect it was read in.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// How it was read.
    #[must_use]
    pub const fn reading(&self) -> Reading {
        self.reading
    }

    /// The relations that it reads, in the order of the text: no common table expressions, no functions.
    #[must_use]
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// Where a common table expression can be put in front of those that the query has.
    #[must_use]
    pub const fn head(&self) -> QueryHead {
        self.head
    }

    /// Its syntax tree, whose places are bytes, where that is exactly the query.
    pub(crate) fn syntax(&self) -> Option<Arc<sqlparser::ast::Query>> {
        match &self.syntax {
            Syntax::None => None,
            Syntax::Kept(tree) => Some(Arc::clone(tree)),
            Syntax::PutAway => reader::tree(&self.text, self.dialect),
        }
    }

    /// Lets go of the syntax tree, which is many times as large as the text; it is made again when it is asked for.
    pub(crate) fn put_syntax_away(&mut self) {
        if matches!(self.syntax, Syntax::Kept(_)) {
            self.syntax = Syntax::PutAway;
        }
    }

    /// The text cut into pieces, for the mentions that `replaced` knows; the others stay as written.
    ///
    /// Put together, with a qualified and quoted name in every hole, they are the new SQL, without the semicolon that
    /// ended the text. A comment may end it: put a line break after it.
    ///
    /// # Errors
    /// `CAPTURED_QUALIFIER`, `WHOLE_ROW`, `UNNAMED_COLUMN`, `UNSAFE_NAME_FORM`, `REWRITERS_DISAGREE`, where replacing a
    /// name could change what the query means.
    pub fn pieces(&self, replaced: impl Fn(usize) -> Option<Replacement>) -> Result<Vec<Piece>, Vec<Problem>> {
        rewrite::pieces(self, &replaced)
    }
}

/// Reads the relations of the one query that `text` must be. `referee` is asked only where sqlparser is of no help.
///
/// # Errors
/// `EMPTY_MODEL`, `SEVERAL_STATEMENTS`, `NOT_A_SELECT`, `SQL_SYNTAX`, `NAME_IN_STRING`, `UNSAFE_NAME_FORM`,
/// `REWRITERS_DISAGREE`, `READING_UNSUPPORTED`; as many as can be found.
pub fn read_query(text: &str, dialect: Dialect, referee: Option<&dyn Referee>) -> Result<Query, Vec<Problem>> {
    let tokens = Tokens::read(text, dialect)
        .map_err(|error| vec![Problem::new(code::SQL_SYNTAX, error.range, error.message)])?;
    let within = statement::find(&tokens, dialect).map_err(|problem| vec![problem])?;
    let reader = QueryReader { tokens: &tokens, within: within.clone(), dialect, referee };
    let mut problems = strings::find(&tokens, dialect);
    problems.extend(reader.unicode_names());
    let sketch = stream::read(&tokens, within, dialect);
    if let Ok(sketch) = &sketch {
        problems.extend(sketch.problems.iter().cloned());
    }
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.range.start);
        return Err(problems);
    }
    reader.read(sketch).map_err(|problem| vec![*problem])
}
