//! Making rows interval by interval: one statement for each batch of them, and a look whether each kept to its own.

use super::{Failure, bug, increment::described};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{MISSING_KEY_COLUMN, OUTSIDE_OF_WINDOW, WRONG_VALUE},
    },
    interval::{Grain, Interval, Intervals},
    manifest::{NodeId, Rendering, TimeRange},
    name::RelationName,
    run::{Context, Session, Statement, ledger::Made},
};
use serde_json::json;

/// The intervals that are made of a node.
pub struct Windows {
    range: TimeRange,
    rendering: Rendering,
    /// What each statement computes; never empty.
    batches: Vec<Interval>,
    /// Whether the table is made anew.
    anew: bool,
}

impl Windows {
    /// What this run makes of a node, if that is built interval by interval.
    pub fn of(context: &Context<'_>, id: NodeId, rendering: Rendering) -> Option<Self> {
        let range = context.manifest.node(id).time_range()?;
        let anew = rendering == Rendering::Full;
        let planned = context.recording.plan.step(id).and_then(|step| step.intervals.as_ref());
        // What was to be added to is made anew with all that it has.
        let whole = anew && context.increments.contains(&id);
        let batches = planned.map(|planned| if whole { &planned.whole } else { &planned.batches });
        let mut batches = batches.cloned().unwrap_or_default();
        if batches.is_empty() {
            // A table without rows.
            let start = range.first().start;
            batches.push(Interval { start, end: start });
        }
        Some(Self { range, rendering, batches, anew })
    }

    /// What the first statement computes.
    pub fn first(&self) -> Option<Interval> {
        self.batches.first().copied()
    }

    /// All of it as intervals that neither touch nor overlap.
    pub fn all(&self) -> Vec<Interval> {
        Intervals::of(self.batches.iter().copied()).iter().collect()
    }

    /// What stands staged then.
    pub fn made(&self) -> Made {
        Made { intervals: self.all(), anew: self.anew }
    }

    /// The column that says in which interval a row lies, as these columns call it.
    ///
    /// # Errors
    /// When there is none, or it is no time.
    pub fn column(&self, context: &Context<'_>, id: NodeId, columns: &[(String, String)]) -> Result<String, Failure> {
        let (node, dialect) = (context.manifest.node(id), context.manifest.dialect);
        let wanted = &self.range.column;
        let ours = |problem: Diagnostic| Failure::Ours(Box::new(problem.of_node(node.name.clone())));
        let Some((name, data_type)) = columns.iter().find(|(name, _)| dialect.key(name) == dialect.key(wanted)) else {
            let message = format!("the `time_range` of `{}` names `{wanted}`, which is none of its columns", node.name);
            let names = columns.iter().map(|(name, _)| name.as_str());
            let problem = Diagnostic::error(MISSING_KEY_COLUMN, message).suggest(wanted, names.clone());
            return Err(ours(problem.note(format!("its columns are: {}", names.collect::<Vec<_>>().join(", ")))));
        };
        let word = data_type.to_ascii_lowercase();
        if !word.starts_with("timestamp") && !word.starts_with("date") {
            let message = format!("the `time_range` of `{}` names `{name}`, which is a {data_type}", node.name);
            let help = "it has to be a date or a timestamp: cast it in the SQL";
            return Err(ours(Diagnostic::error(WRONG_VALUE, message).help(help)));
        }
        if word == "date" && self.range.grain == Grain::Hour {
            let message = format!("the `time_range` of `{}` names `{name}`, a date, which has no hours", node.name);
            return Err(ours(Diagnostic::error(WRONG_VALUE, message).help("`grain: day`, or a timestamp")));
        }
        Ok(name.clone())
    }

