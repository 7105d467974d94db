//! Everything that a connection needs, in values that cannot be wrong any more.
//!
//! In: the parameters that `options` has gathered. Out: a [`Plan`]. Never: a connection, or a password in an error.

use super::{
    conninfo::Parameters,
    options::{PostgresOptions, gather, wrong},
    passfile::{self, Login, Passfile},
};
use crate::engine::{EngineError, Environment};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// How much TLS is asked for; libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    const ALL: [(&'static str, Self); 6] = [
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("prefer", |(name, _)| name)
    }
}

/// Which certificates may sign a server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// None are known.
    None,
    /// Those that the system trusts.
    System,
    /// Those in a file.
    File(PathBuf),
}

/// Where one server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name to be looked up, or an address.
    Name(String),
    /// The folder of a unix socket.
    Socket(PathBuf),
}

/// One server to try.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub host: Host,
    /// The address, where it is not to be looked up.
    pub address: Option<IpAddr>,
    pub port: u16,
    pub password: Option<String>,
}

impl Endpoint {
    /// For people: `localhost:5432`, `/tmp:5432`, `[::1]:5432`.
    pub fn place(&self) -> String {
        let host = match &self.host {
            Host::Name(name) if name.contains(':') => format!("[{name}]"),
            Host::Name(name) => name.clone(),
            Host::Socket(folder) => folder.display().to_string(),
        };
        format!("{host}:{}", self.port)
    }
}

/// How keepalive probes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalives {
    pub idle: Duration,
    pub interval: Duration,
    pub count: u32,
}

/// Everything that a connection needs.
#[derive(Clone)]
pub struct Plan {
    /// The servers to try, in order; at least one.
    pub endpoints: Vec<Endpoint>,
    pub user: Option<String>,
    pub dbname: Option<String>,
    /// libpq's `options`: command line options for the server.
    pub options: Option<String>,
    pub application_name: Option<String>,
    pub connect_timeout: Option<Duration>,
    pub ssl_mode: SslMode,
    pub roots: Roots,
    /// The files of the client's certificate and key.
    pub identity: Option<(PathBuf, PathBuf)>,
    pub channel_binding: tokio_postgres::config::ChannelBinding,
    pub session: tokio_postgres::config::TargetSessionAttrs,
    pub keepalives: Option<Keepalives>,
    pub tcp_user_timeout: Option<Duration>,
    pub role: Option<String>,
    pub statement_timeout: Option<String>,
    pub settings: BTreeMap<String, String>,
    pub read_only: bool,
    /// Why a password may be missing, to be said when the login fails.
    pub notes: Vec<String>,
}

const DEFAULT_PORT: u16 = 5432;
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that is gone is noticed within a minute.
const DEFAULT_KEEPALIVES: Keepalives =
    Keepalives { idle: Duration::from_secs(30), interval: Duration::from_secs(10), count: 3 };
/// Where servers put their sockets: Debian and Red Hat, then PostgreSQL itself.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

