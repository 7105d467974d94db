//! From a target to its engine.

use crate::{
    diagnostic::Diagnostic,
    engine::{
        Engine, EngineError,
        duckdb::{DuckDbEngine, DuckDbOptions},
        postgres::{PostgresEngine, PostgresOptions},
    },
    project::{DuckDbTarget, PostgresTarget, Project, Target, TargetKind},
    run::refusal,
};
use std::collections::BTreeMap;

/// The engine of the project's target; nothing is connected yet.
///
/// # Errors
/// When a setting of the target does not make sense.
pub fn connect(project: &Project, read_only: bool) -> Result<Box<dyn Engine>, Box<Diagnostic>> {
    let target = &project.target;
    match &target.kind {
        TargetKind::DuckDb(duckdb) => Ok(Box::new(DuckDbEngine::new(duckdb_options(target, duckdb, read_only)))),
        TargetKind::Postgres(postgres) => {
            let environment = |name: &str| std::env::var(name).ok();
            let engine = PostgresEngine::new(&postgres_options(target, postgres, read_only), &environment);
            engine
                .map(|engine| Box::new(engine) as Box<dyn Engine>)
                .map_err(|error| Box::new(at_target(target, &error)))
        }
    }
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
        read_only: read_only && duckdb.file.as_ref().is_some_and(|path| path.exists()),
    }
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
        role: postgres.role.clone(),
        connect_timeout: postgres.connect_timeout.map(|time| time.as_secs().max(1).to_string()),
        statement_timeout: postgres.statement_timeout.map(|time| format!("{}ms", time.as_millis())),
        application_name: postgres.application_name.clone(),
        settings,
        read_only,
    }
}
