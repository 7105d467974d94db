//! PIVOT and UNPIVOT in FROM.

use super::{
    Analysis,
    operand::Gathered,
    scope::{Frame, Scope},
    value::{Column, Columns, Rest, Sources},
};
use sqlparser::ast::{Expr, ExprWithAlias, Ident, PivotValueSource, TableFactor, Value};
use std::{collections::BTreeSet, sync::Arc};

impl Analysis<'_> {
    /// Values of a column become columns; what is neither aggregated nor turned stays.
    pub(super) fn pivot(&mut self, factor: &TableFactor, siblings: &Scope<'_>, outer: Option<&Scope<'_>>) -> Frame {
        let TableFactor::Pivot { table, aggregate_functions, value_column, value_source, alias, .. } = factor else {
            return Frame::default();
        };
        let inner = self.factor(table, siblings, outer, false);
        let around = std::mem::take(&mut self.aggregation);
        let (mut used, mut made, mut turned) = (Vec::new(), Vec::new(), Gathered::default());
        {
            let scope = Scope { frame: &inner, parameters: &[], aliases: &[], outer };
            for expression in value_column {
                let value = self.value(expression, &scope);
                turned.look(&value.sources);
                used.push(value.sources);
            }
            for function in aggregate_functions {
                let value = self.value(&function.expr, &scope);
                used.push(value.sources.clone());
                made.push((function.alias.as_ref().map(|alias| self.flavor.name(alias)), value));
            }
        }
        self.aggregation = around;
        let star = inner.star();
        let used: BTreeSet<(u32, u32)> =
            used.iter().flat_map(Sources::as_slice).map(|source| (source.relation, source.column)).collect();
        let is_used = |column: &Column| {
            column.sources.as_slice().iter().any(|source| used.contains(&(source.relation, source.column)))
        };
        // A column of the input whose sources are shared cannot be told from one that is used.
        let mut list: Vec<Column> = star.list.iter().filter(|column| !is_used(column)).cloned().collect();
        let mut rest = star.rest;
        match (value_source, value_column.as_slice()) {
            (PivotValueSource::List(values), [_]) => {
                for value in values {
                    for (alias, aggregate) in &made {
                        let mut sources = Gathered::default();
                        sources.compute(&aggregate.sources);
                        sources.look(&turned.sources());
                        let name = pivoted(value).and_then(|value| match (made.as_slice(), alias) {
                            ([_], None) => Some(value),
                            (_, Some(alias)) => Some(format!("{value}_{}", alias.text)),
                            _ => None,
                        });
                        let name = name.map(|name| self.stored(&name));
                        let data_type = aggregate.data_type.clone();
                        list.push(Column { name, sources: sources.sources(), data_type });
                    }
                }
            }
            _ => {
                rest = Rest::Unknown;
                self.doubt(|| "PIVOT over values that are not listed is not followed".to_owned());
            }
        }
        Frame::of(self.aliased(Columns { list, rest }, alias.as_ref()))
    }

    /// Columns become rows: their names in one column, their values in another.
    pub(super) fn unpivot(&mut self, factor: &TableFactor, siblings: &Scope<'_>, outer: Option<&Scope<'_>>) -> Frame {
        let TableFactor::Unpivot { table, value, name, columns, alias, .. } = factor else { return Frame::default() };
        let inner = self.factor(table, siblings, outer, false);
        let star = inner.star();
        let mut gone: Vec<Arc<str>> = Vec::new();
        let mut sources = Vec::new();
        {
            let scope = Scope { frame: &inner, parameters: &[], aliases: &[], outer };
            for ExprWithAlias { expr, .. } in columns {
                match expr {
                    Expr::Identifier(ident) => gone.push(self.flavor.name(ident).key),
                    Expr::CompoundIdentifier(idents) => {
                        gone.extend(idents.last().map(|ident| self.flavor.name(ident).key));
                    }
                    _ => self.doubt(|| "UNPIVOT of expressions is not followed".to_owned()),
                }
                sources.extend(self.value(expr, &scope).sources.as_slice().to_vec());
            }
        }
        let Expr::Identifier(value) = value else {
            self.doubt(|| "UNPIVOT into several columns is not followed".to_owned());
            return Frame::of(self.aliased(Columns { list: Vec::new(), rest: Rest::Unknown }, alias.as_ref()));
        };
        let is_gone = |column: &Column| column.name.as_ref().is_some_and(|name| gone.contains(&name.key));
        let mut list: Vec<Column> = star.list.iter().filter(|column| !is_gone(column)).cloned().collect();
        let column =
            |ident: &Ident, sources: Sources| Column { name: Some(self.flavor.name(ident)), sources, data_type: None };
        let pair = [column(name, Sources::None), column(value, Sources::of(&sources))];
        list.extend(pair);
        Frame::of(self.aliased(Columns { list, rest: star.rest }, alias.as_ref()))
    }
}

/// What the column of a value is called.
fn pivoted(value: &ExprWithAlias) -> Option<String> {
    if let Some(alias) = &value.alias {
        return Some(alias.value.clone());
    }
    match &value.expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Number(number, _) => Some(number.clone()),
            _ => None,
        },
        _ => None,
    }
}
