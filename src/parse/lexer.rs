//! SQL text to tokens by bytes, as PostgreSQL and DuckDB cut it themselves.
//!
//! In: any text. Out: words, names, strings and signs with their bytes, without white space and comments, brackets
//! paired. It shares nothing with sqlparser's tokenizer, so that a mistake of either is noticed when the two readings
//! of a query are compared. Never: a meaning, or a panic.
//!
//! The rules are those of PostgreSQL's `scan.l`, which DuckDB took over: comments nest, a line comment ends at `\n` or
//! `\r`, `$` continues a word, backslashes mean something in `E''` only.

use super::keyword::Keyword;
use crate::dialect::Dialect;
use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An unquoted word.
    Word,
    /// A name in double quotes.
    Quoted,
    /// `U&"…"`.
    UnicodeQuoted,
    /// A string of any kind.
    String,
    /// A number.
    Number,
    /// `$1`, `$name`.
    Parameter,
    /// One byte of punctuation or of an operator.
    Sign(u8),
}

/// A token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// For a bracket, the index of its partner.
    pub partner: u32,
    /// What it is.
    pub kind: Kind,
    /// What it steers, if it is a word.
    pub keyword: Keyword,
}

impl Token {
    /// Its bytes.
    pub(super) const fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether it is that sign.
    pub(super) fn is(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// Whether it can be part of a name.
    pub(super) const fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted | Kind::UnicodeQuoted)
    }
}

/// The tokens of a text.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    /// The text.
    pub text: &'a str,
    /// The tokens in order.
    pub list: Vec<Token>,
    /// Whether the text has something that sqlparser's tokenizer for DuckDB reads wrongly: `E''` or `B''`, a comment
    /// within a comment, a line comment that ends at a lone `\r`, a name with signs that are no letters.
    pub beyond_duckdb_tokenizer: bool,
}

/// Why a text could not be cut into tokens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LexError {
    /// The bytes to show.
    pub range: Range<usize>,
    /// One sentence.
    pub message: String,
}

impl<'a> Tokens<'a> {
    /// The tokens of `text`.
    pub(super) fn read(text: &'a str, dialect: Dialect) -> Result<Self, LexError> {
        if u32::try_from(text.len()).is_err() {
            return Err(LexError { range: 0..1, message: "the SQL is longer than 4 GB".to_owned() });
        }
        let mut lexer = Lexer {
            text,
            bytes: text.as_bytes(),
            at: 0,
            list: Vec::with_capacity(text.len() / 5 + 8),
            open: Vec::new(),
            beyond: false,
            dialect,
        };
        lexer.run()?;
        Ok(Self { text, list: lexer.list, beyond_duckdb_tokenizer: lexer.beyond })
    }

    /// The text of a token.
    pub(super) fn slice(&self, token: &Token) -> &'a str {
        self.text.get(token.range()).unwrap_or_default()
    }

    /// The index of the token that begins at that byte.
    pub(super) fn at_byte(&self, byte: usize) -> Option<usize> {
        self.list.binary_search_by_key(&byte, |token| token.start as usize).ok()
    }
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    list: Vec<Token>,
    open: Vec<usize>,
    beyond: bool,
    dialect: Dialect,
}

