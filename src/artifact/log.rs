//! The log of a run: one JSON object a line, every statement with its time, rows and SQLSTATE.

use crate::{
    manifest::Manifest,
    run::{Event, Observer},
};
use serde_json::{Value, json};
use std::{
    io::{self, BufWriter, Write},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// The file that a run's events go to.
pub struct Log<'a> {
    manifest: &'a Manifest,
    mask: &'a (dyn Fn(&str) -> String + Sync),
    start: Instant,
    file: Mutex<BufWriter<fs_err::File>>,
}

impl<'a> Log<'a> {
    /// Begins the log of `run` below `folder`; `mask` takes the secrets out of every line.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn begin(
        folder: &Path,
        run: &str,
        manifest: &'a Manifest,
        mask: &'a (dyn Fn(&str) -> String + Sync),
    ) -> io::Result<Self> {
        let logs = folder.join("logs");
        fs_err::create_dir_all(&logs)?;
        let file = fs_err::File::create(logs.join(format!("{run}.jsonl")))?;
        Ok(Self { manifest, mask, start: Instant::now(), file: Mutex::new(BufWriter::new(file)) })
    }

    fn line(&self, value: &Value) {
        let line = (self.mask)(&value.to_string());
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written must not end the run that it tells about.
        let _written = writeln!(file, "{line}").and_then(|()| file.flush());
    }
}

impl Observer for Log<'_> {
    fn observe(&self, event: &Event<'_>) {
        let at = self.start.elapsed().as_secs_f64();
        let name = |id: &crate::manifest::NodeId| self.manifest.node(*id).name.as_str();
        self.line(&match event {
            // What became of it is told.
            Event::Sending { .. } => return,
            Event::Started { node } => json!({"at": at, "event": "started", "node": name(node)}),
            Event::Statement { node, purpose, text, rows, elapsed, error } => json!({
                "at": at,
                "event": "statement",
                "node": node.as_ref().map(name),
                "purpose": purpose,
                "statement": text,
                "seconds": elapsed.as_secs_f64(),
                "rows": rows,
                "sqlstate": error.and_then(|error| error.sqlstate.as_deref()),
                "error": error.map(|error| error.message.as_str()),
            }),
            Event::Retrying { node, attempt, why, pause } => json!({
                "at": at,
                "event": "retrying",
                "node": node.as_ref().map(name),
                "attempt": attempt,
                "why": why,
                "pause_seconds": pause.as_secs_f64(),
            }),
            Event::Finished { node, rows, elapsed, failure } => json!({
                "at": at,
                "event": "finished",
                "node": name(node),
                "rows": rows,
                "seconds": elapsed.as_secs_f64(),
                "code": failure.map(|failure| failure.code.id),
                "error": failure.map(|failure| failure.message.as_str()),
            }),
            Event::Tested { node, verdict, failures, elapsed, failure } => json!({
                "at": at,
                "event": "tested",
                "node": name(node),
                "verdict": verdict,
                "failures": failures,
                "seconds": elapsed.as_secs_f64(),
                "code": failure.map(|failure| failure.code.id),
                "error": failure.map(|failure| failure.message.as_str()),
            }),
            Event::Publishing { relations } => json!({"at": at, "event": "publishing", "relations": relations}),
            Event::Published { relations, elapsed } => {
                json!({"at": at, "event": "published", "relations": relations, "seconds": elapsed.as_secs_f64()})
            }
        });
    }
}
