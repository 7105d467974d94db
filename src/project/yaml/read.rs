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

const FLATTER: &str = "a bracket is probably missing";
const SPELL_OUT: &str = "write the value itself instead of the alias";

/// Reads the bytes `range` of a file as one YAML document. Without a document (an empty file, comments only) there is
/// no node. `broken` is the code for text that cannot be read. After an error of syntax there is no node either; keys
/// that are given twice are reported, and the first one stands.
pub(crate) fn read(file: FileId, text: &str, range: Range<usize>, broken: Code) -> (Option<Node>, Vec<Diagnostic>) {
    let place = Places::new(file, &text[range.clone()], range.start);
    let mut builder =
        Builder { place, broken, open: Vec::new(), anchors: BTreeMap::new(), copies: 0, found: Vec::new() };
    let mut document = None;
    let mut documents = 0;
    for event in Parser::new_from_str(&text[range.clone()]) {
        let result = match event {
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                if documents > 1 {
                    let span = builder.place.span(span, None);
                    let second =
                        Diagnostic::error(broken, "a file holds one YAML document, and here a second one starts")
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
            Event::SequenceStart(anchor, tag) => self.start(span, anchor, tag, OpenKind::List(Vec::new()), "seq"),
            Event::MappingStart(anchor, tag) => {
                let kind = OpenKind::Map { entries: Vec::new(), merged: Vec::new(), key: None };
                self.start(span, anchor, tag, kind, "map")
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(None)
            }
        }
    }

    fn is_plain(&self, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<bool, Box<Diagnostic>> {
        match tag {
            None => Ok(style == ScalarStyle::Plain),
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(false),
            Some(tag)
                if tag.is_yaml_core_schema() && ["int", "float", "bool", "null"].contains(&tag.suffix.as_str()) =>
            {
                Ok(true)
            }
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(false),
            Some(tag) => Err(self.unknown_tag(tag, span)),
        }
    }

    fn unknown_tag(&self, tag: &Tag, span: Span) -> Box<Diagnostic> {
        let written = if tag.handle == "!" { format!("!{}", tag.suffix) } else { tag.suffix.clone() };
        let message = format!("the YAML tag `{written}` is not known");
        Box::new(
            Diagnostic::error(self.broken, message).at(span, "of this value").help("write the value without a tag"),
        )
    }

    fn start(&mut self, start: Span, anchor: usize, tag: Option<Cow<'_, Tag>>, kind: OpenKind, core: &str) -> Step {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == core)) {
            return Err(self.unknown_tag(&tag, start));
        }
        if self.open.len() >= DEEPEST {
            let message = format!("lists and mappings stand more than {DEEPEST} levels deep in each other");
            return Err(Box::new(Diagnostic::error(self.broken, message).at(start, "too deep").help(FLATTER)));
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
        let span = Span::new(open.start.file, first..last.max(first));
        self.finish(Node { span, content }, open.anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Step {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            let message = "this alias stands inside the value that it repeats";
            return Err(Box::new(Diagnostic::error(self.broken, message).at(span, "refers to itself").help(SPELL_OUT)));
        };
        self.copies += count(&node);
        if self.copies > MOST_COPIES {
            let message = format!("aliases repeat more than {MOST_COPIES} values in this file");
            return Err(Box::new(
                Diagnostic::error(self.broken, message).at(span, "too many from here on").help(SPELL_OUT),
            ));
        }
        if self.open.len() + depth(&node) > DEEPEST {
            let message = format!("lists and mappings stand more than {DEEPEST} levels deep in each other");
            return Err(Box::new(Diagnostic::error(self.broken, message).at(span, "too deep").help(FLATTER)));
        }
        self.finish(node, 0)
    }

    /// A node is complete: it belongs to whatever is open, or is the document.
    fn finish(&mut self, mut node: Node, anchor: usize) -> Step {
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
                Some((name, key_span)) => {
                    if let Some(first) = entries.iter().find(|known| known.key == name) {
                        let twice = Diagnostic::error(self.broken, format!("the key `{name}` is given twice"));
                        let twice = twice.at(key_span, "again").also(first.key_span, "first");
                        self.found.push(twice.help("keep one of the two"));
                        return Ok(None);
                    }
                    // What was left empty has no place of its own.
                    if node.span.start >= node.span.end {
                        node.span = key_span;
                    }
                    entries.push(Entry { key: name, key_span, value: node });
                }
            },
        }
        Ok(None)
    }
}

/// The entries that `<<: *alias` or `<<: [*one, *two]` brings in, the first source first.
fn merge_sources(node: Node, broken: Code) -> Result<Vec<Entry>, Box<Diagnostic>> {
    let refuse = |span| {
        Box::new(
            Diagnostic::error(broken, "`<<` takes a mapping, or a list of mappings")
                .at(span, "is neither")
                .help("write `<<: *name`"),
        )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnostic::code,
        source::{SourceFile, Sources},
    };

    fn tree(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
        let file = Sources::default().add(SourceFile::new("x.yml", text));
        read(file, text, 0..text.len(), code::BROKEN_YAML)
    }

    /// Every key and value with the text that its place covers.
    fn places(node: &Node, text: &str, found: &mut Vec<String>) {
        let at = |span: Span| text[span.range()].to_owned();
        match &node.content {
            Content::Scalar(scalar) => found.push(format!("{:?} at {:?}", scalar.text, at(node.span))),
            Content::List(items) => {
                found.push(format!("list at {:?}", at(node.span)));
                for item in items {
                    places(item, text, found);
                }
            }
            Content::Map(entries) => {
                found.push(format!("map at {:?}", at(node.span)));
                for entry in entries {
                    found.push(format!("{:?}: at {:?}", entry.key, at(entry.key_span)));
                    places(&entry.value, text, found);
                }
            }
        }
    }

    fn expect(text: &str, expected: &[&str]) {
        let (node, problems) = tree(text);
        assert!(problems.is_empty(), "{text:?}: {problems:?}");
        let mut found = Vec::new();
        places(&node.unwrap(), text, &mut found);
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn every_place_covers_what_was_written() {
        expect("a: 1 2   # c\n", &["map at \"a: 1 2\"", "\"a\": at \"a\"", "\"1 2\" at \"1 2\""]);
        expect(
            "a: x\n  y\nb:\n",
            &[
                "map at \"a: x\\n  y\\nb\"",
                "\"a\": at \"a\"",
                "\"x y\" at \"x\\n  y\"",
                "\"b\": at \"b\"",
                "\"\" at \"b\"",
            ],
        );
        expect(
            "水: [路, 'b c']\r\nx:\r\n  - \"é\"\r\n",
            &[
                "map at \"水: [路, 'b c']\\r\\nx:\\r\\n  - \\\"é\\\"\"",
                "\"水\": at \"水\"",
                "list at \"[路, 'b c']\"",
                "\"路\" at \"路\"",
                "\"b c\" at \"'b c'\"",
                "\"x\": at \"x\"",
                "list at \"- \\\"é\\\"\"",
                "\"é\" at \"\\\"é\\\"\"",
            ],
        );
    }

    /// The crate that most of the Rust world reads YAML with is the oracle for values.
    #[test]
    fn values_are_those_of_serde_yaml() {
        for text in [
            "a: 1\nb: [x, 2, 3.5, true, ~, 'y', \"z\\n\"]\n",
            "- a\n- - b\n  - c\n- {d: e, f: [g]}\n",
            "a: |\n  one\n  two\nb: >-\n  three\n  four\n",
            "a: 'it''s'\nb: \"\\u6c34\\t\"\n",
            "x: &x {a: 1}\ny: *x\n",
            "a:\nb: \n  c:\n",
            "? a\n: b\n",
            "\"quoted key\": 1\n'7': 2\n",
            "a: http://x.example:80/y#z\nb: a#b\nc: 12:30\nd: -x\n",
            "---\na: 1\n...\n",
            "a: [\n  1,\n  2,\n]\n",
            "a: !!str 1\nb: \"1\"\n",
            "a: 0x10\nb: 0o17\nc: 1e3\nd: .5\ne: 007\nf: +1\n",
            "日本: 水路\n",
        ] {
            let (node, problems) = tree(text);
            assert!(problems.is_empty(), "{text:?}: {problems:?}");
            let oracle: serde_json::Value = serde_yaml::from_str(text).unwrap();
            assert_eq!(node.unwrap().to_json(), oracle, "{text:?}");
        }
    }

    #[test]
    fn merge_keys_do_not_replace_what_is_written() {
        let text = "x: &x {a: 1, b: 2}\nz: &z {b: 9, c: 3}\ny: {<<: [*x, *z], b: 3}\n";
        let node = tree(text).0.unwrap().to_json();
        assert_eq!(node["y"], serde_json::json!({"b": 3, "a": 1, "c": 3}));
    }

    /// Every prefix and every single-byte change of a document is read without a panic, and either has a value or says
    /// why not, at a place inside the file.
    #[test]
    fn nothing_makes_the_reader_panic() {
        let text = "a: &x [1, {b: 'c', \"d\": >-\n   e\n  }]\n水:\n  - *x\n  - ? f\n    : |\n     g\n<<: {h: !!str i}\n# end\n";
        let mut texts: Vec<String> = text.char_indices().map(|(at, _)| text[..at].to_owned()).collect();
        for (at, _) in text.char_indices() {
            for other in [":", "-", "?", "\t", "\n", "{", "]", "'", "\"", "&", "*", "!", "|", "%", "\0", "水", "  "] {
                texts.push(format!("{}{other}{}", &text[..at], &text[at..]));
                let rest = text[at..].char_indices().nth(1).map_or("", |(next, _)| &text[at + next..]);
                texts.push(format!("{}{other}{rest}", &text[..at]));
            }
        }
        for text in texts {
            let (_, problems) = tree(&text);
            for problem in problems {
                let span = problem.primary.unwrap().span;
                assert!(span.start <= span.end && span.end <= text.len(), "{text:?} {span:?}");
                assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{text:?} {span:?}");
            }
        }
    }
}
