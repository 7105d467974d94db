//! Function calls: arguments, aggregates, windows.

use super::{
    Analysis,
    operand::Gathered,
    scope::Scope,
    types,
    value::{Sources, Type, Value},
};
use crate::dialect::functions;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, WindowFrameBound, WindowSpec, WindowType,
};
use std::sync::Arc;

/// Aggregates of engines whose catalogs are not known.
const AGGREGATES: [&str; 14] = [
    "sum",
    "count",
    "min",
    "max",
    "avg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "array_agg",
    "string_agg",
    "listagg",
];

/// Words that stand first in date functions of engines whose catalogs are not known: `datediff(day, a, b)`.
const DATE_PARTS: [&str; 24] = [
    "year",
    "years",
    "yyyy",
    "yy",
    "quarter",
    "qtr",
    "month",
    "months",
    "mm",
    "week",
    "weeks",
    "isoweek",
    "day",
    "days",
    "dd",
    "dayofweek",
    "dayofyear",
    "hour",
    "hours",
    "minute",
    "minutes",
    "second",
    "seconds",
    "millisecond",
];

impl Analysis<'_> {
    /// What a function call comes to.
    pub(super) fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Value {
        let ident = function.name.0.last().and_then(ObjectNamePart::as_ident);
        let name: Arc<str> = ident.map_or_else(|| "".into(), |ident| self.flavor.name(ident).key);
        let aggregates = function.over.is_none() && self.is_aggregate(&name);
        if aggregates && self.aggregation.depth == 0 {
            self.aggregation.aggregate.get_or_insert_with(|| Arc::clone(&name));
        }
        self.aggregation.depth += usize::from(aggregates);
        let mut gathered = Gathered::default();
        let mut given: Vec<Type> = Vec::new();
        let mut untold = false;
        for arguments in [&function.parameters, &function.args] {
            match arguments {
                FunctionArguments::None => {}
                FunctionArguments::Subquery(query) => {
                    let aggregation = std::mem::take(&mut self.aggregation);
                    for column in self.query(query, Some(scope)).list {
                        gathered.compute(&column.sources);
                    }
                    self.aggregation = aggregation;
                    untold = true;
                }
                FunctionArguments::List(list) => {
                    for (at, argument) in list.args.iter().enumerate() {
                        if at == 0 && self.is_date_part(&name, argument) {
                            continue;
                        }
                        let value = self.argument(argument, scope);
                        gathered.compute(&value.sources);
                        given.push(value.data_type);
                        untold |= !matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)));
                    }
                    for clause in &list.clauses {
                        self.clause(clause, scope, &mut gathered);
                    }
                }
            }
        }
        for ordered in &function.within_group {
            let value = self.value(&ordered.expr, scope);
            gathered.compute(&value.sources);
            given.push(value.data_type);
        }
        if let Some(filter) = &function.filter {
            let value = self.value(filter, scope);
            gathered.look(&value.sources);
        }
        self.aggregation.depth -= usize::from(aggregates);
        match &function.over {
            Some(WindowType::WindowSpec(window)) => gathered.look(&self.window(window, scope)),
            Some(WindowType::NamedWindow(name)) => gathered.look(&self.named_window(name)),
            None => {}
        }
        self.expands |= self.flavor.is_duckdb()
            && match &*name {
                "columns" => true,
                // A struct becomes as many columns as it has fields.
                "unnest" => {
                    given.len() != 1 || given.first().is_none_or(|given| types::element(given.as_deref()).is_none())
                }
                _ => false,
            };
        if self.flavor.is_duckdb() && &*name == "columns" {
            self.doubt(|| "COLUMNS is not followed".to_owned());
        }
        let data_type = if untold && !is_count(&name) { None } else { types::answer(self.flavor, &name, &given) };
        Value { sources: gathered.sources(), data_type }
    }

    fn is_aggregate(&self, name: &str) -> bool {
        match self.flavor.engine {
            Some(engine) => functions::is_aggregate(engine, name).unwrap_or(false),
            None => AGGREGATES.contains(&name),
        }
    }

    fn is_date_part(&self, function: &str, argument: &FunctionArg) -> bool {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(ident))) = argument else { return false };
        self.flavor.engine.is_none()
            && (function.contains("date") || function.contains("time"))
            && ident.quote_style.is_none()
            && DATE_PARTS.contains(&ident.value.to_lowercase().as_str())
    }

    fn argument(&mut self, argument: &FunctionArg, scope: &Scope<'_>) -> Value {
        let (FunctionArg::Unnamed(argument)
        | FunctionArg::Named { arg: argument, .. }
        | FunctionArg::ExprNamed { arg: argument, .. }) = argument;
        match argument {
            FunctionArgExpr::Expr(expression) => self.value(expression, scope),
            FunctionArgExpr::QualifiedWildcard(name) => Value { sources: self.whole_row(name, scope), data_type: None },
            // `count(*)` counts rows, whatever they are.
            FunctionArgExpr::Wildcard => Value::default(),
            FunctionArgExpr::WildcardWithOptions(_) => {
                self.doubt(|| "a star inside an expression is not followed".to_owned());
                Value::default()
            }
        }
    }

    /// `count(t.*)`
    fn whole_row(&mut self, name: &ObjectName, scope: &Scope<'_>) -> Sources {
        let idents: Vec<&Ident> = name.0.iter().filter_map(ObjectNamePart::as_ident).collect();
        let path: Vec<Arc<str>> = idents.iter().map(|ident| self.flavor.name(ident).key).collect();
        let mut next = Some(scope);
        while let Some(scope) = next {
            if let Some(item) = scope.frame.item(&path).cloned() {
                self.note_star(&item);
                let mut gathered = Gathered::default();
                for column in &item.columns.list {
                    gathered.compute(&column.sources);
                }
                if !item.columns.rest.is_closed() {
                    self.doubt(|| "a row is read whose columns are not known".to_owned());
                }
                return gathered.sources();
            }
            next = scope.outer;
        }
        self.doubt(|| "a row is read whose columns are not known".to_owned());
        Sources::None
    }

    fn clause(&mut self, clause: &FunctionArgumentClause, scope: &Scope<'_>, gathered: &mut Gathered) {
        match clause {
            FunctionArgumentClause::OrderBy(list) => {
                for ordered in list {
                    gathered.look(&self.value(&ordered.expr, scope).sources);
                }
            }
            FunctionArgumentClause::Where(expression) => gathered.look(&self.value(expression, scope).sources),
            FunctionArgumentClause::Limit(expression) => gathered.look(&self.value(expression, scope).sources),
            FunctionArgumentClause::Having(bound) => gathered.look(&self.value(&bound.1, scope).sources),
            _ => {}
        }
    }

    /// What a window looks at.
    pub(super) fn window(&mut self, window: &WindowSpec, scope: &Scope<'_>) -> Sources {
        let mut gathered = Gathered::default();
        if let Some(name) = &window.window_name {
            gathered.look(&self.named_window(name));
        }
        let ordered = window.order_by.iter().map(|ordered| &ordered.expr);
        for expression in window.partition_by.iter().chain(ordered) {
            gathered.look(&self.value(expression, scope).sources);
        }
        if let Some(frame) = &window.window_frame {
            for bound in [Some(&frame.start_bound), frame.end_bound.as_ref()].into_iter().flatten() {
                if let WindowFrameBound::Preceding(Some(expression)) | WindowFrameBound::Following(Some(expression)) =
                    bound
                {
                    gathered.look(&self.value(expression, scope).sources);
                }
            }
        }
        gathered.sources()
    }

    /// What a window looks at that has a name.
    pub(super) fn named_window(&mut self, name: &Ident) -> Sources {
        let key = self.flavor.name(name).key;
        let found = self.aggregation.windows.iter().find(|(window, _)| *window == key);
        found.map(|(_, sources)| sources.clone()).unwrap_or_default()
    }
}

fn is_count(name: &str) -> bool {
    name == "count"
}
