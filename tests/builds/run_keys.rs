//! Runs that several processes have a part in: those of one run key, and one that is taken up again.

use crate::{on_both_engines, project::Project};

/// A source that nobody knows the version of, a table over it, and what reads that.
fn write(project: &Project) {
    project.execute(&["create schema raw", "create table raw.events as select 1 as id"]);
    project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: events}]\n");
    project.models(&[
        ("a", "select count(*) as n from raw.events"),
        ("kept", "/*--- {materialized: incremental, incremental_strategy: append, unique_key: id} ---*/ select id from raw.events {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}"),
        ("b", "select n from a"),
    ]);
}

fn word(project: &Project, name: &str) -> String {
    project.results().into_iter().find(|(found, _)| found == name).unwrap().1
}

fn more(project: &Project) {
    project.execute(&["insert into raw.events select max(id) + 1 from raw.events"]);
}

fn ends(project: &Project, words: &[&str], status: i32) -> String {
    let ended = project.suiro(&[&["build"], words].concat());
    assert_eq!(ended.status, status, "{words:?}: {}", ended.stderr);
    ended.stderr
}

on_both_engines! {
    /// Every process has the epoch and the logical time of the first; what is done is not done again, whatever a source
    /// that tells nothing may have now; another key, or `--again`, does it.
    fn what_is_done_under_a_key_is_not_done_again(project) {
        write(project);
        ends(project, &["--select", "a", "--run-key", "k/1"], 0);
        more(project);
        ends(project, &["--select", "kept", "--run-key", "k/1"], 0);
        ends(project, &["--select", "a", "--run-key", "k/1"], 0);
        assert_eq!(word(project, "a"), "unchanged");
        ends(project, &["--run-key", "k/1", "--force"], 0);
        assert_eq!([word(project, "a"), word(project, "kept"), word(project, "b")], ["unchanged", "unchanged", "built"]);
        assert_eq!(project.rows("select n from core.b"), ["1"]);
        assert_eq!(project.value("select count(*) || ' ' || count(distinct logical_time) from suiro.runs"), "1 1");
        assert_eq!(project.value("select count(distinct epoch) || ' ' || count(distinct run) from suiro.relations"), "1 3");
        // The environment says it as well.
        let ended = project.suiro_with(&["build"], &[("SUIRO_RUN_KEY", "k/1")]);
        assert!(ended.status == 0 && ended.stderr.contains("3 unchanged"), "{}", ended.stderr);
        ends(project, &["--run-key", "k/1", "--again", "--select", "a"], 0);
        assert_eq!(project.rows("select n from core.a"), ["2"]);
        ends(project, &["--run-key", "k/1"], 0);
        assert_eq!([word(project, "a"), word(project, "b")], ["unchanged", "built"]);
        // A definition that changed is built under the same key.
        project.models(&[("a", "select count(*) + 10 as n from raw.events")]);
        ends(project, &["--run-key", "k/1"], 0);
        assert_eq!(project.rows("select n from core.b"), ["12"]);
        more(project);
        ends(project, &["--run-key", "k/2"], 0);
        assert_eq!(project.rows("select n from core.b"), ["13"]);
        assert_eq!(project.value("select count(*) || ' ' || max(id) from core.kept"), "3 3");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// A step that comes hours after a newer run publishes nothing over it.
    fn a_step_of_an_older_run_is_superseded(project) {
        write(project);
        ends(project, &["--run-key", "old", "--select", "a"], 0);
        more(project);
        ends(project, &["--run-key", "new"], 0);
        more(project);
        ends(project, &["--run-key", "old", "--select", "a", "b"], 0);
        assert_eq!([word(project, "a"), word(project, "b")], ["superseded", "superseded"]);
        assert_eq!(project.rows("select n from core.b"), ["2"]);
        ends(project, &["--run-key", "old", "--select", "a", "--superseded", "fail"], 75);
    }

    /// A failure that would only come again is told without being met again, with the same status, until something changes.
    fn a_permanent_failure_is_repeated_until_something_changes(project) {
        project.write("models/fruits.csv", "id,price\n1,x\n");
        project.models(&[("a", "select cast(price as integer) as price from fruits"), ("b", "select price from a")]);
        let key = ["--run-key", "k", "--show-sql"];
        let first = ends(project, &key, 66);
        assert!(first.contains("E0601") && first.contains("cast(price"), "{first}");
        let again = ends(project, &key, 66);
        assert!(again.contains("E0601") && again.contains("nothing has changed since") && again.contains("--again"), "{again}");
        assert!(!again.contains("create table") && !again.contains("CREATE TABLE"), "{again}");
        assert_eq!([word(project, "a"), word(project, "b")], ["failed", "skipped"]);
        // Forced, and under another key, it is met.
        for words in [&["--run-key", "k", "--again"][..], &["--run-key", "l"]] {
            assert!(!ends(project, words, 66).contains("nothing has changed since"));
        }
        assert!(ends(project, &key, 66).contains("nothing has changed since"));
        // Other rows, then another definition.
        project.write("models/fruits.csv", "id,price\n1,y\n");
        assert!(!ends(project, &key, 66).contains("nothing has changed since"));
        project.models(&[("a", "select 7 as price from fruits")]);
        ends(project, &key, 0);
        assert_eq!(project.rows("select price from core.b"), ["7"]);
    }

    /// The same of what a test holds back; the test counts, too.
    fn what_a_test_holds_back_is_held_back_until_something_changes(project) {
        let tests = |test: &str| project.write("models/all.yml", &format!("models:\n  - name: a\n    columns: [{{name: n, tests: [{test}]}}]\n"));
        tests("{expression: '> 5'}");
        project.models(&[("a", "select 1 as n"), ("b", "select n from a")]);
        let key = ["--run-key", "k"];
        assert!(!ends(project, &key, 65).contains("nothing has changed since"));
        let again = ends(project, &key, 65);
        assert!(again.contains("E0701") && again.contains("nothing has changed since"), "{again}");
        assert_eq!(word(project, "b"), "skipped");
        tests("{expression: '> 0'}");
        ends(project, &key, 0);
        assert_eq!(project.rows("select n from core.b"), ["1"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// What somebody else may mend is tried again: a relation that is missing, a source whose rows nobody knows.
    fn what_others_may_mend_is_tried_again(project) {
        project.execute(&["create schema raw"]);
        project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: events}, {name: texts}]\n");
        project.models(&[("a", "select id from raw.events"), ("c", "select cast(t as integer) as t from raw.texts")]);
        project.execute(&["create table raw.texts as select 'x' as t"]);
        ends(project, &["--run-key", "k"], 66);
        assert!(!ends(project, &["--run-key", "k"], 66).contains("nothing has changed since"));
        project.execute(&["create table raw.events as select 1 as id", "delete from raw.texts"]);
        ends(project, &["--run-key", "k"], 0);
    }

    /// The hooks around a run are run by one of its processes.
    fn hooks_around_a_run_are_run_once(project) {
        project.execute(&["create schema log", "create table log.said (what varchar(9))"]);
        project.configure("on_run_start: insert into log.said values ('start')\non_run_end: insert into log.said values ('end')");
        project.models(&[("a", "select 1 as n"), ("b", "select n from a")]);
        let said = || project.rows("select what || ' ' || count(*) from log.said group by what order by what desc");
        ends(project, &["--run-key", "k", "--select", "a"], 0);
        ends(project, &["--run-key", "k", "--select", "b"], 0);
        assert_eq!(said(), ["start 1"]);
        ends(project, &["--run-key", "k", "--select", "b", "--last"], 0);
        ends(project, &["--run-key", "k", "--select", "b", "--last", "--again"], 0);
        assert_eq!(said(), ["start 1", "end 1"]);
        // A process that builds everything is the whole run.
        for _ in 0..2 {
            ends(project, &["--run-key", "l", "--force"], 0);
            ends(project, &["--run-key", "l", "--again"], 0);
        }
        assert_eq!(said(), ["start 2", "end 2"]);
    }

    /// A run that failed is taken up, with its selection, its epoch and its logical time; what is done stays.
    fn a_failed_run_is_taken_up(project) {
        write(project);
        assert!(ends(project, &["--retry"], 0).contains("there was no build yet"));
        project.models(&[("b", "select n / (n - n) || cast('x' as integer) as n from a"), ("z", "select 1 as n")]);
        ends(project, &["--select", "a+"], 66);
        more(project);
        project.models(&[("b", "select n from a")]);
        let said = ends(project, &["--retry"], 0);
        assert!(said.contains("Taking up run"), "{said}");
        assert_eq!([word(project, "a"), word(project, "b")], ["unchanged", "built"]);
        assert!(project.results().iter().all(|(name, _)| name != "z"), "only what was asked for");
        assert_eq!(project.rows("select n from core.b"), ["1"]);
        assert_eq!(project.value("select count(*) || ' ' || min(status) from suiro.runs"), "1 done");
        assert!(ends(project, &["--retry"], 0).contains("is done"));
        // One with a key keeps it.
        project.models(&[("b", "select cast('x' as integer) as n from a")]);
        ends(project, &["--run-key", "k"], 66);
        project.models(&[("b", "select n + 1 as n from a")]);
        ends(project, &["--retry"], 0);
        ends(project, &["--run-key", "k"], 0);
        assert_eq!(word(project, "a"), "unchanged");
    }

    /// Tables of state that an earlier version made get what they have not.
    fn state_of_an_earlier_version_goes_on(project) {
        project.models(&[("a", "select 1 as n")]);
        project.build(&[]);
        project.execute(&["drop table suiro.steps", "drop table suiro.staged"]);
        ends(project, &[], 0);
        assert_eq!(word(project, "a"), "unchanged");
        project.models(&[("a", "select 2 as n")]);
        ends(project, &["--run-key", "k"], 0);
        assert_eq!(project.rows("select n from core.a"), ["2"]);
    }
}

/// A run that goes on is not taken up by a second process.
#[test]
fn a_run_that_goes_on_is_not_taken_up() {
    let project = Project::on_postgres();
    project.models(&[("slow", "select pg_catalog.pg_sleep(60)::text as s")]);
    let mut child = project.start(&["build"]);
    while project.value("select count(*) from pg_catalog.pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()") == "0" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let said = ends(&project, &["--retry"], 75);
    assert!(said.contains("E0626") && said.contains("goes on"), "{said}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Two attempts of one step at once: the one that comes late publishes nothing over the other.
#[test]
fn two_attempts_of_a_step_at_once_publish_once() {
    let project = Project::on_postgres();
    project.execute(&["create schema raw", "create table raw.gate (n integer)"]);
    project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: gate}]\n");
    project.models(&[("a", "select count(*) as n, case when (select count(*) from raw.gate) = 0 then pg_catalog.pg_sleep(4)::text end as s from raw.gate")]);
    let late = project.start_heard(&["build", "--run-key", "k"]);
    while project.value("select count(*) from pg_catalog.pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()") == "0" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    project.execute(&["insert into raw.gate values (1)"]);
    ends(&project, &["--run-key", "k"], 0);
    assert_eq!(project.rows("select n from core.a"), ["1"]);
    let late = late.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&late.stderr);
    assert!(late.status.success() && said.contains("superseded"), "{said}");
    assert_eq!(project.rows("select n from core.a"), ["1"]);
    assert_eq!(project.value("select count(*) from suiro.history"), "1");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}
