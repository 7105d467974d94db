//! What makes a node what it is: everything whose change makes it another, as hashes.
//!
//! In: the manifest, and what the target adds: settings of its sessions, functions that users have made, templates that
//! the project overrides. Out: a [`Definition`] by itself for each node; [`super::decide`] puts those of the nodes above
//! to it. What counts and what does not is in decision 0009.

use crate::{
    dialect::{
        Dialect,
        functions::{self, Volatility},
    },
    engine::UserFunction,
    manifest::{
        CompiledSql, Constraint, Form, Manifest, Node, NodeId, NodeKind, Properties, Rendering, SqlPart, Storage,
    },
    parse::canonical,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Keys of configuration that change nothing of what is built: they describe, select, or say when and how to run.
const WITHOUT_EFFECT: [&str; 26] = [
    "alias",
    "deterministic",
    "docs",
    "enabled",
    "error_if",
    "fail_calc",
    "full_refresh",
    "grants",
    "indexes",
    "constraints",
    "instances",
    "keep",
    "meta",
    "on_definition_change",
    "on_schema_change",
    "owner",
    "persist_docs",
    "post_hook",
    "pre_hook",
    "schema",
    "severity",
    "source",
    "store_failures",
    "table",
    "tags",
    "warn_if",
];

/// The text of the materialization template of that name, where the project has its own.
pub type Template<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a target adds to every definition.
pub struct Surroundings<'a> {
    /// What its sessions pin.
    pub settings: &'a BTreeMap<String, String>,
    /// Functions that users have made, by name.
    pub functions: &'a BTreeMap<String, UserFunction>,
    /// The text of the materialization template of that name, where the project has its own.
    pub template: Template<'a>,
}

/// A node by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// Its parts, as `part:hash` between blanks, so that a change can be named.
    pub own: String,
    /// What only describes it.
    pub described: String,
    /// What may answer differently each time, in words for people; none if its rows follow from what it reads.
    pub moving: Option<String>,
}

/// The definition of a node by itself.
#[must_use]
pub fn definition(manifest: &Manifest, id: NodeId, around: &Surroundings<'_>) -> Definition {
    let node = manifest.node(id);
    let mut parts: Vec<(&str, String)> = Vec::new();
    let mut moving = None;
    let mut calls = BTreeSet::new();
    if node.kind == NodeKind::Seed {
        let columns = node.columns.iter().flatten();
        parts.push((
            "columns",
            hash(&[json!(columns.map(|one| (&one.name, &one.data_type)).collect::<Vec<_>>()).to_string()]),
        ));
    }
    if node.kind != NodeKind::Source {
        let mut texts = Vec::new();
        for rendering in [Rendering::Full, Rendering::Incremental] {
            if let Some(sql) = node.rendering(rendering) {
                let found = canonical(&named(manifest, sql), manifest.dialect);
                calls.extend(found.calls);
                moving = moving.or(found.moving);
                texts.push(found.text);
            }
        }
        if let Some(varying) = &node.varying {
            texts = varying.fixed.iter().map(|text| canonical(text, manifest.dialect).text).collect();
        }
        if !texts.is_empty() {
            parts.push(("sql", hash(&texts)));
        }
    }
    if let Some(test) = &node.test {
        parts.push(("test", hash(&[json!(test).to_string()])));
    }
    let counts = |key: &str| !WITHOUT_EFFECT.contains(&key);
    let config: BTreeMap<&String, &Value> = node.config.iter().filter(|(key, _)| counts(key)).collect();
    let materialized = node.materialized.as_deref().unwrap_or_default();
    parts.push(("configuration", hash(&[materialized.to_owned(), json!(config).to_string()])));
    let (properties, hooks) = properties(manifest, &node.properties);
    // What only describes it is no part of it, be it the first thing that is said of a node.
    if let Some(properties) = properties {
        parts.push(("properties", hash(&[properties])));
    }
    if !hooks.is_empty() {
        parts.push(("hooks", hash(&hooks)));
    }
    if let Some(text) = (around.template)(materialized) {
        parts.push(("template", hash(&[text])));
    }
    if node.kind != NodeKind::Source {
        parts.push(("settings", hash(&[json!(around.settings).to_string()])));
    }
    let (bodies, changing) = called(manifest.dialect, &calls, around.functions);
    if !bodies.is_empty() {
        parts.push(("functions", hash(&bodies)));
    }
    let is_deterministic = node.config.get("deterministic").and_then(Value::as_bool) == Some(true);
    Definition {
        own: parts.iter().map(|(name, hash)| [*name, hash].join(":")).collect::<Vec<_>>().join(" "),
        described: described(&node.properties),
        moving: moving.or(changing).filter(|_| !is_deterministic),
    }
}

