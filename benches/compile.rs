//! `suiro compile` against the floor: the same files read and parsed by `sqlparser` alone, in parallel.
//!
//! ```text
//! cargo bench --bench compile                              5,000 and 50,000 models
//! cargo bench --bench compile -- 1000                      other numbers
//! cargo bench --bench compile -- --generate 5000 FOLDER    only writes the project
//! ```
//!
//! Both are separate processes, started in turn, on the same folder, writing included; times are medians.

#![expect(clippy::expect_used, clippy::panic, reason = "a measurement that cannot be made ends the program")]
#![expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures for people")]

mod floor;
mod generate;
mod measure;

use generate::{Layout, configuration};
use measure::{Limit, Taken, judge, median, megabytes, run, seconds, set_aside};
use std::{
    env,
    path::Path,
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--floor", folder] => floor::floor(Path::new(folder)),
        ["--generate", count, folder] => {
            let layout = Layout::of(number(count));
            let bytes = write(&layout, Path::new(folder));
            println!(
                "{} models, {} edges, {} bytes each",
                layout.models.len(),
                layout.edges(),
                bytes / layout.models.len()
            );
        }
        [] => return compare(&[5_000, 50_000]),
        counts => return compare(&counts.iter().map(|count| number(count)).collect::<Vec<_>>()),
    }
    ExitCode::SUCCESS
}

fn number(text: &str) -> usize {
    text.replace(['_', ','], "").parse().unwrap_or_else(|_| panic!("`{text}` is no number of models"))
}

fn write(layout: &Layout, folder: &Path) -> usize {
    layout.write(folder, &configuration("view", None)).expect("a written project")
}

fn compare(counts: &[usize]) -> ExitCode {
    let myself = env::current_exe().expect("the path of this program");
    println!("{:>7} {:>7}   {:>9} {:>7}   {:>9} {:>8}   {:>6}", "models", "edges", "floor", "", "suiro", "", "ratio");
    let mut results: Vec<(usize, Taken, Taken)> = Vec::new();
    for &count in counts {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let layout = Layout::of(count);
        write(&layout, folder.path());
        let (mut floors, mut suiros) = (Vec::new(), Vec::new());
        for turn in 0..if count > 10_000 { 4 } else { 8 } {
            let floor = run(Command::new(&myself).arg("--floor").arg(folder.path()));
            set_aside(&folder.path().join("target"));
            let suiro = run(Command::new(env!("CARGO_BIN_EXE_suiro")).arg("compile").current_dir(folder.path()));
            // The first turn warms the file cache for both.
            if turn > 0 {
                floors.push(floor);
                suiros.push(suiro);
            }
        }
        let (floor, suiro) = (median(floors), median(suiros));
        let ratio = suiro.time.as_secs_f64() / floor.time.as_secs_f64();
        println!(
            "{count:>7} {:>7}   {:>9} {:>7}   {:>9} {:>8}   {ratio:>6.2}",
            layout.edges(),
            seconds(floor.time),
            megabytes(floor.memory),
            seconds(suiro.time),
            megabytes(suiro.memory),
        );
        results.push((count, floor, suiro));
    }
    let mut limits = Vec::new();
    let small = results.iter().find(|(count, ..)| *count == 5_000);
    let large = results.iter().find(|(count, ..)| *count == 50_000);
    if let Some((_, floor, suiro)) = small {
        let is = suiro.time.as_secs_f64() / floor.time.as_secs_f64();
        limits.push(Limit { what: "5,000 models: times the floor".into(), is, allowed: 4.0 });
        limits.push(Limit { what: "5,000 models: MB".into(), is: suiro.memory as f64 / 1e6, allowed: 300.0 });
    }
    if let Some((_, _, suiro)) = large {
        limits.push(Limit { what: "50,000 models: MB".into(), is: suiro.memory as f64 / 1e6, allowed: 2_500.0 });
    }
    if let (Some((_, _, small)), Some((_, _, large))) = (small, large) {
        let is = large.time.as_secs_f64() / 10.0 / small.time.as_secs_f64();
        limits.push(Limit { what: "time per model, 50,000 over 5,000".into(), is, allowed: 1.3 });
    }
    if judge(&limits) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
