//! Time by the clock of the target's zone, in whole pieces: moments, grains, intervals of moments, and sets of them.
//!
//! In: moments as they are written, `2026-01-31 12:00`. Out: where pieces begin and end, which are missing, and batches of
//! them. Never: a clock, a time zone, or a part of a second; the database turns a moment of the clock into one of the world.

mod grain;
mod moment;
mod set;

pub use grain::Grain;
pub use moment::Moment;
pub use set::{Interval, Intervals};
