//! `suiro diff --env`: how an environment differs from production.

use crate::{
    cli::{
        app::App,
        arguments::{Diff, DiffFormat},
        commands::plan,
        environment::PRODUCTION,
        table,
    },
    compile::Compilation,
    diagnostic::{
        Diagnostic,
        code::{BAD_ENVIRONMENT, NO_SUCH_COLUMN},
    },
    engine::{Engine, EngineError},
    exit::Exit,
    graph::Selection,
    manifest::NodeId,
    name::RelationName,
    plan::{Change, ColumnChange, Contrast, Known, Production, Wishes, contrast_columns, contrasts, removed},
    run::{self, RowContrast, RowQuestion},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Prints how the environment differs from production.
pub fn run(app: &App, arguments: &Diff) -> Exit {
    let mut compilation = match app.compiled_with(arguments.data) {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let Some(name) = app.global.env.clone().filter(|name| *name != PRODUCTION) else {
        let problem =
            Diagnostic::error(BAD_ENVIRONMENT, "production is compared with nothing else than an environment");
        return app.fail(&[problem.help("say which: `suiro diff --env dev_ann`")], &compilation.sources);
    };
    let selection = match app.selection(&compilation, &arguments.choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let exit = app.judge(&compilation, &selection);
    let known = match app.production(&compilation) {
        Ok(known) => known,
        Err(exit) => return exit,
    };
    let relation = |(id, node): (NodeId, &crate::manifest::Node)| Some((id, node.relation.clone()?));
    let names: BTreeMap<NodeId, RelationName> = compilation.manifest.iter().filter_map(relation).collect();
    let all: Selection = compilation.manifest.iter().map(|(id, _)| id).collect();
    let planned = plan::of(&compilation, (&all, &Wishes::default()), &known);
    let identities = planned.steps.into_iter().map(|step| (step.node, step.identity)).collect();
    let gone = if arguments.choice.select.is_empty() { removed(&compilation.manifest, &known) } else { Vec::new() };
    if let Err(exit) = app.enter_known(&mut compilation, &name, known.clone()) {
        return exit;
    }
    if !app.has_environment(&compilation) {
        return nothing_there(app, &compilation, &name);
    }
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let here = match plan::look(app, &compilation, &Selection::new(), engine.as_ref()) {
        Ok(here) => here,
        Err(error) => return app.refuse(&compilation, &error, "the environment could not be read"),
    };
    if !here.state.exists {
        return nothing_there(app, &compilation, &name);
    }
    let own: BTreeSet<NodeId> = compilation
        .environment
        .iter()
        .flat_map(|environment| environment.own.iter().copied())
        .filter(|id| selection.contains(id) && compilation.manifest.node(*id).is_built())
        .collect();
    let production = Production { known: &known, names: &names, identities: &identities };
    let mut found = contrasts(&compilation.manifest, &own, &production, &here);
    found.extend(gone);
    let diff = Differences { app, compilation: &compilation, production: &known, here: &here };
    let rows = match arguments.data.then(|| diff.rows(engine.as_ref(), &found, arguments)).transpose() {
        Ok(rows) => rows.unwrap_or_default(),
        Err(problem) => return app.fail(&[*problem], &compilation.sources),
    };
    match arguments.format {
        DiffFormat::Json => {
            let lines: Vec<String> =
                found.iter().enumerate().map(|(at, one)| diff.object(one, rows.get(&at)).to_string()).collect();
            app.terminal.data(&lines.join("\n"));
        }
        DiffFormat::Text | DiffFormat::Md => diff.print(&found, &rows, (&name, arguments.data)),
    }
    exit
}

fn nothing_there(app: &App, compilation: &Compilation, name: &str) -> Exit {
    let problem = Diagnostic::error(BAD_ENVIRONMENT, format!("there is no environment `{name}` yet"));
    app.fail(&[problem.help(format!("`suiro build --env {name}` makes it"))], &compilation.sources)
}

/// What was found out about rows: how they differ, or why that could not be told.
type Rows = BTreeMap<usize, Result<RowContrast, String>>;

/// What differences are told with.
struct Differences<'a> {
    app: &'a App,
    compilation: &'a Compilation,
    production: &'a Known,
    here: &'a Known,
}

impl Differences<'_> {
    fn name(&self, one: &Contrast) -> String {
        one.node.map_or_else(|| one.before.to_string(), |id| self.compilation.manifest.node(id).name.clone())
    }

    /// Compares the rows of what stands in both.
    fn rows(&self, engine: &dyn Engine, found: &[Contrast], arguments: &Diff) -> Result<Rows, Box<Diagnostic>> {
        let refused = |error: EngineError| Box::new(run::refusal(&error, "the rows could not be compared"));
        let database = run::database(engine).map_err(refused)?;
        let mut connection = engine.connect("diff").map_err(refused)?;
        let outside = self.compilation.environment.as_ref().and_then(|environment| environment.production.clone());
        let mut rows = Rows::new();
        for (at, one) in found.iter().enumerate() {
            let (Some(after), Some(id), Change::Changed) = (&one.after, one.node, one.change) else { continue };
            let (old, new) = (contrast_columns(self.production, &one.before), contrast_columns(self.here, after));
            let both: Vec<(String, String, String)> = new
                .iter()
                .filter_map(|(name, kind)| {
                    let (_, before) = old.iter().find(|(other, _)| other == name)?;
                    Some((name.clone(), before.clone(), kind.clone()))
                })
                .collect();
            let key = self.key(id, &both, arguments)?;
            let question = RowQuestion {
                before: &RelationName { database: outside.as_deref().map(Into::into), ..one.before.clone() },
                after: &RelationName { database: database.as_deref().map(Into::into), ..after.clone() },
                columns: &both,
                key: &key,
                sample: arguments.sample,
            };
            let dialect = self.compilation.manifest.dialect.name();
            let compared = run::contrast(connection.as_mut(), self.compilation, dialect, &question);
            rows.insert(at, compared.map_err(|error| error.message));
        }
        Ok(rows)
    }

    /// The key by which rows of a node are compared: what was asked for, or what is known of the node.
    fn key(
        &self,
        id: NodeId,
        columns: &[(String, String, String)],
        arguments: &Diff,
    ) -> Result<Vec<String>, Box<Diagnostic>> {
        let node = self.compilation.manifest.node(id);
        let dialect = self.compilation.manifest.dialect;
        let find = |name: &String| {
            columns.iter().map(|(column, _, _)| column).find(|column| dialect.key(column) == dialect.key(name)).cloned()
        };
        if arguments.key.is_empty() {
            let keys = self.compilation.keys_of(id);
            let known = keys.iter().filter_map(|key| key.columns.iter().map(find).collect::<Option<Vec<String>>>());
            return Ok(known.min_by_key(Vec::len).unwrap_or_default());
        }
        let missing = arguments.key.iter().find(|name| find(name).is_none());
        if let Some(missing) = missing {
            let message = format!("`{}` has no column `{missing}` in both", node.name);
            let names = columns.iter().map(|(name, _, _)| name.as_str());
            return Err(Box::new(Diagnostic::error(NO_SUCH_COLUMN, message).suggest(missing, names)));
        }
        Ok(arguments.key.iter().filter_map(find).collect())
    }

    fn print(&self, found: &[Contrast], rows: &Rows, (environment, data): (&str, bool)) {
        let mut text = String::new();
        for (at, one) in found.iter().enumerate() {
            text.push_str(&format!("{}\n", self.head(one)));
            for change in &one.columns {
                text.push_str(&format!("  {}\n", column_line(change)));
            }
            for line in rows.get(&at).map(row_lines).unwrap_or_default() {
                text.push_str(&format!("  {line}\n"));
            }
        }
        self.app.terminal.data(&text);
        let count = |change| found.iter().filter(|one| one.change == change).count();
        let mut parts = Vec::new();
        for (change, word) in [(Change::Added, "added"), (Change::Removed, "removed"), (Change::Changed, "changed")] {
            if count(change) > 0 {
                parts.push(format!("{} {word}", count(change)));
            }
        }
        self.app.terminal.say(&if parts.is_empty() {
            format!("{environment} does not differ from production.")
        } else {
            let more = if data { "" } else { "; `--data` compares rows" };
            format!("{}{more}", parts.join(", "))
        });
    }

    fn head(&self, one: &Contrast) -> String {
        let sign = match one.change {
            Change::Added => "+",
            Change::Removed => "-",
            Change::Changed => "~",
        };
        let mut said = one.reasons.clone();
        match (one.change, &one.after) {
            (Change::Removed, _) => said.push("the project has no model or seed for it any more".to_owned()),
            (_, None) => said.push("not built in this environment yet".to_owned()),
            (Change::Added, Some(_)) => said.push("production does not have it".to_owned()),
            _ => {}
        }
        format!("{sign} {}  {}", self.name(one), said.join("; ")).trim_end().to_owned()
    }

    fn object(&self, one: &Contrast, rows: Option<&Result<RowContrast, String>>) -> Value {
        let rows = rows.map(|rows| match rows {
            Ok(rows) => {
                let rate = |(name, count): &(String, u64), of: u64| (name.clone(), json!({"rows": count, "rate": rate(*count, of)}));
                let keyed = rows.keyed.as_ref();
                json!({
                    "before": rows.before,
                    "after": rows.after,
                    "added": rows.added,
                    "removed": rows.removed,
                    "matched": keyed.map(|keyed| keyed.matched),
                    "changed": keyed.map(|keyed| keyed.changed),
                    "columns": keyed.map(|keyed| keyed.columns.iter().map(|one| rate(one, keyed.matched)).collect::<serde_json::Map<_, _>>()),
                    "duplicate_keys": rows.duplicates,
                })
            }
            Err(why) => json!({"error": why}),
        });
        json!({
            "name": self.name(one),
            "change": one.change,
            "before": (one.change != Change::Added).then(|| one.before.to_string()),
            "after": one.after.as_ref().map(ToString::to_string),
            "reasons": one.reasons,
            "columns": one.columns,
            "rows": rows,
        })
    }
}

fn column_line(change: &ColumnChange) -> String {
    match change {
        ColumnChange::Added { name, data_type } => format!("+ {name} {data_type}"),
        ColumnChange::Removed { name, data_type } => format!("- {name} {data_type}"),
        ColumnChange::Retyped { name, before, after } => format!("~ {name} {before} → {after}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn rate(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

fn row_lines(rows: &Result<RowContrast, String>) -> Vec<String> {
    let rows = match rows {
        Ok(rows) => rows,
        Err(why) => return vec![format!("its rows could not be compared: {why}")],
    };
    let total = if rows.before == rows.after {
        table::rows(rows.after)
    } else {
        format!("{} → {}", rows.before, table::rows(rows.after))
    };
    let mut said = vec![format!("{} added", rows.added), format!("{} removed", rows.removed)];
    let mut lines = Vec::new();
    match &rows.keyed {
        Some(keyed) => {
            said.push(format!("{} of {} changed", keyed.changed, keyed.matched));
            lines.push(format!("{total}: {}", said.join(", ")));
            for (name, count) in keyed.columns.iter().filter(|(_, count)| *count > 0) {
                lines.push(format!(
                    "  {name} in {} ({:.2} %)",
                    table::rows(*count),
                    rate(*count, keyed.matched) * 100.0
                ));
            }
        }
        None => {
            let why = match rows.duplicates {
                0 => "no key is known; `--key` names one".to_owned(),
                many => format!("{many} have the key of another row"),
            };
            lines.push(format!("{total}: {} (whole rows, for {why})", said.join(", ")));
        }
    }
    lines
}
