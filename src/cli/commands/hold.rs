//! `suiro hold`: keeps models at their version, or lets go of them.

use super::plan;
use crate::{
    cli::{
        app::App,
        arguments::{Choice, Hold},
    },
    diagnostic::{Diagnostic, code::RELATION_MISSING},
    exit::Exit,
    graph::Selection,
    manifest::{Manifest, NodeId},
    plan::Known,
    run::Upkeep,
};

/// Holds models, or lets go of them.
pub fn run(app: &App, arguments: &Hold) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let choice = Choice { select: arguments.selector.clone(), exclude: Vec::new() };
    let selection = match app.selection(&compilation, &choice) {
        Ok(selection) => compilation.within(&selection),
        Err(exit) => return exit,
    };
    let engine = match app.engine(&compilation, false) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let known = match plan::look(app, &compilation, &Selection::new(), engine.as_ref()) {
        Ok(known) => known,
        Err(error) => return app.refuse(&compilation, &error, "the state could not be read"),
    };
    let manifest = &compilation.manifest;
    let chosen: Vec<NodeId> = selection.into_iter().filter(|id| manifest.node(*id).is_built()).collect();
    let problems = if arguments.release { Vec::new() } else { without_version(manifest, &known, &chosen) };
    if !problems.is_empty() {
        return app.fail(&App::placed(&compilation, &problems), &compilation.sources);
    }
    let recorded = |id: &NodeId| {
        let relation = manifest.node(*id).relation.as_ref()?;
        Some((*id, relation.clone(), known.state.relations.get(relation)?))
    };
    let concerned = chosen.iter().filter_map(recorded).filter(|(_, _, one)| !arguments.release || one.held.is_some());
    let concerned: Vec<_> = concerned.collect();
    if concerned.is_empty() {
        app.terminal.say(if arguments.release { "Nothing of that is held." } else { "Nothing of that is built." });
        return Exit::Done;
    }
    let relations: Vec<_> = concerned.iter().map(|(_, relation, _)| relation.clone()).collect();
    let upkeep = Upkeep {
        manifest,
        engine: engine.as_ref(),
        statements: &compilation,
        state_schema: &compilation.project.target.state_schema,
    };
    if let Err(error) = upkeep.hold(&relations, arguments.why.as_deref()) {
        return app.refuse(&compilation, &error, "nothing was changed");
    }
    for (id, _, recorded) in concerned {
        let name = &manifest.node(id).name;
        app.terminal.say(&match &arguments.why {
            Some(_) => format!("Held {name} at the version of run {}", recorded.run),
            None => format!("Released {name}: the next build goes on with it"),
        });
    }
    plan::remember(app, &compilation, engine.as_ref());
    Exit::Done
}

/// What has no version that it could be held at.
fn without_version(manifest: &Manifest, known: &Known, chosen: &[NodeId]) -> Vec<Diagnostic> {
    let nodes = chosen.iter().map(|id| manifest.node(*id));
    let bare = nodes.filter(|node| node.relation.as_ref().is_some_and(|relation| known.recorded(relation).is_none()));
    bare.map(|node| {
        let message = format!("`{}` was not built here, so there is no version of it to hold", node.name);
        let help = format!("build it first: `suiro build --select {}`", node.name);
        Diagnostic::error(RELATION_MISSING, message).help(help).of_node(node.name.clone())
    })
    .collect()
}
