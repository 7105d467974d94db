//! Functions in FROM.

use super::{
    Analysis,
    operand::Gathered,
    scope::{Frame, Scope},
    types,
    value::{Column, Columns, Name, Rest, Sources, Type},
};
use crate::dialect::functions::{self, FunctionKind};
use sqlparser::ast::{FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor};
use std::sync::Arc;

impl Analysis<'_> {
    /// A function that makes rows.
    pub(super) fn table_function(
        &mut self,
        name: &ObjectName,
        arguments: &[FunctionArg],
        alias: Option<&TableAlias>,
        with_ordinality: bool,
        siblings: &Scope<'_>,
    ) -> Frame {
        let mut gathered = Gathered::default();
        let mut given: Vec<Type> = Vec::new();
        self.quietly(|analysis| {
            for argument in arguments {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expression))
                | FunctionArg::Named { arg: FunctionArgExpr::Expr(expression), .. }
                | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expression), .. } = argument
                {
                    let value = analysis.value(expression, siblings);
                    gathered.compute(&value.sources);
                    given.push(value.data_type);
                }
            }
        });
        let sources = gathered.sources();
        let called = name.0.last().and_then(ObjectNamePart::as_ident);
        let function = called.map(|ident| self.flavor.name(ident));
        let columns = match &function {
            Some(function) => self.rows_of(function, &given, &sources, alias),
            None => Columns { list: Vec::new(), rest: Rest::Made(sources) },
        };
        self.function_item(columns, function.as_ref(), alias, with_ordinality)
    }

    /// The columns of a function's rows.
    fn rows_of(&self, function: &Name, given: &[Type], sources: &Sources, alias: Option<&TableAlias>) -> Columns {
        let open = || Columns { list: Vec::new(), rest: Rest::Made(sources.clone()) };
        let Some(engine) = self.flavor.engine else { return open() };
        let known = functions::find(engine, &function.key);
        let rows = known.iter().filter(|known| known.kind == FunctionKind::Table);
        let described = rows.clone().find(|known| !known.columns.is_empty());
        if let Some(described) = described {
            let column = |(name, data_type): &(&str, &str)| Column {
                name: Some(self.stored(name)),
                sources: sources.clone(),
                data_type: types::known(data_type),
            };
            let mut list: Vec<Column> = described.columns.iter().map(column).collect();
            if let ([column], true) = (list.as_mut_slice(), self.flavor.is_duckdb()) {
                column.data_type = given.first().cloned().flatten();
            }
            return Columns { list, rest: Rest::Closed };
        }
        if self.flavor.is_duckdb() || known.is_empty() {
            return open();
        }
        let data_type = types::answer(self.flavor, &function.key, given);
        let makes_records = known.iter().any(|known| known.returns == Some("record"))
            || data_type.as_deref().is_some_and(|data_type| matches!(data_type, "record" | "anyelement"));
        // A function of rows whose columns the alias gives: `json_to_recordset(…) as t(a int)`.
        if makes_records {
            let given = alias.is_some_and(|alias| !alias.columns.is_empty());
            return Columns { list: Vec::new(), rest: if given { Rest::Closed } else { Rest::Made(sources.clone()) } };
        }
        // The elements of an array of rows are rows.
        if data_type.is_none() && known.iter().any(|known| known.returns == Some("anyelement")) {
            return open();
        }
        // One value a row: it is called as its item is.
        let name = alias.map_or_else(|| function.clone(), |alias| self.flavor.name(&alias.name));
        Columns { list: vec![Column { name: Some(name), sources: sources.clone(), data_type }], rest: Rest::Closed }
    }

    fn function_item(
        &self,
        mut columns: Columns,
        function: Option<&Name>,
        alias: Option<&TableAlias>,
        with_ordinality: bool,
    ) -> Frame {
        if with_ordinality && columns.rest.is_closed() {
            let name = Some(self.stored("ordinality"));
            columns.list.push(Column { name, sources: Sources::None, data_type: types::known("bigint") });
        }
        let mut item = self.aliased(columns, alias);
        if alias.is_none() {
            item.path = function.map(|function| Arc::clone(&function.key)).into_iter().collect();
        }
        Frame::of(item)
    }

    /// UNNEST, where it is a word of the grammar.
    pub(super) fn unnest(&mut self, factor: &TableFactor, siblings: &Scope<'_>) -> Frame {
        let TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } = factor else {
            return Frame::default();
        };
        let alias = alias.as_ref();
        let mut list = Vec::new();
        let mut all = Gathered::default();
        let mut rows = false;
        for expression in array_exprs {
            let value = self.value(expression, siblings);
            all.compute(&value.sources);
            let data_type = types::element(value.data_type.as_deref());
            // The elements of an array of rows are rows.
            rows |= data_type.is_none();
            let name = match (self.flavor.engine, alias) {
                (Some(crate::dialect::Dialect::DuckDb), _) | (_, None) => self.stored("unnest"),
                (_, Some(alias)) if array_exprs.len() == 1 => self.flavor.name(&alias.name),
                (_, Some(_)) => self.stored("unnest"),
            };
            list.push(Column { name: Some(name), sources: value.sources.computed(), data_type });
        }
        if *with_offset {
            let name = with_offset_alias.as_ref().map_or_else(|| Ident::new("offset"), Clone::clone);
            let name = Some(self.flavor.name(&name));
            list.push(Column { name, sources: Sources::None, data_type: None });
        }
        let rest = if rows { Rest::Made(all.sources()) } else { Rest::Closed };
        let name = self.stored("unnest");
        let columns = Columns { list, rest };
        let mut frame = self.function_item(columns, Some(&name), alias, *with_ordinality);
        // Without a second name the first is of both: `unnest(a) as x` has the column `x`.
        if let (Some(alias), None, Some(item)) = (alias, self.flavor.engine, frame.items.first_mut()) {
            item.path = vec![self.flavor.name(&alias.name).key];
        }
        frame
    }
}
