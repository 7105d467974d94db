//! Selections with a name: `selectors:` of `suiro.yml`, in dbt's shape.
//!
//! In: YAML. Out: plain data. Never: what a selection selects, or whether its text can be read; that is `graph/`.

use super::{
    field::{Given, Reader},
    key,
    yaml::{Content, Entry, Node},
};
use crate::{
    diagnostic::{Diagnostic, code},
    source::Span,
};
use std::collections::BTreeMap;

/// A selection with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// Its name, used as `selector:name`.
    pub name: Given<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it selects.
    pub definition: Definition,
}

/// What a selector selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// As on the command line: `tag:nightly+ stg_*`.
    Text(Given<String>),
    /// A method and its value.
    Method(MethodDefinition),
    /// What any of the parts selects, without what the exclusions select.
    Union {
        /// The parts.
        parts: Vec<Definition>,
        /// What is left out.
        exclude: Vec<Definition>,
    },
    /// What all of the parts select, without what the exclusions select.
    Intersection {
        /// The parts.
        parts: Vec<Definition>,
        /// What is left out.
        exclude: Vec<Definition>,
    },
}

/// A method, a value, and how far around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodDefinition {
    /// `tag`, `path`, `name`, `config.materialized`, `selector`, …
    pub method: Given<String>,
    /// What to select.
    pub value: Given<String>,
    /// With what it reads: how many steps up, nothing for all the way.
    pub parents: Option<Option<u64>>,
    /// With what reads it: how many steps down, nothing for all the way.
    pub children: Option<Option<u64>>,
    /// With what reads it and everything that reads, as `@value`.
    pub childrens_parents: bool,
    /// What is left out.
    pub exclude: Vec<Definition>,
}

/// How deep definitions may stand in each other.
const SHAPE: &str = "write a text as on the command line, or `method` and `value`, `union` or `intersection`";

/// Reads `selectors:`: a list of `name` and `definition`, or a mapping of names to definitions.
pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, Selector> {
    let Some(node) = reader.render(node) else { return BTreeMap::new() };
    let mut selectors: BTreeMap<String, Selector> = BTreeMap::new();
    let read: Vec<Selector> = match &node.content {
        Content::List(items) => items.iter().filter_map(|item| listed(reader, item)).collect(),
        Content::Map(entries) => entries.iter().filter_map(|entry| keyed(reader, entry)).collect(),
        Content::Scalar(_) => {
            let message = format!("`selectors` takes a list, and this is {}", node.describe());
            reader.found.push(
                Diagnostic::error(code::WRONG_VALUE, message)
                    .at(node.span, "")
                    .help("write `- name: …` and `definition: …` below the key"),
            );
            Vec::new()
        }
    };
    for selector in read {
        match selectors.get(&selector.name.value) {
            Some(first) => reader.found.push(
                Diagnostic::error(code::DUPLICATE_NAME, format!("two selectors are called `{}`", selector.name.value))
                    .at(selector.name.span, "again")
                    .also(first.name.span, "first")
                    .help("rename one of the two"),
            ),
            None => {
                selectors.insert(selector.name.value.clone(), selector);
            }
        }
    }
    selectors
}

fn listed(reader: &mut Reader<'_>, node: &Node) -> Option<Selector> {
    let fields = reader.fields(node, &key::SELECTOR, "a selector");
    node.entries()?;
    for name in ["name", "definition"] {
        if !fields.has(name) {
            reader.missing(name, "the selector", node.span, "write `- name: …` and `definition: …`");
        }
    }
    let definition = definition(reader, fields.get("definition")?.node)?;
    Some(Selector { name: fields.text("name")?, description: fields.string("description"), definition })
}

fn keyed(reader: &mut Reader<'_>, entry: &Entry) -> Option<Selector> {
    let definition = definition(reader, &entry.value)?;
    Some(Selector { name: Given::new(entry.key.clone(), entry.key_span), description: None, definition })
}

