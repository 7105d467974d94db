//! The paths that a file of Rust source mentions, resolved as far as its own `use` lines tell.
//!
//! In: tokens and the module that the file is. Out: absolute paths, `crate::…` or those of another crate, with lines.

use crate::tokens::{Kind, Token};
use std::collections::BTreeMap;

/// A path that a file mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The parts; the first is `crate` or the name of another crate.
    pub parts: Vec<String>,
    /// The line, from 1.
    pub line: usize,
}

impl Mention {
    /// Whether it is that path (`std::fs`) or something in it.
    pub fn is_in(&self, path: &str) -> bool {
        let mut parts = self.parts.iter();
        path.split("::").all(|part| parts.next().is_some_and(|mine| mine == part))
    }
}

/// Every path that a file mentions, the module path of the file given (`["engine", "postgres"]`).
pub fn mentions(tokens: &[Token], module: &[String]) -> Vec<Mention> {
    let mut names = BTreeMap::new();
    let mut found = Vec::new();
    for window in tokens.windows(3) {
        if let [keyword, name, end] = window
            && keyword.word() == Some("mod")
            && (end.is(';') || end.is('{'))
            && let Some(name) = name.word()
        {
            let path =
                ["crate".to_owned()].into_iter().chain(module.iter().cloned()).chain([name.to_owned()]).collect();
            names.insert(name.to_owned(), path);
        }
    }
    let mut at = 0;
    let mut rest = Vec::new();
    while at < tokens.len() {
        let is_use = tokens[at].word() == Some("use") && !tokens.get(at + 1).is_some_and(|token| token.is('<'));
        if is_use {
            let end = (at..tokens.len()).find(|&index| tokens[index].is(';')).unwrap_or(tokens.len());
            let mut tree = UseTree { tokens: &tokens[at + 1..end], at: 0, imports: Vec::new() };
            tree.read(&[]);
            for import in tree.imports {
                let parts = absolute(&import.parts, module, &BTreeMap::new());
                names.insert(import.name, parts.clone());
                found.push(Mention { parts, line: import.line });
            }
            at = end;
        } else {
            rest.push(tokens[at].clone());
            at += 1;
        }
    }
    found.extend(
        expressions(&rest)
            .into_iter()
            .map(|mention| Mention { parts: absolute(&mention.parts, module, &names), line: mention.line }),
    );
    found
}

/// One name that a `use` brings in.
struct Import {
    parts: Vec<String>,
    name: String,
    line: usize,
}

/// The part of a `use` between the keyword and the semicolon.
struct UseTree<'a> {
    tokens: &'a [Token],
    at: usize,
    imports: Vec<Import>,
}

impl UseTree<'_> {
    /// Reads one branch, up to `,`, `}` or the end.
    fn read(&mut self, prefix: &[String]) {
        let mut parts = prefix.to_vec();
        let mut alias = None;
        let mut line = 0;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match &token.kind {
                Kind::Word(word) if word == "as" => {
                    alias = self.tokens.get(self.at).and_then(Token::word).map(str::to_owned);
                    self.at += 1;
                }
                Kind::Word(word) => {
                    line = token.line;
                    if word != "self" || parts.is_empty() {
                        parts.push(word.clone());
                    }
                }
                Kind::Mark('*') => {
                    line = token.line;
                    alias = Some("*".to_owned());
                }
                Kind::Mark('{') => {
                    while self.tokens.get(self.at).is_some_and(|token| !token.is('}')) {
                        self.read(&parts);
                    }
                    self.at += 1;
                    if self.tokens.get(self.at).is_some_and(|token| token.is(',')) {
                        self.at += 1;
                    }
                    return;
                }
                Kind::Mark(',') => break,
                Kind::Mark('}') => {
                    self.at -= 1;
                    break;
                }
                _ => {}
            }
        }
        if let Some(last) = parts.last().cloned()
            && line > 0
        {
            self.imports.push(Import { parts, name: alias.unwrap_or(last), line });
        }
    }
}

/// The paths of two or more parts outside of `use`, as written.
fn expressions(tokens: &[Token]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some(first) = tokens[at].word() else {
            at += 1;
            continue;
        };
        let line = tokens[at].line;
        let mut parts = vec![first.to_owned()];
        let before = at.checked_sub(1).map(|index| &tokens[index]);
        // `a::<T>::b` and `x.y::<T>()` go on from something else.
        let goes_on = before.is_some_and(|token| {
            token.is('.')
                || token.kind == Kind::Path
                    && at >= 2
                    && (tokens[at - 2].is('>') || tokens[at - 2].word().is_some_and(|word| word != "return"))
        });
        at += 1;
        while tokens.get(at).is_some_and(|token| token.kind == Kind::Path) {
            let Some(part) = tokens.get(at + 1).and_then(Token::word) else { break };
            parts.push(part.to_owned());
            at += 2;
        }
        if parts.len() > 1 && !goes_on {
            found.push(Mention { parts, line });
        }
    }
    found
}

/// A written path as an absolute one: what the names stand for, and where `self` and `super` lead.
fn absolute(parts: &[String], module: &[String], names: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    if let Some(meant) = names.get(first) {
        return meant.iter().chain(rest).cloned().collect();
    }
    let up = parts.iter().take_while(|part| *part == "super").count();
    let (kept, rest) = match first.as_str() {
        "self" => (module, rest),
        "super" => (&module[..module.len().saturating_sub(up)], &parts[up..]),
        _ => return parts.to_vec(),
    };
    ["crate".to_owned()].into_iter().chain(kept.iter().cloned()).chain(rest.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    fn paths(text: &str) -> Vec<String> {
        let module = ["engine".to_owned(), "postgres".to_owned()];
        mentions(&tokens(text), &module).iter().map(|mention| mention.parts.join("::")).collect()
    }

    #[test]
    fn use_lines_are_unfolded() {
        let text = "use crate::{diagnostic::{self, Code}, exit::Exit as E}; use std::fs::*; pub use super::Rows;";
        let expected =
            ["crate::diagnostic", "crate::diagnostic::Code", "crate::exit::Exit", "std::fs", "crate::engine::Rows"];
        assert_eq!(paths(text), expected);
    }

    #[test]
    fn paths_in_code_follow_what_was_imported() {
        let cases = [
            ("let x = sqlparser::parser::Parser::new();", "sqlparser::parser::Parser::new"),
            ("let x = ::duckdb::connect();", "duckdb::connect"),
            ("fn f(x: &super::super::plan::Plan) {}", "crate::plan::Plan"),
            ("let x = self::inner::f();", "crate::engine::postgres::inner::f"),
            ("mod inner; let x = inner::f();", "crate::engine::postgres::inner::f"),
        ];
        for (text, expected) in cases {
            assert_eq!(paths(text), [expected], "{text}");
        }
        assert_eq!(
            paths("use crate::engine::duckdb; duckdb::open();"),
            ["crate::engine::duckdb", "crate::engine::duckdb::open"]
        );
        assert_eq!(paths("use std::env as e; e::var(x);"), ["std::env", "std::env::var"]);
    }

    #[test]
    fn what_goes_on_from_something_else_is_no_path_of_its_own() {
        assert_eq!(paths("x.clap::<T>(); Vec::<u8>::new(); duckdb; let clap = 1;"), Vec::<String>::new());
    }
}
