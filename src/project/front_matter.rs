//! The configuration at the top of a model: YAML in a leading `/*--- … ---*/` comment, so that the file stays SQL.
//!
//! In: the text of a model. Out: where the YAML stands and where the SQL starts. Never: what the YAML says.

use crate::{
    diagnostic::{Diagnostic, code},
    source::{FileId, Span},
};
use std::ops::Range;

const OPEN: &str = "/*---";
const CLOSE: &str = "---*/";

/// The two parts of a model's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The bytes of the YAML, if there is front matter.
    pub(crate) yaml: Option<Range<usize>>,
    /// Where the SQL starts.
    pub(crate) sql_start: usize,
}

/// Finds the front matter of a model. A comment that goes on with another `-` is a line that somebody drew.
pub(crate) fn find(file: FileId, text: &str) -> Result<Parts, Box<Diagnostic>> {
    let start = text.len() - text.trim_start().len();
    let Some(rest) = text[start..].strip_prefix(OPEN).filter(|rest| !rest.starts_with(['-', '*'])) else {
        return Ok(Parts { yaml: None, sql_start: 0 });
    };
    let yaml_start = start + OPEN.len();
    let close = rest.find(CLOSE);
    let comment_end = ends_of_comments(rest).find(|end| close.is_none_or(|close| *end < close));
    match (close, comment_end) {
        (Some(close), None) => {
            let yaml = yaml_start..yaml_start + close;
            Ok(Parts { sql_start: yaml.end + CLOSE.len(), yaml: Some(yaml) })
        }
        (_, end) => {
            let found = Diagnostic::error(
                code::BROKEN_FRONT_MATTER,
                "the front matter starts with `/*---` and does not end with `---*/`",
            );
            let open = Span::new(file, start..yaml_start);
            let found = match end {
                Some(end) => {
                    let end = Span::new(file, yaml_start + end..yaml_start + end + 2);
                    found.at(end, "ends here").also(open, "starts here")
                }
                None => found.at(open, "starts here"),
            };
            Err(Box::new(found.help("end it with `---*/`, or start the comment with `/* ---` if it is only a comment")))
        }
    }
}

/// Where a `*/` ends a line: in a path such as `data/*/x.csv` it does not.
fn ends_of_comments(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices("*/").map(|(at, _)| at).filter(move |at| {
        let after = &text[at + 2..];
        after.lines().next().unwrap_or_default().trim().is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Sources};

    fn parts(text: &str) -> Result<(Option<&str>, &str), String> {
        let file = Sources::default().add(SourceFile::new("m.sql", text));
        match find(file, text) {
            Ok(parts) => Ok((parts.yaml.map(|range| &text[range]), &text[parts.sql_start..])),
            Err(found) => Err(text[found.primary.unwrap().span.range()].to_owned()),
        }
    }

    #[test]
    fn front_matter_is_a_leading_comment_of_its_own_kind() {
        assert_eq!(parts("/*---\na: 1\n---*/\nselect 1"), Ok((Some("\na: 1\n"), "\nselect 1")));
        assert_eq!(parts("\n /*--- a: 1 ---*/ select 1"), Ok((Some(" a: 1 "), " select 1")));
        assert_eq!(parts("/*---\r\na: 1\r\n---*/\r\nselect 1"), Ok((Some("\r\na: 1\r\n"), "\r\nselect 1")));
        assert_eq!(parts("/*------*/ select 1"), Ok((None, "/*------*/ select 1")));
        assert_eq!(parts("/*---*/ select 1"), Ok((None, "/*---*/ select 1")));
        assert_eq!(parts("/*-----\n orders\n-----*/ select 1"), Ok((None, "/*-----\n orders\n-----*/ select 1")));
        assert_eq!(parts("/* a */ select 1"), Ok((None, "/* a */ select 1")));
        assert_eq!(parts("select 1 /*---\na: 1\n---*/"), Ok((None, "select 1 /*---\na: 1\n---*/")));
        assert_eq!(parts("/*---\nfrom: data/*/x.csv\n---*/"), Ok((Some("\nfrom: data/*/x.csv\n"), "")));
    }

    #[test]
    fn front_matter_that_does_not_end_is_an_error() {
        assert_eq!(parts("/*---\na: 1\n*/\nselect 1 /*--- x ---*/"), Err("*/".to_owned()));
        assert_eq!(parts("/*---\na: 1\nselect 1"), Err("/*---".to_owned()));
        assert_eq!(parts("/*---\na: 1\n--*/\nselect 1"), Err("*/".to_owned()));
        assert_eq!(parts("/*--- x"), Err("/*---".to_owned()));
    }
}
