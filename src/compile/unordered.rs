//! Models whose rows may come out otherwise from the same input, as far as their text shows it.
//!
//! In: the models as they were read, and the keys that are told by tests, constraints and `unique_key`, or follow from a
//! GROUP BY. Out: warnings, which only `suiro check` prints. Never: one for a model that says `deterministic: true`.

use super::{
    Compilation,
    nodes::Origin,
    reading::{Read, Reading},
    tests::Generic,
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{AGGREGATE_WITHOUT_ORDER, LIMIT_WITHOUT_ORDER, WINDOW_WITHOUT_ORDER},
    },
    lineage::{self, Dependent, Key, Lack, Unordered},
    manifest::{ConstraintKind, Form, Node, NodeId, NodeKind, Rendering, SqlPart},
    source::Place,
};
use rayon::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The keys of a relation.
type Keys = Vec<Key>;

impl Compilation {
    /// Looks for orders that are missing; needs the syntax trees.
    pub(super) fn look_for_missing_orders(&mut self) {
        let keys = self.keys();
        self.known_keys.clone_from(&keys);
        let models: Vec<NodeId> = self.manifest.iter().map(|(id, _)| id).collect();
        self.advice = models.par_iter().flat_map_iter(|id| self.missing_orders(*id, &keys)).collect();
    }

