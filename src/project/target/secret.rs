//! Texts that nobody may see: the type that hides one, and where they stand in a project's files.
//!
//! In: nodes and text of `suiro.yml`. Out: the values to mask. Never: masking, which whoever prints does.

use crate::project::{
    field::Reader,
    render::is_template,
    yaml::{Content, Entry, Node},
};
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

/// The values worth masking, each once, the longest first, so that one that contains another is masked whole; of values
/// of several lines each line too, since they may be printed line by line.
pub(crate) fn maskable(mut secrets: Vec<String>) -> Vec<String> {
    let lines: Vec<String> =
        secrets.iter().filter(|text| text.contains('\n')).flat_map(|text| text.lines()).map(str::to_owned).collect();
    secrets.extend(lines);
    secrets.retain(|text| text.trim().chars().count() >= SHORTEST_MASKED);
    secrets.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
    secrets.dedup();
    secrets
}

/// The passwords in a connection URL: as written, and with its percent signs undone.
pub(crate) fn passwords_in(url: &str) -> Vec<String> {
    let mut found = Vec::new();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A password with a raw `/`, `?` or `@` in it is wrong, and still a password.
    for part in [authority, rest.split('?').next().unwrap_or_default(), rest] {
        let userinfo = part.rsplit_once('@').map(|(userinfo, _)| userinfo);
        if let Some((_, password)) = userinfo.and_then(|userinfo| userinfo.split_once(':'))
            && !found.iter().any(|known| known == password)
        {
            found.push(password.to_owned());
        }
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

/// The password in `host=db password=x`.
pub(crate) fn password_of(path: &str) -> Option<String> {
    let (_, rest) = path.split_once("password=")?;
    let quoted = rest.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    let password = quoted.map_or_else(|| rest.split_whitespace().next().unwrap_or_default(), |(password, _)| password);
    (!password.is_empty()).then(|| password.to_owned())
}

fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = after.get(if escaped.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8(bytes).ok()
}

/// What the names of keys with secrets have in them, misspelled ones too.
const SECRET_MARKS: &[&str] = &["pas", "pw", "token", "secret"];

/// The secrets that stand in the targets as they are written, those that were not chosen or are wrong too: an error
/// shows the line that it is about, and whatever else is on it.
pub(crate) fn written_secrets(targets: &[Entry]) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in targets.iter().filter_map(|target| target.value.entries()).flatten() {
        let name = entry.key.to_ascii_lowercase();
        let mut found = Vec::new();
        if name == "attach" {
            let mut paths = Vec::new();
            collect(&entry.value, &mut paths);
            found = paths.iter().flat_map(|path| passwords_in(path).into_iter().chain(password_of(path))).collect();
        }
        if name == "url" || SECRET_MARKS.iter().any(|mark| name.contains(mark)) {
            collect(&entry.value, &mut found);
        }
        if name == "url" {
            found = found.iter().flat_map(|url| passwords_in(url)).collect();
        }
        texts.extend(found.into_iter().filter(|text| !is_template(text)));
    }
    texts
}

/// The same for a file that could not be read as YAML: whatever follows such a key on its line.
pub(crate) fn secrets_in_broken(text: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for line in text.lines() {
        for (at, _) in line.match_indices(':') {
            let (before, after) = (line[..at].to_ascii_lowercase(), line[at + 1..].trim());
            let key = before.rsplit([' ', ',', '{', '"', '\'']).find(|part| !part.is_empty()).unwrap_or_default();
            if !SECRET_MARKS.iter().any(|mark| key.contains(mark)) || is_template(after) {
                continue;
            }
            let ends =
                [after.len(), after.find(" #").unwrap_or(after.len()), after.find([',', '}']).unwrap_or(after.len())];
            let values = ends.iter().map(|end| after[..*end].trim());
            texts.extend(values.flat_map(|value| [value, value.trim_matches(['"', '\''])]).map(str::to_owned));
        }
        texts.extend(line.split([' ', '"', '\'']).filter(|part| part.contains("://")).flat_map(passwords_in));
    }
    texts
}

/// What a secret's mapping says besides secrets, and what would be missed if it were masked everywhere.
const NOT_SECRET: &[&str] =
    &["type", "name", "provider", "scope", "region", "endpoint", "url_style", "use_ssl", "chain"];

/// Every text below a node of `secrets:`, rendered.
pub(crate) fn texts_of(reader: &mut Reader<'_>, node: &Node) -> Vec<String> {
    let Some(node) = reader.render(node) else { return Vec::new() };
    let mut texts = Vec::new();
    collect(&node, &mut texts);
    texts
}

fn collect(node: &Node, texts: &mut Vec<String>) {
    match &node.content {
        Content::Scalar(scalar) if !scalar.is_null() => texts.push(scalar.text.clone()),
        Content::Scalar(_) => {}
        Content::List(items) => items.iter().for_each(|item| collect(item, texts)),
        Content::Map(entries) => {
            let secret = entries.iter().filter(|entry| !NOT_SECRET.contains(&entry.key.as_str()));
            secret.for_each(|entry| collect(&entry.value, texts));
        }
    }
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
        assert_eq!(passwords_in("postgres://ann:p@ss/word@db/x"), ["p", "p@ss/word"]);
        assert_eq!(passwords_in("postgres://ann:p?ss@db/x"), ["p?ss"]);
        assert_eq!(passwords_in("postgres://db/x?user=ann&password=s3cret"), ["s3cret"]);
        assert_eq!(passwords_in("postgres://ann:100%@db/x"), ["100%", "100%"]);
        assert!(passwords_in("postgres://ann@db/x").is_empty());
        assert!(passwords_in("postgres://db:5432/x").is_empty());
    }

    #[test]
    fn passwords_are_found_in_connection_strings() {
        assert_eq!(password_of("host=db password=hunter22 dbname=x").as_deref(), Some("hunter22"));
        assert_eq!(password_of("password='two words' host=db").as_deref(), Some("two words"));
        assert_eq!(password_of("host=db"), None);
    }

    #[test]
    fn short_secrets_are_not_masked() {
        let secrets = ["abc", "abcdef", "xabcdefx", "abcdef", "      ", "one\nsecond line"].map(str::to_owned);
        assert_eq!(maskable(secrets.to_vec()), ["one\nsecond line", "second line", "xabcdefx", "abcdef"]);
    }

    #[test]
    fn secrets_are_found_in_what_is_no_yaml() {
        let found = |line: &str, secret: &str| {
            let found = secrets_in_broken(line);
            assert!(found.iter().any(|text| text == secret), "{line}: {found:?}");
        };
        found("    password: @hunter22", "@hunter22");
        found("    password: \"hunter22\" x", "\"hunter22\" x");
        found("    Pass:hunter22 # the old one", "hunter22");
        found("  pg: {type: postgres, password: 'hunter22', port: [}", "hunter22");
        found("  api_token: abc:def", "abc:def");
        found("    url: postgres://ann:hunter22@db/x: y", "hunter22");
        assert!(secrets_in_broken("host: db\npassword: \"{{ env_var('X') }}\"\n").is_empty());
    }
}
