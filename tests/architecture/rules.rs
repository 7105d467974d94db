//! The fences, and what breaks them.
//!
//! In: the files of `src/` as path and text, and the order of the layers. Out: one line per break. Never: reading
//! files, so that every rule can be shown a file that breaks it.

use crate::{
    paths::{Mention, mentions},
    tokens::{Kind, Token, closing, tokens},
};

/// What may be used where; anything that is not listed may be used everywhere.
const ONLY_IN: &[(&str, &[&str])] = &[
    // Syntax trees end at the manifest.
    ("sqlparser", &["dialect", "parse", "lineage"]),
    ("minijinja", &["template"]),
    ("petgraph", &["graph"]),
    ("serde_yaml", &["project"]),
    ("marked_yaml", &["project"]),
    // Databases.
    ("duckdb", &["engine"]),
    ("tokio_postgres", &["engine"]),
    ("tokio_postgres_rustls", &["engine"]),
    ("rustls", &["engine"]),
    // Nothing but the command line knows a terminal.
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("comfy_table", &["cli"]),
    ("anstream", &["diagnostic", "cli"]),
    ("annotate_snippets", &["diagnostic"]),
    ("std::io::stdout", &["cli"]),
    ("std::io::stderr", &["cli"]),
    ("std::io::stdin", &["cli"]),
    ("std::process", &["cli"]),
    // Files, clock and environment: only at the rim.
    ("fs_err", RIM),
    ("tempfile", RIM),
    ("walkdir", RIM),
    ("tokio::fs", &[]),
    ("std::env", RIM),
    ("std::net", RIM),
    ("std::time::Instant", RIM),
    ("std::time::SystemTime", RIM),
    // Files are read and written through fs_err, whose errors name the file; it takes some types from here.
    ("std::fs::FileType", RIM),
    ("std::fs::Metadata", RIM),
    ("std::fs::Permissions", RIM),
    ("std::fs", &[]),
];

/// The modules that may touch the world.
const RIM: &[&str] = &["project", "engine", "artifact", "run", "cli"];

/// Methods of `Path` that look at the disk.
const LOOKS_AT_DISK: &[&str] =
    &["exists", "is_file", "is_dir", "is_symlink", "read_dir", "canonicalize", "symlink_metadata"];

/// Macros that print.
const PRINTS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Macros that put text together.
const PUTS_TOGETHER: &[&str] = &["format", "write", "writeln", "format_args", "concat"];

/// How statements begin; what follows a `|` must come later in the text.
const STATEMENTS: &[&str] = &[
    "select | from ",
    "select {",
    "select *",
    "with | as (",
    "create or replace ",
    "create table ",
    "create view ",
    "create schema ",
    "create temp",
    "create index ",
    "create unique ",
    "create materialized ",
    "create sequence ",
    "create type ",
    "drop table ",
    "drop view ",
    "drop schema ",
    "drop index ",
    "drop materialized ",
    "alter table ",
    "alter view ",
    "alter schema ",
    "alter index ",
    "alter statistics ",
    "alter policy ",
    "insert into ",
    "delete from ",
    "truncate ",
    "update | set ",
    "merge into ",
    "comment on ",
    "grant ",
    "revoke ",
    "lock table ",
    "copy {",
    "attach ",
    "explain ",
];

/// The longest a file may be, and the length from which it gets a second look.
pub const LONGEST: usize = 800;
/// From here on a file is listed.
pub const LONG: usize = 400;

/// A file below `src/`.
pub struct File<'a> {
    /// Its path below `src/`: `engine/postgres.rs`.
    pub path: &'a str,
    /// What it says.
    pub text: &'a str,
}

impl File<'_> {
    /// The path as a module: `["engine", "postgres"]`.
    fn module(&self) -> Vec<String> {
        let path = self.path.strip_suffix(".rs").unwrap_or(self.path);
        path.split('/').filter(|part| !matches!(*part, "mod" | "lib")).map(str::to_owned).collect()
    }

    /// Whether it is only compiled for tests, by its name.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }
}

/// The layers, lowest first, as `lib.rs` lists them.
pub fn layers(lib: &str) -> Vec<String> {
    let tokens = tokens(lib);
    tokens
        .windows(2)
        .filter(|pair| pair[0].word() == Some("mod"))
        .filter_map(|pair| pair[1].word().map(str::to_owned))
        .collect()
}

