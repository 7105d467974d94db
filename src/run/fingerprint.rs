//! Count and sum of the rows of a published version, and what was noted of them before.
//!
//! In: a relation. Out: a [`Fingerprint`]. The sum is one of hashes of rows, so that their order does not matter. It is
//! taken when it is asked for, never by a build, and noted in a table of the state beside the others.

use super::{
    Session, Statements,
    state::{step, with},
};
use crate::{engine::EngineError, name::RelationName};
use serde_json::{Map, Value, json};

/// What the rows of a version come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many they are.
    pub rows: u64,
    /// A sum over all of them.
    pub sum: String,
    /// What was noted of them before.
    pub before: Option<Noted>,
}

/// What was noted of the rows of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// How many they were.
    pub rows: u64,
    /// A sum over all of them.
    pub sum: String,
    /// When that was, in UTC.
    pub taken_at: String,
}

/// What is needed to note something of a version.
pub(super) struct Noting<'a> {
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// What every template of state is given.
    pub common: &'a Map<String, Value>,
    /// The relation, as the state has it.
    pub relation: &'a RelationName,
    /// The epoch of the version.
    pub epoch: u64,
}

impl Noting<'_> {
    fn step(&self, name: &str, more: Value) -> Result<Vec<super::Statement>, EngineError> {
        step(self.statements, name, &with(self.common.clone(), more))
    }

    /// Reads the rows of `table`, and notes what they come to if nothing was noted of this version yet.
    pub fn fingerprint(
        &self,
        session: &mut Session<'_>,
        table: &RelationName,
        moment: &str,
    ) -> Result<Fingerprint, EngineError> {
        let mut found = Fingerprint::default();
        for statement in self.step("fingerprint", json!({"relation": table}))? {
            let mut row = session.values(None, &statement)?.into_iter().flatten().flatten();
            found.rows = row.next().and_then(|text| text.parse().ok()).unwrap_or_default();
            found.sum = row.next().unwrap_or_default();
        }
        let version = || json!({"chosen": self.relation, "epoch": self.epoch});
        for statement in self.step("fingerprints", json!({"step": "create"}))? {
            session.execute(None, &statement)?;
        }
        let mut read = version();
        read["step"] = "read".into();
        for statement in self.step("fingerprints", read)? {
            for row in session.values(None, &statement)? {
                if let [Some(rows), Some(sum), Some(taken_at)] = row.as_slice() {
                    let rows = rows.parse().unwrap_or_default();
                    found.before = Some(Noted { rows, sum: sum.clone(), taken_at: taken_at.clone() });
                }
            }
        }
        if found.before.is_none() {
            let mut write = version();
            for (key, value) in [
                ("step", json!("write")),
                ("rows", json!(found.rows)),
                ("sum", json!(found.sum)),
                ("moment", json!(moment)),
            ] {
                write[key] = value;
            }
            session.transaction(None, &self.step("fingerprints", write)?)?;
        }
        Ok(found)
    }
}
