//! `suiro docs generate` against the floor, and its page in Chromium: 5,000 models.
//!
//! ```text
//! cargo bench --bench docs            5,000 models
//! cargo bench --bench docs -- 1000    another number
//! ```
//!
//! The floor is the same files read and parsed by `sqlparser` alone. The browser is driven by `benches/browser/measure.mjs`,
//! which says what each figure is. `bash .ci/setup --tests` brings what it needs.

#![expect(clippy::expect_used, clippy::panic, reason = "a measurement that cannot be made ends the program")]
#![expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures for people")]

mod floor;
mod generate;
mod measure;

use generate::{Layout, configuration};
use measure::{Limit, judge, median, megabytes, run, seconds, set_aside};
use serde_json::Value;
use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--floor", folder] => {
            floor::floor(Path::new(folder));
            ExitCode::SUCCESS
        }
        [] => compare(5_000),
        [count] => compare(count.parse().unwrap_or_else(|_| panic!("`{count}` is no number of models"))),
        others => panic!("{others:?}: a number of models, or nothing"),
    }
}

fn compare(count: usize) -> ExitCode {
    let myself = env::current_exe().expect("the path of this program");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let layout = Layout::of(count);
    layout.write(folder.path(), &configuration("view", None)).expect("a written project");
    let (mut floors, mut suiros) = (Vec::new(), Vec::new());
    for turn in 0..6 {
        let floor = run(Command::new(&myself).arg("--floor").arg(folder.path()));
        set_aside(&folder.path().join("target"));
        let suiro =
            run(Command::new(env!("CARGO_BIN_EXE_suiro")).args(["docs", "generate"]).current_dir(folder.path()));
        // The first turn warms the file cache for both.
        if turn > 0 {
            floors.push(floor);
            suiros.push(suiro);
        }
    }
    let (floor, suiro) = (median(floors), median(suiros));
    let page = folder.path().join("target/docs/index.html");
    let size = fs::metadata(&page).expect("the page").len();
    println!(
        "{count} models, {} edges between them: floor {}, docs generate {} ({}), page {}",
        layout.edges(),
        seconds(floor.time),
        seconds(suiro.time),
        megabytes(suiro.memory),
        megabytes(size)
    );
    let browser = browser(&page);
    let figure = |name: &str| browser.get(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("no figure `{name}`"));
    println!("{browser:#}");
    let frames = ["pan_all", "pan_near", "pan_close"].map(figure).into_iter().fold(f64::INFINITY, f64::min);
    let limits = [
        Limit {
            what: "docs generate: times the floor".into(),
            is: suiro.time.as_secs_f64() / floor.time.as_secs_f64(),
            allowed: 20.0,
        },
        Limit { what: "page: MB".into(), is: size as f64 / 1e6, allowed: 25.0 },
        Limit { what: "first view: seconds".into(), is: figure("first_view") / 1e3, allowed: 1.5 },
        Limit { what: "search: milliseconds, the slowest".into(), is: figure("search"), allowed: 50.0 },
        Limit {
            what: "pan: milliseconds a frame, the slowest of three sizes".into(),
            is: 1e3 / frames,
            allowed: 1e3 / 30.0,
        },
        Limit {
            what: "whole graph: layers that are not in the picture".into(),
            is: figure("missing_layers"),
            allowed: 0.0,
        },
    ];
    if judge(&limits) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The figures of the page in a browser.
fn browser(page: &Path) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("node")
        .arg(root.join("benches/browser/measure.mjs"))
        .arg(page)
        .env("SUIRO_PLAYWRIGHT", root.join(".cargo/playwright-core"))
        .stdin(Stdio::null())
        .output()
        .expect("node");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).expect("figures as JSON")
}
