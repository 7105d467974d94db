//! What every command begins with: the project, the selection, and what is wrong with either.

use super::{
    arguments::{Choice, Global},
    terminal::Terminal,
};
use crate::{
    compile::{self, Compilation, Request},
    diagnostic::{
        Diagnostic,
        code::{FILE_LOCKED, UNREADABLE_FILE},
        exit_of,
    },
    engine::{Engine, EngineError, duckdb::DuckDbParser},
    exit::Exit,
    graph::{Selection, Selector, exclude, select},
    project::LoadOptions,
    run::{Places, Stop, refusal},
    source::Sources,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

/// How long to wait before asking again for a file that is locked.
const PAUSE: Duration = Duration::from_millis(200);

/// One invocation.
pub struct App {
    /// Where output goes.
    pub terminal: Terminal,
    /// What every command takes.
    pub global: Global,
}

impl App {
    /// The project, compiled as far as it can be; none after printing why.
    ///
    /// # Errors
    /// The exit status, when there is nothing to go on with.
    pub fn compiled(&self) -> Result<Compilation, Exit> {
        self.compiled_with(false)
    }

    /// The same; `advise` says whether orders are looked for that the text of models lacks.
    ///
    /// # Errors
    /// As [`Self::compiled`].
    pub fn compiled_with(&self, advise: bool) -> Result<Compilation, Exit> {
        self.compiled_from(self.global.project_dir.as_deref(), advise)
    }

    /// The project of that folder.
    ///
    /// # Errors
    /// As [`Self::compiled`].
    pub fn compiled_in(&self, folder: &Path) -> Result<Compilation, Exit> {
        self.compiled_from(Some(folder), false)
    }

    fn compiled_from(&self, project_dir: Option<&Path>, advise: bool) -> Result<Compilation, Exit> {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let current_dir = std::env::current_dir().map_err(|error| {
            let problem = Diagnostic::error(UNREADABLE_FILE, format!("the current folder cannot be read: {error}"));
            self.fail(&[problem.help("change to a folder that exists")], &Sources::default())
        })?;
        let render = compile::setting_renderer(environment.clone());
        let compiled = compile::compile(Request {
            load: LoadOptions {
                project_dir,
                current_dir: &current_dir,
                target: self.global.target.as_deref(),
                vars: &self.global.vars,
                env: &environment,
                render: &render,
                scan_seeds: true,
            },
            environment: compile::process_environment(environment.clone()),
            referee: Some(Box::new(DuckDbParser::default())),
            advise,
        });
        match compiled {
            Ok(compilation) => {
                self.terminal.hide(compilation.secrets.clone());
                Ok(compilation)
            }
            Err(loaded) => {
                self.terminal.hide(loaded.secrets.clone());
                Err(self.fail(&loaded.diagnostics, &loaded.sources))
            }
        }
    }

    /// Prints diagnostics and returns their status, at least "the project is wrong".
    pub fn fail(&self, diagnostics: &[Diagnostic], sources: &Sources) -> Exit {
        self.terminal.diagnostics(diagnostics, sources);
        match exit_of(diagnostics) {
            Exit::Done => Exit::Project,
            exit => exit,
        }
    }

    /// The nodes that a command is about; everything, if nothing is asked for.
    ///
    /// # Errors
    /// The exit status of a selector that cannot be read or matches nothing, after printing it.
    pub fn selection(&self, compilation: &Compilation, choice: &Choice) -> Result<Selection, Exit> {
        let all: Selection = compilation.manifest.iter().map(|(id, _)| id).collect();
        let chosen = |words: &[String]| {
            let selector = Selector::read(words).map_err(|problem| vec![problem])?;
            select(&selector, &compilation.selectors, &compilation.manifest, &compilation.graph)
        };
        let fail = |problems: Vec<Diagnostic>| self.fail(&problems, &compilation.sources);
        let with = if choice.select.is_empty() { all } else { chosen(&choice.select).map_err(fail)? };
        let without =
            if choice.exclude.is_empty() { Selection::new() } else { chosen(&choice.exclude).map_err(fail)? };
        Ok(exclude(&compilation.manifest, &with, &without))
    }

    /// What is wrong with the project as far as this selection is concerned: errors outside it, and not above it, are
    /// warnings. Prints all of it and returns the status.
    pub fn judge(&self, compilation: &Compilation, selection: &Selection) -> Exit {
        let diagnostics = self.judged(compilation, selection);
        self.terminal.diagnostics(&diagnostics, &compilation.sources);
        exit_of(&diagnostics)
    }

    /// The diagnostics of a compilation, as severe as they are for this selection.
    #[must_use]
    #[expect(clippy::unused_self, reason = "what a command asks of its invocation is asked in one way")]
    pub fn judged(&self, compilation: &Compilation, selection: &Selection) -> Vec<Diagnostic> {
        let mut concerned: BTreeSet<&str> = BTreeSet::new();
        for id in selection {
            concerned.insert(&compilation.manifest.node(*id).name);
            for above in compilation.graph.ancestors(*id, None) {
                concerned.insert(&compilation.manifest.node(above).name);
            }
        }
        let counts = |diagnostic: &Diagnostic| diagnostic.node.as_deref().is_none_or(|node| concerned.contains(node));
        compilation
            .diagnostics
            .iter()
            .map(|diagnostic| if counts(diagnostic) { diagnostic.clone() } else { diagnostic.clone().as_warning() })
            .collect()
    }

    /// The diagnostics with a place each: what is about a node and nothing in particular is about its file.
    #[must_use]
    pub fn placed(compilation: &Compilation, diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
        let place = |diagnostic: &Diagnostic| {
            let node = diagnostic.primary.is_none().then_some(diagnostic.node.as_deref()).flatten()?;
            compilation.file(compilation.manifest.find(node)?)
        };
        let placed = |diagnostic: &Diagnostic| match place(diagnostic) {
            Some(span) => diagnostic.clone().at(span, ""),
            None => diagnostic.clone(),
        };
        diagnostics.iter().map(placed).collect()
    }

    /// The database of the target.
    ///
    /// # Errors
    /// The exit status, after printing why it cannot be had.
    pub fn engine(&self, compilation: &Compilation, read_only: bool) -> Result<Box<dyn Engine>, Exit> {
        self.engine_unless_stopped(compilation, read_only, &Stop::default())
    }

    /// The database of the target; waiting for it ends when the switch is thrown.
    ///
    /// # Errors
    /// The exit status, after printing why it cannot be had.
    pub fn engine_unless_stopped(
        &self,
        compilation: &Compilation,
        read_only: bool,
        stop: &Stop,
    ) -> Result<Box<dyn Engine>, Exit> {
        let engine = crate::cli::commands::connect(&compilation.project, read_only)
            .map_err(|diagnostic| self.fail(&[*diagnostic], &compilation.sources))?;
        if let Some(wait) = self.global.lock_wait.filter(|_| engine.is_exclusive()) {
            self.wait(engine.as_ref(), wait, stop)?;
        }
        Ok(engine)
    }

    /// Waits until nobody else has the database open. What else is wrong with it, or that it stays locked, is left to
    /// whoever connects.
    fn wait(&self, engine: &dyn Engine, wait: Duration, stop: &Stop) -> Result<(), Exit> {
        let start = Instant::now();
        let mut told = false;
        loop {
            // A connection that could be had keeps the file open for the engine.
            let Err(error) = engine.connect("lock") else { return Ok(()) };
            let left = wait.saturating_sub(start.elapsed());
            if error.code != FILE_LOCKED || left.is_zero() {
                return Ok(());
            }
            if !told {
                self.terminal.say(&format!("Waiting up to {wait:?}: {}.", error.message));
                self.terminal.say(&error.notes.join(" "));
                told = true;
            }
            std::thread::sleep(PAUSE.min(left));
            if let Some(exit) = stop.reason() {
                return Err(exit);
            }
        }
    }

    /// Prints what the database said and returns its status.
    pub fn refuse(&self, compilation: &Compilation, error: &EngineError, what: &str) -> Exit {
        self.fail(&[refusal(error, what)], &compilation.sources)
    }
}
