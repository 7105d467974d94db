//! Putting a cut in the place of what is live: one transaction, all locks first.
//!
//! A cut is a set of built nodes. Everything that publishing sends to the database comes from the one function
//! [`statements`], which turns a cut into statements by the dialect's template.

use super::{
    Context, Event, Statement,
    lock::{self, Locked},
    open_control,
    session::{Session, refusal},
};
use crate::{
    diagnostic::{Diagnostic, code::DEPENDENT_IN_THE_WAY},
    dialect::Dialect,
    engine::{Dependent, EngineError, FailureKind, LiveCatalog, LiveColumn, LiveRelation, RelationKind},
    manifest::{Node, NodeId, NodeKind},
    name::RelationName,
    plan::{is_ours, mark, staging_mark},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

/// How often a publish is tried when it fails for a reason that passes.
const ATTEMPTS: u32 = 5;

/// A set of built nodes that appears at once, and what stands in its place now.
struct Cut<'a> {
    /// The nodes, each behind what it reads.
    nodes: &'a [NodeId],
    /// What the database has, read before anything is locked.
    live: &'a LiveCatalog,
    /// The columns of live and staged relations.
    columns: &'a BTreeMap<RelationName, Vec<LiveColumn>>,
}

/// A live relation that has to make room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retired {
    /// What it is, in the words of `DROP`.
    pub kind: &'static str,
    /// Where it stands after the publish.
    pub name: RelationName,
}

/// Publishes these nodes, which stand in building order, as one cut.
///
/// # Errors
/// What keeps the cut from being published; everything live is as it was.
pub fn publish<'a>(
    context: &Context<'a>,
    session: &mut Session<'a>,
    nodes: &[NodeId],
) -> Result<Vec<Retired>, Diagnostic> {
    let start = Instant::now();
    context.observer.observe(&Event::Publishing { relations: nodes.len() });
    let mut attempt = 0;
    loop {
        attempt += 1;
        let failure = match try_publish(context, session, nodes) {
            Ok(retired) => {
                context.observer.observe(&Event::Published { relations: nodes.len(), elapsed: start.elapsed() });
                return Ok(retired);
            }
            Err(failure) => failure,
        };
        let _rolled_back = session.control("rollback", "rollback");
        match failure {
            Failure::Theirs(error, _) if error.may_pass() && attempt < ATTEMPTS && !context.stop.is_stopped() => {
                let pause = Duration::from_millis(50 << attempt);
                context.observer.observe(&Event::Retrying { node: None, attempt, why: &error.message, pause });
                thread::sleep(pause);
                if error.kind == FailureKind::Connection
                    && let Ok(again) = open_control(context)
                {
                    *session = again;
                }
            }
            Failure::Theirs(error, what) => return Err(refusal(&error, &what)),
            Failure::Commit(error) => return Err(not_committed(&error)),
            Failure::Ours(diagnostic) => return Err(*diagnostic),
        }
    }
}

enum Failure {
    Ours(Box<Diagnostic>),
    Theirs(Box<EngineError>, String),
    /// The answer to COMMIT; without one, nobody knows.
    Commit(Box<EngineError>),
}

fn not_committed(error: &EngineError) -> Diagnostic {
    let diagnostic = refusal(error, "the publish could not be committed");
    if error.kind != FailureKind::Connection {
        return diagnostic;
    }
    diagnostic.note("either all of it was published or nothing").help("run the build again: it makes sure")
}

fn try_publish(context: &Context<'_>, session: &mut Session<'_>, nodes: &[NodeId]) -> Result<Vec<Retired>, Failure> {
    let theirs = |what: &str| {
        let what = what.to_owned();
        move |error| Failure::Theirs(Box::new(error), what)
    };
    let schemas = schemas(context, nodes);
    let schemas: Vec<&str> = schemas.iter().map(String::as_str).collect();
    let unreadable = || theirs("the catalog could not be read");
    let live = session.connection.catalog(&schemas).map_err(unreadable())?;
    let columns = session.connection.columns(&schemas).map_err(unreadable())?;
    let cut = Cut { nodes, live: &live, columns: &columns };
    let replaced = replaced(context, &cut);

    match lock::begin_with_locks(context, session, &replaced).map_err(theirs("the publish could not begin"))? {
        Locked::All => {}
        Locked::No(diagnostic) => return Err(Failure::Ours(diagnostic)),
    }
    let rebind =
        rebind(context, session, &cut).map_err(theirs("what depends on the old versions could not be read"))?;
    let grants = grants(context, session, &cut).map_err(theirs("the rights on the old versions could not be read"))?;
    let statements = statements(context, &cut, &Carried { rebind, grants })
        .map_err(|mut problems| Failure::Ours(Box::new(problems.pop().unwrap_or_else(no_statements))))?;
    for statement in &statements {
        session.execute(None, statement).map_err(theirs("the publish was refused"))?;
    }
    let retired = retired(context, &cut);
    refuse_left_behind(context, session, &retired).map_err(|failure| match failure {
        LeftBehind::Unknown(error) => theirs("the catalog could not be read")(error),
        LeftBehind::Dependents(diagnostic) => Failure::Ours(diagnostic),
    })?;
    // COMMIT is a message of its own: a lost answer can then mean one thing only.
    session.control("commit", "commit").map_err(|error| Failure::Commit(Box::new(error)))?;
    Ok(retired)
}

