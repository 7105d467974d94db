//! FROM: relations, common table expressions, subqueries, and what is joined.

use super::{
    Analysis,
    catalog::Known,
    operand::Gathered,
    scope::{Frame, Item, Scope},
    value::{CastKind, Column, Columns, EdgeKind, Name, Rest, Source, Sources},
};
use crate::parse::{outline::DottedName, tree::dotted};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, JoinOperator, JsonTableColumn, ObjectName, TableAlias, TableFactor,
    TableWithJoins,
};
use std::{rc::Rc, sync::Arc};

impl Analysis<'_> {
    /// What stands in FROM, joined.
    pub(super) fn from(&mut self, tables: &[TableWithJoins], outer: Option<&Scope<'_>>) -> Frame {
        let mut frame = Frame::default();
        for table in tables {
            let next = self.joined(table, &frame, outer);
            frame = frame.and(next);
        }
        frame
    }

    /// One FROM item and what is joined to it; `left` stands before it in the same FROM.
    pub(super) fn joined(&mut self, table: &TableWithJoins, left: &Frame, outer: Option<&Scope<'_>>) -> Frame {
        stacker::maybe_grow(super::RED_ZONE, super::MORE_STACK, || {
            let before = Scope { frame: left, parameters: &[], aliases: &[], outer };
            let mut frame = self.factor(&table.relation, &before, outer, false);
            for join in &table.joins {
                let applied = matches!(join.join_operator, JoinOperator::CrossApply | JoinOperator::OuterApply);
                let right = {
                    let siblings = Scope { frame: &frame, parameters: &[], aliases: &[], outer: Some(&before) };
                    self.factor(&join.relation, &siblings, outer, applied)
                };
                frame = self.join(frame, right, &join.join_operator, &before);
            }
            frame
        })
    }

    /// One FROM item. `siblings` is what stands before it, which it sees if it is lateral.
    pub(super) fn factor(
        &mut self,
        factor: &TableFactor,
        siblings: &Scope<'_>,
        outer: Option<&Scope<'_>>,
        lateral: bool,
    ) -> Frame {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => Frame::of(self.named(name, alias.as_ref())),
            TableFactor::Table { name, alias, args: Some(arguments), .. } if are_hints(&arguments.args) => {
                Frame::of(self.named(name, alias.as_ref()))
            }
            TableFactor::Table { name, alias, args: Some(arguments), with_ordinality, .. } => {
                self.table_function(name, &arguments.args, alias.as_ref(), *with_ordinality, siblings)
            }
            TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                self.table_function(name, args, alias.as_ref(), *with_ordinality, siblings)
            }
            TableFactor::UNNEST { .. } => self.unnest(factor, siblings),
            TableFactor::Derived { lateral: written, subquery, alias, .. } => {
                let sees_siblings = lateral || *written || self.flavor.is_duckdb();
                let columns = self.query(subquery, if sees_siblings { Some(siblings) } else { outer });
                let columns = self.distinguished(columns);
                Frame::of(self.aliased(columns, alias.as_ref()))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let frame = self.joined(table_with_joins, siblings.frame, siblings.outer);
                match alias {
                    Some(alias) => Frame::of(self.aliased(frame.star(), Some(alias))),
                    None => frame,
                }
            }
            TableFactor::Pivot { .. } => self.pivot(factor, siblings, outer),
            TableFactor::Unpivot { .. } => self.unpivot(factor, siblings, outer),
            TableFactor::TableFunction { expr, alias } => {
                let sources = self.quietly(|analysis| analysis.value(expr, siblings).sources.computed());
                let columns = Columns { list: Vec::new(), rest: Rest::Made(sources) };
                Frame::of(self.aliased(columns, alias.as_ref()))
            }
            TableFactor::JsonTable { json_expr, columns, alias, .. } => {
                let mut names = Vec::new();
                json_columns(columns, &mut names);
                self.documents(&[json_expr], &names, alias.as_ref(), siblings)
            }
            TableFactor::OpenJsonTable { json_expr, columns, alias, .. } => {
                let names: Vec<&Ident> = columns.iter().map(|column| &column.name).collect();
                self.documents(&[json_expr], &names, alias.as_ref(), siblings)
            }
            TableFactor::XmlTable { row_expression, passing, columns, alias, .. } => {
                let names: Vec<&Ident> = columns.iter().map(|column| &column.name).collect();
                let passed = passing.arguments.iter().map(|argument| &argument.expr);
                let expressions: Vec<&Expr> = std::iter::once(row_expression).chain(passed).collect();
                self.documents(&expressions, &names, alias.as_ref(), siblings)
            }
            TableFactor::UnpivotExpr { .. } | TableFactor::MatchRecognize { .. } | TableFactor::SemanticView { .. } => {
                self.doubt(|| "this form of FROM is not followed".to_owned());
                let alias = match factor {
                    TableFactor::MatchRecognize { alias, .. } | TableFactor::SemanticView { alias, .. } => {
                        alias.as_ref()
                    }
                    _ => None,
                };
                Frame::of(self.aliased(Columns { list: Vec::new(), rest: Rest::Unknown }, alias))
            }
        }
    }

    /// A relation or common table expression by its name.
    fn named(&mut self, name: &ObjectName, alias: Option<&TableAlias>) -> Item {
        let Some(name) = dotted(name) else {
            // A string in FROM is a file.
            let columns = Columns { list: Vec::new(), rest: Rest::Made(Sources::None) };
            return self.aliased(columns, alias);
        };
        let mut item = match self.bound(&name).map(|binding| binding.columns.clone()) {
            Some(Some(columns)) => Item { path: Vec::new(), columns, relation: None },
            Some(None) => {
                self.doubt(|| "a recursive query reads one that stands after it".to_owned());
                let columns = Rc::new(Columns { list: Vec::new(), rest: Rest::Unknown });
                Item { path: Vec::new(), columns, relation: None }
            }
            None => self.relation(&name),
        };
        match alias {
            Some(alias) => {
                let relation = item.relation;
                let columns = Rc::unwrap_or_clone(item.columns);
                item = Item { relation, ..self.aliased(columns, Some(alias)) };
            }
            None => item.path = self.path(&name),
        }
        item
    }

    /// The common table expression that a name means.
    fn bound(&self, name: &DottedName) -> Option<&super::Binding> {
        let part = match name.parts.as_slice() {
            [part] => part,
            [schema, part] if self.flavor.is_duckdb() && schema.value.eq_ignore_ascii_case("recurring") => part,
            _ => return None,
        };
        self.find_cte(&self.flavor.name_of(&part.value, part.quoted).key)
    }

    fn path(&self, name: &DottedName) -> Vec<Arc<str>> {
        name.parts.iter().map(|part| self.flavor.name_of(&part.value, part.quoted).key).collect()
    }

    fn relation(&mut self, name: &DottedName) -> Item {
        let Some((id, known)) = self.catalog.relation(name) else {
            let last = name.parts.last().map(|part| part.value.clone()).unwrap_or_default();
            self.doubt(|| format!("nothing is known of `{last}`"));
            let columns = Rc::new(Columns { list: Vec::new(), rest: Rest::Unknown });
            return Item { path: Vec::new(), columns, relation: None };
        };
        self.item_of(id, &known)
    }

    /// A relation that the catalog knows.
    pub(super) fn item_of(&mut self, id: u32, known: &Arc<Known>) -> Item {
        let number = self.relation_number(id, known);
        let column = |(at, (text, data_type)): (usize, &(Arc<str>, Option<Arc<str>>))| Column {
            name: Some(self.flavor.stored(text)),
            sources: Sources::One(Source {
                relation: number,
                column: u32::try_from(at).unwrap_or(u32::MAX),
                kind: EdgeKind::Copy,
                cast: CastKind::None,
            }),
            data_type: data_type.clone(),
        };
        let list = known.columns.iter().enumerate().map(column).collect();
        let rest = if known.complete { Rest::Closed } else { Rest::Relation(number) };
        Item { path: Vec::new(), columns: Rc::new(Columns { list, rest }), relation: Some(number) }
    }

    /// Something under the name that its alias gives it.
    pub(super) fn aliased(&self, columns: Columns, alias: Option<&TableAlias>) -> Item {
        let Some(alias) = alias else { return Item { path: Vec::new(), columns: Rc::new(columns), relation: None } };
        let columns = Rc::new(self.renamed(columns, &alias.columns));
        Item { path: vec![self.flavor.name(&alias.name).key], columns, relation: None }
    }

    /// Columns of a subquery: of two with the same name DuckDB calls the second `name_1`.
    fn distinguished(&self, mut columns: Columns) -> Columns {
        if !self.flavor.is_duckdb() {
            return columns;
        }
        let mut seen: std::collections::BTreeSet<Arc<str>> = std::collections::BTreeSet::new();
        for column in &mut columns.list {
            let Some(name) = &mut column.name else { continue };
            if seen.insert(Arc::clone(&name.key)) {
                continue;
            }
            let text = Arc::clone(&name.text);
            let mut number = 1;
            while !seen.insert(Arc::clone(&name.key)) {
                let next: Arc<str> = format!("{text}_{number}").into();
                *name = self.flavor.stored(&next);
                number += 1;
            }
        }
        columns
    }

    /// Columns that are cut out of documents.
    fn documents(
        &mut self,
        expressions: &[&Expr],
        names: &[&Ident],
        alias: Option<&TableAlias>,
        siblings: &Scope<'_>,
    ) -> Frame {
        let mut gathered = Gathered::default();
        for expression in expressions {
            gathered.compute(&self.value(expression, siblings).sources);
        }
        let sources = gathered.sources();
        let column =
            |name: &&Ident| Column { name: Some(self.flavor.name(name)), sources: sources.clone(), data_type: None };
        let list: Vec<Column> = names.iter().map(column).collect();
        let rest = if list.is_empty() { Rest::Made(sources) } else { Rest::Closed };
        Frame::of(self.aliased(Columns { list, rest }, alias))
    }

    /// Does something without finding fault.
    pub(super) fn quietly<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let quiet = std::mem::replace(&mut self.quiet, true);
        let done = work(self);
        self.quiet = quiet;
        done
    }

    /// The name that a text stands for as a column of the database.
    pub(super) fn stored(&self, text: &str) -> Name {
        self.flavor.stored(&text.into())
    }
}

/// T-SQL: `orders(NOLOCK)`.
fn are_hints(arguments: &[FunctionArg]) -> bool {
    let is_hint = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(hint))) => crate::lineage::statement::is_hint(hint),
        _ => false,
    };
    !arguments.is_empty() && arguments.iter().all(is_hint)
}

fn json_columns<'a>(columns: &'a [JsonTableColumn], names: &mut Vec<&'a Ident>) {
    for column in columns {
        match column {
            JsonTableColumn::Named(column) => names.push(&column.name),
            JsonTableColumn::ForOrdinality(name) => names.push(name),
            JsonTableColumn::Nested(nested) => json_columns(&nested.columns, names),
        }
    }
}
