//! What became of a run.

use super::{Difference, Done, Endings, Request, build::Built, hold::Outcome, schedule::Ending, test::Tested};
use crate::{
    diagnostic::{Diagnostic, code::CANCELLED},
    engine::Rows,
    exit::Exit,
    manifest::{NodeId, Verdict},
    plan::{Action, Step},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What became of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Built and published.
    Built,
    /// Built, but what it belongs to could not be published; the live version is the old one.
    Staged,
    /// As it should be already, so that nothing was done.
    Unchanged,
    /// Only what describes it was changed.
    Described,
    /// Built, and not published because a newer run had published before.
    Superseded,
    /// Not built or run, because of another node.
    Skipped,
    /// Could not be built or run.
    Failed,
    /// Begun, and cancelled because the run was stopped.
    Cancelled,
    /// Not started, because the run was stopped.
    NotStarted,
    /// A test that found nothing.
    Pass,
    /// A test that found something worth knowing.
    Warn,
    /// A test that holds back what it tested.
    Fail,
}

impl Status {
    /// The word for it in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Staged => "not published",
            Self::Unchanged => "unchanged",
            Self::Described => "described",
            Self::Superseded => "superseded",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NotStarted => "not started",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What became of one node.
#[derive(Debug, Clone)]
pub struct NodeReport {
    /// The node.
    pub node: NodeId,
    /// What became of it.
    pub status: Status,
    /// The node that is to blame for one that was skipped or not published.
    pub culprit: Option<NodeId>,
    /// Rows in the new version, where known; of a test, the failing ones.
    pub rows: Option<u64>,
    /// Time spent on it.
    pub elapsed: Duration,
    /// How often it was tried.
    pub attempts: u32,
}

/// What became of a run.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    /// Every node of the plan, in its order, then every test.
    pub nodes: Vec<NodeReport>,
    /// What went wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// How many of the nodes are tests.
    pub tests: usize,
    /// The first failing rows of tests.
    pub samples: BTreeMap<NodeId, Rows>,
    /// How the rows of unit tests differ from those expected.
    pub differences: BTreeMap<NodeId, Difference>,
    /// How many relations stay staged for the next run.
    pub kept: usize,
    /// Why it was stopped, if it was.
    pub stopped: Option<Exit>,
    /// How long it took.
    pub elapsed: Duration,
}

impl RunReport {
    /// The exit status that it leads to.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let exit = crate::diagnostic::exit_of(&self.diagnostics);
        self.stopped.map_or(exit, |stopped| exit.or(stopped))
    }

    /// How many of the nodes are relations, not tests.
    #[must_use]
    pub fn relations(&self) -> usize {
        self.nodes.len() - self.tests
    }

    /// How many nodes ended that way.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.nodes.iter().filter(|node| node.status == status).count()
    }
}

/// Puts together what became of every step of the plan and of every test.
pub(super) fn fill(request: &Request<'_>, mut done: Done, report: &mut RunReport) {
    for step in &request.plan.steps {
        let built = step_report(request, step, &mut done, &mut report.diagnostics);
        report.nodes.push(built);
    }
    report.tests = request.tests.len();
    report.kept = done.kept.len();
    for id in request.tests {
        let tested = test_report(request, *id, &mut done, report);
        report.nodes.push(tested);
    }
}

/// After a stop, "cancelled" is what was asked for; the stop itself is reported once.
fn is_cancelled(request: &Request<'_>, failure: Option<&Diagnostic>) -> bool {
    request.stop.is_stopped() && failure.is_some_and(|failure| failure.code == CANCELLED)
}

/// The jobs that were cancelled: what stands below them was not started.
pub(super) fn cancelled(request: &Request<'_>, endings: &Endings) -> BTreeSet<NodeId> {
    let is = |ending: &Ending<Outcome<Built>>| match ending {
        Ending::Failed(Outcome::Built(built)) => is_cancelled(request, built.failure.as_ref()),
        Ending::Failed(Outcome::Tested(all)) => all.iter().any(|one| is_cancelled(request, one.diagnostic.as_ref())),
        _ => false,
    };
    endings.iter().filter(|(_, ending)| is(ending)).map(|(id, _)| *id).collect()
}

const fn nothing(node: NodeId, status: Status, culprit: Option<NodeId>) -> NodeReport {
    NodeReport { node, status, culprit, rows: None, elapsed: Duration::ZERO, attempts: 0 }
}

