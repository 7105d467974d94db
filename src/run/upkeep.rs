//! What is done with published relations without building anything: holding them, and dropping what nobody makes any
//! more.
//!
//! In: names of relations. Out: changed rows of state, in one transaction with what they are about. Never: CASCADE, or
//! dropping what does not carry the project's mark and is not the relation that the state knows.

use super::{
    Session, Statement, Statements, context, database, discard,
    fingerprint::{Fingerprint, Noting},
    keep::Keeper,
    state::{self, NUMBERS},
};
use crate::{
    diagnostic::code::STATEMENT_REFUSED,
    engine::{Dependent, DependentKind, Engine, EngineError, FailureKind, LiveCatalog, LiveRelation},
    manifest::Manifest,
    name::RelationName,
    plan::{is_ours, is_same},
    state::{Kept, RELATION, Recorded, read_history},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What works on the state of a project.
#[derive(Clone, Copy)]
pub struct Upkeep<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// The database.
    pub engine: &'a dyn Engine,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// The schema of the tables of state.
    pub state_schema: &'a str,
}

impl Upkeep<'_> {
    /// The newest publishes of a relation, the newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn history(&self, relation: &RelationName, limit: usize) -> Result<Vec<Recorded>, EngineError> {
        let database = database(self.engine)?;
        let mut connection = self.engine.connect("history")?;
        if !state::is_there(&connection.catalog(&[self.state_schema])?, self.state_schema) {
            return Ok(Vec::new());
        }
        let values = json!({"relation_columns": RELATION, "numbers": NUMBERS, "chosen": relation, "limit": limit});
        let mut found = Vec::new();
        for statement in self.step("history", database.as_deref(), values)? {
            found.extend(read_history(&connection.values(&statement.text)?));
        }
        Ok(found.into_iter().map(|(_, recorded)| recorded).collect())
    }

    /// The epoch of a run; none if there was no such run.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn epoch_of(&self, run: &str) -> Result<Option<u64>, EngineError> {
        let database = database(self.engine)?;
        let mut session = Session::unwatched(self.engine.connect("rollback")?);
        if !state::is_there(&session.connection.catalog(&[self.state_schema])?, self.state_schema) {
            return Ok(None);
        }
        let mut epoch = None;
        for statement in self.step("run", database.as_deref(), json!({"run": run}))? {
            let rows = session.values(None, &statement)?;
            epoch = rows.into_iter().flatten().flatten().next().and_then(|text| text.parse().ok());
        }
        Ok(epoch)
    }

    /// The replaced versions that are kept, of each relation the newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn kept(&self) -> Result<Vec<Kept>, EngineError> {
        let database = database(self.engine)?;
        self.keeper(database.as_deref()).all(&mut Session::unwatched(self.engine.connect("kept")?))
    }

    /// Drops a version that is kept; one that is somebody else's by now stays.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn drop_kept(&self, one: &Kept) -> Result<(), EngineError> {
        let database = database(self.engine)?;
        let mut session = Session::unwatched(self.engine.connect("prune")?);
        self.keeper(database.as_deref()).drop_version(&mut session, one)
    }

    fn keeper<'b>(&'b self, database: Option<&'b str>) -> Keeper<'b> {
        Keeper { manifest: self.manifest, statements: self.statements, state_schema: self.state_schema, database }
    }

    /// Count and sum of the rows of a published version, and what was noted of them before. What was not noted yet is
    /// noted now, as of this moment.
    ///
    /// # Errors
    /// When the rows cannot be read, or the state cannot be written.
    pub fn fingerprint(&self, relation: &RelationName, epoch: u64, moment: &str) -> Result<Fingerprint, EngineError> {
        let database = database(self.engine)?;
        let common = state::common(self.manifest, self.state_schema, database.as_deref());
        let table = RelationName { database: database.as_deref().map(Into::into), ..relation.clone() };
        let mut session = Session::unwatched(self.engine.connect("verify")?);
        let noting = Noting { statements: self.statements, common: &common, relation, epoch };
        noting.fingerprint(&mut session, &table, moment)
    }

    /// Holds relations at their version, with a reason, or lets go of them.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn hold(&self, relations: &[RelationName], why: Option<&str>) -> Result<(), EngineError> {
        let database = database(self.engine)?;
        let statements = self.step("hold", database.as_deref(), json!({"chosen": relations, "why": why}))?;
        Session::unwatched(self.engine.connect("hold")?).transaction(None, &statements)
    }

    /// Drops relations that nobody makes any more, with their rows of state; of each, what kept it from being dropped.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn prune(
        &self,
        orphans: &[(RelationName, Recorded)],
    ) -> Result<Vec<(RelationName, Option<EngineError>)>, EngineError> {
        let database = database(self.engine)?;
        let mut session = Session::unwatched(self.engine.connect("prune")?);
        let left = discard::in_any_order(orphans, |one| self.drop(&mut session, one, database.as_deref()));
        let left: Vec<_> = left.into_iter().map(|((relation, _), why)| (relation.clone(), Some(why))).collect();
        let is_left = |relation: &RelationName| left.iter().any(|(one, _)| one == relation);
        let done =
            orphans.iter().filter(|(relation, _)| !is_left(relation)).map(|(relation, _)| (relation.clone(), None));
        Ok(done.chain(left.clone()).collect())
    }

    fn drop(
        &self,
        session: &mut Session<'_>,
        (relation, recorded): &(RelationName, Recorded),
        database: Option<&str>,
    ) -> Result<(), EngineError> {
        let live = session.connection.catalog(&[&*relation.schema])?;
        let mut statements = Vec::new();
        if let Some(found) = live.relations.get(relation) {
            self.may_drop((relation, recorded), found, &live)?;
            let name = RelationName { database: database.map(Into::into), ..relation.clone() };
            let values = json!({"relations": [{"name": name, "kind": found.kind.word()}], "schemas": []});
            statements = context::step(self.statements, "discard", &values)?;
        }
        statements.extend(self.step("prune", database, json!({"chosen": relation}))?);
        session.transaction(None, &statements)
    }

    /// Only what carries the mark and is what was published, and what nobody else reads.
    fn may_drop(
        &self,
        (relation, recorded): (&RelationName, &Recorded),
        found: &LiveRelation,
        live: &LiveCatalog,
    ) -> Result<(), EngineError> {
        let refused = |message: &str| EngineError::new(STATEMENT_REFUSED, FailureKind::Permanent, message);
        let project = &self.manifest.project;
        if !is_ours(project, relation, found.comment.as_deref()) {
            return Err(refused("it does not carry the project's mark"));
        }
        if !is_same(recorded, found) {
            return Err(refused("it is not the relation that the project published"));
        }
        let in_the_way = |dependent: &&Dependent| {
            let child = dependent.kind == DependentKind::Child
                && dependent.relation.as_ref().is_some_and(|one| is_ours(project, one, dependent.comment.as_deref()));
            dependent.on == *relation && !dependent.attached && !child
        };
        let readers: BTreeSet<String> = live
            .dependents
            .iter()
            .filter(in_the_way)
            .map(|dependent| format!("{} `{}`", dependent.kind, dependent.name))
            .collect();
        if readers.is_empty() {
            return Ok(());
        }
        let readers = readers.into_iter().collect::<Vec<_>>().join(", ");
        Err(refused(&format!("something depends on it: {readers}")))
    }

    fn step(&self, name: &str, database: Option<&str>, values: Value) -> Result<Vec<Statement>, EngineError> {
        let common = state::common(self.manifest, self.state_schema, database);
        state::step(self.statements, name, &state::with(common, values))
    }
}
