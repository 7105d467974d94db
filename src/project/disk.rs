//! The user's folders and files.
//!
//! In: paths. Out: file names in a stable order, and texts. Never: what the texts mean. Seeds are read in `seed/`, as a
//! stream.

use crate::{
    diagnostic::{Diagnostic, code},
    source::{FileId, SourceFile, Sources, Span},
};
use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs::FileType,
    io,
    path::{Component, Path, PathBuf},
};

/// The file that makes a folder a project.
pub(crate) const PROJECT_FILE: &str = "suiro.yml";
/// What is laid over it on one person's machine.
pub(crate) const LOCAL_FILE: &str = "suiro.local.yml";

/// A file below one of the project's paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// Relative to the project, with `/`.
    pub(crate) path: String,
    /// Relative to the path below which it was found, with `/`.
    pub(crate) below: String,
    /// Where it is.
    pub(crate) absolute: PathBuf,
}

impl Found {
    /// The extension in lower case; empty without one.
    pub(crate) fn extension(&self) -> String {
        let name = self.below.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_ascii_lowercase())
    }

    /// The path below the path it was found under, without the extension.
    pub(crate) fn below_without_extension(&self) -> &str {
        self.below.rsplit_once('.').map_or(&self.below, |(stem, _)| stem)
    }

    /// The file's name without its extension.
    pub(crate) fn stem(&self) -> &str {
        self.below_without_extension().rsplit('/').next().unwrap_or_default()
    }
}

/// What stands below some paths.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The files, sorted by path.
    pub(crate) files: Vec<Found>,
    /// The folders, relative to the path below which they were found.
    pub(crate) folders: BTreeSet<String>,
}

/// A path of the project as it is used: with `/`, without `.`; nothing if it leads out of the project.
pub(crate) fn inside(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// Everything below `start` (relative to `root`), hidden files and folders, other projects, the project's `target/` and
/// the folders in `others` left out. Links are followed; one that leads back to a folder it stands in is not.
pub(crate) fn walk(
    root: &Path,
    start: &str,
    others: &BTreeSet<String>,
    walk: &mut Walk,
    sources: &mut Sources,
) -> Vec<Diagnostic> {
    let mut entering = Entering { start, others, walk, sources, found: Vec::new(), above: Vec::new() };
    entering.folder(&root.join(start), "");
    let found = entering.found;
    walk.files.sort();
    walk.files.dedup_by(|left, right| left.path == right.path);
    found
}

struct Entering<'w> {
    start: &'w str,
    others: &'w BTreeSet<String>,
    walk: &'w mut Walk,
    sources: &'w mut Sources,
    found: Vec<Diagnostic>,
    /// The real paths of the folders that are being walked, against loops.
    above: Vec<PathBuf>,
}

