//! Building one node beside its live version.

use super::{
    Context, Event, Statement, bind,
    session::{Session, refusal},
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{BUG, CANCELLED},
    },
    engine::{EngineError, FailureKind, LoadColumn},
    manifest::{FilledSql, Node, NodeId, NodeKind},
    name::RelationName,
    plan::mark,
};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How often a step is tried when it fails for a reason that passes.
pub(super) const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; each later one is twice as long.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What came of building one node.
#[derive(Debug)]
pub struct Built {
    /// Rows of the new version, where known.
    pub rows: Option<u64>,
    /// Time spent, pauses included.
    pub elapsed: Duration,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong, if it failed.
    pub failure: Option<Diagnostic>,
}

/// Builds one node with a worker's session, trying again what may pass.
pub fn build<'a>(context: &Context<'a>, session: &mut Option<Session<'a>>, node: NodeId) -> Result<Built, Built> {
    let start = Instant::now();
    context.observer.observe(&Event::Started { node });
    let mut attempts = 0;
    let outcome = loop {
        attempts += 1;
        let error = match attempt(context, session, node) {
            Ok(rows) => break Ok(rows),
            Err(Failure::Ours(diagnostic)) => break Err(*diagnostic),
            Err(Failure::Theirs(error, statement)) if !may_pass(&error) || attempts == ATTEMPTS => {
                break Err(diagnose(context, node, &error, &statement));
            }
            Err(Failure::Theirs(error, statement)) if context.stop.is_stopped() => {
                break Err(diagnose(context, node, &error, &statement));
            }
            Err(Failure::Theirs(error, _)) => error,
        };
        let pause = FIRST_PAUSE * 2_u32.pow(attempts - 1);
        context.observer.observe(&Event::Retrying { node: Some(node), attempt: attempts, why: &error.message, pause });
        if error.kind == FailureKind::Connection {
            *session = None;
        }
        wait(context, pause);
        discard(context, session, node);
    };
    let (rows, failure) = match outcome {
        Ok(rows) => (rows, None),
        Err(diagnostic) => (None, Some(diagnostic)),
    };
    let elapsed = start.elapsed();
    context.observer.observe(&Event::Finished { node, rows, elapsed, failure: failure.as_ref() });
    let built = Built { rows, elapsed, attempts, failure };
    if built.failure.is_none() { Ok(built) } else { Err(built) }
}

enum Failure {
    Ours(Box<Diagnostic>),
    Theirs(Box<EngineError>, Statement),
}

pub(super) fn may_pass(error: &EngineError) -> bool {
    matches!(error.kind, FailureKind::Temporary | FailureKind::Connection)
}

fn attempt<'a>(context: &Context<'a>, session: &mut Option<Session<'a>>, id: NodeId) -> Result<Option<u64>, Failure> {
    let node = context.manifest.node(id);
    let (Some(staged), Some(relation)) = (context.staging.relations.get(&id), &node.relation) else {
        return Err(bug(node, "it has no relation to be staged in"));
    };
    let nowhere = || Statement { purpose: "connect".to_owned(), text: String::new(), sql_at: None };
    let session = match session {
        Some(session) => session,
        none => none.insert(context.connect(&node.name).map_err(|error| Failure::Theirs(Box::new(error), nowhere()))?),
    };
    let columns = seed_columns(context, id, node)?;
    let statements = statements(context, node, staged, relation, &columns)?;
    // One transaction, so that what is staged carries its mark from the first moment it can be seen.
    let theirs = |error| Failure::Theirs(Box::new(error), nowhere());
    session.control("begin", "begin transaction").map_err(theirs)?;
    let rows = stage(context, session, id, staged, (&columns, &statements));
    match &rows {
        Ok(_) => session.control("commit", "commit").map_err(theirs)?,
        // A connection that is gone has rolled back by itself.
        Err(_) => drop(session.control("rollback", "rollback")),
    }
    rows
}

