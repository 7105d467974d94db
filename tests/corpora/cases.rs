//! The cases in `tests/cases/relations`: a text, and per dialect the text it becomes or the code that refuses it.
//!
//! ```text
//! [what the case shows]
//! select orders.id from orders
//! --- both
//! select orders.id from <main.orders> AS "orders"
//! ```
//!
//! After `---` stand `both`, `duckdb` or `postgres`, and, where the reading is not the tree as it is, how it was read.
//! `<…>` is the hole of a replaced name, with what the name means; a name without a schema means one in `main`.
//! A refusal is `E0307 at core.orders.id`: the code, and the text that it points at.
//! `\e` stands for the byte of a carriage return.

use crate::duck::Duck;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::OnceLock,
};
use suiro::{
    dialect::Dialect,
    name::{NamePart, RelationName},
    parse::{Piece, Query, Reading, Replacement, read_query},
};

/// One text and what becomes of it.
pub struct Case {
    /// What it shows.
    pub title: String,
    /// The text.
    pub sql: String,
    /// What stands after each `---`, and what follows it.
    pub expected: Vec<(String, String)>,
}

/// The files of cases: their names and texts, in the order of their names.
fn files() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/relations");
    let paths = fs_err::read_dir(folder).expect("the folder of cases").map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "cases"))
        .map(|path| {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            (name, fs_err::read_to_string(&path).expect("a file of cases"))
        })
        .collect()
}

/// The texts of all cases.
pub fn texts() -> Vec<String> {
    files().values().flat_map(|text| read(text)).map(|case| case.sql).collect()
}

/// A trial for each case and dialect.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (file, text) in files() {
        for case in read(&text) {
            for (how, expected) in case.expected {
                let mut words = how.split_whitespace();
                let dialects: Vec<Dialect> = match words.next() {
                    Some("both") => Dialect::ALL.to_vec(),
                    Some(name) => vec![Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).expect(name)],
                    None => panic!("{file}: no dialect in {}", case.title),
                };
                let reading = words.next().unwrap_or("tree").to_owned();
                for dialect in dialects {
                    let (sql, expected, reading) = (case.sql.clone(), expected.clone(), reading.clone());
                    let name = format!("relations::{file}::{}::{}", case.title, dialect.name());
                    trials.push(Trial::test(name, move || check(&sql, dialect, &expected, &reading)));
                }
            }
        }
    }
    assert!(trials.len() > 300, "the cases are there");
    trials
}

/// The cases of a file.
pub fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if line.starts_with("# ") {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            cases.push(Case { title: title.to_owned(), sql: String::new(), expected: Vec::new() });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        if let Some(how) = line.strip_prefix("--- ") {
            case.expected.push((how.to_owned(), String::new()));
            continue;
        }
        let part = case.expected.last_mut().map_or(&mut case.sql, |(_, expected)| expected);
        part.push_str(line);
        part.push('\n');
    }
    for case in &mut cases {
        case.sql = case.sql.trim_end().replace("\\e", "\r");
        for (_, expected) in &mut case.expected {
            *expected = expected.trim_end().replace("\\e", "\r");
        }
        assert!(!case.expected.is_empty(), "{} expects nothing", case.title);
    }
    cases
}

fn check(sql: &str, dialect: Dialect, expected: &str, reading: &str) -> Result<(), Failed> {
    let duck = duck();
    let found = rewrite(sql, dialect, &|name| format!("<{name}>"));
    let (text, how) = match &found {
        Ok((query, text)) => (text.clone(), Some(query.reading())),
        Err(problems) => (problems.clone(), None),
    };
    if text.trim_end() != expected {
        return Err(format!("{sql}\n  expected: {expected}\n  found:    {text}").into());
    }
    let name = how.map(|how| format!("{how:?}").to_lowercase());
    if name.as_deref().is_some_and(|name| name != reading) {
        return Err(format!("{sql}\n  was read as {how:?}, not {reading}").into());
    }
    if let (Ok((query, _)), Dialect::DuckDb) = (&found, dialect) {
        same_columns(sql, query, duck)?;
    }
    Ok(())
}

