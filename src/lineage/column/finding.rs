//! What is wrong with a query, as data.

use std::{cmp::Ordering, ops::Range, sync::Arc};

/// Something that the database would refuse, or that is known to go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The bytes where it stands.
    pub range: Range<usize>,
    /// What it is.
    pub kind: FindingKind,
}

/// What may be wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// No relation in scope has the column.
    UnknownColumn {
        /// The name that was written.
        name: Arc<str>,
        /// What it was said to be of, if it was.
        of: Option<Arc<str>>,
        /// The columns that there are.
        known: Vec<Arc<str>>,
    },
    /// Several relations in scope have the column.
    AmbiguousColumn {
        /// The name that was written.
        name: Arc<str>,
        /// What those are called.
        holders: Vec<Arc<str>>,
    },
    /// The two sides of a set operation have different numbers of columns.
    DifferentWidths {
        /// `UNION`, `EXCEPT`, `INTERSECT`.
        operation: &'static str,
        /// Columns of the left side.
        left: usize,
        /// Columns of the right side.
        right: usize,
    },
    /// A column stands beside an aggregate, and there is no GROUP BY.
    BareColumn {
        /// The column.
        name: Arc<str>,
        /// The aggregate function.
        aggregate: Arc<str>,
    },
    /// Two output columns have the same name.
    DuplicateColumn {
        /// The name.
        name: Arc<str>,
    },
    /// A star over a relation whose columns are not known.
    StarOverUnknown {
        /// The relation's number.
        relation: u32,
    },
    /// Two values are compared whose types cannot be.
    Incomparable {
        /// The type on the left.
        left: Arc<str>,
        /// The type on the right.
        right: Arc<str>,
    },
}

impl PartialOrd for Finding {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Finding {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |finding: &Self| (finding.range.start, finding.range.end);
        key(self).cmp(&key(other)).then_with(|| self.kind.cmp(&other.kind))
    }
}
