//! Scripts, column by column: several statements, one after the other, and what is left at the ends.
//!
//! In: the statements of a script, and what is known of the columns of relations. Out: a [`Trace`]: each column that is
//! left, with the columns from outside that it is made of. The last writer of a column wins; tables on the way are gone.

use super::{
    CastKind, EdgeKind, Known, Origin,
    column::{
        catalog::Catalog,
        flavor::Flavor,
        written::{Written, through, written},
    },
    script::{self, Piece},
    statement::{self, name_of},
};
use crate::parse::outline::DottedName;
use sqlparser::ast::{ObjectType, Statement};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What is known of the columns of relations, by dotted names in lower case.
pub type Schema = BTreeMap<String, Known>;

/// What a script reads and writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The tables it reads from outside.
    pub inputs: BTreeSet<String>,
    /// The tables it leaves.
    pub outputs: BTreeSet<String>,
    /// The columns that it leaves, relation by relation, or those of its last query; empty where that cannot be told.
    pub columns: Vec<TracedColumn>,
    /// Columns from outside that are read besides, with dots: in WHERE, JOIN, and so on.
    pub inspected: BTreeSet<String>,
    /// Why the columns cannot be told.
    pub unsupported: Option<String>,
}

/// A column that a script leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedColumn {
    /// The table that it is written to; none for that of a query.
    pub relation: Option<String>,
    /// Its name.
    pub name: String,
    /// Its place in what is written, from 0.
    pub position: usize,
    /// What it is made of.
    pub sources: Vec<TracedSource>,
}

/// A column from outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TracedSource {
    /// Its name, with dots.
    pub column: String,
    /// How it is read.
    pub kind: EdgeKind,
    /// What a copy is cast to.
    pub cast: CastKind,
}

/// What the statements do, column by column.
pub(super) fn read(pieces: &[Piece], dialect: &str, schema: Option<&Schema>) -> Trace {
    let tables = script::ends(&script::effects(pieces));
    let mut tracer = Tracer {
        flavor: Flavor::named(dialect),
        relations: Relations { schema, written: BTreeMap::new(), names: RefCell::new(Vec::new()) },
        order: Vec::new(),
        used: BTreeSet::new(),
        query: None,
        inspected: BTreeSet::new(),
        unsupported: None,
    };
    tracer.follow(pieces);
    let columns = tracer.left(&tables.outputs);
    let unsupported = tracer.unsupported;
    let columns = if unsupported.is_none() { columns } else { Vec::new() };
    let inspected = tracer.inspected;
    Trace { inputs: tables.inputs, outputs: tables.outputs, columns, inspected, unsupported }
}

/// A table that the script has written.
#[derive(Debug, Clone, Default)]
struct Table {
    /// Its columns in order, and what they are made of.
    columns: Vec<(Arc<str>, Vec<Origin>)>,
    /// Whether the script made it, so that it has no others.
    made: bool,
    temporary: bool,
}

/// What the relations are, at one point of the script.
struct Relations<'s> {
    schema: Option<&'s Schema>,
    written: BTreeMap<String, Table>,
    /// The names of relations, by their numbers.
    names: RefCell<Vec<String>>,
}

/// A column that is written, by its name if it has one, and what it is made of.
type Column = (Option<Arc<str>>, Vec<Origin>);

struct Tracer<'s> {
    flavor: Flavor,
    relations: Relations<'s>,
    /// Tables in the order in which they were first written.
    order: Vec<String>,
    /// Columns of written tables that were read again.
    used: BTreeSet<(String, Arc<str>)>,
    /// The last query whose rows go to whoever asked.
    query: Option<Vec<Column>>,
    inspected: BTreeSet<String>,
    unsupported: Option<String>,
}

impl Catalog for Relations<'_> {
    fn relation(&self, name: &DottedName) -> Option<(u32, Arc<Known>)> {
        if statement::is_path(&name.parts) {
            return None;
        }
        let dotted = name_of(&name.parts);
        let mut names = self.names.borrow_mut();
        let number = names.iter().position(|known| *known == dotted).unwrap_or_else(|| {
            names.push(dotted.clone());
            names.len() - 1
        });
        let known = match self.written.get(&dotted).filter(|table| table.made) {
            Some(table) => {
                let columns = table.columns.iter().map(|(name, _)| (Arc::clone(name), None)).collect();
                Known { columns, complete: true }
            }
            None => self.known(&dotted).cloned().unwrap_or_default(),
        };
        Some((u32::try_from(number).unwrap_or(u32::MAX), Arc::new(known)))
    }
}

impl Relations<'_> {
    /// What the schema tells of a relation; one of the two names may lack its schema.
    fn known(&self, dotted: &str) -> Option<&Known> {
        let schema = self.schema?;
        if let Some(known) = schema.get(dotted) {
            return Some(known);
        }
        let same = |name: &str| {
            let (long, short) = if name.len() > dotted.len() { (name, dotted) } else { (dotted, name) };
            long.strip_suffix(short).is_some_and(|rest| rest.ends_with('.'))
        };
        let mut found = schema.iter().filter(|(name, _)| same(name));
        match (found.next(), found.next()) {
            (Some((_, known)), None) => Some(known),
            _ => None,
        }
    }

    fn name(&self, number: u32) -> String {
        self.names.borrow().get(number as usize).cloned().unwrap_or_default()
    }
}

