//! `suiro diff`: how an environment differs from production, or what a change of the files does.

mod environment;
mod git;
mod report;

use crate::{
    cli::{
        app::App,
        arguments::{Diff, DiffFormat},
    },
    diagnostic::{Diagnostic, code::BAD_USAGE},
    exit::Exit,
    source::Sources,
};

/// Prints the differences.
pub fn run(app: &App, arguments: &Diff) -> Exit {
    match (&arguments.git, arguments.format) {
        (Some(range), _) => git::run(app, arguments, range),
        (None, DiffFormat::Md) => {
            let problem = Diagnostic::error(BAD_USAGE, "differences of an environment are not told in Markdown");
            let problem = problem.help("`--git main..HEAD --format md` tells what a change of the files does");
            app.fail(&[problem], &Sources::default())
        }
        (None, _) => environment::run(app, arguments),
    }
}
