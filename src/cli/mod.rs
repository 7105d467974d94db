//! The command line: arguments, colours, progress, exit statuses. Nothing else knows a terminal.

mod app;
mod arguments;
mod commands;
mod environment;
mod git;
mod halt;
mod progress;
mod protection;
mod signals;
mod summary;
mod table;
mod terminal;

use crate::{
    diagnostic::{
        Diagnostic,
        code::{BAD_USAGE, NOT_WRITABLE},
    },
    exit::Exit,
    source::Sources,
};
use app::App;
use arguments::{Arguments, Catalog, Command, Docs, Template};
use clap::{
    Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use commands::build::Part;
use std::{io::Write, process::ExitCode};
use terminal::{Loudness, Terminal};

/// Runs the program with this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let loudness = match (arguments.global.quiet, arguments.global.verbose) {
        (true, _) => Loudness::Quiet,
        (_, true) => Loudness::Verbose,
        _ => Loudness::Normal,
    };
    let terminal = Terminal::new(arguments.global.color, loudness);
    let app = App { terminal, global: arguments.global };
    if let Some(path) = &app.global.log_file
        && let Err(error) = app.terminal.log_to(path)
    {
        let problem = Diagnostic::error(NOT_WRITABLE, format!("the log file cannot be written: {error}"));
        let problem = problem.help("name a file in a folder that exists and is yours");
        return ExitCode::from(app.fail(&[problem], &Sources::default()).status());
    }
    ExitCode::from(carry_out(&app, &arguments.command).status())
}

/// What people call by the name that it has in dbt.
const ELSEWHERE: [(&str, &str); 5] = [
    ("deps", "suiro downloads nothing: name a folder with macros of others in `template_paths` of suiro.yml."),
    ("parse", "`suiro check` reads everything and says what is wrong."),
    ("retry", "`suiro build` again does it; what was published stays until then."),
    ("run-operation", "Templates never act on the database; SQL that does belongs into hooks."),
    ("source", "`suiro freshness` tells how old sources are."),
];

/// Help and version are answers; anything else that clap refuses is wrong usage, which never exits with 2.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _gone = error.print();
        return ExitCode::from(Exit::Done.status());
    }
    // The same head as every other error, with its code.
    let head = format!("error[{}]:", BAD_USAGE.id);
    let mut text = error.render().ansi().to_string().replacen("error:", &head, 1);
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(command)) = error.get(ContextKind::InvalidSubcommand)
        && let Some((_, instead)) = ELSEWHERE.iter().find(|(name, _)| name == command)
    {
        text.push_str(&format!("\n{instead}\n"));
    }
    let _gone = anstream::stderr().lock().write_all(text.as_bytes());
    ExitCode::from(Exit::Usage.status())
}

fn carry_out(app: &App, command: &Command) -> Exit {
    match command {
        Command::Init(arguments) => commands::init::run(app, arguments),
        Command::Ls(arguments) => commands::ls::run(app, arguments),
        Command::Check(arguments) => commands::check::run(app, arguments),
        Command::Compile(arguments) => commands::compile::run(app, arguments),
        Command::Plan(arguments) => commands::plan::run(app, arguments),
        Command::Build(arguments) => commands::build::run(app, arguments, Part::Everything),
        Command::Run(arguments) => commands::build::run(app, arguments, Part::Models),
        Command::Seed(arguments) => commands::build::run(app, arguments, Part::Seeds),
        Command::Snapshot(arguments) => commands::snapshot::run(app, arguments),
        Command::Test(arguments) => match arguments.engine {
            Some(engine) => commands::unit::run(app, &arguments.build, engine),
            None => commands::build::run(app, &arguments.build, Part::Tests),
        },
        Command::Lineage(arguments) => commands::lineage::run(app, arguments),
        Command::Why(arguments) => commands::why::run(app, arguments),
        Command::Status(arguments) => commands::status::run(app, arguments),
        Command::History(arguments) => commands::history::run(app, arguments),
        Command::Hold(arguments) => commands::hold::run(app, arguments),
        Command::Rollback(arguments) => commands::rollback::run(app, arguments),
        Command::Verify(arguments) => commands::verify::run(app, arguments),
        Command::VerifyIdempotent(arguments) => commands::verify_idempotent::run(app, arguments),
        Command::Diff(arguments) => commands::diff::run(app, arguments),
        Command::Adopt(arguments) => commands::adopt::run(app, arguments),
        Command::Prune(arguments) => commands::prune::run(app, arguments),
        Command::Show(arguments) => commands::show::run(app, arguments),
        Command::Query(arguments) => commands::query::run(app, arguments),
        Command::Catalog { command: Catalog::Refresh } => commands::catalog_refresh::run(app),
        Command::Catalog { command: Catalog::Values { names } } => commands::catalog::values(app, names),
        Command::Docs { command: Docs::Generate(arguments) } => commands::docs::generate(app, arguments),
        Command::Docs { command: Docs::Serve(arguments) } => commands::docs::serve(app, arguments),
        Command::Docs { command: Docs::Graph(arguments) } => commands::docs::graph(app, arguments),
        Command::Docs { command: Docs::Artifacts(arguments) } => commands::docs::artifacts(app, arguments),
        Command::Import(arguments) => commands::import::run(app, arguments),
        Command::Freshness(arguments) => commands::freshness::run(app, arguments),
        Command::Debug(arguments) => commands::debug::run(app, arguments),
        Command::Template { command: Template::Test(arguments) } => commands::template::test(app, arguments),
        Command::Env { command } => commands::env::run(app, command),
        Command::Clean => commands::clean::run(app),
        Command::Explain(arguments) => commands::explain::run(app, arguments),
        Command::Completions(arguments) => commands::completions::run(app, arguments),
        Command::Man(arguments) => commands::man::run(app, arguments),
    }
}
