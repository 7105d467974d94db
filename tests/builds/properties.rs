//! What a relation has besides its rows: comments, indexes, constraints, rights, storage, hooks.

use crate::{on_both_engines, project::Project};

on_both_engines! {
    /// Descriptions become comments, on tables, views and seeds, and stay through a second build; the mark is below them.
    fn descriptions_become_comments(project) {
        project.configure("seeds: {persist_docs: {relation: true, columns: true}}");
        project.write("models/all.yml", "models:\n  - name: t\n    description: \"all 'orders'\\nin two lines\"\n    config: {persist_docs: {relation: true, columns: true}}\n    columns: [{name: n, description: 数}, {name: gone, description: not there}]\n  - name: v\n    description: a view\n    config: {materialized: view, persist_docs: {relation: true, columns: true}}\n    columns: [{name: n, description: also 数}]\nseeds:\n  - name: s\n    description: a seed\n    columns: [{name: a, description: first}]\n");
        project.write("models/s.csv", "a,b\n1,2\n");
        project.models(&[("t", "select 1 as n"), ("v", "select n from t")]);
        let duck = project.database.is_none();
        let comments = |what: &str| if duck {
            project.value(&format!("select comment from (select comment, table_name as name from duckdb_tables() union all select comment, view_name from duckdb_views()) where name = '{what}'"))
        } else {
            project.value(&format!("select pg_catalog.obj_description('core.{what}'::pg_catalog.regclass, 'pg_class')"))
        };
        let column = |what: &str, column: &str| if duck {
            project.value(&format!("select comment from duckdb_columns() where table_name = '{what}' and column_name = '{column}'"))
        } else {
            project.value(&format!("select pg_catalog.col_description(attrelid, attnum) from pg_catalog.pg_attribute where attrelid = 'core.{what}'::pg_catalog.regclass and attname = '{column}'"))
        };
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(comments("t"), "all 'orders'\nin two lines\nsuiro: it core.t");
            assert_eq!(comments("v"), "a view\nsuiro: it core.v");
            assert_eq!(comments("s"), "a seed\nsuiro: it core.s");
            assert_eq!([column("t", "n"), column("v", "n"), column("s", "a")], ["数", "also 数", "first"]);
        }
    }

    /// Indexes stand under their own names after every build, also of names that need quotes, and on incremental models.
    fn indexes_are_there_after_every_build(project) {
        project.models(&[
            ("t", "/*---\nindexes:\n  - columns: [id]\n    unique: true\n    name: t_by_id\n  - columns: [\"注文 番号\", Select]\n---*/\nselect 1 as id, 2 as \"注文 番号\", 3 as \"Select\""),
            ("i", "/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: id\nindexes: [{columns: [id], name: i_by_id}]\n---*/\nselect 1 as id"),
        ]);
        let duck = project.database.is_none();
        let names = || project.rows(if duck {
            "select table_name, is_unique, index_name from duckdb_indexes() order by 1, 2 desc"
        } else {
            "select c.relname, i.indisunique, x.relname from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indrelid join pg_catalog.pg_class as x on x.oid = i.indexrelid where c.relnamespace = 'core'::pg_catalog.regnamespace order by 1, 2 desc"
        });
        let mut before = Vec::new();
        for _ in 0..3 {
            project.build(&[]);
            let found = names();
            assert_eq!(found.len(), 3, "{found:?}");
            assert!(found[0].ends_with("|i_by_id") && found[1].ends_with("|t_by_id") && found[2].contains("t_注文 番号_Select"), "{found:?}");
            assert!(before.is_empty() || before == found, "{before:?} {found:?}");
            before = found;
        }
    }

    /// Constraints hold: rows that break one keep the old version.
    fn constraints_hold(project) {
        let model = |sql: &str| format!("/*---\nconstraints:\n  - {{type: primary_key, columns: [id]}}\n  - {{type: check, expression: amount > 0, name: positive}}\ncolumns:\n  - {{name: name, constraints: [{{type: not_null}}, {{type: unique}}]}}\n---*/\n{sql}");
        project.models(&[("t", &model("select 1 as id, 5 as amount, 'a' as name"))]);
        for _ in 0..2 {
            project.build(&[]);
        }
        for broken in [
            "select 1 as id, 5 as amount, 'a' as name union all select 1, 5, 'b'",
            "select 1 as id, 0 as amount, 'a' as name",
            "select 1 as id, 1 as amount, cast(null as varchar(9)) as name",
            "select 1 as id, 5 as amount, 'a' as name union all select 2, 5, 'a'",
        ] {
            project.models(&[("t", &model(broken))]);
            let printed = project.build_fails(66);
            assert!(printed.contains("`t` could not be built") && !printed.contains("__suiro"), "{printed}");
            assert_eq!(project.rows("select id, amount, name from core.t"), ["1|5|a"]);
            assert_eq!(project.left_behind(), Vec::<String>::new());
        }
        let refused = |sql: &str| {
            let answer = project.connect().execute(sql);
            assert!(answer.is_err(), "{sql}");
        };
        refused("insert into core.t values (2, -1, 'z')");
        refused("insert into core.t values (1, 1, 'z')");
    }

    /// Hooks run around what they belong to, see its relation, and are undone with it.
    fn hooks_run_in_the_transaction_that_they_surround(project) {
        project.execute(&["create schema core", "create table core.log (what varchar(99))"]);
        let log = |what: &str| format!("insert into core.log select '{what} ' || count(*) from {{{{ this }}}}");
        project.configure("on_run_start: [\"insert into core.log values ('start')\"]\non_run_end: insert into core.log values ('end')");
        project.models(&[
            ("t", &format!("/*---\npre_hook: insert into core.log values ('before t')\npost_hook:\n  - \"{}\"\n  - sql: insert into core.log values ('outside t'); insert into core.log values ('again; t')\n    transaction: false\n---*/\nselect 1 as n", log("after t"))),
            ("v", &format!("/*---\nmaterialized: view\npost_hook: \"{}\"\n---*/\nselect n from t", log("after v"))),
            ("i", &format!("/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: n\npost_hook: \"{}\"\n---*/\n{{% if is_incremental() %}} select 2 as n {{% else %}} select 1 as n {{% endif %}}", log("after i"))),
        ]);
        let logged = || project.rows("select what from core.log order by what");
        project.build(&[]);
        assert_eq!(logged(), ["after i 1", "after t 1", "after v 1", "again; t", "before t", "end", "outside t", "start"]);
        project.execute(&["delete from core.log"]);
        project.build(&["--force", "--select", "i"]);
        assert_eq!(logged(), ["after i 2", "end", "start"]);
        project.execute(&["delete from core.log"]);
        project.models(&[("t", "/*---\npre_hook: insert into core.log values ('undone')\npost_hook: select nosuch from core.log\n---*/\nselect 2 as n")]);
        let ended = project.suiro(&["build", "--select", "t"]);
        assert_eq!(ended.status, 66);
        assert!(ended.stderr.contains("post_hook"), "{}", ended.stderr);
        assert_eq!(logged(), ["end", "start"]);
        assert_eq!(project.value("select n from core.t"), "1");
    }

    /// The schemas of a run are there before its first hook.
    fn schemas_are_there_before_the_first_hook(project) {
        project.configure("on_run_start: create table if not exists core.log (what varchar(9))\non_run_end: insert into core.log values ('end')");
        project.models(&[("t", "select 1 as n")]);
        for _ in 0..2 {
            project.build(&["--force"]);
        }
        assert_eq!(project.rows("select what from core.log"), ["end", "end"]);
    }

    /// Keys that cannot work are said with a place.
    fn wrong_properties_are_errors(project) {
        project.models(&[
            ("a", "/*---\nindexes: [{colums: [id]}]\n---*/\nselect 1 as id"),
            ("b", "/*---\nconstraints: [{type: uniq, columns: [id]}]\n---*/\nselect 1 as id"),
            ("c", "/*---\nmaterialized: view\nindexes: [{columns: [id]}]\n---*/\nselect 1 as id"),
            ("d", "/*---\nconstraints: [{type: check}]\n---*/\nselect 1 as id"),
            ("e", "/*---\npost_hook: \"vacuum {{ ref('nosuch') }}\"\n---*/\nselect 1 as id"),
        ]);
        let printed = project.build_fails(1);
        for expected in ["did you mean `columns`?", "did you mean `unique`?", "`indexes` has no effect here: the model is a view", "a check needs an `expression`", "`nosuch` for the hook"] {
            assert!(printed.contains(expected), "{expected}: {printed}");
        }
        assert_eq!(project.value("select id from core.c"), "1");
    }
}

