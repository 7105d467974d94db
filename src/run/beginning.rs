//! How a run begins: it makes the tables of state where they are missing, and gets its epoch. A run that several processes
//! have a part in is begun by the first of them; the others take it up.

use super::{
    Statements,
    session::Session,
    state::{Origin, common, is_complete, step, with},
};
use crate::{
    diagnostic::code::{BUG, PERMISSION_DENIED, RUN_GOES_ON, STATE_NOT_WRITABLE},
    engine::{EngineError, FailureKind, LiveCatalog},
    manifest::Manifest,
    state::{Chosen, SharedRun},
};
use serde_json::{Value, json};

/// What a run begins with.
pub struct Beginning<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// The schema of the tables of state.
    pub schema: &'a str,
    /// The name that the database gives to itself, where names are to be qualified by it.
    pub database: Option<&'a str>,
    /// Where the run comes from.
    pub origin: &'a Origin,
    /// The name of this process of the run.
    pub run: &'a str,
}

/// What became of the last run, for one that takes it up.
#[derive(Debug)]
pub enum Last {
    /// It did not come to its end, or something in it failed.
    Unfinished(SharedRun),
    /// There is nothing to take up: it is done.
    Done(String),
    /// There was none.
    None,
}

impl Beginning<'_> {
    fn step(&self, name: &str, more: Value) -> Result<Vec<super::Statement>, EngineError> {
        step(self.statements, name, &with(common(self.manifest, self.schema, self.database), more))
    }

    /// Makes the tables of state where they are missing, and begins a run; its epoch.
    ///
    /// # Errors
    /// When the role may not, with what an administrator has to run.
    pub fn begin(&self, session: &mut Session<'_>, key: Option<&str>, chosen: &Chosen) -> Result<u64, EngineError> {
        let live = session.connection.catalog(&[self.schema])?;
        if !is_complete(&live, self.schema) {
            self.create(session, &live)?;
        }
        transaction(session, |session| self.insert(session, key, chosen))
    }

    /// The run of that key, begun by this process if no other one has.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn keyed(&self, session: &mut Session<'_>, key: &str, chosen: &Chosen) -> Result<SharedRun, EngineError> {
        let live = session.connection.catalog(&[self.schema])?;
        if !is_complete(&live, self.schema) {
            self.create(session, &live)?;
        }
        let mut keyed = transaction(session, |session| {
            let mut found = None;
            for statement in self.step("key", json!({"run_key": key}))? {
                found = found.or(session.values(None, &statement)?.into_iter().find_map(read));
            }
            match found {
                Some((keyed, _)) => Ok(keyed),
                None => Ok(SharedRun {
                    epoch: self.insert(session, Some(key), chosen)?,
                    run: self.run.to_owned(),
                    logical_time: self.origin.logical_time.clone(),
                    key: Some(key.to_owned()),
                    ..SharedRun::default()
                }),
            }
        })?;
        let epoch = keyed.epoch;
        self.notes(session, epoch, &mut keyed)?;
        Ok(keyed)
    }

    /// The last run of the command, to be taken up if it is not done.
    ///
    /// # Errors
    /// `RUN_GOES_ON` while another process is at it; or when the state cannot be read.
    pub fn last(&self, session: &mut Session<'_>) -> Result<Last, EngineError> {
        let live = session.connection.catalog(&[self.schema])?;
        if !is_complete(&live, self.schema) {
            return Ok(Last::None);
        }
        let mut found = None;
        for statement in self.step("last", json!({"command": self.origin.command}))? {
            found = session.values(None, &statement)?.into_iter().find_map(read);
        }
        let Some((mut keyed, status)) = found else { return Ok(Last::None) };
        if status == "done" {
            return Ok(Last::Done(keyed.run));
        }
        if status == "running" && !super::sweep::is_dead(self.statements, session, &keyed.run)? {
            let message = format!("the run {} goes on", keyed.run);
            let error = EngineError::new(RUN_GOES_ON, FailureKind::Temporary, message);
            return Err(error.with_help("wait for it, or end it"));
        }
        let epoch = keyed.epoch;
        self.notes(session, epoch, &mut keyed)?;
        Ok(Last::Unfinished(keyed))
    }

    /// Adds what the processes of a run have noted.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn notes(&self, session: &mut Session<'_>, epoch: u64, keyed: &mut SharedRun) -> Result<(), EngineError> {
        for statement in self.step("steps", json!({"epoch": epoch}))? {
            for row in session.values(None, &statement)? {
                if let [Some(step), Some(content)] = row.as_slice() {
                    keyed.note(step, content);
                }
            }
        }
        Ok(())
    }

    fn insert(&self, session: &mut Session<'_>, key: Option<&str>, chosen: &Chosen) -> Result<u64, EngineError> {
        let origin = self.origin;
        let more = json!({
            "run": self.run,
            "run_key": key,
            "logical_time": origin.logical_time,
            "command": origin.command,
            "commit": origin.commit,
            "author": origin.author,
        });
        let mut epoch = None;
        for statement in self.step("begin", more)? {
            let rows = match session.values(None, &statement) {
                Ok(rows) => rows,
                Err(error) => return Err(self.not_writable(session, error)),
            };
            epoch = rows.into_iter().flatten().next().flatten().and_then(|text| text.parse::<u64>().ok());
        }
        let epoch = epoch.ok_or_else(|| EngineError::new(BUG, FailureKind::Permanent, "the run got no epoch"))?;
        let noted = [(crate::state::CHOSEN, json!(chosen).to_string())];
        for statement in self.noting(epoch, &noted)? {
            session.execute(None, &statement)?;
        }
        Ok(epoch)
    }

    /// The statements that note something of a run for its other processes, each under a word.
    ///
    /// # Errors
    /// When the template fails.
    pub fn noting(&self, epoch: u64, noted: &[(&str, String)]) -> Result<Vec<super::Statement>, EngineError> {
        let rows: Vec<Value> = noted.iter().map(|(step, content)| json!({"step": step, "content": content})).collect();
        self.step("note", json!({"epoch": epoch, "notes": rows}))
    }

    /// Makes the tables of state; two runs that do so at once wait for each other.
    fn create(&self, session: &mut Session<'_>, live: &LiveCatalog) -> Result<(), EngineError> {
        let new_schema = !live.schemas.contains(self.schema);
        let statements = self.step("create", json!({"new_schema": new_schema}))?;
        session.transaction(None, &statements).map_err(|error| self.not_writable(session, error))
    }

    /// What an administrator has to run, where the role may not write the state.
    fn not_writable(&self, session: &mut Session<'_>, error: EngineError) -> EngineError {
        if error.code != PERMISSION_DENIED {
            return error;
        }
        session.roll_back();
        let lines = self.step("rights", json!({"role": self.role(session)}));
        let message = format!("what was built cannot be remembered in the schema `{}`: {}", self.schema, error.message);
        let mut refused = EngineError::new(STATE_NOT_WRITABLE, FailureKind::Permanent, message);
        refused.sqlstate = error.sqlstate;
        refused.notes.push("an administrator runs:".to_owned());
        refused.notes.extend(lines.unwrap_or_default().into_iter().map(|statement| format!("{};", statement.text)));
        refused.help = Some(
            "or name a schema that this role may write to, `state_schema` of the target; `suiro debug --print-grants` prints all that the role needs"
                .to_owned(),
        );
        refused
    }

    /// The role that works, where the engine has roles.
    fn role(&self, session: &mut Session<'_>) -> String {
        let statements = step(self.statements, "role", &Value::Null).unwrap_or_default();
        let answers = statements.iter().filter_map(|statement| session.values(None, statement).ok());
        answers.flatten().flatten().flatten().next().unwrap_or_default()
    }
}

fn transaction<T>(
    session: &mut Session<'_>,
    work: impl FnOnce(&mut Session<'_>) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    session.control("begin", "begin transaction")?;
    match work(session) {
        Ok(made) => session.control("commit", "commit").map(|()| made),
        Err(error) => {
            session.roll_back();
            Err(error)
        }
    }
}

/// A run from its row: epoch, name, logical time, key, status.
fn read(row: Vec<Option<String>>) -> Option<(SharedRun, String)> {
    let mut row = row.into_iter();
    let (epoch, run, logical_time) = (row.next()??, row.next()??, row.next()??);
    let (key, status) = (row.next()?, row.next()??);
    Some((SharedRun { epoch: epoch.parse().ok()?, run, logical_time, key, ..SharedRun::default() }, status))
}
