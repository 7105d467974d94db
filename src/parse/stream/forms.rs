//! Forms inside expressions that sqlparser does not know, and what it is given instead.
//!
//! Nothing here decides which relations are read. What is left out or put in keeps every name and every subquery where
//! it is; if that does not suffice for sqlparser, the tokens stand alone.

use super::Reader;
use crate::parse::{keyword::Keyword, lexer::Kind, repair::Patch};

impl Reader<'_, '_> {
    fn is_word(&self, at: usize, end: usize, word: &str) -> bool {
        at < end
            && self
                .token(at)
                .is_some_and(|token| token.kind == Kind::Word && self.tokens.slice(token).eq_ignore_ascii_case(word))
    }

    fn any_word(&self, at: usize, end: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(at, end, word))
    }

    /// Forms that a word begins; answers where to go on.
    pub(super) fn word_forms(&mut self, keyword: Keyword, start: usize, at: usize, end: usize) -> usize {
        match keyword {
            Keyword::Exclude => return self.frame_exclusion(start, at, end),
            Keyword::Rename if self.is_star_option(start, at) => {
                let stop = if self.is_sign(at + 1, end, b'(') { self.next(at + 1) } else { (at + 4).min(end) };
                self.drop_tokens(at, stop);
                return stop;
            }
            Keyword::Glob if self.duckdb() && !self.is_sign(at + 1, end, b'(') => {
                self.replace_tokens(at, at + 1, vec![Patch::Word("LIKE")]);
            }
            Keyword::Isnull => self.replace_tokens(at, at + 1, vec![Patch::Word("IS"), Patch::Word("NULL")]),
            // `a::text collate "C"`
            Keyword::Collate => {
                let stop = self.dotted_end(at + 1, end);
                self.drop_tokens(at, stop);
                return stop;
            }
            // DuckDB: `a in list`
            Keyword::In if self.duckdb() && at > start && !self.is_sign(at + 1, end, b'(') => {
                self.replace_tokens(at, at + 1, vec![Patch::Equals]);
            }
            // `group by distinct`, `group by all`
            Keyword::Distinct | Keyword::All
                if at > start
                    && at + 1 < end
                    && self.keyword(at - 1, end) == Keyword::By
                    && !self.is_sign(at + 1, end, b',') =>
            {
                self.drop_tokens(at, at + 1);
            }
            Keyword::Other if self.is_word(at, end, "variadic") && !self.is_sign(at + 1, end, b'(') => {
                self.drop_tokens(at, at + 1);
            }
            Keyword::Other if self.is_word(at, end, "symmetric") => self.drop_tokens(at, at + 1),
            Keyword::Other if self.any_word(at, end, &["ignore", "respect"]) && self.is_word(at + 1, end, "nulls") => {
                self.drop_tokens(at, at + 2);
                return at + 2;
            }
            Keyword::Other
                if self.is_word(at, end, "document")
                    && at > start
                    && matches!(self.keyword(at - 1, end), Keyword::Is | Keyword::Not) =>
            {
                self.replace_tokens(at, at + 1, vec![Patch::Word("NULL")]);
            }
            _ => {}
        }
        at + 1
    }

    /// Forms that a sign begins; answers where to go on.
    pub(super) fn sign_forms(&mut self, start: usize, at: usize, end: usize) -> usize {
        let adjacent =
            |at: usize| self.token(at).zip(self.token(at + 1)).is_some_and(|(left, right)| left.end == right.start);
        // `(row).*`, and PostgreSQL's `orders.* is null`
        if self.is_sign(at, end, b'.') && self.is_sign(at + 1, end, b'*') && at > start {
            let row = self.is_sign(at - 1, end, b')');
            let value = self.is_sign(at + 2, end, b':') || self.keyword(at + 2, end) == Keyword::Is;
            if row || value {
                self.drop_tokens(at, at + 2);
            }
            return at + 2;
        }
        // `'text'.function()`, `a.function().function()`
        if self.is_sign(at, end, b'.')
            && at > start
            && self.is_operand(at - 1)
            && self.is_name(at + 1, end)
            && self.is_sign(at + 2, end, b'(')
        {
            self.replace_tokens(at, at + 1, vec![Patch::Plus]);
            return at + 1;
        }
        if !self.duckdb() {
            return at + 1;
        }
        // `#1`
        let number = at + 1 < end && self.token(at + 1).is_some_and(|token| token.kind == Kind::Number);
        if self.is_sign(at, end, b'#') && number && !(at > start && self.is_operand(at - 1)) {
            self.drop_tokens(at, at + 1);
            return at + 2;
        }
        if self.is_sign(at, end, b'*') {
            // `2 ** 3`
            if self.is_sign(at + 1, end, b'*') && adjacent(at) {
                self.drop_tokens(at, at + 1);
                return at + 2;
            }
            // `f(*columns(*))`
            if self.any_word(at + 1, end, &["columns"]) && !(at > start && self.is_operand(at - 1)) {
                self.drop_tokens(at, at + 1);
            }
        }
        at + 1
    }

    /// Forms that a string begins; answers where to go on.
    pub(super) fn string_forms(&mut self, at: usize, end: usize) -> usize {
        // `range between '1 year'::interval preceding and …`
        if self.is_sign(at + 1, end, b':')
            && self.is_sign(at + 2, end, b':')
            && self.any_word(at + 4, end, &["preceding", "following"])
        {
            self.drop_tokens(at + 1, at + 4);
            return at + 4;
        }
        // Strings on lines of their own are one.
        let mut next = at + 1;
        while next < end && self.token(next).is_some_and(|token| token.kind == Kind::String) {
            next += 1;
        }
        if next > at + 1 {
            self.drop_tokens(at + 1, next);
        }
        next
    }

    /// Forms of the arguments of a function.
    pub(super) fn argument_forms(&mut self, name: usize, bracket: usize, close: usize) {
        let first = bracket + 1;
        match self.keyword(name, bracket) {
            // DuckDB: `filter (a > 1)`
            Keyword::Filter if self.duckdb() && self.keyword(first, close) != Keyword::Where => {
                self.insert_tokens(first, vec![Patch::Word("WHERE")]);
            }
            Keyword::Trim => self.trim_without_characters(first, close),
            Keyword::Substring => self.substring_similar(first, close),
            // DuckDB: `rank(order by a)`
            _ if self.keyword(first, close) == Keyword::Order
                && !matches!(self.keyword(name, bracket), Keyword::Group)
                && !self.any_word(name, bracket, &["over", "as"]) =>
            {
                self.insert_tokens(first, vec![Patch::Word("NULL")]);
            }
            _ => {}
        }
    }

    /// `trim(both from x)`, `trim(from x)`, which sqlparser reads with characters to trim only.
    fn trim_without_characters(&mut self, at: usize, close: usize) {
        let from = at + usize::from(self.any_word(at, close, &["both", "leading", "trailing"]));
        if self.keyword(from, close) == Keyword::From {
            self.drop_tokens(at, from + 1);
        }
    }

    /// `substring(a similar b escape c)`
    fn substring_similar(&mut self, at: usize, close: usize) {
        let mut at = at;
        while at < close {
            if self.keyword(at, close) == Keyword::Similar || self.is_word(at, close, "escape") {
                self.replace_tokens(at, at + 1, vec![Patch::Comma]);
            }
            at = self.next(at);
        }
    }

    /// `json_array(select …)`, a query that is no operand.
    pub(super) fn bare_subquery(&mut self, name: usize, bracket: usize, close: usize) {
        if self.is_word(name, bracket, "json_array") {
            self.insert_tokens(bracket + 1, vec![Patch::Open]);
            self.insert_tokens(close, vec![Patch::Close]);
        }
    }

    /// A window frame's `EXCLUDE TIES`, which sqlparser cannot read; a star's EXCLUDE it can.
    fn frame_exclusion(&mut self, start: usize, at: usize, end: usize) -> usize {
        let length = match (self.keyword(at + 1, end), self.keyword(at + 2, end)) {
            _ if self.is_star_option(start, at) => 1,
            (Keyword::Ties | Keyword::Group, _) => 2,
            (Keyword::Current, Keyword::Row) | (Keyword::No, Keyword::Others) => 3,
            _ => 1,
        };
        if length > 1 {
            self.drop_tokens(at, at + length);
        }
        at + length
    }

    /// Whether the word at `at` changes the star before it: `* RENAME`, `* EXCLUDE (a) RENAME`.
    fn is_star_option(&self, start: usize, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).filter(|before| *before >= start) else { return false };
        if self.is_sign(before, at, b'*') {
            return true;
        }
        if !self.is_sign(before, at, b')') {
            return false;
        }
        let option = self.close(before).checked_sub(1).filter(|option| *option > start);
        option.is_some_and(|option| self.any_word(option, at, &["exclude", "replace", "rename"]))
    }

    /// DuckDB: `[x + 1 for x in list if x > 1]`; to sqlparser it becomes a list of its parts.
    pub(super) fn list_comprehension(&mut self, bracket: usize, close: usize) {
        if !self.duckdb() {
            return;
        }
        let mut at = bracket + 1;
        let mut variables = None;
        while at < close {
            match self.keyword(at, close) {
                Keyword::For if variables.is_none() => variables = Some(at),
                Keyword::In => {
                    if let Some(from) = variables.filter(|from| *from < at) {
                        self.replace_tokens(from, at + 1, vec![Patch::Comma]);
                        variables = Some(close);
                    }
                }
                Keyword::If if variables == Some(close) => self.replace_tokens(at, at + 1, vec![Patch::Comma]),
                _ => {}
            }
            at = self.next(at);
        }
    }
}
