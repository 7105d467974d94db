//! Carrying out a plan: building beside what is live, then publishing.
//!
//! In: a plan, an engine, and what renders statements. Out: a [`RunReport`]. Never: deciding what is to be built (that
//! is `plan/`), or knowing a terminal (that is `cli/`).

mod adopt;
mod beginning;
mod bind;
mod budget;
mod build;
mod carry;
mod context;
mod contrast;
mod difference;
mod discard;
mod environment;
mod event;
mod fence;
mod files;
mod fingerprint;
mod hold;
mod hooks;
mod jobs;
mod keep;
mod lasting;
mod ledger;
mod lock;
mod lost;
mod look;
mod operators;
mod part;
mod passthrough;
mod publish;
mod repeat;
mod report;
mod resume;
mod room;
mod schedule;
mod session;
mod state;
mod stop;
mod store;
mod sweep;
mod test;
mod unit;
mod upkeep;

pub use adopt::{Compared, ComparedRows, Comparing, adopt, compare};
pub use beginning::{Beginning, Last};
pub use build::{Staged, StagedKind};
pub use context::{Context, Places, SeedRows, Seeds, Statements, published_sql, published_sql_in};
pub use contrast::{Keyed, RowContrast, RowQuestion, contrast};
pub use difference::{Difference, Differing};
pub use environment::{
    Environment, describe as describe_environment, drop as drop_environment, look_into, names as environments,
};
pub use event::{Event, Nobody, Observer};
pub use fingerprint::{Fingerprint, Noted};
pub use keep::{can_be_kept, wanted as versions_kept};
pub use look::{Look, look, schemas};
pub use passthrough::{Passing, Shown};
pub use repeat::{Repeated, Repeating};
pub use report::{NodeReport, RunReport, Status};
pub use schedule::{Ending, Jobs, schedule};
pub use session::{Session, Statement, refusal};
pub use state::{Origin, Recording, remove as remove_state};
pub use stop::Stop;
pub use sweep::remove_schema;
pub use test::Tested;
pub use upkeep::Upkeep;

use crate::{
    diagnostic::{
        Diagnostic,
        code::{CANCELLED, CONNECTION_LOST, SUPERSEDED},
    },
    dialect::Dialect,
    engine::{Engine, EngineError},
    graph::Graph,
    manifest::{Manifest, NodeId},
    name::RelationName,
    parse::Referee,
    plan::{Plan, RunId, Staging},
    state::{Chosen, SharedRun},
};
use build::Built;
use hold::{Held, Outcome};
use part::parts;
use resume::Resumed;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
    time::{Duration, Instant},
};

/// What appears together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishMode {
    /// Everything that the run built, at once.
    Run,
    /// Each connected part at once.
    Group,
    /// Each relation by itself.
    Model,
}

/// What is to be carried out, and with what.
#[expect(clippy::struct_excessive_bools, reason = "wishes, each by itself")]
pub struct Request<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// Its graph.
    pub graph: &'a Graph,
    /// What is to be done.
    pub plan: &'a Plan,
    /// The tests to run.
    pub tests: &'a BTreeSet<NodeId>,
    /// The run's name.
    pub run: &'a RunId,
    /// The database.
    pub engine: &'a dyn Engine,
    /// The folder of the project.
    pub root: &'a Path,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// What reads seeds.
    pub seeds: &'a dyn Seeds,
    /// What knows where SQL was written.
    pub places: &'a dyn Places,
    /// The engine's own parser, where there is one.
    pub referee: Option<&'a dyn Referee>,
    /// Who wants to know.
    pub observer: &'a dyn Observer,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// How many nodes are built at once, at most.
    pub threads: usize,
    /// Whether the first failure stops new nodes.
    pub fail_fast: bool,
    /// What appears together.
    pub publish: PublishMode,
    /// How long a publish tries to get its locks.
    pub publish_timeout: Duration,
    /// Schemas that exist already, to stage in; empty where the run makes its own.
    pub staging_schemas: &'a [String],
    /// How long to wait for one of them that no other run uses.
    pub lock_wait: Duration,
    /// The schema of the tables of state.
    pub state_schema: &'a str,
    /// Where the run comes from.
    pub origin: &'a Origin,
    /// Whether tests run that passed on the same rows before.
    pub all_tests: bool,
    /// The name of the target, if rows that may not come back are to stay there.
    pub protected: Option<&'a str>,
    /// Whether it is a failure that a newer run has published already.
    pub superseded_fails: bool,
    /// Whether what earlier runs built and did not publish may be used.
    pub resumes: bool,
    /// What is asked for, in the words of the command line.
    pub chosen: &'a Chosen,
    /// The run that this process has a part in, where there are other processes.
    pub shared: Option<&'a SharedRun>,
    /// Whether this process ends the run, so that what comes at its end is due.
    pub ends: bool,
}

