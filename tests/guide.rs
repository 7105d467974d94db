//! The guide, page by page: what `docs/guide/*.md` and the repository's README show is carried out, in order, in an empty folder for each page.
//!
//! A fenced block whose first line names a file (```` ```sql models/orders.sql ````) is written to that file. A block of
//! `console` holds lines `$ command`, each followed by exactly what it prints on a terminal, and by `[exit 65]` where
//! its status is not 0; a line `…` stands for any number of lines. Times and names of runs do not count. Any other
//! block says why nothing is done with it (```` ```yaml not-run: a part of a file ````), and there are few of them.
//! A page that has a target of PostgreSQL gets a database and the `PG…` variables that lead to it; a role `reporting`
//! exists there. `SUIRO_BLESS=1` writes what was printed into the pages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

#[path = "support/printed.rs"]
mod printed;
#[path = "support/mod.rs"]
mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use std::{
    fmt::Write as _,
    fs,
    io::{Read, pipe},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};
use support::postgres::{self, Database, ROLE};

/// Of so many blocks of the guide, one may be such that nothing is done with it.
const ONE_OF: usize = 8;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> =
        fs::read_dir(root.join("docs/guide")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    assert!(!pages.is_empty(), "the guide has no pages");
    pages.push(root.join("README.md"));
    let all = pages.clone();
    let mut trials = vec![Trial::test("most_of_the_guide_is_carried_out", move || count(&all))];
    for page in pages {
        let name = page.strip_prefix(root).unwrap().with_extension("").to_string_lossy().replace("docs/guide/", "");
        let name = if name == "README" && page.starts_with(root.join("docs")) { "index".to_owned() } else { name };
        trials.push(Trial::test(format!("page::{name}"), move || check(&page)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What is done with a fenced block.
#[derive(Debug, PartialEq)]
enum Use {
    /// Its text is written to this file.
    File(String),
    /// Its commands are run.
    Console,
    /// Nothing.
    NotRun,
}

/// A fenced block: what is done with it, and where its text stands in the page.
struct Block {
    about: Use,
    line: usize,
    text: std::ops::Range<usize>,
}

/// The fenced blocks of a page.
fn blocks(page: &str) -> Result<Vec<Block>, Failed> {
    let mut found = Vec::new();
    let (mut at, mut before) = (0, 0);
    let mut open: Option<(usize, &str, usize, usize)> = None;
    for (index, line) in page.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let fence = line.trim_start().chars().take_while(|character| *character == '`').count();
        match open {
            None if fence >= 3 => {
                if !line.starts_with('`') {
                    return Err(format!("line {number}: a block is not indented").into());
                }
                open = Some((fence, line[fence..].trim(), number, at + line.len()));
            }
            Some((wanted, info, number, start)) if fence >= wanted && line.trim().len() == fence => {
                let about = purpose(info).map_err(|why| format!("line {number}: {why}"))?;
                if let Use::File(path) = &about {
                    let told = page[before..at].contains(path.as_str());
                    told.then_some(()).ok_or(format!("line {number}: nothing that a reader sees names `{path}`"))?;
                }
                found.push(Block { about, line: number, text: start..at });
                before = at;
                open = None;
            }
            _ => {}
        }
        at += line.len();
    }
    match open {
        Some((_, _, number, _)) => Err(format!("line {number}: the block has no end").into()),
        None => Ok(found),
    }
}

/// What the first line of a block says about it.
fn purpose(info: &str) -> Result<Use, String> {
    match info.split_once(' ') {
        None if info == "console" => Ok(Use::Console),
        Some((_, rest)) => match rest.strip_prefix("not-run:") {
            Some(why) if why.trim().is_empty() => Err("not-run needs a reason".to_owned()),
            Some(_) => Ok(Use::NotRun),
            None if rest.contains(' ') => Err(format!("`{rest}` is no path")),
            None => Ok(Use::File(rest.to_owned())),
        },
        None => Err(format!("a block of `{info}` names a file, or says `not-run: ` and why")),
    }
}

/// Few blocks are not carried out.
fn count(pages: &[PathBuf]) -> Result<(), Failed> {
    let (mut all, mut idle) = (0, Vec::new());
    for page in pages {
        let found = blocks(&fs::read_to_string(page)?).map_err(|why| format!("{}: {}", page.display(), said(&why)))?;
        all += found.len();
        let not_run = found.iter().filter(|block| block.about == Use::NotRun);
        idle.extend(not_run.map(|block| format!("{}:{}", page.display(), block.line)));
    }
    if idle.len() * ONE_OF > all {
        return Err(format!("{} of {all} blocks are not carried out: {idle:#?}", idle.len()).into());
    }
    Ok(())
}

fn said(failed: &Failed) -> String {
    failed.message().unwrap_or_default().to_owned()
}

/// Carries out a page, and compares.
fn check(path: &Path) -> Result<(), Failed> {
    let page = fs::read_to_string(path)?;
    let found = blocks(&page)?;
    let reader = Reader::new(&path.file_stem().unwrap().to_string_lossy(), page.contains("type: postgres"))?;
    let (mut written, mut copied, mut wrong) = (String::new(), 0, String::new());
    for block in found {
        let text = &page[block.text.clone()];
        written.push_str(&page[copied..block.text.start]);
        copied = block.text.end;
        match &block.about {
            Use::NotRun => written.push_str(text),
            Use::File(name) => {
                let file = reader.home.join(name);
                fs::create_dir_all(file.parent().unwrap())?;
                fs::write(file, text)?;
                written.push_str(text);
            }
            Use::Console => {
                for (command, expected) in commands(text).map_err(|why| format!("line {}: {why}", block.line))? {
                    let actual = reader.run(&command)?;
                    writeln!(written, "$ {command}")?;
                    if fits(&lines(&expected), &lines(&actual)) {
                        written.push_str(&expected);
                    } else {
                        written.push_str(&actual);
                        let line = block.line;
                        write!(wrong, "line {line}: $ {command}\n--- the page\n{expected}+++ printed\n{actual}\n")?;
                    }
                }
            }
        }
    }
    written.push_str(&page[copied..]);
    if wrong.is_empty() {
        return Ok(());
    }
    if std::env::var_os("SUIRO_BLESS").is_some() {
        return fs::write(path, written).map_err(Failed::from);
    }
    Err(format!("{}\n{wrong}(SUIRO_BLESS=1 accepts it)", path.display()).into())
}

/// The commands of a block, each with what it shall print. A command whose line ends in `\` goes on in the next.
fn commands(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command.to_owned(), String::new())),
            (None, Some((command, expected))) if command.ends_with('\\') && expected.is_empty() => {
                command.push('\n');
                command.push_str(line);
            }
            (None, Some((_, expected))) => {
                expected.push_str(line);
                expected.push('\n');
            }
            (None, None) => return Err("a block of `console` begins with `$ ` and a command".to_owned()),
        }
    }
    if found.is_empty() { Err("no command".to_owned()) } else { Ok(found) }
}

