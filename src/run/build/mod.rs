//! Building one node beside its live version.

mod increment;
mod interval;
mod seed;
mod snapshot;
mod staged;

pub use staged::{Staged, StagedKind};

use super::{
    Context, Event, Statement, bind, carry, files, ledger, lost, operators,
    resume::{self, Note},
    session::{Session, refusal},
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{BUG, DUPLICATE_KEY, RELATION_MISSING},
    },
    engine::{EngineError, FailureKind, LoadColumn},
    interval::Interval,
    manifest::{Constraint, FilledSql, Form, Node, NodeId, NodeKind, Properties, Rendering},
    name::RelationName,
    plan::mark,
};
use increment::{Column, Decision};
use interval::Windows;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
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
    /// What stands staged; none if it failed.
    pub staged: Option<Staged>,
    /// Rows of the new version, where known.
    pub rows: Option<u64>,
    /// Time spent, pauses included.
    pub elapsed: Duration,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong, if it failed.
    pub failure: Option<Diagnostic>,
    /// Whether that would go wrong again as long as nothing changes.
    pub lasts: bool,
}

/// Builds one node with a worker's session, trying again what may pass.
pub fn build<'a>(context: &Context<'a>, session: &mut Option<Session<'a>>, node: NodeId) -> Result<Built, Built> {
    let start = Instant::now();
    context.observer.observe(&Event::Started { node });
    if let Some(note) = context.resumed.get(&node) {
        return Ok(built_before(context, node, note));
    }
    let mut attempts = 0;
    let mut lost = None;
    let mut lasts = false;
    let outcome = loop {
        attempts += 1;
        let made = match lost {
            Some(process) => clear(context, session, (node, process)).and_then(|()| attempt(context, session, node)),
            None => attempt(context, session, node),
        };
        let error = match made {
            Ok(made) => break Ok(made),
            Err(Failure::Ours(diagnostic)) => {
                lasts = diagnostic.code == DUPLICATE_KEY;
                break Err(*diagnostic);
            }
            Err(Failure::Theirs(error, statement)) if !may_pass(&error) || attempts == ATTEMPTS => {
                // What hooks do, only they know.
                lasts = error.lasts && !context.manifest.node(node).properties.has_hooks();
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
            lost = Some(session.take().and_then(|session| session.connection.process()).or(lost.flatten()));
        }
        wait(context, pause);
    };
    if outcome.is_err() && context.manifest.node(node).properties.has_hooks() {
        // A hook may have left the session in a state of its own.
        *session = None;
    }
    let (rows, staged, failure) = match outcome {
        Ok((rows, staged)) => (rows, Some(staged), None),
        Err(diagnostic) => (None, None, Some(diagnostic)),
    };
    let elapsed = start.elapsed();
    context.observer.observe(&Event::Finished { node, rows, elapsed, failure: failure.as_ref() });
    let built = Built { staged, rows, elapsed, attempts, failure, lasts };
    if built.failure.is_none() { Ok(built) } else { Err(built) }
}

/// What an earlier run has built of a node.
fn built_before(context: &Context<'_>, node: NodeId, note: &Note) -> Built {
    let elapsed = Duration::from_millis(note.milliseconds);
    context.observer.observe(&Event::Finished { node, rows: note.rows, elapsed: Duration::ZERO, failure: None });
    let staged = Staged { kind: StagedKind::Table, intervals: None, batch: None, publish: Vec::new() };
    Built { staged: Some(staged), rows: note.rows, elapsed, attempts: 0, failure: None, lasts: false }
}

enum Failure {
    Ours(Box<Diagnostic>),
    Theirs(Box<EngineError>, Statement),
}

pub(super) fn may_pass(error: &EngineError) -> bool {
    matches!(error.kind, FailureKind::Temporary | FailureKind::Connection)
}

impl Failure {
    fn theirs(error: EngineError, purpose: &str) -> Self {
        let statement = Statement { purpose: purpose.to_owned(), text: String::new(), sql_at: None };
        Self::Theirs(Box::new(error), statement)
    }
}

/// How many rows were made, where known, and what stands staged.
type Made = (Option<u64>, Staged);

