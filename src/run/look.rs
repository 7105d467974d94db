//! Looking at the database once, before a plan is made of it.

use super::{Statements, ledger, state, sweep};
use crate::{
    engine::{Engine, EngineError, LiveCatalog, LiveRelation},
    manifest::{Form, Manifest, NodeId, NodeKind},
    name::RelationName,
    plan::{Known, is_ours, is_same},
    state::State,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// How often catalog and state are read again while they do not agree.
const READ_AGAIN: usize = 5;

/// What to look at, and with what.
pub struct Look<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// The database.
    pub engine: &'a dyn Engine,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// The name that the database gives to itself, where names are to be qualified by it.
    pub database: Option<&'a str>,
    /// The schema of the tables of state.
    pub state_schema: &'a str,
    /// Schemas that exist already, to stage in.
    pub staging_schemas: &'a [String],
    /// The folder of the project, which paths of files are relative to.
    pub root: &'a Path,
    /// The moment that the run is about, in UTC.
    pub logical_time: &'a str,
    /// What the query for the data version of a source needs, for those that have one.
    pub sources: BTreeMap<NodeId, Value>,
}

/// Reads everything that a plan has to know; beside it the sources whose version could not be asked, and why.
///
/// # Errors
/// When the database cannot be reached, or its catalog or state cannot be read.
pub fn look(look: &Look<'_>) -> Result<(Known, Vec<(NodeId, EngineError)>), EngineError> {
    let manifest = look.manifest;
    let mut connection = look.engine.connect("plan")?;
    let mut schemas = schemas(manifest);
    schemas.insert(look.state_schema);
    let schemas: Vec<&str> = schemas.into_iter().collect();
    // Versions first: rows that arrive while the rest is read are then new to the next run.
    let mut sources = BTreeMap::new();
    let mut failed = Vec::new();
    for (id, values) in &look.sources {
        match state::source_version(connection.as_mut(), look.statements, values) {
            Ok(version) => sources.extend(version.map(|version| (*id, version))),
            Err(error) => failed.push((*id, error)),
        }
    }
    let scope = (manifest, look.state_schema, look.database);
    let mut live = connection.catalog(&schemas)?;
    let mut state = state::read(connection.as_mut(), look.statements, scope, &live)?;
    for _ in 0..READ_AGAIN {
        if agree(manifest, &live, &state) {
            break;
        }
        live = connection.catalog(&schemas)?;
        state = state::read(connection.as_mut(), look.statements, scope, &live)?;
    }
    // What the project has no more may stand in schemas that it has no more.
    let elsewhere: BTreeSet<&str> =
        state.relations.keys().map(|relation| &*relation.schema).filter(|schema| !schemas.contains(schema)).collect();
    let everywhere: Vec<&str> = schemas.iter().copied().chain(elsewhere.iter().copied()).collect();
    if !elsewhere.is_empty() {
        live = connection.catalog(&everywhere)?;
    }
    let columns = connection.columns(&everywhere)?;
    let functions = state::functions(connection.as_mut(), look.statements)?;
    let settings = look.engine.session_settings();
    let leftovers =
        sweep::has_leftovers(connection.as_mut(), look.statements, (manifest, look.staging_schemas), &live)?;
    let ranged = manifest.nodes.iter().any(|node| node.time_range().is_some());
    let now = if ranged { ledger::now(connection.as_mut(), look.statements, look.logical_time)? } else { None };
    let without_file = without_file(manifest, look.root);
    let known = Known { live, columns, state, functions, settings, sources, leftovers, now, without_file, keyed: None };
    Ok((known, failed))
}

/// Whether what carries the project's mark is what the state remembers. Where it is not, another run may have published
/// between the two readings.
fn agree(manifest: &Manifest, live: &LiveCatalog, state: &State) -> bool {
    let is_it = |relation: &RelationName, found: &LiveRelation| {
        let marked = is_ours(&manifest.project, relation, found.comment.as_deref());
        !marked || state.relations.get(relation).is_none_or(|recorded| is_same(recorded, found))
    };
    live.relations.iter().all(|(relation, found)| is_it(relation, found))
}

/// The schemas of everything that is built.
#[must_use]
pub fn schemas(manifest: &Manifest) -> BTreeSet<&str> {
    let built = manifest.nodes.iter().filter(|node| node.is_built());
    built.filter_map(|node| node.relation.as_ref()).map(|relation| &*relation.schema).collect()
}

/// Models that become files, and whose files are not there.
fn without_file(manifest: &Manifest, root: &Path) -> BTreeSet<NodeId> {
    let files = manifest.iter().filter(|(_, node)| node.kind == NodeKind::Model && node.form() == Form::File);
    let gone =
        files.filter(|(_, node)| node.text("location").is_some_and(|path| fs_err::metadata(root.join(path)).is_err()));
    gone.map(|(id, _)| id).collect()
}
