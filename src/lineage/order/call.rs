//! Calls whose answer depends on the order of rows.

use super::{Dependent, Lack, Walker, address, is_open, rows};
use crate::dialect::{Dialect, functions};
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident,
    ObjectNamePart, Query, SetExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
    visit_expressions,
};
use std::ops::ControlFlow;

/// Window functions that ask where a row stands.
const BY_PLACE: [&str; 7] = ["row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"];

/// Of these, the ones that answer with a value of a row: with one that follows from the order itself, ties do no harm.
const BY_VALUE: [&str; 5] = ["lag", "lead", "first_value", "last_value", "nth_value"];

/// Aggregates that keep the order of their rows, or take one of them by it.
const KEEP_ORDER: [&str; 16] = [
    "array_agg",
    "string_agg",
    "group_concat",
    "listagg",
    "list",
    "first",
    "last",
    "json_agg",
    "jsonb_agg",
    "json_arrayagg",
    "json_group_array",
    "json_object_agg",
    "json_group_object",
    "xmlagg",
    "array_concat_agg",
    "jsonb_object_agg",
];

/// Functions of a list that do not care for the order in it.
const DO_NOT_CARE: [&str; 26] = [
    "list_sort",
    "array_sort",
    "list_reverse_sort",
    "array_reverse_sort",
    "list_grade_up",
    "sort",
    "len",
    "length",
    "array_length",
    "array_upper",
    "cardinality",
    "json_array_length",
    "jsonb_array_length",
    "list_contains",
    "list_has",
    "list_has_any",
    "list_has_all",
    "array_contains",
    "array_has",
    "list_count",
    "list_min",
    "list_max",
    "list_unique",
    "count",
    "list_median",
    "list_bool_or",
];

impl Walker<'_> {
    /// The order of what an expression gives does not matter.
    pub(super) fn settle(&mut self, expression: &Expr) {
        match expression {
            Expr::Function(function) => {
                self.settled.insert(address(function));
            }
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.settle(inner),
            _ => {}
        }
    }

    /// A call of a function.
    pub(super) fn call(&mut self, function: &Function) {
        let Some(ident) = function.name.0.last().and_then(ObjectNamePart::as_ident) else { return };
        let name = ident.value.to_lowercase();
        if DO_NOT_CARE.contains(&name.as_str())
            && let FunctionArguments::List(list) = &function.args
        {
            for argument in &list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) = argument {
                    self.settle(expression);
                }
            }
        }
        if self.settled.contains(&address(function)) {
            return;
        }
        match &function.over {
            Some(over) => self.over(function, (ident, &name), over),
            None => self.gathered(function, (ident, &name)),
        }
    }

    /// An aggregate.
    fn gathered(&mut self, function: &Function, (ident, name): (&Ident, &str)) {
        if name == "array"
            && let FunctionArguments::Subquery(query) = &function.args
        {
            if is_unordered(query) && is_open(&rows::of_query(query, self.environment(), self.around)) {
                self.tell(ident.span, ident.span, Dependent::Aggregate(name.to_owned()), Lack::Everything);
            }
            return;
        }
        if !keeps_order(function, name, self.around.dialect) {
            return;
        }
        if self.frames.last().is_some_and(|frame| is_open(&frame.source)) {
            self.tell(ident.span, ident.span, Dependent::Aggregate(name.to_owned()), Lack::Everything);
        }
    }

    /// A function over a window.
    fn over(&mut self, function: &Function, (ident, name): (&Ident, &str), over: &WindowType) {
        let Some(frame) = self.frames.last() else { return };
        let (mut partition, mut order, mut bounds) = (Vec::new(), Vec::new(), None);
        let mut next = Some(over.clone());
        while let Some(window) = next.take() {
            let specification: Option<WindowSpec> = match window {
                WindowType::WindowSpec(specification) => Some(specification),
                WindowType::NamedWindow(name) => {
                    let name = name.value.to_lowercase();
                    frame.windows.iter().find(|(known, _)| *known == name).map(|(_, found)| found.clone())
                }
            };
            // A window that refers to nothing that is known.
            let Some(specification) = specification else { return };
            partition.extend(specification.partition_by);
            order.extend(specification.order_by.into_iter().map(|ordered| ordered.expr));
            bounds = bounds.or(specification.window_frame);
            next = specification.window_name.map(WindowType::NamedWindow);
            if partition.len() + order.len() > 1_000 {
                return;
            }
        }
        let depends = BY_PLACE.contains(&name)
            || keeps_order(function, name, self.around.dialect)
            || bounds.as_ref().is_some_and(counts_rows)
                && functions::is_aggregate(self.around.dialect, name).unwrap_or(false);
        if !depends || !frame.rows.stored || ordered(function) {
            return;
        }
        // What is the same in all of a partition, or everywhere, is no order.
        let same: Vec<String> = partition.iter().map(rows::text).collect();
        let orders = |expression: &&Expr| {
            let tells = !rows::mentioned(expression).is_empty() || aggregates(expression, self.around.dialect);
            tells && !same.contains(&rows::text(expression))
        };
        let telling: Vec<Expr> = order.iter().filter(orders).cloned().collect();
        // `order by random()` is wanted to be so.
        if telling.is_empty() && order.iter().any(|expression| matches!(expression, Expr::Function(_))) {
            return;
        }
        let all: Vec<Expr> = partition.iter().chain(&telling).cloned().collect();
        let lack = match rows::uncovered(frame, &frame.rows.keys, &all) {
            None if !frame.rows.keys.is_empty() => None,
            _ if telling.is_empty() => (!frame.rows.ordered).then_some(Lack::Everything),
            lack => lack,
        };
        let follows = BY_VALUE.contains(&name) && value_is_in(function, partition.iter().chain(&telling));
        if let Some(lack) = lack.filter(|_| !follows) {
            self.tell(ident.span, ident.span, Dependent::Window(name.to_owned()), lack);
        }
    }
}