impl Lexer<'_> {
    fn byte(&self, offset: usize) -> u8 {
        self.bytes.get(self.at + offset).copied().unwrap_or(0)
    }

    fn run(&mut self) -> Result<(), LexError> {
        while self.at < self.bytes.len() {
            self.step()?;
        }
        match self.open.first().and_then(|open| self.list.get(*open)) {
            None => Ok(()),
            Some(open) => Err(LexError {
                range: open.range(),
                message: format!("this `{}` is never closed", self.text.get(open.range()).unwrap_or_default()),
            }),
        }
    }

    fn step(&mut self) -> Result<(), LexError> {
        let start = self.at;
        match self.byte(0) {
            b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c' => self.at += 1,
            b'-' if self.byte(1) == b'-' => self.line_comment(),
            b'/' if self.byte(1) == b'*' => self.block_comment()?,
            b'\'' => self.string(start, start, false)?,
            b'"' => self.quoted(start, start, Kind::Quoted)?,
            b'e' | b'E' if self.byte(1) == b'\'' => {
                self.beyond = true;
                self.string(start, start + 1, true)?;
            }
            b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if self.byte(1) == b'\'' => {
                self.beyond |= matches!(self.byte(0), b'b' | b'B');
                self.string(start, start + 1, false)?;
            }
            b'u' | b'U' if self.byte(1) == b'&' && self.byte(2) == b'\'' => self.string(start, start + 2, false)?,
            b'u' | b'U' if self.byte(1) == b'&' && self.byte(2) == b'"' => {
                self.quoted(start, start + 2, Kind::UnicodeQuoted)?;
            }
            b'$' => self.dollar()?,
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() && !self.follows_name() => self.number(),
            byte if byte.is_ascii_alphabetic() || byte == b'_' => self.word(),
            byte if byte >= 0x80 => {
                let character = self.text.get(start..).and_then(|rest| rest.chars().next());
                match character {
                    // DuckDB takes every Unicode space for a space; to PostgreSQL it is a letter.
                    Some(space)
                        if self.dialect == Dialect::DuckDb && (space.is_whitespace() || space == '\u{feff}') =>
                    {
                        self.at += space.len_utf8();
                    }
                    _ => self.word(),
                }
            }
            sign => self.sign(sign)?,
        }
        Ok(())
    }

    fn follows_name(&self) -> bool {
        self.list.last().is_some_and(|token| token.is_name() && token.end as usize == self.at)
    }

    fn push(&mut self, start: usize, kind: Kind) {
        let keyword = match kind {
            Kind::Word => self.text.get(start..self.at).map_or(Keyword::Other, Keyword::of),
            _ => Keyword::Other,
        };
        self.list.push(Token { start: place(start), end: place(self.at), partner: 0, kind, keyword });
    }

    fn line_comment(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        self.at += length;
        if self.byte(0) == b'\r' && self.byte(1) != b'\n' && self.at < self.bytes.len() {
            self.beyond = true;
        }
    }

    fn block_comment(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                    self.beyond |= depth > 1;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => self.at += 1,
            }
        }
        Err(LexError { range: start..start + 2, message: "this comment is never closed".to_owned() })
    }

    /// A string whose token begins at `start` and whose quote stands at `quote`.
    fn string(&mut self, start: usize, quote: usize, escapes: bool) -> Result<(), LexError> {
        self.at = quote + 1;
        while self.at < self.bytes.len() {
            match self.byte(0) {
                b'\\' if escapes => self.at += 2,
                b'\'' if self.byte(1) == b'\'' => self.at += 2,
                b'\'' => {
                    self.at += 1;
                    self.push(start, Kind::String);
                    return Ok(());
                }
                _ => self.at += 1,
            }
        }
        Err(LexError { range: start..quote + 1, message: "this string is never closed".to_owned() })
    }

    fn quoted(&mut self, start: usize, quote: usize, kind: Kind) -> Result<(), LexError> {
        self.at = quote + 1;
        while self.at < self.bytes.len() {
            match self.byte(0) {
                b'"' if self.byte(1) == b'"' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    self.push(start, kind);
                    return Ok(());
                }
                _ => self.at += 1,
            }
        }
        Err(LexError { range: start..quote + 1, message: "this quoted name is never closed".to_owned() })
    }

    /// `$1`, `$name`, `$$…$$`, `$tag$…$tag$`.
    fn dollar(&mut self) -> Result<(), LexError> {
        let start = self.at;
        self.at += 1;
        if self.byte(0).is_ascii_digit() {
            while self.byte(0).is_ascii_digit() {
                self.at += 1;
            }
            self.push(start, Kind::Parameter);
            return Ok(());
        }
        while is_word_byte(self.byte(0)) && self.byte(0) != b'$' {
            self.at += 1;
        }
        if self.byte(0) != b'$' {
            let kind = if self.at == start + 1 { Kind::Sign(b'$') } else { Kind::Parameter };
            self.push(start, kind);
            return Ok(());
        }
        self.at += 1;
        let tag = self.text.get(start..self.at).unwrap_or("$$");
        match self.text.get(self.at..).and_then(|rest| rest.find(tag)) {
            Some(length) => {
                self.at += length + tag.len();
                self.push(start, Kind::String);
                Ok(())
            }
            None => Err(LexError { range: start..self.at, message: "this string is never closed".to_owned() }),
        }
    }

    fn number(&mut self) {
        let start = self.at;
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X' | b'o' | b'O' | b'b' | b'B') {
            let digits = self.bytes.get(self.at + 2..).unwrap_or_default();
            let length = digits.iter().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'_').count();
            if length > 0 {
                self.at += 2 + length;
                return self.push(start, Kind::Number);
            }
        }
        self.digits();
        if self.byte(0) == b'.' && self.byte(1) != b'.' {
            self.at += 1;
            self.digits();
        }
        if matches!(self.byte(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if self.byte(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                self.digits();
            }
        }
        self.push(start, Kind::Number);
    }

    fn digits(&mut self) {
        while self.byte(0).is_ascii_digit() || (self.byte(0) == b'_' && self.byte(1).is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self) {
        let start = self.at;
        while self.at < self.bytes.len() && is_word_byte(self.byte(0)) {
            if self.byte(0) >= 0x80 && self.dialect == Dialect::DuckDb {
                let character = self.text.get(self.at..).and_then(|rest| rest.chars().next());
                if character.is_some_and(|space| space.is_whitespace() || space == '\u{feff}') {
                    break;
                }
                self.beyond |= character.is_some_and(|character| !character.is_alphabetic());
                self.at += character.map_or(1, char::len_utf8);
            } else {
                self.at += 1;
            }
        }
        self.push(start, Kind::Word);
    }

    fn sign(&mut self, sign: u8) -> Result<(), LexError> {
        let start = self.at;
        self.at += 1;
        self.push(start, Kind::Sign(sign));
        let index = self.list.len() - 1;
        let opening = match sign {
            b'(' | b'[' | b'{' => {
                self.open.push(index);
                return Ok(());
            }
            b')' => b'(',
            b']' => b'[',
            b'}' => b'{',
            _ => return Ok(()),
        };
        let partner = self.open.pop().filter(|open| self.list.get(*open).is_some_and(|token| token.is(opening)));
        let Some(partner) = partner else {
            return Err(LexError {
                range: start..self.at,
                message: format!("this `{}` closes nothing", char::from(sign)),
            });
        };
        for (from, to) in [(index, partner), (partner, index)] {
            if let Some(token) = self.list.get_mut(from) {
                token.partner = place(to);
            }
        }
        Ok(())
    }
}

