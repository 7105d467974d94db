//! Reads Rust source just far enough to see its paths, macros and strings.
//!
//! In: the text of a file. Out: tokens with their lines, comments and test code left out. Never: a syntax tree; what it
//! does not understand it passes over.

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword.
    Word(String),
    /// A string literal, without quotes and prefix, escapes as written.
    Text(String),
    /// `::`.
    Path,
    /// Any other character.
    Mark(char),
}

/// A token and the line it begins on, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its line.
    pub line: usize,
}

impl Token {
    /// The name, if it is one.
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Whether it is that character.
    pub fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// The tokens of a file, without items under `#[cfg(test)]`.
pub fn tokens(text: &str) -> Vec<Token> {
    without_tests(&all(text))
}

/// Every token of a file, without comments.
fn all(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    let mut line = 1;
    while let Some(&character) = characters.get(at) {
        let next = characters.get(at + 1).copied();
        let begin = at;
        let kind = match (character, next) {
            ('/', Some('/')) => {
                at += characters[at..].iter().take_while(|&&c| c != '\n').count();
                None
            }
            ('/', Some('*')) => {
                at = end_of_block_comment(&characters, at);
                None
            }
            ('"', _) => Some(string(&characters, &mut at)),
            ('\'', _) => {
                at = end_of_quote(&characters, at);
                None
            }
            (':', Some(':')) => {
                at += 2;
                Some(Kind::Path)
            }
            (c, _) if c.is_alphabetic() || c == '_' => {
                let length = characters[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
                let word: String = characters[at..at + length].iter().collect();
                at += length;
                match (word.as_str(), characters.get(at)) {
                    ("r" | "br" | "cr", Some('"' | '#')) => raw(&characters, &mut at),
                    ("b" | "c", Some('"')) => Some(string(&characters, &mut at)),
                    ("b", Some('\'')) => {
                        at = end_of_quote(&characters, at);
                        None
                    }
                    _ => Some(Kind::Word(word)),
                }
            }
            (c, _) => {
                at += 1;
                (!c.is_whitespace()).then_some(Kind::Mark(c))
            }
        };
        found.extend(kind.map(|kind| Token { kind, line }));
        line += characters[begin..at.min(characters.len())].iter().filter(|&&c| c == '\n').count();
    }
    found
}

/// Block comments nest.
fn end_of_block_comment(characters: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < characters.len() {
        match (characters[at], characters.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A string in quotes, `at` on its first quote.
fn string(characters: &[char], at: &mut usize) -> Kind {
    let mut content = String::new();
    *at += 1;
    while let Some(&character) = characters.get(*at) {
        *at += 1;
        match character {
            '"' => break,
            '\\' => {
                content.push('\\');
                content.extend(characters.get(*at));
                *at += 1;
            }
            _ => content.push(character),
        }
    }
    Kind::Text(content)
}

/// A raw string, or a raw name (`r#type`), `at` on what follows the `r`.
fn raw(characters: &[char], at: &mut usize) -> Option<Kind> {
    let hashes = characters[*at..].iter().take_while(|&&c| c == '#').count();
    *at += hashes;
    if characters.get(*at) != Some(&'"') {
        return None; // the name follows as a word
    }
    *at += 1;
    let begin = *at;
    while *at < characters.len() {
        let closed =
            characters[*at] == '"' && characters[*at + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
        if closed {
            break;
        }
        *at += 1;
    }
    let content = characters[begin..(*at).min(characters.len())].iter().collect();
    *at += 1 + hashes;
    Some(Kind::Text(content))
}

/// Behind a character literal, or behind the quote of a lifetime.
fn end_of_quote(characters: &[char], at: usize) -> usize {
    match (characters.get(at + 1), characters.get(at + 2)) {
        (Some('\\'), _) => {
            // What is escaped may itself be a quote, so the search for the closing one begins behind it.
            let rest = characters.get(at + 3..).unwrap_or_default();
            at + 4 + rest.iter().take_while(|&&c| c != '\'').count()
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// Leaves out the items that are only compiled for tests.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        match attribute(tokens, at) {
            Some(end) if is_test_only(&tokens[at..end]) => at = end_of_item(tokens, end),
            _ => {
                kept.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    kept
}

/// The index behind the attribute that begins at `at`, if one does.
fn attribute(tokens: &[Token], at: usize) -> Option<usize> {
    (tokens.get(at)?.is('#') && tokens.get(at + 1)?.is('[')).then(|| closing(tokens, at + 1) + 1)
}

/// `#[cfg(test)]`, `#[cfg(all(test, unix))]`; not `#[cfg(not(test))]`.
fn is_test_only(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().filter_map(Token::word).collect();
    words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not") && !words.contains(&"any")
}

/// The index behind the item that begins at `at`: other attributes, then up to `;` or a closing brace.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    while let Some(end) = attribute(tokens, at) {
        at = end;
    }
    while at < tokens.len() {
        if tokens[at].is(';') {
            return at + 1;
        }
        if tokens[at].is('{') {
            return closing(tokens, at) + 1;
        }
        at = if tokens[at].is('(') || tokens[at].is('[') { closing(tokens, at) + 1 } else { at + 1 };
    }
    at
}

/// The index of the bracket that closes the one at `at`, or of the last token.
pub fn closing(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).iter().filter_map(|token| token.word().map(str::to_owned)).collect()
    }

    #[test]
    fn comments_strings_and_quotes_hide_nothing_and_show_nothing() {
        let text = r##"a // x y
            /* x /* y */ x */ b "x \" y" c r#"x " y"# d 'x' e '\'' f '"' g<'h> b"x" i '\u{1F34E}' r#type"##;
        assert_eq!(words(text).join(" "), "a b c d e f g h i type");
    }

    #[test]
    fn strings_keep_their_text_and_line() {
        let found = tokens("one\n\"two\nthree\" r#\"fo\"ur\"#");
        assert_eq!(found[1], Token { kind: Kind::Text("two\nthree".into()), line: 2 });
        assert_eq!(found[2], Token { kind: Kind::Text("fo\"ur".into()), line: 3 });
    }

    #[test]
    fn test_code_is_left_out_and_nothing_else() {
        let text = "a #[cfg(test)] mod tests { b { c } } d #[cfg(test)] #[path = \"x\"] mod e; f
            #[cfg(not(test))] fn g() {} #[cfg(test)] fn h(x: [u8; 2]) -> bool { i } j";
        assert_eq!(words(text).join(" "), "a d f cfg not test fn g j");
    }
}
