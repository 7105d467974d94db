//! Putting a cut in the place of what is live: one transaction, all locks first.
//!
//! A cut is a set of built nodes. Everything that publishing sends to the database comes from the one function
//! [`cut::statements`], which turns a cut into statements by the dialect's template.

mod carried;
mod cut;
mod in_place;
mod refresh;

pub use cut::{Cut, Retired};

use super::{
    Context, Event, Staged, StagedKind, Statement,
    files::{self, Paths},
    keep::Keeping,
    ledger,
    lock::{self, Lock, Locked},
    open_control, room,
    session::{Session, refusal},
    state::{self, Outcome},
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{CANCELLED, DEPENDENT_IN_THE_WAY, RELATION_MISSING},
    },
    engine::{Dependent, EngineError, FailureKind, LiveColumn},
    manifest::NodeId,
    name::RelationName,
    plan::{Becoming, Question, Recipe, recipes},
};
use carried::{Given, bound_again, given, left_behind, nested, rebind, renamed, synchronized};
use cut::statements;
use in_place::{MOST_BEHIND_LOCK, Refusal, Table};
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
) -> Result<Publication, Unpublished> {
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
        let failure = match failure {
            Failure::Commit(error, retired) => match committed(context, session, &nodes, &error) {
                Some(true) => {
                    files::settle(&files);
                    context.observer.observe(&Event::Published { relations: nodes.len(), elapsed: start.elapsed() });
                    return Ok(Publication { published: nodes, retired });
                }
                Some(false) => Failure::Theirs(error, "the publish could not be committed".to_owned()),
                None => Failure::Commit(error, retired),
            },
            failure => {
                session.roll_back();
                failure
            }
        };
        if !matches!(failure, Failure::Commit(..)) {
            files::take_back(&files);
        }
        match failure {
            Failure::Superseded(newer) => {
                nodes = without(context, &nodes, &newer);
                if nodes.is_empty() {
                    return Ok(Publication::default());
                }
            }
            Failure::Theirs(error, _) if error.kind == FailureKind::Connection && context.staging.lent => {
                return Err(refusal(&room::lost(context), "nothing was published").into());
            }
            Failure::Theirs(error, _)
                if (error.may_pass() || is_made_by_others(&error))
                    && attempt < ATTEMPTS
                    && !context.stop.is_stopped() =>
            {
                let pause = Duration::from_millis(50 << attempt);
                context.observer.observe(&Event::Retrying { node: None, attempt, why: &error.message, pause });
                thread::sleep(pause);
                if error.kind == FailureKind::Connection
                    && let Ok(again) = open_control(context)
                {
                    *session = again;
                }
            }
            Failure::Theirs(error, what) => return Err(refusal(&context.with_known_names(&error), &what).into()),
            Failure::Commit(error, _) => return Err(not_committed(&error).into()),
            Failure::Locked(locked, diagnostic) => return Err(Unpublished { diagnostic: *diagnostic, locked }),
            // What was made in between is part of the next decision.
            Failure::Changed(_) if attempt < ATTEMPTS && !context.stop.is_stopped() => {}
            Failure::Ours(diagnostic) | Failure::Changed(diagnostic) => return Err((*diagnostic).into()),
        }
    }
}

/// Whether something is there by now that was not when it was decided: another run made it. The next decision sees it.
fn is_made_by_others(error: &EngineError) -> bool {
    // Duplicate schema, table, object.
    matches!(error.sqlstate.as_deref(), Some("42P06" | "42P07" | "42710"))
}

/// Why a cut was not published.
#[derive(Debug)]
pub struct Unpublished {
    /// What there is to say about it.
    pub diagnostic: Diagnostic,
    /// The nodes that could not be locked; none where it is about something else.
    pub locked: BTreeSet<NodeId>,
}

