//! What a change of the files does, as text, as JSON, and as Markdown for a pull request.

use crate::{
    cli::{app::App, arguments::DiffFormat},
    diagnostic::Diagnostic,
    manifest::NodeKind,
    plan::{Change, Changed, ColumnChange, Impact, Reader},
};
use serde_json::{Value, json};

/// The longest list that Markdown shows open.
const OPEN: usize = 12;

/// Prints an impact; `range` says between what.
pub fn print(app: &App, impact: &Impact, (range, problems): (&str, &[Diagnostic]), format: DiffFormat) {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    match format {
        DiffFormat::Json => {
            let changed: Vec<Value> = impact.changed.iter().map(object).collect();
            let object = json!({
                "range": range,
                "changed": changed,
                "rebuilt": impact.rebuilt,
                "exposures": impact.exposures,
                "errors": errors,
            });
            app.terminal.data(&object.to_string());
        }
        DiffFormat::Md => app.terminal.data(&markdown(impact, (range, errors))),
        DiffFormat::Text => {
            app.terminal.data(&text(impact));
            app.terminal.say(&summary(impact, errors));
        }
    }
}

fn object(changed: &Changed) -> Value {
    let reader = |reader: &Reader| json!({"name": reader.name, "kind": reader.kind.word(), "columns": reader.columns});
    json!({
        "name": changed.name,
        "kind": changed.kind.word(),
        "path": changed.path,
        "change": changed.change,
        "described": changed.described,
        "breaking": changed.is_breaking(),
        "reasons": changed.reasons,
        "columns": changed.columns,
        "columns_unknown": changed.columns_unknown,
        "readers": changed.readers.iter().map(reader).collect::<Vec<_>>(),
    })
}

/// One sentence of numbers.
fn summary(impact: &Impact, errors: usize) -> String {
    if impact.changed.is_empty() && errors == 0 {
        return "Nothing that matters to models changed.".to_owned();
    }
    let count = |change| impact.changed.iter().filter(|one| one.change == change).count();
    let breaking = impact.changed.iter().filter(|one| one.is_breaking()).count();
    let mut parts: Vec<String> = [(Change::Added, "added"), (Change::Changed, "changed"), (Change::Removed, "removed")]
        .into_iter()
        .filter(|(change, _)| count(*change) > 0)
        .map(|(change, word)| format!("{} {word}", count(change)))
        .collect();
    if breaking > 0 {
        parts.push(format!("{breaking} breaking"));
    }
    parts.push(format!("{} to build", impact.rebuilt.len()));
    if errors > 0 {
        parts.push(plural(errors, "error"));
    }
    parts.join(", ")
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn sign(change: Change) -> &'static str {
    match change {
        Change::Added => "+",
        Change::Removed => "-",
        Change::Changed => "~",
    }
}

fn column(change: &ColumnChange) -> String {
    let typed = |sign: &str, name: &str, data_type: &str| format!("{sign} {name} {data_type}").trim_end().to_owned();
    match change {
        ColumnChange::Added { name, data_type } => typed("+", name, data_type),
        ColumnChange::Removed { name, data_type } => typed("-", name, data_type),
        ColumnChange::Retyped { name, before, after } => format!("~ {name} {before} → {after}"),
    }
}

fn text(impact: &Impact) -> String {
    let mut text = String::new();
    for one in &impact.changed {
        let breaking = if one.is_breaking() { "  BREAKING" } else { "" };
        let reasons = one.reasons.join("; ");
        let line = format!("{} {} {}{breaking}  {reasons}", sign(one.change), one.kind.word(), one.name);
        text.push_str(&format!("{}\n", line.trim_end()));
        for change in &one.columns {
            text.push_str(&format!("    {}\n", column(change)));
        }
        if one.columns_unknown && one.change == Change::Changed {
            text.push_str("    its columns are not known without the database\n");
        }
        for reader in &one.readers {
            text.push_str(&format!("    read by {}\n", reads(reader, str::to_owned)));
        }
    }
    for (what, names) in [("to build", &impact.rebuilt), ("exposures below", &impact.exposures)] {
        if !names.is_empty() {
            text.push_str(&format!("{what}: {}\n", names.join(", ")));
        }
    }
    text
}

fn reads(reader: &Reader, code: impl Fn(&str) -> String) -> String {
    let kind = if reader.kind == NodeKind::Model { String::new() } else { format!("{} ", reader.kind.word()) };
    let columns: Vec<String> = reader.columns.iter().map(|column| code(column)).collect();
    let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    format!("{kind}{}{columns}", code(&reader.name))
}

/// A name between backticks, which no name can end.
fn code(name: &str) -> String {
    let longest = name.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if name.starts_with('`') || name.ends_with('`') { " " } else { "" };
    // A table's cell ends at a bar, also within backticks; a line break ends the row.
    let name = name.replace('|', "\\|").replace(['\n', '\r'], " ");
    format!("{fence}{space}{name}{space}{fence}")
}

fn markdown(impact: &Impact, (range, errors): (&str, usize)) -> String {
    let mut text = format!("### suiro: {}\n\n", summary(impact, errors).trim_end_matches('.'));
    if !impact.changed.is_empty() {
        text.push_str("| | what | why | columns |\n|---|---|---|---|\n");
    }
    for one in &impact.changed {
        let columns: Vec<String> = one.columns.iter().map(|change| code(&column(change))).collect();
        let columns = match (columns.is_empty(), one.columns_unknown && one.change == Change::Changed) {
            (true, true) => "not known without the database".to_owned(),
            _ => columns.join("<br>"),
        };
        let why = if one.is_breaking() { "**breaking** ".to_owned() } else { String::new() };
        let why = format!("{why}{}", one.reasons.join("; ").replace('|', "\\|"));
        let name = format!("{} {}", one.kind.word(), code(&one.name));
        text.push_str(&format!("| {} | {name} | {} | {columns} |\n", sign(one.change), why.trim_end()));
    }
    let breaking: Vec<&Changed> =
        impact.changed.iter().filter(|one| one.is_breaking() && !one.readers.is_empty()).collect();
    if !breaking.is_empty() {
        text.push_str("\n**Who reads what is gone or has another type**\n\n");
        for one in breaking {
            let readers: Vec<String> = one.readers.iter().map(|reader| reads(reader, code)).collect();
            text.push_str(&format!("- {}: {}\n", code(&one.name), readers.join(", ")));
        }
    }
    for (title, names) in [("To build", &impact.rebuilt), ("Exposures below", &impact.exposures)] {
        if names.is_empty() {
            continue;
        }
        let list = names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
        if names.len() > OPEN {
            text.push_str(&format!("\n<details><summary>{title}: {}</summary>\n\n{list}\n\n</details>\n", names.len()));
        } else {
            text.push_str(&format!("\n**{title}:** {list}\n"));
        }
    }
    if errors > 0 {
        text.push_str(&format!(
            "\n**{}** in the project as it is then: `suiro check` tells them.\n",
            plural(errors, "error")
        ));
    }
    text.push_str(&format!("\n<sub>{} · without a database</sub>\n", code(range)));
    text
}
