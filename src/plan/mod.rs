//! What a run would do, decided before anything is done.
//!
//! In: the manifest, a selection, and what the database has. Out: a [`Plan`] of steps with their reasons, and
//! diagnostics for what cannot be done. Never: a connection, a clock, or a statement.

mod decide;
mod definition;
mod known;
mod mark;
mod stage;

pub use decide::read_name;
pub use known::{Known, is_same};
pub use mark::{is_ours, mark, staging_mark};
pub use stage::{RunId, Staging, moment, staging};

use crate::{
    diagnostic::{
        Diagnostic,
        code::{DEFINITION_CHANGED, DEPENDENT_IN_THE_WAY, FOREIGN_RELATION, PERMISSION_DENIED, RELATION_MISSING},
    },
    engine::{Dependent, DependentKind, LiveCatalog, LiveRelation, RelationKind},
    graph::{Graph, Selection},
    manifest::{Form, Manifest, Node, NodeId, NodeKind, SqlPart},
    name::RelationName,
    state::{Identity, Reads},
};
use decide::Deciding;
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
    /// For a blocked step, the node that started it: itself, or one above it.
    pub culprit: Option<NodeId>,
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
}

/// What a run would do: steps in an order in which they can be done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// The tests of the selection.
    pub tests: BTreeMap<NodeId, TestStep>,
    /// What was found on the way.
    pub diagnostics: Vec<Diagnostic>,
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
pub struct Wishes {
    /// Whether incremental models are made anew.
    pub full_refresh: bool,
    /// Whether what did not change is built all the same.
    pub force: bool,
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
    (wishes, template): (&Wishes, &dyn Fn(&str) -> Option<String>),
) -> Plan {
    let live = &known.live;
    let built: BTreeSet<NodeId> = selection.iter().copied().filter(|node| manifest.node(*node).is_built()).collect();
    let dependents = dependents_by_relation(live);
    let context = Context { manifest, built: &built, known, dependents };
    let mut deciding = Deciding::new(manifest, known, wishes, template);
    let mut plan = Plan::default();
    let mut culprits: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    // An ephemeral model is part of its readers, selected or not.
    let inlined = manifest.iter().filter(|(_, node)| node.form() == Form::Ephemeral).map(|(id, _)| id);
    let concerned = built.iter().copied().chain(inlined).collect();
    for id in graph.order(&concerned) {
        let node = manifest.node(id);
        if node.form() == Form::Ephemeral {
            let above = node.reads.iter().find_map(|read| culprits.get(&read.node).copied());
            if let Some(culprit) = node.error.as_ref().map(|_| id).or(above) {
                culprits.insert(id, culprit);
            }
            continue;
        }
        let step = context.step(id, &culprits, &mut deciding, &mut plan.diagnostics);
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
    let passed = same.filter(|_| all_known && !moving && !about_time && !of_source).map(|before| before.run.clone());
    TestStep { definition, reads, passed }
}

/// Whether a node's rows are kept whatever is asked for.
#[must_use]
pub fn keeps_its_rows(node: &Node) -> bool {
    node.config
        .get("full_refresh")
        .is_some_and(|value| value.as_str() == Some("never") || value.as_bool() == Some(false))
}

fn dependents_by_relation(live: &LiveCatalog) -> BTreeMap<&RelationName, Vec<&Dependent>> {
    let mut dependents: BTreeMap<&RelationName, Vec<&Dependent>> = BTreeMap::new();
    for dependent in &live.dependents {
        dependents.entry(&dependent.on).or_default().push(dependent);
    }
    dependents
}

struct Context<'a> {
    manifest: &'a Manifest,
    built: &'a BTreeSet<NodeId>,
    known: &'a Known,
    dependents: BTreeMap<&'a RelationName, Vec<&'a Dependent>>,
}

