//! The catalogs of functions in `src/dialect/functions` are what the engines say of themselves.

use crate::{memory, support::postgres};
use std::collections::{BTreeMap, BTreeSet};
use suiro::engine::Connection;

/// The query's rows, without what is NULL.
fn rows(connection: &mut dyn Connection, query: &str) -> Vec<Vec<String>> {
    let rows = connection.query(query, None).unwrap_or_else(|error| panic!("{error:?}")).rows;
    rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
}

/// A file of functions: how to make it again, and a line for each.
fn file(engine: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!(
        "# The functions of {engine}, from its own catalog; do not edit by hand.\n\
         # `SUIRO_BLESS=1 cargo test --test engines functions` makes them again with the queries beside this file.\n\
         # name\tkind\targuments\treturns\tvolatility\tcolumns of a table function\n"
    );
    let lines: BTreeSet<String> = rows.into_iter().map(|row| row.join("\t") + "\n").collect();
    text.extend(lines);
    text
}

/// Compares, or writes what was found.
fn compare(name: &str, found: &str, same: impl Fn(&str) -> bool) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dialect/functions").join(name);
    let kept = fs_err::read_to_string(&path).unwrap_or_default();
    if std::env::var_os("SUIRO_BLESS").is_some() {
        fs_err::write(&path, found).unwrap();
    } else {
        assert!(same(&kept), "{name} is not what the engine says (SUIRO_BLESS=1 writes it)");
    }
}

#[test]
fn functions_of_postgres() {
    let database = postgres::database();
    let mut connection = database.connect();
    let found = rows(connection.as_mut(), include_str!("../../src/dialect/functions/postgres.sql"));
    let version = rows(connection.as_mut(), "show server_version_num")[0][0].parse::<u32>().unwrap() / 10_000;
    let found = file("PostgreSQL 15", found);
    // Later ones have more functions, and hardly ever one less.
    compare("postgres.tsv", &found, |kept| {
        if version == 15 {
            return kept == found;
        }
        let (kept, found): (BTreeSet<&str>, BTreeSet<&str>) = (kept.lines().collect(), found.lines().collect());
        kept.difference(&found).count() * 50 < kept.len() && kept.len() > 3_000
    });
}

#[test]
fn functions_of_duckdb() {
    let mut found = rows(memory().as_mut(), include_str!("../../src/dialect/functions/duckdb.sql"));
    let calls: Vec<Vec<String>> = found
        .iter_mut()
        .map(|row| row.pop().unwrap_or_default().split_whitespace().map(str::to_owned).collect())
        .collect();
    // A macro is what it calls: the worst of it, and an aggregate if one of it is. Macros call macros.
    let rank = |volatility: &str| ["immutable", "stable", "volatile"].iter().position(|known| *known == volatility);
    for _ in 0..8 {
        let mut known: BTreeMap<String, (Option<usize>, bool)> = BTreeMap::new();
        for row in &found {
            let entry = known.entry(row[0].to_lowercase()).or_insert((None, true));
            entry.0 = entry.0.max(rank(&row[4]));
            entry.1 &= row[1] == "aggregate";
        }
        for (row, calls) in found.iter_mut().zip(&calls).filter(|(row, _)| row[1] == "macro" || row[4].is_empty()) {
            let called = |name: &String| {
                if name == "?" { Some((Some(2), false)) } else { known.get(&name.to_lowercase()).copied() }
            };
            let called: Vec<(Option<usize>, bool)> = calls.iter().filter_map(called).collect();
            if called.iter().all(|(rank, _)| rank.is_some()) {
                let worst = called.iter().filter_map(|(rank, _)| *rank).max().unwrap_or(0);
                ["immutable", "stable", "volatile"][worst].clone_into(&mut row[4]);
                let kind = if called.iter().any(|(_, aggregate)| *aggregate) { "aggregate" } else { "macro" };
                kind.clone_into(&mut row[1]);
            }
        }
    }
    for row in &mut found {
        assert!(!row[4].is_empty(), "{row:?} calls itself");
        if row[1] == "macro" {
            "scalar".clone_into(&mut row[1]);
        }
    }
    let found = file("DuckDB 1.5", found);
    compare("duckdb.tsv", &found, |kept| kept == found);
}
