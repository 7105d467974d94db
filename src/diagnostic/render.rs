//! The one renderer of diagnostics: values to text in the shape of rustc's messages.

use super::{Diagnostic, Label, Severity};
use crate::source::{LineColumn, Sources, Span, floor_char_boundary};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};
use std::collections::BTreeMap;
use unicode_width::UnicodeWidthStr;

/// How the text is to look.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Style {
    /// Plain text, 80 columns.
    pub const PLAIN: Self = Self { colour: false, width: 80 };
}

/// The text of a diagnostic, ending in a line break.
#[must_use]
pub fn render(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.id)
        .elements(Vec::<Snippet<'_, annotate_snippets::Annotation<'_>>>::new());
    for (file, labels) in by_file(diagnostic) {
        let source = sources.get(file);
        let mut snippet = Snippet::source(source.text()).path(source.path()).line_start(source.first_line()).fold(true);
        for (kind, label) in labels {
            let range = clamp(source.text(), label.span);
            snippet = snippet.annotation(kind.span(range).label(label.text.as_str()));
        }
        group = group.element(snippet);
    }
    for frame in &diagnostic.trace {
        let file = sources.get(frame.call.file);
        let LineColumn { line, column } = file.line_column(frame.call.start);
        group = group.element(Level::NOTE.message(format!(
            "in `{}`, called at {}:{line}:{column}",
            frame.name,
            file.path()
        )));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(wrapped(note, style.width)));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(wrapped(help, style.width)));
    }
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let text = renderer.decor_style(DecorStyle::Ascii).term_width(style.width).render(&[group]);
    let nowhere = diagnostic.primary.is_none() && diagnostic.secondary.is_empty();
    let mut shown = String::with_capacity(text.len() + 1);
    for line in text.lines() {
        // Without a place, the bar between the message and what follows leads nowhere.
        let bar = nowhere && anstream::adapter::strip_str(line).to_string().trim() == "|";
        if !bar {
            shown.push_str(line);
            shown.push('\n');
        }
    }
    shown
}

/// The text with line breaks between words, so that no line passes the terminal's edge behind `   = help: `.
fn wrapped(text: &str, width: usize) -> String {
    const BEFORE: usize = 14;
    let room = width.saturating_sub(BEFORE).max(30);
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.width() <= room {
            lines.push(line.to_owned());
            continue;
        }
        let mut current = String::new();
        for word in line.split(' ') {
            if !current.is_empty() && current.width() + 1 + word.width() > room {
                lines.push(std::mem::take(&mut current));
            } else if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines.join("\n")
}

/// The labels by file, the primary one's file first.
fn by_file(diagnostic: &Diagnostic) -> Vec<(crate::source::FileId, Vec<(AnnotationKind, &Label)>)> {
    let mut files: Vec<(crate::source::FileId, Vec<(AnnotationKind, &Label)>)> = Vec::new();
    let mut index = BTreeMap::new();
    let primary = diagnostic.primary.iter().map(|label| (AnnotationKind::Primary, label));
    let secondary = diagnostic.secondary.iter().map(|label| (AnnotationKind::Context, label));
    for (kind, label) in primary.chain(secondary) {
        let at = *index.entry(label.span.file).or_insert_with(|| {
            files.push((label.span.file, Vec::new()));
            files.len() - 1
        });
        files[at].1.push((kind, label));
    }
    files
}

/// The range of a span, cut to the text and to character boundaries.
fn clamp(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = floor_char_boundary(text, span.start);
    let end = floor_char_boundary(text, span.end.max(start));
    start..end.max(start)
}
