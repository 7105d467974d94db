//! The columns of models, and where they come from: along the graph, each model after what it reads.
//!
//! In: what the models read, and the columns that are declared, of seeds, or kept from the database. Out: columns and
//! origins on the nodes, and what is wrong with a query. Never: a finding that rests on columns that are not known.

use super::{
    findings,
    nodes::Origin,
    reading::{Read, Reading, Surroundings},
    tests::Tests,
};
use crate::{
    diagnostic::Diagnostic,
    dialect::Dialect,
    graph::Graph,
    lineage::{self, Answer, Finding, FindingKind, Known},
    manifest::{
        Column, ColumnLineage, ColumnOrigins, ColumnSource, CompiledSql, Form, Manifest, Node, NodeId, NodeKind,
        Rendering, SqlPart,
    },
    project,
    source::Sources,
};
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// What reading the columns needs.
pub(super) struct Inference<'a> {
    /// Rendering, to find places.
    pub around: Surroundings<'a>,
    /// All files.
    pub sources: &'a Sources,
    /// The models as they were read.
    pub readings: &'a [Reading],
    /// The tests.
    pub tests: &'a Tests,
    /// Where each node comes from.
    pub origins: &'a [Origin],
}

/// What is found of one node.
struct Inferred {
    columns: Option<Vec<Column>>,
    lineage: ColumnLineage,
    diagnostics: Vec<Diagnostic>,
}

