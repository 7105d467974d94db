//! SELECT: its clauses in the order in which they take effect.

use super::{
    Analysis,
    finding::{Finding, FindingKind},
    query::ordinal,
    scope::{Frame, Item, Scope},
    value::{Column, Columns, Name, Rest},
};
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, GroupByWithModifier, Ident, LateralView, NamedWindowExpr, OrderBy, OrderByKind, Query,
    Select, SelectFlavor, SelectItem, SetExpr, Spanned, WildcardAdditionalOptions,
};
use std::{collections::BTreeSet, ops::Range, rc::Rc, sync::Arc};

/// What a list of output columns has that GROUP BY decides about.
#[derive(Debug, Default)]
pub(super) struct Aggregation {
    /// The first aggregate function.
    pub aggregate: Option<Arc<str>>,
    /// Columns outside of aggregate functions.
    pub bare: Vec<(Arc<str>, Range<usize>)>,
    /// How deep in aggregate functions the expression stands.
    pub depth: usize,
    /// The windows that have names, and what they look at.
    pub windows: Vec<(Arc<str>, super::value::Sources)>,
}

impl Analysis<'_> {
    /// The columns of a SELECT, and what its clauses look at, ORDER BY included.
    pub(super) fn select(&mut self, select: &Select, outer: Option<&Scope<'_>>, order: Option<&OrderBy>) -> Columns {
        let around = std::mem::take(&mut self.aggregation);
        let mut frame = self.from(&select.from, outer);
        for view in &select.lateral_views {
            frame = self.lateral_view(view, frame, outer);
        }
        let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer };
        for window in &select.named_window {
            let sources = match &window.1 {
                NamedWindowExpr::NamedWindow(name) => self.named_window(name),
                NamedWindowExpr::WindowSpec(specification) => self.window(specification, &scope),
            };
            let name = self.flavor.name(&window.0).key;
            self.aggregation.windows.push((name, sources));
        }
        let columns = self.projection(select, &frame, outer);
        self.check_aggregation(select);
        let aliases: &[Column] = if self.flavor.is_postgres() { &[] } else { &columns.list };
        let scope = Scope { aliases, ..scope };
        let expressions = select.prewhere.iter().chain(&select.selection).chain(&select.having).chain(&select.qualify);
        for expression in expressions.chain(&select.cluster_by).chain(&select.distribute_by) {
            self.inspect(expression, &scope);
        }
        for expression in &select.sort_by {
            self.inspect(&expression.expr, &scope);
        }
        if !select.connect_by.is_empty() {
            self.doubt(|| "CONNECT BY is not followed".to_owned());
        }
        if select.exclude.is_some() || select.value_table_mode.is_some() {
            self.doubt(|| "this form of SELECT is not followed".to_owned());
        }
        self.group_by(&select.group_by, &scope, &columns);
        let output = Scope { aliases: &columns.list, ..scope };
        if let Some(Distinct::On(expressions)) = &select.distinct {
            for expression in expressions {
                self.order(expression, &output, &columns);
            }
        }
        match order.map(|order| &order.kind) {
            Some(OrderByKind::Expressions(expressions)) => {
                for expression in expressions {
                    self.order(&expression.expr, &output, &columns);
                }
            }
            Some(OrderByKind::All(_)) => self.inspect_all(&columns),
            None => {}
        }
        self.aggregation = around;
        columns
    }

    /// The output columns.
    fn projection(&mut self, select: &Select, frame: &Frame, outer: Option<&Scope<'_>>) -> Columns {
        let mut columns = Columns { list: Vec::with_capacity(select.projection.len()), rest: Rest::Closed };
        // DuckDB: `from t` alone.
        if select.projection.is_empty() && select.flavor == SelectFlavor::FromFirstNoSelect {
            let scope = Scope { frame, parameters: &[], aliases: &[], outer };
            return self.star(frame, &WildcardAdditionalOptions::default(), &scope);
        }
        for item in &select.projection {
            // Standard SQL knows no names of output columns here, but where nothing else can be meant they are.
            let aliases: &[Column] = if self.flavor.is_postgres() { &[] } else { &columns.list };
            let scope = Scope { frame, parameters: &[], aliases, outer };
            let found = match item {
                SelectItem::UnnamedExpr(expression) => self.output(expression, None, &scope),
                SelectItem::ExprWithAlias { expr, alias } => self.output(expr, Some(alias), &scope),
                SelectItem::ExprWithAliases { expr, aliases } => {
                    let sources = self.value(expr, &scope).sources.computed();
                    let column = |alias: &Ident| Column {
                        name: Some(self.flavor.name(alias)),
                        sources: sources.clone(),
                        data_type: None,
                    };
                    Columns { list: aliases.iter().map(column).collect(), rest: Rest::Closed }
                }
                SelectItem::QualifiedWildcard(kind, options) => self.qualified_star(kind, options, &scope),
                SelectItem::Wildcard(options) => self.star(frame, options, &scope),
            };
            columns.list.extend(found.list);
            columns.rest = columns.rest.and(found.rest);
        }
        columns
    }

    fn output(&mut self, expression: &Expr, alias: Option<&Ident>, scope: &Scope<'_>) -> Columns {
        let expands = std::mem::take(&mut self.expands);
        let value = self.value(expression, scope);
        if std::mem::replace(&mut self.expands, expands) {
            // One expression, and nobody knows how many columns.
            return Columns { list: Vec::new(), rest: Rest::Made(value.sources) };
        }
        let name = match alias {
            Some(alias) => Some(self.flavor.name(alias)),
            None => self.name_of(expression, scope),
        };
        let column = Column { name, sources: value.sources, data_type: value.data_type };
        Columns { list: vec![column], rest: Rest::Closed }
    }

    fn check_aggregation(&mut self, select: &Select) {
        let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(list, modifiers) if list.is_empty() && modifiers.is_empty());
        let Some(aggregate) = self.aggregation.aggregate.take().filter(|_| !grouped) else { return };
        if let Some((name, range)) = self.aggregation.bare.first().cloned() {
            self.find(Finding { range, kind: FindingKind::BareColumn { name, aggregate } });
        }
    }

    fn group_by(&mut self, group_by: &GroupByExpr, scope: &Scope<'_>, columns: &Columns) {
        let (expressions, modifiers): (&[Expr], _) = match group_by {
            GroupByExpr::All(modifiers) => {
                self.inspect_all(columns);
                (&[], modifiers)
            }
            GroupByExpr::Expressions(expressions, modifiers) => (expressions, modifiers),
        };
        let scope = Scope { aliases: &columns.list, ..*scope };
        for expression in expressions {
            self.grouped(expression, &scope, columns);
        }
        for modifier in modifiers {
            if let GroupByWithModifier::GroupingSets(expression) = modifier {
                self.grouped(expression, &scope, columns);
            }
        }
    }

    fn grouped(&mut self, expression: &Expr, scope: &Scope<'_>, columns: &Columns) {
        if let Some(column) = ordinal(expression, &columns.list) {
            let sources = column.sources.clone();
            self.note_inspected(&sources);
            return;
        }
        match expression {
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                for expression in sets.iter().flatten() {
                    self.grouped(expression, scope, columns);
                }
            }
            Expr::Tuple(expressions) => {
                for expression in expressions {
                    self.grouped(expression, scope, columns);
                }
            }
            _ => self.inspect(expression, scope),
        }
    }

    /// An expression of ORDER BY: a name is that of an output column before it is one of FROM.
    fn order(&mut self, expression: &Expr, scope: &Scope<'_>, columns: &Columns) {
        let named = match expression {
            Expr::Identifier(ident) => {
                let name = self.flavor.name(ident);
                columns.list.iter().find(|column| column.name.as_ref().is_some_and(|found| found.key == name.key))
            }
            _ => ordinal(expression, &columns.list),
        };
        match named {
            Some(column) => {
                let sources = column.sources.clone();
                self.note_inspected(&sources);
            }
            None => {
                // `order by all`, and names that a star may have.
                let quiet = self.quiet;
                self.quiet |= !columns.rest.is_closed();
                self.inspect(expression, scope);
                self.quiet = quiet;
            }
        }
    }

    fn inspect_all(&mut self, columns: &Columns) {
        for column in &columns.list {
            self.note_inspected(&column.sources);
        }
    }

    /// Hive: `LATERAL VIEW explode(a) t AS b`.
    fn lateral_view(&mut self, view: &LateralView, frame: Frame, outer: Option<&Scope<'_>>) -> Frame {
        let sources = {
            let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer };
            self.value(&view.lateral_view, &scope).sources.computed()
        };
        let list: Vec<Column> = view
            .lateral_col_alias
            .iter()
            .map(|alias| Column { name: Some(self.flavor.name(alias)), sources: sources.clone(), data_type: None })
            .collect();
        let rest = if list.is_empty() { Rest::Made(sources) } else { Rest::Closed };
        let path = crate::parse::tree::dotted(&view.lateral_view_name)
            .and_then(|name| name.parts.last().map(|part| self.flavor.name_of(&part.value, part.quoted).key));
        let columns = Rc::new(Columns { list, rest });
        frame.and(Frame::of(Item { path: path.into_iter().collect(), columns, relation: None }))
    }
}

