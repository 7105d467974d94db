//! Which names an expression sees.
//!
//! In: what stands in FROM. Out: the column that a name means, or that it cannot be told. Never: a guess between two.

use super::{
    Analysis,
    value::{Column, Columns, Rest, Source, Sources},
};
use crate::lineage::{CastKind, EdgeKind};
use std::{rc::Rc, sync::Arc};

/// Something in FROM.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// What its columns are qualified with: an alias, or the parts of its name, outermost first; in comparable form.
    pub path: Vec<Arc<str>>,
    /// Its columns.
    pub columns: Rc<Columns>,
    /// The relation it is, by its number in the analysis.
    pub relation: Option<u32>,
}

/// What stands in a FROM clause, from left to right.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    /// What names can be qualified with.
    pub items: Vec<Item>,
    /// What an unqualified name and a star see: columns that a join merges stand here once.
    pub visible: Vec<Visible>,
    /// Items that may have more columns than are known.
    pub open: Vec<usize>,
}

/// A column that is seen without a qualifier.
#[derive(Debug, Clone)]
pub(super) struct Visible {
    /// The column.
    pub column: Column,
    /// The item that it is of; none for one that is merged of two.
    pub item: Option<usize>,
}

/// What an expression sees: the innermost first.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    /// What stands in FROM.
    pub frame: &'s Frame,
    /// Parameters of functions in braces, which hide everything.
    pub parameters: &'s [Arc<str>],
    /// Output columns that may be used by name, because they stand before.
    pub aliases: &'s [Column],
    /// What stands around.
    pub outer: Option<&'s Scope<'s>>,
}

/// What a name means.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// This column.
    Column(Column),
    /// All columns of an item.
    Row(Sources),
    /// A parameter, which is no column.
    Parameter,
    /// One of several.
    Ambiguous(Vec<Arc<str>>),
    /// There is none, and all columns are known.
    Missing,
    /// It cannot be told.
    Unknown(Sources),
}

impl Frame {
    /// The frame of one item.
    pub(super) fn of(item: Item) -> Self {
        let visible =
            item.columns.list.iter().map(|column| Visible { column: column.clone(), item: Some(0) }).collect();
        let open = if item.columns.rest.is_closed() { Vec::new() } else { vec![0] };
        Self { items: vec![item], visible, open }
    }

    /// Both, one after the other.
    pub(super) fn and(mut self, other: Self) -> Self {
        let offset = self.items.len();
        self.items.extend(other.items);
        self.open.extend(other.open.into_iter().map(|index| index + offset));
        self.visible.extend(
            other
                .visible
                .into_iter()
                .map(|visible| Visible { item: visible.item.map(|item| item + offset), ..visible }),
        );
        self
    }

    /// All columns that a star gives.
    pub(super) fn star(&self) -> Columns {
        let list = self.visible.iter().map(|visible| visible.column.clone()).collect();
        let rest = self
            .open
            .iter()
            .filter_map(|index| self.items.get(*index))
            .fold(Rest::Closed, |rest, item| rest.and(item.columns.rest.clone()));
        Columns { list, rest }
    }

    /// The item that a qualifier means; the last parts of a name are enough.
    pub(super) fn item(&self, qualifier: &[Arc<str>]) -> Option<&Item> {
        self.items.iter().find(|item| item.path.ends_with(qualifier))
    }
}

