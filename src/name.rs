//! The names of models, relations and columns as types.
//!
//! In: what people wrote. Out: names that can be compared. Never: quoting or folding, which differ by engine and live
//! in `dialect/`.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// A relation in the warehouse: schema and name, exactly as the database stores them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelationName {
    /// The database, where it is not the target's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Arc<str>>,
    /// The schema.
    pub schema: Arc<str>,
    /// The relation's own name.
    pub name: Arc<str>,
}

impl RelationName {
    /// The relation `name` in `schema` of the target's own database.
    pub fn new(schema: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { database: None, schema: schema.into(), name: name.into() }
    }

    /// The parts, outermost first.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.database.as_deref().into_iter().chain([&*self.schema, &*self.name])
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(database) = &self.database {
            write!(formatter, "{database}.")?;
        }
        write!(formatter, "{}.{}", self.schema, self.name)
    }
}

/// One part of a name as it stands in SQL: `Orders`, `"Orders"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamePart {
    /// The name, quotes removed and doubled quotes undone.
    pub value: String,
    /// Whether it was quoted.
    pub quoted: bool,
}

impl NamePart {
    /// An unquoted part.
    pub fn bare(value: impl Into<String>) -> Self {
        Self { value: value.into(), quoted: false }
    }

    /// A quoted part.
    pub fn quoted(value: impl Into<String>) -> Self {
        Self { value: value.into(), quoted: true }
    }
}