fn attempt<'a>(context: &Context<'a>, session: &mut Option<Session<'a>>, id: NodeId) -> Result<Made, Failure> {
    let node = context.manifest.node(id);
    let (Some(staged), Some(relation)) = (context.staging.relations.get(&id), &node.relation) else {
        return Err(bug(node, "it has no relation to be staged in"));
    };
    let session = match session {
        Some(session) => {
            let serve = session.connection.serve(&context.purpose(&node.name));
            serve.map_err(|error| Failure::theirs(error, "connect"))?;
            session
        }
        none => none.insert(context.connect(&node.name).map_err(|error| Failure::theirs(error, "connect"))?),
    };
    // One transaction, so that what is staged carries its mark from the first moment it can be seen.
    session.control("begin", "begin transaction").map_err(|error| Failure::theirs(error, "begin"))?;
    let start = Instant::now();
    let made = stage(context, session, id, Names { staged, relation }).and_then(|(rows, staged)| {
        let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let noting = resume::noting(context, id, (&staged, rows, milliseconds));
        for statement in noting.map_err(|error| Failure::theirs(error, "note"))? {
            session.execute(Some(id), &statement).map_err(|error| Failure::theirs(error, "note"))?;
        }
        Ok((rows, staged))
    });
    match &made {
        Ok(_) => session.control("commit", "commit").map_err(|error| Failure::theirs(error, "commit"))?,
        Err(_) => session.roll_back(),
    }
    made
}

/// The names of a node's relation.
#[derive(Clone, Copy)]
struct Names<'a> {
    staged: &'a RelationName,
    relation: &'a RelationName,
}

/// Makes the staged relation.
fn stage(context: &Context<'_>, session: &mut Session<'_>, id: NodeId, names: Names<'_>) -> Result<Made, Failure> {
    let node = context.manifest.node(id);
    let batch = context.staging.batches.get(&id).filter(|_| context.increments.contains(&id));
    if let Some(batch) = batch.filter(|_| node.is_snapshot()) {
        let live = increment::described(context, session, names.relation);
        let live = live.map_err(|error| Failure::theirs(error, "columns"))?;
        let values = snapshot::values(context, session, id, Some(&live))?;
        return merge(context, session, id, names, (batch, "snapshot", values, false));
    }
    if let Some(batch) = batch
        && let Decision::Add(columns) = increment::decide(context, session, id)?
    {
        return add(context, session, id, names, (batch, &columns));
    }
    check_binding(context, session, id, Rendering::Full)?;
    let kind = StagedKind::of(node);
    let (before, after) = match kind {
        // A view is made again when it is published; its hooks are those of the published one.
        StagedKind::View | StagedKind::File => (Vec::new(), Vec::new()),
        _ => context.hooks(id, names.staged),
    };
    run_hooks(context, session, id, &before)?;
    let windows = Windows::of(context, id, Rendering::Full);
    let sql = context.staged_sql_in(id, Rendering::Full, windows.as_ref().and_then(Windows::first)).unwrap_or_default();
    let mut columns = seed::columns(context, id, node)?;
    if node.kind != NodeKind::Seed && needs_columns(node) {
        columns = described(session, &sql)?;
    }
    let template = match node.form() {
        Form::Incremental if !node.is_snapshot() => "table",
        _ => node.materialized.as_deref().unwrap_or("view"),
    };
    let paths = files::paths(context, id);
    if let Some(paths) = &paths {
        files::prepare(paths).map_err(|problem| Failure::Ours(Box::new(problem.of_node(node.name.clone()))))?;
    }
    let mut values = json!({
        "staged": context.qualified(names.staged),
        "relation": context.qualified(names.relation),
        "sql": sql.text,
        "file": paths.as_ref().map(|paths| paths.published.to_string_lossy()),
        "staged_file": paths.as_ref().map(|paths| paths.staged.to_string_lossy()),
        "format": node.text("format"),
        "columns": columns.iter().map(|column| json!({"name": column.name, "type": column.data_type})).collect::<Vec<_>>(),
        "constraints": node.properties.constraints,
        "storage": node.properties.storage,
        "config": node.config,
    });
    if let (true, Value::Object(values)) = (node.is_snapshot(), &mut values) {
        values.extend(snapshot::values(context, session, id, None)?);
    }
    let (statements, publish) = divided(materialization(context, node, template, &values)?);
    let mut rows = None;
    for statement in &statements {
        let affected = execute(session, id, statement)?;
        if statement.purpose == "build" {
            rows = affected;
            if node.kind == NodeKind::Seed {
                rows = Some(seed::load(context, session, id, names.staged, &columns)?);
            }
        }
    }
    if let Some(windows) = &windows {
        rows = windows.fill(context, session, id, (names.staged, rows))?;
    }
    if node.form() == Form::Incremental {
        increment::refuse_duplicates(context, session, id, names.staged)?;
    }
    finish(context, session, id, names.staged, (kind, true))?;
    run_hooks(context, session, id, &after)?;
    let intervals = windows.as_ref().map(Windows::made);
    Ok((rows.filter(|_| kind != StagedKind::View), Staged { kind, intervals, batch: None, publish }))
}

