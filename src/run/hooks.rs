//! Hooks that belong to no transaction of a build: around the whole run, and after the publish.

use super::{
    Context, Statement,
    context::published_sql,
    session::{Session, refusal},
    state,
};
use crate::{
    diagnostic::Diagnostic,
    engine::EngineError,
    manifest::{CompiledSql, NodeId},
    state::HOOKS,
};
use serde_json::json;
use std::collections::BTreeSet;

/// Runs `on_run_start`, in a database that has the schemas of the run; by one process of a run, and not again.
///
/// # Errors
/// When the database refuses one of them; nothing was built then.
pub fn run_start<'a>(context: &Context<'a>, session: &mut Session<'a>) -> Result<(), EngineError> {
    if context.manifest.run_hooks.start.is_empty() {
        return Ok(());
    }
    once(context, session, HOOKS[0], start)
}

/// Runs `on_run_end`, all of it, whatever came of the run; by one process of a run, and not again.
pub fn run_end<'a>(context: &Context<'a>, session: &mut Session<'a>) -> Vec<Diagnostic> {
    if context.manifest.run_hooks.end.is_empty() {
        return Vec::new();
    }
    let mut told = Vec::new();
    let ended = once(context, session, HOOKS[1], |context, session| {
        told = end(context, session);
        Ok(())
    });
    told.extend(ended.err().map(|error| refusal(&error, "the hooks of `on_run_end` could not be run")));
    told
}

/// Does what one process of a run does for all of them, unless one has; others wait until it is done. A process that is
/// killed over it leaves it to the next.
fn once<'a>(
    context: &Context<'a>,
    session: &mut Session<'a>,
    what: &str,
    work: impl FnOnce(&Context<'a>, &mut Session<'a>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let shared = context.recording.shared.is_some();
    if shared {
        state::turn(context, session, false)?;
    }
    let is_due = !(shared && state::is_noted(context, session, what)?);
    let done = if is_due { work(context, session).and_then(|()| state::note(context, session, what)) } else { Ok(()) };
    if shared {
        state::turn(context, session, true)?;
    }
    done
}

fn start(context: &Context<'_>, session: &mut Session<'_>) -> Result<(), EngineError> {
    // What a hook makes, it most often makes beside the models.
    let relations = context.built.iter().filter_map(|id| context.manifest.node(*id).relation.as_ref());
    let wanted: BTreeSet<&str> =
        relations.map(|relation| &*relation.schema).chain([context.manifest.schema.as_str()]).collect();
    let there = session.connection.catalog(&wanted.iter().copied().collect::<Vec<_>>())?.schemas;
    let missing: Vec<&str> = wanted.into_iter().filter(|schema| !there.contains(*schema)).collect();
    for statement in context.step("schemas", &json!({"schemas": missing, "database": context.database}))? {
        session.execute(None, &statement)?;
    }
    for sql in &context.manifest.run_hooks.start {
        run(context, session, ("on_run_start", None), sql).map_err(|mut error| {
            error.notes.push("in a hook of `on_run_start`".to_owned());
            error
        })?;
    }
    Ok(())
}

fn end(context: &Context<'_>, session: &mut Session<'_>) -> Vec<Diagnostic> {
    let hooks = context.manifest.run_hooks.end.iter();
    let outcomes = hooks.map(|sql| run(context, session, ("on_run_end", None), sql));
    let refused = outcomes.filter_map(Result::err).collect::<Vec<_>>();
    refused.iter().map(|error| refusal(error, "a hook of `on_run_end` was refused")).collect()
}

/// Runs the hooks that stand outside of transactions, for what was published.
pub fn outside(context: &Context<'_>, session: &mut Session<'_>, published: &BTreeSet<NodeId>) -> Vec<Diagnostic> {
    let mut refused = Vec::new();
    for id in published {
        let node = context.manifest.node(*id);
        for sql in &node.properties.hooks.outside {
            if let Err(error) = run(context, session, ("post_hook", Some(*id)), sql) {
                let what = format!("`{}` was published, but its hook after that was refused", node.name);
                refused.push(refusal(&error, &what).of_node(node.name.clone()));
            }
        }
    }
    refused
}

fn run(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (purpose, node): (&str, Option<NodeId>),
    sql: &CompiledSql,
) -> Result<(), EngineError> {
    let text = published_sql(context.manifest, sql, context.database).text;
    let statement = Statement { purpose: purpose.to_owned(), text, sql_at: None };
    session.execute(node, &statement).map(|_| ())
}
