//! Where the columns of a query come from.
//!
//! In: a syntax tree, and what is known of the columns of relations. Out: an [`Answer`]: the output columns in order, each
//! with the columns it is made of, and what the query reads besides. Never: a guess. What cannot be told is said to be so
//! (`doubt`), and no finding rests on it.
//!
//! One file for each notion of SQL; each adds its part to [`Analysis`].

pub(crate) mod catalog;
mod cte;
mod expression;
pub(crate) mod finding;
pub(crate) mod flavor;
mod from;
mod function;
mod join;
mod naming;
mod operand;
mod pivot;
mod query;
mod scope;
mod select;
mod set_operation;
mod star;
mod table_function;
pub(crate) mod types;
mod value;
pub(crate) mod written;

/// How much stack must be left before more is taken, and how much more then, in bytes.
const RED_ZONE: usize = 128 << 10;
const MORE_STACK: usize = 2 << 20;

pub use value::{CastKind, EdgeKind};

use catalog::{Catalog, Known};
use finding::Finding;
use flavor::Flavor;
use sqlparser::ast::Query;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    rc::Rc,
    sync::Arc,
};
use value::{Columns, Name, Source, Sources};

/// A column of a relation that is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The number that the catalog gave the relation.
    pub relation: u32,
    /// The column's name.
    pub column: Arc<str>,
    /// How it is read.
    pub kind: EdgeKind,
    /// What a copy is cast to.
    pub cast: CastKind,
}

/// An output column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name as the database calls it; none where it cannot be told.
    pub name: Option<Arc<str>>,
    /// What it is made of.
    pub origins: Vec<Origin>,
    /// Its type in the engine's words, where it is known.
    pub data_type: Option<Arc<str>>,
}

/// Where the columns of a query come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The output columns in order, as far as they are known.
    pub columns: Vec<Output>,
    /// Whether these are all.
    pub complete: bool,
    /// What the query reads besides: in WHERE, JOIN, GROUP BY, ORDER BY, HAVING, QUALIFY, and in columns that it drops.
    pub inspected: Vec<Origin>,
    /// The relations that are read with a star, so that their further columns would be read, too.
    pub stars: BTreeSet<u32>,
    /// Why the output columns may not be the whole truth.
    pub doubt: Option<String>,
    /// Why what is looked at besides may not be.
    pub doubt_of_rows: Option<String>,
    /// Whether something was taken to be of the nearest relation that may have it, though one further out may, too.
    pub assumed: bool,
    /// What is wrong with the query.
    pub findings: Vec<Finding>,
}

/// Where the columns of a query come from.
pub(crate) fn query(query: &Query, catalog: &dyn Catalog, flavor: Flavor) -> Answer {
    let mut analysis = Analysis::new(catalog, flavor);
    let columns = analysis.query(query, None);
    analysis.check_output(query, &columns);
    analysis.answer(&columns)
}

/// A relation that is read.
struct Relation {
    /// The number that the catalog gave it.
    id: u32,
    /// Its columns: those that the catalog lists, then others that were named.
    columns: Vec<Name>,
    /// How many the catalog lists.
    listed: usize,
}

/// A common table expression in scope; its columns are not known while it is read itself.
struct Binding {
    key: Arc<str>,
    columns: Option<Rc<Columns>>,
}

/// What is found out about one statement.
pub(super) struct Analysis<'c> {
    catalog: &'c dyn Catalog,
    flavor: Flavor,
    relations: Vec<Relation>,
    numbers: BTreeMap<u32, u32>,
    ctes: Vec<Binding>,
    /// What decides about rows.
    inspected: BTreeSet<Source>,
    /// Every column that is named, or stands in a star that is written.
    read: BTreeSet<(u32, u32)>,
    stars: BTreeSet<u32>,
    doubt: Option<String>,
    doubt_of_rows: Option<String>,
    assumed: bool,
    findings: Vec<Finding>,
    /// Whether names that nobody knows are no fault here.
    quiet: bool,
    /// What the SELECT that is being read has in its list.
    aggregation: select::Aggregation,
    /// Whether the expression that is being read may make several columns.
    expands: bool,
}

impl<'c> Analysis<'c> {
    pub(super) fn new(catalog: &'c dyn Catalog, flavor: Flavor) -> Self {
        Self {
            catalog,
            flavor,
            relations: Vec::new(),
            numbers: BTreeMap::new(),
            ctes: Vec::new(),
            inspected: BTreeSet::new(),
            read: BTreeSet::new(),
            stars: BTreeSet::new(),
            doubt: None,
            doubt_of_rows: None,
            assumed: false,
            findings: Vec::new(),
            quiet: false,
            aggregation: select::Aggregation::default(),
            expands: false,
        }
    }

