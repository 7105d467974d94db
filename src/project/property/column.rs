//! What YAML says about columns.

use super::{Reader, TestEntry, called, flat_fields, key, named, tests};
use crate::{
    diagnostic::{Diagnostic, code},
    project::{field::Given, yaml::Node},
};
use serde_json::Value;

/// A column as it is described.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: Given<String>,
    /// What it holds, as a template.
    pub description: Option<String>,
    /// Its type in the database.
    pub data_type: Option<Given<String>>,
    /// Words to select by.
    pub tags: Vec<String>,
    /// Anything.
    pub meta: Option<Value>,
    /// Constraints on its values, as they are written.
    pub constraints: Option<Given<Value>>,
    /// Tests of its values.
    pub tests: Vec<TestEntry>,
}

/// The items of `columns:`.
pub(crate) fn read(reader: &mut Reader<'_>, items: &[Node], of: &str) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for item in items {
        let what = called(item, "column");
        let fields = flat_fields(reader, item, &key::COLUMN, &what);
        let Some(name) = named(reader, item, &fields, &what) else { continue };
        if let Some(first) = columns.iter().find(|column| column.name.value == name.value) {
            reader.found.push(
                Diagnostic::error(code::DUPLICATE_NAME, format!("{of} describes the column `{}` twice", name.value))
                    .at(name.span, "again")
                    .also(first.name.span, "first")
                    .help("merge the two"),
            );
            continue;
        }
        let tests = tests(reader, &fields);
        columns.push(Column {
            name,
            description: fields.string("description"),
            data_type: fields.text("data_type"),
            tags: fields.texts("tags").into_iter().map(|given| given.value).collect(),
            meta: fields.get("meta").map(|field| field.node.to_json()),
            constraints: fields.get("constraints").map(|field| Given::new(field.node.to_json(), field.node.span)),
            tests,
        });
    }
    columns
}

/// Two descriptions of the same columns as one: the closer one wins, key by key.
pub(crate) fn merge_columns(closer: Vec<Column>, mut farther: Vec<Column>) -> Vec<Column> {
    for near in closer {
        match farther.iter_mut().find(|column| column.name.value == near.name.value) {
            Some(far) => {
                far.name = near.name;
                far.description = near.description.or(far.description.take());
                far.data_type = near.data_type.or(far.data_type.take());
                far.meta = near.meta.or(far.meta.take());
                far.constraints = near.constraints.or(far.constraints.take());
                far.tags.extend(near.tags);
                far.tests.extend(near.tests);
            }
            None => farther.push(near),
        }
    }
    farther
}
