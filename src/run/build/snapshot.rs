//! What the rows of now mean to a snapshot, before they are computed.

use super::{Failure, increment::is_another_type};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{MISSING_KEY_COLUMN, SCHEMA_CHANGED, WRONG_VALUE},
    },
    dialect::Dialect,
    manifest::{Node, NodeId, Rendering, SnapshotColumns, SnapshotStrategy},
    run::{Context, Session, Statement},
};
use serde::Serialize;
use serde_json::{Value, json};

/// The type of the moments of a snapshot whose rows have none of their own.
const MOMENT: &str = "timestamp with time zone";

/// What a column of a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    /// A column of the query.
    Value,
    ValidFrom,
    ValidTo,
    IsDeleted,
}

/// A column of a snapshot as it will be.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "what a template asks of a column")]
struct Column {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    role: Role,
    /// Whether the live table gets it first.
    added: bool,
    /// Whether the query has it.
    in_batch: bool,
    /// Whether another value of it is a change of the row.
    checked: bool,
    /// Whether its values are compared as what they become in the table.
    cast: bool,
}

/// A column by name and type.
type Described = (String, String);

/// What a template of a snapshot is told: to make its table, or with `live` to go on with the one that has these columns.
///
/// # Errors
/// `MISSING_KEY_COLUMN` where the configuration names no column, `SCHEMA_CHANGED` where rows of now do not go with the
/// table.
pub fn values(
    context: &Context<'_>,
    session: &mut Session<'_>,
    id: NodeId,
    live: Option<&[Described]>,
) -> Result<serde_json::Map<String, Value>, Failure> {
    let node = context.manifest.node(id);
    let dialect = context.manifest.dialect;
    let mut values = serde_json::Map::new();
    let rendering = if live.is_some() { Rendering::Incremental } else { Rendering::Full };
    let (Some(names), Some(sql)) = (node.snapshot_columns(), context.staged_sql(id, rendering)) else {
        return Ok(values);
    };
    let statement = Statement { purpose: "columns".to_owned(), text: sql.text.clone(), sql_at: Some(0) };
    let batch = session.connection.describe(&sql.text).map_err(|error| Failure::Theirs(Box::new(error), statement))?;
    let asked = Asked { node, dialect, names: &names, batch: &batch };
    let ours = |problem: Box<Diagnostic>| Failure::Ours(Box::new(problem.of_node(node.name.clone())));
    asked.check_names().map_err(ours)?;
    let time_type = asked.time_type(live).map_err(ours)?;
    let columns = match live {
        None => asked.first(&time_type),
        Some(live) => asked.next(live, &time_type).map_err(ours)?,
    };
    let key = |key: &str| columns.iter().find(|column| dialect.key(&column.name) == dialect.key(key));
    let keys: Vec<&Column> = node.texts("unique_key").into_iter().filter_map(key).collect();
    let by_time = node.snapshot_strategy() == SnapshotStrategy::Timestamp;
    let deleted = columns.iter().find(|column| column.role == Role::IsDeleted);
    let told = json!({
        "live": live.is_some(),
        "keys": keys,
        "columns": columns,
        "strategy": if by_time { "timestamp" } else { "check" },
        "updated_at": node.text("updated_at").and_then(key).map(|column| &column.name),
        "hard_deletes": node.text("hard_deletes").unwrap_or("ignore"),
        "valid_from": columns.iter().find(|column| column.role == Role::ValidFrom).map(|column| &column.name),
        "valid_to": columns.iter().find(|column| column.role == Role::ValidTo).map(|column| &column.name),
        "is_deleted": deleted,
        "time_type": time_type,
        "logical_time": context.recording.origin.logical_time,
    });
    if let Value::Object(told) = told {
        values.extend(told);
    }
    Ok(values)
}

/// What a snapshot asks of its query.
struct Asked<'a> {
    node: &'a Node,
    dialect: Dialect,
    names: &'a SnapshotColumns,
    /// The columns of its query.
    batch: &'a [Described],
}

