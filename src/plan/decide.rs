//! Whether a node is built, and why: its definition and the versions of what it reads, against what is remembered.
//!
//! Nodes are decided in building order, so that those above are decided first. In any doubt a node is built. The rules
//! are in decision 0009.

mod by_interval;

use super::{
    Action, Known, Wishes,
    definition::{Definition, Surroundings, Template, definition, hash, is_transparent},
    intervals::Intervals,
    keeps_its_rows,
};
use crate::{
    engine::RelationKind,
    manifest::{Form, Manifest, Node, NodeId, NodeKind},
    name::RelationName,
    state::{Identity, ReadState, Reads, Recorded},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The version of a view that shows something else each time it is read.
const MOVING: &str = "moving";

/// Why a model is built in which an ephemeral one stands that changed.
pub const INLINED_CHANGED: &str = "an ephemeral model that it reads changed";

/// Why what another process of the same run has done is not done again.
const DONE: &str = "it is done in this run already (`--again` does it again)";

/// Begins the name of a variable among what is read.
const VARIABLE: &str = "var('";

/// What was decided for a node.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// What is to be done.
    pub action: Option<Action>,
    /// Why, in words for people.
    pub reasons: Vec<String>,
    /// What the node will be, once that is done.
    pub identity: Identity,
    /// Whether the definition changed and the configuration says that this is an error.
    pub refused: bool,
    /// Whether nobody knows which intervals the table holds.
    pub unknown_intervals: bool,
    /// Which intervals are done, of a model that is built interval by interval.
    pub intervals: Option<Intervals>,
    /// Whether its rows follow from its definition and the versions of what it reads, all of which are known.
    pub is_certain: bool,
    /// The protected target on which rows would be lost that may not come back.
    pub protected: Option<String>,
}

/// Decides one node after another.
pub struct Deciding<'a> {
    manifest: &'a Manifest,
    known: &'a Known,
    wishes: &'a Wishes,
    surroundings: Surroundings<'a>,
    definitions: BTreeMap<NodeId, Definition>,
    /// What the nodes that were decided will be.
    decided: BTreeMap<NodeId, ReadState>,
    /// Those of them that are built or added to.
    built: BTreeSet<NodeId>,
    by_name: BTreeMap<String, NodeId>,
}

impl<'a> Deciding<'a> {
    /// Nothing decided yet.
    pub fn new(manifest: &'a Manifest, known: &'a Known, wishes: &'a Wishes, template: Template<'a>) -> Self {
        let surroundings = Surroundings { settings: &known.settings, functions: &known.functions, template };
        let by_name = manifest.iter().map(|(id, node)| (read_name(node), id)).collect();
        Self {
            manifest,
            known,
            wishes,
            surroundings,
            definitions: BTreeMap::new(),
            decided: BTreeMap::new(),
            built: BTreeSet::new(),
            by_name,
        }
    }

    /// Decides a node; those that it reads and that are to be built come first.
    pub fn decide(&mut self, id: NodeId) -> Decision {
        let node = self.manifest.node(id);
        let own = self.own(id);
        let reads = self.reads(id);
        let definition = definition_of(&own.own, &reads);
        let mut decision = Decision {
            identity: Identity {
                own: own.own.clone(),
                definition,
                described: own.described.clone(),
                version: String::new(),
                reads,
            },
            ..Decision::default()
        };
        self.judge(id, &own, &mut decision);
        self.complete(node, &mut decision);
        decision.is_certain =
            own.moving.is_none() && decision.identity.reads.values().all(|read| read.version.is_some());
        decision.protected = self.wishes.protected.clone().filter(|_| self.may_lose_rows(id, &decision));
        let version = self.version(id, &own, &decision);
        let shown = match node.form() {
            Form::View => view_version(&decision.identity, own.moving.is_some()),
            _ => Some(version.clone()),
        };
        decision.identity.version = version;
        if matches!(decision.action, Some(Action::Build | Action::Increment)) {
            self.built.insert(id);
        }
        self.decided.insert(id, ReadState { definition: decision.identity.definition.clone(), version: shown });
        decision
    }

    /// What a test is, and what it reads; whether it may answer differently each time.
    pub fn test(&mut self, id: NodeId) -> (String, Reads, bool) {
        let own = self.own(id);
        (own.own, self.reads(id), own.moving.is_some())
    }