impl Tracer<'_> {
    fn follow(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Whole(statement) => self.statement(statement),
                // A procedure.
                Piece::Headed { writes: None, reads: None, inner } => self.follow(inner),
                Piece::Headed { .. } => self.refuse("a statement can only be read in part"),
            }
        }
    }

    fn refuse(&mut self, reason: &str) {
        self.unsupported.get_or_insert_with(|| reason.to_owned());
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Drop { object_type: ObjectType::Table | ObjectType::View, names, .. } => {
                for name in names.iter().filter_map(crate::parse::tree::dotted) {
                    let dotted = name_of(&name.parts);
                    self.relations.written.remove(&dotted);
                    self.order.retain(|written| *written != dotted);
                }
                return;
            }
            Statement::CreateProcedure { body, .. } => {
                for statement in body.statements() {
                    self.statement(statement);
                }
                return;
            }
            Statement::Copy { .. } | Statement::CopyIntoSnowflake { .. } | Statement::Unload { .. } => {
                return self.refuse("columns of files are not followed");
            }
            _ => {}
        }
        let effect = statement::effect(statement);
        for (from, to) in &effect.renamed {
            self.rename(from, to);
        }
        let found = written(statement, &self.relations, self.flavor);
        if found.is_empty() && !effect.outputs.is_empty() && !effect.inputs.is_empty() {
            self.refuse("the columns of a statement are not followed");
        }
        for write in found {
            self.write(write);
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let Some(table) = self.relations.written.remove(from) else { return };
        self.relations.written.insert(to.to_owned(), table);
        for name in self.order.iter_mut().filter(|name| *name == from) {
            to.clone_into(name);
        }
    }

    fn write(&mut self, write: Written) {
        let answer = write.answer;
        if let Some(doubt) = answer.doubt {
            self.refuse(&doubt);
        }
        let columns: Vec<Column> =
            answer.columns.into_iter().map(|column| (column.name, self.outside(column.origins))).collect();
        for origin in self.outside(answer.inspected) {
            self.inspected.insert(self.dotted(&origin));
        }
        let Some(target) = write.target else {
            self.query = Some(columns);
            return;
        };
        let dotted = name_of(&target);
        if !self.order.contains(&dotted) {
            self.order.push(dotted.clone());
        }
        self.used.retain(|(relation, name)| {
            *relation != dotted || !columns.iter().any(|(written, _)| written.as_ref() == Some(name))
        });
        let name = |(at, (name, origins)): (usize, Column)| {
            (name.unwrap_or_else(|| format!("column {}", at + 1).into()), origins)
        };
        let columns = columns.into_iter().enumerate().map(name);
        let table = self.relations.written.entry(dotted).or_default();
        table.temporary |= write.temporary;
        if write.makes || table.columns.is_empty() {
            table.made |= write.makes;
            // Two columns of one statement may share a name.
            table.columns = columns.collect();
            return;
        }
        for (name, origins) in columns {
            match table.columns.iter_mut().find(|(written, _)| *written == name) {
                Some((_, before)) => *before = origins,
                None => table.columns.push((name, origins)),
            }
        }
    }

    /// The columns from outside the script.
    fn outside(&mut self, origins: Vec<Origin>) -> Vec<Origin> {
        let mut found = Vec::new();
        for origin in origins {
            let dotted = self.relations.name(origin.relation);
            let written = self.relations.written.get(&dotted);
            let inner = written.and_then(|table| table.columns.iter().find(|(name, _)| *name == origin.column));
            match inner {
                Some((name, sources)) => {
                    found.extend(sources.iter().map(|inner| through(&origin, inner)));
                    self.used.insert((dotted, Arc::clone(name)));
                }
                None => found.push(origin),
            }
        }
        found.sort();
        found.dedup_by(|next, kept| (kept.relation, &kept.column) == (next.relation, &next.column));
        found
    }

    /// The columns that the script leaves.
    fn left(&mut self, outputs: &BTreeSet<String>) -> Vec<TracedColumn> {
        let mut columns = Vec::new();
        for relation in &self.order {
            let Some(table) = self.relations.written.get(relation) else { continue };
            let is_end = outputs.contains(relation);
            let left = table.columns.iter().enumerate().filter(|(_, (name, _))| {
                is_end || !table.temporary && !self.used.contains(&(relation.clone(), Arc::clone(name)))
            });
            for (position, (name, origins)) in left {
                columns.push(self.traced(Some(relation.clone()), name.to_string(), position, origins));
            }
        }
        if self.order.is_empty() && outputs.is_empty() {
            for (position, (name, origins)) in self.query.iter().flatten().enumerate() {
                let name = name.as_ref().map_or_else(|| format!("column {}", position + 1), ToString::to_string);
                columns.push(self.traced(None, name, position, origins));
            }
        }
        columns
    }

    fn dotted(&self, origin: &Origin) -> String {
        format!("{}.{}", self.relations.name(origin.relation), origin.column)
    }

    fn traced(&self, relation: Option<String>, name: String, position: usize, origins: &[Origin]) -> TracedColumn {
        let source =
            |origin: &Origin| TracedSource { column: self.dotted(origin), kind: origin.kind, cast: origin.cast };
        let mut sources: Vec<TracedSource> = origins.iter().map(source).collect();
        sources.sort();
        TracedColumn { relation, name, position, sources }
    }
}
