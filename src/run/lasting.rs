//! Failures that would come again as long as nothing changes, for the other processes of the run.

use super::{Endings, Request, build::Built, hold::Held, hold::Outcome, schedule::Ending};
use crate::{
    diagnostic::Diagnostic,
    manifest::{NodeId, Verdict},
    plan::Step,
    state::{Failed, FailedTest},
};
use std::collections::BTreeMap;

/// What failed in this process and would fail again: SQL that its rows do not fit, and tests that found something.
pub fn failures(request: &Request<'_>, (endings, held): (&Endings, &Held)) -> BTreeMap<NodeId, Failed> {
    if request.shared.is_none() {
        return BTreeMap::new();
    }
    let certain = |id: &NodeId| request.plan.step(*id).filter(|step| step.is_certain);
    let mut failed = BTreeMap::new();
    for (id, ending) in endings {
        if let Ending::Failed(Outcome::Built(Built { failure: Some(failure), lasts: true, .. })) = ending
            && let Some(step) = certain(id)
        {
            failed.insert(*id, of(step, failure, None));
        }
    }
    for (id, test) in &held.held {
        let found = held.tested.get(test).filter(|tested| tested.verdict == Some(Verdict::Fail));
        let asked = request.plan.tests.get(test).filter(|asked| asked.is_certain);
        if let (Some(step), Some(asked), Some(failure)) =
            (certain(id), asked, found.and_then(|one| one.diagnostic.as_ref()))
        {
            let test = FailedTest {
                name: request.manifest.node(*test).name.clone(),
                definition: asked.definition.clone(),
                reads: asked.reads.clone(),
            };
            failed.insert(*id, of(step, failure, Some(test)));
        }
    }
    failed
}

fn of(step: &Step, failure: &Diagnostic, test: Option<FailedTest>) -> Failed {
    Failed {
        definition: step.identity.definition.clone(),
        reads: step.identity.reads.clone(),
        code: failure.code.id.to_owned(),
        message: failure.message.clone(),
        notes: failure.notes.clone(),
        help: failure.help.clone(),
        test,
    }
}