/// Every break of a rule in a file, one line each.
pub fn breaks(file: &File<'_>, layers: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let lines = file.text.lines().count();
    if lines > LONGEST {
        found.push(format!("src/{}: {lines} lines are more than {LONGEST}: two ideas live here", file.path));
    }
    let module = file.module();
    let Some(layer) = module.first().map(String::as_str) else { return found };
    if file.is_test() || layer == "main" {
        return found;
    }
    let tokens = tokens(file.text);
    let mut say = |line: usize, what: String| found.push(format!("src/{}:{line}: {what}", file.path));
    for mention in mentions(&tokens, &module) {
        if let Some(what) = fenced(layer, &mention).or_else(|| upward(layer, &mention, layers)) {
            say(mention.line, what);
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        if let Some(what) = at_token(layer, &tokens, index) {
            say(token.line, what);
        }
    }
    found.dedup();
    found
}

/// A crate or part of the standard library outside its fence.
fn fenced(layer: &str, mention: &Mention) -> Option<String> {
    let (path, allowed) = ONLY_IN.iter().find(|(path, _)| mention.is_in(path))?;
    let outside = !allowed.contains(&layer);
    outside.then(|| match allowed {
        [] => format!("`{path}` is used nowhere in suiro"),
        _ => format!("`{path}` belongs into {}", allowed.join(", ")),
    })
}

/// A module that uses one which stands below it in `lib.rs`.
fn upward(layer: &str, mention: &Mention, layers: &[String]) -> Option<String> {
    let [root, target, ..] = mention.parts.as_slice() else { return None };
    if root != "crate" {
        return None;
    }
    let place = |name: &str| layers.iter().position(|layer| layer == name);
    let (mine, other) = (place(layer)?, place(target)?);
    (other > mine).then(|| format!("`{layer}` uses `{target}`, which stands below it in lib.rs"))
}

/// What a single token, with its neighbours, breaks.
fn at_token(layer: &str, tokens: &[Token], index: usize) -> Option<String> {
    let word = tokens[index].word()?;
    let next = |offset: usize| tokens.get(index + offset);
    let is_macro = next(1).is_some_and(|token| token.is('!'));
    let is_method = index > 0 && tokens[index - 1].is('.') && next(1).is_some_and(|token| token.is('('));
    if is_macro && PRINTS.contains(&word) && layer != "cli" {
        return Some(format!("`{word}!` belongs into cli: nothing else prints"));
    }
    if is_method && LOOKS_AT_DISK.contains(&word) && !RIM.contains(&layer) {
        return Some(format!("`.{word}()` looks at the disk, which belongs into {}", RIM.join(", ")));
    }
    let puts_together = is_macro && PUTS_TOGETHER.contains(&word) || is_method && word == "push_str";
    if puts_together {
        let open = index + if is_macro { 2 } else { 1 };
        let arguments = tokens.get(open..closing(tokens, open))?;
        let statement = arguments.iter().find_map(|token| match &token.kind {
            Kind::Text(text) if is_statement(text) => Some(text),
            _ => None,
        })?;
        let start: String = statement.trim_start().chars().take(24).collect();
        return Some(format!("SQL is put together (`{start}…`): it belongs into templates/"));
    }
    None
}

/// Whether a text begins like a statement of SQL.
fn is_statement(text: &str) -> bool {
    let text = text.replace("\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase() + " ";
    STATEMENTS.iter().any(|pattern| {
        let (start, later) = pattern.split_once('|').unwrap_or((pattern, ""));
        text.strip_prefix(start).is_some_and(|rest| rest.contains(later))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: &str =
        "pub mod diagnostic;\npub mod parse;\n/// graph\npub mod graph;\npub mod engine;\nmod run;\npub mod cli;\n";

    fn complaints(path: &str, text: &str) -> String {
        breaks(&File { path, text }, &layers(LAYERS)).join("\n")
    }

    #[test]
    fn the_order_of_layers_is_that_of_lib() {
        assert_eq!(layers(LAYERS), ["diagnostic", "parse", "graph", "engine", "run", "cli"]);
    }

    #[test]
    fn what_breaks_a_rule_is_found() {
        let cases = [
            (
                "graph/order.rs",
                "use sqlparser::ast::Query;",
                "src/graph/order.rs:1: `sqlparser` belongs into dialect, parse",
            ),
            (
                "parse/mod.rs",
                "\nfn f() { petgraph::algo::toposort(x); }",
                "src/parse/mod.rs:2: `petgraph` belongs into graph",
            ),
            ("run/mod.rs", "use {std::fmt, duckdb as d};", "`duckdb` belongs into engine"),
            ("run/mod.rs", "use clap::Parser;", "`clap` belongs into cli"),
            ("graph/mod.rs", "use std::{fmt, time::{Duration, Instant}};", "`std::time::Instant` belongs into project"),
            (
                "graph/mod.rs",
                "use std::time; fn f() { time::SystemTime::now(); }",
                "`std::time::SystemTime` belongs into",
            ),
            ("graph/mod.rs", "fn f() { std::env::var(x); }", "`std::env` belongs into"),
            ("run/mod.rs", "fn f() { std::fs::read(x); }", "`std::fs` is used nowhere"),
            ("parse/mod.rs", "use fs_err as fs;", "`fs_err` belongs into project"),
            ("parse/mod.rs", "fn f(p: &Path) { p.exists() }", "`.exists()` looks at the disk"),
            ("graph/mod.rs", "use crate::engine::Rows;", "`graph` uses `engine`, which stands below"),
            ("diagnostic/code.rs", "use super::super::graph;", "`diagnostic` uses `graph`, which stands below"),
            ("graph.rs", "fn f() -> crate::run::Report {}", "`graph` uses `run`, which stands below"),
            ("run/mod.rs", "fn f() { println!(\"x\"); }", "`println!` belongs into cli"),
            ("run/mod.rs", "fn f() { format!(\"select {x} from t\"); }", "SQL is put together (`select {x} from t…`)"),
            ("engine/x.rs", "fn f() { write!(out, \"\\n  DROP   TABLE {x}\"); }", "SQL is put together"),
            ("engine/x.rs", "fn f() { s.push_str(\"create table \"); }", "SQL is put together"),
            ("engine/x.rs", "fn f() { format!(r#\"update {t} set x = 1\"#); }", "SQL is put together"),
        ];
        for (path, text, expected) in cases {
            let found = complaints(path, text);
            assert!(found.contains(expected), "{path}: {text}\nwanted: {expected}\nfound: {found}");
        }
        let long = "\n".repeat(LONGEST + 1);
        assert!(complaints("graph/mod.rs", &long).contains("801 lines are more than 800"));
    }

    #[test]
    fn what_breaks_no_rule_is_left_alone() {
        let cases = [
            ("parse/mod.rs", "use sqlparser::ast; use crate::diagnostic::Code; // use clap::Parser;"),
            ("engine/duckdb.rs", "use duckdb::Connection; use std::{env, time::Instant}; use fs_err as fs;"),
            ("run/mod.rs", "use crate::engine::duckdb; fn f() { duckdb::open(); let clap = duckdb; }"),
            ("cli/mod.rs", "use clap::Parser; use crate::run::Run; fn f() { eprintln!(\"x\"); }"),
            ("graph/mod.rs", "use super::graph::Node; use std::time::Duration; fn f() { x.is_empty(); }"),
            ("graph/mod.rs", "#[cfg(test)] mod tests { use fs_err; fn f() { println!(\"x\"); } }"),
            ("graph/tests.rs", "use fs_err; use crate::cli;"),
            (
                "graph/mod.rs",
                "fn f() { format!(\"select one of {x} with `--target`\"); format!(\"drop the model {x}\"); }",
            ),
            ("engine/x.rs", "fn f() { x.execute(\"select 1 from t\"); }"),
            ("artifact/mod.rs", "fn f() { g(std::fs::Permissions::from_mode(0o644)) }"),
            ("main.rs", "use suiro::cli; fn main() { std::process::exit(1) }"),
        ];
        for (path, text) in cases {
            assert_eq!(complaints(path, text), "", "{path}: {text}");
        }
    }
}
