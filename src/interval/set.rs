//! Half-open ranges of moments, and sets of them.

use super::{Grain, Moment};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The moments from `start` on and before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Interval {
    /// The first moment.
    pub start: Moment,
    /// The first moment behind it.
    pub end: Moment,
}

impl Interval {
    /// Whether no moment is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }
}

impl fmt::Display for Interval {
    /// `2026-01-01 to 2026-02-01`, where the end is not in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} to {}", self.start.short(), self.end.short())
    }
}

/// A set of moments, as ranges in order that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    /// The moments of all of these ranges.
    #[must_use]
    pub fn of(ranges: impl IntoIterator<Item = Interval>) -> Self {
        let mut all: Vec<Interval> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        all.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(all.len());
        for range in all {
            match merged.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = Interval> {
        self.0.iter().copied()
    }

    /// Whether there is no moment in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The moments of both.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self::of(self.iter().chain(other.iter()))
    }

    /// What is in a range and not in this set.
    #[must_use]
    pub fn missing(&self, within: Interval) -> Self {
        let mut missing = Vec::new();
        let mut at = within.start;
        for range in self.iter().map(|range| range.and(within)).filter(|range| !range.is_empty()) {
            missing.push(Interval { start: at, end: range.start });
            at = range.end;
        }
        missing.push(Interval { start: at, end: within.end });
        Self::of(missing)
    }

    /// The last moment of the set's last range.
    #[must_use]
    pub fn end(&self) -> Option<Moment> {
        self.0.last().map(|range| range.end)
    }

    /// How many pieces there are in it, if its ranges begin and end with pieces.
    #[must_use]
    pub fn count(&self, grain: Grain) -> u64 {
        self.iter().map(|range| grain.count(range)).sum()
    }

    /// Its ranges in parts of at most that many pieces.
    #[must_use]
    pub fn batches(&self, grain: Grain, pieces: Option<u32>) -> Vec<Interval> {
        let Some(pieces) = pieces.filter(|pieces| *pieces > 0) else { return self.0.clone() };
        let mut batches = Vec::new();
        for range in self.iter() {
            let mut start = range.start;
            while start < range.end {
                let end = grain.after(start, i64::from(pieces)).min(range.end);
                batches.push(Interval { start, end });
                if end <= start {
                    break;
                }
                start = end;
            }
        }
        batches
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        for (index, range) in self.iter().take(SHOWN).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(formatter, "{comma}{range}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Moment {
        Moment::of_seconds(number * 86_400)
    }

    fn set(ranges: &[(i64, i64)]) -> Intervals {
        Intervals::of(ranges.iter().map(|(start, end)| Interval { start: day(*start), end: day(*end) }))
    }

    /// Against sets of single days, over many small cases.
    #[test]
    fn sets_of_ranges_are_sets_of_days() {
        let mut seed = 7_u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from((seed >> 33) % below).unwrap()
        };
        let days = |ranges: &Intervals| {
            (0..24)
                .filter(|number| ranges.iter().any(|range| range.start <= day(*number) && day(*number) < range.end))
                .collect::<Vec<_>>()
        };
        for _ in 0..2000 {
            let pairs: Vec<(i64, i64)> = (0..random(6)).map(|_| (random(24), random(24))).collect();
            let done = set(&pairs);
            let within = Interval { start: day(random(24)), end: day(random(24)) };
            let expected: Vec<i64> = (0..24)
                .filter(|number| within.start <= day(*number) && day(*number) < within.end)
                .filter(|number| !pairs.iter().any(|(start, end)| start <= number && number < end))
                .collect();
            let missing = done.missing(within);
            assert_eq!(days(&missing), expected, "{pairs:?} {within:?}");
            assert_eq!(missing.count(Grain::Day), expected.len() as u64);
            let batches = missing.batches(Grain::Day, Some(2));
            assert_eq!(days(&Intervals::of(batches.iter().copied())), expected);
            assert!(batches.iter().all(|batch| (1..=2).contains(&Grain::Day.count(*batch))));
            assert_eq!(Intervals::of(batches), missing);
            let mut all = days(&missing);
            all.extend(days(&done));
            all.sort_unstable();
            all.dedup();
            assert_eq!(days(&missing.or(&done)), all);
        }
    }

    #[test]
    fn ranges_are_told_half_open() {
        assert_eq!(set(&[(0, 1), (1, 3), (5, 6)]).to_string(), "1970-01-01 to 1970-01-04, 1970-01-06 to 1970-01-07");
        assert_eq!(set(&[(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)]).to_string().matches(" to ").count(), 4);
    }
}
