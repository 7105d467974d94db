//! How relations stand, why, and since when: `suiro status`, `why` and `history`.

use crate::{on_both_engines, project::Project};
use serde_json::Value;

fn objects(project: &Project, words: &[&str]) -> Vec<Value> {
    let ended = project.suiro(&[words, &["--format", "json"]].concat());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The relations as `name status`, sorted.
fn standing(project: &Project, words: &[&str]) -> Vec<String> {
    let found = objects(project, &[&["status"], words].concat());
    let mut lines: Vec<String> = found
        .iter()
        .map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    lines.sort();
    lines
}

fn text(project: &Project, words: &[&str]) -> String {
    let ended = project.suiro(words);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended.stdout
}

fn view(sql: &str) -> String {
    format!("/*--- {{materialized: view}} ---*/ {sql}")
}

fn chain(project: &Project) {
    project.write("models/fruits.csv", "id,price\n1,100\n2,200\n");
    project.models(&[
        ("stg", &view("select id, price from fruits where price > 50")),
        ("core", "select id, price * 2 as double_price from stg"),
        ("mart", "select count(*) as n from core"),
        ("beside", "select 1 as n"),
    ]);
}

on_both_engines! {
    /// The chain leads to the file that changed and past what did not.
    fn why_leads_to_what_changed(project) {
        chain(project);
        assert_eq!(text(project, &["why", "beside"]), "beside (table): build: it does not exist yet (models/beside.sql)\n");
        project.build(&[]);
        let before = text(project, &["why", "mart"]);
        assert!(before.starts_with("mart (table): skip: nothing changed since run") && before.lines().count() == 1, "{before}");
        project.models(&[("stg", &view("select id, price from fruits where price > 150"))]);
        let found = text(project, &["why", "mart"]);
        assert_eq!(found, "mart (table): build: `core.core`, which it reads, is made differently\n\
            └── core (table): build: `core.stg`, which it reads, is made differently\n    \
            └── stg (view): build: its SQL changed (models/stg.sql)\n");
        let lines = objects(project, &["why", "mart"]);
        assert_eq!(lines.len(), 3);
        assert_eq!((&lines[0]["because_of"], &lines[2]["files"]), (&serde_json::json!(["core"]), &serde_json::json!(["models/stg.sql"])));
        project.build(&[]);
        project.write("models/fruits.csv", "id,price\n1,100\n2,300\n");
        let found = text(project, &["why", "mart"]);
        assert!(found.ends_with("fruits (seed): build: its rows changed (models/fruits.csv)\n") && found.lines().count() == 4, "{found}");
        project.models(&[("inlined", "/*--- {materialized: ephemeral} ---*/ select 1 as n"), ("on_it", "select n from inlined")]);
        project.build(&[]);
        project.models(&[("inlined", "/*--- {materialized: ephemeral} ---*/ select 2 as n")]);
        let found = text(project, &["why", "on_it"]);
        assert_eq!(found, "on_it (table): build: an ephemeral model that it reads changed (models/inlined.sql, models/on_it.sql)\n");
        assert!(text(project, &["why", "inlined"]).contains("inlined is ephemeral: it is part of what reads it"));
        assert_eq!(project.suiro(&["why", "nosuch"]).status, 64);
    }

    /// Each way in which a relation can stand.
    fn status_tells_how_each_relation_stands(project) {
        chain(project);
        assert_eq!(standing(project, &[]), ["beside missing", "core missing", "fruits missing", "mart missing", "stg missing"]);
        project.build(&[]);
        assert_eq!(standing(project, &[]), ["beside current", "core current", "fruits current", "mart current", "stg current"]);
        let fruits = objects(project, &["status", "fruits"]);
        assert_eq!((fruits.len(), &fruits[0]["rows"], &fruits[0]["relation"]), (1, &Value::from(2), &Value::from("core.fruits")));
        assert!(fruits[0]["run"].as_str().is_some_and(|run| run.contains('T')) && fruits[0]["published_at"].is_string());
        project.models(&[("core", "select id, price * 3 as double_price from stg")]);
        // What is above counts although it was not chosen.
        assert_eq!(standing(project, &["mart"]), ["mart behind"]);
        project.execute(&["alter table core.beside add column x integer", "drop table core.mart"]);
        assert_eq!(standing(project, &[]), ["beside changed", "core behind", "fruits current", "mart missing", "stg current"]);
        let printed = text(project, &["status"]);
        assert!(printed.contains("there is also a column `x`") && printed.contains("its SQL changed"), "{printed}");
        project.build(&[]);
        std::fs::remove_file(project.path().join("models/beside.sql")).unwrap();
        project.execute(&["comment on table core.mart is 'mine'"]);
        project.models(&[("new", "select 1 as n")]);
        project.execute(&["create table core.new as select 1 as n"]);
        assert_eq!(standing(project, &[]), ["core current", "core.beside orphaned", "fruits current", "mart replaced", "new foreign", "stg current"]);
        assert_eq!(project.value("select count(*) from core.new"), "1");
    }

    /// Each publish is told with what was other in it.
    fn history_tells_what_changed(project) {
        chain(project);
        assert_eq!(text(project, &["history", "core"]).trim(), "");
        project.build(&[]);
        project.models(&[("core", "select id, price * 3 as double_price from stg")]);
        project.build(&[]);
        project.write("models/fruits.csv", "id,price\n1,100\n2,200\n3,300\n");
        project.build(&[]);
        project.models(&[("core", &view("select id, price * 3 as double_price from stg"))]);
        project.build(&[]);
        let found = objects(project, &["history", "core"]);
        let changes: Vec<String> = found.iter().map(|one| one["changes"][0].as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(changes, ["it became a view", "its rows", "its SQL changed", "the first publish"]);
        assert_eq!(found[1]["rows"], 3);
        assert!(found[0]["run"].as_str() > found[3]["run"].as_str());
        let limited = project.suiro(&["history", "core", "--limit", "2"]);
        assert!(limited.stdout.lines().count() == 2 && limited.stdout.contains("it became a view"), "{}", limited.stdout);
        assert!(limited.stderr.contains("the newest 2 publishes"), "{}", limited.stderr);
    }
}
