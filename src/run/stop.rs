//! Being told to stop, by Ctrl-C or a scheduler.

use crate::{engine::Interrupt, exit::Exit};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU8, Ordering},
};

/// A switch that any thread may throw: what runs in the database is cancelled, and nothing new is started.
#[derive(Default)]
pub struct Stop {
    state: AtomicU8,
    running: Mutex<Vec<Arc<dyn Interrupt>>>,
}

impl Stop {
    /// Stops the run; the first reason given counts.
    ///
    /// # Panics
    /// Never: a poisoned list is used as it is.
    pub fn stop(&self, exit: Exit) {
        let _first = self.state.compare_exchange(0, exit.status(), Ordering::SeqCst, Ordering::SeqCst);
        self.interrupt_all();
    }

    /// Cancels what every known connection runs, and nothing else: used again while statements come to an end.
    pub fn interrupt_all(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for interrupt in running {
            interrupt.interrupt();
        }
    }

    /// Why the run is to stop, if it is.
    #[must_use]
    pub fn reason(&self) -> Option<Exit> {
        let status = self.state.load(Ordering::SeqCst);
        Exit::ALL.into_iter().find(|exit| status != 0 && exit.status() == status)
    }

    /// Whether the run is to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state.load(Ordering::SeqCst) != 0
    }

    /// Has this connection's statements cancelled, too, until the answer is dropped.
    pub fn watch_for_now(&self, interrupt: Arc<dyn Interrupt>) -> Watching<'_> {
        self.watch(Arc::clone(&interrupt));
        Watching { stop: self, interrupt }
    }

    /// Has this connection's statements cancelled, too, when the run is stopped.
    pub fn watch(&self, interrupt: Arc<dyn Interrupt>) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(interrupt);
    }
}

/// A connection whose statements are cancelled for as long as this lives.
pub struct Watching<'a> {
    stop: &'a Stop,
    interrupt: Arc<dyn Interrupt>,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut running = self.stop.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|other| !Arc::ptr_eq(other, &self.interrupt));
    }
}
