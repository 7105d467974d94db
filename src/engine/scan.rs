//! Just enough of SQL's lexical rules to tell statements and first words apart, without understanding them.
//!
//! In: one statement, in either dialect. Out: where its tokens are. Never: a syntax tree (that is `parse/`), or an
//! answer that anything but counting rows and trimming ends relies on.

use std::ops::Range;

/// A token: a word, a quoted thing, or one character of anything else. Comments and space are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    start: usize,
}

impl Token<'_> {
    const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

/// The statement without a trailing `;` and what follows it (space, comments, further `;`); positions in it are
/// positions in the statement.
#[must_use]
pub fn trim_end(statement: &str) -> &str {
    let end = Tokens::of(statement).filter(|token| token.text != ";").last().map_or(0, |token| token.end());
    &statement[..end]
}

/// Whether something other than `;` and comments follows a `;`.
///
/// Bodies in `BEGIN ATOMIC … END` count as several.
pub fn is_several(statement: &str) -> bool {
    Tokens::of(statement).skip_while(|token| token.text != ";").any(|token| token.text != ";")
}

/// The first word, as written, parentheses before it left out.
pub fn first_word(statement: &str) -> Option<&str> {
    Tokens::of(statement).find(|token| token.text != "(").map(|token| token.text)
}

/// Whether a statement of DuckDB's that is not a query asks something: EXPLAIN of a query, SHOW, DESCRIBE, PRAGMA.
pub fn asks(statement: &str) -> bool {
    let mut words = Tokens::of(statement);
    let Some(first) = words.next() else { return false };
    if !first.is("explain") {
        return ["show", "describe", "desc", "summarize", "pragma"].iter().any(|known| first.is(known));
    }
    let mut depth = 0usize;
    let explained = words.find(|token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => return (depth == 0 || is_query(token.text)) && !token.is("analyze"),
        }
        false
    });
    explained.is_some_and(|token| is_query(token.text))
}

