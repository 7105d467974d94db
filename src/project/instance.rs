//! One file, many models: the entries of `instances:`, and a model made out of each.
//!
//! In: the value of the key (a list, or the text of a YAML or CSV file), and a model as its file gives it. Out: entries
//! with their places, and [`Model`]s whose configuration has been rendered for one entry each. Never: SQL, which is
//! rendered when it is compiled.

use super::{
    config::Config,
    model::Model,
    property::{Column, TestEntry},
    render::is_template,
    seed::read_table,
    yaml::{self, Node},
};
use crate::{
    diagnostic::{Diagnostic, code},
    source::{FileId, Span},
};
use serde_json::{Map, Value};

/// What a model is built for, where its file is built for several.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// The file's name without extension: what all of them have in common.
    pub of: String,
    /// What it is called in messages: its `name`, else its number.
    pub label: String,
    /// The relation's name where no `alias` gives one: that of the file, with the instance's `name`.
    pub relation: String,
    /// What `instance` is in templates: an object.
    pub value: Value,
    /// Where it is written.
    pub span: Span,
}

/// An entry: what `instance` is, and where it is written.
pub(crate) type Entry = (Map<String, Value>, Span);

/// Whether a text asks for the instance, so that it can be rendered only once there is one.
pub(crate) fn is_wanted(text: &str) -> bool {
    is_template(text) && text.contains("instance")
}

/// The entries of a list: mappings, or texts that are their names.
pub(crate) fn entries(list: &Node) -> (Vec<Entry>, Vec<Diagnostic>) {
    let (mut entries, mut found) = (Vec::new(), Vec::new());
    let Some(items) = list.items() else {
        let message = format!("instances are a list of mappings, and this is {}", list.describe());
        found.push(broken(message, list.span, "write `- name: …` for each of them"));
        return (entries, found);
    };
    for item in items {
        match item.to_json() {
            Value::Object(values) => entries.push((values, item.span)),
            name @ (Value::String(_) | Value::Number(_)) => {
                entries.push((Map::from_iter([("name".to_owned(), name)]), item.span));
            }
            _ => {
                let message = format!("an instance is a mapping or a name, and this is {}", item.describe());
                found.push(broken(message, item.span, "write `- name: …`"));
            }
        }
    }
    (entries, found)
}

/// The entries in the text of a file: YAML with a list, or CSV with a header, whose values are texts, empty ones null.
pub(crate) fn entries_of_file(file: FileId, path: &str, text: &str) -> (Vec<Entry>, Vec<Diagnostic>) {
    if !path.to_ascii_lowercase().ends_with(".csv") {
        let (node, mut found) = yaml::read(file, text, 0..text.len(), code::BROKEN_YAML);
        let (list, problems) = node.as_ref().map(entries).unwrap_or_default();
        found.extend(problems);
        return (list, found);
    }
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let line = |number: u64| {
        let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        let start = starts.get(index).copied().unwrap_or(text.len());
        let end = text.get(start..).and_then(|rest| rest.find(['\r', '\n'])).map_or(text.len(), |at| start + at);
        Span::new(file, start..end)
    };
    match read_table(text) {
        Ok((header, rows)) => {
            let entry = |(number, row): (u64, Vec<Option<String>>)| {
                let values = header.iter().cloned().zip(row.into_iter().map(Value::from)).collect();
                (values, line(number))
            };
            (rows.into_iter().map(entry).collect(), Vec::new())
        }
        Err((number, message)) => {
            let problem = broken(message, line(number), "write a header, and as many values in each line as it has");
            (Vec::new(), vec![problem])
        }
    }
}

/// What is wrong with the instances of a model.
pub(crate) fn broken(message: impl Into<String>, span: Span, help: &str) -> Diagnostic {
    Diagnostic::error(code::BROKEN_INSTANCES, message).at(span, "").help(help)
}

/// The instance of that number, from 1.
pub(crate) fn instance(of: &str, number: usize, (value, span): Entry) -> Instance {
    let name = match value.get("name") {
        Some(Value::String(name)) if !name.is_empty() => Some(name.clone()),
        Some(Value::Number(name)) => Some(name.to_string()),
        _ => None,
    };
    Instance {
        of: of.to_owned(),
        label: name.clone().unwrap_or_else(|| format!("#{number}")),
        relation: name.map_or_else(|| of.to_owned(), |name| format!("{of}_{name}")),
        value: Value::Object(value),
        span,
    }
}

/// What renders a text that asks for the instance; none after an error, which has been kept.
pub(crate) type Fill<'f> = dyn FnMut(&str, Span) -> Option<String> + 'f;

/// Renders what a model's configuration, columns and tests ask of the instance; what fails stays as it was written, or
/// in the configuration counts as not given.
///
/// Without an instance, each such text is an error, which `render` gives.
pub(crate) fn fill(model: &mut Model, render: &mut Fill<'_>) -> Vec<Diagnostic> {
    let mut found = model.config.fill(render);
    for column in &mut model.columns {
        found.extend(fill_column(column, render));
    }
    found.extend(fill_tests(&mut model.tests, render));
    found
}

fn fill_column(column: &mut Column, render: &mut Fill<'_>) -> Vec<Diagnostic> {
    let span = column.name.span;
    let name_and_type = std::iter::once(&mut column.name).chain(&mut column.data_type);
    for (text, span) in name_and_type
        .map(|given| (&mut given.value, given.span))
        .chain(column.tags.iter_mut().map(|tag| (tag, span)))
        .filter(|(text, _)| is_wanted(text))
    {
        if let Some(rendered) = render(text, span) {
            *text = rendered;
        }
    }
    if let Some(meta) = &mut column.meta
        && let Some(rendered) = filled(meta, span, render)
    {
        *meta = rendered;
    }
    fill_tests(&mut column.tests, render)
}

/// What a test is told is rendered when its template is.
fn fill_tests(tests: &mut [TestEntry], render: &mut Fill<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for test in tests {
        found.extend(test.config.fill(render));
        if let Some(name) = test.name.as_mut().filter(|name| is_wanted(&name.value))
            && let Some(rendered) = render(&name.value, name.span)
        {
            name.value = rendered;
        }
    }
    found
}

/// A value with every text in it rendered that asks for the instance; none if one of them fails.
pub(crate) fn filled(value: &Value, span: Span, render: &mut Fill<'_>) -> Option<Value> {
    Some(match value {
        Value::String(text) if is_wanted(text) => Value::String(render(text, span)?),
        Value::Array(items) => items.iter().map(|item| filled(item, span, render)).collect::<Option<_>>()?,
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| Some((key.clone(), filled(value, span, render)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}

/// The value of `instances`, taken out of a configuration.
pub(crate) fn take(config: &mut Config) -> Option<(Value, Span)> {
    config.take("instances").filter(|setting| !setting.value.is_null()).map(|setting| (setting.value, setting.span))
}
