//! `keep` and `suiro rollback`: replaced versions that stay, and come back.

use crate::{on_both_engines, project::Project};
use serde_json::Value;

/// The runs that published a model, the oldest first, and whether their version is kept.
fn history(project: &Project, model: &str) -> Vec<(String, bool)> {
    let ended = project.suiro(&["history", model, "--format", "json"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let line = |line: &str| {
        let one: Value = serde_json::from_str(line).unwrap();
        (one["run"].as_str().unwrap().to_owned(), one["kept"].as_bool().unwrap())
    };
    let mut all: Vec<_> = ended.stdout.lines().map(line).collect();
    all.reverse();
    all
}

fn kept(project: &Project, model: &str) -> Vec<bool> {
    history(project, model).into_iter().map(|(_, kept)| kept).collect()
}

/// How many schemas there are for versions that are kept.
fn schemas(project: &Project) -> String {
    project.rows("select count(*) from information_schema.schemata where schema_name like 'suiro_kept%'").remove(0)
}

const KEEP: &str = "/*--- {keep: 2} ---*/ ";

on_both_engines! {
    /// The last versions stay, older ones go, and any of those that stay comes back with what belongs to it.
    fn versions_are_kept_and_come_back(project) {
        project.write("models/all.yml", "models:\n  - name: a\n    description: All of it.\n    config: {indexes: [{columns: [n]}], persist_docs: {relation: true}}\n");
        for n in 1..=4 {
            project.models(&[("a", &format!("{KEEP}select {n} as n")), ("b", "select n from a")]);
            project.build(&[]);
        }
        assert_eq!(kept(project, "a"), [false, true, true, false]);
        assert_eq!(kept(project, "b"), [false; 4]);
        assert_eq!(schemas(project), "2");
        let second = history(project, "a")[1].0.clone();
        let ended = project.suiro(&["rollback", "a", "--to", &second, "--why", "wrong rates"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("a is that of run {second} again")) && ended.stderr.contains("other versions: b"), "{}", ended.stderr);
        assert_eq!(project.rows("select n from core.a"), ["2"]);
        assert_eq!(project.rows("select n from core.b"), ["4"]);
        // It is held, and says why; a build leaves it alone.
        let plan = project.suiro(&["plan"]).stdout;
        assert!(plan.contains("wrong rates") && plan.contains("rolled back to run"), "{plan}");
        project.build(&["--select", "a"]);
        assert_eq!(project.rows("select n from core.a"), ["2"]);
        assert_eq!(project.suiro(&["status", "a"]).stdout.split(' ').next(), Some("held"));
        // The version that it took the place of is kept itself.
        assert_eq!(kept(project, "a"), [false, false, true, true, false]);
        let fourth = history(project, "a")[3].0.clone();
        let ended = project.suiro(&["rollback", "a", "--to", &fourth]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(project.rows("select n from core.a"), ["4"]);
        assert_eq!(project.suiro(&["hold", "a", "--release"]).status, 0);
        project.build(&[]);
        assert_eq!(project.rows("select n from core.a"), ["4"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
        // With the version come the index and the comment that the files give.
        let comment = match project.database {
            Some(_) => "select split_part(obj_description('core.a'::regclass), chr(10), 1)",
            None => "select split_part(comment, chr(10), 1) from duckdb_tables() where schema_name = 'core' and table_name = 'a'",
        };
        assert_eq!(project.rows(comment), ["All of it."]);
    }

    /// What is not kept is said to be so, and nothing is changed, of other models either.
    fn what_is_not_kept_cannot_come_back(project) {
        for n in 1..=2 {
            project.models(&[("a", &format!("{KEEP}select {n} as n")), ("b", &format!("select {n} as n"))]);
            project.build(&[]);
        }
        let first = history(project, "a")[0].0.clone();
        let ended = project.suiro(&["rollback", "a", "b", "--to", &first]);
        assert_eq!(ended.status, 64, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0625") && ended.stderr.contains("`b`") && ended.stderr.contains("keep: 3"), "{}", ended.stderr);
        assert_eq!(project.rows("select n from core.a"), ["2"]);
        let ended = project.suiro(&["rollback", "a", "--to", "20200101T000000-abcdef"]);
        assert!(ended.status == 64 && ended.stderr.contains("there was no run"), "{}", ended.stderr);
        let last = history(project, "a")[1].0.clone();
        let ended = project.suiro(&["rollback", "a", "--to", &last]);
        assert!(ended.status == 0 && ended.stderr.contains("Nothing to roll back"), "{}", ended.stderr);
        // Without a run, it is the version before.
        let ended = project.suiro(&["rollback", "a"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(project.rows("select n from core.a"), ["1"]);
        assert!(project.suiro(&["plan"]).stdout.contains("rolled back to the version before"));
    }

    /// A table that rows are added to is copied before that.
    fn increments_are_kept_too(project) {
        project.models(&[("a", "/*--- {materialized: incremental, unique_key: id, keep: 1} ---*/ select id, n from fruits")]);
        for rows in ["1,10\n", "1,11\n2,20\n", "3,30\n"] {
            project.write("models/fruits.csv", &format!("id,n\n{rows}"));
            project.build(&[]);
        }
        assert_eq!(project.rows("select id, n from core.a order by id"), ["1|11", "2|20", "3|30"]);
        assert_eq!(kept(project, "a"), [false, true, false]);
        let second = history(project, "a")[1].0.clone();
        let ended = project.suiro(&["rollback", "a", "--to", &second]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(project.rows("select id, n from core.a order by id"), ["1|11", "2|20"]);
        assert_eq!(project.suiro(&["hold", "a", "--release"]).status, 0);
        project.build(&[]);
        assert_eq!(project.rows("select id, n from core.a order by id"), ["1|11", "2|20", "3|30"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// Less to keep, or a model that is gone: a build drops what is more than it keeps, and `prune` what nobody keeps.
    fn what_nobody_keeps_goes(project) {
        for n in 1..=3 {
            project.models(&[("a", &format!("{KEEP}select {n} as n")), ("b", &format!("{KEEP}select {n} as n"))]);
            project.build(&[]);
        }
        project.models(&[("a", "/*--- {keep: 1} ---*/ select 4 as n")]);
        project.build(&[]);
        assert_eq!(kept(project, "a"), [false, false, true, false]);
        project.models(&[("a", "select 4 as n")]);
        std::fs::remove_file(project.path().join("models/b.sql")).unwrap();
        let ended = project.suiro(&["prune"]);
        assert!(ended.stdout.contains("core.b") && ended.stdout.contains("kept"), "{} {}", ended.stdout, ended.stderr);
        let ended = project.suiro(&["prune", "--yes"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(schemas(project), "0");
        assert_eq!(project.rows("select n from core.a"), ["4"]);
        assert!(project.suiro(&["prune"]).stderr.contains("Nothing to drop"));
    }
}

/// A version that is kept does not keep what it referred to from being swapped; views of others follow the new one.
#[test]
fn a_kept_version_is_in_nobodys_way() {
    let project = Project::on_postgres();
    project.write("models/all.yml", "models:\n  - name: dim\n    config: {constraints: [{type: primary_key, columns: [id]}]}\n  - name: fact\n    config: {keep: 1, constraints: [{type: foreign_key, columns: [id], to: dim, to_columns: [id]}]}\n");
    project.models(&[("dim", "select 1 as id"), ("fact", "select id, 1 as n from dim")]);
    project.build(&[]);
    project.execute(&["create view public.theirs as select n from core.fact"]);
    project.models(&[("fact", "select id, 2 as n from dim")]);
    project.build(&[]);
    assert_eq!(project.rows("select n from public.theirs"), ["2"]);
    assert_eq!(
        project.rows("select count(*) from pg_constraint where contype = 'f' and conrelid <> 'core.fact'::regclass"),
        ["0"]
    );
    project.models(&[("dim", "select 1 as id, 2 as more")]);
    project.build(&[]);
    assert_eq!(project.rows("select more from core.dim"), ["2"]);
    let first = history(&project, "fact")[0].0.clone();
    let ended = project.suiro(&["rollback", "fact", "--to", &first]);
    // The third build replaced it again, and one version is kept.
    assert!(ended.status == 64 && ended.stderr.contains("kept are those of"), "{}", ended.stderr);
    let second = history(&project, "fact")[1].0.clone();
    let ended = project.suiro(&["rollback", "fact", "--to", &second]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(project.rows("select n from public.theirs"), ["2"]);
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// What an environment keeps goes with it.
#[test]
fn an_environment_takes_its_versions_along() {
    let project = Project::on_postgres();
    for n in 1..=3 {
        project.models(&[("a", &format!("{KEEP}select {n} as n"))]);
        let ended = project.suiro(&["build", "--env", "dev"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }
    assert_eq!(schemas(&project), "2");
    assert_eq!(project.suiro(&["env", "drop", "dev", "--yes"]).status, 0);
    assert_eq!(schemas(&project), "0");
}
