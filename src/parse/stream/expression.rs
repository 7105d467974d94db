//! What stands between the clauses: names are noted, brackets are searched for queries, the rest is stepped over.

use super::{Place, Read, Reader, Scope};
use crate::parse::{keyword::Keyword, lexer::Kind};

impl Reader<'_, '_> {
    /// Reads an expression, a list of them, or any clause made of them.
    pub(super) fn expression(&mut self, at: usize, end: usize, place: Place) -> Read<()> {
        self.pieces(at, end, place, false)
    }

    /// Reads the content of the bracket at `bracket`; the token at `name` before it may be the name of a function.
    pub(super) fn arguments(&mut self, name: usize, bracket: usize, place: Place) -> Read<()> {
        let close = self.close(bracket);
        let keyword = self.keyword(name, bracket);
        if self.is_query(bracket + 1, close) {
            self.bare_subquery(name, bracket, close);
            return self.subquery(bracket + 1, close, place);
        }
        self.argument_forms(name, bracket, close);
        let from = matches!(keyword, Keyword::Extract | Keyword::Trim | Keyword::Substring | Keyword::Overlay);
        self.deeper(bracket)?;
        self.pieces(bracket + 1, close, place, from)?;
        self.depth -= 1;
        Ok(())
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
                Kind::Sign(_) => self.sign_forms(start, at, end),
                Kind::String => self.string_forms(at, end),
                Kind::Number | Kind::Parameter => at + 1,
            };
        }
        Ok(())
    }

    /// Reads a word: a name and all its parts, or a keyword.
    fn word(&mut self, start: usize, at: usize, end: usize, place: Place, from: bool) -> Read<usize> {
        let stop = self.dotted_end(at, end);
        // The last of two names is what an output column is called.
        let label = at > start && (self.is_label(at) || (stop == end && self.is_operand(at - 1)));
        if label || stop > at + 1 {
            if !label {
                self.refer(at, place.frame);
            }
            return Ok(stop);
        }
        match self.keyword(at, end) {
            Keyword::From if from || self.is_distinct_from(at) => {}
            Keyword::Where if at == start => {}
            // DuckDB's type `UNION(a INTEGER, b VARCHAR)`
            Keyword::Union
                if self.duckdb() && self.is_sign(at + 1, end, b'(') && !self.is_query(at + 2, self.close(at + 1)) => {}
            Keyword::Select
            | Keyword::From
            | Keyword::Where
            | Keyword::Join
            | Keyword::Into
            | Keyword::Union
            | Keyword::Intersect
            | Keyword::Except => return self.unread(at, end, "an expression"),
            keyword => {
                self.refer(at, place.frame);
                return Ok(self.word_forms(keyword, start, at, end));
            }
        }
        Ok(stop)
    }

    /// Whether a token can end an operand.
    pub(super) fn is_operand(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| match token.kind {
            Kind::Word => matches!(token.keyword, Keyword::Other | Keyword::End | Keyword::Null),
            Kind::Quoted | Kind::UnicodeQuoted | Kind::String | Kind::Number | Kind::Parameter => true,
            Kind::Sign(sign) => matches!(sign, b')' | b']' | b'}'),
        })
    }
}
