//! Which relations a query reads, at which bytes, and how their names are replaced.
//!
//! In: the rendered SQL of one model. Out: a [`Query`] with its [`Mention`]s, from which [`Query::pieces`] makes the
//! text that is sent to the engine, or the [`Problem`]s that a person has to solve. Never: an answer that two
//! independent readings do not share, a name that is replaced by guess, or silently no dependencies.
//!
//! Two readers make an outline of the same text: `tree` walks what sqlparser makes of it, `stream` has a small grammar
//! of its own on tokens of its own. What sqlparser cannot read, or reads wrongly, is changed for it first (`repair`).
//! Where it cannot be helped, the engine's own parser may vouch for the tokens (`referee`).

mod bound;
mod cte;
mod keyword;
mod lexer;
pub(crate) mod outline;
mod problem;
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

pub use bound::relations_by_engine;
pub use cte::with_clause;
pub use problem::Problem;
pub use referee::Referee;
pub use rewrite::{Piece, Replacement};

use crate::{
    diagnostic::{closest, code},
    dialect::Dialect,
    name::NamePart,
};
use lexer::{Kind, Tokens};
use outline::{AliasPlace, Item, ItemKind, Outline};
use referee::Verdict;
use sqlparser::ast::Statement;
use std::{ops::Range, sync::Arc};
use stream::{Sketch, Unread};
use syntax::Failure;

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

/// A query whose relations are known.
#[derive(Debug, Clone)]
pub struct Query {
    text: Arc<str>,
    dialect: Dialect,
    reading: Reading,
    mentions: Vec<Mention>,
    unnamed: Vec<Range<usize>>,
    tree: Option<Outline>,
    stream: Outline,
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

/// The readings of one text.
struct QueryReader<'a> {
    tokens: &'a Tokens<'a>,
    within: Range<usize>,
    dialect: Dialect,
    referee: Option<&'a dyn Referee>,
}