impl From<Diagnostic> for Unpublished {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, locked: BTreeSet::new() }
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
pub fn without(context: &Context<'_>, nodes: &[NodeId], newer: &BTreeSet<NodeId>) -> Vec<NodeId> {
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
    /// Something came to depend on what is replaced after it had been decided how.
    Changed(Box<Diagnostic>),
    /// A newer run has published these already.
    Superseded(BTreeSet<NodeId>),
    /// These could not be locked in time.
    Locked(BTreeSet<NodeId>, Box<Diagnostic>),
    Ours(Box<Diagnostic>),
    Theirs(Box<EngineError>, String),
    /// COMMIT was not answered by a yes; where it was not answered at all, nobody knows. With what made room.
    Commit(Box<EngineError>, Vec<Retired>),
}

/// Whether a publish was committed whose COMMIT was not answered by a yes: the history says so, once the session that
/// sent it is no more. None where the database cannot be asked.
fn committed<'a>(
    context: &Context<'a>,
    session: &mut Session<'a>,
    nodes: &[NodeId],
    error: &EngineError,
) -> Option<bool> {
    if error.kind != FailureKind::Connection {
        session.roll_back();
        return Some(false);
    }
    for attempt in 1..=ATTEMPTS {
        let pause = Duration::from_millis(50 << attempt);
        context.observer.observe(&Event::Retrying { node: None, attempt, why: &error.message, pause });
        thread::sleep(pause);
        if let Ok(again) = open_control(context) {
            *session = again;
            if let Ok(found) = state::was_published(context, session, nodes) {
                return Some(found);
            }
        }
    }
    None
}

fn not_committed(error: &EngineError) -> Diagnostic {
    refusal(error, "the publish could not be committed")
        .note("either all of it was published or nothing")
        .help("run the build again: it makes sure")
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
    let becoming = nodes.iter().map(|id| (*id, becoming(staged.get(id).copied()))).collect();
    let recipes = recipes(&Question {
        manifest: context.manifest,
        live: &live,
        becoming: &becoming,
        columns: &columns,
        staged: &context.staging.relations,
    });
    let cut = Cut { nodes, staged, live: &live, columns: &columns, recipes: &recipes };
    if let Some(refusal) = irreplaceable(session, &cut) {
        return Err(Failure::Ours(Box::new(refusal)));
    }

    // Up to the commit nothing is lost by stopping; behind it, what the run left is to be cleaned up.
    let watching = context.stop.watch_for_now(session.connection.interrupter());
    session.control("begin", "begin transaction").map_err(theirs("the publish could not begin"))?;
    let keeping = Keeping::of(context, session, &cut).map_err(theirs("what is to be kept could not be read"))?;
    let mut tables = in_place::tables(context, &cut);
    let behind_locks = change(context, session, (&cut, &keeping), &mut tables)?;
    let bound = bound_again(context, &cut);
    let mut locks = cut.locks(context);
    locks.extend(carried::locks(&bound));
    locks.extend(behind_locks.locks);
    let locked = lock::take_all(context, session, &locks).map_err(|error| {
        let what = "the publish could not begin";
        // What another run had staged may be gone by now, and what depends on what is looked at again.
        if error.code == RELATION_MISSING {
            return Failure::Changed(Box::new(refusal(&error, what)));
        }
        Failure::Theirs(Box::new(error), what.to_owned())
    })?;
    match locked {
        Locked::All => {}
        Locked::Held(name, diagnostic) => return Err(Failure::Locked(cut.touched_by(context, &name), diagnostic)),
        Locked::No(diagnostic) => return Err(Failure::Ours(diagnostic)),
    }
    let unread = || theirs("what newer runs did could not be read");
    let mut newer = state::newer(context, session, nodes, staged).map_err(unread())?;
    let standing = ledger::standing(context, session, staged, nodes).map_err(unread())?;
    newer.extend(ledger::superseded(context, &standing));
    if !newer.is_empty() {
        return Err(Failure::Superseded(newer));
    }
    if let Some(replaced) = ledger::replaced(context, staged, &standing) {
        return Err(Failure::Ours(Box::new(replaced)));
    }
    let refused = || theirs("the publish was refused");
    for statement in &behind_locks.statements {
        session.execute(None, statement).map_err(refused())?;
    }
    reshape(context, session, &cut, &tables).map_err(refused())?;
    refresh::refresh(context, session, &cut).map_err(|failure| match failure {
        Refusal::Ours(diagnostic) => Failure::Ours(diagnostic),
        Refusal::Theirs(error) | Refusal::Lock(_, error) => refused()(error),
    })?;
    let rebind = rebind(session, &bound).map_err(theirs("what depends on the old versions could not be read"))?;
    let given = given(context, session, &cut).map_err(theirs("what hangs on the old versions could not be read"))?;
    let renamed =
        renamed(context, session, &cut).map_err(theirs("what hangs on the old versions could not be read"))?;
    let statements = statements(context, &cut, &Given { carried: given, renamed, rebind })
        .map_err(|mut problems| Failure::Ours(Box::new(problems.pop().unwrap_or_else(no_statements))))?;
    files::publish(files).map_err(|problem| Failure::Ours(Box::new(problem)))?;
    for statement in &statements {
        session.execute(None, statement).map_err(refused())?;
    }
    let columns = recorded_columns(context, session, &cut, &schemas).map_err(unreadable())?;
    let unrecorded = || theirs("what was published could not be recorded");
    let kept = keeping.record(context).map_err(theirs("what is kept could not be recorded"))?;
    for statement in &kept {
        session.execute(None, statement).map_err(theirs("what is kept could not be recorded"))?;
    }
    let recorded = state::record(context, nodes, (staged, outcomes), (&columns, &standing)).map_err(unrecorded())?;
    let done = ledger::record(context, staged, nodes).map_err(unrecorded())?;
    for statement in recorded.iter().chain(&done) {
        session.execute(None, statement).map_err(unrecorded())?;
    }
    let mut retired = cut.retired(context);
    let left = left_behind(context, session, &retired).map_err(unreadable())?;
    if !left.is_empty() {
        return Err(Failure::Changed(Box::new(changed(&left))));
    }
    for statement in keeping.moves(context, &mut retired).map_err(refused())? {
        session.execute(None, &statement).map_err(theirs("a replaced version could not be kept"))?;
    }
    retired.extend(cut.used_up(context));
    drop(watching);
    if context.stop.is_stopped() {
        let interrupted = Diagnostic::error(CANCELLED, "the publish was interrupted");
        return Err(Failure::Ours(Box::new(interrupted)));
    }
    // COMMIT is a message of its own: a lost answer can then mean one thing only.
    match session.control("commit", "commit") {
        Ok(()) => Ok(retired),
        Err(error) => Err(Failure::Commit(Box::new(error), retired)),
    }
}

