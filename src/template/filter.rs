//! How names and texts are written in SQL: the filters `quote` and `literal`.

use super::{context::Context, failure::Failure};
use crate::{diagnostic::code::TEMPLATE_FAILED, dialect::Dialect};
use minijinja::{
    Environment, Error, State, Value,
    value::{StringInput, ValueKind},
};

/// Gives the filters to an engine that renders models.
pub(super) fn add_to_models(environment: &mut Environment<'_>) {
    let dialect = |state: &State<'_, '_>| Context::of(state).map(|context| context.scope.dialect);
    environment.add_filter("quote", move |state: &mut State<'_, '_>, value: Value| {
        defined(state, &value)?;
        quote(dialect(state)?, &value)
    });
    environment.add_filter("literal", move |state: &mut State<'_, '_>, value: Value| {
        defined(state, &value)?;
        literal(dialect(state)?, &value)
    });
}

/// Refuses an undefined value in the engine's own words, which know its name.
fn defined(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() { StringInput::new(state, value).map(|_| ()) } else { Ok(()) }
}

/// A name as an identifier, always in quotes.
pub(super) fn quote(dialect: Dialect, name: &Value) -> Result<String, Error> {
    match name.as_str() {
        Some(name) => Ok(dialect.quote(name)),
        None => Err(refused("quote", "a name", name)),
    }
}

/// A text as a literal; numbers, booleans and null as they are.
pub(super) fn literal(dialect: Dialect, value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String => Ok(dialect.literal(value.as_str().unwrap_or_default())),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => Ok(value.to_string()),
        _ => Err(refused("literal", "a text or a number", value)),
    }
}

/// The error of a filter that was given something else than it takes.
pub(super) fn refused(filter: &str, wanted: &str, value: &Value) -> Error {
    Failure::new(TEMPLATE_FAILED, format!("`{filter}` takes {wanted}, not a value of type {}", value.kind()))
        .into_error()
}