/// A role to grant to.
fn reader(project: &Project, name: &str) -> String {
    let database = project.database.as_ref().unwrap();
    let role = format!("reader_{name}_{}", std::process::id());
    database.admin().execute(&format!("create role \"{role}\"")).unwrap();
    role
}

#[test]
fn grants_are_given_kept_and_taken_away() {
    let project = Project::on_postgres();
    let (one, two) = (reader(&project, "one"), reader(&project, "Zwei"));
    let may = |role: &str, relation: &str, right: &str| {
        project.value(&format!("select pg_catalog.has_table_privilege('{role}', 'core.{relation}', '{right}')"))
    };
    for materialized in ["table", "view", "incremental"] {
        let model = |grants: &str| {
            format!("/*---\nmaterialized: {materialized}\nunique_key: n\ngrants: {grants}\n---*/\nselect 1 as n")
        };
        project.models(&[(materialized, &model(&format!("{{select: [\"{two}\"]}}")))]);
        project.build(&["--select", materialized]);
        assert_eq!(
            [may(&one, materialized, "select"), may(&two, materialized, "select")],
            ["f", "t"],
            "{materialized}"
        );
        project.execute(&[&format!("grant insert on core.{materialized} to \"{one}\"")]);
        project.build(&["--select", materialized]);
        assert_eq!(
            [may(&one, materialized, "insert"), may(&two, materialized, "select")],
            ["t", "t"],
            "{materialized}"
        );
        project.models(&[(materialized, &model(&format!("{{mode: exact, select: [\"{one}\", public]}}")))]);
        project.build(&["--select", materialized]);
        assert_eq!(
            [may(&one, materialized, "insert"), may(&one, materialized, "select"), may(&two, materialized, "select")],
            ["f", "t", "t"],
            "{materialized}"
        );
        project.models(&[(materialized, &model(&format!("{{mode: exact, select: [\"{one}\"]}}")))]);
        project.build(&["--select", materialized]);
        assert_eq!(
            [may(&one, materialized, "select"), may(&two, materialized, "select")],
            ["t", "f"],
            "{materialized}"
        );
    }
    project.models(&[("wrong", "/*---\ngrants: {selct: [x]}\n---*/\nselect 1 as n")]);
    let ended = project.suiro(&["build", "--select", "wrong"]);
    assert!(ended.status == 1 && ended.stderr.contains("did you mean `select`?"), "{}", ended.stderr);
}

