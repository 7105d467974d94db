//! Loading a seed's rows into its staged table.

use super::Failure;
use crate::{
    diagnostic::{Diagnostic, code::CANCELLED},
    engine::LoadColumn,
    manifest::{Node, NodeId, NodeKind},
    name::RelationName,
    run::{Context, Session, Statement},
};

/// The columns of a seed's table; none for anything else.
pub fn columns(context: &Context<'_>, id: NodeId, node: &Node) -> Result<Vec<LoadColumn>, Failure> {
    if node.kind != NodeKind::Seed {
        return Ok(Vec::new());
    }
    context.seeds.columns(id).map_err(|diagnostic| Failure::Ours(Box::new(diagnostic.of_node(node.name.clone()))))
}

/// Streams a seed's rows into its staged table; a row that cannot be read ends the load.
pub fn load(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    staged: &RelationName,
    columns: &[LoadColumn],
) -> Result<u64, Failure> {
    let node = context.manifest.node(id);
    let unreadable = |diagnostic: Diagnostic| Failure::Ours(Box::new(diagnostic.of_node(node.name.clone())));
    let rows = context.seeds.rows(id).map_err(unreadable)?;
    let mut problem = None;
    let mut readable = rows.map_while(|row| match row {
        Ok(row) if !context.stop.is_stopped() => Some(row),
        Ok(_) => None,
        Err(diagnostic) => {
            problem = Some(diagnostic);
            None
        }
    });
    let loaded = session.connection.load(&context.qualified(staged), columns, &mut readable);
    drop(readable);
    if let Some(diagnostic) = problem {
        return Err(unreadable(diagnostic));
    }
    if context.stop.is_stopped() {
        return Err(Failure::Ours(Box::new(Diagnostic::error(CANCELLED, format!("`{}` was interrupted", node.name)))));
    }
    let statement = Statement { purpose: "load".to_owned(), text: String::new(), sql_at: None };
    loaded.map_err(|error| Failure::Theirs(Box::new(error), statement))
}
