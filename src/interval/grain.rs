//! How long a piece of time is.

use super::{Interval, Moment, moment::Civil};
use serde::{Deserialize, Serialize};

/// How long a piece is. Weeks begin on Mondays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// From one full hour of the clock to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// Seven days, from Monday.
    Week,
    /// A month of the calendar.
    Month,
    /// Three months, from January, April, July or October.
    Quarter,
    /// A year of the calendar.
    Year,
}

impl Grain {
    /// All of them, the shortest first.
    pub const ALL: [Self; 6] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The grain that a word names.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grain| grain.word() == word)
    }

    /// Seconds, or months of the calendar.
    const fn length(self) -> Length {
        match self {
            Self::Hour => Length::Seconds(3600),
            Self::Day => Length::Seconds(86_400),
            Self::Week => Length::Seconds(7 * 86_400),
            Self::Month => Length::Months(1),
            Self::Quarter => Length::Months(3),
            Self::Year => Length::Months(12),
        }
    }

    /// The beginning of the piece that a moment lies in.
    #[must_use]
    pub const fn floor(self, moment: Moment) -> Moment {
        match self.length() {
            Length::Seconds(length) => {
                // 1970-01-05 was a Monday.
                let origin = if matches!(self, Self::Week) { 4 * 86_400 } else { 0 };
                let seconds = moment.seconds() - origin;
                Moment::of_seconds(seconds - seconds.rem_euclid(length) + origin)
            }
            Length::Months(months) => {
                let Civil { year, month, .. } = moment.civil();
                let month = month - (month - 1).rem_euclid(months);
                Moment::of_civil(Civil { year, month, day: 1, second: 0 })
            }
        }
    }

    /// The first beginning of a piece that is not before a moment.
    #[must_use]
    pub fn ceil(self, moment: Moment) -> Moment {
        let floor = self.floor(moment);
        if floor == moment { moment } else { self.after(floor, 1) }
    }

    /// The beginning of the piece that comes that many pieces after the one that begins at `start`; before it, where the
    /// number is negative.
    #[must_use]
    pub fn after(self, start: Moment, pieces: i64) -> Moment {
        match self.length() {
            Length::Seconds(length) => {
                Moment::of_seconds(start.seconds().saturating_add(pieces.saturating_mul(length)))
            }
            Length::Months(months) => {
                let civil = start.civil();
                let month = civil.month.saturating_add(pieces.clamp(-120_000, 120_000) * months);
                Moment::of_civil(Civil { month, ..civil })
            }
        }
    }

    /// The whole pieces that a range touches.
    #[must_use]
    pub fn around(self, range: Interval) -> Interval {
        Interval { start: self.floor(range.start), end: self.ceil(range.end) }
    }

    /// The whole pieces that lie in a range; empty if there are none.
    #[must_use]
    pub fn within(self, range: Interval) -> Interval {
        Interval { start: self.ceil(range.start), end: self.floor(range.end) }
    }

    /// How many pieces there are in a range that begins and ends with one.
    #[must_use]
    pub fn count(self, range: Interval) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let pieces = match self.length() {
            Length::Seconds(length) => (range.end.seconds() - range.start.seconds()) / length,
            Length::Months(months) => {
                let (start, end) = (range.start.civil(), range.end.civil());
                ((end.year - start.year) * 12 + end.month - start.month) / months
            }
        };
        u64::try_from(pieces).unwrap_or(0)
    }
}

enum Length {
    Seconds(i64),
    Months(i64),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        text.parse().unwrap()
    }

    #[test]
    fn pieces_begin_where_the_calendar_says() {
        for (grain, moment, floor, next) in [
            (Grain::Hour, "2026-03-01 13:45", "2026-03-01 13:00", "2026-03-01 14:00"),
            (Grain::Day, "2024-02-29 23:59:59", "2024-02-29", "2024-03-01"),
            (Grain::Week, "2026-11-28 12:00", "2026-11-23", "2026-11-30"),
            (Grain::Week, "1969-12-31", "1969-12-29", "1970-01-05"),
            (Grain::Month, "2026-12-31", "2026-12-01", "2027-01-01"),
            (Grain::Quarter, "2026-06-30", "2026-04-01", "2026-07-01"),
            (Grain::Quarter, "2026-12-01", "2026-10-01", "2027-01-01"),
            (Grain::Year, "2026-07-01", "2026-01-01", "2027-01-01"),
        ] {
            assert_eq!(grain.floor(at(moment)), at(floor), "{grain:?} {moment}");
            assert_eq!(grain.ceil(at(moment)), at(next), "{grain:?} {moment}");
            assert_eq!(grain.ceil(at(floor)), at(floor), "{grain:?} {moment}");
            assert_eq!(grain.after(at(next), -1), at(floor), "{grain:?} {moment}");
        }
    }

    #[test]
    fn pieces_are_counted() {
        let range = |start: &str, end: &str| Interval { start: at(start), end: at(end) };
        assert_eq!(Grain::Hour.count(range("2026-01-01", "2026-01-02")), 24);
        assert_eq!(Grain::Month.count(range("2025-11-01", "2027-02-01")), 15);
        assert_eq!(Grain::Quarter.count(range("2026-01-01", "2027-01-01")), 4);
        assert_eq!(Grain::Day.count(range("2026-01-02", "2026-01-01")), 0);
        for grain in Grain::ALL {
            let start = grain.floor(at("2023-06-14"));
            for pieces in [0, 1, 2, 7, 100, 1000] {
                let end = grain.after(start, pieces);
                assert_eq!(grain.count(Interval { start, end }), u64::try_from(pieces).unwrap(), "{grain:?}");
                assert_eq!(grain.after(end, -pieces), start, "{grain:?}");
            }
        }
    }
}
