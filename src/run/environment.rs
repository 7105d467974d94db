//! Environments as the database has them: which there are, what is in them, and taking them away.
//!
//! On PostgreSQL an environment is a schema of state beside production's and the schemas that its rows name; on DuckDB
//! it is a file, which the caller knows.

use super::{
    Session, Statements, database, discard,
    keep::Keeper,
    passthrough::take_away,
    state::{self, common, step, with},
};
use crate::{
    engine::{Engine, EngineError, RelationKind},
    manifest::Manifest,
    name::RelationName,
    plan::{is_ours, is_same},
};
use serde_json::{Value, json};

/// What there is to say about an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub owner: Option<String>,
    /// How many relations it has of its own.
    pub relations: u64,
    /// Their size in bytes, where the engine says.
    pub bytes: Option<u64>,
    /// When something was published in it last.
    pub published_at: Option<String>,
    /// Until when it is wanted, in UTC.
    pub expires_at: Option<String>,
}

/// The names of the environments beside that state, and the roles that own them.
///
/// # Errors
/// When the database cannot be read.
pub fn names(
    engine: &dyn Engine,
    statements: &dyn Statements,
    (manifest, production): (&Manifest, &str),
) -> Result<Vec<(String, Option<String>)>, EngineError> {
    let mut connection = engine.connect("env")?;
    let prefix = [production, "_"].concat();
    let mut found = Vec::new();
    let values = with(common(manifest, production, None), json!({"prefix": prefix}));
    for statement in step(statements, "environments", &values)? {
        for row in connection.values(&statement.text)? {
            let mut row = row.into_iter();
            if let Some(Some(schema)) = row.next()
                && let Some(name) = schema.strip_prefix(&prefix)
            {
                found.push((name.to_owned(), row.next().flatten()));
            }
        }
    }
    Ok(found)
}

/// What is in an environment whose state stands in that schema; nothing where this project has none there.
///
/// # Errors
/// When it cannot be read.
pub fn look_into(
    engine: &dyn Engine,
    statements: &dyn Statements,
    (manifest, schema, name): (&Manifest, &str, &str),
) -> Result<Option<Environment>, EngineError> {
    let database = database(engine)?;
    let mut connection = engine.connect("env")?;
    let live = connection.catalog(&[schema])?;
    let there = live.relations.contains_key(&RelationName::new(schema, "environment"));
    if !there {
        return Ok(None);
    }
    let mut found = Environment { name: name.to_owned(), ..Environment::default() };
    let mut author = None;
    let mut is_described = false;
    for statement in step(statements, "environment", &Value::Object(common(manifest, schema, database.as_deref())))? {
        let Some(row) = connection.values(&statement.text)?.pop() else { continue };
        let text = |column: usize| row.get(column).cloned().flatten();
        if statement.purpose == "environment" {
            is_described = true;
            (found.owner, found.expires_at) = (text(0), text(2));
        } else {
            found.relations = text(0).and_then(|text| text.parse().ok()).unwrap_or_default();
            found.published_at = text(1);
            found.bytes = text(2).and_then(|text| text.parse().ok());
            author = text(3);
        }
    }
    found.owner = found.owner.or(author);
    Ok((is_described || found.relations > 0).then_some(found))
}

/// Makes the state of an environment and says whose it is and until when it is wanted.
///
/// # Errors
/// When the role may not, or the database refuses it.
pub fn describe(
    engine: &dyn Engine,
    statements: &dyn Statements,
    (manifest, schema): (&Manifest, &str),
    (author, now, expires): (Option<&str>, &str, Option<&str>),
) -> Result<(), EngineError> {
    let database = database(engine)?;
    let mut session = Session::unwatched(engine.connect("env")?);
    let live = session.connection.catalog(&[schema])?;
    let values = common(manifest, schema, database.as_deref());
    let new_schema = json!({"new_schema": !live.schemas.contains(schema)});
    let said = json!({"author": author, "now": now, "expires": expires});
    let mut all = step(statements, "create", &with(values.clone(), new_schema))?;
    all.extend(step(statements, "describe_environment", &with(values, said))?);
    session.transaction(None, &all)
}

