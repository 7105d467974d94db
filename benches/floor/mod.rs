//! The floor of whatever reads a project: its files read and parsed by `sqlparser` alone, in parallel.

use rayon::prelude::*;
use sqlparser::{dialect::DuckDbDialect, parser::Parser};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What cannot be avoided: reading every file and parsing it.
pub fn floor(folder: &Path) {
    let mut open = vec![folder.join("models")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let entry = entry.expect("a readable entry");
            let path = entry.path();
            if entry.file_type().expect("a file type").is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                files.push(path);
            }
        }
    }
    let statements: usize = files
        .par_iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a readable file");
            Parser::parse_sql(&DuckDbDialect {}, &text).expect("SQL that sqlparser reads").len()
        })
        .sum();
    assert_eq!(statements, files.len());
}
