//! The cases of another tool that suiro answers differently, each with its reason, in `sqllineage-misses.txt`.

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
