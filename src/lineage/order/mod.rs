//! Where the rows of a query depend on an order that nothing fixes, so that the same input may give other rows.
//!
//! In: a syntax tree, and the keys of the relations that are read, where any are known. Out: [`Unordered`], with the bytes
//! where it stands. Never: an alarm that rests on a key that is not known. A window by `created_at` is told only where it
//! is known which columns would have made the order total.

mod call;
mod rows;

#[cfg(test)]
mod tests;

use crate::dialect::Dialect;
use rows::{Environment, Rows};
use sqlparser::{
    ast::{
        Distinct, Expr, GroupByExpr, LimitClause, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, Spanned,
        Value, Visit, Visitor,
    },
    tokenizer::Span,
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    convert::Infallible,
    ops::{ControlFlow, Range},
    rc::Rc,
};

/// The keys of the relation whose name stands at a byte.
pub type KeysAt<'k> = dyn Fn(usize) -> Vec<Key> + 'k;

/// Columns of which no two rows have the same values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Their names, in lower case.
    pub columns: BTreeSet<String>,
    /// Whether none of them can be left out, as far as anybody says: GROUP BY often names columns that follow from others.
    pub minimal: bool,
}

/// A place where an order is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unordered {
    /// The bytes where it stands.
    pub start: usize,
    /// The byte behind them.
    pub end: usize,
    /// What depends on an order.
    pub what: Dependent,
    /// What there is of an order, and what it lacks.
    pub lack: Lack,
}

impl Unordered {
    /// The bytes where it stands.
    #[must_use]
    pub const fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// What depends on the order of rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependent {
    /// LIMIT, OFFSET or FETCH: which rows are left.
    Limit,
    /// DISTINCT ON: which row of each group is left.
    DistinctOn,
    /// A function over a window.
    Window(String),
    /// An aggregate that keeps the order of its rows.
    Aggregate(String),
}

/// What an order lacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// There is none.
    Everything,
    /// Rows may be equal in it: columns that would tell them apart.
    Key(Vec<String>),
}

/// Where the rows of a query depend on an order that nothing fixes, in the order of the text.
pub fn find(query: &Query, dialect: Dialect, keys: &KeysAt<'_>) -> Vec<Unordered> {
    let mut walker = Walker {
        around: Around { dialect, keys },
        environments: HashMap::new(),
        here: vec![None],
        frames: Vec::new(),
        settled: HashSet::new(),
        found: Vec::new(),
    };
    let _: ControlFlow<Infallible> = query.visit(&mut walker);
    walker.found.sort();
    walker.found.dedup();
    walker.found
}

/// The keys of what a query gives, as far as they follow from its text.
pub fn keys_of(query: &Query, dialect: Dialect, keys: &KeysAt<'_>) -> Vec<Key> {
    rows::of_query(query, None, Around { dialect, keys }).keys
}

/// What a text is read with.
#[derive(Clone, Copy)]
struct Around<'k> {
    dialect: Dialect,
    keys: &'k KeysAt<'k>,
}

/// What is known of the SELECT that is being read.
struct Frame {
    /// The rows of FROM.
    source: Rows,
    /// Its rows before windows are computed: those of FROM, or its groups.
    rows: Rows,
    /// Its windows that have names.
    windows: Vec<(String, sqlparser::ast::WindowSpec)>,
    /// The expressions behind the names of its output columns.
    aliases: HashMap<String, BTreeSet<String>>,
    /// Columns that a filter holds at one value.
    fixed: BTreeSet<String>,
}

struct Walker<'w> {
    around: Around<'w>,
    /// The common table expressions that a query sees, where these are not those around it, by its address.
    environments: HashMap<usize, Environment>,
    here: Vec<Environment>,
    frames: Vec<Frame>,
    /// Calls and queries of which the order does not matter, by their address.
    settled: HashSet<usize>,
    found: Vec<Unordered>,
}

