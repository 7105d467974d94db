//! What a query's text tells of its rows: whether they come in an order, and which columns tell them apart.

use super::{Around, Frame, Key, Lack, Link};
use sqlparser::ast::{
    BinaryOperator, Cte, Distinct, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
    Value, WildcardAdditionalOptions, With, visit_expressions,
};
use std::{collections::BTreeSet, convert::Infallible, ops::ControlFlow, rc::Rc};

/// How much stack must be left before more is taken, and how much more then, in bytes.
const RED_ZONE: usize = 128 << 10;
const MORE_STACK: usize = 2 << 20;

/// Functions that make several rows of one.
const MULTIPLY: [&str; 10] = [
    "unnest",
    "generate_series",
    "generate_subscripts",
    "regexp_split_to_table",
    "string_to_table",
    "regexp_matches",
    "json_array_elements",
    "jsonb_array_elements",
    "json_each",
    "jsonb_each",
];

/// What is known of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Whether a query gave them an order.
    pub ordered: bool,
    /// Whether they come from a relation: others are made by the query itself, in the order in which it makes them.
    pub stored: bool,
    /// Whether there is one row at most.
    pub single: bool,
    /// Their keys; none where none is known.
    pub keys: Vec<Key>,
}

/// A common table expression in scope.
pub(super) struct Bound {
    name: String,
    rows: Rows,
    outer: Environment,
}

/// The common table expressions in scope, the innermost first.
pub(super) type Environment = Option<Link>;

/// An expression as it is compared: without case and qualifiers.
pub(super) fn text(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(ident) => ident.value.to_lowercase(),
        Expr::CompoundIdentifier(idents) => idents.last().map(|ident| ident.value.to_lowercase()).unwrap_or_default(),
        Expr::Nested(inner) => text(inner),
        _ => expression.to_string().to_lowercase(),
    }
}

/// The columns that an expression names.
pub(super) fn mentioned(expression: &Expr) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let _: ControlFlow<Infallible> = visit_expressions(expression, |part| {
        if let Expr::Identifier(_) | Expr::CompoundIdentifier(_) = part {
            names.insert(text(part));
        }
        ControlFlow::Continue(())
    });
    names
}

