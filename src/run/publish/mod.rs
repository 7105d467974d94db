//! Putting a cut in the place of what is live: one transaction, all locks first.
//!
//! A cut is a set of built nodes. Everything that publishing sends to the database comes from the one function
//! [`cut::statements`], which turns a cut into statements by the dialect's template.

mod carried;
mod cut;

pub use cut::Retired;

use super::{
    Context, Event, Staged, StagedKind,
    files::{self, Paths},
    lock::{self, Locked},
    open_control,
    session::{Session, refusal},
    state::{self, Outcome},
};
use crate::{
    diagnostic::{Diagnostic, code::CANCELLED},
    engine::{EngineError, FailureKind},
    manifest::NodeId,
};
use carried::{Carried, LeftBehind, grants, rebind, refuse_left_behind};
use cut::{Cut, statements};
use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

/// How often a publish is tried when it fails for a reason that passes.
const ATTEMPTS: u32 = 5;

/// Publishes these nodes, which stand in building order, as one cut.
///
/// # Errors
/// What keeps the cut from being published; everything live is as it was.
pub fn publish<'a>(
    context: &Context<'a>,
    session: &mut Session<'a>,
    nodes: &[NodeId],
    (staged, outcomes): (&BTreeMap<NodeId, &Staged>, &BTreeMap<NodeId, Outcome>),
) -> Result<Publication, Diagnostic> {
    let start = Instant::now();
    context.observer.observe(&Event::Publishing { relations: nodes.len() });
    let mut nodes = nodes.to_vec();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let files: Vec<Paths> = nodes.iter().filter_map(|id| files::paths(context, *id)).collect();
        let failure = match try_publish(context, session, (&nodes, staged, outcomes), &files) {
            Ok(retired) => {
                files::settle(&files);
                context.observer.observe(&Event::Published { relations: nodes.len(), elapsed: start.elapsed() });
                return Ok(Publication { published: nodes, retired });
            }
            Err(failure) => failure,
        };
        let _rolled_back = session.control("rollback", "rollback");
        if !matches!(failure, Failure::Commit(_)) {
            files::take_back(&files);
        }
        match failure {
            Failure::Superseded(newer) => {
                nodes = without(context, &nodes, &newer);
                if nodes.is_empty() {
                    return Ok(Publication::default());
                }
            }
            Failure::Theirs(error, _) if error.may_pass() && attempt < ATTEMPTS && !context.stop.is_stopped() => {
                let pause = Duration::from_millis(50 << attempt);
                context.observer.observe(&Event::Retrying { node: None, attempt, why: &error.message, pause });
                thread::sleep(pause);
                if error.kind == FailureKind::Connection
                    && let Ok(again) = open_control(context)
                {
                    *session = again;
                }
            }
            Failure::Theirs(error, what) => return Err(refusal(&context.with_known_names(&error), &what)),
            Failure::Commit(error) => return Err(not_committed(&error)),
            Failure::Ours(diagnostic) => return Err(*diagnostic),
        }
    }
}

/// What a publish did.
#[derive(Debug, Default)]
pub struct Publication {
    /// What was published; what is missing of the cut was superseded by a newer run.
    pub published: Vec<NodeId>,
    /// What made room for it.
    pub retired: Vec<Retired>,
}

/// What is left of a cut without these nodes and what stands below them.
fn without(context: &Context<'_>, nodes: &[NodeId], newer: &BTreeSet<NodeId>) -> Vec<NodeId> {
    let mut gone = newer.clone();
    // They stand in building order, so that whatever is above comes first.
    for id in nodes {
        if !context.manifest.relations_read(*id).is_disjoint(&gone) {
            gone.insert(*id);
        }
    }
    nodes.iter().copied().filter(|id| !gone.contains(id)).collect()
}

enum Failure {
    /// A newer run has published these already.
    Superseded(BTreeSet<NodeId>),
    Ours(Box<Diagnostic>),
    Theirs(Box<EngineError>, String),
    /// The answer to COMMIT; without one, nobody knows.
    Commit(Box<EngineError>),
}

fn not_committed(error: &EngineError) -> Diagnostic {
    let diagnostic = refusal(error, "the publish could not be committed");
    if error.kind != FailureKind::Connection {
        return diagnostic;
    }
    diagnostic.note("either all of it was published or nothing").help("run the build again: it makes sure")
}

