//! Real SQL with known answers: the models of a clinical warehouse, the queries of two benchmarks, the statements of
//! another tool's tests.

use crate::{cases, duck::Duck, misses};
use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};
use suiro::{
    dialect::Dialect,
    lineage,
    name::{NamePart, RelationName},
    parse::{Query, Reading, Referee, Replacement, read_query},
};

/// One case of a corpus.
struct Case {
    id: String,
    dialect: String,
    sql: String,
    inputs: Option<BTreeSet<String>>,
    outputs: Option<BTreeSet<String>>,
}

/// A trial for each case, or one that is ignored where the corpora are missing.
pub fn trials() -> Vec<Trial> {
    let folder = std::env::var_os("SUIRO_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from);
    if !folder.is_dir() {
        return vec![Trial::ignorable_test("corpora", || {
            let reason = "the corpora are not here; SUIRO_CORPORA can say where they are";
            if std::env::var_os("CI").is_some() { Err(reason.into()) } else { Ok(Completion::ignored_with(reason)) }
        })];
    }
    let mut trials = crate::origins::real(&folder);
    for (corpus, count) in [("mimic", 65), ("tpch", 22), ("tpcds", 99)] {
        let cases = read(&folder, corpus);
        let schema = schema(&folder, corpus);
        trials.push(complete(corpus, &cases, count));
        for case in cases {
            for dialect in Dialect::ALL {
                let name = format!("{corpus}::{}::{}", case.id, dialect.name());
                let (sql, expected) = (case.sql.clone(), case.inputs.clone().unwrap_or_default());
                let schema = Arc::clone(&schema);
                trials.push(Trial::test(name, move || check(&sql, dialect, &expected, &schema)));
            }
        }
    }
    let cases: Vec<Case> = read(&folder, "sqllineage")
        .into_iter()
        .filter(|case| case.inputs.is_some() || case.outputs.is_some())
        .collect();
    trials.push(complete("sqllineage", &cases, 292));
    trials.push(edges(read(&folder, "mimic")));
    let known: BTreeSet<String> = cases.iter().map(|case| case.id.clone()).collect();
    trials.push(Trial::test("sqllineage::misses are cases", move || misses::are_known(&known)));
    for case in cases {
        let name = format!("sqllineage::{}", case.id);
        trials.push(Trial::test(name, move || misses::judge(&case.id, tables(&case))));
    }
    trials
}

fn complete(corpus: &str, cases: &[Case], expected: usize) -> Trial {
    let found = cases.len();
    Trial::test(format!("{corpus}::all cases are there"), move || {
        if found == expected { Ok(()) } else { Err(format!("{found} cases, not {expected}").into()) }
    })
}

/// The models of the warehouse have 181 edges.
fn edges(cases: Vec<Case>) -> Trial {
    Trial::test("mimic::edges", move || {
        let mut edges = 0;
        for case in &cases {
            let query = read_query(&case.sql, Dialect::Postgres, None).map_err(|problems| format!("{problems:?}"))?;
            edges += names(&query).len();
        }
        if edges == 181 { Ok(()) } else { Err(format!("{edges} edges, not 181").into()) }
    })
}

fn read(folder: &Path, corpus: &str) -> Vec<Case> {
    let text = fs_err::read_to_string(folder.join(corpus).with_extension("jsonl")).expect("a corpus");
    let mut seen = BTreeMap::new();
    let set = |value: &Value| {
        value.as_array().map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).expect("a line of JSON");
            let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            let id = field("id");
            let again = seen.entry(id.clone()).and_modify(|count| *count += 1).or_insert(1);
            Case {
                id: if *again == 1 { id } else { format!("{id}#{again}") },
                dialect: field("dialect"),
                sql: field("sql"),
                inputs: set(&value["expect_tables_in"]),
                outputs: set(&value["expect_tables_out"]),
            }
        })
        .collect()
}

/// The relations of a corpus with their columns, in the order of their names.
type Schema = Vec<(String, Vec<(String, String)>)>;

fn schema(folder: &Path, corpus: &str) -> Arc<Schema> {
    let text = fs_err::read_to_string(folder.join(format!("{corpus}.schema.json"))).expect("a schema");
    let value: BTreeMap<String, serde_json::Map<String, Value>> = serde_json::from_str(&text).expect("JSON");
    Arc::new(
        value
            .into_iter()
            .map(|(name, columns)| {
                let columns =
                    columns.into_iter().map(|(name, kind)| (name, kind.as_str().unwrap_or("VARCHAR").to_owned()));
                (name, columns.collect())
            })
            .collect(),
    )
}

fn names(query: &Query) -> BTreeSet<String> {
    query.mentions().iter().map(|mention| dotted(&mention.parts)).collect()
}

fn dotted(parts: &[NamePart]) -> String {
    parts.iter().map(|part| part.value.to_lowercase()).collect::<Vec<_>>().join(".")
}