#[test]
fn storage_of_postgres_is_as_configured() {
    let project = Project::on_postgres();
    project.models(&[
        ("u", "/*---\nunlogged: true\nstorage: {fillfactor: 70, toast.autovacuum_enabled: false}\ntablespace: pg_default\n---*/\nselect 1 as n, repeat('x', 9) as t"),
        ("i", "/*---\nunlogged: true\nmaterialized: incremental\non_definition_change: forward\nunique_key: n\nstorage: {fillfactor: 50}\n---*/\nselect 1 as n"),
    ]);
    for _ in 0..2 {
        project.build(&[]);
        let found = project.rows("select relname, relpersistence, reloptions from pg_catalog.pg_class where relnamespace = 'core'::pg_catalog.regnamespace and relkind = 'r' order by 1");
        assert_eq!(found, ["i|u|{fillfactor=50}", "u|u|{fillfactor=70}"]);
    }
}

#[test]
fn partitioned_tables_are_replaced_as_one() {
    let project = Project::on_postgres();
    let model = |n: u32| {
        format!(
            "/*---\npartition_by:\n  method: range\n  columns: [day]\n  partitions:\n    - {{name: t_2025, from: \"2025-01-01\", to: \"2026-01-01\"}}\n    - {{from: \"2026-01-01\", to: \"2027-01-01\"}}\nindexes: [{{columns: [day]}}]\n---*/\nselect date '2025-05-05' as day, {n} as n union all select date '2026-06-06', {n} union all select date '1999-01-01', {n}"
        )
    };
    let by_list = "/*---\npartition_by: {method: list, columns: [k], partitions: [{name: l_ab, values: [a, b]}]}\n---*/\nselect 'a' as k union all select 'z'";
    project.models(&[("t", &model(1)), ("l", by_list), ("h", "/*---\npartition_by: {method: hash, columns: [k], partitions: [{modulus: 2, remainder: 0}, {modulus: 2, remainder: 1}]}\n---*/\nselect 'a' as k"), ("v", "/*--- {materialized: view} ---*/ select n from t")]);
    project.build(&[]);
    for n in 2..4 {
        project.models(&[("t", &model(n))]);
        project.build(&[]);
        assert_eq!(project.rows("select n from core.t"), [n.to_string(), n.to_string(), n.to_string()]);
        assert_eq!(project.value("select n from core.t_2025"), n.to_string());
        assert_eq!(project.value("select count(*) from core.v"), "3");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
    project.models(&[("t", "select 9 as n")]);
    project.build(&[]);
    assert_eq!(project.rows("select n from core.t"), ["9"]);
    assert_eq!(project.rows("select relname from pg_catalog.pg_class where relname = 't_2025'"), Vec::<String>::new());
}

#[test]
fn foreign_keys_between_models_are_replaced_together() {
    let project = Project::on_postgres();
    project.models(&[
        ("parent", "/*---\nconstraints: [{type: primary_key, columns: [id]}]\n---*/\nselect 1 as id"),
        ("child", "/*---\nconstraints: [{type: foreign_key, columns: [parent_id], to: ref('parent'), to_columns: [id]}]\n---*/\nselect 1 as parent_id"),
    ]);
    for _ in 0..3 {
        project.build(&["--force"]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
        assert!(project.connect().execute("insert into core.child values (7)").is_err());
    }
    // Alone it stays where it is, for the other's key refers to it.
    let oid = project.value("select 'core.parent'::regclass::oid");
    project.build(&["--force", "--select", "parent"]);
    assert_eq!(project.value("select 'core.parent'::regclass::oid"), oid);
    project.models(&[("child", "/*---\nconstraints: [{type: foreign_key, columns: [parent_id], to: parent, to_columns: [id]}]\n---*/\nselect 2 as parent_id")]);
    let printed = project.build_fails(66);
    assert!(printed.contains("child"), "{printed}");
}

#[test]
fn materialized_views_are_swapped_like_tables() {
    let project = Project::on_postgres();
    let role = reader(&project, "mv");
    let view = |sql: &str| format!("/*--- {{materialized: view}} ---*/ {sql}");
    let materialized = |sql: &str| {
        format!(
            "/*---\nmaterialized: materialized_view\nindexes: [{{columns: [n], unique: true}}]\ngrants: {{select: [\"{role}\"]}}\n---*/\n{sql}"
        )
    };
    project.models(&[
        ("t", "select 1 as n"),
        ("v", &view("select n + 10 as n from t")),
        ("m", &materialized("with x as (select n from v) select n from x")),
        ("r", &view("select n from m")),
    ]);
    for n in 1..4 {
        project.models(&[("t", &format!("select {n} as n"))]);
        project.build(&[]);
        assert_eq!(project.value("select n from core.r"), (n + 10).to_string());
        assert_eq!(
            project.value("select relkind from pg_catalog.pg_class where oid = 'core.m'::pg_catalog.regclass"),
            "m"
        );
        assert_eq!(project.value(&format!("select pg_catalog.has_table_privilege('{role}', 'core.m', 'select')")), "t");
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
    project.execute(&["refresh materialized view concurrently core.m"]);
    // Alone: what it was made from is published, and it is made from that again.
    project.build(&["--force", "--select", "m"]);
    // What it was made from is replaced with it, or stays where it is.
    project.build(&["--force"]);
    let planned = project.suiro(&["plan", "--force", "--select", "t"]).stdout;
    assert!(planned.contains("in place") && planned.contains("materialized view `core.m`"), "{planned}");
    project.build(&["--force", "--select", "t"]);
    project.execute(&["refresh materialized view concurrently core.m"]);
    assert_eq!(project.value("select n from core.r"), "13");
    // It becomes a table, and a materialized view again.
    project.models(&[("m", "select n from v")]);
    project.build(&[]);
    project.models(&[("m", &materialized("select n from v"))]);
    project.build(&[]);
    assert_eq!(project.value("select n from core.r"), "13");
}

#[test]
fn a_materialized_view_is_postgresqls_alone() {
    let project = Project::on_duckdb();
    project.models(&[("m", "/*--- {materialized: materialized_view} ---*/ select 1 as n")]);
    let printed = project.build_fails(1);
    assert!(
        printed.contains("E0206") && printed.contains("`materialized_view` exists on PostgreSQL only"),
        "{printed}"
    );
}
