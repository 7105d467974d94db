//! Where a PostgreSQL server is and how to log in: what the target says, the connection string, the service file, the
//! environment and libpq's defaults, in this order, joined.
//!
//! In: options, an environment, the service file. Out: parameters. Never: a connection, or a password in an error.

use super::{
    conninfo::{self, PARAMETERS, Parameters, Treatment},
    service,
};
use crate::{
    diagnostic::{closest, code},
    engine::{EngineError, Environment, FailureKind},
};
use fs_err as fs;
use std::{collections::BTreeMap, path::PathBuf};

/// What a target says about its PostgreSQL server; whatever is missing or empty comes from `url`, the service file,
/// libpq's environment variables and libpq's defaults, in this order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PostgresOptions {
    /// A connection string: `postgresql://…` or `key=value …`.
    pub url: Option<String>,
    /// A host name, an address, or the folder of a unix socket; several with commas between.
    pub host: Option<String>,
    /// The port; several with commas between.
    pub port: Option<String>,
    /// The role to log in as.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// The database.
    pub dbname: Option<String>,
    /// `disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`.
    pub sslmode: Option<String>,
    /// A file with the certificates that sign servers', or `system`.
    pub sslrootcert: Option<String>,
    /// The file with the client's certificate.
    pub sslcert: Option<String>,
    /// The file with its key, which nobody else may read.
    pub sslkey: Option<String>,
    /// The role to work as (SET ROLE).
    pub role: Option<String>,
    /// Seconds that making a connection may take; 10 by default, 0 is no limit.
    pub connect_timeout: Option<String>,
    /// What PostgreSQL takes for `statement_timeout`: `30s`, `5min`.
    pub statement_timeout: Option<String>,
    /// Replaces `suiro <purpose>`.
    pub application_name: Option<String>,
    /// PostgreSQL's own settings by name.
    pub settings: BTreeMap<String, String>,
    /// Refuses statements that write.
    pub read_only: bool,
}

impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // `url` and `password` are secrets.
        formatter
            .debug_struct("PostgresOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("dbname", &self.dbname)
            .finish_non_exhaustive()
    }
}

/// A connection setting that cannot be followed.
pub fn wrong(message: impl Into<String>) -> EngineError {
    EngineError::new(code::BAD_CONNECTION_SETTING, FailureKind::Permanent, message)
}

/// The parameters of all sources, the closest winning. An empty value counts as missing everywhere, as in libpq.
pub fn gather(options: &PostgresOptions, environment: Environment<'_>) -> Result<Parameters, EngineError> {
    let mut parameters = match options.url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
        Some(url) => conninfo::parse(url).map_err(|error| {
            let help = match &error {
                conninfo::Unreadable::Unknown(name) => closest(name, PARAMETERS.iter().map(|known| known.name))
                    .map(|name| format!("did you mean `{name}`?")),
                _ => Some("write it like `postgresql://user@host:5432/database`".to_owned()),
            };
            let wrong = wrong(format!("`url` cannot be read: {error}"));
            EngineError { help, ..wrong }
        })?,
        None => Parameters::new(),
    };
    let written = [
        ("host", &options.host),
        ("port", &options.port),
        ("user", &options.user),
        ("password", &options.password),
        ("dbname", &options.dbname),
        ("sslmode", &options.sslmode),
        ("sslrootcert", &options.sslrootcert),
        ("sslcert", &options.sslcert),
        ("sslkey", &options.sslkey),
        ("connect_timeout", &options.connect_timeout),
        ("application_name", &options.application_name),
    ];
    for (name, value) in written {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            parameters.insert(name.to_owned(), value.clone());
        }
    }
    // An address in the URL belongs to the URL's host.
    if options.host.as_ref().is_some_and(|host| !host.is_empty()) {
        parameters.remove("hostaddr");
    }
    add_service(&mut parameters, environment)?;
    for parameter in PARAMETERS {
        let value = parameter.variable.and_then(environment).filter(|value| !value.is_empty());
        if let Some(value) = value
            // A host from closer by makes an address from afar meaningless.
            && !(parameter.name == "hostaddr" && parameters.contains_key("host"))
            && !parameters.contains_key(parameter.name)
        {
            parameters.insert(parameter.name.to_owned(), value);
        }
    }
    check_treatment(&parameters)?;
    Ok(parameters)
}

/// Adds what the service says, if one is named.
fn add_service(parameters: &mut Parameters, environment: Environment<'_>) -> Result<(), EngineError> {
    let named = |parameters: &Parameters, name: &str, variable: &str| {
        parameters.get(name).cloned().or_else(|| environment(variable)).filter(|value| !value.is_empty())
    };
    let Some(name) = named(parameters, "service", "PGSERVICE") else { return Ok(()) };
    let written = named(parameters, "servicefile", "PGSERVICEFILE").map(PathBuf::from);
    let own = written.clone().or_else(|| Some(PathBuf::from(environment("HOME")?).join(".pg_service.conf")));
    let system = environment("PGSYSCONFDIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let system = system.map_or_else(
        || vec![PathBuf::from("/etc/postgresql-common"), PathBuf::from("/etc/postgresql"), PathBuf::from("/etc")],
        |folder| vec![folder],
    );
    let files = own.into_iter().chain(system.into_iter().map(|folder| folder.join("pg_service.conf")));
    for file in files {
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if written.as_ref() == Some(&file) => {
                return Err(wrong(format!("the service file cannot be read: {error}")));
            }
            Err(_) => continue,
        };
        let found = service::find(&text, &name)
            .map_err(|line| wrong(format!("line {line} of the service file `{}` cannot be read", file.display())))?;
        if let Some(found) = found {
            for (key, value) in found {
                if !(key == "hostaddr" && parameters.contains_key("host")) {
                    parameters.entry(key).or_insert(value);
                }
            }
            return Ok(());
        }
    }
    Err(wrong(format!("the service `{name}` is in no service file"))
        .with_help("services stand in `~/.pg_service.conf`, or where PGSERVICEFILE says"))
}

/// Refuses what suiro cannot follow and must not ignore.
fn check_treatment(parameters: &Parameters) -> Result<(), EngineError> {
    for parameter in PARAMETERS {
        if let Treatment::Refuse(allowed) = parameter.treatment
            && let Some(value) = parameters.get(parameter.name)
            && !allowed.contains(&value.as_str())
        {
            return Err(wrong(format!("suiro does not support the connection parameter `{}`", parameter.name)));
        }
    }
    Ok(())
}
