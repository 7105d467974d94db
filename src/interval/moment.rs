//! A second of the calendar and the clock on the wall.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The last moment that there is: its text is as long as that of all others.
const LAST: i64 = 253_402_300_799;
/// The first one: 0001-01-01 00:00:00.
const FIRST: i64 = -62_135_596_800;

/// A second of the calendar and the clock on the wall, from year 1 to year 9999, in no particular time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Moment(i64);

/// A calendar day and the second in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// From 1.
    pub day: i64,
    pub second: i64,
}

impl Moment {
    /// The last moment that there is.
    pub const LAST: Self = Self(LAST);

    /// That many seconds after 1970-01-01 00:00:00; what lies outside of the calendar becomes its end.
    #[must_use]
    pub const fn of_seconds(seconds: i64) -> Self {
        if seconds < FIRST {
            return Self(FIRST);
        }
        if seconds > LAST { Self(LAST) } else { Self(seconds) }
    }

    /// Seconds after 1970-01-01 00:00:00.
    pub(super) const fn seconds(self) -> i64 {
        self.0
    }

    /// Its day and second.
    pub(super) const fn civil(self) -> Civil {
        let (days, second) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Civil { year, month, day: day_of_year - (153 * from_march + 2) / 5 + 1, second }
    }

    /// The moment of a day and second; months may be counted on beyond December.
    pub(super) const fn of_civil(civil: Civil) -> Self {
        let year = civil.year + (civil.month - 1).div_euclid(12);
        let month = (civil.month - 1).rem_euclid(12) + 1;
        // `days_from_civil` of the same source.
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let from_march = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * from_march + 2) / 5 + civil.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self::of_seconds((era * 146_097 + day_of_era - 719_468) * DAY + civil.second)
    }

    /// Its text without what goes without saying: `2026-01-31`, `2026-01-31 12:00`.
    #[must_use]
    pub fn short(self) -> String {
        let text = self.to_string();
        let text = text.strip_suffix(" 00:00:00").unwrap_or(&text);
        if text.len() > 10 { text.strip_suffix(":00").unwrap_or(text).to_owned() } else { text.to_owned() }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, second } = self.civil();
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(formatter, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Moment {
    type Err = String;

    /// Reads `2026-01-31`, `2026-01-31 12:00`, `2026-01-31T12:00:30`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text.trim()).ok_or_else(|| format!("`{text}` is no moment such as 2026-01-31 or 2026-01-31 12:00"))
    }
}

fn read(text: &str) -> Option<Moment> {
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let number = |text: &str, digits: usize| -> Option<i64> {
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if parts.next().is_some() || year == 0 {
        return None;
    }
    let mut second = 0;
    if let Some(time) = time {
        let mut parts = time.split(':');
        let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
        let seconds = parts.next().map_or(Some(0), |text| number(text, 2))?;
        if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        second = hours * 3600 + minutes * 60 + seconds;
    }
    let civil = Civil { year, month, day, second };
    let moment = Moment::of_civil(civil);
    // A day that no month has becomes another one.
    (moment.civil() == civil).then_some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        for (text, full, short) in [
            ("2026-01-31", "2026-01-31 00:00:00", "2026-01-31"),
            ("2026-01-31 12:00", "2026-01-31 12:00:00", "2026-01-31 12:00"),
            ("2026-01-31T12:00:30", "2026-01-31 12:00:30", "2026-01-31 12:00:30"),
            ("2024-02-29 00:00:01", "2024-02-29 00:00:01", "2024-02-29 00:00:01"),
            ("1969-12-31 23:59:59", "1969-12-31 23:59:59", "1969-12-31 23:59:59"),
            ("0001-01-01", "0001-01-01 00:00:00", "0001-01-01"),
            ("9999-12-31 23:59:59", "9999-12-31 23:59:59", "9999-12-31 23:59:59"),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!((moment.to_string().as_str(), moment.short().as_str()), (full, short), "{text}");
            assert_eq!(moment.to_string().parse::<Moment>().unwrap(), moment);
        }
        for text in [
            "",
            "2026",
            "2026-1-31",
            "2026-02-29",
            "2026-04-31",
            "2026-13-01",
            "2026-00-10",
            "2026-01-31 24:00",
            "26-01-31",
            "2026-01-31 12",
            "2026-01-31 12:00Z",
            "2026-01-31 12:00+09:00",
            "0000-01-01",
            "2026-01-31-01",
            "today",
            "12026-01-01",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_day_of_a_long_time_is_the_one_that_follows() {
        let mut at: Moment = "1895-12-31".parse().unwrap();
        for _ in 0..80_000 {
            let next = Moment::of_seconds(at.seconds() + DAY);
            let (before, after) = (at.civil(), next.civil());
            assert!(
                after.day == before.day + 1
                    || (after.day == 1 && after.month == before.month + 1)
                    || (after.day == 1 && after.month == 1 && after.year == before.year + 1),
                "{at} {next}"
            );
            assert_eq!(Moment::of_civil(after), next);
            at = next;
        }
    }
}
