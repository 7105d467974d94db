//! Texts that nobody may see.

use std::fmt;

/// A text that is never printed: neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(String);

impl Secret {
    /// A secret of that text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who must send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// How long a secret must be to be masked: a shorter one stands in too many words.
const SHORTEST_MASKED: usize = 6;

/// The values worth masking, each once, the longest first, so that one that contains another is masked whole.
pub(crate) fn maskable(secrets: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut secrets: Vec<String> = secrets.into_iter().filter(|text| text.chars().count() >= SHORTEST_MASKED).collect();
    secrets.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
    secrets.dedup();
    secrets
}

/// The passwords in a connection URL: as written, and with its percent signs undone.
pub(crate) fn passwords_in(url: &str) -> Vec<String> {
    let mut found = Vec::new();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A password with a raw `/` or `@` in it is wrong, and still a password.
    let userinfo = [authority, rest].iter().find_map(|part| part.rsplit_once('@').map(|(userinfo, _)| userinfo));
    if let Some((_, password)) = userinfo.and_then(|userinfo| userinfo.split_once(':')) {
        found.push(password.to_owned());
    }
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    for (key, value) in query.split(['&', '#']).filter_map(|pair| pair.split_once('=')) {
        if ["password", "sslpassword", "token"].contains(&key) {
            found.push(value.to_owned());
        }
    }
    let decoded: Vec<String> = found.iter().filter_map(|text| percent_decoded(text)).collect();
    found.extend(decoded);
    found.retain(|text| !text.is_empty());
    found
}

fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
    }

    #[test]
    fn passwords_are_found_in_urls() {
        assert_eq!(passwords_in("postgres://ann:s3cret-word@db:5432/x"), ["s3cret-word"]);
        assert_eq!(passwords_in("postgres://ann:p%40ss%2Fword@db/x"), ["p%40ss%2Fword", "p@ss/word"]);
        assert_eq!(passwords_in("postgres://ann:p@ss/word@db/x"), ["p@ss/word"]);
        assert_eq!(passwords_in("postgres://db/x?user=ann&password=s3cret"), ["s3cret"]);
        assert_eq!(passwords_in("postgres://ann:100%@db/x"), ["100%", "100%"]);
        assert!(passwords_in("postgres://ann@db/x").is_empty());
        assert!(passwords_in("postgres://db:5432/x").is_empty());
    }

    #[test]
    fn short_secrets_are_not_masked() {
        let secrets = ["abc", "abcdef", "xabcdefx", "abcdef"].map(str::to_owned);
        assert_eq!(maskable(secrets), ["xabcdefx", "abcdef"]);
    }
}
