//! What is wrong with a query, in words.

use crate::{
    diagnostic::{
        Diagnostic,
        code::{
            AMBIGUOUS_COLUMN, BARE_COLUMN, DIFFERENT_WIDTHS, DUPLICATE_COLUMN, INCOMPARABLE_TYPES, NO_SUCH_COLUMN,
            STAR_OVER_UNKNOWN, UNKNOWN_COLUMN,
        },
    },
    dialect::Dialect,
    lineage::{Finding, FindingKind},
    manifest::{Column, Manifest},
    project,
    source::Place,
};
use std::sync::Arc;

/// A finding as a diagnostic at its written place.
pub(super) fn diagnostic(manifest: &Manifest, finding: &Finding, place: Place) -> Diagnostic {
    match &finding.kind {
        FindingKind::UnknownColumn { name, of, known } => {
            let message = match of {
                Some(of) => format!("`{of}` has no column `{name}`"),
                None => format!("there is no column `{name}` in what is read here"),
            };
            let problem = Diagnostic::error(UNKNOWN_COLUMN, message).at_place(place, "not known");
            let problem = problem.suggest(name, known.iter().map(|known| &**known));
            if known.len() <= 12 && !known.is_empty() {
                problem.note(format!("there are: {}", listed(known)))
            } else {
                problem
            }
        }
        FindingKind::AmbiguousColumn { name, holders } => {
            let problem =
                Diagnostic::error(AMBIGUOUS_COLUMN, format!("`{name}` is a column of several relations here"))
                    .at_place(place, "which one?");
            match holders.as_slice() {
                [] => problem.help("write the relation in front of the name"),
                [first, ..] => problem
                    .note(format!("these have it: {}", listed(holders)))
                    .help(format!("write the relation in front of the name, such as `{first}.{name}`")),
            }
        }
        FindingKind::DifferentWidths { operation, left, right } => {
            let columns = |count: usize| if count == 1 { "1 column".to_owned() } else { format!("{count} columns") };
            let message = format!("this side of {operation} has {}, the one before it {left}", columns(*right));
            Diagnostic::error(DIFFERENT_WIDTHS, message)
                .at_place(place, columns(*right))
                .help("give both sides the same columns, in the same order")
        }
        FindingKind::BareColumn { name, aggregate } => {
            let message = format!("`{name}` stands beside {aggregate}(), and nothing says by what to group");
            Diagnostic::error(BARE_COLUMN, message)
                .at_place(place, "not grouped")
                .help(format!("add `group by {name}`, or put `{name}` into an aggregate, too"))
        }
        FindingKind::DuplicateColumn { name } => {
            let problem = Diagnostic::error(DUPLICATE_COLUMN, format!("two output columns are called `{name}`"))
                .at_place(place, "the second");
            match manifest.dialect {
                Dialect::Postgres => problem.help("give one of them another name with AS, or leave it out"),
                // DuckDB takes it, under a name of its own choice.
                Dialect::DuckDb => problem
                    .as_warning()
                    .note(format!("DuckDB will call the second `{name}_1`"))
                    .help("give one of them another name with AS, or leave it out"),
            }
        }
        FindingKind::StarOverUnknown { relation } => {
            let name = manifest.nodes.get(*relation as usize).map(|node| node.name.as_str()).unwrap_or_default();
            Diagnostic::warning(
                STAR_OVER_UNKNOWN,
                format!("the columns of `{name}` are not known, so neither are these"),
            )
            .at_place(place, "which columns?")
            .help(format!(
                "`suiro catalog refresh` reads them from the database; or declare every column of `{name}` with its \
                     `data_type`; or name the columns here"
            ))
        }
        FindingKind::Incomparable { left, right } => {
            let message = format!("a value of type {left} cannot be compared with one of type {right}");
            Diagnostic::error(INCOMPARABLE_TYPES, message).at_place(place, left.to_string()).help("cast one of the two")
        }
    }
}

/// Descriptions and tests of columns that a relation does not have, though all of its columns are known.
pub(super) fn not_there(columns: &[Column], told: &[project::Column], name: &str) -> Vec<Diagnostic> {
    let is_there = |told: &project::Column| {
        columns.iter().any(|column| column.name.to_lowercase() == told.name.value.to_lowercase())
    };
    let problem = |told: &project::Column| {
        let message = format!("`{name}` has no column `{}`", told.name.value);
        let problem = Diagnostic::error(NO_SUCH_COLUMN, message)
            .at(told.name.span, if told.tests.is_empty() { "described here" } else { "tested here" })
            .suggest(&told.name.value, columns.iter().map(|column| column.name.as_str()));
        if told.tests.is_empty() { problem.as_warning() } else { problem }
    };
    told.iter().filter(|told| !is_there(told)).map(problem).collect()
}

fn listed(names: &[Arc<str>]) -> String {
    let mut listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    listed.dedup();
    listed.join(", ")
}
