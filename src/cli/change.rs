//! What changed since a commit: the project as it was, compiled beside the project as it is.

use super::{app::App, git};
use crate::{
    compile::Compilation,
    diagnostic::{Diagnostic, code::UNREADABLE_COMMIT},
    exit::Exit,
    graph::Selection,
    plan::{Change, Impact, Moment, impact},
    run::Statements,
    source::Sources,
};
use std::path::{Path, PathBuf};

impl App {
    /// The project as it was in a commit.
    ///
    /// # Errors
    /// The exit status, after printing why it cannot be had.
    pub fn compiled_at(&self, commit: &str) -> Result<Compilation, Exit> {
        let refused = |message: String| {
            let problem = Diagnostic::error(UNREADABLE_COMMIT, message);
            let help = "name commits as git does: `main`, `HEAD~3`; `suiro diff --git main..HEAD` takes two";
            self.fail(&[problem.help(help)], &Sources::default())
        };
        let folder =
            tempfile::tempdir().map_err(|error| refused(format!("no temporary folder can be made: {error}")))?;
        let project = self.folder().map_err(refused)?;
        let project = git::check_out(&project, commit, folder.path()).map_err(refused)?;
        self.compiled_in(&project)
    }

    /// The folder of the project that was asked for, or that the current folder is in.
    fn folder(&self) -> Result<PathBuf, String> {
        let given = self.global.project_dir.as_deref().unwrap_or(Path::new("."));
        let found =
            given.canonicalize().map_err(|error| format!("the folder {} cannot be read: {error}", given.display()))?;
        let project = found.ancestors().find(|folder| folder.join("suiro.yml").is_file());
        Ok(project.unwrap_or(&found).to_path_buf())
    }

    /// The nodes that are new or other than they were in a commit, what only is described differently included.
    ///
    /// # Errors
    /// As [`Self::compiled_at`].
    pub fn changed_since(&self, commit: &str, now: &Compilation) -> Result<Selection, Exit> {
        let impact = between(&self.compiled_at(commit)?, now);
        let there = impact.changed.iter().filter(|changed| changed.change != Change::Removed);
        Ok(there.filter_map(|changed| now.manifest.find(&changed.name)).collect())
    }
}

/// What the way from one project to another does.
pub fn between(before: &Compilation, after: &Compilation) -> Impact {
    let templates = (|name: &str| before.own_materialization(name), |name: &str| after.own_materialization(name));
    impact(moment(before, &templates.0), moment(after, &templates.1))
}

fn moment<'a>(compilation: &'a Compilation, template: crate::plan::Template<'a>) -> Moment<'a> {
    Moment {
        manifest: &compilation.manifest,
        graph: &compilation.graph,
        settings: &compilation.project.target.settings,
        template,
    }
}
