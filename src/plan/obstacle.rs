//! What stands in the way of building a node.
//!
//! In: what the database has. Out: diagnostics that name what stands there and the way out.

use super::{Known, is_ours, recipe::Recipe};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{DEFINITION_CHANGED, FOREIGN_RELATION, PERMISSION_DENIED, PROTECTED_TARGET, RELATION_MISSING},
    },
    engine::{Dependent, DependentKind, LiveRelation, RelationKind},
    manifest::{Form, Manifest, Node, NodeId, SqlPart},
    name::RelationName,
};
use std::collections::{BTreeMap, BTreeSet};

/// What stands in the way of building nodes.
pub struct Obstacles<'a> {
    manifest: &'a Manifest,
    built: &'a BTreeSet<NodeId>,
    known: &'a Known,
    recipes: &'a BTreeMap<NodeId, Recipe>,
}

impl<'a> Obstacles<'a> {
    /// For a run that builds these nodes, in these ways, in a database that has this.
    pub const fn new(
        manifest: &'a Manifest,
        built: &'a BTreeSet<NodeId>,
        known: &'a Known,
        recipes: &'a BTreeMap<NodeId, Recipe>,
    ) -> Self {
        Self { manifest, built, known, recipes }
    }

    /// How a node takes the place of what is live.
    pub fn recipe(&self, id: NodeId) -> Option<&Recipe> {
        self.recipes.get(&id)
    }

    /// Why a node cannot be built, whatever the nodes above it do.
    pub fn of(&self, id: NodeId, live: Option<&LiveRelation>) -> Vec<Diagnostic> {
        let node = self.manifest.node(id);
        let mut obstacles = Vec::new();
        for read in self.manifest.relations_read(id) {
            let parent = self.manifest.node(read);
            let there =
                parent.relation.as_ref().is_some_and(|relation| self.known.live.relations.contains_key(relation));
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
        if let Some(Recipe::Refused(refusal)) = self.recipes.get(&id) {
            obstacles.push(refusal.diagnostic.clone());
        }
        obstacles
    }

    fn unknown(&self, node: &Node, relation: &RelationName) -> Diagnostic {
        let is_known = self.known.state.relations.contains_key(relation);
        let but = if is_known { "is not the relation that it published" } else { "nothing is remembered of it" };
        let message = format!("`{relation}` carries the mark of project `{}`, but {but}", self.manifest.project);
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
        .help(format!("if it is what the {} makes, take it over: `suiro adopt {}`", node.kind.word(), node.name))
        .of_node(node.name.clone())
    }
}

/// An incremental model that is made differently than its rows were, where that is refused.
pub fn definition_changed(node: &Node, reasons: &[String]) -> Diagnostic {
    let why = reasons.join("; ");
    if node.is_snapshot() {
        let message = format!("the snapshot `{}` cannot go on: {why}", node.name);
        return Diagnostic::error(DEFINITION_CHANGED, message)
            .note("its old versions cannot be made again, and would stand beside others that are made differently")
            .help("if they go together, `on_definition_change: forward` goes on")
            .help(format!("`suiro snapshot reset {} --yes` begins its history anew; the old one is lost", node.name))
            .of_node(node.name.clone());
    }
    if node.form() != Form::Incremental {
        let message = format!("`{}` would take the place of a snapshot: {why}", node.name);
        return Diagnostic::error(DEFINITION_CHANGED, message)
            .help("give the model another name or `alias`; drop the table yourself if nobody needs its history")
            .of_node(node.name.clone());
    }
    Diagnostic::error(DEFINITION_CHANGED, format!("`{}` cannot go on adding to its rows: {why}", node.name))
        .note("rows that were added before are made differently from those that would be added now")
        .help("`on_definition_change: forward` keeps the old rows; `full_refresh` makes the table anew")
        .of_node(node.name.clone())
}

/// A table that is made anew on a protected target although the rows it has may not come back.
pub fn protected(node: &Node, target: &str, reasons: &[String]) -> Diagnostic {
    let message = format!("`{}` would be made anew, and `{target}` is protected: {}", node.name, reasons.join("; "));
    let problem = Diagnostic::error(PROTECTED_TARGET, message)
        .note("its rows were added one run after another; those that its sources have no more would be lost")
        .help(format!("if that is meant: `--confirm {target}`"));
    let problem = if node.form() == Form::Incremental && !node.is_snapshot() {
        problem.help("`on_definition_change: forward` keeps the rows that are there")
    } else {
        problem
    };
    problem.of_node(node.name.clone())
}

/// Who owns a relation that this role may not replace.
pub fn not_owner(node: &Node, relation: &RelationName, live: &LiveRelation) -> Diagnostic {
    let owner = live.owner.as_deref().unwrap_or("another role");
    Diagnostic::error(PERMISSION_DENIED, format!("`{relation}` belongs to `{owner}`, so this role cannot replace it"))
        .help(format!("let an administrator grant membership: `GRANT \"{owner}\" TO <the role that suiro uses>`"))
        .of_node(node.name.clone())
}

/// Whether something that hangs on the live relation itself is made by a hook of the node, so that the version which takes
/// its place has it, too.
pub fn is_made_by_hook(node: &Node, dependent: &Dependent) -> bool {
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
