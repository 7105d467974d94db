//! The command line as types.

mod upkeep;

pub use upkeep::{
    Adopt, Diff, DiffFormat, History, Hold, Intervals, Prune, Rollback, SaidInterval, Status, Verify, VerifyIdempotent,
    Why,
};

use super::terminal::Colour;
use crate::interval::Moment;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};

/// Turns a folder of SQL into tables that a business can trust.
#[derive(Debug, Parser)]
#[command(name = "suiro", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 100)]
#[command(
    after_help = "Start with `suiro init`, or in a project with `suiro build`.\n`suiro <command> --help` says more about each; `suiro explain E0302` about an error."
)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder of the project; without it, the nearest one above with a `suiro.yml`
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "Global options")]
    pub project_dir: Option<PathBuf>,
    /// Target from `suiro.yml` to work on
    #[arg(long, short, global = true, value_name = "NAME", help_heading = "Global options")]
    pub target: Option<String>,
    /// Environment to work in, such as `dev_ann`: what differs from production is built there, the rest is read from it
    #[arg(long, global = true, value_name = "NAME", env = "SUIRO_ENV", help_heading = "Global options")]
    pub env: Option<String>,
    /// Values for `var()`, as YAML: 'day: 2026-01-01'
    #[arg(long, global = true, value_name = "YAML", help_heading = "Global options")]
    pub vars: Vec<String>,
    /// Say more
    #[arg(long, short, global = true, help_heading = "Global options", conflicts_with = "quiet")]
    pub verbose: bool,
    /// Say nothing but errors
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// How long to wait for a DuckDB file or a staging schema that others use, such as 30s or 5m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, help_heading = "Global options")]
    pub lock_wait: Option<Duration>,
    /// Name of the target, to do on a protected one what takes away rows or relations
    #[arg(long, global = true, value_name = "TARGET", help_heading = "Global options")]
    pub confirm: Option<String>,
    /// Write what is said to this file, too, however much of it is shown
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub log_file: Option<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Global options")]
    pub color: Colour,
}

/// A number with a unit: `500ms`, `30s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number with a unit: 500ms, 30s, 5m, 1h".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

/// A number with a unit, days included: `12h`, `14d`.
fn long_duration(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|number| number.parse::<u64>().ok());
    match days.and_then(|days| days.checked_mul(86_400)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => duration(text).map_err(|_| "write a number with a unit: 12h, 14d".to_owned()),
    }
}

/// Which nodes a command is about.
#[derive(Debug, Clone, Default, Args)]
pub struct Choice {
    /// Only these: names, globs, +above, below+, tag:…, path:…; several add up, a comma means both
    #[arg(long, short, aliases = ["models", "model"], short_alias = 'm', value_name = "SELECTOR", num_args = 1.., help_heading = "Selection")]
    pub select: Vec<String>,
    /// Not these
    #[arg(long, value_name = "SELECTOR", num_args = 1.., help_heading = "Selection")]
    pub exclude: Vec<String>,
}

/// The shape of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs, one object a line
    Json,
}

/// The shape of lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LineageFormat {
    /// For people
    #[default]
    Text,
    /// For programs, one object
    Json,
    /// A diagram in Mermaid, which many places show in Markdown
    Mermaid,
    /// A diagram in DOT, for Graphviz
    Dot,
}

