//! The database to build in.
//!
//! In: the entry of `targets:` that was chosen. Out: a [`Target`], complete and typed. Never: a connection, or a default
//! that belongs to the database's own client library (those stay `None` for `engine/`).

mod choose;
mod duckdb_target;
mod secret;

pub(crate) use choose::{Wishes, choose};
pub use duckdb_target::{Attached, DuckDbSecret, DuckDbTarget, Extension};
pub use secret::Secret;
use secret::passwords_in;
pub(crate) use secret::{maskable, secrets_in_broken, texts_of, written_secrets};

use super::{
    field::{Fields, Given, Reader},
    key,
    render::is_template,
    value::text,
    yaml::{Content, Entry, Node},
};
use crate::{
    diagnostic::{Diagnostic, code},
    dialect::Dialect,
    source::Span,
};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// How long a publish tries to get its locks, where the target does not say.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

/// The schema that keeps what was built, where the target names no other.
const STATE_SCHEMA: &str = "suiro";

/// A database, and how to build in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name in `targets:`.
    pub name: String,
    /// The schema of models and seeds that name none.
    pub schema: String,
    /// The schema that keeps what was built.
    pub state_schema: String,
    /// How many models are built at the same time.
    pub threads: usize,
    /// Settings of the session, by their names in the database.
    pub settings: BTreeMap<String, String>,
    /// Whether rows that may not come back, and relations, are only taken away after a confirmation.
    pub protected: bool,
    /// The engine and how to reach it.
    pub kind: TargetKind,
    /// Where the target is written.
    pub span: Span,
    /// Where each key was given, so that what the database says about one can point at it.
    pub places: BTreeMap<&'static str, Span>,
}

/// The engine of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetKind {
    /// DuckDB, in this process.
    DuckDb(DuckDbTarget),
    /// A PostgreSQL server.
    Postgres(Box<PostgresTarget>),
}

/// A PostgreSQL server; what is not given comes from libpq's variables, the service file and `.pgpass`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostgresTarget {
    /// All of the connection in one, with a scheme of `postgres` or `postgresql`; the fields below go first.
    pub url: Option<Secret>,
    /// The server's name or address, or the folder of its socket.
    pub host: Option<String>,
    /// The server's port.
    pub port: Option<u16>,
    /// The role to log in as.
    pub user: Option<String>,
    /// Its password, or the token that is sent in its place.
    pub password: Option<Secret>,
    /// The database.
    pub dbname: Option<String>,
    /// An entry of the service file.
    pub service: Option<String>,
    /// How the connection is encrypted, in libpq's words.
    pub sslmode: Option<String>,
    /// The file with the certificates to trust; `system` for the system's.
    pub sslrootcert: Option<PathBuf>,
    /// The file with the client's certificate.
    pub sslcert: Option<PathBuf>,
    /// The file with its key.
    pub sslkey: Option<PathBuf>,
    /// The role to change to after the login.
    pub role: Option<String>,
    /// How long to wait for a connection.
    pub connect_timeout: Option<Duration>,
    /// How long one statement may take.
    pub statement_timeout: Option<Duration>,
    /// How long a publish tries to get its locks.
    pub publish_timeout: Option<Duration>,
    /// Schemas that exist already, to stage in where none are to be made.
    pub staging_schemas: Vec<String>,
    /// What the server's administrator sees.
    pub application_name: Option<String>,
}

impl Target {
    /// The dialect of its SQL.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.kind {
            TargetKind::DuckDb(_) => Dialect::DuckDb,
            TargetKind::Postgres(_) => Dialect::Postgres,
        }
    }

    /// How long a publish tries to get its locks.
    #[must_use]
    pub fn publish_timeout(&self) -> Duration {
        let given = match &self.kind {
            TargetKind::Postgres(postgres) => postgres.publish_timeout,
            TargetKind::DuckDb(_) => None,
        };
        given.unwrap_or(PUBLISH_TIMEOUT)
    }

    /// The schemas to stage in, where none are to be made.
    #[must_use]
    pub fn staging_schemas(&self) -> &[String] {
        match &self.kind {
            TargetKind::Postgres(postgres) => &postgres.staging_schemas,
            TargetKind::DuckDb(_) => &[],
        }
    }

    /// The place of the first of these keys that was given, else of the target.
    #[must_use]
    pub fn place(&self, keys: &[&str]) -> Span {
        keys.iter().find_map(|key| self.places.get(key).copied()).unwrap_or(self.span)
    }
}

/// Where a target stands and what surrounds it.
pub(crate) struct Context<'c> {
    /// The project's folder.
    pub(crate) root: &'c std::path::Path,
    /// The project's name.
    pub(crate) project: &'c str,
}

