//! What the warehouse remembers of what was built in it.
//!
//! In: rows of suiro's own tables. Out: [`State`], by relation and test. Never: a connection (that is `run/`), or a
//! decision (that is `plan/`).

mod key;
mod row;

pub use key::{CHOSEN, Chosen, Failed, FailedTest, HOOKS, SharedRun};
pub use row::{
    HISTORY, RELATION, TEST, read_history, read_kept, read_ledgers, read_relations, read_tests, relation_row, test_row,
};

use crate::{
    interval::{Interval, Intervals},
    name::RelationName,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the tables of state; it rises when a table gets another column.
pub const VERSION: u32 = 1;

/// What the warehouse remembers of one project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Whether the tables of state are there.
    pub exists: bool,
    /// What stands published, by relation.
    #[serde(with = "by_name")]
    pub relations: BTreeMap<RelationName, Recorded>,
    /// The tests that passed, by name.
    pub tests: BTreeMap<String, Passed>,
    /// Which intervals are done, of relations that are built interval by interval.
    #[serde(default, with = "ledgers")]
    pub ledgers: BTreeMap<RelationName, Ledger>,
}

/// Which intervals of a relation are done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The epoch of the run that made the table which holds them.
    pub table_epoch: u64,
    /// The intervals.
    pub done: Intervals,
}

impl Ledger {
    /// One more interval, of a table that was made in that epoch.
    pub fn add(&mut self, table_epoch: u64, interval: Interval) {
        self.table_epoch = self.table_epoch.max(table_epoch);
        self.done = self.done.or(&Intervals::of([interval]));
    }
}

/// What was read when something was built: its definition then, and its data version, where that was known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadState {
    /// The definition of what was read.
    pub definition: String,
    /// Its data version.
    pub version: Option<String>,
}

/// What was read, by name: relations as `schema.name`.
pub type Reads = BTreeMap<String, ReadState>;

/// What makes one build the same as another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The definition by itself, its parts as `part:hash` between blanks.
    pub own: String,
    /// The definition with those of everything above.
    pub definition: String,
    /// What only describes it: comments and rights.
    pub described: String,
    /// The data version.
    pub version: String,
    /// What it reads.
    pub reads: Reads,
}

/// What is remembered of a published relation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// How it is materialized.
    pub materialized: String,
    /// What makes it the same as another build.
    pub identity: Identity,
    /// Its columns with their types, in order; empty where they were not asked.
    pub columns: Vec<(String, String)>,
    /// Its rows, where they were counted.
    pub rows: Option<u64>,
    /// How long it took to build, in milliseconds.
    pub milliseconds: u64,
    /// Its object id, where the engine has one that lasts.
    pub oid: Option<u64>,
    /// The run that published it.
    pub run: String,
    /// The epoch of that run.
    pub epoch: u64,
    /// When it was published, in UTC.
    pub published_at: String,
    /// The commit that it was built from.
    pub commit: Option<String>,
    /// Who built it.
    pub author: Option<String>,
    /// Why it is held at this version, if it is.
    pub held: Option<String>,
}

/// A replaced version that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The relation that it was a version of.
    pub relation: RelationName,
    /// The run that had published it.
    pub run: String,
    /// The epoch of that run.
    pub epoch: u64,
    /// Where it stands.
    pub place: RelationName,
    /// Its object id, where the engine has one that lasts.
    pub oid: Option<u64>,
}

/// A test that passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The definition of the test.
    pub definition: String,
    /// What it read.
    pub reads: Reads,
    /// The run in which it passed.
    pub run: String,
}

/// Relations by name as a list, since the keys of JSON are texts.
mod by_name {
    use super::{BTreeMap, Recorded, RelationName};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(map: &BTreeMap<RelationName, Recorded>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map.iter())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<RelationName, Recorded>, D::Error> {
        Ok(Vec::<(RelationName, Recorded)>::deserialize(from)?.into_iter().collect())
    }
}

/// The same of ledgers.
mod ledgers {
    use super::{BTreeMap, Ledger, RelationName};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(map: &BTreeMap<RelationName, Ledger>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map.iter())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<RelationName, Ledger>, D::Error> {
        Ok(Vec::<(RelationName, Ledger)>::deserialize(from)?.into_iter().collect())
    }
}
