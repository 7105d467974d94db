//! Where relations stand while they are built.
//!
//! PostgreSQL: under their own name in schemas of the run's own, so that names of indexes are final and moving them in
//! is one `SET SCHEMA`. DuckDB, which cannot move a table between schemas: in the model's own schema, under a name
//! that no model may have.
//!
//! Where the role may make no schemas, PostgreSQL is lent some that exist already: see [`staging_in`].

use crate::{
    dialect::Dialect,
    manifest::{Form, Manifest, NodeId},
    name::RelationName,
};
use std::collections::{BTreeMap, BTreeSet};

/// The name of a run: sortable by time, unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// A run started at `seconds` since 1970 (UTC), told from others of that second by `salt`.
    #[must_use]
    pub fn new(seconds: u64, salt: &[u8]) -> Self {
        let (year, month, day, [hour, minute, second]) = civil(seconds);
        let tail = &blake3::hash(salt).to_hex()[..6];
        Self(format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}-{tail}"))
    }

    /// Its text: `20261123T112530-4f2a91`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// That second since 1970 as a moment in UTC: `2026-11-23T11:25:30Z`.
#[must_use]
pub fn moment(seconds: u64) -> String {
    let (year, month, day, [hour, minute, second]) = civil(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month, day, and hour, minute and second of a second since 1970, in UTC.
const fn civil(seconds: u64) -> (u64, u64, u64, [u64; 3]) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    (year, month, day, [rest / 3600, rest / 60 % 60, rest % 60])
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`).
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// The names that a run gives to what it builds before it publishes, and to what it replaces.
#[derive(Debug, Clone, Default)]
pub struct Staging {
    /// The staged relation of each node that is to be built.
    pub relations: BTreeMap<NodeId, RelationName>,
    /// Where the new rows of each node stand that may be added to.
    pub batches: BTreeMap<NodeId, RelationName>,
    /// Schemas that must exist before anything is staged.
    pub schemas: BTreeSet<String>,
    /// For each live schema, the schema that replaced versions move to; empty where they are dropped in place.
    pub retired: BTreeMap<String, String>,
    /// Whether these schemas were there before and stay.
    pub lent: bool,
    run: String,
}

impl Staging {
    /// Where the live version of a relation moves to when it is replaced. In a schema that was lent the new one has its
    /// name there until then, so it gets another one.
    #[must_use]
    pub fn retired(&self, live: &RelationName) -> Option<RelationName> {
        let schema = self.retired.get(&*live.schema)?;
        if !self.lent {
            return Some(RelationName::new(schema.as_str(), live.name.clone()));
        }
        let hash = short_hash(&[&self.run, &live.schema, &live.name, "old"]);
        Some(RelationName::new(schema.as_str(), format!("__suiro_{hash}")))
    }

    fn add(&mut self, manifest: &Manifest, id: NodeId, relation: &RelationName, staged: RelationName) {
        if manifest.node(id).form() == Form::Incremental {
            let hash = short_hash(&[&self.run, &relation.schema, &relation.name, "batch"]);
            self.batches.insert(id, RelationName::new(staged.schema.clone(), format!("__suiro_{hash}")));
        }
        self.schemas.insert(staged.schema.to_string());
        self.relations.insert(id, staged);
    }
}

/// How many schemas these nodes need to be staged in together, under their own names: as many as the most that share a
/// name of a relation or an index.
#[must_use]
pub fn schemas_needed(manifest: &Manifest, built: &BTreeSet<NodeId>) -> usize {
    places(manifest, built).values().max().map_or(0, |last| last + 1)
}

/// For each of these nodes, the first place where nothing else has one of its names.
fn places(manifest: &Manifest, built: &BTreeSet<NodeId>) -> BTreeMap<NodeId, usize> {
    let mut taken: Vec<BTreeSet<&str>> = Vec::new();
    let mut places = BTreeMap::new();
    for id in built {
        let node = manifest.node(*id);
        let Some(relation) = &node.relation else { continue };
        let properties = &node.properties;
        let parts = properties.storage.partition_by.iter().flat_map(|found| &found.parts);
        let names: BTreeSet<&str> = std::iter::once(&*relation.name)
            .chain(parts.map(|part| part.name.as_str()))
            .chain(properties.indexes.iter().map(|index| index.name.as_str()))
            .chain(properties.constraints.iter().filter(|one| one.has_index()).map(|one| one.name.as_str()))
            .collect();
        let free = taken.iter().position(|taken| taken.is_disjoint(&names)).unwrap_or(taken.len());
        taken.resize_with(taken.len().max(free + 1), BTreeSet::new);
        if let Some(taken) = taken.get_mut(free) {
            taken.extend(names);
        }
        places.insert(*id, free);
    }
    places
}

/// The staging names of one run for these nodes, in schemas that are there already and that no other run uses; there
/// are as many as [`schemas_needed`].
#[must_use]
pub fn staging_in(manifest: &Manifest, built: &BTreeSet<NodeId>, run: &RunId, schemas: &[String]) -> Staging {
    let mut staging = Staging { lent: true, run: run.as_str().to_owned(), ..Staging::default() };
    for (id, place) in places(manifest, built) {
        let (Some(relation), Some(schema)) = (&manifest.node(id).relation, schemas.get(place)) else { continue };
        staging.retired.entry(relation.schema.to_string()).or_insert_with(|| schema.clone());
        staging.add(manifest, id, relation, RelationName::new(schema.as_str(), relation.name.clone()));
    }
    staging
}

/// The staging names of one run for these nodes.
#[must_use]
pub fn staging(manifest: &Manifest, built: &BTreeSet<NodeId>, run: &RunId) -> Staging {
    let mut staging = Staging { run: run.as_str().to_owned(), ..Staging::default() };
    let relations = built.iter().filter_map(|id| Some((*id, manifest.node(*id).relation.as_ref()?)));
    for (id, relation) in relations {
        let staged = match manifest.dialect {
            Dialect::Postgres => {
                let hash = short_hash(&[run.as_str(), &relation.schema]);
                staging.retired.insert(relation.schema.to_string(), format!("__suiro_{hash}_old"));
                RelationName::new(format!("__suiro_{hash}"), relation.name.clone())
            }
            Dialect::DuckDb => {
                let hash = short_hash(&[run.as_str(), &relation.schema, &relation.name]);
                RelationName::new(relation.schema.clone(), format!("__suiro_{hash}"))
            }
        };
        staging.add(manifest, id, relation, staged);
    }
    staging
}

/// The schema for versions of a relation that a run replaces and that are kept.
#[must_use]
pub fn kept_schema(run: &str, relation: &RelationName) -> String {
    ["suiro_kept_", &short_hash(&[run, &relation.schema])].concat()
}

fn short_hash(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_time() {
        let run = RunId::new(1_795_433_130, b"x");
        assert!(run.as_str().starts_with("20261123T112530-"), "{}", run.as_str());
        assert_ne!(run, RunId::new(1_795_433_130, b"y"));
        assert!(RunId::new(951_782_400, b"").as_str().starts_with("20000229T000000"));
    }
}
