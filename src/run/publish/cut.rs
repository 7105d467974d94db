//! A cut, and the one function that turns it into statements.

use super::carried::Carried;
use crate::{
    diagnostic::Diagnostic,
    dialect::Dialect,
    engine::{DependentKind, EngineError, LiveCatalog, LiveColumn, LiveRelation, RelationKind},
    manifest::NodeId,
    name::RelationName,
    plan::staging_mark,
    run::{Context, Staged, StagedKind, Statement},
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
}

/// A live relation that has to make room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retired {
    /// What it is, in the words of `DROP`.
    pub kind: &'static str,
    /// Where it stands after the publish.
    pub name: RelationName,
}

impl<'a> Cut<'a> {
    /// What stands staged for a node.
    fn kind(&self, id: NodeId) -> StagedKind {
        self.staged.get(&id).map_or(StagedKind::Table, |staged| staged.kind)
    }

    /// Whether the live relation of a node goes away: neither is it added to, nor can `CREATE OR REPLACE VIEW` follow.
    pub fn makes_room(&self, context: &Context<'_>, id: NodeId, live: &LiveRelation) -> bool {
        self.kind(id) != StagedKind::Increment && !self.can_be_replaced(context, id, live)
    }

    /// The partitions of a live table.
    fn partitions(&self, relation: &RelationName) -> Vec<&'a RelationName> {
        let children =
            self.live.dependents.iter().filter(|found| found.on == *relation && found.kind == DependentKind::Child);
        children.filter_map(|found| found.relation.as_ref()).collect()
    }

    /// The live relations that the cut replaces, with their names.
    pub fn replaced(&self, context: &'a Context<'_>) -> Vec<(&'a RelationName, &'a LiveRelation)> {
        self.nodes
            .iter()
            .filter(|id| self.kind(**id) != StagedKind::Increment)
            .filter_map(|id| context.manifest.node(*id).relation.as_ref())
            .filter_map(|relation| self.live.relations.get_key_value(relation))
            .collect()
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

    /// Whether `CREATE OR REPLACE VIEW` will do: the live relation is a view, and its columns are the first of the new one.
    ///
    /// DuckDB replaces any view by any other.
    fn can_be_replaced(&self, context: &Context<'_>, id: NodeId, live: &LiveRelation) -> bool {
        if !matches!(self.kind(id), StagedKind::View | StagedKind::File) || live.kind != RelationKind::View {
            return false;
        }
        if context.manifest.dialect == Dialect::DuckDb {
            return true;
        }
        let columns = |relation: Option<&RelationName>| relation.and_then(|relation| self.columns.get(relation));
        match (columns(context.manifest.node(id).relation.as_ref()), columns(context.staging.relations.get(&id))) {
            (Some(old), Some(new)) => {
                let named = |columns: &[LiveColumn]| -> Vec<(String, String)> {
                    columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect()
                };
                named(new).starts_with(&named(old))
            }
            _ => false,
        }
    }

    /// The live relations that have to make room, under the names that they have afterwards.
    pub fn retired(&self, context: &Context<'_>) -> Vec<Retired> {
        let out_of_the_way = |id: &NodeId| {
            let relation = context.manifest.node(*id).relation.as_ref()?;
            let live = self.live.relations.get(relation)?;
            if !self.makes_room(context, *id, live) {
                return None;
            }
            let schema = context.staging.retired.get(&*relation.schema);
            let moved = |name: &RelationName| {
                schema.map_or_else(|| name.clone(), |schema| RelationName::new(schema.as_str(), name.name.clone()))
            };
            let partitions = self.partitions(relation).into_iter().map(|name| (name, "table"));
            let all = std::iter::once((relation, live.kind.word())).chain(partitions);
            Some(all.map(|(name, kind)| Retired { kind, name: moved(name) }).collect::<Vec<_>>())
        };
        self.nodes.iter().filter_map(out_of_the_way).flatten().collect()
    }
}

/// The one function from a cut to statements.
pub fn statements(context: &Context<'_>, cut: &Cut<'_>, carried: &Carried) -> Result<Vec<Statement>, Vec<Diagnostic>> {
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
            && cut.makes_room(context, *id, old)
        {
            let schema = context.staging.retired.get(&*relation.schema);
            if let Some(schema) = schema
                && !cut.live.schemas.contains(schema)
            {
                let mark = staging_mark(&context.manifest.project, context.run);
                retired_schemas.insert(schema, json!({"name": schema, "mark": mark}));
            }
            retire.push(json!({"kind": old.kind.word(), "live": live, "schema": schema}));
            for partition in cut.partitions(relation) {
                retire.push(json!({"kind": "table", "live": context.qualified(partition), "schema": schema}));
            }
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
            StagedKind::Table | StagedKind::MaterializedView => {
                tables.push(json!({
                    "kind": kind.word(),
                    "staged": context.qualified(staged),
                    "live": live,
                    "indexes": node.properties.indexes,
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
            "retire": retire,
            "tables": tables,
            "views": views,
            "rebind": carried.rebind,
            "grants": carried.grants,
            "rights": rights,
        }),
    )
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