/// The columns that a filter holds at one value.
pub(super) fn held(filter: &Expr) -> BTreeSet<String> {
    match filter {
        Expr::Nested(inner) => held(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = held(left);
            all.extend(held(right));
            all
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            let sides: [(&Expr, &Expr); 2] = [(left, right), (right, left)];
            let column = |(column, value): (&Expr, &Expr)| {
                let is_column = matches!(column, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                (is_column && mentioned(value).is_empty()).then(|| text(column))
            };
            sides.into_iter().filter_map(column).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// What an order by these expressions lacks: nothing if a key is among them, or none is known.
pub(super) fn uncovered(frame: &Frame, keys: &[Key], by: &[Expr]) -> Option<Lack> {
    let mut covered = frame.fixed.clone();
    for expression in by {
        let mut names = mentioned(expression);
        names.insert(text(expression));
        for name in names {
            covered.extend(frame.aliases.get(&name).into_iter().flatten().cloned());
            covered.insert(name);
        }
    }
    // What a key that could be shorter lacks may follow from what there is of it.
    let may_do = |key: &Key| {
        if key.minimal { key.columns.is_subset(&covered) } else { key.columns.iter().any(|one| covered.contains(one)) }
    };
    if keys.iter().any(may_do) {
        return None;
    }
    let shortest = keys.iter().min_by_key(|key| key.columns.len())?;
    Some(Lack::Key(shortest.columns.difference(&covered).cloned().collect()))
}

/// The environment behind a common table expression.
pub(super) fn bind(cte: &Cte, recursive: bool, outer: Environment, around: Around<'_>) -> Link {
    let mut rows =
        if recursive { Rows { stored: true, ..Rows::default() } } else { of_query(&cte.query, outer.clone(), around) };
    if !cte.alias.columns.is_empty() {
        rows.keys.clear();
    }
    Rc::new(Bound { name: cte.alias.name.value.to_lowercase(), rows, outer })
}

fn within(with: Option<&With>, mut outer: Environment, around: Around<'_>) -> Environment {
    if let Some(with) = with {
        for cte in &with.cte_tables {
            outer = Some(bind(cte, with.recursive, outer, around));
        }
    }
    outer
}

/// What is known of the rows of a query.
pub(super) fn of_query(query: &Query, outer: Environment, around: Around<'_>) -> Rows {
    stacker::maybe_grow(RED_ZONE, MORE_STACK, || {
        let environment = within(query.with.as_ref(), outer, around);
        let mut rows = of_body(&query.body, &environment, around);
        rows.ordered |= query.order_by.is_some();
        if !query.pipe_operators.is_empty() {
            return Rows { stored: true, ..Rows::default() };
        }
        rows
    })
}

fn of_body(body: &SetExpr, environment: &Environment, around: Around<'_>) -> Rows {
    match body {
        SetExpr::Select(select) => of_select(select, environment, around),
        SetExpr::Query(query) => of_query(query, environment.clone(), around),
        SetExpr::SetOperation { left, right, .. } => {
            let sides = [left, right].map(|side| of_body(side, environment, around));
            Rows { stored: sides.iter().any(|side| side.stored), ..Rows::default() }
        }
        SetExpr::Values(_) => Rows::default(),
        _ => Rows { stored: true, ..Rows::default() },
    }
}

/// What is known of the rows that a SELECT gives.
fn of_select(select: &Select, environment: &Environment, around: Around<'_>) -> Rows {
    let rows = grouped(select, of_from(&select.from, environment, around));
    let mut found: Vec<Key> = rows.keys.iter().filter_map(|key| shown(select, key)).collect();
    if select.projection.iter().any(multiplies) {
        found.clear();
    } else if matches!(select.distinct, Some(Distinct::Distinct)) {
        found.extend(names(select).map(|columns| Key { minimal: columns.len() == 1, columns }));
    } else if let Some(Distinct::On(on)) = &select.distinct {
        let key = Key { columns: on.iter().map(text).collect(), minimal: on.len() == 1 };
        found.extend(shown(select, &key));
    }
    let single = rows.single && !select.projection.iter().any(multiplies) || super::is_one_row(select, around.dialect);
    Rows { ordered: rows.ordered && select.distinct.is_none(), stored: rows.stored, single, keys: found }
}

/// The rows of FROM, after GROUP BY.
pub(super) fn grouped(select: &Select, rows: Rows) -> Rows {
    let GroupByExpr::Expressions(list, modifiers) = &select.group_by else {
        return Rows { keys: Vec::new(), ordered: false, ..rows };
    };
    if list.is_empty() && modifiers.is_empty() {
        return rows;
    }
    let stored = rows.stored;
    let sets = list.iter().any(|one| matches!(one, Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_)));
    if sets || !modifiers.is_empty() {
        return Rows { stored, ..Rows::default() };
    }
    let columns: BTreeSet<String> = list.iter().map(|expression| text(meant(select, expression))).collect();
    let minimal = columns.len() == 1;
    Rows { stored, keys: vec![Key { columns, minimal }], ordered: false, single: false }
}

/// What an expression of GROUP BY stands for: `1` and names of output columns stand for what is shown there.
pub(super) fn meant<'a>(select: &'a Select, expression: &'a Expr) -> &'a Expr {
    let shown = |item: &'a SelectItem| match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => Some(expression),
        _ => None,
    };
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => {
                let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                at.and_then(|at| select.projection.get(at)).and_then(shown).unwrap_or(expression)
            }
            _ => expression,
        },
        Expr::Identifier(ident) => {
            let named = select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if alias.value.eq_ignore_ascii_case(&ident.value) => {
                    Some(expr)
                }
                _ => None,
            });
            named.unwrap_or(expression)
        }
        _ => expression,
    }
}

