//! Making a connection: server after server, with and without TLS as the mode allows, and errors that say what to do.

use super::{
    backend_key::backend_key,
    cancel::{Address, Canceller},
    error::{Situation, refused},
    plan::{Endpoint, Host, Plan, Roots, SslMode},
    runtime::runtime,
};
use crate::{
    diagnostic::code,
    engine::{EngineError, FailureKind},
};
use std::{
    error::Error as _,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_postgres::{Client, Config, config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// PostgreSQL cuts `application_name` here.
const LONGEST_NAME: usize = 63;
const OLDEST_VERSION: u32 = 15;

/// A connection, and why it ended, once it has.
pub struct Connected {
    pub client: Client,
    pub place: String,
    pub lost: Lost,
    pub canceller: Canceller,
}

/// What the server said when it closed the connection.
#[derive(Clone, Default)]
pub struct Lost(Arc<Mutex<Option<String>>>);

impl Lost {
    fn set(&self, reason: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// The reason, if the connection has ended for one.
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Connects to the first server that answers.
pub async fn connect(plan: &Plan, tls: &MakeRustlsConnect, purpose: &str) -> Result<Connected, EngineError> {
    let mut failures: Vec<EngineError> = Vec::new();
    for endpoint in &plan.endpoints {
        match connect_endpoint(plan, endpoint, tls, purpose).await {
            Ok(connected) => return Ok(connected),
            // As in libpq: a server that was reached and refuses is an answer; one that is not there is none.
            Err(error) if !matches!(error.kind, FailureKind::Connection) => return Err(error),
            Err(error) => failures.push(error),
        }
    }
    let mut failures = failures.into_iter();
    let Some(mut first) = failures.next() else {
        return Err(EngineError::new(code::BUG, FailureKind::Permanent, "a connection plan has no server"));
    };
    first.notes.extend(failures.map(|error| error.message));
    Err(first)
}

/// Whether TLS is used, for each attempt in turn.
fn attempts(mode: SslMode, host: &Host) -> &'static [config::SslMode] {
    use config::SslMode::{Disable, Prefer, Require};
    match (host, mode) {
        // libpq never uses TLS on a unix socket, whatever the mode.
        (Host::Socket(_), _) | (_, SslMode::Disable) => &[Disable],
        (_, SslMode::Allow) => &[Disable, Require],
        (_, SslMode::Prefer) => &[Prefer, Disable],
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => &[Require],
    }
}

async fn connect_endpoint(
    plan: &Plan,
    endpoint: &Endpoint,
    tls: &MakeRustlsConnect,
    purpose: &str,
) -> Result<Connected, EngineError> {
    let mut first: Option<EngineError> = None;
    for address in addresses(plan, endpoint).await? {
        match connect_address(plan, endpoint, &address, tls, purpose).await {
            Err(error) if error.kind == FailureKind::Connection => {
                first.get_or_insert(error);
            }
            outcome => return outcome,
        }
    }
    Err(first.unwrap_or_else(|| unreachable(endpoint, "the host's name has no address")))
}

/// The addresses of a server, looked up here so that a cancellation goes to the very same one.
async fn addresses(plan: &Plan, endpoint: &Endpoint) -> Result<Vec<Address>, EngineError> {
    match (&endpoint.host, endpoint.address) {
        (Host::Socket(folder), _) => Ok(vec![Address::Socket(folder.join(format!(".s.PGSQL.{}", endpoint.port)))]),
        (_, Some(address)) => Ok(vec![Address::Network((address, endpoint.port).into())]),
        (Host::Name(name), None) => {
            let lookup = tokio::net::lookup_host((name.as_str(), endpoint.port));
            let found = match plan.connect_timeout {
                Some(limit) => tokio::time::timeout(limit, lookup).await,
                None => Ok(lookup.await),
            };
            match found {
                Ok(Ok(found)) => Ok(found.map(Address::Network).collect()),
                Ok(Err(error)) => Err(unreachable(endpoint, "the host's name is not known")
                    .with_note(error.to_string())
                    .with_help("correct `host` of the target")),
                Err(_) => Err(timed_out(plan, endpoint)),
            }
        }
    }
}

async fn connect_address(
    plan: &Plan,
    endpoint: &Endpoint,
    address: &Address,
    tls: &MakeRustlsConnect,
    purpose: &str,
) -> Result<Connected, EngineError> {
    let mut first: Option<EngineError> = None;
    for ssl_mode in attempts(plan.ssl_mode, &endpoint.host) {
        let config = configure(plan, endpoint, address, *ssl_mode, purpose);
        let attempt = config.connect(tls.clone());
        let outcome = match plan.connect_timeout {
            Some(limit) => tokio::time::timeout(limit, attempt).await,
            None => Ok(attempt.await),
        };
        let error = match outcome {
            Ok(Ok((client, connection))) => {
                check_version(connection.parameter("server_version"), endpoint)?;
                let lost = Lost::default();
                let reason = lost.clone();
                runtime()?.spawn(async move {
                    if let Err(error) = connection.await {
                        let source = error.source().map(ToString::to_string);
                        reason.set(source.unwrap_or_else(|| error.to_string()));
                    }
                });
                let key = backend_key(&client).await.map_err(|error| unreachable(endpoint, &error.to_string()))?;
                let host = match &endpoint.host {
                    Host::Name(name) => name.clone(),
                    Host::Socket(_) => String::new(),
                };
                let canceller =
                    Canceller { address: address.clone(), host, ssl_mode: *ssl_mode, key, tls: tls.clone() };
                return Ok(Connected { client, place: endpoint.place(), lost, canceller });
            }
            Ok(Err(error)) => {
                let about_tls = is_about_tls(&error);
                let error = connect_error(&error, plan, endpoint);
                if !about_tls && error.sqlstate.as_deref() != Some("28000") {
                    return Err(first.unwrap_or(error));
                }
                error
            }
            Err(_) => return Err(timed_out(plan, endpoint)),
        };
        first.get_or_insert(error);
    }
    Err(first.unwrap_or_else(|| unreachable(endpoint, "no way to connect is allowed")))
}

fn timed_out(plan: &Plan, endpoint: &Endpoint) -> EngineError {
    let seconds = plan.connect_timeout.unwrap_or(Duration::ZERO).as_secs();
    unreachable(endpoint, &format!("no answer within {seconds} s (`connect_timeout`)"))
        .with_help("check `host`, `port` and the network")
}

/// What the server's administrator sees of a session with that purpose.
pub fn application_name(purpose: &str) -> String {
    let mut name = ["suiro ", purpose].concat();
    name.truncate(crate::source::floor_char_boundary(&name, LONGEST_NAME));
    name
}

fn configure(plan: &Plan, endpoint: &Endpoint, address: &Address, ssl_mode: config::SslMode, purpose: &str) -> Config {
    let mut config = Config::new();
    match &endpoint.host {
        Host::Name(name) => config.host(name.as_str()),
        Host::Socket(folder) => config.host_path(folder),
    };
    if let Address::Network(address) = address {
        config.hostaddr(address.ip());
    }
    config.port(endpoint.port).ssl_mode(ssl_mode);
    if let Some(user) = &plan.user {
        config.user(user);
    }
    if let Some(password) = &endpoint.password {
        config.password(password);
    }
    if let Some(dbname) = plan.dbname.as_ref().or(plan.user.as_ref()) {
        config.dbname(dbname);
    }
    if let Some(options) = &plan.options {
        config.options(options);
    }
    config.application_name(plan.application_name.clone().unwrap_or_else(|| application_name(purpose)));
    config.channel_binding(plan.channel_binding).target_session_attrs(plan.session);
    match plan.keepalives {
        Some(keepalives) => config
            .keepalives(true)
            .keepalives_idle(keepalives.idle)
            .keepalives_interval(keepalives.interval)
            .keepalives_retries(keepalives.count),
        None => config.keepalives(false),
    };
    if let Some(timeout) = plan.tcp_user_timeout {
        config.tcp_user_timeout(timeout);
    }
    config
}

fn check_version(version: Option<&str>, endpoint: &Endpoint) -> Result<(), EngineError> {
    let Some(version) = version else { return Ok(()) };
    let digits = version.find(|character: char| !character.is_ascii_digit()).unwrap_or(version.len());
    match version[..digits].parse::<u32>() {
        Ok(major) if major < OLDEST_VERSION => {
            let message = format!("the server at {} is PostgreSQL {version}, which is too old", endpoint.place());
            Err(EngineError::new(code::BAD_CONNECTION_SETTING, FailureKind::Permanent, message)
                .with_help(format!("suiro needs PostgreSQL {OLDEST_VERSION} or later")))
        }
        _ => Ok(()),
    }
}

fn unreachable(endpoint: &Endpoint, why: &str) -> EngineError {
    let message = format!("PostgreSQL at {} cannot be reached: {why}", endpoint.place());
    EngineError::new(code::CANNOT_CONNECT, FailureKind::Connection, message)
}

/// The first error of that type among the error and what caused it.
fn cause<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An `io::Error` says that its content's cause is the cause, and hides the content.
        if let Some(io) = error.downcast_ref::<io::Error>()
            && let Some(found) = io.get_ref().and_then(|inner| inner.downcast_ref::<T>())
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    cause::<rustls::Error>(error).is_some() || error.to_string() == "error performing TLS handshake"
}

fn connect_error(error: &tokio_postgres::Error, plan: &Plan, endpoint: &Endpoint) -> EngineError {
    let mut error = if let Some(refusal) = error.as_db_error() {
        refused_connection(refusal, plan, endpoint)
    } else if let Some(tls) = cause::<rustls::Error>(error) {
        untrusted(tls, plan, endpoint)
    } else if is_about_tls(error) {
        no_tls(error, plan, endpoint)
    } else if let Some(io) = cause::<io::Error>(error) {
        unreachable_io(io, endpoint)
    } else {
        let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        if why == "password missing" {
            login_refused(format!("the server at {} asks for a password, and none is given", endpoint.place()))
        } else if error.is_closed() {
            unreachable(endpoint, "it closed the connection")
        } else {
            login_refused(format!("no login at {}: {why}", endpoint.place()))
        }
    };
    if error.code == code::LOGIN_REFUSED {
        error.notes.extend(plan.notes.iter().cloned());
    }
    error
}

fn login_refused(message: String) -> EngineError {
    EngineError::new(code::LOGIN_REFUSED, FailureKind::Permanent, message)
        .with_help("set `password` of the target to \"{{ env_var('PGPASSWORD') }}\", or write it into `~/.pgpass`")
}

fn refused_connection(refusal: &tokio_postgres::error::DbError, plan: &Plan, endpoint: &Endpoint) -> EngineError {
    let role = plan.user.as_deref().unwrap_or("this user");
    let dbname = plan.dbname.as_deref().or(plan.user.as_deref()).unwrap_or("that name");
    let place = endpoint.place();
    let mut error = refused(refusal, Situation { statement: "", role, interrupted: false });
    error.position = None;
    let words = std::mem::take(&mut error.message);
    let (message, help) = match error.sqlstate.as_deref().unwrap_or_default() {
        "28P01" => (
            format!("the server at {place} refused the password of `{role}`"),
            Some("check `user` and `password` of the target, or PGPASSWORD and `~/.pgpass`".to_owned()),
        ),
        "28000" => (
            format!("the server at {place} refused the login of `{role}`"),
            Some(if words.contains("client certificate") {
                "set `sslcert` and `sslkey` of the target to a certificate that the server trusts and its key"
                    .to_owned()
            } else if words.contains("certificate authentication failed") {
                format!("use a certificate whose common name is `{role}`, or let `pg_ident.conf` on the server map it")
            } else {
                "check `user`, `dbname` and `sslmode` of the target, and `pg_hba.conf` on the server".to_owned()
            }),
        ),
        "3D000" => (
            format!("the database `{dbname}` does not exist at {place}"),
            Some(format!("correct `dbname` of the target, or run `create database {dbname}` there")),
        ),
        "42501" => (
            format!("`{role}` may not connect to the database `{dbname}` at {place}"),
            Some(format!("let its owner run `grant connect on database {dbname} to {role}`")),
        ),
        "08P01" if words.contains("startup parameter") => {
            error.code = code::BAD_CONNECTION_SETTING;
            error.kind = FailureKind::Permanent;
            (
                format!("the pooler at {place} does not take a connection parameter"),
                Some("remove `options` from the URL and PGOPTIONS; use `settings:` of the target".to_owned()),
            )
        }
        _ => {
            if error.code == code::STATEMENT_REFUSED || error.code == code::CONNECTION_LOST {
                error.code = code::CANNOT_CONNECT;
                error.kind = FailureKind::Connection;
            }
            (format!("the server at {place} takes no connection: {words}"), error.help.take())
        }
    };
    if !message.ends_with(&words) {
        error.notes.insert(0, words);
    }
    error.message = message;
    error.help = help;
    error
}

fn untrusted(tls: &rustls::Error, plan: &Plan, endpoint: &Endpoint) -> EngineError {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    let place = endpoint.place();
    let root = match &plan.roots {
        Roots::File(path) => format!("`{}` (sslrootcert)", path.display()),
        Roots::System | Roots::None => "what the system trusts".to_owned(),
    };
    let (message, help) = match tls {
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => (
            format!("the certificate of the server at {place} is for another host"),
            "connect by a name that the certificate has (subjectAltName), or set `sslmode: verify-ca`".to_owned(),
        ),
        rustls::Error::InvalidCertificate(UnknownIssuer) => (
            format!("the certificate of the server at {place} is not signed by {root}"),
            "set `sslrootcert` to the certificate that signed the server's".to_owned(),
        ),
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => (
            format!("the certificate of the server at {place} has expired"),
            "let the server's administrator renew it".to_owned(),
        ),
        rustls::Error::InvalidCertificate(_) => (
            format!("the certificate of the server at {place} cannot be trusted"),
            "let the server's administrator look at it, or set `sslmode: require` to encrypt without checking"
                .to_owned(),
        ),
        rustls::Error::AlertReceived(alert) if is_about_identity(*alert) && plan.identity.is_some() => (
            format!("the server at {place} does not trust the client's certificate"),
            "set `sslcert` and `sslkey` of the target to a certificate that is signed by whom the server trusts (its `ssl_ca_file`)"
                .to_owned(),
        ),
        _ => (
            format!("no TLS connection with the server at {place}"),
            "check `sslmode`, `sslcert` and `sslkey`".to_owned(),
        ),
    };
    EngineError::new(code::UNTRUSTED_SERVER, FailureKind::Permanent, message).with_note(tls.to_string()).with_help(help)
}

/// What a server says that does not take a client's certificate.
const fn is_about_identity(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        alert,
        Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::DecryptError
    )
}

fn no_tls(error: &tokio_postgres::Error, plan: &Plan, endpoint: &Endpoint) -> EngineError {
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let place = endpoint.place();
    if why == "server does not support TLS" {
        let message = format!("the server at {place} has no TLS, which `sslmode: {}` asks for", plan.ssl_mode.name());
        return EngineError::new(code::BAD_CONNECTION_SETTING, FailureKind::Permanent, message)
            .with_help("switch `ssl` on in the server, or set `sslmode: prefer` where the network can be trusted");
    }
    // The other side closed the connection or said something that is no TLS.
    EngineError::new(code::CANNOT_CONNECT, FailureKind::Connection, format!("no TLS connection with {place}: {why}"))
}

fn unreachable_io(error: &io::Error, endpoint: &Endpoint) -> EngineError {
    let (why, help) = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            ("nothing listens there".to_owned(), "start the server, or correct `host` and `port`")
        }
        io::ErrorKind::NotFound => {
            ("there is no socket of a server".to_owned(), "start the server, or correct `host` and `port`")
        }
        io::ErrorKind::TimedOut => ("no answer in time".to_owned(), "check `host`, `port` and the network"),
        io::ErrorKind::PermissionDenied => {
            ("no permission to use the socket".to_owned(), "check the rights of the socket's folder")
        }
        _ => (error.to_string(), "check `host`, `port` and the network"),
    };
    unreachable(endpoint, &why).with_help(help)
}
