//! What several test binaries share: servers that exist for as long as the tests run.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails here")]

pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod proxy;
