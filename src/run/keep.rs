//! Replaced versions that are kept: where they stand, and dropping those that are more than a model keeps.
//!
//! A version that is replaced by a swap moves to a schema of its own; one that is changed where it is, and any on DuckDB,
//! is copied there first. Both happen in the transaction of the publish, which also writes a row for it into the state.
//! Only what this row names, by object id where the engine has one that lasts, and what carries the mark of the relation
//! that it was a version of, is ever dropped.

use super::{
    Context, Session, StagedKind, Statement, Statements, context,
    publish::{Cut, Retired},
    state::{self, step, with},
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{KEY_WITHOUT_EFFECT, STATEMENT_REFUSED},
    },
    dialect::Dialect,
    engine::{EngineError, RelationKind},
    manifest::{Form, Manifest, Node, NodeId, NodeKind},
    name::RelationName,
    plan::{Recipe, is_ours, kept_schema, mark},
    state::{Kept, read_kept},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many replaced versions of a node's relation stay.
#[must_use]
pub fn wanted(node: &Node) -> usize {
    if !can_be_kept(node) {
        return 0;
    }
    node.config.get("keep").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}

/// Whether versions of a node's relation can be kept: of tables that a query makes, or adds to.
#[must_use]
pub fn can_be_kept(node: &Node) -> bool {
    node.kind == NodeKind::Model && matches!(node.form(), Form::Table | Form::Incremental) && !node.is_snapshot()
}

/// What of a cut is kept, and how.
#[derive(Debug, Default)]
pub struct Keeping {
    /// What moves away when it is replaced.
    moved: BTreeSet<NodeId>,
    /// What is copied before it is changed or dropped.
    copied: BTreeSet<NodeId>,
}

