//! What a run would do, decided before anything is done.
//!
//! In: the manifest, a selection, and what the database has. Out: a [`Plan`] of steps with their reasons, and
//! diagnostics for what cannot be done. Never: a connection, a clock, or a statement.

mod adoption;
mod columns;
mod blocker;
mod contrast;
mod decide;
mod definition;
mod differing;
mod impact;
mod intervals;
mod known;
mod mark;
mod obstacle;
mod recipe;
mod repeated;
mod shape;
mod stage;
mod standing;

pub use adoption::{Adoption, adopted, adopted_comment, adoption, is_made_like, is_of_kind};
pub use blocker::Refusal;
pub use columns::{Column, column_differences};
pub use contrast::{Change, ColumnChange, Contrast, Production, columns as contrast_columns, contrasts, removed};
pub use decide::{INLINED_CHANGED, definition_changes, read_name, version_beside};
pub use definition::Template;
pub use differing::differing;
pub use impact::{Changed, Impact, Moment, Reader, impact};
pub use intervals::Intervals;
pub use known::{Known, is_same};
pub use mark::{SHOWS, begins, is_ours, is_staged, mark, shows_production, staging_mark};
pub use recipe::{Becoming, InPlace, Question, Recipe, recipes};
pub use shape::Shape;
pub use stage::{RunId, Staging, kept_schema, moment, schemas_needed, staging, staging_in};
pub use standing::{Condition, Standing, orphans, standings};

use crate::{
    diagnostic::Diagnostic,
    engine::LiveRelation,
    graph::{Graph, Selection},
    interval,
    manifest::{Form, Manifest, Node, NodeId, NodeKind},
    name::RelationName,
    state::{Identity, Reads},
};
use decide::{Deciding, Decision};
use obstacle::Obstacles;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make it anew beside the live version, then publish.
    Build,
    /// Add to the live version.
    Increment,
    /// Change what describes it, in place.
    Describe,
    /// Nothing: it is as it should be.
    Skip,
    /// Remove it.
    Drop,
    /// Nothing: something stands in the way.
    Blocked,
}

impl Action {
    /// The word for it in tables and machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Increment => "increment",
            Self::Describe => "describe",
            Self::Skip => "skip",
            Self::Drop => "drop",
            Self::Blocked => "blocked",
        }
    }
}

/// One node of a plan.
#[derive(Debug, Clone)]
pub struct Step {
    /// The node.
    pub node: NodeId,
    /// What is to be done.
    pub action: Action,
    /// Why, in words for people.
    pub reasons: Vec<String>,
    /// What the node will be, once that is done.
    pub identity: Identity,
    /// What the database has under its name now.
    pub live: Option<LiveRelation>,
    /// Which intervals are done, of a model that is built interval by interval.
    pub intervals: Option<Intervals>,
    /// For a blocked step, the node that started it: itself, or one above it.
    pub culprit: Option<NodeId>,
    /// The process that published what stands under its name.
    pub published_by: Option<String>,
    /// Whether it follows from its definition and the versions of what it reads, all of which are known.
    pub is_certain: bool,
}

/// A test of a plan.
#[derive(Debug, Clone, Default)]
pub struct TestStep {
    /// What makes it the same test.
    pub definition: String,
    /// What it reads.
    pub reads: Reads,
    /// The run in which it passed on exactly that, if it did; then it need not run.
    pub passed: Option<String>,
    /// Whether its outcome follows from these.
    pub is_certain: bool,
}

/// What a run would do: steps in an order in which they can be done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Whether something stands staged that a run may have to remove.
    pub leftovers: bool,
    /// The tests of the selection.
    pub tests: BTreeMap<NodeId, TestStep>,
    /// What was found on the way.
    pub diagnostics: Vec<Diagnostic>,
    /// How what is built would take the place of what is live, as far as that can be told before it is built.
    pub recipes: BTreeMap<NodeId, Recipe>,
    /// How much of others' hangs on what is live, which is bound again or given to the new version.
    pub hanging: BTreeMap<NodeId, usize>,
}

impl Plan {
    /// The nodes that are to be made anew or added to.
    #[must_use]
    pub fn built(&self) -> BTreeSet<NodeId> {
        let worked_on = |step: &&Step| matches!(step.action, Action::Build | Action::Increment);
        self.steps.iter().filter(worked_on).map(|step| step.node).collect()
    }

