//! Computing the rows of a materialized view again where another cannot take its place.

use super::{cut::Cut, in_place::Refusal};
use crate::{
    diagnostic::{Diagnostic, code::DEPENDENT_IN_THE_WAY},
    manifest::NodeId,
    name::RelationName,
    plan::Recipe,
    run::{Context, Session},
};
use serde_json::json;

/// Refreshes the materialized views of a cut that stay, without a reader having to wait.
///
/// # Errors
/// Where one is to be made of other SQL than it is.
pub fn refresh(context: &Context<'_>, session: &mut Session<'_>, cut: &Cut<'_>) -> Result<(), Refusal> {
    for id in cut.nodes {
        let Some(Recipe::Refresh(why)) = cut.recipes.get(id) else { continue };
        let node = context.manifest.node(*id);
        let (Some(live), Some(staged)) = (&node.relation, context.staging.relations.get(id)) else { continue };
        if !is_same(context, session, (*id, live), staged)? {
            let message =
                ["`", &live.to_string(), "` is to be made of other SQL than it is, and cannot be replaced"].concat();
            let diagnostic = why
                .iter()
                .fold(Diagnostic::error(DEPENDENT_IN_THE_WAY, message), |diagnostic, why| diagnostic.note(why.clone()));
            let help = "nothing was published; take away what depends on it for one run, or make it a table";
            return Err(Refusal::Ours(Box::new(diagnostic.help(help).of_node(node.name.clone()))));
        }
        for statement in context.step("refresh", &json!({"live": context.qualified(live)}))? {
            session.execute(Some(*id), &statement)?;
        }
    }
    Ok(())
}

/// Whether the live one is made of the SQL that the node has now, in the words of the database: with views that it reads
/// by their names, or with their SQL in its own.
fn is_same(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (id, live): (NodeId, &RelationName),
    staged: &RelationName,
) -> Result<bool, Refusal> {
    let node = context.manifest.node(id);
    let by_name = context.published_sql(node).unwrap_or_default().text;
    let inlined = context.published_inlined(node).unwrap_or_default().text;
    let values = json!({
        "live": context.qualified(live),
        "schema": staged.schema,
        "texts": [by_name, inlined],
    });
    let mut same = false;
    for statement in context.step("definition", &values)? {
        if statement.purpose == "compare" {
            let answer = session.values(Some(id), &statement)?.into_iter().flatten().flatten().next();
            same |= answer.as_deref() == Some("true");
        } else {
            session.execute(Some(id), &statement)?;
        }
    }
    Ok(same)
}