impl Asked<'_> {
    fn same(&self, left: &str, right: &str) -> bool {
        self.dialect.key(left) == self.dialect.key(right)
    }

    fn find<'a>(&self, columns: &'a [Described], name: &str) -> Option<&'a Described> {
        columns.iter().find(|(other, _)| self.same(other, name))
    }

    /// The columns that it adds, by the names that they have.
    fn added(&self) -> Vec<(&str, Role)> {
        let always = [(self.names.valid_from.as_str(), Role::ValidFrom), (&self.names.valid_to, Role::ValidTo)];
        always.into_iter().chain(self.names.is_deleted.as_deref().map(|name| (name, Role::IsDeleted))).collect()
    }

    /// Whatever the configuration names is a column, and what the snapshot adds is none.
    fn check_names(&self) -> Result<(), Box<Diagnostic>> {
        let name = &self.node.name;
        let named = ["unique_key", "updated_at", "check_cols"].into_iter().flat_map(|key| {
            let columns =
                self.node.texts(key).into_iter().filter(move |column| key != "check_cols" || *column != "all");
            columns.map(move |column| (key, column))
        });
        for (key, column) in named {
            if self.find(self.batch, column).is_none() {
                let message = format!("the `{key}` of `{name}` names `{column}`, which is none of its columns");
                let names = self.batch.iter().map(|(name, _)| name.as_str());
                let problem = Diagnostic::error(MISSING_KEY_COLUMN, message).suggest(column, names.clone());
                let all = names.collect::<Vec<_>>().join(", ");
                return Err(Box::new(problem.note(format!("its columns are: {all}"))));
            }
        }
        for (column, _) in self.added() {
            if self.find(self.batch, column).is_some() {
                let message = format!("`{name}` has a column `{column}` of its own, which a snapshot adds");
                let help = "call one of them otherwise: `snapshot_meta_column_names: {valid_from: …, valid_to: …}`";
                return Err(Box::new(Diagnostic::error(WRONG_VALUE, message).help(help)));
            }
        }
        Ok(())
    }

    /// The type of the moments from and to which versions hold: that of the table, or that of `updated_at`.
    fn time_type(&self, live: Option<&[Described]>) -> Result<String, Box<Diagnostic>> {
        let updated_at = self.node.text("updated_at").and_then(|name| self.find(self.batch, name));
        if let Some((column, data_type)) = updated_at {
            let word = data_type.to_ascii_lowercase();
            if !word.starts_with("timestamp") && !word.starts_with("date") {
                let message = format!("`updated_at` of `{}` names `{column}`, which is a {data_type}", self.node.name);
                let help =
                    "it has to be a timestamp or a date, so that versions can be told by time: cast it in the SQL";
                return Err(Box::new(Diagnostic::error(WRONG_VALUE, message).help(help)));
            }
        }
        let of_table = live.and_then(|live| self.find(live, &self.names.valid_from));
        Ok(of_table.or(updated_at).map_or_else(|| MOMENT.to_owned(), |(_, data_type)| data_type.clone()))
    }

    fn added_column(name: &str, role: Role, time_type: &str, added: bool) -> Column {
        let data_type = if role == Role::IsDeleted { "boolean" } else { time_type }.to_owned();
        Column { name: name.to_owned(), data_type, role, added, in_batch: false, checked: false, cast: false }
    }

    /// The columns of a table that is made.
    fn first(&self, time_type: &str) -> Vec<Column> {
        let own = self.batch.iter().map(|(name, data_type)| self.value(name, data_type, Some(data_type), false));
        own.chain(self.added().into_iter().map(|(name, role)| Self::added_column(name, role, time_type, false)))
            .collect()
    }

    /// The columns of a table that is there: what is missing of the query stays, what is new is added.
    fn next(&self, live: &[Described], time_type: &str) -> Result<Vec<Column>, Box<Diagnostic>> {
        let lost =
            self.added().into_iter().find(|(name, role)| *role != Role::IsDeleted && self.find(live, name).is_none());
        if let Some((missing, _)) = lost {
            let message = format!("`{}` has no column `{missing}`, so it is no snapshot of this name", self.node.name);
            let help = "`snapshot_meta_column_names` tells what its columns are called";
            return Err(Box::new(Diagnostic::error(SCHEMA_CHANGED, message).note("nothing was changed").help(help)));
        }
        let mut columns = Vec::new();
        for (name, data_type) in live {
            let role = self.added().into_iter().find(|(added, _)| self.same(added, name));
            let new = self.find(self.batch, name).map(|(_, new)| new);
            if let Some(new) = new.filter(|new| is_another_type(data_type, new)) {
                let message = format!("the columns of `{}` are not those of the table that is there", self.node.name);
                let problem = Diagnostic::error(SCHEMA_CHANGED, message);
                let problem = problem.note(format!("`{name}` was {data_type} and would be {new}"));
                let help = format!(
                    "cast it in the SQL, so that its old versions stay what they are: `cast({name} as {data_type})`"
                );
                return Err(Box::new(problem.note("nothing was changed").help(help)));
            }
            columns.push(match role {
                Some((_, role)) => Self::added_column(name, role, data_type, false),
                None => self.value(name, data_type, new, false),
            });
        }
        let fresh = self.batch.iter().filter(|(name, _)| self.find(live, name).is_none());
        columns.extend(fresh.map(|(name, data_type)| self.value(name, data_type, Some(data_type), true)));
        let fresh = self.added().into_iter().filter(|(name, _)| self.find(live, name).is_none());
        columns.extend(fresh.map(|(name, role)| Self::added_column(name, role, time_type, true)));
        Ok(columns)
    }

    /// A column of the query, of the table, or of both.
    fn value(&self, name: &str, data_type: &str, new: Option<&String>, added: bool) -> Column {
        let named = |key: &str| self.node.texts(key).iter().any(|other| self.same(other, name));
        let checked = named("check_cols") || (self.node.texts("check_cols") == ["all"] && !named("unique_key"));
        // A longer text than the column holds is refused when it is written, and not cut off before.
        let is_text = data_type.to_ascii_lowercase().contains("char") || data_type.eq_ignore_ascii_case("text");
        let cast = !is_text && new.is_some_and(|new| new != data_type);
        let (name, data_type) = (name.to_owned(), data_type.to_owned());
        Column {
            name,
            data_type,
            role: Role::Value,
            added,
            in_batch: new.is_some(),
            checked: checked && new.is_some(),
            cast,
        }
    }
}
