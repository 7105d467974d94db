//! The tree reader: sqlparser's syntax tree to an outline.
//!
//! In: a parsed query. Out: what stands in its FROM clauses and which names see it. sqlparser's own visitor reaches
//! every expression; what is in scope is kept here, by the address of the nodes that change it, because the visitor
//! tells neither a common table expression from a relation nor where its scope ends.

use super::{
    outline::{AliasPlace, DottedName, EnvironmentId, FrameId, Item, ItemKind, Outline, Reference},
    repair::byte,
};
use crate::{dialect::Dialect, name::NamePart};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Statement, TableAlias,
    TableFactor, TableWithJoins, UpdateTableFromKind, Visit, Visitor, With,
};
use std::{collections::HashMap, convert::Infallible, ops::ControlFlow};

/// What a query or SELECT sees of the text around it.
#[derive(Debug, Clone, Copy)]
struct Context {
    environment: Option<EnvironmentId>,
    frame: Option<FrameId>,
}

/// Walks a tree and fills an outline.
pub(crate) struct Walker {
    /// What was found so far.
    pub(crate) outline: Outline,
    dialect: Dialect,
    here: Context,
    outside: Vec<Context>,
    /// What queries and SELECTs see, where that is not what stands around them, by their address.
    contexts: HashMap<usize, Context>,
    /// The FROM clause of SELECTs and nested joins that have one already, by their address.
    frames: HashMap<usize, FrameId>,
    /// The bodies of recursive common table expressions on DuckDB, by their address.
    recursive: HashMap<usize, NamePart>,
}

/// The outline of a query.
pub(super) fn read(query: &Query, dialect: Dialect) -> Outline {
    let mut walker = Walker::new(dialect);
    walker.walk(query);
    walker.outline
}

