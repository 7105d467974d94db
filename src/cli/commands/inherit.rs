//! What an environment takes over from production when it is built: the past of snapshots, and views of the rest.

use super::{build::Part, origin, plan};
use crate::{
    cli::app::App,
    compile::Compilation,
    diagnostic::{Diagnostic, code::STATEMENT_REFUSED},
    engine::Engine,
    exit::Exit,
    graph::Selection,
    plan::{Action, Wishes},
    run::{Passing, Shown},
    state::{Identity, ReadState, Recorded},
};

/// Begins the snapshots of an environment as copies of production's, where they are not there yet.
///
/// # Errors
/// The exit status, after printing what the database refused.
pub fn inherit(
    app: &App,
    compilation: &Compilation,
    (selection, wishes): (&Selection, &Wishes),
    (part, engine): (Part, &dyn Engine),
) -> Result<(), Exit> {
    let Some(environment) = &compilation.environment else { return Ok(()) };
    let concerned = environment.past.keys().any(|id| selection.contains(id));
    if !concerned || wishes.reset || part == Part::Tests {
        return Ok(());
    }
    let planned = plan::make(app, compilation, (selection, wishes), engine)?;
    let manifest = &compilation.manifest;
    let begins = planned.steps.iter().filter(|step| step.action == Action::Build && step.live.is_none());
    let mut all = Vec::new();
    let mut names = Vec::new();
    for step in begins {
        let (Some((source, columns)), Some(name)) =
            (environment.past.get(&step.node), &manifest.node(step.node).relation)
        else {
            continue;
        };
        // As it is made now, of rows that are not known: the next build adds to it.
        let unknown = |read: &ReadState| ReadState { version: None, ..read.clone() };
        let reads = step.identity.reads.iter().map(|(name, read)| (name.clone(), unknown(read))).collect();
        let version = format!("inherited in run {}", wishes.run);
        let identity = Identity { version, reads, ..step.identity.clone() };
        let recorded =
            Recorded { materialized: "snapshot".to_owned(), identity, run: wishes.run.clone(), ..Recorded::default() };
        all.push((Shown { name: name.clone(), source: source.clone(), columns }, recorded));
        names.push(&manifest.node(step.node).name);
    }
    if all.is_empty() {
        return Ok(());
    }
    let inherited = passing(compilation, engine).inherit(&all, &origin::origin(&compilation.project.root, "build"));
    inherited.map_err(|error| app.refuse(compilation, &error, "production's rows could not be copied"))?;
    for name in names {
        app.terminal.say(&format!("{name} begins with the rows of prod"));
    }
    Ok(())
}

/// Makes views of everything that an environment reads from production.
pub fn complete(app: &App, compilation: &Compilation, engine: &dyn Engine) -> Exit {
    let Some(environment) = &compilation.environment else { return Exit::Done };
    let outside = environment.outside(&compilation.manifest);
    let all: Vec<Shown<'_>> =
        outside.into_iter().map(|(name, source, columns)| Shown { name, source, columns }).collect();
    match passing(compilation, engine).complete(&all) {
        Ok(left) => {
            let made = all.len() - left.len();
            let views = if made == 1 { "1 view shows".to_owned() } else { format!("{made} views show") };
            app.terminal.say(&format!("{views} what is read from prod"));
            let told = |(name, why): &(crate::name::RelationName, String)| {
                Diagnostic::warning(STATEMENT_REFUSED, format!("no view could be made at `{name}`: {why}"))
            };
            app.terminal.diagnostics(&left.iter().map(told).collect::<Vec<_>>(), &compilation.sources);
            Exit::Done
        }
        Err(error) => app.refuse(compilation, &error, "the environment could not be completed"),
    }
}

fn passing<'a>(compilation: &'a Compilation, engine: &'a dyn Engine) -> Passing<'a> {
    Passing {
        manifest: &compilation.manifest,
        engine,
        statements: compilation,
        state_schema: &compilation.project.target.state_schema,
    }
}
