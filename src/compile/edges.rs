//! Who reads whom: the names in a model's SQL, resolved, and its SQL with holes in their place.

use super::{
    names::{self, Meaning, Names},
    reading::{Read, Reading, Surroundings, diagnose},
    window,
};
use crate::{
    diagnostic::{
        Diagnostic, closest,
        code::{AMBIGUOUS_RELATION, THREE_PART_NAME, UNKNOWN_RELATION},
    },
    dialect::Dialect,
    manifest::{self, CompiledSql, Form, Head, Node, NodeId, NodeKind, Site, SqlPart, TimeRange, UnitTest},
    parse::{Piece, Query, Replacement},
    project::{Exposure, UnknownRelations, WrittenName},
    source::{Place, Sources, Span},
};
use std::{collections::BTreeMap, ops::Range};

/// What a model reads and its SQL.
#[derive(Default)]
pub struct Edges {
    /// What it reads, by node, with every place.
    pub reads: BTreeMap<NodeId, (Vec<Span>, bool)>,
    /// The SQL of its full rendering.
    pub sql: Option<CompiledSql>,
    /// The SQL of its incremental rendering, where it differs.
    pub incremental_sql: Option<CompiledSql>,
    /// The node whose SQL it is, where that can be read itself.
    pub reader: Option<NodeId>,
    /// Whether one of its renderings reads its own live rows.
    pub reads_itself: bool,
    /// What is given and expected, in a unit test.
    pub unit: Option<Box<UnitTest>>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// What resolving needs.
#[derive(Clone, Copy)]
pub struct Resolver<'a> {
    /// Rendering, to find places.
    pub around: Surroundings<'a>,
    /// All files.
    pub sources: &'a Sources,
    /// The names of the project.
    pub names: &'a Names,
    /// Its nodes.
    pub nodes: &'a [Node],
}

/// One mention and what it means.
enum Resolved {
    Node(NodeId),
    AsWritten,
    Wrong,
}

