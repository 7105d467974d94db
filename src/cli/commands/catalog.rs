//! `suiro catalog values`: the lists that templates may ask for, fetched from the target into files that are committed.

use crate::{
    artifact::replace,
    cli::app::App,
    compile::Compilation,
    diagnostic::{
        Diagnostic,
        code::{NO_SUCH_MODEL, NOT_WRITABLE, TOO_MANY_VALUES},
    },
    engine::{Engine, Rows},
    exit::Exit,
    project::{ValueList, with_values},
    run::{published_sql, refusal},
    source::Span,
};
use serde_json::{Map, Value};

/// The most values of one list: a template that loops over more would not end within its bounds.
const MOST: usize = 10_000;

/// Fetches these lists, or all that have a query.
pub fn values(app: &App, names: &[String]) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let lists: Vec<ValueList> = match chosen(&compilation, names) {
        Ok(lists) => lists,
        Err(problems) => return app.fail(&problems, &compilation.sources),
    };
    if lists.is_empty() {
        app.terminal.say("There are no queries in values/*.yml to run.");
        return Exit::Done;
    }
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let database = match crate::run::database(engine.as_ref()) {
        Ok(database) => database,
        Err(error) => return app.refuse(&compilation, &error, "the database could not be asked"),
    };
    let mut exit = Exit::Done;
    for list in &lists {
        let done = fetched(&mut compilation, engine.as_ref(), database.as_deref(), list)
            .and_then(|rows| write(&compilation, list, &rows).map_err(|problem| vec![problem]));
        match done {
            Ok(line) => app.terminal.say(&line),
            Err(problems) => exit = exit.or(app.fail(&problems, &compilation.sources)),
        }
    }
    exit
}

/// The lists of these names, or all that have a query.
fn chosen(compilation: &Compilation, names: &[String]) -> Result<Vec<ValueList>, Vec<Diagnostic>> {
    let lists = &compilation.project.value_lists;
    if names.is_empty() {
        return Ok(lists.iter().filter(|list| list.query.is_some()).cloned().collect());
    }
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        match lists.iter().find(|list| list.name == *name) {
            Some(list) if list.query.is_some() => found.push(list.clone()),
            Some(list) => problems.push(
                Diagnostic::error(NO_SUCH_MODEL, format!("the list `{name}` has no query"))
                    .at(Span::new(list.file, 0..0), "kept by hand")
                    .help("write `query: select …` into it"),
            ),
            None => {
                let problem = Diagnostic::error(NO_SUCH_MODEL, format!("there is no list `{name}` below values/"));
                let problem = problem.suggest(name, lists.iter().map(|list| list.name.as_str()));
                problems.push(problem.help(format!("write `query: select …` into `values/{name}.yml`")));
            }
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// What the query of a list returns: one value for each row.
fn fetched(
    compilation: &mut Compilation,
    engine: &dyn Engine,
    database: Option<&str>,
    list: &ValueList,
) -> Result<Vec<Value>, Vec<Diagnostic>> {
    let Some(query) = &list.query else { return Ok(Vec::new()) };
    let here = |problem: Diagnostic| problem.also(query.span, "in this query");
    let sql =
        compilation.inline(&query.value).map_err(|problems| problems.into_iter().map(here).collect::<Vec<_>>())?;
    let text = published_sql(&compilation.manifest, &sql, database).text;
    let rows = engine
        .connect("catalog")
        .and_then(|mut connection| connection.query(&text, Some(MOST + 1)))
        .map_err(|error| vec![refusal(&error, &format!("the values `{}`", list.name)).at(query.span, "this query")])?;
    if rows.rows.len() > MOST {
        let message = format!("the query of `{}` returns more than {MOST} values", list.name);
        let problem = Diagnostic::error(TOO_MANY_VALUES, message).at(query.span, "this query");
        return Err(vec![problem.help("let it return distinct values, or join the table in SQL instead")]);
    }
    Ok(json(&rows))
}

/// A row of one column is its value, of several a mapping.
fn json(rows: &Rows) -> Vec<Value> {
    let value = |column: usize, text: &Option<String>| {
        let Some(text) = text else { return Value::Null };
        let kind = rows.types.get(column).map(|kind| kind.to_ascii_lowercase()).unwrap_or_default();
        if kind == "boolean" {
            return Value::Bool(text.starts_with('t'));
        }
        let literal = kind.contains("int") && !kind.contains("interval");
        // What is no whole number of JSON after all (an array, a huge one) stays a text.
        let parsed = literal.then(|| serde_json::from_str::<Value>(text).ok()).flatten();
        parsed.filter(|value| value.is_i64() || value.is_u64()).unwrap_or_else(|| Value::String(text.clone()))
    };
    let row = |row: &Vec<Option<String>>| match row.as_slice() {
        [only] => value(0, only),
        several => {
            let pairs = several.iter().enumerate().zip(&rows.columns);
            pairs.map(|((column, text), name)| (name.clone(), value(column, text))).collect::<Map<_, _>>().into()
        }
    };
    rows.rows.iter().map(row).collect()
}

/// Writes the values into the file of their list; what to say about it.
fn write(compilation: &Compilation, list: &ValueList, rows: &[Value]) -> Result<String, Diagnostic> {
    let text = with_values(compilation.sources.get(list.file).text(), rows);
    let written = replace(&compilation.project.root.join(&list.path), text.as_bytes()).map_err(|error| {
        let problem = Diagnostic::error(NOT_WRITABLE, format!("`{}` cannot be written: {error}", list.path));
        problem.help("check that there is room on the disk and that the folder is yours")
    })?;
    let old = list.values.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let count = |these: &[Value], others: &[Value]| these.iter().filter(|one| !others.contains(one)).count();
    let (new, gone) = (count(rows, old), count(old, rows));
    let noun = if rows.len() == 1 { "value" } else { "values" };
    Ok(match (new, gone) {
        (0, 0) if !written => format!("{}: {} {noun}, as before", list.path, rows.len()),
        _ => format!("{}: {} {noun}, {new} new, {gone} gone", list.path, rows.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_become_values_of_their_kind() {
        let some = |text: &str| Some(text.to_owned());
        let rows = |types: &[&str], row: Vec<Option<String>>| Rows {
            columns: (0..types.len()).map(|index| format!("c{index}")).collect(),
            types: types.iter().map(|kind| (*kind).to_owned()).collect(),
            rows: vec![row],
        };
        for (kind, text, expected) in [
            ("INTEGER", some("7"), json!(7)),
            ("bigint", some("-7"), json!(-7)),
            (
                "HUGEINT",
                some("170141183460469231731687303715884105727"),
                json!("170141183460469231731687303715884105727"),
            ),
            ("boolean", some("true"), json!(true)),
            ("boolean", some("f"), json!(false)),
            ("VARCHAR", some("7"), json!("7")),
            ("interval", some("1"), json!("1")),
            ("INTEGER[]", some("[1, 2]"), json!("[1, 2]")),
            ("numeric(10,2)", some("1.10"), json!("1.10")),
            ("integer", None, json!(null)),
        ] {
            assert_eq!(json(&rows(&[kind], vec![text.clone()])), [expected], "{kind} {text:?}");
        }
        assert_eq!(json(&rows(&["integer", "text"], vec![some("1"), None])), [json!({"c0": 1, "c1": null})]);
    }
}