impl Walker<'_> {
    fn environment(&self) -> Environment {
        self.here.last().cloned().flatten()
    }

    fn tell(&mut self, span: Span, fallback: Span, what: Dependent, lack: Lack) {
        let span = if span.start.line == 0 { fallback } else { span };
        if span.start.line > 0 {
            let (start, end) = (crate::parse::byte(span.start), crate::parse::byte(span.end));
            self.found.push(Unordered { start, end, what, lack });
        }
    }

    /// LIMIT, OFFSET, FETCH and DISTINCT ON of a query.
    fn chosen(&mut self, query: &Query) {
        let SetExpr::Select(select) = innermost(&query.body) else {
            if let (Some(span), None) = (cut(query), &query.order_by)
                && matches!(innermost(&query.body), SetExpr::SetOperation { .. })
                && rows::of_query(query, self.environment(), self.around).stored
            {
                self.tell(span, span, Dependent::Limit, Lack::Everything);
            }
            return;
        };
        let token = select.select_token.0.span;
        let frame = self.frame(select);
        if !frame.rows.stored {
            return;
        }
        let order = match ordered_by(query.order_by.as_ref()) {
            Order::By(by) => Order::By(by.iter().map(|one| rows::meant(select, one).clone()).collect()),
            order => order,
        };
        let shown = Shown::of(select, self.around.dialect);
        if let Some(span) = cut(query)
            && !shown.is_one_row
            && !frame.rows.single
            && !shown.is_constant
            && order != Order::Everything
            && !self.settled.contains(&address(query))
            && (order != Order::None || !frame.rows.ordered)
        {
            let distinct = matches!(&select.distinct, Some(Distinct::Distinct));
            let lack = match &order {
                Order::None => {
                    let one = !frame.rows.keys.is_empty() && rows::uncovered(&frame, &frame.rows.keys, &[]).is_none();
                    (!one).then_some(Lack::Everything)
                }
                // Rows that look the same may take each other's place.
                Order::By(_) if distinct => None,
                Order::By(by) => rows::uncovered(&frame, &frame.rows.keys, by),
                Order::Everything => None,
            };
            if let Some(lack) = lack {
                self.tell(span, token, Dependent::Limit, lack);
            }
        }
        if let Some(Distinct::On(on)) = &select.distinct {
            let by: Vec<Expr> = match order {
                Order::By(by) => by,
                Order::None if frame.rows.ordered => return,
                _ => Vec::new(),
            };
            let text = |expression: &Expr| rows::text(expression);
            let names: BTreeSet<String> = on.iter().map(text).collect();
            if shown.names.is_subset(&names) && !shown.has_star {
                return;
            }
            let further = by.iter().any(|expression| !names.contains(&text(expression)));
            let all: Vec<Expr> = on.iter().chain(&by).cloned().collect();
            let lack = if further { rows::uncovered(&frame, &frame.rows.keys, &all) } else { Some(Lack::Everything) };
            if let Some(lack) = lack {
                self.tell(token, token, Dependent::DistinctOn, lack);
            }
        }
    }

    fn frame(&self, select: &Select) -> Frame {
        let source = rows::of_from(&select.from, &self.environment(), self.around);
        let rows = rows::grouped(select, source.clone());
        let windows = select.named_window.iter().filter_map(|window| match &window.1 {
            sqlparser::ast::NamedWindowExpr::WindowSpec(specification) => {
                Some((window.0.value.to_lowercase(), specification.clone()))
            }
            sqlparser::ast::NamedWindowExpr::NamedWindow(_) => None,
        });
        let alias = |item: &SelectItem| match item {
            SelectItem::ExprWithAlias { expr, alias } => {
                let mut names = rows::mentioned(expr);
                names.insert(rows::text(expr));
                Some((alias.value.to_lowercase(), names))
            }
            _ => None,
        };
        Frame {
            windows: windows.collect(),
            aliases: select.projection.iter().filter_map(alias).collect(),
            fixed: select.selection.iter().flat_map(rows::held).collect(),
            source,
            rows,
        }
    }
}

