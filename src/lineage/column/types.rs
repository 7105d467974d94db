//! Types of values, in the engine's words; what is not known for certain is unknown.

use super::{
    flavor::Flavor,
    value::{CastKind, Type},
};
use crate::dialect::{
    Dialect,
    functions::{self, Function},
};
use sqlparser::ast::{BinaryOperator, DataType, Expr, UnaryOperator, Value};

/// A type that the engine's catalog names.
pub(super) fn known(name: &str) -> Type {
    (!name.is_empty() && !is_polymorphic(name)).then(|| name.into())
}

/// The type that a text names, as the engine calls it: `int8` is `bigint`.
pub(crate) fn canonical(engine: Dialect, written: &str) -> Type {
    let lower = written.trim().to_ascii_lowercase();
    if let Some(element) = lower.strip_suffix("[]") {
        return canonical(engine, element).map(|element| format!("{element}[]").into());
    }
    let (base, rest) = match lower.split_once('(') {
        Some((base, rest)) => (base, Some(rest)),
        None => (lower.as_str(), None),
    };
    let (arguments, after) = match rest.and_then(|rest| rest.split_once(')')) {
        Some((arguments, after)) => (Some(arguments.replace(' ', "")), after.trim()),
        None => (None, ""),
    };
    if rest.is_some() && arguments.is_none() {
        return None;
    }
    let base = if after.is_empty() { base.trim().to_owned() } else { format!("{} {after}", base.trim()) };
    let words = base.split_whitespace().collect::<Vec<_>>().join(" ");
    match engine {
        Dialect::Postgres => {
            let name = match words.as_str() {
                "int" | "int4" | "integer" => "integer",
                "int8" | "bigint" => "bigint",
                "int2" | "smallint" => "smallint",
                "bool" | "boolean" => "boolean",
                "varchar" | "character varying" => "character varying",
                "char" | "bpchar" | "character" => "character",
                "decimal" | "dec" | "numeric" => "numeric",
                "float" | "float8" | "double precision" => "double precision",
                "float4" | "real" => "real",
                "timestamp" | "timestamp without time zone" => "timestamp without time zone",
                "timestamptz" | "timestamp with time zone" => "timestamp with time zone",
                "time" | "time without time zone" => "time without time zone",
                "timetz" | "time with time zone" => "time with time zone",
                other => other,
            };
            let keeps = matches!(name, "numeric" | "character varying" | "character" | "bit");
            Some(match arguments {
                Some(arguments) if keeps => format!("{name}({arguments})").into(),
                Some(_) if !name.starts_with("time") && name != "interval" => return None,
                _ => name.into(),
            })
        }
        Dialect::DuckDb => {
            let name = match words.as_str() {
                "int" | "int4" | "integer" | "signed" => "INTEGER",
                "int8" | "bigint" | "long" => "BIGINT",
                "int2" | "smallint" | "short" => "SMALLINT",
                "int1" | "tinyint" => "TINYINT",
                "hugeint" => "HUGEINT",
                "bool" | "boolean" | "logical" => "BOOLEAN",
                "varchar" | "text" | "string" | "char" | "bpchar" | "nvarchar" | "character varying" => "VARCHAR",
                "float8" | "double" | "double precision" => "DOUBLE",
                "float4" | "real" | "float" => "FLOAT",
                "decimal" | "numeric" | "dec" => "DECIMAL",
                "timestamp" | "datetime" | "timestamp without time zone" => "TIMESTAMP",
                "timestamptz" | "timestamp with time zone" => "TIMESTAMP WITH TIME ZONE",
                "time" | "time without time zone" => "TIME",
                "date" => "DATE",
                "interval" => "INTERVAL",
                "uuid" => "UUID",
                "json" => "JSON",
                "blob" | "bytea" | "binary" | "varbinary" => "BLOB",
                _ => return arguments.is_none().then(|| written.trim().to_ascii_uppercase().into()),
            };
            Some(match (name, arguments) {
                ("DECIMAL", Some(arguments)) => {
                    let width = if arguments.contains(',') { arguments } else { format!("{arguments},0") };
                    format!("DECIMAL({width})").into()
                }
                ("DECIMAL", None) => "DECIMAL(18,3)".into(),
                ("TIMESTAMP", Some(_)) => return None,
                (name, _) => name.into(),
            })
        }
    }
}

/// The type that is written in SQL.
pub(super) fn written(flavor: Flavor, data_type: &DataType) -> Type {
    canonical(flavor.engine?, &data_type.to_string())
}

/// The type of a literal.
pub(super) fn literal(flavor: Flavor, value: &Value) -> Type {
    match value {
        Value::Boolean(_) => boolean(flavor),
        Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_) | Value::DollarQuotedString(_) => text(flavor),
        Value::Number(number, _) => {
            let engine = flavor.engine?;
            if number.parse::<i32>().is_ok() {
                canonical(engine, "integer")
            } else if number.parse::<i64>().is_ok() {
                canonical(engine, "bigint")
            } else if engine == Dialect::Postgres {
                known("numeric")
            } else {
                None
            }
        }
        _ => None,
    }
}

