//! From rendered text back to the template that people wrote.
//!
//! A map is a list of segments, sorted by their place in the rendered text. A segment of literal text maps byte for
//! byte; a segment that an expression printed maps to that expression as a whole.

use super::Span;
use std::ops::Range;

/// A stretch of rendered text and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Bytes of the rendered text.
    pub rendered: Range<usize>,
    /// Where they were written.
    pub written: Span,
    /// Whether the two are the same bytes, one by one.
    pub verbatim: bool,
    /// The macro calls and includes that led here, outermost first.
    pub calls: Vec<Frame>,
}

/// A call on the way to a place inside a macro or an included file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The name of the macro or file that was called.
    pub name: String,
    /// Where it was called.
    pub call: Span,
}

/// Where some rendered text was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The written bytes.
    pub span: Span,
    /// The calls that led there, outermost first; empty in the model's own text.
    pub calls: Vec<Frame>,
}

/// The segments of one rendered text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderMap {
    whole: Span,
    segments: Vec<Segment>,
}

impl RenderMap {
    /// The map of a text that was not changed by rendering: `written` is the whole file.
    #[must_use]
    pub fn identity(written: Span) -> Self {
        let rendered = 0..written.end - written.start;
        Self { whole: written, segments: vec![Segment { rendered, written, verbatim: true, calls: Vec::new() }] }
    }

    /// A map of these segments, which may come in any order; `whole` answers for text that no segment covers.
    #[must_use]
    pub fn new(whole: Span, mut segments: Vec<Segment>) -> Self {
        segments.sort_by_key(|segment| (segment.rendered.start, segment.rendered.end));
        Self { whole, segments }
    }

    /// The segments, by their place in the rendered text.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Where `range` of the rendered text was written: the place of its first byte, as long as the same segment lasts.
    #[must_use]
    pub fn place(&self, range: Range<usize>) -> Place {
        let next = self.segments.partition_point(|segment| segment.rendered.start <= range.start);
        let found = self.segments[..next].iter().rev().find(|segment| {
            range.start < segment.rendered.end
                || (range.start == segment.rendered.end && segment.rendered.start <= range.start)
        });
        let Some(segment) = found else {
            return Place { span: Span { end: self.whole.start, ..self.whole }, calls: Vec::new() };
        };
        let span = if segment.verbatim {
            let shift = |byte: usize| {
                segment.written.start
                    + (byte.clamp(segment.rendered.start, segment.rendered.end) - segment.rendered.start)
            };
            Span { file: segment.written.file, start: shift(range.start), end: shift(range.end.max(range.start)) }
        } else {
            segment.written
        };
        Place { span, calls: segment.calls.clone() }
    }
}