/// What a list of output columns says of the rows.
struct Shown {
    names: BTreeSet<String>,
    has_star: bool,
    is_constant: bool,
    is_one_row: bool,
}

impl Shown {
    fn of(select: &Select, dialect: Dialect) -> Self {
        let mut shown = Self { names: BTreeSet::new(), has_star: false, is_constant: true, is_one_row: false };
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
                    shown.is_constant &= matches!(expression, Expr::Value(_));
                    shown.names.insert(rows::text(expression));
                }
                _ => {
                    shown.has_star = true;
                    shown.is_constant = false;
                }
            }
        }
        shown.is_constant &= !select.projection.is_empty();
        shown.is_one_row = is_one_row(select, dialect);
        shown
    }
}

/// Whether a SELECT gives one row, whatever it reads: aggregates without a GROUP BY.
fn is_one_row(select: &Select, dialect: Dialect) -> bool {
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(list, modifiers) if list.is_empty() && modifiers.is_empty());
    let aggregates = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
            call::aggregates(expression, dialect)
        }
        _ => false,
    };
    !grouped && select.projection.iter().any(aggregates)
}

/// What ORDER BY says.
#[derive(PartialEq)]
enum Order {
    None,
    By(Vec<Expr>),
    /// `order by all`
    Everything,
}

fn ordered_by(order: Option<&OrderBy>) -> Order {
    match order.map(|order| &order.kind) {
        None => Order::None,
        Some(OrderByKind::All(_)) => Order::Everything,
        Some(OrderByKind::Expressions(list)) => {
            let by: Vec<Expr> = list.iter().map(|ordered| ordered.expr.clone()).collect();
            let everything = matches!(by.as_slice(), [Expr::Identifier(ident)]
                if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("all"));
            if everything { Order::Everything } else { Order::By(by) }
        }
    }
}

/// Where a query cuts off rows, if it does.
fn cut(query: &Query) -> Option<Span> {
    let none = |expression: &Expr| match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse::<f64>().is_ok_and(|number| number == 0.0),
            Value::Null => true,
            _ => false,
        },
        _ => false,
    };
    let given = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            // Without rows there is nothing to choose.
            if limit.as_ref().is_some_and(none) {
                return None;
            }
            limit.as_ref().or_else(|| offset.as_ref().map(|offset| &offset.value).filter(|offset| !none(offset)))
        }
        Some(LimitClause::OffsetCommaLimit { limit, .. }) => Some(limit).filter(|limit| !none(limit)),
        None => query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref()),
    };
    given.map(Spanned::span)
}

fn innermost(body: &SetExpr) -> &SetExpr {
    match body {
        SetExpr::Query(query) if query.order_by.is_none() && query.limit_clause.is_none() && query.with.is_none() => {
            innermost(&query.body)
        }
        body => body,
    }
}

impl Visitor for Walker<'_> {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let outer = self.environments.remove(&address(query)).unwrap_or_else(|| self.environment());
        let mut inner = outer;
        if let Some(with) = &query.with {
            for cte in &with.cte_tables {
                self.environments.insert(address(&*cte.query), inner.clone());
                inner = Some(rows::bind(cte, with.recursive, inner, self.around));
            }
        }
        self.here.push(inner);
        self.chosen(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<Self::Break> {
        self.here.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        let frame = self.frame(select);
        self.frames.push(frame);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &Select) -> ControlFlow<Self::Break> {
        self.frames.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        match expression {
            // Whether there are rows does not depend on which.
            Expr::Exists { subquery, .. } => {
                self.settled.insert(address(&**subquery));
            }
            Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => self.settle(right),
            Expr::Function(function) => self.call(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// A node's identity while the tree stands.
fn address<T>(node: &T) -> usize {
    std::ptr::from_ref(node).addr()
}

/// Whether nobody knows an order of these rows, and they are not made by the query itself.
fn is_open(rows: &Rows) -> bool {
    rows.stored && !rows.ordered
}

/// Shared by the environments of nested queries.
type Link = Rc<rows::Bound>;
