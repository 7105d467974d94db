//! Making the rows of a table that stays those of the staged one.
//!
//! What does not change the columns is done before any lock that a reader would wait for; what does is done behind it.

use super::cut::Cut;
use crate::{
    diagnostic::{Diagnostic, code::DEPENDENT_IN_THE_WAY},
    engine::{DependentKind, EngineError, Key},
    manifest::NodeId,
    name::RelationName,
    plan::{InPlace, Recipe, Shape},
    run::{Context, Session, Statement, operators},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most rows that are written while readers wait, because the columns change with them: some ten seconds' worth.
pub const MOST_BEHIND_LOCK: u64 = 2_500_000;

/// A table whose rows are changed where they are.
pub struct Table<'a> {
    /// Its node.
    pub id: NodeId,
    /// Its name.
    pub live: &'a RelationName,
    staged: &'a RelationName,
    how: &'a InPlace,
    /// Whether a foreign key refers to it.
    referred: bool,
    key: Option<Key>,
}

impl Table<'_> {
    /// Whether its columns change, so that readers have to wait until its rows are there.
    #[must_use]
    pub fn is_reshaped(&self) -> bool {
        self.how.shape.as_ref().is_some_and(|shape| !shape.is_same())
    }

    /// How many rows it is to have.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn rows(&self, context: &Context<'_>, session: &mut Session<'_>) -> Result<u64, EngineError> {
        let mut rows = 0;
        for statement in context.step("count", &json!({"relation": context.qualified(self.staged)}))? {
            let found = session.values(Some(self.id), &statement)?.into_iter().flatten().flatten().next();
            rows = found.and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        Ok(rows)
    }

    /// The refusal to let readers wait for so many rows.
    #[must_use]
    pub fn too_long(&self, context: &Context<'_>, rows: u64) -> Diagnostic {
        let message = format!(
            "the columns of `{}` change, and readers would have to wait until its {rows} rows are written",
            self.live
        );
        let mut diagnostic = Diagnostic::error(DEPENDENT_IN_THE_WAY, message)
            .note(format!("up to {MOST_BEHIND_LOCK} rows are written while they wait; nothing was published"));
        for why in &self.how.why {
            diagnostic = diagnostic.note(["it cannot be swapped: ", why].concat());
        }
        diagnostic
            .help("take away what keeps it from being swapped for one run, such as by dropping a foreign key and making it again")
            .of_node(context.manifest.node(self.id).name.clone())
    }

    fn values(&self, context: &Context<'_>, cut: &Cut<'_>) -> Value {
        let empty = Shape::default();
        let shape = self.how.shape.as_ref().unwrap_or(&empty);
        let fitting = cut.live.fittings.get(self.live);
        let made = fitting.map_or(&[][..], |fitting| &fitting.made);
        let identity = fitting.map_or(&[][..], |fitting| &fitting.identity);
        let new = shape.retyped.iter().chain(&shape.added).map(|column| &column.name);
        let columns: Vec<&String> = shape.kept.iter().chain(new).filter(|name| !made.contains(*name)).collect();
        let updated: Vec<&&String> = columns.iter().filter(|name| !identity.contains(**name)).collect();
        let typed = |column: &crate::engine::LiveColumn| json!({"name": column.name, "type": column.data_type});
        json!({
            "live": context.qualified(self.live),
            "staged": context.qualified(self.staged),
            "columns": columns,
            "updated": updated,
            "overriding": !identity.is_empty(),
            "keys": self.key.as_ref().map(|key| &key.columns),
            "filled": self.key.as_ref().is_some_and(|key| key.filled),
            "referred": self.referred,
            // Values that are handed on from row to row would stand twice for a moment.
            "rewrites": !self.referred && fitting.is_some_and(|fitting| fitting.unique > 1),
            "removed": shape.removed.iter().chain(shape.retyped.iter().map(|column| &column.name)).collect::<Vec<_>>(),
            "added": shape.retyped.iter().chain(&shape.added).map(typed).collect::<Vec<_>>(),
            "timeout": u64::try_from(context.publish_timeout.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// The tables of a cut that are changed where they are, what foreign keys refer to before what has them.
#[must_use]
pub fn tables<'a>(context: &'a Context<'_>, cut: &'a Cut<'_>) -> Vec<Table<'a>> {
    let mut left: Vec<Table<'a>> = cut
        .nodes
        .iter()
        .filter_map(|id| {
            let Some(Recipe::InPlace(how)) = cut.recipes.get(id) else { return None };
            let (live, staged) = (context.manifest.node(*id).relation.as_ref()?, context.staging.relations.get(id)?);
            let keys = cut.live.dependents.iter().filter(|found| found.kind == DependentKind::ForeignKey);
            let referred = keys.clone().any(|found| found.on == *live);
            Some(Table { id: *id, live, staged, how, referred, key: how.key.clone() })
        })
        .collect();
    let mut ordered: Vec<Table<'a>> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &Table<'_>| {
            cut.live.dependents.iter().any(|found| {
                found.kind == DependentKind::ForeignKey
                    && found.relation.as_ref() == Some(table.live)
                    && left.iter().any(|other| *other.live == found.on)
            })
        };
        // Tables that refer to each other in a circle go as they come.
        let next = left.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

/// Why the rows of a table cannot be changed.
pub enum Refusal {
    /// The database said no.
    Theirs(EngineError),
    /// A lock could not be had in time: on which table.
    Lock(RelationName, EngineError),
    /// It would break something.
    Ours(Box<Diagnostic>),
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self::Theirs(error)
    }
}

/// Keeps others from writing to the tables, and makes sure that no key goes away that something refers to.
///
/// # Errors
/// What stands in the way; nothing was changed.
pub fn prepare(
    context: &Context<'_>,
    session: &mut Session<'_>,
    cut: &Cut<'_>,
    tables: &mut [Table<'_>],
) -> Result<(), Refusal> {
    let mut named: Vec<&Table<'_>> = tables.iter().collect();
    named.sort_by_key(|table| table.live);
    for table in named {
        for statement in context.step("in_place_lock", &table.values(context, cut))? {
            session.execute(None, &statement).map_err(|error| match error.sqlstate.as_deref() {
                Some("55P03") => Refusal::Lock(table.live.clone(), error),
                _ => Refusal::Theirs(error),
            })?;
        }
    }
    for table in tables {
        if let Some(key) = &table.key {
            let columns: Vec<&str> = key.columns.iter().map(String::as_str).collect();
            operators::refuse(context, session, table.id, (table.live, &columns))?.map_err(Refusal::Ours)?;
        }
        // A key that people wrote down without an index need not be one.
        let indexed = |key: &Key| {
            let found = cut.live.fittings.get(table.live).into_iter().flat_map(|fitting| &fitting.keys);
            found
                .map(|known| known.columns.iter().collect::<BTreeSet<_>>())
                .any(|known| known == key.columns.iter().collect())
        };
        if table.key.as_ref().is_some_and(|key| !indexed(key)) && has_duplicates(context, session, table)? {
            table.key = None;
        }
        if table.referred {
            refuse_vanishing(context, session, cut, table)?;
        }
    }
    Ok(())
}

/// Whether a key that no index guards stands in several rows, in the old ones or in the new ones.
fn has_duplicates(context: &Context<'_>, session: &mut Session<'_>, table: &Table<'_>) -> Result<bool, EngineError> {
    let keys = table.key.as_ref().map(|key| &key.columns);
    for relation in [table.live, table.staged] {
        let values = json!({"relation": context.qualified(relation), "keys": keys, "whole": true});
        for statement in context.step("duplicates", &values)? {
            if !session.connection.query(&statement.text, Some(1))?.rows.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Refuses to take away rows that a foreign key of somebody else's refers to: with `ON DELETE CASCADE` theirs would go,
/// too.
fn refuse_vanishing(
    context: &Context<'_>,
    session: &mut Session<'_>,
    cut: &Cut<'_>,
    table: &Table<'_>,
) -> Result<(), Refusal> {
    let node = context.manifest.node(table.id);
    let message = ["`", &table.live.to_string(), "` loses rows that others refer to"].concat();
    let mut diagnostic = Diagnostic::error(DEPENDENT_IN_THE_WAY, message);
    let mut unreadable = BTreeSet::new();
    let none = diagnostic.notes.len();
    for statement in context.step("references", &table.values(context, cut))? {
        for row in session.values(Some(table.id), &statement)? {
            let [Some(name), Some(readable), Some(query)] = row.as_slice() else { continue };
            let query = Statement { purpose: "references".to_owned(), text: query.clone(), sql_at: None };
            let count = session.values(Some(table.id), &query)?;
            let count = count.into_iter().flatten().flatten().next().unwrap_or_default();
            if count == "0" {
                continue;
            }
            if readable == "true" {
                diagnostic = diagnostic.note(format!("foreign key {name}: {count} rows refer to rows that go away"));
            } else {
                diagnostic = diagnostic.note(format!("foreign key {name}: {count} rows go away that it may refer to"));
                unreadable.insert(name.clone());
            }
        }
    }
    if diagnostic.notes.len() == none {
        return Ok(());
    }
    if !unreadable.is_empty() {
        diagnostic = diagnostic
            .help("`GRANT SELECT` on the tables that have these keys, to the role that suiro uses, lets it see whether they do");
    }
    let diagnostic = diagnostic
        .help("nothing was published; keep these rows, or let their owners take what refers to them away first")
        .of_node(node.name.clone());
    Err(Refusal::Ours(Box::new(diagnostic)))
}

/// The statements that change the rows of those tables whose columns change, or do not: what is new and what differs, table by table,
/// then what is gone, the other way round.
///
/// # Errors
/// When a template fails.
pub fn changes(
    context: &Context<'_>,
    cut: &Cut<'_>,
    tables: &[Table<'_>],
    reshaped: bool,
) -> Result<Vec<Statement>, EngineError> {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for table in tables.iter().filter(|table| table.is_reshaped() == reshaped) {
        let statements = context.step("in_place", &table.values(context, cut))?;
        let (gone, changed): (Vec<Statement>, Vec<Statement>) =
            statements.into_iter().partition(|statement| statement.purpose == "gone");
        first.extend(changed);
        last.push(gone);
    }
    Ok(first.into_iter().chain(last.into_iter().rev().flatten()).collect())
}
