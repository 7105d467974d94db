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
            match character(given.value) {
                Some(Some(byte)) => format.delimiter = byte,
                _ => found.push(wrong_character("delimiter", &given, "write one character, such as `;`, or `tab`")),
            }
        }
        if let Some(given) = config.text("quote") {
            match character(given.value) {
                Some(quote) if quote != Some(format.delimiter) => format.quote = quote,
                Some(_) => {
                    let message = "`quote` and `delimiter` are the same character";
                    found.push(Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "").help("change one of the two"));
                }
                None => found.push(wrong_character("quote", &given, "write one character, such as `'`, or `none`")),
            }
        } else if format.quote == Some(format.delimiter) {
            format.quote = None;
        }
        if let Some(given) = config.text("encoding") {
            match Encoding::for_label(given.value.as_bytes()) {
                Some(encoding) => format.encoding = encoding,
                None => {
                    let message = format!("`{}` is no encoding that suiro knows", given.value);
                    let help = match closest(given.value, ENCODINGS.iter().copied()) {
                        Some(name) => format!("did you mean `{name}`?"),
                        None => format!("write its name on the web, such as {}", ENCODINGS.join(", ")),
                    };
                    found.push(Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "").help(help));
                }
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
const ENCODINGS: &[&str] =
    &["utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-1", "iso-8859-15", "shift_jis", "euc-jp", "gbk", "big5", "euc-kr"];

/// One ASCII character, or `none`; nothing if the text is neither.
fn character(text: &str) -> Option<Option<u8>> {
    match text.as_bytes() {
        [] => Some(None),
        _ if text == "none" => Some(None),
        _ if text == "tab" || text == "\\t" => Some(Some(b'\t')),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'\n' && *byte != b'\r' => Some(Some(*byte)),
        _ => None,
    }
}

fn wrong_character(key: &str, given: &Given<&str>, help: &str) -> Diagnostic {
    let message = format!("`{key}` takes one ASCII character that is neither letter nor digit, and this is `{}`", given.value);
    Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "").help(help)
}
