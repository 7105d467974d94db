//! Columns that are qualified with the name of a replaced relation.
//!
//! `core.orders.id` becomes `"orders".id`, because `core.orders` is gone from the FROM clause and only its alias is left.

use super::{Change, Edit, Plan, Target, chain::Chain};
use crate::{
    diagnostic::code,
    dialect::Dialect,
    parse::{Reading, outline::FrameId, problem::Problem},
};

/// What the first parts of a name mean.
enum Meaning {
    /// Nothing that is replaced.
    Other,
    /// The item, its clause, and how many parts are its name.
    Item { index: usize, frame: FrameId, parts: usize },
    /// Several items of one clause.
    Several,
}

impl Plan<'_> {
    /// The edits of all references, in order, and what cannot follow.
    pub(super) fn references(&self) -> (Vec<Edit>, Vec<Problem>) {
        let mut edits = Vec::new();
        let mut problems = Vec::new();
        if self.targets.is_empty() {
            return (edits, problems);
        }
        let any_lost = self.targets.values().any(|target| target.lost);
        let mut explained: Vec<usize> = Vec::new();
        for reference in &self.outline.references {
            let start = reference.start as usize;
            let Some(chain) = self.tokens.at_byte(start).and_then(|at| self.chain(at)) else { continue };
            let qualifiers = chain.qualifiers();
            if chain.call || qualifiers == 0 || (qualifiers == 1 && !any_lost) {
                continue;
            }
            match self.follow(&chain, reference.frame) {
                Ok(Some(edit)) => {
                    explained.push(start);
                    edits.push(edit);
                }
                Ok(None) => {}
                Err(problem) => {
                    explained.push(start);
                    problems.push(*problem);
                }
            }
        }
        explained.sort_unstable();
        problems.extend(self.unexplained(&explained));
        edits.sort();
        edits.dedup();
        problems.sort_by_key(|problem| problem.range.start);
        problems.dedup();
        (edits, problems)
    }

    /// The edit of one reference, if it needs one.
    fn follow(&self, chain: &Chain, frame: Option<FrameId>) -> Result<Option<Edit>, Box<Problem>> {
        match self.meaning(chain, frame) {
            Meaning::Other => self.by_plain_name(chain, frame).map_or(Ok(None), |problem| Err(Box::new(problem))),
            Meaning::Several => Err(Box::new(
                Problem::new(
                    code::CAPTURED_QUALIFIER,
                    chain.range.clone(),
                    "this column could belong to either of two mentions of the same relation",
                )
                .help("give both mentions an alias, and qualify the column with one of them"),
            )),
            Meaning::Item { index, frame: found, parts } => match self.targets.get(&index) {
                Some(target) => self.edit(chain, frame, (index, found), parts, target),
                None => Ok(None),
            },
        }
    }

    fn edit(
        &self,
        chain: &Chain,
        frame: Option<FrameId>,
        (index, found): (usize, FrameId),
        parts: usize,
        target: &Target,
    ) -> Result<Option<Edit>, Box<Problem>> {
        let Some(alias) = &target.alias else { return Ok(None) };
        if target.lost && !self.is_shared(index) {
            return Err(Box::new(no_alias_possible(chain)));
        }
        if self.reading == Reading::Tokens && self.mentioned_again(index, target) {
            return Err(Box::new(
                Problem::new(
                    code::CAPTURED_QUALIFIER,
                    chain.range.clone(),
                    "the relation is mentioned more than once, and this SQL could not be read closely enough to tell \
                     which mention the column belongs to",
                )
                .help("give every mention an alias, and qualify the column with one of them"),
            ));
        }
        let wanted = self.dialect.key(alias);
        let schema = self.key(chain, 0);
        for here in self.frames(frame) {
            for other in self.items_of(here) {
                // On DuckDB the first part may also be a relation, and what follows a column with fields.
                if self.dialect == Dialect::DuckDb && self.exposes(*other, &schema) {
                    return Err(Box::new(self.captured(chain, *other, "could also be a field of")));
                }
                if here != found && self.exposes(*other, &wanted) {
                    return Err(Box::new(self.captured(chain, *other, "would then belong to")));
                }
            }
            if here == found {
                break;
            }
        }
        let last = self.token(chain.tokens.start + 2 * (parts - 1));
        let end = last.map_or(chain.range.end, |token| token.end as usize);
        Ok(Some((chain.range.start, end, Change::Text(self.dialect.quote(alias)))))
    }

    /// Whether another item of the same clause has the same name.
    fn is_shared(&self, index: usize) -> bool {
        let Some(item) = self.outline.items.get(index) else { return false };
        let exposed = &self.keys(index).exposed;
        self.items_of(item.frame).iter().any(|other| *other != index && self.keys(*other).exposed == *exposed)
    }

    fn mentioned_again(&self, index: usize, target: &Target) -> bool {
        self.targets
            .iter()
            .any(|(other, again)| *other != index && again.replacement.relation == target.replacement.relation)
    }

    fn captured(&self, chain: &Chain, index: usize, what: &str) -> Problem {
        let name = self.tokens.text.get(chain.range.clone()).unwrap_or_default();
        let item = self.outline.items.get(index);
        let other = item.and_then(|item| item.exposed()).map(|name| name.value.as_str()).unwrap_or_default();
        let message = format!("`{name}` cannot keep its meaning when relations are renamed: it {what} `{other}`");
        let problem = Problem::new(code::CAPTURED_QUALIFIER, chain.range.clone(), message)
            .help("give the relations different aliases, and qualify the column with one of them");
        self.pointing_at(problem, index, "this one")
    }

    fn pointing_at(&self, problem: Problem, index: usize, text: &str) -> Problem {
        let item = self.outline.items.get(index);
        let named = item.and_then(|item| item.name.as_ref()).map(|name| name.range.clone());
        match named.filter(|range| !range.is_empty()) {
            Some(range) => problem.also(range, text),
            None => problem,
        }
    }

    /// What the first parts of a name mean: the nearest clause that has a relation of that qualified name.
    fn meaning(&self, chain: &Chain, frame: Option<FrameId>) -> Meaning {
        for here in self.frames(frame) {
            let mut found = None;
            for index in self.items_of(here) {
                let Some(parts) = self.qualified_by(chain, *index) else { continue };
                let replaced = self.targets.contains_key(index);
                found = match found {
                    None => Some((*index, parts, replaced)),
                    Some((_, _, before)) if before || replaced => return Meaning::Several,
                    Some(found) => Some(found),
                };
            }
            if let Some((index, parts, _)) = found {
                return Meaning::Item { index, frame: here, parts };
            }
        }
        Meaning::Other
    }

    /// How many of the first parts are the qualified name of an item, if they are and a column follows.
    fn qualified_by(&self, chain: &Chain, index: usize) -> Option<usize> {
        self.qualified_within(chain, index, chain.qualifiers())
    }

    fn qualified_within(&self, chain: &Chain, index: usize, most: usize) -> Option<usize> {
        let keys = self.keys(index);
        let written = keys.written.len();
        if (2..=most).contains(&written) && self.has(chain, 0, &keys.written) {
            return Some(written);
        }
        let resolved = &keys.resolved;
        let short = resolved.get(resolved.len().saturating_sub(2)..).unwrap_or_default();
        if most >= 2 && self.has(chain, 0, short) {
            return Some(2);
        }
        let database = resolved.len() < 3 || self.has(chain, 0, resolved.get(..1).unwrap_or_default());
        (most >= 3 && database && self.has(chain, 1, short)).then_some(3)
    }

    /// A reference by the plain name of a relation that can no longer be referred to by it.
    fn by_plain_name(&self, chain: &Chain, frame: Option<FrameId>) -> Option<Problem> {
        let wanted = self.key(chain, 0);
        for here in self.frames(frame) {
            let mut exposing = self.items_of(here).iter().filter(|index| self.exposes(**index, &wanted)).peekable();
            exposing.peek()?;
            let lost = exposing.find(|index| self.targets.get(index).is_some_and(|target| target.lost));
            let index = *lost?;
            if !self.is_shared(index) {
                return Some(no_alias_possible(chain));
            }
            let problem = Problem::new(
                code::CAPTURED_QUALIFIER,
                chain.range.clone(),
                format!("`{}` could be more than one relation here", self.part(chain, 0).value),
            )
            .help("give the relations different aliases, and qualify the column with one of them");
            return Some(self.pointing_at(problem, index, "this one"));
        }
        None
    }

    /// Names in the text that look like those of a replaced relation, and that no reference explains.
    fn unexplained(&self, explained: &[usize]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut at = 0;
        while at < self.tokens.list.len() {
            let Some(chain) = self.chain(at) else {
                at += 1;
                continue;
            };
            at = chain.tokens.end;
            let is_type = self.is_type(&chain);
            let may_resemble = chain.qualifiers() > 1
                || (chain.parts() > 1 && self.dialect == Dialect::DuckDb)
                || (is_type && self.dialect == Dialect::Postgres);
            if may_resemble
                && explained.binary_search(&chain.range.start).is_err()
                && !self.is_item(chain.range.start)
                && let Some(index) = self.targets.keys().find(|index| self.resembles(&chain, **index, is_type))
            {
                let name = self.tokens.text.get(chain.range.clone()).unwrap_or_default();
                let message = format!("`{name}` stands where the name of a relation cannot be replaced safely");
                let problem = Problem::new(code::UNSAFE_NAME_FORM, chain.range.clone(), message)
                    .help("give the relation an alias, and use that here");
                problems.push(self.pointing_at(problem, *index, "the relation"));
            }
        }
        problems
    }

    fn is_item(&self, start: usize) -> bool {
        self.outline.items.iter().any(|item| item.name.as_ref().is_some_and(|name| name.range.start == start))
    }

    /// Whether `::` stands before a name.
    fn is_type(&self, chain: &Chain) -> bool {
        let start = chain.tokens.start;
        start >= 2 && self.is_sign(start - 1, b':') && self.is_sign(start - 2, b':')
    }

    /// Whether a name that is no known reference looks like that of a replaced relation: with a column after it, or, on
    /// DuckDB, as the whole row, or, on PostgreSQL, as the type of its rows.
    fn resembles(&self, chain: &Chain, index: usize, is_type: bool) -> bool {
        if self.qualified_by(chain, index).is_some() {
            return true;
        }
        let keys = self.keys(index);
        if keys.written.is_empty() || chain.call || chain.star {
            return false;
        }
        if chain.parts() == 1 {
            return is_type && self.exposes(index, &self.key(chain, 0));
        }
        let whole = self.qualified_within(chain, index, chain.parts()) == Some(chain.parts());
        // `core.orders` is a column of `core` where that is a relation.
        let is_column = || {
            let first = self.key(chain, 0);
            (0..self.outline.items.len()).any(|item| self.exposes(item, &first))
        };
        whole && (is_type || (self.dialect == Dialect::DuckDb && !is_column()))
    }
}

fn no_alias_possible(chain: &Chain) -> Problem {
    Problem::new(
        code::UNSAFE_NAME_FORM,
        chain.range.clone(),
        "this form of reading a relation leaves no name for its columns to be qualified with",
    )
    .help("write SELECT * FROM with an alias instead")
}