    /// Whether a table is made anew whose rows were added to it bit by bit.
    fn may_lose_rows(&self, id: NodeId, decision: &Decision) -> bool {
        let node = self.manifest.node(id);
        let Some(relation) = node.relation.as_ref().filter(|_| decision.action == Some(Action::Build)) else {
            return false;
        };
        let live = self.known.live.relations.get(relation).is_some_and(|live| live.kind == RelationKind::Table);
        let added_to = |recorded: &Recorded| ["incremental", "snapshot"].contains(&recorded.materialized.as_str());
        live && self.known.recorded(relation).map_or_else(|| node.form() == Form::Incremental, added_to)
    }

    fn judge(&self, id: NodeId, own: &Definition, decision: &mut Decision) {
        let node = self.manifest.node(id);
        let Some(relation) = &node.relation else { return };
        let live = self.known.live.relations.get(relation);
        let (Some(live), Some(recorded)) = (live, self.known.recorded(relation)) else {
            let reason = match (live.is_some(), self.known.state.relations.contains_key(relation)) {
                (false, true) => "it is gone from the database",
                (false, false) => "it does not exist yet",
                (true, _) => "how it was made is not known",
            };
            decision.reasons.push(reason.to_owned());
            decision.action = Some(Action::Build);
            return;
        };
        if let Some(why) = &recorded.held {
            decision.reasons.push(format!("it is held at the version of run {}: {why}", recorded.run));
            decision.action = Some(Action::Skip);
            return;
        }
        if recorded.materialized == "snapshot" && !node.is_snapshot() {
            decision.reasons.push("the history of a snapshot would be lost".to_owned());
            decision.refused = true;
            decision.action = Some(Action::Build);
            return;
        }
        if node.is_snapshot() && (recorded.materialized != "snapshot" || self.wishes.reset) {
            let reason =
                if self.wishes.reset { "its history begins anew, as was asked" } else { "it is to become a snapshot" };
            decision.reasons.push(reason.to_owned());
            decision.action = Some(Action::Build);
            return;
        }
        if node.time_range().is_some() && live.kind == RelationKind::Table {
            self.by_intervals(id, own, recorded, decision);
            return;
        }
        if recorded.identity.definition.is_empty() {
            decision.reasons.push("it was taken over, and its rows are not known to be right".to_owned());
            decision.action = Some(Action::Build);
            return;
        }
        decision.reasons = definition_changes(&recorded.identity, &decision.identity);
        let definition_changed = !decision.reasons.is_empty();
        let done = self.is_done(&decision.identity, recorded);
        let mut rows = Vec::new();
        self.row_reasons(id, own, (&decision.identity, recorded), &mut rows);
        if self.known.without_file.contains(&id) {
            rows.push("its file is gone".to_owned());
        }
        if node.form() == Form::Incremental {
            self.increment(node, (live.kind, definition_changed, done), rows, decision);
            return;
        }
        decision.reasons.extend(rows);
        if decision.reasons.is_empty() && self.wishes.force && !done {
            decision.reasons.push("it was asked for (`--force`)".to_owned());
        }
        decision.action = Some(if !decision.reasons.is_empty() {
            Action::Build
        } else if recorded.identity.described != decision.identity.described {
            decision.reasons.push("its comments or grants changed".to_owned());
            Action::Describe
        } else {
            decision.reasons.push(if done { DONE.to_owned() } else { unchanged(recorded) });
            Action::Skip
        });
    }

    /// Whether this run has published it already, through another process, and what is known of what made it is as it
    /// was then.
    fn is_done(&self, identity: &Identity, recorded: &Recorded) -> bool {
        let same = |(name, read): (&String, &ReadState)| {
            recorded.identity.reads.get(name).is_some_and(|before| before.version == read.version)
        };
        let ours = self.known.keyed.as_ref().is_some_and(|keyed| keyed.epoch == recorded.epoch);
        ours && !self.wishes.again
            && recorded.identity.definition == identity.definition
            && identity.reads.iter().all(same)
    }

