//! Every key of configuration that does something: built once, again, forced, and with another value.
//!
//! The table is held against the program's own list of keys, so that a new key needs a case.

use crate::project::Project;
use serde_json::Value;
use std::{collections::BTreeSet, fs};
use suiro::project::key_reference;

/// Where a key means something.
#[derive(Clone, Copy, PartialEq)]
enum On {
    Both,
    DuckDb,
    Postgres,
}

/// What is looked at, and how.
type Look = fn(&Project) -> Vec<String>;

/// A key, the files with its first and with its second value, what is looked at, and what is to be seen; the status of
/// builds is 0 unless a test is what the key is about.
#[derive(Clone, Copy)]
struct Case {
    key: &'static str,
    on: On,
    first: &'static [(&'static str, &'static str)],
    second: &'static [(&'static str, &'static str)],
    look: Look,
    seen: [&'static str; 2],
    status: [i32; 2],
}

const fn case(
    key: &'static str,
    first: &'static [(&'static str, &'static str)],
    second: &'static [(&'static str, &'static str)],
    look: Look,
    seen: [&'static str; 2],
) -> Case {
    Case { key, on: On::Both, first, second, look, seen, status: [0, 0] }
}

const fn on(on: On, case: Case) -> Case {
    Case { on, ..case }
}

/// What a case of a test expects of builds.
const fn ends(status: [i32; 2], case: Case) -> Case {
    Case { status, ..case }
}

fn m(project: &Project) -> Vec<String> {
    project.rows("select * from core.m order by 1")
}

fn relations(project: &Project) -> Vec<String> {
    project.rows(
        "select table_schema || '.' || table_name || ' ' || lower(table_type) from information_schema.tables \
         where table_schema in ('core', 'other') order by 1",
    )
}

fn types(project: &Project) -> Vec<String> {
    project.rows("select lower(data_type) from information_schema.columns where table_schema = 'core' and table_name = 's' order by ordinal_position")
}

fn s(project: &Project) -> Vec<String> {
    project.rows("select * from core.s order by 1 nulls last")
}

/// The node `m` of the manifest.
fn node(project: &Project, field: &str) -> Vec<String> {
    let text = fs::read_to_string(project.path().join("target/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let nodes = manifest["nodes"].as_array().unwrap();
    let found = nodes.iter().find(|node| node["name"] == "m").unwrap_or_else(|| panic!("no `m`"));
    let value = if found[field].is_null() { &found["config"][field] } else { &found[field] };
    vec![value.as_str().map_or_else(|| value.to_string(), str::to_owned)]
}

/// What became of the test `t`; what passed on the same rows before has passed.
fn t(project: &Project) -> Vec<String> {
    let results = project.run_results();
    let found = results["results"].as_array().unwrap().iter().find(|one| one["name"] == "t").unwrap().clone();
    let word = found["status"].as_str().unwrap().replace("unchanged", "pass");
    if word == "pass" {
        return vec![word];
    }
    vec![format!("{word} {}", found["rows"].as_u64().unwrap_or(0))]
}

fn comments(project: &Project) -> Vec<String> {
    let query = if project.database.is_some() {
        "select coalesce(split_part(obj_description('core.m'::regclass, 'pg_class'), E'\\n', 1), ''), coalesce(col_description('core.m'::regclass, 1), '')"
    } else {
        "select split_part(coalesce(t.comment, ''), chr(10), 1), coalesce(c.comment, '') from duckdb_tables() as t join duckdb_columns() as c using (schema_name, table_name) where t.schema_name = 'core' and t.table_name = 'm' and c.column_name = 'id'"
    };
    project
        .rows(query)
        .into_iter()
        .map(|row| if row.starts_with("suiro:") { row[row.find('|').unwrap()..].to_owned() } else { row })
        .collect()
}

fn indexes(project: &Project) -> Vec<String> {
    let query = if project.database.is_some() {
        "select indexname from pg_indexes where schemaname = 'core' order by 1"
    } else {
        "select index_name from duckdb_indexes() where schema_name = 'core' order by 1"
    };
    project.rows(query)
}

fn constraints(project: &Project) -> Vec<String> {
    let query = if project.database.is_some() {
        "select case contype when 'c' then 'CHECK' when 'u' then 'UNIQUE' end from pg_constraint where conrelid = 'core.m'::regclass and contype in ('c', 'u') order by 1"
    } else {
        "select constraint_type from duckdb_constraints() where schema_name = 'core' and table_name = 'm' and constraint_type in ('CHECK', 'UNIQUE') order by 1"
    };
    project.rows(query)
}

fn stored(project: &Project) -> Vec<String> {
    project.rows("select count(*) from information_schema.tables where table_schema = 'suiro_failures'")
}

fn files(project: &Project) -> Vec<String> {
    let mut found: Vec<String> = walkdir::WalkDir::new(project.path().join("out"))
        .into_iter()
        .filter_map(Result::ok)
        .filter(|file| file.file_type().is_file())
        .map(|file| {
            let text = fs::read(file.path()).unwrap();
            format!(
                "{} {}",
                file.file_name().to_string_lossy(),
                if text.starts_with(b"PAR1") { "parquet" } else { "text" }
            )
        })
        .collect();
    found.sort();
    found
}

const ROWS: &str = "select 1 as id, 'a' as v union all select 2, 'b'";

/// A model of two rows with front matter.
macro_rules! model {
    ($front:literal) => {
        &[("models/m.sql", concat!("/*---\n", $front, "\n---*/\nselect 1 as id, 'a' as v union all select 2, 'b'"))]
    };
    ($front:literal, $sql:literal) => {
        &[("models/m.sql", concat!("/*---\n", $front, "\n---*/\n", $sql))]
    };
}

/// A seed and what YAML says about it.
macro_rules! seed {
    ($yaml:literal, $text:literal) => {
        &[("models/s.csv", $text), ("models/s.yml", concat!("seeds: [{name: s, ", $yaml, "}]\n"))]
    };
}

/// A model of one row more than there are values, with a test that finds two rows.
macro_rules! tested {
    ($config:literal) => {
        &[
            ("models/m.sql", "select 1 as id union all select 2 union all select 3"),
            ("models/m.yml", concat!("models: [{name: m, columns: [{name: id, tests: [{accepted_values: {name: t, quote: false, values: [1], ", $config, "}}]}]}]\n")),
        ]
    };
}

/// An incremental model whose second build brings one new row and one that changed.
macro_rules! added {
    ($front:literal) => {
        &[
            (
                "models/m.sql",
                concat!(
                    "/*---\nmaterialized: incremental\non_definition_change: forward\n",
                    $front,
                    "\n---*/\nselect id, v, w from rows"
                ),
            ),
            ("models/rows.csv", "id,v,w\n1,a,x\n"),
        ]
    };
    ($front:literal, again) => {
        &[
            (
                "models/m.sql",
                concat!(
                    "/*---\nmaterialized: incremental\non_definition_change: forward\n",
                    $front,
                    "\n---*/\nselect id, v, w from rows"
                ),
            ),
            ("models/rows.csv", "id,v,w\n1,b,y\n2,c,z\n"),
        ]
    };
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn cases() -> Vec<Case> {
    use On::{DuckDb, Postgres};
    vec![
        case(
            "materialized",
            model!("materialized: view"),
            model!("materialized: table"),
            relations,
            ["core.m view", "core.m base table"],
        ),
        case(
            "schema",
            model!("schema: core"),
            model!("schema: other"),
            |p| project_has(p, "other.m"),
            ["false", "true"],
        ),
        case("alias", model!("tags: []"), model!("alias: n"), |p| project_has(p, "core.n"), ["false", "true"]),
        case(
            "enabled",
            model!("enabled: true"),
            &[("models/m.sql", "/*--- {enabled: false} ---*/ select 1 as id"), ("models/k.sql", "select 1 as k")],
            |p| project_has(p, "core.k"),
            ["false", "true"],
        ),
        case("tags", model!("tags: [a]"), model!("tags: [a, b]"), |p| node(p, "tags"), ["[\"a\"]", "[\"a\",\"b\"]"]),
        case(
            "owner",
            model!("owner: ann"),
            model!("owner: {name: ben, email: b@x.jp}"),
            |p| node(p, "owner"),
            ["ann", "ben"],
        ),
        case(
            "description",
            model!("description: one"),
            model!("description: two"),
            |p| node(p, "description"),
            ["one", "two"],
        ),
        case("meta", model!("meta: {a: 1}"), model!("meta: {a: 2}"), |p| node(p, "meta"), ["{\"a\":1}", "{\"a\":2}"]),
        case(
            "depends_on",
            &[("models/m.sql", ROWS), ("models/k.sql", "select 1 as k")],
            &[("models/m.sql", "/*--- {depends_on: [k]} ---*/ select 1 as id"), ("models/k.sql", "select 1 as k")],
            |p| {
                vec![
                    p.suiro(&["ls", "--select", "m", "--format", "json"])
                        .stdout
                        .contains("\"depends_on\":[\"k\"]")
                        .to_string(),
                ]
            },
            ["false", "true"],
        ),
        case(
            "column_types",
            seed!("tags: []", "a\n1\n"),
            seed!("config: {column_types: {a: text}}", "a\n1\n"),
            |p| vec![(types(p) == ["bigint"]).to_string()],
            ["true", "false"],
        ),
        case(
            "delimiter",
            seed!("tags: []", "a;b\n1;2\n"),
            seed!("config: {delimiter: ';'}", "a;b\n1;2\n"),
            s,
            ["1;2", "1|2"],
        ),
        case("quote", seed!("tags: []", "a\n'x'\n"), seed!("config: {quote: \"'\"}", "a\n'x'\n"), s, ["'x'", "x"]),
        case(
            "encoding",
            seed!("tags: []", "a\né\n"),
            seed!("config: {encoding: windows-1252}", "a\né\n"),
            s,
            ["é", "Ã©"],
        ),
        case(
            "null_values",
            seed!("tags: []", "a\n-\nx\n"),
            seed!("config: {null_values: ['-']}", "a\n-\nx\n"),
            s,
            ["-,x", "x,NULL"],
        ),
        ends([65, 0], case("severity", tested!("severity: error"), tested!("severity: warn"), t, ["fail 2", "warn 2"])),
        ends([65, 0], case("error_if", tested!("error_if: '>1'"), tested!("error_if: '>2'"), t, ["fail 2", "warn 2"])),
        case(
            "warn_if",
            tested!("severity: warn, warn_if: '>1'"),
            tested!("severity: warn, warn_if: '>2'"),
            t,
            ["warn 2", "pass"],
        ),
        ends([65, 0], case("where", tested!("where: id > 2"), tested!("where: id < 2"), t, ["fail 1", "pass"])),
        ends([65, 65], case("limit", tested!("limit: 1"), tested!("limit: 5"), t, ["fail 1", "fail 2"])),
        ends(
            [65, 65],
            case(
                "fail_calc",
                tested!("fail_calc: sum(n_records)"),
                tested!("fail_calc: max(value_field)"),
                t,
                ["fail 2", "fail 3"],
            ),
        ),
        case(
            "store_failures",
            tested!("severity: warn"),
            tested!("severity: warn, store_failures: true"),
            stored,
            ["0", "1"],
        ),
        case(
            "deterministic",
            model!("tags: []", "select random() as r"),
            model!("deterministic: true", "select random() as r"),
            // Built in every run, or not again after the first.
            |p| {
                let r = || p.value("select r from core.m");
                let before = r();
                p.build(&[]);
                vec![(before == r()).to_string()]
            },
            ["false", "true"],
        ),
        case(
            "persist_docs",
            model!("description: d\ncolumns: [{name: id, description: i}]"),
            model!(
                "description: d\ncolumns: [{name: id, description: i}]\npersist_docs: {relation: true, columns: true}"
            ),
            comments,
            ["|", "d|i"],
        ),
        on(
            Postgres,
            case(
                "grants",
                model!("tags: []"),
                model!("grants: {select: [suiro_stranger]}"),
                |p| p.rows("select has_table_privilege('suiro_stranger', 'core.m', 'select')"),
                ["f", "t"],
            ),
        ),
        case("indexes", model!("tags: []"), model!("indexes: [{columns: [id], name: by_id}]"), indexes, ["", "by_id"]),
        case(
            "constraints",
            model!("tags: []"),
            model!("constraints: [{type: check, expression: 'id > 0'}]"),
            constraints,
            ["", "CHECK"],
        ),
        case(
            "pre_hook",
            model!("tags: []"),
            model!("pre_hook: create table if not exists core.before (n integer)"),
            |p| project_has(p, "core.before"),
            ["false", "true"],
        ),
        case(
            "post_hook",
            model!("tags: []"),
            model!("post_hook: 'update {{ this }} set v = null where id = 1'"),
            m,
            ["1|a,2|b", "1|NULL,2|b"],
        ),
        case("unique_key", added!("unique_key: [id, v]"), added!("unique_key: id", again), m, ["1|a|x", "1|b|y,2|c|z"]),
        case(
            "incremental_strategy",
            added!("unique_key: id"),
            added!("unique_key: id\nincremental_strategy: append", again),
            m,
            ["1|a|x", "1|a|x,2|c|z"],
        ),
        case(
            "merge_update_columns",
            added!("unique_key: id"),
            added!("unique_key: id\nmerge_update_columns: [w]", again),
            m,
            ["1|a|x", "1|a|y,2|c|z"],
        ),
        case(
            "merge_exclude_columns",
            added!("unique_key: id"),
            added!("unique_key: id\nmerge_exclude_columns: [w]", again),
            m,
            ["1|a|x", "1|b|x,2|c|z"],
        ),
        case(
            "on_schema_change",
            model!("materialized: incremental\nunique_key: id\non_definition_change: forward", "select 1 as id"),
            model!(
                "materialized: incremental\nunique_key: id\non_definition_change: forward\non_schema_change: append",
                "select 1 as id, 'n' as more"
            ),
            m,
            ["1", "1|n"],
        ),
        case(
            "on_definition_change",
            model!("materialized: incremental\nunique_key: id", "select 1 as id"),
            model!("materialized: incremental\nunique_key: id\non_definition_change: full_refresh", "select 2 as id"),
            m,
            ["1", "2"],
        ),
        case(
            "full_refresh",
            model!("materialized: incremental\nunique_key: id\non_definition_change: forward", "select 1 as id"),
            model!(
                "materialized: incremental\nunique_key: id\non_definition_change: forward\nfull_refresh: never",
                "select 2 as id"
            ),
            |p| {
                p.build(&["--full-refresh"]);
                m(p)
            },
            ["1", "1,2"],
        ),
        on(
            Postgres,
            case(
                "partition_by",
                model!("tags: []"),
                model!(
                    "partition_by: {method: hash, columns: [id], partitions: [{modulus: 2, remainder: 0}, {modulus: 2, remainder: 1}]}"
                ),
                |p| p.rows("select relkind from pg_class where oid = 'core.m'::regclass"),
                ["r", "p"],
            ),
        ),
        on(
            Postgres,
            case(
                "unlogged",
                model!("tags: []"),
                model!("unlogged: true"),
                |p| p.rows("select relpersistence from pg_class where oid = 'core.m'::regclass"),
                ["p", "u"],
            ),
        ),
        on(
            Postgres,
            case(
                "tablespace",
                model!("tags: []"),
                model!("tablespace: pg_default"),
                |p| p.rows("select reltablespace from pg_class where oid = 'core.m'::regclass"),
                ["0", "0"],
            ),
        ),
        on(
            Postgres,
            case(
                "storage",
                model!("tags: []"),
                model!("storage: {fillfactor: 70}"),
                |p| p.rows("select reloptions from pg_class where oid = 'core.m'::regclass"),
                ["NULL", "{fillfactor=70}"],
            ),
        ),
        on(
            DuckDb,
            case(
                "location",
                model!("materialized: file\nlocation: out/a.csv"),
                model!("materialized: file\nlocation: out/b.csv"),
                |p| vec![files(p).contains(&"b.csv text".to_owned()).to_string()],
                ["false", "true"],
            ),
        ),
        on(
            DuckDb,
            case(
                "format",
                model!("materialized: file\nlocation: out/a.data\nformat: csv"),
                model!("materialized: file\nlocation: out/a.data\nformat: parquet"),
                files,
                ["a.data text", "a.data parquet"],
            ),
        ),
        case(
            "instances",
            model!("instances: [one]\nalias: 'm_{{ instance.name }}'", "select '{{ instance.name }}' as n"),
            model!("instances: [one, two]\nalias: 'm_{{ instance.name }}'", "select '{{ instance.name }}' as n"),
            relations,
            ["core.m_one base table", "core.m_one base table,core.m_two base table"],
        ),
    ]
}

fn project_has(project: &Project, relation: &str) -> Vec<String> {
    vec![relations(project).iter().any(|found| found.starts_with(&format!("{relation} "))).to_string()]
}

fn try_all(new: fn() -> Project, engine: On) {
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| case.on == On::Both || case.on == engine) {
        let project = new();
        for (files, round) in [(case.first, 0), (case.second, 1)] {
            for (path, text) in files {
                project.write(path, text);
            }
            for (time, words) in
                [("once", &["build"] as &[&str]), ("again", &["build"]), ("forced", &["build", "--force"])]
            {
                let ended = project.suiro(words);
                let mut say = |what: String| wrong.push(format!("{}, value {}, {time}: {what}", case.key, round + 1));
                if ended.status != case.status[round] {
                    say(format!("status {}\n{}", ended.status, ended.stderr));
                    break;
                }
                let seen = (case.look)(&project).join(",");
                if seen != case.seen[round] {
                    say(format!("`{seen}` and not `{}`\n{}", case.seen[round], ended.stderr));
                }
            }
        }
        let left = project.left_behind();
        if !left.is_empty() {
            wrong.push(format!("{}: {left:?} is left behind", case.key));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_key_does_what_it_says_on_duckdb() {
    try_all(Project::on_duckdb, On::DuckDb);
}

#[test]
fn every_key_does_what_it_says_on_postgres() {
    try_all(Project::on_postgres, On::Postgres);
}

/// The program's list of keys is what the table is held against.
#[test]
fn every_key_has_a_case() {
    let reference = key_reference();
    let (_, table) = reference.iter().find(|(name, _)| *name == "configuration").unwrap();
    let works = |line: &&str| line.starts_with("| `") && !line.contains("**not yet**");
    let keys: BTreeSet<&str> = table.lines().filter(works).map(|line| line.split('`').nth(1).unwrap()).collect();
    assert!(keys.len() > 30, "{keys:?}");
    // What belongs to snapshots is about rows over time, and is tried out there.
    let of_snapshots = ["check_cols", "hard_deletes", "snapshot_meta_column_names", "strategy", "updated_at"];
    for key in of_snapshots {
        assert!(
            include_str!("snapshots.rs").contains(&format!("{key}:")),
            "tests/builds/snapshots.rs does not try `{key}`"
        );
    }
    // What it does not let happen is tried out there.
    assert!(include_str!("predicates.rs").contains("incremental_predicates:"));
    let elsewhere = of_snapshots.into_iter().chain(["incremental_predicates"]);
    let tried: BTreeSet<&str> = cases().iter().map(|case| case.key).chain(elsewhere).collect();
    let without: Vec<&&str> = keys.difference(&tried).collect();
    assert!(without.is_empty(), "tests/builds/keys.rs has no case for {without:?}");
    let gone: Vec<&&str> = tried.difference(&keys).collect();
    assert!(gone.is_empty(), "tests/builds/keys.rs tries {gone:?}, which do nothing");
}
