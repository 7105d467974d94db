//! Servers that are not there, logins that are refused, TLS.

use crate::{
    support::{
        postgres::{self, PASSWORD, ROLE, own_server, tls_server},
        process::free_port,
    },
    value,
};
use std::time::{Duration, Instant};
use suiro::{
    diagnostic::code,
    engine::{
        Engine, EngineError, FailureKind,
        postgres::{PostgresEngine, PostgresOptions},
    },
};

fn refusal(options: &PostgresOptions) -> EngineError {
    let error = match PostgresEngine::new(options, &|_| None) {
        Ok(engine) => engine.connect("tests").err(),
        Err(error) => Some(error),
    };
    let error = error.unwrap_or_else(|| panic!("connected: {options:?}"));
    assert!(!format!("{error:?}").contains(PASSWORD), "{error:?}");
    assert!(!error.message.ends_with('.'), "{error:?}");
    error
}

fn with(options: &PostgresOptions, change: impl FnOnce(&mut PostgresOptions)) -> PostgresOptions {
    let mut options = options.clone();
    change(&mut options);
    options
}

#[expect(clippy::unnecessary_wraps, reason = "options are written so")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn logins_that_are_refused() {
    let right = own_server().network();
    let place = format!("127.0.0.1:{}", own_server().port);
    postgres::connect(&right);
    for (options, code, message) in [
        (
            with(&right, |options| options.password = some("wrong pass of suiro_tes")),
            code::LOGIN_REFUSED,
            "refused the password of `suiro_test`",
        ),
        (
            with(&right, |options| options.password = None),
            code::LOGIN_REFUSED,
            "asks for a password, and none is given",
        ),
        (
            with(&right, |options| options.user = some("nobody_here")),
            code::LOGIN_REFUSED,
            "refused the password of `nobody_here`",
        ),
        (
            with(&right, |options| options.dbname = some("nowhere")),
            code::NO_SUCH_DATABASE,
            "the database `nowhere` does not exist",
        ),
    ] {
        let error = refusal(&options);
        assert_eq!((error.code, error.kind), (code, FailureKind::Permanent), "{error:?}");
        assert!(error.message.contains(message) && error.message.contains(&place), "{error:?}");
        assert!(error.help.is_some(), "{error:?}");
    }
}

#[test]
fn servers_that_are_not_there() {
    let right = own_server().network();
    let port = free_port().to_string();
    // Takes the connection and never says a word.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent_port = silent.local_addr().unwrap().port().to_string();
    for (options, message) in [
        (with(&right, |options| options.port = Some(port.clone())), "nothing listens there"),
        (with(&right, |options| options.host = some("no-such-host.invalid")), "the host's name is not known"),
        (with(&right, |options| options.host = some("/no/such/folder")), "there is no socket of a server"),
        (
            with(&right, |options| {
                options.port = Some(silent_port.clone());
                options.connect_timeout = some("2");
            }),
            "no answer within 2 s",
        ),
    ] {
        let started = Instant::now();
        let error = refusal(&options);
        assert_eq!((error.code, error.kind), (code::CANNOT_CONNECT, FailureKind::Connection), "{error:?}");
        assert!(error.message.contains(message), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(8), "{error:?}");
    }
}

#[test]
fn the_first_server_that_answers_is_taken() {
    let right = own_server().network();
    let (host, port) = ("127.0.0.1,127.0.0.1", format!("{},{}", free_port(), own_server().port));
    let mut connection = postgres::connect(&with(&right, |options| {
        options.host = some(host);
        options.port = Some(port);
    }));
    assert_eq!(value(connection.as_mut(), "select 1").as_deref(), Some("1"));
    let (first, second) = (free_port(), free_port());
    let error = refusal(&with(&right, |options| {
        options.host = some(host);
        options.port = Some(format!("{first},{second}"));
    }));
    assert!(error.message.contains(&first.to_string()), "{error:?}");
    assert!(error.notes.iter().any(|note| note.contains(&second.to_string())), "{error:?}");
}