impl Resolver<'_> {
    /// What the model of that node reads.
    #[must_use]
    pub fn edges(&self, id: NodeId, reading: &Reading) -> Edges {
        let mut edges = Edges { reader: Some(id), ..Edges::default() };
        self.declared(id, reading, &mut edges);
        if let Some(read) = &reading.full {
            edges.sql = self.resolve(id, reading, (read, false), &mut edges);
        }
        if let Some(read) = &reading.incremental {
            edges.incremental_sql = self.resolve(id, reading, (read, true), &mut edges);
        }
        edges
    }

    /// What `depends_on` names.
    fn declared(&self, id: NodeId, reading: &Reading, edges: &mut Edges) {
        let Some(setting) = reading.model.config.get("depends_on") else { return };
        for name in reading.model.config.texts("depends_on") {
            let name = WrittenName::read(name).unwrap_or_else(|| WrittenName::Plain(name.to_owned()));
            match self.names.written(&name, self.schema(id), Some(id)) {
                Meaning::Node(read) => edges.reads.entry(read).or_default().0.push(setting.span),
                _ => edges
                    .diagnostics
                    .push(self.unknown(&name.to_string(), Place { span: setting.span, calls: Vec::new() })),
            }
        }
    }

    /// The schema that a node stands in; empty for what stands in none.
    pub fn schema(&self, id: NodeId) -> &str {
        self.nodes[id.index()].relation.as_ref().map_or("", |relation| &relation.schema)
    }

    /// The SQL of one rendering of a model, and what it reads.
    pub fn resolve(
        &self,
        id: NodeId,
        reading: &Reading,
        (read, incremental): (&Read, bool),
        edges: &mut Edges,
    ) -> Option<CompiledSql> {
        let text = &read.rendered.text;
        let file = self.sources.get(reading.model.file);
        let place = |range: Range<usize>| self.around.place(&reading.model, file, (&read.rendered, incremental), range);
        let Some(query) = &read.query else {
            // Nothing could read it, and `depends_on` stands in: the text is sent as it is.
            let told = !reading.model.config.texts("depends_on").is_empty();
            let range = self.nodes[id.index()].time_range();
            return told.then(|| CompiledSql { head: Head::default(), parts: window::parts(text, 0, range.as_ref()) });
        };
        let before: Vec<NodeId> = edges.reads.keys().copied().collect();
        let this = (self.nodes[id.index()].kind != NodeKind::Test).then_some(id);
        let sql = self.resolve_text((text, query), (self.schema(id), this), &place, edges);
        if incremental {
            for (node, entry) in &mut edges.reads {
                entry.1 |= !before.contains(node);
            }
        }
        sql
    }

    /// The SQL of a query with holes for the nodes that it reads, as seen from a schema and, in a model, from itself.
    pub fn resolve_text(
        &self,
        (text, query): (&str, &Query),
        (schema, this): (&str, Option<NodeId>),
        place: &dyn Fn(Range<usize>) -> Place,
        edges: &mut Edges,
    ) -> Option<CompiledSql> {
        let mut resolved = Vec::with_capacity(query.mentions().len());
        for mention in query.mentions() {
            let there = || place(mention.range.clone());
            resolved.push(match self.names.meaning(&mention.parts, schema, this) {
                // Its own live rows: no edge, for it cannot wait for itself.
                Meaning::Node(found)
                    if edges.reader == Some(found) && self.nodes[found.index()].form() == Form::Incremental =>
                {
                    edges.reads_itself = true;
                    Resolved::Node(found)
                }
                Meaning::Node(found) => {
                    edges.reads.entry(found).or_default().0.push(there().span);
                    Resolved::Node(found)
                }
                Meaning::System => Resolved::AsWritten,
                Meaning::Ambiguous(candidates) => {
                    edges.diagnostics.push(self.ambiguous(&called(&mention.parts), &candidates, there()));
                    Resolved::Wrong
                }
                Meaning::OtherDatabase => {
                    edges.diagnostics.push(self.other_database(&called(&mention.parts), there()));
                    Resolved::Wrong
                }
                Meaning::Unknown => {
                    let diagnostic = self.unknown(&called(&mention.parts), there());
                    let tolerated = self.around.project.settings.allow_unknown_relations == UnknownRelations::Warn;
                    edges.diagnostics.push(if tolerated { diagnostic.as_warning() } else { diagnostic });
                    if tolerated { Resolved::AsWritten } else { Resolved::Wrong }
                }
            });
        }
        if resolved.iter().any(|found| matches!(found, Resolved::Wrong)) {
            return None;
        }
        let reader = this.map(|id| &self.nodes[id.index()]);
        let range = reader.and_then(Node::time_range);
        if range.is_none()
            && let Some(at) = window::first(text)
        {
            edges.diagnostics.push(window::without_range(reader).at_place(place(at), "no window"));
            return None;
        }
        match compiled(text, query, &resolved, (self.nodes, range.as_ref())) {
            Ok(sql) => Some(sql),
            Err(problems) => {
                edges.diagnostics.extend(problems.into_iter().map(|problem| {
                    let range = problem.range.clone();
                    diagnose(problem, place(range))
                }));
                None
            }
        }
    }

    /// What an exposure reads: the names that its YAML gives.
    #[must_use]
    pub fn exposure(&self, exposure: &Exposure) -> Edges {
        let mut edges = Edges::default();
        for name in &exposure.depends_on {
            match self.names.written(&name.value, "", None) {
                Meaning::Node(read) => edges.reads.entry(read).or_default().0.push(name.span),
                _ => edges
                    .diagnostics
                    .push(self.unknown(&name.value.to_string(), Place { span: name.span, calls: Vec::new() })),
            }
        }
        edges
    }

    /// What there is to say about a name that means nothing.
    pub fn unknown(&self, name: &str, place: Place) -> Diagnostic {
        let message = format!("there is no model, seed or source `{name}`");
        let mut diagnostic = Diagnostic::error(UNKNOWN_RELATION, message).at_place(place, "not known");
        let relations = || self.nodes.iter().filter_map(|node| node.relation.as_ref());
        let qualified: Vec<String> = relations().map(ToString::to_string).collect();
        let bare: Vec<&str> = relations().map(|relation| &*relation.name).collect();
        let last = name.rsplit('.').next().unwrap_or(name);
        let elsewhere: Vec<&str> = relations()
            .zip(&qualified)
            .filter(|(relation, _)| name.contains('.') && &*relation.name == last)
            .map(|(_, qualified)| qualified.as_str())
            .collect();
        let known =
            if name.contains('.') { closest(name, qualified.iter().map(String::as_str)) } else { closest(name, bare) };
        let instances = self.nodes.iter().filter(|node| node.instance_of.as_deref() == Some(last));
        let instances: Vec<&str> = instances.map(|node| node.name.as_str()).collect();
        if let [first, ..] = instances.as_slice() {
            return diagnostic
                .note(format!("the file of that name is built once for each of its {} instances", instances.len()))
                .help(format!("name one of them, such as `{first}`"));
        }
        let renamed = self.nodes.iter().find(|node| names::file(node) == Some(last) && !name.contains('.'));
        let renamed = renamed.and_then(|node| node.relation.as_ref()).map(ToString::to_string);
        if let Some(known) = renamed.as_deref().or(elsewhere.first().copied()).or(known) {
            diagnostic = diagnostic.help(format!("did you mean `{known}`?"));
        }
        diagnostic.help("a table that something else fills is declared in a YAML file below `sources:`")
    }

    fn other_database(&self, name: &str, place: Place) -> Diagnostic {
        let problem = Diagnostic::error(THREE_PART_NAME, format!("`{name}` reaches into another database"))
            .at_place(place, "three parts");
        let within = name.split_once('.').map_or(name, |(_, within)| within);
        let own = self.nodes.iter().filter_map(|node| node.relation.as_ref());
        if own.filter(|relation| relation.database.is_none()).any(|relation| relation.to_string() == within) {
            return problem.help(format!("write `{within}`; the target says which database"));
        }
        match self.around.project.target.dialect() {
            Dialect::DuckDb => {
                problem.help("attach the database in the target, and declare the table as a source with its `database`")
            }
            Dialect::Postgres => problem
                .note("a query in PostgreSQL cannot leave the database that it is connected to")
                .help("make it a foreign table of this database (postgres_fdw), and declare that as a source"),
        }
    }

    fn ambiguous(&self, name: &str, candidates: &[NodeId], place: Place) -> Diagnostic {
        let message = format!("`{name}` can mean {} relations", candidates.len());
        let mut diagnostic = Diagnostic::error(AMBIGUOUS_RELATION, message).at_place(place, "which one?");
        let relation = |id: &NodeId| self.nodes[id.index()].relation.as_ref().map(ToString::to_string);
        for candidate in candidates.iter().filter_map(relation) {
            diagnostic = diagnostic.note(format!("`{candidate}`"));
        }
        diagnostic.help("write the schema in front of the name")
    }

    /// The reads of a node as the manifest has them.
    #[must_use]
    pub fn sites(&self, edges: &Edges) -> Vec<manifest::Read> {
        let site = |span: &Span| {
            let file = self.sources.get(span.file);
            let place = file.line_column(span.start);
            Site { path: file.path().to_owned(), line: place.line, column: place.column }
        };
        edges
            .reads
            .iter()
            .map(|(node, (spans, incremental_only))| {
                let mut sites: Vec<Site> = spans.iter().map(site).collect();
                sites.sort();
                sites.dedup();
                manifest::Read { node: *node, sites, incremental_only: *incremental_only }
            })
            .collect()
    }
}

