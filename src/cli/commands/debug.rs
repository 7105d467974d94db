//! `suiro debug`: whether the target can be worked on, each finding with a way out.

use crate::{
    cli::{
        app::App,
        arguments::{Debug, Format},
    },
    compile::Compilation,
    diagnostic::{Diagnostic, code::BAD_USAGE},
    dialect::Dialect,
    engine::{Connection, Engine, EngineError},
    exit::Exit,
    name::RelationName,
    project::TargetKind,
    run::{Statements, refusal},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr;

/// One thing that was looked at.
struct Finding {
    what: String,
    said: String,
    /// What to do; nothing if it is well.
    fix: Option<String>,
}

impl Finding {
    fn fact(what: &str, said: impl Into<String>) -> Self {
        Self { what: what.to_owned(), said: said.into(), fix: None }
    }
}

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
    if arguments.print_grants {
        return print_grants(app, &compilation, engine.as_ref(), arguments.role.as_deref());
    }
    let mut findings = facts(&compilation, engine.as_ref());
    let looked = look(&compilation, engine.as_ref(), &mut findings);
    print(app, &findings, arguments.format);
    match looked {
        Err(error) => {
            let what = format!("`{}` does not answer as it should", engine.place());
            app.fail(&[refusal(&error, &what)], &compilation.sources)
        }
        Ok(()) => {
            let wrong = findings.iter().filter(|finding| finding.fix.is_some()).count();
            match wrong {
                0 => app.terminal.say("The target answers, and the role may do what it has to."),
                1 => app.terminal.say("The target answers; one thing is to be mended."),
                many => app.terminal.say(&format!("The target answers; {many} things are to be mended.")),
            }
            if wrong == 0 { Exit::Done } else { Exit::Database }
        }
    }
}

/// What is known without asking the database.
fn facts(compilation: &Compilation, engine: &dyn Engine) -> Vec<Finding> {
    let manifest = &compilation.manifest;
    vec![
        Finding::fact("suiro", env!("CARGO_PKG_VERSION")),
        Finding::fact("project", format!("{} ({})", manifest.project, compilation.project.root.display())),
        Finding::fact("target", format!("{} ({})", manifest.target, manifest.dialect.name())),
        Finding::fact("place", engine.place()),
        Finding::fact("schema", manifest.schema.clone()),
        Finding::fact("threads", compilation.project.target.threads.to_string()),
    ]
}

/// Asks the database.
fn look(compilation: &Compilation, engine: &dyn Engine, findings: &mut Vec<Finding>) -> Result<(), EngineError> {
    findings.push(Finding::fact("version", engine.version()?));
    // A pooler that does not keep sessions is refused here.
    let mut connection = engine.connect("debug")?;
    if engine.dialect() == Dialect::Postgres {
        findings.push(Finding::fact("sessions", "kept, by the server itself or by the pooler in between"));
    }
    let settings = engine.session_settings();
    let written = settings.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    findings.push(Finding::fact("settings", written.join(" ")));
    let staging = compilation.project.target.staging_schemas();
    let values = json!({"schemas": schemas(compilation), "sources": sources(compilation), "lent": !staging.is_empty()});
    for row in asked(compilation, connection.as_mut(), "debug", &values)? {
        let mut row = row.into_iter().map(Option::unwrap_or_default);
        let (what, well, said, fix) = (row.next(), row.next(), row.next(), row.next());
        let fix = fix.filter(|_| !matches!(well.as_deref(), Some("t" | "true")));
        findings.push(Finding { what: what.unwrap_or_default(), said: said.unwrap_or_default(), fix });
    }
    Ok(())
}

fn asked(
    compilation: &Compilation,
    connection: &mut dyn Connection,
    step: &str,
    values: &Value,
) -> Result<Vec<Vec<Option<String>>>, EngineError> {
    let mut rows = Vec::new();
    for statement in compilation.publish(step, values).unwrap_or_default() {
        rows.extend(connection.query(&statement.text, None)?.rows);
    }
    Ok(rows)
}

