//! How the models of a project differ between production and an environment: which there are, and their columns.
//!
//! In: what is known of both, and which nodes are the environment's own. Out: a [`Contrast`] for each relation that is not
//! the same in both. Never: rows.

use super::{Column, Known, definition_changes, orphans};
use crate::{
    manifest::{Manifest, NodeId},
    name::RelationName,
    state::Identity,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What became of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Production does not have it.
    Added,
    /// The project has it no more.
    Removed,
    /// It is made differently.
    Changed,
}

/// How a column differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum ColumnChange {
    /// Production does not have it.
    Added {
        /// Its name.
        name: String,
        /// Its type.
        #[serde(rename = "type")]
        data_type: String,
    },
    /// Only production has it.
    Removed {
        /// Its name.
        name: String,
        /// Its type.
        #[serde(rename = "type")]
        data_type: String,
    },
    /// It has another type.
    Retyped {
        /// Its name.
        name: String,
        /// Its type in production.
        before: String,
        /// Its type in the environment.
        after: String,
    },
}

/// A relation that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contrast {
    /// The node that makes it; none if the project has none any more.
    pub node: Option<NodeId>,
    /// Its name in production.
    pub before: RelationName,
    /// Its name in the environment, where it stands there.
    pub after: Option<RelationName>,
    /// What became of it.
    pub change: Change,
    /// Why it differs, in words for people.
    pub reasons: Vec<String>,
    /// How its columns differ; nothing where it does not stand in both.
    pub columns: Vec<ColumnChange>,
}

/// Production as it is compared with.
pub struct Production<'a> {
    /// What is known of it.
    pub known: &'a Known,
    /// The relation of each node there.
    pub names: &'a BTreeMap<NodeId, RelationName>,
    /// What each node would be there, if its files were built now.
    pub identities: &'a BTreeMap<NodeId, Identity>,
}

/// The relations that differ: those of `own` nodes, in the order of the manifest, then those that the project has no more.
#[must_use]
pub fn contrasts(
    manifest: &Manifest,
    own: &BTreeSet<NodeId>,
    production: &Production<'_>,
    here: &Known,
) -> Vec<Contrast> {
    let known = production.known;
    let mut found: Vec<Contrast> = Vec::new();
    for id in own {
        let node = manifest.node(*id);
        let (Some(before), Some(relation)) = (production.names.get(id), &node.relation) else { continue };
        let there = known.live.relations.contains_key(before);
        let after = here.live.relations.contains_key(relation).then(|| relation.clone());
        let recorded = known.state.relations.get(before);
        let reasons = match (recorded, production.identities.get(id)) {
            (Some(recorded), Some(now)) => definition_changes(&recorded.identity, now),
            (None, _) if there => vec!["nothing is remembered of it in production".to_owned()],
            _ => Vec::new(),
        };
        let columns = match (there, &after) {
            (true, Some(after)) => column_changes(&columns(known, before), &columns(here, after)),
            _ => Vec::new(),
        };
        let change = if there { Change::Changed } else { Change::Added };
        found.push(Contrast { node: Some(*id), before: before.clone(), after, change, reasons, columns });
    }
    found
}

/// The relations of production that the project has no more.
#[must_use]
pub fn removed(manifest: &Manifest, production: &Known) -> Vec<Contrast> {
    let gone = |relation: RelationName| Contrast {
        node: None,
        before: relation,
        after: None,
        change: Change::Removed,
        reasons: Vec::new(),
        columns: Vec::new(),
    };
    let orphans = orphans(manifest, production);
    orphans
        .into_iter()
        .filter(|one| production.live.relations.contains_key(&one.relation))
        .map(|one| gone(one.relation))
        .collect()
}

/// The columns of a relation with their types.
#[must_use]
pub fn columns(known: &Known, relation: &RelationName) -> Vec<Column> {
    let columns = known.columns.get(relation).into_iter().flatten();
    columns.map(|column| (column.name.clone(), column.data_type.clone())).collect()
}

/// How the columns of a relation changed.
pub(super) fn column_changes(before: &[Column], after: &[Column]) -> Vec<ColumnChange> {
    let find = |columns: &[Column], name: &str| columns.iter().find(|(other, _)| other == name).cloned();
    let mut changes: Vec<ColumnChange> = Vec::new();
    for (name, data_type) in after {
        match find(before, name) {
            None => changes.push(ColumnChange::Added { name: name.clone(), data_type: data_type.clone() }),
            Some((_, other)) if other != *data_type => {
                changes.push(ColumnChange::Retyped { name: name.clone(), before: other, after: data_type.clone() });
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(name, _)| find(after, name).is_none());
    changes.extend(
        gone.map(|(name, data_type)| ColumnChange::Removed { name: name.clone(), data_type: data_type.clone() }),
    );
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_added_removed_and_retyped() {
        let columns = |text: &str| -> Vec<Column> {
            text.split(' ').filter_map(|one| one.split_once(':')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
        };
        let found = column_changes(&columns("a:integer b:text c:date"), &columns("c:timestamp a:integer d:text"));
        let own = str::to_owned;
        assert_eq!(
            found,
            [
                ColumnChange::Retyped { name: own("c"), before: own("date"), after: own("timestamp") },
                ColumnChange::Added { name: own("d"), data_type: own("text") },
                ColumnChange::Removed { name: own("b"), data_type: own("text") },
            ]
        );
        assert_eq!(column_changes(&columns("a:integer b:text"), &columns("b:text a:integer")), []);
    }
}
