//! The command line, case by case: `tests/cases/cli/<name>/` holds a project, `commands` (one invocation of suiro a
//! line) and `expected` (what they printed and how they ended). `SUIRO_BLESS=1` writes `expected` anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use libtest_mimic::{Arguments, Failed, Trial};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/cli");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{} holds no cases", folder.display());
    let trials = cases
        .into_iter()
        .map(|case| {
            let name = case.file_name().unwrap().to_string_lossy().into_owned();
            Trial::test(format!("cli::{name}"), move || run(&case))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(case: &Path) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let project = place.path().join("project");
    copy(case, &project)?;
    let mut actual = String::new();
    for line in fs::read_to_string(case.join("commands"))?.lines().filter(|line| !line.trim().is_empty()) {
        writeln!(actual, "$ suiro {line}")?;
        actual.push_str(&invoke(line, &project)?);
    }
    let actual = normalized(&actual, place.path());
    let expected = case.join("expected");
    if std::env::var_os("SUIRO_BLESS").is_some() {
        fs::write(&expected, actual)?;
        return Ok(());
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    if wanted == actual {
        return Ok(());
    }
    Err(format!("--- expected\n{wanted}\n+++ actual\n{actual}\n(SUIRO_BLESS=1 accepts it)").into())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else if name != "commands" && name != "expected" {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

fn invoke(line: &str, project: &Path) -> Result<String, Failed> {
    let words = words(line);
    let output = Command::new(env!("CARGO_BIN_EXE_suiro"))
        .args(&words)
        .current_dir(project)
        .env_clear()
        .env("COLUMNS", "80")
        .env("TZ", "Asia/Tokyo")
        .env("HOME", project)
        .stdin(Stdio::null())
        .output()?;
    let mut text = String::new();
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let printed = String::from_utf8_lossy(bytes);
        if !printed.trim().is_empty() {
            writeln!(text, "--- {name}\n{}", printed.trim_end())?;
        }
    }
    writeln!(text, "--- exit {}\n", output.status.code().map_or("by signal".to_owned(), |code| code.to_string()))?;
    Ok(text)
}

/// Splits at white space outside of single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Takes out what differs from run to run: places of temporary folders, times, run names.
fn normalized(text: &str, place: &Path) -> String {
    let text = text.replace(&place.to_string_lossy().into_owned(), "[folder]");
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(times(&runs(line)).trim_end().to_owned());
    }
    lines.join("\n") + "\n"
}

/// `(run 20261123T112530-4f2a91)` becomes `(run [run])`.
fn runs(line: &str) -> String {
    match line.find("(run ") {
        Some(at) => format!("{}(run [run])", &line[..at]),
        None => line.to_owned(),
    }
}

/// `0.04 s` becomes `[t] s`, and the spaces before it one, since its width moves them.
fn times(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(" s") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        let number = before.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        if number.len() < before.len() && !after.starts_with(char::is_alphanumeric) {
            text.push_str(number.trim_end());
            text.push_str(" [t] s");
        } else {
            text.push_str(&rest[..at + 2]);
        }
        rest = after;
    }
    text.push_str(rest);
    text
}
