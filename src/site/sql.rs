//! SQL with the places in it that name other nodes.
//!
//! In: a text, and where it names nodes, by bytes. Out: the same by UTF-16 units, which is how JavaScript counts. Never:
//! colours, which the page gives.

use crate::{
    compile::{Compilation, WrittenFile},
    manifest::{CompiledSql, NodeId},
    run::published_sql,
};
use std::ops::Range;

/// A stretch of a text, first unit and one past the last, and the node that it names.
pub(super) type Link = (usize, usize, u32);

/// The links within the file that a node is written in.
pub(super) fn written_links(compilation: &Compilation, id: NodeId, file: WrittenFile<'_>) -> Vec<Link> {
    let reads = &compilation.manifest.node(id).reads;
    let named = reads.iter().flat_map(|read| read.sites.iter().map(|site| (site, read.node)));
    let here = named.filter(|(site, _)| site.path == file.path);
    let ranges = here.filter_map(|(site, node)| {
        let span = compilation.written_name(site)?;
        Some((extended(file.text, span.start..span.end), node))
    });
    links(file.text, ranges.collect())
}

/// The SQL as it would be sent, and the links in it.
pub(super) fn compiled(compilation: &Compilation, sql: &CompiledSql) -> (String, Vec<Link>) {
    let filled = published_sql(&compilation.manifest, sql, None);
    let named = filled.relations().collect();
    let links = links(&filled.text, named);
    (filled.text, links)
}

/// A name that a template prints is all of the tag: `{{ ref('orders') }}`.
fn extended(text: &str, range: Range<usize>) -> Range<usize> {
    let rest = text.get(range.start..).unwrap_or_default();
    match rest.strip_prefix("{{").and_then(|inner| inner.find("}}")) {
        Some(end) => range.start..range.start + end + 4,
        None => range,
    }
}

fn links(text: &str, mut named: Vec<(Range<usize>, NodeId)>) -> Vec<Link> {
    named.sort_by_key(|(range, _)| range.start);
    let mut found: Vec<Link> = Vec::with_capacity(named.len());
    let (mut byte, mut unit) = (0, 0);
    for (range, node) in named {
        // Two names at one place: the first one is the link.
        if range.start < byte || text.get(range.clone()).is_none_or(str::is_empty) {
            continue;
        }
        let start = unit + units(&text[byte..range.start]);
        unit = start + units(&text[range.clone()]);
        byte = range.end;
        found.push((start, unit, node.0));
    }
    found
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::{extended, links};
    use crate::manifest::NodeId;

    #[test]
    fn places_count_as_javascript_counts_and_do_not_overlap() {
        let text = "select 'é𝄞' from a join b";
        let at = |word: &str| text.find(word).map(|start| start..start + 1).unwrap();
        let found = links(text, vec![(at("b"), NodeId(2)), (at("a"), NodeId(1)), (at("a"), NodeId(3))]);
        let units: Vec<u16> = text.encode_utf16().collect();
        let shown: Vec<String> =
            found.iter().map(|(start, end, _)| String::from_utf16(&units[*start..*end]).unwrap()).collect();
        assert_eq!(shown, ["a", "b"]);
        assert_eq!(found.iter().map(|link| link.2).collect::<Vec<_>>(), [1, 2]);
        assert!(links("é", vec![(0..1, NodeId(0)), (2..9, NodeId(0))]).is_empty());
    }

    #[test]
    fn a_printed_name_is_the_whole_tag() {
        let text = "from {{ ref('orders') }} o";
        assert_eq!(&text[extended(text, 5..5)], "{{ ref('orders') }}");
        assert_eq!(extended("from orders", 5..11), 5..11);
    }
}
