//! One item of `unit_tests:`: its model rendered as the test wants it, and what stands in the place of what that reads.

use super::super::{
    edges::{Edges, Resolver},
    names::Meaning,
    nodes::Origin,
    reading::{Reading, Surroundings},
};
use crate::{
    diagnostic::{Diagnostic, code::BAD_UNIT_TEST},
    engine::without_end,
    manifest::{CompiledSql, Form, NodeId, NodeKind, UnitRows, UnitTest},
    name::NamePart,
    parse::{read_query, with_clause},
    project::{Fixture, Given, Model, UnitEntry},
    source::{Place, Span},
    template::called_name,
};
use std::collections::{BTreeMap, BTreeSet};

/// The SQL of a unit test, and what it gives and expects. It reads its model, and nothing else: that it is selected and
/// guarded with.
pub fn edges(resolver: &Resolver<'_>, entry: &UnitEntry, (readings, origins): (&[Reading], &[Origin])) -> Edges {
    let mut edges = Edges::default();
    let Some((id, reading)) = model(resolver, entry, (readings, origins), &mut edges.diagnostics) else { return edges };
    edges.reads.insert(id, (vec![entry.model.span], false));
    let written = entry.file.as_ref().map(|file| in_file(resolver, entry, file)).transpose();
    let entry = match &written {
        Ok(written) => written.as_ref().unwrap_or(entry),
        Err(problems) => {
            edges.diagnostics.extend(problems.iter().cloned());
            return edges;
        }
    };
    let found = Subject { resolver, entry, id }.compile(reading);
    match found {
        Ok((sql, unit)) => {
            edges.sql = Some(sql);
            edges.unit = Some(Box::new(unit));
        }
        Err(problems) => edges.diagnostics.extend(problems),
    }
    edges
}

/// A test with what its file of SQL gives and expects: each common table expression stands in the place of the relation
/// that is called like it, and the query is what comes out. An expression that no relation is called like is a part of
/// others.
fn in_file(resolver: &Resolver<'_>, entry: &UnitEntry, file: &Model) -> Result<UnitEntry, Vec<Diagnostic>> {
    let around = &resolver.around;
    let source = resolver.sources.get(file.file);
    let reading = around.read(file, source);
    let errors: Vec<Diagnostic> = reading.diagnostics.iter().filter(|found| found.is_error()).cloned().collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let Some(read) = reading.full.as_ref() else {
        let message = "the SQL of the unit test cannot be read";
        return Err(vec![Diagnostic::error(BAD_UNIT_TEST, message).at(entry.name.span, "")]);
    };
    let place = |range| around.place(&reading.model, source, (&read.rendered, false), range);
    if let Some(mention) = read.query.as_ref().and_then(|query| query.mentions().first()) {
        let name = mention.parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
        let message = format!("the rows of a unit test are given, and this one reads `{name}`");
        let problem = Diagnostic::error(BAD_UNIT_TEST, message).at_place(place(mention.range.clone()), "");
        return Err(vec![problem.help(format!("write its rows above: `with \"{name}\" as (select …)`"))]);
    }
    let dialect = around.project.target.dialect();
    let text = without_end(&read.rendered.text).trim_start();
    let given = match with_clause(text, dialect) {
        None => Vec::new(),
        Some(clause) => {
            let with = text.get(..clause.body).unwrap_or_default();
            let part = |name: &NamePart| {
                let this = name.value == "this";
                let known = this || meant(resolver, &name.value, Some(entry_model(resolver, entry)?)).is_some();
                let fixture = Fixture::Part { with: with.to_owned(), name: dialect.fold(name) };
                known.then(|| (Given::new(name.value.clone(), entry.name.span), fixture))
            };
            clause.names.iter().filter_map(part).collect()
        }
    };
    let whole = Span::new(file.file, file.sql_start..source.text().len());
    let expect = Fixture::Sql(Given::new(text.to_owned(), whole));
    Ok(UnitEntry { given, expect, ..entry.clone() })
}

