//! What the parts of expressions come to together.

use super::value::{Source, Sources};

/// What two values are made of, each read as it is.
pub(super) fn both(left: &Sources, right: &Sources) -> Sources {
    match (left, right) {
        (Sources::None, other) | (other, Sources::None) => other.clone(),
        _ => {
            let mut all: Vec<Source> = left.as_slice().to_vec();
            all.extend(right.as_slice());
            Sources::of(&all)
        }
    }
}

/// Gathers what a value is computed from.
#[derive(Debug, Default)]
pub(super) struct Gathered(Vec<Source>);

impl Gathered {
    /// Adds what something is computed from.
    pub(super) fn compute(&mut self, sources: &Sources) {
        self.0.extend(sources.computed().as_slice());
    }

    /// Adds what is looked at.
    pub(super) fn look(&mut self, sources: &Sources) {
        self.0.extend(sources.inspected().as_slice());
    }

    /// All of it.
    pub(super) fn sources(&self) -> Sources {
        Sources::of(&self.0)
    }
}
