//! Columns, and what they are made of.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, rc::Rc, sync::Arc};

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// As it is.
    Copy,
    /// Something is computed from it.
    Transform,
    /// It decides which rows there are, or in what order, and is in no column.
    Inspect,
}

impl EdgeKind {
    /// The word for it in messages and machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Transform => "transform",
            Self::Inspect => "inspect",
        }
    }
}

/// Whether a copy keeps its values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CastKind {
    /// It has no cast.
    #[default]
    None,
    /// It is cast to a type that keeps every value apart from every other.
    Safe,
    /// It is cast to a type that may not.
    Other,
}

impl CastKind {
    /// Whether there is no cast.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The word for it in machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Safe => "safe",
            Self::Other => "other",
        }
    }
}

/// A column's name: what the database calls it, and what it is compared by.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// As it is called.
    pub text: Arc<str>,
    /// As it is compared.
    pub key: Arc<str>,
}

/// A column of a relation that is read, by the numbers of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    /// The relation, by its place among those of the analysis.
    pub relation: u32,
    /// The column, by its place in the relation.
    pub column: u32,
    /// How it is read.
    pub kind: EdgeKind,
    /// What a copy is cast to.
    pub cast: CastKind,
}

/// What a value is made of, without order; most are made of one column or of none.
#[derive(Debug, Clone, Default)]
pub(super) enum Sources {
    /// Of no column.
    #[default]
    None,
    /// Of one.
    One(Source),
    /// Of several, sorted.
    Many(Rc<[Source]>),
}

impl Sources {
    /// All of them.
    pub(super) fn as_slice(&self) -> &[Source] {
        match self {
            Self::None => &[],
            Self::One(source) => std::slice::from_ref(source),
            Self::Many(sources) => sources,
        }
    }

    /// Those of a list, each column once: a computed one outweighs a copy, and either a look.
    pub(super) fn of(list: &[Source]) -> Self {
        match list {
            [] => return Self::None,
            [source] => return Self::One(*source),
            _ => {}
        }
        let weight = |source: &Source| match source.kind {
            EdgeKind::Inspect => 0,
            EdgeKind::Copy => 1 + u8::from(!source.cast.is_none()) + u8::from(source.cast == CastKind::Other),
            EdgeKind::Transform => 4,
        };
        let mut best: BTreeMap<(u32, u32), Source> = BTreeMap::new();
        for source in list {
            let entry = best.entry((source.relation, source.column)).or_insert(*source);
            if weight(source) > weight(entry) {
                *entry = *source;
            }
        }
        let best: Vec<Source> = best.into_values().collect();
        if let [source] = best.as_slice() { Self::One(*source) } else { Self::Many(best.into()) }
    }

    /// The same columns, read otherwise: what is only looked at stays so.
    pub(super) fn with(&self, change: impl Fn(Source) -> Source) -> Self {
        match self {
            Self::None => Self::None,
            Self::One(source) => Self::One(change(*source)),
            Self::Many(sources) => Self::of(&sources.iter().copied().map(change).collect::<Vec<_>>()),
        }
    }

    /// As what something is computed from.
    pub(super) fn computed(&self) -> Self {
        self.with(|source| match source.kind {
            EdgeKind::Inspect => source,
            _ => Source { kind: EdgeKind::Transform, cast: CastKind::None, ..source },
        })
    }

    /// As what is looked at.
    pub(super) fn inspected(&self) -> Self {
        self.with(|source| Source { kind: EdgeKind::Inspect, cast: CastKind::None, ..source })
    }

    /// As what is copied with a cast; `kind` is what this cast does.
    pub(super) fn cast(&self, kind: CastKind) -> Self {
        self.with(|source| match source.kind {
            EdgeKind::Copy => Source { cast: source.cast.max(kind), ..source },
            _ => source,
        })
    }
}

/// The type of a value in the engine's words; unknown stays so.
pub(super) type Type = Option<Arc<str>>;

/// A column of something in FROM, or of a query.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its name; none where it cannot be told.
    pub name: Option<Name>,
    /// What it is made of.
    pub sources: Sources,
    /// Its type.
    pub data_type: Type,
}

/// What an expression comes to.
#[derive(Debug, Clone, Default)]
pub(super) struct Value {
    /// What it is made of.
    pub sources: Sources,
    /// Its type.
    pub data_type: Type,
}

/// Which columns there may be besides those that are known.
#[derive(Debug, Clone)]
pub(super) enum Rest {
    /// None.
    Closed,
    /// More of this relation.
    Relation(u32),
    /// More, all made of these.
    Made(Sources),
    /// Nobody knows.
    Unknown,
}

impl Rest {
    /// Whether the known columns are all there are.
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// What may be there when two lists are put together.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Closed, rest) | (rest, Self::Closed) => rest,
            (Self::Relation(one), Self::Relation(other)) if one == other => Self::Relation(one),
            _ => Self::Unknown,
        }
    }
}

/// The columns of something, in order.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// Those that are known.
    pub list: Vec<Column>,
    /// What there may be besides.
    pub rest: Rest,
}
