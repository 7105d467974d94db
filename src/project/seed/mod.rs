//! Seeds: tables that are kept as files of comma-separated values in the project.
//!
//! In: a file and its configuration. Out: columns with types that suiro infers itself, over all rows, the same for every
//! engine; a hash of the content; the rows, as a stream. Never: a whole file in memory.

mod decode;
mod format;
mod infer;
mod problem;
mod records;
mod scan;
mod table;

pub(crate) use format::Format;
pub use infer::SeedType;
pub(crate) use infer::is_moment;
pub(crate) use problem::{Problem, excerpt};
pub(crate) use scan::unknown_types;
pub use scan::{Rows, SeedColumn, SeedTable};
pub(crate) use table::read_table;

use super::{
    config::Config,
    property::{Column, TestEntry},
    target::Target,
};
use crate::{diagnostic::Diagnostic, dialect::Dialect, name::RelationName, source::FileId};
use std::path::PathBuf;

/// A seed.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The file; only its first line is kept as text.
    pub file: FileId,
    /// Its path relative to the project, with `/`.
    pub path: String,
    /// Its path below the model path, without extension.
    pub below: String,
    /// The file's name without extension.
    pub stem: String,
    /// Where it is.
    pub absolute: PathBuf,
    /// Its configuration, merged.
    pub config: Config,
    /// What is said about its columns.
    pub columns: Vec<Column>,
    /// Tests of its rows.
    pub tests: Vec<TestEntry>,
    /// What was found in the file; nothing if it was not read, or is broken.
    pub table: Option<SeedTable>,
    pub(crate) format: Format,
}

impl Seed {
    /// The relation's name: `alias`, else the file's.
    #[must_use]
    pub fn name(&self) -> &str {
        self.config.text("alias").map_or(&self.stem, |alias| alias.value)
    }

    /// The relation in the database.
    #[must_use]
    pub fn relation(&self, target: &Target) -> RelationName {
        let schema = self.config.text("schema").map_or(target.schema.as_str(), |schema| schema.value);
        RelationName::new(schema, self.name())
    }

    /// The rows, read again from the file; values are in a form that every engine reads as the column's type.
    pub fn rows(&self) -> impl Iterator<Item = Result<Vec<Option<String>>, Diagnostic>> + use<> {
        Rows::open(self)
    }

    /// Reads the whole file once for its types and its hash.
    pub(crate) fn scan(&self, dialect: Option<Dialect>) -> Result<(SeedTable, Vec<Problem>), Vec<Problem>> {
        scan::scan(self, dialect)
    }
}
