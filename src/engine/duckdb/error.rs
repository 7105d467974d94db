//! DuckDB's words to [`EngineError`]s.
//!
//! Sessions ask for errors as JSON (`errors_as_json`), which have the kind and the byte; what comes without (opening a
//! file, a session that switched it off) is read as text, with its `LINE n: …` excerpt.

use crate::{
    diagnostic::code,
    engine::{EngineError, FailureKind},
};
use serde::Deserialize;
use unicode_width::UnicodeWidthChar;

/// What DuckDB said, taken apart.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
struct Said {
    #[serde(rename = "exception_type", default)]
    kind: String,
    #[serde(rename = "exception_message", default)]
    message: String,
    /// `MISSING_ENTRY`, `COLUMN_NOT_FOUND`, …
    #[serde(default)]
    error_subtype: String,
    /// What kind of entry is missing: `Table`, `Scalar Function`, …
    #[serde(rename = "type", default)]
    entry: String,
    /// The name at the position.
    #[serde(default)]
    name: String,
    /// The byte of the statement, as decimal digits.
    #[serde(default)]
    position: String,
    #[serde(default)]
    errno: String,
}

/// The error that DuckDB's crate reported for a statement.
pub fn engine_error(error: &duckdb::Error, statement: &str) -> EngineError {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(text)) => from_text(text, statement),
        duckdb::Error::NulError(nul) => {
            let mut error =
                EngineError::new(code::STATEMENT_REFUSED, FailureKind::Permanent, "the statement has a NUL byte in it");
            error.position = (nul.nul_position() < statement.len()).then(|| nul.nul_position());
            error
        }
        duckdb::Error::InvalidParameterCount(..) => {
            EngineError::new(code::STATEMENT_REFUSED, FailureKind::Permanent, "the statement has a parameter in it")
                .with_help("write the value itself in place of `?` or `$1`")
        }
        other => EngineError::new(code::STATEMENT_REFUSED, FailureKind::Permanent, other.to_string()),
    }
}

/// The error of that text, about that statement.
pub fn from_text(text: &str, statement: &str) -> EngineError {
    let said = from_json(text);
    let (said, position) = match said {
        Some(said) => {
            let position = said.position.parse().ok();
            (said, position)
        }
        None => from_plain(text, statement),
    };
    let position = position.filter(|position| plausible(*position, statement, &said));
    let (code, kind, help) = sort(&said);
    let mut lines = said.message.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let mut error = EngineError::new(code, kind, lines.next().unwrap_or("DuckDB gave no reason"));
    error.notes = lines.map(str::to_owned).collect();
    error.help = help;
    error.position = position;
    let about_rows =
        matches!(said.kind.as_str(), "Conversion" | "Out of Range" | "Constraint" | "Parser" | "Divide by Zero");
    error.lasts = about_rows && error.code == code::STATEMENT_REFUSED && kind == FailureKind::Permanent;
    error
}

/// Reads `{"exception_type": …}`, which may have `Parser Error: ` or `Failed to commit: ` before it.
fn from_json(text: &str) -> Option<Said> {
    let start = text.find("{\"exception_type\"")?;
    serde_json::from_str(&text[start..]).ok()
}

/// Reads `Binder Error: words`, a blank line, `LINE 2: …excerpt…` and the line with the caret.
fn from_plain(text: &str, statement: &str) -> (Said, Option<usize>) {
    let (kind, words) = match text.split_once(" Error: ") {
        Some((kind, words)) if !kind.contains(['\n', ':', '"']) => (kind, words),
        _ => ("", text),
    };
    let (words, position) = match words.rfind("\n\nLINE ") {
        Some(at) => (&words[..at], excerpt_position(&words[at + 2..], statement)),
        None => (words, None),
    };
    (Said { kind: kind.to_owned(), message: words.to_owned(), ..Said::default() }, position)
}

/// The byte that the caret below an excerpt points at.
///
/// The caret is counted in columns of a terminal, and the excerpt may be cut at both ends with `...`; the text is
/// looked for in that line of the statement, and the answer is given only if it stands there once.
fn excerpt_position(excerpt: &str, statement: &str) -> Option<usize> {
    let mut lines = excerpt.lines();
    let (shown, caret) = (lines.next()?, lines.next()?);
    let caret = caret.find('^')?;
    let (number, shown) = shown.strip_prefix("LINE ")?.split_once(": ")?;
    let line: usize = number.parse().ok()?;
    let mut column = caret.checked_sub("LINE : ".len() + number.len())?;
    let line_start = match line.checked_sub(2) {
        None => 0,
        Some(breaks) => statement.match_indices('\n').nth(breaks)?.0 + 1,
    };
    let line = &statement[line_start..];
    let line = line[..line.find('\n').unwrap_or(line.len())].trim_end_matches('\r');
    let mut shown = shown;
    let mut start = 0;
    if !line.starts_with(shown.trim_end_matches("...")) {
        shown = shown.strip_prefix("...")?;
        column = column.checked_sub(3)?;
        let body = if line.ends_with(shown) { shown } else { shown.strip_suffix("...")? };
        let mut places = line.match_indices(body);
        start = places.next()?.0;
        if places.next().is_some() {
            return None;
        }
    }
    let mut width = 0;
    for (at, character) in line[start..].char_indices() {
        if width >= column {
            return Some(line_start + start + at);
        }
        width += character.width().unwrap_or(0);
    }
    Some(line_start + line.len())
}