/// Adds the new rows of an incremental model.
fn add(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    names: Names<'_>,
    (batch, columns): (&RelationName, &[Column]),
) -> Result<Made, Failure> {
    let node = context.manifest.node(id);
    let rewritten = increment::is_rewritten(columns);
    let mut values = serde_json::Map::new();
    values.insert("columns".to_owned(), json!(columns));
    values.insert("keys".to_owned(), json!(node.texts("unique_key")));
    values.insert("key_types".to_owned(), json!(increment::key_types(node, context.manifest.dialect, columns)));
    values.insert("strategy".to_owned(), json!(increment::strategy(node)));
    values.insert("rewritten".to_owned(), json!(rewritten));
    values.insert("predicates".to_owned(), json!(increment::predicates(context, id)));
    values.insert("intervals".to_owned(), json!([]));
    if let Some(windows) = Windows::of(context, id, Rendering::Incremental) {
        let columns = increment::batch_columns(columns);
        values.insert("time_column".to_owned(), json!(windows.column(context, id, &columns)?));
        values.insert("intervals".to_owned(), json!(windows.all()));
        values.insert("fence".to_owned(), ledger::fence(context, names.relation));
    }
    merge(context, session, id, names, (batch, "incremental", values, rewritten))
}

/// Makes the batch of what is added, and the view that shows what the table will be; with `rewritten` a table takes the
/// place of the live one.
fn merge(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    names: Names<'_>,
    (batch, template, mut values, rewritten): (&RelationName, &str, serde_json::Map<String, Value>, bool),
) -> Result<Made, Failure> {
    let node = context.manifest.node(id);
    check_binding(context, session, id, Rendering::Incremental)?;
    let keys = node.texts("unique_key");
    // A snapshot compares values, too.
    let compared = if node.is_snapshot() { Vec::new() } else { keys.clone() };
    if !keys.is_empty() {
        operators::refuse(context, session, id, (names.relation, &compared))
            .map_err(|error| Failure::theirs(error, "hidden"))?
            .map_err(Failure::Ours)?;
    }
    let windows = Windows::of(context, id, Rendering::Incremental);
    let sql = context.staged_sql(id, Rendering::Incremental).unwrap_or_default();
    values.insert("staged".to_owned(), json!(context.qualified(names.staged)));
    values.insert("relation".to_owned(), json!(context.qualified(names.relation)));
    values.insert("batch".to_owned(), json!(context.qualified(batch)));
    values.insert("sql".to_owned(), json!(sql.text));
    values.insert("config".to_owned(), json!(node.config));
    let (before, publish) = divided(materialization(context, node, template, &Value::Object(values))?);
    let mut rows = None;
    for statement in &before {
        // Of a batch that holds more than what is added, that is counted.
        if statement.purpose == "count" {
            rows = counted(session, statement)?;
            continue;
        }
        if statement.purpose == "reach" {
            increment::refuse_out_of_reach(session, node, statement)?;
            continue;
        }
        let affected = execute(session, id, statement)?;
        if statement.purpose == "build" {
            rows = match &windows {
                Some(windows) => windows.fill(context, session, id, (batch, affected))?,
                None => affected,
            };
            increment::refuse_duplicates(context, session, id, batch)?;
            finish(context, session, id, batch, (StagedKind::Table, false))?;
        }
    }
    let kind = if rewritten { StagedKind::Table } else { StagedKind::Increment };
    finish(context, session, id, names.staged, (kind, rewritten))?;
    let intervals = windows.as_ref().map(Windows::made);
    let (hooks_before, hooks_after) = context.hooks(id, if rewritten { names.staged } else { names.relation });
    if rewritten {
        run_hooks(context, session, id, &hooks_before)?;
        run_hooks(context, session, id, &hooks_after)?;
        return Ok((rows, Staged { kind, intervals, batch: Some(batch.clone()), publish }));
    }
    let publish = hooks_before.into_iter().chain(publish).chain(hooks_after).collect();
    Ok((rows, Staged { kind, intervals, batch: Some(batch.clone()), publish }))
}

/// The number that a statement answers.
fn counted(session: &mut Session<'_>, statement: &Statement) -> Result<Option<u64>, Failure> {
    let rows = session.values(None, statement);
    let rows = rows.map_err(|error| Failure::Theirs(Box::new(error), statement.clone()))?;
    Ok(rows.into_iter().flatten().flatten().next().and_then(|text| text.parse().ok()))
}

