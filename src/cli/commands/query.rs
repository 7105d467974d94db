//! `suiro query`: SQL that only reads, on the target.

use super::show;
use crate::{
    cli::{app::App, arguments::Query},
    exit::Exit,
};

/// Runs the SQL as it is, on a connection that cannot write.
pub fn run(app: &App, arguments: &Query) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    match app.engine(&compilation, true) {
        Ok(engine) => {
            show::print(app, &compilation, engine.as_ref(), &arguments.sql, arguments.limit, arguments.format)
        }
        Err(exit) => exit,
    }
}
