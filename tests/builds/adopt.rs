//! Taking over what somebody else made: nothing is touched without being asked for, and nothing is believed unseen.

use crate::{on_both_engines, project::Project};

/// A database that somebody filled by hand with what the models say, nearly.
fn filled(project: &Project) {
    project.execute(&[
        "create schema core",
        "create table core.fruits as select * from (values (1, 100), (2, 200)) as t(id, price)",
        "create table core.twice as select id, price * 2 as price from core.fruits",
        "create view core.cheap as select id from core.fruits where price < 150",
        "create table core.wrong as select id, price + 1 as price from core.fruits",
        "create table core.other as select 1 as n, 'x' as more",
        "comment on table core.twice is 'Twice the price.'",
    ]);
    project.models(&[
        ("fruits", "select * from (values (1, 100), (2, 200)) as t(id, price)"),
        ("twice", "select id, price * 2 as price from fruits"),
        ("cheap", "/*--- {materialized: view} ---*/ select id from fruits where price < 150"),
        ("wrong", "select id, price from fruits"),
        ("other", "select cast(1 as bigint) as n"),
        ("new", "select 1 as n"),
    ]);
}

fn said(project: &Project, words: &[&str]) -> String {
    let ended = project.suiro(&[&["adopt"], words].concat());
    assert_eq!(ended.status, 0, "{}{}", ended.stdout, ended.stderr);
    [ended.stdout, ended.stderr].concat()
}

fn line<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{name}: {text}"))
}

fn built(project: &Project) -> Vec<String> {
    let results = project.results().into_iter().filter(|(_, word)| word == "built");
    let mut names: Vec<String> = results.map(|(name, _)| name).collect();
    names.sort();
    names
}

fn comment(project: &Project, name: &str) -> String {
    project.value(&if project.database.is_some() {
        format!("select pg_catalog.obj_description('core.{name}'::pg_catalog.regclass)")
    } else {
        format!("select comment from duckdb_tables() where table_name = '{name}'")
    })
}

