//! From a target to its engine.

use crate::{
    diagnostic::{Diagnostic, code::BUG},
    dialect::Dialect,
    engine::{
        Engine, EngineError, FailureKind,
        duckdb::{DuckDbEngine, DuckDbOptions},
        postgres::{PostgresEngine, PostgresOptions},
    },
    project::{Attached, DuckDbTarget, PostgresTarget, Project, Target, TargetKind},
    run::refusal,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The engine of the project's target; nothing is connected yet.
///
/// # Errors
/// When a setting of the target does not make sense.
pub fn connect(project: &Project, read_only: bool) -> Result<Box<dyn Engine>, Box<Diagnostic>> {
    let target = &project.target;
    match &target.kind {
        TargetKind::DuckDb(duckdb) => {
            let options =
                DuckDbOptions { name: other_name(project, duckdb), ..duckdb_options(target, duckdb, read_only) };
            Ok(Box::new(DuckDbEngine::new(options)))
        }
        TargetKind::Postgres(postgres) => {
            let environment = |name: &str| std::env::var(name).ok();
            let engine = PostgresEngine::new(&postgres_options(target, postgres, read_only), &environment);
            engine
                .map(|engine| Box::new(engine) as Box<dyn Engine>)
                .map_err(|error| Box::new(at_target(target, &error)))
        }
    }
}

/// A DuckDB file beside the target's own, with its settings and nothing attached.
///
/// # Errors
/// On PostgreSQL, which has no files.
pub fn connect_file(project: &Project, path: &Path) -> Result<Box<dyn Engine>, EngineError> {
    let TargetKind::DuckDb(duckdb) = &project.target.kind else {
        return Err(EngineError::new(BUG, FailureKind::Permanent, "the target is no file"));
    };
    let options = duckdb_options(&project.target, duckdb, false);
    Ok(Box::new(DuckDbEngine::new(DuckDbOptions { path: Some(path.to_owned()), attach: Vec::new(), ..options })))
}

/// What is wrong with a target's settings, at the target.
fn at_target(target: &Target, error: &EngineError) -> Diagnostic {
    refusal(error, &format!("the target `{}` cannot be used", target.name)).at(target.span, "this target")
}

fn duckdb_options(target: &Target, duckdb: &DuckDbTarget, read_only: bool) -> DuckDbOptions {
    let mut settings = target.settings.clone();
    if let Some(limit) = &duckdb.memory_limit {
        settings.insert("memory_limit".to_owned(), limit.clone());
    }
    // A database that is only read and does not exist yet is an empty one: a plan creates nothing.
    let missing = |path: &std::path::PathBuf| read_only && !path.exists();
    DuckDbOptions {
        path: duckdb.file.clone().filter(|path| !missing(path)),
        name: None,
        threads: None,
        settings,
        read_only,
        extensions: duckdb.extensions.clone(),
        secrets: duckdb.secrets.clone(),
        attach: attached(duckdb, read_only),
    }
}

/// What is attached. A command that only reads makes nothing: what does not exist yet and would be made is left out.
fn attached(duckdb: &DuckDbTarget, read_only: bool) -> Vec<Attached> {
    let is_there = |attached: &&Attached| attached.read_only || attached.file.as_ref().is_none_or(|file| file.exists());
    let chosen = duckdb.attach.iter().filter(|attached| !read_only || is_there(attached));
    chosen.map(|attached| Attached { read_only: attached.read_only || read_only, ..attached.clone() }).collect()
}

/// Another name for the database than its file's, where that is the name of a schema or of an attached database: DuckDB
/// could not tell `core.orders` in the schema `core` from one in the database `core`.
fn other_name(project: &Project, duckdb: &DuckDbTarget) -> Option<String> {
    let key = |name: &str| Dialect::DuckDb.key(name);
    let target = &project.target;
    let stem = match &duckdb.file {
        Some(file) => file.file_stem()?.to_str()?.to_owned(),
        None => "memory".to_owned(),
    };
    let models = project.models.iter().map(|model| model.relation(target));
    let seeds = project.seeds.iter().map(|seed| seed.relation(target));
    let sources = project.source_tables.iter().map(|table| table.relation.clone());
    let taken: BTreeSet<String> = models
        .chain(seeds)
        .chain(sources.filter(|relation| relation.database.is_none()))
        .map(|relation| key(&relation.schema))
        .chain([key(&target.schema)])
        .chain(duckdb.attach.iter().map(|attached| key(&attached.alias)))
        .collect();
    taken.contains(&key(&stem)).then(|| {
        let mut name = format!("{stem}_database");
        while taken.contains(&key(&name)) {
            name.push('_');
        }
        name
    })
}

fn postgres_options(target: &Target, postgres: &PostgresTarget, read_only: bool) -> PostgresOptions {
    let mut settings: BTreeMap<String, String> = target.settings.clone();
    settings.entry("client_min_messages".to_owned()).or_insert_with(|| "warning".to_owned());
    PostgresOptions {
        url: postgres.url.as_ref().map(|secret| secret.expose().to_owned()),
        host: postgres.host.clone(),
        port: postgres.port.map(|port| port.to_string()),
        user: postgres.user.clone(),
        password: postgres.password.as_ref().map(|secret| secret.expose().to_owned()),
        dbname: postgres.dbname.clone(),
        sslmode: postgres.sslmode.clone(),
        sslrootcert: postgres.sslrootcert.as_ref().map(|path| path.display().to_string()),
        sslcert: postgres.sslcert.as_ref().map(|path| path.display().to_string()),
        sslkey: postgres.sslkey.as_ref().map(|path| path.display().to_string()),
        role: postgres.role.clone(),
        connect_timeout: postgres.connect_timeout.map(|time| time.as_secs().max(1).to_string()),
        statement_timeout: postgres.statement_timeout.map(|time| format!("{}ms", time.as_millis())),
        application_name: postgres.application_name.clone(),
        settings,
        read_only,
    }
}
