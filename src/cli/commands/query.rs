//! `suiro query`: SQL that only reads, on the target.

use super::show;
use crate::{
    cli::{app::App, arguments::Query},
    exit::Exit,
};

/// What helps where a relation is not found.
const NAMES: &str =
    "names are those of the database here, with their schemas; `suiro show --inline` knows those of the project";

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
            let sql = (arguments.sql.as_str(), Some(NAMES));
            show::print(app, &compilation, engine.as_ref(), sql, arguments.limit, arguments.format)
        }
        Err(exit) => exit,
    }
}
