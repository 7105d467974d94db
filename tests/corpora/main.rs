//! Reading and replacing relations: cases of our own (`tests/cases/relations`), those cases broken at random, and real
//! SQL with known answers.
//!
//! The real SQL is not part of the project. It lies where `SUIRO_CORPORA` points, or at `../shared/corpora`; where it is
//! missing its tests are reported as ignored, and fail where `CI` is set.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails here")]
#![allow(clippy::type_complexity, reason = "tables of cases")]

mod cases;
mod duck;
mod fuzz;
mod misses;
mod origins;
mod real;

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = cases::trials();
    trials.extend(real::trials());
    trials.extend(origins::own());
    trials.extend(fuzz::trials());
    trials.sort_by(|left, right| left.name().cmp(right.name()));
    libtest_mimic::run(&arguments, trials).exit();
}
