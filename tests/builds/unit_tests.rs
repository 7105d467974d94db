//! Unit tests: a model on given rows, on the target's engine, before the model is built.

use crate::{on_both_engines, project::Project};

fn describe(project: &Project, entries: &str) {
    project.write("models/units.yml", &format!("unit_tests:\n{entries}"));
}

fn became(project: &Project, name: &str) -> String {
    let results = project.results();
    let found = results.iter().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {results:?}")).1.clone()
}

const DOUBLED: &str = "  - name: it_doubles\n    model: doubled\n    given:\n      - input: ref('orders')\n        rows:\n          - {id: 1, amount: 10}\n          - {id: 2}\n    \
                       expect:\n      rows:\n        - {id: 2, twice: null}\n        - {id: 1, twice: 20}\n";

on_both_engines! {
    /// One file describes a model, tests its rows and tests it on given rows.
    fn one_file_holds_tests_of_both_kinds(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select n * 2 as n from a")]);
        project.write(
            "models/all.yml",
            "models:\n  - name: b\n    columns: [{name: n, tests: [not_null]}]\nunit_tests:\n  - name: doubles\n    model: b\n    \
             given: [{input: a, rows: [{n: 4}]}]\n    expect: {rows: [{n: 8}]}\n",
        );
        for _ in 0..2 {
            project.build(&[]);
        }
        assert_eq!(project.suiro(&["test", "--select", "doubles"]).status, 0);
        project.models(&[("b", "select n * 3 as n from a")]);
        let ended = project.suiro(&["build"]);
        assert_eq!(ended.status, 65, "{}", ended.stderr);
        assert!(ended.stderr.contains("E0706") && ended.stderr.contains("8 → 12"), "{}", ended.stderr);
        assert_eq!(project.rows("select n from core.b"), ["2"]);
    }

    /// Passing, failing, and what a failure shows; the model is not built, and nothing is created.
    fn a_unit_test_runs_before_its_model(project) {
        project.models(&[("orders", "select 7 as id, cast(1.5 as decimal(10, 1)) as amount, date '2026-01-01' as day"), ("doubled", "select id, amount * 2 as twice from orders")]);
        describe(project, DOUBLED);
        project.build(&[]);
        assert_eq!(became(project, "it_doubles"), "pass");
        assert_eq!(project.suiro(&["test"]).status, 0);
        project.models(&[("doubled", "select id, amount * 3 as twice from orders union all select 9, null from orders where id = 1"), ("below", "select * from doubled")]);
        let printed = project.build_fails(65);
        assert_eq!(["it_doubles", "orders", "doubled", "below"].map(|name| became(project, name)), ["fail", "unchanged", "skipped", "skipped"]);
        assert!(printed.contains("expected something else in 2 of 3 rows") && printed.contains("models/units.yml:2:11"), "{printed}");
        assert!(printed.contains("differs") && printed.contains("20 → 30") && printed.contains("extra"), "{printed}");
        assert_eq!(project.rows("select twice from core.doubled"), ["3.0"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
        assert_eq!(project.suiro(&["test", "--select", "doubled"]).status, 65);
    }

    /// Types come from the relation, from what is declared, or from the rows; what is not given is NULL of the type.
    fn columns_not_given_are_null_of_their_type(project) {
        project.execute(&["create schema raw", "create table raw.events (id integer, happened date, name varchar(10))"]);
        project.write("models/fruits.csv", "code,price,since\n001,10,2026-01-01\n");
        project.write("models/sources.yml", "sources:\n  - name: raw\n    tables:\n      - name: events\n      - name: later\n        columns:\n          - {name: id, data_type: integer}\n          - {name: happened, data_type: date}\n      - {name: unknown}\n");
        project.models(&[("m", "select e.id, e.happened + 1 as tomorrow, coalesce(e.name, 'none') as name, f.price + 1 as price, l.happened > date '2026-01-01' as is_new, u.x as x from raw.events e left join fruits f on f.code = e.name left join raw.later l on l.id = e.id left join raw.unknown u on u.y = e.id")]);
        describe(project, "  - name: types\n    model: m\n    given:\n      - {input: \"source('raw', 'events')\", rows: [{id: 1, name: '001'}, {id: 2, happened: 2026-02-28}]}\n      \
            - {input: fruits, rows: [{code: '001', price: 4}]}\n      - {input: raw.later, rows: [{id: 2, happened: '2026-05-05'}]}\n      - {input: raw.unknown, rows: [{y: 2, x: hello}]}\n    \
            expect:\n      rows:\n        - {id: 1, tomorrow: null, name: '001', price: 5, is_new: null, x: null}\n        - {id: 2, tomorrow: 2026-03-01, name: none, price: null, is_new: true, x: hello}\n");
        let ended = project.suiro(&["test"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        // Without any row at all.
        describe(project, "  - name: types\n    model: m\n    given:\n      - {input: \"source('raw', 'events')\", rows: []}\n      - {input: fruits}\n      - {input: raw.later}\n      - {input: raw.unknown, rows: [{y: 1, x: b}]}\n    expect: {rows: []}\n");
        let ended = project.suiro(&["test"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }

    /// Rows as CSV and as SQL, given and expected.
    fn rows_may_be_csv_or_sql(project) {
        project.models(&[("a", "select 1 as id, 'x' as name, true as ok"), ("m", "select id, upper(name) as name, ok from a")]);
        describe(project, "  - name: formats\n    model: m\n    given:\n      - input: a\n        format: csv\n        rows: |\n          id,name\n          1,りんご\n          2,\n    \
            expect:\n      format: sql\n      rows: select 2 as id, null as name union all select 1, 'りんご'\n  - name: other\n    model: m\n    given:\n      - input: a\n        format: sql\n        rows: |\n          select 'x' as name, 3 as id -- the end\n    \
            expect:\n      format: csv\n      rows: |\n        ok,name\n        ,X\n");
        project.build(&[]);
        assert_eq!(["formats", "other"].map(|name| became(project, name)), ["pass", "pass"]);
    }

    /// The incremental rendering, on given live rows; and what is inlined in between.
    fn increments_are_tested_on_given_live_rows(project) {
        project.models(&[
            ("events", "select 1 as id, 5 as n"),
            ("recent", "/*--- {materialized: ephemeral} ---*/ select id, n from events where n > 0"),
            ("added", "/*--- {materialized: incremental, unique_key: id, on_definition_change: forward} ---*/ select id, n, '{{ var('mark', 'none') }}' as mark from recent{% if is_incremental() %} where n > (select max(n) from {{ this }}){% endif %}"),
        ]);
        let given = "    given:\n      - {input: events, rows: [{id: 1, n: 5}, {id: 2, n: 9}, {id: 3, n: -1}]}\n";
        describe(project, &format!(
            "  - name: full\n    model: added\n{given}    expect: {{rows: [{{id: 1}}, {{id: 2}}]}}\n  \
               - name: more\n    model: added\n    overrides: {{macros: {{is_incremental: true}}, vars: {{mark: given}}}}\n{given}      - {{input: this, rows: [{{n: 5}}]}}\n    expect: {{rows: [{{id: 2, mark: given}}]}}\n  \
               - name: inlined\n    model: added\n    incremental: true\n    given:\n      - {{input: recent, rows: [{{id: 7, n: 7}}]}}\n      - {{input: this, rows: []}}\n    expect: {{rows: []}}\n"
        ));
        for _ in 0..2 {
            project.build(&["--force"]);
            assert_eq!(["full", "more", "inlined"].map(|name| became(project, name)), ["pass", "pass", "pass"]);
        }
    }

    /// What does not make sense is said at its place, with a way out.
    fn mistakes_are_said_at_their_place(project) {
        project.models(&[("a", "select 1 as id"), ("b", "select 1 as id"), ("m", "select a.id from a join b on a.id = b.id")]);
        project.write("models/s.csv", "id\n1\n");
        for (entry, status, parts) in [
            ("  - {name: t, model: n, given: [], expect: {rows: []}}", 1, ["E0302", "models/units.yml:2:22"]),
            ("  - {name: t, model: s, given: [], expect: {rows: []}}", 1, ["E0705", "is a seed"]),
            ("  - {name: t, model: m, given: [{input: a}], expect: {rows: []}}", 1, ["does not give", "`b`"]),
            ("  - {name: t, model: m, given: [{input: c}], expect: {rows: []}}", 1, ["E0302", "models/units.yml:2:41"]),
            ("  - {name: t, model: m, given: [{input: a}, {input: b, rows: [{idd: 1}]}], expect: {rows: []}}", 1, ["has no column `idd`", "did you mean `id`"]),
            ("  - {name: t, model: m, given: [{input: a}, {input: b}], expect: {rows: [{x: 1}]}}", 1, ["`m` has no column `x`", "its columns are: id"]),
            ("  - {name: t, model: m, given: [{input: a}, {input: b, format: sql, rows: select id from a}], expect: {rows: []}}", 1, ["E0705", "reads `a`"]),
            ("  - {name: t, model: m, given: [{input: a, rows: [{id: 1}]}, {input: b, rows: [{id: x}]}], expect: {rows: []}}", 66, ["could not be run", "models/units.yml:2:12"]),
            ("  - {name: t, model: m, overrides: {macros: {now: x}}, given: [{input: a}, {input: b}], expect: {rows: []}}", 1, ["cannot replace the macro `now`", "`now: 2026-01-31 12:00`"]),
            ("  - {name: m, model: m, given: [{input: a}, {input: b}], expect: {rows: []}}", 1, ["E0111", "called `m`"]),
            ("  - {name: t, model: m, given: [{input: a}, {input: b}]}", 1, ["has no `expect`", "units.yml"]),
        ] {
            describe(project, entry);
            let ended = project.suiro(&["build"]);
            assert_eq!(ended.status, status, "{entry}: {}", ended.stderr);
            for part in parts {
                assert!(ended.stderr.contains(part), "{entry}: {part}\n{}", ended.stderr);
            }
        }
    }

    /// A warning holds nothing back, and names of all kinds work.
    fn severity_and_names_of_all_kinds(project) {
        project.models(&[("注文", "select 1 as \"番号\", 2 as \"select\""), ("m", "select \"番号\", \"select\" + 1 as \"Next\" from 注文")]);
        describe(project, "  - name: 単体\n    model: m\n    config: {severity: warn, tags: [slow]}\n    given: [{input: 注文, rows: [{番号: 1, select: 5}]}]\n    expect: {rows: [{番号: 1, Next: 7}]}\n");
        let ended = project.suiro(&["build"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("7 → 6"), "{}", ended.stderr);
        assert_eq!(["単体", "m"].map(|name| became(project, name)), ["warn", "built"]);
    }

    /// A unit test as a file of SQL: expressions in the place of relations, parts of them, and the query as what comes out.
    fn a_unit_test_may_be_a_file_of_sql(project) {
        project.execute(&["create schema raw", "create table raw.events (id integer, n integer, happened date)"]);
        project.write("models/sources.yml", "sources: [{name: raw, tables: [{name: events}]}]\n");
        project.models(&[
            ("fruits", "select 1 as id, 'りんご' as name"),
            ("m", "/*--- {materialized: incremental, unique_key: id} ---*/ select f.name, sum(e.n) * {{ var('times', 1) }} as n, f.id from raw.events e join fruits f using (id){% if is_incremental() %} where f.id > (select max(id) from {{ this }}){% endif %} group by 1, 3"),
        ]);
        project.write("tests/sums.sql", "/*---\nunit_test: m\noverrides: {vars: {times: 10}}\ntags: [sql]\n---*/\n\
            with many as (select 2 as id union all select 3),\n\"raw.events\" as (select id, 4 as n from many union all select 2, 1),\n\
            fruits as (select id, 'f' as name from many)\nselect 2 as id, {{ 5 * 10 }} as n union all select 3, 40; -- the end\n");
        project.write("tests/unit/more.sql", "/*--- {unit_test: m, incremental: true} ---*/\nwith \"raw.events\" as (select 2 as id, 4 as n union all select 3, 5), fruits as (select 2 as id union all select 3), this as (select 2 as id)\nselect 3 as id, 5 as n\n");
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(["sums", "more"].map(|name| became(project, name)), ["pass", "pass"]);
        }
        let listed = project.suiro(&["ls", "--select", "test_type:unit,tag:sql"]).stdout;
        assert!(listed.contains("sums") && !listed.contains("more"), "{listed}");
        project.suiro(&["compile"]);
        assert!(project.path().join("target/compiled/tests/unit/more.sql").exists());
        project.write("tests/sums.sql", "/*--- {unit_test: m} ---*/\nwith \"raw.events\" as (select 2 as id, 4 as n), fruits as (select 2 as id)\nselect 2 as id, 5 as n\n");
        let ended = project.suiro(&["test"]);
        assert!(ended.status == 65 && ended.stderr.contains("5 → 4") && ended.stderr.contains("tests/sums.sql:1:1"), "{}", ended.stderr);
        for (text, parts) in [
            ("/*--- {unit_test: n} ---*/\nselect 1 as id", ["E0302", "tests/sums.sql:1:19"]),
            ("/*--- {unit_test: m, inkremental: true} ---*/\nselect 1 as id", ["E0105", "did you mean `incremental`?"]),
            ("/*--- {unit_test: } ---*/\nselect 1 as id", ["has no `unit_test`", "tests/sums.sql:1"]),
            ("/*--- {unit_test: m} ---*/\nwith fruits as (select 1 as id)\nselect 1 as id", ["does not give", "`raw.events`"]),
            ("/*--- {unit_test: m} ---*/\nwith fruits as (select 1 as id)\nselect id\nfrom raw.events", ["this one reads `raw.events`", "tests/sums.sql:4:6"]),
            ("/*--- {unit_test: m} ---*/\nselect {{ nothing }} as id", ["E0202", "tests/sums.sql:2:11"]),
            ("/*--- {unit_test: m} ---*/\n", ["E0306", "tests/sums.sql"]),
        ] {
            project.write("tests/sums.sql", text);
            let ended = project.suiro(&["build"]);
            assert_eq!(ended.status, 1, "{text}: {}", ended.stderr);
            for part in parts {
                assert!(ended.stderr.contains(part), "{text}: {part}\n{}", ended.stderr);
            }
            // What is wrong with a test is no matter for what it is not about; what names no model belongs to nothing.
            let alone = project.suiro(&["build", "--select", "fruits"]);
            assert_eq!(alone.status, i32::from(text.contains("unit_test: }")), "{text}: {}", alone.stderr);
        }
    }

    /// Rows from files below `fixtures/`, which are no tests themselves.
    fn rows_may_stand_in_files(project) {
        project.models(&[("a", "select 1 as id, 'x' as name"), ("m", "select id, upper(name) as name from a")]);
        project.write("tests/fixtures/some.csv", "\u{feff}id,name\r\n1,りんご\r\n2,\r\n");
        project.write("tests/fixtures/deep/out.sql", "select 1 as id, 'りんご' as name union all select 2, null;\n");
        project.write("tests/fixtures/deep/some.csv", "id\n7\n");
        let entry = |given: &str, expect: &str| format!("  - name: t\n    model: m\n    given: [{{input: a, {given}}}]\n    expect: {{{expect}}}\n");
        describe(project, &entry("fixture: some, format: csv", "format: sql, fixture: out"));
        let ended = project.suiro(&["build"]);
        assert!(ended.status == 1 && ended.stderr.contains("several files of rows") && ended.stderr.contains("tests/fixtures/deep/some.csv"), "{}", ended.stderr);
        std::fs::remove_file(project.path().join("tests/fixtures/deep/some.csv")).unwrap();
        project.build(&[]);
        assert_eq!(became(project, "t"), "pass");
        // The same rows by other names are the same test, which need not run again.
        describe(project, &entry("fixture: some", "fixture: deep/out"));
        project.build(&[]);
        assert_eq!(became(project, "t"), "unchanged");
        project.write("tests/fixtures/some.csv", "id,name\n1,りんご\n3,\n");
        assert_eq!(project.suiro(&["build"]).status, 65);
        project.write("tests/fixtures/deep/out.sql", "select 1 as id, 'りんご' as name union all select 3, null;\n");
        project.build(&[]);
        assert_eq!(became(project, "t"), "pass");
        assert!(!project.suiro(&["ls"]).stdout.contains("out"));
        project.write("tests/fixtures/ragged.csv", "id,name\n1,a\n2\n");
        project.write("tests/fixtures/reads.sql", "select id from a");
        for (given, parts) in [
            ("fixture: somme", ["there is no file of rows `somme`", "did you mean `some`?"]),
            ("fixture: some, format: sql", ["not in the `format`", "format: csv"]),
            ("fixture: some, rows: []", ["rows are given", "remove one of the two"]),
            ("fixture: ragged", ["has 1 values", "tests/fixtures/ragged.csv:3:1"]),
            ("fixture: reads", ["reads `a`", "tests/fixtures/reads.sql:1:1"]),
        ] {
            describe(project, &entry(given, "rows: []"));
            let ended = project.suiro(&["build"]);
            assert_eq!(ended.status, 1, "{given}: {}", ended.stderr);
            for part in parts {
                assert!(ended.stderr.contains(part), "{given}: {part}\n{}", ended.stderr);
            }
        }
    }

    /// The time can be given: what asks for it is told that one, in the model, in what it inlines, and in rows.
    fn the_time_may_be_given(project) {
        project.models(&[
            ("a", "select 1 as id, date '2020-01-01' as day"),
            ("recent", "/*--- {materialized: ephemeral} ---*/ select id, day from a where day > current_date - 7"),
            ("m", "select id, day - current_date as days, now() as at, substring(cast(localtimestamp as varchar) from 1 for 16) as minute, 'now()' as word, extract(hour from current_timestamp at time zone 'Asia/Tokyo') as hour from recent"),
        ]);
        describe(project, "  - name: t\n    model: m\n    now: 2026-01-31 20:30\n    given:\n      - input: a\n        rows: [{id: 1, day: 2026-01-24}, {id: 2, day: 2026-01-25}]\n    \
            expect:\n      rows: [{id: 2, days: -6, at: '2026-01-31 20:30:00+00', minute: '2026-01-31 20:30', word: now(), hour: 5}]\n  \
            - name: u\n    model: m\n    now: 2026-02-28T23:00:00-02:00\n    given:\n      - {input: a, format: sql, rows: 'select current_date as day, 3 as id'}\n    \
            expect: {format: sql, rows: 'select 3 as id, 0 as days, now() as at'}\n");
        project.build(&[]);
        assert_eq!(["t", "u"].map(|name| became(project, name)), ["pass", "pass"]);
        describe(project, "  - {name: t, model: m, now: yesterday or so, given: [{input: a}], expect: {rows: []}}\n");
        let ended = project.suiro(&["test"]);
        assert!(ended.status == 1 && ended.stderr.contains("`now` takes a time") && ended.stderr.contains("models/units.yml:2:30"), "{}", ended.stderr);
    }

    /// On DuckDB in memory, whatever the target is: nothing of the target is asked, and what ran where is said.
    fn unit_tests_may_run_on_duckdb_in_memory(project) {
        project.write("models/fruits.csv", "code,price\n001,10\n");
        project.write("models/sources.yml", "sources: [{name: raw, tables: [{name: events, columns: [{name: id, data_type: integer}, {name: happened, data_type: date}]}]}]\n");
        project.models(&[("a", "select 1 as n"), ("m", "select f.code, f.price * 2 as twice, e.happened + 1 as tomorrow from fruits f left join raw.events e on e.id = f.price")]);
        project.write("models/tests.yml", "models: [{name: a, columns: [{name: n, tests: [not_null]}]}]\n");
        describe(project, "  - name: t\n    model: m\n    given:\n      - {input: fruits, rows: [{code: '007', price: 3}]}\n      - {input: raw.events, rows: [{id: 3, happened: 2026-02-28}]}\n    \
            expect: {rows: [{code: '007', twice: 6, tomorrow: 2026-03-01}]}\n");
        // Nobody answers there.
        let away = [("PGHOST", "/nowhere"), ("PGSERVICE", "")];
        let ended = project.suiro_with(&["test", "--engine", "duckdb"], &away);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("on DuckDB 1.5") && ended.stderr.contains("in memory") && ended.stderr.contains("1 other test reads rows"), "{}", ended.stderr);
        let results = std::fs::read_to_string(project.path().join("target/run_results.json")).unwrap();
        assert!(results.contains("\"engine\": \"duckdb\""), "{results}");
        assert!(!project.path().join("it.duckdb").exists());
        project.models(&[("m", "select f.code, f.price * 3 as twice, e.happened as tomorrow from fruits f left join raw.events e on e.id = f.price")]);
        let ended = project.suiro_with(&["test", "--engine", "duckdb", "--select", "t"], &away);
        assert_eq!(ended.status, 65, "{}", ended.stderr);
        assert!(ended.stderr.contains("6 → 9"), "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("the target is PostgreSQL"), project.database.is_some(), "{}", ended.stderr);
    }
}