impl QueryReader<'_> {
    /// `U&"…"` spells a name by code points.
    fn unicode_names(&self) -> Vec<Problem> {
        let list = self.tokens.list.iter().filter(|token| token.kind == Kind::UnicodeQuoted);
        list.map(|token| {
            Problem::new(code::UNSAFE_NAME_FORM, token.range(), "a name is spelled by code points")
                .help("write the characters themselves, in double quotes")
        })
        .collect()
    }

    fn read(&self, sketch: Result<Sketch, Unread>) -> Result<Query, Box<Problem>> {
        let trees = room::with_room(self.tokens.list.len(), || self.trees(sketch.as_ref().ok()));
        let (failure, disagreement) = match trees.unwrap_or_else(|| Trees::None(Failure::too_long())) {
            Trees::Agree(reading, tree) => {
                let sketch = sketch.unwrap_or_default();
                return Ok(self.query(reading, Some(tree), sketch));
            }
            Trees::Disagree(range) => (None, Some(range)),
            Trees::None(failure) => (Some(failure), None),
        };
        match (sketch, self.verdict()) {
            (Ok(sketch), Verdict::Tables(tables)) if referee::agrees(&tables, &sketch.outline) => {
                Ok(self.query(Reading::Tokens, None, sketch))
            }
            (Err(_), Verdict::Tables(tables)) => {
                let sketch = Sketch { outline: referee::outline(&tables, self.tokens), ..Sketch::default() };
                Ok(self.query(Reading::Engine, None, sketch))
            }
            (Ok(_), _) if disagreement.is_some() => {
                Err(Box::new(rewrite::disagreement(disagreement.unwrap_or_else(|| self.whole()))))
            }
            (Ok(_), Verdict::Tables(_)) => Err(Box::new(rewrite::disagreement(self.whole()))),
            // Nobody else can say whether this is SQL.
            (Ok(sketch), Verdict::None) if !too_deep(failure.as_ref()) => {
                if self.has_fault() {
                    return Err(Box::new(self.syntax_error(failure.as_ref(), None)));
                }
                Ok(self.query(Reading::Tokens, None, sketch))
            }
            (Err(unread), Verdict::None) if failure.is_none() => Err(Box::new(Self::unsupported(&unread))),
            (sketch, _) => Err(Box::new(self.syntax_error(failure.as_ref(), sketch.err().as_ref()))),
        }
    }

    fn has_fault(&self) -> bool {
        shape::find_fault(self.tokens, self.within.clone(), self.dialect).is_some()
    }

    /// What DuckDB's own parser says of a query for DuckDB.
    fn verdict(&self) -> Verdict {
        match self.referee {
            Some(referee) if self.dialect == Dialect::DuckDb => referee::judge(referee, self.tokens),
            _ => Verdict::None,
        }
    }

    /// What sqlparser says, in its own dialect first, and whether it says the same as the tokens.
    fn trees(&self, sketch: Option<&Sketch>) -> Trees {
        let mut failure: Option<Failure> = None;
        let mut disagreement = None;
        let repairs = sketch.map(|sketch| sketch.repairs.as_slice()).unwrap_or_default();
        let misread = sketch.is_some_and(|sketch| sketch.misread);
        let tokens = match syntax::tokenize(self.tokens, self.dialect) {
            Ok(tokens) => tokens,
            Err(failure) => return Trees::None(failure),
        };
        let mut tokens = Some(tokens);
        let mut attempts: Vec<(Reading, usize, bool)> = Vec::with_capacity(4);
        if !misread {
            attempts.push((Reading::Tree, 0, false));
        }
        if !repairs.is_empty() {
            attempts.push((Reading::Repaired, 0, true));
        }
        attempts.extend([(Reading::OtherDialect, 1, true), (Reading::OtherDialect, 2, true)]);
        let dialects = syntax::dialects(self.dialect);
        for (reading, dialect, repaired) in attempts {
            let Some(dialect) = dialects.get(dialect) else { continue };
            // The parser keeps the tokens; they are rarely needed again.
            let given = match tokens.take() {
                Some(tokens) => tokens,
                None => syntax::tokenize(self.tokens, self.dialect).unwrap_or_default(),
            };
            let repairs = if repaired { repairs } else { &[] };
            let parsed = syntax::parse(given, repairs, self.tokens.text.len(), *dialect);
            match parsed.as_deref() {
                Ok([Statement::Query(query)]) => {
                    let outline = tree::read(query, self.dialect);
                    match sketch.map(|sketch| difference(&outline, &sketch.outline)) {
                        // Another dialect's rules may let pass what this engine does not.
                        Some(None) if reading == Reading::OtherDialect && self.has_fault() => {}
                        Some(None) => return Trees::Agree(reading, outline),
                        Some(Some(range)) => disagreement = disagreement.or(Some(range)),
                        None => disagreement = disagreement.or_else(|| Some(self.whole())),
                    }
                }
                Ok(_) => disagreement = disagreement.or_else(|| Some(self.whole())),
                Err(found) => {
                    // The one that came furthest knows best what is wrong; among equals the first.
                    if failure
                        .as_ref()
                        .is_none_or(|failure| reading != Reading::OtherDialect && found.byte > failure.byte)
                    {
                        failure = Some(found.clone());
                    }
                }
            }
        }
        match (disagreement, failure) {
            (Some(range), _) => Trees::Disagree(range),
            (None, Some(failure)) => Trees::None(failure),
            (None, None) => Trees::Disagree(self.whole()),
        }
    }

    fn whole(&self) -> Range<usize> {
        let first = self.tokens.list.get(self.within.start).map_or(0, |token| token.start as usize);
        let last = self.within.end.checked_sub(1).and_then(|last| self.tokens.list.get(last));
        first..last.map_or(self.tokens.text.len(), |token| token.end as usize)
    }

    fn query(&self, reading: Reading, tree: Option<Outline>, sketch: Sketch) -> Query {
        let mut mentions: Vec<Mention> = sketch.outline.items.iter().filter_map(mention).collect();
        mentions.sort_by_key(|mention| mention.range.start);
        Query {
            text: self.tokens.text.into(),
            dialect: self.dialect,
            reading,
            mentions,
            unnamed: sketch.unnamed,
            tree,
            stream: sketch.outline,
        }
    }

    fn unsupported(unread: &Unread) -> Problem {
        Problem::new(
            code::READING_UNSUPPORTED,
            unread.range.clone(),
            "the relations of this SQL cannot be told for sure",
        )
        .label(format!("expected {} here", unread.expected))
        .help("list what the model reads under `depends_on`")
        .help("or write this part in another way")
    }

    /// Says what is wrong with a text that nothing can read.
    fn syntax_error(&self, failure: Option<&Failure>, unread: Option<&Unread>) -> Problem {
        let found = failure.and_then(|failure| failure.byte).map(|byte| self.token_at(byte));
        // The token reader knows only what surrounds relations, but there it knows better.
        let own = unread.filter(|unread| found.as_ref().is_none_or(|found| unread.range.start <= found.start));
        let (range, expected) = match (own, failure) {
            (Some(unread), _) => (unread.range.clone(), Some(unread.expected.to_owned())),
            (None, failure) => {
                let range = found.unwrap_or_else(|| self.last_token());
                (range, failure.and_then(|failure| failure.expected.clone()))
            }
        };
        let text = self.tokens.text.get(range.clone()).unwrap_or_default();
        let at_end = range.end >= self.whole().end && failure.is_none_or(|failure| failure.byte.is_none());
        let expected = expected.map(|expected| in_words(&expected));
        let message = match (&expected, failure) {
            (_, Some(failure)) if failure.too_deep => "the SQL nests too deeply to be read".to_owned(),
            (Some(expected), _) if at_end => format!("expected {expected} after `{text}`, but the SQL ends"),
            (Some(expected), _) => format!("expected {expected}, found `{text}`"),
            (None, Some(failure)) => failure.message.clone(),
            (None, None) => format!("`{text}` cannot stand here"),
        };
        let mut problem = Problem::new(code::SQL_SYNTAX, range.clone(), message);
        if let Some(meant) = self.meant(&range) {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        problem
    }

    /// The clause that a misspelt word at or before `range` was meant to begin.
    fn meant(&self, range: &Range<usize>) -> Option<&'static str> {
        const CLAUSES: [&str; 12] =
            ["select", "from", "where", "group", "order", "having", "limit", "join", "left", "inner", "union", "using"];
        let at = self.tokens.list.iter().position(|token| token.range() == *range)?;
        [at, at.saturating_sub(1)].into_iter().find_map(|at| {
            let token = self.tokens.list.get(at).filter(|token| token.kind == Kind::Word)?;
            let word = self.tokens.slice(token).to_ascii_lowercase();
            if CLAUSES.contains(&word.as_str()) { None } else { closest(&word, CLAUSES) }
        })
    }

    /// The bytes of the token that begins at or stands around a byte.
    fn token_at(&self, byte: usize) -> Range<usize> {
        let list = &self.tokens.list;
        let next = list.partition_point(|token| token.end as usize <= byte);
        list.get(next).map_or_else(|| self.last_token(), lexer::Token::range)
    }

    fn last_token(&self) -> Range<usize> {
        let last = self.within.end.checked_sub(1).and_then(|last| self.tokens.list.get(last));
        last.map_or(0..self.tokens.text.len(), lexer::Token::range)
    }
}

