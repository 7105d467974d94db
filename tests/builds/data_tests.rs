//! Tests of data: what they find, what they hold back, and what they say.

use crate::{on_both_engines, project::Project};

/// Writes `models/all.yml` with these entries of `models:`.
fn describe(project: &Project, entries: &str) {
    project.write("models/all.yml", &format!("models:\n{entries}"));
}

/// What became of the test or node of that name in the last run.
fn became(project: &Project, name: &str) -> String {
    let results = project.results();
    let found = results.iter().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {results:?}")).1.clone()
}

/// How many failing rows that test counted.
fn counted(project: &Project, name: &str) -> u64 {
    let text = std::fs::read_to_string(project.path().join("target/run_results.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&text).unwrap();
    let one = results["results"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    one["rows"].as_u64().unwrap()
}

on_both_engines! {
    /// Each test that comes with suiro, on rows that pass and on rows that do not.
    fn every_built_in_test_passes_and_fails(project) {
        let entry = |tests: &str| format!("  - name: t\n    columns:\n      - name: id\n        tests: [{{{tests}}}]\n");
        let table = |tests: &str| format!("  - name: t\n    tests: [{{{tests}}}]\n");
        project.models(&[("parents", "select 1 as id union all select 2")]);
        let good = "select 1 as id, 'a' as kind, cast(null as integer) as other union all select 2, 'b', 1";
        let bad = "select 1 as id, 'a' as kind, cast(null as integer) as other union all select 1, 'a', null \
                   union all select null, 'z', 3 union all select 7, null, 1";
        for (name, entry, failures) in [
            ("not_null_core_t_id", entry("not_null: {}"), 1),
            ("unique_core_t_id", entry("unique:"), 1),
            ("unique_core_t", table("unique: {columns: [id, kind]}"), 1),
            ("accepted_values_core_t_id", entry("accepted_values: {values: [1, 2, null]}"), 1),
            ("accepted_values_core_t_id", entry("accepted_values: {arguments: {values: [1, 2], quote: false}}"), 1),
            ("relationships_core_t_id", entry("relationships: {to: ref('parents'), field: id}"), 1),
            ("relationships_core_t_id", entry("relationships: {to: parents, field: id}"), 1),
            ("relationships_core_t_id", entry("relationships: {to: core.parents, field: id}"), 1),
            ("expression_core_t_id", entry("expression: '< 3'"), 1),
            ("expression_core_t", table("expression: {expression: id + 1 < 4}"), 1),
            ("row_count_core_t", table("row_count: {max: 2}"), 1),
            ("row_count_core_t", table("row_count: {equal: 2, min: 1}"), 1),
            ("row_count_core_t", table("row_count: {same_as: ref('parents')}"), 1),
            ("unique_core_t", table("unique: {column_name: id || '-' || kind}"), 1),
            ("own", table("test_name: not_null, name: own, arguments: {column_name: id}"), 1),
        ] {
            describe(project, &entry);
            project.models(&[("t", good)]);
            project.build(&["--force"]);
            assert_eq!(became(project, name), "pass", "{entry}");
            project.models(&[("t", bad)]);
            let printed = project.build_fails(65);
            assert_eq!(became(project, name), "fail", "{entry}");
            assert_eq!(counted(project, name), failures, "{entry}");
            assert!(printed.contains("error[E0701]") && printed.contains("models/all.yml"), "{printed}");
            assert_eq!(project.value("select count(*) from core.t"), "2", "the old version stays");
            project.models(&[("t", good)]);
        }
    }

    /// NULL is neither a duplicate, nor a wrong value, nor a missing parent, nor false; and nothing is wrong in no rows.
    fn null_and_no_rows_are_no_failures(project) {
        let tests = "  - name: t\n    tests:\n      - unique: {columns: [a, b]}\n      - expression: a > 5\n    columns:\n      - name: a\n        tests:\n          - unique\n          \
                     - accepted_values: {values: [9]}\n          - relationships: {to: p, field: a}\n          - expression: '> 5'\n";
        describe(project, tests);
        let nulls = "select cast(null as integer) as a, cast(null as integer) as b union all select null, 1 union all select null, 1";
        project.models(&[("p", "select 1 as a"), ("t", nulls)]);
        project.build(&[]);
        project.models(&[("t", "select 1 as a, 2 as b where 1 = 0")]);
        describe(project, &format!("{tests}          - not_null\n"));
        project.build(&[]);
        // What counts rows and looks for the latest of them does not pass without any.
        describe(project, "  - name: t\n    tests:\n      - row_count: {min: 1}\n      - recency: {field: a, datepart: day, interval: 1}\n");
        project.models(&[("t", "select current_date as a where 1 = 0")]);
        project.build_fails(65);
        assert_eq!(became(project, "row_count_core_t"), "fail");
        assert_eq!(became(project, "recency_core_t"), "fail");
    }

    /// Dates, times and times with a zone are compared with the clock.
    fn recency_looks_at_the_latest_row(project) {
        for kind in ["date", "timestamp", "timestamp with time zone"] {
            project.models(&[("t", &format!("select cast(current_date as {kind}) as happened_at union all select cast(date '2001-01-01' as {kind})"))]);
            let test = |datepart: &str, interval: u32| format!("  - name: t\n    columns:\n      - name: happened_at\n        tests:\n          - recency: {{datepart: {datepart}, interval: {interval}}}\n");
            for (datepart, interval) in [("second", 90_000), ("minute", 1500), ("hour", 25), ("day", 2), ("week", 1), ("month", 1), ("year", 1)] {
                describe(project, &test(datepart, interval));
                project.build(&[]);
            }
            project.models(&[("t", &format!("select cast(date '2001-01-01' as {kind}) as happened_at"))]);
            describe(project, &test("day", 3));
            project.build_fails(65);
            describe(project, &test("fortnight", 3));
            assert!(project.build_fails(1).contains("`datepart` is one of second, minute"));
        }
    }

    /// Names in kanji, capitals, reserved words and quotes, of relations, columns and tests.
    fn names_of_all_kinds_are_tested(project) {
        project.models(&[
            ("注文", "select 1 as \"番号\", 1 as \"Order\", 1 as \"select\", 1 as \"a\"\"b\", 1 as \"with space\""),
            ("Mixed", "select \"番号\" as \"Id\" from 注文"),
        ]);
        describe(project, "  - name: 注文\n    columns:\n      - {name: 番号, tests: [unique, not_null, {relationships: {to: Mixed, field: Id}}, {accepted_values: {values: [1]}}]}\n      \
            - {name: Order, tests: [unique]}\n      - {name: select, tests: [unique, {expression: '> 0'}]}\n      - {name: 'a\"b', tests: [unique, not_null]}\n      - {name: with space, tests: [unique]}\n    \
            tests: [{unique: {columns: [番号, Order, select, 'a\"b']}}, {expression: {expression: '\"with space\" > 0', name: '水路 の テスト'}}]\n");
        project.build(&[]);
        assert_eq!(became(project, "unique_core_注文_番号"), "pass");
        assert_eq!(became(project, "水路 の テスト"), "pass");
        project.models(&[("注文", "select 1 as \"番号\", 1 as \"Order\", 1 as \"select\", 1 as \"a\"\"b\", 0 as \"with space\" union all select 1, 1, 1, 1, 0")]);
        let printed = project.build_fails(65);
        assert!(printed.contains("`unique_core_注文_番号` found 1 failing row"), "{printed}");
        assert!(printed.contains("`水路 の テスト` found 2 failing rows"), "{printed}");
    }

    /// Only the rows of `where` are tested, whatever the template does with the relation.
    fn where_limits_the_rows(project) {
        project.models(&[("t", "select 1 as id, 'old' as state union all select 1, 'new' union all select 2, 'new'")]);
        project.write("templates/tests/twice.sql.jinja", "select {{ model }}.id from {{ model }}\nunion all\nselect t.id from {{ model }} as t where t.id in (select id from {{ model }})");
        let tests = |state: &str| format!(
            "  - name: t\n    columns:\n      - name: id\n        tests:\n          - unique: {{config: {{where: \"state = '{state}' -- {{{{ target.name }}}}\"}}}}\n          - twice: {{where: id > 5, column_name: x}}\n"
        );
        describe(project, &tests("new"));
        let printed = project.suiro(&["build"]);
        assert_eq!(printed.status, 1, "{}", printed.stderr);
        assert!(printed.stderr.contains("the test `twice` takes no `column_name`"), "{}", printed.stderr);
        describe(project, &tests("new").replace(", column_name: x", "").replace("          - twice", "    tests:\n      - twice"));
        project.build(&[]);
        describe(project, &tests("old' or state = 'new").replace(", column_name: x", "").replace("          - twice", "    tests:\n      - twice"));
        project.build_fails(65);
        assert_eq!(counted(project, "unique_core_t_id"), 1);
        // The condition may read other relations of the project, and what is wrong with it is told at its place.
        project.models(&[("chosen", "select 2 as id")]);
        describe(project, "  - name: t\n    columns:\n      - name: id\n        tests:\n          - unique: {where: 'id in (select id from chosen)'}\n");
        project.build(&[]);
        describe(project, "  - name: t\n    columns:\n      - name: id\n        tests:\n          - unique:\n              where: id in (select id from chosne)\n");
        let printed = project.build_fails(1);
        assert!(printed.contains("models/all.yml:7:22") && printed.contains("did you mean `chosen`"), "{printed}");
        describe(project, "  - name: t\n    columns:\n      - name: id\n        tests:\n          - unique:\n              where: nosuch = 1\n");
        let printed = project.build_fails(66);
        assert!(printed.contains("models/all.yml:7:22") && printed.contains("could not be run"), "{printed}");
    }

    /// From the number of failing rows to a verdict.
    fn thresholds_decide(project) {
        project.models(&[("t", "select * from (values (1), (1), (2), (2), (3), (3), (null)) as v(id)")]);
        let with = |config: &str| format!("  - name: t\n    columns:\n      - name: id\n        tests:\n          - unique: {{{config}}}\n");
        for (config, status, word) in [
            ("severity: warn", 0, "warn"),
            ("config: {error_if: '>3'}", 0, "warn"),
            ("error_if: '>3', warn_if: '>5'", 0, "pass"),
            ("error_if: '>=3'", 65, "fail"),
            ("error_if: between 1 and 2", 0, "warn"),
            ("limit: 2, error_if: '>2'", 0, "warn"),
            ("limit: 2, error_if: '=2'", 65, "fail"),
            ("fail_calc: sum(n_records), error_if: '= 6'", 65, "fail"),
            ("fail_calc: max(n_records), where: id > 5", 0, "pass"),
            ("enabled: false", 0, ""),
        ] {
            describe(project, &with(config));
            let ended = project.suiro(&["build"]);
            assert_eq!(ended.status, status, "{config}: {}", ended.stderr);
            if !word.is_empty() {
                assert_eq!(became(project, "unique_core_t_id"), word, "{config}");
            }
            assert_eq!(ended.stderr.contains("warning[E0701]"), word == "warn", "{config}: {}", ended.stderr);
        }
        describe(project, &with("error_if: '10'"));
        assert!(project.build_fails(1).contains("E0106"));
        describe(project, &with("fail_calc: \"'x'\""));
        assert!(project.build_fails(1).contains("`x`, which is no number"));
    }

    /// Seeds and sources have tests, too; a source's hold back what reads it.
    fn seeds_and_sources_are_tested(project) {
        project.execute(&["create schema raw", "create table raw.events (id integer)", "insert into raw.events values (1), (1)"]);
        project.write("models/fruits.csv", "id,name\n1,りんご\n2,\n");
        project.models(&[("m", "select id from raw.events"), ("n", "select id from fruits")]);
        project.write(
            "models/all.yml",
            "seeds:\n  - name: fruits\n    columns:\n      - {name: name, tests: [not_null]}\n\
             sources:\n  - name: raw\n    tables:\n      - name: events\n        columns:\n          - {name: id, data_tests: [unique]}\n        tests: [row_count: {min: 1}]\n",
        );
        project.build_fails(65);
        assert_eq!(became(project, "unique_raw_events_id"), "fail");
        assert_eq!(became(project, "not_null_core_fruits_name"), "fail");
        assert_eq!(became(project, "row_count_raw_events"), "pass");
        assert_eq!([became(project, "m"), became(project, "n"), became(project, "fruits")], ["skipped", "skipped", "staged"]);
        project.execute(&["delete from raw.events", "insert into raw.events values (1)"]);
        project.write("models/fruits.csv", "id,name\n1,りんご\n2,みかん\n");
        project.build(&[]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// Templates of the project's own, which may call its macros and take what they like.
    fn a_project_brings_its_own_tests(project) {
        project.write("templates/macros/half.sql.jinja", "{% macro half(x) %}({{ x }} / 2){% endmacro %}");
        project.write("templates/tests/less_than_half.sql.jinja", "{#- of another relation's -#}\nselect * from {{ model }}\nwhere {{ column_name }} >= (select {{ half('max(' ~ column_name ~ ')') }} from {{ other | relation }}) + {{ more | default(0) }}");
        // In the place of a test that comes with suiro.
        project.write("templates/tests/not_null.sql.jinja", "select {{ column_name }} from {{ model }} where {{ column_name }} is null and false");
        project.models(&[("a", "select 10 as n"), ("b", "select 4 as n union all select null")]);
        let with = |arguments: &str| format!("  - name: b\n    columns:\n      - name: n\n        tests:\n          - not_null\n          - less_than_half: {{{arguments}}}\n");
        describe(project, &with("other: ref('a')"));
        project.build(&[]);
        project.models(&[("b", "select 6 as n")]);
        let printed = project.build_fails(65);
        assert!(printed.contains("less_than_half_core_b_n"), "{printed}");
        describe(project, &with("other: a, more: 2"));
        project.build(&[]);
        describe(project, &with("more: 2"));
        let printed = project.build_fails(1);
        assert!(printed.contains("the test `less_than_half` needs `other`"), "{printed}");
        describe(project, &with("otter: a"));
        let printed = project.build_fails(1);
        assert!(printed.contains("takes no `otter`") && printed.contains("did you mean `other`"), "{printed}");
        describe(project, "  - name: b\n    tests: [less_then_half]\n");
        assert!(project.build_fails(1).contains("did you mean `less_than_half`"));
        // A mistake in the template is told with both places.
        project.write("templates/tests/less_than_half.sql.jinja", "select * from {{ model }}\nwhere {{ column_name }} > nosuch.x");
        describe(project, "  - name: b\n    columns:\n      - {name: n, tests: [less_than_half]}\n");
        let printed = project.build_fails(66);
        assert!(printed.contains("less_than_half.sql.jinja:2:") && printed.contains("models/all.yml:4:27"), "{printed}");
    }

    /// A file of SQL reads what it likes, and holds back all of it and what is below.
    fn singular_tests_hold_back_all_that_they_read(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select 1 as n"), ("c", "select n from a"), ("d", "select n from c"), ("e", "select 5 as n")]);
        project.write("tests/deep/same.sql", "-- a and b are the same\nselect * from a join b on a.n <> b.n -- the end");
        project.build(&[]);
        project.models(&[("a", "select 2 as n"), ("e", "select 6 as n")]);
        let printed = project.force_fails(65);
        assert!(printed.contains("tests/deep/same.sql"), "{printed}");
        let words = ["a", "b", "c", "d", "e", "same"].map(|name| became(project, name));
        assert_eq!(words, ["staged", "staged", "staged", "staged", "built", "fail"]);
        assert_eq!(project.rows("select a.n, b.n, c.n, d.n, e.n from core.a, core.b, core.c, core.d, core.e"), ["1|1|1|1|6"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
        // Configured in the file, by `config()`, and from outside.
        for head in ["/*--- {severity: warn} ---*/ ", "{{ config(severity='warn') }} "] {
            project.write("tests/deep/same.sql", &format!("{head}select * from a join b on a.n <> b.n"));
            project.build(&[]);
            assert_eq!(became(project, "same"), "warn");
        }
        project.write("tests/deep/same.sql", "select * from a join b on a.n <> b.n");
        project.write("models/all.yml", "data_tests:\n  - name: same\n    config: {severity: warn, tags: [slow]}\n");
        project.build(&[]);
        project.write("models/all.yml", "");
        project.configure("tests: {deep: {severity: warn}}");
        project.build(&["--fail-fast"]);
        project.configure("");
        project.write("tests/deep/same.sql", "select nosuch() from a");
        let printed = project.build_fails(66);
        assert!(printed.contains("tests/deep/same.sql:1:8"), "{printed}");
    }

    /// Children wait for what guards their parents, and for no test that reads the children themselves.
    fn children_wait_for_error_tests_and_not_for_warnings(project) {
        project.models(&[("a", "select 1 as n union all select 1"), ("b", "select n from a"), ("c", "select n from b")]);
        describe(project, "  - name: a\n    columns:\n      - name: n\n        tests: [unique, {relationships: {to: c, field: n}}]\n");
        project.build_fails(65);
        assert_eq!(["a", "b", "c"].map(|name| became(project, name)), ["staged", "skipped", "skipped"]);
        assert_eq!(became(project, "relationships_core_a_n"), "skipped");
        describe(project, "  - name: a\n    columns:\n      - name: n\n        tests: [{unique: {severity: warn}}, {relationships: {to: c, field: n}}]\n");
        project.build(&[]);
        assert_eq!(["a", "b", "c"].map(|name| became(project, name)), ["built", "built", "built"]);
        assert_eq!(became(project, "relationships_core_a_n"), "pass");
    }

    /// Two tests that each read something and what is beside it, so that neither can be waited for by both.
    fn tests_across_branches_do_not_wait_for_each_other(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select 1 as n"), ("c", "select n from a"), ("d", "select n from b")]);
        project.write("tests/ad.sql", "select * from a join d on a.n <> d.n");
        project.write("tests/bc.sql", "select * from b join c on b.n <> c.n");
        project.build(&[]);
        assert_eq!(["a", "b", "c", "d"].map(|name| became(project, name)), ["built"; 4]);
        project.models(&[("a", "select 2 as n")]);
        project.force_fails(65);
        assert_eq!(["a", "b", "c", "d"].map(|name| became(project, name)), ["staged"; 4]);
    }

    /// What is published was tested as it stands: the new version of one beside the old version of another.
    fn a_new_version_beside_an_old_one_is_tested_again(project) {
        let tests = "  - name: child\n    columns:\n      - {name: p, tests: [{relationships: {to: parent, field: id}}]}\n  - name: parent\n    columns:\n      - {name: id, tests: [unique]}\n";
        describe(project, tests);
        project.models(&[("parent", "select 1 as id"), ("child", "select 1 as p")]);
        project.build(&[]);
        // Both change together; the parent is held back, and the new child refers to rows that only it has.
        project.models(&[("parent", "select 2 as id union all select 2"), ("child", "select 2 as p")]);
        project.build_fails(65);
        assert_eq!(["parent", "child"].map(|name| became(project, name)), ["staged", "staged"]);
        assert_eq!(project.rows("select p from core.child"), ["1"]);
        // The same where the parent cannot be built at all.
        project.models(&[("parent", "select cast('x' as integer) as id"), ("child", "select 3 as p")]);
        project.suiro(&["build"]);
        assert_eq!(["parent", "child"].map(|name| became(project, name)), ["failed", "staged"]);
        // A child that suits the old parent is published.
        project.models(&[("child", "select 1 as p union all select 1")]);
        project.suiro(&["build"]);
        assert_eq!(["parent", "child", "relationships_core_child_p"].map(|name| became(project, name)), ["failed", "built", "pass"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }

    /// `suiro test` reads what is published and builds nothing; `run` and `seed` build a part and test nothing.
    fn parts_of_a_build_have_verbs_of_their_own(project) {
        project.write("models/s.csv", "id\n1\n");
        project.models(&[("t", "select id from s")]);
        describe(project, "  - name: t\n    columns:\n      - {name: id, tests: [unique, not_null]}\n");
        assert_eq!(project.suiro(&["test"]).status, 66, "nothing is there yet");
        assert_eq!(project.suiro(&["seed"]).status, 0);
        assert_eq!(project.results(), [("s".to_owned(), "built".to_owned())]);
        assert_eq!(project.suiro(&["run"]).status, 0);
        assert_eq!(project.results(), [("t".to_owned(), "built".to_owned())]);
        let ended = project.suiro(&["test"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(project.results().len(), 2);
        // What the SQL says now does not matter, only what is published.
        project.models(&[("t", "select 1 as id union all select 1")]);
        assert_eq!(project.suiro(&["test"]).status, 0);
        project.execute(&["insert into core.t values (1)"]);
        let ended = project.suiro(&["test", "--select", "test_name:unique"]);
        assert_eq!(ended.status, 65, "{}", ended.stderr);
        assert!(ended.stderr.contains("suiro show unique_core_t_id"), "{}", ended.stderr);
        let shown = project.suiro(&["show", "unique_core_t_id"]);
        assert!(shown.stdout.contains("n_records") && shown.stdout.contains('2'), "{}", shown.stdout);
        let compiled = std::fs::read_to_string(project.path().join("target/compiled/models/all.yml/unique_core_t_id.sql")).unwrap();
        assert_eq!(project.rows(&compiled).len(), 1, "{compiled}");
        assert_eq!(project.suiro(&["test", "--exclude", "t"]).status, 0);
        assert_eq!(project.results(), []);
    }

    /// Failing rows are kept in a table of ours, replaced each time, also by none.
    fn failures_are_stored(project) {
        project.models(&[("t", "select 1 as id union all select 1 union all select null")]);
        describe(project, "  - name: t\n    columns:\n      - name: id\n        tests:\n          - unique: {store_failures: true}\n          - not_null: {store_failures: true, severity: warn, schema: audit, alias: Nulls, limit: 1}\n");
        let printed = project.build_fails(65);
        assert!(printed.contains("suiro_failures.unique_core_t_id") && !printed.contains("E0704"), "{printed}");
        assert_eq!(project.rows("select * from suiro_failures.unique_core_t_id"), ["1|2"]);
        assert_eq!(project.rows("select * from audit.\"Nulls\""), ["NULL"]);
        project.models(&[("t", "select 1 as id")]);
        project.build(&[]);
        assert_eq!(project.value("select count(*) from suiro_failures.unique_core_t_id"), "0");
        // Nothing of others is replaced, and the verdict stands.
        project.execute(&["drop table suiro_failures.unique_core_t_id", "create table suiro_failures.unique_core_t_id as select 'mine' as x"]);
        let ended = project.suiro(&["test"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("warning[E0704]") && ended.stderr.contains("not made by project"), "{}", ended.stderr);
        assert_eq!(project.value("select x from suiro_failures.unique_core_t_id"), "mine");
    }

    /// Names of tests: told apart by what they are told, else an error.
    fn every_test_has_a_name_of_its_own(project) {
        project.models(&[("t", "select 1 as id, 'x' as kind")]);
        describe(project, "  - name: t\n    columns:\n      - name: kind\n        tests:\n          - accepted_values: {values: [x, y]}\n          - accepted_values: {values: [x, z]}\n          - not_null\n          - not_null: {where: id > 1}\n");
        project.build(&[]);
        assert_eq!(became(project, "accepted_values_core_t_kind__x_y"), "pass");
        assert_eq!(became(project, "not_null_core_t_kind__id_1"), "pass");
        describe(project, "  - name: t\n    columns:\n      - name: kind\n        tests: [not_null, not_null]\n");
        assert!(project.build_fails(1).contains("two tests are called `not_null_core_t_kind`"));
        describe(project, "  - name: t\n    columns:\n      - name: kind\n        tests: [{not_null: {name: t}}]\n");
        assert!(project.build_fails(1).contains("E0111"));
        describe(project, "  - name: t\n    columns:\n      - name: kind\n        tests: [{not_null: {name: one}}, {unique: {name: one}}]\n");
        assert!(project.build_fails(1).contains("two tests are called `one`"));
    }

    /// A test that cannot be run has not passed, and keeps none of its neighbours from running.
    fn a_broken_test_holds_back_and_lets_others_run(project) {
        project.models(&[("t", "select 1 as id, 'x' as kind")]);
        project.build(&[]);
        project.models(&[("t", "select 2 as id, 'x' as kind")]);
        describe(project, "  - name: t\n    columns:\n      - name: id\n        tests: [unique, {expression: '> nosuch_column'}, not_null]\n");
        let printed = project.build_fails(66);
        assert!(printed.contains("models/all.yml:5:38"), "{printed}");
        assert_eq!(["unique_core_t_id", "not_null_core_t_id", "expression_core_t_id", "t"].map(|name| became(project, name)), ["pass", "pass", "failed", "staged"]);
        assert_eq!(project.value("select id from core.t"), "1");
        describe(project, "  - name: t\n    columns:\n      - name: id\n        tests: [{expression: '> ('}]\n");
        let printed = project.build_fails(1);
        assert!(printed.contains("models/all.yml:5:30"), "{printed}");
        assert_eq!(project.value("select id from core.t"), "1");
    }

    /// A hundred tests on few threads, more than go into one statement.
    fn many_tests_run_in_few_statements(project) {
        let columns: Vec<String> = (0..60).map(|column| format!("{column} as c{column}")).collect();
        project.models(&[("t", &format!("select {}", columns.join(", ")))]);
        let tests: Vec<String> = (0..60).map(|column| format!("      - {{name: c{column}, tests: [unique, not_null]}}\n")).collect();
        describe(project, &format!("  - name: t\n    columns:\n{}", tests.concat()));
        project.build(&[]);
        assert_eq!(project.results().iter().filter(|(_, word)| word == "pass").count(), 120);
        let ended = project.suiro(&["test"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let logs = std::fs::read_dir(project.path().join("target/logs")).unwrap();
        let newest = logs.map(|entry| entry.unwrap().path()).max().unwrap();
        let counts = std::fs::read_to_string(newest).unwrap().lines().filter(|line| line.contains("\"purpose\":\"count\"")).count();
        assert_eq!(counts, 3, "120 tests at 40 in a statement");
    }

    /// What is inlined, added to, or stored as text is tested as it will be.
    fn every_materialization_is_tested(project) {
        project.models(&[
            ("raw", "select 1 as id union all select 2"),
            ("inlined", "/*--- {materialized: ephemeral} ---*/ select id from raw"),
            ("shown", "/*--- {materialized: view} ---*/ select id from inlined"),
            ("added", "/*--- {materialized: incremental, unique_key: id, on_definition_change: forward} ---*/ select id, 'x' as note from shown"),
            ("last", "select id from inlined"),
        ]);
        let tests = |name: &str, max: u32| format!("  - name: {name}\n    columns:\n      - {{name: id, tests: [unique, {{expression: '< {max}'}}]}}\n");
        let all = |max: u32| ["inlined", "shown", "added"].map(|name| tests(name, max)).concat();
        describe(project, &all(9));
        project.build(&[]);
        project.build(&["--force"]);
        assert_eq!(project.results().iter().filter(|(_, word)| word == "pass").count(), 6);
        // Only the new rows fail, in what is added to; the old ones stay as they are.
        project.models(&[("raw", "select 2 as id union all select 12")]);
        describe(project, &tests("added", 9));
        project.build_fails(65);
        assert_eq!(["raw", "shown", "added", "last"].map(|name| became(project, name)), ["built", "built", "staged", "built"]);
        assert_eq!(project.rows("select id from core.added order by id"), ["1", "2"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
        // A test of what is inlined guards those that it is inlined in.
        project.models(&[("raw", "select 2 as id union all select 13")]);
        describe(project, &tests("inlined", 9));
        project.build_fails(65);
        assert_eq!(["raw", "shown", "added", "last"].map(|name| became(project, name)), ["built", "skipped", "skipped", "skipped"]);
        assert_eq!(project.rows("select id from core.last order by id"), ["2", "12"]);
        assert_eq!(project.suiro(&["test"]).status, 65);
    }

    /// A file that is many models has the tests of each, which know what it is for.
    fn instances_have_tests_of_their_own(project) {
        project.write("models/report.sql", "/*---\ninstances: [{name: de, most: 5}, {name: jp, most: 1}]\ncolumns:\n  - name: n\n    tests: [not_null, {expression: \"<= {{ instance.most }}\"}]\n---*/\nselect 3 as n");
        project.build_fails(65);
        assert_eq!(["expression_core_report_de_n", "expression_core_report_jp_n", "not_null_core_report_jp_n"].map(|name| became(project, name)), ["pass", "fail", "pass"]);
        assert_eq!(["report_de", "report_jp"].map(|name| became(project, name)), ["built", "staged"]);
    }

    /// Tests share statements, not fates: what failed to build takes its own tests with it and no others.
    fn a_test_is_skipped_for_what_it_reads_alone(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select cast('x' as integer) as n"), ("c", "select n from b")]);
        let tests = |name: &str| format!("  - name: {name}\n    columns:\n      - {{name: n, tests: [unique]}}\n");
        describe(project, &["a", "b", "c"].map(tests).concat());
        let printed = project.build_fails(66);
        assert_eq!(["a", "b", "c"].map(|name| became(project, name)), ["built", "failed", "skipped"]);
        assert_eq!(["a", "b", "c"].map(|name| became(project, &format!("unique_core_{name}_n"))), ["pass", "skipped", "skipped"]);
        assert!(printed.contains("unique_core_c_n (because of b)"), "{printed}");
        // With a failing test in the same statement, too.
        project.models(&[("b", "select 1 as n union all select 1")]);
        project.build_fails(65);
        assert_eq!(["a", "b", "c"].map(|name| became(project, name)), ["unchanged", "staged", "skipped"]);
        assert_eq!(["a", "b", "c"].map(|name| became(project, &format!("unique_core_{name}_n"))), ["unchanged", "fail", "skipped"]);
            // What cannot even be compiled is not tested, whether there is an old version or not.
        project.models(&[("a", "select nosuch from nosuch"), ("b", "select 1 as n")]);
        project.build_fails(1);
        assert_eq!(["a", "b", "c"].map(|name| became(project, name)), ["failed", "built", "built"]);
        assert_eq!(["a", "b", "c"].map(|name| became(project, &format!("unique_core_{name}_n"))), ["skipped", "pass", "pass"]);
    }
}
