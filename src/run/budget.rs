//! Whether the server has room for the locks of a publish, asked before anything is built.
//!
//! PostgreSQL keeps the locks of all sessions in one table of fixed size. A publish that fills it fails at the end of a
//! long run, and takes others' statements with it.

use super::{Context, Request, session::Session};
use crate::{
    diagnostic::{Diagnostic, code::TOO_MANY_LOCKS},
    engine::EngineError,
    graph::Graph,
    manifest::{Form, Manifest, NodeId},
    plan::{Plan, Recipe},
};
use std::collections::{BTreeMap, BTreeSet};

/// Locks that every publish takes: its own transaction, catalogs, schemas.
const ALWAYS: u64 = 16;
/// A table that moves out, or one that moves in. Measured, as the others: `pg_locks` at the end of a publish.
const MOVED: u64 = 1;
/// A view that is created or replaced, and its staged one that is dropped, with its types and its rule.
const VIEW: u64 = 6;
/// A batch that is merged: the table, its batch, the view of both, their indexes and types.
const INCREMENT: u64 = 16;

/// A view that is bound again, a policy that is made again: itself, its rule, its type, what it reads.
const BOUND: u64 = 4;

/// What the server has.
struct Budget {
    capacity: u64,
    used: u64,
    each: u64,
}

/// The error for the first of these cuts that needs more than half of what is free.
///
/// # Errors
/// When the server cannot be asked.
pub fn exceeded(
    request: &Request<'_>,
    context: &Context<'_>,
    session: &mut Session<'_>,
    cuts: &[Vec<NodeId>],
) -> Result<Option<Diagnostic>, EngineError> {
    let Some(budget) = budget(context, session)? else { return Ok(None) };
    let free = budget.capacity.saturating_sub(budget.used);
    let estimates = cuts.iter().map(|cut| (cut.len(), estimate(request.manifest, request.graph, request.plan, cut)));
    let Some((relations, needed)) =
        estimates.max_by_key(|(_, needed)| *needed).filter(|(_, needed)| *needed > free / 2)
    else {
        return Ok(None);
    };
    let connections = (budget.capacity / budget.each.max(1)).max(1);
    let wanted = (2 * needed + budget.used).div_ceil(connections).next_power_of_two();
    let diagnostic = Diagnostic::error(
        TOO_MANY_LOCKS,
        format!("publishing {relations} relations at once needs about {needed} locks, and the server has {free} free"),
    )
    .note("one publish takes at most half of them, because all sessions share them; nothing was built")
    .help(format!(
        "raise `max_locks_per_transaction` of the server from {} to {wanted}; it takes a restart",
        budget.each
    ))
    .help("or publish in smaller parts: `publish: group` or `publish: model` in suiro.yml, or `--select`");
    Ok(Some(diagnostic))
}

fn budget(context: &Context<'_>, session: &mut Session<'_>) -> Result<Option<Budget>, EngineError> {
    let mut budget = None;
    for statement in context.step("budget", &serde_json::Value::Null)? {
        for row in session.connection.query(&statement.text, Some(1))?.rows {
            let number = |index: usize| row.get(index).cloned().flatten().and_then(|text| text.parse().ok());
            if let (Some(capacity), Some(used), Some(each)) = (number(0), number(1), number(2)) {
                budget = Some(Budget { capacity, used, each });
            }
        }
    }
    Ok(budget)
}

/// About how many locks publishing these nodes takes.
fn estimate(manifest: &Manifest, graph: &Graph, plan: &Plan, cut: &[NodeId]) -> u64 {
    let inside: BTreeSet<NodeId> = cut.iter().copied().collect();
    let live: BTreeMap<NodeId, bool> = plan.steps.iter().map(|step| (step.node, step.live.is_some())).collect();
    let mut outside: BTreeSet<NodeId> = BTreeSet::new();
    let mut locks = ALWAYS;
    for id in cut {
        let replaced = live.get(id).copied().unwrap_or(false);
        locks += match manifest.node(*id).form() {
            Form::View => {
                outside.extend(graph.parents(*id).filter(|parent| !inside.contains(parent)));
                VIEW
            }
            Form::Incremental if replaced => INCREMENT,
            _ if matches!(plan.recipes.get(id), Some(Recipe::InPlace(_) | Recipe::Refresh(_))) => INCREMENT,
            _ => MOVED + if replaced { MOVED } else { 0 },
        };
    }
    // What views of the cut read, and our views outside of it that are bound again.
    let readers = inside.iter().flat_map(|id| graph.children(*id)).filter(|reader| !inside.contains(reader));
    let rebound: BTreeSet<NodeId> = readers.filter(|reader| manifest.node(*reader).form() == Form::View).collect();
    let foreign: usize = cut.iter().filter_map(|id| plan.hanging.get(id)).sum();
    locks + outside.len() as u64 + BOUND * foreign as u64 + BOUND * rebound.len() as u64
}