/// Whether the template that makes a node's table has to know its columns beforehand.
fn needs_columns(node: &Node) -> bool {
    !node.properties.constraints.is_empty() || node.properties.storage.partition_by.is_some()
}

/// The columns of a query.
fn described(session: &mut Session<'_>, sql: &FilledSql) -> Result<Vec<LoadColumn>, Failure> {
    let statement = Statement { purpose: "columns".to_owned(), text: sql.text.clone(), sql_at: Some(0) };
    let columns = session.connection.describe(&sql.text);
    let columns = columns.map_err(|error| Failure::Theirs(Box::new(error), statement))?;
    Ok(columns.into_iter().map(|(name, data_type)| LoadColumn { name, data_type }).collect())
}

/// Gives a staged relation its mark and, if it is what will be published, whatever else belongs to it.
fn finish(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    staged: &RelationName,
    (kind, is_final): (StagedKind, bool),
) -> Result<(), Failure> {
    let node = context.manifest.node(id);
    let relation = node.relation.as_ref().unwrap_or(staged);
    let properties = if is_final { node.properties.clone() } else { Properties::default() };
    let referred = |constraint: &Constraint| Some(context.read_from(id, constraint.to?));
    let values = json!({
        "relation": context.qualified(staged),
        "kind": kind.word(),
        "comment": context.comment(node, relation),
        "column_comments": column_comments(context, session, staged, &properties)?,
        "indexes": properties.indexes,
        "index_marks": context.index_marks(node, relation),
        "constraints": properties.constraints,
        "constraint_marks": properties.constraints.iter().map(|found| {
            mark(&context.manifest.project, &RelationName { name: found.name.as_str().into(), ..relation.clone() })
        }).collect::<Vec<_>>(),
        "partitions": partitions(context, relation, staged, &properties),
        "referred": properties.constraints.iter().map(referred).collect::<Vec<_>>(),
    });
    for statement in context.step("finish", &values).map_err(|error| Failure::theirs(error, "finish"))? {
        execute(session, id, &statement)?;
    }
    if kind.word() == "view" {
        return Ok(());
    }
    if is_final {
        let given = carry::beside(context, session, id, staged);
        for statement in given.map_err(|error| Failure::theirs(error, "carry"))? {
            execute(session, id, &statement)?;
        }
    }
    let values = json!({"relation": context.qualified(staged)});
    for statement in context.step("analyze", &values).map_err(|error| Failure::theirs(error, "analyze"))? {
        execute(session, id, &statement)?;
    }
    Ok(())
}

/// The parts of a divided table, each with a mark of its own.
fn partitions(
    context: &Context<'_>,
    relation: &RelationName,
    staged: &RelationName,
    properties: &Properties,
) -> Vec<Value> {
    let parts = properties.storage.partition_by.iter().flat_map(|found| &found.parts);
    parts
        .map(|part| {
            let named = |schema: &RelationName| RelationName { name: part.name.as_str().into(), ..schema.clone() };
            let mark = mark(&context.manifest.project, &named(relation));
            json!({"relation": named(staged), "comment": mark})
        })
        .collect()
}

/// The comments of those columns that there are.
fn column_comments(
    context: &Context<'_>,
    session: &mut Session<'_>,
    staged: &RelationName,
    properties: &Properties,
) -> Result<BTreeMap<String, String>, Failure> {
    if properties.column_comments.is_empty() {
        return Ok(BTreeMap::new());
    }
    let dialect = context.manifest.dialect;
    let columns = increment::described(context, session, staged).map_err(|error| Failure::theirs(error, "columns"))?;
    let named = |name: &str| columns.iter().find(|(other, _)| dialect.key(other) == dialect.key(name));
    let comments = properties.column_comments.iter();
    Ok(comments.filter_map(|(name, text)| Some((named(name)?.0.clone(), text.clone()))).collect())
}

fn execute(session: &mut Session<'_>, id: NodeId, statement: &Statement) -> Result<Option<u64>, Failure> {
    session.execute(Some(id), statement).map_err(|error| Failure::Theirs(Box::new(error), statement.clone()))
}

/// Runs hooks in the session that builds.
fn run_hooks(context: &Context<'_>, session: &mut Session<'_>, id: NodeId, hooks: &[Statement]) -> Result<(), Failure> {
    for hook in hooks {
        let values = json!({"purpose": hook.purpose, "sql": hook.text, "database": context.database});
        for statement in context.step("hook", &values).map_err(|error| Failure::theirs(error, &hook.purpose))? {
            execute(session, id, &statement)?;
        }
    }
    Ok(())
}