impl Analysis<'_> {
    /// What a query gives to whoever reads it by name must have names that differ.
    pub(super) fn check_output(&mut self, query: &Query, columns: &Columns) {
        let mut seen = BTreeSet::new();
        for column in &columns.list {
            let Some(name) = &column.name else { continue };
            if seen.insert(Arc::clone(&name.key)) {
                continue;
            }
            let range = self.second(&query.body, name).unwrap_or_else(|| place(&query.body));
            self.find(Finding { range, kind: FindingKind::DuplicateColumn { name: Arc::clone(&name.text) } });
        }
    }

    /// Where the list of output columns has a name for the last time.
    fn second(&self, body: &SetExpr, name: &Name) -> Option<Range<usize>> {
        let select = match body {
            SetExpr::Select(select) => select,
            SetExpr::Query(query) => return self.second(&query.body, name),
            SetExpr::SetOperation { left, .. } => return self.second(left, name),
            _ => return None,
        };
        let named = |item: &SelectItem| match item {
            SelectItem::ExprWithAlias { alias: ident, .. } | SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                Some(ident.clone())
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(idents)) => idents.last().cloned(),
            _ => None,
        };
        let idents = select.projection.iter().rev().filter_map(named);
        let found = idents.filter(|ident| self.flavor.name(ident).key == name.key).map(|ident| super::range(&ident));
        let star = |item: &SelectItem| match item {
            SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                let span = options.wildcard_token.0.span;
                (span.start.line > 0).then(|| crate::parse::byte(span.start)..crate::parse::byte(span.end))
            }
            _ => None,
        };
        found.chain(select.projection.iter().rev().filter_map(star)).next()
    }
}

/// Where something that makes rows stands: its first word that has a place.
pub(super) fn place(body: &SetExpr) -> Range<usize> {
    match body {
        SetExpr::Select(select) => {
            let span = select.select_token.0.span;
            if span.start.line == 0 { 0..0 } else { crate::parse::byte(span.start)..crate::parse::byte(span.end) }
        }
        SetExpr::Query(query) => place(&query.body),
        SetExpr::SetOperation { left, .. } => place(left),
        SetExpr::Values(values) => {
            let span = values.span();
            if span.start.line == 0 { 0..0 } else { crate::parse::byte(span.start)..crate::parse::byte(span.end) }
        }
        _ => 0..0,
    }
}