/// The tables are those expected; all of them replaced and the text read again, the new ones are read; DuckDB's own
/// parser sees the same tables at the same bytes; and in DuckDB the columns stay the same.
fn check(sql: &str, dialect: Dialect, expected: &BTreeSet<String>, schema: &Schema) -> Result<(), Failed> {
    let query = read_query(sql, dialect, None).map_err(|problems| format!("{problems:?}"))?;
    if query.reading() != Reading::Tree {
        return Err(format!("was read as {:?}", query.reading()).into());
    }
    let found = names(&query);
    if found != *expected {
        return Err(format!("expected {expected:?}\n  found    {found:?}").into());
    }
    let text = renamed(&query, dialect)?;
    let again = read_query(&text, dialect, None).map_err(|problems| format!("{problems:?}"))?;
    let new: BTreeSet<String> = found.iter().map(|name| format!("new.{}", name.replace('.', "_"))).collect();
    if names(&again) != new {
        return Err(format!("expected {new:?}\n  found    {:?}", names(&again)).into());
    }
    let duck = Duck::new();
    if let Some(theirs) = duck.serialize(sql).and_then(|answer| cases::base_tables(&answer)) {
        let ours: BTreeSet<(usize, String)> =
            query.mentions().iter().map(|mention| (mention.range.start, dotted(&mention.parts))).collect();
        if ours != theirs {
            return Err(format!("DuckDB sees {theirs:?}\n  suiro    {ours:?}").into());
        }
    } else if dialect == Dialect::DuckDb {
        return Err("DuckDB's parser has no answer".into());
    }
    same_columns(sql, &text, schema)
}

fn renamed(query: &Query, dialect: Dialect) -> Result<String, Failed> {
    let replaced = |mention: usize| {
        let parts = &query.mentions()[mention].parts;
        let (schema, name) = match parts.as_slice() {
            [name] => ("main".to_owned(), name),
            [schema, name] => (dialect.fold(schema), name),
            _ => return None,
        };
        Some(Replacement { relation: RelationName::new(schema, dialect.fold(name)), columns: None })
    };
    let pieces = query.pieces(replaced).map_err(|problems| format!("{problems:?}"))?;
    Ok(cases::assemble(query, &pieces, |mention| {
        let name = dotted(&query.mentions()[mention].parts).replace('.', "_");
        dialect.relation(&RelationName::new("new", name))
    }))
}

/// Binds both texts in a DuckDB each, whose relations exist under the one or the other names only; what DuckDB itself
/// cannot bind is not compared.
fn same_columns(before: &str, after: &str, schema: &Schema) -> Result<(), Failed> {
    static DUCKS: OnceLock<Mutex<BTreeMap<usize, Arc<(Duck, Duck)>>>> = OnceLock::new();
    let ducks = {
        let mut ducks = DUCKS.get_or_init(Mutex::default).lock().expect("no panic");
        let address = std::ptr::from_ref(schema).addr();
        Arc::clone(ducks.entry(address).or_insert_with(|| Arc::new(both(schema))))
    };
    let Ok(columns) = ducks.0.describe(before) else { return Ok(()) };
    match ducks.1.describe(after) {
        Ok(found) if found == columns => Ok(()),
        Ok(found) => Err(format!("had columns {columns:?}\n  now has {found:?}").into()),
        Err(error) => Err(format!("became {after}\n  which DuckDB refuses: {error}").into()),
    }
}

fn both(schema: &Schema) -> (Duck, Duck) {
    let (old, new) = (Duck::new(), Duck::new());
    new.run("CREATE SCHEMA new");
    for (name, columns) in schema {
        if let Some((schema, _)) = name.split_once('.') {
            old.run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
        }
        let columns: Vec<String> = columns.iter().map(|(name, kind)| format!("\"{name}\" {kind}")).collect();
        let columns = columns.join(", ");
        old.run(&format!("CREATE TABLE {name} ({columns})"));
        new.run(&format!("CREATE TABLE new.{} ({columns})", name.replace('.', "_")));
    }
    (old, new)
}

/// What another tool expects of a script, in its own spelling: unquoted names in any case, `<default>` for no schema.
fn tables(case: &Case) -> Result<(), String> {
    let found = lineage::tables(&case.sql, &case.dialect)?;
    for (what, expected, found) in [("in", &case.inputs, &found.inputs), ("out", &case.outputs, &found.outputs)] {
        let Some(expected) = expected else { continue };
        let expected: Vec<&str> = expected.iter().map(|name| name.trim_start_matches("<default>.")).collect();
        let same = expected.len() == found.len()
            && expected.iter().all(|name| found.contains(*name) || found.contains(&name.to_lowercase()));
        if !same {
            return Err(format!("{what}: expected {expected:?}, found {found:?}\n  {}", case.sql));
        }
    }
    Ok(())
}