#[test]
fn a_url_and_the_environment_connect() {
    let server = own_server();
    let password = PASSWORD.replace(' ', "%20");
    let url = format!("postgresql://{ROLE}:{password}@127.0.0.1:{}/postgres?connect_timeout=5", server.port);
    let mut connection = postgres::connect(&PostgresOptions { url: Some(url), ..PostgresOptions::default() });
    assert_eq!(value(connection.as_mut(), "select current_user").as_deref(), Some(ROLE));
    let port = server.port.to_string();
    let engine = PostgresEngine::new(&PostgresOptions::default(), &|name| {
        let value = match name {
            "PGHOST" => "127.0.0.1",
            "PGPORT" => &port,
            "PGUSER" => ROLE,
            "PGDATABASE" => "postgres",
            "PGPASSWORD" => PASSWORD,
            "PGAPPNAME" => "from outside",
            "PGOPTIONS" => "-c work_mem=9MB",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap();
    let mut connection = engine.connect("tests").unwrap();
    assert_eq!(value(connection.as_mut(), "show application_name").as_deref(), Some("from outside"));
    assert_eq!(value(connection.as_mut(), "show work_mem").as_deref(), Some("9MB"));
    assert_eq!(engine.place(), format!("{ROLE}@127.0.0.1:{port}/postgres"));
}

#[test]
fn tls_is_used_and_checked_as_the_mode_says() {
    let server = tls_server();
    let by_name = with(&server.network(), |options| options.host = some("localhost"));
    let by_address = server.network();
    let file = |name: &str| server.folder.join(name).display().to_string();
    let mode = |options: &PostgresOptions, mode: &str, root: Option<String>| {
        with(options, |options| {
            options.sslmode = some(mode);
            options.sslrootcert = root;
        })
    };
    let encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    for options in [
        mode(&by_address, "prefer", None),
        // The first attempt, without TLS, is refused by this server.
        mode(&by_address, "allow", None),
        mode(&by_address, "require", None),
        mode(&by_address, "verify-ca", Some(file("ca.crt"))),
        mode(&by_name, "verify-full", Some(file("ca.crt"))),
        // The server's own certificate as the one to trust.
        mode(&by_name, "verify-full", Some(file("server.crt"))),
    ] {
        let mut connection = postgres::connect(&options);
        assert_eq!(value(connection.as_mut(), encrypted).as_deref(), Some("t"), "{:?}", options.sslmode);
    }
    for (options, code, message) in [
        (mode(&by_address, "disable", None), code::LOGIN_REFUSED, "refused the login"),
        (mode(&by_address, "verify-full", Some(file("ca.crt"))), code::UNTRUSTED_SERVER, "is for another host"),
        (mode(&by_name, "verify-full", Some(file("other.crt"))), code::UNTRUSTED_SERVER, "is not signed by"),
        (mode(&by_name, "verify-ca", Some(file("other.crt"))), code::UNTRUSTED_SERVER, "is not signed by"),
        // A file that is named is checked against, also where the mode alone would not.
        (mode(&by_name, "require", Some(file("other.crt"))), code::UNTRUSTED_SERVER, "is not signed by"),
        (mode(&by_name, "verify-full", some("system")), code::UNTRUSTED_SERVER, "is not signed by"),
        (mode(&by_name, "verify-full", None), code::BAD_CONNECTION_SETTING, "whom to trust"),
        (mode(&by_name, "verify-full", Some(file("extensions"))), code::BAD_CONNECTION_SETTING, "has no certificate"),
    ] {
        let error = refusal(&options);
        assert_eq!((error.code, error.kind), (code, FailureKind::Permanent), "{error:?}");
        assert!(error.message.contains(message), "{error:?}");
        assert!(error.help.is_some() || message == "has no certificate", "{error:?}");
    }
}

/// A server that asks for a certificate gets the one that the target names, and whatever is wrong with it is said.
#[test]
fn a_client_shows_its_certificate() {
    let server = tls_server();
    let file = |name: &str| Some(server.folder.join(name).display().to_string());
    let shown = |certificate: Option<String>, key: Option<String>| {
        with(&server.network(), |options| {
            (options.sslcert, options.sslkey, options.password) = (certificate, key, None);
            options.dbname = some("template1");
            options.sslmode = some("require");
        })
    };
    let mut connection = postgres::connect(&shown(file("client.crt"), file("client.key")));
    let name = "select client_dn from pg_stat_ssl where pid = pg_backend_pid()";
    assert_eq!(value(connection.as_mut(), name), Some(format!("/CN={ROLE}")));
    // As libpq's variables say, and from its default files.
    let variables = [("PGSSLCERT", file("client.crt")), ("PGSSLKEY", file("client.key"))];
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name)?.1.clone();
    PostgresEngine::new(&shown(None, None), &variable).unwrap().connect("tests").unwrap();
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".postgresql")).unwrap();
    let at_home = |name: &str| home.path().join(".postgresql").join(name);
    let place = home.path().display().to_string();
    let variable = |name: &str| (name == "HOME").then(|| place.clone());
    std::fs::copy(server.folder.join("client.crt"), at_home("postgresql.crt")).unwrap();
    let error = PostgresEngine::new(&shown(None, None), &variable).err().unwrap();
    assert!(error.message.contains("of no use without its key"), "{error:?}");
    std::fs::copy(server.folder.join("client.key"), at_home("postgresql.key")).unwrap();
    PostgresEngine::new(&shown(None, None), &variable).unwrap().connect("tests").unwrap();
    // What others may read is not used, whatever the certificate is.
    let open = home.path().join("open.key");
    std::fs::copy(server.folder.join("client.key"), &open).unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let locked = home.path().join("locked.key");
    let words = ["pkey", "-in", "client.key", "-aes256", "-passout", "pass:x", "-out"];
    let mut openssl = std::process::Command::new("openssl");
    assert!(openssl.args(words).arg(&locked).current_dir(&server.folder).status().unwrap().success());
    let path = |path: &std::path::Path| Some(path.display().to_string());
    for (certificate, key, code, message) in [
        (None, None, code::LOGIN_REFUSED, "refused the login"),
        (file("client.crt"), file("gone.key"), code::BAD_CONNECTION_SETTING, "sslkey cannot be read"),
        (file("gone.crt"), file("client.key"), code::BAD_CONNECTION_SETTING, "sslcert cannot be read"),
        (file("client.crt"), path(&open), code::BAD_CONNECTION_SETTING, "can be read by others"),
        (file("client.crt"), path(&locked), code::BAD_CONNECTION_SETTING, "locked with a passphrase"),
        (file("client.crt"), file("nobody.key"), code::BAD_CONNECTION_SETTING, "is not the key of"),
        (file("client.crt"), file("client.crt"), code::BAD_CONNECTION_SETTING, "(sslkey)"),
        (file("client.key"), file("client.key"), code::BAD_CONNECTION_SETTING, "has no certificate"),
        (file("nobody.crt"), file("nobody.key"), code::LOGIN_REFUSED, "refused the login"),
        (file("stranger.crt"), file("stranger.key"), code::UNTRUSTED_SERVER, "does not trust the client's certificate"),
        (file("expired.crt"), file("expired.key"), code::UNTRUSTED_SERVER, "does not trust the client's certificate"),
    ] {
        let error = refusal(&shown(certificate.clone(), key));
        assert_eq!((error.code, error.kind), (code, FailureKind::Permanent), "{certificate:?} {error:?}");
        assert!(error.message.contains(message), "{certificate:?} {error:?}");
        assert!(error.help.is_some() || message.contains("cannot be read"), "{error:?}");
    }
}

#[test]
fn a_statement_is_cancelled_through_tls() {
    let server = tls_server();
    let mut connection = postgres::connect(&with(&server.network(), |options| {
        options.host = some("localhost");
        options.sslmode = some("verify-full");
        options.sslrootcert = Some(server.folder.join("ca.crt").display().to_string());
    }));
    let interrupter = connection.interrupter();
    let waiter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        interrupter.interrupt();
    });
    let error = connection.execute("select pg_sleep(20)").unwrap_err();
    waiter.join().unwrap();
    assert_eq!(error.code, code::CANCELLED, "{error:?}");
}

#[test]
fn a_server_without_tls_cannot_be_asked_for_it() {
    let options = with(&own_server().network(), |options| options.sslmode = some("require"));
    let error = refusal(&options);
    assert_eq!((error.code, error.kind), (code::BAD_CONNECTION_SETTING, FailureKind::Permanent), "{error:?}");
    assert!(error.message.contains("has no TLS"), "{error:?}");
    // On a socket there is no TLS in any mode, as with libpq.
    let socket = with(&own_server().network(), |options| {
        options.host = Some(own_server().folder.display().to_string());
        options.sslmode = some("require");
    });
    postgres::connect(&socket);
}
