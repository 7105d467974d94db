//! Files that models become: written beside the final one, and put in its place by rename.
//!
//! In: the paths of staged and final files. Never: what is in them.

use super::Context;
use crate::{
    diagnostic::Diagnostic,
    manifest::{Form, NodeId},
};
use std::path::PathBuf;

/// Begins the names of staged files and of what they replace.
const PREFIX: &str = ".__suiro_";

/// The paths of a node's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Where it is written.
    pub staged: PathBuf,
    /// Where it ends up.
    pub published: PathBuf,
    /// Where the old one stays until the publish is committed.
    kept: PathBuf,
}

/// The paths of a node that becomes a file.
#[must_use]
pub fn paths(context: &Context<'_>, id: NodeId) -> Option<Paths> {
    let node = context.manifest.node(id);
    if node.form() != Form::File {
        return None;
    }
    let published = context.root.join(node.text("location")?);
    let name = published.file_name()?.to_string_lossy().into_owned();
    let folder = published.parent()?.to_owned();
    Some(Paths {
        staged: folder.join(format!("{PREFIX}{}_{name}", context.run)),
        kept: folder.join(format!("{PREFIX}{}_old_{name}", context.run)),
        published,
    })
}

/// Makes room for a file, and removes what dead runs left of it.
///
/// # Errors
/// `NOT_WRITABLE` when its folder cannot be made.
pub fn prepare(paths: &Paths) -> Result<(), Diagnostic> {
    let (Some(folder), Some(name)) = (paths.published.parent(), paths.published.file_name()) else { return Ok(()) };
    fs_err::create_dir_all(folder).map_err(|error| Diagnostic::not_writable(folder, &error))?;
    let ending = format!("_{}", name.to_string_lossy());
    let entries = fs_err::read_dir(folder).map_err(|error| Diagnostic::not_writable(folder, &error))?;
    for entry in entries.filter_map(Result::ok) {
        let found = entry.file_name().to_string_lossy().into_owned();
        if found.starts_with(PREFIX) && found.ends_with(&ending) {
            fs_err::remove_file(entry.path()).map_err(|error| Diagnostic::not_writable(&entry.path(), &error))?;
        }
    }
    Ok(())
}

/// Puts staged files in the place of the published ones, which are kept until [`settle`].
///
/// # Errors
/// `NOT_WRITABLE`; what was put in place before stays for [`take_back`].
pub fn publish(all: &[Paths]) -> Result<(), Diagnostic> {
    for paths in all {
        if paths.published.exists() {
            fs_err::hard_link(&paths.published, &paths.kept)
                .map_err(|error| Diagnostic::not_writable(&paths.kept, &error))?;
        }
        fs_err::rename(&paths.staged, &paths.published)
            .map_err(|error| Diagnostic::not_writable(&paths.published, &error))?;
    }
    Ok(())
}

/// Undoes [`publish`], after the transaction that it belonged to was rolled back.
pub fn take_back(all: &[Paths]) {
    for paths in all {
        if paths.kept.exists() {
            let back = fs_err::rename(&paths.published, &paths.staged)
                .and_then(|()| fs_err::rename(&paths.kept, &paths.published));
            // Both names stand side by side in one folder: what failed leaves the new rows under the final name.
            drop(back);
        } else if !paths.staged.exists() && paths.published.exists() {
            drop(fs_err::rename(&paths.published, &paths.staged));
        }
    }
}

/// Removes what [`publish`] kept, after the commit.
pub fn settle(all: &[Paths]) {
    for paths in all.iter().filter(|paths| paths.kept.exists()) {
        // What stays is removed by the next run.
        drop(fs_err::remove_file(&paths.kept));
    }
}

/// Removes a staged file that is not going to be published.
pub fn discard(paths: &Paths) {
    if paths.staged.exists() {
        drop(fs_err::remove_file(&paths.staged));
    }
}