impl Walker {
    /// A walker that resolves names by the rules of that dialect.
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            outline: Outline::default(),
            dialect,
            here: Context { environment: None, frame: None },
            outside: Vec::new(),
            contexts: HashMap::new(),
            frames: HashMap::new(),
            recursive: HashMap::new(),
        }
    }

    /// Reads a node and everything in it.
    pub(crate) fn walk(&mut self, node: &impl Visit) {
        let _: ControlFlow<Infallible> = node.visit(self);
    }

    /// Notes what an UPDATE, DELETE or MERGE reads beside its target.
    fn sources(&mut self, statement: &Statement) {
        let frame = self.outline.frame(self.here.frame);
        let tables: &[TableWithJoins] = match statement {
            Statement::Update(update) => {
                for join in &update.table.joins {
                    self.factor(&join.relation, frame);
                }
                match &update.from {
                    Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => tables,
                    None => &[],
                }
            }
            Statement::Delete(delete) => delete.using.as_deref().unwrap_or_default(),
            Statement::Merge(merge) => return self.factor(&merge.source, frame),
            _ => return,
        };
        for table in tables {
            self.collect(table, frame);
        }
    }

    fn refer(&mut self, ident: &Ident) {
        if let Some(start) = start(ident) {
            let start = u32::try_from(start).unwrap_or(u32::MAX);
            self.outline.references.push(Reference { start, frame: self.here.frame });
        }
    }

    fn refer_to_name(&mut self, name: &ObjectName) {
        if let Some(ObjectNamePart::Identifier(ident)) = name.0.first() {
            self.refer(ident);
        }
    }

    /// Notes what each common table expression sees; answers what the query sees.
    fn with(&mut self, with: &With, outer: Context) -> Option<EnvironmentId> {
        let mut environment = outer.environment;
        if with.recursive && self.dialect == Dialect::Postgres {
            for cte in &with.cte_tables {
                environment = Some(self.outline.bind(environment, &part(&cte.alias.name), true, self.dialect));
            }
        }
        for cte in &with.cte_tables {
            self.contexts.insert(address(&*cte.query), Context { environment, ..outer });
            if with.recursive && self.dialect == Dialect::Postgres {
                continue;
            }
            let name = part(&cte.alias.name);
            environment = Some(self.outline.bind(environment, &name, with.recursive, self.dialect));
            if with.recursive {
                self.recursive.insert(address(&*cte.query), name);
            }
        }
        environment
    }

    /// DuckDB: a recursive name is its own only on the right of the UNION that its body is.
    fn recursive_body(&mut self, query: &Query, name: NamePart, outer: Context) {
        match &*query.body {
            SetExpr::Query(inner) if query.order_by.is_none() && query.limit_clause.is_none() => {
                self.recursive.insert(address(&**inner), name);
            }
            SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, right, .. }
                if !matches!(
                    set_quantifier,
                    SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
                ) =>
            {
                let environment = Some(self.outline.bind(self.here.environment, &name, true, self.dialect));
                self.mark(right, Context { environment, ..outer });
            }
            _ => {}
        }
    }

    fn mark(&mut self, operand: &SetExpr, context: Context) {
        match operand {
            SetExpr::Select(select) => {
                self.contexts.insert(address(&**select), context);
            }
            SetExpr::Query(query) => {
                self.contexts.insert(address(&**query), context);
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.mark(left, context);
                self.mark(right, context);
            }
            _ => {}
        }
    }

    /// Notes the items of one FROM item and what is joined to it.
    fn collect(&mut self, table: &TableWithJoins, frame: FrameId) {
        self.factor(&table.relation, frame);
        for join in &table.joins {
            self.factor(&join.relation, frame);
        }
    }

    fn factor(&mut self, factor: &TableFactor, frame: FrameId) {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let dotted = dotted(name);
                let kind = dotted.as_ref().map_or(ItemKind::Other, |dotted| {
                    self.outline.classify(&dotted.parts, self.here.environment, self.dialect)
                });
                self.add(frame, kind, dotted, alias.as_ref(), None);
            }
            TableFactor::Table { name, alias, .. } | TableFactor::Function { name, alias, .. } => {
                let function = name.0.last().and_then(ObjectNamePart::as_ident).map(part);
                self.add(frame, ItemKind::Other, None, alias.as_ref(), function);
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let sees_siblings = *lateral || self.dialect == Dialect::DuckDb;
                let outer = if sees_siblings { Some(frame) } else { self.outline.outer(frame) };
                self.contexts.insert(address(&**subquery), Context { frame: outer, ..self.here });
                self.add(frame, ItemKind::Other, None, alias.as_ref(), None);
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.collect(table_with_joins, frame),
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let inner = self.inner_frame(factor, frame);
                self.collect(table_with_joins, inner);
                self.add(frame, ItemKind::Other, None, alias.as_ref(), None);
            }
            TableFactor::Pivot { table, alias, .. }
            | TableFactor::Unpivot { table, alias, .. }
            | TableFactor::MatchRecognize { table, alias, .. } => {
                let inner = self.inner_frame(factor, frame);
                self.factor(table, inner);
                self.add(frame, ItemKind::Other, None, alias.as_ref(), None);
            }
            TableFactor::TableFunction { alias, .. }
            | TableFactor::JsonTable { alias, .. }
            | TableFactor::OpenJsonTable { alias, .. }
            | TableFactor::XmlTable { alias, .. }
            | TableFactor::SemanticView { alias, .. } => {
                self.add(frame, ItemKind::Other, None, alias.as_ref(), None);
            }
            TableFactor::UNNEST { alias, .. } => {
                self.add(frame, ItemKind::Other, None, alias.as_ref(), Some(NamePart::bare("unnest")));
            }
            TableFactor::UnpivotExpr { value_alias, .. } => {
                let alias = start(value_alias).map(|start| (part(value_alias), start));
                self.outline.items.push(Item {
                    frame,
                    kind: ItemKind::Other,
                    name: None,
                    alias,
                    alias_place: AliasPlace::None,
                    function: None,
                });
            }
        }
    }

    /// A FROM clause of its own for what an alias hides.
    fn inner_frame(&mut self, factor: &TableFactor, frame: FrameId) -> FrameId {
        let inner = self.outline.frame(self.outline.outer(frame));
        self.frames.insert(address(factor), inner);
        inner
    }

    fn add(
        &mut self,
        frame: FrameId,
        kind: ItemKind,
        name: Option<DottedName>,
        alias: Option<&TableAlias>,
        function: Option<NamePart>,
    ) {
        let alias = alias.and_then(|alias| Some((part(&alias.name), start(&alias.name)?)));
        self.outline.items.push(Item { frame, kind, name, alias, alias_place: AliasPlace::None, function });
    }

    fn enter(&mut self, context: Context) {
        self.outside.push(std::mem::replace(&mut self.here, context));
    }

    fn leave(&mut self) {
        if let Some(context) = self.outside.pop() {
            self.here = context;
        }
    }
}

