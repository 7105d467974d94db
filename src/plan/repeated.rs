//! Failures that another process of the same run has met already, and that would only come again.

use super::{Action, Step, decide::Deciding};
use crate::{
    diagnostic::{Diagnostic, code},
    manifest::Manifest,
    plan::read_name,
    state::{Reads, SharedRun},
};

/// Why such a step is not done.
pub const REASON: &str = "it failed in this run already, and nothing has changed since (`--again` tries again)";

/// The failure that a step would only meet again: what it is made of, what it reads and what caused the failure are as
/// they were. What cannot be told from a change counts as changed.
pub fn failure(manifest: &Manifest, keyed: &SharedRun, step: &Step, deciding: &mut Deciding<'_>) -> Option<Diagnostic> {
    if !matches!(step.action, Action::Build | Action::Increment) || !step.is_certain {
        return None;
    }
    let node = manifest.node(step.node);
    let failed = keyed.failed.get(&read_name(node))?;
    if failed.definition != step.identity.definition || !is_same(&failed.reads, &step.identity.reads) {
        return None;
    }
    if let Some(test) = &failed.test {
        let (id, _) = manifest.iter().find(|(_, found)| found.name == test.name)?;
        let (definition, reads, moving) = deciding.test(id);
        if moving || definition != test.definition || !is_same(&test.reads, &reads) {
            return None;
        }
    }
    let code = code::ALL.iter().find(|code| code.id == failed.code).copied()?;
    let mut diagnostic = Diagnostic::error(code, failed.message.clone()).of_node(node.name.clone());
    diagnostic.notes.clone_from(&failed.notes);
    diagnostic.notes.push("it was not tried again: nothing has changed since it failed in this run".to_owned());
    diagnostic.help.clone_from(&failed.help);
    diagnostic.help.push("to have it tried all the same, add `--again`".to_owned());
    Some(diagnostic)
}

fn is_same(before: &Reads, now: &Reads) -> bool {
    before == now && now.values().all(|read| read.version.is_some())
}