fn entry_model(resolver: &Resolver<'_>, entry: &UnitEntry) -> Option<NodeId> {
    meant(resolver, &entry.model.value, None)
}

/// The model that a test is about.
fn model<'r>(
    resolver: &Resolver<'_>,
    entry: &UnitEntry,
    (readings, origins): (&'r [Reading], &[Origin]),
    found: &mut Vec<Diagnostic>,
) -> Option<(NodeId, &'r Reading)> {
    let place = || Place { span: entry.model.span, calls: Vec::new() };
    let Some(id) = meant(resolver, &entry.model.value, None) else {
        found.push(resolver.unknown(&entry.model.value, place()));
        return None;
    };
    match origins.get(id.index()) {
        Some(Origin::Model(index)) => Some((id, readings.get(*index)?)),
        _ => {
            let kind = resolver.nodes.get(id.index()).map_or("node", |node| node.kind.word());
            let message = format!("`{}` is a {kind}, and a unit test is about a model", entry.model.value);
            found.push(Diagnostic::error(BAD_UNIT_TEST, message).at(entry.model.span, "no model"));
            None
        }
    }
}

/// The node of a name, as people write it or as dbt's calls.
fn meant(resolver: &Resolver<'_>, written: &str, this: Option<NodeId>) -> Option<NodeId> {
    let schema = this.map_or("", |id| resolver.schema(id));
    let parts = called_name(written).map_or_else(|| super::super::parts(written.trim()), Vec::from);
    match resolver.names.meaning(&parts, schema, this) {
        Meaning::Node(id) => Some(id),
        _ => None,
    }
}

struct Subject<'a> {
    resolver: &'a Resolver<'a>,
    entry: &'a UnitEntry,
    id: NodeId,
}