/// Whether the byte can be meant: an error inside a view or macro comes with a byte of *its* text.
///
/// The byte must start a token, the name that DuckDB gives must stand there, and a column that a cast came from must
/// stand at or after it.
fn plausible(position: usize, statement: &str, said: &Said) -> bool {
    if position > statement.len() || !statement.is_char_boundary(position) {
        return false;
    }
    let (before, after) = statement.split_at(position);
    let starts_token = |text: &str| text.starts_with(|first: char| !first.is_whitespace());
    let inside_word = before.ends_with(is_word) && after.starts_with(is_word);
    if after.is_empty() {
        return said.kind == "Parser";
    }
    if said.kind == "Parser" {
        return true;
    }
    if inside_word || !starts_token(after) {
        return false;
    }
    let contains = |name: &str| after.to_lowercase().contains(&name.to_lowercase());
    let source = said.message.rsplit_once("when casting from source column ").map(|(_, column)| column.trim());
    if let Some(column) = source
        && !contains(column)
    {
        return false;
    }
    // A name may be qualified where it stands (`o.amount` for `amount`) or in what DuckDB says (`missing.tab`).
    let last = said.name.rsplit('.').next().unwrap_or_default();
    last.is_empty() || dotted_name(after).to_lowercase().contains(&last.to_lowercase())
}

