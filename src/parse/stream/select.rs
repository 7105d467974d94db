//! One SELECT: its clauses and its output columns.

use super::{Place, Read, Reader, Scope};
use crate::{
    diagnostic::code,
    dialect::Dialect,
    parse::{
        keyword::{Keyword, is_free},
        lexer::Kind,
        outline::FrameId,
        problem::Problem,
        repair::Patch,
    },
};

impl Reader<'_, '_> {
    /// Reads `SELECT …` or DuckDB's `FROM … SELECT …`; answers where it ends and its FROM clause.
    pub(super) fn select(&mut self, at: usize, end: usize, scope: Scope) -> Read<(usize, Option<FrameId>)> {
        let frame = self.sketch.outline.frame(scope.outer);
        let place = Place { environment: scope.environment, frame: Some(frame) };
        let from_first = self.keyword(at, end) == Keyword::From;
        if from_first {
            self.select_first(at, end);
        }
        let mut at = at;
        while at < end {
            let keyword = self.keyword(at, end);
            let sample = self.is_sample(at, end);
            if !is_clause(keyword) && !sample {
                break;
            }
            let stop = self.next_clause(at, end, from_first);
            if sample {
                self.drop_tokens(at, stop);
            } else {
                match keyword {
                    Keyword::Select => self.outputs(at + 1, stop, scope, frame)?,
                    Keyword::From => self.relations(at + 1, stop, place, frame)?,
                    Keyword::Into => {
                        let problem = Problem::new(
                            code::NOT_A_SELECT,
                            self.bytes(at, stop.min(at + 2)),
                            "a model cannot name the table that it fills",
                        )
                        .help("remove the INTO clause: suiro creates the relation under the model's name");
                        self.refuse(problem);
                    }
                    _ => self.expression(at + 1, stop, place)?,
                }
            }
            at = stop;
        }
        Ok((at, Some(frame)))
    }

    /// DuckDB: `FROM a SELECT b WHERE …`, `FROM a WHERE …`; sqlparser knows the first, and not everywhere.
    fn select_first(&mut self, at: usize, end: usize) {
        let select = self.next_clause(at, end, true);
        if self.keyword(select, end) != Keyword::Select {
            return self.insert_tokens(at, vec![Patch::Word("SELECT"), Patch::Star]);
        }
        let stop = self.next_clause(select, end, true);
        let list = self.bytes(select + 1, stop);
        self.insert_tokens(at, vec![Patch::Word("SELECT"), Patch::Copy(list)]);
        self.drop_tokens(select, stop);
    }

    /// The first token after the clause at `at` that begins another one or ends the SELECT.
    fn next_clause(&self, at: usize, end: usize, from_first: bool) -> usize {
        let in_from = self.keyword(at, end) == Keyword::From;
        let mut at = at + 1;
        while at < end {
            let keyword = self.keyword(at, end);
            let before = self.keyword(at.saturating_sub(1), end);
            let boundary = match keyword {
                Keyword::Other => false,
                // `is distinct from`, `from rows from (…)`
                Keyword::From => !(self.is_distinct_from(at) || (in_from && before == Keyword::Rows)),
                // `within group (…)`
                Keyword::Group => before != Keyword::Within,
                Keyword::Select => from_first,
                Keyword::Using => self.is_sample(at, end),
                Keyword::Qualify => self.duckdb(),
                Keyword::For => !self.is_collation_for(at),
                _ => keyword.ends_select() || is_clause(keyword),
            };
            if boundary && !self.is_label(at) {
                return at;
            }
            at = self.next(at);
        }
        end
    }

