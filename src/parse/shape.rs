//! Whether tokens look like SQL where no parser could say so.
//!
//! In: the tokens of a statement that sqlparser does not read. Out: the first place that is wrong in any SQL: two
//! operands without an operator between them, an operator without an operand, an empty place between commas; and what
//! should stand there. It is no grammar: it tells a misspelt keyword from a form that sqlparser does not know.

use super::{
    keyword::{Keyword, is_free},
    lexer::{Kind, Token, Tokens},
};
use crate::dialect::Dialect;
use std::ops::Range;

/// A place that cannot be SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The bytes of the token that is wrong.
    pub range: Range<usize>,
    /// What should stand there: `an expression`; or a whole sentence, if it begins with `this`.
    pub expected: &'static str,
    /// Whether the text ends where it should stand; then the token is the last one.
    pub at_end: bool,
}

/// The index of a wrong token, and what should stand there.
type Wrong = (usize, &'static str);

const OPERAND: &str = "an expression";

/// The first place that cannot be SQL, if there is one.
pub(super) fn find_fault(tokens: &Tokens<'_>, within: Range<usize>, dialect: Dialect) -> Option<Fault> {
    let shape = Shape { tokens, end: within.end, dialect };
    // The bracket, and the clause that was begun in it.
    let mut around = vec![(b' ', Keyword::Other)];
    for at in within.clone() {
        let token = shape.token(at)?;
        match token.kind {
            Kind::Sign(sign @ (b'(' | b'[' | b'{')) => around.push((sign, Keyword::Other)),
            Kind::Sign(b')' | b']' | b'}') => {
                around.pop();
            }
            Kind::Word if shape.begins_clause(at) => {
                if let Some((_, clause)) = around.last_mut() {
                    *clause = token.keyword;
                }
            }
            _ => {}
        }
        let (bracket, clause) = around.last().copied().unwrap_or((b' ', Keyword::Other));
        if let Some(wrong) = shape.fault(at, clause).or_else(|| shape.sign_fault(at, bracket)) {
            return shape.place(wrong);
        }
    }
    shape.case_fault(within).and_then(|wrong| shape.place(wrong))
}

struct Shape<'a> {
    tokens: &'a Tokens<'a>,
    end: usize,
    dialect: Dialect,
}

