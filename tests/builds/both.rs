//! What holds on every engine.

use crate::on_both_engines;

on_both_engines! {
    /// Building twice replaces; nothing of the run is left behind.
    fn building_twice_leaves_one_version(project) {
        project.write("models/fruits.csv", "id,name,price\n1,りんご,120\n2,,80\n3,\"\",\n");
        project.models(&[
            ("dear", "select id, name from fruits where price > 100"),
            ("report", "/*--- {materialized: view} ---*/ select count(*) as n from dear"),
        ]);
        for _ in 0..3 {
            project.build(&[]);
            assert_eq!(project.value("select n from core.report"), "1");
            assert_eq!(project.rows("select id, name, price from core.fruits order by id"), ["1|りんご|120", "2|NULL|80", "3||NULL"]);
            assert_eq!(project.left_behind(), Vec::<String>::new());
        }
    }

    /// `ref()` goes by the name of the file, which an alias does not change; SQL by that of the relation.
    fn ref_names_files_and_sql_relations(project) {
        project.execute(&["create schema raw", "create table raw.visits_v1 as select 1 as id"]);
        project.write("models/old.csv", "id,n\n1,7\n");
        project.write("models/all.yml", "sources:\n  - {name: shop, schema: raw, tables: [{name: visits, identifier: visits_v1, columns: [{name: id, data_type: integer}]}]}\n\
            seeds: [{name: old, config: {alias: fruits}}]\n\
            models:\n  - name: fruits\n    config: {alias: renamed}\n    columns: [{name: id, data_type: bigint}, {name: m, data_type: bigint}]\n    tests:\n      - relationships: {column_name: id, to: ref('old'), field: id}\n      - relationships:\n          column_name: id\n          to: source('shop', 'visits')\n          field: id\n\
            exposures:\n  - name: board\n    depends_on:\n      - ref('fruits')\n      - source('shop', 'visits')\n");
        project.models(&[
            ("fruits", "select id, n * 10 as m from fruits"),
            ("by_ref", "select m, {{ columns(ref('old')) | length }} as c, {{ star(ref('fruits'), except=['m']) }} from {{ ref('fruits') }}"),
            ("by_name", "/*--- {depends_on: [\"ref('by_ref')\", \"source('shop', 'visits')\"]} ---*/ select n from fruits"),
        ]);
        project.build(&[]);
        assert_eq!(project.rows("select m, c, id from core.by_ref"), ["70|2|1"]);
        assert_eq!(project.value("select n from core.by_name"), "7");
        let above = project.suiro(&["ls", "--select", "+exposure:board", "--exclude", "resource_type:test"]).stdout;
        assert!(above.contains("renamed") && above.contains("raw.visits_v1"), "{above}");
        let upstream = project.suiro(&["ls", "--select", "by_name", "--format", "json"]).stdout;
        assert!(upstream.contains("\"by_ref\"") && upstream.contains("raw.visits_v1"), "{upstream}");
        let source = project.suiro(&["ls", "--select", "source:shop.visits"]).stdout;
        assert!(source.contains("raw.visits_v1"), "{source}");
        // Who means the file by its name in SQL is told what it is called.
        project.models(&[("wrong", "select * from old")]);
        let printed = project.build_fails(1);
        assert!(printed.contains("did you mean `core.fruits`?"), "{printed}");
    }

    /// Names that folding, quoting or reserved words could break.
    fn names_of_all_kinds_work(project) {
        project.models(&[
            ("Mixed", "select 1 as \"Id\", 2 as \"注文\""),
            ("注文", "select \"Id\" as id from \"Mixed\""),
            ("select", "select id from 注文"),
            ("with space", "select \"select\".id from \"select\""),
            ("a\"b", "select * from \"with space\""),
            ("last", "select core.\"a\"\"b\".id from core.\"a\"\"b\""),
        ]);
        project.build(&[]);
        assert_eq!(project.value("select id from core.last"), "1");
    }

    /// A view whose columns change in a way that CREATE OR REPLACE cannot follow, with our own views above it.
    fn views_may_change_their_columns(project) {
        let view = |sql: &str| format!("/*--- {{materialized: view}} ---*/ {sql}");
        project.models(&[("base", "select 1 as a, 2 as b"), ("v", &view("select a, b from base")), ("w", &view("select a from v"))]);
        project.build(&[]);
        project.models(&[("v", &view("select b, 'x' as a from base"))]);
        project.build(&[]);
        assert_eq!(project.rows("select b, a from core.v"), ["2|x"]);
        assert_eq!(project.value("select a from core.w"), "x");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// A table becomes a view and a view a table.
    fn a_model_may_change_its_kind(project) {
        let view = |sql: &str| format!("/*--- {{materialized: view}} ---*/ {sql}");
        project.models(&[("t", "select 1 as a"), ("v", &view("select a from t")), ("x", "select a from v")]);
        project.build(&[]);
        project.models(&[("t", &view("select 2 as a")), ("v", "select a from t")]);
        project.build(&[]);
        assert_eq!(project.value("select a from core.x"), "2");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// What failed and what is below it keep their old version; the rest is new; nothing is half done.
    fn a_failure_keeps_the_old_version_below_it(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select n from a"), ("c", "select n from b"), ("other", "select n from a")]);
        project.build(&[]);
        project.models(&[("a", "select 2 as n"), ("b", "select 1 / (n - n) || 'x' as n, cast('no number' as integer) from a")]);
        let printed = project.build_fails(66);
        assert!(printed.contains("models/b.sql"), "{printed}");
        assert_eq!(project.value("select n from core.other"), "2");
        assert_eq!(project.value("select n from core.b"), "1");
        assert_eq!(project.value("select n from core.c"), "1");
        let word = |name: &str| project.results().into_iter().find(|(found, _)| found == name).unwrap().1;
        assert_eq!([word("a"), word("b"), word("c"), word("other")], ["built", "failed", "skipped", "built"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// The database's own message points at the line that was written, behind templates, comments and kanji.
    fn errors_of_the_database_point_at_the_written_line(project) {
        project.write("templates/macros/twice.sql.jinja", "{% macro twice(column) %}\n  {{ column }} * 2\n{% endmacro %}\n");
        project.models(&[
            ("a", "select 1 as n"),
            ("b", "{% set unused = 1 %}\n-- 日本語 the first comment\nselect\n  {{ twice('n') }} as m, {# gone #}\n  '水路' as k,\n  nosuch_function()\nfrom a"),
        ]);
        let printed = project.build_fails(66);
        assert!(printed.contains("models/b.sql:6:3"), "{printed}");
    }

    /// A selection builds what it names and reads the rest as it is.
    fn a_selection_reads_the_rest_as_published(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select n from a"), ("c", "select n from b")]);
        let ended = project.suiro(&["build", "--select", "b"]);
        assert_eq!(ended.status, 66, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0610") && ended.stderr.contains("--select +b"), "{}", ended.stderr);
        project.build(&[]);
        project.models(&[("a", "select 2 as n")]);
        project.build(&["--select", "c"]);
        assert_eq!(project.value("select n from core.c"), "1");
        project.build(&["--select", "a+1"]);
        assert_eq!(project.value("select n from core.b"), "2");
        assert_eq!(project.value("select n from core.c"), "1");
    }

    /// `publish: model` and `publish: group` end with the same rows.
    fn every_way_to_publish_ends_the_same(project) {
        project.models(&[("a", "select 1 as n"), ("b", "/*--- {materialized: view} ---*/ select n from a"), ("c", "select n from b"), ("d", "select 7 as n")]);
        for publish in ["run", "group", "model"] {
            project.configure(&format!("publish: {publish}"));
            project.build(&[]);
            assert_eq!(project.rows("select c.n, d.n from core.c, core.d"), ["1|7"]);
            assert_eq!(project.left_behind(), Vec::<String>::new());
        }
    }

    /// Two hundred models in a chain and side by side, wider than there are threads.
    fn wide_and_deep_graphs_are_built_in_order(project) {
        project.models(&[("m0", "select 0 as n")]);
        for index in 1..100 {
            project.models(&[(&format!("m{index}"), &format!("select n + 1 as n from m{}", index - 1))]);
            project.models(&[(&format!("w{index}"), &format!("select n from m{}", index / 2))]);
        }
        project.build(&[]);
        assert_eq!(project.value("select n from core.m99"), "99");
        assert_eq!(project.value("select n from core.w99"), "49");
    }

    /// The values of secrets are nowhere: not in messages, not in files.
    fn secrets_appear_nowhere(project) {
        project.models(&[("a", "select '{{ env_var('SUIRO_SECRET_KEY') }}' as k")]);
        let ended = project.suiro_with(&["build"], &[("SUIRO_SECRET_KEY", "hunter2secret")]);
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0116"), "{}", ended.stderr);
        project.models(&[("a", "select 1 as \"hunter2secret\" from nosuch_table_hunter2secret")]);
        let ended = project.suiro_with(&["build"], &[("SUIRO_SECRET_KEY", "hunter2secret")]);
        assert_ne!(ended.status, 0);
        assert!(!ended.stderr.contains("hunter2secret"), "{}", ended.stderr);
        for file in walkdir::WalkDir::new(project.path().join("target")).into_iter().filter_map(Result::ok) {
            if file.file_type().is_file() && !file.path().starts_with(project.path().join("target/compiled")) {
                let text = std::fs::read_to_string(file.path()).unwrap();
                assert!(!text.contains("hunter2secret"), "{}", file.path().display());
            }
        }
    }

    /// Values of a query have the same JSON and the same words on every engine.
    fn values_are_typed_and_the_same_everywhere(project) {
        project.models(&[("a", "select 1 as n")]);
        let list = if project.database.is_some() { "array[1, null, 3]" } else { "[1, null, 3]" };
        let query = format!(
            "select true as yes, 1 = 2 as no, cast(null as boolean) as unknown, 7 as n, cast(9007199254740993 as bigint) as big, \
             cast(12.50 as decimal(10, 2)) as price, cast(1 as double precision) as whole, cast('NaN' as double precision) as nan, \
             cast('2026-01-31' as date) as day, 't' as word, cast('{{\"a\": [1, 2.50]}}' as json) as doc, {list} as list, 8 as n; -- end"
        );
        let ended = project.suiro(&["query", &query, "--format", "json"]);
        assert_eq!(
            ended.stdout.trim(),
            "{\"yes\":true,\"no\":false,\"unknown\":null,\"n\":7,\"big\":\"9007199254740993\",\"price\":12.50,\"whole\":1.0,\
             \"nan\":\"NaN\",\"day\":\"2026-01-31\",\"word\":\"t\",\"doc\":{\"a\":[1,2.50]},\"list\":[1,null,3],\"n_2\":8}",
            "{}",
            ended.stderr
        );
        let ended = project.suiro(&["query", "select true as yes, 1 = 2 as no, 't' as word"]);
        assert_eq!(ended.stdout.lines().last().unwrap().split_whitespace().collect::<Vec<_>>(), ["true", "false", "t"]);
    }

    /// `query` and `show` only read, also where there is no database yet, and whatever they are asked.
    fn looking_changes_nothing(project) {
        project.models(&[("a", "select 1 as n")]);
        let elsewhere = "copy (select 1 as n) to 'made.csv'";
        for sql in ["create table made (n int)", "insert into made values (1) returning n", elsewhere, "attach 'made.duckdb'"] {
            let ended = project.suiro(&["query", sql]);
            assert!([64, 66].contains(&ended.status), "{sql}: {}", ended.stderr);
        }
        assert_eq!(project.suiro(&["query", "create table made (n int)"]).status, 64);
        let ended = project.suiro(&["query", "select 7 as n", "--format", "json"]);
        assert_eq!(ended.stdout.trim(), "{\"n\":7}", "{}", ended.stderr);
        assert!(!project.path().join("it.duckdb").exists());
        project.models(&[("a", "with x as (select 1 as n), y as (select n + 1 as n from x) select n from y")]);
        project.build(&[]);
        assert_eq!(project.suiro(&["query", "create table core.made (n int)"]).status, 64);
        assert_eq!(project.suiro(&["query", "delete from core.a"]).status, 64);
        assert!([64, 66].contains(&project.suiro(&["query", elsewhere]).status));
        assert_eq!(project.suiro(&["query", "explain select n from core.a"]).status, 0);
        let made = ["made.csv", "made.duckdb"].map(|name| project.path().join(name).exists());
        assert_eq!(made, [false, false]);
        let shown = project.suiro(&["show", "a", "--cte", "x", "--format", "json"]);
        assert_eq!(shown.stdout.trim(), "{\"n\":1}", "{}", shown.stderr);
        let shown = project.suiro(&["show", "--inline", "select n * 10 as m from a", "--format", "json"]);
        assert_eq!(shown.stdout.trim(), "{\"m\":20}", "{}", shown.stderr);
        assert_eq!(project.rows("select n from core.a"), ["2"]);
    }
}