fn check_binding(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    rendering: Rendering,
) -> Result<(), Failure> {
    let Some(sql) = context.staged_sql(id, rendering) else { return Ok(()) };
    bind::check(context, session, id, (rendering, &sql))
        .map_err(|(error, statement)| Failure::Theirs(Box::new(error), statement))?
        .map_err(Failure::Ours)
}

/// What is done beside the live version, and what waits for the publish: the statements called `publish`.
fn divided(statements: Vec<Statement>) -> (Vec<Statement>, Vec<Statement>) {
    statements.into_iter().partition(|statement| statement.purpose != "publish")
}

/// The statements of a materialization.
fn materialization(
    context: &Context<'_>,
    node: &Node,
    template: &str,
    values: &Value,
) -> Result<Vec<Statement>, Failure> {
    context.statements.materialization(template, values).map_err(|mut problems| match problems.pop() {
        Some(problem) => Failure::Ours(Box::new(problem.of_node(node.name.clone()))),
        None => bug(node, "its materialization has no statements"),
    })
}

/// Makes sure that an attempt whose connection was lost has left nothing: it may have been committed all the same, or be
/// open still at a server that has not noticed.
fn clear<'a>(
    context: &Context<'a>,
    session: &mut Option<Session<'a>>,
    (id, process): (NodeId, Option<u32>),
) -> Result<(), Failure> {
    let theirs = |purpose: &'static str| move |error| Failure::theirs(error, purpose);
    let name = &context.manifest.node(id).name;
    let session = match session {
        Some(session) => session,
        none => none.insert(context.connect(name).map_err(theirs("connect"))?),
    };
    if let Some(process) = process {
        lost::end(context, session, process).map_err(theirs("end session"))?;
    }
    let staging = context.staging;
    let made: Vec<&RelationName> = staging.relations.get(&id).into_iter().chain(staging.batches.get(&id)).collect();
    let schemas: BTreeSet<&str> = made.iter().map(|relation| &*relation.schema).collect();
    let live = session.connection.catalog(&schemas.into_iter().collect::<Vec<_>>()).map_err(theirs("catalog"))?;
    // The view that shows a batch comes before it.
    let relations: Vec<Value> = made
        .iter()
        .filter_map(|relation| Some((*relation, live.relations.get(*relation)?.kind.word())))
        .map(|(relation, kind)| json!({"name": context.qualified(relation), "kind": kind}))
        .collect();
    let values = json!({"relations": relations, "schemas": []});
    for statement in context.step("discard", &values).map_err(theirs("discard"))? {
        execute(session, id, &statement)?;
    }
    Ok(())
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
    let said = context.with_known_names(error);
    let mut diagnostic = refusal(&said, &format!("`{}` could not be built", node.name)).of_node(node.name.clone());
    let reads_itself = node.sql.as_ref().is_some_and(|sql| sql.relations().any(|read| read == id));
    if error.code == RELATION_MISSING && reads_itself {
        diagnostic = diagnostic
            .note("the first build has no rows of its own to read")
            .help("put what reads them into `{% if is_incremental() %} … {% endif %}`");
    }
    if statement.purpose == "carry" && !statement.text.is_empty() {
        diagnostic = diagnostic
            .note(["the table in place has this, and so has its new version: ", &statement.text].concat())
            .help("if it is not wanted any more, take it away from the table in place");
    }
    if statement.purpose.ends_with("_hook") {
        diagnostic = diagnostic.note(format!("in its {}: {}", statement.purpose, statement.text.trim()));
    }
    // A statement holds one of the two renderings, about one interval if it has any; which one can be read from it.
    let planned = context.recording.plan.step(id).and_then(|step| step.intervals.as_ref());
    let batches = planned.into_iter().flat_map(|planned| planned.batches.iter().chain(&planned.whole));
    let windows: Vec<Option<Interval>> = batches.copied().map(Some).chain([None]).collect();
    let renderings = [Rendering::Incremental, Rendering::Full];
    for (rendering, window) in renderings.into_iter().flat_map(|one| windows.iter().map(move |window| (one, *window))) {
        if let (Some(filled), Some(position), Some(sql_at)) =
            (context.staged_sql_in(id, rendering, window), error.position, statement.sql_at)
            && statement.text.get(sql_at..).is_some_and(|text| text.starts_with(filled.text.trim_end()))
            && (sql_at..=sql_at + filled.text.len()).contains(&position)
        {
            let place = match filled.rendered(position - sql_at) {
                (None, rendered) => context.places.place(id, rendering, rendered),
                (Some(inlined), rendered) => context.places.place(inlined, Rendering::Full, rendered),
            };
            if let Some(place) = place {
                return diagnostic.at_place(place, "here");
            }
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