/// Whether a statement that starts with this word is a query.
pub fn is_query(word: &str) -> bool {
    ["select", "with", "from", "values", "table"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether the statement is of a kind that has rows to count: it queries or changes rows, or makes a table of a query.
pub fn counts_rows(statement: &str) -> bool {
    let Some(first) = first_word(statement) else { return false };
    match first.to_ascii_lowercase().as_str() {
        "select" | "with" | "values" | "table" | "from" | "insert" | "update" | "delete" | "merge" | "copy"
        | "fetch" | "move" | "execute" => true,
        "create" => makes_table_of_query(statement),
        _ => false,
    }
}

/// Whether it is, or has, a COPY whose data come from or go to the client, which then has to speak another protocol.
pub fn copies_with_client(statement: &str) -> bool {
    let (mut first, mut copies, mut way) = (true, false, false);
    for token in Tokens::of(statement) {
        if token.text == ";" {
            (first, copies, way) = (true, false, false);
            continue;
        }
        if first {
            copies = token.is("copy");
            first = false;
        }
        if copies && way && (token.is("stdin") || token.is("stdout")) {
            return true;
        }
        way = token.is("from") || token.is("to");
    }
    false
}

/// Whether it is `CREATE … TABLE … AS` or `CREATE MATERIALIZED VIEW`, seen from its words outside of parentheses.
fn makes_table_of_query(statement: &str) -> bool {
    let mut depth = 0usize;
    let mut table = false;
    for token in Tokens::of(statement) {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if !table && (token.is("view") || token.is("function") || token.is("macro") || token.is("schema")) => {
                return false;
            }
            _ if token.is("materialized") => return true,
            _ if token.is("table") => table = true,
            _ if table && token.is("as") => return true,
            _ => {}
        }
    }
    false
}

struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    const fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Steps over space and comments.
    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = self.rest();
            if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += comment(rest);
            } else {
                return;
            }
        }
    }

    /// The bytes of the token that starts here.
    fn token(&self) -> Option<Range<usize>> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let length = match first {
            '\'' | '"' => quoted(rest, 0, false),
            'e' | 'E' if rest[1..].starts_with('\'') => quoted(rest, 1, true),
            '$' => dollar_quoted(rest).unwrap_or(1),
            _ if is_word(first) => rest.find(|character| !is_word(character)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        Some(self.at..self.at + length)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let range = self.token()?;
        self.at = range.end;
        Some(Token { text: &self.text[range.clone()], start: range.start })
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$' || !character.is_ascii()
}

/// The length of the `/* … */` comment at the start of `text`; they nest. One that does not end takes all.
fn comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a quoted token whose opening quote is the byte `open`; a doubled quote stays inside.
fn quoted(text: &str, open: usize, backslash: bool) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes.get(open).copied();
    let mut at = open + 1;
    while at < bytes.len() {
        if backslash && bytes[at] == b'\\' {
            at += 2;
        } else if Some(bytes[at]) == quote {
            if bytes.get(at + 1).copied() != quote {
                return at + 1;
            }
            at += 2;
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of `$tag$ … $tag$`, if that is what stands here; `$1` is no such thing.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag_end = text[1..].find('$')? + 2;
    let tag = &text[..tag_end];
    let name = &tag[1..tag_end - 1];
    if name.starts_with(|first: char| first.is_ascii_digit()) || !name.chars().all(|part| is_word(part) && part != '$')
    {
        return None;
    }
    Some(text[tag_end..].find(tag).map_or(text.len(), |at| tag_end + at + tag.len()))
}

#[cfg(test)]
mod tests {
    use super::{asks, copies_with_client, counts_rows, first_word, is_several, trim_end};

    #[test]
    fn knows_what_only_asks() {
        for (statement, only) in [
            ("explain select 1", true),
            ("EXPLAIN ANALYZE (format json) from t", true),
            ("explain (analyze, format json) (select 1)", true),
            ("show tables", true),
            ("-- a comment\nsummarize t", true),
            ("explain analyze copy (select 1) to 'x.csv'", false),
            ("explain (format json) insert into t select 1", false),
            ("explain delete from t", false),
            ("copy (select 1) to 'x.csv'", false),
            ("attach 'x.duckdb'", false),
            ("set threads = 1", false),
            ("", false),
        ] {
            assert_eq!(asks(statement), only, "{statement}");
        }
    }

    #[test]
    fn trims_what_follows_the_statement() {
        for (statement, trimmed) in [
            ("select 1", "select 1"),
            ("select 1;", "select 1"),
            ("select 1 ; ; -- the end\n /* ; /* nested */ */ ;", "select 1"),
            ("-- first\nselect ';' -- last", "-- first\nselect ';'"),
            ("select E'\\';', \"a;\"\"b\"; ", "select E'\\';', \"a;\"\"b\""),
            ("select $x$;$x$;", "select $x$;$x$"),
            ("select '漢字';", "select '漢字'"),
            ("select 'open;", "select 'open;"),
            ("", ""),
            ("-- nothing", ""),
            (";", ""),
        ] {
            assert_eq!(trim_end(statement), trimmed, "{statement}");
        }
    }

    #[test]
    fn tells_several_statements_from_one() {
        for (statement, several) in [
            ("select 1; -- x", false),
            ("select ';'; /* select 2 */", false),
            ("select 1; select 2", true),
            ("select $$ a; b $$", false),
            ("select $1; select 2", true),
            ("select a$b$c; select 2$b$", true),
            ("/* ; */ select 1", false),
            ("", false),
        ] {
            assert_eq!(is_several(statement), several, "{statement}");
        }
    }

    #[test]
    fn finds_the_first_word() {
        assert_eq!(first_word("/* x */ -- y\n ((select 1))"), Some("select"));
        assert_eq!(first_word("-- select"), None);
        assert_eq!(first_word("漢字"), Some("漢字"));
        assert_eq!(first_word("e'x'"), Some("e'x'"));
    }

    #[test]
    fn knows_which_statements_count_rows() {
        for (statement, counts) in [
            ("create table t as select 1", true),
            ("CREATE UNLOGGED TABLE \"as\" (a, b) AS (select 1, 2)", true),
            ("create or replace temp table t as from x", true),
            ("create materialized view v as select 1", true),
            ("create table t (a int generated always as identity)", false),
            ("create table \"as\" (a int)", false),
            ("create or replace view v as table t", false),
            ("create function f() returns table (a int) as 'select 1' language sql", false),
            ("create schema s", false),
            ("with x as (select 1) insert into t select * from x", true),
            ("insert into t values (1)", true),
            ("begin", false),
            ("set x = 1", false),
            ("", false),
        ] {
            assert_eq!(counts_rows(statement), counts, "{statement}");
        }
    }

    #[test]
    fn knows_what_copies_with_the_client() {
        for (statement, with_client) in [
            ("copy t from stdin", true),
            ("begin; COPY t (a, b) FROM STDIN with (format csv)", true),
            ("copy (select stdin from t) to stdout", true),
            ("copy t from 'stdin'", false),
            ("copy t to '/tmp/x'", false),
            ("select * from stdin", false),
            ("copy x from 'a'; select * from stdin", false),
        ] {
            assert_eq!(copies_with_client(statement), with_client, "{statement}");
        }
    }

    #[test]
    fn never_panics_on_cut_text() {
        let text = "select E'\\', $a$ 漢 $a$ /* /* */ \"x\"\" -- y\n ; $";
        for (at, _) in text.char_indices() {
            let _trimmed = trim_end(&text[..at]);
            is_several(&text[at..]);
            counts_rows(&text[at..]);
        }
    }
}
