//! PgBouncer in front of a test server.

use super::{
    postgres::{PASSWORD, ROLE, Server},
    process::{AtEnd, as_server_user, find, free_port, give, server_folder},
};
use std::time::{Duration, Instant};
use suiro::engine::postgres::PostgresOptions;

/// A running PgBouncer; it ends when this is dropped.
pub struct PgBouncer {
    port: u16,
    end: AtEnd,
}

impl PgBouncer {
    /// Starts one in that `pool_mode`, with more configuration.
    pub fn start(server: &Server, pool_mode: &str, more: &str) -> Self {
        let program = find("pgbouncer", &["/usr/sbin", "/usr/local/sbin"])
            .expect("these tests need PgBouncer (Debian: `apt-get install pgbouncer`)");
        let folder = server_folder("suiro-pgb-");
        let port = free_port();
        let (users, configuration) = (folder.join("users"), folder.join("pgbouncer.ini"));
        std::fs::write(&users, format!("\"{ROLE}\" \"{PASSWORD}\"\n")).unwrap();
        let (socket, server_port, log) = (server.folder.display(), server.port, folder.join("log"));
        let text = format!(
            "[databases]\n* = host={socket} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {pool_mode}\n\
             logfile = {}\n{more}\n",
            users.display(),
            log.display(),
        );
        std::fs::write(&configuration, text).unwrap();
        give(&users);
        give(&configuration);
        let command = as_server_user(&program);
        let words: Vec<String> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let start = format!("{} -q \"$2\" < /dev/null &\nbouncer=$!", words.join(" "));
        let stop = "kill -KILL $bouncer; rm -rf \"$1\"";
        let bouncer = Self { port, end: AtEnd::new(&start, stop, &[&folder, &configuration]) };
        let limit = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(Instant::now() < limit, "PgBouncer does not start: {}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
        bouncer
    }

    /// What connects through it, as `ROLE`.
    pub fn options(&self, dbname: &str) -> PostgresOptions {
        PostgresOptions {
            host: Some("127.0.0.1".to_owned()),
            port: Some(self.port.to_string()),
            user: Some(ROLE.to_owned()),
            password: Some(PASSWORD.to_owned()),
            dbname: Some(dbname.to_owned()),
            ..PostgresOptions::default()
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.end.finish();
    }
}
