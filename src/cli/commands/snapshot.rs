//! `suiro snapshot`: brings snapshots up to date, or begins one anew.

use super::build::{self, Part};
use crate::{
    cli::{
        app::App,
        arguments::{Build, Choice, Snapshot, SnapshotCommand},
    },
    diagnostic::{
        Diagnostic,
        code::{BAD_USAGE, NO_SUCH_MODEL},
    },
    exit::Exit,
};

/// Builds snapshots, or begins the history of one anew.
pub fn run(app: &App, arguments: &Snapshot) -> Exit {
    match &arguments.command {
        None => build::run(app, &arguments.build, Part::Snapshots),
        Some(SnapshotCommand::Reset { name, yes }) => reset(app, name, *yes),
    }
}

fn reset(app: &App, name: &str, yes: bool) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let manifest = &compilation.manifest;
    let snapshots = manifest.iter().map(|(_, node)| node).filter(|node| node.is_snapshot());
    let found = manifest.find(name).map(|id| manifest.node(id)).filter(|node| node.is_snapshot());
    let Some(node) = found else {
        let names = snapshots.map(|node| node.name.as_str());
        let problem = Diagnostic::error(NO_SUCH_MODEL, format!("there is no snapshot `{name}`")).suggest(name, names);
        return app.fail(&[problem], &compilation.sources);
    };
    if !yes {
        let message = format!("every version that the snapshot `{}` has kept would be lost", node.name);
        let problem = Diagnostic::error(BAD_USAGE, message).note("nothing was changed");
        let problem = problem.help(format!("if that is meant: `suiro snapshot reset {name} --yes`"));
        return app.fail(&[problem], &compilation.sources);
    }
    let choice = Choice { select: vec![node.name.clone()], ..Choice::default() };
    build::run(app, &Build { choice, reset: true, ..Build::default() }, Part::Snapshots)
}
