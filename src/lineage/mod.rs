//! Which tables SQL reads and writes, and where its columns come from.
//!
//! In: a script of statements in any dialect that sqlparser has, or the syntax tree of a model. Out: its [`Tables`],
//! its [`Trace`], or an [`Answer`] about its columns. Never: replacing anything, or a guess.

pub(crate) mod column;
mod dialect;
mod head;
mod order;
mod script;
mod statement;
mod trace;

pub use column::{
    Answer, CastKind, EdgeKind, Origin, Output,
    catalog::Known,
    finding::{Finding, FindingKind},
};
pub use order::{Dependent, Key, KeysAt, Lack, Unordered};
pub use trace::{Schema, Trace, TracedColumn, TracedSource};

use crate::{
    dialect::Dialect,
    parse::{Query, outline::DottedName, room},
};
use std::{collections::BTreeSet, sync::Arc};

/// The tables at the two ends of a script; those that it fills and reads again are neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// Read, and not made by the script itself.
    pub inputs: BTreeSet<String>,
    /// Written, and not only on the way to others.
    pub outputs: BTreeSet<String>,
}

/// The tables that a script reads and writes. `dialect` is one of sqlparser's, or one that resembles one of them;
/// `ansi` is its generic one. Names are dotted; without quotes they are in lower case.
///
/// # Errors
/// When the dialect is not known, or a statement cannot be read; the text says which and why.
pub fn tables(sql: &str, dialect: &str) -> Result<Tables, String> {
    // No token is shorter than a byte.
    let tables = room::with_room(sql.len(), || {
        let dialects = dialect::find(dialect).ok_or_else(|| format!("the dialect `{dialect}` is not known"))?;
        Ok(script::ends(&script::effects(&script::read(sql, &dialects)?)))
    });
    tables.unwrap_or_else(|| Err("the SQL is too long to be read".to_owned()))
}

/// What a script reads and writes, column by column; `schema` tells the columns of relations, by dotted names.
///
/// # Errors
/// As [`tables`].
pub fn trace(sql: &str, dialect: &str, schema: Option<&Schema>) -> Result<Trace, String> {
    let trace = room::with_room(sql.len(), || {
        let dialects = dialect::find(dialect).ok_or_else(|| format!("the dialect `{dialect}` is not known"))?;
        Ok(trace::read(&script::read(sql, &dialects)?, &dialect.to_lowercase(), schema))
    });
    trace.unwrap_or_else(|| Err("the SQL is too long to be read".to_owned()))
}

/// Where the columns of a model's query come from, and its types as far as they are known; nothing where its syntax tree
/// is not exactly the query. `known` tells what the relation at a byte of the text is: a number for the answer, and its
/// columns.
pub fn columns(query: &Query, known: &dyn Fn(usize) -> Option<(u32, Arc<Known>)>) -> Option<Answer> {
    struct Places<'k>(&'k dyn Fn(usize) -> Option<(u32, Arc<Known>)>);
    impl column::catalog::Catalog for Places<'_> {
        fn relation(&self, name: &DottedName) -> Option<(u32, Arc<Known>)> {
            (self.0)(name.range.start)
        }
    }
    let flavor = column::flavor::Flavor::of(query.dialect());
    Some(column::query(&*query.syntax()?, &Places(known), flavor))
}

/// Where the rows of a model's query depend on an order that nothing fixes; nothing where its syntax tree is not exactly
/// the query. `keys` tells the keys of the relation whose name stands at a byte of the text.
#[must_use]
pub fn unordered(query: &Query, keys: &KeysAt<'_>) -> Vec<Unordered> {
    query.syntax().map(|syntax| order::find(&syntax, query.dialect(), keys)).unwrap_or_default()
}

/// The keys of what a model's query gives, as far as they follow from its text.
#[must_use]
pub fn keys(query: &Query, keys: &KeysAt<'_>) -> Vec<Key> {
    query.syntax().map(|syntax| order::keys_of(&syntax, query.dialect(), keys)).unwrap_or_default()
}

/// What the engine calls the type that is written so: `int8` is `bigint` to PostgreSQL. Nothing where that is not certain.
#[must_use]
pub fn type_name(dialect: Dialect, written: &str) -> Option<Arc<str>> {
    column::types::canonical(dialect, written)
}
