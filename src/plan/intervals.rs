//! Which intervals of a model a run does.
//!
//! In: what the model says, what its ledger knows, and what was asked for. Out: [`Intervals`] in the order of time, with the
//! reasons. Never: an interval that has not ended, or a part of one.

use crate::{
    interval::{Interval, Intervals as Set, Moment},
    manifest::TimeRange,
    state::Ledger,
};

/// What a run does of a model that is built interval by interval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intervals {
    /// What is done, as statements compute it, in order; empty for a table that has nothing to hold yet.
    pub batches: Vec<Interval>,
    /// All of what there is, likewise: for when the table has to be made anew after all.
    pub whole: Vec<Interval>,
    /// The epoch of the table that is added to, as the plan found it; none where there is none.
    pub table_epoch: Option<u64>,
    /// The data version of the table as the plan found it.
    pub version: Option<String>,
}

impl Intervals {
    /// What is done, as one set.
    #[must_use]
    pub fn done(&self) -> Set {
        Set::of(self.batches.iter().copied())
    }
}

/// What there is to do with a table that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// What no run has done.
    pub missing: Set,
    /// The last ones that were done, which late rows may have changed.
    pub again: Set,
}

/// What is due at a moment.
#[must_use]
pub fn due(range: &TimeRange, ledger: &Ledger, now: Moment) -> Due {
    let all = range.until(now);
    if all.is_empty() {
        return Due::default();
    }
    // An interval of which only a part is done, by another grain, is not done.
    let missing = Set::of(ledger.done.missing(all).iter().map(|gap| range.grain.around(gap)));
    Due { again: last(range, ledger, all, i64::from(range.lookback)), missing }
}

/// The last intervals that were done, that many of them at most.
#[must_use]
pub fn last(range: &TimeRange, ledger: &Ledger, all: Interval, number: i64) -> Set {
    let done = Set::of(ledger.done.iter().map(|done| range.grain.within(done.and(all))));
    let Some(end) = done.end() else { return Set::default() };
    let tail = Interval { start: range.grain.after(end, -number), end };
    Set::of(done.iter().map(|done| done.and(tail)))
}

/// The whole intervals that somebody asked for, as far as there are any.
#[must_use]
pub fn asked(range: &TimeRange, (start, end): (Moment, Option<Moment>), now: Moment) -> Set {
    let all = range.until(now);
    let asked = Interval { start, end: end.unwrap_or(all.end) };
    if asked.is_empty() {
        return Set::default();
    }
    Set::of([range.grain.around(asked).and(all)])
}

/// `3 days`, `1 hour`.
#[must_use]
pub fn counted(range: &TimeRange, intervals: &Set) -> String {
    let count = intervals.count(range.grain);
    let word = range.grain.word();
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Moment {
        text.parse().unwrap()
    }

    fn set(ranges: &[(&str, &str)]) -> Set {
        Set::of(ranges.iter().map(|(start, end)| Interval { start: at(start), end: at(end) }))
    }

    fn ledger(ranges: &[(&str, &str)]) -> Ledger {
        Ledger { table_epoch: 1, done: set(ranges) }
    }

    fn range(more: &serde_json::Value) -> TimeRange {
        let mut value = json!({"column": "day", "start": "2026-01-01"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        TimeRange::read(&value).unwrap()
    }

    #[test]
    fn gaps_are_due_and_what_has_not_ended_is_not() {
        let days = range(&json!({}));
        let done = ledger(&[("2026-01-01", "2026-01-03"), ("2026-01-04", "2026-01-05")]);
        let found = due(&days, &done, at("2026-01-07 23:59:59"));
        assert_eq!(found.missing, set(&[("2026-01-03", "2026-01-04"), ("2026-01-05", "2026-01-07")]));
        assert!(found.again.is_empty());
        assert_eq!(due(&days, &done, at("2025-12-31")), Due::default());
        let ended = range(&json!({"end": "2026-01-05"}));
        assert_eq!(due(&ended, &done, at("2026-02-01")).missing, set(&[("2026-01-03", "2026-01-04")]));
    }

    #[test]
    fn the_last_ones_are_done_again() {
        let back = range(&json!({"lookback": 2}));
        let found = due(&back, &ledger(&[("2026-01-01", "2026-01-05")]), at("2026-01-06"));
        assert_eq!(found.again, set(&[("2026-01-03", "2026-01-05")]));
        assert_eq!(found.missing, set(&[("2026-01-05", "2026-01-06")]));
        let gap = due(&back, &ledger(&[("2026-01-01", "2026-01-02"), ("2026-01-04", "2026-01-05")]), at("2026-01-05"));
        assert_eq!(gap.again, set(&[("2026-01-04", "2026-01-05")]));
        let few = due(&back, &ledger(&[("2026-01-01", "2026-01-02")]), at("2026-01-02"));
        assert_eq!(few.again, set(&[("2026-01-01", "2026-01-02")]));
    }

    #[test]
    fn another_grain_counts_what_is_whole() {
        let weeks = range(&json!({"grain": "week", "start": "2026-01-05"}));
        let done = ledger(&[("2026-01-05", "2026-01-20")]);
        assert_eq!(due(&weeks, &done, at("2026-02-02")).missing, set(&[("2026-01-19", "2026-02-02")]));
        let hours = range(&json!({"grain": "hour"}));
        let found = due(&hours, &ledger(&[("2026-01-01", "2026-01-02")]), at("2026-01-02 02:30"));
        assert_eq!(found.missing, set(&[("2026-01-02", "2026-01-02 02:00")]));
    }

    #[test]
    fn what_is_asked_for_is_done_in_whole_intervals() {
        let months = range(&json!({"grain": "month"}));
        let now = at("2026-06-15");
        let ask = |start: &str, end: Option<&str>| asked(&months, (at(start), end.map(at)), now);
        assert_eq!(ask("2026-02-10", Some("2026-02-11")), set(&[("2026-02-01", "2026-03-01")]));
        assert_eq!(ask("2026-05-01", None), set(&[("2026-05-01", "2026-06-01")]));
        assert_eq!(ask("2025-01-01", Some("2026-02-01")), set(&[("2026-01-01", "2026-02-01")]));
        assert!(ask("2026-06-01", None).is_empty() && ask("2026-03-01", Some("2026-03-01")).is_empty());
    }
}
