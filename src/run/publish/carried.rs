//! What hangs on old versions and has to hang on the new ones: what people gave to them, and what reads them.

use super::cut::{Cut, Retired};
use crate::{
    dialect::Dialect,
    engine::{Dependent, DependentKind, EngineError},
    manifest::NodeId,
    name::RelationName,
    plan::Recipe,
    run::{
        Context, Session, StagedKind,
        carry::{Carried, Pair, carried, parts},
        lock::Lock,
    },
};
use std::collections::BTreeSet;

/// What the new versions are given, as statements.
#[derive(Debug, Default)]
pub struct Given {
    /// What hung on the old versions.
    pub carried: Vec<String>,
    /// What gives other names to what old versions take along into a schema where the new ones have theirs.
    pub renamed: Vec<String>,
    /// What binds views and the like again.
    pub rebind: Vec<String>,
}

/// What others made, on a relation that goes away, and is bound again by its own text.
pub fn bound_again<'a>(context: &Context<'_>, cut: &Cut<'a>) -> Vec<&'a Dependent> {
    let relations = || cut.nodes.iter().filter_map(|id| Some((*id, context.manifest.node(*id).relation.as_ref()?)));
    let replaced: BTreeSet<&RelationName> =
        relations().filter(|(id, _)| cut.makes_room(*id)).map(|(_, relation)| relation).collect();
    let made_again = |found: &Dependent| {
        let view = matches!(found.kind, DependentKind::View | DependentKind::MaterializedView);
        view && relations().any(|(_, relation)| found.relation.as_ref() == Some(relation))
    };
    let bound = |found: &&Dependent| {
        found.rebindable && found.may_alter && !found.attached && replaced.contains(&found.on) && !made_again(found)
    };
    cut.live.dependents.iter().filter(bound).collect()
}

/// What readers have to wait for because of that.
pub fn locks(bound: &[&Dependent]) -> Vec<Lock> {
    let locks = bound.iter().filter_map(|found| {
        let kind = match found.kind {
            DependentKind::View => "view",
            DependentKind::Policy | DependentKind::Rule => "table",
            _ => return None,
        };
        Some(Lock { name: found.relation.clone()?, kind, owner: found.owner.clone() })
    });
    let mut locks: Vec<Lock> = locks.collect();
    locks.sort_by(|one, other| one.name.cmp(&other.name));
    locks.dedup_by(|one, other| one.name == other.name);
    locks
}

/// The statements that give other names to the indexes and sequences of old versions, where they move to a schema in
/// which the new ones stand.
///
/// # Errors
/// When the catalog cannot be read.
pub fn renamed(context: &Context<'_>, session: &mut Session<'_>, cut: &Cut<'_>) -> Result<Vec<String>, EngineError> {
    if !context.staging.lent {
        return Ok(Vec::new());
    }
    let old: Vec<RelationName> = cut
        .nodes
        .iter()
        .filter(|id| cut.makes_room(**id))
        .filter_map(|id| context.manifest.node(*id).relation.as_ref())
        .filter(|relation| cut.live.relations.contains_key(*relation))
        .flat_map(|relation| std::iter::once(relation).chain(cut.partitions(relation)).cloned())
        .collect();
    if old.is_empty() {
        return Ok(Vec::new());
    }
    let mut statements = Vec::new();
    for statement in context.step("rename", &serde_json::json!({"relations": old}))? {
        statements.extend(session.values(None, &statement)?.into_iter().flatten().flatten());
    }
    Ok(statements)
}

/// The statements that bind them to the new versions of what they read.
pub fn rebind(session: &mut Session<'_>, bound: &[&Dependent]) -> Result<Vec<String>, EngineError> {
    if bound.is_empty() {
        return Ok(Vec::new());
    }
    let bound: Vec<Dependent> = bound.iter().map(|found| (*found).clone()).collect();
    let statements = session.connection.rebind(&bound)?;
    // What reads two replaced relations is bound again once.
    let mut seen = BTreeSet::new();
    Ok(statements.into_iter().flatten().filter(|statement| seen.insert(statement.clone())).collect())
}

/// The statements that give to new versions what hangs on the live ones; to be asked once nobody can change that.
pub fn given(context: &Context<'_>, session: &mut Session<'_>, cut: &Cut<'_>) -> Result<Vec<String>, EngineError> {
    let pairs: Vec<Pair<'_>> = cut.nodes.iter().flat_map(|id| pairs(context, cut, *id)).collect();
    Ok(carried(context, session, &pairs)?.into_iter().map(|found| found.statement.text).collect())
}