fn step_report(request: &Request<'_>, step: &Step, done: &mut Done, diagnostics: &mut Vec<Diagnostic>) -> NodeReport {
    let id = step.node;
    let of = |status, culprit, built: &Built| NodeReport {
        rows: built.rows,
        elapsed: built.elapsed,
        attempts: built.attempts,
        ..nothing(id, status, culprit)
    };
    let of = |status, culprit, built: &Built| {
        let report = of(status, culprit, built);
        if built.attempts == 0 { NodeReport { elapsed: Duration::ZERO, ..report } } else { report }
    };
    match done.endings.remove(&id) {
        Some(Ending::Done(Outcome::Built(built))) if done.published.contains(&id) => of(Status::Built, None, &built),
        Some(Ending::Done(Outcome::Built(built))) if done.superseded.contains(&id) => {
            of(Status::Superseded, None, &built)
        }
        Some(Ending::Done(Outcome::Built(built))) => of(Status::Staged, done.held.held.get(&id).copied(), &built),
        Some(Ending::Failed(Outcome::Built(built))) if is_cancelled(request, built.failure.as_ref()) => {
            of(Status::Cancelled, None, &built)
        }
        Some(Ending::Failed(Outcome::Built(mut built))) => {
            let failed = of(Status::Failed, None, &built);
            diagnostics.extend(built.failure.take());
            failed
        }
        Some(Ending::Skipped(culprit)) if done.cancelled.contains(&culprit) => nothing(id, Status::NotStarted, None),
        Some(Ending::Skipped(culprit)) => {
            nothing(id, Status::Skipped, Some(done.culprits.get(&culprit).copied().unwrap_or(culprit)))
        }
        Some(Ending::NotStarted | Ending::Done(_) | Ending::Failed(_)) => nothing(id, Status::NotStarted, None),
        None if step.action == Action::Skip => nothing(id, Status::Unchanged, None),
        None if step.action == Action::Describe && !request.stop.is_stopped() => nothing(id, Status::Described, None),
        None => match step.culprit.filter(|_| step.action == Action::Blocked) {
            Some(culprit) if culprit == id => nothing(id, Status::Failed, None),
            Some(culprit) => nothing(id, Status::Skipped, Some(culprit)),
            None => nothing(id, Status::NotStarted, None),
        },
    }
}

fn test_report(request: &Request<'_>, id: NodeId, done: &mut Done, report: &mut RunReport) -> NodeReport {
    if let Some(Tested { verdict, failures, sample, difference, elapsed, diagnostic, .. }) =
        done.held.tested.remove(&id)
    {
        let status = match verdict {
            Some(Verdict::Pass) => Status::Pass,
            Some(Verdict::Warn) => Status::Warn,
            Some(Verdict::Fail) => Status::Fail,
            None if is_cancelled(request, diagnostic.as_ref()) => Status::Cancelled,
            None => Status::Failed,
        };
        report.diagnostics.extend(diagnostic.filter(|_| status != Status::Cancelled));
        report.samples.extend(sample.map(|rows| (id, rows)));
        report.differences.extend(difference.map(|found| (id, found)));
        return NodeReport { rows: failures, elapsed, attempts: 1, ..nothing(id, status, None) };
    }
    if request.manifest.node(id).error.is_some() {
        return nothing(id, Status::Failed, None);
    }
    if let Some(culprit) = blocked(request, id) {
        return nothing(id, Status::Skipped, Some(culprit));
    }
    if !request.all_tests && request.plan.tests.get(&id).is_some_and(|step| step.passed.is_some()) {
        return nothing(id, Status::Unchanged, None);
    }
    // A batch that was skipped stands in the endings under the id of its first test.
    let batch = done.batch_of.get(&id).copied().unwrap_or(id);
    match done.endings.get(&batch) {
        Some(Ending::Skipped(culprit)) if done.cancelled.contains(culprit) => nothing(id, Status::NotStarted, None),
        Some(Ending::Skipped(_)) => nothing(id, Status::Skipped, to_blame(request, id, done)),
        _ => nothing(id, Status::NotStarted, None),
    }
}

/// The node to blame for a test of something that the plan does not build, because something stands in its way.
pub(super) fn blocked(request: &Request<'_>, test: NodeId) -> Option<NodeId> {
    let relations = request.manifest.relations_read(test);
    let steps = request.plan.steps.iter().filter(|step| step.action == Action::Blocked);
    steps.filter(|step| relations.contains(&step.node)).find_map(|step| step.culprit)
}

/// The node to blame for a test that was skipped: what it reads and could not be built, or what that was skipped for.
fn to_blame(request: &Request<'_>, test: NodeId, done: &Done) -> Option<NodeId> {
    let culprit = |read: NodeId| match done.unbuilt.get(&read)? {
        Some(culprit) => Some(done.culprits.get(culprit).copied().unwrap_or(*culprit)),
        None => Some(read),
    };
    request.manifest.relations_read(test).into_iter().find_map(culprit)
}
