//! Programs that tests need: found, run as a user that is not root, and stopped even when the tests are killed.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// The user and group that servers run as, when the tests run as root: PostgreSQL and PgBouncer refuse root.
fn server_user() -> Option<(u32, u32)> {
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| {
        if id(&["-u"])? != 0 {
            return None;
        }
        ["postgres", "nobody"].iter().find_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)))
    })
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A command that runs the program as the server user.
pub fn as_server_user(program: &Path) -> Command {
    match server_user() {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups", "--"]);
            command.arg(program);
            command
        }
    }
}

/// The command, none of whose files may grow past `largest` bytes: writing more is an error, not a signal.
pub fn within(largest: Option<u64>, command: Command) -> Command {
    let Some(largest) = largest else { return command };
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; exec prlimit --fsize=\"$0\" \"$@\"", &largest.to_string()]);
    limited.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(key, value),
            None => limited.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited
}

/// Gives a file or folder to the server user.
pub fn give(path: &Path) {
    if let Some((user, group)) = server_user() {
        std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
    }
}

/// A new folder that the server user may write to. Its path is short: a socket's has at most 107 bytes.
pub fn server_folder(prefix: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir_in("/tmp").unwrap().keep();
    give(&folder);
    folder
}

/// Runs it to its end, and panics with what it said if it fails.
pub fn run(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?} failed:\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The program, in PATH or one of the folders.
pub fn find(program: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// A port that nothing listens on just now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Runs a shell script's second half as soon as this process ends, however it ends: it waits at a pipe that only this
/// process holds open.
pub struct AtEnd(Child);

impl AtEnd {
    /// `start` runs at once, `stop` at the end; both get the arguments as `$1`, `$2`, ….
    pub fn new(start: &str, stop: &str, arguments: &[&Path]) -> Self {
        // Ctrl-C reaches the whole group: it must not end the script before its second half.
        let script = format!("trap '' INT TERM HUP QUIT\n{start}\ncat > /dev/null\n{stop}\n");
        let child = Command::new("sh")
            .args(["-c", &script, "sh"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Ends it now and waits for it.
    pub fn finish(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
