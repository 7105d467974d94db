//! Ctrl-C and SIGTERM: the first cancels what runs in the database, a second ends the program at once.

use super::terminal::Terminal;
use crate::{exit::Exit, run::Stop};
use std::{sync::Arc, thread, time::Duration};

/// Listens for signals until it is dropped.
pub struct Listening {
    _runtime: tokio::runtime::Runtime,
}

/// Throws the switch when this process is told to stop; none if the system does not allow listening, which leaves the
/// usual way: the process ends, and the database rolls back.
pub fn listen(stop: &Arc<Stop>, terminal: &Terminal) -> Option<Listening> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().ok()?;
    let (stop, terminal) = (Arc::clone(stop), terminal.clone());
    runtime.spawn(async move {
        let first = next_signal().await;
        terminal.line("Stopping: cancelling what runs in the database (press Ctrl-C again to leave at once) …");
        stop.stop(first);
        // A statement that began between the switch and the cancelling is cancelled a moment later.
        let again = Arc::clone(&stop);
        thread::spawn(move || {
            for _ in 0..600 {
                thread::sleep(Duration::from_millis(100));
                again.interrupt_all();
            }
        });
        let second = next_signal().await;
        std::process::exit(i32::from(second.status()));
    });
    Some(Listening { _runtime: runtime })
}

async fn next_signal() -> Exit {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => Exit::Interrupted,
                _ = terminate.recv() => Exit::Terminated,
            };
        }
    }
    let _signal = tokio::signal::ctrl_c().await;
    Exit::Interrupted
}