    /// The nodes that are to be added to.
    #[must_use]
    pub fn increments(&self) -> BTreeSet<NodeId> {
        self.steps.iter().filter(|step| step.action == Action::Increment).map(|step| step.node).collect()
    }

    /// The nodes whose comments and rights are to be changed.
    #[must_use]
    pub fn described(&self) -> BTreeSet<NodeId> {
        let described = self.steps.iter().filter(|step| step.action == Action::Describe);
        described.map(|step| step.node).collect()
    }

    /// The step of a node, if it has one.
    #[must_use]
    pub fn step(&self, node: NodeId) -> Option<&Step> {
        self.steps.iter().find(|step| step.node == node)
    }
}

/// What is asked of a plan besides the selection.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "wishes, each by itself")]
pub struct Wishes {
    /// Whether incremental models are made anew.
    pub full_refresh: bool,
    /// Whether what did not change is built all the same.
    pub force: bool,
    /// Whether the history of snapshots begins anew.
    pub reset: bool,
    /// The interval that is done, be it done or not, of models that are built interval by interval: from when on, and
    /// until when, where that was said.
    pub interval: Option<(interval::Moment, Option<interval::Moment>)>,
    /// Whether what other processes of the same run have done or failed at is done again.
    pub again: bool,
    /// The name of the target, if rows that may not come back are to stay there.
    pub protected: Option<String>,
    /// The run that this is for: what cannot be told from another version is told by its run.
    pub run: String,
}

