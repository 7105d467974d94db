//! PostgreSQL's errors to [`EngineError`]s.
//!
//! Sorted by SQLSTATE, which does not depend on the server's language; its words only add a way out.
//! Source: "PostgreSQL Error Codes", appendix A of its manual.

use crate::{
    diagnostic::{Code, code},
    engine::{EngineError, FailureKind, LoadPlace, scan},
};
use std::error::Error as _;
use tokio_postgres::error::{DbError, ErrorPosition};

/// What is known about the session when an error comes.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The statement, exactly as it was sent.
    pub statement: &'a str,
    /// The role that it ran as, for people.
    pub role: &'a str,
    /// Whether suiro asked for it to be cancelled.
    pub interrupted: bool,
}

/// The error of a statement.
pub fn engine_error(error: &tokio_postgres::Error, situation: Situation<'_>) -> EngineError {
    if let Some(refusal) = error.as_db_error() {
        return refused(refusal, situation);
    }
    let source = error.source().map(ToString::to_string);
    let lost = error.is_closed() || error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    if lost {
        let mut lost = EngineError::new(code::CONNECTION_LOST, FailureKind::Connection, "the connection was lost");
        lost.notes.extend(source);
        return lost;
    }
    let mut permanent = EngineError::new(code::STATEMENT_REFUSED, FailureKind::Permanent, error.to_string());
    permanent.notes.extend(source);
    permanent
}

/// What the server said.
pub fn refused(refusal: &DbError, situation: Situation<'_>) -> EngineError {
    let state = refusal.code().code();
    let (code, kind) = sort(refusal, situation);
    let mut error = EngineError::new(code, kind, one_line(refusal.message()));
    error.sqlstate = Some(state.to_owned());
    // Data, cardinality, keys and checks, syntax. Not what depends on other tables, objects, rights or room.
    error.lasts = kind == FailureKind::Permanent
        && (matches!(&state[..2.min(state.len())], "21" | "22")
            || matches!(state, "23502" | "23505" | "23514" | "42601" | "42803"));
    match refusal.position() {
        Some(ErrorPosition::Original(position)) => error.position = byte_of(situation.statement, *position),
        Some(ErrorPosition::Internal { position, query }) => {
            let at = byte_of(query, *position).unwrap_or(query.len());
            let line = query[..at].matches('\n').count();
            let line = query.lines().nth(line).unwrap_or_default().trim();
            error.notes.push(["in a query that the server made: ", line].concat());
        }
        None => {}
    }
    error.notes.extend(refusal.detail().map(|detail| detail.trim_end().to_owned()));
    error.notes.extend(refusal.hint().map(|hint| ["hint: ", hint.trim_end()].concat()));
    error.notes.extend(refusal.where_().map(|context| context.trim_end().to_owned()));
    error.help = help(refusal, state, situation);
    error
}

/// The byte of the character that PostgreSQL counts from 1; the text's end, if it points right behind it.
fn byte_of(statement: &str, position: u32) -> Option<usize> {
    let index = usize::try_from(position).ok()?.checked_sub(1)?;
    statement.char_indices().map(|(at, _)| at).chain([statement.len()]).nth(index)
}

