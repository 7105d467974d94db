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
            ("  - {name: t, model: m, overrides: {macros: {now: x}}, given: [{input: a}, {input: b}], expect: {rows: []}}", 1, ["cannot replace the macro `now`", "var("]),
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
}
