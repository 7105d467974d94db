//! Statements that write: which columns of which relation, and what they are made of.

use super::{
    Analysis, Answer, CastKind, Origin,
    catalog::Catalog,
    flavor::Flavor,
    scope::{Frame, Scope},
    value::{Column, Columns, Name, Rest},
};
use crate::{name::NamePart, parse::tree::dotted};
use sqlparser::ast::{
    Assignment, AssignmentTarget, CreateTable, Expr, Ident, Insert, Merge, MergeAction, MergeInsertKind,
    MergeUpdateKind, ObjectName, ObjectNamePart, OnInsert, Query, SetExpr, Statement, TableFactor, TableObject, Update,
    UpdateTableFromKind,
};
use std::{collections::BTreeSet, sync::Arc};

/// What a statement writes.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// The relation; none for a query, whose rows go to whoever asked.
    pub target: Option<Vec<NamePart>>,
    /// Whether it lives no longer than the session.
    pub temporary: bool,
    /// Whether it is made by the statement, so that it has no other columns.
    pub makes: bool,
    /// What is written.
    pub answer: Answer,
}

/// What a statement writes; nothing where it moves no rows.
pub(crate) fn written(statement: &Statement, catalog: &dyn Catalog, flavor: Flavor) -> Vec<Written> {
    Analysis::new(catalog, flavor).statement(statement)
}

