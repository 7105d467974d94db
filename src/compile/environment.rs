//! A project in an environment of its own: what differs from production is built there, the rest is read from there.

use super::Compilation;
use crate::{
    dialect::Dialect,
    engine::LiveColumn,
    graph::Selection,
    manifest::{Manifest, Node, NodeId, NodeKind},
    name::RelationName,
    plan::{Known, read_name, shows_production},
    state::Recorded,
};
use std::collections::{BTreeMap, BTreeSet};

/// An environment that a compilation has entered.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// The nodes that are built in it; all others are read from production.
    pub own: BTreeSet<NodeId>,
    /// The name under which production's database can be read, where it is another one.
    pub production: Option<String>,
    /// Production's versions of the snapshots that are built in it, as they can be read, with their columns.
    pub past: BTreeMap<NodeId, (RelationName, Vec<LiveColumn>)>,
    /// What is known of the others.
    outside: Known,
}

/// The schema of that name in an environment.
#[must_use]
pub fn schema(name: &str, environment: &str) -> String {
    [name, "_", environment].concat()
}

impl Compilation {
    /// Goes over to an environment in which these nodes are built. `production` is what is known of production, and on
    /// DuckDB the name under which its file is attached.
    pub fn enter(&mut self, name: &str, own: BTreeSet<NodeId>, production: (Known, Option<&str>)) {
        let (known, database) = production;
        let before: BTreeMap<String, NodeId> = self.manifest.iter().map(|(id, node)| (read_name(node), id)).collect();
        let mut moved: Vec<(NodeId, RelationName)> = Vec::new();
        let dialect = self.manifest.dialect;
        for (index, node) in self.manifest.nodes.iter_mut().enumerate() {
            let id = NodeId::of(index);
            if let Some(relation) = node.relation.clone() {
                rename(node, (dialect, own.contains(&id)), (name, database));
                moved.push((id, relation));
            }
            if let Some(stored) = node.test.as_mut().and_then(|test| test.stored.as_mut())
                && dialect == Dialect::Postgres
            {
                stored.schema = schema(&stored.schema, name).into();
            }
        }
        if dialect == Dialect::Postgres {
            self.manifest.schema = schema(&self.manifest.schema, name);
            let target = &mut self.project.target;
            target.state_schema = schema(&target.state_schema, name);
        }
        let past = moved.iter().filter(|(id, relation)| {
            own.contains(id) && self.manifest.node(*id).is_snapshot() && known.live.relations.contains_key(relation)
        });
        let past = past
            .map(|(id, relation)| {
                let source = RelationName { database: database.map(Into::into), ..relation.clone() };
                (*id, (source, known.columns.get(relation).cloned().unwrap_or_default()))
            })
            .collect();
        let outside = outside(&self.manifest, &own, (known, &moved), &before);
        self.environment =
            Some(Environment { name: name.to_owned(), own, production: database.map(str::to_owned), past, outside });
    }

    /// What of a selection is built in the environment that was entered; without one, all of it.
    #[must_use]
    pub fn within(&self, selection: &Selection) -> Selection {
        let Some(environment) = &self.environment else { return selection.clone() };
        let manifest = &self.manifest;
        let belongs = |id: &NodeId| match manifest.node(*id).kind {
            NodeKind::Test => !manifest.relations_read(*id).is_disjoint(&environment.own),
            NodeKind::Model | NodeKind::Seed => !manifest.node(*id).is_built() || environment.own.contains(id),
            NodeKind::Source | NodeKind::Exposure => true,
        };
        selection.iter().copied().filter(belongs).collect()
    }
}

impl Environment {
    /// What is read from production: its name in the environment, if it had one there, its name as it is read, and its
    /// columns.
    #[must_use]
    pub fn outside(&self, manifest: &Manifest) -> Vec<(RelationName, RelationName, &[LiveColumn])> {
        let nodes = manifest.iter().filter(|(id, node)| node.is_built() && !self.own.contains(id));
        let relations = nodes.filter_map(|(_, node)| node.relation.as_ref());
        let there = relations.filter(|relation| self.outside.live.relations.contains_key(*relation));
        there
            .map(|relation| {
                let schema = match manifest.dialect {
                    Dialect::Postgres => schema(&relation.schema, &self.name),
                    Dialect::DuckDb => relation.schema.to_string(),
                };
                let columns = self.outside.columns.get(relation).map(Vec::as_slice).unwrap_or_default();
                (RelationName::new(schema, relation.name.clone()), relation.clone(), columns)
            })
            .collect()
    }

    /// Adds what is known of production to what is known of the environment, and passes over views that only show it.
    pub fn complete(&self, project: &str, known: &mut Known) {
        known.live.relations.retain(|name, live| !shows_production(project, name, live));
        known.live.relations.extend(self.outside.live.relations.clone());
        known.columns.extend(self.outside.columns.clone());
        known.state.relations.extend(self.outside.state.relations.clone());
    }
}

/// Gives a node the name that it has in the environment.
fn rename(node: &mut Node, (dialect, own): (Dialect, bool), (environment, database): (&str, Option<&str>)) {
    let of_files = node.kind == NodeKind::Source && node.sql.is_some();
    let Some(relation) = &mut node.relation else { return };
    match (dialect, own) {
        (Dialect::Postgres, true) => relation.schema = schema(&relation.schema, environment).into(),
        (Dialect::DuckDb, false) if !of_files && relation.database.is_none() => {
            relation.database = database.map(Into::into);
        }
        _ => {}
    }
}

/// What is known of the nodes that are read from production, under the names that they have now.
fn outside(
    manifest: &Manifest,
    own: &BTreeSet<NodeId>,
    (mut known, moved): (Known, &[(NodeId, RelationName)]),
    before: &BTreeMap<String, NodeId>,
) -> Known {
    let mut outside = Known::default();
    let new_name = |name: &String| before.get(name).map_or_else(|| name.clone(), |id| read_name(manifest.node(*id)));
    for (id, relation) in moved.iter().filter(|(id, _)| !own.contains(id)) {
        let Some(now) = &manifest.node(*id).relation else { continue };
        if let Some(live) = known.live.relations.remove(relation) {
            outside.live.relations.insert(now.clone(), live);
        }
        if let Some(columns) = known.columns.remove(relation) {
            outside.columns.insert(now.clone(), columns);
        }
        if let Some(recorded) = known.state.relations.remove(relation) {
            let mut recorded: Recorded = recorded;
            let reads = std::mem::take(&mut recorded.identity.reads);
            recorded.identity.reads = reads.into_iter().map(|(name, read)| (new_name(&name), read)).collect();
            outside.state.relations.insert(now.clone(), recorded);
        }
    }
    outside
}
