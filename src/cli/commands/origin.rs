//! Where a run comes from: the commit of the project's files, who runs it, and when.

use crate::{cli::git, plan::moment, run::Origin};
use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Where a run of that command in that folder comes from; what cannot be told is left out.
pub fn origin(root: &Path, command: &str) -> Origin {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let author = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    Origin {
        command: command.to_owned(),
        commit: git::commit(root),
        author: author.filter(|name| !name.is_empty()),
        logical_time: moment(now.as_secs()),
        held: None,
    }
}