/// The engine's words for truth values.
pub(super) fn boolean(flavor: Flavor) -> Type {
    canonical(flavor.engine?, "boolean")
}

/// The engine's words for text.
pub(super) fn text(flavor: Flavor) -> Type {
    canonical(flavor.engine?, "text")
}

/// The engine's words for stretches of time.
pub(super) fn interval(flavor: Flavor) -> Type {
    canonical(flavor.engine?, "interval")
}

/// What EXTRACT gives.
pub(super) fn extracted(flavor: Flavor) -> Type {
    match flavor.engine? {
        Dialect::Postgres => known("numeric"),
        // Epochs are not whole numbers.
        Dialect::DuckDb => None,
    }
}

/// What functions that cut texts give: of a text a text.
pub(super) fn as_text(flavor: Flavor, given: Option<&str>) -> Type {
    let given = given?;
    (category(given) == Some(Category::Text)).then(|| text(flavor)).flatten()
}

/// The type of the elements of an array.
pub(super) fn element(data_type: Option<&str>) -> Type {
    data_type?.strip_suffix("[]").map(Into::into)
}

/// The type that two values have in common; only where it is the same.
pub(super) fn common(flavor: Flavor, left: &Type, right: &Type) -> Type {
    let (left, right) = (left.as_deref()?, right.as_deref()?);
    if left == right {
        return Some(left.into());
    }
    // Two texts are a text, whatever their lengths.
    let both_text = category(left) == Some(Category::Text) && category(right) == Some(Category::Text);
    let rank = |name: &str| INTEGERS.iter().position(|known| known.eq_ignore_ascii_case(name));
    match (rank(left), rank(right)) {
        (Some(one), Some(other)) => canonical(flavor.engine?, INTEGERS.get(one.max(other))?),
        _ if both_text && flavor.is_duckdb() => text(flavor),
        _ if both_text && (left == "text" || right == "text") => text(flavor),
        _ => None,
    }
}

/// Whole numbers, the narrowest first.
const INTEGERS: [&str; 3] = ["smallint", "integer", "bigint"];

/// What an operator gives.
pub(super) fn operation(flavor: Flavor, operator: &BinaryOperator, left: &Type, right: &Type) -> Type {
    match operator {
        BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq
        | BinaryOperator::And
        | BinaryOperator::Or => boolean(flavor),
        _ => answer(flavor, &operator.to_string(), &[left.clone(), right.clone()]),
    }
}

/// What a function gives for arguments of these types.
pub(super) fn answer(flavor: Flavor, name: &str, given: &[Type]) -> Type {
    let engine = flavor.engine?;
    let overloads = functions::find(engine, name);
    let fitting: Vec<&Function> = overloads.iter().filter(|function| accepts(function, given.len())).collect();
    if given.iter().all(Option::is_some)
        && let Some(exact) = fitting.iter().find(|function| matches_exactly(engine, function, given))
    {
        return returned(engine, exact, given);
    }
    // Whichever is meant.
    let (first, others) = fitting.split_first()?;
    let returns = first.returns.filter(|returns| !is_polymorphic(returns) && *returns != "DECIMAL")?;
    others.iter().all(|other| other.returns == Some(returns)).then(|| returns.into())
}

fn accepts(function: &Function, count: usize) -> bool {
    match function.arguments.split_last() {
        Some((last, before)) if last.starts_with("...") => count >= before.len(),
        _ => function.arguments.len() == count,
    }
}

/// The type by which arguments are compared: without length and precision.
fn base(engine: Dialect, data_type: &str) -> &str {
    let base = data_type.split('(').next().unwrap_or(data_type);
    let base = if data_type.ends_with("[]") { data_type } else { base };
    match engine {
        // One is taken for the other.
        Dialect::Postgres if base == "character varying" => "text",
        _ => base,
    }
}

fn matches_exactly(engine: Dialect, function: &Function, given: &[Type]) -> bool {
    let argument = |at: usize| {
        function
            .arguments
            .get(at)
            .or_else(|| function.arguments.last())
            .map(|argument| argument.trim_start_matches("..."))
    };
    let mut same: Option<&str> = None;
    given.iter().enumerate().all(|(at, given)| {
        let (Some(given), Some(wanted)) = (given.as_deref(), argument(at)) else { return false };
        match wanted {
            "anyelement" | "anycompatible" | "anynonarray" | "anycompatiblenonarray" | "T" => {
                let first = *same.get_or_insert(given);
                first == given && (!wanted.contains("nonarray") || !given.ends_with("[]"))
            }
            "anyarray" | "anycompatiblearray" | "T[]" => {
                let Some(element) = given.strip_suffix("[]") else { return false };
                *same.get_or_insert(element) == element
            }
            "any" | "ANY" | "\"any\"" => true,
            _ => base(engine, wanted) == base(engine, given),
        }
    })
}

