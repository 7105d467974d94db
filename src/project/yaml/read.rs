//! Events of the YAML parser to one tree.

use super::{Content, Entry, Node, Scalar, explain};
use crate::{
    diagnostic::{Code, Diagnostic},
    source::{FileId, Span},
};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as ParserSpan, Tag};
use std::{borrow::Cow, collections::BTreeMap, ops::Range};

/// How deep lists and mappings may stand in each other: far beyond what a person writes, far below a stack's end.
const DEEPEST: usize = 64;
/// How many nodes aliases may add to one file, so that a few lines cannot grow into gigabytes.
const MOST_COPIES: usize = 100_000;

/// Reads the bytes `range` of a file as one YAML document. Without a document (an empty file, comments only) there is
/// no node. `broken` is the code for text that cannot be read. After an error of syntax there is no node either; keys
/// that are given twice are reported, and the first one stands.
pub(crate) fn read(file: FileId, text: &str, range: Range<usize>, broken: Code) -> (Option<Node>, Vec<Diagnostic>) {
    let place = Places::new(file, &text[range.clone()], range.start);
    let mut builder = Builder { place, broken, open: Vec::new(), anchors: BTreeMap::new(), copies: 0, found: Vec::new() };
    let mut document = None;
    let mut documents = 0;
    for event in Parser::new_from_str(&text[range.clone()]) {
        let result = match event {
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                if documents > 1 {
                    let span = builder.place.span(span, None);
                    let second = Diagnostic::error(broken, "a file holds one YAML document, and here a second one starts")
                        .at(span, "second document")
                        .help("remove the `---`, or move what follows into a file of its own");
                    builder.found.push(second);
                    break;
                }
                Ok(None)
            }
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(explain::syntax(&builder.place, &error, broken)),
        };
        match result {
            Ok(Some(node)) => document = Some(node),
            Ok(None) => {}
            Err(diagnostic) => {
                builder.found.push(*diagnostic);
                return (None, builder.found);
            }
        }
    }
    (document.filter(|node| !node.is_null()), builder.found)
}

/// From the parser's positions, which count characters, to bytes of the file.
pub(super) struct Places<'t> {
    file: FileId,
    shift: usize,
    text: &'t str,
    /// The byte at which each character starts; empty when every character is one byte.
    starts: Vec<usize>,
}

impl<'t> Places<'t> {
    fn new(file: FileId, text: &'t str, shift: usize) -> Self {
        let starts = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Self { file, shift, text, starts }
    }

    /// The YAML text.
    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The byte of the YAML text.
    pub(super) fn byte(&self, marker: &Marker) -> usize {
        let (index, length) = (marker.index(), self.text.len());
        if self.starts.is_empty() { index.min(length) } else { self.starts.get(index).copied().unwrap_or(length) }
    }

    /// Bytes of the YAML text as bytes of the file.
    pub(super) fn at(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range.start + self.shift..range.end.max(range.start) + self.shift)
    }

    /// The place of an event. A plain scalar ends for the parser where it saw the next token: cut to its own text.
    fn span(&self, span: ParserSpan, plain: Option<&str>) -> Span {
        let (start, end) = (self.byte(&span.start), self.byte(&span.end));
        let end = match (plain, self.text.get(start..end)) {
            (Some(value), Some(written)) if written.starts_with(value) => start + value.len(),
            (Some(_), Some(written)) => start + written.trim_end().len(),
            _ => end,
        };
        self.at(start..end)
    }
}

/// A list or mapping that has not ended yet.
struct Open {
    start: Span,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, merged: Vec<Entry>, key: Option<(String, Span)> },
}

struct Builder<'t> {
    place: Places<'t>,
    broken: Code,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    copies: usize,
    found: Vec<Diagnostic>,
}

type Step = Result<Option<Node>, Box<Diagnostic>>;

