//! A DuckDB database and what is loaded into its sessions.

use super::{
    Context, Secret, filled,
    secret::{password_of, passwords_in, texts_of},
};
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        field::{Fields, Given, Reader},
        key,
        yaml::{Content, Node},
    },
    source::Span,
};
use serde_json::Value;
use std::{fmt, path::PathBuf};

/// A DuckDB database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuckDbTarget {
    /// The path as it was written, for people.
    pub path: String,
    /// The file; nothing for a database in memory.
    pub file: Option<PathBuf>,
    /// How much memory DuckDB may use, in its own words.
    pub memory_limit: Option<String>,
    /// Extensions to load.
    pub extensions: Vec<Extension>,
    /// Secrets for DuckDB's own connections.
    pub secrets: Vec<DuckDbSecret>,
    /// Other databases to attach.
    pub attach: Vec<Attached>,
}

/// An extension of DuckDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The repository that it is installed from; none is DuckDB's own.
    pub repository: Option<String>,
}

/// A secret of DuckDB's own.
#[derive(Clone, PartialEq)]
pub struct DuckDbSecret {
    /// Its name; without one DuckDB's default for its type.
    pub name: Option<String>,
    /// Its parameters, by name, `type` among them; each a text, a number, a boolean or a list of these.
    pub parameters: Vec<(String, Value)>,
}

impl Eq for DuckDbSecret {}

impl fmt::Debug for DuckDbSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        formatter.debug_struct("DuckDbSecret").field("name", &self.name).field("parameters", &names).finish()
    }
}

/// A database that is attached beside the target's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// What is attached: a file, absolute, or whatever its type takes; it may hold a password.
    pub path: Secret,
    /// The file, where it is one.
    pub file: Option<PathBuf>,
    /// Its name as a database.
    pub alias: String,
    /// Its type; none is DuckDB's own.
    pub kind: Option<String>,
    /// Whether it is only read.
    pub read_only: bool,
    /// Where it is written.
    pub span: Span,
}

/// Reads the keys that only DuckDB has.
pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    context: &Context<'_>,
    secrets: &mut Vec<String>,
) -> DuckDbTarget {
    if let Some(field) = fields.get("secrets") {
        secrets.extend(texts_of(reader, field.node));
    }
    let path = fields.string("path").filter(|path| !path.is_empty());
    let path = path.unwrap_or_else(|| format!("{}.duckdb", context.project));
    if let Some(field) = fields.get("path").filter(|_| path.contains("://") || path.starts_with("md:")) {
        let message = format!("`path` takes a file or `:memory:`, and `{path}` is neither");
        let found = Diagnostic::error(code::WRONG_VALUE, message).at(field.node.span, "");
        reader.found.push(found.help("name a file on this machine"));
    }
    let file = (path != ":memory:").then(|| context.root.join(&path));
    DuckDbTarget {
        path,
        file,
        memory_limit: filled(fields, "memory_limit"),
        extensions: fields.texts("extensions").into_iter().filter_map(|given| extension(reader, &given)).collect(),
        secrets: fields.get("secrets").map(|field| all_secrets(reader, field.node)).unwrap_or_default(),
        attach: all_attached(reader, fields.items("attach"), context, secrets),
    }
}

/// `spatial`, or `h3 from community`.
fn extension(reader: &mut Reader<'_>, given: &Given<String>) -> Option<Extension> {
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let words: Vec<&str> = given.value.split_whitespace().collect();
    let found = match words.as_slice() {
        [name] => Some((*name, None)),
        [name, from, repository] if from.eq_ignore_ascii_case("from") => Some((*name, Some(*repository))),
        _ => None,
    };
    match found.filter(|(name, repository)| is_name(name) && repository.is_none_or(is_name)) {
        Some((name, repository)) => {
            Some(Extension { name: name.to_owned(), repository: repository.map(str::to_owned) })
        }
        None => {
            let message = format!("`{}` is no name of an extension", given.value);
            let found = Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "");
            reader.found.push(found.help("write `spatial`, or `h3 from community`"));
            None
        }
    }
}

/// A list of mappings, or a mapping of names to mappings.
fn all_secrets(reader: &mut Reader<'_>, node: &Node) -> Vec<DuckDbSecret> {
    match &node.content {
        Content::List(items) => items.iter().filter_map(|item| secret(reader, None, item)).collect(),
        Content::Map(entries) => {
            entries.iter().filter_map(|entry| secret(reader, Some(entry.key.clone()), &entry.value)).collect()
        }
        Content::Scalar(_) => {
            let found = Diagnostic::error(code::WRONG_VALUE, "`secrets` of a DuckDB target takes a list of mappings");
            reader.found.push(found.at(node.span, "").help("write `- {type: s3, key_id: …, secret: …}`"));
            Vec::new()
        }
    }
}

