//! Room to stage in where the role may make no schemas: existing ones, each of which serves one run at a time.
//!
//! A run claims them by advisory locks on its own session and holds them as long as that session lives. Whoever has the
//! claim knows that whatever the project left in the schema belongs to a run that is dead.

use super::{Context, Request, Session, context, discard, sweep};
use crate::{
    diagnostic::code::{CANCELLED, CONNECTION_LOST, FOREIGN_RELATION, STAGING_TAKEN, STAGING_UNUSABLE},
    engine::{EngineError, FailureKind},
    manifest::NodeId,
    name::RelationName,
    plan::{self, Staging, is_staged, schemas_needed, staging_in},
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

/// How long to wait before it is looked again whether a schema is free.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a run stages: in schemas of its own, or in those of the target's that it could claim.
///
/// # Errors
/// `STAGING_UNUSABLE` when the target's schemas are not fit for it, `STAGING_TAKEN` when other runs use them.
pub fn staging(
    request: &Request<'_>,
    built: &BTreeSet<NodeId>,
    session: &mut Session<'_>,
) -> Result<Staging, EngineError> {
    let schemas = request.staging_schemas;
    if schemas.is_empty() || built.is_empty() {
        return Ok(plan::staging(request.manifest, built, request.run));
    }
    refuse_unusable(request, session)?;
    let needed = schemas_needed(request.manifest, built);
    if needed > schemas.len() {
        let message = format!(
            "relations or indexes of the same name are built for several schemas, so that {needed} schemas are needed to stage in, and `staging_schema` names {}",
            schemas.len()
        );
        return Err(unusable(message).with_help("name more schemas, or build a part of the project at a time"));
    }
    let claimed = claim(request, session, needed)?;
    Ok(staging_in(request.manifest, built, request.run, &claimed))
}

/// The session that held the schemas is gone, and with it the right to them: another run may have them by now.
#[must_use]
pub fn lost(context: &Context<'_>) -> EngineError {
    let schemas = context.staging_schemas.join("`, `");
    let message = format!("the session that kept `{schemas}` from other runs was lost");
    EngineError::new(CONNECTION_LOST, FailureKind::Connection, message).with_help("run it again")
}

fn unusable(message: impl Into<String>) -> EngineError {
    EngineError::new(STAGING_UNUSABLE, FailureKind::Permanent, message)
}

/// Refuses schemas that do not exist, that nothing may be made in, or that have another purpose.
fn refuse_unusable(request: &Request<'_>, session: &mut Session<'_>) -> Result<(), EngineError> {
    let live = super::look::schemas(request.manifest);
    let purposes = |schema: &String| match schema.as_str() {
        name if name == request.state_schema => Some("keeps the state"),
        name if live.contains(name) => Some("is one that models are published to"),
        _ => None,
    };
    if let Some((schema, purpose)) = request.staging_schemas.iter().find_map(|one| Some((one, purposes(one)?))) {
        let message = format!("`{schema}` cannot be staged in: it {purpose}");
        return Err(unusable(message).with_help("name another schema in `staging_schema`, one that nothing else uses"));
    }
    for statement in context::step(request.statements, "room", &json!({"schemas": request.staging_schemas}))? {
        for row in session.values(None, &statement)? {
            let [Some(schema), what, Some(fix)] = row.as_slice() else { continue };
            if let Some(what) = what {
                let error = unusable(format!("`{schema}` cannot be staged in: {what}"));
                return Err(error.with_help(format!("an administrator runs `{fix}`")));
            }
        }
    }
    Ok(())
}

/// Claims as many schemas as are needed, none if there are not as many.
fn claim(request: &Request<'_>, session: &mut Session<'_>, needed: usize) -> Result<Vec<String>, EngineError> {
    let start = Instant::now();
    loop {
        let mut claimed: Vec<String> = Vec::new();
        for schema in request.staging_schemas {
            if claimed.len() < needed && sweep::take(request.statements, session, &words(schema))? {
                claimed.push(schema.clone());
            }
        }
        if claimed.len() == needed {
            return Ok(claimed);
        }
        for schema in &claimed {
            sweep::give_back(request.statements, session, &words(schema))?;
        }
        if request.stop.is_stopped() {
            return Err(EngineError::new(CANCELLED, FailureKind::Cancelled, "the run was interrupted"));
        }
        let left = request.lock_wait.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(taken(request, session));
        }
        thread::sleep(PAUSE.min(left));
    }
}

/// What is claimed for a schema.
const fn words(schema: &str) -> [&str; 2] {
    ["stages in", schema]
}

/// The error of schemas that other runs use, with who they are.
fn taken(request: &Request<'_>, session: &mut Session<'_>) -> EngineError {
    let schemas = request.staging_schemas;
    let message = format!("other runs stage in `{}`", schemas.join("`, `"));
    let mut error = EngineError::new(STAGING_TAKEN, FailureKind::Permanent, message)
        .with_help("run it again when they are done, wait for them with `--lock-wait 5m`, or name more schemas in `staging_schema`");
    let keys: Vec<_> =
        schemas.iter().map(|schema| json!({"schema": schema, "key": sweep::key(&words(schema))})).collect();
    // Without the right to see other sessions the message does without them.
    for statement in context::step(request.statements, "claimants", &json!({"keys": keys})).unwrap_or_default() {
        for row in session.values(None, &statement).unwrap_or_default() {
            let [Some(schema), Some(holder)] = row.as_slice() else { continue };
            error = error.with_note(format!("`{schema}` is used by {holder}"));
        }
    }
    error
}

/// Removes what dead runs of the project left in the schemas that nobody uses, and refuses to build where something of
/// somebody else's has a name that is needed.
///
/// # Errors
/// When the database refuses a statement, or a name is taken.
pub fn sweep(context: &Context<'_>, session: &mut Session<'_>) -> Result<(), EngineError> {
    for schema in context.staging_schemas {
        let words = words(schema);
        let ours = context.staging.schemas.contains(schema);
        if !ours && !sweep::take(context.statements, session, &words)? {
            continue;
        }
        let found = session.connection.catalog(&[schema])?;
        let left: Vec<_> = found
            .relations
            .iter()
            .filter(|(name, found)| is_staged(&context.manifest.project, name, found.comment.as_deref()))
            .map(|(name, found)| (name.clone(), found.kind))
            .collect();
        // What cannot be removed (somebody's view reads it) stays for the next run.
        let _left = discard::relations_and_schemas(context, session, &sweep::in_dropping_order(&left), &[]);
        if !ours {
            sweep::give_back(context.statements, session, &words)?;
        }
    }
    refuse_strangers(context, session)
}

fn refuse_strangers(context: &Context<'_>, session: &mut Session<'_>) -> Result<(), EngineError> {
    let schemas: Vec<&str> = context.staging.schemas.iter().map(String::as_str).collect();
    let live = session.connection.catalog(&schemas)?;
    let mut staged: Vec<&RelationName> = context.staging.relations.values().collect();
    staged.sort();
    let Some((name, found)) = staged.into_iter().find_map(|name| Some((name, live.relations.get(name)?))) else {
        return Ok(());
    };
    let mut error = EngineError::new(
        FOREIGN_RELATION,
        FailureKind::Permanent,
        format!(
            "`{name}` exists, and no run of this project left it there, so that nothing can be staged under its name"
        ),
    );
    if let Some(comment) = &found.comment {
        error = error.with_note(format!("its comment is `{comment}`"));
    }
    Err(error.with_help("move it to another schema, or name another one in `staging_schema`"))
}
