//! How a test is judged: from the number of failing rows to a verdict.

use super::NodeId;
use crate::{interval::Interval, name::RelationName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a test is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestType {
    /// A template and an item of `tests:`.
    Generic,
    /// A file of SQL.
    Singular,
    /// A model on given rows.
    Unit,
}

impl TestType {
    /// The word for it in selectors and machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Singular => "singular",
            Self::Unit => "unit",
        }
    }
}

/// Whether a failure holds back what was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestSeverity {
    /// It does.
    Error,
    /// It is only told.
    Warn,
}

/// What a test came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Worth knowing.
    Warn,
    /// Not to be published.
    Fail,
}

/// How a test is judged and what is done with its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// What it is made from.
    #[serde(rename = "type")]
    pub kind: TestType,
    /// The name of its template, if it has one.
    pub template: Option<String>,
    /// The column that it is about, if it is about one.
    pub column: Option<String>,
    /// Whether a failure holds back what was tested.
    pub severity: TestSeverity,
    /// Which count is an error.
    pub error_if: Threshold,
    /// Which count is a warning.
    pub warn_if: Threshold,
    /// How many failing rows are counted at most.
    pub limit: Option<u64>,
    /// What is computed from the failing rows.
    pub fail_calc: String,
    /// Where failing rows are kept, if they are.
    pub stored: Option<RelationName>,
    /// Whether all of its SQL stands in a template of suiro's own, but for names and texts in quotes: then the database
    /// need not be asked what it reads.
    #[serde(skip)]
    pub is_plain: bool,
    /// What is given and expected, for a test of a model on given rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitTest>,
}

/// What a model is given and what is to come out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitTest {
    /// The model.
    pub model: NodeId,
    /// What stands in the place of each relation that it reads.
    pub given: BTreeMap<NodeId, UnitRows>,
    /// What is to come out; only the columns that it names are compared.
    pub expect: UnitRows,
    /// What the time is, if the test says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// The window of the run, if the test says what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Interval>,
}

/// Rows of a unit test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitRows {
    /// By column; what a row does not name is NULL.
    Rows(Vec<serde_json::Map<String, serde_json::Value>>),
    /// A query that reads nothing of the project.
    Sql(String),
    /// The rows of one common table expression of a query.
    Part {
        /// The WITH clause that it stands in.
        with: String,
        /// Its name.
        name: String,
    },
}

impl Test {
    /// What a count comes to (dbt's order: an error first, then a warning).
    #[must_use]
    pub fn verdict(&self, count: f64) -> Verdict {
        match self.severity {
            TestSeverity::Error if self.error_if.holds(count) => Verdict::Fail,
            _ if self.warn_if.holds(count) => Verdict::Warn,
            _ => Verdict::Pass,
        }
    }
}

/// A comparison with a number, such as `>10`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Threshold {
    text: String,
    comparison: Comparison,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal(f64),
    Unequal(f64),
    More(f64),
    Less(f64),
    AtLeast(f64),
    AtMost(f64),
    Between(f64, f64),
}

/// From a number to the comparison with it.
type Comparing = fn(f64) -> Comparison;

impl Threshold {
    /// The threshold that a text means: `>10`, `>= 10`, `!=0`, `<> 0`, `= 1`, `between 1 and 5`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let trimmed = text.trim();
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let operators: [(&str, Comparing); 8] = [
            ("!=", Comparison::Unequal),
            ("<>", Comparison::Unequal),
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            ("==", Comparison::Equal),
            ("=", Comparison::Equal),
            (">", Comparison::More),
            ("<", Comparison::Less),
        ];
        let compared = operators.iter().find_map(|(sign, of)| Some((trimmed.strip_prefix(sign)?, of)));
        let comparison = if let Some((rest, of)) = compared {
            of(number(rest)?)
        } else {
            let lower = trimmed.to_ascii_lowercase();
            let (from, to) = lower.strip_prefix("between")?.split_once("and")?;
            Comparison::Between(number(from)?, number(to)?)
        };
        Some(Self { text: trimmed.to_owned(), comparison })
    }

    /// Any failing row.
    #[must_use]
    pub fn any() -> Self {
        Self { text: "!=0".to_owned(), comparison: Comparison::Unequal(0.0) }
    }

    /// Whether a count is of the kind that it describes.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "counts are whole numbers, and what is computed is compared as SQL would")]
    pub fn holds(&self, count: f64) -> bool {
        match self.comparison {
            Comparison::Equal(number) => count == number,
            Comparison::Unequal(number) => count != number,
            Comparison::More(number) => count > number,
            Comparison::Less(number) => count < number,
            Comparison::AtLeast(number) => count >= number,
            Comparison::AtMost(number) => count <= number,
            Comparison::Between(from, to) => (from..=to).contains(&count),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.text
    }
}

impl TryFrom<String> for Threshold {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::read(&text).ok_or_else(|| format!("`{text}` is no comparison"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_as_sql_would() {
        for (text, holding, not) in [
            ("!=0", 1.0, 0.0),
            (" <> 0 ", 2.0, 0.0),
            (">10", 11.0, 10.0),
            (">= 10", 10.0, 9.0),
            ("<5", 4.0, 5.0),
            ("<= 5", 5.0, 6.0),
            ("= 3", 3.0, 2.0),
            ("==3", 3.0, 4.0),
            ("BETWEEN 2 and 4", 4.0, 5.0),
            (">0.5", 0.6, 0.5),
        ] {
            let threshold = Threshold::read(text).unwrap();
            assert!(threshold.holds(holding) && !threshold.holds(not), "{text}");
        }
        for text in ["", "10", ">", "> ten", "=>1", "between 1", "between 1 or 2", "> inf", "!= 0; drop table x"] {
            assert!(Threshold::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_error_is_looked_for_before_a_warning() {
        let test = |severity, error_if: &str, warn_if: &str| Test {
            kind: TestType::Generic,
            template: None,
            column: None,
            severity,
            error_if: Threshold::read(error_if).unwrap(),
            warn_if: Threshold::read(warn_if).unwrap(),
            limit: None,
            fail_calc: "count(*)".to_owned(),
            stored: None,
            is_plain: false,
            unit: None,
        };
        let verdicts = |test: &Test| [0.0, 1.0, 11.0].map(|count| test.verdict(count));
        assert_eq!(verdicts(&test(TestSeverity::Error, "!=0", "!=0")), [Verdict::Pass, Verdict::Fail, Verdict::Fail]);
        assert_eq!(verdicts(&test(TestSeverity::Error, ">10", "!=0")), [Verdict::Pass, Verdict::Warn, Verdict::Fail]);
        assert_eq!(verdicts(&test(TestSeverity::Error, ">10", ">10")), [Verdict::Pass, Verdict::Pass, Verdict::Fail]);
        assert_eq!(verdicts(&test(TestSeverity::Warn, "!=0", "!=0")), [Verdict::Pass, Verdict::Warn, Verdict::Warn]);
    }
}
