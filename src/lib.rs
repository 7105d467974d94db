//! suiro compiles a folder of SQL into an ordered graph of idempotent steps and carries them out in a warehouse.
//!
//! Data flows one way; each phase is a function from immutable values to the next value and collects all its
//! diagnostics:
//!
//! ```text
//! files ─load▶ Project ─render,parse▶ Parsed ─analyze▶ Manifest ─order▶ Graph ─select▶ Selection
//!                                                                                   │
//!                                                     Catalog (read once) ─────────▶ Plan ─execute▶ RunReport
//! ```
//!
//! The modules below stand in dependency order: each uses only what stands above it (`tests/architecture` reads this
//! list; the blank lines keep rustfmt from sorting it).

pub mod exit;

pub mod source;

pub mod diagnostic;

pub mod name;

pub mod interval;

pub mod dialect;

pub mod project;

pub mod template;

pub mod parse;

pub mod lineage;

pub mod manifest;

pub mod graph;

pub mod engine;

pub mod state;

pub mod plan;

pub mod run;

pub mod artifact;

pub mod compile;

pub mod site;

pub mod cli;
