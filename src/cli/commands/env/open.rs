//! `suiro env open`: what a shell needs so that its programs work in an environment.
//!
//! Printed and not done: no program can change the shell that started it, and every tool has its own prompt.

use crate::{
    cli::{
        app::App,
        arguments::{EnvOpen, Format},
    },
    compile::Compilation,
    diagnostic::{Diagnostic, code::BAD_ENVIRONMENT},
    exit::Exit,
    project::TargetKind,
    run,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Prints it.
pub fn run(app: &App, compilation: &mut Compilation, arguments: &EnvOpen) -> Exit {
    let name = &arguments.name;
    let before: BTreeSet<String> = run::schemas(&compilation.manifest).into_iter().map(str::to_owned).collect();
    let production = match &compilation.project.target.kind {
        TargetKind::DuckDb(duckdb) => duckdb.file.clone(),
        TargetKind::Postgres(_) => None,
    };
    if let Err(exit) = app.enter_named(compilation, name) {
        return exit;
    }
    if !app.has_environment(compilation) {
        let problem = Diagnostic::error(BAD_ENVIRONMENT, format!("there is no environment `{name}` yet"));
        return app.fail(&[problem.help(format!("`suiro build --env {name}` makes it"))], &compilation.sources);
    }
    let mut variables: Vec<(&str, String)> = vec![("SUIRO_ENV", name.clone())];
    let mut told: Vec<(&str, Value)> = Vec::new();
    let hint = match &compilation.project.target.kind {
        TargetKind::DuckDb(duckdb) => {
            let file = duckdb.path.clone();
            let alias = compilation.environment.as_ref().and_then(|environment| environment.production.clone());
            told.push(("file", json!(file)));
            told.push(("production", json!(production.as_ref().map(|path| path.display().to_string()))));
            told.push(("attach_as", json!(alias)));
            match (alias, production) {
                (Some(alias), Some(path)) => {
                    format!(
                        "open {file} and say: attach {} as {alias} (read_only)",
                        quoted(&path.display().to_string())
                    )
                }
                _ => format!("open {file}"),
            }
        }
        TargetKind::Postgres(postgres) => {
            let own: Vec<String> =
                before.iter().map(|schema| crate::compile::environment_schema(schema, name)).collect();
            let quote = |schema: &String| compilation.manifest.dialect.quote(schema);
            let path: Vec<String> = own.iter().chain(&before).map(quote).collect();
            // In PGOPTIONS blanks and backslashes stand behind a backslash.
            let escaped = path.join(",").replace('\\', "\\\\").replace(' ', "\\ ");
            variables.push(("PGOPTIONS", format!("-c search_path={escaped}")));
            let port = postgres.port.map(|port| port.to_string());
            for (variable, value) in [
                ("PGHOST", &postgres.host),
                ("PGPORT", &port),
                ("PGUSER", &postgres.user),
                ("PGDATABASE", &postgres.dbname),
                ("PGSERVICE", &postgres.service),
            ] {
                variables.extend(value.clone().map(|value| (variable, value)));
            }
            told.push(("search_path", json!(path)));
            "psql then sees the environment's relations first, and production's behind them".to_owned()
        }
    };
    if arguments.format == Format::Json {
        let mut object = serde_json::Map::new();
        object.insert("name".to_owned(), json!(name));
        object.extend(told.into_iter().map(|(key, value)| (key.to_owned(), value)));
        let variables: serde_json::Map<String, Value> =
            variables.into_iter().map(|(variable, value)| (variable.to_owned(), json!(value))).collect();
        object.insert("variables".to_owned(), Value::Object(variables));
        app.terminal.data(&Value::Object(object).to_string());
        return Exit::Done;
    }
    let lines = variables.iter().map(|(variable, value)| format!("export {variable}={}\n", quoted(value)));
    app.terminal.data(&lines.collect::<String>());
    app.terminal.say(&format!("`eval \"$(suiro env open {name})\"` opens it in this shell; {hint}"));
    Exit::Done
}

/// A text as a shell takes it.
fn quoted(text: &str) -> String {
    ["'", &text.replace('\'', "'\\''"), "'"].concat()
}