    /// What is done with an incremental model that exists.
    fn increment(
        &self,
        node: &Node,
        (kind, definition_changed, done): (RelationKind, bool, bool),
        rows: Vec<String>,
        decision: &mut Decision,
    ) {
        if kind != RelationKind::Table {
            decision.reasons = vec!["it is to become a table".to_owned()];
            decision.action = Some(Action::Build);
            return;
        }
        let keeps = keeps_its_rows(node);
        // A snapshot is what cannot be made anew: a full refresh leaves it as it is.
        if self.wishes.full_refresh && !node.is_snapshot() && !done {
            let reason = if keeps {
                "`full_refresh: never` keeps its rows; they are added to"
            } else {
                "a full refresh was asked for"
            };
            decision.reasons = vec![reason.to_owned()];
            decision.action = Some(if keeps { Action::Increment } else { Action::Build });
            return;
        }
        if definition_changed {
            let policy = node.text("on_definition_change").unwrap_or(if keeps { "fail" } else { "full_refresh" });
            decision.action = Some(match policy {
                "forward" => {
                    decision.reasons.push("`on_definition_change: forward` keeps the rows that are there".to_owned());
                    Action::Increment
                }
                "fail" => {
                    decision.refused = true;
                    Action::Increment
                }
                _ if keeps => {
                    decision.refused = true;
                    Action::Increment
                }
                _ => Action::Build,
            });
            return;
        }
        decision.reasons.extend(rows);
        if decision.reasons.is_empty() && self.wishes.force && !done {
            decision.reasons.push("it was asked for (`--force`)".to_owned());
        }
        let described =
            self.known.recorded_of(node).is_some_and(|before| before.identity.described != decision.identity.described);
        decision.action = Some(if !decision.reasons.is_empty() {
            Action::Increment
        } else if described {
            decision.reasons.push("its comments or grants changed".to_owned());
            Action::Describe
        } else {
            let why = if done { Some(DONE.to_owned()) } else { self.known.recorded_of(node).map(unchanged) };
            decision.reasons.extend(why);
            Action::Skip
        });
    }

    /// Why the rows may be others although the definition is the same.
    fn row_reasons(
        &self,
        id: NodeId,
        own: &Definition,
        (identity, recorded): (&Identity, &Recorded),
        reasons: &mut Vec<String>,
    ) {
        let node = self.manifest.node(id);
        let done = self.is_done(identity, recorded);
        for (name, read) in identity.reads.iter().filter(|(name, _)| name.starts_with(VARIABLE)) {
            let before = recorded.identity.reads.get(name);
            if before.is_some_and(|before| before.version != read.version) {
                reasons.push(format!("`{name}` has another value"));
            }
        }
        if node.form() == Form::View {
            // What is built below it in this run has to see the new rows through it before they are published.
            let new = self.manifest.relations_read(id).into_iter().find(|read| self.built.contains(read));
            reasons
                .extend(new.map(|read| format!("it shows `{}`, which is built", read_name(self.manifest.node(read)))));
            return;
        }
        if node.kind == NodeKind::Seed {
            if node.content.as_ref().is_none_or(|content| *content != recorded.identity.version) {
                reasons.push("its rows changed".to_owned());
            }
            return;
        }
        if let Some(columns) = node.relation.as_ref().and_then(|relation| self.known.columns.get(relation))
            && !recorded.columns.is_empty()
        {
            let now = columns.iter().map(|column| (&column.name, &column.data_type));
            if !now.eq(recorded.columns.iter().map(|(name, data_type)| (name, data_type))) {
                reasons.push("its columns were changed in the database".to_owned());
            }
        }
        for (name, read) in identity.reads.iter().filter(|(name, _)| !name.starts_with(VARIABLE)) {
            let before = recorded.identity.reads.get(name);
            match &read.version {
                // Within one run, what cannot be told to have changed has not.
                None if done => {}
                None => reasons.push(self.unknown(name)),
                Some(version) if before.and_then(|before| before.version.as_ref()) == Some(version) => {}
                // That it is made differently says enough.
                Some(_) if before.is_some_and(|before| before.definition != read.definition) => {}
                Some(_) => reasons.push(format!("`{name}` has other rows")),
            }
        }
        if let Some(moving) = own.moving.as_ref().filter(|_| !done) {
            reasons.push(format!("{moving} may answer differently each time"));
        }
    }

    fn unknown(&self, name: &str) -> String {
        let kind = self.by_name.get(name).map(|id| self.manifest.node(*id).kind);
        match kind {
            Some(NodeKind::Source) => {
                format!("nobody knows whether `{name}` changed (`loaded_at` or `version` of a source tell)")
            }
            _ => format!("nobody knows whether the rows of `{name}` changed"),
        }
    }