fn try_publish(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (nodes, staged, outcomes): (&[NodeId], &BTreeMap<NodeId, &Staged>, &BTreeMap<NodeId, Outcome>),
    files: &[Paths],
) -> Result<Vec<Retired>, Failure> {
    let theirs = |what: &str| {
        let what = what.to_owned();
        move |error| Failure::Theirs(Box::new(error), what)
    };
    let schemas = schemas(context, nodes);
    let schemas: Vec<&str> = schemas.iter().map(String::as_str).collect();
    let unreadable = || theirs("the catalog could not be read");
    let live = session.connection.catalog(&schemas).map_err(unreadable())?;
    let columns = session.connection.columns(&schemas).map_err(unreadable())?;
    let cut = Cut { nodes, staged, live: &live, columns: &columns };
    let replaced = cut.replaced(context);
    let changes = cut.changes(context);

    // Up to the commit nothing is lost by stopping; behind it, what the run left is to be cleaned up.
    let watching = context.stop.watch_for_now(session.connection.interrupter());
    match lock::begin_with_locks(context, session, &changes, &replaced)
        .map_err(theirs("the publish could not begin"))?
    {
        Locked::All => {}
        Locked::No(diagnostic) => return Err(Failure::Ours(diagnostic)),
    }
    let newer = state::newer(context, session, nodes).map_err(theirs("what newer runs did could not be read"))?;
    if !newer.is_empty() {
        return Err(Failure::Superseded(newer));
    }
    let rebind =
        rebind(context, session, &cut).map_err(theirs("what depends on the old versions could not be read"))?;
    let grants = grants(context, session, &cut).map_err(theirs("the rights on the old versions could not be read"))?;
    let statements = statements(context, &cut, &Carried { rebind, grants })
        .map_err(|mut problems| Failure::Ours(Box::new(problems.pop().unwrap_or_else(no_statements))))?;
    files::publish(files).map_err(|problem| Failure::Ours(Box::new(problem)))?;
    for statement in &statements {
        session.execute(None, statement).map_err(theirs("the publish was refused"))?;
    }
    // An increment has the columns of its table, which its staged view need not have to the letter.
    let added = nodes.iter().any(|id| staged.get(id).is_some_and(|staged| staged.kind == StagedKind::Increment));
    let columns = if added { session.connection.columns(&schemas).map_err(unreadable())? } else { columns.clone() };
    let recorded = state::record(context, nodes, (staged, outcomes), &columns);
    for statement in recorded.map_err(theirs("what was published could not be recorded"))? {
        session.execute(None, &statement).map_err(theirs("what was published could not be recorded"))?;
    }
    let retired = cut.retired(context);
    refuse_left_behind(context, session, &retired).map_err(|failure| match failure {
        LeftBehind::Unknown(error) => theirs("the catalog could not be read")(error),
        LeftBehind::Dependents(diagnostic) => Failure::Ours(diagnostic),
    })?;
    drop(watching);
    if context.stop.is_stopped() {
        let interrupted = Diagnostic::error(CANCELLED, "the publish was interrupted");
        return Err(Failure::Ours(Box::new(interrupted)));
    }
    // COMMIT is a message of its own: a lost answer can then mean one thing only.
    session.control("commit", "commit").map_err(|error| Failure::Commit(Box::new(error)))?;
    Ok(retired)
}

fn no_statements() -> Diagnostic {
    Diagnostic::error(crate::diagnostic::code::BUG, "the publish has no statements")
}

/// The schemas that matter to a cut: where its relations stand, and where they are staged.
fn schemas(context: &Context<'_>, nodes: &[NodeId]) -> BTreeSet<String> {
    let live = nodes.iter().filter_map(|id| context.manifest.node(*id).relation.as_ref());
    let staged = nodes.iter().filter_map(|id| context.staging.relations.get(id));
    // An earlier cut of the same run may have made the schemas for what it replaced.
    let retired = context.staging.retired.values().cloned();
    live.chain(staged).map(|relation| relation.schema.to_string()).chain(retired).collect()
}

/// Changes what describes relations that are as they should be otherwise: comments and rights, in one transaction.
///
/// # Errors
/// What keeps it from being done; everything is as it was.
pub fn describe(context: &Context<'_>, session: &mut Session<'_>, nodes: &BTreeSet<NodeId>) -> Result<(), Diagnostic> {
    let nodes: Vec<NodeId> = nodes.iter().copied().collect();
    let failed = |error: EngineError| refusal(&error, "comments and grants could not be changed");
    let schemas = schemas(context, &nodes);
    let schemas: Vec<&str> = schemas.iter().map(String::as_str).collect();
    let columns = session.connection.columns(&schemas).map_err(failed)?;
    let statements = cut::descriptions(context, &nodes, &columns).map_err(failed)?;
    let recorded = state::redescribe(context, &nodes).map_err(failed)?;
    session.control("begin", "begin transaction").map_err(failed)?;
    for statement in statements.iter().chain(&recorded) {
        if let Err(error) = session.execute(None, statement) {
            let _rolled_back = session.control("rollback", "rollback");
            return Err(failed(error));
        }
    }
    session.control("commit", "commit").map_err(failed)
}
