//! Conditions on the rows of an incremental model that new rows may replace.

use super::compiled_hook;
use crate::{
    compile::names::{Meaning, Names},
    diagnostic::{Diagnostic, code::WRONG_VALUE},
    dialect::Dialect,
    manifest::{CompiledSql, NodeId},
    name::NamePart,
    parse::read_query,
    source::Span,
};

/// What dbt calls the new rows.
const NEW_ROWS: &str = "dbt_internal_source";

/// A rendered condition, with holes for `{{ this }}`.
///
/// # Errors
/// `WRONG_VALUE` where it is no condition, or is about anything but the rows of the table.
pub fn compiled_predicate(
    rendered: &str,
    (dialect, names): (Dialect, &Names),
    (schema, this): (&str, NodeId),
    span: Span,
) -> Result<CompiledSql, Box<Diagnostic>> {
    let wrong = |message: &str| Diagnostic::error(WRONG_VALUE, message).at(span, "");
    // It has to be a condition by itself, and within the parentheses that it will stand in; a comment may end it.
    let query = |opened: &str, closed: &str| {
        read_query(&["select 1 where ", opened, rendered, "\n", closed].concat(), dialect, None).map_err(|problems| {
            let why = problems.into_iter().next().map(|problem| problem.message).unwrap_or_default();
            wrong("this is no condition").note(why).help("write one such as `day >= current_date - 7`")
        })
    };
    query("", "")?;
    let query = query("(", ")")?;
    if rendered.to_ascii_lowercase().contains(NEW_ROWS) {
        return Err(Box::new(
            wrong("a condition of `incremental_predicates` is about the rows of the table, not about the new ones")
                .note("new rows are found again by their `unique_key` alone")
                .help("name columns of the table, `day` or `DBT_INTERNAL_DEST.day`, and compare them with values"),
        ));
    }
    let is_other =
        |name: &[NamePart]| !matches!(names.meaning(name, schema, Some(this)), Meaning::Node(node) if node == this);
    if query.mentions().iter().any(|mention| is_other(&mention.parts)) {
        return Err(Box::new(
            wrong("a condition of `incremental_predicates` reads another relation")
                .note("it would not be known that the model depends on it")
                .help("compare columns of the table with values, or with what `{{ this }}` has"),
        ));
    }
    let mut compiled = compiled_hook(rendered, (dialect, names), (schema, Some(this)), span)?;
    match (compiled.pop(), compiled.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Box::new(wrong("this is no condition").help("write one such as `day >= current_date - 7`"))),
    }
}