/// The schemas that models and seeds stand in; where the role is lent schemas to stage in and may make none, those and
/// the one of the state, too.
fn schemas(compilation: &Compilation) -> BTreeSet<String> {
    let nodes = compilation.manifest.nodes.iter().filter(|node| node.is_built());
    let schemas = nodes.filter_map(|node| node.relation.as_ref()).map(|relation| relation.schema.to_string());
    let target = &compilation.project.target;
    let state = (!target.staging_schemas().is_empty()).then(|| target.state_schema.clone());
    let lent = target.staging_schemas().iter().cloned().chain(state);
    schemas.chain([compilation.manifest.schema.clone()]).chain(lent).collect()
}

/// The tables of the database that somebody else fills.
fn sources(compilation: &Compilation) -> BTreeSet<&RelationName> {
    let tables = compilation.project.source_tables.iter().filter(|table| table.enabled && table.location.is_none());
    tables.map(|table| &table.relation).filter(|relation| relation.database.is_none()).collect()
}

fn print(app: &App, findings: &[Finding], format: Format) {
    if format == Format::Json {
        for Finding { what, said, fix } in findings {
            let line = json!({"name": what, "value": said, "ok": fix.is_none(), "fix": fix});
            app.terminal.data(&line.to_string());
        }
        return;
    }
    let widest = findings.iter().map(|finding| finding.what.width()).max().unwrap_or(0).min(40);
    for finding in findings {
        let padding = " ".repeat(widest.saturating_sub(finding.what.width()));
        let mark = if finding.fix.is_some() { "FAIL" } else { "ok  " };
        app.terminal.data(&format!("{mark} {}{padding}  {}", finding.what, finding.said));
        if let Some(fix) = finding.fix.as_ref().filter(|fix| !fix.is_empty()) {
            app.terminal.data(&format!("     {:widest$}  fix: {fix}", ""));
        }
    }
}

/// Prints the SQL that an administrator runs so that a role can build this project.
fn print_grants(app: &App, compilation: &Compilation, engine: &dyn Engine, role: Option<&str>) -> Exit {
    let fail = |problem: Diagnostic| app.fail(&[problem], &compilation.sources);
    let TargetKind::Postgres(target) = &compilation.project.target.kind else {
        let problem = Diagnostic::error(BAD_USAGE, "DuckDB knows no rights, so there is nothing to grant");
        return fail(problem.help("choose a PostgreSQL target with `--target`"));
    };
    // The role may not be able to log in yet: what the target says will do.
    let asked = engine.connect("debug").and_then(|mut connection| {
        let rows = connection.query("select current_database(), current_user", None)?.rows;
        Ok(rows.into_iter().next().unwrap_or_default())
    });
    let mut asked = asked.unwrap_or_default().into_iter();
    let (database, user) = (asked.next().flatten(), asked.next().flatten());
    let role = role.map(str::to_owned).or_else(|| target.role.clone()).or(user).or_else(|| target.user.clone());
    let database = database.or_else(|| target.dbname.clone());
    let (Some(role), Some(database)) = (role, database) else {
        let problem =
            Diagnostic::error(BAD_USAGE, "the role or the database is not known, and the server does not answer");
        return fail(problem.help("name the role, `--role NAME`, and `dbname` in the target"));
    };
    let sources = sources(compilation);
    let source_schemas: BTreeSet<String> = sources.iter().map(|relation| relation.schema.to_string()).collect();
    let values = json!({
        "database": database,
        "role": role,
        "schemas": schemas(compilation),
        "lent": !compilation.project.target.staging_schemas().is_empty(),
        "source_schemas": source_schemas,
        "sources": sources,
    });
    match compilation.publish("rights", &values) {
        Ok(statements) => {
            let lines: Vec<String> = statements.iter().map(|statement| format!("{};", statement.text.trim())).collect();
            app.terminal.data(&lines.join("\n"));
            Exit::Done
        }
        Err(problems) => app.fail(&problems, &compilation.sources),
    }
}
