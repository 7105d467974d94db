//! Templates: minijinja, strict, pure and bounded; no other module knows it.
//!
//! In: the text of a model, the files of macros, and plain values. Out: [`Rendered`] SQL with a map back to what people
//! wrote, and what the text asked for; and the statements of materializations. Never: a database, a file, a clock, or
//! chance. The same input gives the same output, and every error is a diagnostic with a place.
//!
//! ```text
//! text ─scan▶ pieces ─write▶ what the engine gets ─render▶ SQL + segments + what was asked for
//!                                                    └ on error: chain of errors ─diagnose▶ diagnostic
//! place in SQL ─segments▶ expression of the model ─trace▶ line of the macro behind it, and the calls that led there
//! ```

mod built_in;
mod context;
mod engine;
mod explain;
mod failure;
mod filter;
mod function;
mod known;
mod library;
mod method;
mod names;
mod origin;
mod proxy;
mod record;
mod refusal;
mod relation;
mod renderer;
mod scan;
mod scope;
mod setting;
mod statement;
mod tested;
mod trace;
mod value;
mod window;
mod written;

pub use built_in::built_in_macros;
pub use library::{MacroFile, WrittenMacro};
pub use names::{REF_SCHEMA, SECRET_PREFIX, SOURCE_SCHEMA, THIS_SCHEMA, WINDOW_END, WINDOW_START};
pub use record::{Recorded, Ref, SecretRead};
pub use renderer::{Rendered, Renderer};
pub use scope::{ColumnLookup, EnvironmentLookup, Input, KnownColumns, Scope, Target, This, Visible};
pub use setting::{Setting, render_setting};
pub use statement::{NamedStatement, StatementTemplates};
pub use tested::{Tested, called_name};

#[cfg(test)]
mod tests;
