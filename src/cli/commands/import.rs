//! `suiro import dbt`: a dbt project as a suiro project, and what needs a hand.

use crate::{
    cli::{
        app::App,
        arguments::{Format, Global, Import, ImportDbt},
    },
    compile::Compilation,
    exit::Exit,
    graph::Selection,
    project::{Imported, import_dbt},
    source::Sources,
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Writes the project, then looks at it as `suiro check` does.
pub fn run(app: &App, arguments: &Import) -> Exit {
    let Import::Dbt(ImportDbt { folder, to, format }) = arguments;
    let to = to.clone().unwrap_or_else(|| beside(folder));
    let imported = match import_dbt(folder, &to) {
        Ok(imported) => imported,
        Err(problem) => return app.fail(&[*problem], &Sources::default()),
    };
    let global = Global { project_dir: Some(to.clone()), target: None, ..app.global.clone() };
    let checker = App { terminal: app.terminal.clone(), global };
    match format {
        Format::Json => {
            for note in &imported.notes {
                app.terminal.data(&json!(note).to_string());
            }
        }
        Format::Text => report(app, &imported, &to),
    }
    // What suiro itself says about the result needs a hand as well; it is no failure of the import.
    if let Ok(compilation) = checker.compiled() {
        checker.judge(&compilation, &everything(&compilation));
    }
    app.terminal.say(&format!("\nNext:\n  cd {}\n  suiro check\n  suiro build", to.display()));
    Exit::Done
}

fn everything(compilation: &Compilation) -> Selection {
    compilation.manifest.iter().map(|(id, _)| id).collect()
}

/// `shop` becomes `shop_suiro`, beside it.
fn beside(folder: &Path) -> PathBuf {
    let named = matches!(folder.components().next_back(), Some(std::path::Component::Normal(_)));
    let whole =
        if named { folder.to_owned() } else { fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()) };
    let name = whole.file_name().map_or_else(|| "dbt".to_owned(), |name| name.to_string_lossy().into_owned());
    whole.with_file_name(format!("{name}_suiro"))
}

fn report(app: &App, imported: &Imported, to: &Path) {
    let kinds = imported.written.iter().filter(|(kind, _)| **kind != "project file");
    let counts: Vec<String> =
        kinds.map(|(kind, count)| format!("{count} {kind}{}", if *count == 1 { "" } else { "s" })).collect();
    let mut text = format!("Wrote {} to {}: {}.\n", imported.name, to.display(), counts.join(", "));
    text.push_str(&format!(
        "{} of {} ref() and source() are plain names now.\n",
        imported.plain,
        imported.plain + imported.kept
    ));
    if imported.notes.is_empty() {
        text.push_str("Nothing needs a hand.\n");
    } else {
        text.push_str("\nLook at these:\n");
    }
    for note in &imported.notes {
        text.push_str(&format!("  {}:{}  {}\n", note.path, note.line, note.found));
        if !note.help.is_empty() {
            text.push_str(&format!("      {}\n", note.help));
        }
    }
    app.terminal.data(&text);
}
