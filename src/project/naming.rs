//! Whether the names of a project can work in its database, and whether each is given once.
//!
//! In: a project whose configuration is complete (`config(…)` of the templates included). Out: diagnostics. Never: names
//! inside SQL.

use super::Project;
use crate::{
    diagnostic::{Diagnostic, code},
    dialect::Dialect,
    name::RelationName,
    source::Span,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the relations that suiro makes for itself are called.
const RESERVED: &str = "__suiro_";

/// A relation that the project names.
struct Named<'p> {
    kind: &'static str,
    relation: RelationName,
    /// Where the name comes from: `alias`, the YAML entry, or the file.
    place: Span,
    /// Where the schema comes from.
    schema_place: Span,
    path: &'p str,
    ours: bool,
    /// The model's instance, where its file is built for several.
    instance: Option<&'p str>,
}

/// Every name that cannot work, and every name that two nodes share. Nodes that are not enabled do not count.
pub(super) fn check(project: &Project) -> Vec<Diagnostic> {
    let dialect = project.target.dialect();
    let named = relations(project);
    let mut found = Vec::new();
    for node in &named {
        found.extend(unfit(node.relation.name.as_ref(), node.kind, node.place, node.ours, dialect));
        if node.relation.schema.as_ref() != project.target.schema {
            found.extend(unfit(node.relation.schema.as_ref(), "schema", node.schema_place, node.ours, dialect));
        }
    }
    let schema_place = project.target.place(&["schema"]);
    found.extend(unfit(&project.target.schema, "schema", schema_place, true, dialect));
    found.extend(attached_like_schemas(project, &named));
    found.extend(duplicates(&named, dialect));
    found.extend(lost_by_case(&named, dialect));
    found.extend(duplicate_exposures(project));
    found
}

/// Databases that are attached under the name of a schema of the project: DuckDB cannot tell `crm.orders` in one from
/// that in the other.
fn attached_like_schemas(project: &Project, named: &[Named<'_>]) -> Vec<Diagnostic> {
    let super::TargetKind::DuckDb(duckdb) = &project.target.kind else { return Vec::new() };
    let own = named.iter().filter(|node| node.relation.database.is_none());
    let schemas: BTreeSet<String> = own
        .map(|node| Dialect::DuckDb.key(&node.relation.schema))
        .chain([Dialect::DuckDb.key(&project.target.schema)])
        .collect();
    let clashes = duckdb.attach.iter().filter(|attached| schemas.contains(&Dialect::DuckDb.key(&attached.alias)));
    let clash = |attached: &super::Attached| {
        let message =
            format!("the database `{}` is attached under the name of a schema of the project", attached.alias);
        Diagnostic::error(code::DUPLICATE_NAME, message).at(attached.span, "").help("give it another `alias`")
    };
    clashes.map(clash).collect()
}

fn relations(project: &Project) -> Vec<Named<'_>> {
    let target = &project.target;
    let place = |config: &super::Config, key: &str, file: Span| config.get(key).map_or(file, |setting| setting.span);
    let models = project.models.iter().filter(|model| model.config.enabled()).map(|model| Named {
        kind: "model",
        relation: model.relation(target),
        place: place(&model.config, "alias", model.span()),
        schema_place: place(&model.config, "schema", model.span()),
        path: &model.path,
        ours: true,
        instance: model.instance.as_ref().map(|instance| instance.label.as_str()),
    });
    let seeds = project.seeds.iter().filter(|seed| seed.config.enabled()).map(|seed| {
        let file = Span::new(seed.file, 0..0);
        Named {
            kind: "seed",
            relation: seed.relation(target),
            place: place(&seed.config, "alias", file),
            schema_place: place(&seed.config, "schema", file),
            path: &seed.path,
            ours: true,
            instance: None,
        }
    });
    let sources = project.source_tables.iter().filter(|table| table.enabled).map(|table| Named {
        kind: "source table",
        relation: table.relation.clone(),
        place: table.name.span,
        schema_place: table.name.span,
        path: "",
        ours: false,
        instance: None,
    });
    models.chain(seeds).chain(sources).collect()
}