    /// Whether the FROM at `at` belongs to `IS [NOT] DISTINCT FROM`.
    pub(super) fn is_distinct_from(&self, at: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).map_or(Keyword::Other, |at| self.keyword(at, at + 1));
        before(1) == Keyword::Distinct && matches!(before(2), Keyword::Is | Keyword::Not)
    }

    /// Reads the output columns.
    fn outputs(&mut self, at: usize, end: usize, scope: Scope, frame: FrameId) -> Read<()> {
        let place = Place { environment: scope.environment, frame: Some(frame) };
        let mut at = at;
        if self.keyword(at, end) == Keyword::All {
            at += 1;
        } else if self.keyword(at, end) == Keyword::Distinct {
            at += 1;
            if self.keyword(at, end) == Keyword::On && self.is_sign(at + 1, end, b'(') {
                let close = self.close(at + 1);
                self.expression(at + 2, close, place)?;
                at = close + 1;
            }
        }
        while at < end {
            let mut stop = at;
            while stop < end && !self.is_sign(stop, end, b',') {
                stop = self.next(stop);
            }
            self.output(at, stop, scope, place)?;
            at = stop + 1;
        }
        Ok(())
    }

    /// Reads one output column.
    fn output(&mut self, at: usize, end: usize, scope: Scope, place: Place) -> Read<()> {
        let mut start = at;
        let prefixed = self.is_prefix_alias(at, end);
        if prefixed {
            let name = self.bytes(at, at + 1);
            // sqlparser takes `name: a.b` for a path into JSON.
            self.sketch.misread = true;
            self.drop_tokens(at, at + 2);
            self.insert_tokens(end, vec![Patch::Word("AS"), Patch::Copy(name)]);
            start += 2;
        }
        let end = self.star_filter(start, end, place)?;
        if self.duckdb() && scope.named && !prefixed && !self.has_name(start, end) {
            let range = self.bytes(start, end);
            self.sketch.unnamed.push(range);
        }
        self.expression(start, end, place)
    }

    /// DuckDB: `name: expression`, `name: relation`.
    pub(super) fn is_prefix_alias(&self, at: usize, end: usize) -> bool {
        self.duckdb()
            && self.is_name(at, end)
            && self.is_sign(at + 1, end, b':')
            && !self.is_sign(at + 2, end, b':')
            && !self.is_sign(at + 2, end, b'=')
    }

    /// DuckDB: `* LIKE 'pattern'`, `t.* NOT ILIKE …`; answers where the star ends.
    fn star_filter(&mut self, at: usize, end: usize, place: Place) -> Read<usize> {
        let star = self.dotted_end(at, end);
        let star = if self.is_sign(at, end, b'*') {
            at
        } else if self.is_sign(star, end, b'.') && self.is_sign(star + 1, end, b'*') {
            star + 1
        } else {
            return Ok(end);
        };
        let filter = matches!(
            self.keyword(star + 1, end),
            Keyword::Like | Keyword::Ilike | Keyword::Glob | Keyword::Similar | Keyword::Not
        ) || self.is_sign(star + 1, end, b'~');
        if !self.duckdb() || !filter {
            return Ok(end);
        }
        self.drop_tokens(star + 1, end);
        self.expression(star + 1, end, place)?;
        Ok(star + 1)
    }

    /// Whether an output column of DuckDB has a name that does not come from its text: an alias, a column's own name,
    /// or those of a star.
    fn has_name(&self, at: usize, end: usize) -> bool {
        let (mut at, mut end) = (at, end);
        while self.is_sign(at, end, b'(') && self.close(at) + 1 == end {
            (at, end) = (at + 1, end - 1);
        }
        if at >= end || self.is_sign(at, end, b'*') {
            return true;
        }
        let dotted = self.dotted_end(at, end);
        if self.is_name(at, end) {
            let star = self.is_sign(dotted, end, b'.') && self.is_sign(dotted + 1, end, b'*');
            if dotted == end || star {
                return true;
            }
        }
        let last = end - 1;
        if last > at && self.keyword(last - 1, end) == Keyword::As {
            return true;
        }
        let (Some(alias), Some(operand)) =
            (self.token(last), last.checked_sub(1).filter(|operand| *operand >= at).and_then(|at| self.token(at)))
        else {
            return false;
        };
        let free = |word: &str| is_free(word, Dialect::DuckDb);
        let is_alias = match alias.kind {
            Kind::Quoted => true,
            Kind::Word => free(self.tokens.slice(alias)),
            _ => false,
        };
        is_alias
            && match operand.kind {
                Kind::Quoted | Kind::String | Kind::Number | Kind::Sign(b')' | b']' | b'}') => true,
                Kind::Word => {
                    matches!(operand.keyword, Keyword::End | Keyword::Null)
                        || ["true", "false"].iter().any(|word| self.tokens.slice(operand).eq_ignore_ascii_case(word))
                        || free(self.tokens.slice(operand))
                        // `a::int total`
                        || (last > at + 2 && self.is_sign(last - 2, end, b':'))
                }
                _ => false,
            }
    }
}

/// Whether the keyword begins a clause of a SELECT.
const fn is_clause(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::Select
            | Keyword::From
            | Keyword::Where
            | Keyword::Group
            | Keyword::Having
            | Keyword::Window
            | Keyword::Qualify
            | Keyword::Into
    )
}
