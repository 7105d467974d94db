//! Room for staging before a run, and nothing left of it afterwards.
//!
//! A run that was killed leaves staged relations behind. Only what carries the project's staging mark and belongs to no
//! living run is removed, one relation at a time, never with CASCADE.

use super::{
    Context, Session, Statements, database, discard, lost, open_control,
    publish::Retired,
    resume::{self, Left, Resumed},
    room,
};
use crate::{
    diagnostic::{Diagnostic, code::STATEMENT_REFUSED},
    dialect::Dialect,
    engine::{Connection, Engine, EngineError, FailureKind, LiveCatalog, LiveRelation, RelationKind},
    manifest::Manifest,
    name::RelationName,
    plan::{self, is_ours, staging_mark},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Begins the names of everything that is staged.
const PREFIX: &str = "__suiro_";

/// Says to other runs that this one is alive, for as long as the session lives. The session that said so before may
/// live on at the server, which has not noticed that its client is gone; it is ended, so that nothing of it comes late.
///
/// # Errors
/// When that session does not end.
pub fn claim_run(context: &Context<'_>, session: &mut Session<'_>) -> Result<(), EngineError> {
    // The lock of a DuckDB file says it there: the claim is always had.
    while !claim(context, session, &[context.run])? {
        let values = json!({"process": Value::Null, "key": key(&[context.run])});
        lost::until(context, session, &values)?;
    }
    Ok(())
}

/// Makes the schemas to stage in, and removes what dead runs left, but what this run can use of it.
pub fn prepare(context: &Context<'_>, session: &mut Session<'_>) -> Result<Resumed, EngineError> {
    let staged = context.staging.schemas.iter().map(String::as_str);
    let schemas: BTreeSet<&str> = staged.chain(super::look::schemas(context.manifest)).collect();
    let schemas: Vec<&str> = schemas.into_iter().collect();
    let live = session.connection.catalog(&schemas)?;
    if context.staging_schemas.is_empty() {
        make_schemas(context, session, &live)?;
    }
    // A run that only removes has begun nothing, and its state may be one that has no notes.
    let notes = if context.recording.epoch > 0 { resume::left(context, session)? } else { Vec::new() };
    match context.manifest.dialect {
        Dialect::Postgres => {
            let resumed = sweep_schemas(context, session, &notes)?;
            if !context.staging_schemas.is_empty() {
                room::sweep(context, session)?;
            }
            Ok(resumed)
        }
        Dialect::DuckDb => sweep_relations(context, session, (&notes, &live)),
    }
}

/// On DuckDB whatever is staged by another run belongs to a dead one.
fn sweep_relations(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (notes, live): (&[Left], &LiveCatalog),
) -> Result<Resumed, EngineError> {
    let left: BTreeMap<RelationName, RelationKind> = live
        .relations
        .iter()
        .filter(|(name, found)| is_staged(context.manifest, name, found))
        .map(|(name, found)| (name.clone(), found.kind))
        .collect();
    let mut resumed = Resumed::default();
    resumed.take(context, session, (notes, &left.keys().cloned().collect()))?;
    let dropped: Vec<(RelationName, RelationKind)> =
        left.into_iter().filter(|(name, _)| !resumed.stays(name)).collect();
    discard::relations_and_schemas(context, session, &in_dropping_order(&dropped), &[])?;
    let runs: BTreeSet<&str> = notes.iter().map(|one| one.run.as_str()).filter(|run| *run != context.run).collect();
    for run in runs {
        resume::forget(context, session, (run, &resumed.kept))?;
    }
    Ok(resumed)
}

fn make_schemas(context: &Context<'_>, session: &mut Session<'_>, live: &LiveCatalog) -> Result<(), EngineError> {
    let missing: Vec<_> = context
        .staging
        .schemas
        .iter()
        .filter(|schema| !live.schemas.contains(*schema))
        .map(|schema| json!({"name": schema, "mark": staging_mark(&context.manifest.project, context.run)}))
        .collect();
    let statements = context.step("stage", &json!({"schemas": missing, "database": context.database}))?;
    if statements.is_empty() {
        return Ok(());
    }
    // A schema without its mark would be nobody's, and stay for ever if the run died between the two.
    session.transaction(None, &statements)
}

/// Whether anything stands staged by this project, of a run that lives or of one that is dead.
///
/// # Errors
/// When the catalog cannot be read.
pub fn has_leftovers(
    connection: &mut dyn Connection,
    statements: &dyn Statements,
    (manifest, staging_schemas): (&Manifest, &[String]),
    live: &LiveCatalog,
) -> Result<bool, EngineError> {
    if manifest.dialect == Dialect::DuckDb {
        return Ok(live.relations.iter().any(|(name, found)| is_staged(manifest, name, found)));
    }
    if !staging_schemas.is_empty() {
        let schemas: Vec<&str> = staging_schemas.iter().map(String::as_str).collect();
        let lent = connection.catalog(&schemas)?.relations;
        if lent.iter().any(|(name, found)| plan::is_staged(&manifest.project, name, found.comment.as_deref())) {
            return Ok(true);
        }
    }
    let begins = staging_mark(&manifest.project, "");
    for statement in super::context::step(statements, "leftovers", &Value::Null)? {
        let rows = connection.values(&statement.text)?;
        let marks = rows.iter().filter_map(|row| row.get(1)?.as_deref());
        if marks.into_iter().any(|mark| mark.starts_with(&begins)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a relation of a DuckDB file was staged by this project.
fn is_staged(manifest: &Manifest, name: &RelationName, found: &LiveRelation) -> bool {
    let begins = staged_comment(&manifest.project);
    let last = found.comment.as_deref().and_then(|comment| comment.lines().last());
    name.name.starts_with(PREFIX) && last.is_some_and(|last| last.starts_with(&begins))
}

/// What the comment of anything staged by this project begins with.
fn staged_comment(project: &str) -> String {
    format!("suiro: {project} ")
}

/// Takes the advisory lock that stands for these words, for as long as the session lives; whether it could be had.
pub fn claim(context: &Context<'_>, session: &mut Session<'_>, words: &[&str]) -> Result<bool, EngineError> {
    take(context.statements, session, words)
}

/// The same, before there is a context.
pub fn take(statements: &dyn Statements, session: &mut Session<'_>, words: &[&str]) -> Result<bool, EngineError> {
    let mut had = false;
    for statement in super::context::step(statements, "claim", &json!({"key": key(words)}))? {
        let rows = session.connection.query(&statement.text, None)?;
        let answer = rows.rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
        had = matches!(answer, Some("t" | "true"));
    }
    Ok(had)
}

/// Whether nobody is at a run any more.
///
/// # Errors
/// When the database cannot be asked.
pub fn is_dead(statements: &dyn Statements, session: &mut Session<'_>, run: &str) -> Result<bool, EngineError> {
    let had = take(statements, session, &[run])?;
    if had {
        give_back(statements, session, &[run])?;
    }
    Ok(had)
}

/// Gives the lock that stands for these words back.
pub fn give_back(statements: &dyn Statements, session: &mut Session<'_>, words: &[&str]) -> Result<(), EngineError> {
    for statement in super::context::step(statements, "release", &json!({"key": key(words)}))? {
        session.connection.query(&statement.text, None)?;
    }
    Ok(())
}

/// An advisory lock that stands for these words.
pub fn key(words: &[&str]) -> i64 {
    let mut hasher = blake3::Hasher::new();
    for word in words {
        hasher.update(word.as_bytes());
        hasher.update(&[0]);
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    i64::from_le_bytes(bytes)
}

/// Removes the staging schemas of this project whose runs are dead, but what this run can use of them.
fn sweep_schemas(context: &Context<'_>, session: &mut Session<'_>, notes: &[Left]) -> Result<Resumed, EngineError> {
    let mut found = Vec::new();
    for statement in context.step("leftovers", &Value::Null)? {
        found.extend(session.connection.query(&statement.text, None)?.rows);
    }
    let mut dead: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let begins = staging_mark(&context.manifest.project, "");
    for row in &found {
        let [Some(schema), comment] = row.as_slice() else { continue };
        if let Some(run) = comment.as_deref().and_then(|comment| comment.strip_prefix(&begins))
            && run != context.run
        {
            dead.entry(run).or_default().push(schema);
        }
    }
    let mut resumed = Resumed::default();
    // The newest run first: what it left is what holds, if anything does.
    for (run, schemas) in dead.into_iter().rev() {
        if !claim(context, session, &[run])? {
            continue;
        }
        let left = session.connection.catalog(&schemas)?;
        let notes: Vec<Left> = notes.iter().filter(|one| one.run == run).cloned().collect();
        resumed.take(context, session, (&notes, &left.relations.keys().cloned().collect()))?;
        let relations: Vec<(RelationName, RelationKind)> = left
            .relations
            .iter()
            .map(|(name, found)| (name.clone(), found.kind))
            .filter(|(name, _)| !resumed.stays(name))
            .collect();
        let kept: BTreeSet<&str> = resumed.kept.iter().map(|name| &*name.schema).collect();
        let schemas: Vec<String> =
            schemas.into_iter().filter(|schema| !kept.contains(schema)).map(str::to_owned).collect();
        // What cannot be removed (somebody's view reads it) stays for the next run.
        let _left = discard::relations_and_schemas(context, session, &in_dropping_order(&relations), &schemas);
        if !notes.is_empty() {
            resume::forget(context, session, (run, &resumed.kept))?;
        }
        give_back(context.statements, session, &[run])?;
    }
    Ok(resumed)
}

/// Views before tables; among views the caller's tries decide.
pub fn in_dropping_order(relations: &[(RelationName, RelationKind)]) -> Vec<(RelationName, &'static str)> {
    let mut ordered: Vec<_> = relations.iter().map(|(name, kind)| (name.clone(), kind.word())).collect();
    ordered.sort_by_key(|(_, kind)| *kind == "table");
    ordered
}

/// Removes what stands staged and is not needed any more, what was replaced, and the run's own schemas.
pub fn clean_up<'a>(
    context: &Context<'a>,
    session: &mut Session<'a>,
    (left, kept): (&[(RelationName, &'static str)], &BTreeSet<RelationName>),
    retired: &[Retired],
) -> Vec<Diagnostic> {
    let in_place = context.staging.retired.is_empty();
    let mut relations: Vec<(RelationName, &str)> = left.to_vec();
    if !in_place {
        relations.extend(retired.iter().filter(|old| !old.kept).map(|old| (old.name.clone(), old.kind)));
    }
    relations.sort_by_key(|(_, kind)| *kind == "table");
    let mut schemas: Vec<String> = Vec::new();
    if !in_place && !context.staging.lent {
        let stays = |schema: &&String| kept.iter().any(|name| *name.schema == **schema);
        schemas.extend(context.staging.schemas.iter().filter(|schema| !stays(schema)).cloned());
        let old: BTreeSet<String> = retired.iter().map(|old| old.name.schema.to_string()).collect();
        schemas.extend(old);
    }
    let mut discarded = discard::relations_and_schemas(context, session, &relations, &schemas);
    if discarded.as_ref().is_err_and(|error| error.kind == FailureKind::Connection)
        && let Ok(again) = open_control(context)
    {
        *session = again;
        discarded = discard::relations_and_schemas(context, session, &relations, &schemas);
    }
    match discarded {
        Ok(()) => Vec::new(),
        Err(error) => vec![
            Diagnostic::warning(
                STATEMENT_REFUSED,
                format!("what the run left could not be removed: {}", error.message),
            )
            .help("the next run tries again"),
        ],
    }
}

/// Removes what this project published in a schema, and the schema if nothing else is in it.
///
/// # Errors
/// When the database refuses a statement.
pub fn remove_schema(
    engine: &dyn Engine,
    statements: &dyn Statements,
    manifest: &Manifest,
    schema: &str,
) -> Result<(), EngineError> {
    let mut connection = engine.connect("clean up")?;
    let live = connection.catalog(&[schema])?;
    let ours =
        |(name, found): &(&RelationName, &LiveRelation)| is_ours(&manifest.project, name, found.comment.as_deref());
    let found: Vec<_> = live.relations.iter().filter(ours).map(|(name, found)| (name.clone(), found.kind)).collect();
    let database = database(engine)?;
    let qualified = |name: &RelationName| RelationName { database: database.clone().map(Into::into), ..name.clone() };
    let mut steps: Vec<Value> = in_dropping_order(&found)
        .iter()
        .map(|(name, kind)| json!({"relations": [{"name": qualified(name), "kind": kind}], "schemas": []}))
        .collect();
    if live.schemas.contains(schema) && found.len() == live.relations.len() {
        steps.push(json!({"relations": [], "schemas": [schema]}));
    }
    for values in steps {
        for statement in super::context::step(statements, "discard", &values)? {
            connection.execute(&statement.text)?;
        }
    }
    Ok(())
}
