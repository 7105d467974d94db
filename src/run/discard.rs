//! Dropping relations that may read each other, without knowing the order and without CASCADE.

use super::{Context, Session, Statement};
use crate::{engine::EngineError, name::RelationName};
use serde_json::json;

/// Drops one after the other, and what could not be dropped again, as long as anything could. What is left, each with
/// the reason of the last try.
pub fn in_any_order<T>(
    all: impl IntoIterator<Item = T>,
    mut drop_one: impl FnMut(&T) -> Result<(), EngineError>,
) -> Vec<(T, EngineError)> {
    let mut waiting: Vec<T> = all.into_iter().collect();
    loop {
        let before = waiting.len();
        let refused: Vec<(T, EngineError)> =
            waiting.into_iter().filter_map(|one| drop_one(&one).err().map(|error| (one, error))).collect();
        if refused.is_empty() || refused.len() == before {
            return refused;
        }
        waiting = refused.into_iter().map(|(one, _)| one).collect();
    }
}

/// The statements that drop one relation.
pub fn relation(context: &Context<'_>, name: &RelationName, kind: &str) -> Result<Vec<Statement>, EngineError> {
    let values = json!({"relations": [{"name": context.qualified(name), "kind": kind}], "schemas": []});
    context.step("discard", &values)
}

/// Drops relations, then schemas that are empty by then.
///
/// # Errors
/// Why the last relation that is left could not be dropped, or the first schema.
pub fn relations_and_schemas(
    context: &Context<'_>,
    session: &mut Session<'_>,
    relations: &[(RelationName, &str)],
    schemas: &[String],
) -> Result<(), EngineError> {
    let left = in_any_order(relations, |(name, kind)| {
        for statement in relation(context, name, kind)? {
            session.execute(None, &statement)?;
        }
        Ok(())
    });
    if let Some((_, why)) = left.into_iter().last() {
        return Err(why);
    }
    for statement in context.step("discard", &json!({"relations": [], "schemas": schemas}))? {
        session.execute(None, &statement)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::in_any_order;
    use crate::{
        diagnostic::code::STATEMENT_REFUSED,
        engine::{EngineError, FailureKind},
    };

    #[test]
    fn readers_go_before_what_they_read_and_what_cannot_go_stays_with_its_reason() {
        let reads = [("table", "view"), ("view", "upper"), ("kept", "a stranger's")];
        let mut there = vec!["table", "kept", "view", "upper"];
        let left = in_any_order(there.clone(), |name| {
            if let Some((_, reader)) =
                reads.iter().find(|(read, reader)| read == name && (there.contains(reader) || *read == "kept"))
            {
                return Err(EngineError::new(STATEMENT_REFUSED, FailureKind::Permanent, format!("{reader} reads it")));
            }
            there.retain(|one| one != name);
            Ok(())
        });
        let left: Vec<_> = left.iter().map(|(name, why)| (*name, why.message.as_str())).collect();
        assert_eq!(left, [("kept", "a stranger's reads it")]);
        assert_eq!(there, ["kept"]);
    }
}
