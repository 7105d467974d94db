//! A PostgreSQL server of one's own, on a port of this machine, gone when dropped.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The role that is measured: it owns the database and is no superuser.
pub const ROLE: &str = "bench";

/// A running server.
pub struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    /// The port on 127.0.0.1.
    pub port: u16,
}

impl Cluster {
    /// Starts one with the server's default settings.
    ///
    /// # Panics
    /// If PostgreSQL is not there or does not start.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let programs = programs().expect("PostgreSQL's server programs: `bash .ci/setup --tests` installs them");
        if is_root() {
            must(Command::new("chown").arg(account()).arg(folder.path()));
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let cluster = Self { folder, programs, port };
        let data = cluster.data();
        let mut initdb = cluster.program("initdb");
        must(
            initdb
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--pgdata"])
                .arg(&data),
        );
        let options = format!("-p {port} -c listen_addresses=127.0.0.1 -k {}", cluster.folder.path().display());
        let log = cluster.folder.path().join("log");
        must(cluster.program("pg_ctl").args(["start", "-w", "-o", &options, "-l"]).arg(log).arg("-D").arg(data));
        must(cluster.psql("postgres", "postgres").args(["-c", &format!("create role {ROLE} login")]));
        cluster
    }

    /// An empty database `bench` that the role owns.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn empty_database(&self) {
        let create = format!("create database bench owner {ROLE}");
        must(self.psql("postgres", "postgres").args(["-c", "drop database if exists bench", "-c", &create]));
    }

    /// `psql` as a role in a database, stopping at the first error.
    pub fn psql(&self, role: &str, database: &str) -> Command {
        let mut command = Command::new("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", role, "-d", database, "-p"]);
        command.arg(self.port.to_string());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of the server, run by an account that is not root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        if !is_root() {
            return Command::new(path);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", account(), "--"]).arg(path).current_dir("/");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        must(self.program("pg_ctl").args(["stop", "-m", "immediate", "-D"]).arg(self.data()));
    }
}

/// The newest folder with the server's programs.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            path.join("bin/initdb").exists().then(|| (version, path.join("bin")))
        })
        .collect();
    folders.sort();
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    folders.pop().map(|(_, folder)| folder).or_else(on_path)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// The account that runs the server when this program is run by root, as containers do.
fn account() -> &'static str {
    let passwd = fs::read_to_string(Path::new("/etc/passwd")).unwrap_or_default();
    if passwd.lines().any(|line| line.starts_with("postgres:")) { "postgres" } else { "nobody" }
}

fn must(command: &mut Command) {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("{command:?}: {error}"),
    }
}
