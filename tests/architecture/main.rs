//! Fences the layers of `src/` by reading it, and holds the reference pages to what the code says.
//!
//! `rules.rs` has the rules; each is also shown files that break it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails here")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod paths;
mod rules;
mod tokens;

use rules::File;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use suiro::{diagnostic::code, exit::Exit};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file below a folder of the repository, by its path below it.
fn rust_files(folder: &str) -> BTreeMap<String, String> {
    let base = root().join(folder);
    let mut open = vec![base.clone()];
    let mut found = BTreeMap::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&base).unwrap().to_str().unwrap().to_owned();
                found.insert(name, read(&path));
            }
        }
    }
    found
}

#[test]
fn layers_hold() {
    let files = rust_files("src");
    assert!(files.len() > 20, "only {} files were found", files.len());
    let layers = rules::layers(&files["lib.rs"]);
    let modules: BTreeSet<&str> =
        files.keys().filter_map(|path| path.strip_suffix(".rs").unwrap_or(path).split('/').next()).collect();
    for module in modules.difference(&["lib", "main"].into()) {
        assert!(layers.iter().any(|layer| layer == module), "src/lib.rs does not list `{module}`");
    }
    let breaks: Vec<String> =
        files.iter().flat_map(|(path, text)| rules::breaks(&File { path, text }, &layers)).collect();
    assert!(breaks.is_empty(), "{}", breaks.join("\n"));
}

#[test]
fn files_are_about_one_idea() {
    for folder in ["src", "tests", "benches"] {
        for (path, text) in rust_files(folder) {
            let lines = text.lines().count();
            if lines > rules::LONG {
                println!("{folder}/{path}: {lines} lines, worth a second look");
            }
            assert!(lines <= rules::LONGEST, "{folder}/{path}: {lines} lines");
        }
    }
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let folder = root().join("docs/errors");
    let pages: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('E'))
        .collect();
    let codes: BTreeSet<String> = code::ALL.iter().map(|code| format!("{}.md", code.id)).collect();
    assert_eq!(codes.len(), code::ALL.len(), "a code is used twice");
    assert_eq!(pages.difference(&codes).collect::<Vec<_>>(), Vec::<&String>::new(), "pages without a code");
    assert_eq!(codes.difference(&pages).collect::<Vec<_>>(), Vec::<&String>::new(), "codes without a page");
    for code in code::ALL {
        let page = read(&folder.join(format!("{}.md", code.id)));
        let title = format!("# {}: {}", code.id, code.title);
        assert_eq!(page.lines().next(), Some(title.as_str()), "docs/errors/{}.md", code.id);
        let exit = format!("Exit status {}", code.exit.status());
        assert!(page.contains(&exit), "docs/errors/{}.md does not say `{exit}`", code.id);
        assert!(page.contains("```"), "docs/errors/{}.md has no example", code.id);
        let lines = page.lines().count();
        assert!((8..=60).contains(&lines), "docs/errors/{}.md has {lines} lines", code.id);
    }
}

/// Codes that no test can lead to from outside, and why.
const UNPROVOKED: [(&str, &str); 1] = [("E0901", "a bug: whatever is known to lead there is mended")];

/// Every text of the tests: files below `tests/`, and the part of each source file that is compiled for tests.
fn texts_of_tests() -> String {
    let mut open = vec![root().join("tests")];
    let mut texts = String::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "architecture") {
                open.push(path);
            } else if path.is_file() {
                texts.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
                // A page's case is called by its code.
                texts.push_str(&format!("\n{}\n", path.file_stem().unwrap_or_default().to_string_lossy()));
            }
        }
    }
    for (path, text) in rust_files("src") {
        let whole = path.split('/').any(|part| part == "tests" || part == "tests.rs");
        texts.push_str(if whole { &text } else { text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests) });
    }
    texts
}

#[test]
fn every_code_is_expected_by_a_test() {
    let texts = texts_of_tests();
    let words: BTreeSet<&str> =
        texts.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').collect();
    let table = read(&root().join("src/diagnostic/code.rs"));
    let names: BTreeMap<&str, &str> = table
        .lines()
        .filter_map(|line| line.trim().split_once(" = \""))
        .filter_map(|(name, rest)| Some((rest.split_once('"')?.0, name)))
        .collect();
    let mut missing = Vec::new();
    for code in code::ALL {
        let expected = words.contains(code.id) || words.contains(names[code.id]);
        match UNPROVOKED.iter().any(|(id, _)| *id == code.id) {
            true => assert!(!expected, "{} is provoked after all", code.id),
            false if !expected => missing.push(code.id),
            false => {}
        }
    }
    assert!(missing.is_empty(), "no test expects {missing:?}");
}

#[test]
fn the_page_of_exit_statuses_says_what_the_code_says() {
    let page = read(&root().join("docs/reference/exit-codes.md"));
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| status")).collect();
    let expected: Vec<String> = Exit::ALL
        .iter()
        .map(|exit| format!("| {} | {} | {} |", exit.status(), exit.meaning(), if exit.retry() { "yes" } else { "no" }))
        .collect();
    assert_eq!(rows, expected);
}

/// Machine paths and relative links that lead nowhere are found by nobody but the stranger who reads them.
#[test]
fn links_between_pages_lead_somewhere() {
    let mut open = vec![root().join("docs")];
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("CHANGELOG.md")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut lost = Vec::new();
    for page in pages {
        let text = read(&page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://") || path.contains(' ');
            if !elsewhere && !page.parent().unwrap().join(path).exists() {
                lost.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}
