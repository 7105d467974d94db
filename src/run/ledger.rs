//! The ledger: which intervals of a relation are done, by which run, and whether a run may still add what it has made.
//!
//! Its rows are written in the transaction that publishes the rows of the intervals. An interval that a newer run has
//! published stays as it is: the statements of the increment leave it out, and its row here counts above older ones.

use super::{
    Context, Staged, StagedKind, Statement, Statements, Upkeep, database,
    session::Session,
    state::{INTERVALS, common, has, step, with},
};
use crate::{
    diagnostic::{Diagnostic, code::TABLE_REPLACED},
    engine::{Connection, EngineError},
    interval::{Interval, Moment},
    manifest::NodeId,
    name::RelationName,
    plan::{Step, version_beside},
    state::{Identity, Ledger, read_ledgers},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The intervals that stand staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The intervals, neither touching nor overlapping.
    pub intervals: Vec<Interval>,
    /// Whether the table is made anew, so that nothing else is done.
    pub anew: bool,
}

/// How the table of a node stands when it is published, where it is built interval by interval.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The epoch of the run that made it, where it has a ledger.
    table_epoch: Option<u64>,
    /// The data version that is remembered.
    version: Option<String>,
    /// The epoch of the newest run that published it.
    epoch: u64,
    /// Whether newer runs have done everything that is to be published.
    superseded: bool,
}

/// The moment that a run is about by the clock of the session's time zone.
///
/// # Errors
/// When the database cannot be asked.
pub fn now(
    connection: &mut dyn Connection,
    statements: &dyn Statements,
    logical_time: &str,
) -> Result<Option<Moment>, EngineError> {
    let mut now = None;
    for statement in step(statements, "now", &json!({"logical_time": logical_time}))? {
        let rows = connection.values(&statement.text)?;
        now = rows.into_iter().flatten().flatten().next().and_then(|text| text.parse().ok());
    }
    Ok(now)
}

/// What is done of every relation of a project.
///
/// # Errors
/// When it cannot be read.
pub fn read(
    connection: &mut dyn Connection,
    statements: &dyn Statements,
    common: Map<String, Value>,
) -> Result<BTreeMap<RelationName, Ledger>, EngineError> {
    let mut ledgers = BTreeMap::new();
    for statement in step(statements, "intervals", &Value::Object(common))? {
        ledgers = read_ledgers(&connection.values(&statement.text)?);
    }
    Ok(ledgers)
}

/// What the statements of an increment are told of its ledger.
#[must_use]
pub fn fence(context: &Context<'_>, relation: &RelationName) -> Value {
    let recording = &context.recording;
    let values = common(context.manifest, recording.schema, context.database);
    json!({
        "table": values.get("intervals_table"),
        "project": context.manifest.project,
        "schema_name": relation.schema,
        "relation_name": relation.name,
        "epoch": recording.epoch,
    })
}

/// How the tables of a cut stand that are built interval by interval. Asked under the locks of the publish.
///
/// # Errors
/// When the database cannot be asked.
pub fn standing(
    context: &Context<'_>,
    session: &mut Session<'_>,
    staged: &BTreeMap<NodeId, &Staged>,
    nodes: &[NodeId],
) -> Result<BTreeMap<NodeId, Standing>, EngineError> {
    let mut found = BTreeMap::new();
    for id in nodes {
        let Some((relation, made)) = made(context, staged, *id) else { continue };
        let values = json!({"chosen": relation, "intervals": made.intervals, "epoch": context.recording.epoch});
        let values = with(common(context.manifest, context.recording.schema, context.database), values);
        let mut standing = Standing::default();
        for statement in step(context.statements, "standing", &values)? {
            let rows = session.values(None, &statement)?;
            let Some(row) = rows.into_iter().next() else { continue };
            let mut row = row.into_iter();
            let mut number = || row.next().flatten().and_then(|text| text.parse::<u64>().ok());
            let (table_epoch, epoch, open) = (number(), number(), number());
            standing = Standing {
                table_epoch,
                epoch: epoch.unwrap_or(0),
                superseded: open == Some(0) && !made.intervals.is_empty(),
                version: row.next().flatten(),
            };
        }
        found.insert(*id, standing);
    }
    Ok(found)
}

/// What of a cut newer runs have done already.
#[must_use]
pub fn superseded(context: &Context<'_>, standing: &BTreeMap<NodeId, Standing>) -> BTreeSet<NodeId> {
    let late = |(id, found): (&NodeId, &Standing)| {
        let anew = found.table_epoch.is_some_and(|epoch| epoch > context.recording.epoch);
        (found.superseded || anew).then_some(*id)
    };
    standing.iter().filter_map(late).collect()
}