/// Carries out a plan. Whatever goes wrong is in the report.
#[must_use]
pub fn run(request: &Request<'_>) -> RunReport {
    let start = Instant::now();
    let built = request.plan.built();
    let mut report = RunReport { diagnostics: request.plan.diagnostics.clone(), ..RunReport::default() };
    let done = if is_idle(request, &built) && !request.plan.leftovers && request.shared.is_none() {
        Ok(Done::default())
    } else {
        carry_out(request, &built, &mut report.diagnostics)
    };
    let done = done.unwrap_or_else(|error| {
        report.diagnostics.push(refusal(&error, "the run could not begin"));
        Done::default()
    });
    report::fill(request, done, &mut report);
    report.stopped = request.stop.reason();
    report.elapsed = start.elapsed();
    report
}

/// How a run ended, in the word that the state has for it.
fn ending(request: &Request<'_>, failed: bool) -> &'static str {
    match (request.stop.is_stopped(), failed) {
        (true, _) => "stopped",
        (false, true) => "failed",
        (false, false) => "done",
    }
}

/// Whether there is nothing to build, to describe, or to test.
fn is_idle(request: &Request<'_>, built: &BTreeSet<NodeId>) -> bool {
    built.is_empty() && request.plan.described().is_empty() && running_tests(request).is_empty()
}

/// The tests that are to run: those that did not pass on the same rows before.
fn running_tests(request: &Request<'_>) -> BTreeSet<NodeId> {
    let passed = |id: &NodeId| request.plan.tests.get(id).is_some_and(|step| step.passed.is_some());
    request.tests.iter().copied().filter(|id| request.all_tests || !passed(id)).collect()
}

/// The name by which the database calls itself, where names must be qualified by it so that nothing else can resolve
/// them.
///
/// # Errors
/// When the database cannot be reached.
pub fn database(engine: &dyn Engine) -> Result<Option<String>, EngineError> {
    if engine.dialect() != Dialect::DuckDb {
        return Ok(None);
    }
    let rows = engine.connect("database")?.query("select current_database()", Some(1))?;
    Ok(rows.rows.into_iter().flatten().next().flatten())
}

type Endings = BTreeMap<NodeId, Ending<Outcome<Built>>>;

/// What a run did.
#[derive(Default)]
struct Done {
    endings: Endings,
    published: BTreeSet<NodeId>,
    /// What was built, and not published because a newer run had been there before.
    superseded: BTreeSet<NodeId>,
    held: Held,
    /// The test to blame for what was skipped because of a batch of tests, by the first test of the batch.
    culprits: BTreeMap<NodeId, NodeId>,
    /// The first test of the batch that each test ran in.
    batch_of: BTreeMap<NodeId, NodeId>,
    /// The jobs that were cancelled.
    cancelled: BTreeSet<NodeId>,
    /// What failed, and what was skipped with the job to blame.
    unbuilt: BTreeMap<NodeId, Option<NodeId>>,
    /// What stays staged for the next run.
    kept: BTreeSet<RelationName>,
}

fn carry_out(
    request: &Request<'_>,
    built: &BTreeSet<NodeId>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Done, EngineError> {
    let mut control = Session::new(request.engine.connect(request.run.as_str())?, request.observer);
    let staging = room::staging(request, built, &mut control)?;
    let increments = request.plan.increments();
    let database = database(request.engine)?;
    let mut context = context_of(request, (&staging, built, &increments), database.as_deref());
    // A run that only tests what is published leaves the database as it is.
    let records = request.shared.is_some() || !request.plan.steps.is_empty() && !is_idle(request, built);
    let Ready { mut control, epoch, burdened, resumed, hides_operators, exceeded } =
        ready(request, &context, (control, built, records))?;
    (context.recording.epoch, context.recording.keeps) = (epoch, records);
    context.hides_operators = hides_operators;
    let context = Context { burdened: &burdened, resumed: &resumed.used, ..context };
    if let Some(diagnostic) = exceeded {
        diagnostics.push(diagnostic);
        return Ok(Done::default());
    }
    if !built.is_empty() {
        hooks::run_start(&context, &mut control)?;
    }
    let can_run = |id: &NodeId| request.manifest.node(*id).error.is_none() && report::blocked(request, *id).is_none();
    let tests = running_tests(request).into_iter().filter(can_run).collect();
    let work = jobs::Work::of(request, built, &tests);
    let endings = build_all(request, &context, &work);
    let staged: BTreeMap<NodeId, &Staged> = endings
        .iter()
        .filter_map(|(id, ending)| match ending {
            Ending::Done(Outcome::Built(built)) => Some((*id, built.staged.as_ref()?)),
            _ => None,
        })
        .collect();
    let outcomes: BTreeMap<NodeId, state::Outcome> = endings
        .iter()
        .filter_map(|(id, ending)| match ending {
            Ending::Done(Outcome::Built(built)) => Some((*id, state::Outcome::of(built))),
            _ => None,
        })
        .collect();
    let done: BTreeSet<NodeId> = staged.keys().copied().collect();
    let (mut tested, culprits) = hold::outcomes(request, &endings);
    if !request.fail_fast {
        tested.extend(left_behind(request, &context, (&work, &endings), &done));
    }
    let held = hold::settle(request, &context, (&done, &work.readers), tested);
    if !request.stop.is_stopped() {
        diagnostics.extend(store::store(&context, &mut control, &held));
    }
    let ready: BTreeSet<NodeId> = done.into_iter().filter(|id| !held.held.contains_key(id)).collect();
    let Publications { published, superseded, retired } =
        publish_all(request, (&context, &mut control), (ready, &staged, &outcomes), diagnostics);
    let described = request.plan.described();
    if !described.is_empty() && !request.stop.is_stopped() {
        diagnostics.extend(publish::describe(&context, &mut control, &described).err());
    }
    if records {
        let failed = diagnostics.iter().any(Diagnostic::is_error) || published.len() < built.len();
        let status = ending(request, failed);
        let failed = lasting::failures(request, (&endings, &held));
        diagnostics.extend(state::end(&context, &mut control, (status, &published), (&held.tested, &failed)));
    }
    let mut kept = BTreeSet::new();
    let begun_before = request.shared.is_some_and(|shared| !shared.hooks.is_empty());
    if !built.is_empty() {
        diagnostics.extend(hooks::outside(&context, &mut control, &published));
    }
    if request.ends && (!built.is_empty() || begun_before) {
        diagnostics.extend(hooks::run_end(&context, &mut control));
    }
    if !built.is_empty() {
        for id in built.iter().filter(|id| !published.contains(id)) {
            if let Some(paths) = files::paths(&context, *id) {
                files::discard(&paths);
            }
        }
        kept = resume::kept(&context, &mut control, |id| {
            staged.contains_key(&id)
                && !published.contains(&id)
                && !superseded.contains(&id)
                && !held.held.contains_key(&id)
        });
        let left = left_over(request, &context, &staged, &published);
        let left: Vec<_> = left.into_iter().filter(|(name, _)| !kept.contains(name)).collect();
        diagnostics.extend(sweep::clean_up(&context, &mut control, (&left, &kept), &retired));
        diagnostics.extend(keep::trim(&context, &mut control, &published));
    }
    let in_batch = |(first, batch): (&NodeId, &Vec<NodeId>)| batch.iter().map(|id| (*id, *first)).collect::<Vec<_>>();
    let batch_of = work.batches.iter().flat_map(in_batch).collect();
    let cancelled = report::cancelled(request, &endings);
    let unbuilt = |(id, ending): (&NodeId, &Ending<Outcome<Built>>)| match ending {
        Ending::Failed(_) => Some((*id, None)),
        Ending::Skipped(culprit) => Some((*id, Some(*culprit))),
        Ending::Done(_) | Ending::NotStarted => None,
    };
    let unbuilt = endings.iter().filter_map(unbuilt).collect();
    Ok(Done { endings, published, superseded, held, culprits, batch_of, cancelled, unbuilt, kept })
}

/// A run that has begun and has room for what it builds.
struct Ready<'a> {
    control: Session<'a>,
    epoch: u64,
    burdened: BTreeSet<NodeId>,
    resumed: Resumed,
    hides_operators: bool,
    /// Why it must not go on.
    exceeded: Option<Diagnostic>,
}

/// Begins a run with its first session, and again with another where the connection is lost over it: nothing of it is
/// missed, and nothing is in the way.
fn ready<'a>(
    request: &Request<'a>,
    context: &Context<'a>,
    (control, built, records): (Session<'a>, &BTreeSet<NodeId>, bool),
) -> Result<Ready<'a>, EngineError> {
    let begin = |mut control: Session<'a>| {
        let epoch = match request.shared {
            Some(shared) => shared.epoch,
            None if records => state::beginning(context).begin(&mut control, None, request.chosen)?,
            None => 0,
        };
        let hides_operators = operators::are_hidden(context, &mut control)?;
        let burdened = carry::burdened(context, &mut control, request.plan)?;
        let exceeded = budget::exceeded(request, context, &mut control, &parts(request, built.clone()))?;
        let mut resumed = Resumed::default();
        if exceeded.is_none() && (!built.is_empty() || request.plan.leftovers) {
            let recording = Recording { epoch, ..context.recording };
            resumed = sweep::prepare(&Context { recording, ..*context }, &mut control)?;
        }
        Ok::<_, EngineError>(Ready { control, epoch, burdened, resumed, hides_operators, exceeded })
    };
    let mut first = Some(control);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let opened = match first.take() {
            Some(mut control) => prepare_control(context, &mut control).map(|()| control),
            None => open_control(context),
        };
        match opened.and_then(begin) {
            // One that cannot be made is told at once.
            Err(error) if error.code == CONNECTION_LOST && attempt < build::ATTEMPTS && !request.stop.is_stopped() => {
                let pause = build::FIRST_PAUSE * 2_u32.pow(attempt - 1);
                context.observer.observe(&Event::Retrying { node: None, attempt, why: &error.message, pause });
                build::wait(context, pause);
            }
            ended => return ended,
        }
    }
}

