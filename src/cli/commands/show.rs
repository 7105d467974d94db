//! `suiro show`: rows of a model's SQL as it is written now.

use super::lineage::find;
use crate::{
    cli::{
        app::App,
        arguments::{Format, Show},
        table,
    },
    compile::Compilation,
    diagnostic::Diagnostic,
    engine::{Engine, Rows},
    exit::Exit,
    run::published_sql,
};
use serde_json::{Map, Value};

/// Prints rows; creates nothing.
pub fn run(app: &App, arguments: &Show) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let database = match crate::run::database(engine.as_ref()) {
        Ok(database) => database,
        Err(error) => return app.refuse(&compilation, &error, "the database could not be asked"),
    };
    match sql(app, &mut compilation, arguments, database.as_deref()) {
        Ok(sql) => print(app, &compilation, engine.as_ref(), &sql, arguments.limit, arguments.format),
        Err(problems) => app.fail(&problems, &compilation.sources),
    }
}

/// The SQL to run, with published names.
fn sql(
    app: &App,
    compilation: &mut Compilation,
    arguments: &Show,
    database: Option<&str>,
) -> Result<String, Vec<Diagnostic>> {
    let sql = match (&arguments.inline, &arguments.model) {
        (Some(text), _) => compilation.inline(text)?,
        (None, Some(name)) => {
            let id = find(compilation, name).map_err(|problem| vec![*problem])?;
            let node = compilation.manifest.node(id);
            match (&node.sql, &node.relation) {
                (Some(_), _) if arguments.cte.is_some() => {
                    compilation.cte(id, arguments.cte.as_deref().unwrap_or_default())?
                }
                (Some(sql), _) => sql.clone(),
                (None, Some(relation)) if node.error.is_none() => {
                    return compilation.rows_of(relation, database).map_err(|problem| vec![problem]);
                }
                _ => {
                    let selection = std::iter::once(id).collect();
                    return Err(app.judged(compilation, &selection).into_iter().filter(Diagnostic::is_error).collect());
                }
            }
        }
        (None, None) => return Ok(String::new()),
    };
    Ok(published_sql(&compilation.manifest, &sql, database).text)
}

/// Runs a query that only reads and prints what it returns.
pub fn print(
    app: &App,
    compilation: &Compilation,
    engine: &dyn Engine,
    sql: &str,
    limit: usize,
    format: Format,
) -> Exit {
    let rows = engine.connect("show").and_then(|mut connection| connection.query(sql, Some(limit.saturating_add(1))));
    let mut rows = match rows {
        Ok(rows) => rows,
        Err(error) => return app.refuse(compilation, &error, "the query was refused"),
    };
    let more = rows.rows.len() > limit;
    rows.rows.truncate(limit);
    match format {
        Format::Json => {
            for row in &rows.rows {
                let object: Map<String, Value> =
                    rows.columns.iter().cloned().zip(row.iter().map(|value| value.clone().into())).collect();
                app.terminal.data(&Value::Object(object).to_string());
            }
        }
        Format::Text => {
            let numeric: Vec<bool> = rows.types.iter().map(|word| table::is_numeric(word)).collect();
            app.terminal.data(&table::plain(&rows.columns, &rows.rows, &numeric, app.terminal.width()));
            app.terminal.say(&count(&rows, more));
        }
    }
    Exit::Done
}

fn count(rows: &Rows, more: bool) -> String {
    match (rows.rows.len(), more) {
        (1, false) => "1 row".to_owned(),
        (many, false) => format!("{many} rows"),
        (many, true) => format!("the first {many} rows (`--limit` for more)"),
    }
}