impl Shape<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.list.get(at).filter(|_| at < self.end)
    }

    fn place(&self, (at, expected): Wrong) -> Option<Fault> {
        let at_end = at >= self.end;
        let token = self.token(if at_end { self.end.checked_sub(1)? } else { at })?;
        Some(Fault { range: token.range(), expected, at_end })
    }

    fn before(&self, at: usize) -> Option<&Token> {
        at.checked_sub(1).and_then(|before| self.token(before))
    }

    fn is_sign(&self, at: usize, signs: &[u8]) -> bool {
        self.token(at).is_some_and(|token| signs.iter().any(|sign| token.is(*sign)))
    }

    fn keyword(&self, at: usize) -> Keyword {
        self.token(at).map_or(Keyword::Other, |token| token.keyword)
    }

    fn is_word(&self, at: usize, words: &[&str]) -> bool {
        self.token(at).is_some_and(|token| {
            token.kind == Kind::Word && words.iter().any(|word| self.tokens.slice(token).eq_ignore_ascii_case(word))
        })
    }

    fn is_label(&self, at: usize) -> bool {
        self.before(at).is_some_and(|before| before.is(b'.') || before.keyword == Keyword::As)
    }

    /// What is wrong with the word or operand at `at`, or after it.
    fn fault(&self, at: usize, clause: Keyword) -> Option<Wrong> {
        let next = at + 1;
        let token = self.token(at)?;
        let label = self.is_label(at);
        if self.needs_operand(at) && (self.closes(next) || self.is_sign(next, b",")) && !label {
            return Some((next, OPERAND));
        }
        if !label && let Some(wrong) = self.keyword_fault(at, token) {
            return Some(wrong);
        }
        // `select * form orders`
        let starts = self.before(at).is_some_and(|before| {
            matches!(before.keyword, Keyword::Select | Keyword::Distinct | Keyword::All)
                || before.is(b',')
                || before.is(b'.')
        });
        if self.is_sign(at, b"*") && starts && (self.is_free_word(next) || self.is_sign(next, b"*")) {
            return Some((next, "a comma or the next clause"));
        }
        let two_operands = self.ends_operand(at) && self.begins_operand(next);
        let typed = token.kind == Kind::Word && self.token(next).is_some_and(|next| next.kind == Kind::String);
        let strings = token.kind == Kind::String && self.token(next).is_some_and(|next| next.kind == Kind::String);
        let aliased = self.before(at).is_some_and(|before| before.keyword == Keyword::As);
        (two_operands && !typed && !strings && (aliased || !self.is_alias(next, clause)))
            .then_some((next, "a comma, an operator or the next clause"))
    }

    /// What is wrong around a keyword.
    fn keyword_fault(&self, at: usize, token: &Token) -> Option<Wrong> {
        let next = at + 1;
        let wrong = match token.keyword {
            Keyword::And | Keyword::Or if self.opens(at.saturating_sub(1)) => (at, OPERAND),
            Keyword::Order | Keyword::Group if self.keyword(next) != Keyword::By && !self.is_sign(next, b"(,)") => {
                (next, "BY")
            }
            Keyword::By if !self.before(at).is_some_and(|before| self.leads_to_by(before)) => {
                (at.saturating_sub(1), "ORDER, GROUP or PARTITION")
            }
            Keyword::As if self.is_sign(next, b",)=") || next >= self.end => (next, "a name"),
            Keyword::In if self.is_sign(next, b"(") && self.is_sign(next + 1, b")") => (next + 1, OPERAND),
            Keyword::Cast if self.is_sign(next, b"(") && !self.has_as(next) => (at, "this CAST has no AS"),
            Keyword::Else | Keyword::Then | Keyword::When
                if matches!(self.keyword(next), Keyword::Else | Keyword::Then | Keyword::When | Keyword::End) =>
            {
                (next, OPERAND)
            }
            _ if self.is_word(at, &["partition"]) && self.keyword(next) == Keyword::By => {
                let inside = |back: usize| at.checked_sub(back).is_some_and(|open| self.is_sign(open, b"("));
                if inside(1) || inside(2) {
                    return None;
                }
                (at, "`(`")
            }
            _ => return None,
        };
        Some(wrong)
    }

    /// Whether AS stands right inside the bracket at `open`.
    fn has_as(&self, open: usize) -> bool {
        let close = self.token(open).map_or(open, |token| token.partner as usize);
        (open..close).any(|at| self.keyword(at) == Keyword::As)
    }

    /// A sign that cannot stand where it does.
    fn sign_fault(&self, at: usize, bracket: u8) -> Option<Wrong> {
        let next = at + 1;
        let Kind::Sign(sign) = self.token(at)?.kind else { return None };
        let before = |test: &dyn Fn(usize) -> bool| at.checked_sub(1).is_some_and(test);
        match sign {
            b',' if before(&|before| self.is_sign(before, b"([{") || self.opens(before)) => Some((at, OPERAND)),
            // DuckDB allows a comma at the end of a list.
            b',' if self.is_sign(next, b",") || (self.closes(next) && self.dialect == Dialect::Postgres) => {
                Some((next, OPERAND))
            }
            b'.' if !(self.token(next).is_some_and(Token::is_name) || self.is_sign(next, b"*")) => {
                Some((next, "the name of a column"))
            }
            b'.' => {
                let follows_name = before(&|before| {
                    !self.opens(before) && (self.ends_operand(before) || self.token(before).is_some_and(Token::is_name))
                });
                (!follows_name).then_some((at, OPERAND))
            }
            b':' if self.is_sign(next, b":") => {
                (!self.token(next + 1).is_some_and(Token::is_name)).then_some((next + 1, "a type"))
            }
            b':' => {
                let alone = bracket == b' ' && !before(&|before| self.is_sign(before, b":"));
                (self.dialect == Dialect::Postgres && alone).then_some((at, "a comma, an operator or the next clause"))
            }
            b'=' | b'<' | b'>' | b'/' | b'%' if before(&|before| self.opens(before)) => Some((at, OPERAND)),
            b'=' | b'<' | b'>' | b'/' | b'%' => {
                (self.is_sign(next, b"=<>*/%") && !self.touches(at)).then_some((next, OPERAND))
            }
            b'*' => before(&|before| {
                matches!(self.keyword(before), Keyword::Where | Keyword::On | Keyword::And | Keyword::Or)
                    && !self.is_label(before)
            })
            .then_some((at, OPERAND)),
            b'{' | b'}' => (self.dialect == Dialect::Postgres).then_some((at, OPERAND)),
            _ => None,
        }
    }

    /// Whether the token at `at` ends where the next one begins.
    fn touches(&self, at: usize) -> bool {
        self.token(at).zip(self.token(at + 1)).is_some_and(|(left, right)| left.end == right.start)
    }

    /// A CASE without its END, or a WHEN without its THEN.
    fn case_fault(&self, within: Range<usize>) -> Option<Wrong> {
        let of =
            |keyword: Keyword| within.clone().filter(move |at| self.keyword(*at) == keyword && !self.is_label(*at));
        let (case, end) = (of(Keyword::Case).count(), of(Keyword::End).count());
        if case > end {
            return of(Keyword::Case).next_back().map(|at| (at, "this CASE has no END"));
        }
        if case < end {
            return of(Keyword::End).next_back().map(|at| (at, "this END has no CASE"));
        }
        if of(Keyword::When).count() != of(Keyword::Then).count() {
            return of(Keyword::When).next_back().map(|at| (at, "this WHEN has no THEN"));
        }
        None
    }

    fn leads_to_by(&self, before: &Token) -> bool {
        matches!(
            before.keyword,
            Keyword::Order | Keyword::Group | Keyword::First | Keyword::Union | Keyword::All | Keyword::Distinct
        ) || ["partition", "passing", "intersect", "except"]
            .iter()
            .any(|word| self.tokens.slice(before).eq_ignore_ascii_case(word))
    }

    /// Whether the word at `at` begins a clause of a query.
    fn begins_clause(&self, at: usize) -> bool {
        let keyword = self.keyword(at);
        let clause = keyword.ends_select()
            || matches!(
                keyword,
                Keyword::Select
                    | Keyword::From
                    | Keyword::Where
                    | Keyword::Having
                    | Keyword::Qualify
                    | Keyword::Window
                    | Keyword::Join
                    | Keyword::With
                    | Keyword::Group
            )
            || (keyword == Keyword::On && self.keyword(at.saturating_sub(1)) != Keyword::Distinct);
        clause && !self.is_label(at)
    }

    fn is_free_word(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| {
            token.kind == Kind::Quoted || (token.kind == Kind::Word && is_free(self.tokens.slice(token), self.dialect))
        })
    }

    fn ends_operand(&self, at: usize) -> bool {
        match self.token(at).map(|token| token.kind) {
            Some(Kind::Number | Kind::String | Kind::Parameter | Kind::Sign(b')' | b']' | b'}') | Kind::Quoted) => true,
            Some(Kind::Word) if self.is_label(at) => true,
            Some(Kind::Word) => self.is_free_word(at) || matches!(self.keyword(at), Keyword::End | Keyword::Null),
            _ => false,
        }
    }

    fn begins_operand(&self, at: usize) -> bool {
        match self.token(at).map(|token| token.kind) {
            Some(Kind::Number | Kind::String | Kind::Parameter) => true,
            Some(Kind::Word | Kind::Quoted) => self.is_free_word(at),
            _ => false,
        }
    }

    /// Whether the name at `at`, which follows an operand, can be what that is called.
    fn is_alias(&self, at: usize, clause: Keyword) -> bool {
        let follows = at + 1;
        let in_from = matches!(clause, Keyword::Other | Keyword::From | Keyword::Join | Keyword::With);
        let in_list = clause == Keyword::Select;
        let joins = matches!(
            self.keyword(follows),
            Keyword::Join
                | Keyword::Left
                | Keyword::Right
                | Keyword::Inner
                | Keyword::Full
                | Keyword::Cross
                | Keyword::Natural
                | Keyword::On
                | Keyword::Using
                | Keyword::Asof
                | Keyword::Positional
                | Keyword::Semi
                | Keyword::Anti
                | Keyword::Tablesample
                | Keyword::Pivot
                | Keyword::Unpivot
        );
        self.is_free_word(at)
            && (in_from || in_list)
            && (self.closes(follows)
                || self.is_sign(follows, b",")
                || (in_from && (joins || self.is_sign(follows, b"("))))
    }

    /// Whether what stands at `at` ends an expression.
    fn closes(&self, at: usize) -> bool {
        let Some(token) = self.token(at) else { return true };
        token.is(b')')
            || token.is(b']')
            || matches!(
                token.keyword,
                Keyword::From | Keyword::Where | Keyword::Group | Keyword::Having | Keyword::Window | Keyword::Qualify
            )
            || token.keyword.ends_select()
    }

    /// Whether nothing stands before an operator that follows `at`.
    fn opens(&self, at: usize) -> bool {
        self.is_sign(at, b"(,")
            || (!self.is_label(at)
                && matches!(
                    self.keyword(at),
                    Keyword::Where | Keyword::On | Keyword::Having | Keyword::And | Keyword::Or | Keyword::Select
                ))
    }

    /// Whether the token needs an operand after it.
    fn needs_operand(&self, at: usize) -> bool {
        self.is_sign(at, b"=<>+-/|&")
            || matches!(
                self.keyword(at),
                Keyword::And
                    | Keyword::Or
                    | Keyword::Not
                    | Keyword::Where
                    | Keyword::By
                    | Keyword::Limit
                    | Keyword::Offset
                    | Keyword::Collate
                    | Keyword::Like
                    | Keyword::Ilike
                    | Keyword::On
                    | Keyword::Then
                    | Keyword::When
                    | Keyword::Else
                    | Keyword::Case
                    | Keyword::Having
            )
            || self.is_word(at, &["between"])
    }
}
