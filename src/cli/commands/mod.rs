//! One file a verb: what it takes is in `arguments`, what it does is here.

pub mod adopt;
pub mod build;
pub mod catalog;
pub mod catalog_refresh;
pub mod check;
pub mod clean;
pub mod compile;
pub mod completions;
mod connect;
pub mod debug;
pub mod docs;
pub mod env;
pub mod explain;
mod failures;
pub mod freshness;
pub mod history;
pub mod hold;
pub mod import;
pub mod init;
pub mod json_lines;
mod key;
pub mod lineage;
pub mod ls;
pub mod man;
mod origin;
pub mod plan;
pub mod prune;
pub mod query;
pub mod show;
pub mod snapshot;
pub mod status;
pub mod template;
pub mod unit;
pub mod why;

pub use connect::{connect, connect_file};
