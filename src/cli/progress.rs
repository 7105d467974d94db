//! A run as it happens: on a terminal one live line per running node and a bar, elsewhere plain lines.

use super::terminal::{Loudness, Terminal};
use crate::{
    diagnostic::code::CANCELLED,
    manifest::{Manifest, NodeId, Verdict},
    run::{Event, Observer},
};
use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const CANCELLED_WORD: (&str, Style) = ("cancelled", AnsiColor::Yellow.on_default());
const FAILED: (&str, Style) = ("failed", AnsiColor::Red.on_default().bold());

/// Shows a run on a terminal.
pub struct Progress<'a> {
    terminal: &'a Terminal,
    manifest: &'a Manifest,
    show_sql: bool,
    total: usize,
    /// How wide the words for what a node is are at most.
    widest_kind: usize,
    done: AtomicUsize,
    live: Option<Live>,
}

struct Live {
    display: MultiProgress,
    bar: ProgressBar,
    running: Mutex<BTreeMap<NodeId, ProgressBar>>,
}

impl<'a> Progress<'a> {
    /// The display of a run of `total` nodes.
    #[must_use]
    pub fn new(terminal: &'a Terminal, manifest: &'a Manifest, total: usize, show_sql: bool) -> Self {
        let live = (terminal.is_live() && terminal.loudness() > Loudness::Quiet).then(|| {
            let display = MultiProgress::new();
            let bar = display.add(ProgressBar::new(total as u64).with_style(bar_style()));
            bar.enable_steady_tick(Duration::from_millis(100));
            terminal.attach(Some(display.clone()));
            Live { display, bar, running: Mutex::default() }
        });
        let shown = manifest.nodes.iter().filter(|node| node.is_built() || node.test.is_some());
        let widest_kind = shown.map(|node| super::summary::kind(node).chars().count()).fold(6, usize::max);
        Self { terminal, manifest, show_sql, total, widest_kind, done: AtomicUsize::new(0), live }
    }

    /// Takes the live display away; what was printed above it stays.
    pub fn end(&self) {
        if let Some(live) = &self.live {
            for (_, line) in std::mem::take(&mut *live.running.lock().unwrap_or_else(PoisonError::into_inner)) {
                line.finish_and_clear();
            }
            live.bar.finish_and_clear();
            self.terminal.attach(None);
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.terminal.colours_err() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn finished(&self, node: NodeId, (word, style): (&str, Style), rows: &str, elapsed: Duration) {
        let position = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(live) = &self.live {
            if let Some(line) = live.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&node) {
                line.finish_and_clear();
                live.display.remove(&line);
            }
            live.bar.inc(1);
        }
        let node = self.manifest.node(node);
        let width = self.total.to_string().len();
        let position = position.min(self.total);
        let kind = super::summary::kind(node);
        let wide = self.widest_kind;
        let line = format!(
            "{position:>width$}/{} {} {kind:<wide$} {}  {rows}{}",
            self.total,
            self.paint(style, &format!("{word:<6}")),
            node.name,
            seconds(elapsed)
        );
        // On a terminal the table at the end says the same; only what failed is worth a line before.
        if self.live.is_none() || !matches!(word, "built" | "pass") || self.terminal.loudness() == Loudness::Verbose {
            self.terminal.say(&line);
        } else {
            self.terminal.log(&line);
        }
    }
}

impl Observer for Progress<'_> {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Sending { .. } => {}
            Event::Started { node } => {
                let Some(live) = &self.live else { return };
                // `with_message`, not `set_message`, which would draw at once, beside the display.
                let name = self.manifest.node(*node).name.clone();
                let line = ProgressBar::new_spinner().with_style(line_style()).with_message(name);
                let line = live.display.insert_before(&live.bar, line);
                line.enable_steady_tick(Duration::from_millis(100));
                live.running.lock().unwrap_or_else(PoisonError::into_inner).insert(*node, line);
            }
            Event::Finished { node, rows, elapsed, failure } => {
                let word = match failure {
                    Some(failure) if failure.code == CANCELLED => CANCELLED_WORD,
                    Some(_) => FAILED,
                    None => ("built", AnsiColor::Green.on_default()),
                };
                let rows = rows.map(|rows| match rows {
                    1 => "1 row, ".to_owned(),
                    many => format!("{} rows, ", thousands(many)),
                });
                let rows = rows.unwrap_or_default();
                self.finished(*node, word, &rows, *elapsed);
            }
            Event::Tested { node, verdict, failures, elapsed, failure } => {
                let word = match verdict {
                    Some(Verdict::Pass) => ("pass", AnsiColor::Green.on_default()),
                    Some(Verdict::Warn) => ("warn", AnsiColor::Yellow.on_default().bold()),
                    Some(Verdict::Fail) => ("fail", AnsiColor::Red.on_default().bold()),
                    None if failure.is_some_and(|failure| failure.code == CANCELLED) => CANCELLED_WORD,
                    None => FAILED,
                };
                let rows = failures.filter(|rows| *rows > 0).map(|rows| match rows {
                    1 => "1 failing row, ".to_owned(),
                    many => format!("{} failing rows, ", thousands(many)),
                });
                self.finished(*node, word, &rows.unwrap_or_default(), *elapsed);
            }
            Event::Statement { node, purpose, text, elapsed, .. } if self.show_sql && !text.is_empty() => {
                let whom = node.map_or("run", |node| self.manifest.node(node).name.as_str());
                let head = format!("-- {whom}: {purpose} ({})", seconds(*elapsed));
                self.terminal.line(&format!("{}\n{};\n", self.paint(Style::new().dimmed(), &head), text.trim_end()));
            }
            Event::Retrying { node, attempt, why, pause } => {
                let whom = node.map_or("the publish", |node| self.manifest.node(node).name.as_str());
                let line = format!("{whom}: attempt {attempt} failed ({why}); trying again in {}", seconds(*pause));
                self.terminal.say(&self.paint(AnsiColor::Yellow.on_default(), &line));
            }
            Event::Publishing { relations } => {
                if let Some(live) = &self.live {
                    live.bar.set_message(format!("publishing {relations}"));
                }
            }
            Event::Statement { .. } | Event::Published { .. } => {}
        }
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("  {bar:30} {pos}/{len}  {elapsed}  {msg}")
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("━╸─"))
}

fn line_style() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner} {wide_msg}  {elapsed}")
        .map_or_else(|_| ProgressStyle::default_spinner(), |style| style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "))
}

/// A duration as people read it: `0.04 s`, `12.3 s`, `4 m 05 s`.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 {
        format!("{seconds:.2} s")
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} m {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

/// A count with its thousands set apart: `1,234,567`.
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(seconds(Duration::from_millis(42)), "0.04 s");
        assert_eq!(seconds(Duration::from_secs(245)), "4 m 05 s");
    }
}