impl Plan {
    /// Joins all sources.
    pub fn resolve(options: &PostgresOptions, environment: Environment<'_>) -> Result<Self, EngineError> {
        let parameters = gather(options, environment)?;
        let get = |name: &str| parameters.get(name).map(String::as_str);
        let ssl_mode = choice("sslmode", get("sslmode"), &SslMode::ALL)?.unwrap_or(SslMode::Prefer);
        let home = environment("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let mut notes = Vec::new();
        let endpoints = endpoints(&parameters, environment, home.as_deref(), &mut notes)?;
        let sockets_only = endpoints.iter().all(|endpoint| matches!(endpoint.host, Host::Socket(_)));
        let connect_timeout = match number::<u64>("connect_timeout", get("connect_timeout"))? {
            None => Some(DEFAULT_CONNECT_TIMEOUT),
            Some(0) => None,
            // libpq rounds one second up to two as well.
            Some(seconds) => Some(Duration::from_secs(seconds.max(2))),
        };
        Ok(Self {
            endpoints,
            user: get("user").map(str::to_owned),
            dbname: get("dbname").map(str::to_owned),
            options: get("options").map(str::to_owned),
            application_name: get("application_name").map(str::to_owned),
            connect_timeout,
            ssl_mode,
            // On sockets there is no TLS, and nothing to check.
            roots: if sockets_only { Roots::None } else { roots(ssl_mode, get("sslrootcert"), home.as_deref())? },
            identity: if sockets_only || ssl_mode == SslMode::Disable {
                None
            } else {
                identity(&parameters, home.as_deref())?
            },
            channel_binding: channel_binding(get("channel_binding"))?,
            session: session(get("target_session_attrs"))?,
            keepalives: keepalives(&parameters)?,
            tcp_user_timeout: number("tcp_user_timeout", get("tcp_user_timeout"))?
                .filter(|milliseconds| *milliseconds > 0)
                .map(Duration::from_millis),
            role: options.role.clone().filter(|role| !role.is_empty()),
            statement_timeout: options.statement_timeout.clone().filter(|timeout| !timeout.is_empty()),
            settings: options.settings.clone(),
            read_only: options.read_only,
            notes,
        })
    }

    /// For people, without secrets: `clinic@localhost:5432/clinic`.
    pub fn place(&self) -> String {
        let mut place = String::new();
        if let Some(user) = &self.user {
            place.push_str(user);
            place.push('@');
        }
        let endpoints: Vec<String> = self.endpoints.iter().map(Endpoint::place).collect();
        place.push_str(&endpoints.join(","));
        if let Some(dbname) = self.dbname.as_ref().or(self.user.as_ref()) {
            place.push('/');
            place.push_str(dbname);
        }
        place
    }
}

/// The servers, with the password for each.
fn endpoints(
    parameters: &Parameters,
    environment: Environment<'_>,
    home: Option<&Path>,
    notes: &mut Vec<String>,
) -> Result<Vec<Endpoint>, EngineError> {
    let list = |name: &str| -> Vec<&str> {
        parameters.get(name).map_or_else(Vec::new, |value| value.split(',').map(str::trim).collect())
    };
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addresses.len()).max(1);
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err(wrong("`host` and `hostaddr` have different numbers of entries"));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(wrong(format!("{} ports for {count} hosts", ports.len())));
    }
    let passwords = Passwords::find(parameters, environment, home, notes);
    (0..count)
        .map(|index| {
            let port = ports.get(index).or_else(|| ports.first().filter(|_| ports.len() == 1)).copied();
            let port = number("port", port.filter(|port| !port.is_empty()))?.unwrap_or(DEFAULT_PORT);
            let address = match addresses.get(index).filter(|address| !address.is_empty()) {
                Some(address) => {
                    Some(address.parse().map_err(|_| wrong(format!("`{address}` is not an address (hostaddr)")))?)
                }
                None => None,
            };
            let host = match hosts.get(index).copied().filter(|host| !host.is_empty()) {
                Some(host) if host.starts_with('/') => Host::Socket(PathBuf::from(host)),
                Some(host) => Host::Name(host.to_owned()),
                None => address.map_or_else(|| default_host(port), |address: IpAddr| Host::Name(address.to_string())),
            };
            let password = passwords.of(&host, port, parameters);
            Ok(Endpoint { host, address, port, password })
        })
        .collect()
}

/// The socket of a server on this machine, if there is one for that port, else `localhost`.
fn default_host(port: u16) -> Host {
    let socket = format!(".s.PGSQL.{port}");
    SOCKET_FOLDERS
        .iter()
        .map(Path::new)
        .find(|folder| folder.join(&socket).exists())
        .map_or_else(|| Host::Name("localhost".to_owned()), |folder| Host::Socket(folder.to_owned()))
}

/// Where passwords come from: one for all servers, or the lines of a password file.
struct Passwords {
    given: Option<String>,
    file: Option<String>,
    user: Option<String>,
}

impl Passwords {
    fn find(
        parameters: &Parameters,
        environment: Environment<'_>,
        home: Option<&Path>,
        notes: &mut Vec<String>,
    ) -> Self {
        let given = parameters.get("password").cloned();
        let mut file = None;
        if given.is_none() {
            let path = parameters.get("passfile").map(PathBuf::from).or_else(|| Some(home?.join(".pgpass")));
            match path.as_deref().map(passfile::read) {
                Some(Passfile::Text(text)) => file = Some(text),
                Some(Passfile::Ignored(reason)) => notes.push(reason),
                Some(Passfile::Missing) | None => {}
            }
        }
        let user = parameters.get("user").cloned().or_else(|| environment("USER")).or_else(|| environment("LOGNAME"));
        Self { given, file, user }
    }

    fn of(&self, host: &Host, port: u16, parameters: &Parameters) -> Option<String> {
        if self.given.is_some() {
            return self.given.clone();
        }
        let (text, user) = (self.file.as_deref()?, self.user.as_deref()?);
        let folder;
        let host = match host {
            Host::Name(name) => name.as_str(),
            Host::Socket(path) if SOCKET_FOLDERS.iter().any(|known| Path::new(known) == path) => "localhost",
            Host::Socket(path) => {
                folder = path.display().to_string();
                &folder
            }
        };
        let dbname = parameters.get("dbname").map_or(user, String::as_str);
        passfile::find(text, Login { host, port, dbname, user })
    }
}

