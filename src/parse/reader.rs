//! The readings of one text, the most faithful first.

use super::{
    Mention, Query, Reading, Syntax,
    cte::QueryHead,
    lexer::{Kind, Token, Tokens},
    outline::{Item, ItemKind, Outline},
    problem::Problem,
    referee::{self, Referee, Verdict},
    rewrite, room, shape,
    stream::{Sketch, Unread},
    syntax::{self, Failure},
    tree,
};
use crate::{diagnostic::code, dialect::Dialect};
use sqlparser::ast::{Query as SyntaxTree, Statement};
use std::{ops::Range, sync::Arc};

/// The readings of one text.
pub(super) struct QueryReader<'a> {
    /// The text.
    pub tokens: &'a Tokens<'a>,
    /// The tokens of its one statement.
    pub within: Range<usize>,
    /// The dialect to read it in.
    pub dialect: Dialect,
    /// Whom to ask where sqlparser is of no help.
    pub referee: Option<&'a dyn Referee>,
}

impl QueryReader<'_> {
    /// `U&"…"` spells a name by code points.
    pub(super) fn unicode_names(&self) -> Vec<Problem> {
        let list = self.tokens.list.iter().filter(|token| token.kind == Kind::UnicodeQuoted);
        list.map(|token| {
            Problem::new(code::UNSAFE_NAME_FORM, token.range(), "a name is spelled by code points")
                .help("write the characters themselves, in double quotes")
        })
        .collect()
    }

    pub(super) fn read(&self, sketch: Result<Sketch, Unread>) -> Result<Query, Box<Problem>> {
        let trees = room::with_room(self.tokens.list.len(), || self.trees(sketch.as_ref().ok()));
        let (failure, disagreement) = match trees.unwrap_or_else(|| Trees::None(Failure::too_long())) {
            Trees::Agree(reading, tree, syntax) => {
                let sketch = sketch.unwrap_or_default();
                let query = self.query(reading, Some(tree), sketch);
                return Ok(Query { syntax: syntax.map_or(Syntax::None, Syntax::Kept), ..query });
            }
            Trees::Disagree(range) => (None, Some(range)),
            Trees::None(failure) => (Some(failure), None),
        };
        match (sketch, self.verdict()) {
            (Ok(sketch), Verdict::Tables(tables)) if referee::agrees(&tables, &sketch.outline) => {
                Ok(self.query(Reading::Tokens, None, sketch))
            }
            (Err(_), Verdict::Tables(tables)) => {
                let outline = referee::outline(&tables, self.tokens);
                let unnamed = referee::unnamed(&tables, self.tokens);
                let sketch = Sketch { outline, unnamed, ..Sketch::default() };
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
            (Err(unread), Verdict::None) if failure.is_none() => Err(Box::new(self.unsupported(&unread))),
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
            match parsed.map(only_query) {
                Ok(Some(query)) => {
                    let outline = tree::read(&query, self.dialect);
                    match sketch.map(|sketch| difference(&outline, &sketch.outline)) {
                        // Another dialect's rules may let pass what this engine does not.
                        Some(None) if reading == Reading::OtherDialect && self.has_fault() => {}
                        Some(None) => {
                            // What was changed to be read is not what is meant; what is long is dropped where there is room.
                            let kept = reading == Reading::Tree && room::always_fits(self.tokens.list.len());
                            return Trees::Agree(reading, outline, kept.then(|| query.into()));
                        }
                        Some(Some(range)) => disagreement = disagreement.or(Some(range)),
                        None => disagreement = disagreement.or_else(|| Some(self.whole())),
                    }
                }
                Ok(None) => disagreement = disagreement.or_else(|| Some(self.whole())),
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

    pub(super) fn whole(&self) -> Range<usize> {
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
            head: QueryHead::of(self.tokens),
            tree,
            stream: sketch.outline,
            syntax: Syntax::None,
        }
    }

    /// The bytes of the token that begins at or stands around a byte.
    pub(super) fn token_at(&self, byte: usize) -> Range<usize> {
        let list = &self.tokens.list;
        let next = list.partition_point(|token| token.end as usize <= byte);
        list.get(next).map_or_else(|| self.last_token(), Token::range)
    }

    pub(super) fn last_token(&self) -> Range<usize> {
        let last = self.within.end.checked_sub(1).and_then(|last| self.tokens.list.get(last));
        last.map_or(0..self.tokens.text.len(), Token::range)
    }
}

/// The query that the statements are, if they are one.
fn only_query(statements: Vec<Statement>) -> Option<Box<SyntaxTree>> {
    let mut statements = statements.into_iter();
    match (statements.next(), statements.next()) {
        (Some(Statement::Query(query)), None) => Some(query),
        _ => None,
    }
}

/// The syntax tree of a text that was read as [`Reading::Tree`] before.
pub(super) fn tree(text: &str, dialect: Dialect) -> Option<Arc<SyntaxTree>> {
    let [own, ..] = syntax::dialects(dialect);
    let cut = syntax::tokenize(&Tokens::read(text, dialect).ok()?, dialect).ok()?;
    syntax::parse(cut, &[], text.len(), own).ok().and_then(only_query).map(Into::into)
}

fn too_deep(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|failure| failure.too_deep)
}

/// What sqlparser's readings come to.
enum Trees {
    /// One of them and the tokens agree.
    Agree(Reading, Outline, Option<Arc<SyntaxTree>>),
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
