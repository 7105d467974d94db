//! What templates print, refuse and remember, and where they say that things were written.

mod bounds;
mod errors;
mod output;
mod places;
mod statements;

use super::{Input, KnownColumns, MacroFile, Rendered, Renderer, Scope, Target, This, Visible, built_in_macros};
use crate::{
    diagnostic::{Diagnostic, Style, render},
    dialect::Dialect,
    source::{FileId, Place, SourceFile, Sources, Span},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// A project of one model and some macros.
pub struct Project {
    pub sources: Sources,
    pub renderer: Renderer,
    pub problems: Vec<Diagnostic>,
    pub model: FileId,
    pub start: usize,
    pub incremental: bool,
    pub config: BTreeMap<String, Value>,
    pub instance: Option<Value>,
    pub this: This,
    pub scope: Scope,
}

/// A project with this text as its model, and these files below `templates/macros/`.
pub fn project(model: &str, macros: &[(&str, &str)]) -> Project {
    let mut sources = Sources::default();
    let mut files = Vec::new();
    let built_in = built_in_macros().into_iter().map(|(path, text)| (path, text.to_owned()));
    let own = macros.iter().map(|(path, text)| (format!("templates/macros/{path}"), (*text).to_owned()));
    for (path, text) in built_in.chain(own) {
        let file = sources.add(SourceFile::new(path.as_str(), text.as_str()));
        let layer = usize::from(!path.starts_with('<'));
        files.push(MacroFile { layer, ..MacroFile::new(file, path, text.into()) });
    }
    let model = sources.add(SourceFile::new("models/m.sql", model));
    let (renderer, problems) = Renderer::new(&files);
    let environment = |name: &str| match name {
        "HOST" => Some("db.example".to_owned()),
        "SUIRO_SECRET_KEY" => Some("hunter22".to_owned()),
        "SUIRO_SECRET_UNUSED" => Some("swordfish".to_owned()),
        _ => None,
    };
    let scope = Scope::new(Visible {
        target: Target {
            name: "dev".to_owned(),
            kind: "duckdb".to_owned(),
            schema: "main".to_owned(),
            database: Some("shop".to_owned()),
            threads: 4,
        },
        vars: BTreeMap::from([
            ("start_date".to_owned(), json!("2024-01-01")),
            ("days".to_owned(), json!([1, 2, 3])),
            ("limits".to_owned(), json!({"z": 1, "a": 2.5, "none": null, "yes": true})),
        ]),
        environment: Arc::new(environment),
        docs: BTreeMap::from([("orders".to_owned(), "What people bought.".to_owned())]),
        columns: Arc::new(|parts, schema| {
            let of = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "text".to_owned())).collect();
            match (parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().as_slice(), schema) {
                (["orders"] | ["__suiro_ref", "orders"], "core") => KnownColumns::All(of(&["id", "Amount", "a\"b"])),
                (["raw" | "__suiro_source:raw", "lines"], _) => KnownColumns::All(of(&["id", "line"])),
                (["bare"], _) => KnownColumns::Unknown("model"),
                (["two"], _) => KnownColumns::Ambiguous,
                _ => KnownColumns::NoSuchRelation(Some("orders".to_owned())),
            }
        }),
        values: BTreeMap::from([
            ("status".to_owned(), Some(json!(["open", "it's", null, 3]))),
            ("unfetched".to_owned(), None),
        ]),
        dialect: Dialect::DuckDb,
        globals: BTreeMap::from([("region".to_owned(), json!("eu"))]),
    });
    let this = This { database: Some("shop".to_owned()), schema: "core".to_owned(), name: "m".to_owned() };
    Project {
        sources,
        renderer,
        problems,
        model,
        start: 0,
        incremental: false,
        config: BTreeMap::new(),
        instance: Some(json!({"key": "de"})),
        this,
        scope,
    }
}

impl Project {
    pub fn text(&self) -> &str {
        self.sources.get(self.model).text()
    }

    pub fn input(&self) -> Input<'_> {
        Input {
            file: self.model,
            text: self.text(),
            start: self.start,
            this: &self.this,
            incremental: self.incremental,
            config: &self.config,
            tested: None,
            instance: self.instance.as_ref(),
            scope: &self.scope,
        }
    }

    pub fn render(&self) -> Result<Rendered, Vec<Diagnostic>> {
        self.renderer.render(&self.input())
    }

    /// The rendered text, or the error as people see it.
    pub fn output(&self) -> String {
        match self.render() {
            Ok(rendered) => rendered.text,
            Err(problems) => problems.iter().map(|problem| self.shown(problem)).collect(),
        }
    }

    /// The only error, which must be one.
    pub fn error(&self) -> Diagnostic {
        let mut problems = self.render().expect_err("the template should fail");
        assert_eq!(problems.len(), 1);
        problems.remove(0)
    }

    pub fn shown(&self, diagnostic: &Diagnostic) -> String {
        render(diagnostic, &self.sources, Style::PLAIN)
    }

    pub fn place(&self, rendered: &Rendered, range: Range<usize>) -> Place {
        self.renderer.place(&self.input(), rendered, range)
    }

    /// The written text of a span.
    pub fn written(&self, span: Span) -> &str {
        &self.sources.get(span.file).text()[span.range()]
    }

    /// `path:line:column` of a span's start.
    pub fn at(&self, span: Span) -> String {
        let file = self.sources.get(span.file);
        let at = file.line_column(span.start);
        format!("{}:{}:{}", file.path(), at.line, at.column)
    }
}

/// What a model prints, or the error as people see it.
pub fn output(model: &str, macros: &[(&str, &str)]) -> String {
    project(model, macros).output()
}