    /// The node by itself, with the ephemeral models that stand in it.
    fn own(&mut self, id: NodeId) -> Definition {
        let mut own = self.cached(id);
        let mut inlined = Vec::new();
        let mut seen = BTreeSet::from([id]);
        let mut edge = vec![id];
        while let Some(reader) = edge.pop() {
            for read in self.manifest.node(reader).reads.iter().map(|read| read.node) {
                if is_transparent(self.manifest.node(read)) && seen.insert(read) {
                    let found = self.cached(read);
                    inlined.push([self.manifest.node(read).name.clone(), found.own].join(" "));
                    own.moving = own.moving.or(found.moving);
                    edge.push(read);
                }
            }
        }
        if !inlined.is_empty() {
            inlined.sort();
            own.own = [own.own, ["inlined:", &hash(&inlined)].concat()].join(" ");
        }
        own
    }

    fn cached(&mut self, id: NodeId) -> Definition {
        if let Some(found) = self.definitions.get(&id) {
            return found.clone();
        }
        let found = definition(self.manifest, id, &self.surroundings);
        self.definitions.insert(id, found.clone());
        found
    }

    /// What a node reads, as it will be when the node is built.
    fn reads(&mut self, id: NodeId) -> Reads {
        let mut reads = Reads::new();
        for read in self.manifest.relations_read(id) {
            if read == id {
                continue;
            }
            let node = self.manifest.node(read);
            let state = match (node.kind, self.decided.get(&read)) {
                (_, Some(decided)) => decided.clone(),
                (NodeKind::Source, None) => {
                    ReadState { definition: self.cached(read).own, version: self.source_version(read) }
                }
                (_, None) => {
                    let relation = node.relation.as_ref();
                    relation.map(|relation| self.published(relation, &mut BTreeSet::new())).unwrap_or_default()
                }
            };
            reads.insert(read_name(node), state);
        }
        for (name, value) in self.variables(id) {
            let version = Some(hash(&[value.to_string()]));
            reads.insert(name, ReadState { definition: String::new(), version });
        }
        reads
    }

    /// The variables that differ from run to run, of a node and of the ephemeral models that stand in it, with their
    /// values: a model reads them as it reads rows.
    fn variables(&self, id: NodeId) -> BTreeMap<String, &'a Value> {
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::from([id]);
        let mut edge = vec![id];
        while let Some(at) = edge.pop() {
            let node = self.manifest.node(at);
            let values = node.varying.iter().flat_map(|varying| &varying.values);
            found.extend(values.map(|(name, value)| ([VARIABLE, name, "')"].concat(), value)));
            let read = node.reads.iter().map(|read| read.node);
            edge.extend(read.filter(|read| is_transparent(self.manifest.node(*read)) && seen.insert(*read)));
        }
        found
    }

    fn source_version(&self, id: NodeId) -> Option<String> {
        self.manifest.node(id).content.clone().or_else(|| self.known.sources.get(&id).cloned())
    }

    /// A relation that this plan leaves alone, as it is published.
    fn published(&self, relation: &RelationName, seen: &mut BTreeSet<String>) -> ReadState {
        let Some(recorded) = self.known.recorded(relation) else { return ReadState::default() };
        let definition = recorded.identity.definition.clone();
        if recorded.materialized != "view" {
            return ReadState { definition, version: Some(recorded.identity.version.clone()) };
        }
        // A view shows what its parents hold now.
        if !seen.insert(relation.to_string()) {
            return ReadState { definition, version: None };
        }
        let mut identity = recorded.identity.clone();
        for (name, read) in &mut identity.reads {
            let id = self.by_name.get(name).copied();
            let node = id.map(|id| self.manifest.node(id));
            read.version = match (node, id) {
                (Some(node), Some(id)) if node.kind == NodeKind::Source => self.source_version(id),
                (Some(node), _) => node.relation.as_ref().and_then(|relation| self.published(relation, seen).version),
                _ if name.starts_with(VARIABLE) => read.version.clone(),
                _ => None,
            };
        }
        seen.remove(&relation.to_string());
        let version = view_version(&identity, recorded.identity.version == MOVING);
        ReadState { definition, version }
    }

    /// The data version that a node will have.
    fn version(&self, id: NodeId, own: &Definition, decision: &Decision) -> String {
        let node = self.manifest.node(id);
        let identity = &decision.identity;
        let before = self.known.recorded_of(node).map(|before| before.identity.version.clone());
        if node.form() == Form::View {
            return if own.moving.is_some() { MOVING.to_owned() } else { String::new() };
        }
        if let (NodeKind::Seed, Some(content)) = (node.kind, &node.content) {
            return content.clone();
        }
        let mut texts = vec![identity.definition.clone()];
        let mut all_known = own.moving.is_none();
        for (name, read) in &identity.reads {
            all_known &= read.version.is_some();
            texts.push(name.clone());
            texts.push(read.version.clone().unwrap_or_default());
        }
        match decision.action {
            Some(Action::Skip | Action::Describe) => return before.unwrap_or_default(),
            Some(Action::Increment) => texts.extend(["increment".to_owned(), before.unwrap_or_default()]),
            _ => {}
        }
        // The same SQL on the same rows makes others, of other intervals.
        let batches = decision.intervals.iter().flat_map(|intervals| &intervals.batches);
        texts.extend(batches.map(ToString::to_string));
        if !all_known {
            texts.extend([self.wishes.run.clone(), read_name(node)]);
        }
        hash(&texts)
    }
}

