//! SQL with holes where relations are named: the same text serves for staged and for published names.

use super::{Manifest, NodeId};
use crate::interval::{Interval, Moment};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A part of a model's SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlPart {
    /// Text exactly as it was rendered, from byte `at` of the rendering.
    Written {
        /// The text.
        text: String,
        /// Its first byte in the rendered text.
        at: usize,
    },
    /// Text that suiro put in, such as an alias.
    Inserted(String),
    /// A hole for the qualified and quoted name of a node's relation.
    Relation {
        /// The node.
        node: NodeId,
        /// Where the written name starts in the rendered text.
        at: usize,
    },
    /// A hole for a moment of the run's window, in quotes.
    Window {
        /// Which moment.
        bound: Bound,
        /// What stands there where no run says what its window is.
        default: Moment,
        /// Where the moment starts in the rendered text.
        at: usize,
    },
}

/// One of the two ends of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The first moment in it.
    Start,
    /// The first moment behind it.
    End,
}

impl Bound {
    /// That end of an interval.
    #[must_use]
    pub const fn of(self, interval: Interval) -> Moment {
        match self {
            Self::Start => interval.start,
            Self::End => interval.end,
        }
    }
}

/// Where a common table expression can be put in front of those that a query has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The byte of the rendered text: where the query begins, or behind its `WITH` or `WITH RECURSIVE`.
    pub at: usize,
    /// Whether the query has a `WITH` of its own.
    pub with: bool,
}

/// SQL with holes for relations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledSql {
    /// Where its common table expressions begin.
    pub head: Head,
    /// The parts, in order.
    pub parts: Vec<SqlPart>,
}

/// A range of filled text and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    range: Range<usize>,
    /// The byte of the rendered text.
    at: usize,
    /// Whether the text is as it was rendered, byte by byte; else all of it comes from `at`.
    exact: bool,
    /// The node whose rendering that is; none for the node that was filled.
    node: Option<NodeId>,
    /// The node whose relation is named there.
    read: Option<NodeId>,
}

/// SQL whose holes have been filled, and the way back to the rendered text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilledSql {
    /// The text.
    pub text: String,
    origins: Vec<Origin>,
}

/// What stands in the holes.
#[derive(Clone, Copy)]
pub struct Filling<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// The qualified and quoted name of a node's relation.
    pub name: &'a dyn Fn(NodeId) -> String,
    /// Whether the SQL of a node stands in its reader instead of a name.
    pub inlined: &'a dyn Fn(NodeId) -> bool,
    /// The run's window, where one is known.
    pub window: Option<Interval>,
}

impl CompiledSql {
    /// The nodes whose relations it names, in order, several times where they are.
    pub fn relations(&self) -> impl Iterator<Item = NodeId> {
        self.parts.iter().filter_map(|part| match part {
            SqlPart::Relation { node, .. } => Some(*node),
            _ => None,
        })
    }

    /// Whether it asks for the run's window.
    #[must_use]
    pub fn has_window(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, SqlPart::Window { .. }))
    }

    /// The SQL with a name in each hole; what is inlined becomes a common table expression in front of all others.
    #[must_use]
    pub fn fill(&self, filling: &Filling<'_>) -> FilledSql {
        let mut filled = FilledSql::default();
        let mut inlined = Vec::new();
        self.collect(filling, &mut inlined);
        filled.add(self, filling, None, &inlined);
        filled
    }

    /// The nodes to inline, each behind those that it reads itself.
    fn collect(&self, filling: &Filling<'_>, found: &mut Vec<NodeId>) {
        for node in self.relations().filter(|node| (filling.inlined)(*node)) {
            if !found.contains(&node)
                && let Some(sql) = &filling.manifest.node(node).sql
            {
                sql.collect(filling, found);
                found.push(node);
            }
        }
    }
}

