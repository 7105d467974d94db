//! What the processes of one run know of each other: those that were given the same run key, or a run and what takes it
//! up again.

use super::Reads;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The word under which it is noted what a run was asked for.
pub const CHOSEN: &str = "chosen";
/// The words under which it is noted that the hooks around a run have been run.
pub const HOOKS: [&str; 2] = ["on_run_start", "on_run_end"];

/// A run that several processes have a part in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedRun {
    /// Its epoch, which all of them have.
    pub epoch: u64,
    /// Its name: that of the process which began it.
    pub run: String,
    /// The moment that it is about, in UTC.
    pub logical_time: String,
    /// Its key, if it has one.
    pub key: Option<String>,
    /// What failed in it for good, by the name by which it is read.
    pub failed: BTreeMap<String, Failed>,
    /// What it was asked for.
    pub chosen: Chosen,
    /// Which of the hooks around it have been run.
    pub hooks: BTreeSet<String>,
}

impl SharedRun {
    /// Takes in what a process has noted; what cannot be read counts as not noted, so that it is done again.
    pub fn note(&mut self, step: &str, content: &str) {
        if step == CHOSEN {
            self.chosen = serde_json::from_str(content).unwrap_or_default();
        } else if HOOKS.contains(&step) {
            self.hooks.insert(step.to_owned());
        } else if let Ok(failed) = serde_json::from_str(content) {
            self.failed.insert(step.to_owned(), failed);
        }
    }
}

/// What a run was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// `--select`.
    pub select: Vec<String>,
    /// `--exclude`.
    pub exclude: Vec<String>,
    /// `--full-refresh`.
    pub full_refresh: bool,
}

/// A failure that would come again as long as nothing changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The definition of what failed.
    pub definition: String,
    /// What it read.
    pub reads: Reads,
    /// The code of the failure.
    pub code: String,
    /// What was said about it.
    pub message: String,
    /// The notes to that.
    pub notes: Vec<String>,
    /// The ways out.
    pub help: Vec<String>,
    /// The test that found it, where it was one.
    pub test: Option<FailedTest>,
}

/// A test that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedTest {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: String,
    /// What it read.
    pub reads: Reads,
}
