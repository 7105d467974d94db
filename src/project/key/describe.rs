//! The tables of keys as text, for the reference page.

use super::{
    ATTACH, COLUMN, CONFIG, DUCKDB, ENTRY, EXPOSURE, Effect, FRESHNESS, FRONT_MATTER, Key, Merge, POSTGRES, PROJECT,
    PROPERTIES, SELECTOR, SELECTOR_METHOD, SOURCE, SOURCE_TABLE, TEST, TIME_RANGE, Table, UNIT_FILE, UNIT_INPUT,
    UNIT_OVERRIDES, UNIT_TEST, VALUE_LIST,
};
use crate::project::value::wanted;
use std::fmt::Write;

/// The keys of every kind of mapping as Markdown, each with a short name: what `docs/reference/configuration.md` is
/// made from.
#[must_use]
pub fn key_reference() -> Vec<(&'static str, String)> {
    let own =
        |table: &Table| -> Vec<&'static Key> { table.iter().filter(|key| CONFIG.find(key.name).is_none()).collect() };
    let all = |table: &Table| -> Vec<&'static Key> { table.iter().collect() };
    vec![
        ("suiro.yml", described(&all(&PROJECT), false)),
        ("target: duckdb", described(&all(&DUCKDB), false)),
        ("attached database", described(&all(&ATTACH), false)),
        ("target: postgres", described(&all(&POSTGRES), false)),
        ("configuration", described(&all(&CONFIG), true)),
        ("time range", described(&all(&TIME_RANGE), false)),
        ("yaml file", described(&all(&PROPERTIES), false)),
        ("entry", described(&own(&ENTRY), false)),
        ("front matter", described(&own(&FRONT_MATTER), false)),
        ("column", described(&all(&COLUMN), false)),
        ("test", described(&own(&TEST), false)),
        ("unit test", described(&own(&UNIT_TEST), false)),
        ("unit file", described(&own(&UNIT_FILE), false)),
        ("unit input", described(&all(&UNIT_INPUT), false)),
        ("unit overrides", described(&all(&UNIT_OVERRIDES), false)),
        ("source", described(&all(&SOURCE), false)),
        ("source table", described(&all(&SOURCE_TABLE), false)),
        ("freshness", described(&all(&FRESHNESS), false)),
        ("exposure", described(&all(&EXPOSURE), false)),
        ("selector", described(&all(&SELECTOR), false)),
        ("selector definition", described(&all(&SELECTOR_METHOD), false)),
        ("value list", described(&all(&VALUE_LIST), false)),
    ]
}

/// A table of the keys that do something, or will, and a list of those that never do.
fn described(keys: &[&Key], with_nodes: bool) -> String {
    let nodes = if with_nodes { (" on |", " --- |") } else { ("", "") };
    let mut text =
        format!("| key | value | default |{} what it does |\n| --- | --- | --- |{} --- |\n", nodes.0, nodes.1);
    for key in keys {
        if !matches!(key.effect, Effect::Refused(_) | Effect::Ignored(_)) {
            text.push_str(&row(key, with_nodes));
        }
    }
    let without: Vec<String> = keys.iter().filter_map(|key| without_effect(key)).collect();
    if !without.is_empty() {
        text.push_str("\nKnown, and without effect in suiro:\n\n");
        text.push_str(&without.join("\n"));
        text.push('\n');
    }
    text
}

fn row(key: &Key, with_nodes: bool) -> String {
    let mut name = format!("`{}`", key.name);
    for other in key.also {
        let _ = write!(name, ", `{other}`");
    }
    let nodes = if with_nodes { format!(" {} |", key.on.join(", ")) } else { String::new() };
    let mut about = key.about.to_owned();
    if let Effect::Missing(feature) = key.effect {
        let _ = write!(about, " (**not yet**, an error: {feature})");
    }
    if let Effect::Later(feature) = key.effect {
        let _ = write!(about, " (**not yet**, a warning: {feature})");
    }
    if key.merge == Merge::Keys && !about.contains("key by key") {
        about.push_str("; merged key by key");
    }
    let value = wanted(key.kind);
    format!("| {name} | {value} | {} |{nodes} {about} |\n", key.default).replace("|  |", "| |")
}

fn without_effect(key: &Key) -> Option<String> {
    match key.effect {
        Effect::Refused(instead) => Some(format!("- `{}` (an error): {instead}", key.name)),
        Effect::Ignored(why) => Some(format!("- `{}` (a warning): {why}", key.name)),
        Effect::Works | Effect::Missing(_) | Effect::Later(_) => None,
    }
}
