//! Deciding how new rows fit into the live table, before they are computed.

use super::Failure;
use crate::{
    diagnostic::{
        Diagnostic,
        code::{DUPLICATE_KEY, KEY_OUT_OF_REACH, MISSING_KEY_COLUMN, SCHEMA_CHANGED},
    },
    dialect::Dialect,
    engine::EngineError,
    manifest::{Node, NodeId, Rendering},
    name::RelationName,
    plan::keeps_its_rows,
    run::{Context, Session, Statement},
};
use serde::Serialize;
use serde_json::json;

/// How an increment goes on.
pub enum Decision {
    /// The new rows are added, after the live table got these columns.
    Add(Vec<Column>),
    /// The table is made anew.
    Refresh,
}

/// What becomes of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nothing.
    Keep,
    /// The live table gets it.
    Add,
    /// The live table loses it.
    Drop,
    /// Its type becomes that of the new rows.
    Retype,
}

/// A column of the live table, of the new rows, or of both.
#[derive(Debug, Clone, Serialize)]
pub struct Column {
    name: String,
    /// Its type afterwards.
    #[serde(rename = "type")]
    data_type: String,
    change: Change,
    in_batch: bool,
    /// Whether a merge sets it in rows that are there.
    updated: bool,
    /// Whether a merge keeps what stands there in it.
    kept: bool,
}

/// How the new rows get into the table: `append`, `delete_insert` or `merge`.
#[must_use]
pub fn strategy(node: &Node) -> &'static str {
    match (node.text("incremental_strategy"), node.texts("unique_key").is_empty()) {
        (Some("append"), _) | (None, true) => "append",
        (Some("delete_insert" | "delete+insert"), _) => "delete_insert",
        _ => "merge",
    }
}

/// Compares the columns of the new rows with those of the live table, and does what `on_schema_change` says.
///
/// # Errors
/// `SCHEMA_CHANGED` where they differ and may not, `MISSING_KEY_COLUMN` where a key is none of them.
pub fn decide(context: &Context<'_>, session: &mut Session<'_>, id: NodeId) -> Result<Decision, Failure> {
    let node = context.manifest.node(id);
    let (Some(relation), Some(sql)) = (&node.relation, context.staged_sql(id, Rendering::Incremental)) else {
        return Ok(Decision::Refresh);
    };
    let live = described(context, session, relation).map_err(|error| Failure::theirs(error, "columns"))?;
    let statement = Statement { purpose: "columns".to_owned(), text: sql.text.clone(), sql_at: Some(0) };
    let batch = session.connection.describe(&sql.text).map_err(|error| Failure::Theirs(Box::new(error), statement))?;
    let dialect = context.manifest.dialect;
    check_keys(node, dialect, &batch)?;
    let mut columns = compare(dialect, &live, &batch);
    for column in &mut columns {
        let key = node.texts("unique_key").iter().any(|key| dialect.key(key) == dialect.key(&column.name));
        column.updated = column.in_batch && !key && is_updated(node, dialect, &column.name);
        column.kept = column.change != Change::Add && !key && !column.updated;
    }
    let changed: Vec<&Column> = columns.iter().filter(|column| differs(column)).collect();
    if changed.is_empty() {
        return Ok(Decision::Add(columns));
    }
    let policy = node.text("on_schema_change").unwrap_or("fail");
    let retyped = changed.iter().any(|column| column.change == Change::Retype);
    match policy {
        "full_refresh" if !keeps_its_rows(node) && context.protected.is_none() => Ok(Decision::Refresh),
        "sync" | "sync_all_columns" => Ok(Decision::Add(columns)),
        "append" | "append_new_columns" if !retyped => {
            let keep = |mut column: Column| {
                if column.change == Change::Drop {
                    column.change = Change::Keep;
                }
                column
            };
            Ok(Decision::Add(columns.into_iter().map(keep).collect()))
        }
        _ => {
            let problem = changed_columns(node, policy, &changed, &live);
            Err(Failure::Ours(Box::new(match context.protected.filter(|_| policy == "full_refresh") {
                Some(target) => problem
                    .note(format!("`{target}` is protected, so that the table is not made anew"))
                    .help(format!("if that is meant: `--confirm {target}`")),
                None => problem,
            })))
        }
    }
}

/// The columns of a relation, with their types.
pub fn described(
    context: &Context<'_>,
    session: &mut Session<'_>,
    relation: &RelationName,
) -> Result<Vec<(String, String)>, EngineError> {
    let from = context.manifest.dialect.relation(&context.qualified(relation));
    let mut columns = Vec::new();
    for statement in context.step("rows", &json!({ "from": from }))? {
        columns = session.connection.describe(&statement.text)?;
    }
    Ok(columns)
}