fn no_statements() -> Diagnostic {
    Diagnostic::error(crate::diagnostic::code::BUG, "the publish has no statements")
}

enum LeftBehind {
    Unknown(EngineError),
    Dependents(Box<Diagnostic>),
}

/// Refuses, before the commit, a publish that would leave something bound to an old version.
///
/// The plan has looked already; this looks again under the locks, so that nothing made in between is lost.
fn refuse_left_behind(context: &Context<'_>, session: &mut Session<'_>, retired: &[Retired]) -> Result<(), LeftBehind> {
    let schemas: BTreeSet<&str> = retired.iter().map(|old| &*old.name.schema).collect();
    if schemas.is_empty() || context.manifest.dialect == Dialect::DuckDb {
        return Ok(());
    }
    let schemas: Vec<&str> = schemas.into_iter().collect();
    let catalog = session.connection.catalog(&schemas).map_err(LeftBehind::Unknown)?;
    let names: BTreeSet<&RelationName> = retired.iter().map(|old| &old.name).collect();
    let left = |relation: &Option<RelationName>| relation.as_ref().is_none_or(|relation| !names.contains(relation));
    let strangers: Vec<_> = catalog.dependents.iter().filter(|found| left(&found.relation)).collect();
    if strangers.is_empty() {
        return Ok(());
    }
    let mut diagnostic = Diagnostic::error(
        DEPENDENT_IN_THE_WAY,
        "nothing was published: something that is not ours came to depend on a relation to be replaced",
    );
    for stranger in strangers {
        diagnostic =
            diagnostic.note(format!("{} `{}` depends on `{}`", stranger.kind, stranger.name, stranger.on.name));
    }
    Err(LeftBehind::Dependents(Box::new(diagnostic.help("run the build again: its plan will list them"))))
}

/// The schemas that matter to a cut: where its relations stand, and where they are staged.
fn schemas(context: &Context<'_>, nodes: &[NodeId]) -> BTreeSet<String> {
    let live = nodes.iter().filter_map(|id| context.manifest.node(*id).relation.as_ref());
    let staged = nodes.iter().filter_map(|id| context.staging.relations.get(id));
    // An earlier cut of the same run may have made the schemas for what it replaced.
    let retired = context.staging.retired.values().cloned();
    live.chain(staged).map(|relation| relation.schema.to_string()).chain(retired).collect()
}

/// The live relations that the cut replaces, with their names.
fn replaced<'a>(context: &'a Context<'_>, cut: &Cut<'a>) -> Vec<(&'a RelationName, &'a LiveRelation)> {
    cut.nodes
        .iter()
        .filter_map(|id| context.manifest.node(*id).relation.as_ref())
        .filter_map(|relation| cut.live.relations.get_key_value(relation))
        .collect()
}

fn is_view(node: &Node) -> bool {
    node.kind == NodeKind::Model && node.materialized.as_deref() == Some("view")
}

fn word(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized view",
        RelationKind::Table | RelationKind::Other => "table",
    }
}

/// Whether `CREATE OR REPLACE VIEW` will do: the live relation is a view, and its columns are the first of the new one.
///
/// DuckDB replaces any view by any other.
fn can_be_replaced(context: &Context<'_>, cut: &Cut<'_>, id: NodeId, live: &LiveRelation) -> bool {
    if !is_view(context.manifest.node(id)) || live.kind != RelationKind::View {
        return false;
    }
    if context.manifest.dialect == Dialect::DuckDb {
        return true;
    }
    let columns = |relation: Option<&RelationName>| relation.and_then(|relation| cut.columns.get(relation));
    match (columns(context.manifest.node(id).relation.as_ref()), columns(context.staging.relations.get(&id))) {
        (Some(old), Some(new)) => {
            let named = |columns: &[LiveColumn]| -> Vec<(String, String)> {
                columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect()
            };
            named(new).starts_with(&named(old))
        }
        _ => false,
    }
}

