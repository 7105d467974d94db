//! Running tests: several in one statement, each alone where that fails, and a few failing rows to look at.

use super::{
    Context, Event, Statement, bind, build,
    difference::Difference,
    session::{Session, refusal},
    unit,
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{TEST_FAILED, WRONG_TEST_ARGUMENT},
    },
    engine::{EngineError, FailureKind, Rows},
    manifest::{FilledSql, Node, NodeId, Rendering, TestSeverity, TestType, Verdict},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How many failing rows are fetched to look at.
const SHOWN: usize = 5;

/// What came of a test.
#[derive(Debug, Clone)]
pub struct Tested {
    /// The test.
    pub node: NodeId,
    /// What it came to; none where it could not be run.
    pub verdict: Option<Verdict>,
    /// How many failing rows it counted.
    pub failures: Option<u64>,
    /// The first of them.
    pub sample: Option<Rows>,
    /// How the rows of a unit test differ from those expected.
    pub difference: Option<Difference>,
    /// Time spent; of tests that ran in one statement, an equal share of it.
    pub elapsed: Duration,
    /// What there is to say about it.
    pub diagnostic: Option<Diagnostic>,
}

impl Tested {
    /// Whether what was tested must not be published.
    #[must_use]
    pub fn holds_back(&self, node: &Node) -> bool {
        match self.verdict {
            Some(verdict) => verdict == Verdict::Fail,
            // What could not be run has not passed.
            None => node.test.as_ref().is_some_and(|test| test.severity == TestSeverity::Error),
        }
    }
}

/// Runs tests that read the same relations; an error says that one of them holds something back.
pub fn test<'a>(
    context: &Context<'a>,
    session: &mut Option<Session<'a>>,
    tests: &[NodeId],
) -> Result<Vec<Tested>, Vec<Tested>> {
    let is_unit =
        |id: &NodeId| context.manifest.node(*id).test.as_ref().is_some_and(|test| test.kind == TestType::Unit);
    if tests.iter().any(is_unit) {
        return ended(context, tests.iter().map(|id| unit::test(context, session, *id)).collect());
    }
    for node in tests {
        context.observer.observe(&Event::Started { node: *node });
    }
    let start = Instant::now();
    let all = match counted(context, session, tests) {
        Ok(counts) => {
            let share = start.elapsed() / u32::try_from(tests.len()).unwrap_or(u32::MAX).max(1);
            tests.iter().zip(counts).map(|(node, count)| judge(context, session, (*node, share), count)).collect()
        }
        Err(failure) if tests.len() == 1 => {
            tests.iter().map(|node| not_run(context, *node, start.elapsed(), &failure)).collect()
        }
        // One of them cannot be run, and the others have a right to be.
        Err(_) => tests.iter().map(|node| alone(context, session, *node)).collect::<Vec<_>>(),
    };
    ended(context, all)
}

/// Tells the observer, and whether something is held back.
fn ended(context: &Context<'_>, all: Vec<Tested>) -> Result<Vec<Tested>, Vec<Tested>> {
    for tested in &all {
        context.observer.observe(&Event::Tested {
            node: tested.node,
            verdict: tested.verdict,
            failures: tested.failures,
            elapsed: tested.elapsed,
            failure: tested.diagnostic.as_ref(),
        });
    }
    let held = all.iter().any(|tested| tested.holds_back(context.manifest.node(tested.node)));
    if held { Err(all) } else { Ok(all) }
}

fn alone<'a>(context: &Context<'a>, session: &mut Option<Session<'a>>, node: NodeId) -> Tested {
    let start = Instant::now();
    match counted(context, session, &[node]) {
        Ok(counts) => {
            let count = counts.into_iter().next().unwrap_or(0.0);
            judge(context, session, (node, start.elapsed()), count)
        }
        Err(failure) => not_run(context, node, start.elapsed(), &failure),
    }
}

/// Why tests could not be run.
enum Failure {
    Ours(Box<Diagnostic>),
    Theirs(Box<EngineError>, Statement),
}