impl Analysis<'_> {
    fn statement(mut self, statement: &Statement) -> Vec<Written> {
        match statement {
            Statement::Query(query) => self.query_statement(query),
            Statement::Insert(insert) => self.insert(insert),
            Statement::CreateTable(create) => self.create_table(create),
            Statement::CreateView(create) => {
                let names = create.columns.iter().map(|column| self.flavor.name(&column.name)).collect();
                let columns = self.query(&create.query, None);
                self.write(&create.name, Some(create.temporary), columns, names)
            }
            Statement::Update(update) => self.update(update),
            Statement::Merge(merge) => self.merge(merge),
            _ => Vec::new(),
        }
    }

    fn query_statement(mut self, query: &Query) -> Vec<Written> {
        if let SetExpr::Insert(inner) | SetExpr::Update(inner) | SetExpr::Merge(inner) = &*query.body {
            if let Some(with) = &query.with {
                self.with(with, None);
            }
            return self.statement(inner);
        }
        let into = match &*query.body {
            SetExpr::Select(select) => select.into.as_ref(),
            _ => None,
        };
        let columns = self.query(query, None);
        let (target, temporary) = match into {
            Some(into) => {
                let name = match into.targets.first() {
                    Some(Expr::Identifier(ident)) => ObjectName::from(vec![ident.clone()]),
                    Some(Expr::CompoundIdentifier(idents)) => ObjectName::from(idents.clone()),
                    _ => return Vec::new(),
                };
                (dotted(&name).map(|name| name.parts), into.temporary)
            }
            None => (None, false),
        };
        vec![Written { makes: target.is_some(), target, temporary, answer: self.answer(&columns) }]
    }

    fn create_table(mut self, create: &CreateTable) -> Vec<Written> {
        let temporary = Some(create.temporary || create.volatile);
        if let Some(query) = &create.query {
            let names = create.columns.iter().map(|column| self.flavor.name(&column.name)).collect();
            let columns = self.query(query, None);
            return self.write(&create.name, temporary, columns, names);
        }
        // A clone has the rows, too; LIKE takes the columns only.
        let Some(name) = create.clone.as_ref().and_then(dotted) else { return Vec::new() };
        let columns = match self.catalog.relation(&name) {
            Some((id, known)) => {
                let item = self.item_of(id, &known);
                Columns { list: item.columns.list.clone(), rest: item.columns.rest.clone() }
            }
            None => Columns { list: Vec::new(), rest: Rest::Unknown },
        };
        self.write(&create.name, temporary, columns, Vec::new())
    }

    /// Columns that are written in order, to columns of these names if there are any. `temporary` is that of a relation
    /// that is made.
    fn write(
        self,
        target: &ObjectName,
        temporary: Option<bool>,
        mut columns: Columns,
        names: Vec<Name>,
    ) -> Vec<Written> {
        let Some(target) = dotted(target) else { return Vec::new() };
        for (column, name) in columns.list.iter_mut().zip(names) {
            column.name = Some(name);
        }
        vec![Written {
            target: Some(target.parts),
            temporary: temporary == Some(true),
            makes: temporary.is_some(),
            answer: self.answer(&columns),
        }]
    }

    fn insert(mut self, insert: &Insert) -> Vec<Written> {
        let TableObject::TableName(target) = &insert.table else { return Vec::new() };
        let Some(source) = &insert.source else { return Vec::new() };
        if insert.multi_table_insert_type.is_some() {
            self.doubt(|| "an INSERT into several tables is not followed".to_owned());
        }
        if matches!(&insert.on, Some(OnInsert::OnConflict(_) | OnInsert::DuplicateKeyUpdate(_))) {
            self.doubt(|| "what an INSERT updates is not followed".to_owned());
        }
        let columns = self.query(source, None);
        let written: Vec<Ident> = insert
            .columns
            .iter()
            .filter_map(|name| name.0.last().and_then(ObjectNamePart::as_ident).cloned())
            .chain(insert.after_columns.iter().cloned())
            .collect();
        let names: Vec<Name> = if written.is_empty() {
            self.columns_of(target, insert.partitioned.as_deref().unwrap_or_default())
        } else {
            written.iter().map(|ident| self.flavor.name(ident)).collect()
        };
        self.write(target, None, columns, names)
    }

    /// The columns of a table that an INSERT fills, those of a fixed partition left out.
    fn columns_of(&self, target: &ObjectName, partition: &[Expr]) -> Vec<Name> {
        let known = dotted(target).and_then(|name| self.catalog.relation(&name)).map(|(_, known)| known);
        let Some(known) = known.filter(|known| known.complete) else { return Vec::new() };
        let fixed: BTreeSet<Arc<str>> = partition
            .iter()
            .filter_map(|expression| match expression {
                Expr::BinaryOp { left, .. } => match &**left {
                    Expr::Identifier(ident) => Some(self.flavor.name(ident).key),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let names = known.columns.iter().map(|(text, _)| self.flavor.stored(text));
        names.filter(|name| !fixed.contains(&name.key)).collect()
    }

    fn update(mut self, update: &Update) -> Vec<Written> {
        let tables = match &update.from {
            Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => tables.as_slice(),
            None => &[],
        };
        let mut frame = self.joined(&update.table, &Frame::default(), None);
        let from = self.from(tables, None);
        // T-SQL: what is updated may be named by its alias in FROM.
        let target = self.updated(&update.table.relation, tables);
        let named_by_alias = target.as_ref().is_some_and(|(_, aliased)| *aliased);
        frame = if named_by_alias { from } else { frame.and(from) };
        let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer: None };
        if let Some(selection) = &update.selection {
            self.inspect(selection, &scope);
        }
        let mut columns = Columns { list: Vec::new(), rest: Rest::Closed };
        self.assignments(&update.assignments, &scope, &mut columns);
        let Some((target, _)) = target else { return Vec::new() };
        vec![Written { target: Some(target), temporary: false, makes: false, answer: self.answer(&columns) }]
    }

    /// The name of the relation that an UPDATE changes, and whether it is named by an alias.
    fn updated(
        &self,
        relation: &TableFactor,
        tables: &[sqlparser::ast::TableWithJoins],
    ) -> Option<(Vec<NamePart>, bool)> {
        let TableFactor::Table { name, .. } = relation else { return None };
        let name = dotted(name)?;
        let factors = tables
            .iter()
            .flat_map(|table| std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation)));
        for factor in factors {
            if let TableFactor::Table { name: other, alias: Some(alias), .. } = factor
                && let [part] = name.parts.as_slice()
                && self.flavor.name(&alias.name).key == self.flavor.name_of(&part.value, part.quoted).key
            {
                return Some((dotted(other)?.parts, true));
            }
        }
        Some((name.parts, false))
    }

    fn assignments(&mut self, assignments: &[Assignment], scope: &Scope<'_>, columns: &mut Columns) {
        for assignment in assignments {
            let targets: Vec<&ObjectName> = match &assignment.target {
                AssignmentTarget::ColumnName(name) => vec![name],
                AssignmentTarget::Tuple(names) => names.iter().collect(),
            };
            let values: Vec<Column> = match (&assignment.value, targets.len()) {
                (Expr::Tuple(values), count) if count > 1 && values.len() == count => values
                    .iter()
                    .map(|value| {
                        let value = self.value(value, scope);
                        Column { name: None, sources: value.sources, data_type: value.data_type }
                    })
                    .collect(),
                (Expr::Subquery(query), count) if count > 1 => self.query(query, Some(scope)).list,
                (value, _) => {
                    let value = self.value(value, scope);
                    vec![Column { name: None, sources: value.sources, data_type: value.data_type }]
                }
            };
            if values.len() != targets.len() {
                self.doubt(|| "an assignment to several columns is not followed".to_owned());
            }
            for (target, value) in targets.into_iter().zip(values) {
                if let Some(ident) = target.0.last().and_then(ObjectNamePart::as_ident) {
                    set(columns, Column { name: Some(self.flavor.name(ident)), ..value });
                }
            }
        }
    }

    fn merge(mut self, merge: &Merge) -> Vec<Written> {
        let TableFactor::Table { name, .. } = &merge.table else { return Vec::new() };
        let Some(target) = dotted(name) else { return Vec::new() };
        let empty = Frame::default();
        let before = Scope { frame: &empty, parameters: &[], aliases: &[], outer: None };
        let frame = self.factor(&merge.table, &before, None, false);
        let source = self.factor(&merge.source, &before, None, false);
        let frame = frame.and(source);
        let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer: None };
        self.inspect(&merge.on, &scope);
        let mut columns = Columns { list: Vec::new(), rest: Rest::Closed };
        for clause in &merge.clauses {
            if let Some(predicate) = &clause.predicate {
                self.inspect(predicate, &scope);
            }
            match &clause.action {
                MergeAction::Update(update) => match &update.kind {
                    MergeUpdateKind::Set(assignments) => self.assignments(assignments, &scope, &mut columns),
                    MergeUpdateKind::Wildcard => self.doubt(|| "UPDATE * of a MERGE is not followed".to_owned()),
                },
                MergeAction::Insert(insert) => match &insert.kind {
                    MergeInsertKind::Values(values) => {
                        let row = values.rows.first().map(|row| row.content.as_slice()).unwrap_or_default();
                        let mut names: Vec<Name> = insert
                            .columns
                            .iter()
                            .filter_map(|name| name.0.last().and_then(ObjectNamePart::as_ident))
                            .map(|ident| self.flavor.name(ident))
                            .collect();
                        if names.is_empty() {
                            names = self.columns_of(name, &[]);
                        }
                        if names.len() < row.len() {
                            self.doubt(|| "the columns that a MERGE inserts are not known".to_owned());
                        }
                        for (name, value) in names.into_iter().zip(row) {
                            let value = self.value(value, &scope);
                            let data_type = value.data_type;
                            set(&mut columns, Column { name: Some(name), sources: value.sources, data_type });
                        }
                    }
                    MergeInsertKind::Row | MergeInsertKind::Wildcard => {
                        self.doubt(|| "this INSERT of a MERGE is not followed".to_owned());
                    }
                },
                MergeAction::Delete { .. } | MergeAction::DoNothing { .. } => {}
            }
        }
        vec![Written { target: Some(target.parts), temporary: false, makes: false, answer: self.answer(&columns) }]
    }
}

/// A column that is written; a second time it has the values of both.
fn set(columns: &mut Columns, column: Column) {
    let same = |other: &&mut Column| match (&other.name, &column.name) {
        (Some(one), Some(other)) => one.key == other.key,
        _ => false,
    };
    match columns.list.iter_mut().find(same) {
        Some(found) => found.sources = super::operand::both(&found.sources, &column.sources),
        None => columns.list.push(column),
    }
}

/// What something is read as that is read by way of another.
pub(crate) fn through(outer: &Origin, inner: &Origin) -> Origin {
    use super::EdgeKind::{Copy, Inspect, Transform};
    let kind = match (outer.kind, inner.kind) {
        (Inspect, _) | (_, Inspect) => Inspect,
        (Copy, Copy) => Copy,
        _ => Transform,
    };
    let cast = if kind == Copy { outer.cast.max(inner.cast) } else { CastKind::None };
    Origin { kind, cast, ..inner.clone() }
}
