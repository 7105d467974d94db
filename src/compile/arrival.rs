//! How the database is asked when the rows of a source arrived, and whether they are others.

use super::{Compilation, nodes::Origin};
use crate::{
    graph::Selection,
    manifest::{NodeId, NodeKind},
    project::{Given, SourceTable},
    run::published_sql,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Compilation {
    /// What the templates need that ask a source for its version or its age; names qualified by `database`.
    #[must_use]
    pub fn arrival(&self, table: &SourceTable, database: Option<&str>) -> Value {
        let mut source = table.relation.clone();
        source.database = source.database.or_else(|| database.map(Into::into));
        let manifest = &self.manifest;
        // Files that are read by a name have SQL of their own.
        let node = manifest.nodes.iter().find(|node| {
            node.kind == NodeKind::Source && node.relation.as_ref() == Some(&table.relation) && node.sql.is_some()
        });
        let files = node.and_then(|node| node.sql.as_ref()).map(|sql| published_sql(manifest, sql, database).text);
        let this = files.map_or_else(|| manifest.dialect.relation(&source), |files| ["(", &files, ")"].concat());
        let written = |given: &Option<Given<String>>| given.as_ref().map(|given| with_this(&given.value, &this));
        json!({
            "dialect": manifest.dialect.name(),
            "source": this,
            "loaded_at": written(&table.loaded_at),
            "version": written(&table.version),
        })
    }

    /// The same for every source that these nodes read, directly or not, and that says how its version is asked.
    #[must_use]
    pub fn arrivals(&self, selection: &Selection, database: Option<&str>) -> BTreeMap<NodeId, Value> {
        let mut concerned: Selection = selection.clone();
        for id in selection {
            concerned.extend(self.graph.ancestors(*id, None));
        }
        let sources = concerned.into_iter().filter_map(|id| match self.origins.get(id.index()) {
            Some(Origin::Source(index)) => Some((id, self.project.source_tables.get(*index)?)),
            _ => None,
        });
        let asked = sources.filter(|(id, table)| {
            self.manifest.node(*id).content.is_none() && (table.version.is_some() || table.loaded_at.is_some())
        });
        asked.map(|(id, table)| (id, self.arrival(table, database))).collect()
    }
}

/// The SQL with the table's name in the place of `{{ this }}`.
fn with_this(sql: &str, this: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        match after.split_once("}}") {
            Some((name, behind)) if name.trim() == "this" => {
                text.push_str(this);
                rest = behind;
            }
            _ => {
                text.push_str("{{");
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::with_this;

    #[test]
    fn this_is_the_table() {
        assert_eq!(with_this("select {{this}}.a, '{{' from {{ this }}", "r.t"), "select r.t.a, '{{' from r.t");
    }
}
