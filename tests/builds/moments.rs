//! The program is killed at random moments, also inside of statements, and its sessions are ended by the server.
//!
//! `SUIRO_KILLS` says how often on each engine (100), `SUIRO_SEED` at which moments; the seed is printed.

use crate::{
    crashes::{make_good, seen, transacted, write},
    on_both_engines,
    project::Project,
};
use std::{
    process::Child,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Numbers that a seed gives (Marsaglia, "Xorshift RNGs", 2003).
struct Random(u64);

impl Random {
    /// With the seed that was asked for, or one of the clock.
    fn new() -> Self {
        let asked = std::env::var("SUIRO_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = asked.unwrap_or_else(|| u64::from(now.subsec_nanos()) | 1);
        println!("SUIRO_SEED={seed}");
        Self(seed)
    }

    /// A number below that one.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

fn kills() -> u32 {
    std::env::var("SUIRO_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(100)
}

/// The models of the other crashes, one of which takes a while.
fn write_slow(project: &Project) -> Vec<(&'static str, &'static str)> {
    let mut all = write(project);
    let rows = if project.database.is_some() { "generate_series(1, 300000)" } else { "range(3000000)" };
    project.models(&[("slow", &format!("select max(b.v) as v, count(*) as n from base as b, {rows} as r"))]);
    all.push(("slow", "select max(v) from core.slow"));
    all
}

fn start(project: &Project, version: u32) -> Child {
    project.start(&["build", "--vars", &format!("v: {version}")])
}

/// What stands is one version, as a whole.
fn is_whole(project: &Project, all: &[(&str, &str)], (old, new): (u32, u32), what: &str) {
    let found = transacted(all, seen(project, all));
    let whole = |version: u32| found.iter().all(|value| *value == version.to_string());
    assert!(whole(old) || whole(new), "{what}: {found:?} between {old} and {new}");
}

/// The next run makes good: every relation has the new version, and what is added to has each version once.
fn is_good(project: &Project, all: &[(&str, &str)], version: u32, what: &str) {
    make_good(project, version);
    let found = seen(project, all);
    assert!(found.iter().all(|value| *value == version.to_string()), "{what}: {found:?} instead of {version}");
    let versions = project.value("select count(*) || ' ' || count(distinct v) from core.appended");
    assert_eq!(versions, format!("{version} {version}"), "{what}: each version once");
    assert_eq!(project.value("select count(*) from core.merged"), "1", "{what}");
}

/// How long an uninterrupted run takes, in microseconds.
fn time(project: &Project, version: u32) -> u64 {
    let begin = Instant::now();
    make_good(project, version);
    u64::try_from(begin.elapsed().as_micros()).unwrap()
}

on_both_engines! {
    /// A kill at any moment leaves what was published, or the whole of the new.
    fn killed_at_random_moments_nothing_is_lost_or_doubled(project) {
        let mut random = Random::new();
        let all = write_slow(project);
        make_good(project, 1);
        let whole = time(project, 2);
        let (mut version, mut inside) = (2, 0);
        for number in 1..=kills() {
            let next = version + 1;
            let moment = random.below(whole + whole / 10);
            let mut child = start(project, next);
            thread::sleep(Duration::from_micros(moment));
            inside += u32::from(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
            let what = format!("kill {number} after {moment} µs");
            is_whole(project, &all, (version, next), &what);
            is_good(project, &all, next, &what);
            version = next;
        }
        println!("killed at {inside} random moments: 0 failures");
        assert!(inside * 2 > kills(), "most of them came before the end");
    }
}

/// The server ends one of the run's sessions at a random moment: the run makes it good by itself, or can be repeated.
#[test]
fn sessions_ended_at_random_moments_lose_and_double_nothing() {
    let mut random = Random::new();
    let project = Project::on_postgres();
    let all = write_slow(&project);
    make_good(&project, 1);
    let whole = time(&project, 2);
    let (mut version, mut ended, mut done) = (2, 0, 0);
    let mut admin = project.database.as_ref().unwrap().admin();
    for number in 1..=kills() / 2 {
        let next = version + 1;
        let moment = random.below(whole);
        let child = project.start_heard(&["build", "--vars", &format!("v: {next}")]);
        thread::sleep(Duration::from_micros(moment));
        let end = "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity \
             where datname = pg_catalog.current_database() and application_name like 'suiro %' and pid <> pg_catalog.pg_backend_pid() order by pg_catalog.random() limit 1";
        ended += admin.query(end, None).unwrap().rows.len();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let what = format!("session {number} ended after {moment} µs: {said}");
        assert!([Some(0), Some(75)].contains(&output.status.code()), "{what}");
        done += u32::from(output.status.success());
        is_whole(&project, &all, (version, next), &what);
        is_good(&project, &all, next, &what);
        version = next;
    }
    println!("{ended} sessions ended at random moments: 0 failures, {done} runs made it good by themselves");
    assert!(ended > 10, "{ended}");
}
