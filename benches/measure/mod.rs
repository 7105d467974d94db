//! Runs programs and says how long they took and how much memory they had at most.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What one run of a program took.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// From start to end, as a clock on the wall has it.
    pub time: Duration,
    /// The most memory it had resident, in bytes; 0 where the system does not tell.
    pub memory: u64,
}

/// Runs a program to its end; its output goes to a file, which is shown if it fails.
///
/// # Panics
/// If it cannot be started or fails: a measurement of a failure means nothing.
pub fn run(command: &mut Command) -> Taken {
    let output = tempfile::NamedTempFile::new().expect("a temporary file");
    let log = || Stdio::from(output.reopen().expect("the temporary file again"));
    command.stdin(Stdio::null()).stdout(log()).stderr(log());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let status = format!("/proc/{}/status", child.id());
    let watcher = thread::spawn(move || {
        // The kernel keeps the highest value itself, so only what is added in the last two milliseconds is missed.
        let mut most = 0;
        while let Some(now) = highest(&status) {
            most = most.max(now);
            thread::sleep(Duration::from_millis(2));
        }
        most
    });
    let ended = child.wait().expect("its end");
    let time = begun.elapsed();
    let memory = watcher.join().expect("the watcher");
    if !ended.success() {
        let text = fs::read_to_string(output.path()).unwrap_or_default();
        panic!("{command:?}: {ended}\n{text}");
    }
    Taken { time, memory }
}

/// `VmHWM` of a process that is still running.
fn highest(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The run in the middle by time, with the most memory of all.
///
/// # Panics
/// If there was none.
pub fn median(mut runs: Vec<Taken>) -> Taken {
    runs.sort_by_key(|taken| taken.time);
    let memory = runs.iter().map(|taken| taken.memory).max().expect("at least one run");
    Taken { time: runs[runs.len() / 2].time, memory }
}

/// Moves what a measured run wrote out of the way, so that the next one begins where it began.
///
/// Not removed: ext4 looks at each file deleted in the last minutes before it gives a new one its place, which makes the
/// next run's files ten times as slow to create as they are in a folder that nothing was deleted from.
pub fn set_aside(path: &Path) {
    for number in 0.. {
        let mut other = path.to_owned().into_os_string();
        other.push(format!(".{number}"));
        if !Path::new(&other).exists() {
            let _ = fs::rename(path, other);
            return;
        }
    }
}

/// A line of a result: what, how much, and how much is allowed.
pub struct Limit {
    /// What is compared.
    pub what: String,
    /// What came out.
    pub is: f64,
    /// The most that may come out.
    pub allowed: f64,
}

/// Prints what came out against what is allowed; the answer is whether all of it held.
pub fn judge(limits: &[Limit]) -> bool {
    println!();
    for Limit { what, is, allowed } in limits {
        let verdict = if is <= allowed { "ok" } else { "OVER" };
        println!("{what:<52} {is:>8.2}   allowed {allowed:>8.2}   {verdict}");
    }
    limits.iter().all(|limit| limit.is <= limit.allowed)
}

/// `0.153 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// `48 MB`.
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}
