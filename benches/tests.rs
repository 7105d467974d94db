//! Three tests for each model against one script with the same queries, on DuckDB and on PostgreSQL.
//!
//! ```text
//! cargo bench --bench tests                     1,000 models and 3,000 tests on both engines
//! cargo bench --bench tests -- 200 duckdb       another number, one engine
//! ```
//!
//! What the tests add to a build is the time of `suiro build` of a project with tests less that of the same project
//! without; `suiro test` is measured besides, all of it. Times are medians of several turns.

#![expect(clippy::expect_used, clippy::panic, reason = "a measurement that cannot be made ends the program")]
#![expect(clippy::cast_possible_truncation, reason = "figures for people")]

mod cluster;
mod generate;
mod measure;

use cluster::{Cluster, ROLE};
use duckdb::Connection;
use generate::{Layout, configuration};
use measure::{Limit, Taken, judge, median, megabytes, run, seconds, set_aside};
use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode},
};

const TURNS: usize = 3;
/// What the tests may add to a build, in times of the script.
const ALLOWED: f64 = 1.5;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, database, script] = arguments.as_slice()
        && flag == "--script"
    {
        let sql = fs::read_to_string(script).expect("a script");
        Connection::open(database).expect("a database").execute_batch(&sql).expect("a script that runs");
        return ExitCode::SUCCESS;
    }
    let count = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(1_000);
    let wants = |engine: &str| {
        let named = arguments.iter().any(|argument| matches!(argument.as_str(), "duckdb" | "postgres"));
        !named || arguments.iter().any(|argument| argument == engine)
    };
    let layout = Layout::of(count);
    println!("{count} table models, {} edges, {} tests\n", layout.edges(), count * 3);
    println!(
        "{:<10} {:>9} {:>9} {:>9} {:>9} {:>8}   {:>6} {:>6}",
        "", "script", "without", "with", "test", "", "added", "alone"
    );
    let mut limits = Vec::new();
    if wants("duckdb") {
        limits.extend(show("DuckDB", &on_duckdb(&layout)));
    }
    if wants("postgres") {
        limits.extend(show("PostgreSQL", &on_postgres(&layout)));
    }
    if judge(&limits) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The medians of what was measured.
#[derive(Default)]
struct Turns {
    script: Vec<Taken>,
    without: Vec<Taken>,
    with: Vec<Taken>,
    alone: Vec<Taken>,
}

fn show(engine: &str, turns: &Turns) -> [Limit; 2] {
    let time = |taken: &Vec<Taken>| median(taken.clone()).time;
    let script = time(&turns.script).as_secs_f64();
    let (without, with) = (time(&turns.without), time(&turns.with));
    let added = with.saturating_sub(without).as_secs_f64() / script;
    let alone = time(&turns.alone).as_secs_f64() / script;
    println!(
        "{engine:<10} {:>9} {:>9} {:>9} {:>9} {:>8}   {added:>6.2} {alone:>6.2}",
        seconds(time(&turns.script)),
        seconds(without),
        seconds(with),
        seconds(time(&turns.alone)),
        megabytes(median(turns.alone.clone()).memory),
    );
    [
        Limit { what: format!("{engine}: what tests add to a build"), is: added, allowed: ALLOWED },
        Limit { what: format!("{engine}: `suiro test`"), is: alone, allowed: ALLOWED },
    ]
}

/// The project without and with tests, each in a folder, and the script of their queries beside the second.
fn written(layout: &Layout, postgres: Option<u16>) -> [tempfile::TempDir; 2] {
    let server = postgres.map(|port| ("127.0.0.1", port, ROLE));
    let folders = [tempfile::tempdir().expect("a temporary folder"), tempfile::tempdir().expect("a temporary folder")];
    for folder in &folders {
        layout.write(folder.path(), &configuration("table", server)).expect("a written project");
    }
    let (yaml, script) = layout.tests();
    fs::write(folders[1].path().join("models/tests.yml"), yaml).expect("written tests");
    fs::write(folders[1].path().join("tests.sql"), script).expect("a written script");
    folders
}

fn on_duckdb(layout: &Layout) -> Turns {
    let [plain, tested] = written(layout, None);
    let myself = env::current_exe().expect("the path of this program");
    let setup = fs::read_to_string(plain.path().join("setup.sql")).expect("the statements for the source tables");
    let fresh = |folder: &Path| {
        let database = folder.join("bench.duckdb");
        set_aside(&database);
        set_aside(&folder.join("target"));
        Connection::open(&database).expect("a database").execute_batch(&setup).expect("source tables");
    };
    let mut turns = Turns::default();
    for _ in 0..TURNS {
        fresh(plain.path());
        turns.without.push(run(&mut suiro(plain.path(), "build")));
        fresh(tested.path());
        turns.with.push(run(&mut suiro(tested.path(), "build")));
        let (database, script) = (tested.path().join("bench.duckdb"), tested.path().join("tests.sql"));
        turns.script.push(run(Command::new(&myself).arg("--script").arg(database).arg(script)));
        turns.alone.push(run(&mut suiro(tested.path(), "test")));
    }
    turns
}

fn on_postgres(layout: &Layout) -> Turns {
    let cluster = Cluster::start();
    let [plain, tested] = written(layout, Some(cluster.port));
    let fresh = |folder: &Path| {
        cluster.empty_database();
        run(cluster.psql(ROLE, "bench").arg("-f").arg(folder.join("setup.sql")));
        set_aside(&folder.join("target"));
    };
    let mut turns = Turns::default();
    for _ in 0..TURNS {
        fresh(plain.path());
        turns.without.push(run(suiro(plain.path(), "build").args(["--target", "pg"])));
        fresh(tested.path());
        turns.with.push(run(suiro(tested.path(), "build").args(["--target", "pg"])));
        turns.script.push(run(cluster.psql(ROLE, "bench").arg("-f").arg(tested.path().join("tests.sql"))));
        turns.alone.push(run(suiro(tested.path(), "test").args(["--target", "pg"])));
    }
    turns
}

fn suiro(folder: &Path, verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suiro"));
    command.arg(verb).current_dir(folder);
    command
}
