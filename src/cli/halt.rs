//! Stopping before a statement, so that tests can kill the program at every one of them.
//!
//! With `SUIRO_HALT_BEFORE=7` a run says so and does nothing more before its seventh statement, until it is killed; with
//! `SUIRO_HALT_BEFORE=newer` before the first that has this purpose. The program is otherwise the one that everybody runs.

use super::terminal::Terminal;
use crate::run::{Event, Observer};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// The variable.
const VARIABLE: &str = "SUIRO_HALT_BEFORE";

/// Stops the run before one of its statements.
pub struct Halt<'a> {
    terminal: &'a Terminal,
    before: Option<String>,
    sent: AtomicU64,
}

impl<'a> Halt<'a> {
    /// As the environment says; mostly it says nothing.
    pub fn new(terminal: &'a Terminal) -> Self {
        let before = std::env::var(VARIABLE).ok().filter(|before| !before.is_empty());
        Self { terminal, before, sent: AtomicU64::new(0) }
    }
}

impl Observer for Halt<'_> {
    fn observe(&self, event: &Event<'_>) {
        let (Event::Sending { purpose }, Some(before)) = (event, &self.before) else { return };
        let number = self.sent.fetch_add(1, Ordering::SeqCst) + 1;
        if before == purpose || before.parse() == Ok(number) {
            self.terminal.say(&format!("halted before statement {number} ({purpose})"));
            loop {
                thread::park();
            }
        }
    }
}
