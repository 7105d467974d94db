//! `suiro query`: SQL that only reads, on the target.

use super::show;
use crate::{
    cli::{app::App, arguments::Query},
    exit::Exit,
};

/// Runs the SQL as it is, on a connection that cannot write.
pub fn run(app: &App, arguments: &Query) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    match app.engine(&compilation, true) {
        Ok(engine) => {
            show::print(app, &compilation, engine.as_ref(), &arguments.sql, arguments.limit, arguments.format)
        }
        Err(exit) => exit,
    }
}