impl Analysis<'_> {
    /// The column that an unqualified name means.
    pub(super) fn look_up(&mut self, name: &super::value::Name, scope: &Scope<'_>) -> Found {
        let key = &*name.key;
        if scope.parameters.iter().any(|parameter| **parameter == *key) {
            return Found::Parameter;
        }
        let is = |column: &Column| column.name.as_ref().is_some_and(|found| *found.key == *key);
        let mut matches = scope.frame.visible.iter().filter(|visible| is(&visible.column));
        match (matches.next(), matches.next()) {
            (Some(visible), None) => return Found::Column(visible.column.clone()),
            (Some(first), Some(second)) => {
                // DuckDB takes the first of two columns of one item.
                if self.flavor.is_duckdb() && first.item == second.item {
                    return Found::Column(first.column.clone());
                }
                let holders = [Some(first), Some(second)].into_iter().chain(matches.map(Some)).flatten();
                let holders = holders.filter_map(|visible| scope.frame.items.get(visible.item?)?.path.last().cloned());
                return Found::Ambiguous(holders.collect());
            }
            (None, _) => {}
        }
        let nameless = scope.frame.visible.iter().any(|visible| visible.column.name.is_none());
        let open: Vec<&Item> = scope.frame.open.iter().filter_map(|index| scope.frame.items.get(*index)).collect();
        if open.is_empty() && !nameless {
            if let Some(alias) = scope.aliases.iter().find(|alias| is(alias)) {
                return Found::Column(alias.clone());
            }
            return match scope.outer {
                Some(outer) => match self.look_up(name, outer) {
                    Found::Missing => self.row(key, scope.frame).map_or(Found::Missing, Found::Row),
                    found => found,
                },
                None => self.row(key, scope.frame).map_or(Found::Missing, Found::Row),
            };
        }
        self.in_doubt(name, scope, &open, nameless)
    }

    /// A name that no known column has, where not all columns are known.
    fn in_doubt(&mut self, name: &super::value::Name, scope: &Scope<'_>, open: &[&Item], nameless: bool) -> Found {
        let outer = scope.outer.map_or(Found::Missing, |outer| self.look_up(name, outer));
        let alias = scope.aliases.iter().find(|alias| {
            self.flavor.lateral_aliases && alias.name.as_ref().is_some_and(|found| found.key == name.key)
        });
        let here = match (open, nameless) {
            ([item], false) => self.column_of_rest(item, name),
            _ => None,
        };
        match (here, outer, alias) {
            (Some(here), Found::Missing | Found::Ambiguous(_), None) => Found::Column(here),
            // The nearest that may have it; what stands around may have it as well.
            (Some(here), Found::Unknown(_), None) => {
                self.assume();
                Found::Column(here)
            }
            (Some(here), Found::Column(column), None) if !self.is_known(&column) => {
                self.assume();
                Found::Column(here)
            }
            (here, outer, alias) => {
                let mut all: Vec<Source> = Vec::new();
                all.extend(here.iter().flat_map(|column| column.sources.as_slice()));
                all.extend(alias.iter().flat_map(|column| column.sources.as_slice()));
                if let Found::Column(column) = &outer {
                    all.extend(column.sources.as_slice());
                }
                Found::Unknown(Sources::of(&all))
            }
        }
    }

    /// Whether a column is one that the catalog lists, or is made of such.
    fn is_known(&self, column: &Column) -> bool {
        column.sources.as_slice().iter().all(|source| {
            self.relations
                .get(source.relation as usize)
                .is_some_and(|relation| (source.column as usize) < relation.listed)
        })
    }

    /// A column of what an item may have besides its known ones.
    pub(super) fn column_of_rest(&mut self, item: &Item, name: &super::value::Name) -> Option<Column> {
        let sources = match &item.columns.rest {
            Rest::Relation(relation) => {
                let column = self.column_number(*relation, name);
                Sources::One(Source { relation: *relation, column, kind: EdgeKind::Copy, cast: CastKind::None })
            }
            Rest::Made(sources) => sources.clone(),
            Rest::Closed | Rest::Unknown => return None,
        };
        Some(Column { name: Some(name.clone()), sources, data_type: None })
    }

    /// The column that a qualified name means: the parts of the qualifier, then the column.
    pub(super) fn look_up_qualified(
        &mut self,
        qualifier: &[Arc<str>],
        name: &super::value::Name,
        scope: &Scope<'_>,
    ) -> Option<Found> {
        let mut next = Some(scope);
        while let Some(scope) = next {
            if let Some(item) = scope.frame.item(qualifier) {
                let is = |column: &&Column| column.name.as_ref().is_some_and(|found| found.key == name.key);
                let mut matches = item.columns.list.iter().filter(is);
                let found = match (matches.next(), matches.next()) {
                    (Some(column), None) => Found::Column(column.clone()),
                    (Some(column), Some(_)) if self.flavor.is_duckdb() => Found::Column(column.clone()),
                    (Some(_), Some(_)) => Found::Ambiguous(item.path.last().cloned().into_iter().collect()),
                    (None, _) if item.columns.rest.is_closed() => {
                        let nameless = item.columns.list.iter().any(|column| column.name.is_none());
                        if nameless { Found::Unknown(Sources::None) } else { Found::Missing }
                    }
                    (None, _) => {
                        let item = item.clone();
                        match self.column_of_rest(&item, name) {
                            Some(column) => Found::Column(column),
                            None => Found::Unknown(Sources::None),
                        }
                    }
                };
                return Some(found);
            }
            next = scope.outer;
        }
        None
    }

    /// All columns of the item that is called so.
    fn row(&mut self, key: &str, frame: &Frame) -> Option<Sources> {
        let item = frame.items.iter().find(|item| item.path.last().is_some_and(|last| **last == *key))?;
        let all: Vec<Source> =
            item.columns.list.iter().flat_map(|column| column.sources.computed().as_slice().to_vec()).collect();
        self.note_star(item);
        Some(Sources::of(&all))
    }

    /// Remembers that all columns of an item are read, whichever they are.
    pub(super) fn note_star(&mut self, item: &Item) {
        if let Some(relation) = item.relation {
            self.stars.insert(relation);
        }
    }
}
