//! The command line, case by case: `tests/cases/cli/<name>/` holds a project, `commands` (one invocation of suiro a
//! line) and `expected` (what they printed and how they ended). `SUIRO_BLESS=1` writes `expected` anew.
//!
//! And the pages of the error codes: `tests/cases/pages/E0302.case` holds a small project in one file and commands,
//! and `docs/errors/E0302.md` shows what the last of them prints, in a block that begins with the command. `SUIRO_BLESS=1` writes
//! that block anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

#[path = "support/printed.rs"]
mod printed;

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
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/pages");
    let mut pages: Vec<PathBuf> = fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let pages = pages.into_iter().map(|case| {
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        Trial::test(format!("pages::{name}"), move || check_page(&case))
    });
    let trials: Vec<Trial> = Iterator::chain(Vec::into_iter(trials), pages).collect();
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

/// Runs the command of a page's case, and compares with the page.
fn check_page(case: &Path) -> Result<(), Failed> {
    let code = case.file_stem().unwrap().to_string_lossy().into_owned();
    let place = tempfile::tempdir()?;
    let project = place.path().join("project");
    fs::create_dir_all(&project)?;
    let (mut command, mut variables) = (String::new(), Vec::new());
    let text = format!("\n{}", fs::read_to_string(case)?);
    let (head, sections) = text.split_at(text.find("\n== ").unwrap_or(text.len()));
    for line in head.lines() {
        variables.extend(line.strip_prefix("env ").and_then(|rest| rest.split_once(": ")));
    }
    for section in sections.split("\n== ").skip(1) {
        let (title, body) = section.split_once('\n').unwrap_or((section, ""));
        match title.strip_prefix("file ") {
            Some(path) => {
                let body = &format!("{body}\n");
                let (path, escaped) = path.strip_suffix(" (escaped)").map_or((path, false), |path| (path, true));
                let path = project.join(path);
                fs::create_dir_all(path.parent().unwrap())?;
                fs::write(path, if escaped { unescaped(body) } else { body.as_bytes().to_vec() })?;
            }
            None => command.push_str(body.trim()),
        }
    }
    let mut output = None;
    for line in command.lines() {
        let line = line.strip_prefix("suiro ").ok_or("the command is none of suiro's")?;
        output = Some(start(&words(line), &project).envs(variables.iter().copied()).output()?);
    }
    let (Some(output), Some(command)) = (output, command.lines().last()) else { return Err("no command".into()) };
    let printed = normalized(&String::from_utf8_lossy(&output.stderr), place.path());
    let printed = printed.replace("[folder]/project", "/home/ann/shop");
    if !printed.contains(&format!("error[{code}]")) && !printed.contains(&format!("warning[{code}]")) {
        return Err(format!("the case does not lead to {code}:\n{printed}").into());
    }
    let block = format!("```console\n$ {command}\n{}\n```\n", printed.trim_end());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/errors/{code}.md"));
    let text = fs::read_to_string(&page)?;
    if text.contains(&block) {
        return Ok(());
    }
    if std::env::var_os("SUIRO_BLESS").is_some() {
        fs::write(&page, with_block(&text, &block, &code)).map_err(Failed::from)
    } else {
        Err(format!("docs/errors/{code}.md does not show this (SUIRO_BLESS=1 writes it):\n{block}").into())
    }
}

/// The page with the block in the place of the one that shows an output now, else before what to do.
fn with_block(page: &str, block: &str, code: &str) -> String {
    let mut at = 0;
    let mut fences = page.match_indices("```").map(|(at, _)| at);
    while let (Some(start), Some(end)) = (fences.next(), fences.next()) {
        let end = end + page[end..].find('\n').map_or(page.len() - end, |line| line + 1);
        let shown = &page[start..end];
        if shown.starts_with("```console\n$ suiro") || shown.contains(&format!("error[{code}]")) {
            return format!("{}{block}{}", &page[..start], &page[end..]);
        }
        at = end;
    }
    let at = page.find("**What to do").unwrap_or(at);
    format!("{}{block}\n{}", &page[..at], &page[at..])
}

/// `\\xNN` is a byte, `\\n` a line break; the line breaks of the case itself do not count.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars().filter(|character| *character != '\n');
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some('x') => {
                    let digits: String = rest.by_ref().take(2).collect();
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                Some('n') => bytes.push(b'\n'),
                other => panic!("\\{other:?}"),
            },
            other => bytes.extend(other.to_string().bytes()),
        }
    }
    bytes
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

fn start(words: &[String], project: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suiro"));
    command
        .args(words)
        .current_dir(project)
        .env_clear()
        .env("COLUMNS", "80")
        .env("TZ", "Asia/Tokyo")
        .env("HOME", project)
        .stdin(Stdio::null());
    command
}

fn invoke(line: &str, project: &Path) -> Result<String, Failed> {
    let output = start(&words(line), project).output()?;
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
    printed::steady(&text.replace(&place.to_string_lossy().into_owned(), "[folder]"))
}