/// What it is that a newer run has published already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Superseded {
    /// Done: the rows that stand are newer
    #[default]
    Done,
    /// A failure that a scheduler may try again
    Fail,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new project: a small example that builds
    Init(Init),
    /// List models, seeds, sources, tests and who reads whom
    #[command(alias = "list")]
    Ls(Listing),
    /// Look for errors; touches neither files nor the database
    Check(Listing),
    /// Write the SQL of every model, as it would be run, to target/compiled
    Compile(Compile),
    /// Say what a build would do and why; changes nothing
    Plan(Plan),
    /// Build the tables and views, test them, then publish them at once
    Build(Build),
    /// Build models alone, without seeds and tests
    Run(Build),
    /// Load seeds alone, without tests
    Seed(Build),
    /// Bring snapshots alone up to date, without tests; or begin one anew
    Snapshot(Snapshot),
    /// Test what is published; builds nothing
    Test(Test),
    /// Show who reads whom, and where in the SQL an edge comes from
    Lineage(Lineage),
    /// Say why a build would build a model, or leave it alone, up to what changed
    Why(Why),
    /// Show how each relation stands: current, behind, missing, changed by hand, held
    Status(Status),
    /// Show the past publishes of a model
    History(History),
    /// The intervals of models that are built interval by interval: which are done, which are missing
    Intervals {
        #[command(subcommand)]
        command: Intervals,
    },
    /// Keep models at their version, whatever builds would do
    Hold(Hold),
    /// Publish versions again that were replaced and kept (`keep: N`), and hold them
    Rollback(Rollback),
    /// Compare published rows with what is remembered of them
    Verify(Verify),
    /// Build models three times from the same rows in other orders, and compare what comes out; publishes nothing
    VerifyIdempotent(VerifyIdempotent),
    /// Compare an environment with production: models and columns, and with `--data` rows
    Diff(Diff),
    /// Take over relations that exist and that suiro did not make
    Adopt(Adopt),
    /// Drop what the project published and has no more
    Prune(Prune),
    /// Print rows of a model as it is written now; creates nothing
    Show(Show),
    /// Run a query that only reads
    Query(Query),
    /// Fetch from the target what templates may know of it
    Catalog {
        #[command(subcommand)]
        command: Catalog,
    },
    /// Make a page that documents the project: lineage, columns, SQL, tests and the last run
    Docs {
        #[command(subcommand)]
        command: Docs,
    },
    /// Turn a project of another tool into one of suiro's
    #[command(subcommand)]
    Import(Import),
    /// Ask how old the rows of sources are
    Freshness(Listing),
    /// Check the target: connection, version, rights
    Debug(Debug),
    /// Try out templates of the project's own
    Template {
        #[command(subcommand)]
        command: Template,
    },
    /// Environments of one's own, beside production
    Env {
        #[command(subcommand)]
        command: Env,
    },
    /// Remove what suiro wrote below target/
    Clean,
    /// Explain an error code
    Explain(Explain),
    /// Print a script that completes suiro's words in a shell
    Completions(Completions),
    /// Print the manual page, or write those of all commands to a folder
    Man(Man),
}

#[derive(Debug, Args)]
pub struct Init {
    /// Folder to make it in; with `--from`, the folder of the project
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Describe tables that the database of this target has as sources, in a project that exists
    #[arg(long, value_name = "TARGET", requires = "schemas")]
    pub from: Option<String>,
    /// Schemas to describe
    #[arg(long, value_name = "SCHEMA", value_delimiter = ',', num_args = 1.., requires = "from")]
    pub schemas: Vec<String>,
    /// File to write, relative to the project
    #[arg(long, value_name = "FILE", default_value = "models/sources.yml", requires = "from")]
    pub to: PathBuf,
}

#[derive(Debug, Args)]
pub struct Listing {
    #[command(flatten)]
    pub choice: Choice,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub choice: Choice,
    /// As if incremental models were to be made anew
    #[arg(long)]
    pub full_refresh: bool,
    /// As if nothing were to be skipped
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub interval: AskedInterval,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// An interval that is asked for.
#[derive(Debug, Clone, Default, Args)]
pub struct AskedInterval {
    /// Of models with a `time_range`, do the intervals from here on, be they done or not: 2026-01-31, '2026-01-31 12:00'
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "full_refresh")]
    pub start: Option<Moment>,
    /// … and before here, which is not among them; without this, all that have ended
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "start")]
    pub end: Option<Moment>,
}

impl AskedInterval {
    /// From when on, and until when.
    pub fn asked(&self) -> Option<(Moment, Option<Moment>)> {
        self.start.map(|start| (start, self.end))
    }
}

/// A moment by the clock of the session's time zone.
fn moment(text: &str) -> Result<Moment, String> {
    text.parse()
}