impl Keeping {
    /// What of a cut is kept: tables that are the project's own, and whose version is remembered.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn of(context: &Context<'_>, session: &mut Session<'_>, cut: &Cut<'_>) -> Result<Self, EngineError> {
        let mut keeping = Self::default();
        // Where the role may make no schemas there is no room.
        if !context.recording.keeps || !context.staging_schemas.is_empty() {
            return Ok(keeping);
        }
        let project = &context.manifest.project;
        let candidates: Vec<(NodeId, &RelationName)> = cut
            .nodes
            .iter()
            .map(|id| (*id, context.manifest.node(*id)))
            .filter(|(_, node)| wanted(node) > 0)
            .filter_map(|(id, node)| Some((id, node.relation.as_ref()?)))
            .filter(|(_, relation)| {
                let live = cut.live.relations.get(relation);
                live.is_some_and(|live| {
                    live.kind == RelationKind::Table && is_ours(project, relation, live.comment.as_deref())
                })
            })
            .collect();
        if candidates.is_empty() {
            return Ok(keeping);
        }
        let names: Vec<&RelationName> = candidates.iter().map(|(_, relation)| *relation).collect();
        let mut known: BTreeSet<(String, String)> = BTreeSet::new();
        for statement in step(context.statements, "versions", &values(context, json!({"chosen": names})))? {
            for row in session.values(None, &statement)? {
                if let [Some(schema), Some(name)] = row.as_slice() {
                    known.insert((schema.clone(), name.clone()));
                }
            }
        }
        for (id, relation) in candidates {
            if !known.contains(&(relation.schema.to_string(), relation.name.to_string())) {
                continue;
            }
            let swapped = cut.makes_room(id) && context.manifest.dialect == Dialect::Postgres;
            let changed = cut.makes_room(id)
                || cut.kind(id) == StagedKind::Increment
                || matches!(cut.recipes.get(&id), Some(Recipe::InPlace(_)));
            if swapped {
                keeping.moved.insert(id);
            } else if changed {
                keeping.copied.insert(id);
            }
        }
        Ok(keeping)
    }

    /// Where the version of a node's relation is kept.
    fn place<'a>(context: &Context<'a>, id: NodeId) -> Option<(&'a RelationName, RelationName)> {
        let relation = context.manifest.node(id).relation.as_ref()?;
        Some((relation, RelationName::new(kept_schema(context.run, relation), relation.name.clone())))
    }

    /// The statements that copy what is going to be changed or dropped.
    ///
    /// # Errors
    /// When the template fails.
    pub fn copies(&self, context: &Context<'_>) -> Result<Vec<Statement>, EngineError> {
        let copied = self.copied.iter().filter_map(|id| Self::place(context, *id));
        let copied: Vec<Value> = copied
            .map(|(relation, kept)| {
                json!({
                    "live": context.qualified(relation),
                    "kept": context.qualified(&kept),
                    "mark": mark(&context.manifest.project, relation),
                })
            })
            .collect();
        if copied.is_empty() {
            return Ok(Vec::new());
        }
        context.step("keep", &json!({"schemas": Self::schemas(context, &self.copied), "copied": copied, "moved": []}))
    }

    fn schemas(context: &Context<'_>, ids: &BTreeSet<NodeId>) -> Vec<Value> {
        let schemas: BTreeSet<String> =
            ids.iter().filter_map(|id| Some(Self::place(context, *id)?.1.schema.to_string())).collect();
        let mark = format!("suiro: {} versions replaced by run {}", context.manifest.project, context.run);
        schemas.iter().map(|name| json!({"name": name, "database": context.database, "mark": mark})).collect()
    }

    /// The statements that write down what is kept: before the rows of state are those of the new versions.
    ///
    /// # Errors
    /// When the template fails.
    pub fn record(&self, context: &Context<'_>) -> Result<Vec<Statement>, EngineError> {
        let place = |(id, copied): (&NodeId, bool)| {
            let (relation, kept) = Self::place(context, *id)?;
            Some(json!({
                "schema_name": relation.schema, "relation_name": relation.name,
                "kept_schema": kept.schema, "kept_name": kept.name, "copied": copied,
            }))
        };
        let all = self.moved.iter().map(|id| (id, false)).chain(self.copied.iter().map(|id| (id, true)));
        let rows: Vec<Value> = all.filter_map(place).collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        step(context.statements, "keep", &values(context, json!({"rows": rows})))
    }

    /// The statements that move what was replaced to where it is kept, and says so in what was retired: it is not to be
    /// dropped.
    ///
    /// # Errors
    /// When the template fails.
    pub fn moves(&self, context: &Context<'_>, retired: &mut [Retired]) -> Result<Vec<Statement>, EngineError> {
        let mut moved = Vec::new();
        for old in retired.iter_mut() {
            if let Some(id) = old.node.filter(|id| self.moved.contains(id))
                && let Some((_, kept)) = Self::place(context, id)
            {
                old.kept = true;
                moved.push(json!({"kind": old.kind, "name": old.name, "schema": kept.schema}));
            }
        }
        if moved.is_empty() {
            return Ok(Vec::new());
        }
        context.step("keep", &json!({"schemas": Self::schemas(context, &self.moved), "copied": [], "moved": moved}))
    }
}

fn values(context: &Context<'_>, more: Value) -> Value {
    with(state::common(context.manifest, context.recording.schema, context.database), more)
}

/// Drops the versions of what was published that are more than its models keep, and takes from the others what ties them
/// to relations that go on: a foreign key would keep those from being swapped.
pub fn trim(context: &Context<'_>, session: &mut Session<'_>, published: &BTreeSet<NodeId>) -> Vec<Diagnostic> {
    if !context.recording.keeps || published.is_empty() {
        return Vec::new();
    }
    let mut told: Vec<Diagnostic> =
        try_trim(context, session, published).err().map(|error| problem(&error.message)).into_iter().collect();
    if !context.staging_schemas.is_empty() && published.iter().any(|id| wanted(context.manifest.node(*id)) > 0) {
        let message =
            "replaced versions were not kept: the target has a `staging_schema`, so there is no schema for them";
        told.push(
            Diagnostic::warning(KEY_WITHOUT_EFFECT, message).help("take `keep` out, or let the role make schemas"),
        );
    }
    told
}

fn problem(why: &str) -> Diagnostic {
    let message = format!("replaced versions that are kept no more could not be dropped: {why}");
    Diagnostic::warning(STATEMENT_REFUSED, message).help("the next run tries again")
}