fn too_deep(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|failure| failure.too_deep)
}

/// What sqlparser's readings come to.
enum Trees {
    /// One of them and the tokens agree.
    Agree(Reading, Outline),
    /// It can be read, but none of the readings agrees with the tokens; the bytes of the first difference.
    Disagree(Range<usize>),
    /// It cannot be read.
    None(Failure),
}

fn mention(item: &Item) -> Option<Mention> {
    let name = item.name.as_ref().filter(|_| item.kind == ItemKind::Relation)?;
    Some(Mention {
        range: name.range.clone(),
        parts: name.parts.clone(),
        alias: item.alias.as_ref().map(|(alias, _)| alias.clone()),
        alias_place: item.alias_place,
    })
}

/// Where two outlines first differ in what stands in FROM clauses: its bytes, what it is, and where its alias stands.
fn difference(tree: &Outline, stream: &Outline) -> Option<Range<usize>> {
    let named = |outline: &Outline| {
        let mut named: Vec<(Range<usize>, ItemKind, Option<usize>)> = outline
            .items
            .iter()
            .filter_map(|item| {
                let name = item.name.as_ref()?;
                Some((name.range.clone(), item.kind, item.alias.as_ref().map(|(_, at)| *at)))
            })
            .collect();
        named.sort_by_key(|(range, ..)| range.start);
        named
    };
    let (left, right) = (named(tree), named(stream));
    let differing = left.iter().zip(&right).find(|(left, right)| left != right);
    let place = differing.map(|(left, right)| if left.0.start < right.0.start { left } else { right });
    place.or_else(|| left.get(right.len())).or_else(|| right.get(left.len())).map(|(range, ..)| range.clone())
}

/// sqlparser's expectations in an analyst's words.
fn in_words(expected: &str) -> String {
    match expected {
        "an expression" | "an expression:" => "an expression".to_owned(),
        "identifier" => "a name".to_owned(),
        "end of statement" | "EOF" => "the end of the query".to_owned(),
        "joined table" => "what is joined".to_owned(),
        "SELECT, VALUES, or a subquery in the query body" => "SELECT".to_owned(),
        other => other.to_owned(),
    }
}
