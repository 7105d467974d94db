//! Disk to [`Project`]: the only reader of the user's files, and of YAML.
//!
//! In: a folder with a `suiro.yml`, the environment, what the command line says. Out: an immutable [`Project`] as far as
//! it could be read, the text of every file, and all diagnostics of all files; one broken file does not hide the others'
//! problems. Never: rendering or reading SQL, opening a connection, or guessing what a key could mean.
//!
//! `key/` is the one table of keys; `yaml/` keeps the place of every value; `field` brings the two together. `config`
//! merges what is said about a node in several places, the closest first: front matter or `config(…)`, the YAML entry,
//! the folder, the folders above it.

mod catalog;
mod config;
mod disk;
mod docs;
mod field;
mod folder;
mod front_matter;
mod import;
mod instance;
mod key;
mod load;
mod location;
mod matching;
mod model;
mod naming;
mod property;
mod render;
mod seed;
mod selector;
mod settings;
mod target;
mod value;
mod values;
mod yaml;

pub use catalog::{CATALOG_FILE, CatalogColumn, ColumnCatalog};
pub use config::{Config, NodeKind, Setting};
pub use field::Given;
pub use import::{Imported, Note, import_dbt};
pub use instance::Instance;
pub use key::{key_reference, time_range_keys};
pub use load::{LoadOptions, Loaded, load};
pub use location::Location;
pub use model::Model;
pub use property::{Argument, Column, Exposure, Fixture, Freshness, SourceTable, TestEntry, UnitEntry, WrittenName};
pub use render::{Render, RenderScope};
pub use seed::{Rows, Seed, SeedColumn, SeedTable, SeedType};
pub use selector::{Definition, MethodDefinition, Selector};
pub use settings::{Publish, Settings, UnknownRelations};
pub use target::{Attached, DuckDbSecret, DuckDbTarget, Extension, PostgresTarget, Secret, Target, TargetKind};
pub use values::{ValueList, with_values};

use crate::{diagnostic::Diagnostic, source::FileId};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// A project as it stands on disk, with one of its targets chosen.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of `suiro.yml`, absolute.
    pub root: PathBuf,
    /// Its name.
    pub name: String,
    /// The chosen target.
    pub target: Target,
    /// The names of all targets, in order of name.
    pub target_names: Vec<String>,
    /// What else `suiro.yml` says.
    pub settings: Settings,
    /// The models, by path; those that are not enabled too.
    pub models: Vec<Model>,
    /// The seeds, by path; those that are not enabled too.
    pub seeds: Vec<Seed>,
    /// The tables of all sources, in the order in which they are described.
    pub source_tables: Vec<SourceTable>,
    /// Who uses the results.
    pub exposures: Vec<Exposure>,
    /// The values of `var()`: those of `--vars` over those of `suiro.yml`.
    pub vars: BTreeMap<String, Value>,
    /// The macros: the files below `macros/` of the template paths.
    pub macro_files: Vec<TextFile>,
    /// The other templates of the template paths, by path below them (`materializations/table.sql.jinja`); of several
    /// with one path that of the first template path.
    pub template_overrides: BTreeMap<String, TextFile>,
    /// The tests that are SQL files, by path; those that are not enabled too.
    pub singular_tests: Vec<Model>,
    /// The tests of models on given rows.
    pub unit_tests: Vec<UnitEntry>,
    /// The docs blocks of the Markdown files below the model paths, by name.
    pub docs: BTreeMap<String, String>,
    /// The lists of values below `values/`.
    pub value_lists: Vec<ValueList>,
    /// The columns of sources as the database gave them.
    pub catalog: ColumnCatalog,
}

/// A file that other phases read.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// The file.
    pub file: FileId,
    /// Its path relative to the project, with `/`.
    pub path: String,
    /// Its path below the template path.
    pub below: String,
    /// Which template path it stands below: of files with one path below, that of the highest layer counts.
    pub layer: usize,
    /// Its text.
    pub text: Arc<str>,
}

impl Project {
    /// Every name that cannot work in the target's database and every name that two nodes share. To be asked once the
    /// configuration is complete, that is after [`Model::merge_recorded`].
    #[must_use]
    pub fn check_names(&self) -> Vec<Diagnostic> {
        naming::check(self)
    }
}
