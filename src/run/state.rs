//! The tables of state: reading them, making them, and writing what a run did.
//!
//! The SQL stands in `templates/state/`. What was published is written in the transaction that publishes it.

use super::{
    Beginning, Context, Staged, StagedKind, Statement, Statements, Tested,
    build::Built,
    ledger::{self, Standing},
    session::{Session, refusal},
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{BUG, STATE_TOO_NEW},
    },
    dialect::functions::Volatility,
    engine::{Connection, Engine, EngineError, FailureKind, LiveCatalog, LiveColumn, UserFunction},
    manifest::{Manifest, NodeId, Verdict},
    name::RelationName,
    plan::{Plan, read_name},
    state::{
        Failed, Passed, RELATION, Recorded, SharedRun, State, TEST, VERSION, read_relations, read_tests, relation_row,
        test_row,
    },
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The tables of state.
const TABLES: [&str; 10] =
    ["about", "runs", "relations", "history", "tests", "environment", "steps", "staged", KEPT, INTERVALS];
/// Those that every version has made; what the others tell is not missed by who reads.
const FIRST_TABLES: [&str; 6] = ["about", "runs", "relations", "history", "tests", "environment"];
/// The table of which intervals are done.
pub(super) const INTERVALS: &str = "intervals";
/// The table of versions that are kept.
const KEPT: &str = "kept";
/// The table of what was noted of rows; it is made when it is needed.
const FINGERPRINTS: &str = "fingerprints";
/// The columns that are numbers to the database.
pub(super) const NUMBERS: [&str; 4] = ["row_count", "milliseconds", "object_id", "epoch"];

/// Where a run comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The command: `build`, `run`, …
    pub command: String,
    /// The commit of the project's files.
    pub commit: Option<String>,
    /// Who runs it.
    pub author: Option<String>,
    /// The moment that the run is about, in UTC.
    pub logical_time: String,
    /// Why what it publishes is held from then on, if it is.
    pub held: Option<String>,
}

/// What a run writes its state with.
#[derive(Clone, Copy)]
pub struct Recording<'a> {
    /// The schema of the tables.
    pub schema: &'a str,
    /// What is to be built.
    pub plan: &'a Plan,
    /// Where the run comes from.
    pub origin: &'a Origin,
    /// The run's epoch.
    pub epoch: u64,
    /// What the processes of the run know of each other, where it may have several.
    pub shared: Option<&'a SharedRun>,
    /// Whether the state can tell of versions that are kept.
    pub keeps: bool,
}

/// The statements of one of suiro's own steps of state.
pub(super) fn step(statements: &dyn Statements, name: &str, values: &Value) -> Result<Vec<Statement>, EngineError> {
    statements.state(name, values).map_err(|problems| {
        let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
        let mut error = EngineError::new(BUG, FailureKind::Permanent, message);
        error.notes.push(format!("in the template of the step `{name}` of state"));
        error
    })
}

/// A table of state, qualified by the database where names have to be.
fn table(schema: &str, name: &str, database: Option<&str>) -> RelationName {
    RelationName { database: database.map(Into::into), ..RelationName::new(schema, name) }
}

