//! What is wrong with a seed's file, as a diagnostic that shows the line.

use super::{Seed, decode, records::Broken};
use crate::{
    diagnostic::{Code, Diagnostic, Severity, code},
    project::disk,
    source::{SourceFile, Sources, Span},
};
use encoding_rs::Encoding;
use std::{io::BufRead, path::Path};

/// How much of a line is shown.
const LONGEST_SHOWN: usize = 400;

/// Something wrong on one line of a seed's file.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    pub(crate) code: Code,
    /// The physical line, from 1; none where the file as a whole is meant.
    pub(crate) line: Option<u64>,
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) notes: Vec<String>,
    pub(crate) help: String,
}

impl Problem {
    /// An error on that line.
    pub(crate) fn new(
        line: u64,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code: code::BROKEN_SEED,
            line: Some(line),
            message: message.into(),
            label: label.into(),
            notes: Vec::new(),
            help: help.into(),
        }
    }

    /// The reason why the records of `path` end early.
    pub(crate) fn of(broken: Broken, path: &str, start: &[u8]) -> Self {
        match broken {
            Broken::Unreadable(error) => Self {
                code: code::UNREADABLE_FILE,
                line: None,
                ..Self::new(
                    1,
                    format!("`{path}` cannot be read: {}", disk::reason(&error)),
                    "",
                    "let the person who runs suiro read it",
                )
            },
            Broken::WrongEncoding { line, encoding } => {
                let help = match start {
                    [0xFF, 0xFE, ..] => "the file is UTF-16: set `encoding: utf-16le` for it, or save it as UTF-8",
                    [0xFE, 0xFF, ..] => "the file is UTF-16: set `encoding: utf-16be` for it, or save it as UTF-8",
                    _ => {
                        "save the file as UTF-8, or say what it is with `encoding`, such as `windows-1252` or `shift_jis`"
                    }
                };
                let message = format!("`{path}` is not {encoding}: line {line} has a byte that cannot stand there");
                Self { code: code::NOT_UTF8, ..Self::new(line, message, "", help) }
            }
            Broken::Unterminated { line } => Self::new(
                line,
                "a quote is opened here and never closed",
                "",
                "write the closing quote, double the quote if it is part of the value, or set `quote: none`",
            ),
            Broken::AfterQuote { line } => Self::new(
                line,
                "text follows a closing quote",
                "",
                "write a quote that is part of the value twice, or set `quote: none`",
            ),
            Broken::TooLong { line } => {
                Self::new(line, "a row that starts here does not end within 64 MiB", "", "a quote is probably missing")
            }
        }
    }

    /// The diagnostic; the line that it is about is read again and added to the sources.
    pub(crate) fn into_diagnostic(self, seed: &Seed, sources: &mut Sources) -> Diagnostic {
        let line = self.line.unwrap_or(1);
        let text = self.line.and_then(|line| excerpt(&seed.absolute, seed.format.encoding, line)).unwrap_or_default();
        let span = 0..text.trim_end().len();
        let file =
            sources.add(SourceFile::excerpt(seed.path.clone(), usize::try_from(line).unwrap_or(usize::MAX), text));
        let mut diagnostic =
            Diagnostic::error(self.code, self.message).at(Span::new(file, span), self.label).help(self.help);
        diagnostic.severity = self.severity;
        diagnostic.notes = self.notes;
        diagnostic
    }
}

/// One physical line of a file, cut where it is long; wrong bytes are replaced.
pub(crate) fn excerpt(path: &Path, encoding: &'static Encoding, line: u64) -> Option<String> {
    disk::regular(path).ok()?;
    let file = fs_err::File::open(path).ok()?;
    let mut input = decode::decoded(file, encoding).ok()?;
    let (mut at, mut text, mut after_return) = (1, Vec::new(), false);
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) if !buffer.is_empty() => buffer,
            _ => break,
        };
        let length = buffer.len();
        for &byte in buffer {
            if std::mem::replace(&mut after_return, byte == b'\r') && byte == b'\n' {
                continue;
            }
            if byte == b'\n' || byte == b'\r' {
                at += 1;
            } else if at == line && text.len() < LONGEST_SHOWN {
                text.push(byte);
            }
            if at > line {
                return Some(shown(&text));
            }
        }
        input.consume(length);
    }
    (at == line).then(|| shown(&text))
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    // A cut in the middle of a character leaves a wrong byte at the end, which is not the user's.
    if bytes.len() >= LONGEST_SHOWN { format!("{}…", text.trim_end_matches('\u{fffd}')) } else { text.into_owned() }
}
