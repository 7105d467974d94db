//! Writing files so that a reader sees the old one or the new one, and an unchanged one keeps its time.

use crate::diagnostic::{Diagnostic, code::NOT_WRITABLE};
use rayon::prelude::*;
use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// The folder, relative to the project.
pub const FOLDER: &str = "target";

/// Begins the names of files that are being written.
const TEMPORARY: &str = ".suiro-";

/// Everything that suiro writes there, and `suiro clean` removes; cargo's `target/` has other names.
pub const WRITTEN: [&str; 8] =
    ["compiled", "logs", "docs", "dbt", "plan.json", "manifest.json", "run_results.json", "catalog.json"];

/// The place for a project's artifacts.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The place of the project at `root`.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self { folder: root.join(FOLDER) }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file, by rename, unless it holds exactly this already; says whether it wrote.
    ///
    /// # Errors
    /// When the file cannot be written: `NOT_WRITABLE`.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<bool, Diagnostic> {
        let place = self.folder.join(path);
        replace(&place, content).map_err(|error| Diagnostic::not_writable(&place, &error))
    }

    /// The text of a file, if it is there.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<String> {
        fs_err::read_to_string(self.folder.join(path)).ok()
    }

    /// Writes many files below `folder`, each unless it holds exactly this already; where the folder does not exist yet,
    /// all of them appear at once.
    ///
    /// # Errors
    /// When a file cannot be written: `NOT_WRITABLE`.
    pub fn write_all<Item: Sync>(
        &self,
        folder: &str,
        items: &[Item],
        file: impl Fn(&Item) -> (String, Vec<u8>) + Sync,
    ) -> Result<(), Diagnostic> {
        let place = self.folder.join(folder);
        let one_by_one = || {
            items.par_iter().try_for_each(|item| {
                let (path, content) = file(item);
                self.write(&format!("{folder}/{path}"), &content).map(|_| ())
            })
        };
        if place.exists() {
            return one_by_one();
        }
        let failed = |error: io::Error| Diagnostic::not_writable(&place, &error);
        fs_err::create_dir_all(&self.folder).map_err(failed)?;
        let fresh = tempfile::Builder::new().prefix(&format!(".{folder}-")).tempdir_in(&self.folder).map_err(failed)?;
        let inside = fresh.path().join(folder);
        fs_err::create_dir(&inside).map_err(failed)?;
        items.par_iter().try_for_each(|item| {
            let (path, content) = file(item);
            let path = inside.join(path);
            match fs_err::write(&path, &content) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs_err::create_dir_all(path.parent().unwrap_or(&inside))
                        .and_then(|()| fs_err::write(&path, &content))
                }
                written => written,
            }
            .map_err(|error| Diagnostic::not_writable(&path, &error))
        })?;
        match fs_err::rename(&inside, &place) {
            // Another process was there first.
            Err(_) if place.exists() => one_by_one(),
            renamed => renamed.map_err(failed),
        }
    }

    /// Removes the files below `folder` other than these, which belong to something that is gone.
    ///
    /// # Errors
    /// When a file cannot be removed: `NOT_WRITABLE`.
    pub fn retain(&self, folder: &str, keep: &std::collections::BTreeSet<PathBuf>) -> Result<(), Diagnostic> {
        let folder = self.folder.join(folder);
        let files = walkdir::WalkDir::new(&folder).into_iter().filter_map(Result::ok);
        for file in files.filter(|entry| entry.file_type().is_file()) {
            let relative = file.path().strip_prefix(&folder).unwrap_or(file.path());
            // What another process is about to rename has a name of its own.
            let temporary = file.file_name().to_string_lossy().starts_with(TEMPORARY);
            if keep.contains(relative) || temporary {
                continue;
            }
            match fs_err::remove_file(file.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Diagnostic::error(NOT_WRITABLE, format!("a stale file cannot be removed: {error}")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what suiro wrote, and the folder if nothing else is in it; returns what was removed.
    ///
    /// # Errors
    /// When something cannot be removed: `NOT_WRITABLE`.
    pub fn clean(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        let failed = |error: io::Error| Diagnostic::error(NOT_WRITABLE, format!("it cannot be removed: {error}"));
        let mut removed = Vec::new();
        for name in WRITTEN {
            let place = self.folder.join(name);
            let Ok(kind) = place.symlink_metadata() else { continue };
            if kind.is_dir() { fs_err::remove_dir_all(&place) } else { fs_err::remove_file(&place) }.map_err(failed)?;
            removed.push(place);
        }
        if fs_err::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_none()) {
            fs_err::remove_dir(&self.folder).map_err(failed)?;
        }
        Ok(removed)
    }
}

/// Writes a file by rename, unless it holds exactly this already; says whether it wrote.
///
/// # Errors
/// When the file cannot be written.
pub fn replace(place: &Path, content: &[u8]) -> io::Result<bool> {
    if holds(place, content) {
        return Ok(false);
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    let temporary = || tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder);
    let file = match temporary() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs_err::create_dir_all(folder)?;
            temporary()
        }
        file => file,
    };
    let mut file = file?;
    file.write_all(content)?;
    // A temporary file is private; an artifact is as readable as any other file of the project.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(place).map_err(|error| error.error)?;
    Ok(true)
}

fn holds(place: &Path, content: &[u8]) -> bool {
    let Ok(mut file) = fs_err::File::open(place) else { return false };
    let same_length = file.metadata().is_ok_and(|metadata| metadata.len() == content.len() as u64);
    let mut old = Vec::new();
    same_length && file.read_to_end(&mut old).is_ok() && old == content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_file_is_left_alone_and_clean_takes_only_what_suiro_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of(folder.path());
        assert!(store.write("compiled/a/b.sql", b"select 1").unwrap());
        assert!(!store.write("compiled/a/b.sql", b"select 1").unwrap());
        assert!(store.write("compiled/a/b.sql", b"select 2").unwrap());
        let all = [("x/y.sql", "1"), ("z.sql", "2")];
        let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
        store.write_all("docs", &all, file).unwrap();
        store.write_all("docs", &all[..1], file).unwrap();
        assert_eq!(fs_err::read_to_string(store.folder().join("docs/x/y.sql")).unwrap(), "1");
        assert_eq!(fs_err::read_dir(store.folder()).unwrap().count(), 2, "nothing temporary is left");
        fs_err::write(store.folder().join("debug"), "cargo's").unwrap();
        store.clean().unwrap();
        assert!(store.folder().join("debug").exists());
        assert!(!store.folder().join("compiled").exists());
    }
}
