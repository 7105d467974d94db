//! `suiro show`: rows of a model's SQL as it is written now.

use super::lineage::find;
use crate::{
    artifact::row,
    cli::{
        app::App,
        arguments::{Format, Show},
        table,
    },
    compile::Compilation,
    diagnostic::{Diagnostic, code::RELATION_MISSING},
    engine::{Connection, Engine, Rows, without_end},
    exit::Exit,
    run::{Statements, published_sql},
};
use serde_json::json;

/// Prints rows; creates nothing.
pub fn run(app: &App, arguments: &Show) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    compilation.check_data_files();
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let database = match crate::run::database(engine.as_ref()) {
        Ok(database) => database,
        Err(error) => return app.refuse(&compilation, &error, "the database could not be asked"),
    };
    match sql(app, &mut compilation, arguments, database.as_deref()) {
        Ok(sql) => print(app, &compilation, engine.as_ref(), (&sql, None), arguments.limit, arguments.format),
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

/// Runs a query that only reads and prints what it returns; `names` helps where a relation is not found.
pub fn print(
    app: &App,
    compilation: &Compilation,
    engine: &dyn Engine,
    (sql, names): (&str, Option<&str>),
    limit: usize,
    format: Format,
) -> Exit {
    let asked = engine.connect("show").and_then(|mut connection| {
        let limit = Some(limit.saturating_add(1));
        let nested =
            if format == Format::Json { with_nested_as_json(compilation, connection.as_mut(), sql) } else { None };
        // A query that cannot be put inside another one is asked as it is; what is nested is text then.
        let wrapped = nested.and_then(|(described, query)| {
            let (columns, types) = described.into_iter().unzip();
            Some(Rows { columns, types, ..connection.query(&query, limit).ok()? })
        });
        wrapped.map_or_else(|| connection.query(sql, limit), Ok)
    });
    let mut rows = match asked {
        Ok(rows) => rows,
        Err(mut error) => {
            if let (Some(names), None) = (names.filter(|_| error.code == RELATION_MISSING), &error.help) {
                error.help = Some(names.to_owned());
            }
            return app.refuse(compilation, &error, "the query was refused");
        }
    };
    let more = rows.rows.len() > limit;
    rows.rows.truncate(limit);
    match format {
        Format::Json => {
            let keys = row::keys(&rows.columns);
            for values in &rows.rows {
                app.terminal.data(&row::object(&keys, &rows.types, values));
            }
        }
        Format::Text => {
            let numeric: Vec<bool> = rows.types.iter().map(|word| row::is_number(word)).collect();
            let shown = |values: Vec<Option<String>>| -> Vec<Option<String>> {
                let typed = values.into_iter().zip(&rows.types);
                typed.map(|(value, data_type)| value.map(|value| row::shown(data_type, value))).collect()
            };
            let values: Vec<_> = std::mem::take(&mut rows.rows).into_iter().map(shown).collect();
            app.terminal.data(&table::plain(&rows.columns, &values, &numeric, app.terminal.data_width()));
            app.terminal.say(&count(values.len(), more));
        }
    }
    Exit::Done
}

/// Names and types of columns.
type Described = Vec<(String, String)>;

/// The columns' names and types of a query with lists and the like among them, and a query that has them as JSON.
fn with_nested_as_json(
    compilation: &Compilation,
    connection: &mut dyn Connection,
    sql: &str,
) -> Option<(Described, String)> {
    let described = connection.describe(sql).ok()?;
    if !described.iter().any(|(_, data_type)| row::is_nested(data_type)) {
        return None;
    }
    let columns: Vec<_> = described
        .iter()
        .enumerate()
        .map(|(index, (_, data_type))| json!({"name": format!("c{index}"), "nested": row::is_nested(data_type)}))
        .collect();
    let values = json!({"query": without_end(sql), "columns": columns});
    let statement = compilation.publish("nested", &values).ok()?.pop()?;
    Some((described, statement.text))
}

fn count(rows: usize, more: bool) -> String {
    match (rows, more) {
        (1, false) => "1 row".to_owned(),
        (many, false) => format!("{many} rows"),
        (many, true) => format!("the first {many} rows (`--limit` for more)"),
    }
}
