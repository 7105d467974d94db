//! One item of `tests:`: its template rendered and read, and its SQL with holes.

use super::{
    super::{
        edges::{Edges, Resolver},
        nodes::Origin,
        reading::{Surroundings, diagnose},
    },
    template::{TestTemplate, TestTemplates},
};
use crate::{
    diagnostic::{
        Diagnostic, Label, closest,
        code::{UNDEFINED_VALUE, UNKNOWN_TEST, WRONG_TEST_ARGUMENT},
    },
    manifest::{CompiledSql, NodeId, SqlPart},
    name::RelationName,
    parse::{Query, read_query},
    project::{Column, Project, TestEntry},
    source::{Frame, Place, RenderMap, Sources, Span},
    template::{Input, Rendered, THIS_SCHEMA, Tested, This},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// An item of `tests:` and what it is about.
pub struct Generic {
    /// As it is written.
    pub entry: TestEntry,
    /// The model, seed or source table.
    pub on: Origin,
    /// Its relation.
    pub relation: RelationName,
    /// What the model is built for, where its file is several.
    pub instance: Option<Value>,
    /// The column below which it stands.
    pub column: Option<String>,
    /// What it is called.
    pub name: String,
    /// Its SQL; none where something is wrong with it.
    pub read: Option<GenericRead>,
}

/// The SQL of a generic test.
pub struct GenericRead {
    test: Part,
    /// What stands in the place of the tested relation, where only some of its rows are tested.
    filter: Option<Part>,
    /// What the test is told, as it was rendered, and where that was written.
    told: Vec<(String, Span)>,
}

impl GenericRead {
    /// Whether all of its SQL stands in a template of suiro's own, but for names and texts in quotes.
    pub fn is_plain(&self, entry: &TestEntry) -> bool {
        let quoted = |text: &str| {
            let mut places = self.test.text.match_indices(text);
            places.all(|(at, _)| self.test.text[..at].ends_with(['\'', '"']))
        };
        let computes = entry.config.get("fail_calc").is_some();
        let plain = self.filter.is_none() && self.test.map.is_none() && !computes;
        plain && self.told.iter().all(|(text, _)| !text.is_empty() && quoted(text))
    }
}

struct Part {
    text: String,
    query: Query,
    /// Where its text was written, if the project's own template wrote it.
    map: Option<RenderMap>,
}

impl Part {
    /// The first byte that is not in it.
    fn behind(&self) -> usize {
        self.text.len() + 1
    }
}

/// Every item of `tests:` that is enabled, on everything that is.
pub fn collect(project: &Project) -> Vec<Generic> {
    let mut all = Vec::new();
    let mut add =
        |(on, instance): (Origin, Option<&Value>), relation: &RelationName, tests: &[TestEntry], columns: &[Column]| {
            let own = tests.iter().map(|test| (test, None));
            let of_columns = columns
                .iter()
                .flat_map(|column| column.tests.iter().map(|test| (test, Some(column.name.value.clone()))));
            for (entry, column) in own.chain(of_columns).filter(|(entry, _)| entry.config.enabled()) {
                let (entry, relation, instance) = (entry.clone(), relation.clone(), instance.cloned());
                all.push(Generic { entry, on, relation, instance, column, name: String::new(), read: None });
            }
        };
    for (index, model) in project.models.iter().enumerate().filter(|(_, model)| model.config.enabled()) {
        let instance = model.instance.as_ref().map(|instance| &instance.value);
        add((Origin::Model(index), instance), &model.relation(&project.target), &model.tests, &model.columns);
    }
    for (index, seed) in project.seeds.iter().enumerate().filter(|(_, seed)| seed.config.enabled()) {
        add((Origin::Seed(index), None), &seed.relation(&project.target), &seed.tests, &seed.columns);
    }
    for (index, table) in project.source_tables.iter().enumerate().filter(|(_, table)| table.enabled) {
        add((Origin::Source(index), None), &table.relation, &table.tests, &table.columns);
    }
    all
}

/// What rendering a generic test needs.
#[derive(Clone, Copy)]
pub struct Rendering<'a> {
    /// The engine of templates, and what they see.
    pub around: Surroundings<'a>,
    /// The templates of tests.
    pub templates: &'a TestTemplates,
    /// All files.
    pub sources: &'a Sources,
}

