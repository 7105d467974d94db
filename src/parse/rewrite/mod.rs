//! Replacing the names of relations in the text of a query.
//!
//! In: the outline of a query and what its relations become. Out: the text in pieces, or the reasons why a name cannot
//! be replaced without changing what the query means. Never: a change to anything but names, the aliases they lose,
//! and what refers to them.

mod chain;
mod reference;
mod row;

use super::{
    Mention, Query, Reading,
    lexer::Tokens,
    outline::{AliasPlace, FrameId, Item, ItemKind, Outline, key},
    problem::Problem,
};
use crate::{
    diagnostic::code,
    dialect::Dialect,
    name::{NamePart, RelationName},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// What a mention stands for.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// The relation that the written name means, as the user sees it (not what takes its place): columns may be
    /// qualified with this name even where the mention is not.
    pub relation: RelationName,
    /// Its columns as the database stores their names, where they are known: they tell a column from a whole row.
    pub columns: Option<Vec<String>>,
}

/// A piece of the new text; the pieces follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes of the query as they are.
    Written(Range<usize>),
    /// Text that was not there.
    Inserted(String),
    /// A hole for the qualified, quoted name of what takes the place of this mention.
    Relation {
        /// Its index in [`Query::mentions`].
        mention: usize,
    },
}

/// A change of the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Relation(usize),
    Text(String),
}

/// The bytes that are replaced, and what stands there instead.
type Edit = (usize, usize, Change);

/// A replaced relation in a FROM clause.
#[derive(Debug)]
struct Target {
    /// Its index among the mentions.
    mention: usize,
    /// What it stands for.
    replacement: Replacement,
    /// The alias that it gets; none if it has one.
    alias: Option<String>,
    /// Whether its columns cannot be qualified as before: the alias is another one, or none can be written.
    lost: bool,
}

/// The names of an item as they are compared.
#[derive(Debug, Default)]
struct Keys {
    /// By which columns refer to it.
    exposed: Option<String>,
    /// As written, where columns may be qualified with it: a relation without alias.
    written: Vec<String>,
    /// As resolved, likewise.
    resolved: Vec<String>,
}

/// What is known while the edits of one outline are made.
struct Plan<'a> {
    dialect: Dialect,
    reading: Reading,
    tokens: &'a Tokens<'a>,
    outline: &'a Outline,
    /// By the index of the item.
    targets: BTreeMap<usize, Target>,
    /// By the index of the item.
    keys: Vec<Keys>,
    /// The items of each frame.
    by_frame: BTreeMap<FrameId, Vec<usize>>,
}

