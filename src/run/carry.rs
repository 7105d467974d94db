//! What people gave to a live relation, and what takes its place is given, too: indexes, constraints, rights, comments,
//! policies, triggers and the rest, each as the statement that makes it, which the database itself puts into words.

use super::{Context, Session, Statement};
use crate::{
    engine::EngineError,
    manifest::{Node, NodeId},
    name::RelationName,
    plan::{Plan, begins},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Two relations, one of which is given what the other has.
#[derive(Debug, Clone)]
pub struct Pair<'a> {
    /// What is given: see the template `carry`.
    pub mode: &'static str,
    /// What has it.
    pub source: RelationName,
    /// What gets it, if it stands somewhere already.
    pub goal: Option<RelationName>,
    /// What the statements call that.
    pub target: RelationName,
    /// The schema that the old version moves to.
    pub retired: Option<&'a str>,
    /// Whether the node's own rights are the only ones.
    pub exact: bool,
    /// Whether the node has a comment of its own.
    pub commented: bool,
    /// The columns that have comments of the node's own.
    pub declared: Vec<&'a str>,
    /// The indexes that are the node's own.
    pub indexes: Vec<&'a str>,
}

impl<'a> Pair<'a> {
    /// A pair for a node.
    #[must_use]
    pub fn of(node: &'a Node, mode: &'static str, source: RelationName, target: RelationName) -> Self {
        let properties = &node.properties;
        Self {
            mode,
            source,
            goal: None,
            target,
            retired: None,
            exact: properties.grants.as_ref().is_some_and(|grants| grants.exact),
            commented: properties.comment.is_some(),
            declared: properties.column_comments.keys().map(String::as_str).collect(),
            indexes: properties.indexes.iter().map(|index| index.name.as_str()).collect(),
        }
    }

    fn values(&self) -> Value {
        json!({
            "mode": self.mode,
            "source": self.source,
            "goal": self.goal,
            "target": self.target,
            "retired": self.retired,
            "exact": self.exact,
            "commented": self.commented,
            "declared": self.declared,
            "indexes": self.indexes,
        })
    }
}

/// A statement that gives something to a relation.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The statement.
    pub statement: Statement,
    /// Whether readers have to wait for it.
    pub exclusive: bool,
    /// Which of the pairs it is for.
    pub pair: usize,
}

/// The statements for these pairs, in an order in which they can be carried out.
///
/// # Errors
/// When the catalog cannot be read.
pub fn carried(
    context: &Context<'_>,
    session: &mut Session<'_>,
    pairs: &[Pair<'_>],
) -> Result<Vec<Carried>, EngineError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    // Foreign keys to what is staged become those to what is live.
    // A schema of the run's own is for one live schema, one that was lent is for several.
    let lent = context.staging.lent;
    let homes: BTreeSet<(&str, Option<&str>, &str)> = context
        .staging
        .relations
        .iter()
        .filter_map(|(id, staged)| {
            let live = context.manifest.node(*id).relation.as_ref()?;
            Some((&*staged.schema, lent.then_some(&*staged.name), &*live.schema))
        })
        .collect();
    let homes: Vec<Value> =
        homes.into_iter().map(|(staged, name, live)| json!({"staged": staged, "name": name, "live": live})).collect();
    let values = json!({
        "begins": begins(&context.manifest.project),
        "pairs": pairs.iter().map(Pair::values).collect::<Vec<_>>(),
        "homes": homes,
        "database": context.database,
    });
    let mut found = Vec::new();
    for statement in context.step("carry", &values)? {
        for row in session.values(None, &statement)? {
            let [Some(text), Some(exclusive), Some(place)] = row.as_slice() else { continue };
            found.push(Carried {
                statement: Statement { purpose: "carry".to_owned(), text: text.clone(), sql_at: None },
                exclusive: exclusive == "true",
                pair: place.parse::<usize>().unwrap_or(1) - 1,
            });
        }
    }
    Ok(found)
}

/// Which of the nodes have a live version with something that takes time to be made again, and so is made while nobody
/// waits for it.
///
/// # Errors
/// When the catalog cannot be read.
pub fn burdened(
    context: &Context<'_>,
    session: &mut Session<'_>,
    plan: &Plan,
) -> Result<BTreeSet<NodeId>, EngineError> {
    let replaced = plan.steps.iter().filter(|step| step.live.is_some() && context.built.contains(&step.node));
    let named: BTreeMap<&RelationName, NodeId> =
        replaced.filter_map(|step| Some((context.manifest.node(step.node).relation.as_ref()?, step.node))).collect();
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let values = json!({"relations": named.keys().collect::<Vec<_>>(), "begins": begins(&context.manifest.project)});
    let mut burdened = BTreeSet::new();
    for statement in context.step("burdened", &values)? {
        for row in session.values(None, &statement)? {
            let [Some(schema), Some(name)] = row.as_slice() else { continue };
            burdened.extend(named.get(&RelationName::new(schema.as_str(), name.as_str())));
        }
    }
    Ok(burdened)
}

/// The statements that give to a staged relation what takes time.
///
/// # Errors
/// When the catalog cannot be read.
pub fn beside(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    staged: &RelationName,
) -> Result<Vec<Statement>, EngineError> {
    let node = context.manifest.node(id);
    let Some(relation) = node.relation.as_ref().filter(|_| context.burdened.contains(&id)) else {
        return Ok(Vec::new());
    };
    let pairs: Vec<Pair<'_>> = parts(node, relation, staged)
        .into_iter()
        .map(|(live, staged)| Pair { goal: Some(staged.clone()), ..Pair::of(node, "build", live, staged) })
        .collect();
    Ok(carried(context, session, &pairs)?.into_iter().map(|found| found.statement).collect())
}

/// A relation and the parts it is divided into, by their live and their staged names.
#[must_use]
pub fn parts(node: &Node, live: &RelationName, staged: &RelationName) -> Vec<(RelationName, RelationName)> {
    let parts = node.properties.storage.partition_by.iter().flat_map(|found| &found.parts);
    let named = |schema: &RelationName, name: &str| RelationName { name: name.into(), ..schema.clone() };
    let parts = parts.map(|part| (named(live, &part.name), named(staged, &part.name)));
    std::iter::once((live.clone(), staged.clone())).chain(parts).collect()
}
