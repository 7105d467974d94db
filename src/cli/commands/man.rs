//! `suiro man`: manual pages, from the same definition as `--help`.

use crate::{
    cli::{
        app::App,
        arguments::{Arguments, Man},
    },
    diagnostic::{Diagnostic, code::NOT_WRITABLE},
    exit::Exit,
    source::Sources,
};
use clap::CommandFactory;

/// Prints the page of suiro itself, or writes those of all commands.
pub fn run(app: &App, arguments: &Man) -> Exit {
    let mut page = Vec::new();
    let written = match &arguments.to {
        None => clap_mangen::Man::new(Arguments::command()).render(&mut page),
        Some(folder) => {
            fs_err::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
        }
    };
    if let Err(error) = written {
        let problem = Diagnostic::error(NOT_WRITABLE, format!("the manual pages cannot be written: {error}"));
        return app.fail(&[problem.help("name a folder that is yours")], &Sources::default());
    }
    match &arguments.to {
        None => app.terminal.data(&String::from_utf8_lossy(&page)),
        Some(folder) => app.terminal.say(&format!("Wrote the manual pages to {}.", folder.display())),
    }
    Exit::Done
}
