//! The terminal: what goes to stdout and stderr, in colour or not, and never a secret.

use crate::{
    diagnostic::{self, Diagnostic, Severity},
    source::Sources,
};
use std::{
    io::{IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Errors alone.
    Quiet,
    /// What people need.
    Normal,
    /// Everything.
    Verbose,
}

/// Where all output goes. Data goes to stdout, everything else to stderr.
#[derive(Clone)]
pub struct Terminal {
    colour_err: bool,
    colour_out: bool,
    live: bool,
    width: usize,
    loudness: Loudness,
    secrets: Arc<RwLock<Vec<String>>>,
    /// A live display that must step aside while lines are printed.
    suspend: Arc<Mutex<Option<indicatif::MultiProgress>>>,
    /// A file that gets every line for people, too.
    log: Arc<Mutex<Option<fs_err::File>>>,
}

impl Terminal {
    /// The terminal of this process.
    #[must_use]
    pub fn new(colour: Colour, loudness: Loudness) -> Self {
        let wanted = |is_terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let live = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let width = console_width().unwrap_or(100).clamp(40, 160);
        Self {
            colour_err: wanted(std::io::stderr().is_terminal()),
            colour_out: wanted(std::io::stdout().is_terminal()),
            live,
            width,
            loudness,
            secrets: Arc::default(),
            suspend: Arc::default(),
            log: Arc::default(),
        }
    }

    /// Whether people watch stderr as it changes.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// Whether stderr takes colours.
    #[must_use]
    pub const fn colours_err(&self) -> bool {
        self.colour_err
    }

    /// Some data in a style, where stdout takes colours.
    #[must_use]
    pub fn styled(&self, text: &str, style: anstyle::Style) -> String {
        if self.colour_out { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Columns.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Columns for data: all that it needs where it goes into a file or another program, unless `COLUMNS` says how many.
    #[must_use]
    pub fn data_width(&self) -> usize {
        if std::io::stdout().is_terminal() || std::env::var_os("COLUMNS").is_some() { self.width } else { usize::MAX }
    }

    /// How much to say.
    #[must_use]
    pub const fn loudness(&self) -> Loudness {
        self.loudness
    }

    /// From now on, these values are masked in everything printed; longest first, so that one inside another is no hint.
    pub fn hide(&self, mut secrets: Vec<String>) {
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// The text with every secret masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "*****");
            }
            // In JSON a secret with quotes or backslashes looks different.
            let escaped = serde_json::Value::from(secret.as_str()).to_string();
            let escaped = escaped.trim_matches('"');
            if escaped != secret && text.contains(escaped) {
                text = text.replace(escaped, "*****");
            }
        }
        text
    }

    /// From now on, every line for people goes to the end of this file, too, without colours.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn log_to(&self, path: &std::path::Path) -> std::io::Result<()> {
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    /// Writes a line to the log file alone, if there is one.
    pub fn log(&self, text: &str) {
        if let Some(file) = self.log.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let text = self.mask(text);
            // A log that cannot be written must not end the run that it tells about.
            let _written = writeln!(file, "{}", anstream::adapter::strip_str(&text));
        }
    }

    /// While a live display is shown, lines are printed above it.
    pub fn attach(&self, display: Option<indicatif::MultiProgress>) {
        *self.suspend.lock().unwrap_or_else(PoisonError::into_inner) = display;
    }

    /// Prints data, ending in a line break, to stdout. A reader that has gone away ends the output, not the program.
    pub fn data(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = self.mask(text);
        let mut out = std::io::stdout().lock();
        let _gone = out
            .write_all(text.as_bytes())
            .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
    }

    /// Prints a line for people to stderr, unless quiet.
    pub fn say(&self, text: &str) {
        if self.loudness > Loudness::Quiet {
            self.line(text);
        } else {
            self.log(text);
        }
    }

    /// Prints a line to stderr in any case.
    pub fn line(&self, text: &str) {
        self.log(text);
        let text = self.mask(text);
        let print = || {
            let _gone = writeln!(std::io::stderr().lock(), "{text}");
        };
        let display = self.suspend.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match display {
            Some(display) => display.suspend(print),
            None => print(),
        }
    }

    /// Prints diagnostics to stderr, errors last so that they stand nearest to the prompt, and a count.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        let style = diagnostic::Style { colour: self.colour_err, width: self.width };
        let diagnostics = &diagnostic::merge_instances(diagnostics);
        let mut shown: Vec<&Diagnostic> =
            diagnostics.iter().filter(|diagnostic| diagnostic.is_error() || self.loudness > Loudness::Quiet).collect();
        shown.sort_by_key(|diagnostic| diagnostic.severity);
        for diagnostic in &shown {
            self.line(&diagnostic::render(diagnostic, sources, style));
        }
        if self.loudness > Loudness::Quiet
            && let Some(tally) = tally(diagnostics)
        {
            self.line(&tally);
        }
    }
}

/// `2 errors, 1 warning; suiro explain E0302 says more`, if there is anything to count.
fn tally(diagnostics: &[Diagnostic]) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let words: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning")]
        .into_iter()
        .filter_map(|(severity, word)| match count(severity) {
            0 => None,
            1 => Some(format!("1 {word}")),
            many => Some(format!("{many} {word}s")),
        })
        .collect();
    let first = diagnostics.iter().max_by_key(|diagnostic| diagnostic.severity)?;
    (!words.is_empty()).then(|| format!("{}; `suiro explain {}` says more", words.join(", "), first.code.id))
}

/// What `COLUMNS` says, else the terminal behind stderr or stdout.
fn console_width() -> Option<usize> {
    let from_variable = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    from_variable.or_else(|| {
        let size = terminal_size::terminal_size_of(std::io::stderr()).or_else(terminal_size::terminal_size);
        size.map(|(width, _)| usize::from(width.0))
    })
}
