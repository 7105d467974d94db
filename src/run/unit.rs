//! Running unit tests: a model's SQL on given rows, in a transaction that can change nothing.
//!
//! What stands in the place of a relation has its columns and types: those of the relation as it is, or as it was just
//! built; else those that are declared; else what the rows themselves say.

use super::{
    Context, Event, Statement,
    difference::{Difference, Row},
    session::{Session, refusal},
    test::Tested,
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{BAD_UNIT_TEST, UNIT_TEST_FAILED},
    },
    engine::EngineError,
    interval::Interval,
    manifest::{Filling, Form, Node, NodeId, UnitRows, UnitTest, Verdict},
    name::RelationName,
    parse::clock_calls,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Instant};

/// A column and its type in the engine's words, where that is known.
type Typed = (String, Option<String>);

enum Failure {
    Ours(Box<Diagnostic>),
    Theirs(EngineError, &'static str),
}

/// Runs one unit test.
pub fn test<'a>(context: &Context<'a>, session: &mut Option<Session<'a>>, id: NodeId) -> Tested {
    let start = Instant::now();
    context.observer.observe(&Event::Started { node: id });
    let node = context.manifest.node(id);
    let outcome = match node.test.as_ref().and_then(|test| test.unit.as_ref()) {
        Some(unit) => run(context, session, (id, node), unit),
        None => Err(Failure::Ours(Box::new(Diagnostic::error(BAD_UNIT_TEST, "the test has no rows")))),
    };
    let mut tested = Tested {
        node: id,
        verdict: None,
        failures: None,
        sample: None,
        difference: None,
        elapsed: start.elapsed(),
        diagnostic: None,
    };
    match outcome {
        Ok(difference) => {
            let count = difference.as_ref().map_or(0, |difference| difference.rows.len());
            let judged = u32::try_from(count).unwrap_or(u32::MAX);
            let verdict = node.test.as_ref().map_or(Verdict::Pass, |test| test.verdict(f64::from(judged)));
            tested.verdict = Some(verdict);
            tested.failures = Some(u64::from(judged));
            tested.diagnostic = difference.as_ref().map(|found| failed(node, found, verdict));
            tested.difference = difference;
        }
        Err(Failure::Ours(diagnostic)) => tested.diagnostic = Some(*diagnostic),
        Err(Failure::Theirs(error, what)) => {
            let what = format!("the unit test `{}` could not be run: {what}", node.name);
            tested.diagnostic = Some(refusal(&error, &what));
        }
    }
    if let Some(diagnostic) = tested.diagnostic.take() {
        let diagnostic = diagnostic.of_node(node.name.clone());
        tested.diagnostic = Some(match context.places.file(id) {
            Some(span) if diagnostic.primary.is_none() => diagnostic.at(span, ""),
            _ => diagnostic,
        });
    }
    tested
}

fn failed(node: &Node, difference: &Difference, verdict: Verdict) -> Diagnostic {
    let differing = difference.rows.len();
    let all = differing + difference.same;
    let rows = if all == 1 { "row" } else { "rows" };
    let message = format!("the unit test `{}` expected something else in {differing} of {all} {rows}", node.name);
    if verdict == Verdict::Fail {
        Diagnostic::error(UNIT_TEST_FAILED, message)
    } else {
        Diagnostic::warning(UNIT_TEST_FAILED, message)
    }
}

fn run<'a>(
    context: &Context<'a>,
    session: &mut Option<Session<'a>>,
    (id, node): (NodeId, &Node),
    unit: &UnitTest,
) -> Result<Option<Difference>, Failure> {
    let theirs = |what: &'static str| move |error| Failure::Theirs(error, what);
    let session = match session {
        Some(session) => session,
        none => none.insert(context.connect("unit tests").map_err(theirs("no connection"))?),
    };
    let mut given = BTreeMap::new();
    for (input, rows) in unit.given.iter().filter(|(input, _)| **input != unit.model) {
        let known = known_columns(context, session, (unit.model, *input));
        given.insert(*input, subquery(context, session, *input, known, rows)?);
    }
    if let Some(rows) = unit.given.get(&unit.model) {
        // Its own rows last: if it was never built, they have the columns of its full rendering on what is given.
        let known = known_columns(context, session, (unit.model, unit.model));
        let known = known.filter(|known| known.iter().all(|(_, kind)| kind.is_some())).or_else(|| {
            let full = filled(context, context.manifest.node(unit.model), &given, unit.window);
            let columns = session.connection.describe(&full).ok()?;
            Some(columns.into_iter().map(|(name, kind)| (name, Some(kind))).collect())
        });
        given.insert(unit.model, subquery(context, session, unit.model, known, rows)?);
    }
    let sql = at_its_time(context, unit, filled(context, node, &given, unit.window))?;
    let actual = session.connection.describe(&sql).map_err(theirs("the model's SQL was refused"))?;
    let wanted = compared(context, session, unit, &actual)?;
    let chosen: Vec<Value> = wanted.iter().map(|(name, _)| json!({"name": name, "from": name, "type": null})).collect();
    let mut expected = expected(context, session, unit, &wanted)?;
    expected.text = at_its_time(context, unit, expected.text)?;
    let statements = [
        statement(context, "read_only", &Value::Null)?,
        statement(context, "chosen", &json!({"columns": chosen, "sql": sql}))?,
    ];
    let [begin, rows] = &statements;
    session.execute(Some(id), begin).map_err(theirs("the transaction was refused"))?;
    let came = session.ask(Some(id), rows);
    let meant = came.is_ok().then(|| session.ask(Some(id), &expected));
    session.control("rollback", "rollback").map_err(theirs("the transaction was refused"))?;
    let came = came.map_err(theirs("the model's SQL was refused"))?.rows;
    let meant = meant.transpose().map_err(theirs("the expected rows were refused"))?;
    let meant: Vec<Row> = meant.map(|rows| rows.rows).unwrap_or_default();
    let [came, meant] = [came, meant].map(|rows| rows.into_iter().map(|row| plain(row, &wanted)).collect());
    Ok(Difference::between(wanted.into_iter().map(|(name, _)| name).collect(), meant, came))
}

