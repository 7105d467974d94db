//! What a compilation offers to those who build and ask: statements, seeds, places, rows of SQL.

use super::{Compilation, add_virtual, edges::Edges, nodes::Origin, reading::diagnose};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{BAD_SELECTOR, BROKEN_SEED, BUG, NO_SUCH_MODEL, TEMPLATE_NOT_FOUND},
    },
    dialect::Dialect,
    engine::LoadColumn,
    graph::{Reach, Selector, Term},
    manifest::{CompiledSql, NodeId, Rendering, SqlPart},
    name::RelationName,
    parse::{read_query, with_clause},
    project::{Definition, MethodDefinition, Project, RenderScope},
    run::{Places, SeedRows, Seeds, Statement, Statements},
    source::{Place, Sources, Span},
    template::{EnvironmentLookup, MacroFile, Scope, render_setting},
};
use include_dir::{Dir, include_dir};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

static MATERIALIZATIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/materializations");
static PUBLISH: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/publish");
static STATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/state");
static TESTING: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/testing");

/// The built-in templates of statements, as files that diagnostics can point into.
pub(super) fn built_in_statements(sources: &mut Sources) -> Vec<MacroFile> {
    let mut files = Vec::new();
    for (folder, dir) in
        [("materializations", &MATERIALIZATIONS), ("publish", &PUBLISH), ("testing", &TESTING), ("state", &STATE)]
    {
        let found = dir.dirs().flat_map(Dir::files).filter_map(|file| Some((file.path(), file.contents_utf8()?)));
        for (path, text) in found {
            let below = path.to_string_lossy().replace('\\', "/");
            let file = add_virtual(sources, format!("(built in)/templates/{folder}/{below}"), text);
            let text = sources.get(file).shared_text();
            files.push(MacroFile::new(file, format!("templates/{folder}/{below}"), text));
        }
    }
    files
}

impl Statements for Compilation {
    fn materialization(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        self.statements_for(self.manifest.dialect).materialization(name, values)
    }

    fn publish(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        self.statements_for(self.manifest.dialect).publish(name, values)
    }

    fn testing(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        self.statements_for(self.manifest.dialect).testing(name, values)
    }

    fn state(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        self.statements_for(self.manifest.dialect).state(name, values)
    }

    fn own_materialization(&self, name: &str) -> Option<String> {
        self.statements_for(self.manifest.dialect).own_materialization(name)
    }
}

/// The statements of a project for one engine, be it that of its target or not.
pub struct StatementsFor<'a> {
    compilation: &'a Compilation,
    dialect: Dialect,
}

impl Statements for StatementsFor<'_> {
    fn materialization(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        self.of("materializations", name, values)
    }

    fn publish(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        self.of("publish", name, values)
    }

    fn testing(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        self.of("testing", name, values)
    }

    fn state(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        self.of("state", name, values)
    }

    fn own_materialization(&self, name: &str) -> Option<String> {
        let dialect = self.dialect.name();
        let paths = [dialect, "default"].map(|folder| ["materializations/", folder, "/", name, ".sql.jinja"].concat());
        for path in &paths {
            let below = path.strip_prefix("materializations/").unwrap_or(path);
            let built_in = MATERIALIZATIONS.get_file(below).and_then(include_dir::File::contents_utf8);
            match (self.compilation.project.template_overrides.get(path), built_in) {
                (Some(own), Some(built_in)) if *own.text == *built_in => return None,
                (Some(own), _) => return Some(own.text.to_string()),
                // The engine's own goes before the project's for all engines.
                (None, Some(_)) => return None,
                (None, None) => {}
            }
        }
        None
    }
}

impl StatementsFor<'_> {
    fn of(&self, folder: &str, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        let statements = self.compilation.statements.render(folder, self.dialect, name, values)?;
        Ok(statements
            .into_iter()
            .map(|statement| Statement { purpose: statement.name, text: statement.text, sql_at: statement.sql_at })
            .collect())
    }
}

