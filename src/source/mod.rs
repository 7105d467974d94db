//! Text that people wrote, and positions in it.
//!
//! In: the files of a project. Out: [`Span`]s, which name bytes of one file, and their lines and columns.
//! Never: reading a file (that is `project/`) or knowing what the text means.

mod map;

pub use map::{Frame, Place, RenderMap, Segment};

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, OnceLock},
};

/// A file of the project, by the order in which it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// Bytes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes `range` of `file`.
    #[must_use]
    pub const fn new(file: FileId, range: Range<usize>) -> Self {
        Self { file, start: range.start, end: range.end }
    }

    /// The bytes, without the file.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Where a byte stands, as people count: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One file: its path as shown to people and its text.
#[derive(Debug, Clone)]
pub struct SourceFile {
    path: Arc<str>,
    text: Arc<str>,
    first_line: usize,
    /// Where its lines start, once somebody asked for a line.
    starts: OnceLock<Vec<usize>>,
}

impl SourceFile {
    /// A file of that path (relative to the project, with `/`) and text.
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), text: text.into(), first_line: 1, starts: OnceLock::new() }
    }

    /// Some lines of a file that is too long to be kept whole; the first of them is line `first_line` of the file.
    pub fn excerpt(path: impl Into<Arc<str>>, first_line: usize, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), text: text.into(), first_line, starts: OnceLock::new() }
    }

    /// The number of its first line: 1, except in an excerpt.
    #[must_use]
    pub const fn first_line(&self) -> usize {
        self.first_line
    }

    /// Path relative to the project, with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text, as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, shared.
    #[must_use]
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// Line and column of a byte; a byte past the end, or inside a character, counts as the character before it.
    #[must_use]
    pub fn line_column(&self, byte: usize) -> LineColumn {
        let starts = self
            .starts
            .get_or_init(|| std::iter::once(0).chain(self.text.match_indices('\n').map(|(at, _)| at + 1)).collect());
        let byte = floor_char_boundary(&self.text, byte);
        let line = starts.partition_point(|start| *start <= byte);
        let start = starts.get(line - 1).copied().unwrap_or(0);
        LineColumn { line: line + self.first_line - 1, column: self.text[start..byte].chars().count() + 1 }
    }
}

/// Line and column of a byte of `text`; a byte past the end, or inside a character, counts as the character before it.
#[must_use]
pub fn line_column(text: &str, byte: usize) -> LineColumn {
    let byte = floor_char_boundary(text, byte);
    let before = &text[..byte];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    LineColumn {
        line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// The byte at a line and column (both from 1, column in characters); clamped to the text.
#[must_use]
pub fn byte_at(text: &str, place: LineColumn) -> usize {
    let mut start = 0;
    for _ in 1..place.line {
        match text[start..].find('\n') {
            Some(at) => start += at + 1,
            None => return text.len(),
        }
    }
    let line = &text[start..];
    let line = &line[..line.find('\n').unwrap_or(line.len())];
    start + line.char_indices().nth(place.column.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
}

/// The nearest character boundary at or before `byte`.
#[must_use]
pub fn floor_char_boundary(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// All files that a project read, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    by_path: BTreeMap<Arc<str>, FileId>,
}

impl Sources {
    /// Adds a file; a path that is there already is replaced under a new id.
    pub fn add(&mut self, file: SourceFile) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.by_path.insert(Arc::clone(&file.path), id);
        self.files.push(file);
        id
    }

    /// The file of that id; ids come from this collection only.
    #[must_use]
    pub fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The id of the file at that path, if it was read.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<FileId> {
        self.by_path.get(path).copied()
    }

    /// All files with their ids, in reading order.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(u32::try_from(index).unwrap_or(u32::MAX)), file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_answers_as_its_text_does() {
        for text in ["", "a", "\n", "漢字\r\nb\n\nc", "a\n"] {
            let file = SourceFile::new("x", text);
            for byte in 0..text.len() + 3 {
                assert_eq!(file.line_column(byte), line_column(text, byte), "{text:?} {byte}");
            }
        }
    }
}
