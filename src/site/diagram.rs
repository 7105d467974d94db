//! The graph as text that other programs draw: Mermaid, which many places show in Markdown, and Graphviz's DOT.
//!
//! In: a project and the nodes to show. Out: text. Never: a name that could end its quotes.

use crate::{
    graph::{ColumnEdge, ColumnPoint, Selection},
    manifest::{EdgeKind, Manifest, Node, NodeId, NodeKind},
};
use std::collections::{BTreeMap, BTreeSet};

/// A language for diagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diagram {
    /// Mermaid.
    Mermaid,
    /// Graphviz.
    Dot,
}

/// The graph of these nodes, without tests, from the left to the right, schema by schema.
#[must_use]
pub fn diagram(manifest: &Manifest, selection: &Selection, language: Diagram) -> String {
    let shown: Vec<NodeId> = selection.iter().copied().filter(|id| manifest.node(*id).kind != NodeKind::Test).collect();
    let mut groups: BTreeMap<Option<&str>, Vec<NodeId>> = BTreeMap::new();
    for id in &shown {
        let schema = manifest.node(*id).relation.as_ref().map(|relation| &*relation.schema);
        groups.entry(schema).or_default().push(*id);
    }
    let mut text = match language {
        Diagram::Mermaid => "flowchart LR\n".to_owned(),
        Diagram::Dot => {
            "digraph {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n".to_owned()
        }
    };
    for (number, (schema, ids)) in groups.iter().enumerate() {
        let indent = if schema.is_some() { "    " } else { "  " };
        if let Some(schema) = schema {
            text.push_str(&match language {
                Diagram::Mermaid => format!("  subgraph s{number}[\"{}\"]\n", mermaid(schema)),
                Diagram::Dot => format!("  subgraph cluster_{number} {{\n    label=\"{}\";\n", dot(schema)),
            });
        }
        for id in ids {
            text.push_str(&format!("{indent}{}\n", box_of(*id, manifest.node(*id), language)));
        }
        if schema.is_some() {
            text.push_str(if language == Diagram::Mermaid { "  end\n" } else { "  }\n" });
        }
    }
    for id in &shown {
        for read in manifest.node(*id).reads.iter().filter(|read| shown.binary_search(&read.node).is_ok()) {
            let arrow = match (language, read.incremental_only) {
                (Diagram::Mermaid, false) => "-->",
                (Diagram::Mermaid, true) => "-.->",
                (Diagram::Dot, _) => "->",
            };
            let style = if language == Diagram::Dot && read.incremental_only { " [style=dashed]" } else { "" };
            let end = if language == Diagram::Dot { ";" } else { "" };
            text.push_str(&format!("  n{} {arrow} n{}{style}{end}\n", read.node.0, id.0));
        }
    }
    if language == Diagram::Dot {
        text.push_str("}\n");
    }
    text
}

/// A column and what it is connected with, each node a frame around its columns. Copies are plain arrows, what is computed
/// is thick, what is only looked at is dashed.
#[must_use]
pub fn column_diagram(manifest: &Manifest, of: &ColumnPoint, edges: &[ColumnEdge], language: Diagram) -> String {
    let ends = edges.iter().flat_map(|edge| [&edge.read, &edge.reader]);
    let points: BTreeSet<&ColumnPoint> = ends.chain([of]).collect();
    let numbers: BTreeMap<&ColumnPoint, usize> =
        points.iter().enumerate().map(|(number, point)| (*point, number)).collect();
    let mut text = match language {
        Diagram::Mermaid => "flowchart LR\n".to_owned(),
        Diagram::Dot => {
            "digraph {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n".to_owned()
        }
    };
    let mut framed = None;
    let end = if language == Diagram::Mermaid { "  end\n" } else { "  }\n" };
    for point in &points {
        if framed != Some(point.node) {
            text.push_str(if framed.is_some() { end } else { "" });
            let name = &manifest.node(point.node).name;
            text.push_str(&match language {
                Diagram::Mermaid => format!("  subgraph n{}[\"{}\"]\n", point.node.0, mermaid(name)),
                Diagram::Dot => format!("  subgraph cluster_{} {{\n    label=\"{}\";\n", point.node.0, dot(name)),
            });
            framed = Some(point.node);
        }
        let number = numbers.get(point).copied().unwrap_or_default();
        let name = point.column.as_deref().unwrap_or("(rows)");
        text.push_str(&match language {
            Diagram::Mermaid => format!("    c{number}[\"{}\"]\n", mermaid(name)),
            Diagram::Dot => format!("    c{number} [label=\"{}\"];\n", dot(name)),
        });
    }
    text.push_str(end);
    for edge in edges {
        let [read, reader] = [&edge.read, &edge.reader].map(|point| numbers.get(point).copied().unwrap_or_default());
        text.push_str(&match (language, edge.kind) {
            (Diagram::Mermaid, EdgeKind::Copy) => format!("  c{read} --> c{reader}\n"),
            (Diagram::Mermaid, EdgeKind::Transform) => format!("  c{read} ==> c{reader}\n"),
            (Diagram::Mermaid, EdgeKind::Inspect) => format!("  c{read} -.-> c{reader}\n"),
            (Diagram::Dot, EdgeKind::Copy) => format!("  c{read} -> c{reader};\n"),
            (Diagram::Dot, EdgeKind::Transform) => format!("  c{read} -> c{reader} [style=bold];\n"),
            (Diagram::Dot, EdgeKind::Inspect) => format!("  c{read} -> c{reader} [style=dashed];\n"),
        });
    }
    if language == Diagram::Dot {
        text.push_str("}\n");
    }
    text
}

/// A node: sources and seeds as drums, exposures as rounds, the rest as boxes.
fn box_of(id: NodeId, node: &Node, language: Diagram) -> String {
    let name = node.relation.as_ref().map_or(node.name.as_str(), |relation| &relation.name);
    match (language, node.kind) {
        (Diagram::Mermaid, NodeKind::Source | NodeKind::Seed) => format!("n{}[(\"{}\")]", id.0, mermaid(name)),
        (Diagram::Mermaid, NodeKind::Exposure) => format!("n{}([\"{}\"])", id.0, mermaid(name)),
        (Diagram::Mermaid, _) => format!("n{}[\"{}\"]", id.0, mermaid(name)),
        (Diagram::Dot, kind) => {
            let shape = match kind {
                NodeKind::Source | NodeKind::Seed => ", shape=cylinder",
                NodeKind::Exposure => ", shape=ellipse",
                _ => "",
            };
            format!("n{} [label=\"{}\"{shape}];", id.0, dot(name))
        }
    }
}

/// A text within quotes of Mermaid: what could end them, or be taken for markup, as numbers.
fn mermaid(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ' ');
    text.chars().map(|one| if plain(one) { one.to_string() } else { format!("#{};", u32::from(one)) }).collect()
}

/// A text within quotes of DOT.
fn dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::{dot, mermaid};

    #[test]
    fn no_name_ends_its_quotes() {
        assert_eq!(mermaid("a\"]--><b>水"), "a#34;#93;--#62;#60;b#62;水");
        assert_eq!(dot("a\"];\\\nb"), "a\\\"];\\\\ b");
    }
}
