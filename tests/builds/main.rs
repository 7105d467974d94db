//! `suiro build` as people run it, on both engines: what is there afterwards, and what is not touched.
//!
//! The same scenarios run on DuckDB and on PostgreSQL; what only one of them has stands in a file of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails here")]

#[path = "../support/mod.rs"]
mod support;

mod adopt;
mod both;
mod carried;
mod data_tests;
mod diff;
mod unit_tests;
mod duckdb_carried;
mod duckdb_targets;
mod guide_project;
mod instances;
mod completed;
mod concurrent;
mod crashes;
mod environments;
mod ephemeral;
mod files;
mod imported;
mod in_place;
mod incremental;
mod first_steps;
mod freshness;
mod full;
mod interrupted;
mod intervals;
mod keys;
mod lent;
mod locks;
mod lost_answers;
mod moments;
mod moved;
mod macros;
mod postgres;
mod predicates;
mod project;
mod properties;
mod protected;
mod readers;
mod refusals;
mod resumed;
mod snapshots;
mod rollback;
mod run_keys;
mod run_vars;
mod standing;
mod state;
mod strangers;
mod templates;
mod temporary;
mod terminal;
mod upkeep;
mod verified;

/// Makes a scenario a test on each engine.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$about:meta])* fn $name:ident($project:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every scenario needs everything")]
            use super::*;

            fn scenario($project: &$crate::project::Project) $body

            $(#[$about])*
            #[test]
            fn duckdb() {
                scenario(&$crate::project::Project::on_duckdb());
            }

            $(#[$about])*
            #[test]
            fn postgres() {
                scenario(&$crate::project::Project::on_postgres());
            }
        }
    )*};
}