fn returned(engine: Dialect, function: &Function, given: &[Type]) -> Type {
    let returns = function.returns?;
    let argument = |wanted: &[&str]| {
        let at = function.arguments.iter().position(|argument| wanted.contains(&argument.trim_start_matches("...")))?;
        given.get(at)?.as_deref()
    };
    let elements: &[&str] = &["anyelement", "anycompatible", "anynonarray", "anycompatiblenonarray", "T"];
    let arrays: &[&str] = &["anyarray", "anycompatiblearray", "T[]"];
    match returns {
        _ if elements.contains(&returns) => match (argument(elements), argument(arrays)) {
            (Some(element), _) => Some(element.into()),
            (None, array) => element(array),
        },
        _ if arrays.contains(&returns) => match (argument(arrays), argument(elements)) {
            (Some(array), _) => Some(array.into()),
            (None, element) => element.map(|element| format!("{element}[]").into()),
        },
        // How wide it is depends on what was given.
        "DECIMAL" if engine == Dialect::DuckDb => None,
        _ => known(returns),
    }
}

fn is_polymorphic(name: &str) -> bool {
    let name = name.trim_start_matches("...");
    name.starts_with("any")
        || matches!(name, "T" | "T[]" | "ANY" | "ANY[]" | "record" | "\"any\"" | "void" | "unknown")
        || name.contains("ANY")
}

/// What a cast does to a copy.
pub(super) fn cast(flavor: Flavor, from: Option<&str>, to: Option<&str>) -> CastKind {
    let (Some(from), Some(to), Some(engine)) = (from, to, flavor.engine) else { return CastKind::Other };
    let rank = |name: &str| INTEGERS.iter().position(|known| known.eq_ignore_ascii_case(name));
    let plain = |name: &str| !name.contains('(');
    let (lower_from, lower_to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
    let keeps = from == to
        || matches!((rank(from), rank(to)), (Some(from), Some(to)) if from <= to)
        || (rank(from).is_some() && (lower_to == "numeric" || lower_to == "hugeint"))
        || (category(from) == Some(Category::Text)
            && lower_from != "character"
            && plain(to)
            && category(to) == Some(Category::Text)
            && lower_to != "character")
        || (to == if engine == Dialect::DuckDb { "VARCHAR" } else { "text" }
            && (rank(from).is_some() || matches!(lower_from.as_str(), "uuid" | "date" | "boolean")))
        || (lower_from == "date" && lower_to.starts_with("timestamp") && !lower_to.contains("with time zone"))
        || (lower_from == "real" && lower_to == "double precision")
        || (lower_from == "float" && lower_to == "double");
    if keeps { CastKind::Safe } else { CastKind::Other }
}

/// Kinds of types; values of two kinds cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Category {
    Number,
    Text,
    Truth,
    Moment,
    Stretch,
    Uuid,
    Bytes,
}

fn category(data_type: &str) -> Option<Category> {
    let lower = data_type.to_ascii_lowercase();
    Some(match lower.split('(').next().unwrap_or_default() {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" | "tinyint" | "hugeint"
        | "utinyint" | "usmallint" | "uinteger" | "ubigint" | "float" | "double" | "decimal" => Category::Number,
        "text" | "character varying" | "character" | "varchar" => Category::Text,
        "boolean" => Category::Truth,
        "date" | "timestamp" | "timestamp without time zone" | "timestamp with time zone" => Category::Moment,
        "interval" => Category::Stretch,
        "uuid" => Category::Uuid,
        "bytea" | "blob" => Category::Bytes,
        _ => return None,
    })
}

/// Whether the engine refuses to compare values of these types.
pub(super) fn are_incomparable(flavor: Flavor, left: &str, right: &str) -> bool {
    let (Some(left), Some(right)) = (category(left), category(right)) else { return false };
    if left == right {
        return false;
    }
    match flavor.engine {
        Some(Dialect::Postgres) => true,
        // DuckDB turns some into others: truth values into numbers.
        Some(Dialect::DuckDb) => {
            !matches!((left, right), (Category::Truth, Category::Number) | (Category::Number, Category::Truth))
        }
        None => false,
    }
}

/// Whether an expression is a literal, whose type depends on what stands beside it.
pub(super) fn is_literal(expression: &Expr) -> bool {
    match expression {
        Expr::Value(_) => true,
        Expr::Nested(inner) => is_literal(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_literal(expr),
        _ => false,
    }
}

/// Whether an expression is NULL, which has every type.
pub(super) fn is_null(expression: &Expr) -> bool {
    match expression {
        Expr::Value(value) => value.value == Value::Null,
        Expr::Nested(inner) => is_null(inner),
        _ => false,
    }
}