impl Subject<'_> {
    fn compile(&self, reading: &Reading) -> Result<(CompiledSql, UnitTest), Vec<Diagnostic>> {
        let given = self.given()?;
        let sql = self.sql(reading)?;
        let missing = self.missing(&sql, &given);
        if !missing.is_empty() {
            let message = format!("`{}` reads relations that the test does not give", self.entry.model.value);
            let mut problem = Diagnostic::error(BAD_UNIT_TEST, message).at(self.entry.name.span, "");
            for name in &missing {
                problem = problem.note(format!("`{name}`"));
            }
            let first = missing.first().map_or("…", String::as_str);
            return Err(vec![problem.help(format!("write `- {{input: {first}, rows: []}}` below `given:`"))]);
        }
        let expect = self.rows(&self.entry.expect)?;
        let now = self.entry.now.as_ref().map(|now| now.value.clone());
        let window = self.entry.window;
        if sql.has_window() && window.is_none() {
            let message =
                format!("`{}` asks for the window of the run, and the test gives none", self.entry.model.value);
            let problem = Diagnostic::error(BAD_UNIT_TEST, message).at(self.entry.name.span, "");
            return Err(vec![problem.help("write `window: {start: 2026-01-31, end: 2026-02-01}` beside `model:`")]);
        }
        Ok((sql, UnitTest { model: self.id, given, expect, now, window }))
    }

    /// The model's SQL, rendered as the test wants it.
    fn sql(&self, reading: &Reading) -> Result<CompiledSql, Vec<Diagnostic>> {
        let (resolver, entry) = (self.resolver, self.entry);
        let scope = resolver.around.scope.with(&entry.vars, &entry.environment);
        let around = Surroundings { scope: &scope, ..resolver.around };
        let file = resolver.sources.get(reading.model.file);
        let own = around.read(&reading.model, file);
        let errors: Vec<Diagnostic> = own.diagnostics.iter().filter(|found| found.is_error()).cloned().collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let incremental = own.incremental.as_ref().filter(|_| entry.incremental);
        let Some(read) = incremental.or(own.full.as_ref()) else {
            let message = format!("the SQL of `{}` cannot be read, so it cannot be tested", entry.model.value);
            return Err(vec![Diagnostic::error(BAD_UNIT_TEST, message).at(entry.model.span, "")]);
        };
        let mut edges = Edges::default();
        let resolver = Resolver { around, ..*resolver };
        let sql = resolver.resolve(self.id, &own, (read, incremental.is_some()), &mut edges);
        sql.ok_or(edges.diagnostics)
    }

    fn given(&self) -> Result<BTreeMap<NodeId, UnitRows>, Vec<Diagnostic>> {
        let mut all = BTreeMap::new();
        let mut found = Vec::new();
        for (input, fixture) in &self.entry.given {
            let place = Place { span: input.span, calls: Vec::new() };
            let this = input.value.trim() == "this";
            let named = if this { Some(self.id) } else { meant(self.resolver, &input.value, Some(self.id)) };
            let Some(id) = named else {
                found.push(self.resolver.unknown(&input.value, place));
                continue;
            };
            match self.rows(fixture) {
                Ok(rows) => {
                    if all.insert(id, rows).is_some() {
                        let message = format!("the test gives `{}` twice", input.value);
                        found.push(Diagnostic::error(BAD_UNIT_TEST, message).at(input.span, "again"));
                    }
                }
                Err(problems) => found.extend(problems),
            }
        }
        if found.is_empty() { Ok(all) } else { Err(found) }
    }

    /// Rows of the test; a query has to stand by itself.
    fn rows(&self, fixture: &Fixture) -> Result<UnitRows, Vec<Diagnostic>> {
        let sql = match fixture {
            Fixture::Rows(rows, span) => return checked(rows, *span),
            Fixture::Part { with, name } => return Ok(UnitRows::Part { with: with.clone(), name: name.clone() }),
            Fixture::Sql(sql) => sql,
        };
        let around = &self.resolver.around;
        let wrong = |message: String| vec![Diagnostic::error(BAD_UNIT_TEST, message).at(sql.span, "")];
        let query = read_query(&sql.value, around.project.target.dialect(), around.referee).map_err(|problems| {
            let first = problems.first().map_or("it cannot be read", |problem| problem.message.as_str());
            wrong(format!("the SQL of the rows cannot be used: {first}"))
        })?;
        match query.mentions().first() {
            Some(mention) => {
                let name = mention.parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                Err(wrong(format!("the rows of a unit test are given, and this query reads `{name}`")))
            }
            None => Ok(UnitRows::Sql(without_end(&sql.value).trim_start().to_owned())),
        }
    }

    /// The relations that the SQL reads and that nothing is given for; ephemeral models are inlined unless given.
    fn missing(&self, sql: &CompiledSql, given: &BTreeMap<NodeId, UnitRows>) -> Vec<String> {
        let mut missing = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut edge: Vec<NodeId> = sql.relations().collect();
        while let Some(id) = edge.pop() {
            let Some(node) = self.resolver.nodes.get(id.index()) else { continue };
            if given.contains_key(&id) || !seen.insert(id) {
                continue;
            }
            if node.kind == NodeKind::Model && node.form() == Form::Ephemeral {
                edge.extend(self.inlined(id));
            } else {
                missing.insert(if id == self.id { "this".to_owned() } else { node.name.clone() });
            }
        }
        missing.into_iter().collect()
    }

    /// What an ephemeral model reads.
    fn inlined(&self, id: NodeId) -> Vec<NodeId> {
        let reads = self.resolver.nodes.get(id.index()).map(|node| &node.reads);
        reads.into_iter().flatten().map(|read| read.node).collect()
    }
}

/// Every row has to name columns.
fn checked(rows: &[serde_json::Map<String, serde_json::Value>], span: Span) -> Result<UnitRows, Vec<Diagnostic>> {
    match rows.iter().position(serde_json::Map::is_empty) {
        Some(at) => {
            let message = format!("row {} names no column", at + 1);
            Err(vec![Diagnostic::error(BAD_UNIT_TEST, message).at(span, "").help("write `- {id: 1}`")])
        }
        None => Ok(UnitRows::Rows(rows.to_vec())),
    }
}
