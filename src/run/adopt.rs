//! Taking over relations that exist: comparing them with what would be built, then writing mark and row in one
//! transaction.
//!
//! In: nodes whose relations are there. Out: [`Compared`] for each, and what is remembered of them. Never: a change of
//! a relation beyond its comment.

use super::{Request, Seeds, Session, Statements, context_of, database, published_sql_in, state};
use crate::{
    engine::{Connection, EngineError, LiveColumn, LiveRelation, without_end},
    manifest::{Manifest, NodeId, NodeKind},
    name::RelationName,
    plan::{Column, Staging, adopted_comment, column_differences},
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The rows of a relation against those that its SQL gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComparedRows {
    /// How many it has.
    pub rows: u64,
    /// How many of those that its SQL gives it lacks.
    pub missing: u64,
    /// How many it has that its SQL does not give.
    pub extra: u64,
}

/// A relation against what would be built in its place.
#[derive(Debug)]
pub struct Compared {
    /// How its columns differ, in words; or why that could not be told.
    pub columns: Result<Vec<String>, EngineError>,
    /// How its rows differ, where that was asked and its columns are the same; or why that could not be told.
    pub rows: Option<Result<ComparedRows, EngineError>>,
}

/// What relations are compared with.
#[derive(Clone, Copy)]
pub struct Comparing<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// What reads seeds.
    pub seeds: &'a dyn Seeds,
    /// The name that the database gives to itself, where names are to be qualified by it.
    pub database: Option<&'a str>,
    /// Whether rows are compared, too.
    pub data: bool,
}

/// Compares the live relation of a node, which has these columns, with what its SQL gives now.
pub fn compare(
    comparing: &Comparing<'_>,
    connection: &mut dyn Connection,
    id: NodeId,
    live: &[LiveColumn],
) -> Compared {
    let node = comparing.manifest.node(id);
    let found: Vec<Column> = live.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect();
    if node.kind == NodeKind::Seed {
        // The types of a seed are written in many ways.
        let columns = comparing.seeds.columns(id).unwrap_or_default();
        let types: BTreeMap<_, _> = found.iter().cloned().collect();
        let wanted: Vec<Column> = columns
            .into_iter()
            .map(|column| (column.name.clone(), types.get(&column.name).cloned().unwrap_or(column.data_type)))
            .collect();
        return Compared { columns: Ok(column_differences(&wanted, &found)), rows: None };
    }
    let window = node.time_range().map(|range| range.whole());
    let sql = node.sql.as_ref().map(|sql| published_sql_in(comparing.manifest, sql, comparing.database, window).text);
    let sql = sql.unwrap_or_default();
    let columns = connection.describe(&sql).map(|wanted| column_differences(&wanted, &found));
    let same = columns.as_ref().is_ok_and(Vec::is_empty) && !found.is_empty();
    let rows = (comparing.data && same).then(|| rows(comparing, connection, id, (&sql, &found)));
    Compared { columns, rows }
}

fn rows(
    comparing: &Comparing<'_>,
    connection: &mut dyn Connection,
    id: NodeId,
    (sql, columns): (&str, &[Column]),
) -> Result<ComparedRows, EngineError> {
    let relation = comparing.manifest.node(id).relation.clone();
    let live = relation.map(|relation| RelationName { database: comparing.database.map(Into::into), ..relation });
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values = json!({"columns": names, "query": without_end(sql), "live": live});
    let mut compared = ComparedRows { rows: 0, missing: 0, extra: 0 };
    for statement in state::step(comparing.statements, "compare", &values)? {
        for row in connection.query(&statement.text, None)?.rows {
            let mut numbers = row.into_iter().map(|value| value.and_then(|text| text.parse().ok()).unwrap_or_default());
            let mut next = || numbers.next().unwrap_or_default();
            compared = ComparedRows { rows: next(), missing: next(), extra: next() };
        }
    }
    Ok(compared)
}

/// Takes relations over: their comments get the mark, and the state a row for each. What is remembered stands in the
/// plan of the request; `rows` are those that were counted.
///
/// # Errors
/// When the database refuses any of it; then nothing was taken over.
pub fn adopt(
    request: &Request<'_>,
    relations: &BTreeMap<NodeId, LiveRelation>,
    rows: &BTreeMap<NodeId, u64>,
) -> Result<(), EngineError> {
    let (staging, none) = (Staging::default(), BTreeSet::new());
    let database = database(request.engine)?;
    let mut context = context_of(request, (&staging, &none, &none), database.as_deref());
    let mut session = Session::new(request.engine.connect(context.run)?, request.observer);
    context.recording.epoch = state::beginning(&context).begin(&mut session, None, request.chosen)?;
    context.recording.keeps = true;
    let nodes: Vec<NodeId> = relations.keys().copied().collect();
    let schemas: BTreeSet<&str> =
        nodes.iter().filter_map(|id| request.manifest.node(*id).relation.as_ref()).map(|name| &*name.schema).collect();
    let columns = session.connection.columns(&schemas.into_iter().collect::<Vec<_>>())?;
    let marked = relations.iter().filter_map(|(id, live)| {
        let relation = request.manifest.node(*id).relation.as_ref()?;
        Some(json!({
            "kind": live.kind.word(),
            "live": context.qualified(relation),
            "comment": adopted_comment(&request.manifest.project, relation, live.comment.as_deref()),
            "column_comments": {},
            "grants": null,
        }))
    });
    let mut statements = context.step("describe", &json!({"described": marked.collect::<Vec<_>>()}))?;
    let outcome = |(id, rows): (&NodeId, &u64)| (*id, state::Outcome { rows: Some(*rows), milliseconds: 0 });
    let outcomes = rows.iter().map(outcome).collect();
    statements.extend(state::record(&context, &nodes, (&BTreeMap::new(), &outcomes), (&columns, &BTreeMap::new()))?);
    let written = session.transaction(None, &statements);
    let status = if written.is_ok() { "done" } else { "failed" };
    drop(state::end(&context, &mut session, (status, &none), (&BTreeMap::new(), &BTreeMap::new())));
    written
}