    /// Says why the answer may not be the whole truth; the first reason counts.
    fn doubt(&mut self, reason: impl FnOnce() -> String) {
        if self.doubt.is_none() {
            self.doubt = Some(reason());
        }
    }

    fn assume(&mut self) {
        self.assumed = true;
    }

    fn find(&mut self, finding: Finding) {
        if !self.quiet && finding.range != (0..0) {
            self.findings.push(finding);
        }
    }

    /// The number of a relation in this analysis.
    fn relation_number(&mut self, id: u32, known: &Arc<Known>) -> u32 {
        if let Some(number) = self.numbers.get(&id) {
            return *number;
        }
        let number = u32::try_from(self.relations.len()).unwrap_or(u32::MAX);
        let columns: Vec<Name> = known.columns.iter().map(|(name, _)| self.flavor.stored(name)).collect();
        let listed = columns.len();
        self.relations.push(Relation { id, columns, listed });
        self.numbers.insert(id, number);
        number
    }

    /// The number of a column, which is added if the relation is not known to have it.
    fn column_number(&mut self, relation: u32, name: &Name) -> u32 {
        let Some(relation) = self.relations.get_mut(relation as usize) else { return u32::MAX };
        let at = relation.columns.iter().position(|column| column.key == name.key);
        let at = at.unwrap_or_else(|| {
            relation.columns.push(name.clone());
            relation.columns.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Notes that something decides about rows.
    fn note_inspected(&mut self, sources: &Sources) {
        self.inspected.extend(sources.inspected().as_slice());
    }

    /// Notes that something is named.
    fn note_read(&mut self, sources: &Sources) {
        self.read.extend(sources.as_slice().iter().map(|source| (source.relation, source.column)));
    }

    fn origin(&self, source: Source) -> Option<Origin> {
        let relation = self.relations.get(source.relation as usize)?;
        let column = relation.columns.get(source.column as usize)?;
        Some(Origin { relation: relation.id, column: Arc::clone(&column.text), kind: source.kind, cast: source.cast })
    }

    fn origins(&self, sources: &[Source]) -> Vec<Origin> {
        let mut origins: Vec<Origin> = sources.iter().filter_map(|source| self.origin(*source)).collect();
        origins.sort_by(|left, right| (left.relation, &left.column).cmp(&(right.relation, &right.column)));
        origins
    }

    /// What was found out, with these output columns.
    fn answer(mut self, columns: &Columns) -> Answer {
        if !columns.rest.is_closed() {
            self.doubt(|| "a star stands for columns that are not known".to_owned());
        }
        let output = |column: &value::Column| Output {
            name: column.name.as_ref().map(|name| Arc::clone(&name.text)),
            origins: self.origins(column.sources.as_slice()),
            data_type: column.data_type.clone(),
        };
        let outputs: Vec<Output> = columns.list.iter().map(output).collect();
        let shown: BTreeSet<(u32, u32)> = columns
            .list
            .iter()
            .flat_map(|column| column.sources.as_slice())
            .map(|source| (source.relation, source.column))
            .collect();
        for (relation, column) in self.read.difference(&shown) {
            self.inspected.insert(Source {
                relation: *relation,
                column: *column,
                kind: EdgeKind::Inspect,
                cast: CastKind::None,
            });
        }
        let inspected: Vec<Source> = self.inspected.iter().copied().collect();
        let id = |number: &u32| self.relations.get(*number as usize).map(|relation| relation.id);
        self.findings.sort();
        self.findings.dedup();
        Answer {
            columns: outputs,
            complete: columns.rest.is_closed(),
            inspected: self.origins(&inspected),
            stars: self.stars.iter().filter_map(id).collect(),
            doubt: self.doubt,
            doubt_of_rows: self.doubt_of_rows,
            assumed: self.assumed,
            findings: self.findings,
        }
    }
}

/// The bytes of an identifier; `0..0` where its place was not kept.
fn range(ident: &sqlparser::ast::Ident) -> Range<usize> {
    if ident.span.start.line == 0 {
        return 0..0;
    }
    crate::parse::byte(ident.span.start)..crate::parse::byte(ident.span.end)
}
