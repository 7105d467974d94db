//! Keeping the failing rows of tests that ask for it, each in a table that is replaced at once.

use super::{Context, hold::Held, session::Session, test};
use crate::{
    diagnostic::{Diagnostic, code::FAILURES_NOT_STORED},
    engine::LiveCatalog,
    manifest::{Node, NodeId},
    name::RelationName,
    plan::{is_ours, mark},
};
use serde_json::json;

/// Stores the failing rows of every test that ran and asks for it; what could not be stored is told, and changes no
/// verdict.
pub fn store(context: &Context<'_>, session: &mut Session<'_>, held: &Held) -> Vec<Diagnostic> {
    let stored = |id: &NodeId| context.manifest.node(*id).test.as_ref().and_then(|test| test.stored.clone());
    let ran = held.tested.values().filter(|tested| tested.verdict.is_some());
    let wanted: Vec<(NodeId, RelationName)> = ran.filter_map(|one| Some((one.node, stored(&one.node)?))).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (id, table) in wanted {
        let node = context.manifest.node(id);
        let problem = match session.connection.catalog(&[&*table.schema]) {
            Ok(live) => replace(context, session, (id, node), &table, &live),
            Err(error) => Err(error.message),
        };
        if let Err(why) = problem {
            let message = format!("the failing rows of `{}` could not be stored in `{table}`: {why}", node.name);
            let mut told = Diagnostic::warning(FAILURES_NOT_STORED, message).of_node(node.name.clone());
            if let Some(span) = context.places.file(id) {
                told = told.at(span, "");
            }
            found.push(told.help("`schema` and `alias` of the test say where they go"));
        }
    }
    found
}

fn replace(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (id, node): (NodeId, &Node),
    table: &RelationName,
    live: &LiveCatalog,
) -> Result<(), String> {
    let project = &context.manifest.project;
    let old = live.relations.get(table);
    if old.is_some_and(|old| !is_ours(project, table, old.comment.as_deref())) {
        return Err(format!("there is a relation of that name, and it was not made by project `{project}`"));
    }
    let fresh = RelationName::new(table.schema.clone(), format!("__suiro_{}", table.name));
    let values = json!({
        "table": context.qualified(table),
        "fresh": context.qualified(&fresh),
        "new_schema": !live.schemas.contains(&*table.schema),
        "old": old.is_some(),
        "sql": test::sql(context, id).text,
        "limit": node.test.as_ref().and_then(|test| test.limit),
        "mark": mark(project, table),
    });
    let statements = context.testing("store", &values).map_err(|error| error.message)?;
    session.transaction(Some(id), &statements).map_err(|error| error.message)
}
