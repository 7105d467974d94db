//! Dotted names in expressions, by their tokens.

use super::Plan;
use crate::{
    dialect::Dialect,
    name::NamePart,
    parse::{
        lexer::{Kind, Token},
        outline::key,
    },
};
use std::ops::Range;

/// A dotted name in an expression.
pub(super) struct Chain {
    /// The tokens it is made of, dots included.
    pub tokens: Range<usize>,
    /// Its bytes.
    pub range: Range<usize>,
    /// Whether `.*` follows.
    pub star: bool,
    /// Whether `(` follows: it is a function's name.
    pub call: bool,
}

impl Chain {
    /// How many parts it has.
    pub(super) const fn parts(&self) -> usize {
        (self.tokens.end - self.tokens.start).div_ceil(2)
    }

    /// The most parts that can be the name of a relation, a column following.
    pub(super) const fn qualifiers(&self) -> usize {
        if self.star { self.parts() } else { self.parts() - 1 }
    }
}

impl Plan<'_> {
    /// The dotted name that begins at the token `at`.
    pub(super) fn chain(&self, at: usize) -> Option<Chain> {
        let first = self.token(at).filter(|token| token.is_name())?;
        let mut last = at;
        while self.is_sign(last + 1, b'.') && self.token(last + 2).is_some_and(Token::is_name) {
            last += 2;
        }
        let end = self.token(last).map_or(first.end, |token| token.end);
        Some(Chain {
            tokens: at..last + 1,
            range: first.start as usize..end as usize,
            star: self.is_sign(last + 1, b'.') && self.is_sign(last + 2, b'*'),
            call: self.is_sign(last + 1, b'('),
        })
    }

    pub(super) fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.list.get(at)
    }

    pub(super) fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.token(at).is_some_and(|token| token.is(sign))
    }

    /// The part of a chain, counted from 0.
    pub(super) fn part(&self, chain: &Chain, index: usize) -> NamePart {
        let Some(token) = self.token(chain.tokens.start + 2 * index) else { return NamePart::bare("") };
        let text = self.tokens.slice(token);
        match token.kind {
            Kind::Quoted => {
                let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
                NamePart::quoted(inner.replace("\"\"", "\""))
            }
            _ => NamePart::bare(text),
        }
    }

    /// The key of a part, counted from 0.
    pub(super) fn key(&self, chain: &Chain, index: usize) -> String {
        key(&self.part(chain, index), self.dialect)
    }

    /// Whether the parts from `index` on are `keys`.
    pub(super) fn has(&self, chain: &Chain, index: usize, keys: &[String]) -> bool {
        !keys.is_empty()
            && index + keys.len() <= chain.parts()
            && keys.iter().enumerate().all(|(offset, key)| self.is_part(chain, index + offset, key))
    }

    /// Whether a part has that key; cheap where it has not.
    fn is_part(&self, chain: &Chain, index: usize, wanted: &str) -> bool {
        let Some(token) = self.token(chain.tokens.start + 2 * index) else { return false };
        let text = self.tokens.slice(token);
        match (token.kind, self.dialect) {
            (Kind::Word, Dialect::DuckDb) => text.eq_ignore_ascii_case(wanted),
            (Kind::Word, Dialect::Postgres) if text.len() <= 63 => {
                text.len() == wanted.len()
                    && text.bytes().zip(wanted.bytes()).all(|(left, right)| left.to_ascii_lowercase() == right)
            }
            _ => self.key(chain, index) == wanted,
        }
    }
}