/// No nodes.
const NOTHING: &BTreeSet<NodeId> = &BTreeSet::new();

/// What every part of carrying out a request shares; the run has no epoch yet.
fn context_of<'a>(
    request: &Request<'a>,
    (staging, built, increments): (&'a Staging, &'a BTreeSet<NodeId>, &'a BTreeSet<NodeId>),
    database: Option<&'a str>,
) -> Context<'a> {
    Context {
        manifest: request.manifest,
        staging,
        built,
        increments,
        engine: request.engine,
        database,
        run: request.run.as_str(),
        root: request.root,
        statements: request.statements,
        seeds: request.seeds,
        places: request.places,
        referee: request.referee,
        observer: request.observer,
        stop: request.stop,
        publish_timeout: request.publish_timeout,
        staging_schemas: request.staging_schemas,
        protected: request.protected,
        hides_operators: false,
        recording: Recording {
            schema: request.state_schema,
            plan: request.plan,
            origin: request.origin,
            epoch: 0,
            shared: request.shared,
            keeps: false,
        },
        burdened: NOTHING,
        resumed: const { &BTreeMap::new() },
        resumes: request.resumes,
    }
}

/// What the publishes of a run did.
#[derive(Default)]
struct Publications {
    published: BTreeSet<NodeId>,
    /// What a newer run had published already.
    superseded: BTreeSet<NodeId>,
    retired: Vec<publish::Retired>,
}

