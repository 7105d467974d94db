//! A project in a folder of its own, on a database of its own.

use crate::support::{
    postgres::{self, Database, Server},
    process::within,
};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};
use suiro::engine::{
    Connection, Engine,
    duckdb::{DuckDbEngine, DuckDbOptions},
};

/// How an invocation of suiro ended.
pub struct Ended {
    /// The exit status.
    pub status: i32,
    /// Data.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

/// A project and its database.
pub struct Project {
    folder: tempfile::TempDir,
    /// The PostgreSQL database; none is DuckDB.
    pub database: Option<Database>,
}

impl Project {
    /// An empty project on a new DuckDB file.
    pub fn on_duckdb() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), database: None };
        project.configure("");
        project
    }

    /// An empty project on a new PostgreSQL database, as a role that is no superuser.
    pub fn on_postgres() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), database: Some(postgres::database()) };
        project.configure("");
        project
    }

    /// An empty project on a new database of that server.
    pub fn on_server(server: &'static Server) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), database: Some(server.database()) };
        project.configure("");
        project
    }

    /// Writes `suiro.yml` with these lines added; models are tables in the schema `core`.
    pub fn configure(&self, more: &str) {
        self.configure_target("threads: 4", more);
    }

    /// The same, with these keys of the target.
    pub fn configure_target(&self, keys: &str, more: &str) {
        let target = match &self.database {
            None => format!("{{type: duckdb, path: it.duckdb, schema: core, {keys}}}"),
            Some(_) => format!("{{type: postgres, schema: core, {keys}}}"),
        };
        self.write(
            "suiro.yml",
            &format!("name: it\ntargets:\n  it: {target}\nmodels: {{materialized: table}}\n{more}\n"),
        );
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes models: name and SQL.
    pub fn models(&self, models: &[(&str, &str)]) {
        for (name, sql) in models {
            self.write(&format!("models/{name}.sql"), sql);
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let program = std::env::var_os("SUIRO_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_suiro").into());
        let mut command = Command::new(program);
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("HOME", self.folder.path()).env("TZ", "Asia/Tokyo");
        if let Some(database) = &self.database {
            command.envs(database.variables());
        }
        command
    }

    /// Runs suiro to its end.
    pub fn suiro(&self, words: &[&str]) -> Ended {
        self.suiro_with(words, &[])
    }

    /// Runs suiro to its end with further variables.
    pub fn suiro_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Ended {
        let output = self.command(words).envs(variables.iter().copied()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { status: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Runs suiro to its end; none of its files may grow past `largest` bytes.
    pub fn suiro_within(&self, largest: u64, words: &[&str]) -> Ended {
        let mut command = within(Some(largest), self.command(words));
        command.env_clear().env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { status: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Starts suiro.
    pub fn start(&self, words: &[&str]) -> Child {
        self.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts suiro with further variables; what it says on stderr can be read.
    pub fn start_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Child {
        let mut command = self.command(words);
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The same with further variables.
    pub fn start_heard_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Child {
        let mut command = self.command(words);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts suiro; what it says is kept for its end.
    pub fn start_heard(&self, words: &[&str]) -> Child {
        self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Builds; it must succeed.
    pub fn build(&self, words: &[&str]) {
        let ended = self.suiro(&[&["build"], words].concat());
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }

    /// Builds; it must end with that status. Returns what was printed.
    pub fn build_fails(&self, status: i32) -> String {
        let ended = self.suiro(&["build"]);
        assert_eq!(ended.status, status, "{}", ended.stderr);
        ended.stderr
    }

    /// The same, with what did not change built, too.
    pub fn force_fails(&self, status: i32) -> String {
        let ended = self.suiro(&["build", "--force"]);
        assert_eq!(ended.status, status, "{}", ended.stderr);
        ended.stderr
    }

    /// A session of the role that suiro works as.
    pub fn connect(&self) -> Box<dyn Connection> {
        match &self.database {
            Some(database) => database.connect(),
            None => {
                let path = Some(self.folder.path().join("it.duckdb"));
                DuckDbEngine::new(DuckDbOptions { path, ..DuckDbOptions::default() }).connect("tests").unwrap()
            }
        }
    }

    /// Carries out statements as the role that suiro works as.
    pub fn execute(&self, statements: &[&str]) {
        let mut connection = self.connect();
        for statement in statements {
            connection.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
    }

    /// The rows of a query, values joined by `|`, NULL as `NULL`.
    pub fn rows(&self, query: &str) -> Vec<String> {
        let rows = self.connect().query(query, None).unwrap_or_else(|error| panic!("{query}: {error:?}"));
        let text = |row: &Vec<Option<String>>| {
            row.iter().map(|value| value.as_deref().unwrap_or("NULL").to_owned()).collect::<Vec<_>>().join("|")
        };
        rows.rows.iter().map(text).collect()
    }

    /// The only value of a query.
    pub fn value(&self, query: &str) -> String {
        let rows = self.rows(query);
        assert_eq!(rows.len(), 1, "{query}: {rows:?}");
        rows[0].clone()
    }

    /// Everything of suiro's that is neither a model nor a seed: schemas and relations on their way in or out.
    pub fn left_behind(&self) -> Vec<String> {
        match &self.database {
            Some(_) => self.rows(
                "select nspname from pg_catalog.pg_namespace where pg_catalog.starts_with(nspname, '__suiro') order by 1",
            ),
            None => self.rows(
                "select table_name from duckdb_tables() where starts_with(table_name, '__suiro') \
                 union all select view_name from duckdb_views() where starts_with(view_name, '__suiro')",
            ),
        }
    }

    /// `run_results.json` of the last run.
    pub fn run_results(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.folder.path().join("target/run_results.json")).unwrap()).unwrap()
    }

    /// How often that node was tried in the last run.
    pub fn attempts(&self, name: &str) -> u64 {
        let results = self.run_results();
        let found = results["results"].as_array().unwrap().iter().find(|one| one["name"] == name);
        found.unwrap()["attempts"].as_u64().unwrap()
    }

    /// What became of each node in the last run.
    pub fn results(&self) -> Vec<(String, String)> {
        let results = self.run_results();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        results["results"].as_array().unwrap().iter().map(|one| (word(&one["name"]), word(&one["status"]))).collect()
    }
}