/// Reads the target of that name; nothing if its engine is not known. The texts are its secrets.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    name: &Given<String>,
    node: &Node,
    context: &Context<'_>,
) -> (Option<Target>, Vec<String>) {
    let what = format!("the target `{}`", name.value);
    let Content::Map(entries) = &node.content else {
        reader.fields(node, &key::DUCKDB, &what);
        if node.is_null() {
            reader.missing("type", &what, name.span, "write `type: duckdb` or `type: postgres`");
        }
        return (None, Vec::new());
    };
    let Some(dialect) = engine(reader, entries, &what, name.span) else { return (None, Vec::new()) };
    let (table, schema) = match dialect {
        Dialect::DuckDb => (&key::DUCKDB, "main"),
        Dialect::Postgres => (&key::POSTGRES, "public"),
    };
    let fields = reader.fields(node, table, &what);
    let mut secrets = Vec::new();
    let kind = match dialect {
        Dialect::DuckDb => TargetKind::DuckDb(duckdb_target::read(reader, &fields, context, &mut secrets)),
        Dialect::Postgres => TargetKind::Postgres(Box::new(postgres(reader, &fields, context, &mut secrets))),
    };
    let target = Target {
        name: name.value.clone(),
        schema: fields.string("schema").filter(|schema| !schema.is_empty()).unwrap_or_else(|| schema.to_owned()),
        state_schema: filled(&fields, "state_schema").unwrap_or_else(|| STATE_SCHEMA.to_owned()),
        threads: fields.number("threads").and_then(|threads| usize::try_from(threads).ok()).unwrap_or(4),
        settings: fields.text_map("settings"),
        protected: fields.boolean("protected").unwrap_or(false),
        kind,
        span: name.span,
        places: fields.iter().map(|field| (field.key.name, field.node.span)).collect(),
    };
    (Some(target), secrets)
}

/// Looks at a target that was not chosen: its templates are left alone, and what is wrong with it is a warning.
pub(crate) fn glance(name: &Given<String>, node: &Node, context: &Context<'_>) -> Vec<Diagnostic> {
    let entries = node.entries().unwrap_or_default();
    let kind = entries.iter().find(|entry| entry.key == "type").and_then(|entry| text(&entry.value));
    if kind.is_some_and(|kind| is_template(&kind)) {
        return Vec::new();
    }
    let mut reader = Reader::blind();
    read(&mut reader, name, node, context);
    reader.found.retain(|found| [code::UNKNOWN_KEY, code::WRONG_VALUE].contains(&found.code));
    reader.found.into_iter().map(Diagnostic::as_warning).collect()
}

/// The engine, which decides what the other keys are.
fn engine(reader: &mut Reader<'_>, entries: &[Entry], what: &str, name: Span) -> Option<Dialect> {
    let types = entries.iter().filter(|entry| entry.key == "type");
    let before = reader.found.len();
    // Only this one key is read here, and only it may complain; the others are read once it is known.
    let fields = reader.entries(types, &key::DUCKDB, what);
    if !fields.has("type") {
        reader.missing("type", what, name, "write `type: duckdb` or `type: postgres`");
    }
    match fields.string("type").as_deref() {
        Some("duckdb") => Some(Dialect::DuckDb),
        Some("postgres") => Some(Dialect::Postgres),
        _ => {
            if let Some(found) = reader.found.get_mut(before)
                && let Some(entry) = entries.iter().find(|entry| entry.key == "type")
                && let Content::Scalar(scalar) = &entry.value.content
                && ["postgresql", "pg"].contains(&scalar.text.as_str())
            {
                found.help = vec!["did you mean `postgres`?".to_owned()];
            }
            None
        }
    }
}

fn postgres(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    context: &Context<'_>,
    secrets: &mut Vec<String>,
) -> PostgresTarget {
    let url = filled(fields, "url");
    if let (Some(url), Some(field)) = (&url, fields.get("url")) {
        secrets.extend(passwords_in(url));
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            let message = "`url` starts with `postgres://` or `postgresql://`, and this does not";
            reader.found.push(
                Diagnostic::error(code::WRONG_VALUE, message).at(field.node.span, "").help(
                    "write `postgres://user@host:port/dbname`, or use the keys `host`, `port`, `user` and `dbname`",
                ),
            );
        }
    }
    let (password, token) = (filled(fields, "password"), filled(fields, "token"));
    if let (Some(_), Some(_), Some(field)) = (&password, &token, fields.get("token")) {
        let twice =
            Diagnostic::error(code::WRONG_VALUE, "the target has a `password` and a `token`, and can send only one");
        reader.found.push(twice.at(field.key_span, "").help("remove one of the two"));
    }
    let password = password.or(token);
    secrets.extend(password.clone());
    let milliseconds = |name: &str| fields.number(name).map(Duration::from_millis);
    PostgresTarget {
        url: url.map(Secret::new),
        host: filled(fields, "host"),
        port: fields.number("port").and_then(|port| u16::try_from(port).ok()),
        user: filled(fields, "user"),
        password: password.map(Secret::new),
        dbname: filled(fields, "dbname"),
        service: filled(fields, "service"),
        sslmode: filled(fields, "sslmode"),
        sslrootcert: filled(fields, "sslrootcert").map(|path| match path.as_str() {
            "system" => PathBuf::from(path),
            _ => context.root.join(path),
        }),
        sslcert: filled(fields, "sslcert").map(|path| context.root.join(path)),
        sslkey: filled(fields, "sslkey").map(|path| context.root.join(path)),
        role: filled(fields, "role"),
        connect_timeout: milliseconds("connect_timeout"),
        statement_timeout: milliseconds("statement_timeout"),
        publish_timeout: milliseconds("publish_timeout"),
        staging_schemas: texts(fields, "staging_schema"),
        application_name: filled(fields, "application_name"),
    }
}

/// Texts that are not empty, each once.
fn texts(fields: &Fields<'_>, name: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for text in fields.texts(name).into_iter().map(|given| given.value).filter(|text| !text.is_empty()) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// A text that is not empty: an empty one, mostly a variable that is not set, counts as not given.
fn filled(fields: &Fields<'_>, name: &str) -> Option<String> {
    fields.string(name).filter(|text| !text.is_empty())
}
