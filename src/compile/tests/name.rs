//! What tests are called: `unique_core_orders_id`, unless they are given a name of their own.

use super::{super::nodes::Origin, Generic, Tests};
use crate::{
    diagnostic::{Diagnostic, code::DUPLICATE_NAME},
    dialect::Dialect,
    manifest::Node,
    source::{Span, floor_char_boundary},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest text of a test's arguments in its name.
const LONGEST: usize = 60;

/// The names of a project's tests.
pub struct TestNames {
    /// Of the items of `tests:`, in their order.
    pub generic: Vec<String>,
    /// Of the files that are enabled, with their index.
    pub singular: Vec<(usize, String)>,
    /// Of the unit tests.
    pub unit: Vec<String>,
}

/// A name for each test; a name that two nodes share is an error, and one of them gets a number.
pub fn names(tests: &Tests, others: &[(Node, Origin)], found: &mut Vec<Diagnostic>) -> TestNames {
    let mut generic: Vec<String> = tests.generic.iter().map(plain).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in &generic {
        *counts.entry(name.clone()).or_default() += 1;
    }
    for (test, name) in tests.generic.iter().zip(&mut generic) {
        let suffix = if test.entry.name.is_none() && counts[name.as_str()] > 1 { told(test) } else { String::new() };
        if !suffix.is_empty() {
            name.push_str("__");
            name.push_str(&suffix);
        }
    }
    let enabled = tests.singular.iter().enumerate().filter(|(_, test)| test.model.config.enabled());
    let mut singular: Vec<(usize, String)> = enabled.map(|(index, test)| (index, test.model.stem.clone())).collect();

    let mut unit: Vec<String> = tests.unit.iter().map(|test| test.name.value.clone()).collect();
    let mut taken: BTreeMap<String, Option<Span>> = others.iter().map(|(node, _)| (node.name.clone(), None)).collect();
    let own = |test: &Generic| test.entry.name.as_ref().map_or(test.entry.test.span, |name| name.span);
    let spans = tests.generic.iter().map(own).collect::<Vec<_>>();
    let files = singular.iter().map(|(index, _)| tests.singular[*index].model.span()).collect::<Vec<_>>();
    let entries = tests.unit.iter().map(|test| test.name.span).collect::<Vec<_>>();
    let all = generic.iter_mut().zip(spans).chain(singular.iter_mut().map(|(_, name)| name).zip(files));
    let all = all.chain(unit.iter_mut().zip(entries));
    for (name, span) in all {
        if let Some(first) = taken.get(name.as_str()) {
            let mut twice = match first {
                Some(first) => Diagnostic::error(DUPLICATE_NAME, format!("two tests are called `{name}`"))
                    .at(span, "again")
                    .also(*first, "first"),
                None => Diagnostic::error(DUPLICATE_NAME, format!("a test and something else are called `{name}`"))
                    .at(span, "this test"),
            };
            let free = (2..1_000_000).map(|number| format!("{name}_{number}")).find(|name| !taken.contains_key(name));
            *name = free.unwrap_or_default();
            twice = twice.help("give it a name of its own: `name: …`, or rename the file");
            found.push(twice.of_node(name.clone()));
        }
        taken.insert(name.clone(), Some(span));
    }
    TestNames { generic, singular, unit }
}

fn plain(test: &Generic) -> String {
    if let Some(name) = &test.entry.name {
        return name.value.clone();
    }
    let relation = &test.relation;
    let column = test.column.as_deref().map(word);
    let parts = [Some(word(&test.entry.test.value)), Some(word(&relation.schema)), Some(word(&relation.name)), column];
    parts.into_iter().flatten().collect::<Vec<_>>().join("_")
}

/// What a test is told, in short: what tells it from others of its kind on the same column.
fn told(test: &Generic) -> String {
    let entry = &test.entry;
    let condition = entry.config.get("where").map(|setting| &setting.value);
    let mut words = Vec::new();
    let values = entry.short.iter().map(|short| &short.value);
    for value in values.chain(entry.arguments.values().map(|argument| &argument.value)).chain(condition) {
        leaves(value, &mut words);
    }
    let text = words.iter().map(|text| word(text)).collect::<Vec<_>>().join("_");
    if text.len() <= LONGEST {
        return text;
    }
    let hash = blake3::hash(words.join("\u{1f}").as_bytes()).to_hex();
    format!("{}_{}", &text[..floor_char_boundary(&text, LONGEST)], &hash[..6])
}

fn leaves(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::String(text) => words.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, words)),
        Value::Object(map) => map.values().for_each(|item| leaves(item, words)),
        other => words.push(other.to_string()),
    }
}

/// A text as a part of a name: letters and digits of any script, everything else as one `_`.
fn word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for character in text.trim().chars() {
        if character.is_alphanumeric() {
            word.push(character);
        } else if !word.ends_with('_') {
            word.push('_');
        }
    }
    word.trim_end_matches('_').to_owned()
}

/// The name of the table for a test's failing rows: the test's, shortened where the database would cut it.
pub fn table(name: &str, dialect: Dialect) -> String {
    // While the table is replaced, the new one has a name that is longer.
    let room = dialect.longest_name().map_or(usize::MAX, |limit| limit - "__suiro_".len());
    if name.len() <= room {
        return name.to_owned();
    }
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!("{}_{}", &name[..floor_char_boundary(name, room - 9)], &hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_letters_of_any_script() {
        assert_eq!(word("customer's id"), "customer_s_id");
        assert_eq!(word("注文 番号"), "注文_番号");
        assert_eq!(word(">= 0"), "_0");
    }

    #[test]
    fn long_names_are_shortened_and_stay_apart() {
        let one = table(&"漢".repeat(40), Dialect::Postgres);
        let other = table(&"漢".repeat(41), Dialect::Postgres);
        assert!(one.len() <= 55 && other.len() <= 55 && one != other, "{one} {other}");
        assert_eq!(table("short", Dialect::Postgres), "short");
    }
}