/// A row whose exact numbers are written without zeros at the end: 20 and 20.0 are the same number.
fn plain(row: Row, columns: &[Typed]) -> Row {
    let exact = |kind: &Option<String>| {
        let kind = kind.as_deref().unwrap_or_default().to_ascii_lowercase();
        (kind.starts_with("numeric") || kind.starts_with("decimal")) && !kind.ends_with(']')
    };
    let shortened = |text: String| match text.split_once('.') {
        Some((whole, part)) if part.bytes().all(|byte| byte.is_ascii_digit()) => {
            let part = part.trim_end_matches('0');
            if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
        }
        _ => text,
    };
    let cells = row.into_iter().zip(columns);
    cells.map(|(text, (_, kind))| if exact(kind) { text.map(shortened) } else { text }).collect()
}

fn statement(context: &Context<'_>, name: &str, values: &Value) -> Result<Statement, Failure> {
    let statements = context.testing(name, values).map_err(|error| Failure::Theirs(error, "a template failed"))?;
    statements.into_iter().next().ok_or_else(|| ours(format!("the template `{name}` has no statement")))
}

fn ours(message: String) -> Failure {
    Failure::Ours(Box::new(Diagnostic::error(BAD_UNIT_TEST, message)))
}

/// The model's SQL with given rows in the place of relations.
fn filled(context: &Context<'_>, node: &Node, given: &BTreeMap<NodeId, String>, window: Option<Interval>) -> String {
    let inlined = |read: NodeId| !given.contains_key(&read) && context.manifest.node(read).form() == Form::Ephemeral;
    let name = |read: NodeId| given.get(&read).cloned().unwrap_or_default();
    let filling = Filling { manifest: context.manifest, name: &name, inlined: &inlined, window };
    node.sql.as_ref().map(|sql| sql.fill(&filling).text).unwrap_or_default()
}

/// SQL in which every function that asks for the time answers what the test says.
fn at_its_time(context: &Context<'_>, unit: &UnitTest, mut sql: String) -> Result<String, Failure> {
    let Some(now) = &unit.now else { return Ok(sql) };
    for (range, data_type) in clock_calls(&sql, context.manifest.dialect).into_iter().rev() {
        let answer = statement(context, "now", &json!({"now": now, "type": data_type}))?.text;
        sql.replace_range(range, &answer);
    }
    Ok(sql)
}

/// A query that is given or expected.
fn query_of(context: &Context<'_>, rows: &UnitRows) -> Result<Option<String>, Failure> {
    match rows {
        UnitRows::Rows(_) => Ok(None),
        UnitRows::Sql(sql) => Ok(Some(sql.clone())),
        UnitRows::Part { with, name } => {
            Ok(Some(statement(context, "part", &json!({"with": with, "name": name}))?.text))
        }
    }
}

/// The query that stands in the place of a relation, in parentheses.
fn subquery(
    context: &Context<'_>,
    session: &mut Session<'_>,
    input: NodeId,
    known: Option<Vec<Typed>>,
    rows: &UnitRows,
) -> Result<String, Failure> {
    let node = context.manifest.node(input);
    let text = match (rows, query_of(context, rows)?) {
        (UnitRows::Rows(rows), _) => {
            let columns = match known {
                Some(known) => known,
                None => named(rows).into_iter().map(|name| (name, None)).collect(),
            };
            given(context, &node.name, &columns, rows)?
        }
        (_, sql) => match (known, sql.unwrap_or_default()) {
            (None, sql) => sql,
            (Some(known), sql) => {
                let own = described(session, &sql, "the given rows were refused")?;
                for (name, _) in &own {
                    find(context, &known, name, &node.name)?;
                }
                let key = |name: &str| context.manifest.dialect.key(name);
                let has = |name: &str| own.iter().any(|(other, _)| key(other) == key(name));
                let column = |(name, data_type): &Typed| json!({"name": name, "type": data_type, "given": has(name)});
                let columns: Vec<Value> = known.iter().map(column).collect();
                statement(context, "given_sql", &json!({"columns": columns, "sql": sql}))?.text
            }
        },
    };
    Ok(["(\n", &text, "\n)"].concat())
}

