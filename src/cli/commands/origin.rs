//! Where a run comes from: the commit of the project's files, who runs it, and when.

use crate::{plan::moment, run::Origin};
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

/// Where a run of that command in that folder comes from; what cannot be told is left out.
pub fn origin(root: &Path, command: &str) -> Origin {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let author = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    Origin {
        command: command.to_owned(),
        commit: commit(root),
        author: author.filter(|name| !name.is_empty()),
        logical_time: moment(now.as_secs()),
        held: None,
    }
}

/// The commit that is checked out, with `-dirty` behind it where files differ from it.
fn commit(root: &Path) -> Option<String> {
    let words = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
    let mut git = Command::new("git");
    let git = git.arg("-C").arg(root).args(words).stdin(Stdio::null()).stderr(Stdio::null());
    let output = git.output().ok().filter(|output| output.status.success())?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!commit.is_empty()).then_some(commit)
}