/// The refusal of the first table that is not the one that the plan saw: what was made for that one does not fit this.
#[must_use]
pub fn replaced(
    context: &Context<'_>,
    staged: &BTreeMap<NodeId, &Staged>,
    standing: &BTreeMap<NodeId, Standing>,
) -> Option<Diagnostic> {
    standing.iter().find_map(|(id, found)| {
        let node = context.manifest.node(*id);
        let planned = context.recording.plan.step(*id)?.intervals.as_ref()?;
        let rewritten = staged.get(id).is_some_and(|one| one.kind != StagedKind::Increment);
        let anew = made(context, staged, *id).is_some_and(|(_, made)| made.anew);
        let other = found.table_epoch != planned.table_epoch;
        // A table that is written anew with its old rows would lose those that came in between.
        if !(other || rewritten && !anew && found.version != planned.version) {
            return None;
        }
        let message = format!("another run has changed the table of `{}` since this one began", node.name);
        let problem = Diagnostic::error(TABLE_REPLACED, message).note("nothing was published");
        Some(problem.help("run it again: it goes on with what is there now").of_node(node.name.clone()))
    })
}

/// What is remembered of a relation: of one to which other runs have added in between, that it is neither as these left
/// it nor as this one found it.
#[must_use]
pub fn identity(context: &Context<'_>, step: &Step, standing: Option<&Standing>) -> (Identity, u64) {
    let (mut identity, mut epoch) = (step.identity.clone(), context.recording.epoch);
    if let (Some(found), Some(planned)) = (standing, &step.intervals)
        && step.action == crate::plan::Action::Increment
    {
        epoch = epoch.max(found.epoch);
        if found.version != planned.version {
            identity.version = version_beside(&identity.version, found.version.as_deref());
        }
    }
    (identity, epoch)
}

/// The statements that write down what a cut has done.
///
/// # Errors
/// When the template fails.
pub fn record(
    context: &Context<'_>,
    staged: &BTreeMap<NodeId, &Staged>,
    nodes: &[NodeId],
) -> Result<Vec<Statement>, EngineError> {
    let common = || common(context.manifest, context.recording.schema, context.database);
    // Of a table that took the place of one that was built interval by interval, nobody knows which it holds.
    let whole =
        |id: &&NodeId| staged.get(id).is_some_and(|one| one.intervals.is_none() && one.kind != StagedKind::Increment);
    let whole = nodes.iter().filter(whole).filter_map(|id| context.manifest.node(*id).relation.clone());
    let whole: Vec<RelationName> = whole.collect();
    let mut statements = Vec::new();
    if !whole.is_empty() {
        statements = step(context.statements, "without_intervals", &with(common(), json!({"whole": whole})))?;
    }
    for id in nodes {
        let Some((relation, made)) = made(context, staged, *id) else { continue };
        let planned = context.recording.plan.step(*id).and_then(|step| step.intervals.as_ref());
        let epoch = context.recording.epoch;
        let table_epoch = planned.and_then(|planned| planned.table_epoch).filter(|_| !made.anew).unwrap_or(epoch);
        let origin = context.manifest.node(*id).time_range().map(|range| range.first().start);
        let values = json!({
            "chosen": relation,
            "intervals": made.intervals,
            "anew": made.anew,
            "origin": origin,
            "table_epoch": table_epoch,
            "epoch": epoch,
            "run": context.run,
        });
        statements.extend(step(context.statements, "done", &with(common(), values))?);
    }
    Ok(statements)
}

impl Upkeep<'_> {
    /// Takes somebody's word for it that these intervals of a relation are done, or are not. What newer runs will do
    /// counts above that, what is on its way since before does not.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn say(
        &self,
        relation: &RelationName,
        interval: Interval,
        origin: Moment,
        done: bool,
    ) -> Result<(), EngineError> {
        let database = database(self.engine)?;
        let mut session = Session::unwatched(self.engine.connect("intervals")?);
        let live = session.connection.catalog(&[self.state_schema])?;
        let common = || common(self.manifest, self.state_schema, database.as_deref());
        let mut statements = Vec::new();
        if !has(&live, self.state_schema, INTERVALS) {
            statements = step(self.statements, "create", &with(common(), json!({"new_schema": false})))?;
        }
        let values = json!({"chosen": relation, "interval": interval, "origin": origin, "done": done});
        statements.extend(step(self.statements, "said", &with(common(), values))?);
        session.transaction(None, &statements)
    }
}

/// The intervals that stand staged of a node, and its relation.
fn made<'a>(
    context: &Context<'a>,
    staged: &BTreeMap<NodeId, &'a Staged>,
    id: NodeId,
) -> Option<(&'a RelationName, &'a Made)> {
    let relation = context.manifest.node(id).relation.as_ref()?;
    Some((relation, staged.get(&id)?.intervals.as_ref()?))
}