on_both_engines! {
    /// Without `--yes` nothing changes; without `--data` tables are built again.
    fn what_is_taken_over_is_built_again_unless_its_rows_were_compared(project) {
        filled(project);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0605") && printed.contains("suiro adopt"), "{printed}");
        let text = said(project, &["*"]);
        assert!(line(&text, "twice").contains("the same columns; is built anew"), "{text}");
        assert!(line(&text, "other").contains("`n` is of type") && line(&text, "other").contains("also a column `more`"), "{text}");
        assert!(text.contains("5 relations to take over, 1 the project's already") && text.contains("`--yes`"), "{text}");
        assert_eq!(comment(project, "twice"), "Twice the price.");
        project.build_fails(66);
        said(project, &["*", "--yes"]);
        assert_eq!(comment(project, "twice"), "Twice the price.\nsuiro: it core.twice");
        assert!(said(project, &["*"]).contains("0 relations to take over, 6 the project's already"));
        let plan = project.suiro(&["plan"]).stdout;
        assert!(plan.contains("it was taken over, and its rows are not known to be right"), "{plan}");
        project.build(&[]);
        assert_eq!(built(project), ["cheap", "fruits", "other", "twice", "wrong"]);
        assert_eq!(project.rows("select price from core.wrong order by 1"), ["100", "200"]);
        project.build(&[]);
        assert_eq!(built(project), Vec::<String>::new());
    }

    /// What has the rows that its SQL gives is current, and what has not is built, with what reads it.
    fn rows_that_are_the_same_are_kept(project) {
        filled(project);
        project.models(&[("of_wrong", "select id from wrong")]);
        project.execute(&["create table core.of_wrong as select id from core.wrong"]);
        let text = said(project, &["*", "--data", "--yes"]);
        assert!(line(&text, "twice").contains("the same columns; the same 2 rows; is current"), "{text}");
        assert!(line(&text, "wrong").contains("2 rows: 2 missing, 2 too many; is built anew"), "{text}");
        assert!(line(&text, "of_wrong").contains("is current"), "{text}");
        project.build(&[]);
        // What was compared with rows that were wrong themselves is not believed.
        assert_eq!(built(project), ["new", "of_wrong", "other", "wrong"]);
        assert_eq!(comment(project, "twice"), "Twice the price.\nsuiro: it core.twice");
        project.build(&[]);
        assert_eq!(built(project), Vec::<String>::new());
        project.models(&[("fruits", "select * from (values (1, 100), (3, 200)) as t(id, price)")]);
        project.build(&[]);
        assert_eq!(built(project), ["cheap", "fruits", "of_wrong", "twice", "wrong"]);
    }

    /// Rows count as often as they are there, and the order of columns counts.
    fn rows_are_compared_as_multisets(project) {
        project.execute(&["create schema core", "create table core.a as select * from (values (1), (1), (2)) as t(n)", "create table core.b as select 2 as m, 1 as n"]);
        project.models(&[("a", "select * from (values (1), (2), (2)) as t(n)"), ("b", "select 1 as n, 2 as m")]);
        let text = said(project, &["a", "b", "--data"]);
        assert!(line(&text, "a").contains("3 rows: 1 missing, 1 too many"), "{text}");
        assert!(line(&text, "b").contains("another order; is built anew"), "{text}");
    }

    /// The rows of an incremental model stay, and are added to.
    fn an_incremental_model_goes_on_with_its_rows(project) {
        project.execute(&["create schema core", "create table core.events as select * from (values (1, 5), (2, 5)) as t(id, n)", "create table core.log as select * from (values (0, 9)) as t(id, n)"]);
        project.models(&[("events", "select * from (values (1, 5), (2, 5)) as t(id, n)"), ("log", "/*---\nmaterialized: incremental\nunique_key: id\n---*/ select id, n from events")]);
        let text = said(project, &["events", "log", "--yes"]);
        assert!(line(&text, "log").contains("is added to from now on"), "{text}");
        project.build(&[]);
        assert_eq!(project.rows("select id, n from core.log order by id"), ["0|9", "1|5", "2|5"]);
        project.build(&[]);
        assert_eq!(built(project), Vec::<String>::new());
    }

    /// A relation that the state lost is found again; one of another project is left alone.
    fn marks_count(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select 1 as n")]);
        project.build(&[]);
        project.execute(&["delete from suiro.relations where relation_name = 'a'", "comment on table core.b is 'suiro: theirs core.b'"]);
        let ended = project.suiro(&["adopt", "b", "--yes"]);
        assert!(ended.status == 66 && ended.stderr.contains("belongs to another project: its comment says `suiro: theirs core.b`"), "{}", ended.stderr);
        said(project, &["a", "--data", "--yes"]);
        let plan = project.suiro(&["plan", "--select", "a"]).stdout;
        assert!(plan.contains("skip"), "{plan}");
        assert_eq!(comment(project, "a"), "suiro: it core.a");
        let ended = project.suiro(&["adopt", "nosuch"]);
        assert_eq!(ended.status, 64, "{}", ended.stderr);
    }
}

/// What is more than rows and columns cannot be seen by comparing these.
#[test]
fn indexes_are_not_taken_for_granted() {
    let project = Project::on_postgres();
    project.execute(&["create schema core", "create table core.a as select 1 as n"]);
    project.models(&[("a", "/*---\nindexes: [{columns: [n]}]\n---*/ select 1 as n")]);
    let text = said(&project, &["a", "--data", "--yes"]);
    assert!(line(&text, "a").contains("the same 1 row; is built anew"), "{text}");
    project.build(&[]);
    assert_eq!(project.value("select count(*) from pg_catalog.pg_indexes where tablename = 'a'"), "1");
}

/// What belongs to somebody else stays theirs, and the way out is said.
#[test]
fn relations_of_other_owners_are_refused() {
    let project = Project::on_postgres();
    project.execute(&["create schema core"]);
    let mut admin = project.database.as_ref().unwrap().admin();
    admin.execute("create table core.a as select 1 as n").unwrap();
    admin.execute("grant select on core.a to public").unwrap();
    project.models(&[("a", "select 1 as n")]);
    let ended = project.suiro(&["adopt", "a", "--yes"]);
    assert_eq!(ended.status, 66, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("E0602") && ended.stderr.contains("belongs to") && ended.stderr.contains("GRANT"),
        "{}",
        ended.stderr
    );
    assert_eq!(project.value("select pg_catalog.obj_description('core.a'::pg_catalog.regclass)"), "NULL");
}