/// The lines of an output, without what differs from run to run, and without blank ones at the end.
fn lines(text: &str) -> Vec<String> {
    let text = printed::steady(text);
    let number = |line: &str| match finished(line) {
        Some(rest) => format!("[n]/{rest}"),
        // The widest line of `suiro debug` holds the name of a database that we call otherwise.
        None if ["ok ", "note ", "FAIL "].iter().any(|word| line.starts_with(word)) => {
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        }
        None => line.to_owned(),
    };
    text.trim_end().lines().map(number).collect()
}

/// What follows `3/` in a line of progress such as ` 3/10 built  table  orders  5 rows, 0.04 s`.
fn finished(line: &str) -> Option<&str> {
    let (position, rest) = line.trim_start().split_once('/')?;
    let (total, _) = rest.split_once(' ')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(position) && is_number(total)).then_some(rest)
}

/// Whether lines are those expected, where `…` stands for any number.
fn fits(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first == "…" => (0..=actual.len()).any(|skipped| fits(rest, &actual[skipped..])),
        Some((first, rest)) => actual.first() == Some(first) && fits(rest, &actual[1..]),
    }
}

/// Who follows a page: a folder, and a database if the page needs a server.
struct Reader {
    place: tempfile::TempDir,
    /// The folder that the page begins in.
    home: PathBuf,
    database: Option<Database>,
}

impl Reader {
    fn new(page: &str, needs_server: bool) -> Result<Self, Failed> {
        let place = tempfile::tempdir()?;
        let home = place.path().join(page);
        fs::create_dir_all(&home)?;
        let database = needs_server.then(postgres::database);
        if let Some(database) = &database {
            let make = "do $$ begin create role reporting; exception when duplicate_object then null; end $$";
            database.admin().execute(make).map_err(|error| format!("{error:?}"))?;
        }
        fs::write(place.path().join("folder"), home.to_string_lossy().as_bytes())?;
        Ok(Self { place, home, database })
    }

    /// What a command of the page prints on a terminal, in the folder that the last one ended in.
    fn run(&self, command: &str) -> Result<String, Failed> {
        let folder = fs::read_to_string(self.place.path().join("folder"))?;
        let script = format!("{command}\nstatus=$?\npwd > \"$FOLDER\"\nexit $status");
        let mut path = vec![Path::new(env!("CARGO_BIN_EXE_suiro")).parent().unwrap().to_owned()];
        if self.database.is_some() {
            path.push(postgres::programs());
        }
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let (mut reader, writer) = pipe()?;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .current_dir(folder.trim_end())
            .env_clear()
            .env("PATH", std::env::join_paths(path)?)
            .env("FOLDER", self.place.path().join("folder"))
            .env("HOME", self.place.path())
            .env("COLUMNS", "100")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "Asia/Tokyo")
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        shell.envs(self.database.iter().flat_map(Database::variables));
        let mut running = shell.spawn()?;
        // It holds the other ends of the pipe.
        drop(shell);
        let mut printed = Vec::new();
        reader.read_to_end(&mut printed)?;
        let status = running.wait()?;
        let mut text = self.shown(&String::from_utf8_lossy(&printed));
        if !status.success() {
            let status = status.code().map_or("by a signal".to_owned(), |code| code.to_string());
            writeln!(text, "[exit {status}]")?;
        }
        Ok(text)
    }

    /// The text as it stands on somebody's terminal: without the lines that only a pipe gets, and with names for
    /// places and the server as people have them.
    fn shown(&self, text: &str) -> String {
        let mut text = text.replace(&self.place.path().to_string_lossy().into_owned(), "/home/ann");
        for (key, value) in self.database.iter().flat_map(Database::variables) {
            text = match key {
                "PGHOST" => text.replace(&value, "/var/run/postgresql"),
                "PGPORT" => text.replace(&format!(":{value}"), ":5432"),
                "PGDATABASE" => text.replace(&value, "shop"),
                _ => text,
            };
        }
        let text = text.replace(ROLE, "ann");
        let mut shown = String::new();
        for line in text.lines() {
            let well = finished(line).and_then(|rest| rest.split_whitespace().nth(1));
            if !matches!(well, Some("built" | "pass")) {
                writeln!(shown, "{}", line.trim_end()).unwrap();
            }
        }
        let shown = shown.trim_end();
        if shown.is_empty() { String::new() } else { format!("{shown}\n") }
    }
}