fn try_trim(context: &Context<'_>, session: &mut Session<'_>, published: &BTreeSet<NodeId>) -> Result<(), EngineError> {
    let keeper = Keeper {
        manifest: context.manifest,
        statements: context.statements,
        state_schema: context.recording.schema,
        database: context.database,
    };
    let mut kept: BTreeMap<RelationName, Vec<Kept>> = BTreeMap::new();
    for one in keeper.all(session)? {
        kept.entry(one.relation.clone()).or_default().push(one);
    }
    for id in published {
        let node = context.manifest.node(*id);
        let Some(all) = node.relation.as_ref().and_then(|relation| kept.get(relation)) else { continue };
        let (stay, go) = all.split_at(wanted(node).min(all.len()));
        for one in go {
            keeper.drop_version(session, one)?;
        }
        for one in stay.iter().filter(|_| context.manifest.dialect == Dialect::Postgres) {
            untie(context, session, one)?;
        }
    }
    Ok(())
}

/// Takes the foreign keys from a version.
fn untie(context: &Context<'_>, session: &mut Session<'_>, one: &Kept) -> Result<(), EngineError> {
    let mut keys = Vec::new();
    for statement in context.step("tied", &json!({"relation": one.place}))? {
        keys.extend(session.values(None, &statement)?.into_iter().flatten().flatten());
    }
    for key in keys {
        for statement in context.step("untie", &json!({"relation": one.place, "key": key}))? {
            session.execute(None, &statement)?;
        }
    }
    Ok(())
}

/// What looks after versions that are kept.
#[derive(Clone, Copy)]
pub struct Keeper<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// The schema of the tables of state.
    pub state_schema: &'a str,
    /// The name that the database gives to itself, where names are to be qualified by it.
    pub database: Option<&'a str>,
}

impl Keeper<'_> {
    fn values(&self, more: Value) -> Value {
        with(state::common(self.manifest, self.state_schema, self.database), more)
    }

    /// All versions that are kept, of each relation the newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn all(&self, session: &mut Session<'_>) -> Result<Vec<Kept>, EngineError> {
        let live = session.connection.catalog(&[self.state_schema])?;
        if !state::keeps(&live, self.state_schema) {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for statement in step(self.statements, "kept", &self.values(Value::Null))? {
            all.extend(read_kept(&session.values(None, &statement)?));
        }
        Ok(all)
    }

    /// Drops a version that is ours, forgets it, and drops its schema if nothing else is in it. One that is somebody
    /// else's by now stays.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn drop_version(&self, session: &mut Session<'_>, one: &Kept) -> Result<(), EngineError> {
        let live = session.connection.catalog(&[&*one.place.schema])?;
        let mut statements = Vec::new();
        let found = live.relations.get(&one.place);
        if let Some(found) = found {
            let same = one.oid.is_none_or(|oid| found.oid == 0 || found.oid == oid);
            if !same || !is_ours(&self.manifest.project, &one.relation, found.comment.as_deref()) {
                return Ok(());
            }
            let name = RelationName { database: self.database.map(Into::into), ..one.place.clone() };
            let relation = json!({"name": name, "kind": found.kind.word()});
            statements = context::step(self.statements, "discard", &json!({"relations": [relation], "schemas": []}))?;
        }
        statements.extend(step(self.statements, "unkeep", &self.values(json!({"chosen": one.place})))?);
        // Partitions of a table go with it.
        let others = live.relations.iter().filter(|(name, other)| {
            let part = found.is_some()
                && live.dependents.iter().any(|dependent| {
                    dependent.on == one.place && dependent.relation.as_ref() == Some(*name) && dependent.attached
                });
            **name != one.place && other.kind != RelationKind::Other && !part
        });
        if live.schemas.contains(&*one.place.schema) && others.count() == 0 {
            let values = json!({"relations": [], "schemas": [one.place.schema]});
            statements.extend(context::step(self.statements, "discard", &values)?);
        }
        session.transaction(None, &statements)
    }
}
