//! A cut, and the one function that turns it into statements.

use super::carried::Given;
use crate::{
    diagnostic::Diagnostic,
    engine::{DependentKind, EngineError, LiveCatalog, LiveColumn},
    manifest::NodeId,
    name::RelationName,
    plan::{Recipe, staging_mark},
    run::{Context, Staged, StagedKind, Statement, lock::Lock},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A set of built nodes that appears at once, and what stands in its place now.
pub struct Cut<'a> {
    /// The nodes, each behind what it reads.
    pub nodes: &'a [NodeId],
    /// What stands staged for each.
    pub staged: &'a BTreeMap<NodeId, &'a Staged>,
    /// What the database has, read before anything is locked.
    pub live: &'a LiveCatalog,
    /// The columns of live and staged relations.
    pub columns: &'a BTreeMap<RelationName, Vec<LiveColumn>>,
    /// How each takes the place of what is live.
    pub recipes: &'a BTreeMap<NodeId, Recipe>,
}

/// A live relation that has to make room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retired {
    /// What it is, in the words of `DROP`.
    pub kind: &'static str,
    /// Where it stands after the publish.
    pub name: RelationName,
    /// The node whose version it was; none for what was staged.
    pub node: Option<NodeId>,
    /// Whether it is kept, under another name.
    pub kept: bool,
}

impl<'a> Cut<'a> {
    /// What stands staged for a node.
    pub fn kind(&self, id: NodeId) -> StagedKind {
        self.staged.get(&id).map_or(StagedKind::Table, |staged| staged.kind)
    }

    /// Whether the live relation of a node goes away.
    pub fn makes_room(&self, id: NodeId) -> bool {
        self.recipes.get(&id).is_some_and(Recipe::makes_room)
    }

    /// The partitions of a live table.
    pub fn partitions(&self, relation: &RelationName) -> Vec<&'a RelationName> {
        let children =
            self.live.dependents.iter().filter(|found| found.on == *relation && found.kind == DependentKind::Child);
        children.filter_map(|found| found.relation.as_ref()).collect()
    }

    /// The nodes that need a lock on that relation: it is theirs, or depends on theirs. All of them, if nobody can tell.
    pub fn touched_by(&self, context: &Context<'_>, name: &RelationName) -> BTreeSet<NodeId> {
        let depends = |relation: &RelationName| {
            self.live.dependents.iter().any(|found| found.on == *relation && found.relation.as_ref() == Some(name))
        };
        let touched = |id: &&NodeId| {
            let relation = context.manifest.node(**id).relation.as_ref();
            relation.is_some_and(|relation| relation == name || depends(relation))
        };
        let found: BTreeSet<NodeId> = self.nodes.iter().filter(touched).copied().collect();
        if found.is_empty() { self.nodes.iter().copied().collect() } else { found }
    }

    /// What readers have to wait for: live relations that move out, and views that get another text.
    pub fn locks(&self, context: &Context<'_>) -> Vec<Lock> {
        let mut locks = Vec::new();
        for id in self.nodes {
            let Some(relation) = context.manifest.node(*id).relation.as_ref() else { continue };
            let Some(live) = self.live.relations.get(relation) else { continue };
            if !self.makes_room(*id) && self.recipes.get(id) != Some(&Recipe::ReplaceView) {
                continue;
            }
            locks.push(Lock { name: relation.clone(), kind: live.kind.word(), owner: live.owner.clone() });
            let partitions = self.partitions(relation).into_iter();
            locks.extend(partitions.map(|name| Lock { name: name.clone(), kind: "table", owner: None }));
        }
        locks
    }

    /// What is added to tables that stay, in the order of their names, so that two publishes wait for each other in the
    /// same order.
    pub fn changes(&self, context: &Context<'_>) -> Vec<Statement> {
        let mut named: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|id| Some((context.manifest.node(*id).relation.as_ref()?, *self.staged.get(id)?)))
            .filter(|(_, staged)| staged.kind == StagedKind::Increment)
            .collect();
        named.sort_by_key(|(relation, _)| *relation);
        named.into_iter().flat_map(|(_, staged)| staged.publish.iter().cloned()).collect()
    }

    /// The staged relations whose rows were taken over by what is live, and that nothing is to be done with any more.
    pub fn used_up(&self, context: &Context<'_>) -> Vec<Retired> {
        let stays = |id: &&NodeId| matches!(self.recipes.get(id), Some(Recipe::InPlace(_) | Recipe::Refresh(_)));
        let used_up = |id: &NodeId| {
            let name = context.staging.relations.get(id)?.clone();
            Some(Retired { kind: self.kind(*id).word(), name, node: None, kept: false })
        };
        self.nodes.iter().filter(stays).filter_map(used_up).collect()
    }

    /// The live relations that have to make room, under the names that they have afterwards.
    pub fn retired(&self, context: &Context<'_>) -> Vec<Retired> {
        let out_of_the_way = |id: &NodeId| {
            let relation = context.manifest.node(*id).relation.as_ref()?;
            let live = self.live.relations.get(relation)?;
            if !self.makes_room(*id) {
                return None;
            }
            let moved = |name: &RelationName| context.staging.retired(name).unwrap_or_else(|| name.clone());
            let partitions = self.partitions(relation).into_iter().map(|name| (name, "table"));
            let all = std::iter::once((relation, live.kind.word())).chain(partitions);
            let retired = |(name, kind)| Retired { kind, name: moved(name), node: Some(*id), kept: false };
            Some(all.map(retired).collect::<Vec<_>>())
        };
        self.nodes.iter().filter_map(out_of_the_way).flatten().collect()
    }
}