impl Entering<'_> {
    fn folder(&mut self, absolute: &Path, below: &str) {
        let real = fs_err::canonicalize(absolute).unwrap_or_else(|_| absolute.to_owned());
        if self.above.contains(&real) {
            return;
        }
        let mut names = match list(absolute) {
            Ok(names) => names,
            Err(error) => {
                self.found.push(unreadable(self.sources, &self.path_of(below), &error));
                return;
            }
        };
        names.sort_by(|left, right| left.0.cmp(&right.0));
        self.above.push(real);
        for (name, kind) in names {
            self.entry(absolute, below, &name, kind);
        }
        self.above.pop();
    }

    fn entry(&mut self, folder: &Path, below: &str, name: &OsStr, kind: FileType) {
        let absolute = folder.join(name);
        let Some(name) = name.to_str() else {
            self.unreadable_name(below, name, kind);
            return;
        };
        if name.starts_with('.')
            || (self.start.is_empty() && below.is_empty() && [PROJECT_FILE, LOCAL_FILE].contains(&name))
        {
            return;
        }
        let below = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let path = self.path_of(&below);
        let is_folder = if kind.is_symlink() {
            match fs_err::metadata(&absolute) {
                Ok(behind) => behind.is_dir(),
                Err(error) => {
                    self.found.push(unreadable(self.sources, &path, &error));
                    return;
                }
            }
        } else {
            kind.is_dir()
        };
        if is_folder {
            let other_project = absolute.join(PROJECT_FILE).is_file();
            if other_project || path == "target" || self.others.contains(&path) {
                return;
            }
            self.walk.folders.insert(below.clone());
            self.folder(&absolute, &below);
        } else {
            self.walk.files.push(Found { path, below, absolute });
        }
    }

    /// A name that is not UTF-8 cannot be a relation's; files that suiro would not read do not matter.
    fn unreadable_name(&mut self, below: &str, name: &OsStr, kind: FileType) {
        let extension = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
        if !kind.is_dir() && !["sql", "csv", "yml", "yaml", "jinja"].contains(&extension.as_str()) {
            return;
        }
        let name = name.to_string_lossy();
        let shown = if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") };
        let file = self.sources.add(SourceFile::new(self.path_of(&shown), ""));
        let found = Diagnostic::error(code::BAD_NAME, "the name of this file is not UTF-8");
        self.found.push(found.at(Span::new(file, 0..0), "").help("rename the file"));
    }

    fn path_of(&self, below: &str) -> String {
        match (self.start, below) {
            (start, "") => start.to_owned(),
            ("", below) => below.to_owned(),
            (start, below) => format!("{start}/{below}"),
        }
    }
}

fn list(folder: &Path) -> io::Result<Vec<(OsString, FileType)>> {
    let entries = fs_err::read_dir(folder)?;
    entries.map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)))).collect()
}

/// Whether any file below a folder has a path that matches.
pub(crate) fn matching_files(folder: &Path, pattern: globset::GlobMatcher) -> impl Iterator<Item = PathBuf> + use<> {
    let files = walkdir::WalkDir::new(folder).follow_links(true).into_iter().filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    files.filter(move |path| pattern.is_match(path))
}

/// A hash of the names (relative to `root`) and the bytes of these files; nothing where one cannot be read.
pub(crate) fn content(root: &Path, mut files: Vec<PathBuf>) -> Option<String> {
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for path in &files {
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
        hasher.update(&name.len().to_le_bytes());
        hasher.update(name.as_bytes());
        let file = fs_err::File::open(path).ok()?;
        let mut bytes = blake3::Hasher::new();
        bytes.update_reader(file).ok()?;
        hasher.update(bytes.finalize().as_bytes());
    }
    Some(hasher.finalize().to_hex()[..24].to_owned())
}

/// A file that was read, rightly or wrongly.
pub(crate) enum Text {
    /// Its text, without a byte order mark.
    Good(String),
    /// It is not UTF-8: the text with every wrong byte replaced, and the first wrong byte.
    NotUtf8 { replaced: String, at: usize, bytes: Vec<u8> },
    /// It could not be read.
    Unreadable(io::Error),
}

/// Reads a file; one that is no regular file (a pipe would block for ever) is not read.
pub(crate) fn read(path: &Path) -> Text {
    let bytes = match regular(path).and_then(|()| fs_err::read(path)) {
        Ok(bytes) => bytes,
        Err(error) => return Text::Unreadable(error),
    };
    match String::from_utf8(bytes) {
        Ok(text) => Text::Good(match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            Text::NotUtf8 { replaced: String::from_utf8_lossy(&bytes).into_owned(), at, bytes }
        }
    }
}