impl Known {
    fn recorded_of(&self, node: &Node) -> Option<&Recorded> {
        self.recorded(node.relation.as_ref()?)
    }
}

/// The name by which what a node reads is remembered.
#[must_use]
pub fn read_name(node: &Node) -> String {
    node.relation.as_ref().map_or_else(|| node.name.clone(), ToString::to_string)
}

fn definition_of(own: &str, reads: &Reads) -> String {
    let mut texts = vec![own.to_owned()];
    for (name, read) in reads {
        texts.push(name.clone());
        texts.push(read.definition.clone());
    }
    hash(&texts)
}

/// The version of a table to which two runs have added, each without knowing of the other: that of neither.
#[must_use]
pub fn version_beside(own: &str, found: Option<&str>) -> String {
    hash(&["beside".to_owned(), own.to_owned(), found.unwrap_or_default().to_owned()])
}

/// The version of what a view shows; unknown if that of something it reads is.
fn view_version(identity: &Identity, moving: bool) -> Option<String> {
    if moving {
        return None;
    }
    let mut texts = vec!["view".to_owned(), identity.definition.clone()];
    for (name, read) in &identity.reads {
        texts.push(name.clone());
        texts.push(read.version.clone()?);
    }
    Some(hash(&texts))
}

fn unchanged(recorded: &Recorded) -> String {
    format!("nothing changed since run {}", recorded.run)
}

/// Why a definition is another than the one before, in words for people; nothing if it is the same.
#[must_use]
pub fn definition_changes(before: &Identity, now: &Identity) -> Vec<String> {
    let mut reasons = Vec::new();
    if now.own != before.own {
        reasons.extend(own_changes(&before.own, &now.own));
    }
    if now.definition != before.definition {
        for (name, read) in &now.reads {
            if before.reads.get(name).is_some_and(|known| known.definition != read.definition) {
                reasons.push(format!("`{name}`, which it reads, is made differently"));
            }
        }
        if reasons.is_empty() {
            reasons.push("what it reads changed".to_owned());
        }
    }
    reasons
}

/// Which parts of a definition differ, in words.
pub(super) fn own_changes(before: &str, now: &str) -> Vec<String> {
    let parts = |text: &str| -> BTreeMap<String, String> {
        let pairs = text.split(' ').filter_map(|part| part.split_once(':'));
        pairs.map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect()
    };
    let (before, now) = (parts(before), parts(now));
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differing = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
    let words = differing.map(|name| match name.as_str() {
        "sql" => "its SQL changed",
        "columns" => "its columns changed",
        "configuration" => "its configuration changed",
        "properties" => "its indexes, constraints or storage changed",
        "hooks" => "its hooks changed",
        "template" => "the template that makes it changed",
        "settings" => "the settings of the session changed",
        "functions" => "a function that it calls changed",
        "inlined" => INLINED_CHANGED,
        _ => "what it is made of changed",
    });
    words.map(str::to_owned).collect()
}
