//! What the database calls an output column that has no alias.

use super::{Analysis, scope::Scope, value::Name};
use crate::dialect::Dialect;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectNamePart, SelectItem, SetExpr,
    TrimWhereField, Value,
};

/// How sure PostgreSQL is of a name: one that a type gives yields to one that a column gives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Weak,
    Strong,
}

impl Analysis<'_> {
    /// The name; none where it cannot be told.
    pub(super) fn name_of(&mut self, expression: &Expr, scope: &Scope<'_>) -> Option<Name> {
        match expression {
            Expr::Identifier(ident) => return Some(self.column_name(ident, None, scope)),
            Expr::CompoundIdentifier(idents) => {
                let (last, qualifier) = idents.split_last()?;
                return Some(self.column_name(last, qualifier.last(), scope));
            }
            Expr::Nested(inner) if matches!(**inner, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => {
                return self.name_of(inner, scope);
            }
            _ => {}
        }
        match self.flavor.engine {
            Some(Dialect::Postgres) => {
                let name = self.figure(expression).map_or_else(|| "?column?".to_owned(), |(name, _)| name);
                Some(self.stored(&name))
            }
            Some(Dialect::DuckDb) => spelled(expression).map(|name| self.stored(&name)),
            None => match expression {
                Expr::Cast { expr, kind: sqlparser::ast::CastKind::DoubleColon, .. } => self.name_of(expr, scope),
                _ => Some(self.stored(&expression.to_string())),
            },
        }
    }

    /// A column keeps its name; DuckDB gives it as the relation has it.
    fn column_name(&mut self, ident: &Ident, qualifier: Option<&Ident>, scope: &Scope<'_>) -> Name {
        let name = self.flavor.name(ident);
        if !self.flavor.is_duckdb() {
            return name;
        }
        let qualifier = qualifier.map(|qualifier| self.flavor.name(qualifier).key);
        let mut next = Some(scope);
        while let Some(scope) = next {
            let is = |column: &&super::value::Column| column.name.as_ref().is_some_and(|found| found.key == name.key);
            let found = match &qualifier {
                Some(qualifier) => scope
                    .frame
                    .items
                    .iter()
                    .find(|item| item.path.last() == Some(qualifier))
                    .and_then(|item| item.columns.list.iter().find(is)),
                None => scope.frame.visible.iter().map(|visible| &visible.column).find(is),
            };
            if let Some(found) = found.and_then(|column| column.name.clone()) {
                return found;
            }
            next = scope.outer;
        }
        name
    }

    /// PostgreSQL's rules (`FigureColname`).
    fn figure(&self, expression: &Expr) -> Option<(String, Strength)> {
        let strong = |name: &str| Some((name.to_owned(), Strength::Strong));
        let named = |ident: &Ident| Some((self.flavor.name(ident).text.to_string(), Strength::Strong));
        match expression {
            Expr::Identifier(ident) => named(ident),
            Expr::CompoundIdentifier(idents) => named(idents.last()?),
            Expr::Nested(inner) => self.figure(inner),
            Expr::Collate { expr, .. } => self.figure(expr),
            Expr::CompoundFieldAccess { root, access_chain } => {
                let fields = access_chain.iter().rev().find_map(|access| match access {
                    sqlparser::ast::AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident),
                    _ => None,
                });
                fields.map_or_else(|| self.figure(root), named)
            }
            Expr::Function(function) => {
                let ident = function.name.0.last().and_then(ObjectNamePart::as_ident)?;
                named(ident)
            }
            Expr::Cast { expr, data_type, .. } => match self.figure(expr) {
                Some((name, Strength::Strong)) => Some((name, Strength::Strong)),
                _ => Some((internal_name(&data_type.to_string())?, Strength::Weak)),
            },
            Expr::TypedString(typed) => Some((internal_name(&typed.data_type.to_string())?, Strength::Weak)),
            Expr::Interval(_) => Some(("interval".to_owned(), Strength::Weak)),
            Expr::Case { else_result, .. } => match else_result.as_deref().and_then(|result| self.figure(result)) {
                Some((name, Strength::Strong)) => Some((name, Strength::Strong)),
                _ => Some(("case".to_owned(), Strength::Weak)),
            },
            Expr::Subquery(query) => match &*query.body {
                SetExpr::Select(select) => match select.projection.first()? {
                    SelectItem::ExprWithAlias { alias, .. } => named(alias),
                    SelectItem::UnnamedExpr(expression) => self.figure(expression),
                    _ => None,
                },
                _ => None,
            },
            Expr::Exists { .. } => strong("exists"),
            Expr::Array(_) => strong("array"),
            Expr::Tuple(_) => strong("row"),
            Expr::Extract { .. } => strong("extract"),
            Expr::Position { .. } => strong("position"),
            Expr::Substring { .. } => strong("substring"),
            Expr::Overlay { .. } => strong("overlay"),
            Expr::Ceil { .. } => strong("ceil"),
            Expr::Floor { .. } => strong("floor"),
            Expr::AtTimeZone { .. } => strong("timezone"),
            Expr::Trim { trim_where, .. } => strong(match trim_where {
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
                _ => "btrim",
            }),
            _ => None,
        }
    }
}

