//! What is built again and what is not: nothing without a reason, and everything in doubt.

use crate::{on_both_engines, project::Project};

/// What became of each node in the last run but what was left alone, as `name word`.
fn done(project: &Project) -> Vec<String> {
    let done = project.results().into_iter().filter(|(_, word)| word != "unchanged");
    let mut done: Vec<String> = done.map(|(name, word)| format!("{name} {word}")).collect();
    done.sort();
    done
}

/// Builds; these nodes, and no others, were built.
fn builds(project: &Project, names: &[&str]) {
    builds_with(project, &[], names);
}

fn builds_with(project: &Project, words: &[&str], names: &[&str]) {
    let planned = planned(project, words);
    project.build(words);
    let mut expected: Vec<String> = names.iter().map(|name| format!("{name} built")).collect();
    expected.sort();
    let found = done(project);
    assert_eq!(found, expected, "planned: {planned}");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

fn planned(project: &Project, words: &[&str]) -> String {
    project.suiro(&[&["plan"], words].concat()).stdout
}

fn view(sql: &str) -> String {
    format!("/*--- {{materialized: view}} ---*/ {sql}")
}

/// A chain over a seed, with a table beside it.
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
    /// What means nothing builds nothing; what means something builds it and what reads it.
    fn nothing_is_built_without_a_reason(project) {
        chain(project);
        builds(project, &["fruits", "stg", "core", "mart", "beside"]);
        builds(project, &[]);
        // Comments, white space, the case of words, where the file stands, what only describes.
        project.models(&[("core", "SELECT id,\n  price * 2 AS double_price -- twice\nFROM Stg /* all */;")]);
        builds(project, &[]);
        std::fs::remove_file(project.path().join("models/mart.sql")).unwrap();
        project.write("models/deep/mart.sql", "select count(*) as n from core");
        project.write("models/all.yml", "models:\n  - name: mart\n    description: How many.\n    config: {tags: [x], owner: me, meta: {a: 1}}\n");
        builds(project, &[]);
        project.write("models/fruits.csv", "id,price\r\n1,100\r\n2,200\r\n");
        builds(project, &[]);
        // One filter.
        project.models(&[("core", "select id, price * 2 as double_price from stg where id < 9")]);
        builds(project, &["core", "mart"]);
        assert!(planned(project, &["--force"]).contains("--force"));
        // Rows of a seed, seen through a view that did not change.
        project.write("models/fruits.csv", "id,price\n1,100\n2,200\n3,300\n");
        builds(project, &["fruits", "stg", "core", "mart"]);
        assert_eq!(project.value("select n from core.mart"), "3");
        builds(project, &[]);
        builds_with(project, &["--force"], &["fruits", "stg", "core", "mart", "beside"]);
    }

    /// Each part of a definition counts.
    fn every_part_of_a_definition_counts(project) {
        project.write("templates/macros/twice.sql.jinja", "{% macro twice(x) %}{{ x }} * 2{% endmacro %}");
        project.models(&[
            ("inlined", "/*--- {materialized: ephemeral} ---*/ select 1 as n"),
            ("a", "select {{ twice('n') }} as n, '{{ var('mark', 'x') }}' as mark from inlined"),
            ("b", "select n from a"),
        ]);
        builds(project, &["a", "b"]);
        project.write("templates/macros/twice.sql.jinja", "{% macro twice(x) %}{{ x }} * 3{% endmacro %}");
        builds(project, &["a", "b"]);
        project.models(&[("inlined", "/*--- {materialized: ephemeral} ---*/ select 2 as n")]);
        builds(project, &["a", "b"]);
        assert_eq!(project.value("select n from core.b"), "6");
        builds_with(project, &["--vars", "mark: y"], &["a", "b"]);
        builds(project, &["a", "b"]);
        project.models(&[("b", "/*---\nindexes: [{columns: [n]}]\n---*/ select n from a")]);
        builds(project, &["b"]);
        project.models(&[("b", "/*---\nindexes: [{columns: [n]}]\npost_hook: select 1\n---*/ select n from a")]);
        builds(project, &["b"]);
        project.models(&[("b", &view("select n from a"))]);
        builds(project, &["b"]);
        let engine = if project.database.is_some() { "postgres" } else { "duckdb" };
        project.write(&format!("templates/materializations/{engine}/table.sql.jinja"), "-- statement: build\ncreate table {{ staged | relation }} as\n{{ sql }}\n");
        builds(project, &["a", "b"]);
        project.configure_target("threads: 4, settings: {TimeZone: Asia/Tokyo}", "");
        builds(project, &["a", "b"]);
        builds(project, &[]);
    }

    /// A view in between is read as it will be, selected or not.
    fn what_is_selected_alone_reads_the_rest_as_it_is(project) {
        chain(project);
        project.build(&[]);
        project.write("models/fruits.csv", "id,price\n1,100\n");
        // The seed is not selected, and its new rows are not there yet.
        builds_with(project, &["--select", "core", "mart"], &[]);
        // It is, and the view between is not: the table is built on what the view shows now.
        builds_with(project, &["--select", "fruits", "core", "mart"], &["fruits"]);
        assert_eq!(project.value("select n from core.mart"), "2");
        builds(project, &["core", "mart"]);
        assert_eq!(project.value("select n from core.mart"), "1");
        // A parent whose file changed is read as it is published.
        project.models(&[("stg", &view("select id, price from fruits where price > 500"))]);
        builds_with(project, &["--select", "core", "mart"], &[]);
        builds(project, &["stg", "core", "mart"]);
        assert_eq!(project.value("select n from core.mart"), "0");
    }

    /// A source is read again each time, unless it tells whether it changed.
    fn sources_tell_whether_they_changed(project) {
        project.execute(&["create schema raw", "create table raw.a (id integer, seen timestamp)", "create table raw.b (id integer)", "insert into raw.a values (1, timestamp '2026-01-01 00:00:00')"]);
        let sources = |more: &str| project.write("models/sources.yml", &format!("sources:\n  - name: raw\n    tables:\n      - {{name: a{more}}}\n      - {{name: b}}\n"));
        sources("");
        project.models(&[("x", "select id from raw.a"), ("y", "select id from raw.b"), ("z", "select id from x")]);
        builds(project, &["x", "y", "z"]);
        builds(project, &["x", "y", "z"]);
        assert!(planned(project, &[]).contains("nobody knows whether `raw.a` changed"));
        sources(", loaded_at: seen");
        builds(project, &["x", "y", "z"]);
        builds(project, &["y"]);
        project.execute(&["insert into raw.a values (2, timestamp '2026-01-02 00:00:00')"]);
        builds(project, &["x", "y", "z"]);
        sources(", version: 'select count(*) from {{ this }}'");
        builds(project, &["x", "y", "z"]);
        builds(project, &["y"]);
        project.execute(&["insert into raw.a values (3, timestamp '2020-01-01 00:00:00')"]);
        builds(project, &["x", "y", "z"]);
        assert_eq!(project.value("select count(*) from core.z"), "3");
        // A query that fails is told, and nothing is taken for granted.
        sources(", version: 'select nosuch from {{ this }}'");
        let ended = project.suiro(&["build"]);
        assert!(ended.status == 0 && ended.stderr.contains("warning") && ended.stderr.contains("raw.a"), "{}", ended.stderr);
        assert_eq!(done(project), ["x built", "y built", "z built"]);
    }

    /// Functions that may answer differently each time, and those that users make.
    fn functions_count(project) {
        project.execute(&["create schema f"]);
        let postgres = project.database.is_some();
        let define = |body: &str| {
            if postgres {
                project.execute(&[&format!("create or replace function f.inner_one(n integer) returns integer immutable language sql as 'select {body}'"),
                    "create or replace function f.outer_one(n integer) returns integer immutable language sql as 'select f.inner_one(n)'"]);
            } else {
                project.execute(&[&format!("create or replace macro f.inner_one(n) as {body}"), "create or replace macro f.outer_one(n) as it.f.inner_one(n)"]);
            }
        };
        define("n + 1");
        project.models(&[
            ("clock", "select cast(now() as date) as d"),
            ("of_clock", "select d from clock"),
            ("dice", "/*--- {deterministic: true} ---*/ select random() as r"),
            ("own", if postgres { "select f.outer_one(1) as n" } else { "select it.f.outer_one(1) as n" }),
            ("still", "select lower('X') as x, coalesce(null, 1) as y"),
        ]);
        builds(project, &["clock", "of_clock", "dice", "own", "still"]);
        builds(project, &["clock", "of_clock"]);
        assert!(planned(project, &[]).contains("`now()` may answer differently each time"));
        define("n + 10");
        builds(project, &["clock", "of_clock", "own"]);
        assert_eq!(project.value("select n from core.own"), "11");
        // A view over the clock is built once, and what is below it each time.
        project.models(&[("clock", &view("select cast(current_timestamp as date) as d"))]);
        builds(project, &["clock", "of_clock"]);
        builds(project, &["of_clock"]);
    }

    /// A relation that is gone or has other columns is made again.
    fn what_was_changed_by_hand_is_made_again(project) {
        project.models(&[("a", "select 1 as n, 2 as m"), ("b", "select 2 as n")]);
        project.build(&[]);
        project.execute(&["drop table core.a", "alter table core.b add column x integer"]);
        let plan = planned(project, &[]);
        assert!(plan.contains("it is gone from the database") && plan.contains("its columns were changed in the database"), "{plan}");
        builds(project, &["a", "b"]);
        builds(project, &[]);
    }

    /// How an incremental model goes on when it is made differently.
    fn a_changed_definition_of_an_incremental_model_follows_the_policy(project) {
        project.write("models/events.csv", "id,day\n1,2026-01-01\n");
        let model = |more: &str, sql: &str| format!("/*---\nmaterialized: incremental\nunique_key: id\n{more}\n---*/\nselect {sql} from stg");
        for (more, rows) in [("", Some("2")), ("on_definition_change: forward", Some("1,2")), ("full_refresh: never", None), ("on_definition_change: fail", None)] {
            project.models(&[("stg", &view("select id, day from events")), ("a", &model(more, "id, 1 as n"))]);
            project.write("models/events.csv", "id,day\n1,2026-01-01\n");
            if project.connect().query("select * from core.a", None).is_ok() {
                project.execute(&["drop table core.a"]);
            }
            project.build(&[]);
            builds(project, &[]);
            project.write("models/events.csv", "id,day\n2,2026-01-02\n");
            builds(project, &["events", "stg", "a"]);
            assert_eq!(project.rows("select id from core.a order by id").join(","), "1,2", "{more}: rows are added");
            // Something above it, then the model itself.
            project.models(&[("stg", &view("select id, day from events where id > 0"))]);
            let ended = project.suiro(&["build"]);
            match rows {
                Some(rows) => {
                    assert_eq!(ended.status, 0, "{}", ended.stderr);
                    assert_eq!(project.rows("select id from core.a order by id").join(","), rows, "{more}");
                }
                None => {
                    assert_eq!(ended.status, 66, "{}", ended.stderr);
                    assert!(ended.stderr.contains("E0621") && ended.stderr.contains("on_definition_change: forward"), "{}", ended.stderr);
                    assert_eq!(project.rows("select id from core.a order by id").join(","), "1,2", "{more}");
                }
            }
        }
    }

    /// A test runs again when it or what it reads changed; one that failed, always.
    fn tests_that_passed_are_not_run_again(project) {
        let tests = |more: &str| format!("models:\n  - name: a\n    columns: [{{name: n, tests: [not_null, unique{more}]}}]\n");
        project.write("models/all.yml", &tests(""));
        project.models(&[("a", "select 1 as n"), ("b", "select n from a")]);
        project.build(&[]);
        assert_eq!(done(project).len(), 4);
        project.build(&[]);
        assert_eq!(done(project), Vec::<String>::new());
        assert_eq!(project.suiro(&["test"]).status, 0);
        assert_eq!(done(project), ["not_null_core_a_n pass", "unique_core_a_n pass"]);
        project.write("models/all.yml", &tests(", {expression: '< 9'}"));
        project.build(&[]);
        assert_eq!(done(project), ["expression_core_a_n pass"]);
        project.models(&[("a", "select 10 as n")]);
        project.build_fails(65);
        project.build_fails(65);
        assert_eq!(project.value("select n from core.a"), "1");
        project.models(&[("a", "select 1 as n")]);
        project.build(&[]);
        assert_eq!(done(project), Vec::<String>::new(), "the published version is what it was");
    }

    /// Comments and grants are changed in place.
    fn what_describes_is_changed_in_place(project) {
        let describe = |text: &str| project.write("models/all.yml", &format!("models:\n  - name: a\n    description: {text}\n    columns: [{{name: n, description: {text}}}]\n    config: {{persist_docs: {{relation: true, columns: true}}}}\n"));
        project.models(&[("a", "select 1 as n"), ("b", &view("select n from a"))]);
        project.build(&[]);
        describe("one");
        project.build(&[]);
        assert_eq!(done(project), ["a described"], "the first description builds nothing either");
        let published = || project.value("select count(*) from suiro.history");
        let before = published();
        describe("two");
        project.build(&[]);
        assert_eq!(done(project), ["a described"]);
        assert_eq!(published(), before);
        let comment = if project.database.is_some() {
            "select pg_catalog.obj_description('core.a'::pg_catalog.regclass) || pg_catalog.col_description('core.a'::pg_catalog.regclass, 1)"
        } else {
            "select t.comment || c.comment from duckdb_tables() t join duckdb_columns() c using (table_oid) where t.table_name = 'a'"
        };
        assert_eq!(project.value(comment), "two\nsuiro: it core.atwo");
        builds(project, &[]);
    }

    /// The newest run's rows stand: one that began before it and comes late publishes nothing over them.
    fn an_older_run_does_not_publish_over_a_newer_one(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select n from a"), ("c", "select 5 as n")]);
        project.build(&[]);
        project.execute(&["update suiro.relations set epoch = 1000000 where relation_name = 'a'"]);
        project.models(&[("a", "select 2 as n"), ("c", "select 6 as n")]);
        let ended = project.suiro(&["build"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(done(project), ["a superseded", "b superseded", "c built"]);
        assert_eq!(project.rows("select a.n, b.n, c.n from core.a, core.b, core.c"), ["1|1|6"]);
        let ended = project.suiro(&["build", "--superseded", "fail"]);
        assert_eq!(ended.status, 75, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0623") && ended.stderr.contains("`a` was not published"), "{}", ended.stderr);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// What a newer suiro wrote in another way is left alone.
    fn a_state_that_is_too_new_is_left_alone(project) {
        project.models(&[("a", "select 1 as n")]);
        project.build(&[]);
        project.execute(&["update suiro.about set version = 8, readable_from = 1"]);
        builds(project, &[]);
        project.execute(&["update suiro.about set readable_from = 8"]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0624") && printed.contains("newer suiro"), "{printed}");
    }

    /// What carries the mark and is not what was published is left alone.
    fn a_relation_that_the_state_does_not_know_is_left_alone(project) {
        project.models(&[("a", "select 1 as n")]);
        project.build(&[]);
        project.execute(&["delete from suiro.relations"]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0605") && printed.contains("nothing is remembered of it") && printed.contains("suiro adopt"), "{printed}");
        assert_eq!(project.value("select n from core.a"), "1");
    }
}

/// A copy that took the place and the mark of a table is not what was published.
#[test]
fn a_table_that_took_the_place_of_another_is_left_alone() {
    let project = Project::on_postgres();
    project.models(&[("a", "select 1 as n")]);
    project.build(&[]);
    project.execute(&[
        "create table core.copy as select 7 as n",
        "drop table core.a",
        "alter table core.copy rename to a",
        "comment on table core.a is 'suiro: it core.a'",
    ]);
    let printed = project.build_fails(66);
    assert!(printed.contains("E0605") && printed.contains("is not the relation that it published"), "{printed}");
    assert_eq!(project.value("select n from core.a"), "7");
}

/// Two projects in one database do not see each other's state; a schema of another name is another state.
#[test]
fn state_belongs_to_a_project() {
    let project = Project::on_postgres();
    project.configure_target("threads: 4, state_schema: \"状態\"", "");
    project.models(&[("a", "select 1 as n")]);
    project.build(&[]);
    assert_eq!(project.value("select count(*) from \"状態\".relations"), "1");
    assert_eq!(project.value("select count(*) from pg_catalog.pg_namespace where nspname = 'suiro'"), "0");
    builds(&project, &[]);
}
