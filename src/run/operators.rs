//! Types of extensions whose operators the search path does not lead to, such as `citext`.
//!
//! PostgreSQL then compares their values as those of another type, and nobody says so. Models and tests are looked at by
//! `bind`; this is about what suiro itself compares: keys.

use super::{Context, Session};
use crate::{
    diagnostic::{Diagnostic, code::WRONG_BINDING},
    engine::EngineError,
    manifest::NodeId,
    name::RelationName,
};
use serde_json::json;

/// Whether the database has such types at all; most have none, and nothing more is asked then.
///
/// # Errors
/// When the catalog cannot be read.
pub fn are_hidden(context: &Context<'_>, session: &mut Session<'_>) -> Result<bool, EngineError> {
    schemas(context, session, None, &[]).map(|schemas| !schemas.is_empty())
}

/// Refuses to compare columns of a live relation, or all of them, whose operators are not found.
///
/// # Errors
/// The outer one when the catalog cannot be read.
pub fn refuse(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    (relation, columns): (&RelationName, &[&str]),
) -> Result<Result<(), Box<Diagnostic>>, EngineError> {
    if !context.hides_operators {
        return Ok(Ok(()));
    }
    let schemas = schemas(context, session, Some(relation), columns)?;
    if schemas.is_empty() {
        return Ok(Ok(()));
    }
    let name = &context.manifest.node(id).name;
    let message = format!("rows of `{name}` are told apart by types whose operators are not found, so it was not run");
    Ok(Err(Box::new(hint(Diagnostic::error(WRONG_BINDING, message), &schemas).of_node(name))))
}

/// What is to be done about operators in these schemas.
#[must_use]
pub fn hint<S: AsRef<str>>(diagnostic: Diagnostic, schemas: &[S]) -> Diagnostic {
    let schemas: Vec<&str> = schemas.iter().map(AsRef::as_ref).collect();
    let named = schemas.join("`, `");
    let path = if let [one] = schemas.as_slice() { (*one).to_owned() } else { format!("\"{}\"", schemas.join(", ")) };
    diagnostic
        .note(format!("they are in the schema `{named}`; without them values are compared as those of another type"))
        .help(format!("write `settings: {{search_path: {path}}}` below the target; relations are not looked for there"))
}

fn schemas(
    context: &Context<'_>,
    session: &mut Session<'_>,
    relation: Option<&RelationName>,
    columns: &[&str],
) -> Result<Vec<String>, EngineError> {
    let mut schemas = Vec::new();
    for statement in context.step("hidden", &json!({"relation": relation, "columns": columns}))? {
        schemas.extend(session.values(None, &statement)?.into_iter().flatten().flatten());
    }
    Ok(schemas)
}
