//! The documentation: one page that opens from the disk and needs nothing else.
//!
//! In: a compiled project, and what became of its last runs. Out: the text of the page, or of a page and the files that
//! it loads. Never: a file, a clock, a connection; or anything that a user wrote without escaping it.
//!
//! `content` is what the page tells, `layout` where the nodes of its graph stand, `page/` the page itself: JavaScript
//! and CSS as they are, put together by `document`.

mod content;
mod dbt;
mod diagram;
mod document;
mod layout;
mod markdown;
mod sql;

pub use content::{Content, Past, content};
pub use dbt::artifacts as dbt_artifacts;
pub use diagram::{Diagram, column_diagram, diagram};
pub use document::{File, Mask, Reading, page, pages};
