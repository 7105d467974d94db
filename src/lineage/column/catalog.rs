//! What is known of the relations that a query reads.

use crate::parse::outline::DottedName;
use std::sync::Arc;

/// Columns of a relation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Names, and types where they are known, in order.
    pub columns: Vec<(Arc<str>, Option<Arc<str>>)>,
    /// Whether these are all there are.
    pub complete: bool,
}

/// What relations there are.
pub(crate) trait Catalog {
    /// The relation that a name in FROM means: a number that stands for it in the answer, and its columns.
    fn relation(&self, name: &DottedName) -> Option<(u32, Arc<Known>)>;
}
