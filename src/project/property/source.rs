//! Relations that somebody else fills.

use super::{Column, Freshness, Reader, TestEntry, called, column, flat_fields, freshness, key, named, tests};
use crate::{
    diagnostic::{Diagnostic, code},
    name::RelationName,
    project::{
        Location,
        config::owner_name,
        field::{Fields, Given},
        location,
        yaml::Node,
    },
    source::FileId,
};
use serde_json::Value;

/// A table of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceTable {
    /// The file that describes it.
    pub file: FileId,
    /// The source's name.
    pub source: String,
    /// The table's name in the source, and where it stands.
    pub name: Given<String>,
    /// The relation in the database: `database`, `schema` (else the source's name), `identifier` (else the name).
    pub relation: RelationName,
    /// Whether it exists at all.
    pub enabled: bool,
    /// What it is, as a template; without one of its own, none (the source's is about the source).
    pub description: Option<String>,
    /// What the source is, as a template.
    pub source_description: Option<String>,
    /// Words to select by, those of the source too, in order of name.
    pub tags: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Anything, that of the source too.
    pub meta: serde_json::Map<String, Value>,
    /// Its columns, as far as they are described.
    pub columns: Vec<Column>,
    /// Tests of its rows.
    pub tests: Vec<TestEntry>,
    /// The column or expression that says when a row arrived.
    pub loaded_at: Option<Given<String>>,
    /// A query whose answer changes when the rows do.
    pub version: Option<Given<String>>,
    /// How old the rows may be.
    pub freshness: Option<Given<Freshness>>,
    /// Files that are read by this name.
    pub location: Option<Location>,
}

/// Adds the tables of an entry of `sources:`.
pub(crate) fn read(reader: &mut Reader<'_>, file: FileId, node: &Node, tables: &mut Vec<SourceTable>) {
    let what = called(node, "source");
    let outer = flat_fields(reader, node, &key::SOURCE, &what);
    let Some(source) = named(reader, node, &outer, &what) else { return };
    if !outer.has("tables") {
        let message = format!("{what} has no tables");
        let found = Diagnostic::warning(code::DESCRIBES_NOTHING, message).at(source.span, "describes nothing");
        reader.found.push(found.help("list them below `tables:`, each as `- name: …`"));
    }
    for item in outer.items("tables") {
        let what = called(item, "source table");
        let inner = flat_fields(reader, item, &key::SOURCE_TABLE, &what);
        let Some(name) = named(reader, item, &inner, &what) else { continue };
        let columns = column::read(reader, inner.items("columns"), &what);
        let freshness = freshness::read(reader, &inner, &outer);
        let tests = tests(reader, &inner);
        let near = |key: &str| inner.text(key).or_else(|| outer.text(key));
        let relation = RelationName {
            database: outer.string("database").filter(|text| !text.is_empty()).map(Into::into),
            schema: outer
                .string("schema")
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| source.value.clone())
                .into(),
            name: inner
                .string("identifier")
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| name.value.clone())
                .into(),
        };
        tables.push(SourceTable {
            file,
            source: source.value.clone(),
            relation,
            enabled: inner.boolean("enabled").or_else(|| outer.boolean("enabled")).unwrap_or(true),
            description: inner.string("description"),
            source_description: outer.string("description"),
            tags: tags(&outer, &inner),
            owner: [&inner, &outer].iter().find_map(|fields| owner(fields)),
            meta: meta(&outer, &inner),
            columns,
            tests,
            loaded_at: near("loaded_at"),
            version: near("version"),
            freshness,
            location: location(reader, &inner),
            name,
        });
    }
}

/// What says which files are read, and how.
fn location(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Location> {
    let Some(given) = fields.text("location").filter(|given| !given.value.is_empty()) else {
        for key in ["format", "read_options"] {
            if let Some(field) = fields.get(key) {
                let message = format!("`{key}` is about the files of a `location`, and there is none");
                let problem = Diagnostic::error(code::WRONG_VALUE, message).at(field.key_span, "");
                reader.found.push(problem.help("write `location: data/*.csv`, or remove the key"));
            }
        }
        return None;
    };
    let options = fields.get("read_options").map(|field| field.node.to_json());
    let format = fields.string("format").or_else(|| location::format_of(&given.value).map(str::to_owned));
    if format.is_none() && !fields.has("format") {
        let message = format!("the ending of `{}` does not say what the files are", given.value);
        let problem = Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "");
        reader.found.push(problem.help("write `format: csv`, `json` or `parquet`"));
    }
    Some(Location { path: given, format: format?, options: options.unwrap_or_default() })
}

fn tags(outer: &Fields<'_>, inner: &Fields<'_>) -> Vec<String> {
    let mut tags: Vec<String> =
        outer.texts("tags").into_iter().chain(inner.texts("tags")).map(|given| given.value).collect();
    tags.sort();
    tags.dedup();
    tags
}

pub(super) fn owner(fields: &Fields<'_>) -> Option<String> {
    owner_name(&fields.get("owner")?.value).map(str::to_owned)
}

fn meta(outer: &Fields<'_>, inner: &Fields<'_>) -> serde_json::Map<String, Value> {
    let mut all = serde_json::Map::new();
    for fields in [outer, inner] {
        if let Some(Value::Object(meta)) = fields.get("meta").map(|field| field.node.to_json()) {
            all.extend(meta);
        }
    }
    all
}
