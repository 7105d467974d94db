//! What the page tells, as plain data: the page's JavaScript knows these keys, and nothing else does.
//!
//! In: a compiled project, and what became of its last runs. Out: [`Content`]. Texts are as they were written, but for
//! descriptions, which are HTML that can do no harm. Never: a time of its own; the same project gives the same bytes.

mod column;
mod node;
mod past;

pub use past::Past;

use super::{layout, markdown};
use crate::{
    compile::Compilation,
    manifest::{NodeId, NodeKind},
};
use node::NodeContent;
use past::RunContent;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The docs block that stands on the start page.
const OVERVIEW: &str = "__overview__";

/// Everything that the page tells.
#[derive(Debug, Serialize)]
pub struct Content {
    suiro: &'static str,
    project: String,
    dialect: &'static str,
    target: String,
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    overview: Option<String>,
    nodes: Vec<NodeContent>,
    files: Vec<FileContent>,
    macros: Vec<MacroContent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunContent>,
    /// For edges that pass other columns of the graph: who is read, who reads, and `x`, `y`, … in between.
    bends: Vec<Vec<i64>>,
}

/// A file of SQL.
#[derive(Debug, Serialize)]
struct FileContent {
    path: String,
    text: String,
}

/// A macro.
#[derive(Debug, Serialize)]
struct MacroContent {
    name: String,
    path: String,
    text: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    built_in: bool,
}

/// What the page tells of a project.
#[must_use]
pub fn content(compilation: &Compilation, past: &Past) -> Content {
    let manifest = &compilation.manifest;
    let called: BTreeSet<&str> = manifest.iter().flat_map(|(id, _)| compilation.called_macros(id)).collect();
    let known = compilation.macros().filter(|known| !known.is_built_in || called.contains(known.name));
    let macros: Vec<MacroContent> = known
        .map(|known| MacroContent {
            name: known.name.to_owned(),
            path: known.path.to_owned(),
            text: known.text.to_owned(),
            built_in: known.is_built_in,
        })
        .collect();
    let paths: BTreeSet<&str> =
        manifest.iter().filter_map(|(id, _)| compilation.sql_file(id)).map(|file| file.path).collect();
    let about = node::About {
        compilation,
        past,
        tested: compilation.tested(),
        said: column::Said::of(compilation),
        macros: macros.iter().enumerate().map(|(index, known)| (known.name.clone(), index)).collect(),
        files: paths.iter().enumerate().map(|(index, path)| (*path, index)).collect(),
    };
    let mut nodes: Vec<NodeContent> =
        (0..manifest.nodes.len()).into_par_iter().map(|index| about.node(NodeId::of(index))).collect();
    let text = |path: &&str| {
        let file = compilation.sources.find(path);
        let text = file.map_or("", |file| compilation.sources.get(file).text());
        FileContent { path: (*path).to_owned(), text: text.to_owned() }
    };
    Content {
        suiro: env!("CARGO_PKG_VERSION"),
        project: manifest.project.clone(),
        dialect: manifest.dialect.title(),
        target: manifest.target.clone(),
        schema: manifest.schema.clone(),
        overview: compilation.project.docs.get(OVERVIEW).map(|text| markdown::html(text)),
        files: paths.iter().map(text).collect(),
        bends: draw(compilation, &mut nodes),
        nodes,
        macros,
        run: past.run(),
    }
}

/// Gives each node of the graph its place, and tells where long edges pass.
fn draw(compilation: &Compilation, nodes: &mut [NodeContent]) -> Vec<Vec<i64>> {
    let manifest = &compilation.manifest;
    let drawn: Vec<NodeId> =
        manifest.iter().filter(|(_, node)| node.kind != NodeKind::Test).map(|(id, _)| id).collect();
    let index: BTreeMap<NodeId, usize> = drawn.iter().enumerate().map(|(index, id)| (*id, index)).collect();
    let mut edges = Vec::new();
    for (to, id) in drawn.iter().enumerate() {
        edges.extend(manifest.node(*id).reads.iter().filter_map(|read| Some((*index.get(&read.node)?, to))));
    }
    let drawing = layout::draw(drawn.len(), &edges);
    for (id, place) in drawn.iter().zip(&drawing.places) {
        nodes[id.index()].at = Some(*place);
    }
    let bend = |(edge, through): &(usize, Vec<layout::Place>)| {
        let (from, to) = edges[*edge];
        let ends = [i64::from(drawn[from].0), i64::from(drawn[to].0)];
        ends.into_iter().chain(through.iter().flatten().map(|number| i64::from(*number))).collect()
    };
    drawing.bends.iter().map(bend).collect()
}