/// What every template of state is given.
pub(super) fn common(manifest: &Manifest, schema: &str, database: Option<&str>) -> serde_json::Map<String, Value> {
    let mut values = serde_json::Map::new();
    for name in TABLES.into_iter().chain([FINGERPRINTS]) {
        values.insert(name.to_owned(), json!(table(schema, name, database)));
    }
    // Most templates call intervals what is done.
    let intervals = values.remove(INTERVALS).unwrap_or_default();
    values.insert("intervals_table".to_owned(), intervals);
    values.insert("state".to_owned(), json!({"schema": schema, "database": database}));
    values.insert("project".to_owned(), json!(manifest.project));
    values.insert("dialect".to_owned(), json!(manifest.dialect.name()));
    values.insert("suiro".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    values.insert("version".to_owned(), json!(VERSION));
    values
}

pub(super) fn with(mut values: serde_json::Map<String, Value>, more: Value) -> Value {
    if let Value::Object(more) = more {
        values.extend(more);
    }
    Value::Object(values)
}

/// Whether the tables of state are there that state of every version has.
pub(super) fn is_there(live: &LiveCatalog, schema: &str) -> bool {
    FIRST_TABLES.iter().all(|name| has(live, schema, name))
}

/// Whether that table of state is there.
pub(super) fn has(live: &LiveCatalog, schema: &str, name: &str) -> bool {
    live.relations.contains_key(&table(schema, name, None))
}

/// Whether all of them are, also those that earlier versions did not make.
pub(super) fn is_complete(live: &LiveCatalog, schema: &str) -> bool {
    TABLES.iter().all(|name| has(live, schema, name))
}

/// Whether the table of versions that are kept is there.
pub(super) fn keeps(live: &LiveCatalog, schema: &str) -> bool {
    live.relations.contains_key(&table(schema, KEPT, None))
}

/// Reads what the database remembers of a project; nothing where it has no tables of state.
///
/// # Errors
/// When they cannot be read, or a newer suiro has written them in a way that this one does not know.
pub fn read(
    connection: &mut dyn Connection,
    statements: &dyn Statements,
    (manifest, schema, database): (&Manifest, &str, Option<&str>),
    live: &LiveCatalog,
) -> Result<State, EngineError> {
    if !is_there(live, schema) {
        return Ok(State::default());
    }
    let mut state = State { exists: true, ..State::default() };
    let values = json!({"relation_columns": RELATION, "test_columns": TEST, "numbers": NUMBERS});
    for statement in step(statements, "read", &with(common(manifest, schema, database), values))? {
        let rows = connection.values(&statement.text)?;
        match statement.purpose.as_str() {
            "about" => refuse_newer(&rows)?,
            "relations" => state.relations = read_relations(&rows),
            _ => state.tests = read_tests(&rows),
        }
    }
    if has(live, schema, INTERVALS) {
        state.ledgers = ledger::read(connection, statements, common(manifest, schema, database))?;
    }
    Ok(state)
}

fn refuse_newer(rows: &[Vec<Option<String>>]) -> Result<(), EngineError> {
    let readable_from = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
    if readable_from.and_then(|text| text.parse::<u32>().ok()).is_some_and(|from| from > VERSION) {
        let message = "the state was written by a newer suiro, in a way that this one cannot read";
        let mut error = EngineError::new(STATE_TOO_NEW, FailureKind::Permanent, message);
        error.help = Some("use that version, or another `state_schema`".to_owned());
        return Err(error);
    }
    Ok(())
}

/// The functions that users have made, by name.
///
/// # Errors
/// When the catalog cannot be read.
pub fn functions(
    connection: &mut dyn Connection,
    statements: &dyn Statements,
) -> Result<BTreeMap<String, UserFunction>, EngineError> {
    let mut functions: BTreeMap<String, UserFunction> = BTreeMap::new();
    for statement in step(statements, "functions", &Value::Null)? {
        for row in connection.values(&statement.text)? {
            let mut row = row.into_iter();
            let (Some(Some(name)), volatility, body) = (row.next(), row.next().flatten(), row.next().flatten()) else {
                continue;
            };
            let volatility = match volatility.as_deref() {
                Some("immutable") => Some(Volatility::Immutable),
                Some("stable") => Some(Volatility::Stable),
                Some(_) => Some(Volatility::Volatile),
                None => None,
            };
            let function = functions.entry(name).or_default();
            function.volatility = function.volatility.max(volatility);
            function.body.push_str(&body.unwrap_or_default());
            function.body.push('\n');
        }
    }
    Ok(functions)
}

/// The data version of a source, by its own query or by when its newest row arrived.
///
/// # Errors
/// When the database refuses the query.
pub fn source_version(
    connection: &mut dyn Connection,
    statements: &dyn Statements,
    values: &Value,
) -> Result<Option<String>, EngineError> {
    let mut version = None;
    for statement in step(statements, "source", values)? {
        let rows = connection.query(&statement.text, Some(1))?;
        version = rows.rows.into_iter().flatten().next();
    }
    // No row at all is a version, too.
    Ok(version.map(|version| version.unwrap_or_else(|| "none".to_owned())))
}

/// What of a cut another run has published since: a newer one, or another process of this one. Asked under the locks of
/// the publish. What is added to interval by interval has a ledger for that.
pub fn newer(
    context: &Context<'_>,
    session: &mut Session<'_>,
    nodes: &[NodeId],
    staged: &BTreeMap<NodeId, &Staged>,
) -> Result<BTreeSet<NodeId>, EngineError> {
    let by_interval =
        |id: &NodeId| staged.get(id).is_some_and(|one| one.intervals.as_ref().is_some_and(|made| !made.anew));
    let nodes: Vec<NodeId> = nodes.iter().copied().filter(|id| !by_interval(id)).collect();
    if nodes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let relation = |id: &NodeId| context.manifest.node(*id).relation.clone();
    let relations: Vec<RelationName> = nodes.iter().filter_map(relation).collect();
    let recording = &context.recording;
    let values = json!({
        "table": table(recording.schema, "relations", context.database),
        "epoch": recording.epoch,
        "relations": relations,
    });
    let mut newer = BTreeSet::new();
    let values = with(common(context.manifest, recording.schema, context.database), values);
    for statement in step(context.statements, "newer", &values)? {
        for row in session.values(None, &statement)? {
            let [Some(schema), Some(name), Some(epoch), Some(run)] = row.as_slice() else { continue };
            let found = RelationName::new(schema.as_str(), name.as_str());
            let ours = |id: &NodeId| {
                let seen = recording.plan.step(*id).and_then(|step| step.published_by.as_deref());
                epoch.parse() == Ok(recording.epoch) && (run == context.run || seen == Some(run))
            };
            newer.extend(nodes.iter().copied().filter(|id| relation(id).as_ref() == Some(&found) && !ours(id)));
        }
    }
    Ok(newer)
}

/// Whether a process of this run has noted that.
pub fn is_noted(context: &Context<'_>, session: &mut Session<'_>, what: &str) -> Result<bool, EngineError> {
    let mut keyed = SharedRun::default();
    beginning(context).notes(session, context.recording.epoch, &mut keyed)?;
    Ok(keyed.hooks.contains(what))
}

/// Notes something for the other processes of the run.
pub fn note(context: &Context<'_>, session: &mut Session<'_>, what: &str) -> Result<(), EngineError> {
    let statements = beginning(context).noting(context.recording.epoch, &[(what, "{}".to_owned())])?;
    statements.iter().try_for_each(|statement| session.execute(None, statement).map(|_| ()))
}

/// Waits until it is this process's turn at what only one of a run does; or gives it to the next.
pub fn turn(context: &Context<'_>, session: &mut Session<'_>, over: bool) -> Result<(), EngineError> {
    let values = json!({"epoch": context.recording.epoch, "over": over});
    let recording = &context.recording;
    let values = with(common(context.manifest, recording.schema, context.database), values);
    for statement in step(context.statements, "turn", &values)? {
        session.values(None, &statement)?;
    }
    Ok(())
}

/// The statements of a step of state, of this run.
pub fn own_step(context: &Context<'_>, name: &str, values: Value) -> Result<Vec<Statement>, EngineError> {
    let recording = &context.recording;
    step(context.statements, name, &with(common(context.manifest, recording.schema, context.database), values))
}

/// What this run begins with.
pub fn beginning<'a>(context: &Context<'a>) -> Beginning<'a> {
    Beginning {
        manifest: context.manifest,
        statements: context.statements,
        schema: context.recording.schema,
        database: context.database,
        origin: context.recording.origin,
        run: context.run,
    }
}

