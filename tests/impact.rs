//! `suiro diff --git` as a user meets it: a repository, changes, and what is told about them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

struct Repository(tempfile::TempDir);

impl Repository {
    /// A repository whose project stands in a folder of its own; its first commit is tagged `first`.
    fn new(files: &[(&str, &str)]) -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        made.git(&["init", "--quiet", "--initial-branch=main"]);
        made.write(files);
        made.commit("first");
        made
    }

    fn project(&self) -> std::path::PathBuf {
        self.0.path().join("lager 倉")
    }

    fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.project().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn git(&self, words: &[&str]) -> String {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").arg("-C").arg(self.0.path()).args(who).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&self, tag: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", tag]);
        self.git(&["tag", tag]);
    }

    fn suiro(&self, words: &[&str]) -> Output {
        suiro(&self.project(), words)
    }

    fn told(&self, range: &str) -> Value {
        let output = self.suiro(&["diff", "--git", range, "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

fn suiro(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suiro"))
        .args(words)
        .current_dir(folder)
        .env_remove("SUIRO_TARGET")
        .output()
        .unwrap()
}

const FILES: &[(&str, &str)] = &[
    ("suiro.yml", "name: shop\ntargets:\n  local: {type: duckdb, path: shop.duckdb}\n"),
    ("models/fruits.csv", "id,name\n1,りんご\n"),
    (
        "models/sources.yml",
        "sources: [{name: raw, tables: [{name: orders, columns: [{name: id, data_type: integer}, {name: amount, data_type: \"decimal(9,2)\"}, {name: note, data_type: varchar}]}]}]\n",
    ),
    ("models/stg.sql", "select id, amount, note, id % 7 as day from raw.orders\n"),
    ("models/daily.sql", "select day, sum(amount) as total from stg group by day\n"),
    ("models/notes.sql", "select upper(note) as shout from stg\n"),
    ("models/noted.sql", "select id from stg where note is not null\n"),
    ("models/apart.sql", "select name from fruits\n"),
    ("models/gone.sql", "select id from stg\n"),
    (
        "models/about.yml",
        "models:\n  - name: stg\n    columns: [{name: note, tests: [not_null]}, {name: id, tests: [not_null]}]\nexposures:\n  - {name: board, type: dashboard, depends_on: [ref('notes')]}\n",
    ),
];

fn one<'v>(told: &'v Value, name: &str) -> &'v Value {
    told["changed"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

#[test]
fn what_changed_and_who_reads_it() {
    let repository = Repository::new(FILES);
    repository.write(&[
        ("models/stg.sql", "-- another comment\nselect id, cast(amount as double) as amount, id % 7 as day, 1 as new from raw.orders\n"),
        ("models/apart.sql", "SELECT   name -- the same\nFROM fruits\n"),
        ("models/extra.sql", "select day from daily\n"),
        ("models/fruits.csv", "id,name\n1,りんご\n2,みかん\n"),
    ]);
    fs::remove_file(repository.project().join("models/gone.sql")).unwrap();
    repository.commit("second");
    let status = repository.git(&["status", "--porcelain"]);
    let told = repository.told("first..second");
    assert_eq!(repository.git(&["status", "--porcelain"]), status, "neither files nor index are touched");

    let stg = one(&told, "stg");
    assert_eq!(stg["change"], "changed");
    assert_eq!(stg["breaking"], true);
    let columns: Vec<String> = stg["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| format!("{} {}", column["change"].as_str().unwrap(), column["name"].as_str().unwrap()))
        .collect();
    assert_eq!(columns, ["retyped amount", "added new", "removed note"]);
    let readers: Vec<&str> =
        stg["readers"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    for reader in ["daily", "notes", "noted", "board"] {
        assert!(readers.contains(&reader), "{reader} in {readers:?}");
    }
    assert!(readers.iter().any(|name| name.contains("not_null") && name.contains("note")), "{readers:?}");
    assert!(!readers.iter().any(|name| name.ends_with("_id")), "a test of another column: {readers:?}");
    assert_eq!(one(&told, "gone")["change"], "removed");
    assert_eq!(one(&told, "gone")["breaking"], true);
    assert_eq!(one(&told, "extra")["change"], "added");
    assert_eq!(one(&told, "extra")["breaking"], false);
    assert_eq!(one(&told, "fruits")["reasons"][0], "its rows changed");
    assert_eq!(*one(&told, "apart"), Value::Null, "comments and white space are no change");
    let mut rebuilt: Vec<&str> =
        told["rebuilt"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    rebuilt.sort_unstable();
    assert_eq!(rebuilt, ["apart", "daily", "extra", "fruits", "noted", "notes", "stg"]);
    assert_eq!(told["exposures"][0], "board");
    // What the models read of `note` is an error at the end of the range, and the status says so.
    assert!(told["errors"].as_u64().unwrap() > 0);
    assert_eq!(repository.suiro(&["diff", "--git", "first..second"]).status.code(), Some(1));
}

#[test]
fn descriptions_build_nothing_and_the_files_as_they_are_count_without_an_end() {
    let repository = Repository::new(FILES);
    let nothing = repository.suiro(&["diff", "--git", "first"]);
    assert_eq!(nothing.status.code(), Some(0));
    assert!(nothing.stdout.is_empty(), "{nothing:?}");
    assert_eq!(String::from_utf8(nothing.stderr).unwrap(), "Nothing that matters to models changed.\n");
    repository.write(&[(
        "models/daily.yml",
        "models: [{name: daily, description: by day, config: {persist_docs: {relation: true}}}]\n",
    )]);
    let told = repository.told("HEAD");
    assert_eq!(one(&told, "daily")["described"], true);
    assert_eq!(told["rebuilt"], serde_json::json!([]));
}

#[test]
fn markdown_is_fit_to_be_posted() {
    let repository = Repository::new(FILES);
    repository.write(&[(
        "models/stg.sql",
        "select id, amount, id % 7 as day, note, 1 as \"a|`b\" from raw.orders where id > 0\n",
    )]);
    let output = repository.suiro(&["diff", "--git", "first..", "--format", "md"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "### suiro: 1 changed, 5 to build\n\n\
         | | what | why | columns |\n|---|---|---|---|\n\
         | ~ | model `stg` | its SQL changed | ``+ a\\|`b INTEGER`` |\n\n\
         **To build:** `stg`, `daily`, `gone`, `noted`, `notes`\n\n\
         **Exposures below:** `board`\n\n\
         <sub>`first..` · without a database</sub>\n"
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let repository = Repository::new(FILES);
    let refused = |folder: &Path, words: &[&str], expected: &str| {
        let output = suiro(folder, words);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(text.contains("E0407") && text.contains(expected), "{text}");
    };
    refused(&repository.project(), &["diff", "--git", "nowhere..HEAD"], "git knows no commit `nowhere`");
    refused(&repository.project(), &["diff", "--git=--output=x..HEAD"], "git knows no commit");
    let outside = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        let path = outside.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    refused(outside.path(), &["diff", "--git", "main"], "not a git repository");
    repository.git(&["rm", "--quiet", "-r", "--cached", "."]);
    repository.git(&["commit", "--quiet", "--allow-empty", "--message", "nothing"]);
    refused(&repository.project(), &["diff", "--git", "HEAD..first"], "has no project");
    let broken = repository.suiro(&["diff", "--env", "dev", "--format", "md"]);
    assert_eq!(broken.status.code(), Some(64), "{broken:?}");
}