/// What each test computes from its failing rows, tried again where it fails for a reason that passes.
fn counted<'a>(
    context: &Context<'a>,
    session: &mut Option<Session<'a>>,
    tests: &[NodeId],
) -> Result<Vec<f64>, Failure> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (error, statement) = match try_count(context, session, tests) {
            Err(Failure::Theirs(error, statement)) => (error, statement),
            other => return other,
        };
        if !build::may_pass(&error) || attempt == build::ATTEMPTS || context.stop.is_stopped() {
            return Err(Failure::Theirs(error, statement));
        }
        let pause = build::FIRST_PAUSE * 2_u32.pow(attempt - 1);
        let node = tests.first().copied();
        context.observer.observe(&Event::Retrying { node, attempt, why: &error.message, pause });
        if error.kind == FailureKind::Connection {
            *session = None;
        }
        build::wait(context, pause);
    }
}

fn try_count<'a>(
    context: &Context<'a>,
    session: &mut Option<Session<'a>>,
    tests: &[NodeId],
) -> Result<Vec<f64>, Failure> {
    let nowhere = |purpose: &str| Statement { purpose: purpose.to_owned(), text: String::new(), sql_at: None };
    let theirs = |purpose: &'static str| move |error| Failure::Theirs(Box::new(error), nowhere(purpose));
    let session = match session {
        Some(session) => session,
        none => none.insert(context.connect("tests").map_err(theirs("connect"))?),
    };
    let statements = count_statements(context, tests).map_err(theirs("count"))?;
    let Some(statement) = statements.first() else { return Err(theirs("count")(no_statement())) };
    let plain = |id: &NodeId| context.manifest.node(*id).test.as_ref().is_some_and(|test| test.is_plain);
    if context.hides_operators || context.reads_staged(tests) && !tests.iter().all(plain) {
        bind::check_tests(context, session, tests, statement)
            .map_err(|error| Failure::Theirs(Box::new(error), statement.clone()))?
            .map_err(Failure::Ours)?;
    }
    let rows = session.values(tests.first().copied(), statement);
    let rows = rows.map_err(|error| Failure::Theirs(Box::new(error), statement.clone()))?;
    counts(&rows, tests.len()).map_err(|came| {
        let name = tests.first().map_or("", |id| &context.manifest.node(*id).name);
        let message = format!("the test `{name}` came to {came}");
        let problem = Diagnostic::error(WRONG_TEST_ARGUMENT, message);
        Failure::Ours(Box::new(problem.help("`fail_calc` computes one number from all failing rows")))
    })
}

/// The number of each test, in the order of the tests; in words, what came instead.
fn counts(rows: &[Vec<Option<String>>], tests: usize) -> Result<Vec<f64>, String> {
    let mut counts = vec![None; tests];
    for row in rows {
        let [number, count] = row.as_slice() else { return Err("something else than a number".to_owned()) };
        let slot = number.as_deref().and_then(|number| number.parse::<usize>().ok());
        let slot = slot.and_then(|number| counts.get_mut(number)).filter(|slot| slot.is_none());
        let Some(slot) = slot else { return Err("more than one number".to_owned()) };
        // An aggregate over no rows is NULL: nothing failed.
        let text = count.as_deref().unwrap_or("0");
        let count = text.parse::<f64>().ok().filter(|count| count.is_finite());
        *slot = Some(count.ok_or_else(|| format!("`{text}`, which is no number"))?);
    }
    counts.into_iter().collect::<Option<Vec<f64>>>().ok_or_else(|| "nothing".to_owned())
}

fn no_statement() -> EngineError {
    EngineError::new(crate::diagnostic::code::BUG, FailureKind::Permanent, "there is no statement to count with")
}

fn count_statements(context: &Context<'_>, tests: &[NodeId]) -> Result<Vec<Statement>, EngineError> {
    let mut first = String::new();
    let values: Vec<Value> = tests
        .iter()
        .enumerate()
        .map(|(number, id)| {
            let node = context.manifest.node(*id);
            let sql = sql(context, *id).text;
            let test = node.test.as_ref();
            let value = json!({
                "number": number,
                "sql": sql,
                "limit": test.and_then(|test| test.limit),
                "calculation": test.map_or("count(*)", |test| &test.fail_calc),
            });
            first = sql;
            value
        })
        .collect();
    // Of one test alone, the place of its SQL is wanted.
    let sql = if let [_] = tests { Value::from(first) } else { Value::Null };
    context.testing("count", &json!({"tests": values, "sql": sql}))
}

