//! The cases of a test of data: it finds what it has to and nothing else, whatever it is asked on, and holds back what it
//! found something in.

use super::{Diagnostic, Findings, SCHEMA, SUBJECT, Trial, Way};
use crate::{
    cli::arguments::TemplateTest,
    diagnostic::code::{BAD_USAGE, FAILURES_NOT_STORED},
    engine::without_end,
    run::Status,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SUBJECT_SQL: &str = include_str!("../../../../templates/trial/subject.sql.jinja");
/// What `relationships` refers to; NULL in it hides nothing.
const OTHER_SQL: &str = "select 1 as v union all select null";
/// A name that nothing but quotes makes one.
const ODD: &str = "Größe \"of\" 果物";

/// Rows that a test is tried out on, and what it is told.
struct Example {
    arguments: Vec<String>,
    passing: String,
    failing: String,
    /// Whether it also finds something where there are no rows.
    empty_fails: bool,
}

/// Arguments, rows without and rows with something to find, and whether no rows are something to find.
type BuiltIn = (&'static str, &'static [&'static str], &'static str, &'static str, bool);

/// The examples of the tests that come with suiro, which a project's own version of them has to do justice to.
const BUILT_IN: &[BuiltIn] = &[
    ("accepted_values", &["values: [a, b]"], "select 'a' as v", "select 'c' as v union all select 'a'", false),
    ("expression", &["expression: '> 0'"], "select 1 as v", "select -1 as v union all select 0", false),
    ("not_null", &[], "select 1 as v union all select 2", "select 1 as v union all select null", false),
    (
        "recency",
        &["datepart: day", "interval: 1"],
        "select current_timestamp as v",
        "select cast('2001-02-03 04:05:06' as timestamp) as v",
        true,
    ),
    ("relationships", &["to: other", "field: v"], "select 1 as v", "select 7 as v union all select 1", false),
    ("row_count", &["max: 1"], "select 1 as v", "select 1 as v union all select 2", false),
    ("unique", &[], "select 1 as v union all select 2", "select 1 as v union all select 1", false),
];

impl Example {
    /// What the command line says, else that of a test that comes with suiro.
    fn of(arguments: &TemplateTest) -> Result<Self, Vec<Diagnostic>> {
        let given = (&arguments.passing, &arguments.failing);
        if let (Some(passing), Some(failing)) = given {
            return Ok(Self {
                arguments: arguments.config.clone(),
                passing: without_end(passing).to_owned(),
                failing: without_end(failing).to_owned(),
                empty_fails: arguments.empty_fails,
            });
        }
        let known = BUILT_IN.iter().find(|(name, ..)| *name == arguments.name);
        let known = known.filter(|_| given == (&None, &None) && arguments.config.is_empty());
        let Some((_, told, passing, failing, empty_fails)) = known else {
            let message = format!("what `{}` has to find is not known", arguments.name);
            return Err(vec![
                Diagnostic::error(BAD_USAGE, message)
                    .note("a test of a project's own, or one that is told something, needs rows of both kinds")
                    .help("for example: --passing 'select 1 as v' --failing 'select -1 as v'"),
            ]);
        };
        Ok(Self {
            arguments: told.iter().map(|line| (*line).to_owned()).collect(),
            passing: (*passing).to_owned(),
            failing: (*failing).to_owned(),
            empty_fails: *empty_fails,
        })
    }
}

/// One case: which rows the test is asked on, and how it is set up.
#[derive(Clone, Copy)]
struct Case<'a> {
    rows: &'a str,
    none: bool,
    with_null: bool,
    /// The names of the relation and of the column that the test is about.
    names: (&'a str, &'a str),
    config: &'a [(&'a str, &'a str)],
    way: Way,
}

/// How a test came out: its status, and how many failing rows it counted; what went wrong where it could not be run.
type Outcome = Result<(Status, u64), String>;

struct Attempt<'a> {
    trial: &'a Trial<'a>,
    example: &'a Example,
    columns: Vec<String>,
    below_column: bool,
}

/// The cases one after the other; what they found.
pub fn cases(
    trial: &Trial<'_>,
    asks: &BTreeSet<String>,
    arguments: &TemplateTest,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let example = Example::of(arguments)?;
    let columns = columns(trial, &example)?;
    let told_column = example.arguments.iter().any(|line| line.trim_start().starts_with("column_name:"));
    let below_column = asks.contains("column_name") && !told_column;
    trial.model("other.sql", OTHER_SQL)?;
    trial.model(&format!("{SUBJECT}.sql"), SUBJECT_SQL)?;
    let attempt = Attempt { trial, example: &example, columns, below_column };
    attempt.all()
}

/// The names of the columns that the rows have.
fn columns(trial: &Trial<'_>, example: &Example) -> Result<Vec<String>, Vec<Diagnostic>> {
    let engine = trial.engine(true)?;
    let mut described = Vec::new();
    for sql in [&example.passing, &example.failing] {
        let columns = engine.connect("template test").and_then(|mut connection| connection.describe(sql));
        let columns = columns.map_err(|error| vec![super::refused(&error)])?;
        described.push(columns.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
    }
    match described.as_slice() {
        [passing, failing] if passing != failing => {
            let message = "the rows of both kinds need the same columns";
            let told = |names: &[String]| names.join(", ");
            Err(vec![
                Diagnostic::error(BAD_USAGE, message)
                    .note(format!("`--passing` has {}", told(passing)))
                    .note(format!("`--failing` has {}", told(failing))),
            ])
        }
        _ => Ok(described.pop().unwrap_or_default()),
    }
}

impl Attempt<'_> {
    /// The plain case that all others vary: rows without anything to find.
    fn passing(&self) -> Case<'_> {
        Case {
            rows: &self.example.passing,
            none: false,
            with_null: false,
            names: (SUBJECT, self.columns.first().map_or("", String::as_str)),
            config: &[],
            way: Way::default(),
        }
    }

    fn all(&self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let passing = self.passing();
        let failing = Case { rows: &self.example.failing, ..passing };
        let mut found = self.trial.findings();
        let nothing = |status: Status, count: u64| status == Status::Pass && count == 0;
        let something = |status: Status, count: u64| status == Status::Fail && count > 0;
        let once = self.outcome(passing)?;
        expect(&mut found, "nothing to find", &once, &nothing, "find nothing");
        if !found.all.is_empty() {
            // Nothing is published, and no other case can be told from this one.
            return Ok(found.all);
        }
        expect(&mut found, "again", &self.outcome(passing)?, &nothing, "find nothing again");
        let before = self.published()?;
        let first = self.outcome(failing)?;
        expect(&mut found, "something to find", &first, &something, "find something");
        let count = first.as_ref().map_or(0, |(_, count)| *count);
        let same = move |status: Status, found: u64| status == Status::Fail && found == count;
        let so_many = format!("find {count}, as before");
        expect(&mut found, "found again", &self.outcome(failing)?, &same, &so_many);
        let forced = Way { full_refresh: true, ..Way::default() };
        expect(&mut found, "forced", &self.outcome(Case { way: forced, ..failing })?, &same, &so_many);
        let stopped = Way { interrupted_at: Some(SUBJECT), ..Way::default() };
        let interrupted = self.outcome(Case { way: stopped, ..failing })?;
        let not_run = |status: Status, _| matches!(status, Status::NotStarted | Status::Cancelled);
        expect(&mut found, "interrupted", &interrupted, &not_run, "not be run");
        let after = self.published()?;
        let why = format!("what is published was {} and became {}", before.join(", "), after.join(", "));
        found.check("holds back", before == after, &why);
        let empty = Case { none: true, ..failing };
        let on_nothing = |status: Status, count: u64| {
            if self.example.empty_fails { something(status, count) } else { nothing(status, count) }
        };
        let wanted = if self.example.empty_fails { "find something" } else { "find nothing" };
        expect(&mut found, "no rows", &self.outcome(empty)?, &on_nothing, wanted);
        let where_none = Case { config: &[("where", "1 = 0")], ..failing };
        expect(&mut found, "where that leaves none", &self.outcome(where_none)?, &on_nothing, wanted);
        let where_all = Case { config: &[("where", "1 = 1")], ..failing };
        expect(&mut found, "where that leaves all", &self.outcome(where_all)?, &same, &so_many);
        let limited = Case { config: &[("limit", "1")], ..failing };
        expect(
            &mut found,
            "limit",
            &self.outcome(limited)?,
            &|status, count| status == Status::Fail && count == 1,
            "find 1",
        );
        let with_null = Case { with_null: true, ..failing };
        expect(
            &mut found,
            "beside NULL",
            &self.outcome(with_null)?,
            &something,
            "find what it found without a row of NULL",
        );
        let odd = Case { names: (ODD, if self.below_column { ODD } else { failing.names.1 }), ..failing };
        expect(&mut found, "names in quotes", &self.outcome(odd)?, &same, &so_many);
        self.told_and_kept(failing, count, &mut found)?;
        Ok(found.all)
    }

    /// A warning lets through; what is published can be tested alone, and the failing rows be kept.
    fn told_and_kept(&self, failing: Case<'_>, count: u64, found: &mut Findings<'_>) -> Result<(), Vec<Diagnostic>> {
        let word = |outcome: &Outcome| match outcome {
            Ok((status, count)) => format!("it came out as `{}` with {count}", status.word()),
            Err(problem) => problem.clone(),
        };
        let warned = self.outcome(Case { config: &[("severity", "warn")], ..failing })?;
        found.check("warning", warned == Ok((Status::Warn, count)), &word(&warned));
        let alone = Way { tests_alone: true, ..Way::default() };
        let published = self.outcome(Case { way: alone, ..failing })?;
        found.check("published", published == Ok((Status::Fail, count)), &word(&published));
        let kept = &[("store_failures", "true"), ("schema", SCHEMA), ("alias", "kept"), ("severity", "warn")];
        match self.outcome(Case { config: kept, ..failing })? {
            Ok(_) => {
                let rows = self.kept()?;
                let why = format!("the table of the failing rows has {rows} of {count}");
                found.check("kept", rows == count.to_string(), &why);
            }
            Err(problem) => found.check("kept", false, &problem),
        }
        Ok(())
    }

    fn outcome(&self, case: Case<'_>) -> Result<Outcome, Vec<Diagnostic>> {
        self.trial.model(&format!("{SUBJECT}.yml"), &self.entry(case))?;
        let compilation = match self.trial.compiled(&self.vars(case)) {
            Ok(compilation) => compilation,
            Err(problems) => return Ok(Err(words(&problems))),
        };
        let report = match self.trial.carry_out(&compilation, case.way) {
            Ok(report) => report,
            Err(problems) if problems.is_empty() => return Err(problems),
            Err(problems) => return Ok(Err(words(&problems))),
        };
        let lost: Vec<_> = report.diagnostics.iter().filter(|told| told.code == FAILURES_NOT_STORED).cloned().collect();
        if !lost.is_empty() {
            return Ok(Err(words(&lost)));
        }
        let test = compilation.manifest.find_test("trial");
        let node = report.nodes.iter().find(|node| Some(node.node) == test);
        Ok(node.map_or_else(|| Err("it was not run".to_owned()), |node| Ok((node.status, node.rows.unwrap_or(0)))))
    }

    /// The variables of the model's SQL.
    fn vars(&self, case: Case<'_>) -> Vec<String> {
        let (relation, column) = case.names;
        let named = |(index, from): (usize, &String)| {
            let name = if index == 0 { column } else { from };
            json!({"from": from, "name": name})
        };
        let columns: Vec<Value> = self.columns.iter().enumerate().map(named).collect();
        let vars = json!({
            "relation": relation, "columns": columns, "rows": case.rows, "none": case.none,
            "with_null": case.with_null,
        });
        vec![vars.to_string()]
    }

    /// The YAML about the model: the test below its column or beside its columns.
    fn entry(&self, case: Case<'_>) -> String {
        let mut text = format!("models:\n  - name: {SUBJECT}\n");
        let indent = if self.below_column {
            text.push_str(&format!("    columns:\n      - name: {}\n        tests:\n", json!(case.names.1)));
            "          "
        } else {
            text.push_str("    tests:\n");
            "      "
        };
        text.push_str(&format!("{indent}- test_name: {}\n{indent}  name: trial\n", json!(self.trial.name)));
        for (index, line) in self.example.arguments.iter().enumerate() {
            if index == 0 {
                text.push_str(&format!("{indent}  arguments:\n"));
            }
            text.push_str(&format!("{indent}    {line}\n"));
        }
        for (key, value) in case.config {
            text.push_str(&format!("{indent}  {key}: {value}\n"));
        }
        text
    }

    /// The rows that are published, as text.
    fn published(&self) -> Result<Vec<String>, Vec<Diagnostic>> {
        let answers = self.trial.ask(&self.vars(self.passing()), &["select * from subject"])?;
        let mut rows = answers.into_iter().next().unwrap_or_default();
        rows.sort();
        Ok(rows)
    }

    /// How many rows the table of the failing rows has.
    fn kept(&self) -> Result<String, Vec<Diagnostic>> {
        self.trial.model("kept.yml", &format!("sources: [{{name: {SCHEMA}, tables: [{{name: kept}}]}}]\n"))?;
        let answers = self.trial.ask(&self.vars(self.passing()), &["select count(*) from suiro_template_test.kept"])?;
        Ok(answers.into_iter().flatten().next().unwrap_or_default())
    }
}

/// Tells whether a test came out as it should.
fn expect(found: &mut Findings<'_>, case: &str, outcome: &Outcome, holds: &dyn Fn(Status, u64) -> bool, wanted: &str) {
    let (holds, why) = match outcome {
        Ok((status, count)) => {
            let rows = if *count == 1 { "row" } else { "rows" };
            let came = format!("it came out as `{}` with {count} {rows}", status.word());
            (holds(*status, *count), format!("{came}, and should {wanted}"))
        }
        Err(problem) => (false, problem.clone()),
    };
    found.check(case, holds, &why);
}

fn words(problems: &[Diagnostic]) -> String {
    let told = |problem: &Diagnostic| {
        let notes = problem.notes.iter().map(|note| format!(" ({note})"));
        std::iter::once(problem.message.clone()).chain(notes).collect::<String>()
    };
    problems.iter().map(told).collect::<Vec<_>>().join("; ")
}