impl Compilation {
    /// The statements for that engine.
    #[must_use]
    pub const fn statements_for(&self, dialect: Dialect) -> StatementsFor<'_> {
        StatementsFor { compilation: self, dialect }
    }

    /// The SQL of a query given on the command line, with the project's names resolved as the target's schema sees
    /// them.
    ///
    /// # Errors
    /// What is wrong with it; places are in a file called `(inline)`.
    pub fn inline(&mut self, text: &str) -> Result<CompiledSql, Vec<Diagnostic>> {
        let file = add_virtual(&mut self.sources, "(inline)".to_owned(), text);
        let place = |range| Place { span: Span::new(file, range), calls: Vec::new() };
        let query = read_query(text, self.manifest.dialect, self.referee.as_deref()).map_err(|problems| {
            problems
                .into_iter()
                .map(|problem| {
                    let range = problem.range.clone();
                    diagnose(problem, place(range))
                })
                .collect::<Vec<_>>()
        })?;
        let mut edges = Edges::default();
        let sql = self.resolver().resolve_text((text, &query), (&self.manifest.schema, None), &place, &mut edges);
        sql.ok_or(edges.diagnostics)
    }

    /// The SQL that returns the rows of one CTE of a model.
    ///
    /// # Errors
    /// When the model has no CTE of that name at its top.
    pub fn cte(&self, id: NodeId, name: &str) -> Result<CompiledSql, Vec<Diagnostic>> {
        let node = self.manifest.node(id);
        let dialect = self.manifest.dialect;
        let read = self.reading(id).and_then(|reading| reading.full.as_ref());
        let (Some(read), Some(sql)) = (read, &node.sql) else {
            return Err(vec![Diagnostic::error(
                NO_SUCH_MODEL,
                format!("the SQL of `{}` could not be read", node.name),
            )]);
        };
        let clause = with_clause(&read.rendered.text, dialect);
        let known = clause.as_ref().map(|clause| clause.names.as_slice()).unwrap_or_default();
        let Some((cte, end)) = known
            .iter()
            .find(|cte| cte.value.eq_ignore_ascii_case(name))
            .zip(clause.as_ref().map(|clause| clause.body))
        else {
            let problem = Diagnostic::error(NO_SUCH_MODEL, format!("`{}` has no CTE `{name}` at its top", node.name));
            return Err(vec![problem.suggest(name, known.iter().map(|cte| cte.value.as_str()))]);
        };
        // Everything before the main query stays; the main query reads the CTE.
        let mut parts: Vec<SqlPart> = sql
            .parts
            .iter()
            .filter_map(|part| match part {
                SqlPart::Written { at, .. } if *at >= end => None,
                SqlPart::Written { text, at } => {
                    let keep = (end - at).min(text.len());
                    Some(SqlPart::Written { text: text.get(..keep).unwrap_or_default().to_owned(), at: *at })
                }
                SqlPart::Relation { at, .. } | SqlPart::Window { at, .. } if *at >= end => None,
                other => Some(other.clone()),
            })
            .collect();
        while matches!(parts.last(), Some(SqlPart::Inserted(_))) {
            parts.pop();
        }
        parts.push(SqlPart::Inserted(self.select_all(&dialect.quote(&dialect.fold(cte)))?));
        Ok(CompiledSql { head: sql.head, parts })
    }

    /// The names of the materializations that there are for the target, in order.
    #[must_use]
    pub fn materializations(&self) -> Vec<&str> {
        self.statements.names("materializations", self.manifest.dialect)
    }

    /// The names of the tests that have a template.
    pub fn test_names(&self) -> impl Iterator<Item = &str> {
        self.test_templates.names()
    }

    /// What the template of a test can be told, if there is one of that name.
    #[must_use]
    pub fn test_asks(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.test_templates.get(name).map(|template| &template.asks)
    }

    /// The query that returns the rows of a relation.
    ///
    /// # Errors
    /// When the template fails.
    pub fn rows_of(&self, relation: &RelationName, database: Option<&str>) -> Result<String, Diagnostic> {
        let mut relation = relation.clone();
        relation.database = relation.database.or_else(|| database.map(Into::into));
        self.select_all(&self.manifest.dialect.relation(&relation)).map_err(|mut problems| {
            problems.pop().unwrap_or_else(|| Diagnostic::error(BUG, "there is no template to read rows with"))
        })
    }

    fn select_all(&self, from: &str) -> Result<String, Vec<Diagnostic>> {
        let values = serde_json::json!({ "from": from });
        let mut statements = self.publish("rows", &values)?;
        statements
            .pop()
            .map(|statement| statement.text)
            .ok_or_else(|| vec![Diagnostic::error(TEMPLATE_NOT_FOUND, "rows")])
    }
}

impl Compilation {
    fn generic(&self, id: NodeId) -> Option<&super::tests::Generic> {
        match self.origins.get(id.index()) {
            Some(Origin::Generic(index)) => self.tests.generic.get(*index),
            _ => None,
        }
    }
}

impl Seeds for Compilation {
    fn columns(&self, node: NodeId) -> Result<Vec<LoadColumn>, Diagnostic> {
        let table = match self.origins.get(node.index()) {
            Some(Origin::Seed(index)) => self.project.seeds.get(*index).and_then(|seed| seed.table.as_ref()),
            _ => None,
        };
        let Some(table) = table else {
            return Err(Diagnostic::error(BROKEN_SEED, "the seed cannot be read as a table"));
        };
        let column = |column: &crate::project::SeedColumn| LoadColumn {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
        };
        Ok(table.columns.iter().map(column).collect())
    }