fn definition(reader: &mut Reader<'_>, node: &Node) -> Option<Definition> {
    match &node.content {
        Content::Scalar(scalar) if !node.is_null() => {
            Some(Definition::Text(Given::new(scalar.text.clone(), node.span)))
        }
        Content::Map(entries) => mapping(reader, node, entries),
        Content::Scalar(_) | Content::List(_) => {
            let message = format!("a selector's definition is a text or a mapping, and this is {}", node.describe());
            reader.found.push(Diagnostic::error(code::WRONG_VALUE, message).at(node.span, "").help(SHAPE));
            None
        }
    }
}

fn mapping(reader: &mut Reader<'_>, node: &Node, entries: &[Entry]) -> Option<Definition> {
    if entries.iter().any(|entry| entry.key == "method" || entry.key == "value") {
        return method(reader, node);
    }
    match entries {
        [entry] if entry.key == "union" || entry.key == "intersection" => {
            let (parts, exclude) = parts(reader, entry)?;
            Some(match entry.key.as_str() {
                "union" => Definition::Union { parts, exclude },
                _ => Definition::Intersection { parts, exclude },
            })
        }
        // `tag: nightly` is short for a method and its value.
        [entry] => {
            let Content::Scalar(value) = &entry.value.content else {
                refuse(reader, entry.key_span, &format!("`{}` takes a text here", entry.key));
                return None;
            };
            let method = Given::new(entry.key.clone(), entry.key_span);
            let value = Given::new(value.text.clone(), entry.value.span);
            Some(Definition::Method(MethodDefinition {
                method,
                value,
                parents: None,
                children: None,
                childrens_parents: false,
                exclude: Vec::new(),
            }))
        }
        [] => {
            refuse(reader, node.span, "the definition says nothing");
            None
        }
        [_, second, ..] => {
            refuse(reader, second.key_span, "the definition says two things at once");
            None
        }
    }
}

fn refuse(reader: &mut Reader<'_>, at: Span, message: &str) {
    reader.found.push(Diagnostic::error(code::WRONG_VALUE, message).at(at, "").help(SHAPE));
}

fn method(reader: &mut Reader<'_>, node: &Node) -> Option<Definition> {
    let fields = reader.fields(node, &key::SELECTOR_METHOD, "the definition");
    for name in ["method", "value"] {
        if !fields.has(name) {
            reader.missing(name, "the definition", node.span, "write `method: tag` and `value: nightly`, for example");
        }
    }
    let around = |flag: &str, depth: &str| fields.boolean(flag).unwrap_or(false).then(|| fields.number(depth));
    let (parents, children) = (around("parents", "parents_depth"), around("children", "children_depth"));
    let childrens_parents = fields.boolean("childrens_parents").unwrap_or(false);
    let exclude = fields.items("exclude").iter().filter_map(|item| definition(reader, item)).collect();
    let (method, value) = (fields.text("method")?, fields.text("value")?);
    Some(Definition::Method(MethodDefinition { method, value, parents, children, childrens_parents, exclude }))
}

/// The parts of a union or intersection, and the items `exclude: […]` among them.
fn parts(reader: &mut Reader<'_>, entry: &Entry) -> Option<(Vec<Definition>, Vec<Definition>)> {
    let Some(items) = entry.value.items().filter(|items| !items.is_empty()) else {
        refuse(reader, entry.value.span, &format!("`{}` takes a list of definitions", entry.key));
        return None;
    };
    let (mut parts, mut exclude) = (Vec::new(), Vec::new());
    for item in items {
        match item.entries() {
            Some([only]) if only.key == "exclude" => match only.value.items() {
                Some(items) => exclude.extend(items.iter().filter_map(|item| definition(reader, item))),
                None => refuse(reader, only.value.span, "`exclude` takes a list of definitions"),
            },
            _ => parts.extend(definition(reader, item)),
        }
    }
    Some((parts, exclude))
}
