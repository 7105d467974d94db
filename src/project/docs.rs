//! Docs blocks: longer descriptions, written in Markdown files beside the models.
//!
//! In: the text of a file. Out: the blocks `{% docs name %} … {% enddocs %}` in it. Never: Markdown; what stands outside
//! of blocks is for people alone.

use super::field::Given;
use crate::{
    diagnostic::{Diagnostic, code},
    source::{FileId, Span},
};
use std::ops::Range;

/// A block: its name, with its place, and its text without white space at the ends.
pub(crate) type Block = (Given<String>, String);

/// Whether a text may have blocks at all.
pub(crate) fn has_blocks(text: &str) -> bool {
    tags(text).next().is_some()
}

/// The blocks of a file, and what is wrong with them.
pub(crate) fn blocks(file: FileId, text: &str) -> (Vec<Block>, Vec<Diagnostic>) {
    let (mut blocks, mut found) = (Vec::new(), Vec::new());
    let mut open: Option<(Given<String>, usize)> = None;
    let broken = |message: String, range: Range<usize>| {
        Diagnostic::error(code::BROKEN_DOCS_BLOCK, message).at(Span::new(file, range), "")
    };
    for (word, argument, range) in tags(text) {
        let span = Span::new(file, range.clone());
        match (word, &open) {
            ("docs", None) if is_name(argument) => {
                open = Some((Given::new(argument.to_owned(), span), range.end));
            }
            ("docs", None) => found.push(
                broken("a docs block needs a name of letters, digits and underscores".to_owned(), range)
                    .help("write `{% docs orders %} … {% enddocs %}`"),
            ),
            ("docs", Some((first, _))) => found.push(
                broken(format!("the docs block `{}` has no end before this one begins", first.value), range)
                    .also(first.span, "opened here")
                    .help("write `{% enddocs %}` behind its text"),
            ),
            (_, Some((name, start))) => {
                blocks.push((name.clone(), text.get(*start..range.start).unwrap_or_default().trim().to_owned()));
                open = None;
            }
            (_, None) => found
                .push(broken("`enddocs` stands here without a docs block".to_owned(), range).help("remove the tag")),
        }
    }
    if let Some((name, _)) = open {
        let message = format!("the docs block `{}` has no end", name.value);
        let problem = Diagnostic::error(code::BROKEN_DOCS_BLOCK, message).at(name.span, "opened here");
        found.push(problem.help("write `{% enddocs %}` behind its text"));
    }
    (blocks, found)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_alphanumeric() || character == '_')
}

/// The tags `docs` and `enddocs`: word, what follows it, and the bytes of the tag.
fn tags(text: &str) -> impl Iterator<Item = (&str, &str, Range<usize>)> {
    text.match_indices("{%").filter_map(|(start, _)| {
        let end = start + text.get(start..)?.find("%}")? + "%}".len();
        let inner = text.get(start + 2..end - 2)?.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim();
        let (word, argument) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        matches!(word, "docs" | "enddocs").then_some((word, argument.trim(), start..end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Sources};

    #[test]
    fn blocks_and_what_is_wrong_with_them() {
        for (text, names, problems) in [
            ("# Title\n{% docs a %}\n One.\n{% enddocs %} and {%- docs b -%}two{%- enddocs -%}", "a=One. b=two", 0),
            ("{% docs a %}{% if x %}{{ y }}{% enddocs %}", "a={% if x %}{{ y }}", 0),
            ("{% docs a %}", "", 1),
            ("{% docs %}x{% enddocs %}", "", 2),
            ("{% docs a b %}x{% enddocs %}", "", 2),
            ("{% docs a %}x{% docs b %}y{% enddocs %}", "a=x{% docs b %}y", 1),
            ("{% enddocs", "", 0),
            ("{% docs 名 %}水{% enddocs %}", "名=水", 0),
        ] {
            let file = Sources::default().add(SourceFile::new("a.md", text));
            let (blocks, found) = blocks(file, text);
            let shown: Vec<String> = blocks.iter().map(|(name, text)| format!("{}={text}", name.value)).collect();
            assert_eq!((shown.join(" ").as_str(), found.len()), (names, problems), "{text}");
            assert!(found.iter().all(|problem| !problem.help.is_empty() && problem.primary.is_some()));
        }
    }
}
