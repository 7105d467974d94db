//! What commands take that look at or change what is remembered.

use super::{Choice, Format};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct Why {
    /// Model or seed
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Only these: names, globs, +above, below+, tag:…, path:…; without them everything
    #[arg(value_name = "SELECTOR")]
    pub selector: Vec<String>,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct History {
    /// Model or seed
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Publishes to print at most
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Hold {
    /// What to hold: names, globs, +above, below+, tag:…, path:…
    #[arg(value_name = "SELECTOR", required = true)]
    pub selector: Vec<String>,
    /// Why, for everybody who meets it in a plan
    #[arg(long, value_name = "TEXT", required_unless_present = "release")]
    pub why: Option<String>,
    /// Let builds go on with them
    #[arg(long, conflicts_with = "why")]
    pub release: bool,
}

#[derive(Debug, Args)]
pub struct Adopt {
    /// What to take over: names, globs, +above, below+, tag:…, path:…
    #[arg(value_name = "SELECTOR", required = true)]
    pub selector: Vec<String>,
    /// Compare rows, too; what has the same is not built again
    #[arg(long)]
    pub data: bool,
    /// Do it; without this, only say what would be done
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Prune {
    /// Do it; without this, only say what would be dropped
    #[arg(long)]
    pub yes: bool,
}

/// The shape of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DiffFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// Markdown, for a pull request
    Md,
}

#[derive(Debug, Args)]
pub struct Diff {
    #[command(flatten)]
    pub choice: Choice,
    /// What the way between two commits changes, without a database: `main..HEAD`, or `main` for the files as they are
    #[arg(long, value_name = "RANGE", conflicts_with_all = ["data", "select", "exclude"])]
    pub git: Option<String>,
    /// Compare rows, too
    #[arg(long)]
    pub data: bool,
    /// Compare about so many rows of each relation, chosen by their keys
    #[arg(long, value_name = "N", requires = "data")]
    pub sample: Option<u64>,
    /// Columns that tell rows apart, instead of what `unique_key`, constraints and `unique` tests say
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', num_args = 1.., requires = "data")]
    pub key: Vec<String>,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: DiffFormat,
}

#[derive(Debug, Args)]
pub struct Rollback {
    /// What to roll back: names, globs, +above, below+, tag:…, path:…
    #[arg(value_name = "SELECTOR", required = true)]
    pub selector: Vec<String>,
    /// The run to go back to: the versions that stood when it had ended; without it, of each the one before. `suiro history`
    /// shows runs
    #[arg(long, value_name = "RUN")]
    pub to: Option<String>,
    /// Why, for everybody who meets it in a plan
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// What to compare: names, globs, +above, below+, tag:…, path:…
    #[arg(value_name = "SELECTOR", required = true)]
    pub selector: Vec<String>,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct VerifyIdempotent {
    /// Only these: names, globs, +above, below+, tag:…, path:…; without them everything
    #[arg(value_name = "SELECTOR")]
    pub selector: Vec<String>,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