/// The columns that are recorded: those of what was staged, or, of what stays where it is, its own.
fn recorded_columns(
    context: &Context<'_>,
    session: &mut Session<'_>,
    cut: &Cut<'_>,
    schemas: &[&str],
) -> Result<BTreeMap<RelationName, Vec<LiveColumn>>, EngineError> {
    let in_place = |id: &&NodeId| matches!(cut.recipes.get(id), Some(Recipe::InPlace(_) | Recipe::Refresh(_)));
    let stays = |id: &NodeId| cut.kind(*id) == StagedKind::Increment || in_place(&id);
    if !cut.nodes.iter().any(stays) {
        return Ok(cut.columns.clone());
    }
    let mut columns = session.connection.columns(schemas)?;
    for id in cut.nodes.iter().filter(in_place) {
        if let Some(staged) = context.staging.relations.get(id) {
            columns.remove(staged);
        }
    }
    Ok(columns)
}

const fn becoming(staged: Option<&Staged>) -> Becoming {
    match staged {
        Some(Staged { kind: StagedKind::View | StagedKind::File, .. }) => Becoming::View,
        Some(Staged { kind: StagedKind::MaterializedView, .. }) => Becoming::MaterializedView,
        Some(Staged { kind: StagedKind::Increment, .. }) => Becoming::Added,
        _ => Becoming::Table,
    }
}