/// The same query has the same columns where the relations exist under the user's names and where they exist only
/// under the new ones; what DuckDB itself refuses is not compared.
fn same_columns(sql: &str, query: &Query, duck: &Duck) -> Result<(), Failed> {
    if !matches!(query.reading(), Reading::Tree | Reading::Repaired | Reading::OtherDialect | Reading::Tokens) {
        return Ok(());
    }
    let before = sql.trim_end_matches(';');
    let Ok(columns) = duck.describe(before) else { return Ok(()) };
    let after = rewrite(sql, Dialect::DuckDb, &|name| {
        let name = name.to_string().to_lowercase().replace('.', "_");
        Dialect::DuckDb.relation(&RelationName::new("new", name))
    });
    let Ok((_, text)) = after else { return Ok(()) };
    match duck.describe(&text) {
        Ok(found) if found == columns => Ok(()),
        Ok(found) => Err(format!("{sql}\n  had columns {columns:?}\n  now has {found:?}").into()),
        Err(error) => Err(format!("{sql}\n  became {text}\n  which DuckDB refuses: {error}").into()),
    }
}

fn duck() -> &'static Duck {
    static DUCK: OnceLock<Duck> = OnceLock::new();
    DUCK.get_or_init(|| {
        let duck = Duck::new();
        duck.run(include_str!("../cases/relations/relations.sql"));
        duck
    })
}

/// The rewritten text, or the problems, one a line.
fn rewrite(sql: &str, dialect: Dialect, name: &dyn Fn(&RelationName) -> String) -> Result<(Query, String), String> {
    let show = |problems: Vec<suiro::parse::Problem>| {
        let lines: Vec<String> =
            problems.iter().map(|problem| format!("{} at {}", problem.code.id, &sql[problem.range.clone()])).collect();
        lines.join("\n")
    };
    let query = read_query(sql, dialect, None).map_err(show)?;
    let replaced = |mention: usize| {
        let relation = meaning(&query.mentions()[mention].parts, dialect);
        Some(Replacement { relation, columns: None })
    };
    let pieces = query.pieces(replaced).map_err(show)?;
    let text = assemble(&query, &pieces, |mention| name(&meaning(&query.mentions()[mention].parts, dialect)));
    Ok((query, text))
}

/// The pieces put together.
pub fn assemble(query: &Query, pieces: &[Piece], name: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Written(range) => text.push_str(&query.text()[range.clone()]),
            Piece::Inserted(inserted) => text.push_str(inserted),
            Piece::Relation { mention } => text.push_str(&name(*mention)),
        }
    }
    text
}

/// The tables that DuckDB's serialized syntax reads, common table expressions left out, by the byte of their name;
/// nothing if it is an error.
pub fn base_tables(answer: &str) -> Option<BTreeSet<(usize, String)>> {
    fn visit(node: &Value, scope: &mut Vec<String>, found: &mut BTreeSet<(usize, String)>) {
        let outside = scope.len();
        if let Some(expressions) = node.pointer("/cte_map/map").and_then(Value::as_array) {
            for expression in expressions {
                visit(&expression["value"], scope, found);
                scope.extend(expression["key"].as_str().map(str::to_lowercase));
            }
        }
        if node["type"] == "BASE_TABLE" {
            let part = |field: &str| node[field].as_str().unwrap_or_default().to_lowercase();
            let (schema, name) = (part("schema_name"), part("table_name"));
            let start = node["query_location"].as_u64().and_then(|start| usize::try_from(start).ok());
            match start {
                _ if schema.is_empty() && scope.contains(&name) => {}
                Some(start) if schema.is_empty() => {
                    found.insert((start, name));
                }
                Some(start) => {
                    found.insert((start, format!("{schema}.{name}")));
                }
                None => {}
            }
        }
        let children: Vec<&Value> = match node {
            Value::Array(values) => values.iter().collect(),
            Value::Object(fields) => {
                fields.iter().filter(|(field, _)| *field != "cte_map").map(|(_, value)| value).collect()
            }
            _ => Vec::new(),
        };
        for child in children {
            visit(child, scope, found);
        }
        scope.truncate(outside);
    }
    let answer: Value = serde_json::from_str(answer).ok()?;
    if answer["error"].as_bool()? {
        return None;
    }
    let mut found = BTreeSet::new();
    visit(&answer["statements"], &mut Vec::new(), &mut found);
    Some(found)
}

/// What a written name means where `main` is the schema of names without one.
fn meaning(parts: &[NamePart], dialect: Dialect) -> RelationName {
    let fold = |part: &NamePart| dialect.fold(part);
    match parts {
        [name] => RelationName::new("main", fold(name)),
        [schema, name] => RelationName::new(fold(schema), fold(name)),
        [database, schema, name] => {
            RelationName { database: Some(fold(database).into()), ..RelationName::new(fold(schema), fold(name)) }
        }
        _ => RelationName::new("?", "?"),
    }
}
