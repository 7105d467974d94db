//! Asking the engine itself what the SQL of a model reads, before it is run.
//!
//! Names were replaced from two readings of the text; this is the third and last witness. A name that was missed would
//! read a published relation where a staged one is meant, or one that nobody meant: then the model is refused.

use super::{Context, operators, session::Session};
use crate::{
    diagnostic::{Diagnostic, code::WRONG_BINDING},
    dialect::Dialect,
    engine::EngineError,
    manifest::{CompiledSql, FilledSql, Node, NodeId, Rendering},
    name::RelationName,
    parse::relations_by_engine,
};
use serde_json::json;
use std::collections::BTreeSet;

/// Schema and name of a relation, as they are compared.
type Key = (String, String);

/// Refuses a model whose SQL the engine understands to read other relations than were meant.
///
/// # Errors
/// The outer one when the engine refuses the SQL altogether, with the statement that it refused; the inner one when
/// what it reads differs.
pub fn check(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    (rendering, sql): (Rendering, &FilledSql),
) -> Result<Result<(), Box<Diagnostic>>, (EngineError, super::Statement)> {
    let seen = match context.manifest.dialect {
        Dialect::DuckDb => context.referee.and_then(|referee| relations_by_engine(referee, &sql.text)).map(|names| {
            let key = |parts: &Vec<String>| {
                let mut parts = parts.iter().rev().map(String::as_str);
                let name = parts.next().unwrap_or_default();
                folded(context, parts.next().unwrap_or_default(), name)
            };
            names.iter().map(key).collect()
        }),
        Dialect::Postgres => match bound(context, session, id, sql)? {
            Some(Bound { view, operators, .. })
                if means_otherwise(context, session, (&view, &operators), &sql.text) =>
            {
                return Ok(Err(Box::new(hidden_operators(context, id, &operators))));
            }
            bound => bound.map(|bound| bound.seen),
        },
    };
    Ok(seen.map_or(Ok(()), |seen| compare(context, id, rendering, &seen)))
}

/// What PostgreSQL understands a model's SQL to read.
struct Bound {
    /// The relations.
    seen: BTreeSet<Key>,
    /// The schemas of the types of columns that are read whose operators the search path does not lead to.
    operators: BTreeSet<String>,
    /// The view by which that was found out; it is gone.
    view: RelationName,
}

impl Bound {
    fn read(&mut self, rows: Vec<Vec<Option<String>>>) {
        for row in rows {
            if let [Some(schema), Some(name), operators] = row.as_slice() {
                self.seen.insert((schema.clone(), name.clone()));
                self.operators.extend(operators.clone());
            }
        }
    }
}

/// Whether the SQL means something else where the search path leads to those schemas, too: a comparison of two `citext`
/// becomes one of two `text` where the operators of `citext` are not found, and nobody says so.
fn means_otherwise(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (view, operators): (&RelationName, &BTreeSet<String>),
    sql: &str,
) -> bool {
    if operators.is_empty() {
        return false;
    }
    let quoted = operators.iter().map(|schema| context.manifest.dialect.quote(schema));
    let path = quoted.collect::<Vec<_>>().join(", ");
    let other = RelationName { name: format!("{}_other", view.name).into(), ..view.clone() };
    let Ok(statements) = context.step("meaning", &json!({"one": view, "other": other, "path": path, "sql": sql}))
    else {
        return false;
    };
    let mut differs = false;
    for statement in &statements {
        let outcome = if statement.purpose == "differs" {
            session.connection.query(&statement.text, None).map(|rows| {
                let answer = rows.rows.into_iter().flatten().flatten().next();
                differs = answer.is_some_and(|answer| answer.starts_with('t'));
            })
        } else {
            session.execute(None, statement).map(|_| ())
        };
        if outcome.is_err() {
            break;
        }
    }
    // The search path is what it was, too.
    drop(session.control("rollback", "rollback to savepoint suiro_meaning"));
    differs
}

fn hidden_operators(context: &Context<'_>, id: NodeId, operators: &BTreeSet<String>) -> Diagnostic {
    let name = &context.manifest.node(id).name;
    let schemas: Vec<&str> = operators.iter().map(String::as_str).collect();
    let message = format!("the SQL of `{name}` uses types whose operators are not found, so it was not run");
    operators::hint(Diagnostic::error(WRONG_BINDING, message), &schemas).of_node(name)
}

/// What PostgreSQL records as the dependencies of a view of this SQL.
fn bound(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    sql: &FilledSql,
) -> Result<Option<Bound>, (EngineError, super::Statement)> {
    let Some(staged) = context.staging.relations.get(&id) else { return Ok(None) };
    let name = format!("__suiro_bind_{}", id.0);
    let view = RelationName { name: name.into(), ..staged.clone() };
    let nothing = |error| (error, super::Statement { purpose: "bind".to_owned(), text: String::new(), sql_at: None });
    let steps = context.step("bind", &json!({"view": view, "sql": sql.text})).map_err(nothing)?;
    let mut bound = Bound { seen: BTreeSet::new(), operators: BTreeSet::new(), view };
    for statement in steps {
        if statement.purpose == "bound" {
            let rows = session.connection.query(&statement.text, None).map_err(|error| (error, statement.clone()))?;
            bound.read(rows.rows);
        } else {
            session.execute(Some(id), &statement).map_err(|error| (error, statement.clone()))?;
        }
    }
    Ok(Some(bound))
}

fn folded(context: &Context<'_>, schema: &str, name: &str) -> Key {
    (context.manifest.dialect.key(schema), context.manifest.dialect.key(name))
}

