//! The end of a run as people read it: a table of what became of each node, and one sentence.

use super::{
    progress::{seconds, thousands},
    table::PRESET,
    terminal::{Loudness, Terminal},
};
use crate::{
    manifest::{Manifest, Node, NodeKind},
    run::{NodeReport, RunReport, Status},
};
use anstyle::{AnsiColor, Style};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

/// With more nodes than this, the table shows only what did not go well and what took longest.
const LONG: usize = 60;
/// How many of the slowest a shortened table shows.
const SLOWEST: usize = 10;

/// Prints the table and the sentence.
pub fn print(terminal: &Terminal, manifest: &Manifest, report: &RunReport, run: &str) {
    let everything = terminal.loudness() >= Loudness::Verbose;
    let listed = |node: &&NodeReport| everything || node.status != Status::Unchanged;
    let mut shown: Vec<&NodeReport> = report.nodes.iter().filter(listed).collect();
    let all = shown.len();
    let mut left_out = 0;
    if shown.len() > LONG && !everything {
        let mut slowest: Vec<&NodeReport> = shown.iter().copied().filter(|node| went_well(node.status)).collect();
        slowest.sort_by_key(|node| std::cmp::Reverse(node.elapsed));
        slowest.truncate(SLOWEST);
        let limit = slowest.last().map(|node| node.elapsed).unwrap_or_default();
        let mut room = SLOWEST;
        shown.retain(|node| {
            let keep = !went_well(node.status) || (node.elapsed >= limit && room > 0);
            room -= usize::from(keep && went_well(node.status));
            keep
        });
        left_out = all - shown.len();
    }
    if !shown.is_empty() {
        terminal.say(&format!("\n{}\n", table(terminal, manifest, &shown)));
    }
    if left_out > 0 {
        terminal.say(&format!("  and {} more, done faster than these (`-v` shows all)", thousands(left_out as u64)));
    }
    terminal.say(&sentence(terminal, report, run));
    if !report.diagnostics.is_empty() {
        terminal.say("");
    }
}

fn table(terminal: &Terminal, manifest: &Manifest, nodes: &[&NodeReport]) -> String {
    let mut table = Table::new();
    table
        .load_style(PRESET)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(terminal.width()).unwrap_or(u16::MAX));
    if terminal.colours_err() {
        table.enforce_styling();
    }
    let right = |text: &str| Cell::new(text).set_alignment(CellAlignment::Right);
    table.set_header([Cell::new(""), Cell::new("what"), Cell::new("name"), right("rows"), right("time")]);
    for node in nodes {
        let described = manifest.node(node.node);
        let kind = kind(described);
        let name = match node.culprit {
            Some(culprit) => format!("{} (because of {})", described.name, manifest.node(culprit).name),
            None => described.name.clone(),
        };
        let time = if node.attempts == 0 { String::new() } else { seconds(node.elapsed) };
        table.add_row([
            coloured(terminal, node.status),
            Cell::new(kind),
            Cell::new(name),
            right(&rows(node)),
            right(&time),
        ]);
    }
    for column in [0, 1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(5)));
        }
    }
    table.to_string()
}

/// What a node is, in one word.
pub fn kind(node: &Node) -> &str {
    match node.kind {
        // Which test it is, its name says.
        NodeKind::Test => "test",
        _ => node.materialized.as_deref().unwrap_or_else(|| node.kind.word()),
    }
}

fn went_well(status: Status) -> bool {
    matches!(status, Status::Built | Status::Described | Status::Pass)
}

/// Rows of a relation; of a test, the failing ones, if there are any.
fn rows(node: &NodeReport) -> String {
    node.rows.filter(|rows| node.status != Status::Pass || *rows > 0).map(thousands).unwrap_or_default()
}

fn coloured(terminal: &Terminal, status: Status) -> Cell {
    let cell = Cell::new(status.word());
    if !terminal.colours_err() {
        return cell;
    }
    cell.fg(match status {
        Status::Built | Status::Described | Status::Pass => comfy_table::Color::Green,
        Status::Unchanged => comfy_table::Color::DarkGrey,
        Status::Failed | Status::Fail => comfy_table::Color::Red,
        Status::Staged
        | Status::Superseded
        | Status::Skipped
        | Status::Cancelled
        | Status::NotStarted
        | Status::Warn => comfy_table::Color::Yellow,
    })
}

fn sentence(terminal: &Terminal, report: &RunReport, run: &str) -> String {
    let mut parts = Vec::new();
    for status in [
        Status::Built,
        Status::Described,
        Status::Superseded,
        Status::Staged,
        Status::Skipped,
        Status::Failed,
        Status::Cancelled,
        Status::NotStarted,
    ] {
        let count = report.count(status);
        if count > 0 {
            parts.push(format!("{} {}", thousands(count as u64), status.word()));
        }
    }
    for (status, word) in [(Status::Pass, "passed"), (Status::Warn, "warned"), (Status::Fail, "failed")] {
        match report.count(status) {
            0 => {}
            1 => parts.push(format!("1 test {word}")),
            many => parts.push(format!("{} tests {word}", thousands(many as u64))),
        }
    }
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    let (relations, tests) = report.nodes.split_at(report.relations());
    let unchanged = |nodes: &[NodeReport]| nodes.iter().filter(|node| node.status == Status::Unchanged).count();
    match (unchanged(relations), unchanged(tests)) {
        (0, 0) => {}
        (0, 1) => parts.push("1 test passed before".to_owned()),
        (0, tests) => parts.push(format!("{} tests passed before", thousands(tests as u64))),
        (relations, _) => parts.push(format!("{} unchanged", thousands(relations as u64))),
    }
    let built = report.count(Status::Built);
    let good = [Status::Pass, Status::Warn, Status::Unchanged, Status::Described, Status::Superseded];
    let well = built + good.iter().map(|status| report.count(*status)).sum::<usize>();
    let moved = well - report.count(Status::Unchanged);
    let (word, style) = match (report.stopped, well) {
        (Some(_), _) => ("Stopped", AnsiColor::Yellow.on_default().bold()),
        (None, well) if well == report.nodes.len() => ("Done", AnsiColor::Green.on_default().bold()),
        (None, _) if moved == 0 => ("Failed", AnsiColor::Red.on_default().bold()),
        (None, _) => ("Partly done", AnsiColor::Red.on_default().bold()),
    };
    let word = paint(terminal, style, word);
    let mut text = format!("{word}: {} in {} (run {run})", parts.join(", "), seconds(report.elapsed));
    let before = relations.iter().filter(|node| node.status == Status::Built && node.attempts == 0).count();
    if before > 0 {
        text.push_str(&format!("\n{} of what was published had been built by a run before.", thousands(before as u64)));
    }
    let kept = report.kept;
    if kept > 0 {
        text.push_str(&format!(
            "\n{} stay built for the next run, as long as nothing changes.",
            thousands(kept as u64)
        ));
    }
    if report.stopped.is_some() && built == 0 {
        text.push_str("\nNothing was published: every table and view is as it was before.");
    } else if built > 0 && relations.iter().any(|node| is_behind(node.status)) {
        let what = if report.count(Status::Staged) > 0 { "published" } else { "built" };
        text.push_str(&format!("\nWhat was not {what} keeps its old version."));
    }
    text
}

/// Whether a relation was to be new, and is not.
fn is_behind(status: Status) -> bool {
    matches!(status, Status::Staged | Status::Skipped | Status::Failed | Status::Cancelled | Status::NotStarted)
}

fn paint(terminal: &Terminal, style: Style, text: &str) -> String {
    if terminal.colours_err() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