impl FilledSql {
    fn add(&mut self, sql: &CompiledSql, filling: &Filling<'_>, node: Option<NodeId>, inlined: &[NodeId]) {
        let mut open = !inlined.is_empty();
        for part in &sql.parts {
            match part {
                SqlPart::Written { text, at } => {
                    let cut = sql.head.at.checked_sub(*at).filter(|cut| open && text.is_char_boundary(*cut));
                    if let Some(cut) = cut.filter(|cut| *cut < text.len()) {
                        open = false;
                        self.written(&text[..cut], *at, node);
                        self.expressions(filling, inlined, sql.head.with);
                        self.written(&text[cut..], at + cut, node);
                    } else {
                        self.written(text, *at, node);
                    }
                }
                SqlPart::Inserted(text) => self.text.push_str(text),
                SqlPart::Window { bound, default, at } => {
                    let moment = filling.window.map_or(*default, |window| bound.of(window));
                    self.written(&["'", &moment.to_string(), "'"].concat(), *at, node);
                }
                SqlPart::Relation { node: read, at } => {
                    let start = self.text.len();
                    if (filling.inlined)(*read) {
                        self.text.push_str(&expression_name(filling.manifest, *read));
                    } else {
                        self.text.push_str(&(filling.name)(*read));
                    }
                    self.origins.push(Origin {
                        range: start..self.text.len(),
                        at: *at,
                        exact: false,
                        node,
                        read: Some(*read),
                    });
                }
            }
        }
    }

    fn written(&mut self, text: &str, at: usize, node: Option<NodeId>) {
        let start = self.text.len();
        self.text.push_str(text);
        self.origins.push(Origin { range: start..self.text.len(), at, exact: true, node, read: None });
    }

    fn expressions(&mut self, filling: &Filling<'_>, inlined: &[NodeId], with: bool) {
        if !with {
            self.text.push_str("with ");
        }
        for (index, node) in inlined.iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            self.text.push_str(&expression_name(filling.manifest, *node));
            self.text.push_str(" as (\n");
            if let Some(sql) = &filling.manifest.node(*node).sql {
                self.add(sql, filling, Some(*node), &[]);
            }
            // On a line of its own: the SQL may end in a comment.
            self.text.push_str("\n)");
        }
        self.text.push_str(if with { ", " } else { "\n" });
    }

    /// Where the text names relations, in order: the bytes, and the node whose relation it is.
    pub fn relations(&self) -> impl Iterator<Item = (Range<usize>, NodeId)> {
        self.origins.iter().filter_map(|origin| Some((origin.range.clone(), origin.read?)))
    }

    /// Where a byte of this text comes from: the node whose rendering it stands in (none for the node that was filled)
    /// and the byte there.
    ///
    /// Text that suiro put in belongs to what stands before it.
    #[must_use]
    pub fn rendered(&self, byte: usize) -> (Option<NodeId>, usize) {
        let next = self.origins.partition_point(|origin| origin.range.start <= byte);
        match self.origins[..next].last() {
            Some(Origin { range, at, exact: true, node, .. }) => (*node, at + (byte.min(range.end) - range.start)),
            Some(Origin { at, exact: false, node, .. }) => (*node, *at),
            None => (None, 0),
        }
    }
}

