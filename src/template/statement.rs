//! Statements for the database, from templates that only print.
//!
//! In: templates `<folder>/<dialect>/<name>.sql.jinja`, which fall back to `<folder>/default/<name>.sql.jinja`, and the
//! values of one use. Out: named statements. A line `-- statement: build` in the template starts the statement `build`;
//! such a line in a value does not. Never: a function that reaches the database, the environment, or a file.

use super::{
    MacroFile, engine,
    failure::Failure,
    filter::{literal, quote, refused},
    library::too_long,
    names,
    origin::{Origins, Unit, Units},
    scan::{Unscannable, scan},
    value::from_json,
    written::{Manner, Written, write},
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{TEMPLATE_FAILED, TEMPLATE_NOT_FOUND},
    },
    dialect::Dialect,
    name::RelationName,
    source::Span,
};
use minijinja::{
    Environment, Error, OutputSpan, OutputSpanKind, State, Value,
    value::{Object, ObjectRepr, ValueKind},
};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// How much work one render may do; a publish of many thousand relations is one render.
const FUEL: u64 = 1_000_000_000;

/// What starts a statement, at the start of a line but for white space.
const SEPARATOR: &str = "-- statement:";

/// A statement that a template printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStatement {
    /// What stands behind `-- statement:`.
    pub name: String,
    /// Its text, without white space at the ends.
    pub text: String,
    /// Where the value `sql` starts in it, if it holds it exactly once.
    pub sql_at: Option<usize>,
}

/// Templates of statements: made once, shared by all threads.
pub struct StatementTemplates {
    environment: Environment<'static>,
    units: Arc<Units>,
    /// The file of each template, by `materializations/default/table`.
    paths: BTreeMap<String, String>,
}

impl std::fmt::Debug for StatementTemplates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StatementTemplates").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// The root of a render: the values, and how names are written.
#[derive(Debug)]
struct Values {
    dialect: Dialect,
    values: BTreeMap<String, Value>,
}

impl Object for Values {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == names::CONTEXT {
            return Some(Value::from_dyn_object(Arc::clone(self)));
        }
        self.values.get(key).cloned()
    }
}

impl StatementTemplates {
    /// Takes templates by their paths below `templates/`; a later file takes the place of an earlier one that has the
    /// same path from there on. Their mistakes come with it, and the rest works all the same.
    #[must_use]
    pub fn new(files: &[MacroFile]) -> (Self, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let mut units = Units::new();
        let mut paths = BTreeMap::new();
        for file in files {
            let below = file.path.rsplit_once("templates/").map_or(&*file.path, |(_, below)| below);
            let mut written = Written::with_capacity(file.text.len());
            match scan(&file.text, 0) {
                Ok(pieces) => write(&mut written, &file.text, &pieces, Manner::Plain, &[]),
                Err(Unscannable::Unclosed) => written.copy(&file.text, 0..file.text.len()),
                Err(Unscannable::TooLong(range)) => {
                    problems.push(too_long(Span::new(file.file, range)));
                    continue;
                }
            }
            units.insert(below.to_owned(), Unit { file: file.file, original: Arc::clone(&file.text), written });
            paths.insert(below.strip_suffix(".sql.jinja").unwrap_or(below).to_owned(), below.to_owned());
        }
        let units = Arc::new(units);
        let mut environment = engine::bare();
        environment.set_fuel(Some(FUEL));
        super::proxy::add_guard(&mut environment);
        environment.add_filter("quote", |state: &mut State<'_, '_>, value: Value| quote(dialect(state)?, &value));
        environment.add_filter("literal", |state: &mut State<'_, '_>, value: Value| literal(dialect(state)?, &value));
        environment.add_filter("relation", |state: &mut State<'_, '_>, value: Value| relation(state, &value));
        engine::set_loader(&mut environment, &units);
        let templates = Self { environment, units, paths };
        for path in templates.paths.values() {
            if let (Err(error), Some(unit)) = (templates.environment.get_template(path), templates.units.get(path)) {
                problems.push(templates.origins(Span::new(unit.file, 0..0)).diagnose(&error));
            }
        }
        (templates, problems)
    }

    /// Whether there is a template of that name for the dialect.
    #[must_use]
    pub fn has(&self, folder: &str, dialect: Dialect, name: &str) -> bool {
        self.path(folder, dialect, name).is_some()
    }

