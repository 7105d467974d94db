//! Files that are read as if they were a table.
//!
//! In: `location` of a source table. Out: where the files are, and whether there are any. Never: what is in them, which
//! DuckDB reads.

use super::{disk, field::Given};
use globset::GlobBuilder;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Files, and how they are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// As it was written: a path with `*`, `**`, `?` and `[…]`, or an address.
    pub path: Given<String>,
    /// `csv`, `json` or `parquet`.
    pub format: String,
    /// Options of the function that reads them; null for none.
    pub options: Value,
}

impl Location {
    /// What DuckDB is given: an absolute path, or the address.
    #[must_use]
    pub fn absolute(&self, root: &Path) -> String {
        if self.is_address() { self.path.value.clone() } else { root.join(&self.path.value).display().to_string() }
    }

    /// Whether it is no path of this machine.
    #[must_use]
    pub fn is_address(&self) -> bool {
        self.path.value.contains("://")
    }

    /// A hash of the names and the bytes of the files; nothing for an address, or where a file cannot be read.
    #[must_use]
    pub fn content(&self, root: &Path) -> Option<String> {
        if self.is_address() {
            return None;
        }
        disk::content(root, self.files(root).collect())
    }

    /// Whether there is a file; of an address that is not known.
    #[must_use]
    pub fn has_files(&self, root: &Path) -> bool {
        self.is_address() || self.files(root).next().is_some()
    }

    /// The files, in no order.
    fn files(&self, root: &Path) -> Box<dyn Iterator<Item = PathBuf>> {
        let path = self.path.value.as_str();
        let absolute = root.join(path);
        if absolute.is_file() {
            return Box::new(std::iter::once(absolute));
        }
        let Some(first) = path.find(['*', '?', '[']) else { return Box::new(std::iter::empty()) };
        let folder = path[..first].rsplit_once('/').map_or("", |(folder, _)| folder);
        // An absolute pattern has nothing before its first `/`.
        let folder = if path.starts_with('/') && folder.is_empty() { Path::new("/") } else { Path::new(folder) };
        let glob = GlobBuilder::new(&absolute.to_string_lossy()).literal_separator(true).build();
        match glob {
            Ok(glob) => Box::new(disk::matching_files(&root.join(folder), glob.compile_matcher())),
            Err(_) => Box::new(std::iter::empty()),
        }
    }
}

/// What files with that ending are; none if it does not say.
pub(crate) fn format_of(path: &str) -> Option<&'static str> {
    let lower = path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let lower = if path.contains("://") { lower } else { path.to_ascii_lowercase() };
    let bare = [".gz", ".zst"].iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower);
    let known = [
        ("parquet", &[".parquet", ".parq", ".pq"][..]),
        ("csv", &[".csv", ".tsv", ".psv"][..]),
        ("json", &[".json", ".jsonl", ".ndjson"][..]),
    ];
    known.iter().find(|(_, endings)| endings.iter().any(|ending| bare.ends_with(ending))).map(|(format, _)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Sources, Span};

    #[test]
    fn endings_say_what_files_are() {
        for (path, format) in [
            ("data/*.parquet", Some("parquet")),
            ("a.CSV.gz", Some("csv")),
            ("a?.tsv", Some("csv")),
            ("s3://b/x.ndjson?versionId=3", Some("json")),
            ("data/*", None),
            ("data.gz", None),
        ] {
            assert_eq!(format_of(path), format, "{path}");
        }
    }

    #[test]
    fn files_are_found_by_pattern() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs_err::create_dir_all(root.join("data/deep")).unwrap();
        fs_err::write(root.join("data/deep/a1.csv"), "").unwrap();
        let span = Span::new(Sources::default().add(SourceFile::new("x", "")), 0..0);
        for (path, there) in [
            ("data/deep/a1.csv", true),
            ("data/deep/a?.csv", true),
            ("data/**/*.csv", true),
            ("data/*/a[0-9].csv", true),
            ("data/*.csv", false),
            ("data/deep", false),
            ("data/deep/b.csv", false),
            ("nowhere/*.csv", false),
            ("data/[.csv", false),
            ("https://example.com/*.csv", true),
        ] {
            let location =
                Location { path: Given::new(path.to_owned(), span), format: "csv".to_owned(), options: Value::Null };
            assert_eq!(location.has_files(root), there, "{path}");
        }
        let absolute = root.join("data/deep/*.csv").display().to_string();
        let location = Location { path: Given::new(absolute, span), format: "csv".to_owned(), options: Value::Null };
        assert!(location.has_files(Path::new("/elsewhere")));
    }
}
