//! What a process of suiro tells whoever started it: the exit statuses, and which one wins when several apply.
//!
//! The table in `docs/reference/exit-codes.md` and the orchestrator exporters are made from this one place.

use serde::Serialize;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Done, nothing to do, or superseded by a newer run.
    Done,
    /// The project is wrong: files, YAML, SQL that does not compile.
    Project,
    /// The command line is wrong, or a selector matched nothing.
    Usage,
    /// A data test failed.
    DataTest,
    /// The database refused a statement for good.
    Database,
    /// A bug in suiro.
    Bug,
    /// Temporary: try again.
    Temporary,
    /// The plan or target is not the one asked for.
    Mismatch,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Exit {
    /// Every status, in the order of the table in the documentation.
    pub const ALL: [Self; 10] = [
        Self::Done,
        Self::Project,
        Self::Usage,
        Self::DataTest,
        Self::Database,
        Self::Bug,
        Self::Temporary,
        Self::Mismatch,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The process exit status: never 2 (shells) and never 99 (schedulers' skip).
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Project => 1,
            Self::Usage => 64,
            Self::DataTest => 65,
            Self::Database => 66,
            Self::Bug => 70,
            Self::Temporary => 75,
            Self::Mismatch => 78,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What the status means, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, nothing to do, or superseded by a newer run",
            Self::Project => "the project is wrong: files, YAML, SQL that does not compile",
            Self::Usage => "usage, also a selector without match",
            Self::DataTest => "a data test failed",
            Self::Database => "the database refused a statement for good",
            Self::Bug => "a bug in suiro",
            Self::Temporary => "temporary, try again",
            Self::Mismatch => "the plan or target is not the one asked for",
            Self::Interrupted => "interrupted by SIGINT",
            Self::Terminated => "ended by SIGTERM",
        }
    }

    /// Whether a scheduler should run the same command again.
    #[must_use]
    pub const fn retry(self) -> bool {
        matches!(self, Self::Temporary | Self::Interrupted | Self::Terminated)
    }

    /// Rank among several that apply at once; the highest is reported.
    const fn rank(self) -> u8 {
        match self {
            Self::Interrupted | Self::Terminated => 9,
            Self::Bug => 8,
            Self::Mismatch => 7,
            Self::Project => 6,
            Self::Usage => 5,
            Self::Database => 4,
            Self::DataTest => 3,
            Self::Temporary => 2,
            Self::Done => 0,
        }
    }

    /// The status to report when both apply: 70, 78, 1, 66, 65, 75, in this order.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}
