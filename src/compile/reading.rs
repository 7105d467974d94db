//! One model: rendered, configured, and its SQL read.

use crate::{
    diagnostic::{
        Diagnostic,
        code::{READING_UNSUPPORTED, SECRET_IN_SQL, UNDEFINED_VALUE},
    },
    manifest::Varying,
    parse::{Problem, Query, Referee, read_query},
    project::{Model, Project},
    source::{Place, SourceFile},
    template::{Input, Rendered, Renderer, Scope, This},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A model after rendering and reading; what failed is missing, with its diagnostics.
pub struct Reading {
    /// The model, with what `config()` said.
    pub model: Model,
    /// The full rendering.
    pub full: Option<Read>,
    /// The incremental rendering, where it differs.
    pub incremental: Option<Read>,
    /// What of its SQL differs from run to run, where something does.
    pub varying: Option<Box<Varying>>,
    /// What was found; not yet marked with the node's name.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// The name of the model's instance, where its file is built for several.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.model.instance.as_ref().map(|instance| instance.label.as_str())
    }

    /// Keeps its syntax trees if there is room for them; what is put away is parsed again where it is needed.
    #[must_use]
    pub fn within(mut self, room: &AtomicUsize) -> Self {
        let reads = self.full.iter().chain(&self.incremental);
        let needed = reads.filter_map(|read| read.query.as_ref()).map(|query| query.text().len()).sum();
        let left = |room: usize| room.checked_sub(needed);
        if room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_err() {
            self.put_syntax_away();
        }
        self
    }

    /// Lets go of its syntax trees.
    pub fn put_syntax_away(&mut self) {
        let reads = self.full.iter_mut().chain(&mut self.incremental);
        reads.filter_map(|read| read.query.as_mut()).for_each(Query::put_syntax_away);
    }
}

/// One rendering and the query in it.
pub struct Read {
    /// The rendering.
    pub rendered: Rendered,
    /// The query; none where nothing could read it and `depends_on` says what it reads.
    pub query: Option<Query>,
}

/// What rendering and reading need besides the model.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The project.
    pub project: &'a Project,
    /// The engine of templates.
    pub renderer: &'a Renderer,
    /// What every model can use in its template.
    pub scope: &'a Scope,
    /// The engine's own parser, where there is one.
    pub referee: Option<&'a dyn Referee>,
}

