//! `suiro clean`: removes what suiro wrote below `target/`, and nothing else.

use crate::{artifact::Store, cli::app::App, exit::Exit};

/// Removes artifacts.
pub fn run(app: &App) -> Exit {
    // A project that does not compile can be cleaned all the same, as long as it can be found.
    let root = match app.compiled() {
        Ok(compilation) => compilation.project.root,
        Err(exit) => return exit,
    };
    match Store::of(&root).clean() {
        Ok(removed) if removed.is_empty() => app.terminal.say("Nothing to remove."),
        Ok(removed) => {
            for place in removed {
                app.terminal.say(&format!("Removed {}", place.display()));
            }
        }
        Err(diagnostic) => return app.fail(&[diagnostic], &crate::source::Sources::default()),
    }
    Exit::Done
}
