//! The rows of a relation against those of another that should be the same: by key, or as they are.
//!
//! In: two relations, their columns, and a key where there is one. Out: [`RowContrast`]. Never: changing anything.

use super::Statements;
use crate::{
    diagnostic::code::BUG,
    engine::{Connection, EngineError, FailureKind},
    name::RelationName,
};
use serde_json::json;

/// Types without equality, or whose equality is not that of what people see.
const WITHOUT_EQUALITY: [&str; 9] = ["json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle"];

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct RowQuestion<'a> {
    /// The one relation, as it can be read.
    pub before: &'a RelationName,
    /// The other one.
    pub after: &'a RelationName,
    /// The columns that both have, with their types in each.
    pub columns: &'a [(String, String, String)],
    /// The columns that tell rows apart; nothing where none are known.
    pub key: &'a [String],
    /// How many rows to compare, about; all without.
    pub sample: Option<u64>,
}

/// How the rows differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowContrast {
    /// Rows of the one.
    pub before: u64,
    /// Rows of the other.
    pub after: u64,
    /// Rows that only the other has.
    pub added: u64,
    /// Rows that only the one has.
    pub removed: u64,
    /// What is known of rows that both have, by key; nothing where rows were compared as they are.
    pub keyed: Option<Keyed>,
    /// Rows whose key another row has, too, where that is why they were compared as they are.
    pub duplicates: u64,
}

/// Rows of the same key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyed {
    /// Rows that both have.
    pub matched: u64,
    /// Those of them that differ.
    pub changed: u64,
    /// In how many of them each column differs, in the order of the columns.
    pub columns: Vec<(String, u64)>,
}

/// Compares rows.
///
/// # Errors
/// When the database refuses it.
pub fn contrast(
    connection: &mut dyn Connection,
    statements: &dyn Statements,
    dialect: &str,
    question: &RowQuestion<'_>,
) -> Result<RowContrast, EngineError> {
    let has_equality = |data_type: &str| !WITHOUT_EQUALITY.contains(&data_type.trim_end_matches("[]"));
    let column = |(name, one, other): &(String, String, String)| json!({"name": name, "plain": one == other && (dialect != "postgres" || has_equality(one))});
    let all: Vec<_> = question.columns.iter().map(column).collect();
    let compared: Vec<&(String, String, String)> =
        question.columns.iter().filter(|(name, _, _)| !question.key.contains(name)).collect();
    let values = json!({
        "dialect": dialect,
        "before": question.before,
        "after": question.after,
        "key": question.key,
        "all": all,
        "columns": compared.iter().map(|one| column(one)).collect::<Vec<_>>(),
        "sample": question.sample,
    });
    let statements = statements.testing("contrast", &values).map_err(|problems| {
        let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
        EngineError::new(BUG, FailureKind::Permanent, message)
    })?;
    let mut found = RowContrast::default();
    for statement in statements {
        if statement.purpose == "keyed" && found.duplicates > 0 {
            continue;
        }
        let rows = connection.values(&statement.text)?;
        let mut numbers =
            rows.into_iter().flatten().map(|value| value.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default());
        if statement.purpose == "duplicates" {
            found.duplicates = numbers.sum();
            continue;
        }
        let mut next = || numbers.next().unwrap_or_default();
        (found.before, found.after, found.added, found.removed) = (next(), next(), next(), next());
        if statement.purpose == "keyed" {
            let (matched, changed) = (next(), next());
            let columns = compared.iter().map(|(name, _, _)| (name.clone(), next())).collect();
            found.keyed = Some(Keyed { matched, changed, columns });
            break;
        }
    }
    Ok(found)
}