    /// The sets of columns of which no two rows of a node's relation have the same values, as far as they are known.
    #[must_use]
    pub fn keys_of(&self, id: NodeId) -> &[Key] {
        self.known_keys.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The keys of every relation, as far as they are known.
    fn keys(&self) -> BTreeMap<NodeId, Keys> {
        let mut keys: BTreeMap<NodeId, Keys> = BTreeMap::new();
        let ids: BTreeMap<Origin, NodeId> =
            self.origins.iter().enumerate().map(|(index, origin)| (*origin, NodeId::of(index))).collect();
        for test in &self.tests.generic {
            if let (Some(id), Some(key)) = (ids.get(&test.on), tested(test)) {
                keys.entry(*id).or_default().push(key);
            }
        }
        let all = self.manifest.iter().map(|(id, _)| id).collect();
        for id in self.graph.order(&all) {
            let node = self.manifest.node(id);
            let mut own = declared(node);
            if let Some(reading) = self.model(id)
                && node.form() != Form::Incremental
                && let Some(query) = reading.full.as_ref().and_then(|read| read.query.as_ref())
            {
                own.extend(lineage::keys(query, &|byte| keys_at(node, Rendering::Full, byte, &keys)));
            }
            keys.entry(id).or_default().extend(own);
        }
        keys
    }

    fn model(&self, id: NodeId) -> Option<&Reading> {
        let is_model = self.manifest.node(id).kind == NodeKind::Model;
        self.reading(id).filter(|_| is_model)
    }

    fn missing_orders(&self, id: NodeId, keys: &BTreeMap<NodeId, Keys>) -> Vec<Diagnostic> {
        let node = self.manifest.node(id);
        let told = node.config.get("deterministic").and_then(Value::as_bool) == Some(true);
        let Some(reading) = self.model(id).filter(|_| !told) else { return Vec::new() };
        let mut found: Vec<Diagnostic> = Vec::new();
        let renderings = [(Rendering::Full, &reading.full), (Rendering::Incremental, &reading.incremental)];
        for (rendering, read) in renderings {
            let Some(Read { rendered, query: Some(query) }) = read else { continue };
            let incremental = rendering == Rendering::Incremental;
            let file = self.sources.get(reading.model.file);
            for one in lineage::unordered(query, &|byte| keys_at(node, rendering, byte, keys)) {
                let place = self.around().place(&reading.model, file, (rendered, incremental), one.range());
                let warning = warning(&one, place).of_node(node.name.clone()).of_instance(reading.label());
                // Both renderings may have it.
                if !found.contains(&warning) {
                    found.push(warning);
                }
            }
        }
        found
    }
}

/// The keys of the relation whose name stands at a byte.
fn keys_at(node: &Node, rendering: Rendering, byte: usize, keys: &BTreeMap<NodeId, Keys>) -> Keys {
    let parts = node.rendering(rendering).map(|sql| sql.parts.as_slice()).unwrap_or_default();
    let relation = parts.iter().find_map(|part| match part {
        SqlPart::Relation { node, at } if *at == byte => Some(node),
        _ => None,
    });
    relation.and_then(|id| keys.get(id)).cloned().unwrap_or_default()
}

/// The key that a test demands; nothing where it looks at some rows only, or is no error.
fn tested(test: &Generic) -> Option<Key> {
    let config = &test.entry.config;
    let only_warns = config.text("severity").is_some_and(|severity| severity.value.eq_ignore_ascii_case("warn"));
    let loose = ["where", "error_if", "fail_calc"].iter().any(|key| config.get(key).is_some());
    if test.entry.test.value != "unique" || only_warns || loose {
        return None;
    }
    let listed = test.entry.arguments.get("columns").and_then(|given| given.value.as_array());
    let columns: BTreeSet<String> = match listed {
        Some(columns) => columns.iter().map(|column| column.as_str().map(str::to_lowercase)).collect::<Option<_>>()?,
        None => BTreeSet::from([test.column.as_ref()?.to_lowercase()]),
    };
    Some(Key { columns, minimal: true })
}

/// The keys that a node's own configuration tells.
fn declared(node: &Node) -> Keys {
    let key = |columns: BTreeSet<String>| Key { columns, minimal: true };
    let lower = |columns: &[String]| key(columns.iter().map(|column| column.to_lowercase()).collect());
    let constraints = node.properties.constraints.iter();
    let constraints = constraints.filter(|one| matches!(one.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey));
    let indexes = node.properties.indexes.iter().filter(|index| index.unique && index.condition.is_none());
    let mut keys: Keys = constraints.map(|one| lower(&one.columns)).collect();
    keys.extend(indexes.map(|index| lower(&index.columns)));
    let unique: BTreeSet<String> = node.texts("unique_key").into_iter().map(str::to_lowercase).collect();
    // A snapshot has several versions of a key.
    if node.form() == Form::Incremental && !node.is_snapshot() && !unique.is_empty() {
        keys.push(key(unique));
    }
    keys
}

fn warning(found: &Unordered, place: Place) -> Diagnostic {
    let key = match &found.lack {
        Lack::Everything => None,
        Lack::Key(columns) => Some(columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")),
    };
    let warning = match (&found.what, &key) {
        (Dependent::Limit, None) => {
            Diagnostic::warning(LIMIT_WITHOUT_ORDER, "nothing says which rows are left: there is no ORDER BY")
                .at_place(place, "any of the rows")
                .help("order by columns that tell the rows apart")
        }
        (Dependent::Limit, Some(key)) => {
            Diagnostic::warning(LIMIT_WITHOUT_ORDER, "rows may be equal in this ORDER BY, and any of them may be left")
                .at_place(place, "any of those that are equal")
                .help(format!("add {key} to the ORDER BY"))
        }
        (Dependent::DistinctOn, None) => {
            Diagnostic::warning(LIMIT_WITHOUT_ORDER, "nothing says which row of each group DISTINCT ON leaves")
                .at_place(place, "any row of the group")
                .help("order by the columns of DISTINCT ON, and then by others that tell the rows apart")
        }
        (Dependent::DistinctOn, Some(key)) => Diagnostic::warning(
            LIMIT_WITHOUT_ORDER,
            "rows may be equal in the order of DISTINCT ON, and any of them may be left",
        )
        .at_place(place, "any of those that are equal")
        .help(format!("add {key} to the ORDER BY")),
        (Dependent::Window(name), None) => {
            let message = format!("`{name}` depends on the order of rows, and its window gives none");
            Diagnostic::warning(WINDOW_WITHOUT_ORDER, message)
                .at_place(place, "in any order")
                .help("order the window by columns that tell the rows apart")
        }
        (Dependent::Window(name), Some(key)) => {
            let message = format!("rows may be equal in the order of this window, and `{name}` tells them apart");
            Diagnostic::warning(WINDOW_WITHOUT_ORDER, message)
                .at_place(place, "in any order where equal")
                .help(format!("add {key} to the ORDER BY of the window"))
        }
        (Dependent::Aggregate(name), _) => {
            let message = format!("`{name}` keeps the order in which rows come, and nothing gives one");
            let help = match name.as_str() {
                "array" => "order the query in it".to_owned(),
                name => format!("put an order into it: `{name}(… order by …)`"),
            };
            Diagnostic::warning(AGGREGATE_WITHOUT_ORDER, message).at_place(place, "in any order").help(help)
        }
    };
    warning.help("or say `deterministic: true` in the model's configuration, if it does not matter")
}
