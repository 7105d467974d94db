//! `suiro freshness`: how old the rows of sources are, and whether they may be.

use crate::{
    cli::{
        app::App,
        arguments::{Format, Listing},
    },
    compile::Compilation,
    diagnostic::{Diagnostic, code::STALE_SOURCE, exit_of},
    engine::{Connection, EngineError},
    exit::Exit,
    graph::Selection,
    manifest::NodeKind,
    name::RelationName,
    project::{Freshness, SourceTable},
    run::{Statements, refusal},
};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

/// How a table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Pass,
    Warn,
    Error,
}

impl Standing {
    const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// What the database says about one table.
struct Age {
    /// Nothing if there are no rows.
    seconds: Option<f64>,
    /// When the newest row arrived, in UTC.
    moment: Option<String>,
}

/// Asks about the selected sources that say how old they may be.
pub fn run(app: &App, arguments: &Listing) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let selection = match app.selection(&compilation, &arguments.choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let manifest = &compilation.manifest;
    let sources: Selection = selection.into_iter().filter(|id| manifest.node(*id).kind == NodeKind::Source).collect();
    let exit = app.judge(&compilation, &sources);
    let selected: BTreeSet<&RelationName> =
        sources.iter().filter_map(|id| manifest.node(*id).relation.as_ref()).collect();
    let asked: Vec<&SourceTable> = compilation
        .project
        .source_tables
        .iter()
        .filter(|table| table.enabled && table.freshness.is_some() && selected.contains(&table.relation))
        .collect();
    if asked.is_empty() {
        app.terminal.say("No selected source says how old it may be (`freshness:`).");
        return exit;
    }
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let place = engine.place();
    let connected = engine.connect("freshness").and_then(|connection| {
        let database = crate::run::database(engine.as_ref())?;
        Ok((connection, database))
    });
    let (mut connection, database) = match connected {
        Ok(connected) => connected,
        Err(error) => return app.refuse(&compilation, &error, &format!("`{place}` does not answer")),
    };
    let mut found = Vec::new();
    for table in asked {
        found.extend(look(app, &compilation, connection.as_mut(), database.as_deref(), (table, arguments.format)));
    }
    app.terminal.diagnostics(&found, &compilation.sources);
    exit.or(exit_of(&found))
}

/// Asks about one table and prints its line; what is wrong with it.
fn look(
    app: &App,
    compilation: &Compilation,
    connection: &mut dyn Connection,
    database: Option<&str>,
    (table, format): (&SourceTable, Format),
) -> Option<Diagnostic> {
    let allowed = table.freshness.as_ref()?;
    let name = format!("{}.{}", table.source, table.name.value);
    if table.loaded_at.is_none() && table.version.is_none() {
        let problem = Diagnostic::error(STALE_SOURCE, format!("nothing says how old `{name}` is"));
        return Some(
            problem.at(allowed.span, "").help("give it `loaded_at`, the column of the time when a row arrived"),
        );
    }
    let age = match age(compilation, connection, database, table) {
        Ok(age) => age,
        Err(error) => {
            let at = table.loaded_at.as_ref().or(table.version.as_ref()).map_or(allowed.span, |given| given.span);
            return Some(refusal(&error, &format!("the age of `{name}` could not be asked")).at(at, ""));
        }
    };
    let (standing, limit) = judge(&allowed.value, age.seconds);
    let words = age.seconds.map_or_else(|| "no rows".to_owned(), |seconds| format!("{} old", long(seconds)));
    match format {
        Format::Json => {
            let seconds = |age: Option<Duration>| age.map(|age| age.as_secs());
            let line = json!({
                "name": name,
                "status": standing.word(),
                "loaded_at": age.moment,
                "age_seconds": age.seconds.map(f64::round),
                "warn_after_seconds": seconds(allowed.value.warn_after),
                "error_after_seconds": seconds(allowed.value.error_after),
            });
            app.terminal.data(&line.to_string());
        }
        Format::Text => {
            let moment = age.moment.map(|moment| format!(", {moment}")).unwrap_or_default();
            app.terminal.data(&format!("{:<5} {name}  {words}{moment}", standing.word()));
        }
    }
    let (code, limit) = (STALE_SOURCE, limit?);
    let is = if age.seconds.is_some() { format!("is {words}") } else { format!("has {words}") };
    let message = |what: &str| format!("`{name}` {is}, and more than {} are {what}", long(limit.as_secs_f64()));
    let diagnostic = match standing {
        Standing::Pass => return None,
        Standing::Warn => Diagnostic::warning(code, message("a warning")),
        Standing::Error => Diagnostic::error(code, message("an error")),
    };
    Some(diagnostic.at(allowed.span, ""))
}

fn age(
    compilation: &Compilation,
    connection: &mut dyn Connection,
    database: Option<&str>,
    table: &SourceTable,
) -> Result<Age, EngineError> {
    let mut values = compilation.arrival(table, database);
    if let Some(values) = values.as_object_mut() {
        let filter = table.freshness.as_ref().and_then(|given| given.value.filter.as_ref());
        values.insert("filter".to_owned(), json!(filter));
    }
    let mut age = Age { seconds: None, moment: None };
    for statement in compilation.publish("age", &values).unwrap_or_default() {
        for row in connection.query(&statement.text, Some(1))?.rows {
            let mut row = row.into_iter();
            age.seconds = row.next().flatten().and_then(|text| text.parse().ok());
            age.moment = row.next().flatten();
        }
    }
    Ok(age)
}

/// How a table of that age stands, and the limit that it passed. Without rows it passed them all.
fn judge(allowed: &Freshness, age: Option<f64>) -> (Standing, Option<Duration>) {
    let passed = |limit: &Duration| age.is_none_or(|age| age > limit.as_secs_f64());
    match (allowed.error_after.filter(passed), allowed.warn_after.filter(passed)) {
        (Some(limit), _) => (Standing::Error, Some(limit)),
        (None, Some(limit)) => (Standing::Warn, Some(limit)),
        (None, None) => (Standing::Pass, None),
    }
}

/// A time in the largest unit that says enough: `90 seconds`, `3 hours`, `5 days`.
fn long(seconds: f64) -> String {
    for (unit, word) in [(86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")] {
        if seconds >= 2.0 * unit {
            return format!("{:.0} {word}", (seconds / unit).floor());
        }
    }
    format!("{seconds:.0} seconds")
}

#[cfg(test)]
mod tests {
    use super::{Standing, judge, long};
    use crate::project::Freshness;
    use std::time::Duration;

    #[test]
    fn the_worse_limit_counts_and_no_rows_pass_every_one() {
        let of = |warn: Option<u64>, error: Option<u64>| Freshness {
            warn_after: warn.map(Duration::from_secs),
            error_after: error.map(Duration::from_secs),
            filter: None,
        };
        for (allowed, age, expected) in [
            (of(Some(10), Some(20)), Some(5.0), Standing::Pass),
            (of(Some(10), Some(20)), Some(10.0), Standing::Pass),
            (of(Some(10), Some(20)), Some(10.1), Standing::Warn),
            (of(Some(10), Some(20)), Some(20.1), Standing::Error),
            (of(Some(10), None), Some(99.0), Standing::Warn),
            (of(None, Some(20)), Some(15.0), Standing::Pass),
            (of(None, Some(20)), None, Standing::Error),
            (of(Some(10), None), None, Standing::Warn),
            (of(Some(10), Some(20)), Some(-30.0), Standing::Pass),
        ] {
            assert_eq!(judge(&allowed, age).0, expected, "{allowed:?} {age:?}");
        }
        assert_eq!([long(90.0), long(7_300.0), long(259_300.0)], ["90 seconds", "2 hours", "3 days"]);
    }
}