fn pairs<'a>(context: &Context<'a>, cut: &Cut<'_>, id: NodeId) -> Vec<Pair<'a>> {
    let node = context.manifest.node(id);
    let (Some(live), Some(staged)) = (&node.relation, context.staging.relations.get(&id)) else { return Vec::new() };
    let view = matches!(cut.kind(id), StagedKind::View | StagedKind::File);
    let pair = |mode, live: RelationName, staged: Option<RelationName>| Pair {
        goal: staged,
        retired: context.staging.retired.get(&*live.schema).filter(|_| !context.staging.lent).map(String::as_str),
        ..Pair::of(node, mode, live.clone(), live)
    };
    match cut.recipes.get(&id) {
        Some(Recipe::MoveIn) if !view => {
            parts(node, live, staged).into_iter().map(|(live, staged)| Pair::of(node, "new", staged, live)).collect()
        }
        Some(Recipe::Swap | Recipe::Recreate) if view => {
            let mut pair = pair("recreate", live.clone(), Some(staged.clone()));
            pair.declared = node.properties.column_comments.keys().map(String::as_str).collect();
            vec![pair]
        }
        Some(Recipe::Swap | Recipe::Recreate) => {
            let all = parts(node, live, staged).into_iter();
            all.map(|(live, staged)| pair("swap", live, Some(staged))).collect()
        }
        Some(Recipe::ReplaceView) => vec![pair("replace", live.clone(), Some(staged.clone()))],
        _ => Vec::new(),
    }
}

/// The statements that give to tables which stay what their files say and they do not have yet.
pub fn synchronized(
    context: &Context<'_>,
    session: &mut Session<'_>,
    cut: &Cut<'_>,
) -> Result<Vec<(RelationName, Carried)>, EngineError> {
    let stays = |id: &&NodeId| matches!(cut.recipes.get(id), Some(Recipe::InPlace(_) | Recipe::Refresh(_)));
    let pairs: Vec<Pair<'_>> = cut
        .nodes
        .iter()
        .filter(stays)
        .filter_map(|id| {
            let node = context.manifest.node(*id);
            let (live, staged) = (node.relation.as_ref()?, context.staging.relations.get(id)?);
            let pair = Pair::of(node, "sync", staged.clone(), live.clone());
            Some(Pair { goal: Some(live.clone()), declared: Vec::new(), ..pair })
        })
        .collect();
    let found = carried(context, session, &pairs)?;
    Ok(found.into_iter().filter_map(|found| Some((pairs.get(found.pair)?.target.clone(), found))).collect())
}

/// What stays bound to old versions, looked for under the locks so that nothing made in between is lost.
pub fn left_behind(
    context: &Context<'_>,
    session: &mut Session<'_>,
    retired: &[Retired],
) -> Result<Vec<Dependent>, EngineError> {
    let schemas: BTreeSet<&str> = retired.iter().map(|old| &*old.name.schema).collect();
    if schemas.is_empty() || context.manifest.dialect == Dialect::DuckDb {
        return Ok(Vec::new());
    }
    let schemas: Vec<&str> = schemas.into_iter().collect();
    let catalog = session.connection.catalog(&schemas)?;
    let names: BTreeSet<&RelationName> = retired.iter().map(|old| &old.name).collect();
    let kept = |relation: &Option<RelationName>| relation.as_ref().is_none_or(|relation| !names.contains(relation));
    Ok(catalog.dependents.into_iter().filter(|found| names.contains(&found.on) && kept(&found.relation)).collect())
}

/// What depends on these relations in turn, and on that, for people.
pub fn nested(session: &mut Session<'_>, of: &[RelationName]) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen: BTreeSet<RelationName> = of.iter().cloned().collect();
    let mut edge: Vec<RelationName> = of.to_vec();
    // Whatever happens, this only adds to a message.
    while !edge.is_empty() && found.len() < 100 {
        let schemas: BTreeSet<&str> = edge.iter().map(|relation| &*relation.schema).collect();
        let Ok(catalog) = session.connection.catalog(&schemas.into_iter().collect::<Vec<_>>()) else { break };
        let above = catalog.dependents.into_iter().filter(|one| edge.contains(&one.on) && !one.attached);
        let mut next = Vec::new();
        for one in above {
            found.push(format!("{} `{}` depends on `{}`", one.kind, one.name, one.on));
            next.extend(one.relation.filter(|relation| seen.insert(relation.clone())));
        }
        edge = next;
    }
    found
}
