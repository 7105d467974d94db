//! What people wrote about nodes that only documentation asks for.
//!
//! In: a node. Out: the text of its file, what is said about its columns, the macros that its template calls. Never: a
//! judgement.

use super::{Compilation, Origin};
use crate::{
    manifest::{Node, NodeId, Site},
    project::{Column, Location},
    source::Span,
    template::WrittenMacro,
};
use std::collections::{BTreeMap, BTreeSet};

/// A file as it is written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenFile<'a> {
    /// Its path relative to the project.
    pub path: &'a str,
    /// All of its text.
    pub text: &'a str,
}

impl Compilation {
    /// The file of SQL that a node stands in.
    #[must_use]
    pub fn sql_file(&self, id: NodeId) -> Option<WrittenFile<'_>> {
        let file = self.sources.get(self.reading(id)?.model.file);
        Some(WrittenFile { path: file.path(), text: file.text() })
    }

    /// What is said about the columns of a node, in the order in which it is written.
    #[must_use]
    pub fn described_columns(&self, id: NodeId) -> &[Column] {
        match self.origins.get(id.index()) {
            Some(Origin::Model(index)) => self.readings.get(*index).map_or(&[], |reading| &reading.model.columns),
            Some(Origin::Seed(index)) => self.project.seeds.get(*index).map_or(&[], |seed| &seed.columns),
            Some(Origin::Source(index)) => self.project.source_tables.get(*index).map_or(&[], |table| &table.columns),
            _ => &[],
        }
    }

    /// What is said about the source that a table belongs to.
    #[must_use]
    pub fn source_description(&self, id: NodeId) -> Option<&str> {
        match self.origins.get(id.index())? {
            Origin::Source(index) => self.project.source_tables.get(*index)?.source_description.as_deref(),
            _ => None,
        }
    }

    /// The files that are read by the name of a source.
    #[must_use]
    pub fn source_location(&self, id: NodeId) -> Option<&Location> {
        match self.origins.get(id.index())? {
            Origin::Source(index) => self.project.source_tables.get(*index)?.location.as_ref(),
            _ => None,
        }
    }

    /// What an exposure is called for people.
    #[must_use]
    pub fn exposure_label(&self, id: NodeId) -> Option<&str> {
        match self.origins.get(id.index())? {
            Origin::Exposure(index) => self.project.exposures.get(*index)?.label.as_deref(),
            _ => None,
        }
    }

    /// For each test that is written beside a node, that node; a test that is a file of SQL is beside none.
    #[must_use]
    pub fn tested(&self) -> BTreeMap<NodeId, NodeId> {
        let ids: BTreeMap<Origin, NodeId> =
            self.origins.iter().enumerate().map(|(index, origin)| (*origin, NodeId::of(index))).collect();
        let on = |(id, node): (NodeId, &Node)| {
            let tested = match self.origins.get(id.index())? {
                Origin::Generic(index) => *ids.get(&self.tests.generic.get(*index)?.on)?,
                Origin::Unit(_) => node.test.as_ref()?.unit.as_ref()?.model,
                _ => return None,
            };
            Some((id, tested))
        };
        self.manifest.iter().filter_map(on).collect()
    }

    /// The macros that a node's template calls.
    #[must_use]
    pub fn called_macros(&self, id: NodeId) -> BTreeSet<&str> {
        let reading = self.reading(id);
        let both = reading.into_iter().flat_map(|reading| [&reading.full, &reading.incremental]).flatten();
        both.flat_map(|read| read.rendered.recorded.macros.iter().map(String::as_str)).collect()
    }

    /// Every macro that models can call, by name.
    pub fn macros(&self) -> impl Iterator<Item = WrittenMacro<'_>> {
        self.renderer.macros()
    }

    /// The bytes of a name that is written at that place.
    #[must_use]
    pub fn written_name(&self, site: &Site) -> Option<Span> {
        self.span(site)
    }
}
