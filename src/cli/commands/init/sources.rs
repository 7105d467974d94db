//! `suiro init --from`: the tables of a database as sources of the project, with their columns and comments.

use crate::{
    cli::{
        app::App,
        arguments::{Global, Init},
    },
    compile::Compilation,
    diagnostic::{
        Diagnostic,
        code::{BAD_USAGE, NOT_WRITABLE, RELATION_MISSING},
    },
    engine::{EngineError, LiveCatalog, LiveColumn},
    exit::Exit,
    manifest::NodeKind,
    name::RelationName,
    plan::is_ours,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a database has in some schemas.
struct Found {
    catalog: LiveCatalog,
    columns: BTreeMap<RelationName, Vec<LiveColumn>>,
}

/// Writes the file; never over one that is there.
pub fn run(app: &App, arguments: &Init, target: &str) -> Exit {
    let global = Global {
        target: Some(target.to_owned()),
        project_dir: app.global.project_dir.clone().or_else(|| {
            let named = arguments.folder.as_os_str() != ".";
            named.then(|| arguments.folder.clone())
        }),
        ..app.global.clone()
    };
    let app = &App { terminal: app.terminal.clone(), global };
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let fail = |problem: Diagnostic| app.fail(&[problem], &compilation.sources);
    let place = compilation.project.root.join(&arguments.to);
    if place.exists() {
        let problem = Diagnostic::error(BAD_USAGE, format!("`{}` exists already", arguments.to.display()));
        return fail(problem.help("nothing was changed; name another file: `--to models/more_sources.yml`"));
    }
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let schemas: Vec<&str> = arguments.schemas.iter().map(|schema| schema.trim()).collect();
    let found = engine.connect("init").and_then(|mut connection| -> Result<Found, EngineError> {
        Ok(Found { catalog: connection.catalog(&schemas)?, columns: connection.columns(&schemas)? })
    });
    let found = match found {
        Ok(found) => found,
        Err(error) => return app.refuse(&compilation, &error, "the catalog could not be read"),
    };
    let known = |schema: &&&str| found.catalog.schemas.contains(**schema);
    if let Some(missing) = schemas.iter().find(|schema| !known(schema)) {
        let problem = Diagnostic::error(RELATION_MISSING, format!("the database has no schema `{missing}`"));
        return fail(problem.help("nothing was written; the role must also be allowed to use the schema"));
    }
    let described = described(&compilation, &found);
    if described.is_empty() {
        let problem = Diagnostic::error(RELATION_MISSING, "these schemas hold nothing that the project lacks");
        return fail(problem.help("tables that models make or that are sources already are left out"));
    }
    let text = text(&described, &found);
    let written = place.parent().map_or(Ok(()), fs_err::create_dir_all).and_then(|()| fs_err::write(&place, text));
    if let Err(error) = written {
        let problem = Diagnostic::error(NOT_WRITABLE, format!("the sources could not be written: {error}"));
        return fail(problem.help("check that the folder is yours and that there is room on the disk"));
    }
    let count = described.len();
    app.terminal.say(&format!(
        "Described {count} table{} in {}.",
        if count == 1 { "" } else { "s" },
        arguments.to.display()
    ));
    Exit::Done
}

/// The tables and views to describe: what somebody else made, and is not a source already.
fn described<'a>(compilation: &Compilation, found: &'a Found) -> Vec<&'a RelationName> {
    let manifest = &compilation.manifest;
    let key = |relation: &RelationName| (manifest.dialect.key(&relation.schema), manifest.dialect.key(&relation.name));
    let known: BTreeSet<_> = manifest
        .nodes
        .iter()
        .filter(|node| node.kind == NodeKind::Source || node.kind.has_relation())
        .filter_map(|node| node.relation.as_ref())
        .map(key)
        .collect();
    let ours = |relation: &RelationName| {
        let comment = found.catalog.relations.get(relation).and_then(|live| live.comment.as_deref());
        is_ours(&manifest.project, relation, comment) || relation.name.starts_with("__suiro_")
    };
    found.columns.keys().filter(|relation| !known.contains(&key(relation)) && !ours(relation)).collect()
}

/// The file.
fn text(described: &[&RelationName], found: &Found) -> String {
    let mut text = String::from("sources:\n");
    let mut schema = None;
    for relation in described {
        if schema != Some(&relation.schema) {
            text.push_str(&format!("  - name: {}\n    tables:\n", scalar(&relation.schema)));
            schema = Some(&relation.schema);
        }
        text.push_str(&format!("      - name: {}\n", scalar(&relation.name)));
        let comment = found.catalog.relations.get(*relation).and_then(|live| live.comment.as_deref());
        push(&mut text, "        ", "description", comment);
        text.push_str("        columns:\n");
        for column in found.columns.get(*relation).into_iter().flatten() {
            text.push_str(&format!("          - name: {}\n", scalar(&column.name)));
            push(&mut text, "            ", "data_type", Some(&column.data_type));
            push(&mut text, "            ", "description", column.comment.as_deref());
        }
    }
    text
}

fn push(text: &mut String, indent: &str, key: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
        text.push_str(&format!("{indent}{key}: {}\n", scalar(value)));
    }
}

/// A text as YAML reads it back: bare where that is safe, else in double quotes, as in JSON. Descriptions are templates,
/// and a comment of the database is none.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];
    let bare = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "_ (),".contains(character))
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if bare {
        return text.to_owned();
    }
    let text = if text.contains("{{") || text.contains("{%") || text.contains("{#") {
        format!("{{% raw %}}{text}{{% endraw %}}")
    } else {
        text.to_owned()
    };
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::scalar;

    #[test]
    fn texts_are_read_back_as_they_were() {
        for (text, expected) in [
            ("orders", "orders"),
            ("numeric(10,2)", "numeric(10,2)"),
            ("yes", "\"yes\""),
            ("1st", "\"1st\""),
            ("a: b", "\"a: b\""),
            ("注文", "\"注文\""),
            ("a # b", "\"a # b\""),
            ("a\nb\"", "\"a\\nb\\\"\""),
            ("{{ x }}", "\"{% raw %}{{ x }}{% endraw %}\""),
            ("", "\"\""),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }
}