impl Inference<'_> {
    /// Gives the nodes their columns and says what is wrong.
    pub(super) fn run(&self, manifest: &mut Manifest, graph: &Graph) -> Vec<Diagnostic> {
        let mut known: Vec<Option<Arc<Known>>> =
            manifest.nodes.iter().zip(self.origins).map(|(node, origin)| self.told(node, *origin)).collect();
        let mut diagnostics = Vec::new();
        for level in self.levels(manifest, graph) {
            let found: Vec<(NodeId, Inferred)> =
                level.par_iter().filter_map(|id| Some((*id, self.infer(manifest, *id, &known)?))).collect();
            for (id, inferred) in found {
                let Some(node) = manifest.nodes.get_mut(id.index()) else { continue };
                if node.kind == NodeKind::Model {
                    if let Some(columns) = inferred.columns {
                        let list = columns.iter().map(|column| {
                            (Arc::from(column.name.as_str()), column.data_type.as_deref().map(Arc::from))
                        });
                        known[id.index()] = Some(Arc::new(Known { columns: list.collect(), complete: true }));
                        node.columns = Some(columns);
                    }
                    node.lineage = Some(Box::new(inferred.lineage));
                }
                let error = inferred.diagnostics.iter().find(|found| found.is_error());
                node.error = node.error.take().or_else(|| error.map(|found| found.code.id.to_owned()));
                let label = self.reading(id).and_then(Reading::label);
                let named = |found: Diagnostic| found.of_node(node.name.clone()).of_instance(label);
                diagnostics.extend(inferred.diagnostics.into_iter().map(named));
            }
        }
        diagnostics
    }

    fn reading(&self, id: NodeId) -> Option<&Reading> {
        match self.origins.get(id.index())? {
            Origin::Model(index) => self.readings.get(*index),
            Origin::Singular(index) => self.tests.singular.get(*index),
            _ => None,
        }
    }

    /// The nodes that have a query of their own, those that read none of the others first.
    fn levels(&self, manifest: &Manifest, graph: &Graph) -> Vec<Vec<NodeId>> {
        let all: BTreeSet<NodeId> =
            manifest.iter().map(|(id, _)| id).filter(|id| self.reading(*id).is_some()).collect();
        let mut levels: Vec<Vec<NodeId>> = Vec::new();
        let mut level_of: HashMap<NodeId, usize> = HashMap::with_capacity(all.len());
        for id in graph.order(&all) {
            let above = graph.parents(id).filter_map(|parent| level_of.get(&parent)).max();
            let level = above.map_or(0, |above| above + 1);
            level_of.insert(id, level);
            if levels.len() <= level {
                levels.resize_with(level + 1, Vec::new);
            }
            if let Some(level) = levels.get_mut(level) {
                level.push(id);
            }
        }
        levels
    }

    /// What is told of a node's columns without reading its query.
    fn told(&self, node: &Node, origin: Origin) -> Option<Arc<Known>> {
        let dialect = self.around.project.target.dialect();
        let data_type = |written: Option<&str>| written.and_then(|written| lineage::type_name(dialect, written));
        if let Some(columns) = &node.columns {
            let list =
                columns.iter().map(|column| (Arc::from(column.name.as_str()), data_type(column.data_type.as_deref())));
            return Some(Arc::new(Known { columns: list.collect(), complete: true }));
        }
        // Some of them.
        let declared: &[project::Column] = match origin {
            Origin::Source(index) => &self.around.project.source_tables.get(index)?.columns,
            _ => return None,
        };
        let list = declared.iter().map(|column| {
            let data_type = data_type(column.data_type.as_ref().map(|given| given.value.as_str()));
            (Arc::from(column.name.value.as_str()), data_type)
        });
        Some(Arc::new(Known { columns: list.collect(), complete: false }))
    }

    fn infer(&self, manifest: &Manifest, id: NodeId, known: &[Option<Arc<Known>>]) -> Option<Inferred> {
        let node = manifest.nodes.get(id.index())?;
        let reading = self.reading(id)?;
        let is_relation = node.is_built();
        let mut inferred = Inferred { columns: None, lineage: ColumnLineage::default(), diagnostics: Vec::new() };
        let Some(full) = answer(node, (reading.full.as_ref(), Rendering::Full), known) else {
            inferred.lineage.unsupported = Some("its SQL could not be read in full".to_owned());
            return Some(inferred);
        };
        inferred.diagnostics = self.findings((manifest, is_relation), reading, (reading.full.as_ref(), false), &full);
        inferred.columns = columns(manifest.dialect, &full, reading);
        if let (Some(columns), Some(added)) = (&mut inferred.columns, node.snapshot_columns()) {
            let column = |name: String| Column { name, data_type: None, description: None };
            columns.extend(added.names().into_iter().map(column));
        }
        if let Some(columns) = &inferred.columns {
            inferred.diagnostics.extend(findings::not_there(columns, &reading.model.columns, &node.name));
        }
        inferred.lineage = origins(&full);
        if let Some(read) = &reading.incremental {
            // It reads its own rows, too.
            let mut own = known.to_vec();
            if let (Some(columns), Some(place)) = (&inferred.columns, own.get_mut(id.index())) {
                let list = columns.iter().map(|column| (Arc::from(column.name.as_str()), None));
                *place = Some(Arc::new(Known { columns: list.collect(), complete: true }));
            }
            match answer(node, (Some(read), Rendering::Incremental), &own) {
                Some(answer) => {
                    inferred.diagnostics.extend(self.findings(
                        (manifest, is_relation),
                        reading,
                        (Some(read), true),
                        &answer,
                    ));
                    add(&mut inferred.lineage, origins(&answer));
                }
                None => inferred.lineage.unsupported = Some("its increment could not be read in full".to_owned()),
            }
        }
        if node.form() == Form::Incremental {
            // Its rows are what earlier runs left.
            inferred.lineage.columns.iter_mut().for_each(|column| column.sources.retain(|source| source.node != id));
        }
        Some(inferred)
    }

    fn findings(
        &self,
        (manifest, is_relation): (&Manifest, bool),
        reading: &Reading,
        (read, incremental): (Option<&Read>, bool),
        answer: &Answer,
    ) -> Vec<Diagnostic> {
        let Some(read) = read else { return Vec::new() };
        let file = self.sources.get(reading.model.file);
        let place = |range: std::ops::Range<usize>| {
            self.around.place(&reading.model, file, (&read.rendered, incremental), range)
        };
        // A star that reaches no output column does no harm, and one over a model is told where that begins.
        let matters = |finding: &&Finding| match &finding.kind {
            FindingKind::StarOverUnknown { relation } => {
                let node = manifest.nodes.get(*relation as usize);
                !answer.complete && node.is_some_and(|node| node.kind == NodeKind::Source)
            }
            // A query that others read as a subquery may have two columns of one name.
            FindingKind::DuplicateColumn { .. } => is_relation,
            _ => true,
        };
        answer
            .findings
            .iter()
            .filter(matters)
            .map(|finding| findings::diagnostic(manifest, finding, place(finding.range.clone())))
            .collect()
    }
}