/// Publishes what is ready, in as many parts as were asked for.
fn publish_all<'a>(
    request: &Request<'_>,
    (context, control): (&Context<'a>, &mut Session<'a>),
    (ready, staged, outcomes): (BTreeSet<NodeId>, &BTreeMap<NodeId, &Staged>, &BTreeMap<NodeId, state::Outcome>),
    diagnostics: &mut Vec<Diagnostic>,
) -> Publications {
    let mut all = Publications::default();
    if request.stop.is_stopped() {
        return all;
    }
    let mut cuts: VecDeque<Vec<NodeId>> = parts(request, ready).into();
    // What was to appear before, and did not: nothing that reads it may appear.
    let mut missing = BTreeSet::new();
    while let Some(cut) = cuts.pop_front() {
        let cut = publish::without(context, &cut, &missing);
        if cut.is_empty() {
            continue;
        }
        match publish::publish(context, control, &cut, (staged, outcomes)) {
            Ok(made) => {
                all.superseded.extend(cut.iter().copied().filter(|id| !made.published.contains(id)));
                all.published.extend(made.published);
                all.retired.extend(made.retired);
                missing.extend(all.superseded.iter().copied());
            }
            Err(failure) => {
                let (waits, rest) = part::apart(request, &cut, &failure.locked);
                if !rest.is_empty() {
                    cuts.push_front(rest);
                }
                // The stop itself is reported once.
                if !context.stop.is_stopped() || failure.diagnostic.code != CANCELLED {
                    diagnostics.push(part::told(request, failure, &waits));
                }
                missing.extend(waits);
            }
        }
    }
    if request.superseded_fails {
        let late = |id: &NodeId| {
            let name = &request.manifest.node(*id).name;
            let message = format!("`{name}` was not published: a run that began later has published it already");
            Diagnostic::error(SUPERSEDED, message).of_node(name.clone())
        };
        diagnostics.extend(all.superseded.iter().map(late));
    }
    all
}

