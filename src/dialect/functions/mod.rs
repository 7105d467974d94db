//! The functions of the engines, from their own catalogs.
//!
//! In: a function's name. Out: its overloads: what they take, return, and whether the same call gives the same answer.
//! Never: a function that a user has made.
//!
//! `postgres.tsv` and `duckdb.tsv` are made by the queries beside them; `tests/engines/functions.rs` compares them with
//! the engines and writes them anew with `SUIRO_BLESS=1 cargo test --test engines functions`.

use super::Dialect;
use std::{collections::HashMap, ops::Range, sync::LazyLock};

/// What a function does with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// One value from the values of a row.
    Scalar,
    /// One value from many rows.
    Aggregate,
    /// One value for each row, from the rows around it; only with OVER.
    Window,
    /// Rows.
    Table,
}

/// Whether the same call gives the same answer; the later, the less so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// Always.
    Immutable,
    /// Within a statement: the time of the transaction, a setting.
    Stable,
    /// Never: random numbers, sequences, files.
    Volatile,
}

/// One overload of a function or operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What it does with rows.
    pub kind: FunctionKind,
    /// The types of its arguments in the engine's words, polymorphic ones included (`anyelement`, `T`, `ANY`); one that
    /// may be repeated begins with `...`.
    pub arguments: Vec<&'static str>,
    /// The type of its answer in the engine's words, which may be polymorphic; unknown for some.
    pub returns: Option<&'static str>,
    /// Whether the same call gives the same answer.
    pub volatility: Volatility,
    /// Names and types of the columns of a table function, where they are known.
    pub columns: Vec<(&'static str, &'static str)>,
}

/// All functions of one dialect.
struct Catalog {
    functions: Vec<Function>,
    /// Where the overloads of a name stand.
    places: HashMap<&'static str, Range<usize>>,
}

static POSTGRES: LazyLock<Catalog> = LazyLock::new(|| Catalog::read(include_str!("postgres.tsv")));
static DUCKDB: LazyLock<Catalog> = LazyLock::new(|| Catalog::read(include_str!("duckdb.tsv")));

/// The overloads of a function or operator of that name, in any case; none where the engine has none.
#[must_use]
pub fn find(dialect: Dialect, name: &str) -> &'static [Function] {
    let catalog: &'static Catalog = match dialect {
        Dialect::DuckDb => &DUCKDB,
        Dialect::Postgres => &POSTGRES,
    };
    let place = catalog.places.get(name).or_else(|| catalog.places.get(name.to_ascii_lowercase().as_str()));
    place.and_then(|place| catalog.functions.get(place.clone())).unwrap_or_default()
}

/// The worst volatility of the overloads of a name; nothing where the engine knows no such function.
#[must_use]
pub fn volatility(dialect: Dialect, name: &str) -> Option<Volatility> {
    find(dialect, name).iter().map(|function| function.volatility).max()
}

/// Functions of PostgreSQL that its catalog calls stable because their answer follows from settings which every session
/// of suiro pins (time zone, styles of dates, intervals and numbers, locales), or from the database's encoding, and from nothing else: not from the clock, and not
/// from rows. `age` of one argument asks the clock, so it is none of these.
const FOLLOWS_SETTINGS: [&str; 58] = [
    "array_to_json",
    "array_to_string",
    "concat",
    "concat_ws",
    "convert",
    "convert_from",
    "convert_to",
    "date",
    "date_add",
    "date_part",
    "date_subtract",
    "date_trunc",
    "extract",
    "format",
    "generate_series",
    "in_range",
    "json_agg",
    "json_array",
    "json_arrayagg",
    "json_build_array",
    "json_build_object",
    "json_object",
    "json_objectagg",
    "json_object_agg",
    "json_populate_record",
    "json_populate_recordset",
    "json_to_record",
    "json_to_recordset",
    "jsonb_agg",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "jsonb_populate_record",
    "jsonb_populate_recordset",
    "jsonb_to_record",
    "jsonb_to_recordset",
    "length",
    "make_timestamptz",
    "money",
    "numeric",
    "overlaps",
    "quote_literal",
    "quote_nullable",
    "row_to_json",
    "string_agg",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "xmlelement",
    "xmlforest",
];

/// Whether a function that is not immutable gives the same answer as long as the pinned settings are the same.
#[must_use]
pub fn follows_settings(dialect: Dialect, name: &str) -> bool {
    dialect == Dialect::Postgres && FOLLOWS_SETTINGS.contains(&name)
}