impl Rendering<'_> {
    /// The SQL of a test.
    ///
    /// # Errors
    /// What is wrong with it, at what was written.
    pub fn read(&self, test: &Generic) -> Result<GenericRead, Vec<Diagnostic>> {
        let template = self.template(test).map_err(|problem| vec![*problem])?;
        let (arguments, told) = self.arguments(test, template)?;
        let quoted = test.column.as_deref().map(|column| self.around.project.target.dialect().quote(column));
        // An expression that is given as `column_name` is SQL, as in dbt.
        let given = arguments.get("column_name").and_then(Value::as_str).map(str::to_owned);
        let column = given.or(quoted);
        let tested = Tested { column: column.as_deref(), arguments: &arguments, asks: &template.asks };
        let rendered = self.render(test, template, tested).map_err(|problems| {
            problems.into_iter().map(|problem| self.explain(test, template, problem)).collect::<Vec<_>>()
        })?;
        let part = self.part(test, template, &rendered, &told)?;
        let filter = match test.entry.config.text("where") {
            Some(condition) => {
                let text = self.given_text(test, condition.value, condition.span)?;
                let told = vec![(text.clone(), condition.span)];
                let arguments = BTreeMap::from([("condition".to_owned(), Value::from(text))]);
                let template = &self.templates.filter;
                let tested = Tested { column: None, arguments: &arguments, asks: &template.asks };
                let rendered = self.render(test, template, tested)?;
                Some(self.part(test, template, &rendered, &told)?)
            }
            None => None,
        };
        let condition = test.entry.config.text("where").zip(filter.as_ref());
        let told = told.into_iter().chain(condition.map(|(given, part)| (part.text.clone(), given.span))).collect();
        Ok(GenericRead { test: part, filter, told })
    }

    fn template(&self, test: &Generic) -> Result<&TestTemplate, Box<Diagnostic>> {
        let name = &test.entry.test;
        let Some(template) = self.templates.get(&name.value) else {
            return Err(Box::new(self.unknown(&name.value).at(name.span, "not known")));
        };
        let wrong = |message: String, span: Span| {
            let takes: Vec<String> = template.asks.iter().map(|name| format!("`{name}`")).collect();
            let takes = if takes.is_empty() { "nothing".to_owned() } else { takes.join(", ") };
            Box::new(
                Diagnostic::error(WRONG_TEST_ARGUMENT, message)
                    .at(span, "")
                    .note(format!("`{}` takes {takes}", name.value)),
            )
        };
        for (argument, given) in &test.entry.arguments {
            if !template.asks.contains(argument) {
                let message = format!("the test `{}` takes no `{argument}`", name.value);
                let config = ["severity", "where", "error_if", "warn_if", "limit", "tags", "name", "store_failures"];
                let known = template.asks.iter().map(String::as_str).chain(config);
                return Err(Box::new(wrong(message, given.key_span).suggest(argument, known)));
            }
        }
        if test.column.is_some() && !template.asks.contains("column_name") {
            let message = format!("the test `{}` is about a whole relation, not a column", name.value);
            return Err(Box::new(wrong(message, name.span).help("move it to the `tests:` beside `columns:`")));
        }
        Ok(template)
    }

    fn unknown(&self, name: &str) -> Diagnostic {
        let problem = Diagnostic::error(UNKNOWN_TEST, format!("there is no test `{name}`"));
        let bare = name.rsplit('.').next().unwrap_or(name);
        let instead = match bare {
            "expression_is_true" => Some("`expression: \"…\"` is the same"),
            "unique_combination_of_columns" => Some("`unique: {columns: [a, b]}` is the same"),
            "equal_rowcount" => Some("`row_count: {same_as: other}` is the same"),
            "at_least_one" | "not_empty" => Some("`row_count: {min: 1}` says that there are rows"),
            _ => None,
        };
        let problem = match instead {
            Some(help) => problem.help(help),
            None => match closest(bare, self.templates.names()) {
                Some(known) => problem.help(format!("did you mean `{known}`?")),
                None => problem,
            },
        };
        let names: Vec<&str> = self.templates.names().collect();
        problem
            .note(format!("there are: {}", names.join(", ")))
            .help("a project can bring its own: `templates/tests/<name>.sql.jinja`")
    }

    /// What the test is told, by name, its texts rendered; and those texts with their places.
    #[expect(clippy::type_complexity, reason = "two views of the same thing")]
    fn arguments(
        &self,
        test: &Generic,
        template: &TestTemplate,
    ) -> Result<(BTreeMap<String, Value>, Vec<(String, Span)>), Vec<Diagnostic>> {
        let mut given: BTreeMap<String, (Value, Span)> = test
            .entry
            .arguments
            .iter()
            .map(|(name, argument)| (name.clone(), (argument.value.clone(), argument.span)))
            .collect();
        if let Some(short) = &test.entry.short {
            let mut own = template.asks.iter().filter(|name| *name != "column_name");
            match (own.next(), own.next()) {
                (Some(only), None) => {
                    given.insert(only.clone(), (short.value.clone(), short.span));
                }
                _ => {
                    let message = format!("the test `{}` takes its arguments by name", test.entry.test.value);
                    let names: Vec<&str> = template.asks.iter().map(String::as_str).collect();
                    return Err(vec![
                        Diagnostic::error(WRONG_TEST_ARGUMENT, message)
                            .at(short.span, "which argument?")
                            .note(format!("it takes {}", names.join(", "))),
                    ]);
                }
            }
        }
        let mut told = Vec::new();
        let mut arguments = BTreeMap::new();
        for (name, (value, span)) in given {
            let value = self.rendered_value(test, value, span)?;
            texts(&value, &mut |text| told.push((text.to_owned(), span)));
            arguments.insert(name, value);
        }
        Ok((arguments, told))
    }

    /// A value with every template in it rendered; what only calls `ref()` or `source()` stays, since it is a relation.
    fn rendered_value(&self, test: &Generic, value: Value, span: Span) -> Result<Value, Vec<Diagnostic>> {
        match value {
            Value::String(text) => self.given_text(test, &text, span).map(Value::String),
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.rendered_value(test, item, span))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            other => Ok(other),
        }
    }

    fn given_text(&self, test: &Generic, text: &str, span: Span) -> Result<String, Vec<Diagnostic>> {
        if !text.contains("{{") && !text.contains("{%") {
            return Ok(text.to_owned());
        }
        let (nothing, none) = (BTreeMap::new(), BTreeSet::new());
        let tested = Tested { column: None, arguments: &nothing, asks: &none };
        let input = Given { file: span.file, text, tested };
        let rendered = self.with_input(test, &input, |input| self.around.renderer.render(input));
        // YAML may have written the text in another way, so the value as a whole is the place.
        rendered.map(|rendered| rendered.text).map_err(|problems| {
            problems
                .into_iter()
                .map(|problem| Diagnostic { trace: Vec::new(), secondary: Vec::new(), ..problem }.at(span, ""))
                .collect()
        })
    }

    fn render(&self, test: &Generic, template: &TestTemplate, tested: Tested<'_>) -> Result<Rendered, Vec<Diagnostic>> {
        let input = Given { file: template.file, text: &template.text, tested };
        self.with_input(test, &input, |input| self.around.renderer.render(input))
    }

    fn with_input<T>(&self, test: &Generic, given: &Given<'_>, use_it: impl FnOnce(&Input<'_>) -> T) -> T {
        let this = This {
            database: test.relation.database.as_deref().map(str::to_owned),
            schema: test.relation.schema.to_string(),
            name: test.relation.name.to_string(),
        };
        use_it(&Input {
            file: given.file,
            text: given.text,
            start: 0,
            this: &this,
            incremental: false,
            config: &BTreeMap::new(),
            instance: test.instance.as_ref(),
            tested: Some(given.tested),
            scope: self.around.scope,
        })
    }

    fn part(
        &self,
        test: &Generic,
        template: &TestTemplate,
        rendered: &Rendered,
        told: &[(String, Span)],
    ) -> Result<Part, Vec<Diagnostic>> {
        let dialect = self.around.project.target.dialect();
        let text = rendered.text.trim_end().to_owned();
        match read_query(&text, dialect, self.around.referee) {
            Ok(query) => {
                let own = !self.is_built_in(template);
                Ok(Part { text, query, map: own.then(|| rendered.map.clone()) })
            }
            Err(problems) => Err(problems
                .into_iter()
                .map(|problem| {
                    let (range, label) = (problem.range.clone(), problem.label.clone());
                    let inside = rendered.map.place(range.clone()).span;
                    // What cannot be read is most often the one text that somebody wrote into it.
                    let span = match (place_of(test, &text, told, &range), told) {
                        (span, [(_, only)]) if span == test.entry.test.span => *only,
                        (span, _) => span,
                    };
                    let found = diagnose(problem, Place { span, calls: Vec::new() });
                    let found = Diagnostic { primary: Some(Label { span, text: label }), ..found };
                    self.in_template(found, template, inside)
                })
                .collect()),
        }
    }

    /// An error of a template as one of the item that uses it.
    fn explain(&self, test: &Generic, template: &TestTemplate, problem: Diagnostic) -> Diagnostic {
        let name = &test.entry.test;
        let place = problem.primary.as_ref().map(|label| label.span).filter(|span| span.file == template.file);
        let tag = place.map_or("", |span| tag_around(&template.text, span.start));
        let given =
            |asked: &str| test.entry.arguments.contains_key(asked) || (asked == "column_name" && test.column.is_some());
        let missing = template.asks.iter().find(|asked| !given(asked) && has_word(tag, asked));
        if let (UNDEFINED_VALUE, Some(missing)) = (problem.code, missing) {
            let found = Diagnostic::error(WRONG_TEST_ARGUMENT, format!("the test `{}` needs `{missing}`", name.value));
            let found = found.at(name.span, format!("`{missing}` is missing"));
            return if missing == "column_name" {
                found.help("write the test below a column, or give it `column_name`")
            } else {
                found.help(format!("write `{}: {{{missing}: …}}`", name.value))
            };
        }
        let inside = problem.primary.as_ref().map(|label| label.span);
        let found = Diagnostic { primary: Some(Label { span: name.span, text: String::new() }), ..problem };
        inside.map_or_else(|| found.clone(), |inside| self.in_template(found.clone(), template, inside))
    }

    fn is_built_in(&self, template: &TestTemplate) -> bool {
        self.sources.get(template.file).path().starts_with('(')
    }

    /// With the line of the template, where that is the project's own.
    fn in_template(&self, found: Diagnostic, template: &TestTemplate, inside: Span) -> Diagnostic {
        if self.is_built_in(template) || inside.file != template.file {
            return found;
        }
        found.also(inside, "in its template")
    }
}