/// Takes an environment away: the relations that its state knows and that carry the mark, then what is remembered. What
/// could not be dropped, with the reason; then the state stays.
///
/// # Errors
/// When the database cannot be read.
pub fn drop(
    engine: &dyn Engine,
    statements: &dyn Statements,
    (manifest, schema, name): (&Manifest, &str, &str),
) -> Result<Vec<(RelationName, String)>, EngineError> {
    let mut session = Session::unwatched(engine.connect("env")?);
    let there = session.connection.catalog(&[schema])?;
    let known = state::read(session.connection.as_mut(), statements, (manifest, schema, None), &there)?;
    // Views that show production stand beside what is known.
    let shown: Vec<String> = super::look::schemas(manifest).into_iter().map(|one| [one, "_", name].concat()).collect();
    let mut schemas: Vec<&str> = known.relations.keys().map(|relation| &*relation.schema).collect();
    schemas.extend(shown.iter().map(String::as_str));
    schemas.sort_unstable();
    schemas.dedup();
    let live = session.connection.catalog(&schemas)?;
    let mut strangers = Vec::new();
    let mut ours = Vec::new();
    for (relation, recorded) in &known.relations {
        let Some(found) = live.relations.get(relation) else { continue };
        if is_ours(&manifest.project, relation, found.comment.as_deref()) && is_same(recorded, found) {
            ours.push((relation, found.kind));
        } else {
            strangers.push((relation.clone(), "it is not what was published".to_owned()));
        }
    }
    ours.sort_by_key(|(_, kind)| *kind == RelationKind::Table);
    let left = discard::in_any_order(ours, |(relation, kind)| {
        let values = json!({"relations": [{"name": relation, "kind": kind.word()}], "schemas": []});
        for statement in super::context::step(statements, "discard", &values)? {
            session.execute(None, &statement)?;
        }
        Ok(())
    });
    let left = left.into_iter().map(|((relation, _), why)| (relation.clone(), why.message));
    let left: Vec<_> = strangers.into_iter().chain(left).collect();
    if !left.is_empty() {
        return Ok(left);
    }
    session.transaction(None, &take_away(statements, (manifest, name), &live)?)?;
    for schema in schemas.into_iter().filter(|schema| live.schemas.contains(*schema)) {
        // One that somebody keeps something in stays.
        let values = json!({"relations": [], "schemas": [schema]});
        for statement in super::context::step(statements, "discard", &values)? {
            let _kept = session.execute(None, &statement);
        }
    }
    let keeper = Keeper { manifest, statements, state_schema: schema, database: None };
    for one in keeper.all(&mut session)? {
        keeper.drop_version(&mut session, &one)?;
    }
    forget(&mut session, statements, manifest, schema)?;
    Ok(Vec::new())
}

/// Removes what is remembered of the project, and the tables of state where nobody else uses them.
fn forget(
    session: &mut Session<'_>,
    statements: &dyn Statements,
    manifest: &Manifest,
    schema: &str,
) -> Result<(), EngineError> {
    let live = session.connection.catalog(&[schema])?;
    let values = with(common(manifest, schema, None), json!({"complete": state::is_complete(&live, schema)}));
    let mut others = 0;
    for statement in step(statements, "forget", &values)? {
        if statement.purpose == "left" {
            let rows = session.values(None, &statement)?;
            others = rows.into_iter().flatten().next().flatten().and_then(|text| text.parse().ok()).unwrap_or(1);
        } else {
            session.execute(None, &statement)?;
        }
    }
    if others == 0 {
        let remove = step(statements, "remove", &values)?;
        session.transaction(None, &remove)?;
    }
    Ok(())
}
