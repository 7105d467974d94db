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

#[cfg(test)]
mod tests {
    use super::{RenderMap, Segment};
    use crate::source::{SourceFile, Sources, Span};

    #[test]
    fn places_follow_the_segments() {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("m.sql", "--- ab{{ x }}cd"));
        let segment = |rendered, written, verbatim| Segment {
            rendered,
            written: Span::new(file, written),
            verbatim,
            calls: Vec::new(),
        };
        // `ab`, then `12345` from the expression, then `cd`; in another order than they stand.
        let segments = vec![segment(7..9, 13..15, true), segment(0..2, 4..6, true), segment(2..7, 9..10, false)];
        let map = RenderMap::new(Span::new(file, 4..15), segments);
        let place = |range| map.place(range).span.range();
        assert_eq!((place(0..1), place(1..2)), (4..5, 5..6));
        assert_eq!((place(2..3), place(6..7)), (9..10, 9..10));
        assert_eq!((place(7..8), place(8..9)), (13..14, 14..15));
        // Only as long as the segment of the first byte lasts; the end belongs to the last segment.
        assert_eq!((place(1..9), place(9..9), place(9..20)), (5..6, 15..15, 15..15));
        // What nothing covers is answered by the start of the whole.
        assert_eq!(place(30..31), 4..4);
        assert_eq!(RenderMap::new(Span::new(file, 4..15), Vec::new()).place(0..1).span.range(), 4..4);
        assert_eq!(RenderMap::identity(Span::new(file, 4..15)).place(3..5).span.range(), 7..9);
    }
}