/// Whether every overload of a name makes one value of many rows; nothing where the engine knows no such function.
#[must_use]
pub fn is_aggregate(dialect: Dialect, name: &str) -> Option<bool> {
    let found = find(dialect, name);
    (!found.is_empty()).then(|| found.iter().all(|function| function.kind == FunctionKind::Aggregate))
}

impl Catalog {
    fn read(text: &'static str) -> Self {
        let mut functions: Vec<Function> = Vec::with_capacity(text.len() / 48);
        let mut places: HashMap<&'static str, Range<usize>> = HashMap::new();
        for function in text.lines().filter(|line| !line.starts_with("# ")).filter_map(function) {
            let at = functions.len();
            places.entry(function.name).or_insert(at..at).end = at + 1;
            functions.push(function);
        }
        Self { functions, places }
    }
}

fn function(line: &'static str) -> Option<Function> {
    let mut fields = line.split('\t');
    let mut field = || fields.next();
    let name = field()?;
    let kind = match field()? {
        "aggregate" => FunctionKind::Aggregate,
        "window" => FunctionKind::Window,
        "table" => FunctionKind::Table,
        _ => FunctionKind::Scalar,
    };
    let arguments = list(field()?).collect();
    let returns = field().filter(|returns| !returns.is_empty());
    let volatility = match field()? {
        "immutable" => Volatility::Immutable,
        "stable" => Volatility::Stable,
        _ => Volatility::Volatile,
    };
    let columns = list(field()?).filter_map(|column| column.split_once(' ')).collect();
    Some(Function { name, kind, arguments, returns, volatility, columns })
}

/// The items between commas that stand in no brackets.
fn list(field: &'static str) -> impl Iterator<Item = &'static str> {
    let mut depth = 0_usize;
    let items = field.split(move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    });
    items.map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{FunctionKind, Volatility, find, is_aggregate, volatility};
    use crate::dialect::Dialect::{DuckDb, Postgres};

    #[test]
    fn the_worst_overload_counts() {
        for (dialect, name, expected) in [
            (Postgres, "lower", Some(Volatility::Immutable)),
            (Postgres, "LOWER", Some(Volatility::Immutable)),
            (Postgres, "date_trunc", Some(Volatility::Stable)),
            (Postgres, "now", Some(Volatility::Stable)),
            (Postgres, "current_date", Some(Volatility::Stable)),
            (Postgres, "random", Some(Volatility::Volatile)),
            (Postgres, "coalesce", Some(Volatility::Immutable)),
            (Postgres, "no_such_function", None),
            (DuckDb, "lower", Some(Volatility::Immutable)),
            (DuckDb, "now", Some(Volatility::Stable)),
            (DuckDb, "current_timestamp", Some(Volatility::Stable)),
            (DuckDb, "current_localtimestamp", Some(Volatility::Stable)),
            (DuckDb, "random", Some(Volatility::Volatile)),
            (DuckDb, "nextval", Some(Volatility::Volatile)),
            (DuckDb, "read_csv", Some(Volatility::Volatile)),
            (DuckDb, "nullif", Some(Volatility::Immutable)),
            (DuckDb, "ago", Some(Volatility::Stable)),
            (DuckDb, "format_type", Some(Volatility::Volatile)),
            (DuckDb, "no_such_function", None),
        ] {
            assert_eq!(volatility(dialect, name), expected, "{dialect:?} {name}");
        }
    }

    #[test]
    fn kinds_types_and_columns() {
        assert_eq!(is_aggregate(Postgres, "sum"), Some(true));
        assert_eq!(is_aggregate(DuckDb, "sum"), Some(true));
        assert_eq!(is_aggregate(DuckDb, "geomean"), Some(true), "a macro that calls an aggregate");
        assert_eq!(is_aggregate(DuckDb, "list_sum"), Some(false));
        assert_eq!(find(DuckDb, "row_number")[0].kind, FunctionKind::Window);
        assert_eq!(find(Postgres, "row_number")[0].kind, FunctionKind::Window);
        let each = find(Postgres, "json_each");
        assert_eq!(
            (each[0].kind, each[0].columns.as_slice()),
            (FunctionKind::Table, &[("key", "text"), ("value", "json")][..])
        );
        let sum = find(Postgres, "sum").iter().find(|sum| sum.arguments == ["integer"]).and_then(|sum| sum.returns);
        assert_eq!(sum, Some("bigint"));
        assert_eq!(
            find(DuckDb, "concat")
                .iter()
                .filter(|concat| concat.arguments.iter().any(|one| one.starts_with("...")))
                .count(),
            1
        );
    }
}
