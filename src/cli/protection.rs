//! Protected targets: what takes away rows or relations there has to be confirmed by the target's name.

use super::app::App;
use crate::{
    compile::Compilation,
    diagnostic::{Diagnostic, code::PROTECTED_TARGET},
    exit::Exit,
};

impl App {
    /// The name of the target if it is protected and this command was not confirmed. What an environment has is not
    /// protected: it can be built again.
    ///
    /// # Errors
    /// The exit status, after printing that another target was confirmed than the one that is worked on.
    pub fn protected(&self, compilation: &Compilation) -> Result<Option<String>, Exit> {
        let target = &compilation.project.target;
        match &self.global.confirm {
            Some(confirmed) if *confirmed != target.name => {
                let message = format!("`--confirm` names `{confirmed}`, and the target is `{}`", target.name);
                let problem = Diagnostic::error(PROTECTED_TARGET, message);
                let problem =
                    problem.note("nothing was changed").help("choose the target that is meant with `--target`");
                Err(self.fail(&[problem], &compilation.sources))
            }
            None if target.protected && compilation.environment.is_none() => Ok(Some(target.name.clone())),
            _ => Ok(None),
        }
    }

    /// Refuses what was not confirmed on a protected target.
    ///
    /// # Errors
    /// The exit status, after printing what would have been done.
    pub fn confirm(&self, compilation: &Compilation, what: &str) -> Result<(), Exit> {
        let Some(target) = self.protected(compilation)? else { return Ok(()) };
        let problem = Diagnostic::error(PROTECTED_TARGET, format!("`{target}` is protected, and {what}"));
        let problem = problem.note("nothing was changed").help(format!("if that is meant: `--confirm {target}`"));
        Err(self.fail(&[problem], &compilation.sources))
    }
}