/// The SQL of a test, with the names that it reads in this run.
pub fn sql(context: &Context<'_>, id: NodeId) -> FilledSql {
    context.staged_sql(id, Rendering::Full).unwrap_or_default()
}

fn judge<'a>(
    context: &Context<'a>,
    session: &mut Option<Session<'a>>,
    (id, elapsed): (NodeId, Duration),
    count: f64,
) -> Tested {
    let node = context.manifest.node(id);
    let verdict = node.test.as_ref().map_or(Verdict::Pass, |test| test.verdict(count));
    let failures = format!("{:.0}", count.abs().ceil()).parse::<u64>().unwrap_or(u64::MAX);
    let mut tested = Tested {
        node: id,
        verdict: Some(verdict),
        failures: Some(failures),
        sample: None,
        difference: None,
        elapsed,
        diagnostic: None,
    };
    if verdict != Verdict::Pass {
        tested.sample = session.as_mut().and_then(|session| sample(context, session, id));
        tested.diagnostic = Some(failed(context, id, verdict, failures));
    }
    tested
}

/// The first failing rows; none where they cannot be had, since the verdict stands without them.
fn sample(context: &Context<'_>, session: &mut Session<'_>, id: NodeId) -> Option<Rows> {
    let sql = sql(context, id).text;
    let statements = context.testing("failures", &json!({"sql": sql, "limit": SHOWN})).ok()?;
    session.ask(Some(id), statements.first()?).ok().filter(|rows| !rows.rows.is_empty())
}

fn failed(context: &Context<'_>, id: NodeId, verdict: Verdict, failures: u64) -> Diagnostic {
    let node = context.manifest.node(id);
    let computed = node.test.as_ref().is_some_and(|test| test.fail_calc != "count(*)");
    let message = match (failures, computed) {
        (_, true) => format!("the test `{}` came to {failures}", node.name),
        (1, false) => format!("the test `{}` found 1 failing row", node.name),
        (many, false) => format!("the test `{}` found {many} failing rows", node.name),
    };
    let diagnostic = match verdict {
        Verdict::Fail => Diagnostic::error(TEST_FAILED, message),
        Verdict::Warn | Verdict::Pass => Diagnostic::warning(TEST_FAILED, message),
    };
    placed(context, id, diagnostic.of_node(node.name.clone()))
}

fn placed(context: &Context<'_>, id: NodeId, diagnostic: Diagnostic) -> Diagnostic {
    match context.places.file(id) {
        Some(span) => diagnostic.at(span, ""),
        None => diagnostic,
    }
}

fn not_run(context: &Context<'_>, id: NodeId, elapsed: Duration, failure: &Failure) -> Tested {
    let node = context.manifest.node(id);
    let diagnostic = match failure {
        Failure::Ours(diagnostic) => (**diagnostic).clone().of_node(node.name.clone()),
        Failure::Theirs(error, statement) => {
            let what = format!("the test `{}` could not be run", node.name);
            let diagnostic = refusal(&context.with_known_names(error), &what).of_node(node.name.clone());
            let filled = sql(context, id);
            let inside = |at: usize| at..=at + filled.text.len();
            match (error.position, statement.sql_at) {
                (Some(position), Some(at)) if inside(at).contains(&position) => {
                    let (inlined, byte) = filled.rendered(position - at);
                    match context.places.place(inlined.unwrap_or(id), Rendering::Full, byte) {
                        Some(place) => diagnostic.at_place(place, "here"),
                        None => placed(context, id, diagnostic),
                    }
                }
                _ => placed(context, id, diagnostic),
            }
        }
    };
    Tested {
        node: id,
        verdict: None,
        failures: None,
        sample: None,
        difference: None,
        elapsed,
        diagnostic: Some(diagnostic),
    }
}