/// Messages may have several lines (from `raise`); one is shown as title.
fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Code and kind by SQLSTATE: the exact one first, then its class.
fn sort(refusal: &DbError, situation: Situation<'_>) -> (Code, FailureKind) {
    use FailureKind::{Cancelled, Connection, Permanent, Temporary};
    let state = refusal.code().code();
    match state {
        // Serialization, deadlock, completion unknown, object in use.
        "40001" | "40P01" | "40003" | "55006" => (code::TEMPORARY_FAILURE, Temporary),
        // Two sessions made or altered the same thing at once: the catalog's own unique indexes say so.
        "23505" if refusal.schema() == Some("pg_catalog") => (code::TEMPORARY_FAILURE, Temporary),
        "XX000" if refusal.message().contains("concurrently") || refusal.message().contains("cache lookup failed") => {
            (code::TEMPORARY_FAILURE, Temporary)
        }
        "55P03" => (code::LOCK_NOT_HAD, Temporary),
        "57014" if situation.interrupted => (code::CANCELLED, Cancelled),
        "57P01" | "57P02" | "57P04" | "57P05" | "25P03" | "25P04" => (code::CONNECTION_LOST, Connection),
        "57P03" | "53300" => (code::CANNOT_CONNECT, Connection),
        "53100" => (code::DISK_FULL, Permanent),
        "53200" if refusal.hint().is_some_and(|hint| hint.contains("max_locks_per_transaction")) => {
            (code::TOO_MANY_LOCKS, Permanent)
        }
        "42501" => (code::PERMISSION_DENIED, Permanent),
        "42P01" | "3F000" => (code::RELATION_MISSING, Permanent),
        "2BP01" => (code::DEPENDENT_IN_THE_WAY, Permanent),
        "25006" => (code::NOT_READ_ONLY, Permanent),
        "3D000" => (code::NO_SUCH_DATABASE, Permanent),
        _ => match state.get(..2).unwrap_or_default() {
            // A limit that was configured (temp_file_limit) does not pass.
            "53" if state == "53400" => (code::STATEMENT_REFUSED, Permanent),
            "08" => (code::CONNECTION_LOST, Connection),
            "53" => (code::TEMPORARY_FAILURE, Temporary),
            "28" => (code::LOGIN_REFUSED, Permanent),
            _ => (code::STATEMENT_REFUSED, Permanent),
        },
    }
}

fn help(refusal: &DbError, state: &str, situation: Situation<'_>) -> Option<String> {
    let text = match state {
        "42501" => return Some(grant(refusal.message(), situation)),
        "57014" if !situation.interrupted => {
            "it took longer than the server's `statement_timeout` (a key of the target), or somebody cancelled it there"
        }
        "53100" => "make room on the server's disk, then run again",
        "53200" if refusal.hint().is_some_and(|hint| hint.contains("max_locks_per_transaction")) => {
            "raise `max_locks_per_transaction` on the server, or publish in smaller parts"
        }
        "53300" => "lower `threads` of the target, or raise `max_connections` on the server",
        "53400" => "the server limits temporary files: raise `temp_file_limit` for this role",
        _ => return None,
    };
    Some(text.to_owned())
}

/// The GRANT that is missing, as far as the server's words tell.
fn grant(message: &str, situation: Situation<'_>) -> String {
    let role = situation.role;
    let first = scan::first_word(situation.statement).unwrap_or_default().to_ascii_lowercase();
    let (rights, object) = match message.strip_prefix("permission denied for ").and_then(object_of) {
        Some(("schema", name)) if matches!(first.as_str(), "create" | "alter" | "comment" | "drop") => {
            ("usage, create", ["schema ", name].concat())
        }
        Some(("schema", name)) => ("usage", ["schema ", name].concat()),
        Some(("database", name)) => ("create", ["database ", name].concat()),
        Some(("function" | "procedure", name)) => ("execute", ["function ", name].concat()),
        Some((kind @ ("sequence" | "type" | "language" | "foreign server" | "tablespace"), name)) => {
            (if kind == "tablespace" { "create" } else { "usage" }, [kind, " ", name].concat())
        }
        Some((_, name)) => {
            let rights = match first.as_str() {
                "insert" => "select, insert",
                "update" => "select, update",
                "delete" => "select, delete",
                "merge" => "select, insert, update, delete",
                "copy" => "insert",
                "truncate" => "truncate",
                _ => "select",
            };
            (rights, name.to_owned())
        }
        None if message.starts_with("permission denied to set role") => {
            let wanted = message.split('"').nth(1).unwrap_or("that role");
            return format!("let an administrator run `grant {wanted} to {role}`");
        }
        None if message.starts_with("must be ") => {
            return format!(
                "let its owner run `alter … owner to {role}`, or an administrator GRANT the owner's role to {role}"
            );
        }
        None => return format!("the role `{role}` needs a GRANT for what the message names"),
    };
    format!("let its owner run `grant {rights} on {object} to {role}`")
}

