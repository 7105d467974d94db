//! What is configured about a relation besides its rows, read from its configuration once.

mod comment;
mod constraint;
mod grant;
mod hook;
mod index;
mod item;
mod partition;
mod predicate;
mod storage;

pub use hook::{HookSource, compiled_hook, hooks, sorted};
pub use predicate::compiled_predicate;

use super::names::Names;
use crate::{
    diagnostic::{Diagnostic, code::KEY_WITHOUT_EFFECT},
    dialect::Dialect,
    manifest::{Form, Node, NodeId, Properties},
    project::{Column, Config, Setting},
};

/// A node whose configuration is read.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The node, as far as it is known.
    pub node: &'a Node,
    /// Its id.
    pub id: NodeId,
    /// Its configuration, with places.
    pub config: &'a Config,
    /// What is said about its columns.
    pub columns: &'a [Column],
    /// The language of its SQL.
    pub dialect: Dialect,
    /// The names of the project.
    pub names: &'a Names,
}

impl Subject<'_> {
    fn relation_name(&self) -> &str {
        self.node.relation.as_ref().map_or("", |relation| &relation.name)
    }
}

/// The properties of a node, but for its hooks, and what is wrong with them.
#[must_use]
pub fn properties(subject: Subject<'_>) -> (Properties, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let properties = Properties {
        comment: comment::of_relation(subject),
        column_comments: comment::of_columns(subject),
        indexes: index::indexes(subject, &mut found),
        constraints: constraint::constraints(subject, &mut found),
        grants: grant::grants(subject, &mut found),
        storage: storage::storage(subject, &mut found),
        hooks: crate::manifest::Hooks::default(),
        predicates: Vec::new(),
    };
    (properties, found)
}

/// The setting of a key that can have an effect here; a warning where it was meant for this very node and has none.
fn effective<'a>(
    subject: Subject<'a>,
    key: &str,
    why_not: Option<&str>,
    found: &mut Vec<Diagnostic>,
) -> Option<&'a Setting> {
    let setting = subject.config.get(key)?;
    let Some(why_not) = why_not else { return Some(setting) };
    if setting.in_file {
        found.push(
            Diagnostic::warning(KEY_WITHOUT_EFFECT, format!("`{key}` has no effect here: {why_not}"))
                .at(setting.span, "has no effect")
                .help("remove the key, or put it where it counts"),
        );
    }
    None
}

/// Why indexes, constraints or storage cannot be had by a node, if they cannot.
fn not_a_table(node: &Node) -> Option<&'static str> {
    match node.form() {
        Form::View => Some("the model is a view"),
        Form::Ephemeral => Some("the model is ephemeral"),
        Form::File => Some("the model is a file"),
        Form::Table | Form::Incremental | Form::MaterializedView => None,
    }
}

/// A name for something that belongs to a relation: readable at the start, told apart by a hash of what it is, and
/// within 63 bytes.
fn derived_name(relation: &str, words: &[&str], definition: &str, ending: &str) -> String {
    let hash = blake3::hash(format!("{relation}\0{definition}").as_bytes()).to_hex();
    let tail = format!("_{}_{ending}", &hash[..6]);
    let mut name = relation.to_owned();
    for word in words {
        name.push('_');
        name.push_str(word);
    }
    let limit = crate::source::floor_char_boundary(&name, 63 - tail.len());
    name.truncate(limit);
    name + &tail
}

#[cfg(test)]
mod tests {
    use super::derived_name;

    #[test]
    fn derived_names_fit_and_differ() {
        let name = derived_name("orders", &["customer_id"], "[customer_id]", "idx");
        assert!(name.starts_with("orders_customer_id_") && name.ends_with("_idx"), "{name}");
        assert_ne!(name, derived_name("orders", &["customer_id"], "[customer_id] unique", "idx"));
        let long = derived_name(&"注文".repeat(12), &["顧客"], "x", "idx");
        assert!(long.len() <= 63, "{}", long.len());
    }
}