impl Context<'_> {
    /// What is done with a node, or why nothing can be.
    fn step(
        &self,
        id: NodeId,
        culprits: &BTreeMap<NodeId, NodeId>,
        deciding: &mut Deciding<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Step {
        let node = self.manifest.node(id);
        let live = node.relation.as_ref().and_then(|relation| self.known.live.relations.get(relation)).cloned();
        let decision = deciding.decide(id);
        let action = decision.action.unwrap_or(Action::Build);
        let mut step =
            Step { node: id, action, reasons: decision.reasons, identity: decision.identity, live, culprit: None };
        let above = node.reads.iter().find_map(|read| culprits.get(&read.node).copied());
        let mut obstacles = self.obstacles(id, step.live.as_ref(), action);
        if decision.refused {
            obstacles.push(definition_changed(node, &step.reasons));
        }
        if let Some(code) = &node.error {
            step.reasons = vec![format!("it has an error ({code})")];
            step.culprit = Some(id);
        } else if let Some(culprit) = above {
            step.reasons = vec![format!("`{}`, above it, cannot be built", self.manifest.node(culprit).name)];
            step.culprit = Some(culprit);
        } else if !obstacles.is_empty() {
            step.reasons = obstacles.iter().map(|obstacle| obstacle.message.clone()).collect();
            step.culprit = Some(id);
        }
        diagnostics.extend(obstacles);
        if step.culprit.is_some() {
            step.action = Action::Blocked;
        }
        step
    }

    /// Why a node cannot be built, whatever the nodes above it do.
    fn obstacles(&self, id: NodeId, live: Option<&LiveRelation>, action: Action) -> Vec<Diagnostic> {
        let node = self.manifest.node(id);
        let mut obstacles = Vec::new();
        for read in self.manifest.relations_read(id) {
            let parent = self.manifest.node(read);
            let there = parent.relation.as_ref().is_some_and(|relation| self.known.live.relations.contains_key(relation));
            if parent.is_built() && !self.built.contains(&read) && !there {
                obstacles.push(
                    Diagnostic::error(
                        RELATION_MISSING,
                        format!(
                            "`{}` reads `{}`, which is not selected and was never built here",
                            node.name, parent.name
                        ),
                    )
                    .help(format!("build both: `suiro build --select +{}`", node.name))
                    .of_node(node.name.clone()),
                );
            }
        }
        let (Some(relation), Some(live)) = (&node.relation, live) else { return obstacles };
        if !is_ours(&self.manifest.project, relation, live.comment.as_deref()) {
            obstacles.push(self.foreign(node, relation, live));
        } else if self.known.recorded(relation).is_none() {
            obstacles.push(self.unknown(node, relation));
        } else if !live.may_alter {
            obstacles.push(not_owner(node, relation, live));
        }
        let in_the_way: Vec<&&Dependent> = self
            .dependents
            .get(relation)
            .into_iter()
            .flatten()
            .filter(|dependent| !self.can_be_bound_again(dependent) && !is_made_by_hook(node, dependent))
            .collect();
        if !in_the_way.is_empty() && action == Action::Build && replaces(node, live) {
            let mut obstacle = Diagnostic::error(
                DEPENDENT_IN_THE_WAY,
                format!("`{relation}` cannot be replaced: something that suiro did not make depends on it"),
            );
            for stranger in &in_the_way {
                obstacle = obstacle.note(format!("{} `{}`", stranger.kind, stranger.name));
            }
            if in_the_way.iter().any(|stranger| stranger.attached) {
                obstacle = obstacle
                    .help("make what belongs to the table itself in a `post_hook`, so that each version has it");
            }
            obstacles.push(
                obstacle
                    .help("nothing was dropped; drop it yourself, or let it read something that suiro does not replace")
                    .of_node(node.name.clone()),
            );
        }
        obstacles
    }

    /// Whether a dependent comes along: it is this project's, and a partition, or made anew by this run, or a view with a
    /// text to bind it by.
    fn can_be_bound_again(&self, dependent: &Dependent) -> bool {
        let (Some(relation), false) = (&dependent.relation, dependent.attached) else { return false };
        let ours = is_ours(&self.manifest.project, relation, dependent.comment.as_deref()) && dependent.may_alter;
        // A partition goes where its table goes.
        if dependent.kind == DependentKind::Child {
            return ours;
        }
        if !matches!(dependent.kind, DependentKind::View | DependentKind::MaterializedView) {
            return dependent.kind == DependentKind::ForeignKey && self.is_built(relation);
        }
        ours && (dependent.rebindable || self.is_built(relation))
    }

    /// Whether this run makes that relation.
    fn is_built(&self, relation: &RelationName) -> bool {
        self.built.iter().any(|id| self.manifest.node(*id).relation.as_ref() == Some(relation))
    }

    fn unknown(&self, node: &Node, relation: &RelationName) -> Diagnostic {
        let message = if self.known.state.relations.contains_key(relation) {
            format!("`{relation}` carries the mark of project `{}`, but is not the relation that it published", self.manifest.project)
        } else {
            format!("`{relation}` carries the mark of project `{}`, but nothing is remembered of it", self.manifest.project)
        };
        Diagnostic::error(FOREIGN_RELATION, message)
            .note("it was restored from a copy, made by hand, or the state was lost")
            .help(format!("if it is this project's, take it over: `suiro adopt {}`", node.name))
            .of_node(node.name.clone())
    }

    fn foreign(&self, node: &Node, relation: &RelationName, live: &LiveRelation) -> Diagnostic {
        let what = match live.kind {
            RelationKind::Table => "a table",
            RelationKind::View => "a view",
            RelationKind::MaterializedView => "a materialized view",
            RelationKind::Other => "something",
        };
        Diagnostic::error(
            FOREIGN_RELATION,
            format!("there is {what} `{relation}` already, and it was not made by project `{}`", self.manifest.project),
        )
        .note(format!("the {} `{}` would take its place", node.kind.word(), node.name))
        .help("give the model another `schema` or `alias`, or move the existing relation out of the way")
        .of_node(node.name.clone())
    }
}

