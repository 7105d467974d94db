//! The types of columns, from all their values.
//!
//! A column has the narrowest type that every value has; whatever does not come back exactly as it was written, or has
//! several readings, stays text: leading zeros, plus signs, thousands separators, columns of mixed forms.

use std::fmt;

/// How many digits an exact number may have on every engine.
const MOST_DIGITS: u32 = 38;
/// Up to so many digits DuckDB keeps an exact number in 64 bits. Types come in two sizes only, so that a new row does not
/// change the type of a column that others depend on.
const SHORT_DIGITS: u32 = 18;
/// Every whole number of so many digits is a double.
const DOUBLE_WHOLE_DIGITS: u32 = 15;
/// No double needs more digits than these to be written down; a number with more was not one.
const DOUBLE_DIGITS: u32 = 17;

/// The type of a seed's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedType {
    /// `true` and `false`, in lower, upper or title case.
    Boolean,
    /// Whole numbers of 64 bits.
    Integer,
    /// Exact numbers.
    Numeric {
        /// All digits.
        precision: u32,
        /// The digits after the point.
        scale: u32,
    },
    /// Numbers of which at least one has an exponent.
    Double,
    /// `2024-01-31`.
    Date,
    /// `2024-01-31 12:30:00`, without an offset.
    Timestamp,
    /// `2024-01-31T12:30:00+09:00`.
    TimestampTz,
    /// Anything.
    Text,
}

impl fmt::Display for SeedType {
    /// The type's name in SQL, the same on DuckDB and PostgreSQL.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => formatter.write_str("BOOLEAN"),
            Self::Integer => formatter.write_str("BIGINT"),
            Self::Numeric { precision, scale } => write!(formatter, "NUMERIC({precision},{scale})"),
            Self::Double => formatter.write_str("DOUBLE PRECISION"),
            Self::Date => formatter.write_str("DATE"),
            Self::Timestamp => formatter.write_str("TIMESTAMP"),
            Self::TimestampTz => formatter.write_str("TIMESTAMP WITH TIME ZONE"),
            Self::Text => formatter.write_str("TEXT"),
        }
    }
}

/// What the values of a column had in common so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inference {
    /// Nothing but NULL.
    Nothing,
    Number(Numbers),
    Boolean,
    Date,
    Timestamp,
    TimestampTz,
    Text,
}

/// What the numbers of a column had in common so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Numbers {
    /// The most digits before the point.
    whole: u32,
    /// The most digits after the point.
    scale: u32,
    /// Whether one does not fit 64 bits.
    beyond: bool,
    /// Whether one has an exponent.
    exponent: bool,
    /// Whether one would lose digits as a double.
    too_fine: bool,
}

impl Inference {
    /// With one more value.
    pub(crate) fn with(self, value: &str) -> Self {
        if self == Self::Text {
            return self;
        }
        match (self, form(value)) {
            (Self::Nothing, form) => form,
            (Self::Number(one), Self::Number(other)) => Self::Number(Numbers {
                whole: one.whole.max(other.whole),
                scale: one.scale.max(other.scale),
                beyond: one.beyond || other.beyond,
                exponent: one.exponent || other.exponent,
                too_fine: one.too_fine || other.too_fine,
            }),
            (one, other) if one == other => one,
            _ => Self::Text,
        }
    }

    /// The type.
    pub(crate) fn kind(self) -> SeedType {
        match self {
            Self::Nothing | Self::Text | Self::Number(Numbers { exponent: true, too_fine: true, .. }) => SeedType::Text,
            Self::Boolean => SeedType::Boolean,
            Self::Date => SeedType::Date,
            Self::Timestamp => SeedType::Timestamp,
            Self::TimestampTz => SeedType::TimestampTz,
            Self::Number(Numbers { exponent: true, .. }) => SeedType::Double,
            Self::Number(Numbers { scale: 0, beyond: false, .. }) => SeedType::Integer,
            Self::Number(Numbers { whole, scale, .. }) => match whole.max(1) + scale {
                digits if digits <= SHORT_DIGITS => SeedType::Numeric { precision: SHORT_DIGITS, scale },
                digits if digits <= MOST_DIGITS => SeedType::Numeric { precision: MOST_DIGITS, scale },
                _ => SeedType::Text,
            },
        }
    }
}

/// Whether a text is a day, or a moment of one, as seeds have them.
pub(crate) fn is_moment(text: &str) -> bool {
    matches!(form(text), Inference::Date | Inference::Timestamp | Inference::TimestampTz)
}