/// Whether an aggregate keeps the order of its rows, and is given none.
fn keeps_order(function: &Function, name: &str, dialect: Dialect) -> bool {
    if !KEEP_ORDER.contains(&name) || !function.within_group.is_empty() {
        return false;
    }
    // The catalog knows whether the name is an aggregate of this engine.
    if !functions::is_aggregate(dialect, name).unwrap_or(false) {
        return false;
    }
    let FunctionArguments::List(list) = &function.args else { return false };
    let ordered = ordered(function);
    // PostgreSQL sorts to tell values apart, DuckDB does not.
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct) && dialect == Dialect::Postgres;
    let constant = list
        .args
        .first()
        .is_some_and(|argument| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(_)))));
    !ordered && !distinct && !constant
}

/// Whether a call has an ORDER BY of its own.
fn ordered(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list)
        if list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_))))
}

/// Whether a frame begins or ends at a row and not at a value.
fn counts_rows(frame: &WindowFrame) -> bool {
    let whole = matches!(frame.start_bound, WindowFrameBound::Preceding(None))
        && matches!(frame.end_bound, Some(WindowFrameBound::Following(None)));
    frame.units == WindowFrameUnits::Rows && !whole
}

/// Whether the value that a function answers with is one of these.
fn value_is_in<'e>(function: &Function, mut expressions: impl Iterator<Item = &'e Expr>) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = list.args.first() else { return false };
    let value = rows::text(value);
    expressions.any(|expression| rows::text(expression) == value)
}

fn is_unordered(query: &Query) -> bool {
    query.order_by.is_none() && matches!(&*query.body, SetExpr::Select(_))
}

/// Whether an expression has an aggregate in it.
pub(super) fn aggregates(expression: &Expr, dialect: Dialect) -> bool {
    let found = visit_expressions(expression, |part| match part {
        Expr::Function(function) if function.over.is_none() => {
            let name =
                function.name.0.last().and_then(ObjectNamePart::as_ident).map(|ident| ident.value.to_lowercase());
            let is = name.is_some_and(|name| functions::is_aggregate(dialect, &name).unwrap_or(false));
            if is { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}
