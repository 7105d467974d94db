//! Runs that several processes have a part in: those of one run key, and one that is taken up again.

use super::{build::Part, origin};
use crate::{
    cli::{
        app::App,
        arguments::{Build, Choice},
    },
    compile::Compilation,
    engine::{Engine, EngineError},
    exit::Exit,
    run::{self, Beginning, Last, Nobody, Observer, Origin, Session},
    state::{Chosen, SharedRun},
};

/// What is asked for, as it is noted for whoever takes the run up.
pub fn chosen(arguments: &Build) -> Chosen {
    let Choice { select, exclude } = &arguments.choice;
    Chosen { select: select.clone(), exclude: exclude.clone(), full_refresh: arguments.full_refresh }
}

/// Whether everything is asked for.
pub fn is_everything(chosen: &Chosen) -> bool {
    chosen.select.is_empty() && chosen.exclude.is_empty()
}

/// The arguments with what the run was asked for that is taken up.
pub fn as_before(arguments: &Build, keyed: &SharedRun) -> Build {
    let Chosen { select, exclude, full_refresh } = keyed.chosen.clone();
    Build {
        choice: Choice { select, exclude },
        full_refresh: full_refresh || arguments.full_refresh,
        ..arguments.clone()
    }
}

/// The run that this process has a part in: that of its key, begun by it if it is the first, or the one that it takes up.
///
/// # Errors
/// The exit status, after printing why it could not begin.
pub fn of(
    app: &App,
    compilation: &Compilation,
    (engine, observer): (&dyn Engine, &dyn Observer),
    (arguments, part, taken): (&Build, Part, Option<SharedRun>),
    (run, origin, chosen): (&str, &Origin, &Chosen),
) -> Result<Option<SharedRun>, Exit> {
    let Some(run_key) = arguments.run_key.as_deref().filter(|_| part != Part::Tests) else {
        return Ok(taken.filter(|_| part != Part::Tests));
    };
    let begun = || -> Result<SharedRun, EngineError> {
        let database = run::database(engine)?;
        let mut session = Session::new(engine.connect(run)?, observer);
        beginning(compilation, (database.as_deref(), origin, run)).keyed(&mut session, run_key, chosen)
    };
    begun().map(Some).map_err(|error| app.refuse(compilation, &error, "the run could not begin"))
}

/// The last run of the command, where it is to be taken up.
///
/// # Errors
/// The exit status: after printing why it cannot be taken up, or that it is done.
pub fn taken_up(
    app: &App,
    compilation: &Compilation,
    (arguments, verb): (&Build, &str),
) -> Result<Option<SharedRun>, Exit> {
    if !arguments.retry {
        return Ok(None);
    }
    let engine = app.engine(compilation, true)?;
    let origin = origin::origin(&compilation.project.root, verb);
    let last = || -> Result<Last, EngineError> {
        let database = run::database(engine.as_ref())?;
        let mut session = Session::new(engine.connect("retry")?, &Nobody);
        beginning(compilation, (database.as_deref(), &origin, "retry")).last(&mut session)
    };
    match last().map_err(|error| app.refuse(compilation, &error, "the last run cannot be taken up"))? {
        Last::Unfinished(keyed) => {
            app.terminal.say(&format!("Taking up run {} of {}", keyed.run, keyed.logical_time));
            Ok(Some(keyed))
        }
        Last::Done(run) => {
            app.terminal.say(&format!("Nothing to take up: the last {verb}, run {run}, is done"));
            Err(Exit::Done)
        }
        Last::None => {
            app.terminal.say(&format!("Nothing to take up: there was no {verb} yet"));
            Err(Exit::Done)
        }
    }
}

fn beginning<'a>(
    compilation: &'a Compilation,
    (database, origin, run): (Option<&'a str>, &'a Origin, &'a str),
) -> Beginning<'a> {
    Beginning {
        manifest: &compilation.manifest,
        statements: compilation,
        schema: &compilation.project.target.state_schema,
        database,
        origin,
        run,
    }
}
