//! Changing a token stream so that sqlparser can read it.
//!
//! sqlparser does not know some forms that the engines have (`TABLE orders`, `ASOF JOIN … USING`, `ROWS FROM`). The
//! token reader knows them and says what to leave out or put in their place; every token that stays keeps its bytes, so
//! the tree that comes out still points into the user's text. The tree answers which relations are read, where, and
//! which names refer to them; it is no longer exactly the query, so nothing else is asked of it.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Location, Span, Token, TokenWithSpan, Word},
};
use std::ops::Range;

/// A token to be put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Patch {
    /// An unquoted word.
    Word(&'static str),
    /// `*`
    Star,
    /// `,`
    Comma,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `=`
    Equals,
    /// `+`
    Plus,
    /// A name in double quotes.
    Quoted(String),
    /// The tokens of other bytes, which keep their place.
    Copy(Range<usize>),
}

/// A stretch of the text that sqlparser is to see differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repair {
    /// The bytes; empty to put something in.
    pub range: Range<usize>,
    /// What stands there instead.
    pub with: Vec<Patch>,
}

/// The tokens with all repairs made; places are bytes (see `syntax`), `text_length` is where the text ends.
pub(super) fn apply(tokens: &[TokenWithSpan], repairs: &[Repair], text_length: usize) -> Vec<TokenWithSpan> {
    let mut ordered: Vec<&Repair> = repairs.iter().collect();
    // What is put in at a byte comes before what is taken out there; among equals the order of the reader stands.
    ordered.sort_by_key(|repair| (repair.range.start, repair.range.end > repair.range.start));
    let mut repaired = Vec::with_capacity(tokens.len() + 8);
    let mut next = 0;
    let mut skip_to = 0;
    let mut put_in = |upto: usize, skip_to: &mut usize, repaired: &mut Vec<TokenWithSpan>| {
        while let Some(repair) = ordered.get(next).filter(|repair| repair.range.start <= upto) {
            // A repair inside what is left out already has nothing to change.
            if repair.range.start >= *skip_to {
                for patch in &repair.with {
                    put(patch, repair.range.start, tokens, repaired);
                }
                *skip_to = (*skip_to).max(repair.range.end);
            }
            next += 1;
        }
    };
    for token in tokens {
        let start = byte(token.span.start);
        put_in(start, &mut skip_to, &mut repaired);
        if start >= skip_to {
            repaired.push(token.clone());
        }
    }
    put_in(text_length, &mut skip_to, &mut repaired);
    repaired
}

fn put(patch: &Patch, at: usize, tokens: &[TokenWithSpan], repaired: &mut Vec<TokenWithSpan>) {
    let token = match patch {
        Patch::Word(word) => match Token::make_word(word, None) {
            // A name that was put in is a name, whatever it is spelled like.
            Token::Word(word) if word.value.contains('_') => Token::Word(Word { keyword: Keyword::NoKeyword, ..word }),
            token => token,
        },
        Patch::Star => Token::Mul,
        Patch::Comma => Token::Comma,
        Patch::Open => Token::LParen,
        Patch::Close => Token::RParen,
        Patch::Equals => Token::Eq,
        Patch::Plus => Token::Plus,
        Patch::Quoted(name) => Token::make_word(name, Some('"')),
        Patch::Copy(range) => {
            repaired.extend(tokens.iter().filter(|token| range.contains(&byte(token.span.start))).cloned());
            return;
        }
    };
    let place = location(at);
    repaired.push(TokenWithSpan { token, span: Span { start: place, end: place } });
}

/// The byte that a mapped location stands for.
pub(crate) fn byte(location: Location) -> usize {
    usize::try_from(location.column).unwrap_or(usize::MAX).saturating_sub(1)
}

/// A location that stands for a byte: line 1, column from 1.
pub(super) fn location(byte: usize) -> Location {
    Location { line: 1, column: u64::try_from(byte).unwrap_or(u64::MAX).saturating_add(1) }
}