/// A key under the names that the output has for it; nothing where a part of it is not shown.
fn shown(select: &Select, key: &Key) -> Option<Key> {
    let plain_star = |options: &WildcardAdditionalOptions| {
        options.opt_exclude.is_none()
            && options.opt_except.is_none()
            && options.opt_replace.is_none()
            && options.opt_rename.is_none()
            && options.opt_ilike.is_none()
    };
    let name = |part: &String| {
        select.projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if text(expr) == *part => Some(alias.value.to_lowercase()),
            SelectItem::UnnamedExpr(expression) if text(expression) == *part => Some(part.clone()),
            SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) if plain_star(options) => {
                Some(part.clone())
            }
            _ => None,
        })
    };
    let columns = key.columns.iter().map(name).collect::<Option<_>>()?;
    Some(Key { columns, minimal: key.minimal })
}

/// The names of all output columns; nothing where one has none.
fn names(select: &Select) -> Option<BTreeSet<String>> {
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_lowercase()),
        SelectItem::UnnamedExpr(expression @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_))) => {
            Some(text(expression))
        }
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

fn multiplies(item: &SelectItem) -> bool {
    let (SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }) = item else {
        return false;
    };
    let found = visit_expressions(expression, |part| match part {
        Expr::Function(function) if MULTIPLY.contains(&function.name.to_string().to_lowercase().as_str()) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// What is known of the rows of FROM: nothing of keys and order where several items are joined.
pub(super) fn of_from(from: &[TableWithJoins], environment: &Environment, around: Around<'_>) -> Rows {
    match from {
        [] => Rows::default(),
        [TableWithJoins { relation, joins }] if joins.is_empty() => of_factor(relation, environment, around),
        several => {
            let joined = several.iter().flat_map(|table| table.joins.iter().map(|join| &join.relation));
            let all = several.iter().map(|table| &table.relation).chain(joined);
            let all: Vec<Rows> = all.map(|factor| of_factor(factor, environment, around)).collect();
            let (stored, single) = (all.iter().any(|rows| rows.stored), all.iter().all(|rows| rows.single));
            Rows { stored, single, ..Rows::default() }
        }
    }
}

fn of_factor(factor: &TableFactor, environment: &Environment, around: Around<'_>) -> Rows {
    let stored = Rows { stored: true, ..Rows::default() };
    match factor {
        TableFactor::Table { name, args: None, alias, sample: None, .. } => {
            let Some(dotted) = crate::parse::tree::dotted(name) else { return stored };
            let bound = match dotted.parts.as_slice() {
                [only] => find(environment, &only.value.to_lowercase()),
                _ => None,
            };
            let mut rows = match bound {
                Some(bound) => bound.rows.clone(),
                None => Rows { stored: true, keys: (around.keys)(dotted.range.start), ..Rows::default() },
            };
            if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
                rows.keys.clear();
            }
            rows
        }
        TableFactor::Table { args: Some(_), .. }
        | TableFactor::Function { .. }
        | TableFactor::TableFunction { .. }
        | TableFactor::UNNEST { .. } => Rows::default(),
        TableFactor::Derived { subquery, alias, sample: None, .. } => {
            let mut rows = of_query(subquery, environment.clone(), around);
            if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
                rows.keys.clear();
            }
            rows
        }
        TableFactor::NestedJoin { table_with_joins, alias: None } => {
            of_from(std::slice::from_ref(table_with_joins), environment, around)
        }
        _ => stored,
    }
}

fn find<'e>(environment: &'e Environment, name: &str) -> Option<&'e Link> {
    let mut next = environment.as_ref();
    while let Some(bound) = next {
        if bound.name == name {
            return Some(bound);
        }
        next = bound.outer.as_ref();
    }
    None
}