/// SQL with each relation by its qualified name.
fn named(manifest: &Manifest, sql: &CompiledSql) -> String {
    let mut text = String::new();
    for part in &sql.parts {
        match part {
            SqlPart::Written { text: written, .. } => text.push_str(written),
            // An alias that suiro adds is as the name was written, whose case means nothing to DuckDB.
            SqlPart::Inserted(added) if manifest.dialect == Dialect::DuckDb => text.push_str(&added.to_lowercase()),
            SqlPart::Inserted(added) => text.push_str(added),
            SqlPart::Relation { node, .. } => text.push_str(&relation_text(manifest, manifest.node(*node))),
        }
    }
    text
}

fn relation_text(manifest: &Manifest, node: &Node) -> String {
    node.relation.as_ref().map_or_else(|| node.name.clone(), |relation| manifest.dialect.relation(relation))
}

/// What only describes a relation.
fn described(properties: &Properties) -> String {
    hash(&[json!([properties.comment, properties.column_comments, properties.grants]).to_string()])
}

/// What the relation has besides its rows, without what describes it, if it has anything; and the hooks, by themselves.
fn properties(manifest: &Manifest, properties: &Properties) -> (Option<String>, Vec<String>) {
    let constraint = |constraint: &Constraint| {
        let to = constraint.to.map(|to| relation_text(manifest, manifest.node(to)));
        json!([Constraint { to: None, ..constraint.clone() }, to])
    };
    let constraints: Vec<Value> = properties.constraints.iter().map(constraint).collect();
    let plain = properties.indexes.is_empty() && constraints.is_empty() && properties.storage == Storage::default();
    let text = (!plain).then(|| json!([properties.indexes, constraints, properties.storage]).to_string());
    let hooks = &properties.hooks;
    let mut texts = Vec::new();
    for (when, list) in [("before", &hooks.before), ("after", &hooks.after), ("outside", &hooks.outside)] {
        for hook in list {
            texts.push(when.to_owned());
            texts.push(canonical(&named(manifest, hook), manifest.dialect).text);
        }
    }
    (text, texts)
}

/// The bodies of the users' functions among these calls, those that they call included, and what of all calls may answer
/// differently each time.
fn called(
    dialect: Dialect,
    calls: &BTreeSet<String>,
    users: &BTreeMap<String, UserFunction>,
) -> (Vec<String>, Option<String>) {
    let mut bodies = Vec::new();
    let mut moving = None;
    let mut seen = BTreeSet::new();
    let mut edge: Vec<String> = calls.iter().rev().cloned().collect();
    while let Some(name) = edge.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let theirs = match dialect {
            Dialect::Postgres => users.get(&name),
            Dialect::DuckDb => users.get(&name.to_lowercase()),
        };
        if let Some(function) = theirs {
            bodies.push(name.clone());
            bodies.push(function.body.clone());
            let inner = canonical(&function.body, dialect);
            if function.volatility.is_none() {
                moving = moving.or(inner.moving);
            }
            edge.extend(
                inner.calls.into_iter().filter(|call| function.volatility.is_none() || users.contains_key(call)),
            );
        }
        // A name may be both the engine's and a user's: the worse answer counts.
        let worst = functions::volatility(dialect, &name).max(theirs.and_then(|function| function.volatility));
        if worst.is_some_and(|worst| worst > Volatility::Immutable) && !functions::follows_settings(dialect, &name) {
            moving = moving.or_else(|| Some(format!("`{name}()`")));
        }
    }
    (bodies, moving)
}

/// Whether a node is read through: its SQL stands in that of its readers.
#[must_use]
pub fn is_transparent(node: &Node) -> bool {
    node.kind == NodeKind::Model && node.form() == Form::Ephemeral
}

/// A hash of texts, each with its length, so that no two lists look the same.
#[must_use]
pub fn hash(texts: &[String]) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&text.len().to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex()[..24].to_owned()
}