/// A written name as people say it: what `ref()` and `source()` print is undone.
fn called(parts: &[crate::name::NamePart]) -> String {
    use super::names::{REF_SCHEMA, SOURCE_SCHEMA, THIS_SCHEMA};
    match parts {
        [first, _] if first.value == THIS_SCHEMA => "this".to_owned(),
        [first, second] if first.value == REF_SCHEMA => second.value.clone(),
        [first, second] if first.value.starts_with(SOURCE_SCHEMA) => {
            format!("{}.{}", &first.value[SOURCE_SCHEMA.len()..], second.value)
        }
        parts => parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join("."),
    }
}

fn compiled(
    text: &str,
    query: &Query,
    resolved: &[Resolved],
    (nodes, range): (&[Node], Option<&TimeRange>),
) -> Result<CompiledSql, Vec<crate::parse::Problem>> {
    let node = |mention: usize| match resolved.get(mention) {
        Some(Resolved::Node(id)) => Some(*id),
        _ => None,
    };
    let pieces = query.pieces(|mention| {
        let node = &nodes[node(mention)?.index()];
        let columns = node.columns.as_ref().map(|columns| columns.iter().map(|column| column.name.clone()).collect());
        node.relation.clone().map(|relation| Replacement { relation, columns })
    })?;
    let mut parts = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            Piece::Written(bytes) => {
                parts.extend(window::parts(text.get(bytes.clone()).unwrap_or_default(), bytes.start, range));
            }
            Piece::Inserted(text) => parts.push(SqlPart::Inserted(text)),
            Piece::Relation { mention } => {
                let at = query.mentions().get(mention).map_or(0, |mention| mention.range.start);
                parts.extend(node(mention).map(|node| SqlPart::Relation { node, at }));
            }
        }
    }
    let head = query.head();
    Ok(CompiledSql { head: Head { at: head.at, with: head.with }, parts })
}
