//! `suiro explain`: the page of an error code.

use crate::{
    cli::{app::App, arguments::Explain},
    diagnostic::{
        Diagnostic,
        code::{ALL, BAD_USAGE, find},
    },
    exit::Exit,
    source::Sources,
};
use include_dir::{Dir, include_dir};

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/docs/errors");

/// Prints the page of a code, or the list of all codes.
pub fn run(app: &App, arguments: &Explain) -> Exit {
    let Some(wanted) = &arguments.code else {
        let lines: Vec<String> = ALL.iter().map(|code| format!("{}  {}", code.id, code.title)).collect();
        app.terminal.data(&lines.join("\n"));
        return Exit::Done;
    };
    let Some(code) = find(wanted) else {
        let problem = Diagnostic::error(BAD_USAGE, format!("there is no error code `{wanted}`"));
        let problem = problem.suggest(wanted, ALL.iter().map(|code| code.id)).help("`suiro explain` lists all codes");
        return app.fail(&[problem], &Sources::default());
    };
    let page = PAGES.get_file(format!("{}.md", code.id)).and_then(include_dir::File::contents_utf8);
    app.terminal.data(page.unwrap_or(code.title));
    Exit::Done
}
