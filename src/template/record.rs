//! What a render asked for and set while it went.

use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

/// What one render asked for and set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// What `config(…)` set, with the place of each key.
    pub config: BTreeMap<String, (serde_json::Value, Span)>,
    /// What `ref(…)` named.
    pub refs: BTreeSet<Ref>,
    /// What `source(…)` named: source and table.
    pub sources: BTreeSet<(String, String)>,
    /// The variables that were asked for.
    pub vars: BTreeSet<String>,
    /// The environment variables that were asked for.
    pub environment: BTreeSet<String>,
    /// Those of them that hold secrets, which no SQL may show.
    pub secrets: Vec<SecretRead>,
    /// The macros that were called, without those that the text itself defines.
    pub macros: BTreeSet<String>,
    /// The files of macros whose text went into the output, by their paths.
    pub files: BTreeSet<String>,
    /// Whether `is_incremental()` was asked. If not, the render is the same in both modes.
    pub uses_incremental: bool,
    /// Whether `this` was used.
    pub uses_this: bool,
    /// What `log(…)`, `print(…)` and `exceptions.warn(…)` said, in order.
    pub logs: Vec<String>,
}

/// A model that a text names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// The package, where one is named.
    pub package: Option<String>,
    /// The model.
    pub name: String,
    /// The version, where one is named.
    pub version: Option<String>,
}

/// A secret that a text asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRead {
    /// The name of the environment variable.
    pub name: String,
    /// Where it was asked for.
    pub span: Span,
    /// Whether its value stands in the rendered text, in whatever case; other changes to it are not seen.
    pub printed: bool,
}
