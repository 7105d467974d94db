//! What an earlier run has built and not published: noted as it is built, and used instead of building it again.
//!
//! The note is written in the transaction that makes the relation, as its last statement. Where there is a note, the
//! relation is complete; what it tells is what the relation holds.

use super::{Context, Session, Staged, StagedKind, Statement, state};
use crate::{
    engine::EngineError,
    manifest::{Node, NodeId},
    name::RelationName,
    plan::Action,
    state::Identity,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What is noted of a staged relation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What makes it the same as another build.
    pub identity: Identity,
    /// Its rows, where they were counted.
    pub rows: Option<u64>,
    /// How long it took to build, in milliseconds.
    pub milliseconds: u64,
}

/// A staged relation that a run left, with its note.
#[derive(Debug, Clone)]
pub struct Left {
    /// The process that built it.
    pub run: String,
    /// The epoch of its run.
    pub epoch: u64,
    /// The relation that it was to become.
    pub relation: RelationName,
    /// Where it stands.
    pub staged: RelationName,
    /// What it holds.
    pub note: Note,
}

/// Whether what was built can be moved and used by another run: a table by itself, to which nothing is bound that would
/// stay behind, and whose rows do not depend on the moment of the run.
fn can_move(context: &Context<'_>, id: NodeId, staged: &Staged) -> bool {
    let node: &Node = context.manifest.node(id);
    let properties = &node.properties;
    staged.kind == StagedKind::Table
        && !context.staging.lent
        // What is rolled back to is not what the files say.
        && context.recording.origin.held.is_none()
        && staged.batch.is_none()
        && staged.publish.is_empty()
        && !node.is_snapshot()
        // Which intervals it holds is not noted.
        && staged.intervals.is_none()
        && !context.burdened.contains(&id)
        && properties.storage.partition_by.is_none()
        && properties.constraints.iter().all(|constraint| constraint.to.is_none())
}

/// The statements that note what was built, for the transaction that builds it.
///
/// # Errors
/// When the template fails.
pub fn noting(
    context: &Context<'_>,
    id: NodeId,
    (staged, rows, milliseconds): (&Staged, Option<u64>, u64),
) -> Result<Vec<Statement>, EngineError> {
    let (Some(name), Some(relation), Some(step)) = (
        context.staging.relations.get(&id),
        context.manifest.node(id).relation.as_ref(),
        context.recording.plan.step(id),
    ) else {
        return Ok(Vec::new());
    };
    if !can_move(context, id, staged) {
        return Ok(Vec::new());
    }
    let note = Note { identity: step.identity.clone(), rows, milliseconds };
    let values = json!({
        "run": context.run,
        "epoch": context.recording.epoch,
        "chosen": relation,
        "to": name,
        "content": json!(note).to_string(),
    });
    state::own_step(context, "stage", values)
}

/// What runs have left, with notes.
///
/// # Errors
/// When the state cannot be read.
pub fn left(context: &Context<'_>, session: &mut Session<'_>) -> Result<Vec<Left>, EngineError> {
    let mut found = Vec::new();
    for statement in state::own_step(context, "staged", json!({}))? {
        found.extend(session.values(None, &statement)?.into_iter().filter_map(read));
    }
    Ok(found)
}

fn read(row: Vec<Option<String>>) -> Option<Left> {
    let mut row = row.into_iter();
    let mut text = || row.next().flatten();
    Some(Left {
        run: text()?,
        epoch: text()?.parse().ok()?,
        relation: RelationName::new(text()?, text()?),
        staged: RelationName::new(text()?, text()?),
        note: serde_json::from_str(&text()?).ok()?,
    })
}

/// What became of the leftovers of dead runs.
#[derive(Debug, Default)]
pub struct Resumed {
    /// What is used by this run, with its note.
    pub used: BTreeMap<NodeId, Note>,
    /// Where that stood.
    pub moved: BTreeSet<RelationName>,
    /// What stays where it is, for another process of the same run.
    pub kept: BTreeSet<RelationName>,
}

impl Resumed {
    /// Whether a leftover is not to be removed: it was moved, or is left for somebody else.
    pub fn stays(&self, name: &RelationName) -> bool {
        self.moved.contains(name) || self.kept.contains(name)
    }

    /// Uses what dead runs left of what this run would build, where it still holds, and which is there: `standing`.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn take(
        &mut self,
        context: &Context<'_>,
        session: &mut Session<'_>,
        (left, standing): (&[Left], &BTreeSet<RelationName>),
    ) -> Result<(), EngineError> {
        for one in left.iter().filter(|one| standing.contains(&one.staged)) {
            let id = context.manifest.iter().find(|(_, node)| node.relation.as_ref() == Some(&one.relation));
            let Some((id, _)) = id else { continue };
            if !context.built.contains(&id) {
                if one.epoch == context.recording.epoch {
                    self.kept.insert(one.staged.clone());
                }
                continue;
            }
            let step = context.recording.plan.step(id);
            let holds = step.is_some_and(|step| step.action == Action::Build && step.identity == one.note.identity);
            if context.resumes
                && !context.staging.lent
                && holds
                && !self.used.contains_key(&id)
                && take_over(context, session, (id, one))?
            {
                self.moved.insert(one.staged.clone());
                self.used.insert(id, one.note.clone());
            }
        }
        Ok(())
    }
}

/// Moves a relation to where this run would have built it; whether it could be.
fn take_over(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (id, one): (NodeId, &Left),
) -> Result<bool, EngineError> {
    let Some(to) = context.staging.relations.get(&id) else { return Ok(false) };
    let values = json!({"from": context.qualified(&one.staged), "to": to});
    let mut statements = context.step("take_over", &values)?;
    let content = json!(one.note).to_string();
    let noted = json!({
        "run": context.run,
        "epoch": context.recording.epoch,
        "chosen": one.relation,
        "to": to,
        "content": content,
    });
    statements.extend(state::own_step(context, "stage", noted)?);
    session.control("begin", "begin transaction")?;
    for statement in &statements {
        if let Err(error) = session.execute(None, statement) {
            let rolled_back = session.control("rollback", "rollback");
            // Somebody else's, or gone in the meantime: it is built.
            return rolled_back.map(|()| false).map_err(|_| error);
        }
    }
    session.control("commit", "commit").map(|()| true)
}

/// What stays staged for the next run, of these nodes; the notes of all else are forgotten. Nothing, if there is no
/// telling.
pub fn kept(
    context: &Context<'_>,
    session: &mut Session<'_>,
    is_left: impl Fn(NodeId) -> bool,
) -> BTreeSet<RelationName> {
    let ours = |one: &Left| one.run == context.run;
    let node = |one: &Left| {
        context.staging.relations.iter().find(|(_, name)| **name == one.staged).is_some_and(|(id, _)| is_left(*id))
    };
    let left = left(context, session).unwrap_or_default();
    let kept: BTreeSet<RelationName> =
        left.into_iter().filter(|one| ours(one) && node(one)).map(|one| one.staged).collect();
    match forget(context, session, (context.run, &kept)) {
        Ok(()) => kept,
        Err(_) => BTreeSet::new(),
    }
}

/// Forgets the notes of a run but those of what stays staged.
///
/// # Errors
/// When the state cannot be written.
pub fn forget(
    context: &Context<'_>,
    session: &mut Session<'_>,
    (run, kept): (&str, &BTreeSet<RelationName>),
) -> Result<(), EngineError> {
    let kept: Vec<&RelationName> = kept.iter().collect();
    for statement in state::own_step(context, "unstage", json!({"run": run, "kept": kept}))? {
        session.execute(None, &statement)?;
    }
    Ok(())
}
