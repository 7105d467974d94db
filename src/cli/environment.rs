//! Going over to an environment of one's own (`--env`): asking production what it has, and what differs from it.

use super::{app::App, commands};
use crate::{
    compile::Compilation,
    diagnostic::{Diagnostic, code::BAD_ENVIRONMENT},
    dialect::Dialect,
    engine::{Engine, EngineError},
    exit::Exit,
    plan::{Known, differing},
    project::{Attached, Secret, TargetKind},
    run::{self, Look, Statements},
};
use std::{collections::BTreeMap, path::Path};

/// The environment that everybody reads.
pub const PRODUCTION: &str = "prod";
/// The longest name that leaves room for the schema's own.
const LONGEST: usize = 30;

impl App {
    /// Goes over to the environment that was asked for, if one was: what differs from production gets names of its own
    /// there, everything else is read from production.
    ///
    /// # Errors
    /// The exit status, after printing why production could not be read, or why the name will not do.
    pub fn enter(&self, compilation: &mut Compilation) -> Result<(), Exit> {
        match self.global.env.as_deref().filter(|name| *name != PRODUCTION) {
            Some(name) => self.enter_named(compilation, name),
            None => Ok(()),
        }
    }

    /// Goes over to the environment of that name.
    ///
    /// # Errors
    /// The exit status, after printing why production could not be read, or why the name will not do.
    pub fn enter_named(&self, compilation: &mut Compilation, name: &str) -> Result<(), Exit> {
        if let Err(problem) = check(name, compilation) {
            return Err(self.fail(&[*problem], &compilation.sources));
        }
        let known = self.production(compilation)?;
        self.enter_known(compilation, name, known)
    }

    /// What production has and remembers; its database is closed again.
    ///
    /// # Errors
    /// The exit status, after printing why it could not be read.
    pub fn production(&self, compilation: &Compilation) -> Result<Known, Exit> {
        let engine = self.engine(compilation, true)?;
        let known = production(compilation, engine.as_ref());
        known.map_err(|error| self.refuse(compilation, &error, "production could not be read"))
    }

    /// Goes over to the environment of that name, beside a production of which this is known.
    ///
    /// # Errors
    /// The exit status, after printing why the name will not do.
    pub fn enter_known(&self, compilation: &mut Compilation, name: &str, known: Known) -> Result<(), Exit> {
        if let Err(problem) = check(name, compilation) {
            return Err(self.fail(&[*problem], &compilation.sources));
        }
        let is_there = match &compilation.project.target.kind {
            TargetKind::DuckDb(duckdb) => duckdb.file.as_ref().is_some_and(|file| file.exists()),
            TargetKind::Postgres(_) => true,
        };
        let template = |name: &str| compilation.own_materialization(name);
        let own = differing((&compilation.manifest, &compilation.graph), &known, &template);
        let database = attach(compilation, name).filter(|_| is_there);
        compilation.enter(name, own, (known, database.as_deref()));
        Ok(())
    }
}

impl App {
    /// Whether the environment that was entered may be there: on DuckDB, whether it has its file.
    #[must_use]
    #[expect(clippy::unused_self, reason = "what a command asks of its invocation is asked in one way")]
    pub fn has_environment(&self, compilation: &Compilation) -> bool {
        match &compilation.project.target.kind {
            TargetKind::DuckDb(duckdb) => duckdb.file.as_ref().is_some_and(|file| file.exists()),
            TargetKind::Postgres(_) => true,
        }
    }

    /// A DuckDB file beside the target's own, with nothing attached.
    ///
    /// # Errors
    /// When a setting of the target does not make sense.
    #[expect(clippy::unused_self, reason = "what a command asks of its invocation is asked in one way")]
    pub fn engine_of_file(&self, compilation: &Compilation, path: &Path) -> Result<Box<dyn Engine>, EngineError> {
        commands::connect_file(&compilation.project, path)
    }
}

/// What production has and remembers.
fn production(compilation: &Compilation, engine: &dyn Engine) -> Result<Known, EngineError> {
    let database = run::database(engine)?;
    let (known, _) = run::look(&Look {
        manifest: &compilation.manifest,
        engine,
        statements: compilation,
        database: database.as_deref(),
        state_schema: &compilation.project.target.state_schema,
        staging_schemas: &[],
        root: &compilation.project.root,
        sources: BTreeMap::new(),
    })?;
    Ok(known)
}

fn check(name: &str, compilation: &Compilation) -> Result<(), Box<Diagnostic>> {
    let wrong = |message: String, help: &str| Box::new(Diagnostic::error(BAD_ENVIRONMENT, message).help(help));
    let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(plain) {
        let message = format!("`{name}` cannot be the name of an environment");
        let help = "names have small letters, digits and `_`, and at most 30 of them: `--env dev_ann`";
        return Err(wrong(message, help));
    }
    match &compilation.project.target.kind {
        TargetKind::DuckDb(duckdb) if duckdb.file.is_none() => {
            let message = "a database in memory has no environments".to_owned();
            Err(wrong(message, "give the target a `path`"))
        }
        TargetKind::DuckDb(_) => Ok(()),
        TargetKind::Postgres(_) => {
            let relations = compilation.manifest.nodes.iter().filter(|node| node.is_built());
            let schemas = relations.filter_map(|node| node.relation.as_ref()).map(|relation| &relation.schema);
            match schemas.into_iter().find(|schema| schema.len() + 1 + name.len() > 63) {
                Some(long) => {
                    let message =
                        format!("the schema `{long}_{name}` would have more than the 63 bytes that PostgreSQL keeps");
                    Err(wrong(message, "give the environment a shorter name"))
                }
                None => Ok(()),
            }
        }
    }
}

/// On DuckDB: makes the environment's own file the target's, with production's attached to be read; its name there.
fn attach(compilation: &mut Compilation, environment: &str) -> Option<String> {
    let target = &mut compilation.project.target;
    let TargetKind::DuckDb(duckdb) = &mut target.kind else { return None };
    let production = duckdb.file.clone()?;
    let file = beside(&production, environment);
    let key = |name: &str| Dialect::DuckDb.key(name);
    let mut alias = PRODUCTION.to_owned();
    let schemas: Vec<String> = compilation
        .manifest
        .nodes
        .iter()
        .filter_map(|node| node.relation.as_ref())
        .map(|one| key(&one.schema))
        .collect();
    while schemas.contains(&alias) || duckdb.attach.iter().any(|one| key(&one.alias) == alias) {
        alias.push('_');
    }
    duckdb.path = file.display().to_string();
    duckdb.file = Some(file);
    if production.exists() {
        duckdb.attach.push(Attached {
            path: Secret::new(production.display().to_string()),
            file: Some(production),
            alias: alias.clone(),
            kind: None,
            read_only: true,
            span: target.span,
        });
    }
    Some(alias)
}

/// The file of an environment, beside production's.
pub fn beside(production: &std::path::Path, environment: &str) -> std::path::PathBuf {
    let stem = production.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let ending = production.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    production.with_file_name(format!("{stem}_{environment}{ending}"))
}
