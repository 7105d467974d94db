//! Where columns come from: cases of our own (`tests/cases/columns`), and real SQL with known answers.

use crate::{duck::Duck, misses};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};
use suiro::{
    dialect::Dialect,
    lineage::{self, EdgeKind, Known, Schema, Trace, TracedColumn},
};

/// A trial for each case of our own and dialect.
pub fn own() -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in crate::cases::read(include_str!("../cases/columns/select.cases")) {
        for (how, expected) in case.expected {
            let dialects: Vec<Dialect> = match how.as_str() {
                "both" => Dialect::ALL.to_vec(),
                name => vec![Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).expect(name)],
            };
            for dialect in dialects {
                let (sql, expected) = (case.sql.clone(), expected.clone());
                let name = format!("columns::{}::{}", case.title, dialect.name());
                trials.push(Trial::test(name, move || {
                    let trace = lineage::trace(&sql, dialect.name(), Some(&small_schema()))?;
                    let found = shown(&trace);
                    if found != expected.trim() {
                        return Err(format!("{sql}\n expected:\n{expected}\n found:\n{found}\n {trace:?}").into());
                    }
                    if dialect == Dialect::DuckDb { same_names(&sql, &trace) } else { Ok(()) }
                }));
            }
        }
    }
    assert!(trials.len() > 60, "the cases are there");
    trials.push(Trial::test("columns::deep and long", deep_and_long));
    trials
}

fn small_schema() -> Schema {
    let relation = |name: &str, columns: &[(&str, &str)]| {
        let columns = columns.iter().map(|(name, kind)| (Arc::from(*name), Some(Arc::from(*kind)))).collect();
        (name.to_owned(), Known { columns, complete: true })
    };
    let upper = |kind: &'static str| kind;
    Schema::from([
        relation("t", &[("a", upper("integer")), ("b", "text"), ("c", "numeric")]),
        relation("u", &[("a", "integer"), ("d", "text"), ("e", "date")]),
    ])
}