/// What one value looks like.
fn form(value: &str) -> Inference {
    match value.as_bytes() {
        [b't' | b'T' | b'f' | b'F', ..] => match value {
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Inference::Boolean,
            _ => Inference::Text,
        },
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] => instant(value),
        [b'0'..=b'9' | b'-' | b'.', ..] => number(value).map_or(Inference::Text, Inference::Number),
        _ => Inference::Text,
    }
}

/// A number: `-12`, `0.5`, `.5`, `1e3`. Not `+1`, `007`, `1.`, `1_000`, `1,000`.
fn number(value: &str) -> Option<Numbers> {
    let unsigned = value.strip_prefix('-').unwrap_or(value);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let nothing = fraction.map_or(whole.is_empty(), str::is_empty);
    if nothing || leading_zero || !digits(whole) || !digits(fraction.unwrap_or_default()) {
        return None;
    }
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX / 4);
    let fraction = fraction.unwrap_or_default();
    let significant = match whole.trim_start_matches('0') {
        "" => length(fraction.trim_start_matches('0')),
        whole => length(whole) + length(fraction),
    };
    if let Some(exponent) = exponent {
        let bare = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        // Too large becomes infinite and too small becomes zero: then it is not this number any more.
        let same = value.parse::<f64>().is_ok_and(|number| number.is_finite() && (number != 0.0 || significant == 0));
        let too_fine = significant > DOUBLE_DIGITS;
        return (!bare.is_empty() && digits(bare) && same).then_some(Numbers {
            exponent: true,
            too_fine,
            ..Numbers::default()
        });
    }
    let limit = if fraction.is_empty() { DOUBLE_WHOLE_DIGITS } else { DOUBLE_DIGITS };
    Some(Numbers {
        whole: length(whole),
        scale: length(fraction),
        beyond: fraction.is_empty() && value.parse::<i64>().is_err(),
        exponent: false,
        too_fine: significant > limit,
    })
}

/// A date or timestamp of ISO 8601 that every engine reads the same way.
fn instant(value: &str) -> Inference {
    parse_instant(value).unwrap_or(Inference::Text)
}

fn parse_instant(value: &str) -> Option<Inference> {
    let date = value.get(..10)?;
    if !is_date(date) {
        return None;
    }
    let rest = &value[10..];
    if rest.is_empty() {
        return Some(Inference::Date);
    }
    let time = rest.strip_prefix(['T', ' '])?;
    let (time, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => (&time[..at], Some(&time[at..])),
        None => (time, None),
    };
    match (is_time(time), offset) {
        (true, None) => Some(Inference::Timestamp),
        (true, Some(offset)) if offset_of(offset).is_some() => Some(Inference::TimestampTz),
        _ => None,
    }
}