fn compare(dialect: Dialect, live: &[(String, String)], batch: &[(String, String)]) -> Vec<Column> {
    let find = |columns: &[(String, String)], name: &str| {
        columns
            .iter()
            .find(|(other, _)| dialect.key(other) == dialect.key(name))
            .map(|(_, data_type)| data_type.clone())
    };
    let kept = live.iter().map(|(name, data_type)| {
        let new = find(batch, name);
        let change = match &new {
            None => Change::Drop,
            Some(new) if is_another_type(data_type, new) => Change::Retype,
            Some(_) => Change::Keep,
        };
        let data_type = new.clone().filter(|_| change == Change::Retype).unwrap_or_else(|| data_type.clone());
        Column { name: name.clone(), data_type, change, in_batch: new.is_some(), updated: false, kept: false }
    });
    let added = batch.iter().filter(|(name, _)| find(live, name).is_none()).map(|(name, data_type)| Column {
        name: name.clone(),
        data_type: data_type.clone(),
        change: Change::Add,

        in_batch: true,
        updated: false,
        kept: false,
    });
    kept.chain(added).collect()
}

/// Whether two types differ in more than length or precision, which an assignment checks value by value.
pub(super) fn is_another_type(left: &str, right: &str) -> bool {
    let base = |text: &str| text.split('(').next().unwrap_or(text).trim().to_ascii_lowercase();
    let nested = |text: &str| text.contains('[') || base(text) == "struct" || base(text) == "map";
    if nested(left) || nested(right) { left != right } else { base(left) != base(right) }
}

/// Whether a merge sets that column: among `merge_update_columns` where those are given, and not excluded.
fn is_updated(node: &Node, dialect: Dialect, name: &str) -> bool {
    let named = |key: &str| node.texts(key).iter().any(|other| dialect.key(other) == dialect.key(name));
    let chosen = node.texts("merge_update_columns").is_empty() || named("merge_update_columns");
    chosen && !named("merge_exclude_columns")
}

/// The types of the columns of `unique_key`, in its order.
#[must_use]
pub fn key_types<'a>(node: &Node, dialect: Dialect, columns: &'a [Column]) -> Vec<&'a str> {
    let named = |key: &&str| columns.iter().find(|column| dialect.key(&column.name) == dialect.key(key));
    node.texts("unique_key").iter().filter_map(named).map(|column| column.data_type.as_str()).collect()
}

/// Whether the live table is written anew with its old rows instead of changed: what reads a column that goes away or
/// changes its type would stand in the way of that.
#[must_use]
pub fn is_rewritten(columns: &[Column]) -> bool {
    columns.iter().any(|column| matches!(column.change, Change::Drop | Change::Retype))
}

fn differs(column: &Column) -> bool {
    column.change != Change::Keep
}

fn check_keys(node: &Node, dialect: Dialect, batch: &[(String, String)]) -> Result<(), Failure> {
    let known = |key: &str| batch.iter().any(|(name, _)| dialect.key(name) == dialect.key(key));
    let Some(missing) = node.texts("unique_key").into_iter().find(|key| !known(key)) else { return Ok(()) };
    let message = format!("the `unique_key` of `{}` names `{missing}`, which is none of its columns", node.name);
    let names = batch.iter().map(|(name, _)| name.as_str());
    let problem = Diagnostic::error(MISSING_KEY_COLUMN, message).suggest(missing, names.clone());
    let problem = problem.note(format!("its columns are: {}", names.collect::<Vec<_>>().join(", ")));
    Err(Failure::Ours(Box::new(problem.of_node(node.name.clone()))))
}

fn changed_columns(node: &Node, policy: &str, changed: &[&Column], live: &[(String, String)]) -> Diagnostic {
    let message = format!("the columns of `{}` are not those of the table that is there", node.name);
    let mut problem = Diagnostic::error(SCHEMA_CHANGED, message);
    for column in changed {
        let (name, data_type) = (&column.name, &column.data_type);
        problem = problem.note(match column.change {
            Change::Add => format!("`{name}` ({data_type}) is new"),
            Change::Drop => format!("`{name}` is missing"),
            _ => {
                let old = live.iter().find(|(other, _)| other == name).map_or("", |(_, old)| old.as_str());
                format!("`{name}` was {old} and would be {data_type}")
            }
        });
    }
    let way_out = match policy {
        "append" | "append_new_columns" => {
            "a column changed its type: `on_schema_change: sync` changes the table's, `full_refresh` makes it anew"
        }
        _ => {
            "`on_schema_change` may be `append` (new columns), `sync` (new, missing and changed ones) or `full_refresh`; \
             `suiro build --full-refresh` makes the table anew once"
        }
    };
    problem.note("nothing was changed").help(way_out).of_node(node.name.clone())
}