    /// The names of a folder's templates for the dialect, in order.
    #[must_use]
    pub fn names(&self, folder: &str, dialect: Dialect) -> Vec<&str> {
        let mut names: Vec<&str> = [dialect.name(), "default"]
            .into_iter()
            .flat_map(|kind| {
                self.paths.keys().filter_map(move |key| {
                    let (at, name) = key.strip_prefix(folder)?.strip_prefix('/')?.split_once('/')?;
                    (at == kind).then_some(name)
                })
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The statements that the template `name` of `folder` prints for these values, a JSON object.
    ///
    /// The value `sql` is the SQL of a model; see [`NamedStatement::sql_at`]. Statements without text are left out.
    /// Filters: `quote` (a name), `literal` (a text; numbers, booleans and null as they are), `relation` (an object with
    /// `schema`, `name` and possibly `database`).
    ///
    /// # Errors
    /// When there is no such template, when it fails, or when it prints something outside of its statements.
    pub fn render(
        &self,
        folder: &str,
        dialect: Dialect,
        name: &str,
        values: &serde_json::Value,
    ) -> Result<Vec<NamedStatement>, Vec<Diagnostic>> {
        let Some((path, unit)) = self.path(folder, dialect, name).and_then(|path| Some((path, self.units.get(path)?)))
        else {
            let known = self.names(folder, dialect);
            let message = format!("there is no template `{name}` below `templates/{folder}/`");
            return Err(vec![
                Diagnostic::error(TEMPLATE_NOT_FOUND, message)
                    .suggest(name, known.iter().copied())
                    .note(format!("there are: {}", known.join(", "))),
            ]);
        };
        let start = Span::new(unit.file, 0..0);
        let diagnose = |error: &Error| vec![self.origins(start).diagnose(error)];
        let map = values.as_object().into_iter().flatten();
        let values = map.map(|(key, value)| (key.clone(), from_json(value))).collect();
        let root = Value::from_object(Values { dialect, values });
        let sql = root.get_attr("sql").ok().filter(|sql| sql.kind() == ValueKind::String);
        let template = self.environment.get_template(path).map_err(|error| diagnose(&error))?;
        let (text, spans) = template.render_with_spans(root).map_err(|error| diagnose(&error))?;
        divide(&text, &spans, sql.as_ref().and_then(Value::as_str)).map_err(|stray| {
            let place = spans.iter().find(|span| span.output_range().contains(&stray));
            let place = place.and_then(|span| {
                let unit = self.units.get(span.name())?;
                Some(Span::new(unit.file, unit.written.original(span.source_range())?))
            });
            vec![
                Diagnostic::error(TEMPLATE_FAILED, "the template prints something before its first statement")
                    .at(place.unwrap_or(start), "")
                    .help(format!("start each statement with a line `{SEPARATOR} name`")),
            ]
        })
    }

    fn path(&self, folder: &str, dialect: Dialect, name: &str) -> Option<&String> {
        [dialect.name(), "default"].iter().find_map(|kind| self.paths.get(&format!("{folder}/{kind}/{name}")))
    }

    fn origins(&self, fallback: Span) -> Origins<'_> {
        Origins { units: &self.units, model: None, known: &[], fallback }
    }
}

/// The statements of a rendered text; an error is the byte of something that belongs to none.
fn divide(text: &str, spans: &[OutputSpan], sql: Option<&str>) -> Result<Vec<NamedStatement>, usize> {
    let starts: Vec<usize> = lines(text)
        .filter_map(|line| {
            let words = text.get(line.clone())?.trim_start();
            words.starts_with(SEPARATOR).then_some(line.end - words.len())
        })
        .filter(|start| is_raw(spans, *start..*start + SEPARATOR.len()))
        .collect();
    let before = text.get(..starts.first().copied().unwrap_or(text.len())).unwrap_or_default();
    for line in lines(before) {
        let words = before.get(line.clone()).unwrap_or_default().trim_start();
        if !words.is_empty() && !words.starts_with("--") {
            return Err(line.end - words.len());
        }
    }
    let mut statements = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(text.len());
        let Some((head, body)) = text.get(*start..end).map(|part| part.split_once('\n').unwrap_or((part, ""))) else {
            continue;
        };
        let body_start = end - body.len();
        let body = super::scan::trim(text, body_start..end);
        if body.is_empty() {
            continue;
        }
        let name = head.get(SEPARATOR.len()..).unwrap_or_default().trim().to_owned();
        let words = text.get(body.clone()).unwrap_or_default().to_owned();
        let sql_at = sql.and_then(|sql| locate(&words, body, spans, text, sql));
        statements.push(NamedStatement { name, text: words, sql_at });
    }
    Ok(statements)
}

/// Where `sql` starts in a statement: where one expression printed it and nothing else, or where it stands only once.
fn locate(words: &str, body: Range<usize>, spans: &[OutputSpan], text: &str, sql: &str) -> Option<usize> {
    if sql.is_empty() {
        return None;
    }
    let first = spans.partition_point(|span| span.output_range().end <= body.start);
    let inside = spans.get(first..)?.iter().take_while(|span| span.output_range().start < body.end);
    let mut printed = inside
        .filter(|span| span.kind() == OutputSpanKind::Expression)
        .map(OutputSpan::output_range)
        .filter(|range| text.get(range.clone()) == Some(sql));
    match (printed.next(), printed.next()) {
        // Its white space at the start may have been cut off with that of the statement; then nothing is certain.
        (Some(one), None) if one.start >= body.start => return Some(one.start - body.start),
        (Some(_), _) => return None,
        (None, _) => {}
    }
    let mut found = words.match_indices(sql);
    match (found.next(), found.next()) {
        (Some((at, _)), None) => Some(at),
        _ => None,
    }
}

/// The lines of a text, without their ends.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let range = start..start + line.trim_end_matches(['\n', '\r']).len();
        start += line.len();
        range
    })
}

/// Whether the template itself wrote these bytes.
fn is_raw(spans: &[OutputSpan], range: Range<usize>) -> bool {
    let first = spans.partition_point(|span| span.output_range().end <= range.start);
    let mut covering =
        spans.get(first..).unwrap_or_default().iter().take_while(|span| span.output_range().start < range.end);
    covering.all(|span| span.kind() == OutputSpanKind::Raw)
}

fn dialect(state: &State<'_, '_>) -> Result<Dialect, Error> {
    let values = state.lookup(names::CONTEXT).and_then(|value| value.downcast_object::<Values>());
    values.map(|values| values.dialect).ok_or_else(|| Failure::bug("a statement has no dialect").into_error())
}

fn relation(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    let part = |key: &str| value.get_attr(key).ok().and_then(|part| part.as_str().map(Arc::<str>::from));
    match (part("schema"), part("name")) {
        (Some(schema), Some(name)) => {
            Ok(dialect(state)?.relation(&RelationName { database: part("database"), schema, name }))
        }
        _ => Err(refused("relation", "an object with schema and name", value)),
    }
}
