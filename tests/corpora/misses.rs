//! The cases of another tool that suiro answers differently, each with its reason, in `sqllineage-misses.txt`.

use crate::origins::Answer;
use libtest_mimic::Failed;
use std::collections::{BTreeMap, BTreeSet};

/// The reasons by case: lines of `id: reason`.
fn reasons() -> BTreeMap<&'static str, &'static str> {
    include_str!("sqllineage-misses.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.rsplit_once(": ").expect("id: reason"))
        .collect()
}

/// A case fails unless it is listed, and a listed case must fail.
pub fn judge(id: &str, result: Result<(), String>) -> Result<(), Failed> {
    match (reasons().get(id), result) {
        (None, result) => result.map_err(Failed::from),
        (Some(_), Err(_)) => Ok(()),
        (Some(reason), Ok(())) => Err(format!("is right now, but is listed as a miss: {reason}").into()),
    }
}

/// Every listed miss is a case.
pub fn are_known(cases: &BTreeSet<String>) -> Result<(), Failed> {
    match reasons().keys().find(|id| !cases.contains(**id)) {
        None => Ok(()),
        Some(id) => Err(format!("{id} is listed as a miss, but is no case").into()),
    }
}

/// The reasons why columns are answered differently: lines of `id: unsupported: reason`, `unread` or `other`.
fn reasons_of_columns() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    include_str!("sqllineage-column-misses.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let (rest, reason) = line.rsplit_once(": ").expect("id: kind: reason");
            let (id, kind) = rest.rsplit_once(": ").expect("id: kind: reason");
            (id, (kind, reason))
        })
        .collect()
}

/// A case fails unless it is listed with the very way in which it is answered, and a listed case must not be right.
pub fn judge_columns(id: &str, answer: Answer) -> Result<(), Failed> {
    let (kind, text) = match answer {
        Answer::Right => ("right", String::new()),
        Answer::Unsupported(reason) => ("unsupported", reason),
        Answer::Other(reason) => ("other", reason),
        Answer::Unread(reason) => ("unread", reason),
    };
    let listed = reasons_of_columns().get(id).map_or("right", |(kind, _)| kind);
    if kind == listed { Ok(()) } else { Err(format!("is {kind}, not {listed}: {text}").into()) }
}

/// Every listed miss is a case.
pub fn columns_are_known(cases: &BTreeSet<String>) -> Result<(), Failed> {
    match reasons_of_columns().keys().find(|id| !cases.contains(**id)) {
        None => Ok(()),
        Some(id) => Err(format!("{id} is listed as a miss, but is no case").into()),
    }
}
