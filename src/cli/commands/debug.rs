//! `suiro debug`: whether the target can be worked on, each finding with a way out.

use crate::{
    cli::{
        app::App,
        arguments::{Debug, Format},
    },
    exit::Exit,
};
use serde_json::json;

/// Prints where the target is, whether it answers, and what the role may do there.
pub fn run(app: &App, arguments: &Debug) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    if arguments.install_extensions {
        match engine.install_extensions() {
            Ok(installed) if installed.is_empty() => app.terminal.say("The target names no extensions to install."),
            Ok(installed) => app.terminal.say(&format!("Installed {}.", installed.join(", "))),
            Err(error) => return app.refuse(&compilation, &error, "nothing more was installed"),
        }
    }
    let place = engine.place();
    let version = match engine.version() {
        Ok(version) => version,
        Err(error) => return app.refuse(&compilation, &error, &format!("`{place}` does not answer")),
    };
    let manifest = &compilation.manifest;
    let facts = [
        ("suiro", env!("CARGO_PKG_VERSION").to_owned()),
        ("project", format!("{} ({})", manifest.project, compilation.project.root.display())),
        ("target", format!("{} ({})", manifest.target, manifest.dialect.name())),
        ("place", place),
        ("version", version),
        ("schema", manifest.schema.clone()),
        ("threads", compilation.project.target.threads.to_string()),
    ];
    match arguments.format {
        Format::Json => {
            for (name, value) in &facts {
                app.terminal.data(&json!({"name": name, "value": value}).to_string());
            }
        }
        Format::Text => {
            let lines: Vec<String> = facts.iter().map(|(name, value)| format!("{name:<8} {value}")).collect();
            app.terminal.data(&lines.join("\n"));
            app.terminal.say("The target answers.");
        }
    }
    Exit::Done
}
