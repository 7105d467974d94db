//! Expressions: what a value is made of.

use super::{
    Analysis,
    finding::{Finding, FindingKind},
    operand::Gathered,
    scope::{Found, Frame, Scope},
    types,
    value::{Source, Sources, Value},
};
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, DataType, Expr, Ident, JsonPathElem, LambdaFunction, OneOrManyWithParens,
    Query, Subscript, UnaryOperator,
};
use std::sync::Arc;

/// Columns that every table of PostgreSQL has beside its own.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"];

impl Analysis<'_> {
    /// What an expression comes to.
    pub(super) fn value(&mut self, expression: &Expr, scope: &Scope<'_>) -> Value {
        stacker::maybe_grow(super::RED_ZONE, super::MORE_STACK, || self.value_here(expression, scope))
    }

    /// Notes that an expression decides about rows.
    pub(super) fn inspect(&mut self, expression: &Expr, scope: &Scope<'_>) {
        // What aggregates there are does not concern the list of columns.
        let around = std::mem::take(&mut self.aggregation);
        self.aggregation.windows.clone_from(&around.windows);
        let expands = self.expands;
        let doubt = self.doubt.take();
        let value = self.value(expression, scope);
        if let Some(found) = std::mem::replace(&mut self.doubt, doubt) {
            self.doubt_of_rows.get_or_insert(found);
        }
        self.expands = expands;
        self.aggregation = around;
        self.note_inspected(&value.sources);
    }

    fn value_here(&mut self, expression: &Expr, scope: &Scope<'_>) -> Value {
        match expression {
            Expr::Identifier(ident) => self.identifier(ident, scope),
            Expr::CompoundIdentifier(idents) => self.compound(idents, scope),
            Expr::Nested(inner) => self.value(inner, scope),
            Expr::Collate { expr, .. } => self.value(expr, scope),
            Expr::Named { expr, .. } | Expr::OuterJoin(expr) => self.value(expr, scope),
            Expr::Cast { expr, data_type, .. } => self.cast(expr, data_type, scope),
            Expr::Convert { expr, data_type: Some(data_type), .. } => self.cast(expr, data_type, scope),
            Expr::Subquery(query) => self.scalar(query, scope),
            Expr::Exists { subquery, .. } => self.existence(subquery, scope),
            Expr::InSubquery { expr, subquery, .. } => {
                let mut gathered = Gathered::default();
                gathered.compute(&self.value(expr, scope).sources);
                for column in self.query(subquery, Some(scope)).list {
                    gathered.compute(&column.sources);
                }
                Value { sources: gathered.sources(), data_type: types::boolean(self.flavor) }
            }
            Expr::Function(function) => self.function(function, scope),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), scope)
            }
            Expr::BinaryOp { .. } => self.chain(expression, scope),
            Expr::Lambda(lambda) => self.lambda(lambda, scope),
            Expr::CompoundFieldAccess { root, access_chain } => {
                let mut gathered = Gathered::default();
                let mut value = self.value(root, scope);
                gathered.compute(&value.sources);
                for access in access_chain {
                    match access {
                        // A field's name is no column.
                        AccessExpr::Dot(Expr::Identifier(_) | Expr::Value(_)) => value.data_type = None,
                        AccessExpr::Dot(expression) => {
                            gathered.compute(&self.quietly(|analysis| analysis.value(expression, scope)).sources);
                        }
                        AccessExpr::Subscript(Subscript::Index { index }) => {
                            gathered.compute(&self.value(index, scope).sources);
                            value.data_type = types::element(value.data_type.as_deref());
                        }
                        AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                            for bound in lower_bound.iter().chain(upper_bound).chain(stride) {
                                gathered.compute(&self.value(bound, scope).sources);
                            }
                        }
                    }
                }
                Value { sources: gathered.sources(), data_type: value.data_type }
            }
            Expr::JsonAccess { value, path } => {
                let mut gathered = Gathered::default();
                gathered.compute(&self.value(value, scope).sources);
                for element in &path.path {
                    if let JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } = element {
                        gathered.compute(&self.value(key, scope).sources);
                    }
                }
                Value { sources: gathered.sources(), data_type: None }
            }
            Expr::Value(value) => {
                Value { sources: Sources::None, data_type: types::literal(self.flavor, &value.value) }
            }
            Expr::TypedString(typed) => {
                Value { sources: Sources::None, data_type: types::written(self.flavor, &typed.data_type) }
            }
            _ => self.parts(expression, scope),
        }
    }

    /// An expression whose parts are all computed with.
    fn parts(&mut self, expression: &Expr, scope: &Scope<'_>) -> Value {
        let mut gathered = Gathered::default();
        let mut children: Vec<&Expr> = Vec::new();
        let data_type = match expression {
            _ if predicate(expression, &mut children) => types::boolean(self.flavor),
            Expr::UnaryOp { op, expr } => {
                let value = self.value(expr, scope);
                gathered.compute(&value.sources);
                match op {
                    UnaryOperator::Not => types::boolean(self.flavor),
                    UnaryOperator::Minus | UnaryOperator::Plus => value.data_type,
                    _ => None,
                }
            }
            Expr::Extract { expr, .. } => {
                children.push(expr);
                types::extracted(self.flavor)
            }
            Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => {
                let value = self.value(expr, scope);
                gathered.compute(&value.sources);
                types::answer(self.flavor, "ceil", std::slice::from_ref(&value.data_type))
            }
            Expr::Position { expr, r#in } => {
                children.extend([&**expr, r#in]);
                types::answer(self.flavor, "position", &[types::text(self.flavor), types::text(self.flavor)])
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let value = self.value(expr, scope);
                gathered.compute(&value.sources);
                children.extend(substring_from.as_deref());
                children.extend(substring_for.as_deref());
                types::as_text(self.flavor, value.data_type.as_deref())
            }
            Expr::Trim { expr, trim_what, trim_characters, .. } => {
                let value = self.value(expr, scope);
                gathered.compute(&value.sources);
                children.extend(trim_what.as_deref());
                children.extend(trim_characters.iter().flatten());
                types::as_text(self.flavor, value.data_type.as_deref())
            }
            _ if gathering(expression, &mut children) => None,
            Expr::Array(array) => return self.array(&array.elem, scope),
            Expr::Interval(interval) => {
                children.push(&interval.value);
                types::interval(self.flavor)
            }
            Expr::MatchAgainst { columns, .. } => {
                for column in columns {
                    let idents: Vec<Ident> = column.0.iter().filter_map(|part| part.as_ident().cloned()).collect();
                    gathered.compute(&self.compound(&idents, scope).sources);
                }
                None
            }
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => {
                self.doubt(|| "a star inside an expression is not followed".to_owned());
                None
            }
            _ => {
                self.doubt(|| "this form of expression is not followed".to_owned());
                None
            }
        };
        for child in children {
            gathered.compute(&self.value(child, scope).sources);
        }
        Value { sources: gathered.sources(), data_type }
    }

    fn array(&mut self, elements: &[Expr], scope: &Scope<'_>) -> Value {
        let mut gathered = Gathered::default();
        let mut element = None;
        for (at, expression) in elements.iter().enumerate() {
            let value = self.value(expression, scope);
            gathered.compute(&value.sources);
            element = if at == 0 { value.data_type } else { types::common(self.flavor, &element, &value.data_type) };
        }
        let data_type = element.map(|element| Arc::from(format!("{element}[]")));
        Value { sources: gathered.sources(), data_type }
    }

    fn identifier(&mut self, ident: &Ident, scope: &Scope<'_>) -> Value {
        // MySQL, T-SQL: variables.
        if ident.value.starts_with('@') && ident.quote_style.is_none() {
            return Value::default();
        }
        let name = self.flavor.name(ident);
        let found = self.look_up(&name, scope);
        self.resolved(found, ident, None, scope)
    }

    /// A dotted name: qualifier and column, fields of a column, or both.
    pub(super) fn compound(&mut self, idents: &[Ident], scope: &Scope<'_>) -> Value {
        let names: Vec<_> = idents.iter().map(|ident| self.flavor.name(ident)).collect();
        let keys: Vec<Arc<str>> = names.iter().map(|name| Arc::clone(&name.key)).collect();
        for at in (1..names.len()).rev().take(3) {
            let (Some(name), Some(ident), Some(qualifier)) = (names.get(at), idents.get(at), keys.get(..at)) else {
                continue;
            };
            if at > 3 {
                continue;
            }
            if let Some(found) = self.look_up_qualified(qualifier, name, scope) {
                // A field of a column of that name may be meant.
                if matches!(found, Found::Missing) && at == 1 && names.len() == 2 {
                    let first = names.first().map(|first| self.look_up(first, scope));
                    if let Some(Found::Column(column)) = first {
                        self.note_read(&column.sources);
                        return Value { sources: column.sources.computed(), data_type: None };
                    }
                }
                let of = qualifier.last().cloned();
                let value = self.resolved(found, ident, of, scope);
                let is_field = at + 1 < names.len();
                return if is_field { Value { sources: value.sources.computed(), data_type: None } } else { value };
            }
        }
        // Fields of a column.
        let (Some(first), Some(ident)) = (names.first(), idents.first()) else { return Value::default() };
        let found = self.look_up(first, scope);
        match found {
            // Standard SQL has no such thing: a qualifier that nobody knows, of a table that is not in FROM.
            Found::Missing => {
                self.doubt(|| format!("`{}` is not in FROM", ident.value));
                Value::default()
            }
            found if self.flavor.is_duckdb() || self.flavor.engine.is_none() => {
                if self.flavor.engine.is_none() && matches!(found, Found::Column(_)) && names.len() == 2 {
                    // With a relation of unknown columns, `a.b` may as well be of a table that is not there.
                    self.assume();
                }
                let value = self.resolved(found, ident, None, scope);
                Value { sources: value.sources.computed(), data_type: None }
            }
            _ => {
                self.doubt(|| format!("`{}` is not in FROM", ident.value));
                Value::default()
            }
        }
    }

    /// The value of what a name was found to mean.
    fn resolved(&mut self, found: Found, ident: &Ident, of: Option<Arc<str>>, scope: &Scope<'_>) -> Value {
        match found {
            Found::Column(column) => {
                self.note_read(&column.sources);
                if self.aggregation.depth == 0 {
                    let text =
                        column.name.as_ref().map_or_else(|| ident.value.as_str().into(), |name| Arc::clone(&name.text));
                    if of.is_some()
                        || !scope.aliases.iter().any(|alias| alias.name.as_ref().is_some_and(|name| name.text == text))
                    {
                        self.aggregation.bare.push((text, super::range(ident)));
                    }
                }
                Value { sources: column.sources, data_type: column.data_type }
            }
            Found::Row(sources) => {
                self.note_read(&sources);
                Value { sources, data_type: None }
            }
            Found::Parameter => Value::default(),
            Found::Ambiguous(holders) => {
                let name = self.flavor.name(ident).text;
                self.doubt(|| format!("`{name}` may be of several relations"));
                self.find(Finding { range: super::range(ident), kind: FindingKind::AmbiguousColumn { name, holders } });
                Value::default()
            }
            Found::Unknown(sources) => {
                self.doubt(|| format!("it cannot be told what `{}` is of", ident.value));
                self.note_read(&sources);
                Value { sources: sources.computed(), data_type: None }
            }
            Found::Missing => self.missing(ident, of, scope),
        }
    }

    /// A name that no relation in scope has.
    fn missing(&mut self, ident: &Ident, of: Option<Arc<str>>, scope: &Scope<'_>) -> Value {
        let name = self.flavor.name(ident);
        let is_system = self.flavor.is_postgres() && SYSTEM_COLUMNS.contains(&&*name.key)
            || self.flavor.is_duckdb() && matches!(&*name.key, "rowid" | "file_row_number" | "filename");
        // Words without brackets that the grammar knows.
        let is_word = of.is_none()
            && ident.quote_style.is_none()
            && self.flavor.engine.is_some_and(|engine| {
                crate::dialect::functions::find(engine, &name.key).iter().any(|function| function.arguments.is_empty())
            });
        if is_word {
            return Value { sources: Sources::None, data_type: types::answer(self.flavor, &name.key, &[]) };
        }
        if is_system || self.flavor.engine.is_none() && ident.quote_style == Some('"') {
            self.doubt(|| format!("it cannot be told what `{}` is", ident.value));
            return Value::default();
        }
        let known = known_names(scope, of.as_ref());
        self.doubt(|| format!("there is no column `{}`", ident.value));
        let kind = FindingKind::UnknownColumn { name: name.text, of, known };
        self.find(Finding { range: super::range(ident), kind });
        Value::default()
    }

    fn cast(&mut self, inner: &Expr, data_type: &DataType, scope: &Scope<'_>) -> Value {
        let value = self.value(inner, scope);
        let written = types::written(self.flavor, data_type);
        let kind = types::cast(self.flavor, value.data_type.as_deref(), written.as_deref());
        Value { sources: value.sources.cast(kind), data_type: written }
    }

    /// A subquery that is a value.
    fn scalar(&mut self, query: &Query, scope: &Scope<'_>) -> Value {
        let aggregation = std::mem::take(&mut self.aggregation);
        let columns = self.query(query, Some(scope));
        self.aggregation = aggregation;
        match columns.list.into_iter().next() {
            Some(column) => Value { sources: column.sources, data_type: column.data_type },
            None => {
                self.doubt(|| "the column of a subquery cannot be told".to_owned());
                Value::default()
            }
        }
    }

    /// Whether a subquery has rows: what it looks at.
    fn existence(&mut self, query: &Query, scope: &Scope<'_>) -> Value {
        let aggregation = std::mem::take(&mut self.aggregation);
        let before = std::mem::take(&mut self.inspected);
        self.query(query, Some(scope));
        let looked: Vec<Source> = self.inspected.iter().copied().collect();
        self.inspected.extend(before);
        self.aggregation = aggregation;
        Value { sources: Sources::of(&looked), data_type: types::boolean(self.flavor) }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        else_result: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Value {
        let mut gathered = Gathered::default();
        let mut results = Vec::with_capacity(conditions.len() + 1);
        if let Some(operand) = operand {
            gathered.compute(&self.value(operand, scope).sources);
        }
        for when in conditions {
            gathered.compute(&self.value(&when.condition, scope).sources);
            results.push(&when.result);
        }
        results.extend(else_result);
        let mut data_type: Option<super::value::Type> = None;
        for result in results {
            let value = self.value(result, scope);
            gathered.compute(&value.sources);
            if !types::is_null(result) {
                data_type = Some(match data_type {
                    Some(before) => types::common(self.flavor, &before, &value.data_type),
                    None => value.data_type,
                });
            }
        }
        Value { sources: gathered.sources(), data_type: data_type.flatten() }
    }

    /// A chain of operators is as long as it is written, so it is walked, not descended.
    fn chain(&mut self, expression: &Expr, scope: &Scope<'_>) -> Value {
        let mut operands = Vec::new();
        let mut first = expression;
        while let Expr::BinaryOp { left, op, right } = first {
            operands.push((op, &**right, &**left));
            first = left;
        }
        let mut gathered = Gathered::default();
        let mut left = self.value(first, scope);
        gathered.compute(&left.sources);
        for (operator, right, left_expression) in operands.into_iter().rev() {
            let value = self.value(right, scope);
            gathered.compute(&value.sources);
            if is_comparison(operator) {
                self.compare((left_expression, &left.data_type), (right, &value.data_type));
            }
            left.data_type = types::operation(self.flavor, operator, &left.data_type, &value.data_type);
        }
        Value { sources: gathered.sources(), data_type: left.data_type }
    }

    /// Two values that are compared must have types that can be.
    fn compare(
        &mut self,
        (left_expression, left): (&Expr, &super::value::Type),
        (right_expression, right): (&Expr, &super::value::Type),
    ) {
        let (Some(left), Some(right)) = (left, right) else { return };
        // A literal takes the type of what it is compared with.
        if types::is_literal(left_expression) || types::is_literal(right_expression) {
            return;
        }
        if types::are_incomparable(self.flavor, left, right) {
            let range = place(left_expression);
            let kind = FindingKind::Incomparable { left: Arc::clone(left), right: Arc::clone(right) };
            self.find(Finding { range, kind });
        }
    }

    fn lambda(&mut self, lambda: &LambdaFunction, scope: &Scope<'_>) -> Value {
        let parameters: Vec<Arc<str>> = match &lambda.params {
            OneOrManyWithParens::One(one) => vec![self.flavor.name(&one.name).key],
            OneOrManyWithParens::Many(many) => many.iter().map(|one| self.flavor.name(&one.name).key).collect(),
        };
        let frame = Frame::default();
        let inner = Scope { frame: &frame, parameters: &parameters, aliases: &[], outer: Some(scope) };
        let value = self.value(&lambda.body, &inner);
        Value { sources: value.sources.computed(), data_type: None }
    }
}

/// Whether an expression is true or false; its parts.
fn predicate<'e>(expression: &'e Expr, parts: &mut Vec<&'e Expr>) -> bool {
    match expression {
        Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::IsJson { expr: inner, .. }
        | Expr::IsNormalized { expr: inner, .. } => parts.push(inner),
        Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right)
        | Expr::InUnnest { expr: left, array_expr: right, .. }
        | Expr::RLike { expr: left, pattern: right, .. }
        | Expr::AnyOp { left, right, .. }
        | Expr::AllOp { left, right, .. } => parts.extend([&**left, right]),
        Expr::InList { expr, list, .. } => {
            parts.push(expr);
            parts.extend(list);
        }
        Expr::Between { expr, low, high, .. } => parts.extend([&**expr, low, high]),
        Expr::Like { expr, pattern, escape_char, .. }
        | Expr::ILike { expr, pattern, escape_char, .. }
        | Expr::SimilarTo { expr, pattern, escape_char, .. } => {
            parts.extend([&**expr, pattern]);
            parts.extend(escape_char.as_deref());
        }
        Expr::MemberOf(member) => parts.extend([&*member.value, &*member.array]),
        _ => return false,
    }
    true
}

