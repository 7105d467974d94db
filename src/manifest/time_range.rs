//! What a model says that is built interval by interval.

use super::{Form, Node};
use crate::interval::{Grain, Interval, Intervals, Moment};
use serde_json::Value;

/// How a model is built interval by interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRange {
    /// The column that says in which interval a row lies.
    pub column: String,
    /// Where the first interval begins.
    pub start: Moment,
    /// Where the last one ends, if there is a last one.
    pub end: Option<Moment>,
    /// How long an interval is.
    pub grain: Grain,
    /// How many intervals one statement computes at most.
    pub batch: Option<u32>,
    /// How many intervals before those that are new are done again.
    pub lookback: u32,
}

impl TimeRange {
    /// What a model's configuration says; what is wrong with it in words, where it makes no sense.
    ///
    /// # Errors
    /// A message, and what would help.
    pub fn read(value: &Value) -> Result<Self, (String, &'static str)> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let moment = |key: &str| text(key).map(str::parse::<Moment>).transpose().map_err(|message| (message, MOMENT));
        let number = |key: &str, least: u64| match value.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(found) => {
                let number = found.as_u64().or_else(|| found.as_str()?.trim().parse().ok());
                let number = number.filter(|number| (least..=1_000_000).contains(number));
                let number = number.and_then(|number| u32::try_from(number).ok());
                let wrong = || (format!("`{key}` of `time_range` is {found}"), "it takes a whole number of intervals");
                number.map(Some).ok_or_else(wrong)
            }
        };
        let missing = |key: &str, help| (format!("`time_range` has no `{key}`"), help);
        let column = text("column")
            .ok_or_else(|| missing("column", "write `column: ordered_at`: the column of its rows that says when"))?;
        let start = moment("start")?
            .ok_or_else(|| missing("start", "write `start: 2026-01-01`: where the first interval begins"))?;
        let word = text("grain").unwrap_or("day");
        let grain = Grain::of_word(word).ok_or_else(|| {
            (format!("`grain` of `time_range` is `{word}`"), "it takes hour, day, week, month, quarter or year")
        })?;
        Ok(Self {
            column: column.to_owned(),
            start,
            end: moment("end")?,
            grain,
            batch: number("batch", 1)?,
            lookback: number("lookback", 0)?.unwrap_or(0),
        })
    }

    /// The intervals that there are to do at a moment: whole ones that have ended by then.
    #[must_use]
    pub fn until(&self, now: Moment) -> Interval {
        let end = self.end.map_or(now, |end| now.min(end));
        Interval { start: self.grain.floor(self.start), end: self.grain.floor(end) }
    }

    /// All time from its start on.
    #[must_use]
    pub fn whole(&self) -> Interval {
        Interval { start: self.grain.floor(self.start), end: self.end.unwrap_or(Moment::LAST) }
    }

    /// The first interval.
    #[must_use]
    pub fn first(&self) -> Interval {
        let start = self.grain.floor(self.start);
        Interval { start, end: self.grain.after(start, 1) }
    }

    /// The intervals of a set as statements compute them.
    #[must_use]
    pub fn batches(&self, intervals: &Intervals) -> Vec<Interval> {
        intervals.batches(self.grain, self.batch)
    }
}

const MOMENT: &str = "write a date or a time by the clock of the target's time zone: `2026-01-31`, `2026-01-31 12:00`";

impl Node {
    /// How the model is built interval by interval, if it is.
    #[must_use]
    pub fn time_range(&self) -> Option<TimeRange> {
        let given = self.config.get("time_range").filter(|value| !value.is_null());
        let given = given.filter(|_| self.form() == Form::Incremental && !self.is_snapshot());
        given.and_then(|value| TimeRange::read(value).ok())
    }
}
