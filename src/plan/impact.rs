//! What a change of the project's files does, told from the files alone: no database, no state.
//!
//! In: two manifests, as the files were and as they are. Out: an [`Impact`]. Never: rows, or what stands published.

use super::{
    Template,
    contrast::{Change, ColumnChange, column_changes},
    decide::own_changes,
    definition::{Definition, Surroundings, definition},
};
use crate::{
    graph::{ColumnPoint, Graph, Way, reach_columns},
    manifest::{Manifest, Node, NodeId, NodeKind},
};
use std::collections::{BTreeMap, BTreeSet};

/// The project at one moment.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// Its nodes.
    pub manifest: &'a Manifest,
    /// Who reads whom.
    pub graph: &'a Graph,
    /// What the sessions of its target pin.
    pub settings: &'a BTreeMap<String, String>,
    /// The text of the materialization template of that name, where the project has its own.
    pub template: Template<'a>,
}

/// A model, seed, snapshot or source that is another than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its file, relative to the project; that of before, if it is gone.
    pub path: Option<String>,
    /// What became of it.
    pub change: Change,
    /// Whether it only is described differently, so that nothing is built for it.
    pub described: bool,
    /// Why, in words for people.
    pub reasons: Vec<String>,
    /// How its columns differ, as far as they are known on both sides.
    pub columns: Vec<ColumnChange>,
    /// Whether its columns could not be told on one of the sides.
    pub columns_unknown: bool,
    /// Who reads what is gone or has another type; all readers of a relation that is gone.
    pub readers: Vec<Reader>,
}

/// Somebody who reads a column that is gone or has another type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reader {
    /// The name of the model, test or exposure.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// The columns of `name` that are made of it; none where it decides about rows, or where nothing finer is known.
    pub columns: BTreeSet<String>,
}

impl Changed {
    /// Whether somebody who read the old one may fail on the new one, or read something else by the same name.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        let gone = |change: &ColumnChange| !matches!(change, ColumnChange::Added { .. });
        self.change == Change::Removed || self.columns.iter().any(gone)
    }
}

/// What a change does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Impact {
    /// What is another than before, in building order, what is gone last.
    pub changed: Vec<Changed>,
    /// The names of models and seeds that would be built for it: those that are made differently, and all below.
    pub rebuilt: Vec<String>,
    /// The names of the exposures below any of it.
    pub exposures: Vec<String>,
}

/// What the way from one moment to another does.
#[must_use]
pub fn impact(before: Moment<'_>, after: Moment<'_>) -> Impact {
    let shown = |node: &Node| !matches!(node.kind, NodeKind::Test | NodeKind::Exposure);
    let old: BTreeMap<&str, NodeId> = named(before.manifest, shown);
    let new: BTreeMap<&str, NodeId> = named(after.manifest, shown);
    let mut found = Impact::default();
    let mut touched: BTreeSet<NodeId> = BTreeSet::new();
    let all: BTreeSet<NodeId> = new.values().copied().collect();
    for id in after.graph.order(&all) {
        let node = after.manifest.node(id);
        let changed = match old.get(node.name.as_str()) {
            Some(was) => differing((before, *was), (after, id)),
            None => Some(Changed { columns_unknown: false, ..plain(node, Change::Added) }),
        };
        if let Some(changed) = changed {
            if !changed.described {
                touched.insert(id);
            }
            found.changed.push(changed);
        }
    }
    for (name, id) in &old {
        if !new.contains_key(name) {
            let node = before.manifest.node(*id);
            let readers = before.graph.children(*id).map(|reader| before.manifest.node(reader));
            let readers: BTreeSet<Reader> = readers.map(|reader| named_reader(reader, BTreeSet::new())).collect();
            found.changed.push(Changed { readers: readers.into_iter().collect(), ..plain(node, Change::Removed) });
        }
    }
    let mut below = touched.clone();
    below.extend(touched.iter().flat_map(|id| after.graph.descendants(*id, None)));
    let of_kind = |wanted: &dyn Fn(&Node) -> bool| -> Vec<String> {
        let order = after.graph.order(&below);
        order
            .into_iter()
            .map(|id| after.manifest.node(id))
            .filter(|node| wanted(node))
            .map(|node| node.name.clone())
            .collect()
    };
    found.rebuilt = of_kind(&Node::is_built);
    found.exposures = of_kind(&|node| node.kind == NodeKind::Exposure);
    found
}

fn named(manifest: &Manifest, wanted: impl Fn(&Node) -> bool) -> BTreeMap<&str, NodeId> {
    manifest.iter().filter(|(_, node)| wanted(node)).map(|(id, node)| (node.name.as_str(), id)).collect()
}

