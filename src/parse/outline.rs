//! What both readers of a query produce: what stands in its FROM clauses, and which names see it.
//!
//! In: calls of a reader, outermost query first. Out: an [`Outline`] by bytes of the text. Never: a syntax tree or a
//! token, so that two outlines of the same text can be compared whoever made them.

use crate::{dialect::Dialect, name::NamePart};
use std::ops::Range;

/// A FROM clause, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameId(u32);

/// The common table expressions in scope, by the innermost of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EnvironmentId(u32);

/// What a FROM item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKind {
    /// A relation of the database.
    Relation,
    /// A common table expression in scope.
    Cte,
    /// A subquery, a function, a join with an alias.
    Other,
}

/// A dotted name as it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DottedName {
    /// Its bytes.
    pub range: Range<usize>,
    /// Its parts, outermost first; never empty.
    pub parts: Vec<NamePart>,
}

/// Where an alias goes if the item has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AliasPlace {
    /// After this byte.
    At(usize),
    /// Nowhere: the form takes none (`TABLE orders`).
    None,
}

/// Something in a FROM clause.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The clause.
    pub frame: FrameId,
    /// What it is.
    pub kind: ItemKind,
    /// Its name, if it is a relation or a common table expression.
    pub name: Option<DottedName>,
    /// The alias and the byte at which it stands.
    pub alias: Option<(NamePart, usize)>,
    /// Where an alias could be written; only the token reader knows.
    pub alias_place: AliasPlace,
    /// The name of a function, which is what it is called without an alias.
    pub function: Option<NamePart>,
}

impl Item {
    /// The name by which columns refer to it.
    pub(crate) fn exposed(&self) -> Option<&NamePart> {
        self.alias
            .as_ref()
            .map(|(alias, _)| alias)
            .or_else(|| self.name.as_ref().and_then(|name| name.parts.last()))
            .or(self.function.as_ref())
    }
}

/// A name in an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    /// Its first byte.
    pub start: u32,
    /// The FROM clause nearest to it; none in a query without one.
    pub frame: Option<FrameId>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    outer: Option<FrameId>,
}

#[derive(Debug, Clone)]
struct Binding {
    outer: Option<EnvironmentId>,
    key: String,
    recursive: bool,
}

/// What is known of one query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    frames: Vec<Frame>,
    /// What stands in the FROM clauses.
    pub items: Vec<Item>,
    /// The names in expressions.
    pub references: Vec<Reference>,
    bindings: Vec<Binding>,
}

impl Outline {
    /// A new FROM clause; columns that it does not have are looked for in `outer`.
    pub(crate) fn frame(&mut self, outer: Option<FrameId>) -> FrameId {
        self.frames.push(Frame { outer });
        FrameId(index(self.frames.len() - 1))
    }

    /// The clause around a clause.
    pub(crate) fn outer(&self, frame: FrameId) -> Option<FrameId> {
        self.frames.get(frame.0 as usize).and_then(|frame| frame.outer)
    }

    /// Brings a common table expression into scope.
    pub(crate) fn bind(
        &mut self,
        outer: Option<EnvironmentId>,
        name: &NamePart,
        recursive: bool,
        dialect: Dialect,
    ) -> EnvironmentId {
        self.bindings.push(Binding { outer, key: key(name, dialect), recursive });
        EnvironmentId(index(self.bindings.len() - 1))
    }

    /// What a name in a FROM clause is, with these common table expressions in scope: a dotted name is never one of
    /// them, but for DuckDB's `recurring.x`, the rows so far of a recursive one.
    pub(crate) fn classify(
        &self,
        parts: &[NamePart],
        environment: Option<EnvironmentId>,
        dialect: Dialect,
    ) -> ItemKind {
        let (name, recurring) = match parts {
            [name] => (name, false),
            [schema, name] if dialect == Dialect::DuckDb && schema.value.eq_ignore_ascii_case("recurring") => {
                (name, true)
            }
            _ => return ItemKind::Relation,
        };
        let wanted = key(name, dialect);
        let mut next = environment;
        while let Some(binding) = next.and_then(|id| self.bindings.get(id.0 as usize)) {
            if binding.key == wanted && (!recurring || binding.recursive) {
                return ItemKind::Cte;
            }
            next = binding.outer;
        }
        ItemKind::Relation
    }
}

/// What two written names must share to be the same name.
pub(crate) fn key(name: &NamePart, dialect: Dialect) -> String {
    dialect.key(&dialect.fold(name))
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
