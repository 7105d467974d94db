//! Two runs must not add to the same table at once: each would compute its rows without those of the other. Of tables
//! that are built interval by interval the ledger takes care.

use super::{Context, session::Session, sweep};
use crate::{
    diagnostic::code::ADDED_TO_ELSEWHERE,
    engine::{EngineError, FailureKind},
    name::RelationName,
};

/// Claims every table that this run adds to, for as long as the session lives.
///
/// # Errors
/// `ADDED_TO_ELSEWHERE` when another run has claimed one of them; nothing was done then.
pub fn claim(context: &Context<'_>, session: &mut Session<'_>) -> Result<(), EngineError> {
    let nodes = context.increments.iter().map(|id| context.manifest.node(*id));
    let nodes = nodes.filter(|node| node.time_range().is_none());
    let mut relations: Vec<&RelationName> = nodes.filter_map(|node| node.relation.as_ref()).collect();
    relations.sort();
    for relation in relations {
        if !sweep::claim(context, session, &["adds to", &relation.schema, &relation.name])? {
            let message = format!("another run is adding to `{relation}`");
            let mut error = EngineError::new(ADDED_TO_ELSEWHERE, FailureKind::Permanent, message);
            error.help = Some("run it again when the other one is done".to_owned());
            return Err(error);
        }
    }
    Ok(())
}
