//! What hangs on old versions and has to hang on the new ones: views that read them, rights on them.

use super::cut::{Cut, Retired};
use crate::{
    diagnostic::{Diagnostic, code::DEPENDENT_IN_THE_WAY},
    dialect::Dialect,
    engine::{Dependent, EngineError},
    manifest::NodeId,
    name::RelationName,
    plan::is_ours,
    run::{Context, Session},
};
use serde_json::json;
use std::collections::BTreeSet;

/// What hangs on the old versions and is given to the new ones, as statements.
pub struct Carried {
    /// Statements that bind views again.
    pub rebind: Vec<String>,
    /// Statements that grant rights again.
    pub grants: Vec<String>,
}

/// Why a publish must not be committed.
pub enum LeftBehind {
    /// Nobody knows: the catalog could not be read.
    Unknown(EngineError),
    /// Something would stay bound to an old version.
    Dependents(Box<Diagnostic>),
}

/// The statements that bind the project's own views outside the cut to the new versions of what they read.
pub fn rebind(context: &Context<'_>, session: &mut Session<'_>, cut: &Cut<'_>) -> Result<Vec<String>, EngineError> {
    let relations = || cut.nodes.iter().filter_map(|id| Some((*id, context.manifest.node(*id).relation.as_ref()?)));
    let in_cut: BTreeSet<&RelationName> = relations().map(|(_, relation)| relation).collect();
    let moves = |id: NodeId, relation: &RelationName| {
        cut.live.relations.get(relation).is_some_and(|live| cut.makes_room(context, id, live))
    };
    let replaced: BTreeSet<&RelationName> =
        relations().filter(|(id, relation)| moves(*id, relation)).map(|(_, relation)| relation).collect();
    let ours = |found: &Dependent| {
        let relation = found.relation.as_ref().filter(|relation| !in_cut.contains(relation));
        relation.is_some_and(|relation| is_ours(&context.manifest.project, relation, found.comment.as_deref()))
    };
    let dependents: Vec<Dependent> =
        cut.live.dependents.iter().filter(|found| replaced.contains(&found.on) && ours(found)).cloned().collect();
    if dependents.is_empty() {
        return Ok(Vec::new());
    }
    let statements = session.connection.rebind(&dependents)?;
    // A view that reads two replaced relations is bound again once.
    Ok(statements.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect())
}

/// The statements that give the new versions the rights that others have on the old ones.
pub fn grants(context: &Context<'_>, session: &mut Session<'_>, cut: &Cut<'_>) -> Result<Vec<String>, EngineError> {
    let moved = |id: &&NodeId| {
        let relation = context.manifest.node(**id).relation.as_ref();
        let live = relation.and_then(|relation| cut.live.relations.get(relation));
        let exact = context.manifest.node(**id).properties.grants.as_ref().is_some_and(|grants| grants.exact);
        !exact && live.is_some_and(|live| cut.makes_room(context, **id, live))
    };
    let relations: Vec<_> =
        cut.nodes.iter().filter(moved).filter_map(|id| context.manifest.node(*id).relation.as_ref()).collect();
    let mut grants = Vec::new();
    if !relations.is_empty() {
        for statement in context.step("grants", &json!({ "relations": relations }))? {
            grants.extend(session.connection.query(&statement.text, None)?.rows.into_iter().flatten().flatten());
        }
    }
    Ok(grants)
}

/// Refuses, before the commit, a publish that would leave something bound to an old version.
///
/// The plan has looked already; this looks again under the locks, so that nothing made in between is lost.
pub fn refuse_left_behind(
    context: &Context<'_>,
    session: &mut Session<'_>,
    retired: &[Retired],
) -> Result<(), LeftBehind> {
    let schemas: BTreeSet<&str> = retired.iter().map(|old| &*old.name.schema).collect();
    if schemas.is_empty() || context.manifest.dialect == Dialect::DuckDb {
        return Ok(());
    }
    let schemas: Vec<&str> = schemas.into_iter().collect();
    let catalog = session.connection.catalog(&schemas).map_err(LeftBehind::Unknown)?;
    let names: BTreeSet<&RelationName> = retired.iter().map(|old| &old.name).collect();
    let left = |relation: &Option<RelationName>| relation.as_ref().is_none_or(|relation| !names.contains(relation));
    let strangers: Vec<_> = catalog.dependents.iter().filter(|found| left(&found.relation)).collect();
    if strangers.is_empty() {
        return Ok(());
    }
    let mut diagnostic = Diagnostic::error(
        DEPENDENT_IN_THE_WAY,
        "nothing was published: something that is not ours came to depend on a relation to be replaced",
    );
    for stranger in strangers {
        diagnostic =
            diagnostic.note(format!("{} `{}` depends on `{}`", stranger.kind, stranger.name, stranger.on.name));
    }
    Err(LeftBehind::Dependents(Box::new(diagnostic.help("run the build again: its plan will list them"))))
}