const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// An offset as it is kept; texts over 4 GB are refused before.
fn place(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str, dialect: Dialect) -> Vec<&str> {
        let tokens = Tokens::read(sql, dialect).unwrap();
        tokens.list.iter().map(|token| &sql[token.range()]).collect()
    }

    #[test]
    fn cuts_as_the_engines_do() {
        for (sql, expected) in [
            ("select a.b", vec!["select", "a", ".", "b"]),
            ("a--x\rb /* c /* d */ e */ f", vec!["a", "b", "f"]),
            ("E'it\\'s' 'it''s' \"a\"\"b\"", vec!["E'it\\'s'", "'it''s'", "\"a\"\"b\""]),
            ("'back\\' x", vec!["'back\\'", "x"]),
            ("$$ a $x$ b $$ $x$ $$ $x$", vec!["$$ a $x$ b $$", "$x$ $$ $x$"]),
            ("a$b$c $1 $n", vec!["a$b$c", "$1", "$n"]),
            ("1.5e3 .5 1e 0x1F 1_000", vec!["1.5e3", ".5", "1", "e", "0x1F", "1_000"]),
            ("t.1", vec!["t", ".", "1"]),
            ("U&\"d\\0061\" u & x U&'y'", vec!["U&\"d\\0061\"", "u", "&", "x", "U&'y'"]),
            ("x'41' n'z' b'01'", vec!["x'41'", "n'z'", "b'01'"]),
            ("größe 日本", vec!["größe", "日本"]),
            ("a::b -- end", vec!["a", ":", ":", "b"]),
        ] {
            for dialect in Dialect::ALL {
                assert_eq!(texts(sql, dialect), expected, "{sql}");
            }
        }
    }

    #[test]
    fn unicode_spaces_separate_on_duckdb_only() {
        assert_eq!(texts("a\u{a0}b", Dialect::DuckDb), ["a", "b"]);
        assert_eq!(texts("a\u{a0}b", Dialect::Postgres), ["a\u{a0}b"]);
    }

    #[test]
    fn what_is_open_is_an_error_at_its_place() {
        for (sql, range) in [
            ("select 'abc", 7..8),
            ("select \"abc", 7..8),
            ("select E'abc\\'", 7..9),
            ("select /* /* */ x", 7..9),
            ("select $a$ x $b$", 7..10),
            ("select (a", 7..8),
            ("select a)", 8..9),
            ("select (a]", 9..10),
        ] {
            assert_eq!(Tokens::read(sql, Dialect::Postgres).unwrap_err().range, range, "{sql}");
        }
    }

    #[test]
    fn brackets_know_their_partners() {
        let tokens = Tokens::read("f(a[1], {})", Dialect::DuckDb).unwrap();
        let partner = |index: usize| tokens.list[index].partner;
        assert_eq!((partner(1), partner(9)), (9, 1));
        assert_eq!((partner(3), partner(5)), (5, 3));
    }
}