fn secret(reader: &mut Reader<'_>, name: Option<String>, node: &Node) -> Option<DuckDbSecret> {
    let rendered = reader.render(node)?;
    let mut parameters: Vec<(String, Value)> = match rendered.to_json() {
        Value::Object(map) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Vec::new(),
    };
    let own = parameters.iter().position(|(key, value)| key == "name" && value.is_string());
    let own = own.and_then(|at| parameters.remove(at).1.as_str().map(str::to_owned));
    if !parameters.iter().any(|(key, value)| key == "type" && value.is_string()) {
        let found = Diagnostic::error(code::WRONG_VALUE, "a secret of DuckDB is a mapping with a `type`");
        reader.found.push(found.at(node.span, "no `type`").help("write `- {type: s3, key_id: …, secret: …}`"));
        return None;
    }
    Some(DuckDbSecret { name: name.or(own), parameters })
}

fn all_attached(
    reader: &mut Reader<'_>,
    items: &[Node],
    context: &Context<'_>,
    secrets: &mut Vec<String>,
) -> Vec<Attached> {
    let mut all: Vec<Attached> = Vec::new();
    for item in items {
        let Some(attached) = attached(reader, item, context, secrets) else { continue };
        let reserved = ["system", "temp", "memory", "__suiro_nothing"];
        if reserved.iter().any(|name| attached.alias.eq_ignore_ascii_case(name)) {
            let message = format!("a database cannot be attached as `{}`, which is DuckDB's own", attached.alias);
            let found = Diagnostic::error(code::WRONG_VALUE, message).at(item.span, "");
            reader.found.push(found.help("give it another `alias`"));
            continue;
        }
        if let Some(first) = all.iter().find(|other| other.alias.eq_ignore_ascii_case(&attached.alias)) {
            let message = format!("two databases are attached as `{}`", attached.alias);
            let twice = Diagnostic::error(code::DUPLICATE_NAME, message).at(item.span, "again");
            reader.found.push(twice.also(first.span, "first").help("give one of them another `alias`"));
            continue;
        }
        all.push(attached);
    }
    all
}

fn attached(
    reader: &mut Reader<'_>,
    node: &Node,
    context: &Context<'_>,
    secrets: &mut Vec<String>,
) -> Option<Attached> {
    let fields = match &node.content {
        // A path alone.
        Content::Scalar(scalar) if !scalar.is_null() => None,
        _ => Some(reader.fields(node, &key::ATTACH, "an attached database")),
    };
    if fields.is_some() && node.entries().is_none() {
        return None;
    }
    let path = match &fields {
        None => reader.render(node).as_ref().and_then(crate::project::value::text),
        Some(fields) => filled(fields, "path"),
    };
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        if fields.is_some_and(|fields| !fields.has("path")) {
            reader.missing("path", "an attached database", node.span, "write `- {path: other.duckdb}`");
        }
        return None;
    };
    let kind = fields.as_ref().and_then(|fields| filled(fields, "type")).map(|kind| kind.to_ascii_lowercase());
    let is_file = matches!(kind.as_deref(), None | Some("duckdb" | "sqlite"))
        && !path.contains("://")
        && !path.starts_with("md:")
        && path != ":memory:";
    if !is_file {
        secrets.extend(passwords_in(&path));
        secrets.extend(password_of(&path));
    }
    let file = is_file.then(|| context.root.join(&path));
    let stem = file.as_ref().and_then(|file| file.file_stem()).and_then(|stem| stem.to_str()).map(str::to_owned);
    let Some(alias) = fields.as_ref().and_then(|fields| filled(fields, "alias")).or(stem) else {
        reader.missing("alias", "an attached database", node.span, "write `alias: …`, the name it is to have in SQL");
        return None;
    };
    let path = file.as_ref().map_or(path, |file| file.display().to_string());
    let read_only = fields.as_ref().and_then(|fields| fields.boolean("read_only")).unwrap_or(true);
    Some(Attached {
        path: Secret::new(path),
        file,
        alias,
        kind: kind.filter(|kind| kind != "duckdb"),
        read_only,
        span: node.span,
    })
}