/// `materialized view x` to its kind and name.
fn object_of(text: &str) -> Option<(&str, &str)> {
    const KINDS: [&str; 13] = [
        "materialized view",
        "foreign server",
        "foreign table",
        "schema",
        "database",
        "function",
        "procedure",
        "sequence",
        "language",
        "tablespace",
        "table",
        "view",
        "type",
    ];
    KINDS.iter().find_map(|kind| Some((*kind, text.strip_prefix(kind)?.strip_prefix(' ')?)))
}

/// Where a COPY into the table of that name failed, from the context: `COPY t, line 3, column amount: "x"`. The row is
/// the line, because suiro sends no header and escapes line breaks.
pub fn load_place(context: &str, table: &str) -> Option<LoadPlace> {
    let rest =
        context.lines().find_map(|line| line.strip_prefix("COPY ")?.strip_prefix(table)?.strip_prefix(", line "))?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let row = rest[..digits].parse().ok()?;
    let column = rest[digits..].strip_prefix(", column ").map(|column| {
        // A column's name may itself have a colon; the value comes behind the last `: "` or `: null input`.
        let end = column.find(": \"").or_else(|| column.find(": null input")).unwrap_or(column.len());
        column[..end].to_owned()
    });
    Some(LoadPlace { row, column })
}

#[cfg(test)]
mod tests {
    use super::{Situation, byte_of, grant, load_place};
    use crate::engine::LoadPlace;

    #[test]
    fn positions_are_counted_in_characters() {
        let statement = "select '漢字', x";
        assert_eq!(byte_of(statement, 1), Some(0));
        assert_eq!(byte_of(statement, 14), statement.find('x'));
        assert_eq!(&statement[byte_of(statement, 14).unwrap()..], "x");
        assert_eq!(byte_of(statement, 15), Some(statement.len()));
        assert_eq!(byte_of(statement, 16), None);
        assert_eq!(byte_of(statement, 0), None);
    }

    #[test]
    fn names_the_missing_grant() {
        for (statement, message, expected) in [
            ("select 1", "permission denied for table orders", "grant select on orders to ann"),
            ("insert into x select 1", "permission denied for view v", "grant select, insert on v to ann"),
            (
                "create table s.t as select 1",
                "permission denied for schema s",
                "grant usage, create on schema s to ann",
            ),
            ("select * from s.t", "permission denied for schema s", "grant usage on schema s to ann"),
            ("create schema s", "permission denied for database d", "grant create on database d to ann"),
            ("select f()", "permission denied for function f", "grant execute on function f to ann"),
            ("select 1", "permission denied for materialized view m v", "grant select on m v to ann"),
            ("", "permission denied to set role \"boss\"", "grant boss to ann"),
            ("", "must be owner of table t", "alter … owner to ann"),
            ("", "keine Berechtigung für Tabelle t", "GRANT"),
        ] {
            let help = grant(message, Situation { statement, role: "ann", interrupted: false });
            assert!(help.contains(expected), "{message}: {help}");
        }
    }

    #[test]
    fn finds_the_row_of_a_load() {
        for (context, row, column) in [
            ("COPY t, line 3, column amount: \"x\"", 3, Some("amount")),
            ("COPY t, line 12: \"1\t2\"", 12, None),
            ("COPY t, line 4, column a: b: \"x: \"y\"", 4, Some("a: b")),
            ("COPY t, line 4, column b: null input", 4, Some("b")),
            ("PL/pgSQL function x() line 3\nCOPY t, line 5, column c: \"1\"", 5, Some("c")),
        ] {
            let place = LoadPlace { row, column: column.map(str::to_owned) };
            assert_eq!(load_place(context, "t"), Some(place), "{context}");
        }
        let strange = load_place("COPY t, line 9, line 5: \"x\"", "t, line 9");
        assert_eq!(strange, Some(LoadPlace { row: 5, column: None }));
        assert_eq!(load_place("SQL function \"f\" statement 1", "t"), None);
    }
}