fn described(session: &mut Session<'_>, sql: &str, what: &'static str) -> Result<Vec<(String, String)>, Failure> {
    session.connection.describe(sql).map_err(|error| Failure::Theirs(error, what))
}

/// The columns of a relation, from the database, else as they are declared.
fn known_columns(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (model, input): (NodeId, NodeId),
) -> Option<Vec<Typed>> {
    let node = context.manifest.node(input);
    // A model's own rows are the published ones.
    let relation = if input == model {
        node.relation.as_ref().map(|relation| context.qualified(relation))
    } else {
        context.read_from(model, input)
    };
    let typed = |columns: Vec<(String, String)>| columns.into_iter().map(|(name, kind)| (name, Some(kind))).collect();
    relation
        .filter(|_| node.form() != Form::Ephemeral)
        .and_then(|relation| live_columns(context, session, &relation))
        .map(typed)
        .or_else(|| {
            let declared = node.columns.as_ref()?;
            Some(declared.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect())
        })
}

/// The columns of a relation in the database; none if it is not there.
fn live_columns(
    context: &Context<'_>,
    session: &mut Session<'_>,
    relation: &RelationName,
) -> Option<Vec<(String, String)>> {
    let from = context.manifest.dialect.relation(relation);
    let statement = context.step("rows", &json!({"from": from})).ok()?.into_iter().next()?;
    session.connection.describe(&statement.text).ok()
}

/// The columns that rows name, in the order in which they first do.
fn named(rows: &[Map<String, Value>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in rows.iter().flat_map(Map::keys) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The column that a row means, or that there is none.
fn find(context: &Context<'_>, columns: &[Typed], name: &str, of: &str) -> Result<usize, Failure> {
    let key = |name: &str| context.manifest.dialect.key(name);
    columns.iter().position(|(other, _)| key(other) == key(name)).ok_or_else(|| {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let problem = Diagnostic::error(BAD_UNIT_TEST, format!("`{of}` has no column `{name}`"));
        let problem = problem.suggest(name, names.iter().copied());
        Failure::Ours(Box::new(problem.note(format!("its columns are: {}", names.join(", ")))))
    })
}

/// Rows as a query of typed values.
fn given(context: &Context<'_>, of: &str, columns: &[Typed], rows: &[Map<String, Value>]) -> Result<String, Failure> {
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let mut cells = vec![json!({"text": null, "raw": false}); columns.len()];
        for (name, value) in row {
            let at = find(context, columns, name, of)?;
            let (_, data_type) = &columns[at];
            cells[at] = cell(value, data_type.is_some());
        }
        all.push(cells);
    }
    let columns: Vec<Value> = columns.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    Ok(statement(context, "given", &json!({"columns": columns, "rows": all}))?.text)
}

/// A value as the text that the engine converts to the column's type; without a type a number stays one.
fn cell(value: &Value, typed: bool) -> Value {
    match value {
        Value::Null => json!({"text": null, "raw": false}),
        Value::String(text) => json!({"text": text, "raw": false}),
        Value::Number(_) | Value::Bool(_) if !typed => json!({"text": value.to_string(), "raw": true}),
        other => json!({"text": other.to_string(), "raw": false}),
    }
}

/// The columns to compare, with the types that the model's SQL gives them.
fn compared(
    context: &Context<'_>,
    session: &mut Session<'_>,
    unit: &UnitTest,
    actual: &[(String, String)],
) -> Result<Vec<Typed>, Failure> {
    let actual: Vec<Typed> = actual.iter().map(|(name, kind)| (name.clone(), Some(kind.clone()))).collect();
    let names = match (&unit.expect, query_of(context, &unit.expect)?) {
        (UnitRows::Rows(rows), _) if rows.is_empty() => return Ok(actual),
        (UnitRows::Rows(rows), _) => named(rows),
        (_, sql) => {
            let columns = described(session, &sql.unwrap_or_default(), "the expected rows were refused")?;
            columns.into_iter().map(|(name, _)| name).collect()
        }
    };
    let model = &context.manifest.node(unit.model).name;
    names.iter().map(|name| Ok(actual[find(context, &actual, name, model)?].clone())).collect()
}

/// The expected rows, of the same types as those that come out.
fn expected(
    context: &Context<'_>,
    session: &mut Session<'_>,
    unit: &UnitTest,
    wanted: &[Typed],
) -> Result<Statement, Failure> {
    if let UnitRows::Rows(rows) = &unit.expect {
        let text = given(context, &context.manifest.node(unit.model).name, wanted, rows)?;
        return Ok(Statement { purpose: "expected".to_owned(), text, sql_at: None });
    }
    let sql = query_of(context, &unit.expect)?.unwrap_or_default();
    let own = described(session, &sql, "the expected rows were refused")?;
    let columns: Vec<Value> = wanted
        .iter()
        .zip(own)
        .map(|((name, kind), (from, _))| json!({"name": name, "from": from, "type": kind}))
        .collect();
    statement(context, "chosen", &json!({"columns": columns, "sql": sql}))
}
