//! One file a verb: what it takes is in `arguments`, what it does is here.

pub mod build;
pub mod catalog;
pub mod check;
pub mod clean;
pub mod compile;
pub mod completions;
mod connect;
pub mod debug;
pub mod docs;
pub mod explain;
mod failures;
pub mod freshness;
pub mod import;
pub mod init;
pub mod json_lines;
pub mod lineage;
pub mod ls;
pub mod man;
pub mod env;
mod origin;
pub mod plan;
pub mod query;
pub mod show;
pub mod template;
pub mod unit;

pub use connect::{connect, connect_file};