impl Surroundings<'_> {
    /// Does something with what a model gives to the renderer.
    fn with_input<T>(
        &self,
        model: &Model,
        file: &SourceFile,
        incremental: bool,
        use_it: impl FnOnce(&Input<'_>) -> T,
    ) -> T {
        let relation = model.relation(&self.project.target);
        let this = This {
            database: relation.database.as_deref().map(str::to_owned),
            schema: relation.schema.to_string(),
            name: relation.name.to_string(),
        };
        let config = model.config.iter().map(|(key, setting)| (key.to_owned(), setting.value.clone())).collect();
        use_it(&Input {
            file: model.file,
            text: file.text(),
            start: model.sql_start,
            this: &this,
            incremental,
            config: &config,
            tested: None,
            instance: model.instance.as_ref().map(|instance| &instance.value),
            scope: self.scope,
        })
    }

    /// Renders and reads one model, both ways where it asks which way it is.
    #[must_use]
    pub fn read(&self, model: &Model, file: &SourceFile) -> Reading {
        let mut reading =
            Reading { model: model.clone(), full: None, incremental: None, varying: None, diagnostics: Vec::new() };
        if !model.usable {
            return reading;
        }
        let Some(mut rendered) = self.render(&mut reading, file, false) else { return reading };
        if !rendered.recorded.config.is_empty() {
            let found = reading.model.merge_recorded(&rendered.recorded.config);
            reading.diagnostics.extend(found);
            // A model that asks for its own name sees the one that its own `config()` gave it.
            if rendered.recorded.uses_this {
                match self.render(&mut reading, file, false) {
                    Some(again) => rendered = again,
                    None => return reading,
                }
            }
        }
        let asks = rendered.recorded.uses_incremental;
        reading.full = Some(self.query(&mut reading, file, rendered, false));
        if asks && let Some(rendered) = self.render(&mut reading, file, true) {
            let same = reading.full.as_ref().is_some_and(|full| full.rendered.text == rendered.text);
            if !same {
                reading.incremental = Some(self.query(&mut reading, file, rendered, true));
            }
        }
        reading.varying = self.varying(&mut reading, file);
        reading
    }

    /// The renderings of a model with values for `run_vars` that are the same in every run, if it asks for any of them.
    fn varying(&self, reading: &mut Reading, file: &SourceFile) -> Option<Box<Varying>> {
        let settings = &self.project.settings;
        let reads: Vec<&Read> = reading.full.iter().chain(&reading.incremental).collect();
        let asked: BTreeSet<&String> = reads.iter().flat_map(|read| &read.rendered.recorded.vars).collect();
        let varies = |name: &&&String| settings.run_vars.contains(**name);
        let asked: BTreeSet<String> = asked.iter().filter(varies).map(|name| (*name).clone()).collect();
        if asked.is_empty() {
            return None;
        }
        let ways: &[bool] = if reading.incremental.is_some() { &[false, true] } else { &[false] };
        let value = |name: &String| self.project.vars.get(name).cloned().unwrap_or_default();
        let values: BTreeMap<String, Value> = asked.iter().map(|name| (name.clone(), value(name))).collect();
        // What has no value in the file and no default gets its own name for a value.
        let names = asked.iter().filter(|name| !settings.run_var_values.contains_key(*name));
        let mut named: BTreeMap<String, Value> = names.map(|name| (name.clone(), Value::from(name.as_str()))).collect();
        named.extend(settings.run_var_values.clone());
        for given in [&settings.run_var_values, &named] {
            let scope = self.scope.with_fixed(&settings.run_vars, given);
            let fixed = Surroundings { scope: &scope, ..*self };
            let render =
                |way: &bool| fixed.with_input(&reading.model, file, *way, |input| self.renderer.render(input)).ok();
            if let Some(rendered) = ways.iter().map(render).collect::<Option<Vec<_>>>() {
                let fixed = rendered.into_iter().map(|rendered| rendered.text).collect();
                return Some(Box::new(Varying { fixed, values }));
            }
        }
        let names = asked.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("each value of {names} makes this another model: it cannot be rendered without it");
        let help = "give it a value below `vars:` in suiro.yml, which the definition is taken from";
        reading.diagnostics.push(Diagnostic::warning(UNDEFINED_VALUE, message).help(help));
        None
    }

    fn render(&self, reading: &mut Reading, file: &SourceFile, incremental: bool) -> Option<Rendered> {
        match self.with_input(&reading.model, file, incremental, |input| self.renderer.render(input)) {
            Ok(rendered) => Some(rendered),
            Err(problems) => {
                reading.diagnostics.extend(problems);
                None
            }
        }
    }

    fn query(&self, reading: &mut Reading, file: &SourceFile, rendered: Rendered, incremental: bool) -> Read {
        for secret in rendered.recorded.secrets.iter().filter(|secret| secret.printed) {
            let message = format!("the value of `{}` would stand in the SQL of this model", secret.name);
            reading.diagnostics.push(
                Diagnostic::error(SECRET_IN_SQL, message)
                    .at(secret.span, "a secret")
                    .help("SQL is logged, shown and kept by the database; let the database hold the secret instead"),
            );
        }
        match read_query(&rendered.text, self.project.target.dialect(), self.referee) {
            Ok(query) => Read { rendered, query: Some(query) },
            Err(problems) => {
                // `depends_on` is the way out where nothing can read the SQL.
                let told = !reading.model.config.texts("depends_on").is_empty();
                let unread = |problem: &Problem| problem.code == READING_UNSUPPORTED;
                if !(told && problems.iter().all(unread)) {
                    for problem in problems {
                        let place = self.place(&reading.model, file, (&rendered, incremental), problem.range.clone());
                        reading.diagnostics.push(diagnose(problem, place));
                    }
                }
                Read { rendered, query: None }
            }
        }
    }

    /// Where bytes of a rendering were written.
    #[must_use]
    pub fn place(
        &self,
        model: &Model,
        file: &SourceFile,
        (rendered, incremental): (&Rendered, bool),
        range: Range<usize>,
    ) -> Place {
        self.with_input(model, file, incremental, |input| self.renderer.place(input, rendered, range))
    }
}

/// A problem of the SQL as a diagnostic at its written place.
#[must_use]
pub fn diagnose(problem: Problem, place: Place) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(problem.code, problem.message).at_place(place, problem.label);
    diagnostic.notes = problem.notes;
    diagnostic.help = problem.help;
    diagnostic
}