    fn rows(&self, node: NodeId) -> Result<SeedRows<'_>, Diagnostic> {
        match self.origins.get(node.index()) {
            Some(Origin::Seed(index)) => Ok(Box::new(self.project.seeds[*index].rows())),
            _ => Err(Diagnostic::error(BUG, "rows were asked of something that is no seed")),
        }
    }
}

impl Places for Compilation {
    fn place(&self, node: NodeId, rendering: Rendering, rendered: usize) -> Option<Place> {
        if let Some(test) = self.generic(node) {
            return Some(test.place(rendered));
        }
        // The SQL of a unit test is that of its model, rendered in a way of its own.
        if let Some(Origin::Unit(index)) = self.origins.get(node.index()) {
            return self.tests.unit.get(*index).map(|test| Place { span: test.name.span, calls: Vec::new() });
        }
        let reading = self.reading(node)?;
        let incremental = reading.incremental.as_ref().filter(|_| rendering == Rendering::Incremental);
        let (read, is_incremental) = (incremental.or(reading.full.as_ref())?, incremental.is_some());
        let text = &read.rendered.text;
        let rest = text.get(rendered..).unwrap_or_default();
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let end = rendered + word.max(rest.chars().next().map_or(0, char::len_utf8));
        let file = self.sources.get(reading.model.file);
        Some(self.around().place(&reading.model, file, (&read.rendered, is_incremental), rendered..end))
    }

    fn file(&self, node: NodeId) -> Option<Span> {
        if let Some(test) = self.generic(node) {
            return Some(test.entry.test.span);
        }
        if let Some(Origin::Unit(index)) = self.origins.get(node.index()) {
            return self.tests.unit.get(*index).map(|test| test.name.span);
        }
        let start = self.reading(node).map_or(0, |reading| reading.model.sql_start);
        self.file_of(node).map(|file| {
            let rest = self.sources.get(file).text().get(start..).unwrap_or_default();
            let start = start + (rest.len() - rest.trim_start().len());
            Span::new(file, start..start)
        })
    }
}

/// The selectors of `suiro.yml`, ready to be chosen by.
pub(super) fn selectors(project: &Project, diagnostics: &mut Vec<Diagnostic>) -> BTreeMap<String, Selector> {
    let mut selectors = BTreeMap::new();
    for (name, found) in &project.settings.selectors {
        match selector(&found.definition) {
            Ok(selector) => {
                selectors.insert(name.clone(), selector);
            }
            Err(problem) => diagnostics.push(*problem),
        }
    }
    selectors
}

fn selector(definition: &Definition) -> Result<Selector, Box<Diagnostic>> {
    let all = |parts: &[Definition]| parts.iter().map(selector).collect::<Result<Vec<_>, _>>();
    let without = |chosen: Selector, exclude: &[Definition]| {
        if exclude.is_empty() {
            return Ok(chosen);
        }
        Ok(Selector::Difference(Box::new(chosen), Box::new(Selector::Union(all(exclude)?))))
    };
    match definition {
        Definition::Text(text) => Selector::read(std::slice::from_ref(&text.value))
            .map_err(|problem| Box::new(Diagnostic { code: BAD_SELECTOR, ..problem.at(text.span, "") })),
        Definition::Method(method) => {
            let chosen = Selector::Term(term(method));
            without(chosen, &method.exclude)
        }
        Definition::Union { parts, exclude } => without(Selector::Union(all(parts)?), exclude),
        Definition::Intersection { parts, exclude } => without(Selector::Intersection(all(parts)?), exclude),
    }
}

fn term(method: &MethodDefinition) -> Term {
    let reach = |wanted: Option<Option<u64>>| match wanted {
        None => Reach::None,
        Some(None) => Reach::All,
        Some(Some(steps)) => Reach::Steps(usize::try_from(steps).unwrap_or(usize::MAX)),
    };
    Term {
        method: method.method.value.clone(),
        value: method.value.value.clone(),
        parents: reach(method.parents),
        children: reach(method.children),
        closure: method.childrens_parents,
    }
}

/// What `env_var()` in models answers.
#[must_use]
pub fn process_environment(environment: BTreeMap<String, String>) -> EnvironmentLookup {
    Arc::new(move |name: &str| environment.get(name).cloned())
}

/// What renders templates in YAML values, with this environment.
pub fn setting_renderer(
    environment: BTreeMap<String, String>,
) -> impl Fn(&str, Span, RenderScope<'_>) -> Result<String, Vec<Diagnostic>> {
    let lookup = process_environment(environment);
    move |text, span, scope| {
        let target = scope.target.map(super::visible_target);
        let instance = scope.instance;
        let scope = Scope::of_settings(scope.vars, Arc::clone(&lookup), target);
        render_setting(text, span, &scope, instance).map(|setting| setting.text)
    }
}
