//! `suiro init`: a small project that builds as it is; with `--from`, a description of what a database has.

mod sources;

use crate::{
    cli::{app::App, arguments::Init},
    diagnostic::{
        Diagnostic,
        code::{BAD_USAGE, NOT_WRITABLE},
    },
    exit::Exit,
    source::Sources,
};
use include_dir::{Dir, DirEntry, include_dir};
use std::path::Path;

static MODELS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/models");
static MACROS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/macros");
static TESTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/shop");
const PROJECT_FILE: &str = include_str!("../../../suiro.yml");
const IGNORED: &str = "/target\nsuiro.local.yml\n*.duckdb\n*.duckdb.wal\n";

/// Whether somebody's tables lie in the folder.
fn has_tables(folder: &Path) -> bool {
    let entries = fs_err::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| entry.path())
        .any(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")))
}

/// Writes the example; never over a file that is there.
pub fn run(app: &App, arguments: &Init) -> Exit {
    if let Some(target) = &arguments.from {
        return sources::run(app, arguments, target);
    }
    match write(&arguments.folder) {
        Ok(()) => {
            let place = arguments.folder.display();
            if arguments.folder == Path::new(".") {
                app.terminal.say("Made a project here. Next:\n");
            } else {
                app.terminal.say(&format!("Made a project in {place}. Next:\n"));
                app.terminal.say(&format!("  cd {place}"));
            }
            app.terminal.say("  suiro build            build every table and view, in fruit_shop.duckdb");
            app.terminal.say("  suiro ls               list what there is");
            app.terminal.say("  suiro show best_fruits print rows of a model");
            if has_tables(&arguments.folder) {
                app.terminal.say("\nThe .csv files of this folder become tables, too, once they stand below models/.");
            }
            Exit::Done
        }
        Err(diagnostic) => app.fail(&[diagnostic], &Sources::default()),
    }
}

fn write(folder: &Path) -> Result<(), Diagnostic> {
    for taken in ["suiro.yml", "models"] {
        if folder.join(taken).exists() {
            let place = folder.join(taken);
            return Err(Diagnostic::error(BAD_USAGE, format!("`{}` exists already", place.display()))
                .help("nothing was changed; give another folder: `suiro init my_project`"));
        }
    }
    let failed = |error: std::io::Error| {
        Diagnostic::error(NOT_WRITABLE, format!("the project could not be written: {error}"))
            .help("check that the folder is yours and that there is room on the disk")
    };
    fs_err::create_dir_all(folder).map_err(failed)?;
    fs_err::write(folder.join("suiro.yml"), PROJECT_FILE).map_err(failed)?;
    if !folder.join(".gitignore").exists() {
        fs_err::write(folder.join(".gitignore"), IGNORED).map_err(failed)?;
    }
    extract(&MODELS, &folder.join("models")).map_err(failed)?;
    extract(&TESTS, &folder.join("tests/shop")).map_err(failed)?;
    extract(&MACROS, &folder.join("templates/macros")).map_err(failed)
}

fn extract(from: &Dir<'_>, to: &Path) -> std::io::Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in from.entries() {
        let name = entry.path().file_name().unwrap_or_default();
        match entry {
            DirEntry::Dir(inner) => extract(inner, &to.join(name))?,
            DirEntry::File(file) => fs_err::write(to.join(name), file.contents())?,
        }
    }
    Ok(())
}
