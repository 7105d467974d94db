//! Lists of values that templates may ask for: `values/<name>.yml`.
//!
//! In: the trees of such files. Out: [`ValueList`]s. Never: the query's answer, which `suiro catalog values` fetches and
//! writes back.

use super::{
    field::{Given, Reader},
    key,
    yaml::Node,
};
use crate::{
    diagnostic::{Diagnostic, code},
    source::FileId,
};
use serde_json::Value;

/// The folder of such files, relative to the project.
pub(crate) const FOLDER: &str = "values";

/// A list of values in a file of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueList {
    /// The path below `values/`, without extension.
    pub name: String,
    /// The file.
    pub file: FileId,
    /// Its path relative to the project, with `/`.
    pub path: String,
    /// The query that fetches the values; none for a list that is kept by hand.
    pub query: Option<Given<String>>,
    /// The values as they were fetched last: one for each row, a mapping where the query has several columns.
    pub values: Option<Value>,
}

/// Understands a file.
pub(crate) fn read(reader: &mut Reader<'_>, name: &str, path: &str, file: FileId, node: &Node) -> ValueList {
    let before = reader.found.len();
    let fields = reader.fields(node, &key::VALUE_LIST, "a list of values");
    let query = fields.text("query").filter(|query| !query.value.trim().is_empty());
    let values = fields.get("values").map(|field| field.node.to_json());
    if query.is_none() && values.is_none() && reader.found.len() == before {
        let problem = Diagnostic::error(code::WRONG_VALUE, "a list of values has a `query`, or `values`, or both");
        reader.found.push(problem.at(node.span, "neither").help("write `query: select distinct … order by 1`"));
    }
    ValueList { name: name.to_owned(), file, path: path.to_owned(), query, values }
}

/// The text of a file with these values in place of those that it has; everything else stays as it is.
///
/// `rows` are JSON values, one for each row.
#[must_use]
pub fn with_values(text: &str, rows: &[Value]) -> String {
    let is_top =
        |line: &str| line.starts_with(|first: char| !first.is_whitespace() && !matches!(first, '#' | '-' | '}' | ']'));
    let mut kept = String::with_capacity(text.len());
    let mut block = String::from("values:");
    if rows.is_empty() {
        block.push_str(" []");
    }
    block.push('\n');
    for row in rows {
        block.push_str("  - ");
        block.push_str(&row.to_string());
        block.push('\n');
    }
    let (mut inside, mut written) = (false, false);
    for line in text.split_inclusive('\n') {
        let key = line.split_once(':').map(|(key, _)| key.trim_matches(['"', '\'']));
        if is_top(line) {
            inside = key == Some("values");
            if inside && !written {
                kept.push_str(&block);
                written = true;
            }
        }
        if !inside {
            kept.push_str(line);
        }
    }
    if !written {
        if !kept.is_empty() && !kept.ends_with('\n') {
            kept.push('\n');
        }
        kept.push_str(&block);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::with_values;
    use serde_json::json;

    #[test]
    fn only_the_values_change() {
        let rows = [json!("a'b: #"), json!(1), json!(null), json!({"code": "de", "漢": 2})];
        let block = "values:\n  - \"a'b: #\"\n  - 1\n  - null\n  - {\"code\":\"de\",\"漢\":2}\n";
        for (text, expected) in [
            ("# mine\nquery: |\n  select 1\n", format!("# mine\nquery: |\n  select 1\n{block}")),
            ("query: select 1", format!("query: select 1\n{block}")),
            ("query: q\nvalues:\n- a\n- b\n", format!("query: q\n{block}")),
            ("values: [a,\n  b\n]\nquery: q\n", format!("{block}query: q\n")),
            ("values: [a]\n# about the query\nquery: q\n", format!("{block}query: q\n")),
            ("", block.to_owned()),
        ] {
            let written = with_values(text, &rows);
            assert_eq!(written, expected, "{text}");
            assert_eq!(with_values(&written, &rows), written);
        }
        assert_eq!(with_values("query: q\n", &[]), "query: q\nvalues: []\n");
    }
}
