//! `suiro env`: environments of one's own, beside production.

mod open;

use super::origin;
use crate::{
    cli::{
        app::App,
        arguments::{Env, EnvCreate, EnvDrop, Format},
        environment::{PRODUCTION, beside},
        table,
    },
    compile::{Compilation, environment_schema},
    diagnostic::{
        Diagnostic,
        code::{BAD_ENVIRONMENT, DEPENDENT_IN_THE_WAY, NOT_WRITABLE},
    },
    engine::EngineError,
    exit::Exit,
    plan::moment,
    project::TargetKind,
    run::{self, Environment},
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Carries out what is to be done with environments.
pub fn run(app: &App, command: &Env) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    match command {
        Env::List { format } => list(app, &compilation, *format),
        Env::Create(arguments) => create(app, &mut compilation, arguments),
        Env::Open(arguments) => open::run(app, &mut compilation, arguments),
        Env::Drop(arguments) => drop(app, &compilation, arguments),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The files of environments beside production's, by name; none on PostgreSQL.
fn files(compilation: &Compilation) -> Vec<(String, PathBuf)> {
    let TargetKind::DuckDb(duckdb) = &compilation.project.target.kind else { return Vec::new() };
    let Some(production) = &duckdb.file else { return Vec::new() };
    let (Some(folder), Some(stem)) = (production.parent(), production.file_stem()) else { return Vec::new() };
    let prefix = format!("{}_", stem.to_string_lossy());
    let entries = fs_err::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let named = entries.filter_map(|entry| {
        let path = entry.path();
        let name = path.file_stem()?.to_str()?.strip_prefix(&prefix)?.to_owned();
        (path == beside(production, &name)).then_some((name, path))
    });
    let mut found: Vec<_> = named.collect();
    found.sort();
    found
}

/// Every environment of the project.
fn all(app: &App, compilation: &Compilation) -> Result<Vec<Environment>, EngineError> {
    let state = &compilation.project.target.state_schema;
    let manifest = &compilation.manifest;
    let mut found = Vec::new();
    if let TargetKind::DuckDb(_) = compilation.project.target.kind {
        for (name, path) in files(compilation) {
            let Ok(engine) = app.engine_of_file(compilation, &path) else { continue };
            if let Some(mut one) = run::look_into(engine.as_ref(), compilation, (manifest, state, &name))? {
                one.bytes = fs_err::metadata(&path).ok().map(|file| file.len());
                found.push(one);
            }
        }
        return Ok(found);
    }
    let Ok(engine) = app.engine(compilation, true) else { return Ok(found) };
    for (name, owner) in run::environments(engine.as_ref(), compilation, (manifest, state))? {
        let schema = environment_schema(state, &name);
        if let Some(one) = run::look_into(engine.as_ref(), compilation, (manifest, &schema, &name))? {
            found.push(Environment { owner: owner.or(one.owner), ..one });
        }
    }
    Ok(found)
}

fn list(app: &App, compilation: &Compilation, format: Format) -> Exit {
    let found = match all(app, compilation) {
        Ok(found) => found,
        Err(error) => return app.refuse(compilation, &error, "the environments could not be read"),
    };
    let today = moment(now());
    if format == Format::Json {
        let line = |one: &Environment| {
            json!({
                "name": one.name,
                "owner": one.owner,
                "relations": one.relations,
                "bytes": one.bytes,
                "published_at": one.published_at,
                "expires_at": one.expires_at,
                "expired": one.expires_at.as_ref().is_some_and(|end| *end < today),
            })
            .to_string()
        };
        app.terminal.data(&found.iter().map(line).collect::<Vec<_>>().join("\n"));
        return Exit::Done;
    }
    if found.is_empty() {
        app.terminal.say("There is no environment beside prod; `suiro build --env NAME` makes one.");
        return Exit::Done;
    }
    let columns = ["name", "owner", "relations", "size", "published", "expires"].map(str::to_owned);
    let rows: Vec<Vec<Option<String>>> = found
        .iter()
        .map(|one| {
            vec![
                Some(one.name.clone()),
                one.owner.clone(),
                Some(one.relations.to_string()),
                one.bytes.map(size),
                one.published_at.clone(),
                one.expires_at.clone(),
            ]
        })
        .collect();
    app.terminal.data(&table::plain(
        &columns,
        &rows,
        &[false, false, true, true, false, false],
        app.terminal.data_width(),
    ));
    Exit::Done
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let units = [(30_u32, "GB"), (20, "MB"), (10, "kB")];
    let unit = units.iter().find(|(power, _)| bytes >= 1 << power);
    unit.map_or_else(|| format!("{bytes} B"), |(power, word)| format!("{} {word}", bytes >> power))
}

fn create(app: &App, compilation: &mut Compilation, arguments: &EnvCreate) -> Exit {
    if let Err(exit) = app.enter_named(compilation, &arguments.name) {
        return exit;
    }
    let engine = match app.engine(compilation, false) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let origin = origin::origin(&compilation.project.root, "env create");
    let expires = arguments.expires.map(|days| moment(now().saturating_add(days.as_secs())));
    let state = compilation.project.target.state_schema.clone();
    let said = (origin.author.as_deref(), origin.logical_time.as_str(), expires.as_deref());
    match run::describe_environment(engine.as_ref(), compilation, (&compilation.manifest, &state), said) {
        Ok(()) => {
            let until = expires.map(|end| format!(", wanted until {end}")).unwrap_or_default();
            app.terminal
                .say(&format!("The environment `{0}` is there{until}: `suiro build --env {0}`", arguments.name));
            Exit::Done
        }
        Err(error) => app.refuse(compilation, &error, "the environment could not be made"),
    }
}

fn drop(app: &App, compilation: &Compilation, arguments: &EnvDrop) -> Exit {
    let found = match all(app, compilation) {
        Ok(found) => found,
        Err(error) => return app.refuse(compilation, &error, "the environments could not be read"),
    };
    let today = moment(now());
    let wanted: Vec<&Environment> = match &arguments.name {
        Some(name) => found.iter().filter(|one| one.name == *name).collect(),
        None => found.iter().filter(|one| one.expires_at.as_ref().is_some_and(|end| *end < today)).collect(),
    };
    if let (Some(name), true) = (&arguments.name, wanted.is_empty()) {
        let message = format!("there is no environment `{name}` of this project");
        let problem = Diagnostic::error(BAD_ENVIRONMENT, message);
        let problem = match name.as_str() {
            PRODUCTION => problem.help("production is no environment to be dropped"),
            _ => problem.suggest(name, found.iter().map(|one| one.name.as_str())),
        };
        return app.fail(&[problem], &compilation.sources);
    }
    if !arguments.yes && !wanted.is_empty() {
        let names: Vec<&str> = wanted.iter().map(|one| one.name.as_str()).collect();
        let relations: u64 = wanted.iter().map(|one| one.relations).sum();
        let message = format!("nothing was dropped: `{}` with {relations} relations", names.join("`, `"));
        let problem = Diagnostic::error(BAD_ENVIRONMENT, message);
        return app.fail(&[problem.help("say it again with `--yes`")], &compilation.sources);
    }
    if !wanted.is_empty()
        && let Err(exit) = app.confirm(compilation, "environments would be dropped")
    {
        return exit;
    }
    let mut exit = Exit::Done;
    for one in wanted {
        exit = exit.or(drop_one(app, compilation, &one.name));
    }
    exit
}

fn drop_one(app: &App, compilation: &Compilation, name: &str) -> Exit {
    if let TargetKind::DuckDb(duckdb) = &compilation.project.target.kind {
        let Some(production) = &duckdb.file else { return Exit::Done };
        return drop_file(app, compilation, name, &beside(production, name));
    }
    let engine = match app.engine(compilation, false) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let schema = environment_schema(&compilation.project.target.state_schema, name);
    match run::drop_environment(engine.as_ref(), compilation, (&compilation.manifest, &schema, name)) {
        Ok(left) if left.is_empty() => {
            app.terminal.say(&format!("The environment `{name}` is gone."));
            Exit::Done
        }
        Ok(left) => {
            let message = format!("the environment `{name}` could not be dropped whole");
            let mut problem = Diagnostic::error(DEPENDENT_IN_THE_WAY, message);
            for (relation, why) in left {
                problem = problem.note(format!("`{relation}`: {why}"));
            }
            app.fail(&[problem.help("drop what depends on it yourself, and say it again")], &compilation.sources)
        }
        Err(error) => app.refuse(compilation, &error, "the environment could not be dropped"),
    }
}

fn drop_file(app: &App, compilation: &Compilation, name: &str, path: &Path) -> Exit {
    // Whoever has it open keeps it: it is opened for writing first.
    if let Err(error) = app.engine_of_file(compilation, path).and_then(|engine| engine.connect("env").map(|_| ())) {
        return app.refuse(compilation, &error, "the environment could not be dropped");
    }
    let mut wal = path.as_os_str().to_owned();
    wal.push(".wal");
    let removed = fs_err::remove_file(path);
    let _none = fs_err::remove_file(PathBuf::from(wal));
    match removed {
        Ok(()) => {
            app.terminal.say(&format!("The environment `{name}` is gone."));
            Exit::Done
        }
        Err(error) => {
            let problem = Diagnostic::error(NOT_WRITABLE, format!("`{}` cannot be removed: {error}", path.display()));
            app.fail(&[problem.help("check that the folder is yours")], &compilation.sources)
        }
    }
}