struct Given<'a> {
    file: crate::source::FileId,
    text: &'a str,
    tested: Tested<'a>,
}

/// Every text in a value.
fn texts(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, take)),
        Value::Object(map) => map.values().for_each(|item| texts(item, take)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The tag of a template around a byte.
fn tag_around(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind("{{").max(before.rfind("{%")).unwrap_or(0);
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.find("}}").into_iter().chain(rest.find("%}")).min().unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_')).any(|found| found == word)
}

/// Where bytes of a test's SQL were written: what it was told, if they lie in that; else the test as a whole.
fn place_of(test: &Generic, text: &str, told: &[(String, Span)], range: &Range<usize>) -> Span {
    let inside = told.iter().find(|(given, _)| {
        let mut found = text.match_indices(given.as_str()).map(|(at, given)| at..at + given.len());
        !given.is_empty() && found.any(|given| given.start <= range.start && range.start <= given.end)
    });
    inside.map_or(test.entry.test.span, |(_, span)| *span)
}

impl Generic {
    /// Where a byte of its SQL was written; what stands in the place of the tested relation counts from behind the end of
    /// the rest.
    pub fn place(&self, byte: usize) -> Place {
        let span = self.entry.test.span;
        let Some(read) = &self.read else { return Place { span, calls: Vec::new() } };
        let (part, byte) = match (&read.filter, byte.checked_sub(read.test.behind())) {
            (Some(filter), Some(byte)) => (filter, byte),
            _ => (&read.test, byte),
        };
        let place = place_of(self, &part.text, &read.told, &(byte..byte));
        match &part.map {
            // What the project's own template wrote is told there, and who used it.
            Some(map) if place == span => {
                let calls = vec![Frame { name: self.entry.test.value.clone(), call: span }];
                Place { span: map.place(byte..byte + 1).span, calls }
            }
            _ => Place { span: place, calls: Vec::new() },
        }
    }

    /// What it reads, and its SQL; `tested` is the node that it is about.
    pub fn edges(&self, resolver: &Resolver<'_>, tested: NodeId) -> Edges {
        let mut edges = Edges::default();
        // Also where its template never prints the relation, or prints one that reads itself.
        edges.reads.insert(tested, (vec![self.entry.test.span], false));
        let Some(read) = &self.read else { return edges };
        let schema = &*self.relation.schema;
        let resolve = |part: &Part, edges: &mut Edges| {
            let place =
                |range: Range<usize>| Place { span: place_of(self, &part.text, &read.told, &range), calls: Vec::new() };
            resolver.resolve_text((&part.text, &part.query), (schema, Some(tested)), &place, edges)
        };
        let sql = resolve(&read.test, &mut edges);
        let filter = read.filter.as_ref().map(|filter| resolve(filter, &mut edges));
        edges.sql = match (sql, filter) {
            (Some(sql), None) => Some(sql),
            (Some(sql), Some(Some(filter))) => Some(filtered(sql, filter, &read.test)),
            _ => None,
        };
        edges
    }
}

/// The SQL with the filtering query in the place of the tested relation, wherever the template printed that.
fn filtered(sql: CompiledSql, filter: CompiledSql, test: &Part) -> CompiledSql {
    let behind = test.behind();
    let filter: Vec<SqlPart> = filter
        .parts
        .into_iter()
        .map(|part| match part {
            SqlPart::Written { text, at } => SqlPart::Written { text, at: at + behind },
            SqlPart::Relation { node, at } => SqlPart::Relation { node, at: at + behind },
            SqlPart::Window { bound, default, at } => SqlPart::Window { bound, default, at: at + behind },
            SqlPart::Inserted(text) => SqlPart::Inserted(text),
        })
        .collect();
    let tested: Vec<usize> = test
        .query
        .mentions()
        .iter()
        .filter(|mention| mention.parts.first().is_some_and(|part| part.value == THIS_SCHEMA))
        .map(|mention| mention.range.start)
        .collect();
    let mut parts = Vec::with_capacity(sql.parts.len() + filter.len());
    for part in sql.parts {
        match part {
            SqlPart::Relation { at, .. } if tested.contains(&at) => {
                parts.push(SqlPart::Inserted("(".to_owned()));
                parts.extend(filter.iter().cloned());
                parts.push(SqlPart::Inserted("\n)".to_owned()));
            }
            other => parts.push(other),
        }
    }
    CompiledSql { head: sql.head, parts }
}