/// The name at the start of `text`, with quotes and dots: `o."Amount"`.
fn dotted_name(text: &str) -> &str {
    let mut quoted = false;
    let end = text.find(|character: char| {
        quoted ^= character == '"';
        !(quoted || is_word(character) || matches!(character, '.' | '"'))
    });
    &text[..end.unwrap_or(text.len())]
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Code, kind and way out.
fn sort(said: &Said) -> (crate::diagnostic::Code, FailureKind, Option<String>) {
    use FailureKind::{Cancelled, Connection, Permanent, Temporary};
    let message = said.message.as_str();
    let has = |part: &str| message.contains(part);
    let help = |text: &str| Some(text.to_owned());
    if has("No space left on device") || said.errno == "28" {
        return (code::DISK_FULL, Permanent, help("make room on the disk, then run again"));
    }
    if has("File too large") || has("Disk quota exceeded") || ["27", "122"].contains(&said.errno.as_str()) {
        let text =
            "the file system, a quota or `ulimit -f` does not let the file grow: raise it, or put the file elsewhere";
        return (code::DISK_FULL, Permanent, help(text));
    }
    if has("Ambiguous reference to catalog or schema") {
        let text = "a schema has the name of a database that is attached; rename one of them";
        return (code::STATEMENT_REFUSED, Permanent, help(text));
    }
    match said.kind.as_str() {
        "INTERRUPT" => (code::CANCELLED, Cancelled, None),
        "Catalog" if is_missing_relation(said) => (code::RELATION_MISSING, Permanent, None),
        // Not "Failed to commit: … constraint violation", which would fail again.
        "TransactionContext" if has("onflict") || has("another transaction") => {
            (code::TEMPORARY_FAILURE, Temporary, None)
        }
        _ if has("is an existing extension") => {
            let text = "name the extension below `extensions:` of the target, then `suiro debug --install-extensions`";
            (code::MISSING_EXTENSION, Permanent, help(text))
        }
        "IO" => sort_file(said),
        "Out of Memory" if has("max_temp_directory_size") => (
            code::DISK_FULL,
            Permanent,
            help("raise `max_temp_directory_size` below `settings:` of the target, or make room on the disk"),
        ),
        "Out of Memory" => (
            code::STATEMENT_REFUSED,
            Permanent,
            help("raise `memory_limit` below `settings:` of the target, or lower its `threads`"),
        ),
        "Permission" => (code::PERMISSION_DENIED, Permanent, None),
        "Invalid Input" | "Catalog" if has("read-only mode") => (code::NOT_READ_ONLY, Permanent, None),
        "Dependency" => (code::DEPENDENT_IN_THE_WAY, Permanent, None),
        "FATAL" => (code::CONNECTION_LOST, Connection, help("DuckDB has closed the database; run again")),
        _ if has("LOAD ") || has("exists in the ") && has(" extension") => {
            let text = "name the extension below `extensions:` of the target, then `suiro debug --install-extensions`";
            (code::MISSING_EXTENSION, Permanent, help(text))
        }
        _ => (code::STATEMENT_REFUSED, Permanent, None),
    }
}

fn is_missing_relation(said: &Said) -> bool {
    let schema = said.message.contains("because schema") && said.message.contains("does not exist");
    schema || said.error_subtype == "MISSING_ENTRY" && matches!(said.entry.as_str(), "Table" | "View" | "Schema")
}

/// Errors of opening and reading files.
fn sort_file(said: &Said) -> (crate::diagnostic::Code, FailureKind, Option<String>) {
    let has = |part: &str| said.message.contains(part);
    if has("Could not set lock on file") {
        let help = holder(&said.message).map_or_else(
            || "wait until the other program has closed the file; `--lock-wait 5m` does".to_owned(),
            |holder| format!("wait for {holder}, or end it; `--lock-wait 5m` waits"),
        );
        return (code::FILE_LOCKED, FailureKind::Temporary, Some(help));
    }
    if has("No files found that match the pattern") {
        let help = "paths that are not absolute start where suiro was called; a source with a `location` starts at the project";
        return (code::NO_DATA_FILES, FailureKind::Permanent, Some(help.to_owned()));
    }
    if has("not a valid DuckDB database file") {
        let help = "name another file as `path` of the target, or move this one away";
        return (code::UNREADABLE_DATABASE, FailureKind::Permanent, Some(help.to_owned()));
    }
    if has("Trying to read a database file with version number") {
        let help = "export it with the DuckDB that wrote it, or use a suiro that has that DuckDB";
        return (code::UNREADABLE_DATABASE, FailureKind::Permanent, Some(help.to_owned()));
    }
    if has("in read-only mode: database does not exist") {
        return (code::NO_SUCH_DATABASE, FailureKind::Permanent, None);
    }
    if has("Permission denied") || said.errno == "13" {
        return (code::PERMISSION_DENIED, FailureKind::Permanent, None);
    }
    (code::STATEMENT_REFUSED, FailureKind::Permanent, None)
}

/// Who holds the lock, as DuckDB names them: `/usr/bin/python3 (PID 4711) by user ann`, `PID 4711`.
pub fn holder(message: &str) -> Option<&str> {
    let (_, holder) = message.split_once("Conflicting lock is held in ")?;
    let end = holder.find(['\n']).unwrap_or(holder.len());
    let holder = &holder[..end];
    let holder = holder.split(". See also").next().unwrap_or(holder);
    Some(holder.split(". However").next().unwrap_or(holder).trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::{engine_error, from_text};
    use crate::{diagnostic::code, engine::FailureKind};

    #[test]
    fn a_position_of_another_text_is_not_shown() {
        // The byte is right for the text of the view `v`, where `b` stood.
        let text = r#"{"exception_type":"Binder","exception_message":"Referenced column \"b\" not found in FROM clause!\nCandidate bindings: \"a\"","position":"38","error_subtype":"COLUMN_NOT_FOUND","name":"b"}"#;
        let error = from_text(text, "select 1, 2, * from v where zzzzz = 'a'");
        assert_eq!(error.position, None);
        assert_eq!(error.message, "Referenced column \"b\" not found in FROM clause!");
        assert_eq!(error.notes, ["Candidate bindings: \"a\""]);
        let error = from_text(text, "select o.a, o.a as x, o.a as y, o.a+1,o.b from v as o");
        assert_eq!(error.position, Some(38));
        let error = from_text(text, "select o.a, o.a as x, o.a as y, o.a+1,\"o o\".\"b\" from v as \"o o\"");
        assert_eq!(error.position, Some(38));
    }

    #[test]
    fn a_cast_points_at_the_statement_that_has_the_column() {
        let text = r#"{"exception_type":"Conversion","exception_message":"Could not convert string 'x' to INT32 when casting from source column amount","position":"7"}"#;
        assert_eq!(from_text(text, "select amount::int from t").position, Some(7));
        assert_eq!(from_text(text, "select total from v").position, None);
        assert_eq!(from_text(text, "select").position, None);
    }

    #[test]
    fn a_syntax_error_at_the_end_points_at_the_end() {
        let text = r#"Parser Error: {"exception_type":"Parser","exception_message":"syntax error at end of input","error_subtype":"SYNTAX_ERROR","position":"7"}"#;
        assert_eq!(from_text(text, "select ").position, Some(7));
        assert_eq!(from_text(text, "sel").position, None);
    }

    #[test]
    fn reads_plain_text_with_an_excerpt() {
        let statement = "select 1,\n  漢字, nope\nfrom t";
        let text = "Binder Error: Referenced column \"nope\" not found!\nDid you mean \"a\"?\n\nLINE 2:   漢字, nope\n                ^";
        let error = from_text(text, statement);
        assert_eq!(error.position, statement.find("nope"));
        assert_eq!(error.message, "Referenced column \"nope\" not found!");
        assert_eq!(error.notes, ["Did you mean \"a\"?"]);
    }

    #[test]
    fn reads_an_excerpt_that_is_cut_at_both_ends() {
        let statement = format!("select '{}', nope, '{}' from t", "漢".repeat(70), "x".repeat(100));
        let text = format!(
            "Binder Error: no\n\nLINE 1: ...{}', nope, '{}...\n{}^",
            "漢".repeat(27),
            "x".repeat(50),
            " ".repeat("LINE 1: ...".len() + 2 * 27 + 3)
        );
        // 27 kanji fit in many places of the 70; with the quote behind them in one only.
        assert_eq!(from_text(&text, &statement).position, statement.find("nope"));
        let text = format!("Binder Error: no\n\nLINE 1: ...漢漢...\n{}^", " ".repeat(13));
        assert_eq!(from_text(&text, &statement).position, None, "stands there more than once");
    }

    #[test]
    fn names_the_holder_of_a_lock() {
        let text = "IO Error: Could not set lock on file \"/x/clinic.duckdb\": Conflicting lock is held in /usr/bin/python3.11 (PID 4711) by user ann. See also https://duckdb.org/docs/stable/connect/concurrency";
        let error = from_text(text, "");
        assert_eq!((error.code, error.kind), (code::FILE_LOCKED, FailureKind::Temporary));
        assert_eq!(
            error.help.as_deref(),
            Some("wait for /usr/bin/python3.11 (PID 4711) by user ann, or end it; `--lock-wait 5m` waits")
        );
    }

    #[test]
    fn sorts_what_passes_from_what_does_not() {
        for (kind, message, code, failure) in [
            ("TransactionContext", "Conflict on update!", code::TEMPORARY_FAILURE, FailureKind::Temporary),
            (
                "TransactionContext",
                "Catalog write-write conflict on create with \"t\"",
                code::TEMPORARY_FAILURE,
                FailureKind::Temporary,
            ),
            (
                "TransactionContext",
                "Transaction conflict: attempting to insert into table \"t\" but it has been altered by a different transaction",
                code::TEMPORARY_FAILURE,
                FailureKind::Temporary,
            ),
            (
                "TransactionContext",
                "Failed to commit: PRIMARY KEY or UNIQUE constraint violation: duplicate key \"1\"",
                code::STATEMENT_REFUSED,
                FailureKind::Permanent,
            ),
            (
                "TransactionContext",
                "Current transaction is aborted (please ROLLBACK)",
                code::STATEMENT_REFUSED,
                FailureKind::Permanent,
            ),
            ("INTERRUPT", "Interrupted!", code::CANCELLED, FailureKind::Cancelled),
            ("IO", "Could not write file \"x\": No space left on device", code::DISK_FULL, FailureKind::Permanent),
            (
                "Out of Memory",
                "failed to offload data block of size 1 (1/1 used).\nThis limit was set by the 'max_temp_directory_size' setting.",
                code::DISK_FULL,
                FailureKind::Permanent,
            ),
            ("IO", "Cannot open file \"x\": Permission denied", code::PERMISSION_DENIED, FailureKind::Permanent),
            ("Permission", "Cannot access file \"x\"", code::PERMISSION_DENIED, FailureKind::Permanent),
            (
                "Invalid Input",
                "Cannot execute statement of type \"CREATE\" on database \"x\" which is attached in read-only mode!",
                code::NOT_READ_ONLY,
                FailureKind::Permanent,
            ),
            ("Dependency", "Cannot drop entry \"x\"", code::DEPENDENT_IN_THE_WAY, FailureKind::Permanent),
            ("Binder", "whatever", code::STATEMENT_REFUSED, FailureKind::Permanent),
        ] {
            let error = from_text(&format!("{kind} Error: {message}"), "");
            assert_eq!((error.code.id, error.kind), (code.id, failure), "{kind}: {message}");
        }
    }

    #[test]
    fn a_nul_byte_has_its_place() {
        let nul = std::ffi::CString::new("select '\0'").unwrap_err();
        assert_eq!(engine_error(&duckdb::Error::NulError(nul), "select '\0'").position, Some(8));
    }

    #[test]
    fn never_panics_on_strange_text() {
        for text in [
            "",
            "LINE 1: x\n^",
            "x Error: \n\nLINE 9: 漢\n ^",
            "\n\nLINE 99999999999999999999: a\n^",
            "{\"exception_type\"",
        ] {
            for statement in ["", "漢", "a\nb"] {
                from_text(text, statement);
            }
        }
    }
}
