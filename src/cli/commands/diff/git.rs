//! `suiro diff --git`: what a change of the files does, told without a database.

use super::report;
use crate::{
    cli::{app::App, arguments::Diff, git},
    compile::Compilation,
    diagnostic::{Diagnostic, code::UNREADABLE_COMMIT, exit_of},
    exit::Exit,
    graph::Selection,
    plan::{Impact, Moment, impact},
    run::Statements,
    source::Sources,
};
use std::path::Path;

/// Prints what changed between two commits, or between a commit and the files as they are.
pub fn run(app: &App, arguments: &Diff, range: &str) -> Exit {
    match compared(app, range) {
        Ok((impact, after)) => {
            report::print(app, &impact, (range, &after.diagnostics), arguments.format);
            exit_of(&after.diagnostics)
        }
        Err(exit) => exit,
    }
}

/// What is different, and the project as it is at the end of the range.
fn compared(app: &App, range: &str) -> Result<(Impact, Compilation), Exit> {
    let (from, to) = match range.split_once("..") {
        Some((from, to)) => (from, Some(to).filter(|to| !to.is_empty())),
        None => (range, None),
    };
    let refused = |message: String| {
        let problem = Diagnostic::error(UNREADABLE_COMMIT, message);
        let help = "name commits as git does: `--git main..HEAD`, or `--git main` for the files as they are now";
        app.fail(&[problem.help(help)], &Sources::default())
    };
    let at = |commit: &str| {
        let folder =
            tempfile::tempdir().map_err(|error| refused(format!("no temporary folder can be made: {error}")))?;
        let project = git::check_out(&app.start()?, commit, folder.path()).map_err(refused)?;
        app.compiled_in(&project)
    };
    let before = at(from)?;
    let after = match to {
        Some(commit) => at(commit)?,
        None => app.compiled()?,
    };
    let everything: Selection = after.manifest.iter().map(|(id, _)| id).collect();
    app.judge(&after, &everything);
    let template = |name: &str| before.own_materialization(name);
    let template_after = |name: &str| after.own_materialization(name);
    let found = impact(
        Moment {
            manifest: &before.manifest,
            graph: &before.graph,
            settings: &before.project.target.settings,
            template: &template,
        },
        Moment {
            manifest: &after.manifest,
            graph: &after.graph,
            settings: &after.project.target.settings,
            template: &template_after,
        },
    );
    Ok((found, after))
}

impl App {
    /// The folder of the project that was asked for, or that the current folder is in.
    fn start(&self) -> Result<std::path::PathBuf, Exit> {
        let given = self.global.project_dir.as_deref().unwrap_or(Path::new("."));
        let found = given.canonicalize().map_err(|error| {
            let message = format!("the folder {} cannot be read: {error}", given.display());
            self.fail(&[Diagnostic::error(UNREADABLE_COMMIT, message)], &Sources::default())
        })?;
        let project = found.ancestors().find(|folder| folder.join("suiro.yml").is_file());
        Ok(project.unwrap_or(&found).to_path_buf())
    }
}
