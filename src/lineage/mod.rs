//! Which tables SQL reads and writes.
//!
//! In: a script of statements in any dialect that sqlparser has. Out: its [`Tables`]. It shares the scope walk of
//! `parse/`, so a name means the same to both. Never: replacing anything, or columns (yet).

mod dialect;
mod head;
mod script;
mod statement;

use crate::parse::room;
use std::collections::BTreeSet;

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
        Ok(script::ends(&script::read(sql, &dialects)?))
    });
    tables.unwrap_or_else(|| Err("the SQL is too long to be read".to_owned()))
}
