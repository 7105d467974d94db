//! What the engine's own parser says a finished text reads, to be compared with what was meant.

use super::{
    lexer::Tokens,
    referee::{Referee, Verdict, judge},
};
use crate::dialect::Dialect;
use std::collections::BTreeSet;

/// The relations that DuckDB sees in a query, each by the parts of its name; nothing if it cannot be asked about this
/// text (it serialises plain queries, not PIVOT).
#[must_use]
pub fn relations_by_engine(referee: &dyn Referee, text: &str) -> Option<BTreeSet<Vec<String>>> {
    let tokens = Tokens::read(text, Dialect::DuckDb).ok()?;
    match judge(referee, &tokens) {
        Verdict::Tables(tables) => {
            Some(tables.into_iter().filter(|table| !table.is_cte).map(|table| table.parts).collect())
        }
        Verdict::Refused | Verdict::None => None,
    }
}
