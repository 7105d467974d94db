//! The columns of sources as the database gave them: `catalog.json`, which `suiro catalog refresh` writes.
//!
//! In: such a file, if there is one. Out: a [`ColumnCatalog`]. Never: asking the database.

use crate::{
    diagnostic::{Diagnostic, code},
    dialect::Dialect,
    name::RelationName,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// The file's name, relative to the project.
pub const CATALOG_FILE: &str = "catalog.json";

/// Columns of relations that the project does not make, as they were when the catalog was refreshed last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnCatalog {
    /// The engine whose types these are.
    pub dialect: Option<Dialect>,
    /// The columns of each relation, in order.
    pub relations: BTreeMap<String, Vec<CatalogColumn>>,
}

/// A column as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogColumn {
    /// Its name.
    pub name: String,
    /// Its type in the engine's words.
    #[serde(rename = "type")]
    pub data_type: String,
}

impl ColumnCatalog {
    /// The columns of a relation, all of them; nothing where they were not asked for, or of another engine.
    #[must_use]
    pub fn columns(&self, dialect: Dialect, relation: &RelationName) -> Option<&[CatalogColumn]> {
        let of_it = self.dialect == Some(dialect);
        self.relations.get(&relation.to_string()).filter(|_| of_it).map(Vec::as_slice)
    }
}

/// The catalog of the project in that folder; an empty one where there is none.
pub(super) fn read(root: &Path) -> (ColumnCatalog, Option<Diagnostic>) {
    let Ok(text) = fs_err::read_to_string(root.join(CATALOG_FILE)) else { return (ColumnCatalog::default(), None) };
    match serde_json::from_str(&text) {
        Ok(catalog) => (catalog, None),
        Err(error) => {
            let message = format!("`{CATALOG_FILE}` is no catalog of columns: {error}");
            let problem = Diagnostic::error(code::UNREADABLE_FILE, message);
            (
                ColumnCatalog::default(),
                Some(problem.help("`suiro catalog refresh` writes it anew; before that, delete it")),
            )
        }
    }
}
