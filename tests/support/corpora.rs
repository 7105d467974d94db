//! Where the corpora are: beside the project, or where `SUIRO_CORPORA` points.

use std::path::PathBuf;

/// The folder, or why it is not there.
pub fn folder() -> Result<PathBuf, String> {
    let folder = std::env::var_os("SUIRO_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from);
    if folder.join("mimic.jsonl").is_file() {
        Ok(folder)
    } else {
        Err(format!("there are no corpora at {} (SUIRO_CORPORA names another place)", folder.display()))
    }
}
