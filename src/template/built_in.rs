//! The templates that come with suiro, compiled into the program.

use include_dir::{Dir, include_dir};

static MACROS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates/macros");

/// What stands before the paths of built-in files, so that no file of a project has the same.
const PREFIX: &str = "<suiro>/templates/macros/";

/// The built-in macros: path for people and text, in the order of their paths.
///
/// They become [`super::MacroFile`]s of layer 0.
#[must_use]
pub fn built_in_macros() -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    collect(&MACROS, &mut found);
    found.sort();
    found
}

fn collect(folder: &Dir<'static>, found: &mut Vec<(String, &'static str)>) {
    for file in folder.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        if let Some(text) = file.contents_utf8().filter(|_| path.ends_with(".sql.jinja")) {
            found.push((format!("{PREFIX}{path}"), text));
        }
    }
    for folder in folder.dirs() {
        collect(folder, found);
    }
}
