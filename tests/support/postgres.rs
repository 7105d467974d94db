//! PostgreSQL servers for tests: one for all tests of a binary, started at the first use, with a database for each test;
//! or the one at `SUIRO_TEST_POSTGRES_URL` (a role that may create roles and databases).
//!
//! The server's defaults are not the usual ones, so that a session setting that is forgotten shows.

use super::process::{AtEnd, as_server_user, find, free_port, give, run, server_folder, within};
use std::{
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};
use suiro::engine::{
    Connection, Engine,
    postgres::{PostgresEngine, PostgresOptions},
};

/// The role that suiro works as in tests: no superuser, owns its database.
pub const ROLE: &str = "suiro_test";
/// Somebody else with a login.
pub const STRANGER: &str = "suiro_stranger";
/// The password of both.
pub const PASSWORD: &str = "pass of suiro_test";
/// A role that nobody logs in as, which `ROLE` is a member of.
pub const GROUP: &str = "suiro_group";

const CONFIGURATION: &str = "
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
listen_addresses = '127.0.0.1'
timezone = 'America/New_York'
datestyle = 'SQL, DMY'
intervalstyle = 'sql_standard'
extra_float_digits = -3
bytea_output = 'escape'
standard_conforming_strings = off
search_path = 'public'
log_min_messages = fatal
";

/// Who may log in how: anybody through the socket, with a password through the network.
const LOGINS: &str = "
local all all trust
host all all 127.0.0.1/32 scram-sha-256
";

/// A running server.
pub struct Server {
    /// The folder of its socket and data, if it is ours.
    pub folder: PathBuf,
    /// Its port.
    pub port: u16,
    /// What connects to it as superuser.
    admin: PostgresOptions,
    /// Kept open until the process ends.
    _end: Option<AtEnd>,
}

/// The folder with `initdb`, `pg_ctl` and `postgres`: PostgreSQL 15 or later, the newest of several.
pub fn programs() -> PathBuf {
    let version = |folder: &Path| -> Option<u32> {
        let output = std::process::Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let number = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
        number.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
    };
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin")).collect();
    folders.extend(find("initdb", &[]).and_then(|program| Some(program.parent()?.to_owned())));
    let newest = folders.into_iter().filter_map(|folder| Some((version(&folder)?, folder))).max();
    match newest {
        Some((version, folder)) if version >= 15 => folder,
        found => panic!(
            "these tests need PostgreSQL 15 or later (Debian: `apt-get install postgresql`) or SUIRO_TEST_POSTGRES_URL; found {found:?}"
        ),
    }
}

impl Server {
    /// Starts a server of its own, with more configuration and other logins; `prepare` may put files into its folder.
    pub fn start(more: &str, logins: &str, prepare: impl FnOnce(&Path)) -> Self {
        Self::start_within(None, more, logins, prepare)
    }

