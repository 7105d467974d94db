//! What a scalar stands for: the core schema of YAML 1.2.

use super::Scalar;
use serde_json::Value;

/// How much of a text is repeated in a message.
const LONGEST_REPEATED: usize = 40;

impl Scalar {
    /// Whether it is null: `null`, `~` or nothing at all.
    pub(crate) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// The value: null, boolean, number, else text. A number that is neither a 64-bit integer nor a finite float stays
    /// text, so that nothing is rounded away.
    pub(crate) fn to_json(&self) -> Value {
        if !self.plain {
            return Value::String(self.text.clone());
        }
        if self.is_null() {
            return Value::Null;
        }
        if let Some(value) = boolean(&self.text) {
            return Value::Bool(value);
        }
        number(&self.text).unwrap_or_else(|| Value::String(self.text.clone()))
    }

    /// The text, cut where it is long or has several lines.
    pub(crate) fn shortened(&self) -> String {
        let line = self.text.lines().next().unwrap_or_default();
        match line.char_indices().nth(LONGEST_REPEATED) {
            Some((at, _)) => format!("{}…", &line[..at]),
            None if line.len() < self.text.trim_end().len() => format!("{line}…"),
            None => line.to_owned(),
        }
    }
}

/// `true` or `false`, in the three spellings that YAML knows.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A number of YAML 1.2: decimal, `0x`, `0o`, `0b` or floating.
pub(crate) fn number(text: &str) -> Option<Value> {
    if let Some(value) = integer(text) {
        return i64::try_from(value).map(Value::from).or_else(|_| u64::try_from(value).map(Value::from)).ok();
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let starts_like_one = unsigned.starts_with(|first: char| first.is_ascii_digit())
        || unsigned.strip_prefix('.').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    if !starts_like_one || leading_zero(unsigned) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    serde_json::Number::from_f64(value).map(Value::Number)
}

/// An integer of at most 128 bits.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) || (radix == 10 && leading_zero(digits)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

/// Whether these digits are an identifier such as `007` rather than a number.
fn leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crate that most of the Rust world reads YAML with is the oracle.
    #[test]
    fn plain_scalars_mean_what_serde_yaml_says() {
        let texts = [
            "null",
            "~",
            "Null",
            "NULL",
            "nULL",
            "true",
            "True",
            "TRUE",
            "tRue",
            "yes",
            "no",
            "on",
            "off",
            "0",
            "-0",
            "+0",
            "1",
            "-1",
            "+1",
            "007",
            "-007",
            "+007",
            "0x1F",
            "0o17",
            "0b101",
            "0x",
            "0xg",
            "-0x1f",
            "1.5",
            "1.10",
            "-1.5",
            "+1.5",
            ".5",
            "-.5",
            "5.",
            "1e3",
            "1E-3",
            "1e",
            "e1",
            "1_000",
            "1,000",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "18446744073709551615",
            "inf",
            "nan",
            "infinity",
            ".",
            "+",
            "--1",
            "+-1",
            "1-1",
            "2024-01-01",
            "12:30",
            "1.2.3",
            "0.0",
            "00.5",
            "1e400",
        ];
        for text in texts {
            let oracle: serde_yaml::Value = serde_yaml::from_str(&format!("- {text}")).unwrap();
            let oracle = serde_json::to_value(&oracle[0]).unwrap();
            let ours = Scalar { text: text.to_owned(), plain: true }.to_json();
            assert_eq!(ours, oracle, "{text}");
        }
    }

    #[test]
    fn what_json_cannot_hold_stays_text() {
        for text in ["99999999999999999999", ".inf", "-.INF", ".nan"] {
            let ours = Scalar { text: text.to_owned(), plain: true }.to_json();
            assert_eq!(ours, Value::String(text.to_owned()));
        }
    }

    #[test]
    fn long_texts_are_cut_on_a_character() {
        let scalar = |text: &str| Scalar { text: text.to_owned(), plain: false };
        assert_eq!(scalar(&"水".repeat(50)).shortened(), format!("{}…", "水".repeat(40)));
        assert_eq!(scalar("one\ntwo").shortened(), "one…");
        assert_eq!(scalar("one\n").shortened(), "one");
    }
}