/// The quoted name of the common table expression that an inlined node becomes: no model can be called so, and within
/// 63 bytes no two nodes share one.
fn expression_name(manifest: &Manifest, id: NodeId) -> String {
    let relation = manifest.node(id).relation.as_ref();
    let whole = relation.map(ToString::to_string).unwrap_or_default();
    let mut name = relation.map(|relation| relation.name.to_string()).unwrap_or_default();
    while name.len() > 36 {
        name.pop();
    }
    let hash = blake3::hash(whole.as_bytes()).to_hex();
    manifest.dialect.quote(&format!("__suiro_{name}_{}", &hash[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dialect::Dialect,
        manifest::{Node, NodeKind},
        name::RelationName,
    };
    use std::collections::BTreeMap;

    fn node(name: &str, materialized: &str, sql: CompiledSql) -> Node {
        Node {
            name: name.to_owned(),
            kind: NodeKind::Model,
            relation: Some(RelationName::new("main", name)),
            materialized: Some(materialized.to_owned()),
            path: None,
            reads: Vec::new(),
            columns: None,
            description: None,
            tags: Vec::new(),
            owner: None,
            config: BTreeMap::new(),
            sql: Some(sql),
            incremental_sql: None,
            varying: None,
            properties: crate::manifest::Properties::default(),
            error: None,
            instance_of: None,
            instance: None,
            test: None,
            lineage: None,
            content: None,
        }
    }

    fn manifest(nodes: Vec<Node>) -> Manifest {
        Manifest {
            project: "p".to_owned(),
            dialect: Dialect::DuckDb,
            target: "t".to_owned(),
            schema: "main".to_owned(),
            run_hooks: crate::manifest::RunHooks::default(),
            nodes,
        }
    }

    fn written(text: &str, at: usize) -> SqlPart {
        SqlPart::Written { text: text.to_owned(), at }
    }

    fn fill(sql: &CompiledSql, manifest: &Manifest) -> FilledSql {
        let name = |id: NodeId| manifest.dialect.relation(manifest.node(id).relation.as_ref().unwrap());
        let inlined = |id: NodeId| manifest.node(id).materialized.as_deref() == Some("ephemeral");
        sql.fill(&Filling { manifest, name: &name, inlined: &inlined, window: None })
    }

    #[test]
    fn a_byte_of_the_filled_text_leads_back_to_the_rendered_text() {
        let sql = CompiledSql {
            head: Head::default(),
            parts: vec![
                written("select x from ", 0),
                SqlPart::Relation { node: NodeId(0), at: 14 },
                SqlPart::Inserted(" as \"o\"".into()),
                written(" where y", 15),
            ],
        };
        let filled = fill(&sql, &manifest(vec![node("o", "table", CompiledSql::default())]));
        assert_eq!(filled.text, "select x from \"main\".\"o\" as \"o\" where y");
        assert_eq!(filled.rendered(7), (None, 7));
        assert_eq!(filled.rendered(16), (None, 14));
        assert_eq!(filled.rendered(filled.text.len() - 1), (None, 22));
    }

    #[test]
    fn what_is_inlined_stands_in_front_of_all_other_expressions_and_leads_back_to_its_own_text() {
        let relation = |node: u32, at: usize| SqlPart::Relation { node: NodeId(node), at };
        let inner = CompiledSql { head: Head::default(), parts: vec![written("select 1 as n -- one", 0)] };
        let middle = CompiledSql {
            head: Head { at: 5, with: true },
            parts: vec![written("with a as (select n from ", 0), relation(0, 25), written(") select n from a", 30)],
        };
        let outer = CompiledSql {
            head: Head { at: 3, with: false },
            parts: vec![written("/**/select n from ", 0), relation(1, 18), written(", ", 24), relation(0, 26)],
        };
        let all = manifest(vec![node("e", "ephemeral", inner), node("f", "ephemeral", middle)]);
        let filled = fill(&outer, &all);
        let (e, f) = (expression_name(&all, NodeId(0)), expression_name(&all, NodeId(1)));
        assert_eq!(
            filled.text,
            format!(
                "/**with {e} as (\nselect 1 as n -- one\n), {f} as (\nwith a as (select n from {e}) select n from a\n)\n\
                 /select n from {f}, {e}"
            )
        );
        assert_eq!(filled.rendered(filled.text.find("1 as n").unwrap()), (Some(NodeId(0)), 7));
        assert_eq!(filled.rendered(filled.text.rfind(&f).unwrap()), (None, 18));
        assert_eq!(filled.rendered(filled.text.find("with a").unwrap()), (Some(NodeId(1)), 0));
    }

    #[test]
    fn long_names_in_kanji_stay_within_what_the_database_takes() {
        let long = "注文".repeat(20);
        let all = manifest(vec![node(&long, "ephemeral", CompiledSql::default())]);
        assert!(expression_name(&all, NodeId(0)).len() <= 65);
    }
}
