//! Rows that are given or expected in a test of a model: as they are written, or from a file below `fixtures/`.

use super::Reader;
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        field::{Fields, Given},
        seed::read_table,
        yaml::Node,
    },
    source::{FileId, Span},
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Rows that are given or expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Fixture {
    /// Rows by column; of a CSV text, every value is a text.
    Rows(Vec<Map<String, Value>>, Span),
    /// A query that returns them.
    Sql(Given<String>),
    /// The rows of one common table expression of a query.
    Part {
        /// The WITH clause that it stands in.
        with: String,
        /// Its name.
        name: String,
    },
}

/// A file of rows.
#[derive(Debug, Clone)]
pub(crate) struct FixtureFile {
    /// Its path below `fixtures/`, without extension.
    pub(crate) name: String,
    /// Its path relative to the project.
    pub(crate) path: String,
    /// Whether it holds comma-separated values; else it is SQL.
    pub(crate) is_csv: bool,
    pub(crate) file: FileId,
    pub(crate) text: Arc<str>,
}

impl FixtureFile {
    /// Whether people may call it that: by its name, or by its path below `fixtures/`.
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.name.rsplit('/').next() == Some(name)
    }

    fn format(&self) -> &'static str {
        if self.is_csv { "csv" } else { "sql" }
    }
}

/// The rows of an input or of `expect:`.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, span: Span, files: &[FixtureFile]) -> Option<Fixture> {
    let rows = fields.get("rows").map(|field| field.node);
    if let Some(name) = fields.text("fixture") {
        if let Some(rows) = rows {
            let message = format!("rows are given, and the file `{}` of rows besides", name.value);
            let twice = Diagnostic::error(code::BAD_UNIT_TEST, message).at(rows.span, "");
            reader.found.push(twice.help("remove one of the two"));
            return None;
        }
        return from_file(reader, &name, fields.string("format").as_deref(), files);
    }
    let span = rows.map_or(span, |node| node.span);
    let text = |reader: &mut Reader<'_>| {
        let text = rows.and_then(crate::project::value::text);
        if text.is_none() {
            reader.missing("rows", "the fixture", span, "write `rows: |` and the text below it");
        }
        text
    };
    match fields.string("format").as_deref() {
        Some("sql") => Some(Fixture::Sql(Given::new(text(reader)?, span))),
        Some("csv") => match read_table(&text(reader)?) {
            Ok((header, rows)) => Some(Fixture::Rows(by_column(&header, rows), span)),
            Err((line, message)) => {
                let message = format!("line {line} of the rows: {message}");
                reader.found.push(no_table(message, span));
                None
            }
        },
        _ => Some(Fixture::Rows(mappings(reader, rows, span), span)),
    }
}

/// The rows of the file of that name.
fn from_file(
    reader: &mut Reader<'_>,
    name: &Given<String>,
    format: Option<&str>,
    files: &[FixtureFile],
) -> Option<Fixture> {
    let called: Vec<&FixtureFile> = files.iter().filter(|file| file.is_called(&name.value)).collect();
    let fitting: Vec<&FixtureFile> =
        called.iter().copied().filter(|file| format.is_none_or(|format| format == file.format())).collect();
    let file = match (fitting.as_slice(), called.first()) {
        ([only], _) => *only,
        ([], Some(other)) => {
            let message = format!("the file of rows `{}` is not in the `format` that is given", name.value);
            let wrong =
                Diagnostic::error(code::BAD_UNIT_TEST, message).at(name.span, format!("this is {}", other.path));
            reader
                .found
                .push(wrong.help(format!("write `format: {}`, or nothing: the file's ending tells", other.format())));
            return None;
        }
        ([], None) => {
            let message = format!("there is no file of rows `{}`", name.value);
            let missing = Diagnostic::error(code::BAD_UNIT_TEST, message).at(name.span, "no such file");
            let missing = missing.suggest(&name.value, files.iter().map(|file| file.name.as_str()));
            reader
                .found
                .push(missing.help("files of rows stand below `fixtures/` of a test path: `tests/fixtures/name.csv`"));
            return None;
        }
        (several, _) => {
            let message = format!("several files of rows are called `{}`", name.value);
            let mut wrong = Diagnostic::error(code::BAD_UNIT_TEST, message).at(name.span, "");
            for file in several {
                wrong = wrong.note(file.path.clone());
            }
            reader.found.push(wrong.help("write the path below `fixtures/`, and `format` where they differ in that"));
            return None;
        }
    };
    let whole = Span::new(file.file, 0..file.text.len());
    if !file.is_csv {
        return Some(Fixture::Sql(Given::new(file.text.to_string(), whole)));
    }
    match read_table(file.text.trim_start_matches('\u{feff}')) {
        Ok((header, rows)) => Some(Fixture::Rows(by_column(&header, rows), name.span)),
        Err((line, message)) => {
            let start = match usize::try_from(line).unwrap_or(1) {
                0 | 1 => 0,
                line => file.text.match_indices('\n').nth(line - 2).map_or(0, |(at, _)| at + 1),
            };
            reader.found.push(no_table(message, Span::new(file.file, start..start)));
            None
        }
    }
}

fn no_table(message: String, span: Span) -> Diagnostic {
    let wrong = Diagnostic::error(code::BAD_UNIT_TEST, message).at(span, "");
    wrong.help("write a header, and as many values in each line as it has")
}

fn by_column(header: &[String], rows: Vec<(u64, Vec<Option<String>>)>) -> Vec<Map<String, Value>> {
    let row = |(_, values): (u64, Vec<Option<String>>)| {
        header.iter().cloned().zip(values.into_iter().map(Value::from)).collect()
    };
    rows.into_iter().map(row).collect()
}

fn mappings(reader: &mut Reader<'_>, rows: Option<&Node>, span: Span) -> Vec<Map<String, Value>> {
    let mut all = Vec::new();
    for item in rows.and_then(Node::items).unwrap_or_default() {
        match item.to_json() {
            Value::Object(row) => all.push(row),
            _ => {
                let message = format!("a row is a mapping of columns to values, and this is {}", item.describe());
                let wrong = Diagnostic::error(code::BAD_UNIT_TEST, message).at(item.span, "");
                reader.found.push(wrong.help("write `- {id: 1, name: x}`"));
            }
        }
    }
    let is_list = rows.is_none_or(|node| node.items().is_some() || node.is_null());
    if !is_list {
        let wrong = Diagnostic::error(code::BAD_UNIT_TEST, "`rows` are a list").at(span, "");
        reader.found.push(wrong.help("a text needs `format: csv` or `format: sql` beside it"));
    }
    all
}