/// What stands staged after the publish: all of what was not published, and the batches of what was.
fn left_over(
    request: &Request<'_>,
    context: &Context<'_>,
    staged: &BTreeMap<NodeId, &Staged>,
    published: &BTreeSet<NodeId>,
) -> Vec<(RelationName, &'static str)> {
    let mut left = Vec::new();
    // Readers first: what they read cannot be dropped before them.
    for id in request.graph.order(&staged.keys().copied().collect()).into_iter().rev() {
        let (Some(name), Some(found)) = (context.staging.relations.get(&id), staged.get(&id)) else { continue };
        let made = found.relations(name);
        // A table that was published has moved; a view was made anew under its published name.
        let moved = matches!(found.kind, StagedKind::Table | StagedKind::MaterializedView);
        left.extend(made.into_iter().skip(usize::from(moved && published.contains(&id))));
    }
    left
}

/// The run's own session, which makes room, publishes and cleans up. It says to other runs that this one is alive, and
/// is opened again when it is lost.
///
/// Not watched by the stop switch: it has to clean up after a stop.
fn open_control<'a>(context: &Context<'a>) -> Result<Session<'a>, EngineError> {
    if context.staging.lent {
        return Err(room::lost(context));
    }
    let mut control = Session::new(context.engine.connect(context.run)?, context.observer);
    prepare_control(context, &mut control)?;
    Ok(control)
}

fn prepare_control(context: &Context<'_>, control: &mut Session<'_>) -> Result<(), EngineError> {
    for statement in context.step("control", &serde_json::Value::Null)? {
        control.execute(None, &statement)?;
    }
    if !context.built.is_empty() {
        sweep::claim_run(context, control)?;
        fence::claim(context, control)?;
    }
    Ok(())
}

/// Runs the tests that were skipped with their batch although everything that they read was built.
fn left_behind(
    request: &Request<'_>,
    context: &Context<'_>,
    (work, endings): (&jobs::Work, &Endings),
    done: &BTreeSet<NodeId>,
) -> BTreeMap<NodeId, Tested> {
    let skipped = work.batches.iter().filter(|(first, _)| matches!(endings.get(first), Some(Ending::Skipped(_))));
    let built = |id: &NodeId| {
        let relations = request.manifest.relations_read(*id);
        relations.iter().filter(|read| context.built.contains(read)).all(|read| done.contains(read))
    };
    let left: Vec<NodeId> = skipped.flat_map(|(_, batch)| batch).copied().filter(built).collect();
    let mut session: Option<Session<'_>> = None;
    let mut tested = BTreeMap::new();
    for batch in left.chunks(jobs::MOST) {
        if request.stop.is_stopped() {
            break;
        }
        let (Ok(all) | Err(all)) = test::test(context, &mut session, batch);
        tested.extend(all.into_iter().map(|one| (one.node, one)));
    }
    tested
}

/// Builds the nodes and runs the tests.
fn build_all(request: &Request<'_>, context: &Context<'_>, work: &jobs::Work) -> Endings {
    let jobs =
        Jobs { waits: &work.waits, urgency: &work.urgency, threads: request.threads, fail_fast: request.fail_fast };
    schedule(
        &jobs,
        request.stop,
        |_| None,
        |session, id| match work.batches.get(&id) {
            Some(batch) => test::test(context, session, batch).map(Outcome::Tested).map_err(Outcome::Tested),
            None => build::build(context, session, id).map(Outcome::Built).map_err(Outcome::Built),
        },
    )
}