/// Whether an expression puts values together in a way whose type is not known; its parts.
fn gathering<'e>(expression: &'e Expr, parts: &mut Vec<&'e Expr>) -> bool {
    match expression {
        Expr::Prefixed { value: inner, .. } | Expr::Prior(inner) => parts.push(inner),
        Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => parts.extend(sets.iter().flatten()),
        Expr::Tuple(list) | Expr::Struct { values: list, .. } => parts.extend(list),
        Expr::Dictionary(fields) => parts.extend(fields.iter().map(|field| &*field.value)),
        Expr::Map(map) => parts.extend(map.entries.iter().flat_map(|entry| [&*entry.key, &*entry.value])),
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            parts.extend([&**expr, overlay_what, overlay_from]);
            parts.extend(overlay_for.as_deref());
        }
        Expr::AtTimeZone { timestamp, time_zone } => parts.extend([&**timestamp, time_zone]),
        Expr::Convert { expr, styles, .. } => {
            parts.push(expr);
            parts.extend(styles);
        }
        _ => return false,
    }
    true
}

fn is_comparison(operator: &BinaryOperator) -> bool {
    matches!(
        operator,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

/// The names of the columns in scope, or of what is called `of`.
fn known_names(scope: &Scope<'_>, of: Option<&Arc<str>>) -> Vec<Arc<str>> {
    let mut known = Vec::new();
    let mut next = Some(scope);
    while let Some(scope) = next {
        match of {
            Some(of) => {
                let items = scope.frame.items.iter().filter(|item| item.path.last() == Some(of));
                let columns = items.flat_map(|item| &item.columns.list);
                known.extend(columns.filter_map(|column| Some(Arc::clone(&column.name.as_ref()?.text))));
            }
            None => {
                let columns = scope.frame.visible.iter().map(|visible| &visible.column);
                known.extend(columns.filter_map(|column| Some(Arc::clone(&column.name.as_ref()?.text))));
            }
        }
        next = scope.outer;
    }
    known
}

/// Where an expression begins, by its first name.
fn place(expression: &Expr) -> std::ops::Range<usize> {
    match expression {
        Expr::Identifier(ident) => super::range(ident),
        Expr::CompoundIdentifier(idents) => match (idents.first(), idents.last()) {
            (Some(first), Some(last)) => super::range(first).start..super::range(last).end,
            _ => 0..0,
        },
        Expr::Nested(inner) => place(inner),
        Expr::Cast { expr, .. } => place(expr),
        _ => 0..0,
    }
}
