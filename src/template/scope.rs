//! What a template can see: the target, variables, the environment, and the model it is the text of.
//!
//! In: plain values. Out: the same values as the engine has them, converted once and shared by all renders.

use super::{Tested, value::from_json};
use crate::{dialect::Dialect, name::NamePart, source::FileId};
use minijinja::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// Looks up an environment variable; none if it is not set. Must give the same answer for the same name every time.
pub type EnvironmentLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What is known of a relation's columns without asking the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownColumns {
    /// All of them: names and types, in order.
    All(Vec<(String, String)>),
    /// The relation is known, its columns are not, or not all of them; with what the relation is.
    Unknown(&'static str),
    /// There is no such relation; with the name of one that resembles it.
    NoSuchRelation(Option<String>),
    /// The name has several meanings.
    Ambiguous,
}

/// Looks up the columns of a relation by its written name, as seen from a schema. Must give the same answer for the same
/// question every time.
pub type ColumnLookup = Arc<dyn Fn(&[NamePart], &str) -> KnownColumns + Send + Sync>;

/// The target, as templates see it: `target.name`, `.type`, `.schema`, `.database` (also `.dbname`), `.threads`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Its name in `suiro.yml`.
    pub name: String,
    /// `duckdb` or `postgres`.
    pub kind: String,
    /// The default schema.
    pub schema: String,
    /// The database, where it is known without connecting.
    pub database: Option<String>,
    /// How many models are built at once.
    pub threads: usize,
}

/// What every template of a project can see.
#[derive(Clone)]
pub struct Visible {
    /// The target.
    pub target: Target,
    /// What `var()` answers.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// What `env_var()` answers.
    pub environment: EnvironmentLookup,
    /// What `doc()` answers.
    pub docs: BTreeMap<String, String>,
    /// What `columns()` answers.
    pub columns: ColumnLookup,
    /// What `values()` answers; none for a list that was never fetched.
    pub values: BTreeMap<String, Option<serde_json::Value>>,
    /// How names and texts are written in SQL.
    pub dialect: Dialect,
    /// Further names with their values; they come before macros and functions of the same name.
    pub globals: BTreeMap<String, serde_json::Value>,
}

/// The same, ready for the engine: made once, shared by every render.
#[derive(Clone)]
pub struct Scope(pub(super) Arc<Seen>);

pub(super) struct Seen {
    /// Undefined where no target is known.
    pub target: Value,
    pub vars: BTreeMap<String, Value>,
    pub environment: EnvironmentLookup,
    pub docs: BTreeMap<String, String>,
    pub columns: ColumnLookup,
    pub values: BTreeMap<String, Option<Value>>,
    pub dialect: Dialect,
    pub globals: BTreeMap<String, Value>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scope").field("vars", &self.0.vars.keys()).finish_non_exhaustive()
    }
}

impl Scope {
    /// Converts the values once.
    #[must_use]
    pub fn new(visible: Visible) -> Self {
        let values = |map: BTreeMap<String, serde_json::Value>| {
            map.into_iter().map(|(name, value)| (name, from_json(&value))).collect()
        };
        let lists = visible.values.into_iter().map(|(name, list)| (name, list.as_ref().map(from_json))).collect();
        Self(Arc::new(Seen {
            target: visible.target.into_value(),
            vars: values(visible.vars),
            environment: visible.environment,
            docs: visible.docs,
            columns: visible.columns,
            values: lists,
            dialect: visible.dialect,
            globals: values(visible.globals),
        }))
    }

    /// The same with other values of these variables, and with these in front of the environment.
    #[must_use]
    pub fn with(&self, vars: &BTreeMap<String, serde_json::Value>, environment: &BTreeMap<String, String>) -> Self {
        let seen = &self.0;
        let mut all = seen.vars.clone();
        all.extend(vars.iter().map(|(name, value)| (name.clone(), from_json(value))));
        let (own, rest) = (environment.clone(), Arc::clone(&seen.environment));
        Self(Arc::new(Seen {
            target: seen.target.clone(),
            vars: all,
            environment: Arc::new(move |name| own.get(name).cloned().or_else(|| rest(name))),
            docs: seen.docs.clone(),
            columns: Arc::clone(&seen.columns),
            values: seen.values.clone(),
            dialect: seen.dialect,
            globals: seen.globals.clone(),
        }))
    }

    /// The same with these variables as they are here, or without a value.
    #[must_use]
    pub fn with_fixed(&self, names: &BTreeSet<String>, values: &BTreeMap<String, serde_json::Value>) -> Self {
        let seen = &self.0;
        let mut vars = seen.vars.clone();
        vars.retain(|name, _| !names.contains(name));
        vars.extend(values.iter().map(|(name, value)| (name.clone(), from_json(value))));
        Self(Arc::new(Seen {
            target: seen.target.clone(),
            vars,
            environment: Arc::clone(&seen.environment),
            docs: seen.docs.clone(),
            columns: Arc::clone(&seen.columns),
            values: seen.values.clone(),
            dialect: seen.dialect,
            globals: seen.globals.clone(),
        }))
    }

    /// A scope with these variables, this environment, and the target once it is known; nothing else.
    #[must_use]
    pub fn of_settings(
        vars: &BTreeMap<String, serde_json::Value>,
        environment: EnvironmentLookup,
        target: Option<Target>,
    ) -> Self {
        Self(Arc::new(Seen {
            target: target.map_or(Value::UNDEFINED, Target::into_value),
            vars: vars.iter().map(|(name, value)| (name.clone(), from_json(value))).collect(),
            environment,
            docs: BTreeMap::new(),
            columns: Arc::new(|_, _| KnownColumns::NoSuchRelation(None)),
            values: BTreeMap::new(),
            dialect: Dialect::DuckDb,
            globals: BTreeMap::new(),
        }))
    }
}

impl Target {
    fn into_value(self) -> Value {
        Value::from_pairs([
            ("name", Value::from(self.name)),
            ("type", Value::from(self.kind)),
            ("schema", Value::from(self.schema)),
            ("database", Value::from(self.database.clone())),
            ("dbname", Value::from(self.database)),
            ("threads", Value::from(self.threads)),
        ])
    }
}

/// The relation that a model becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct This {
    /// Its database, where it is known.
    pub database: Option<String>,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
}

/// One model to be rendered in one way.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The file.
    pub file: FileId,
    /// All of its text.
    pub text: &'a str,
    /// Where the SQL starts, behind the front matter; what stands before is not rendered, and places still count from
    /// the start of the file.
    pub start: usize,
    /// What `this` is.
    pub this: &'a This,
    /// What `is_incremental()` answers.
    pub incremental: bool,
    /// What `config.get()` knows besides what the text itself configures.
    pub config: &'a BTreeMap<String, serde_json::Value>,
    /// What `instance` is, for a model that is built once for each of several.
    pub instance: Option<&'a serde_json::Value>,
    /// What the text of a test is about.
    pub tested: Option<Tested<'a>>,
    /// What else the text can see.
    pub scope: &'a Scope,
}
