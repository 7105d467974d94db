//! Hooks: statements of a person's own around the making of a relation, or around a run.

use crate::{
    compile::{
        names::{Meaning, Names},
        window,
    },
    diagnostic::{
        Diagnostic,
        code::{UNKNOWN_RELATION, WINDOW_WITHOUT_RANGE, WRONG_VALUE},
    },
    dialect::Dialect,
    manifest::{CompiledSql, Head, Hooks, NodeId, SqlPart},
    parse::{quoted_pairs, statements},
    project::Setting,
    source::Span,
    template::{REF_SCHEMA, SOURCE_SCHEMA, THIS_SCHEMA},
};
use serde_json::Value;
use std::ops::Range;

/// One hook as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSource {
    /// The template.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Whether it runs in the transaction of what it surrounds.
    pub in_transaction: bool,
}

/// The hooks of one key: a text, a mapping of `sql` and `transaction`, or a list of these.
pub fn hooks(setting: &Setting, found: &mut Vec<Diagnostic>) -> Vec<HookSource> {
    let items = match &setting.value {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    };
    let mut sources = Vec::new();
    for item in items {
        let (text, in_transaction) = match item {
            Value::String(text) => (Some(text.clone()), true),
            Value::Object(map) => (
                map.get("sql").and_then(Value::as_str).map(str::to_owned),
                map.get("transaction").and_then(Value::as_bool).unwrap_or(true),
            ),
            _ => (None, true),
        };
        match text {
            Some(text) => sources.push(HookSource { text, span: setting.span, in_transaction }),
            None => found.push(
                Diagnostic::error(WRONG_VALUE, "a hook is SQL, or a mapping of `sql` and `transaction`")
                    .at(setting.span, "")
                    .help("write `post_hook: \"analyze {{ this }}\"`"),
            ),
        }
    }
    sources
}

/// The statements of a rendered hook, with holes for what its template printed as relations.
///
/// # Errors
/// `UNKNOWN_RELATION` for a relation that is none of the project's.
pub fn compiled_hook(
    rendered: &str,
    (dialect, names): (Dialect, &Names),
    (schema, this): (&str, Option<NodeId>),
    span: Span,
) -> Result<Vec<CompiledSql>, Diagnostic> {
    if window::is_asked(rendered) {
        let problem =
            Diagnostic::error(WINDOW_WITHOUT_RANGE, "a hook has no window: it runs once for all intervals of a run");
        return Err(problem.at(span, "asks for the window"));
    }
    let pairs = quoted_pairs(rendered, dialect);
    let mut compiled = Vec::new();
    for range in statements(rendered, dialect) {
        let mut parts = Vec::new();
        let mut at = range.start;
        let inside = pairs.iter().filter(|(pair, _)| range.start <= pair.start && pair.end <= range.end);
        for (pair, name) in inside {
            let printed = name[0].value.as_str();
            if printed != REF_SCHEMA && printed != THIS_SCHEMA && !printed.starts_with(SOURCE_SCHEMA) {
                continue;
            }
            let Meaning::Node(node) = names.meaning(name, schema, this) else {
                let message = format!("there is no model, seed or source `{}` for the hook", name[1].value);
                return Err(Diagnostic::error(UNKNOWN_RELATION, message).at(span, "not known"));
            };
            parts.push(written(rendered, at..pair.start));
            parts.push(SqlPart::Relation { node, at: pair.start });
            at = pair.end;
        }
        parts.push(written(rendered, at..range.end));
        compiled.push(CompiledSql { head: Head::default(), parts });
    }
    Ok(compiled)
}

fn written(text: &str, range: Range<usize>) -> SqlPart {
    SqlPart::Written { text: text.get(range.clone()).unwrap_or_default().to_owned(), at: range.start }
}

/// The hooks of a model, sorted by when they run.
pub fn sorted(before: Vec<(CompiledSql, bool)>, after: Vec<(CompiledSql, bool)>) -> Hooks {
    let (inside_after, outside): (Vec<_>, Vec<_>) = after.into_iter().partition(|(_, in_transaction)| *in_transaction);
    let sql = |all: Vec<(CompiledSql, bool)>| all.into_iter().map(|(sql, _)| sql).collect();
    Hooks { before: sql(before), after: sql(inside_after), outside: sql(outside) }
}