    /// Makes the rows of all batches but the first, which stand there already; then looks whether every batch kept to its
    /// own. The number of all rows.
    ///
    /// # Errors
    /// `OUTSIDE_OF_WINDOW` when some did not.
    pub fn fill(
        &self,
        context: &Context<'_>,
        session: &mut Session<'_>,
        id: NodeId,
        (into, first): (&RelationName, Option<u64>),
    ) -> Result<Option<u64>, Failure> {
        let node = context.manifest.node(id);
        let mut counts = vec![first];
        for window in self.batches.iter().skip(1) {
            let Some(sql) = context.staged_sql_in(id, self.rendering, Some(*window)) else {
                return Err(bug(node, "it has no SQL"));
            };
            let values = json!({"relation": context.qualified(into), "sql": sql.text});
            let mut rows = None;
            for statement in context.step("more", &values).map_err(|error| Failure::theirs(error, "more"))? {
                rows = super::execute(session, id, &statement)?;
            }
            counts.push(rows);
        }
        self.check(context, session, id, into, &counts)?;
        Ok(counts.into_iter().flatten().reduce(u64::saturating_add))
    }

    fn check(
        &self,
        context: &Context<'_>,
        session: &mut Session<'_>,
        id: NodeId,
        relation: &RelationName,
        counts: &[Option<u64>],
    ) -> Result<(), Failure> {
        let columns = described(context, session, relation).map_err(|error| Failure::theirs(error, "columns"))?;
        let column = self.column(context, id, &columns)?;
        let values = json!({
            "relation": context.qualified(relation),
            "column": column,
            "batches": self.batches,
            "dialect": context.manifest.dialect.name(),
        });
        let mut found = vec![0_u64; self.batches.len()];
        let mut outside = 0_u64;
        let mut samples = Vec::new();
        for statement in context.step("within", &values).map_err(|error| Failure::theirs(error, "within"))? {
            let rows = session.values(Some(id), &statement).map_err(|error| theirs(error, &statement))?;
            if statement.purpose == "outside" {
                samples = rows;
                continue;
            }
            for row in rows {
                let number = |column: usize| row.get(column).and_then(|text| text.as_deref()?.parse::<u64>().ok());
                // Odd numbers are batches, even ones lie before, between and behind them.
                let batch =
                    number(0).filter(|bucket| bucket % 2 == 1).and_then(|bucket| usize::try_from(bucket / 2).ok());
                match batch.and_then(|batch| found.get_mut(batch)) {
                    Some(count) => *count += number(1).unwrap_or(0),
                    None => outside += number(1).unwrap_or(0),
                }
            }
            if outside == 0 {
                break;
            }
        }
        let astray = found.iter().zip(counts).position(|(found, count)| count.is_some_and(|count| count != *found));
        if outside == 0 && astray.is_none() {
            return Ok(());
        }
        let node = context.manifest.node(id);
        let rows = if outside == 1 { "1 row".to_owned() } else { format!("{outside} rows") };
        let message = if outside > 0 {
            format!("`{}` made {rows} that lie outside of the interval they were made for", node.name)
        } else {
            format!("`{}` made rows for one interval that lie in another one", node.name)
        };
        let mut problem = Diagnostic::error(OUTSIDE_OF_WINDOW, message);
        let made: Vec<String> = self.all().iter().map(ToString::to_string).collect();
        problem = problem.note(format!("it was to make {}", made.join(", ")));
        for row in samples {
            let value = row.into_iter().next().flatten().unwrap_or_else(|| "NULL".to_owned());
            problem = problem.note(format!("`{column}` is {value}"));
        }
        if let Some(batch) = astray.filter(|_| outside == 0).and_then(|batch| self.batches.get(batch)) {
            problem = problem.note(format!("among them {batch}"));
        }
        let help = format!(
            "filter by the column that comes out: `where {{{{ in_window('{}') }}}}`; the end of a window is not in it",
            self.range.column
        );
        Err(Failure::Ours(Box::new(problem.note("nothing was changed").help(help).of_node(node.name.clone()))))
    }
}

fn theirs(error: crate::engine::EngineError, statement: &Statement) -> Failure {
    Failure::Theirs(Box::new(error), statement.clone())
}