impl Builder<'_> {
    /// Takes one event; the whole document comes out with its last one.
    fn take(&mut self, event: Event<'_>, span: ParserSpan) -> Step {
        let plain_text = match &event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => Some(&**text),
            _ => None,
        };
        let span = self.place.span(span, plain_text);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = self.is_plain(style, tag.as_deref(), span)?;
                self.finish(Node { span, content: Content::Scalar(Scalar { text: text.into_owned(), plain }) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.start(span, anchor, tag, OpenKind::List(Vec::new()), "seq")
            }
            Event::MappingStart(anchor, tag) => {
                let kind = OpenKind::Map { entries: Vec::new(), merged: Vec::new(), key: None };
                self.start(span, anchor, tag, kind, "map")
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => Ok(None),
        }
    }

    fn is_plain(&self, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<bool, Box<Diagnostic>> {
        match tag {
            None => Ok(style == ScalarStyle::Plain),
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(false),
            Some(tag) if tag.is_yaml_core_schema() && ["int", "float", "bool", "null"].contains(&tag.suffix.as_str()) => {
                Ok(true)
            }
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(false),
            Some(tag) => Err(self.unknown_tag(tag, span)),
        }
    }

    fn unknown_tag(&self, tag: &Tag, span: Span) -> Box<Diagnostic> {
        let written = if tag.handle == "!" { format!("!{}", tag.suffix) } else { tag.suffix.clone() };
        let message = format!("the YAML tag `{written}` is not known");
        Box::new(Diagnostic::error(self.broken, message).at(span, "of this value").help("write the value without a tag"))
    }

    fn start(&mut self, start: Span, anchor: usize, tag: Option<Cow<'_, Tag>>, kind: OpenKind, core: &str) -> Step {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == core)) {
            return Err(self.unknown_tag(&tag, start));
        }
        if self.open.len() >= DEEPEST {
            let message = format!("lists and mappings stand more than {DEEPEST} levels deep in each other");
            return Err(Box::new(Diagnostic::error(self.broken, message).at(start, "too deep")));
        }
        self.open.push(Open { start, anchor, kind });
        Ok(None)
    }

    fn end(&mut self, end: Span) -> Step {
        let Some(open) = self.open.pop() else { return Ok(None) };
        let first = open.start.start;
        let (content, last) = match open.kind {
            OpenKind::List(items) => {
                let last = items.last().map(|item| item.span.end);
                (Content::List(items), last)
            }
            OpenKind::Map { mut entries, merged, .. } => {
                let last = entries.last().map(|entry| entry.value.span.end.max(entry.key_span.end));
                for entry in merged {
                    if !entries.iter().any(|known| known.key == entry.key) {
                        entries.push(entry);
                    }
                }
                (Content::Map(entries), last)
            }
        };
        // The end of a block is only noticed at the next token, without a byte of its own; in flow style the closing
        // bracket is the end.
        let last = if end.start < end.end { end.end } else { last.unwrap_or(end.end) };
        let span = self.place.at(first..last.max(first));
        self.finish(Node { span, content }, open.anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Step {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            let message = "this alias stands inside the value that it repeats";
            return Err(Box::new(Diagnostic::error(self.broken, message).at(span, "refers to itself")));
        };
        self.copies += count(&node);
        if self.copies > MOST_COPIES {
            let message = format!("aliases repeat more than {MOST_COPIES} values in this file");
            return Err(Box::new(Diagnostic::error(self.broken, message).at(span, "too many from here on")));
        }
        if self.open.len() + depth(&node) > DEEPEST {
            let message = format!("lists and mappings stand more than {DEEPEST} levels deep in each other");
            return Err(Box::new(Diagnostic::error(self.broken, message).at(span, "too deep")));
        }
        self.finish(node, 0)
    }

    /// A node is complete: it belongs to whatever is open, or is the document.
    fn finish(&mut self, node: Node, anchor: usize) -> Step {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else { return Ok(Some(node)) };
        match &mut open.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, merged, key } => match key.take() {
                None => match node.content {
                    Content::Scalar(scalar) => *key = Some((scalar.text, node.span)),
                    Content::List(_) | Content::Map(_) => {
                        return Err(explain::compound_key(&self.place, node.span, self.broken));
                    }
                },
                Some((name, _)) if name == "<<" => merged.extend(merge_sources(node, self.broken)?),
                Some((name, key_span)) => match entries.iter().find(|known| known.key == name) {
                    Some(first) => self.found.push(
                        Diagnostic::error(self.broken, format!("the key `{name}` is given twice"))
                            .at(key_span, "again")
                            .also(first.key_span, "first")
                            .help("keep one of the two"),
                    ),
                    None => entries.push(Entry { key: name, key_span, value: node }),
                },
            },
        }
        Ok(None)
    }
}

/// The entries that `<<: *alias` or `<<: [*one, *two]` brings in, the first source first.
fn merge_sources(node: Node, broken: Code) -> Result<Vec<Entry>, Box<Diagnostic>> {
    let refuse = |span| {
        Box::new(Diagnostic::error(broken, "`<<` takes a mapping, or a list of mappings").at(span, "is neither"))
    };
    match node.content {
        Content::Map(entries) => Ok(entries),
        Content::List(items) => {
            let mut all = Vec::new();
            for item in items {
                match item.content {
                    Content::Map(entries) => all.extend(entries),
                    _ => return Err(refuse(item.span)),
                }
            }
            Ok(all)
        }
        Content::Scalar(_) => Err(refuse(node.span)),
    }
}

/// How many nodes a node consists of.
fn count(node: &Node) -> usize {
    1 + match &node.content {
        Content::Scalar(_) => 0,
        Content::List(items) => items.iter().map(count).sum(),
        Content::Map(entries) => entries.iter().map(|entry| count(&entry.value)).sum(),
    }
}

/// How many levels of lists and mappings a node has.
fn depth(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 0,
        Content::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Content::Map(entries) => 1 + entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
    }
}