/// The refusal of the first relation that cannot be replaced, with everything that depends on it, and on that.
fn irreplaceable(session: &mut Session<'_>, cut: &Cut<'_>) -> Option<Diagnostic> {
    let mut refusals = cut.nodes.iter().filter_map(|id| match cut.recipes.get(id) {
        Some(Recipe::Refused(refusal)) => Some(refusal),
        _ => None,
    });
    let first = refusals.next()?;
    let mut diagnostic = first.diagnostic.clone();
    diagnostic.notes.extend(nested(session, &first.by));
    for other in refusals {
        diagnostic.notes.push(other.diagnostic.message.clone());
        diagnostic.notes.extend(other.diagnostic.notes.iter().cloned());
    }
    Some(diagnostic)
}

/// What is to be done once all locks are there.
#[derive(Default)]
struct BehindLocks {
    locks: Vec<Lock>,
    statements: Vec<Statement>,
}

/// Makes the changes to tables that stay which no reader waits for; the others are returned.
fn change(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (cut, keeping): (&Cut<'_>, &Keeping),
    tables: &mut [Table<'_>],
) -> Result<BehindLocks, Failure> {
    let refused = |error| Failure::Theirs(Box::new(error), "the publish was refused".to_owned());
    in_place::prepare(context, session, cut, tables).map_err(|refusal| match refusal {
        Refusal::Ours(diagnostic) => Failure::Ours(diagnostic),
        Refusal::Theirs(error) => refused(error),
        Refusal::Lock(name, error) => {
            Failure::Locked(cut.touched_by(context, &name), Box::new(lock::not_had(context, session, &name, &error)))
        }
    })?;
    for statement in keeping.copies(context).map_err(refused)? {
        session.execute(None, &statement).map_err(refused)?;
    }
    let stay = in_place::changes(context, cut, tables, false).map_err(refused)?;
    for statement in cut.changes(context).iter().chain(&stay) {
        session.execute(None, statement).map_err(refused)?;
    }
    let mut later = BehindLocks::default();
    let exclusive = |name: &RelationName| Lock { name: name.clone(), kind: "table", owner: None };
    let given = synchronized(context, session, cut).map_err(refused)?;
    let waits: BTreeSet<RelationName> =
        given.iter().filter(|(_, given)| given.exclusive).map(|(name, _)| name.clone()).collect();
    for (name, given) in given {
        if tables.iter().any(|table| *table.live == name && table.is_reshaped()) {
            continue;
        }
        if waits.contains(&name) {
            later.locks.push(exclusive(&name));
            later.statements.push(given.statement);
        } else {
            session.execute(None, &given.statement).map_err(refused)?;
        }
    }
    for table in tables.iter().filter(|table| table.is_reshaped()) {
        let rows = table.rows(context, session).map_err(refused)?;
        if rows > MOST_BEHIND_LOCK {
            return Err(Failure::Ours(Box::new(table.too_long(context, rows))));
        }
        later.locks.push(exclusive(table.live));
    }
    later.locks.sort_by(|one, other| one.name.cmp(&other.name));
    later.locks.dedup_by(|one, other| one.name == other.name);
    Ok(later)
}

/// Changes the tables whose columns change, while readers wait.
fn reshape(
    context: &Context<'_>,
    session: &mut Session<'_>,
    cut: &Cut<'_>,
    tables: &[Table<'_>],
) -> Result<(), EngineError> {
    if !tables.iter().any(Table::is_reshaped) {
        return Ok(());
    }
    for statement in in_place::changes(context, cut, tables, true)? {
        session.execute(None, &statement)?;
    }
    for (name, given) in synchronized(context, session, cut)? {
        if tables.iter().any(|table| *table.live == name && table.is_reshaped()) {
            session.execute(None, &given.statement)?;
        }
    }
    Ok(())
}

/// The error of a publish that would leave something bound to an old version, time and again.
fn changed(left: &[Dependent]) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        DEPENDENT_IN_THE_WAY,
        "nothing was published: something came to depend on a relation while it was being replaced",
    );
    for found in left {
        diagnostic = diagnostic.note(format!("{} `{}` depends on `{}`", found.kind, found.name, found.on.name));
    }
    diagnostic.help("run the build again: its plan will list them")
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
    session.transaction(None, statements.iter().chain(&recorded)).map_err(failed)
}