/// The live relations that have to make room, under the names that they have afterwards.
fn retired(context: &Context<'_>, cut: &Cut<'_>) -> Vec<Retired> {
    let out_of_the_way = |id: &NodeId| {
        let relation = context.manifest.node(*id).relation.as_ref()?;
        let live = cut.live.relations.get(relation)?;
        if can_be_replaced(context, cut, *id, live) {
            return None;
        }
        let schema = context.staging.retired.get(&*relation.schema);
        let name =
            schema.map_or_else(|| relation.clone(), |schema| RelationName::new(schema.as_str(), relation.name.clone()));
        Some(Retired { kind: word(live.kind), name })
    };
    cut.nodes.iter().filter_map(out_of_the_way).collect()
}

/// The statements that bind the project's own views outside the cut to the new versions of what they read.
fn rebind(context: &Context<'_>, session: &mut Session<'_>, cut: &Cut<'_>) -> Result<Vec<String>, EngineError> {
    let relations = || cut.nodes.iter().filter_map(|id| Some((*id, context.manifest.node(*id).relation.as_ref()?)));
    let in_cut: BTreeSet<&RelationName> = relations().map(|(_, relation)| relation).collect();
    let moves = |id: NodeId, relation: &RelationName| {
        cut.live.relations.get(relation).is_some_and(|live| !can_be_replaced(context, cut, id, live))
    };
    let replaced: BTreeSet<&RelationName> =
        relations().filter(|(id, relation)| moves(*id, relation)).map(|(_, relation)| relation).collect();
    let ours = |found: &Dependent| {
        let relation = found.relation.as_ref().filter(|relation| !in_cut.contains(relation));
        relation.is_some_and(|relation| is_ours(&context.manifest.project, relation, found.comment.as_deref()))
    };
    let dependents: Vec<Dependent> =
        cut.live.dependents.iter().filter(|found| replaced.contains(&found.on) && ours(found)).cloned().collect();
    if dependents.is_empty() {
        return Ok(Vec::new());
    }
    let statements = session.connection.rebind(&dependents)?;
    // A view that reads two replaced relations is bound again once.
    Ok(statements.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect())
}

/// The statements that give the new versions the rights that others have on the old ones.
fn grants(context: &Context<'_>, session: &mut Session<'_>, cut: &Cut<'_>) -> Result<Vec<String>, EngineError> {
    let moved = |id: &&NodeId| {
        let relation = context.manifest.node(**id).relation.as_ref();
        let live = relation.and_then(|relation| cut.live.relations.get(relation));
        live.is_some_and(|live| !can_be_replaced(context, cut, **id, live))
    };
    let relations: Vec<_> =
        cut.nodes.iter().filter(moved).filter_map(|id| context.manifest.node(*id).relation.as_ref()).collect();
    let mut grants = Vec::new();
    if !relations.is_empty() {
        for statement in context.step("grants", &json!({ "relations": relations }))? {
            grants.extend(session.connection.query(&statement.text, None)?.rows.into_iter().flatten().flatten());
        }
    }
    Ok(grants)
}

/// What hangs on the old versions and is given to the new ones, as statements.
struct Carried {
    rebind: Vec<String>,
    grants: Vec<String>,
}

/// The one function from a cut to statements.
fn statements(context: &Context<'_>, cut: &Cut<'_>, carried: &Carried) -> Result<Vec<Statement>, Vec<Diagnostic>> {
    let (mut retire, mut tables, mut views, mut staged_views) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    let mut retired_schemas: BTreeMap<&str, Value> = BTreeMap::new();
    for id in cut.nodes {
        let node = context.manifest.node(*id);
        let (Some(relation), Some(staged)) = (&node.relation, context.staging.relations.get(id)) else { continue };
        let live = context.qualified(relation);
        if !cut.live.schemas.contains(&*relation.schema) {
            missing.insert(&relation.schema);
        }
        if let Some(old) = cut.live.relations.get(relation)
            && !can_be_replaced(context, cut, *id, old)
        {
            let schema = context.staging.retired.get(&*relation.schema);
            if let Some(schema) = schema
                && !cut.live.schemas.contains(schema)
            {
                let mark = staging_mark(&context.manifest.project, context.run);
                retired_schemas.insert(schema, json!({"name": schema, "mark": mark}));
            }
            retire.push(json!({"kind": word(old.kind), "live": live, "schema": schema}));
        }
        if is_view(node) {
            let sql = context.published_sql(node).unwrap_or_default().text;
            let mark = mark(&context.manifest.project, relation);
            views.push(json!({"live": live, "sql": sql, "mark": mark}));
            staged_views.push(json!(context.qualified(staged)));
        } else {
            tables.push(json!({"staged": context.qualified(staged), "live": live}));
        }
    }
    // Views are dropped before what they read.
    staged_views.reverse();
    context.statements.publish(
        "cut",
        &json!({
            "database": context.database,
            "schemas": missing,
            "retired_schemas": retired_schemas.values().collect::<Vec<_>>(),
            "retire": retire,
            "tables": tables,
            "views": views,
            "rebind": carried.rebind,
            "grants": carried.grants,
            "staged_views": staged_views,
        }),
    )
}