/// Why a name cannot work, if it cannot.
fn unfit(name: &str, kind: &str, place: Span, ours: bool, dialect: Dialect) -> Option<Diagnostic> {
    let refuse =
        |message: String, help: &str| Some(Diagnostic::error(code::BAD_NAME, message).at(place, "").help(help));
    if name.trim().is_empty() {
        return refuse(format!("the {kind} has an empty name"), "give it a name");
    }
    if name.chars().any(char::is_control) {
        let shown: String =
            name.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect();
        return refuse(format!("the name of the {kind} `{shown}` has a control character in it"), "rename it");
    }
    if ours && dialect.key(name).starts_with(RESERVED) {
        let message = format!("the name of the {kind} `{name}` starts with `{RESERVED}`, which suiro keeps for itself");
        return refuse(message, "rename it");
    }
    match dialect.longest_name() {
        Some(limit) if name.len() > limit => {
            let message = format!(
                "the name of the {kind} `{name}` has {} bytes, and PostgreSQL keeps only {limit} and cuts the rest",
                name.len()
            );
            let help =
                if kind == "model" || kind == "seed" { "shorten it, or set a shorter `alias`" } else { "shorten it" };
            refuse(message, help)
        }
        _ => None,
    }
}

/// The name as the database compares it.
fn key(relation: &RelationName, dialect: Dialect) -> Vec<String> {
    relation.parts().map(|part| dialect.key(part)).collect()
}

fn duplicates(named: &[Named<'_>], dialect: Dialect) -> Vec<Diagnostic> {
    let mut first: BTreeMap<Vec<String>, &Named<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    for node in named {
        let Some(other) = first.get(&key(&node.relation, dialect)) else {
            first.insert(key(&node.relation, dialect), node);
            continue;
        };
        let kinds = if other.kind == node.kind {
            format!("two {}s", node.kind)
        } else {
            format!("a {} and a {}", other.kind, node.kind)
        };
        let message = format!("{kinds} are both called `{}`", node.relation);
        let mut diagnostic =
            Diagnostic::error(code::DUPLICATE_NAME, message).at(node.place, format!("this {}", node.kind));
        if other.place != node.place {
            diagnostic = diagnostic.also(other.place, format!("this {}", other.kind));
        }
        if node.relation != other.relation {
            diagnostic = diagnostic.note(format!(
                "`{}` and `{}` differ only in case, which DuckDB does not see",
                other.relation, node.relation
            ));
        }
        diagnostic = match (other.instance, node.instance) {
            (Some(one), Some(two)) if other.path == node.path && one == two => {
                diagnostic.note(format!("two instances of the file are called `{one}`"))
            }
            (Some(one), Some(two)) if other.path == node.path => {
                diagnostic.note(format!("they are the instances `{one}` and `{two}` of the file"))
            }
            (one, two) => {
                for (named, instance) in [(*other, one), (node, two)] {
                    diagnostic.notes.extend(instance.map(|name| format!("the instance `{name}` of {}", named.path)));
                }
                diagnostic
            }
        };
        let help = match (other.kind, node.kind) {
            _ if other.instance.is_some() && other.path == node.path => {
                "give each instance a `name` of its own, or use it in the `alias` or `schema`: \
                 `alias: \"report_{{ instance.name }}\"`"
            }
            ("source table", "source table") => "describe the table once",
            (_, "source table") => {
                "what the project builds is no source: remove the source table, or give the model another `schema`"
            }
            _ => "rename one of the two files, or give one an `alias` or another `schema`",
        };
        found.push(diagnostic.help(help));
    }
    found
}

/// Files whose paths differ only in case: a checkout on macOS or Windows keeps one of them.
fn lost_by_case(named: &[Named<'_>], dialect: Dialect) -> Vec<Diagnostic> {
    if dialect == Dialect::DuckDb {
        // They are duplicates there already.
        return Vec::new();
    }
    let mut first: BTreeMap<String, &Named<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    for node in named.iter().filter(|node| !node.path.is_empty()) {
        if let Some(other) = first.insert(node.path.to_lowercase(), node)
            && other.path != node.path
        {
            let message = format!("`{}` and `{}` differ only in case", other.path, node.path);
            found.push(
                Diagnostic::warning(code::DUPLICATE_NAME, message)
                    .at(node.place, "this file")
                    .also(other.place, "this file")
                    .help("rename one of the two: on macOS and Windows only one of them would be there"),
            );
        }
    }
    found
}

fn duplicate_exposures(project: &Project) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    let mut found = Vec::new();
    for exposure in project.exposures.iter().filter(|exposure| exposure.enabled) {
        match first.get(exposure.name.value.as_str()) {
            Some(other) => found.push(
                Diagnostic::error(code::DUPLICATE_NAME, format!("two exposures are called `{}`", exposure.name.value))
                    .at(exposure.name.span, "again")
                    .also(*other, "first")
                    .help("rename one of the two"),
            ),
            None => {
                first.insert(&exposure.name.value, exposure.name.span);
            }
        }
    }
    found
}