/// Carries out the statements that make the staged relation; how many rows it has, where known.
fn stage(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    staged: &RelationName,
    (columns, statements): (&[LoadColumn], &[Statement]),
) -> Result<Option<u64>, Failure> {
    let node = context.manifest.node(id);
    if let Some(sql) = context.staged_sql(node) {
        bind::check(context, session, id, &sql)
            .map_err(|(error, statement)| Failure::Theirs(Box::new(error), statement))?
            .map_err(Failure::Ours)?;
    }
    let mut rows = None;
    for statement in statements {
        let affected = session
            .execute(Some(id), statement)
            .map_err(|error| Failure::Theirs(Box::new(error), statement.clone()))?;
        if statement.purpose == "build" {
            rows = affected;
            if node.kind == NodeKind::Seed {
                rows = Some(load(context, session, id, staged, columns)?);
            }
        }
    }
    Ok(rows.filter(|_| node.materialized.as_deref() != Some("view")))
}

/// The statements that make the staged relation.
fn statements(
    context: &Context<'_>,
    node: &Node,
    staged: &RelationName,
    relation: &RelationName,
    columns: &[LoadColumn],
) -> Result<Vec<Statement>, Failure> {
    let sql = context.staged_sql(node).unwrap_or_default();
    let values = json!({
        "staged": context.qualified(staged),
        "relation": relation,
        "sql": sql.text,
        "mark": mark(&context.manifest.project, relation),
        "columns": columns.iter().map(|column| json!({"name": column.name, "type": column.data_type})).collect::<Vec<_>>(),
        "config": node.config,
    });
    let template = node.materialized.as_deref().unwrap_or("view");
    context.statements.materialization(template, &values).map_err(|mut problems| match problems.pop() {
        Some(problem) => Failure::Ours(Box::new(problem.of_node(node.name.clone()))),
        None => bug(node, "its materialization has no statements"),
    })
}

fn seed_columns(context: &Context<'_>, id: NodeId, node: &Node) -> Result<Vec<LoadColumn>, Failure> {
    if node.kind != NodeKind::Seed {
        return Ok(Vec::new());
    }
    context.seeds.columns(id).map_err(|diagnostic| Failure::Ours(Box::new(diagnostic.of_node(node.name.clone()))))
}

/// Streams a seed's rows into its staged table; a row that cannot be read ends the load.
fn load(
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

/// Removes what an attempt left, so that the next one starts from nothing.
fn discard(context: &Context<'_>, session: &mut Option<Session<'_>>, id: NodeId) {
    let (Some(session), Some(staged)) = (session, context.staging.relations.get(&id)) else { return };
    let kind = context.staged_kind(context.manifest.node(id));
    let values = json!({"relations": [{"name": context.qualified(staged), "kind": kind}], "schemas": []});
    let dropped = context.step("discard", &values).and_then(|statements| {
        statements.iter().try_for_each(|statement| session.execute(Some(id), statement).map(|_| ()))
    });
    // What cannot be removed makes the next attempt fail, with a message of its own.
    drop(dropped);
}

pub(super) fn wait(context: &Context<'_>, pause: Duration) {
    let end = Instant::now() + pause;
    while Instant::now() < end && !context.stop.is_stopped() {
        thread::sleep(Duration::from_millis(20).min(end.saturating_duration_since(Instant::now())));
    }
}

/// What the database said, at the place in the model that it is about.
fn diagnose(context: &Context<'_>, id: NodeId, error: &EngineError, statement: &Statement) -> Diagnostic {
    let node = context.manifest.node(id);
    let mut diagnostic = refusal(error, &format!("`{}` could not be built", node.name)).of_node(node.name.clone());
    let filled: Option<FilledSql> = context.staged_sql(node);
    if let (Some(filled), Some(position), Some(sql_at)) = (filled, error.position, statement.sql_at)
        && (sql_at..=sql_at + filled.text.len()).contains(&position)
    {
        let rendered = filled.rendered(position - sql_at);
        if let Some(place) = context.places.place(id, rendered) {
            return diagnostic.at_place(place, "here");
        }
    }
    if let Some(span) = context.places.file(id) {
        diagnostic = diagnostic.at(span, "");
    }
    diagnostic
}

fn bug(node: &Node, why: &str) -> Failure {
    let diagnostic = Diagnostic::error(BUG, format!("`{}` could not be built: {why}", node.name));
    Failure::Ours(Box::new(diagnostic.of_node(node.name.clone())))
}