/// Refuses rows among which a key stands twice; NULL is a value like any other here.
///
/// # Errors
/// `DUPLICATE_KEY` with some of the keys.
pub fn refuse_duplicates(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    relation: &RelationName,
) -> Result<(), Failure> {
    let node = context.manifest.node(id);
    let keys = node.texts("unique_key");
    if keys.is_empty() {
        return Ok(());
    }
    let values = json!({"relation": context.qualified(relation), "keys": keys, "whole": false});
    let statements = context.step("duplicates", &values).map_err(|error| Failure::theirs(error, "duplicates"))?;
    for statement in statements {
        let found = session
            .connection
            .query(&statement.text, Some(4))
            .map_err(|error| Failure::Theirs(Box::new(error), statement.clone()))?;
        if found.rows.is_empty() {
            continue;
        }
        let message = format!("some rows of `{}` have the same `unique_key` ({})", node.name, keys.join(", "));
        let mut problem = Diagnostic::error(DUPLICATE_KEY, message);
        for row in found.rows.iter().take(3) {
            let (count, key) = row.split_last().unwrap_or((&None, &[]));
            problem = problem.note(format!("({}) stands {} times", words(key), words(std::slice::from_ref(count))));
        }
        if found.rows.len() > 3 {
            problem = problem.note("and more");
        }
        let help = "keep one row of each key, such as with `row_number() over (partition by …)`, or name more columns";
        return Err(Failure::Ours(Box::new(problem.help(help).of_node(node.name.clone()))));
    }
    Ok(())
}

/// Values for people, with commas between.
fn words(values: &[Option<String>]) -> String {
    values.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(", ")
}

/// The conditions on the rows that new rows may replace; none where none are replaced.
#[must_use]
pub fn predicates(context: &Context<'_>, id: NodeId) -> Vec<String> {
    if strategy(context.manifest.node(id)) == "append" { Vec::new() } else { context.predicates(id) }
}

/// Refuses new rows with the key of a row that `incremental_predicates` leaves out: the key would stand twice.
///
/// # Errors
/// `KEY_OUT_OF_REACH` with some of the keys.
pub fn refuse_out_of_reach(session: &mut Session<'_>, node: &Node, statement: &Statement) -> Result<(), Failure> {
    let found = session.values(None, statement).map_err(|error| Failure::Theirs(Box::new(error), statement.clone()))?;
    if found.is_empty() {
        return Ok(());
    }
    let keys = node.texts("unique_key").join(", ");
    let message = format!(
        "some new rows of `{}` have the `unique_key` ({keys}) of rows that `incremental_predicates` leaves out",
        node.name
    );
    let mut problem = Diagnostic::error(KEY_OUT_OF_REACH, message);
    for key in found.iter().take(3) {
        problem = problem.note(format!("({}) is there already", words(key)));
    }
    if found.len() > 3 {
        problem = problem.note("and more");
    }
    let problem = problem
        .note("added beside the old rows, the keys would stand twice; nothing was changed")
        .help("widen the conditions, or leave such rows out of the model's SQL");
    Err(Failure::Ours(Box::new(problem.of_node(node.name.clone()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(columns: &[(&str, &str)]) -> Vec<(String, String)> {
        columns.iter().map(|(name, data_type)| ((*name).to_owned(), (*data_type).to_owned())).collect()
    }

    #[test]
    fn columns_are_compared_by_name_and_by_type_without_its_length() {
        let live = pairs(&[("id", "integer"), ("Name", "varchar(10)"), ("gone", "date"), ("amount", "numeric(10,2)")]);
        let batch = pairs(&[("id", "bigint"), ("amount", "numeric"), ("Name", "varchar"), ("fresh", "text")]);
        let found = compare(Dialect::Postgres, &live, &batch);
        let words: Vec<(&str, Change, &str)> =
            found.iter().map(|column| (column.name.as_str(), column.change, column.data_type.as_str())).collect();
        assert_eq!(
            words,
            [
                ("id", Change::Retype, "bigint"),
                ("Name", Change::Keep, "varchar(10)"),
                ("gone", Change::Drop, "date"),
                ("amount", Change::Keep, "numeric(10,2)"),
                ("fresh", Change::Add, "text"),
            ]
        );
    }

    #[test]
    fn engines_differ_in_whether_case_counts() {
        let (live, batch) = (pairs(&[("Id", "integer")]), pairs(&[("id", "integer")]));
        assert_eq!(compare(Dialect::DuckDb, &live, &batch).len(), 1);
        assert_eq!(compare(Dialect::Postgres, &live, &batch).len(), 2);
    }

    #[test]
    fn the_parts_of_nested_types_count() {
        assert!(is_another_type("STRUCT(a INTEGER)", "STRUCT(a BIGINT)"));
        assert!(is_another_type("integer[]", "bigint[]"));
        assert!(!is_another_type("character varying(3)", "character varying(30)"));
    }
}
