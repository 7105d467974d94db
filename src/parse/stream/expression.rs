//! What stands between the clauses: names are noted, brackets are searched for queries, the rest is stepped over.

use super::{Place, Read, Reader, Scope};
use crate::parse::{keyword::Keyword, lexer::Kind, repair::Patch};

impl Reader<'_, '_> {
    /// Reads an expression, a list of them, or any clause made of them.
    pub(super) fn expression(&mut self, at: usize, end: usize, place: Place) -> Read<()> {
        self.pieces(at, end, place, false)
    }

    /// Reads the arguments of the function whose name begins at `name` and whose bracket stands at `bracket`.
    pub(super) fn arguments(&mut self, name: usize, bracket: usize, place: Place) -> Read<()> {
        let close = self.close(bracket);
        let keyword = self.keyword(name, bracket);
        if self.is_query(bracket + 1, close) {
            return self.subquery(bracket + 1, close, place);
        }
        if keyword == Keyword::Filter && self.duckdb() && self.keyword(bracket + 1, close) != Keyword::Where {
            self.insert_tokens(bracket + 1, vec![Patch::Word("WHERE")]);
        }
        if keyword == Keyword::Trim {
            self.trim_without_characters(bracket + 1, close);
        }
        let from = matches!(keyword, Keyword::Extract | Keyword::Trim | Keyword::Substring | Keyword::Overlay);
        self.deeper(bracket)?;
        self.pieces(bracket + 1, close, place, from)?;
        self.depth -= 1;
        Ok(())
    }

    /// `trim(both from x)`, `trim(from x)`, which sqlparser reads with characters to trim only.
    fn trim_without_characters(&mut self, at: usize, close: usize) {
        let side = self.token(at).map(|token| self.tokens.slice(token)).unwrap_or_default();
        let sided = ["both", "leading", "trailing"].iter().any(|known| side.eq_ignore_ascii_case(known));
        let from = at + usize::from(sided);
        if self.keyword(from, close) == Keyword::From {
            self.drop_tokens(at, from + 1);
        }
    }

    fn subquery(&mut self, at: usize, end: usize, place: Place) -> Read<()> {
        let scope = Scope { environment: place.environment, outer: place.frame, named: false };
        self.query(at, end, scope)?;
        Ok(())
    }

    /// `from` tells whether FROM may stand here as in `extract(year from x)`.
    fn pieces(&mut self, at: usize, end: usize, place: Place, from: bool) -> Read<()> {
        let start = at;
        let mut at = at;
        while at < end {
            let Some(token) = self.token(at).copied() else { break };
            at = match token.kind {
                Kind::Word | Kind::Quoted | Kind::UnicodeQuoted => self.word(start, at, end, place, from)?,
                Kind::Sign(b'(') => {
                    let name = if at > start { at - 1 } else { at };
                    self.arguments(name, at, place)?;
                    self.close(at) + 1
                }
                Kind::Sign(b'[' | b'{') => {
                    let close = self.close(at);
                    self.deeper(at)?;
                    self.list_comprehension(at, close);
                    self.pieces(at + 1, close, place, false)?;
                    self.depth -= 1;
                    close + 1
                }
                // `(row).*`
                Kind::Sign(b'.')
                    if self.is_sign(at + 1, end, b'*') && at > start && self.is_sign(at - 1, end, b')') =>
                {
                    self.drop_tokens(at, at + 2);
                    at + 2
                }
                // DuckDB: `#1`
                Kind::Sign(b'#') if self.duckdb() && self.is_position(start, at, end) => {
                    self.drop_tokens(at, at + 1);
                    at + 2
                }
                _ => at + 1,
            };
        }
        Ok(())
    }

    /// Reads a word: a name and all its parts, or a keyword.
    fn word(&mut self, start: usize, at: usize, end: usize, place: Place, from: bool) -> Read<usize> {
        let label = at > start && self.is_label(at);
        let stop = self.dotted_end(at, end);
        // The last of two names is what an output column is called.
        let label = label || (stop == end && at > start && self.is_operand(at - 1));
        if label || stop > at + 1 {
            if !label {
                self.refer(at, place.frame);
            }
            return Ok(stop);
        }
        match self.keyword(at, end) {
            Keyword::From if from || self.is_distinct_from(at) => {}
            Keyword::Where if at == start => {}
            Keyword::Select
            | Keyword::From
            | Keyword::Where
            | Keyword::Join
            | Keyword::Into
            | Keyword::Union
            | Keyword::Intersect
            | Keyword::Except => return self.unread(at, end, "an expression"),
            Keyword::Exclude => return Ok(self.frame_exclusion(start, at, end)),
            Keyword::Rename if self.is_star_option(start, at) => {
                let stop = if self.is_sign(at + 1, end, b'(') { self.next(at + 1) } else { (at + 4).min(end) };
                self.drop_tokens(at, stop);
                return Ok(stop);
            }
            Keyword::Glob if self.duckdb() && !self.is_sign(at + 1, end, b'(') => {
                self.replace_tokens(at, at + 1, vec![Patch::Word("LIKE")]);
            }
            _ => self.refer(at, place.frame),
        }
        Ok(stop)
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
        let open = self.close(before);
        let option = open.checked_sub(1).filter(|option| *option > start);
        option.is_some_and(|option| {
            let word = self.token(option).map(|token| self.tokens.slice(token)).unwrap_or_default();
            ["exclude", "replace", "rename"].iter().any(|known| word.eq_ignore_ascii_case(known))
        })
    }

    /// DuckDB: `[x + 1 for x in list if x > 1]`; to sqlparser it becomes a list of its parts.
    fn list_comprehension(&mut self, bracket: usize, close: usize) {
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

    /// Whether the `#` at `at` begins `#1` and is no operator.
    fn is_position(&self, start: usize, at: usize, end: usize) -> bool {
        let number = at + 1 < end && self.token(at + 1).is_some_and(|token| token.kind == Kind::Number);
        let after_operand = at > start && self.is_operand(at - 1);
        number && !after_operand
    }

    /// Whether a token can end an operand.
    fn is_operand(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| match token.kind {
            Kind::Word => matches!(token.keyword, Keyword::Other | Keyword::End | Keyword::Null),
            Kind::Quoted | Kind::UnicodeQuoted | Kind::String | Kind::Number | Kind::Parameter => true,
            Kind::Sign(sign) => matches!(sign, b')' | b']' | b'}'),
        })
    }
}