    /// The same; no file of the server may grow past `largest` bytes.
    fn start_within(largest: Option<u64>, more: &str, logins: &str, prepare: impl FnOnce(&Path)) -> Self {
        let programs = programs();
        let folder = server_folder("suiro-pg-");
        let data = folder.join("data");
        let stop = "\"$1/pg_ctl\" stop -D \"$2/data\" -m immediate; rm -rf \"$2\"";
        // The shell runs as the tests' user; pg_ctl refuses root.
        let pg_ctl = as_server_user(&programs.join("pg_ctl"));
        let words: Vec<String> = std::iter::once(pg_ctl.get_program())
            .chain(pg_ctl.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let stop = stop.replace("\"$1/pg_ctl\"", &words.join(" "));
        let end = AtEnd::new("", &stop, &[&programs, &folder]);
        let mut initdb = as_server_user(&programs.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-A", "trust"]);
        run(initdb);
        prepare(&folder);
        std::fs::write(data.join("pg_hba.conf"), logins).unwrap();
        let configuration = data.join("postgresql.conf");
        let default = std::fs::read_to_string(&configuration).unwrap();
        for attempt in 1.. {
            let port = free_port();
            let socket = folder.display();
            let text = format!("{default}{CONFIGURATION}{more}\nport = {port}\nunix_socket_directories = '{socket}'\n");
            std::fs::write(&configuration, text).unwrap();
            let log = folder.join("log");
            let mut start = within(largest, as_server_user(&programs.join("pg_ctl")));
            start.args(["start", "-w", "-s", "-t", "60"]).arg("-D").arg(&data).arg("-l").arg(&log);
            start.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
            if start.stderr(std::process::Stdio::null()).status().unwrap().success() {
                let admin = PostgresOptions {
                    host: Some(folder.display().to_string()),
                    port: Some(port.to_string()),
                    user: Some("postgres".to_owned()),
                    dbname: Some("postgres".to_owned()),
                    ..PostgresOptions::default()
                };
                let server = Self { folder, port, admin, _end: Some(end) };
                server.make_roles();
                return server;
            }
            // Somebody may have taken the port in between.
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(attempt < 3, "PostgreSQL does not start:\n{said}");
        }
        unreachable!("the loop returns or panics")
    }

    fn given(url: &str) -> Self {
        let admin = PostgresOptions { url: Some(url.to_owned()), ..PostgresOptions::default() };
        let server = Self { folder: PathBuf::new(), port: 0, admin, _end: None };
        server.make_roles();
        server
    }

    fn make_roles(&self) {
        let mut admin = connect(&self.admin);
        for role in [ROLE, STRANGER] {
            let make = format!(
                "do $$ begin create role {role} login password '{PASSWORD}'; exception when duplicate_object then null; end $$"
            );
            admin.execute(&make).unwrap();
        }
        let make = format!("do $$ begin create role {GROUP}; exception when duplicate_object then null; end $$");
        admin.execute(&make).unwrap();
        admin.execute(&format!("grant {GROUP} to {ROLE}")).unwrap();
    }

    /// A new database on it.
    pub fn database(&'static self) -> Database {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("suiro_test_{}_{number}", std::process::id());
        let mut admin = connect(&self.admin);
        admin.execute(&format!("create database {name} owner {ROLE} template template0")).unwrap();
        Database { server: self, name }
    }

    /// What connects to it through the network, as `ROLE`, to the database `postgres`.
    pub fn network(&self) -> PostgresOptions {
        PostgresOptions {
            host: Some("127.0.0.1".to_owned()),
            port: Some(self.port.to_string()),
            user: Some(ROLE.to_owned()),
            password: Some(PASSWORD.to_owned()),
            dbname: Some("postgres".to_owned()),
            ..PostgresOptions::default()
        }
    }
}

/// A server whose disk is full for whoever needs more than 20 megabytes: a limit on the size of its files, at which
/// PostgreSQL reports the same as on a full disk.
pub fn full_server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    // Not a whole number of pages, so that the write that reaches it comes up short, as on a full disk.
    SERVER.get_or_init(|| Server::start_within(Some((20 << 20) + 1000), "", LOGINS, |_| {}))
}

/// A server with the smallest lock table that it takes, apart from room for the other tests' connections.
pub fn narrow_server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("max_locks_per_transaction = 10\nmax_connections = 30\n", LOGINS, |_| {}))
}

/// The server of this test binary.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("SUIRO_TEST_POSTGRES_URL") {
        Ok(url) if !url.is_empty() => Server::given(&url),
        _ => Server::start("", LOGINS, |_| {}),
    })
}

/// A server of our own even where `SUIRO_TEST_POSTGRES_URL` is set, for tests of logins and poolers.
pub fn own_server() -> &'static Server {
    static OWN: OnceLock<Server> = OnceLock::new();
    if std::env::var("SUIRO_TEST_POSTGRES_URL").is_ok_and(|url| !url.is_empty()) {
        OWN.get_or_init(|| Server::start("", LOGINS, |_| {}))
    } else {
        server()
    }
}

/// A server that takes network connections with TLS only, and to `template1` with a client's certificate; its folder has
/// `ca.crt`, `server.crt` (for `localhost`), `client.crt` (for `ROLE`), `expired.crt` and `nobody.crt`, signed by it,
/// `other.crt` and `stranger.crt` (for `ROLE`), signed by that, each with its key.
pub fn tls_server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let logins = "local all all trust\nhostssl template1 all 127.0.0.1/32 cert\n\
            hostssl all all 127.0.0.1/32 scram-sha-256\n";
        let more = "ssl = on\nssl_cert_file = '../server.crt'\nssl_key_file = '../server.key'\n\
            ssl_ca_file = '../ca.crt'\n";
        Server::start(more, logins, make_certificates)
    })
}

