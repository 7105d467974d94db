//! The cases of a materialization: its model is built once, again, changed, forced and interrupted, and read.

use super::{Diagnostic, Rows, SUBJECT, Trial, Way};
use serde_json::json;

/// The rows of the first builds, and of those after a change.
const FIRST: &str = "select 1 as id, 'a' as v union all select 2, 'b'";
const SECOND: &str = "select 2 as id, 'c' as v union all select 3, 'd'";

const READER: &str = "reader";
const READS: &str = "/*--- {materialized: table} ---*/ select count(*) as n from subject";

/// The cases one after the other; what they found.
pub fn cases(trial: &Trial<'_>, config: &[String]) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let mut found = trial.findings();
    let first: Rows = ["1|a", "2|b"].map(str::to_owned).to_vec();
    let replaced: Rows = ["2|c", "3|d"].map(str::to_owned).to_vec();
    let merged: Rows = ["1|a", "2|c", "3|d"].map(str::to_owned).to_vec();
    let shown = |rows: &Rows| rows.join(", ");
    let counted = |rows: &Rows, count: &str| {
        let why = format!("a reader of the same run counted {count} rows of {}", rows.len());
        (count == rows.len().to_string(), why)
    };
    trial.model("reader.sql", READS)?;

    subject(trial, config, FIRST)?;
    build(trial, Way::default())?;
    let (rows, count) = published(trial)?;
    found.check("once", rows == first, &format!("the rows are {} and should be {}", shown(&rows), shown(&first)));
    let (holds, why) = counted(&rows, &count);
    found.check("read", holds, &why);

    build(trial, Way::default())?;
    let (again, count) = published(trial)?;
    found.check("again", again == rows, &format!("building again made {} of {}", shown(&again), shown(&rows)));
    let (holds, why) = counted(&again, &count);
    found.check("read again", holds, &why);

    subject(trial, config, SECOND)?;
    build(trial, Way { interrupted_at: Some(READER), ..Way::default() })?;
    let (kept, _) = published(trial)?;
    let why = format!("a run that was stopped before its publish made {} of {}", shown(&kept), shown(&again));
    found.check("interrupted", kept == again, &why);

    build(trial, Way::default())?;
    let (changed, count) = published(trial)?;
    let why = format!("the rows are {} and should be {} or {}", shown(&changed), shown(&replaced), shown(&merged));
    found.check("changed", changed == replaced || changed == merged, &why);
    let (holds, why) = counted(&changed, &count);
    found.check("read changed", holds, &why);

    build(trial, Way { full_refresh: true, ..Way::default() })?;
    let (forced, _) = published(trial)?;
    let why = format!("a full refresh made {} and should have made {}", shown(&forced), shown(&replaced));
    found.check("forced", forced == replaced, &why);
    Ok(found.all)
}

/// Writes the model with these rows.
fn subject(trial: &Trial<'_>, config: &[String], sql: &str) -> Result<(), Vec<Diagnostic>> {
    let mut text = format!("/*---\nmaterialized: {}\n", json!(trial.name));
    if config.iter().all(|line| !line.trim_start().starts_with("unique_key")) {
        text.push_str("unique_key: id\n");
    }
    // Other SQL stands for other rows.
    if config.iter().all(|line| !line.trim_start().starts_with("on_definition_change")) {
        text.push_str("on_definition_change: forward\n");
    }
    for line in config {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("---*/\n");
    text.push_str(sql);
    trial.model(&format!("{SUBJECT}.sql"), &text)
}

fn build(trial: &Trial<'_>, way: Way) -> Result<(), Vec<Diagnostic>> {
    trial.carry_out(&trial.compiled(&[])?, way).map(|_| ())
}

/// The published rows, and what the reader counted.
fn published(trial: &Trial<'_>) -> Result<(Rows, String), Vec<Diagnostic>> {
    let mut answers = trial.ask(&[], &["select id, v from subject order by 1, 2", "select n from reader"])?;
    let count = answers.pop().and_then(|mut rows| rows.pop()).unwrap_or_default();
    Ok((answers.pop().unwrap_or_default(), count))
}