/// libpq's rules: a file that is named must be there; the default one counts if it is there, and makes `require`
/// check the certificate too; checking needs one.
fn roots(mode: SslMode, written: Option<&str>, home: Option<&Path>) -> Result<Roots, EngineError> {
    let checks = matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull);
    match written {
        Some("system") if mode == SslMode::VerifyFull => Ok(Roots::System),
        Some("system") => Err(wrong(format!("`sslrootcert: system` is too weak with `sslmode: {}`", mode.name()))
            .with_help("set `sslmode: verify-full`")),
        Some(path) if Path::new(path).is_file() => Ok(Roots::File(PathBuf::from(path))),
        Some(path) if checks => Err(wrong(format!("the file `{path}` (sslrootcert) does not exist"))),
        Some(_) => Ok(Roots::None),
        None => {
            let default = home.map(|home| home.join(".postgresql/root.crt")).filter(|path| path.is_file());
            match default {
                Some(path) => Ok(Roots::File(path)),
                None if checks => Err(wrong(format!("`sslmode: {}` needs to know whom to trust", mode.name()))
                    .with_help("set `sslrootcert` to the file with the signer's certificate, or `sslmode: verify-full` and `sslrootcert: system`")),
                None => Ok(Roots::None),
            }
        }
    }
}

/// The files of the client's certificate and key. One that was named must be there; the default one counts if it is
/// there.
fn identity(parameters: &Parameters, home: Option<&Path>) -> Result<Option<(PathBuf, PathBuf)>, EngineError> {
    let file = |name: &str, default: &str| {
        let default = || home.map(|home| home.join(".postgresql").join(default));
        parameters.get(name).map(PathBuf::from).or_else(default)
    };
    let certificate = file("sslcert", "postgresql.crt");
    let Some(certificate) = certificate.filter(|path| parameters.contains_key("sslcert") || path.is_file()) else {
        return Ok(None);
    };
    match file("sslkey", "postgresql.key") {
        Some(key) if parameters.contains_key("sslkey") || key.is_file() => Ok(Some((certificate, key))),
        _ => Err(wrong(format!("the certificate `{}` (sslcert) is of no use without its key", certificate.display()))
            .with_help("set `sslkey` to the file with the key, or put it into `~/.postgresql/postgresql.key`")),
    }
}

fn keepalives(parameters: &Parameters) -> Result<Option<Keepalives>, EngineError> {
    let get = |name: &str| number::<u32>(name, parameters.get(name).map(String::as_str));
    if get("keepalives")? == Some(0) {
        return Ok(None);
    }
    let seconds = |name: &str, default: Duration| -> Result<Duration, EngineError> {
        Ok(get(name)?.filter(|seconds| *seconds > 0).map_or(default, |seconds| Duration::from_secs(seconds.into())))
    };
    Ok(Some(Keepalives {
        idle: seconds("keepalives_idle", DEFAULT_KEEPALIVES.idle)?,
        interval: seconds("keepalives_interval", DEFAULT_KEEPALIVES.interval)?,
        count: get("keepalives_count")?.filter(|count| *count > 0).unwrap_or(DEFAULT_KEEPALIVES.count),
    }))
}

fn channel_binding(value: Option<&str>) -> Result<tokio_postgres::config::ChannelBinding, EngineError> {
    use tokio_postgres::config::ChannelBinding::{Disable, Prefer, Require};
    let known = [("disable", Disable), ("prefer", Prefer), ("require", Require)];
    Ok(choice("channel_binding", value, &known)?.unwrap_or(Prefer))
}

fn session(value: Option<&str>) -> Result<tokio_postgres::config::TargetSessionAttrs, EngineError> {
    use tokio_postgres::config::TargetSessionAttrs::{Any, ReadOnly, ReadWrite};
    let known = [("any", Any), ("read-write", ReadWrite), ("primary", ReadWrite), ("read-only", ReadOnly)];
    Ok(choice("target_session_attrs", value, &known)?.unwrap_or(Any))
}

fn choice<T: Copy>(name: &str, value: Option<&str>, known: &[(&str, T)]) -> Result<Option<T>, EngineError> {
    let Some(value) = value else { return Ok(None) };
    if let Some((_, choice)) = known.iter().find(|(name, _)| *name == value) {
        return Ok(Some(*choice));
    }
    let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
    Err(wrong(format!("`{value}` is no value of `{name}`")).with_help(format!("write {}", names.join(" or "))))
}

fn number<T: std::str::FromStr>(name: &str, value: Option<&str>) -> Result<Option<T>, EngineError> {
    value.map_or(Ok(None), |value| {
        value.trim().parse().map(Some).map_err(|_| wrong(format!("`{value}` is not a number that `{name}` can have")))
    })
}

#[cfg(test)]
mod tests;
