//! The engine's own parser as referee: which relations it sees, at which bytes.
//!
//! In: what DuckDB's `json_serialize_sql` says of a query. Out: its base tables, common table expressions told apart
//! by DuckDB's rules. It is asked only where sqlparser is of no help, because it costs more than all the rest.

use super::{
    keyword::Keyword,
    lexer::{Kind, Tokens},
    outline::{AliasPlace, DottedName, Item, ItemKind, Outline, key},
    strings,
};
use crate::{dialect::Dialect, name::NamePart};
use serde_json::Value;
use std::ops::Range;

/// A DuckDB that parses.
pub trait Referee: Sync {
    /// What `SELECT json_serialize_sql(text)` answers, or nothing if it cannot be asked.
    fn serialize(&self, text: &str) -> Option<String>;
}

/// A relation or common table expression in a FROM clause, as DuckDB sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseTable {
    /// The byte at which its name begins.
    pub start: usize,
    /// The parts of its name, outermost first.
    pub parts: Vec<String>,
    /// Its alias.
    pub alias: Option<String>,
    /// Whether it is a common table expression.
    pub is_cte: bool,
}

/// What the referee says of a text.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is one query, which reads these.
    Tables(Vec<BaseTable>),
    /// It is no SQL.
    Refused,
    /// It cannot say.
    None,
}

/// Asks the referee about a text.
pub(super) fn judge(referee: &dyn Referee, tokens: &Tokens<'_>) -> Verdict {
    let Some(answer) = referee.serialize(tokens.text) else { return Verdict::None };
    let Ok(answer) = serde_json::from_str::<Value>(&answer) else { return Verdict::None };
    // A PIVOT statement is SQL, but DuckDB does not serialize it.
    if answer.get("error_type").and_then(Value::as_str) == Some("parser") {
        return Verdict::Refused;
    }
    let statements = answer.get("statements").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let [statement] = statements else { return Verdict::None };
    let Some(node) = statement.get("node") else { return Verdict::None };
    let mut tables = Vec::new();
    visit(node, &mut Vec::new(), &mut tables);
    tables.sort_by_key(|table| table.start);
    // A string in FROM is a file, or a name that cannot be replaced.
    let string = |table: &BaseTable| {
        let token = tokens.at_byte(table.start).and_then(|at| tokens.list.get(at));
        token.filter(|token| token.kind == Kind::String).map(|token| tokens.slice(token))
    };
    if tables.iter().filter_map(string).any(|string| !strings::is_file(string)) {
        return Verdict::None;
    }
    tables.retain(|table| string(table).is_none());
    Verdict::Tables(tables)
}

/// Whether the referee sees what the token reader saw.
pub(super) fn agrees(tables: &[BaseTable], outline: &Outline) -> bool {
    let mut named: Vec<(usize, bool)> = outline
        .items
        .iter()
        .filter_map(|item| item.name.as_ref().map(|name| (name.range.start, item.kind == ItemKind::Cte)))
        .collect();
    named.sort_unstable();
    named.iter().copied().eq(tables.iter().map(|table| (table.start, table.is_cte)))
}

/// The outline of a text that only the referee could read: relations, and no scopes.
pub(super) fn outline(tables: &[BaseTable], tokens: &Tokens<'_>) -> Outline {
    let mut outline = Outline::default();
    for table in tables.iter().filter(|table| !table.is_cte) {
        let Some(first) = tokens.at_byte(table.start) else { continue };
        let last = first + 2 * table.parts.len().saturating_sub(1);
        let Some(end) = tokens.list.get(last).map(|token| token.end as usize) else { continue };
        let parts = table.parts.iter().map(NamePart::quoted).collect();
        let frame = outline.frame(None);
        outline.items.push(Item {
            frame,
            kind: ItemKind::Relation,
            name: Some(DottedName { range: table.start..end, parts }),
            alias: table.alias.as_ref().map(|alias| (NamePart::quoted(alias), end)),
            alias_place: AliasPlace::At(end),
            function: None,
        });
    }
    outline
}

/// The brackets around relations that may be part of an output column's text, for want of a better reading: those that
/// do not follow FROM, JOIN or AS.
pub(super) fn unnamed(tables: &[BaseTable], tokens: &Tokens<'_>) -> Vec<Range<usize>> {
    let mut open: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for (at, token) in tokens.list.iter().enumerate() {
        match token.kind {
            Kind::Sign(b'(' | b'[' | b'{') => open.push(at),
            Kind::Sign(b')' | b']' | b'}') => {
                open.pop();
            }
            _ if tables.iter().any(|table| table.start == token.start as usize) => {
                found.extend(open.iter().copied().filter(|open| {
                    let before = open.checked_sub(1).and_then(|before| tokens.list.get(before));
                    !before.is_some_and(|before| {
                        matches!(
                            before.keyword,
                            Keyword::From | Keyword::Join | Keyword::Lateral | Keyword::As | Keyword::Materialized
                        )
                    })
                }));
            }
            _ => {}
        }
    }
    let bracket = |open: usize| {
        let token = tokens.list.get(open)?;
        let close = tokens.list.get(token.partner as usize)?;
        Some(token.start as usize..close.end as usize)
    };
    found.into_iter().filter_map(bracket).collect()
}

/// Walks a node; `scope` has the common table expressions, innermost last.
fn visit(node: &Value, scope: &mut Vec<String>, tables: &mut Vec<BaseTable>) {
    match node {
        Value::Array(values) => values.iter().for_each(|value| visit(value, scope, tables)),
        Value::Object(fields) => {
            let outside = scope.len();
            if let Some(expressions) = fields.get("cte_map").and_then(|map| map.get("map")).and_then(Value::as_array) {
                for expression in expressions {
                    let query = expression.get("value").and_then(|value| value.get("query"));
                    if let Some(query) = query {
                        visit(query, scope, tables);
                    }
                    if let Some(name) = expression.get("key").and_then(Value::as_str) {
                        scope.push(folded(name));
                    }
                }
            }
            match fields.get("type").and_then(Value::as_str) {
                Some("BASE_TABLE") => tables.extend(base_table(node, scope)),
                Some("RECURSIVE_CTE_NODE") => {
                    for (field, value) in fields {
                        let inside = scope.len();
                        if field == "right" {
                            scope.extend(fields.get("cte_name").and_then(Value::as_str).map(folded));
                        }
                        if field != "cte_map" {
                            visit(value, scope, tables);
                        }
                        scope.truncate(inside);
                    }
                    scope.truncate(outside);
                    return;
                }
                _ => {}
            }
            for (field, value) in fields {
                if field != "cte_map" {
                    visit(value, scope, tables);
                }
            }
            scope.truncate(outside);
        }
        _ => {}
    }
}

fn base_table(node: &Value, scope: &[String]) -> Option<BaseTable> {
    let text = |field: &str| node.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = text("table_name")?;
    let parts: Vec<String> =
        [text("catalog_name"), text("schema_name"), Some(name)].into_iter().flatten().map(str::to_owned).collect();
    let recurring = parts.len() == 2 && parts.first().is_some_and(|schema| schema.eq_ignore_ascii_case("recurring"));
    let is_cte = (parts.len() == 1 || recurring) && scope.contains(&folded(name));
    let start = node.get("query_location").and_then(Value::as_u64).and_then(|start| usize::try_from(start).ok())?;
    Some(BaseTable { start, parts, alias: text("alias").map(str::to_owned), is_cte })
}

fn folded(name: &str) -> String {
    key(&NamePart::quoted(name), Dialect::DuckDb)
}