/// The text of `query` in pieces.
pub(super) fn pieces(
    query: &Query,
    replaced: &dyn Fn(usize) -> Option<Replacement>,
) -> Result<Vec<Piece>, Vec<Problem>> {
    let Ok(tokens) = Tokens::read(&query.text, query.dialect) else {
        return Err(vec![disagreement(0..query.text.len())]);
    };
    let outline = query.tree.as_ref().unwrap_or(&query.stream);
    let plan = Plan::new(query, &tokens, outline, replaced);
    let (mut edits, mut problems) = plan.references();
    if query.tree.is_some() && problems.is_empty() {
        let (again, _) = Plan::new(query, &tokens, &query.stream, replaced).references();
        if edits != again {
            let differing = edits.iter().zip(&again).find(|(left, right)| left != right).map(|(left, _)| left);
            let place = differing.or_else(|| edits.get(again.len())).or_else(|| again.get(edits.len()));
            problems.push(disagreement(place.map_or(0..query.text.len(), |(start, end, _)| *start..*end)));
        }
    }
    plan.names(&query.mentions, &mut edits);
    problems.extend(unnamed_outputs(&query.unnamed, &edits));
    if query.dialect == Dialect::Postgres {
        problems.extend(plan.whole_rows());
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    // The semicolons that may end the text are no part of the query.
    for token in tokens.list.iter().rev().take_while(|token| token.is(b';')) {
        edits.push((token.start as usize, token.end as usize, Change::Text(String::new())));
    }
    cut(&query.text, edits)
}

/// The text between the edits, and the edits.
fn cut(text: &str, mut edits: Vec<Edit>) -> Result<Vec<Piece>, Vec<Problem>> {
    edits.sort();
    let mut pieces = Vec::with_capacity(edits.len() * 2 + 1);
    let mut at = 0;
    for (start, end, change) in edits {
        if start < at {
            return Err(vec![disagreement(start..end)]);
        }
        if start > at {
            pieces.push(Piece::Written(at..start));
        }
        match change {
            Change::Relation(mention) => pieces.push(Piece::Relation { mention }),
            Change::Text(text) if text.is_empty() => {}
            Change::Text(text) => pieces.push(Piece::Inserted(text)),
        }
        at = end;
    }
    if at < text.len() {
        pieces.push(Piece::Written(at..text.len()));
    }
    Ok(pieces)
}

/// What is said when two ways to find the same thing find different things.
pub(super) fn disagreement(range: Range<usize>) -> Problem {
    Problem::new(code::REWRITERS_DISAGREE, range, "two readings of this SQL disagree about the names in it")
        .help("give every relation an alias, and qualify columns with it")
}

/// DuckDB names a column without alias after its text, so nothing in it may change.
fn unnamed_outputs(unnamed: &[Range<usize>], edits: &[Edit]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for output in unnamed {
        let changed =
            edits.iter().any(|(start, end, _)| output.start <= *start && *end <= output.end && *start < output.end);
        // The output around this one says the same.
        let said =
            problems.iter().any(|problem| problem.range.start <= output.start && output.end <= problem.range.end);
        if changed && !said {
            problems.push(
                Problem::new(
                    code::UNNAMED_COLUMN,
                    output.clone(),
                    "DuckDB names this column after its text, which has to change",
                )
                .label("has no name of its own")
                .help("give it a name with AS"),
            );
        }
    }
    problems
}

impl<'a> Plan<'a> {
    fn new(
        query: &Query,
        tokens: &'a Tokens<'a>,
        outline: &'a Outline,
        replaced: &dyn Fn(usize) -> Option<Replacement>,
    ) -> Self {
        let by_start: BTreeMap<usize, usize> =
            query.mentions.iter().enumerate().map(|(index, mention)| (mention.range.start, index)).collect();
        let mut plan = Plan {
            dialect: query.dialect,
            reading: query.reading,
            tokens,
            outline,
            targets: BTreeMap::new(),
            keys: Vec::with_capacity(outline.items.len()),
            by_frame: BTreeMap::new(),
        };
        for (index, item) in outline.items.iter().enumerate() {
            plan.by_frame.entry(item.frame).or_default().push(index);
            let mention = item.name.as_ref().and_then(|name| by_start.get(&name.range.start)).copied();
            let target = match mention {
                Some(mention) if item.kind == ItemKind::Relation => {
                    replaced(mention).map(|replacement| Target { mention, replacement, alias: None, lost: false })
                }
                _ => None,
            };
            plan.keys.push(plan.keys_of(item, target.as_ref()));
            if let Some(target) = target {
                plan.targets.insert(index, target);
            }
        }
        plan.choose_aliases(&query.mentions);
        plan
    }

    fn keys_of(&self, item: &Item, target: Option<&Target>) -> Keys {
        let exposed = item.exposed().map(|name| key(name, self.dialect));
        if item.kind != ItemKind::Relation || item.alias.is_some() {
            return Keys { exposed, ..Keys::default() };
        }
        let written = item.name.iter().flat_map(|name| &name.parts).map(|part| key(part, self.dialect)).collect();
        let resolved = target.iter().flat_map(|target| target.replacement.relation.parts());
        Keys { exposed, written, resolved: resolved.map(|part| self.dialect.key(part)).collect() }
    }

    fn keys(&self, index: usize) -> &Keys {
        const NONE: &Keys = &Keys { exposed: None, written: Vec::new(), resolved: Vec::new() };
        self.keys.get(index).unwrap_or(NONE)
    }

    fn exposes(&self, index: usize, wanted: &str) -> bool {
        self.keys(index).exposed.as_deref() == Some(wanted)
    }

    fn items_of(&self, frame: FrameId) -> &[usize] {
        self.by_frame.get(&frame).map_or(&[], Vec::as_slice)
    }

    /// The frames that a name sees, the nearest first.
    fn frames(&self, from: Option<FrameId>) -> impl Iterator<Item = FrameId> {
        std::iter::successors(from, |frame| self.outline.outer(*frame))
    }

    /// Every replaced relation without an alias gets the name it had; two of one name in the same clause get aliases
    /// made of schema and name.
    fn choose_aliases(&mut self, mentions: &[Mention]) {
        let mut taken: BTreeSet<String> = self.keys.iter().filter_map(|keys| keys.exposed.clone()).collect();
        let mut chosen = Vec::new();
        // In the order of the text, which does not depend on who read it.
        let mut targets: Vec<(&usize, &Target)> = self.targets.iter().collect();
        targets.sort_by_key(|(_, target)| target.mention);
        for (index, target) in targets {
            let Some(item) = self.outline.items.get(*index).filter(|item| item.alias.is_none()) else { continue };
            let Some(last) = item.exposed() else { continue };
            let wanted = key(last, self.dialect);
            let mut others = self.items_of(item.frame).iter().filter(|other| *other != index);
            let shared = match self.dialect {
                Dialect::DuckDb => others.any(|other| self.exposes(*other, &wanted)),
                // PostgreSQL allows this for two relations without aliases; anything else it is left to refuse.
                Dialect::Postgres => {
                    let mut sharing = others.filter(|other| self.exposes(**other, &wanted)).peekable();
                    sharing.peek().is_some() && sharing.all(|other| self.are_different(*index, *other))
                }
            };
            let alone = mentions.get(target.mention).is_some_and(|mention| mention.alias_place == AliasPlace::None);
            if !shared {
                chosen.push((*index, self.dialect.fold(last), alone));
                continue;
            }
            let relation = &target.replacement.relation;
            let base = ["__", &relation.schema, "_", &relation.name].concat();
            let mut alias = self.dialect.fold(&NamePart::quoted(base.as_str()));
            let mut count = 1;
            while !taken.insert(self.dialect.key(&alias)) {
                count += 1;
                // The count stands first, so that PostgreSQL's limit cannot cut it off.
                alias = self.dialect.fold(&NamePart::quoted(["__", &count.to_string(), &base].concat()));
            }
            chosen.push((*index, alias, true));
        }
        for (index, alias, lost) in chosen {
            if let Some(target) = self.targets.get_mut(&index) {
                target.alias = Some(alias);
                target.lost = lost;
            }
        }
    }

    /// Whether two items are different relations without aliases.
    fn are_different(&self, left: usize, right: usize) -> bool {
        let name = |index: usize| {
            let keys = self.keys(index);
            if keys.resolved.is_empty() { &keys.written } else { &keys.resolved }
        };
        !name(left).is_empty() && !name(right).is_empty() && name(left) != name(right)
    }

    /// The edits of the relations themselves: the name, and the alias after it.
    fn names(&self, mentions: &[Mention], edits: &mut Vec<Edit>) {
        for target in self.targets.values() {
            let Some(mention) = mentions.get(target.mention) else { continue };
            edits.push((mention.range.start, mention.range.end, Change::Relation(target.mention)));
            if let (Some(alias), AliasPlace::At(byte)) = (&target.alias, mention.alias_place) {
                let text = [" AS ", &self.dialect.quote(alias)].concat();
                edits.push((byte, byte, Change::Text(text)));
            }
        }
    }
}