/// The nodes whose relations a rendering names, those of inlined SQL in its place.
fn relations(context: &Context<'_>, node: &Node, rendering: Rendering) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut edge: Vec<NodeId> = node.rendering(rendering).into_iter().flat_map(CompiledSql::relations).collect();
    let mut seen = BTreeSet::new();
    while let Some(read) = edge.pop() {
        if !context.is_inlined(node, read) {
            found.insert(read);
        } else if seen.insert(read) {
            edge.extend(context.manifest.node(read).sql.iter().flat_map(CompiledSql::relations));
        }
    }
    found
}

/// Everything that was meant must be seen, and nothing else of the project.
fn compare(
    context: &Context<'_>,
    id: NodeId,
    rendering: Rendering,
    seen: &BTreeSet<Key>,
) -> Result<(), Box<Diagnostic>> {
    let name = &context.manifest.node(id).name;
    difference(context, name, &meant(context, id, rendering), seen)
}

/// What a rendering is meant to read.
fn meant(context: &Context<'_>, id: NodeId, rendering: Rendering) -> BTreeSet<Key> {
    let reads = relations(context, context.manifest.node(id), rendering).into_iter();
    let relations = reads.filter_map(|read| context.read_from(id, read));
    relations.map(|relation| folded(context, &relation.schema, &relation.name)).collect()
}

fn difference(
    context: &Context<'_>,
    name: &str,
    meant: &BTreeSet<Key>,
    seen: &BTreeSet<Key>,
) -> Result<(), Box<Diagnostic>> {
    let key = |relation: &RelationName| folded(context, &relation.schema, &relation.name);
    if seen == meant {
        return Ok(());
    }
    let published = context.manifest.nodes.iter().filter_map(|node| node.relation.as_ref());
    let ours: BTreeSet<Key> = published.chain(context.staging.relations.values()).map(key).collect();
    let missed = meant.difference(seen).map(|(schema, name)| format!("it should read `{schema}.{name}` and does not"));
    let extra = seen
        .difference(meant)
        .filter(|found| ours.contains(*found))
        .map(|(schema, name)| format!("it would read `{schema}.{name}`, which suiro did not see"));
    let differences: Vec<String> = missed.chain(extra).collect();
    if differences.is_empty() {
        return Ok(());
    }
    let mut diagnostic = Diagnostic::error(
        WRONG_BINDING,
        format!("the database understands the SQL of `{name}` differently, so it was not run"),
    );
    diagnostic.notes = differences;
    Err(Box::new(
        diagnostic
            .help("give every relation an alias and write columns as `alias.column`; if that does not help, report it")
            .of_node(name),
    ))
}

/// Refuses tests whose SQL the engine understands to read other relations than were meant; `statement` holds all of it.
///
/// # Errors
/// The outer one when the engine refuses the SQL altogether, the inner one when what it reads differs.
pub fn check_tests(
    context: &Context<'_>,
    session: &mut Session<'_>,
    tests: &[NodeId],
    statement: &super::Statement,
) -> Result<Result<(), Box<Diagnostic>>, EngineError> {
    let seen: BTreeSet<Key> = match context.manifest.dialect {
        Dialect::DuckDb => {
            let Some(names) = context.referee.and_then(|referee| relations_by_engine(referee, &statement.text)) else {
                return Ok(Ok(()));
            };
            let key = |parts: &Vec<String>| {
                let mut parts = parts.iter().rev().map(String::as_str);
                let name = parts.next().unwrap_or_default();
                folded(context, parts.next().unwrap_or_default(), name)
            };
            names.iter().map(key).collect()
        }
        Dialect::Postgres => {
            // Where nothing is staged, a session may still have views of its own.
            let schema = context.staging.schemas.first().map(String::as_str);
            if schema.is_none() && !context.hides_operators {
                return Ok(Ok(()));
            }
            let first = tests.first().map_or(0, |id| id.0);
            let view = RelationName::new(schema.unwrap_or("pg_temp"), format!("__suiro_bind_{first}"));
            session.control("begin", "begin transaction read write")?;
            let (mut seen, mut hidden) = (BTreeSet::new(), BTreeSet::new());
            let mut bound = || {
                for part in context.step("bind", &json!({"view": view, "sql": statement.text}))? {
                    if part.purpose == "bound" {
                        for row in session.connection.query(&part.text, None)?.rows {
                            if let [Some(schema), Some(name), operators] = row.as_slice() {
                                seen.insert((schema.clone(), name.clone()));
                                hidden.extend(operators.clone());
                            }
                        }
                    } else {
                        session.execute(None, &part).map_err(|mut error| {
                            let before = part.sql_at.unwrap_or(0);
                            error.position = error.position.and_then(|position| position.checked_sub(before));
                            error
                        })?;
                    }
                }
                Ok(())
            };
            let outcome: Result<(), EngineError> = bound();
            let otherwise = outcome.is_ok() && means_otherwise(context, session, (&view, &hidden), &statement.text);
            session.control("rollback", "rollback")?;
            if otherwise && let Some(first) = tests.first() {
                return Ok(Err(Box::new(hidden_operators(context, *first, &hidden))));
            }
            match (schema, outcome) {
                // A role that may have no views of its own is told nothing; the test will speak for itself.
                (None, _) => return Ok(Ok(())),
                (Some(_), Err(error)) => return Err(error),
                (Some(_), Ok(())) => seen,
            }
        }
    };
    let meant: BTreeSet<Key> = tests.iter().flat_map(|id| meant(context, *id, Rendering::Full)).collect();
    let nodes = tests.iter().map(|id| context.manifest.node(*id));
    let name = nodes.map(|node| node.name.as_str()).collect::<Vec<_>>().join("`, `");
    Ok(difference(context, &name, &meant, &seen))
}
