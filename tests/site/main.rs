//! The documentation in a real browser: Chromium, driven by playwright-core, opens the page from the disk, with a proxy
//! that nobody listens at, so that a request that leaves the page is noticed.
//!
//! Each scenario of `scenarios.mjs` is a test. It gets the page of a project that is made here: the example, built twice;
//! one whose names, descriptions and SQL try to break out of the page; or one of 600 models.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod projects;

use libtest_mimic::{Arguments, Failed, Trial};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::LazyLock,
};

/// The scenarios, and the project that each of them looks at.
const SCENARIOS: [(&str, Kind); 12] = [
    ("opens_every_page_and_asks_nobody", Kind::Shop),
    ("search_finds_names_columns_descriptions_and_sql", Kind::Shop),
    ("links_lead_to_what_they_name", Kind::Shop),
    ("the_graph_shows_a_neighbourhood", Kind::Shop),
    ("the_keyboard_is_enough", Kind::Shop),
    ("everything_has_a_name_for_screen_readers", Kind::Shop),
    ("dark_light_narrow_and_paper", Kind::Shop),
    ("what_users_wrote_stays_text", Kind::Hostile),
    ("what_failed_is_told", Kind::Hostile),
    ("a_large_project_opens_on_a_neighbourhood", Kind::Large),
    ("groups_fold_and_unfold", Kind::Large),
    ("a_folder_of_files_is_the_same_page", Kind::Split),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Shop,
    Hostile,
    Large,
    Split,
}

/// A project's documentation, made when it is first asked for.
type Made = LazyLock<Result<(tempfile::TempDir, PathBuf), String>>;

static SHOP: Made =
    LazyLock::new(|| projects::shop().map_err(|error| error.message().unwrap_or("it cannot be made").to_owned()));
static HOSTILE: Made =
    LazyLock::new(|| projects::hostile().map_err(|error| error.message().unwrap_or("it cannot be made").to_owned()));
static LARGE: Made =
    LazyLock::new(|| projects::large(false).map_err(|error| error.message().unwrap_or("it cannot be made").to_owned()));
static SPLIT: Made =
    LazyLock::new(|| projects::large(true).map_err(|error| error.message().unwrap_or("it cannot be made").to_owned()));

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = SCENARIOS.map(|(name, kind)| Trial::test(format!("site::{name}"), move || run(name, kind)));
    let mut trials = Vec::from(trials);
    trials.push(Trial::test("site::the_same_project_is_the_same_page", projects::is_stable));
    trials.push(Trial::test("site::what_is_served_follows_its_files", served));
    trials.push(Trial::test("site::secrets_are_masked", projects::secrets_are_masked));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Serves the example, and lets the browser look at it while its files change.
fn served() -> Result<(), Failed> {
    let (place, _) = projects::shop()?;
    let mut server = Command::new(env!("CARGO_BIN_EXE_suiro"))
        .args(["docs", "serve", "--port", "0"])
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let mut told = lines.map_while(Result::ok);
    let address = told.find_map(|line| Some(line.split_once(" at ")?.1.split(' ').next()?.to_owned()));
    // What it says later has to go somewhere, too.
    let rest = std::thread::spawn(move || told.count());
    let looked = match address {
        Some(address) => drive("what_is_served_follows_its_files", &address, place.path()),
        None => Err("it does not say where it serves".into()),
    };
    server.kill()?;
    server.wait()?;
    drop(rest.join());
    looked
}

fn run(scenario: &str, kind: Kind) -> Result<(), Failed> {
    let made = match kind {
        Kind::Shop => &SHOP,
        Kind::Hostile => &HOSTILE,
        Kind::Large => &LARGE,
        Kind::Split => &SPLIT,
    };
    let (_, page) = made.as_ref().map_err(|why| Failed::from(why.as_str()))?;
    drive(scenario, &page.to_string_lossy(), page)
}

/// Lets the browser open an address and carry out a scenario.
fn drive(scenario: &str, address: &str, project: &Path) -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("node")
        .arg(root.join("tests/site/run.mjs"))
        .args([scenario, address])
        .env("SUIRO_PROJECT", project)
        .env("SUIRO_PLAYWRIGHT", root.join(".cargo/playwright-core"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("node cannot be started ({error}); `bash .ci/setup --tests` installs it"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)).into())
}
