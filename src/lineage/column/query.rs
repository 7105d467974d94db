//! A query: WITH, what it is made of, ORDER BY, LIMIT.

use super::{
    Analysis,
    scope::{Frame, Scope},
    value::{Column, Columns, Rest},
};
use sqlparser::ast::{Expr, LimitClause, OrderBy, OrderByKind, Query, SetExpr, Value, Values};

impl Analysis<'_> {
    /// The columns of a query that sees `outer`.
    pub(super) fn query(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Columns {
        stacker::maybe_grow(super::RED_ZONE, super::MORE_STACK, || {
            let mark = self.ctes.len();
            if let Some(with) = &query.with {
                self.with(with, outer);
            }
            let columns = self.body(&query.body, outer, query.order_by.as_ref());
            self.limit(query.limit_clause.as_ref(), outer);
            if !query.pipe_operators.is_empty() {
                self.doubt(|| "pipes are not followed".to_owned());
            }
            self.ctes.truncate(mark);
            columns
        })
    }

    /// The columns of what a query is made of.
    pub(super) fn body(&mut self, body: &SetExpr, outer: Option<&Scope<'_>>, order: Option<&OrderBy>) -> Columns {
        let columns = match body {
            SetExpr::Select(select) => return self.select(select, outer, order),
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::SetOperation { .. } => self.set_operation(body, outer),
            SetExpr::Values(values) => self.values(values, outer),
            SetExpr::Table(_) => {
                self.doubt(|| "TABLE is not followed".to_owned());
                Columns { list: Vec::new(), rest: Rest::Unknown }
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                self.doubt(|| "a statement inside a query is not followed".to_owned());
                Columns { list: Vec::new(), rest: Rest::Unknown }
            }
        };
        self.order_by_output(order, &columns, outer);
        columns
    }

    /// ORDER BY of something that has output columns only.
    fn order_by_output(&mut self, order: Option<&OrderBy>, columns: &Columns, outer: Option<&Scope<'_>>) {
        let Some(OrderBy { kind: OrderByKind::Expressions(expressions), .. }) = order else { return };
        let visible = columns.list.iter().map(|column| super::scope::Visible { column: column.clone(), item: None });
        let frame = Frame { visible: visible.collect(), ..Frame::default() };
        let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer };
        let quiet = self.quiet;
        self.quiet |= !columns.rest.is_closed();
        for expression in expressions {
            if let Some(column) = ordinal(&expression.expr, &columns.list) {
                self.note_inspected(&column.sources.clone());
            } else {
                self.inspect(&expression.expr, &scope);
            }
        }
        self.quiet = quiet;
    }

    fn limit(&mut self, limit: Option<&LimitClause>, outer: Option<&Scope<'_>>) {
        let frame = Frame::default();
        let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer };
        let quiet = std::mem::replace(&mut self.quiet, true);
        match limit {
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                let offset = offset.as_ref().map(|offset| &offset.value);
                for expression in limit.iter().chain(offset).chain(limit_by) {
                    self.inspect(expression, &scope);
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.inspect(offset, &scope);
                self.inspect(limit, &scope);
            }
            None => {}
        }
        self.quiet = quiet;
    }

    fn values(&mut self, values: &Values, outer: Option<&Scope<'_>>) -> Columns {
        let frame = Frame::default();
        let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer };
        let mut list: Vec<Column> = Vec::new();
        for (line, row) in values.rows.iter().enumerate() {
            for (at, expression) in row.content.iter().enumerate() {
                let value = self.value(expression, &scope);
                match list.get_mut(at) {
                    Some(column) => {
                        column.sources = super::operand::both(&column.sources, &value.sources);
                        column.data_type = super::types::common(self.flavor, &column.data_type, &value.data_type);
                    }
                    None if line == 0 => {
                        let name = match self.flavor.engine {
                            Some(crate::dialect::Dialect::Postgres) => Some(format!("column{}", at + 1)),
                            Some(crate::dialect::Dialect::DuckDb) => Some(format!("col{at}")),
                            None => None,
                        };
                        let name = name.map(|name| self.flavor.name_of(&name, true));
                        list.push(Column { name, sources: value.sources, data_type: value.data_type });
                    }
                    None => {}
                }
            }
        }
        Columns { list, rest: Rest::Closed }
    }
}

/// The output column that a number in ORDER BY or GROUP BY stands for.
pub(super) fn ordinal<'a>(expression: &Expr, columns: &'a [Column]) -> Option<&'a Column> {
    let Expr::Value(value) = expression else { return None };
    let Value::Number(number, _) = &value.value else { return None };
    columns.get(number.parse::<usize>().ok()?.checked_sub(1)?)
}