/// What PostgreSQL calls a type inside: the last part of its name.
fn internal_name(written: &str) -> Option<String> {
    let lower = written.to_lowercase();
    let base = lower.split('(').next()?.trim().trim_end_matches("[]").trim();
    let with_zone = lower.contains("with time zone");
    let name = match base {
        "int" | "integer" | "int4" => "int4",
        "bigint" | "int8" => "int8",
        "smallint" | "int2" => "int2",
        "real" | "float4" => "float4",
        "double precision" | "float" | "float8" | "double" => "float8",
        "decimal" | "dec" | "numeric" => "numeric",
        "boolean" | "bool" => "bool",
        "char" | "character" => "bpchar",
        "varchar" | "character varying" => "varchar",
        _ if base.starts_with("timestamp") => {
            if with_zone || base == "timestamptz" {
                "timestamptz"
            } else {
                "timestamp"
            }
        }
        _ if base.starts_with("time") => {
            if with_zone || base == "timetz" {
                "timetz"
            } else {
                "time"
            }
        }
        other => other.rsplit('.').next()?.trim_matches('"'),
    };
    Some(name.to_owned())
}

/// DuckDB calls a column as it would write the expression; only forms whose spelling is certain.
fn spelled(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(ident) => plain(ident),
        Expr::CompoundIdentifier(idents) => {
            idents.iter().map(plain).collect::<Option<Vec<_>>>().map(|parts| parts.join("."))
        }
        Expr::Function(function) => spelled_call(function),
        Expr::Value(value) => match &value.value {
            Value::Number(number, false) => number.parse::<u32>().ok().map(|number| number.to_string()),
            Value::SingleQuotedString(text) if !text.contains('\'') => Some(format!("'{text}'")),
            _ => None,
        },
        _ => None,
    }
}

fn plain(ident: &Ident) -> Option<String> {
    let is_plain = ident.value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
        && !ident.value.starts_with(|first: char| first.is_ascii_digit())
        && ident.quote_style.is_none();
    is_plain.then(|| ident.value.clone())
}

fn spelled_call(function: &Function) -> Option<String> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_simple = function.over.is_none()
        && function.filter.is_none()
        && function.within_group.is_empty()
        && function.null_treatment.is_none()
        && list.clauses.is_empty()
        && list.duplicate_treatment.is_none();
    let known = crate::dialect::functions::find(Dialect::DuckDb, &name.value);
    if !is_simple
        || known.is_empty()
        || !matches!(&*name.value.to_ascii_lowercase(), "sum" | "min" | "max" | "avg" | "count")
    {
        return None;
    }
    let name = name.value.to_ascii_lowercase();
    if matches!(list.args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) {
        return (name == "count").then(|| "count_star()".to_owned());
    }
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => spelled(expression),
        _ => None,
    };
    let arguments = list.args.iter().map(argument).collect::<Option<Vec<_>>>()?;
    Some(format!("{name}({})", arguments.join(", ")))
}