fn make_certificates(folder: &Path) {
    let openssl = |arguments: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        command.args(arguments).current_dir(folder);
        run(command);
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    for (name, subject) in [("ca", "/CN=suiro test authority"), ("other", "/CN=another authority")] {
        let (certificate, private) = (format!("{name}.crt"), format!("{name}.key"));
        let request = ["req", "-x509", "-days", "2", "-subj", subject, "-keyout", &private, "-out", &certificate];
        openssl(&[&request[..], &key[..]].concat());
    }
    std::fs::write(folder.join("extensions"), "subjectAltName = DNS:localhost\n").unwrap();
    for (name, common_name, signer, days) in [
        ("server", "localhost", "ca", "2"),
        ("client", ROLE, "ca", "2"),
        ("nobody", "nobody", "ca", "2"),
        ("expired", ROLE, "ca", "-1"),
        ("stranger", ROLE, "other", "2"),
    ] {
        let file = |ending: &str| format!("{name}.{ending}");
        let (subject, private, request) = (format!("/CN={common_name}"), file("key"), file("csr"));
        openssl(&[&["req", "-subj", &subject, "-keyout", &private, "-out", &request][..], &key[..]].concat());
        let (signer, signing, signed) = (format!("{signer}.crt"), format!("{signer}.key"), file("crt"));
        let way = ["x509", "-req", "-in", &request, "-CA", &signer, "-CAkey", &signing, "-CAcreateserial"];
        openssl(&[&way[..], &["-days", days, "-extfile", "extensions", "-out", &signed]].concat());
        std::fs::set_permissions(folder.join(private), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    for file in ["server.key", "server.crt", "ca.crt"] {
        give(&folder.join(file));
    }
}

/// A database of its own for one test; `ROLE` owns it.
pub struct Database {
    server: &'static Server,
    /// Its name.
    pub name: String,
}

/// A database of its own on the server of this test binary.
pub fn database() -> Database {
    server().database()
}

impl Database {
    fn login(&self, user: Option<&str>) -> PostgresOptions {
        let mut options = self.server.admin.clone();
        options.dbname = Some(self.name.clone());
        if let Some(user) = user {
            options.user = Some(user.to_owned());
            options.password = Some(PASSWORD.to_owned());
        }
        options
    }

    /// What suiro connects with: `ROLE`.
    pub fn options(&self) -> PostgresOptions {
        self.login(Some(ROLE))
    }

    /// A session of `ROLE`.
    pub fn connect(&self) -> Box<dyn Connection> {
        connect(&self.options())
    }

    /// A session of the superuser.
    pub fn admin(&self) -> Box<dyn Connection> {
        connect(&self.login(None))
    }

    /// A session of somebody else.
    pub fn stranger(&self) -> Box<dyn Connection> {
        connect(&self.login(Some(STRANGER)))
    }

    /// The variables of libpq for `ROLE` and this database, for programs that tests start. Of a server that was given
    /// by its URL, host and port are read from simple URLs only.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let (host, port) = match &self.server.admin.url {
            Some(url) => {
                let rest = url.split("://").nth(1).unwrap_or_default();
                let rest = rest.rsplit('@').next().unwrap_or_default();
                let place = rest.split(['/', '?']).next().unwrap_or_default();
                let (host, port) = place.split_once(':').unwrap_or((place, "5432"));
                (host.replace("%2F", "/"), port.to_owned())
            }
            None => (self.server.folder.display().to_string(), self.server.port.to_string()),
        };
        vec![
            ("PGHOST", host),
            ("PGPORT", port),
            ("PGUSER", ROLE.to_owned()),
            ("PGPASSWORD", PASSWORD.to_owned()),
            ("PGDATABASE", self.name.clone()),
        ]
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Our own server goes away as a whole.
        if self.server.admin.url.is_some() && !std::thread::panicking() {
            let _ = connect(&self.server.admin).execute(&format!("drop database if exists {} with (force)", self.name));
        }
    }
}

/// The engine for these options, without an environment.
pub fn engine(options: &PostgresOptions) -> PostgresEngine {
    PostgresEngine::new(options, &|_| None).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A session with these options; panics with the reason if there is none.
pub fn connect(options: &PostgresOptions) -> Box<dyn Connection> {
    engine(options).connect("tests").unwrap_or_else(|error| panic!("{error:?}"))
}
