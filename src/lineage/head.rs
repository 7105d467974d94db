//! Statements that sqlparser cannot read in full: what their first words say, and the query in them.
//!
//! In: the tokens of one statement. Out: statements that together have the same effect. Forms of T-SQL, Hive and Spark
//! that sqlparser lacks are left out or taken apart; a query inside is still read by sqlparser, never by guess.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

/// What the first words of a statement say.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    /// The tokens of the name of the table that is written.
    pub writes: Option<&'a [TokenWithSpan]>,
    /// The tokens of the name of a table that is read.
    pub reads: Option<&'a [TokenWithSpan]>,
    /// The statements in it, each to be read on its own; they count as one.
    pub inner: Vec<Vec<TokenWithSpan>>,
}

/// The same statement in words that sqlparser knows, if there may be a difference.
pub(super) fn plainer(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let mut plain: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut changed = false;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map(|token| &token.token);
        match (&token.token, next) {
            // T-SQL: `set a += 1`
            (Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod, Some(Token::Eq)) => changed = true,
            // MySQL, Spark: `cross join b on …`
            (Token::Word(word), Some(Token::Word(join)))
                if word.keyword == Keyword::CROSS && join.keyword == Keyword::JOIN =>
            {
                changed = true;
            }
            _ => plain.push(token.clone()),
        }
    }
    changed.then_some(plain)
}

/// What the first words of a statement say, if they are known.
pub(super) fn read(tokens: &[TokenWithSpan]) -> Option<Head<'_>> {
    let head = Reader { tokens };
    match head.keyword(0) {
        Keyword::CREATE => head.create(),
        Keyword::INSERT => {
            let at = head.skip(1, &[Keyword::INTO, Keyword::OVERWRITE, Keyword::TABLE]);
            head.filled(at)
        }
        Keyword::COPY if head.keyword(1) == Keyword::INTO => {
            Some(Head { writes: Some(head.name(2)?.0), ..Head::default() })
        }
        // Hive: `ALTER TABLE a EXCHANGE PARTITION (…) WITH TABLE b`
        Keyword::ALTER if head.keyword(1) == Keyword::TABLE => {
            let (writes, at) = head.name(2)?;
            let with = (at..tokens.len())
                .find(|at| head.keyword(*at) == Keyword::WITH && head.keyword(at + 1) == Keyword::TABLE)?;
            let is_exchange = head.keyword(at) == Keyword::EXCHANGE;
            let (reads, _) = head.name(with + 2).filter(|_| is_exchange)?;
            Some(Head { writes: Some(writes), reads: Some(reads), ..Head::default() })
        }
        _ => None,
    }
}

struct Reader<'a> {
    tokens: &'a [TokenWithSpan],
}

impl<'a> Reader<'a> {
    fn token(&self, at: usize) -> Option<&'a Token> {
        self.tokens.get(at).map(|token| &token.token)
    }

    fn keyword(&self, at: usize) -> Keyword {
        match self.token(at) {
            Some(Token::Word(word)) => word.keyword,
            _ => Keyword::NoKeyword,
        }
    }

    fn skip(&self, at: usize, words: &[Keyword]) -> usize {
        let mut at = at;
        while words.contains(&self.keyword(at)) {
            at += 1;
        }
        at
    }

    /// The dotted name at `at`, and where it ends.
    fn name(&self, at: usize) -> Option<(&'a [TokenWithSpan], usize)> {
        if !matches!(self.token(at), Some(Token::Word(_))) {
            return None;
        }
        let mut end = at + 1;
        while matches!(self.token(end), Some(Token::Period)) && matches!(self.token(end + 1), Some(Token::Word(_))) {
            end += 2;
        }
        Some((self.tokens.get(at..end)?, end))
    }

    fn create(&self) -> Option<Head<'a>> {
        let modifiers = [
            Keyword::OR,
            Keyword::REPLACE,
            Keyword::ALTER,
            Keyword::TEMP,
            Keyword::TEMPORARY,
            Keyword::EXTERNAL,
            Keyword::MATERIALIZED,
            Keyword::GLOBAL,
            Keyword::LOCAL,
            Keyword::TRANSIENT,
        ];
        let at = self.skip(1, &modifiers);
        match self.keyword(at) {
            Keyword::TABLE | Keyword::VIEW => {
                self.filled(self.skip(at + 1, &[Keyword::IF, Keyword::NOT, Keyword::EXISTS]))
            }
            Keyword::PROCEDURE => {
                let begin = (at..self.tokens.len()).find(|at| self.keyword(*at) == Keyword::BEGIN)?;
                let end = (begin..self.tokens.len()).rev().find(|at| self.keyword(*at) == Keyword::END)?;
                let body = self.tokens.get(begin + 1..end)?;
                let inner = body.split(|token| token.token == Token::SemiColon).map(<[_]>::to_vec).collect();
                Some(Head { inner, ..Head::default() })
            }
            _ => None,
        }
    }

    /// A table that is filled by the query that follows somewhere, if one does.
    fn filled(&self, at: usize) -> Option<Head<'a>> {
        let (writes, mut at) = self.name(at)?;
        let mut depth = 0_usize;
        while let Some(token) = self.token(at) {
            let begins = matches!(self.keyword(at), Keyword::SELECT)
                || (self.keyword(at) == Keyword::WITH && self.begins_cte(at));
            match token {
                Token::LParen if depth == 0 && self.keyword(at + 1) == Keyword::SELECT => break,
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ if depth == 0 && begins => break,
                _ => {}
            }
            at += 1;
        }
        let query = self.tokens.get(at..).filter(|query| !query.is_empty());
        Some(Head { writes: Some(writes), reads: None, inner: query.map(<[_]>::to_vec).into_iter().collect() })
    }

    /// Whether WITH begins common table expressions and no options.
    fn begins_cte(&self, at: usize) -> bool {
        matches!(self.token(at + 1), Some(Token::Word(_)))
            && (self.keyword(at + 2) == Keyword::AS || matches!(self.token(at + 2), Some(Token::LParen)))
            && (at + 2..self.tokens.len()).any(|at| self.keyword(at) == Keyword::SELECT)
    }
}
