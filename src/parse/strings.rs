//! What strings name: relations, which can then be neither seen nor replaced, and files.

use super::{
    keyword::Keyword,
    lexer::{Kind, Tokens},
    problem::Problem,
};
use crate::{diagnostic::code, dialect::Dialect};

/// PostgreSQL's types whose literals name a relation.
const NAMING_TYPES: [&str; 1] = ["regclass"];

/// Functions whose first argument names a relation or a sequence.
const NAMING_FUNCTIONS: [&str; 21] = [
    "nextval",
    "setval",
    "currval",
    "to_regclass",
    "pg_relation_size",
    "pg_table_size",
    "pg_indexes_size",
    "pg_total_relation_size",
    "pg_relation_filenode",
    "pg_relation_filepath",
    "pg_sequence_last_value",
    "pg_get_serial_sequence",
    "pg_get_viewdef",
    "row_security_active",
    "has_table_privilege",
    "has_any_column_privilege",
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "pragma_table_info",
    "query_table",
];

/// Functions whose arguments are SQL.
const RUNNING_FUNCTIONS: [&str; 12] = [
    "query",
    "query_table",
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "dblink",
    "dblink_exec",
    "dblink_open",
    "dblink_send_query",
    "json_execute_serialized_sql",
    "ts_stat",
];

/// The problems of a text that names relations in strings.
pub(super) fn find(tokens: &Tokens<'_>, dialect: Dialect) -> Vec<Problem> {
    let list = &tokens.list;
    let word = |at: usize| {
        list.get(at).filter(|token| token.kind == Kind::Word).map(|token| tokens.slice(token)).unwrap_or_default()
    };
    let any = |at: usize, words: &[&str]| words.iter().any(|known| word(at).eq_ignore_ascii_case(known));
    let sign = |at: usize, sign: u8| list.get(at).is_some_and(|token| token.is(sign));
    let mut problems = Vec::new();
    for (at, token) in list.iter().enumerate() {
        let found = match token.kind {
            Kind::String if dialect == Dialect::Postgres && !is_system(tokens.slice(token)) => {
                let cast = sign(at + 1, b':') && sign(at + 2, b':') && any(last_part(at + 3, &sign), &NAMING_TYPES);
                let call = list.get(at + 1).is_some_and(|next| next.keyword == Keyword::As)
                    && any(last_part(at + 2, &sign), &NAMING_TYPES);
                let prefix = at.checked_sub(1).is_some_and(|before| any(before, &NAMING_TYPES));
                cast || call || prefix
            }
            Kind::Word if sign(at + 1, b'(') => {
                let string = list.get(at + 2).is_some_and(|argument| {
                    matches!(argument.kind, Kind::String) && !is_system(tokens.slice(argument))
                });
                (string && any(at, &NAMING_FUNCTIONS)) || any(at, &RUNNING_FUNCTIONS)
            }
            _ => false,
        };
        if found {
            problems.push(problem(tokens, at));
        }
    }
    problems
}

/// The last part of the dotted name that begins at `at`.
fn last_part(at: usize, sign: &impl Fn(usize, u8) -> bool) -> usize {
    if sign(at + 1, b'.') { at + 2 } else { at }
}

/// Whether a string names something of the engine's own catalog, which is never replaced.
fn is_system(string: &str) -> bool {
    let name = string.trim_start_matches(|character: char| character != '\'').trim_matches(['\'', '"']);
    ["pg_", "information_schema."].iter().any(|prefix| name.starts_with(prefix))
}

fn problem(tokens: &Tokens<'_>, at: usize) -> Problem {
    let range = tokens.list.get(at).map(super::lexer::Token::range).unwrap_or_default();
    let runs = tokens
        .list
        .get(at)
        .is_some_and(|token| RUNNING_FUNCTIONS.iter().any(|known| tokens.slice(token).eq_ignore_ascii_case(known)));
    if runs {
        return Problem::new(code::NAME_IN_STRING, range, "SQL inside a string names relations that suiro cannot see")
            .help("write the query itself instead of its text");
    }
    Problem::new(
        code::NAME_IN_STRING,
        range,
        "a relation is named inside a string, where suiro can neither see nor replace it",
    )
    .help("read the relation in FROM")
}

/// Whether DuckDB would read the string in FROM as a file: it has a path, a pattern, an address, or a data file's ending.
pub(super) fn is_file(string: &str) -> bool {
    const ENDINGS: [&str; 9] = [".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson", ".xlsx", ".arrow", ".txt"];
    let lower = string.trim_matches('\'').to_ascii_lowercase();
    let plain = [".gz", ".zst"].iter().find_map(|packed| lower.strip_suffix(packed)).unwrap_or(&lower);
    lower.contains(['/', '\\', '*', '?']) || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::is_file;

    #[test]
    fn files_are_told_from_relations() {
        for file in ["'a.parquet'", "'data/x'", "'s3://b/k'", "'*.csv.gz'", "'X.JSON'"] {
            assert!(is_file(file), "{file}");
        }
        for relation in ["'orders'", "'core.orders'", "'a csv'"] {
            assert!(!is_file(relation), "{relation}");
        }
    }
}