/// The one function from a cut to statements.
pub fn statements(context: &Context<'_>, cut: &Cut<'_>, given: &Given) -> Result<Vec<Statement>, Vec<Diagnostic>> {
    let (mut retire, mut tables, mut views) = (Vec::new(), Vec::new(), Vec::new());
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    let mut retired_schemas: BTreeMap<&str, Value> = BTreeMap::new();
    for id in cut.nodes {
        let node = context.manifest.node(*id);
        let (Some(relation), Some(staged)) = (&node.relation, context.staging.relations.get(id)) else { continue };
        let live = context.qualified(relation);
        if !cut.live.schemas.contains(&*relation.schema) {
            missing.insert(&relation.schema);
        }
        if let Some(old) = cut.live.relations.get(relation)
            && cut.makes_room(*id)
        {
            let schema = context.staging.retired.get(&*relation.schema);
            if let Some(schema) = schema
                && !cut.live.schemas.contains(schema)
            {
                let mark = staging_mark(&context.manifest.project, context.run);
                retired_schemas.insert(schema, json!({"name": schema, "mark": mark}));
            }
            retire.push(retiring(context, relation, old.kind.word()));
            retire.extend(cut.partitions(relation).into_iter().map(|part| retiring(context, part, "table")));
        }
        let kind = cut.kind(*id);
        match kind {
            StagedKind::View | StagedKind::File => {
                let file = cut.staged.get(id).filter(|_| kind == StagedKind::File);
                let of_file = file.and_then(|staged| staged.publish.first()).map(|statement| statement.text.clone());
                let sql = of_file.unwrap_or_else(|| context.published_sql(node).unwrap_or_default().text);
                let (before, after) = context.hooks_of_view(*id);
                let columns = self::columns(context, cut, *id);
                let known = |name: &&String| columns.iter().any(|column| column == *name);
                let comments: BTreeMap<&String, &String> =
                    node.properties.column_comments.iter().filter(|(name, _)| known(name)).collect();
                views.push(json!({
                    "live": live,
                    "sql": sql,
                    "comment": context.comment(node, relation),
                    "column_comments": comments,
                    "before": before,
                    "after": after,
                }));
            }
            // The rows are there already.
            StagedKind::Increment => {}
            _ if matches!(cut.recipes.get(id), Some(Recipe::InPlace(_) | Recipe::Refresh(_))) => {}
            StagedKind::Table | StagedKind::MaterializedView => {
                tables.push(json!({
                    "kind": kind.word(),
                    "staged": context.qualified(staged),
                    "live": live,
                    "indexes": node.properties.indexes,
                    "index_marks": context.index_marks(node, relation),
                    "partitions": node.properties.storage.partition_by.as_ref().map(|found| &found.parts),
                }));
            }
        }
    }
    let rights: Vec<Value> = cut
        .nodes
        .iter()
        .map(|id| context.manifest.node(*id))
        .filter_map(|node| {
            let live = context.qualified(node.relation.as_ref()?);
            Some(json!({"live": live, "grants": node.properties.grants.as_ref()?}))
        })
        .collect();
    context.statements.publish(
        "cut",
        &json!({
            "database": context.database,
            "schemas": missing,
            "retired_schemas": retired_schemas.values().collect::<Vec<_>>(),
            "renamed": given.renamed,
            "retire": retire,
            "tables": tables,
            "views": views,
            "carried": given.carried,
            "rebind": given.rebind,
            "rights": rights,
        }),
    )
}

/// How a live relation makes room.
fn retiring(context: &Context<'_>, live: &RelationName, kind: &str) -> Value {
    let moved = context.staging.retired(live);
    let renamed = moved
        .as_ref()
        .filter(|moved| moved.name != live.name)
        .map(|moved| RelationName { name: moved.name.clone(), ..context.qualified(live) });
    let schema = moved.map(|moved| moved.schema);
    json!({"kind": kind, "live": context.qualified(live), "renamed": renamed, "schema": schema})
}

/// The columns of a staged relation, as far as the catalog names them.
fn columns(context: &Context<'_>, cut: &Cut<'_>, id: NodeId) -> Vec<String> {
    let staged = context.staging.relations.get(&id).and_then(|staged| cut.columns.get(staged));
    staged.into_iter().flatten().map(|column| column.name.clone()).collect()
}

/// The statements that change comments and rights of published relations in place.
pub fn descriptions(
    context: &Context<'_>,
    nodes: &[NodeId],
    columns: &BTreeMap<RelationName, Vec<LiveColumn>>,
) -> Result<Vec<Statement>, EngineError> {
    let mut described = Vec::new();
    for id in nodes {
        let node = context.manifest.node(*id);
        let Some(relation) = &node.relation else { continue };
        let there = columns.get(relation).into_iter().flatten();
        // A column that has a comment and should have none loses it.
        let comments = there.map(|column| (column.name.as_str(), node.properties.column_comments.get(&column.name)));
        let kind = match StagedKind::of(node) {
            StagedKind::View | StagedKind::File => "view",
            StagedKind::MaterializedView => "materialized view",
            StagedKind::Table | StagedKind::Increment => "table",
        };
        described.push(json!({
            "kind": kind,
            "live": context.qualified(relation),
            "comment": context.comment(node, relation),
            "column_comments": comments.collect::<BTreeMap<_, _>>(),
            "grants": node.properties.grants,
        }));
    }
    context.step("describe", &json!({"described": described, "database": context.database}))
}