/// The plan for these nodes; sources and exposures among them are passed over. `template` is the text of a
/// materialization template of the project's own.
#[must_use]
pub fn plan(
    (manifest, graph): (&Manifest, &Graph),
    selection: &Selection,
    known: &Known,
    (wishes, template): (&Wishes, Template<'_>),
) -> Plan {
    let built: BTreeSet<NodeId> = selection.iter().copied().filter(|node| manifest.node(*node).is_built()).collect();
    let mut deciding = Deciding::new(manifest, known, wishes, template);
    let mut plan = Plan { leftovers: known.leftovers, ..Plan::default() };
    let mut culprits: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    // An ephemeral model is part of its readers, selected or not.
    let inlined = manifest.iter().filter(|(_, node)| node.form() == Form::Ephemeral).map(|(id, _)| id);
    let order = graph.order(&built.iter().copied().chain(inlined).collect());
    let decided = order.iter().filter(|id| manifest.node(**id).form() != Form::Ephemeral);
    let mut decisions: BTreeMap<NodeId, Decision> = decided.map(|id| (*id, deciding.decide(*id))).collect();
    plan.recipes = recipes_of(manifest, known, &decisions);
    plan.hanging = hanging(manifest, known, &plan.recipes);
    let obstacles = Obstacles::new(manifest, &built, known, &plan.recipes);
    for id in order {
        let node = manifest.node(id);
        if node.form() == Form::Ephemeral {
            let above = node.reads.iter().find_map(|read| culprits.get(&read.node).copied());
            if let Some(culprit) = node.error.as_ref().map(|_| id).or(above) {
                culprits.insert(id, culprit);
            }
            continue;
        }
        let Some(decision) = decisions.remove(&id) else { continue };
        let live = node.relation.as_ref().and_then(|relation| known.live.relations.get(relation)).cloned();
        let mut step = step((manifest, &obstacles), (id, live, decision), &culprits, &mut plan.diagnostics);
        step.published_by = known.published_by(node);
        let repeated = known.keyed.as_ref().filter(|_| !wishes.again);
        if let Some(diagnostic) = repeated.and_then(|keyed| repeated::failure(manifest, keyed, &step, &mut deciding)) {
            step.reasons = vec![repeated::REASON.to_owned()];
            (step.action, step.culprit) = (Action::Blocked, Some(id));
            plan.diagnostics.push(diagnostic);
        }
        if let Some(culprit) = step.culprit {
            culprits.insert(id, culprit);
        }
        plan.steps.push(step);
    }
    for id in selection.iter().copied().filter(|id| manifest.node(*id).kind == NodeKind::Test) {
        let step = test_step(manifest, id, known, &mut deciding);
        plan.tests.insert(id, step);
    }
    plan
}

/// What a test is and reads, and whether it passed on that.
fn test_step(manifest: &Manifest, id: NodeId, known: &Known, deciding: &mut Deciding<'_>) -> TestStep {
    let node = manifest.node(id);
    let (definition, reads, moving) = deciding.test(id);
    let about_time = node.test.as_ref().is_some_and(|test| test.template.as_deref() == Some("recency"));
    let of_source = manifest.relations_read(id).iter().any(|read| manifest.node(*read).kind == NodeKind::Source);
    let before = known.state.tests.get(&node.name);
    let same = before.filter(|before| before.definition == definition && before.reads == reads);
    let all_known = reads.values().all(|read| read.version.is_some());
    let is_certain = all_known && !moving && !about_time && !of_source;
    let passed = same.filter(|_| is_certain).map(|before| before.run.clone());
    TestStep { definition, reads, passed, is_certain }
}

/// Whether a node's rows are kept whatever is asked for.
#[must_use]
pub fn keeps_its_rows(node: &Node) -> bool {
    node.is_snapshot()
        || node
            .config
            .get("full_refresh")
            .is_some_and(|value| value.as_str() == Some("never") || value.as_bool() == Some(false))
}

/// How what is built would take the place of what is live, as far as that can be told before it is built.
fn recipes_of(manifest: &Manifest, known: &Known, decisions: &BTreeMap<NodeId, Decision>) -> BTreeMap<NodeId, Recipe> {
    let becoming = |(id, decision): (&NodeId, &Decision)| {
        let node = manifest.node(*id);
        let becoming = match (node.form(), decision.action.unwrap_or(Action::Build)) {
            (_, Action::Increment) => Becoming::Added,
            (_, action) if action != Action::Build => return None,
            (Form::View | Form::File, _) => Becoming::View,
            (Form::MaterializedView, _) => Becoming::MaterializedView,
            _ => Becoming::Table,
        };
        Some((*id, becoming))
    };
    recipes(&Question {
        manifest,
        live: &known.live,
        becoming: &decisions.iter().filter_map(becoming).collect(),
        columns: &BTreeMap::new(),
        staged: &BTreeMap::new(),
    })
}

/// How much of others' hangs on each live relation that is replaced.
fn hanging(manifest: &Manifest, known: &Known, recipes: &BTreeMap<NodeId, Recipe>) -> BTreeMap<NodeId, usize> {
    let named = recipes.keys().filter_map(|id| Some((manifest.node(*id).relation.as_ref()?, *id)));
    let named: BTreeMap<&RelationName, NodeId> = named.collect();
    let mut hanging = BTreeMap::new();
    for found in &known.live.dependents {
        let ours =
            found.relation.as_ref().is_some_and(|name| is_ours(&manifest.project, name, found.comment.as_deref()));
        if let Some(id) = named.get(&found.on).filter(|_| !ours) {
            *hanging.entry(*id).or_default() += 1;
        }
    }
    hanging
}

/// What is done with a node, or why nothing can be.
fn step(
    (manifest, obstacles): (&Manifest, &Obstacles<'_>),
    (id, live, decision): (NodeId, Option<LiveRelation>, Decision),
    culprits: &BTreeMap<NodeId, NodeId>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Step {
    let node = manifest.node(id);
    let action = decision.action.unwrap_or(Action::Build);
    let mut step = Step {
        node: id,
        action,
        reasons: decision.reasons,
        identity: decision.identity,
        live,
        intervals: decision.intervals,
        culprit: None,
        published_by: None,
        is_certain: decision.is_certain,
    };
    step.reasons.extend(obstacles.recipe(id).and_then(Recipe::reason));
    let above = node.reads.iter().find_map(|read| culprits.get(&read.node).copied());
    let mut found = obstacles.of(id, step.live.as_ref());
    if let Some(target) = decision.protected.filter(|_| found.is_empty() && !decision.refused) {
        found.push(obstacle::protected(node, &target, &step.reasons));
    }
    if decision.refused {
        found.push(obstacle::definition_changed(node, &step.reasons));
    }
    if decision.unknown_intervals && found.is_empty() {
        found.push(obstacle::unknown_intervals(node));
    }
    if let Some(code) = &node.error {
        step.reasons = vec![format!("it has an error ({code})")];
        step.culprit = Some(id);
    } else if let Some(culprit) = above {
        step.reasons = vec![format!("`{}`, above it, cannot be built", manifest.node(culprit).name)];
        step.culprit = Some(culprit);
    } else if !found.is_empty() {
        step.reasons = found.iter().map(|obstacle| obstacle.message.clone()).collect();
        step.culprit = Some(id);
    }
    diagnostics.extend(found);
    if step.culprit.is_some() {
        step.action = Action::Blocked;
    }
    step
}