impl Visitor for Walker {
    type Break = Infallible;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Self::Break> {
        self.sources(statement);
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let context = self.contexts.remove(&address(query)).unwrap_or(self.here);
        self.enter(context);
        if let Some(with) = &query.with {
            self.here.environment = self.with(with, context);
        }
        if let Some(name) = self.recursive.remove(&address(query)) {
            self.recursive_body(query, name, context);
        }
        if let SetExpr::Query(inner) = &*query.body {
            self.contexts.entry(address(&**inner)).or_insert(self.here);
        }
        if let Some(select) = sole_select(query) {
            let frame = match self.frames.get(&address(select)) {
                Some(frame) => *frame,
                None => self.outline.frame(context.frame),
            };
            self.frames.insert(address(select), frame);
            self.here.frame = Some(frame);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<Self::Break> {
        self.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        let context = self.contexts.remove(&address(select)).unwrap_or(self.here);
        self.enter(context);
        let frame = match self.frames.get(&address(select)) {
            Some(frame) => *frame,
            None => self.outline.frame(context.frame),
        };
        self.here.frame = Some(frame);
        for table in &select.from {
            self.collect(table, frame);
        }
        for item in &select.projection {
            if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item {
                self.refer_to_name(name);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &Select) -> ControlFlow<Self::Break> {
        self.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        if let Some(frame) = self.frames.get(&address(factor)).copied() {
            self.enter(Context { frame: Some(frame), ..self.here });
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        if self.frames.remove(&address(factor)).is_some() {
            self.leave();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        match expression {
            Expr::Identifier(ident) => self.refer(ident),
            Expr::CompoundIdentifier(idents) => {
                if let Some(ident) = idents.first() {
                    self.refer(ident);
                }
            }
            Expr::QualifiedWildcard(name, _) => self.refer_to_name(name),
            Expr::Function(function) => {
                if let FunctionArguments::List(list) = &function.args {
                    for argument in &list.args {
                        let (FunctionArg::Unnamed(argument)
                        | FunctionArg::Named { arg: argument, .. }
                        | FunctionArg::ExprNamed { arg: argument, .. }) = argument;
                        if let FunctionArgExpr::QualifiedWildcard(name) = argument {
                            self.refer_to_name(name);
                        }
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The SELECT that a query is, where it is not made of several: what its ORDER BY sees.
fn sole_select(query: &Query) -> Option<&Select> {
    let mut body = &*query.body;
    loop {
        match body {
            SetExpr::Select(select) => return Some(select),
            SetExpr::Query(query) => body = &query.body,
            _ => return None,
        }
    }
}

/// A node's identity while the tree stands.
fn address<T>(node: &T) -> usize {
    std::ptr::from_ref(node).addr()
}

fn part(ident: &Ident) -> NamePart {
    NamePart { value: ident.value.clone(), quoted: ident.quote_style.is_some() }
}

/// The first byte of a name, if sqlparser kept its place.
fn start(ident: &Ident) -> Option<usize> {
    (ident.span.start.line > 0).then(|| byte(ident.span.start))
}

/// A relation's name, if it is made of plain names.
pub(crate) fn dotted(name: &ObjectName) -> Option<DottedName> {
    let parts: Option<Vec<NamePart>> = name.0.iter().map(|part_| part_.as_ident().map(part)).collect();
    let parts = parts.filter(|parts| !parts.is_empty())?;
    let first = name.0.first().and_then(ObjectNamePart::as_ident)?;
    let last = name.0.last().and_then(ObjectNamePart::as_ident)?;
    // A string in FROM is a file.
    if first.quote_style == Some('\'') {
        return None;
    }
    let range = match (first.span.start.line, last.span.end.line) {
        (0, _) | (_, 0) => 0..0,
        _ => byte(first.span.start)..byte(last.span.end),
    };
    Some(DottedName { range, parts })
}
