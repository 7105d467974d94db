//! `suiro completions`: words for a shell to complete.

use crate::{
    cli::{
        app::App,
        arguments::{Arguments, Completions},
    },
    exit::Exit,
};
use clap::CommandFactory;

/// Prints the script for a shell.
pub fn run(app: &App, arguments: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "suiro", &mut script);
    app.terminal.data(&String::from_utf8_lossy(&script));
    Exit::Done
}
