//! Deciding what is done with a model that is built interval by interval; the rules are in decision 0021.

use super::{Deciding, Decision, definition_changes};
use crate::{
    interval::Intervals as Set,
    manifest::{Node, NodeId},
    plan::{
        Action,
        definition::Definition,
        intervals::{self, Intervals},
        keeps_its_rows,
    },
    state::Recorded,
};

impl Deciding<'_> {
    /// What is done with a table that exists and is built interval by interval.
    pub(super) fn by_intervals(&self, id: NodeId, own: &Definition, recorded: &Recorded, decision: &mut Decision) {
        let node = self.manifest.node(id);
        let (Some(range), Some(relation)) = (node.time_range(), &node.relation) else { return };
        let keeps = keeps_its_rows(node);
        if self.wishes.full_refresh && !keeps {
            decision.reasons.push("a full refresh was asked for".to_owned());
            decision.action = Some(Action::Build);
            return;
        }
        decision.action = Some(Action::Increment);
        let taken_over = recorded.identity.definition.is_empty();
        let changes = if taken_over { Vec::new() } else { definition_changes(&recorded.identity, &decision.identity) };
        let policy = node.text("on_definition_change").unwrap_or(if keeps { "fail" } else { "full_refresh" });
        if !changes.is_empty() && policy != "forward" {
            decision.reasons = changes;
            decision.refused = policy == "fail" || keeps;
            if !decision.refused {
                decision.action = Some(Action::Build);
            }
            return;
        }
        let Some(ledger) = self.known.state.ledgers.get(relation) else {
            decision.reasons.push("nobody knows which intervals its table holds".to_owned());
            decision.unknown_intervals = true;
            return;
        };
        let now = self.known.now.unwrap_or(range.start);
        let all = range.until(now);
        let (chosen, mut reasons) = if let Some(asked) = self.wishes.interval {
            let asked = intervals::asked(&range, asked, now);
            let reason = format!("{} asked for: {asked}", intervals::counted(&range, &asked));
            (asked, vec![reason])
        } else {
            let due = intervals::due(&range, ledger, now);
            let mut rows = Vec::new();
            self.row_reasons(id, own, (&decision.identity, recorded), &mut rows);
            if rows.is_empty() && self.wishes.force {
                rows.push("it was asked for (`--force`)".to_owned());
            }
            let mut reasons = Vec::new();
            if !due.missing.is_empty() {
                reasons.push(format!("{} missing: {}", intervals::counted(&range, &due.missing), due.missing));
            }
            let mut again = due.again;
            if again.is_empty() && due.missing.is_empty() && self.wishes.force {
                again = intervals::last(&range, ledger, all, 1);
            }
            if reasons.is_empty() && rows.is_empty() {
                again = Set::default();
            }
            if !again.is_empty() {
                let why = if reasons.is_empty() { rows.join("; ") } else { "late rows".to_owned() };
                reasons.push(format!("{} again: {again} ({why})", intervals::counted(&range, &again)));
            }
            (due.missing.or(&again), reasons)
        };
        if chosen.is_empty() {
            self.nothing_due(node, (all.is_empty(), recorded, !changes.is_empty()), decision);
            return;
        }
        if !changes.is_empty() {
            reasons.extend(changes);
            reasons.push("`on_definition_change: forward` keeps the rows that are there".to_owned());
        }
        if self.wishes.full_refresh {
            reasons.push("`full_refresh: never` keeps its rows".to_owned());
        }
        decision.reasons = reasons;
        decision.intervals = Some(Intervals { batches: range.batches(&chosen), ..Intervals::default() });
    }

    /// What is done with a table of which every interval is done.
    fn nothing_due(
        &self,
        node: &Node,
        (none_yet, recorded, changed): (bool, &Recorded, bool),
        decision: &mut Decision,
    ) {
        let described = recorded.identity.described != decision.identity.described;
        decision.reasons = vec![match (self.wishes.interval.is_some(), none_yet) {
            (true, _) => "no whole interval is in what was asked for".to_owned(),
            (_, true) => "its first interval has not ended yet".to_owned(),
            _ => "every interval that has ended is done".to_owned(),
        }];
        if changed {
            decision
                .reasons
                .push("what changed counts from the next one on (`on_definition_change: forward`)".to_owned());
        }
        decision.action = Some(if described && !node.properties.is_empty() {
            decision.reasons.push("its comments or grants changed".to_owned());
            Action::Describe
        } else {
            Action::Skip
        });
    }

    /// Completes what is done interval by interval: all there is where the table is made, and what the plan found.
    pub(super) fn complete(&self, node: &Node, decision: &mut Decision) {
        let Some(range) = node.time_range() else { return };
        if !matches!(decision.action, Some(Action::Build | Action::Increment)) {
            return;
        }
        let now = self.known.now.unwrap_or(range.start);
        let all = Set::of([range.until(now)]);
        let ledger = node.relation.as_ref().and_then(|relation| self.known.state.ledgers.get(relation));
        let mut found = decision.intervals.take().unwrap_or_default();
        found.whole = range.batches(&all);
        if decision.action == Some(Action::Build) {
            // In the place of a table that is there stands one with all of them.
            let there = node.relation.as_ref().is_some_and(|relation| self.known.live.relations.contains_key(relation));
            let chosen = match self.wishes.interval.filter(|_| !there) {
                Some(asked) => intervals::asked(&range, asked, now),
                None => all,
            };
            found.batches = range.batches(&chosen);
            decision.reasons.push(if chosen.is_empty() {
                "no interval has ended yet".to_owned()
            } else {
                format!("{}: {chosen}", intervals::counted(&range, &chosen))
            });
        }
        found.table_epoch = ledger.map(|ledger| ledger.table_epoch);
        found.version = self.known.recorded_of(node).map(|before| before.identity.version.clone());
        decision.intervals = Some(found);
    }
}