/// The columns as the cases write them.
fn shown(trace: &Trace) -> String {
    if trace.unsupported.is_some() {
        return "unsupported".to_owned();
    }
    let source = |source: &lineage::TracedSource| {
        let sign = match (source.kind, source.cast) {
            (EdgeKind::Transform, _) => "~",
            (EdgeKind::Inspect, _) => "?",
            (EdgeKind::Copy, lineage::CastKind::None) => "=",
            (EdgeKind::Copy, lineage::CastKind::Safe) => ":",
            (EdgeKind::Copy, lineage::CastKind::Other) => "::",
        };
        format!(" {sign}{}", source.column)
    };
    let line = |column: &TracedColumn| {
        let sources: String = column.sources.iter().map(source).collect();
        format!("{}{sources}", column.name)
    };
    trace.columns.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// DuckDB calls the columns of a query the same.
fn same_names(sql: &str, trace: &Trace) -> Result<(), Failed> {
    let duck = Duck::new();
    duck.run("create table t (a integer, b varchar, c decimal(18,3)); create table u (a integer, d varchar, e date)");
    if trace.unsupported.is_some() || !trace.outputs.is_empty() || sql.contains("far") {
        return Ok(());
    }
    let theirs = duck.describe(sql).map_err(|error| format!("{sql}\n DuckDB refuses it: {error}"))?;
    let theirs: Vec<&str> = theirs.iter().map(|(name, _)| name.as_str()).collect();
    let ours: Vec<&str> = trace.columns.iter().map(|column| column.name.as_str()).collect();
    // What is given to nobody keeps both of two columns of one name; DESCRIBE tells them apart.
    if theirs.iter().collect::<BTreeSet<_>>().len() == ours.iter().collect::<BTreeSet<_>>().len() && theirs != ours {
        return Err(format!("{sql}\n DuckDB has {theirs:?}\n suiro  {ours:?}").into());
    }
    Ok(())
}

/// SQL that nests deeply, or is long, has an answer.
fn deep_and_long() -> Result<(), Failed> {
    let nested = format!("select {}a{} as x from t", "(".repeat(180), ")".repeat(180));
    let subqueries = format!("{}select a from t{}", "select a from (".repeat(90), ") s".repeat(90));
    let values = format!("select {}a{} as x from t", "(select ".repeat(90), ")".repeat(90));
    let chain = format!("select {} as x from t", vec!["a"; 20_000].join(" + "));
    let unions = vec!["select a as x from t"; 3_000].join(" union all ");
    let conditions = format!("select a as x from t where {}", vec!["a = 1"; 20_000].join(" or "));
    let common: Vec<String> = (1..400).map(|at| format!("c{at} as (select a from c{})", at - 1)).collect();
    let common = format!("with c0 as (select a from t), {} select a as x from c399", common.join(", "));
    for sql in [nested, subqueries, values, chain, unions, conditions, common] {
        let start: String = sql.chars().take(60).collect();
        let trace =
            lineage::trace(&sql, "duckdb", Some(&small_schema())).map_err(|error| format!("{start}: {error}"))?;
        let sources: Vec<&str> =
            trace.columns.iter().flat_map(|column| &column.sources).map(|source| source.column.as_str()).collect();
        if sources != ["t.a"] || trace.unsupported.is_some() {
            return Err(format!("{start}: {:?} {:?}", sources, trace.unsupported).into());
        }
    }
    // Deeper than can be read is said to be so.
    let too_deep = format!("select {}a{} from t", "(".repeat(5_000), ")".repeat(5_000));
    match lineage::trace(&too_deep, "duckdb", None) {
        Err(_) => Ok(()),
        Ok(trace) => Err(format!("{trace:?}").into()),
    }
}

/// The trials on real SQL.
pub fn real(folder: &Path) -> Vec<Trial> {
    let lines = |corpus: &str| -> Vec<Value> {
        let text = fs_err::read_to_string(folder.join(corpus).with_extension("jsonl")).expect("a corpus");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    };
    let mut trials = Vec::new();
    let cases = lines("mimic");
    trials.push(Trial::test("mimic::columns", move || mimic(&cases)));
    let cases = lines("mimic");
    trials.push(Trial::test("mimic::columns read anywhere", move || read_anywhere(&cases, None)));
    for corpus in ["tpch", "tpcds"] {
        let text = fs_err::read_to_string(folder.join(format!("{corpus}.schema.json"))).expect("a schema");
        let schema = schema(&serde_json::from_str(&text).expect("JSON")).expect("a schema");
        let cases = lines(corpus);
        let passed_through = if corpus == "tpch" { 42 } else { 236 };
        let known = schema.clone();
        trials.push(Trial::test(format!("{corpus}::columns"), move || benchmark(&cases, &schema, passed_through)));
        let cases = lines(corpus);
        trials
            .push(Trial::test(format!("{corpus}::columns read anywhere"), move || read_anywhere(&cases, Some(&known))));
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let cases: Vec<(String, Value)> = lines("sqllineage")
        .into_iter()
        .map(|case| {
            let id = case["id"].as_str().unwrap_or_default().to_owned();
            let again = seen.entry(id.clone()).and_modify(|count| *count += 1).or_insert(1);
            (if *again == 1 { id } else { format!("{id}#{again}") }, case)
        })
        .filter(|(_, case)| !case["expect_columns"].is_null())
        .collect();
    let known: BTreeSet<String> = cases.iter().map(|(id, _)| id.clone()).collect();
    trials.push(Trial::test("sqllineage::columns::misses are cases", move || misses::columns_are_known(&known)));
    let all = cases.clone();
    trials.push(Trial::test("sqllineage::columns::nine of ten are right", move || nine_of_ten(&all)));
    for (id, case) in cases {
        trials.push(Trial::test(format!("sqllineage::columns::{id}"), move || {
            misses::judge_columns(&id, other_tool(&case))
        }));
    }
    trials
}

/// Relation → column → type, or relation → list of columns.
fn schema(value: &Value) -> Option<Schema> {
    let columns = |columns: &Value| -> Vec<(Arc<str>, Option<Arc<str>>)> {
        match columns {
            Value::Object(columns) => {
                columns.iter().map(|(name, kind)| (name.as_str().into(), kind.as_str().map(Arc::from))).collect()
            }
            columns => columns
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| Some((name.as_str()?.into(), None)))
                .collect(),
        }
    };
    let relation =
        |(name, listed): (&String, &Value)| (name.to_lowercase(), Known { columns: columns(listed), complete: true });
    Some(value.as_object()?.iter().map(relation).collect())
}

fn traced(case: &Value, schema: Option<&Schema>) -> Result<Trace, String> {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    lineage::trace(text("sql"), text("dialect"), schema)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The one column that a column copies as it is, if there is just one.
fn copied(column: &TracedColumn) -> Option<&str> {
    match column.sources.as_slice() {
        [source] if source.kind == EdgeKind::Copy => Some(&source.column),
        _ => None,
    }
}

fn mimic(cases: &[Value]) -> Result<(), Failed> {
    let (mut origins, mut names) = (0, 0);
    for case in cases {
        let trace = traced(case, schema(&case["schema"]).as_ref())?;
        let found: Vec<&str> = trace.columns.iter().map(|column| column.name.as_str()).collect();
        if found != texts(&case["out_columns"]) || trace.unsupported.is_some() {
            return Err(format!("{}: {found:?} {:?}", case["id"], trace.unsupported).into());
        }
        names += found.len();
        for (name, expected) in case["expect_columns_passthrough"].as_object().expect("an object") {
            let column = trace.columns.iter().find(|column| column.name == *name).and_then(copied);
            if column != texts(expected).first().copied() {
                return Err(format!("{} {name}: {column:?}, not {expected}", case["id"]).into());
            }
            origins += 1;
        }
    }
    if (origins, names) == (221, 808) { Ok(()) } else { Err(format!("{origins} origins, {names} names").into()) }
}

fn benchmark(cases: &[Value], schema: &Schema, passed_through: usize) -> Result<(), Failed> {
    let mut passed = 0;
    for case in cases {
        let trace = traced(case, Some(schema))?;
        let found: Vec<&str> = trace.columns.iter().map(|column| column.name.as_str()).collect();
        if found != texts(&case["out_columns"]) || trace.unsupported.is_some() {
            return Err(format!("{}: {found:?} {:?}", case["id"], trace.unsupported).into());
        }
        let at = |place: &String| trace.columns.get(place.parse::<usize>().expect("a number")).expect("a column");
        let copies = case["expect_columns_passthrough"].as_object();
        for (place, expected) in copies.into_iter().flatten() {
            if copied(at(place)) != expected.as_str() {
                return Err(format!("{} {place}: {:?}, not {expected}", case["id"], at(place)).into());
            }
            passed += 1;
        }
        for (place, expected) in case["expect_columns_sqlglot"].as_object().into_iter().flatten() {
            let sources: BTreeSet<&str> = at(place).sources.iter().map(|source| source.column.as_str()).collect();
            if sources != texts(expected).into_iter().collect() {
                return Err(format!("{} {place}: {sources:?}, not {expected}", case["id"]).into());
            }
        }
    }
    if passed == passed_through { Ok(()) } else { Err(format!("{passed} copies").into()) }
}

/// What is read by any kind of edge is what PostgreSQL says that a view depends on.
fn read_anywhere(cases: &[Value], whole: Option<&Schema>) -> Result<(), Failed> {
    for case in cases {
        let schema = schema(&case["schema"]);
        let schema = whole.or(schema.as_ref()).expect("a schema");
        let mut trace = traced(case, Some(schema))?;
        let mut found = std::mem::take(&mut trace.inspected);
        found.extend(trace.columns.iter().flat_map(|column| &column.sources).map(|source| source.column.clone()));
        let expected: BTreeSet<String> = texts(&case["columns_read_anywhere"]).into_iter().map(str::to_owned).collect();
        if found != expected {
            let (more, less): (Vec<_>, Vec<_>) =
                (found.difference(&expected).collect(), expected.difference(&found).collect());
            return Err(format!("{}: too many {more:?}, too few {less:?}", case["id"]).into());
        }
    }
    Ok(())
}

/// How another tool's case is answered.
pub enum Answer {
    /// As expected.
    Right,
    /// It is said that it cannot be told.
    Unsupported(String),
    /// In another way.
    Other(String),
    /// sqlparser cannot read it.
    Unread(String),
}

fn other_tool(case: &Value) -> Answer {
    let trace = match traced(case, schema(&case["schema"]).as_ref()) {
        Ok(trace) => trace,
        Err(error) => return Answer::Unread(error),
    };
    if let Some(reason) = trace.unsupported {
        return Answer::Unsupported(reason);
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for column in &trace.columns {
        for source in &column.sources {
            found.entry(column.name.to_lowercase()).or_default().insert(source.column.to_lowercase());
        }
    }
    let expected: BTreeMap<String, BTreeSet<String>> = case["expect_columns"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, sources)| {
            (name.to_lowercase(), texts(sources).iter().map(|source| source.to_lowercase()).collect())
        })
        .filter(|(_, sources): &(String, BTreeSet<String>)| !sources.is_empty())
        .collect();
    if found == expected { Answer::Right } else { Answer::Other(format!("{found:?}, not {expected:?}")) }
}

/// Of the cases that can be read at least nine of ten are answered as expected.
fn nine_of_ten(cases: &[(String, Value)]) -> Result<(), Failed> {
    let answers: Vec<Answer> = cases.iter().map(|(_, case)| other_tool(case)).collect();
    let count = |is: fn(&Answer) -> bool| answers.iter().filter(|answer| is(answer)).count();
    let right = count(|answer| matches!(answer, Answer::Right));
    let unread = count(|answer| matches!(answer, Answer::Unread(_)));
    let figures = format!("{right} right of {} that can be read, {unread} unread", cases.len() - unread);
    if cases.len() == 185 && right * 10 >= (cases.len() - unread) * 9 { Ok(()) } else { Err(figures.into()) }
}
