//! What became of the last runs, as far as the files below `target/` tell.
//!
//! In: `run_results.json` and the logs of runs, as texts. Out: the last run, and for each node its last runs. Never: a
//! complaint; what cannot be read is not told.

use crate::manifest::{Manifest, Node};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What became of a node in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Outcome {
    run: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    culprit: Option<String>,
}

/// The last run as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RunContent {
    run: String,
    target: String,
    exit: u64,
    seconds: f64,
    counts: BTreeMap<String, usize>,
    problems: Vec<Problem>,
}

/// What went wrong in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Problem {
    code: String,
    severity: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
}

/// A node by kind and name.
type Key = (String, String);

/// The last runs.
#[derive(Debug, Clone, Default)]
pub struct Past {
    last: Option<RunContent>,
    outcomes: BTreeMap<Key, Vec<Outcome>>,
}

impl Past {
    /// What `run_results.json` says, if it is of this project, and the logs of earlier runs say, each with the run's name,
    /// the newest first.
    #[must_use]
    pub fn read(manifest: &Manifest, results: Option<&str>, logs: &[(String, String)]) -> Self {
        let mut past = Self::default();
        let results: Option<Value> = results.and_then(|text| serde_json::from_str(text).ok());
        let of_this = |results: &Value| results.get("project").and_then(Value::as_str) == Some(&manifest.project);
        if let Some(results) = results.filter(of_this) {
            past.take_results(&results);
        }
        let last = past.last.as_ref().map(|last| last.run.clone());
        for (run, text) in logs.iter().filter(|(run, _)| Some(run) != last.as_ref()) {
            past.take_log(manifest, run, text);
        }
        past
    }

    /// The last run.
    pub(super) fn run(&self) -> Option<RunContent> {
        self.last.clone()
    }

    /// What became of a node, the newest first.
    pub(super) fn of(&self, node: &Node) -> Vec<Outcome> {
        self.outcomes.get(&(node.kind.word().to_owned(), node.name.clone())).cloned().unwrap_or_default()
    }

    fn take_results(&mut self, results: &Value) {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let all = |key: &str| results.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let Some(run) = text(results, "run") else { return };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for result in all("results") {
            let (Some(name), Some(kind), Some(status)) =
                (text(result, "name"), text(result, "kind"), text(result, "status"))
            else {
                continue;
            };
            *counts.entry(status.clone()).or_default() += 1;
            let outcome = Outcome {
                run: run.clone(),
                status,
                rows: result.get("rows").and_then(Value::as_u64),
                seconds: result.get("seconds").and_then(Value::as_f64),
                attempts: result.get("attempts").and_then(Value::as_u64),
                culprit: text(result, "culprit"),
            };
            self.outcomes.entry((kind, name)).or_default().push(outcome);
        }
        let problem = |found: &Value| {
            let node = text(found, "node");
            Some(Problem {
                code: text(found, "code")?,
                severity: text(found, "severity")?,
                message: text(found, "message")?,
                node,
            })
        };
        self.last = Some(RunContent {
            target: text(results, "target").unwrap_or_default(),
            exit: results.get("exit").and_then(Value::as_u64).unwrap_or_default(),
            seconds: results.get("seconds").and_then(Value::as_f64).unwrap_or_default(),
            counts,
            problems: all("diagnostics").iter().filter_map(problem).collect(),
            run,
        });
    }

    fn take_log(&mut self, manifest: &Manifest, run: &str, text: &str) {
        let kinds: BTreeMap<&str, &str> =
            manifest.nodes.iter().map(|node| (node.name.as_str(), node.kind.word())).collect();
        // Statements are most of a log, and are not looked at.
        let ends = text.lines().filter(|line| line.contains("\"finished\"") || line.contains("\"tested\""));
        for line in ends.filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let word = |key: &str| line.get(key).and_then(Value::as_str);
            let failed = word("code").is_some();
            let (status, rows) = match word("event") {
                Some("finished") => (if failed { "failed" } else { "built" }, line.get("rows")),
                Some("tested") => {
                    let verdict = word("verdict").unwrap_or("failed");
                    (verdict, line.get("failures"))
                }
                _ => continue,
            };
            let Some((name, kind)) = word("node").and_then(|name| Some((name, kinds.get(name)?))) else { continue };
            self.outcomes.entry(((*kind).to_owned(), name.to_owned())).or_default().push(Outcome {
                run: run.to_owned(),
                status: status.to_ascii_lowercase(),
                rows: rows.and_then(Value::as_u64),
                seconds: line.get("seconds").and_then(Value::as_f64),
                attempts: None,
                culprit: None,
            });
        }
    }
}
