//! What git knows of a project's files. Only reads: neither the files, the index nor the history are touched.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The commit that is checked out, with `-dirty` behind it where files differ from it; nothing where there is no git.
pub fn commit(root: &Path) -> Option<String> {
    ask(root, &["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], None).ok()
}

/// Writes the files of a commit below an empty folder; the folder of the project in it.
///
/// # Errors
/// Why not, in words: there is no git, no repository, no such commit, or it has no such project.
pub fn check_out(project: &Path, commit: &str, into: &Path) -> Result<PathBuf, String> {
    let prefix = ask(project, &["rev-parse", "--show-prefix"], None)?;
    let top = PathBuf::from(ask(project, &["rev-parse", "--show-toplevel"], None)?);
    let verified = [commit, "^{commit}"].concat();
    let id = ask(project, &["rev-parse", "--verify", "--quiet", "--end-of-options", &verified], None)
        .map_err(|_| format!("git knows no commit `{commit}`"))?;
    // An index of its own, beside the files.
    let index = into.join("index");
    ask(&top, &["read-tree", &id], Some(&index))?;
    let files = into.join("files");
    let mut target = OsStr::new("--prefix=").to_owned();
    target.push(&files);
    target.push("/");
    let words = [OsStr::new("checkout-index"), OsStr::new("--all"), OsStr::new("--quiet"), &target];
    let folder = top.join(&prefix);
    run(&top, &words, Some(&index))?;
    let found = files.join(&prefix);
    if found.join("suiro.yml").is_file() {
        return Ok(found);
    }
    Err(format!("`{commit}` has no project in {}", folder.display()))
}

fn ask(folder: &Path, words: &[&str], index: Option<&Path>) -> Result<String, String> {
    run(folder, &words.iter().map(OsStr::new).collect::<Vec<_>>(), index)
}

fn run(folder: &Path, words: &[&OsStr], index: Option<&Path>) -> Result<String, String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(words).stdin(Stdio::null());
    if let Some(index) = index {
        git.env("GIT_INDEX_FILE", index);
    }
    let output = git.output().map_err(|error| format!("git cannot be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ");
        return Err(format!("git refused: {said}"));
    }
    let answer =
        String::from_utf8(output.stdout).map_err(|_| "git answered with a name that is not UTF-8".to_owned())?;
    Ok(answer.trim().to_owned())
}
