//! `suiro build` of table models against one script that creates the same tables, on DuckDB and on PostgreSQL.
//!
//! ```text
//! cargo bench --bench build                     1,000 models on both engines
//! cargo bench --bench build -- 200 duckdb       another number, one engine
//! ```
//!
//! Each run begins with a new database that has the source tables only. Times are medians; the script and suiro take
//! turns. Afterwards the rows that both made are counted and compared: a fast build of something else counts for nothing.

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
    println!("{count} table models, {} edges\n", layout.edges());
    println!("{:<10} {:>9} {:>8}   {:>9} {:>8}   {:>6}", "", "script", "", "suiro", "", "ratio");
    let mut limits = Vec::new();
    if wants("duckdb") {
        limits.push(show("DuckDB", on_duckdb(&layout), 1.4));
    }
    if wants("postgres") {
        limits.push(show("PostgreSQL", on_postgres(&layout), 2.5));
    }
    if judge(&limits) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(engine: &str, (script, suiro): (Taken, Taken), allowed: f64) -> Limit {
    let is = suiro.time.as_secs_f64() / script.time.as_secs_f64();
    println!(
        "{engine:<10} {:>9} {:>8}   {:>9} {:>8}   {is:>6.2}",
        seconds(script.time),
        megabytes(script.memory),
        seconds(suiro.time),
        megabytes(suiro.memory)
    );
    Limit { what: format!("{engine}: times one script"), is, allowed }
}

/// The project in a folder, and the script beside it.
fn written(layout: &Layout, postgres: Option<u16>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = postgres.map(|port| ("127.0.0.1", port, ROLE));
    layout.write(folder.path(), &configuration("table", server)).expect("a written project");
    folder
}

fn on_duckdb(layout: &Layout) -> (Taken, Taken) {
    let folder = written(layout, None);
    let myself = env::current_exe().expect("the path of this program");
    let (by_script, by_suiro) = (folder.path().join("script.duckdb"), folder.path().join("bench.duckdb"));
    let setup = fs::read_to_string(folder.path().join("setup.sql")).expect("the statements for the source tables");
    let mut taken = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        for database in [&by_script, &by_suiro] {
            set_aside(database);
            Connection::open(database).expect("a database").execute_batch(&setup).expect("source tables");
        }
        set_aside(&folder.path().join("target"));
        let script = folder.path().join("script.sql");
        taken.0.push(run(Command::new(&myself).arg("--script").arg(&by_script).arg(script)));
        taken.1.push(run(&mut suiro(folder.path())));
    }
    let counts = [&by_script, &by_suiro].map(|database| {
        let connection = Connection::open(database).expect("a database");
        counting(layout, |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count").to_string())
    });
    assert_eq!(counts[0], counts[1], "suiro built something else than the script");
    (median(taken.0), median(taken.1))
}

fn on_postgres(layout: &Layout) -> (Taken, Taken) {
    let cluster = Cluster::start();
    let folder = written(layout, Some(cluster.port));
    let setup = folder.path().join("setup.sql");
    let script = folder.path().join("script.sql");
    let fresh = || {
        cluster.empty_database();
        run(cluster.psql(ROLE, "bench").arg("-f").arg(&setup));
    };
    let count = || {
        counting(layout, |sql| {
            let output = cluster.psql(ROLE, "bench").args(["-At", "-c", sql]).output().expect("psql");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        })
    };
    let mut taken = (Vec::new(), Vec::new());
    let mut counts = Vec::new();
    for _ in 0..TURNS {
        fresh();
        taken.0.push(run(cluster.psql(ROLE, "bench").arg("-f").arg(&script)));
        counts.push(count());
        fresh();
        set_aside(&folder.path().join("target"));
        taken.1.push(run(suiro(folder.path()).args(["--target", "pg"])));
        counts.push(count());
    }
    assert!(counts.iter().all(|count| *count == counts[0]), "suiro built something else than the script: {counts:?}");
    (median(taken.0), median(taken.1))
}

/// Rows of every hundredth model, added up, through something that answers a query.
fn counting(layout: &Layout, ask: impl Fn(&str) -> String) -> Vec<String> {
    let models = layout.models.iter().rev().step_by(layout.models.len().div_ceil(100));
    models.map(|model| ask(&format!("select count(*) from {}", model.qualified()))).collect()
}

fn suiro(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suiro"));
    command.arg("build").current_dir(folder);
    command
}