/// Whether a path leads to a regular file.
pub(crate) fn regular(path: &Path) -> io::Result<()> {
    if fs_err::metadata(path)?.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

/// Adds a file that was read; nothing is wrong with it unless there is a diagnostic too.
pub(crate) fn add(sources: &mut Sources, path: &str, text: Text) -> (FileId, Option<Diagnostic>) {
    match text {
        Text::Good(text) => (sources.add(SourceFile::new(path, text)), None),
        Text::NotUtf8 { replaced, at, bytes } => {
            let file = sources.add(SourceFile::new(path, replaced));
            let message = format!(
                "`{path}` is not UTF-8: the byte 0x{:02X} cannot stand here",
                bytes.get(at).copied().unwrap_or(0)
            );
            let found = Diagnostic::error(code::NOT_UTF8, message);
            let found = found.at(Span::new(file, at..at + '\u{fffd}'.len_utf8()), "from here on");
            (file, Some(found.help(encoding_help(&bytes))))
        }
        Text::Unreadable(error) => {
            let found = unreadable(sources, path, &error);
            let file = sources.find(path).unwrap_or_else(|| sources.add(SourceFile::new(path, "")));
            (file, Some(found))
        }
    }
}

/// What to do about a file that is not UTF-8.
pub(crate) fn encoding_help(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "the file is UTF-16; save it as UTF-8",
        _ => "save the file as UTF-8",
    }
}

/// The diagnostic for a path that cannot be read.
pub(crate) fn unreadable(sources: &mut Sources, path: &str, error: &io::Error) -> Diagnostic {
    let file = sources.add(SourceFile::new(path, ""));
    let help = match error.kind() {
        io::ErrorKind::PermissionDenied => "let the person who runs suiro read it",
        io::ErrorKind::NotFound => "it may be a link to something that is gone",
        _ => "remove it, or move it out of the project's folders",
    };
    let message = format!("`{path}` cannot be read: {}", reason(error));
    Diagnostic::error(code::UNREADABLE_FILE, message).at(Span::new(file, 0..0), "").help(help)
}

/// The operating system's reason, without the path, which stands in the message already.
pub(crate) fn reason(error: &io::Error) -> String {
    let full = match std::error::Error::source(error).and_then(std::error::Error::source) {
        Some(inner) => inner.to_string(),
        None => error.to_string(),
    };
    let reason = full.rsplit(": ").next().unwrap_or(&full);
    let reason = reason.split(" (os error").next().unwrap_or(reason);
    let mut characters = reason.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside("models").as_deref(), Some("models"));
        assert_eq!(inside("./a//b/./c/").as_deref(), Some("a/b/c"));
        assert_eq!(inside(".").as_deref(), Some(""));
        for outside in ["..", "a/../b", "/tmp", "../x"] {
            assert_eq!(inside(outside), None, "{outside}");
        }
    }

    #[test]
    fn names_and_extensions() {
        let found = |below: &str| Found { path: below.to_owned(), below: below.to_owned(), absolute: PathBuf::new() };
        assert_eq!((found("a.b/c.D.SQL").stem(), found("a.b/c.D.SQL").extension().as_str()), ("c.D", "sql"));
        assert_eq!((found("a.b/c").extension().as_str(), found("x/y.sql").below_without_extension()), ("", "x/y"));
    }

    #[test]
    fn names_that_are_not_utf8_are_reported() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        for name in [&b"caf\xE9.sql"[..], b"caf\xE9.txt"] {
            fs_err::write(folder.path().join(OsStr::from_bytes(name)), "select 1").unwrap();
        }
        let mut sources = Sources::default();
        let mut walked = Walk::default();
        let found = walk(folder.path(), "", &BTreeSet::new(), &mut walked, &mut sources);
        let codes: Vec<&str> = found.iter().map(|found| found.code.id).collect();
        assert_eq!((codes, walked.files.len()), (vec!["E0112"], 0));
    }

    /// Reading a pipe or a socket would block or fail in odd ways.
    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut sources = Sources::default();
        let (_, wrong) = add(&mut sources, "a.sql", read(&path));
        let wrong = wrong.unwrap();
        assert_eq!(wrong.code.id, "E0102");
        assert_eq!(wrong.message, "`a.sql` cannot be read: it is not a regular file");
    }

    #[test]
    fn reasons_are_short() {
        let error = fs_err::read("/does/not/exist").unwrap_err();
        assert_eq!(reason(&error), "no such file or directory");
    }
}