fn definition_changed(node: &Node, reasons: &[String]) -> Diagnostic {
    let why = reasons.join("; ");
    Diagnostic::error(DEFINITION_CHANGED, format!("`{}` cannot go on adding to its rows: {why}", node.name))
        .note("rows that were added before are made differently from those that would be added now")
        .help("`on_definition_change: forward` keeps the old rows; `full_refresh` makes the table anew")
        .of_node(node.name.clone())
}

fn not_owner(node: &Node, relation: &RelationName, live: &LiveRelation) -> Diagnostic {
    let owner = live.owner.as_deref().unwrap_or("another role");
    Diagnostic::error(PERMISSION_DENIED, format!("`{relation}` belongs to `{owner}`, so this role cannot replace it"))
        .help(format!("let an administrator grant membership: `GRANT \"{owner}\" TO <the role that suiro uses>`"))
        .of_node(node.name.clone())
}

/// Whether something that hangs on the live relation itself is made by a hook of the node, so that the version which takes
/// its place has it, too.
fn is_made_by_hook(node: &Node, dependent: &Dependent) -> bool {
    let kinds = [DependentKind::Policy, DependentKind::Trigger, DependentKind::Rule];
    if !dependent.attached || !kinds.contains(&dependent.kind) {
        return false;
    }
    let name = dependent.name.split(" on ").next().unwrap_or_default().to_lowercase();
    let hooks = node.properties.hooks.before.iter().chain(&node.properties.hooks.after);
    hooks.into_iter().any(|hook| {
        let written = hook.parts.iter().filter_map(|part| match part {
            SqlPart::Written { text, .. } => Some(text.to_lowercase()),
            _ => None,
        });
        let text: String = written.collect();
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == '"').collect();
        !name.is_empty() && words.contains(&"create") && text.contains(&name)
    })
}

/// Whether building the node puts another relation in the place of the live one (and so breaks what depends on it).
fn replaces(node: &Node, live: &LiveRelation) -> bool {
    !(matches!(node.form(), Form::View | Form::File) && live.kind == RelationKind::View)
}
