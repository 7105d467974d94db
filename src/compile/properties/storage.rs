//! How PostgreSQL stores a relation: `unlogged`, `tablespace`, `storage`, `partition_by`.

use super::{Subject, effective, not_a_table, partition};
use crate::{diagnostic::Diagnostic, dialect::Dialect, manifest::Storage};

/// How a relation is stored.
pub fn storage(subject: Subject<'_>, found: &mut Vec<Diagnostic>) -> Storage {
    let why_not = match subject.dialect {
        Dialect::DuckDb => Some("it is PostgreSQL's"),
        Dialect::Postgres => not_a_table(subject.node),
    };
    let mut value = |key: &str| effective(subject, key, why_not, found).map(|setting| setting.value.clone());
    let unlogged = value("unlogged").and_then(|value| value.as_bool()).unwrap_or(false);
    let tablespace = value("tablespace").and_then(|value| value.as_str().map(str::to_owned));
    let parameters = value("storage").and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let partition_by = effective(subject, "partition_by", why_not, found);
    Storage {
        unlogged,
        tablespace,
        parameters: parameters.into_iter().collect(),
        partition_by: partition_by.and_then(|setting| partition::partitions(subject, setting, found)),
    }
}