fn plain(node: &Node, change: Change) -> Changed {
    Changed {
        name: node.name.clone(),
        kind: node.kind,
        path: node.path.clone(),
        change,
        described: false,
        reasons: Vec::new(),
        columns: Vec::new(),
        columns_unknown: false,
        readers: Vec::new(),
    }
}

fn defined(moment: Moment<'_>, id: NodeId) -> Definition {
    // What users made in the database is not in the files.
    let functions = BTreeMap::new();
    let around = Surroundings { settings: moment.settings, functions: &functions, template: moment.template };
    definition(moment.manifest, id, &around)
}

/// How a node differs from what it was; nothing if it is the same.
fn differing((before, was): (Moment<'_>, NodeId), (after, is): (Moment<'_>, NodeId)) -> Option<Changed> {
    let (old, new) = (before.manifest.node(was), after.manifest.node(is));
    let (defined_before, defined_after) = (defined(before, was), defined(after, is));
    let mut reasons = own_changes(&defined_before.own, &defined_after.own);
    if old.kind != new.kind {
        reasons.push(format!("it was a {}", old.kind.word()));
    }
    if old.content != new.content {
        reasons.push("its rows changed".to_owned());
    }
    let columns_unknown = old.columns.is_none() || new.columns.is_none();
    let columns = match (&old.columns, &new.columns) {
        (Some(old), Some(new)) => {
            let typed = |columns: &[crate::manifest::Column]| {
                let one = |column: &crate::manifest::Column| {
                    (column.name.clone(), column.data_type.clone().unwrap_or_default())
                };
                columns.iter().map(one).collect::<Vec<_>>()
            };
            let mut changes = column_changes(&typed(old), &typed(new));
            // A type that is not known on one of the sides is no change.
            changes.retain(|change| match change {
                ColumnChange::Retyped { before, after, .. } => !before.is_empty() && !after.is_empty(),
                _ => true,
            });
            changes
        }
        _ => Vec::new(),
    };
    let described = reasons.is_empty() && columns.is_empty();
    if described && defined_before.described == defined_after.described {
        return None;
    }
    if described {
        reasons.push("only what describes it changed".to_owned());
    }
    let lost = columns.iter().filter_map(|change| match change {
        ColumnChange::Added { .. } => None,
        ColumnChange::Removed { name, .. } | ColumnChange::Retyped { name, .. } => Some(name.as_str()),
    });
    let readers = readers(before, was, &lost.collect::<Vec<_>>());
    Some(Changed { described, reasons, columns, columns_unknown, readers, ..plain(new, Change::Changed) })
}

/// Who reads these columns of a node, however far below; tests and exposures by their nodes.
fn readers(moment: Moment<'_>, id: NodeId, columns: &[&str]) -> Vec<Reader> {
    let mut made: BTreeMap<NodeId, BTreeSet<String>> = BTreeMap::new();
    for column in columns {
        let point = ColumnPoint { node: id, column: Some((*column).to_owned()) };
        for edge in reach_columns(moment.manifest, moment.graph, &point, Way::Down) {
            made.entry(edge.reader.node).or_default().extend(edge.reader.column);
        }
    }
    // Where nothing is known of a reader's columns, it may read them.
    let blind = |node: &Node| node.lineage.as_ref().is_none_or(|lineage| lineage.unsupported.is_some());
    let own: BTreeSet<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    let mut border: Vec<NodeId> = if columns.is_empty() { Vec::new() } else { vec![id] };
    let mut seen: BTreeSet<NodeId> = border.iter().copied().collect();
    while let Some(node) = border.pop() {
        let of_node = if node == id { &own } else { made.get(&node).unwrap_or(&own) };
        let of_node = of_node.clone();
        for child in moment.graph.children(node) {
            let reader = moment.manifest.node(child);
            let follows = match reader.kind {
                NodeKind::Test => tests(reader, &of_node),
                _ => made.contains_key(&child) || blind(reader) || (node != id && blind(moment.manifest.node(node))),
            };
            if follows && seen.insert(child) {
                made.entry(child).or_default();
                border.push(child);
            }
        }
    }
    let mut readers: Vec<Reader> =
        made.into_iter().map(|(id, columns)| named_reader(moment.manifest.node(id), columns)).collect();
    readers.sort();
    readers
}

/// Whether a test is about one of these columns, or about nothing narrower than rows.
fn tests(test: &Node, columns: &BTreeSet<String>) -> bool {
    let column = test.test.as_ref().and_then(|test| test.column.as_ref());
    column.is_none_or(|column| columns.contains(column))
}

fn named_reader(node: &Node, columns: BTreeSet<String>) -> Reader {
    Reader { name: node.name.clone(), kind: node.kind, columns }
}