/// Whether this run has published these nodes, which appear together. The history is asked, since a newer run may have
/// published over them already.
pub fn was_published(context: &Context<'_>, session: &mut Session<'_>, nodes: &[NodeId]) -> Result<bool, EngineError> {
    let recording = &context.recording;
    let Some(relation) = nodes.iter().find_map(|id| context.manifest.node(*id).relation.as_ref()) else {
        return Ok(false);
    };
    let more = json!({"run": context.run, "relation": relation});
    let values = with(common(context.manifest, recording.schema, context.database), more);
    let mut found = false;
    for statement in step(context.statements, "published", &values)? {
        found |= !session.values(None, &statement)?.is_empty();
    }
    Ok(found)
}

/// What was built of a node, for its row.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Its rows, where they were counted.
    pub rows: Option<u64>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

impl Outcome {
    /// What came of a build.
    pub fn of(built: &Built) -> Self {
        Self { rows: built.rows, milliseconds: u64::try_from(built.elapsed.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// The statements that record what a cut published, for its transaction.
pub fn record(
    context: &Context<'_>,
    nodes: &[NodeId],
    (staged, outcomes): (&BTreeMap<NodeId, &Staged>, &BTreeMap<NodeId, Outcome>),
    (columns, standing): (&BTreeMap<RelationName, Vec<LiveColumn>>, &BTreeMap<NodeId, Standing>),
) -> Result<Vec<Statement>, EngineError> {
    let recording = &context.recording;
    let rows = nodes.iter().filter_map(|id| {
        let node = context.manifest.node(*id);
        let relation = node.relation.as_ref()?;
        let step = recording.plan.step(*id)?;
        let outcome = outcomes.get(id);
        let increment = staged.get(id).is_some_and(|staged| staged.kind == StagedKind::Increment);
        let made = context.staging.relations.get(id).filter(|_| !increment).and_then(|made| columns.get(made));
        let known = made.or_else(|| columns.get(relation)).into_iter().flatten();
        let (identity, epoch) = ledger::identity(context, step, standing.get(id));
        let recorded = Recorded {
            materialized: node.materialized.clone().unwrap_or_else(|| node.kind.word().to_owned()),
            identity,
            columns: known.map(|column| (column.name.clone(), column.data_type.clone())).collect(),
            rows: outcome.and_then(|outcome| outcome.rows),
            milliseconds: outcome.map_or(0, |outcome| outcome.milliseconds),
            run: context.run.to_owned(),
            epoch,
            commit: recording.origin.commit.clone(),
            author: recording.origin.author.clone(),
            held: recording.origin.held.clone(),
            ..Recorded::default()
        };
        Some(relation_row(relation, &recorded))
    });
    let published: Vec<Value> = rows.collect();
    if published.is_empty() {
        return Ok(Vec::new());
    }
    let written: Vec<&str> =
        RELATION.iter().copied().filter(|name| !matches!(*name, "schema_name" | "relation_name")).collect();
    let columns: Vec<&str> = ["schema_name", "relation_name"].into_iter().chain(written).collect();
    let values = json!({"published": published, "columns": columns});
    step(context.statements, "record", &with(common(context.manifest, recording.schema, context.database), values))
}

/// Ends a run: how it ended, and which tests passed in it.
pub fn end(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (status, published): (&str, &BTreeSet<NodeId>),
    (tested, failed): (&BTreeMap<NodeId, Tested>, &BTreeMap<NodeId, Failed>),
) -> Vec<Diagnostic> {
    let recording = &context.recording;
    let passed: Vec<Value> = tested
        .values()
        .filter(|tested| tested.verdict == Some(Verdict::Pass))
        // What was built and not published may never be seen again.
        .filter(|tested| {
            let read = context.manifest.relations_read(tested.node);
            read.iter().all(|id| !context.built.contains(id) || published.contains(id))
        })
        .filter_map(|tested| {
            let step = recording.plan.tests.get(&tested.node)?;
            let passed =
                Passed { definition: step.definition.clone(), reads: step.reads.clone(), run: context.run.to_owned() };
            Some(test_row(&context.manifest.node(tested.node).name, &passed))
        })
        .collect();
    let name = |id: &NodeId| read_name(context.manifest.node(*id));
    let settled: BTreeSet<String> =
        recording.shared.iter().flat_map(|_| published.iter().chain(failed.keys()).map(name)).collect();
    let failed: Vec<Value> = recording
        .shared
        .iter()
        .flat_map(|_| failed.iter().map(|(id, failed)| json!({"step": name(id), "content": json!(failed).to_string()})))
        .collect();
    let values = json!({
        "epoch": recording.epoch,
        "status": status,
        "passed": passed,
        "settled": settled,
        "failed": failed,
    });
    let values = with(common(context.manifest, recording.schema, context.database), values);
    let written = step(context.statements, "end", &values);
    match written.and_then(|statements| session.transaction(None, &statements)) {
        Ok(()) => Vec::new(),
        Err(error) => vec![refusal(&error, "the end of the run could not be recorded").as_warning()],
    }
}

/// The statements that record another description of relations that are otherwise as they were.
pub fn redescribe(context: &Context<'_>, nodes: &[NodeId]) -> Result<Vec<Statement>, EngineError> {
    let recording = &context.recording;
    let rows = nodes.iter().filter_map(|id| {
        let relation = context.manifest.node(*id).relation.as_ref()?;
        let described = &recording.plan.step(*id)?.identity.described;
        Some(json!({"schema_name": relation.schema, "relation_name": relation.name, "described": described}))
    });
    let values = json!({"rows": rows.collect::<Vec<_>>()});
    step(context.statements, "redescribe", &with(common(context.manifest, recording.schema, context.database), values))
}

/// Drops the tables of state and their schema, if there are any.
///
/// # Errors
/// When the database refuses it: something else stands in the schema.
pub fn remove(
    engine: &dyn Engine,
    statements: &dyn Statements,
    manifest: &Manifest,
    schema: &str,
) -> Result<(), EngineError> {
    let database = super::database(engine)?;
    let mut connection = engine.connect("state")?;
    if !connection.catalog(&[schema])?.schemas.contains(schema) {
        return Ok(());
    }
    for statement in step(statements, "remove", &Value::Object(common(manifest, schema, database.as_deref())))? {
        connection.execute(&statement.text)?;
    }
    Ok(())
}