#[derive(Debug, Args)]
pub struct Compile {
    #[command(flatten)]
    pub choice: Choice,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Snapshot {
    #[command(subcommand)]
    pub command: Option<SnapshotCommand>,
    #[command(flatten)]
    pub build: Build,
}

#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Begin the history of a snapshot anew with the rows of now; the versions that are there are lost
    Reset {
        /// The snapshot
        #[arg(value_name = "NAME")]
        name: String,
        /// Do it; without this, it is only said what would be lost
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct Build {
    #[command(flatten)]
    pub choice: Choice,
    /// How many nodes to build at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Stop starting new nodes after the first failure
    #[arg(long, short = 'x')]
    pub fail_fast: bool,
    /// Make incremental models anew instead of adding to them
    #[arg(long)]
    pub full_refresh: bool,
    /// Build also what did not change
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub interval: AskedInterval,
    /// Name of the run that this process has a part in: whoever is given the same has the same epoch and the same logical
    /// time, and what one has done the others do not do again
    #[arg(long, value_name = "KEY", env = "SUIRO_RUN_KEY", value_parser = clap::builder::NonEmptyStringValueParser::new(), conflicts_with = "retry")]
    pub run_key: Option<String>,
    /// Do what is selected also if it is done, or failed for good, under the same run key
    #[arg(long)]
    pub again: bool,
    /// This is the last process of the run key, although it does not build everything: run `on_run_end`
    #[arg(long, requires = "run_key")]
    pub last: bool,
    /// Take up the last run, if it failed or was stopped, with its selection, its run key and its logical time
    #[arg(long, conflicts_with_all = ["select", "exclude"])]
    pub retry: bool,
    /// What it is when a newer run has published already: done, or to be tried again (status 75)
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub superseded: Superseded,
    /// In an environment, make views for all that it reads from production
    #[arg(long)]
    pub complete: bool,
    /// Print the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Print every statement as it is sent
    #[arg(long)]
    pub show_sql: bool,
    /// Whether snapshots begin anew; said by a command of its own
    #[arg(skip)]
    pub reset: bool,
}

#[derive(Debug, Args)]
pub struct Test {
    #[command(flatten)]
    pub build: Build,
    /// Run unit tests alone, in a database of this engine in memory; the target is not asked
    #[arg(long, value_name = "ENGINE", value_enum)]
    pub engine: Option<UnitEngine>,
}

/// What unit tests can run on besides the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnitEngine {
    /// DuckDB, in memory
    Duckdb,
}

#[derive(Debug, Args)]
pub struct Lineage {
    /// Model, seed or source, or one of its columns: `orders`, `orders.amount`
    #[arg(value_name = "NODE[.COLUMN]", required_unless_present_any = ["explain_edge", "json_lines"])]
    pub node: Option<String>,
    /// Only what it reads
    #[arg(long, conflicts_with = "downstream")]
    pub upstream: bool,
    /// Only what reads it
    #[arg(long)]
    pub downstream: bool,
    /// Show where in the SQL the reader READER reads READ
    #[arg(long, num_args = 2, value_names = ["READER", "READ"], conflicts_with_all = ["node", "upstream", "downstream"])]
    pub explain_edge: Option<Vec<String>>,
    /// Trace SQL of any dialect: one JSON object a line from standard input, one a line to standard output; no project
    #[arg(long, conflicts_with_all = ["node", "upstream", "downstream", "explain_edge"])]
    pub json_lines: bool,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: LineageFormat,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Model whose SQL to run
    #[arg(value_name = "MODEL", required_unless_present = "inline", conflicts_with = "inline")]
    pub model: Option<String>,
    /// SQL to run instead; names of the project are resolved
    #[arg(long, value_name = "SQL")]
    pub inline: Option<String>,
    /// Print this CTE of the model instead of its result
    #[arg(long, value_name = "NAME", requires = "model")]
    pub cte: Option<String>,
    /// Rows to print at most
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Query {
    /// SQL that only reads, sent as it is
    #[arg(value_name = "SQL")]
    pub sql: String,
    /// Rows to print at most
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: usize,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub enum Catalog {
    /// Run the queries of values/*.yml and write what they return into these files, for `values()` in templates
    Values {
        /// Lists to fetch: names of files below values/, without extension; without them all
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Read the columns of all sources from the target and keep them in catalog.json, so that SQL is checked without it
    Refresh,
}

/// What there is to do with documentation.
#[derive(Debug, Subcommand)]
pub enum Docs {
    /// Write the documentation as one file, target/docs/index.html, that opens from the disk; asks no database
    Generate(DocsGenerate),
    /// Serve the documentation to browsers on this machine, and make it anew when a file of the project changes
    Serve(DocsServe),
    /// Print who reads whom as a diagram, for other programs to draw
    Graph(DocsGraph),
    /// Write manifest, catalog and run results as another tool has them, for programs that read those
    Artifacts(DocsArtifacts),
}

#[derive(Debug, Args)]
pub struct DocsServe {
    /// Port of this machine; 0 takes any that is free
    #[arg(long, default_value_t = 8088, value_name = "PORT")]
    pub port: u16,
}

/// A language for diagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DiagramLanguage {
    /// Mermaid, which many places show in Markdown
    #[default]
    Mermaid,
    /// DOT, for Graphviz
    Dot,
}

/// A tool whose artifacts others can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ArtifactFormat {
    /// dbt: `manifest.json`, `catalog.json` and `run_results.json`, in target/dbt
    Dbt,
}

#[derive(Debug, Args)]
pub struct DocsArtifacts {
    /// Whose artifacts
    #[arg(long, value_enum)]
    pub format: ArtifactFormat,
}

#[derive(Debug, Args)]
pub struct DocsGraph {
    #[command(flatten)]
    pub choice: Choice,
    /// Language of the diagram
    #[arg(long, value_enum, default_value_t)]
    pub format: DiagramLanguage,
}

#[derive(Debug, Args)]
pub struct DocsGenerate {
    /// Write SQL to files beside the page, which reads them when it needs them: for thousands of models
    #[arg(long)]
    pub split: bool,
}

/// What there is to do with environments.
#[derive(Debug, Subcommand)]
pub enum Env {
    /// Say which there are, whose, how large, and until when
    List {
        /// Shape of the output
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Make one; the first `suiro build --env NAME` makes it, too
    Create(EnvCreate),
    /// Print what a shell needs so that its programs work in one: eval "$(suiro env open NAME)"
    Open(EnvOpen),
    /// Drop one, or all that have expired
    Drop(EnvDrop),
}

#[derive(Debug, Args)]
pub struct EnvOpen {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct EnvCreate {
    /// Its name: small letters, digits and `_`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How long it is wanted, such as 12h or 14d
    #[arg(long, value_name = "TIME", value_parser = long_duration)]
    pub expires: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct EnvDrop {
    /// Its name
    #[arg(value_name = "NAME", required_unless_present = "expired", conflicts_with = "expired")]
    pub name: Option<String>,
    /// Every one that is wanted no longer
    #[arg(long)]
    pub expired: bool,
    /// Do it; without this nothing is dropped
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Debug {
    /// Install the extensions that a DuckDB target names, from the network
    #[arg(long)]
    pub install_extensions: bool,
    /// Print the SQL that an administrator runs so that a role can build this project
    #[arg(long)]
    pub print_grants: bool,
    /// The role to grant to, instead of the target's
    #[arg(long, value_name = "ROLE", requires = "print_grants")]
    pub role: Option<String>,
    /// Shape of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What there is to do with templates.
#[derive(Debug, Subcommand)]
pub enum Template {
    /// Try a materialization or a test in a scratch schema: once, again, changed, forced, interrupted, with odd names
    Test(TemplateTest),
}

#[derive(Debug, Args)]
pub struct TemplateTest {
    /// Materialization or test to try out
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Configuration of the model, one YAML key each; of a test, what it is told
    #[arg(long, value_name = "YAML")]
    pub config: Vec<String>,
    /// Rows in which a test finds nothing; it is about their first column
    #[arg(long, value_name = "SQL", requires = "failing")]
    pub passing: Option<String>,
    /// Rows in which a test finds something
    #[arg(long, value_name = "SQL", requires = "passing")]
    pub failing: Option<String>,
    /// The test finds something where there are no rows
    #[arg(long, requires = "failing")]
    pub empty_fails: bool,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// Code, such as E0302; without it, all codes
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// Folder to write a page for each command to, such as /usr/local/share/man/man1
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// From dbt: models, seeds, sources, tests and macros, with plain names in the place of `ref()` and `source()`
    Dbt(ImportDbt),
}

#[derive(Debug, Args)]
pub struct ImportDbt {
    /// Folder of the dbt project
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Folder to write to, which must not exist or be empty; without it, `FOLDER_suiro`
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<PathBuf>,
    /// Shape of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
