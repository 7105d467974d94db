//! `catalog.json`: what a run left in a database that may be locked when it is asked for again.
//!
//! In: what the database has and remembers. Out: JSON, and back. Never: what depends on a relation, which only views of strangers and
//! foreign keys do in such a database.

use super::VERSION;
use crate::{
    engine::{LiveColumn, LiveRelation, RelationKind},
    manifest::Manifest,
    name::RelationName,
    plan::Known,
};
use serde_json::{Value, json};

const KINDS: [(RelationKind, &str); 4] = [
    (RelationKind::Table, "table"),
    (RelationKind::View, "view"),
    (RelationKind::MaterializedView, "materialized_view"),
    (RelationKind::Other, "other"),
];

/// The whole of `catalog.json`.
#[must_use]
pub fn catalog(manifest: &Manifest, known: &Known) -> Value {
    let live = &known.live;
    let relation = |(name, found): (&RelationName, &LiveRelation)| {
        let kind = KINDS.iter().find(|(kind, _)| *kind == found.kind).map(|(_, word)| *word);
        let columns = known.columns.get(name).into_iter().flatten();
        let columns: Vec<(&str, &str)> = columns.map(|one| (one.name.as_str(), one.data_type.as_str())).collect();
        json!({"schema": name.schema, "name": name.name, "kind": kind, "comment": found.comment, "columns": columns})
    };
    json!({
        "version": VERSION,
        "project": manifest.project,
        "target": manifest.target,
        "schemas": live.schemas,
        "relations": live.relations.iter().map(relation).collect::<Vec<_>>(),
        "state": known.state,
        "settings": known.settings,
    })
}

/// What such a text says of this project's target; nothing if it is of another one, or of another version.
#[must_use]
pub fn read_catalog(manifest: &Manifest, text: &str) -> Option<Known> {
    let read: Value = serde_json::from_str(text).ok()?;
    let is = |key: &str, wanted: &str| read.get(key).and_then(Value::as_str) == Some(wanted);
    if read.get("version")?.as_u64() != Some(VERSION.into())
        || !is("project", &manifest.project)
        || !is("target", &manifest.target)
    {
        return None;
    }
    let state = serde_json::from_value(read.get("state")?.clone()).ok()?;
    let settings = serde_json::from_value(read.get("settings")?.clone()).ok()?;
    let mut known = Known { state, settings, ..Known::default() };
    let live = &mut known.live;
    live.schemas.extend(read.get("schemas")?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned));
    for relation in read.get("relations")?.as_array()? {
        let text = |key: &str| relation.get(key).and_then(Value::as_str);
        let kind = text("kind").and_then(|word| KINDS.iter().find(|(_, known)| *known == word))?.0;
        let comment = text("comment").map(str::to_owned);
        let found = LiveRelation { kind, oid: 0, comment, owner: None, may_alter: true };
        let name = RelationName::new(text("schema")?, text("name")?);
        let columns: Vec<(String, String)> = serde_json::from_value(relation.get("columns")?.clone()).ok()?;
        let column = |(name, data_type)| LiveColumn { name, data_type, nullable: true, comment: None, collation: None };
        known.columns.insert(name.clone(), columns.into_iter().map(column).collect());
        live.relations.insert(name, found);
    }
    Some(known)
}