/// What the query of one rendering comes to.
fn answer(node: &Node, (read, rendering): (Option<&Read>, Rendering), known: &[Option<Arc<Known>>]) -> Option<Answer> {
    let query = read?.query.as_ref()?;
    let relations = relations(node.rendering(rendering)?);
    let unknown = Arc::new(Known::default());
    lineage::columns(query, &|byte| {
        let node = relations.get(&byte)?;
        let known = known.get(node.index()).and_then(Option::as_ref).unwrap_or(&unknown);
        Some((node.0, Arc::clone(known)))
    })
}

/// The nodes that a text reads, by the byte of their names.
fn relations(sql: &CompiledSql) -> BTreeMap<usize, NodeId> {
    let relation = |part: &SqlPart| match part {
        SqlPart::Relation { node, at } => Some((*at, *node)),
        _ => None,
    };
    sql.parts.iter().filter_map(relation).collect()
}

/// The columns of a model: those of its query, with what people say of them; nothing unless all are known.
fn columns(dialect: Dialect, answer: &Answer, reading: &Reading) -> Option<Vec<Column>> {
    if !answer.complete {
        return None;
    }
    let key = |name: &str| dialect.key(name);
    let column = |output: &lineage::Output| {
        let name = output.name.as_deref()?;
        let told = reading.model.columns.iter().find(|column| key(&column.name.value) == key(name));
        let declared = told.and_then(|column| column.data_type.as_ref()).map(|given| given.value.clone());
        Some(Column {
            name: name.to_owned(),
            data_type: output.data_type.as_deref().map(str::to_owned).or(declared),
            description: told.and_then(|column| column.description.clone()),
        })
    };
    let columns = answer.columns.iter().map(column).collect::<Option<Vec<_>>>()?;
    distinguished(dialect, columns)
}

/// The columns as the relation has them: of two with one name DuckDB calls the second `name_1`, PostgreSQL refuses them.
fn distinguished(dialect: Dialect, mut columns: Vec<Column>) -> Option<Vec<Column>> {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for column in &mut columns {
        let name = column.name.clone();
        let mut number = 0;
        while !seen.insert(dialect.key(&column.name)) {
            if dialect == Dialect::Postgres {
                return None;
            }
            number += 1;
            column.name = format!("{name}_{number}");
        }
    }
    Some(columns)
}

fn origins(answer: &Answer) -> ColumnLineage {
    let source = |origin: &lineage::Origin| ColumnSource {
        node: NodeId(origin.relation),
        column: origin.column.to_string(),
        kind: origin.kind,
        cast: origin.cast,
    };
    let column = |(at, output): (usize, &lineage::Output)| ColumnOrigins {
        name: output.name.as_ref().map_or_else(|| format!("column {}", at + 1), ToString::to_string),
        sources: output.origins.iter().map(source).collect(),
    };
    let assumed = || answer.assumed.then(|| "a name may be of one of several relations".to_owned());
    ColumnLineage {
        columns: answer.columns.iter().enumerate().map(column).collect(),
        inspected: answer.inspected.iter().map(source).collect(),
        stars: answer.stars.iter().copied().map(NodeId).collect(),
        unsupported: answer.doubt.clone().or_else(|| answer.doubt_of_rows.clone()).or_else(assumed),
    }
}

/// Adds what another rendering reads.
fn add(lineage: &mut ColumnLineage, other: ColumnLineage) {
    for column in other.columns {
        match lineage.columns.iter_mut().find(|known| known.name == column.name) {
            Some(known) => known.sources.extend(column.sources),
            None => lineage.columns.push(column),
        }
    }
    lineage.inspected.extend(other.inspected);
    lineage.stars.extend(other.stars);
    lineage.unsupported = lineage.unsupported.take().or(other.unsupported);
    for sources in lineage.columns.iter_mut().map(|column| &mut column.sources).chain([&mut lineage.inspected]) {
        sources.sort();
        sources.dedup();
    }
    lineage.stars.sort();
    lineage.stars.dedup();
}
