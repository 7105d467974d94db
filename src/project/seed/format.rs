//! How a seed's file is written: the keys `delimiter`, `quote`, `encoding`, `null_values`, `column_types`.

use super::super::{config::Config, field::Given};
use crate::diagnostic::{Diagnostic, closest, code};
use encoding_rs::Encoding;
use std::collections::{BTreeMap, BTreeSet};

/// How a file is written.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) encoding: &'static Encoding,
    /// Unquoted values that are NULL, besides the empty one.
    pub(crate) null_values: BTreeSet<String>,
    /// Types that are not inferred, by column.
    pub(crate) column_types: BTreeMap<String, String>,
    /// Where those types were given.
    pub(crate) types_at: Option<crate::source::Span>,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            encoding: encoding_rs::UTF_8,
            null_values: BTreeSet::new(),
            column_types: BTreeMap::new(),
            types_at: None,
        }
    }
}

impl Format {
    /// The format that a configuration gives.
    pub(crate) fn of(config: &Config, found: &mut Vec<Diagnostic>) -> Self {
        let mut format = Self::default();
        if let Some(given) = config.text("delimiter") {
            match Character::read(given.value) {
                Some(Character::Is(byte)) => format.delimiter = byte,
                _ => found.push(wrong_character("delimiter", &given, "write one character, such as `;`, or `tab`")),
            }
        }
        match config.text("quote").map(|given| (Character::read(given.value), given)) {
            // Without a word about quotes, a file separated by them has none.
            None => format.quote = format.quote.filter(|quote| *quote != format.delimiter),
            Some((Some(Character::None), _)) => format.quote = None,
            Some((Some(Character::Is(quote)), _)) if quote != format.delimiter => format.quote = Some(quote),
            Some((Some(Character::Is(_)), given)) => {
                let message = "`quote` and `delimiter` are the same character";
                let same = Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "");
                found.push(same.help("change one of the two"));
            }
            Some((None, given)) => {
                found.push(wrong_character("quote", &given, "write one character, such as `'`, or `none`"));
            }
        }
        if let Some(given) = config.text("encoding") {
            if let Some(encoding) = Encoding::for_label(given.value.as_bytes()) {
                format.encoding = encoding;
            } else {
                let message = format!("`{}` is no encoding that suiro knows", given.value);
                let help = match closest(given.value, ENCODINGS.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("write its name on the web, such as {}", ENCODINGS.join(", ")),
                };
                found.push(Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "").help(help));
            }
        }
        format.null_values = config.texts("null_values").into_iter().map(str::to_owned).collect();
        if let Some(setting) = config.get("column_types") {
            let types = setting.value.as_object().into_iter().flatten();
            format.column_types =
                types.filter_map(|(column, kind)| Some((column.clone(), kind.as_str()?.to_owned()))).collect();
            format.types_at = Some(setting.span);
        }
        format
    }
}

/// Those that people ask for.
const ENCODINGS: &[&str] = &[
    "utf-8",
    "utf-16le",
    "utf-16be",
    "windows-1252",
    "iso-8859-1",
    "iso-8859-15",
    "shift_jis",
    "euc-jp",
    "gbk",
    "big5",
    "euc-kr",
];

/// What `delimiter` and `quote` take.
enum Character {
    /// This ASCII character.
    Is(u8),
    /// `none`, or nothing.
    None,
}

impl Character {
    fn read(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [] => Some(Self::None),
            _ if text == "none" => Some(Self::None),
            _ if text == "tab" || text == "\\t" => Some(Self::Is(b'\t')),
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'\n' | b'\r') => {
                Some(Self::Is(*byte))
            }
            _ => None,
        }
    }
}

fn wrong_character(key: &str, given: &Given<&str>, help: &str) -> Diagnostic {
    let message =
        format!("`{key}` takes one ASCII character that is neither letter nor digit, and this is `{}`", given.value);
    Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "").help(help)
}