/// The number that `digits` are, if they are exactly `length` digits.
fn fixed(digits: &str, length: usize) -> Option<u32> {
    (digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

fn is_date(date: &str) -> bool {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let read = (|| Some((fixed(year?, 4)?, fixed(month?, 2)?, fixed(day?, 2)?)))();
    let Some((year, month, day)) = read else { return false };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    year > 0 && (1..=last).contains(&day)
}

/// `12:30`, `12:30:59`, `12:30:59.123456`.
fn is_time(time: &str) -> bool {
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next(), parts.next(), parts.next());
    let below =
        |part: Option<&str>, limit: u32| part.and_then(|part| fixed(part, 2)).is_some_and(|number| number < limit);
    let fraction_fits = fraction.is_none_or(|digits| {
        (1..=6).contains(&digits.len()) && second.is_some() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    parts.next().is_none()
        && below(hour, 24)
        && below(minute, 60)
        && (second.is_none() || below(second, 60))
        && fraction_fits
}

/// `Z`, `+09`, `+0900`, `+09:00` as sign, hours and minutes.
fn offset_of(offset: &str) -> Option<(char, u32, u32)> {
    if offset == "Z" {
        return Some(('+', 0, 0));
    }
    let sign = offset.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    let digits = &offset[1..];
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => (digits.get(..2)?, digits.get(2..)?),
        5 => digits.split_once(':')?,
        _ => return None,
    };
    let (hours, minutes) = (fixed(hours, 2)?, fixed(minutes, 2)?);
    (hours < 15 && minutes < 60).then_some((sign, hours, minutes))
}

/// A value of an inferred type in the one spelling that every engine reads.
pub(crate) fn spelled(kind: SeedType, value: String) -> String {
    match kind {
        SeedType::Boolean => value.to_ascii_lowercase(),
        SeedType::Timestamp | SeedType::TimestampTz => spelled_timestamp(&value).unwrap_or(value),
        SeedType::Integer | SeedType::Numeric { .. } | SeedType::Double | SeedType::Date | SeedType::Text => value,
    }
}

fn spelled_timestamp(value: &str) -> Option<String> {
    let (date, time) = (value.get(..10)?, value.get(11..)?);
    let (time, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => (&time[..at], offset_of(&time[at..])),
        None => (time, None),
    };
    let seconds = if time.len() == 5 { ":00" } else { "" };
    Some(match offset {
        Some((sign, hours, minutes)) => format!("{date} {time}{seconds}{sign}{hours:02}:{minutes:02}"),
        None => format!("{date} {time}{seconds}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(values: &[&str]) -> String {
        values.iter().fold(Inference::Nothing, |inference, value| inference.with(value)).kind().to_string()
    }

    #[test]
    fn one_type_for_all_values() {
        for (values, expected) in [
            (&[][..], "TEXT"),
            (&["true", "FALSE", "True"], "BOOLEAN"),
            (&["1", "-2", "0"], "BIGINT"),
            (&["-0"], "BIGINT"),
            (&["9223372036854775807", "-9223372036854775808"], "BIGINT"),
            (&["9223372036854775808"], "NUMERIC(38,0)"),
            (&["1", "2.50"], "NUMERIC(18,2)"),
            (&["0.5", ".25", "-1.125"], "NUMERIC(18,3)"),
            (&["9223372036854775807", "0.5"], "NUMERIC(38,1)"),
            (&["12345678901234567.8"], "NUMERIC(18,1)"),
            (&["123456789012345678.9"], "NUMERIC(38,1)"),
            (&["1e3", "2"], "DOUBLE PRECISION"),
            (&["1E-05", "0.30000000000000004", "0e0"], "DOUBLE PRECISION"),
            (&["2024-02-29"], "DATE"),
            (&["2024-01-31 12:30", "2024-01-31T12:30:59.123456"], "TIMESTAMP"),
            (
                &["2024-01-31T12:30:00Z", "2024-01-31 12:30:00+0900", "2024-01-31 12:30:00-03:30"],
                "TIMESTAMP WITH TIME ZONE",
            ),
        ] {
            assert_eq!(kind(values), expected, "{values:?}");
        }
    }

    #[test]
    fn what_has_several_readings_stays_text() {
        for values in [
            &["007"][..],
            &["1", "007"],
            &["00.5"],
            &["+1"],
            &["1,000"],
            &["1_000"],
            &["1."],
            &["."],
            &["-"],
            &["--1"],
            &["1 "],
            &[" 1"],
            &["0x10"],
            &["1e"],
            &["1e400"],
            &["1e-400"],
            &["1.23456789012345678901e5"],
            &["1e3", "1234567890123456"],
            &["e5"],
            &["1e3", "12345678901234567890"],
            &["nan"],
            &["inf"],
            &["-inf"],
            &["t"],
            &["yes"],
            &["tRUE"],
            &["true", "1"],
            &["1", "x"],
            &["x", "1"],
            &["1", ""],
            &["2024-01-31", "1"],
            &["2024-01-31", "2024-01-31 10:00"],
            &["2024-01-31 10:00", "2024-01-31 10:00Z"],
            &["2024-1-31"],
            &["2024-13-01"],
            &["2023-02-29"],
            &["1900-02-29"],
            &["0000-01-01"],
            &["2024-01-31T"],
            &["2024-01-31T24:00"],
            &["2024-01-31 10:00:60"],
            &["2024-01-31 10:00.5"],
            &["2024-01-31 10:00:00."],
            &["2024-01-31 10:00:00.1234567"],
            &["2024-01-31 10:00:00 UTC"],
            &["2024-01-31 10:00:00+15:00"],
            &["2024-01-31 10:00:00+9"],
            &["2024-01-31x"],
            &["2024-01-3水"],
            &["20240131-1"],
            &["10:30"],
            &["123456789012345678901234567890123456789"],
            &["0.123456789012345678901234567890123456789"],
            &["550e8400-e29b-41d4-a716-446655440000"],
            &["１２"],
        ] {
            assert_eq!(kind(values), "TEXT", "{values:?}");
        }
    }

    #[test]
    fn values_are_spelled_the_same_for_every_engine() {
        let spelled = |kind, value: &str| spelled(kind, value.to_owned());
        assert_eq!(spelled(SeedType::Boolean, "TRUE"), "true");
        assert_eq!(spelled(SeedType::Timestamp, "2024-01-31T12:30"), "2024-01-31 12:30:00");
        assert_eq!(spelled(SeedType::TimestampTz, "2024-01-31T12:30:00.5Z"), "2024-01-31 12:30:00.5+00:00");
        assert_eq!(spelled(SeedType::TimestampTz, "2024-01-31 12:30:00-0330"), "2024-01-31 12:30:00-03:30");
        assert_eq!(spelled(SeedType::Text, "TRUE"), "TRUE");
    }
}
