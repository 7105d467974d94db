//! What an environment shows of production without building it: views, and the past of snapshots.
//!
//! In: relations of production and the names that they have in the environment. Out: views that read them, or tables that
//! begin as copies. Never: anything in production, or a view that its database would not let production's relation be
//! replaced for: on PostgreSQL the view reads through a function whose body is a text, so that nothing is bound.

use super::{
    Origin, Session, Statement, Statements, context, database,
    state::{self, step, with},
};
use crate::{
    engine::{Engine, EngineError, LiveCatalog, LiveColumn},
    manifest::Manifest,
    name::RelationName,
    plan::{SHOWS, mark, shows_production},
    state::{RELATION, Recorded, relation_row},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What works on an environment.
#[derive(Clone, Copy)]
pub struct Passing<'a> {
    /// The project, in the environment.
    pub manifest: &'a Manifest,
    /// The database.
    pub engine: &'a dyn Engine,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// The schema of the tables of state.
    pub state_schema: &'a str,
}

/// A relation of production, and its name in the environment.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    /// Its name in the environment.
    pub name: RelationName,
    /// Production's, as it can be read.
    pub source: RelationName,
    /// Its columns.
    pub columns: &'a [LiveColumn],
}

impl Passing<'_> {
    /// Makes a view for each; of those that could not be made, why.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn complete(&self, all: &[Shown<'_>]) -> Result<Vec<(RelationName, String)>, EngineError> {
        let database = database(self.engine)?;
        let mut session = Session::unwatched(self.engine.connect("env")?);
        let schemas: BTreeSet<&str> = all.iter().map(|one| &*one.name.schema).collect();
        let live = session.connection.catalog(&schemas.into_iter().collect::<Vec<_>>())?;
        let mut made: BTreeSet<String> = live.schemas.iter().cloned().collect();
        let mut left = Vec::new();
        for one in all {
            let old = live.relations.get(&one.name);
            if old.is_some_and(|old| !shows_production(&self.manifest.project, &one.name, old)) {
                left.push((one.name.clone(), "something else stands there".to_owned()));
                continue;
            }
            let columns: Vec<Value> =
                one.columns.iter().map(|column| json!({"name": column.name, "type": column.data_type})).collect();
            let comment = format!("{SHOWS}\n{}", mark(&self.manifest.project, &one.name));
            let values = json!({
                "view": qualified(&one.name, database.as_deref()),
                "function": RelationName { name: reader(&one.name).into(), ..one.name.clone() },
                "source": one.source,
                "columns": columns,
                "old": old.is_some(),
                "new_schema": !made.contains(&*one.name.schema),
                "mark": comment,
            });
            match session.transaction(None, &context::step(self.statements, "complete", &values)?) {
                Ok(()) => {
                    made.insert(one.name.schema.to_string());
                }
                Err(error) => left.push((one.name.clone(), error.message)),
            }
        }
        Ok(left)
    }

    /// Begins tables as copies of production's, with what is to be remembered of them.
    ///
    /// # Errors
    /// When the database refuses any of it; then none of them is there.
    pub fn inherit(&self, all: &[(Shown<'_>, Recorded)], origin: &Origin) -> Result<(), EngineError> {
        let database = database(self.engine)?;
        let mut session = Session::unwatched(self.engine.connect("env")?);
        let schemas: BTreeSet<&str> = all.iter().map(|(one, _)| &*one.name.schema).chain([self.state_schema]).collect();
        let live = session.connection.catalog(&schemas.into_iter().collect::<Vec<_>>())?;
        let common = state::common(self.manifest, self.state_schema, database.as_deref());
        let mut statements: Vec<Statement> = Vec::new();
        if !state::is_there(&live, self.state_schema) {
            let new_schema = json!({"new_schema": !live.schemas.contains(self.state_schema)});
            statements.extend(step(self.statements, "create", &with(common.clone(), new_schema))?);
        }
        let mut made: BTreeSet<String> = live.schemas.iter().cloned().collect();
        for (one, _) in all {
            let values = json!({
                "table": qualified(&one.name, database.as_deref()),
                "database": database,
                "source": one.source,
                "new_schema": made.insert(one.name.schema.to_string()),
                "mark": mark(&self.manifest.project, &one.name),
            });
            statements.extend(context::step(self.statements, "inherit", &values)?);
        }
        let rows: Vec<Value> = all
            .iter()
            .map(|(one, recorded)| {
                let (commit, author) = (origin.commit.clone(), origin.author.clone());
                let columns = one.columns.iter().map(|one| (one.name.clone(), one.data_type.clone())).collect();
                relation_row(&one.name, &Recorded { columns, commit, author, ..recorded.clone() })
            })
            .collect();
        let values = json!({"published": rows, "columns": RELATION});
        statements.extend(step(self.statements, "record", &with(common, values))?);
        session.transaction(None, &statements)
    }
}

fn qualified(name: &RelationName, database: Option<&str>) -> RelationName {
    RelationName { database: database.map(Into::into), ..name.clone() }
}

/// The function that a view of an environment reads through.
#[must_use]
pub fn reader(name: &RelationName) -> String {
    let hash = blake3::hash(name.to_string().as_bytes()).to_hex();
    ["__suiro_read_", &hash[..16]].concat()
}

/// The statements that take away the views of an environment that show production, and what they read through, also of
/// views whose place was taken since.
///
/// # Errors
/// When the template fails.
pub fn take_away(
    statements: &dyn Statements,
    (manifest, environment): (&Manifest, &str),
    live: &LiveCatalog,
) -> Result<Vec<Statement>, EngineError> {
    let views = live.relations.iter().filter(|(name, found)| shows_production(&manifest.project, name, found));
    let built = manifest.nodes.iter().filter(|node| node.is_built()).filter_map(|node| node.relation.as_ref());
    let functions = built.filter_map(|relation| {
        let schema = [&*relation.schema, "_", environment].concat();
        let name = RelationName::new(schema.as_str(), relation.name.clone());
        live.schemas.contains(&schema).then(|| RelationName::new(schema, reader(&name)))
    });
    let views: Vec<&RelationName> = views.map(|(name, _)| name).collect();
    let values = json!({"views": views, "functions": functions.collect::<Vec<_>>()});
    context::step(statements, "incomplete", &values)
}
