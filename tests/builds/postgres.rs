//! PostgreSQL as people use it: foreign tables, types of extensions, row level security, names of every kind.

use crate::{project::Project, support::postgres};
use std::os::unix::fs::PermissionsExt;

/// A project whose target has these settings.
fn project(settings: &str) -> Project {
    let project = Project::on_postgres();
    project.write(
        "suiro.yml",
        &format!("name: it\ntargets:\n  it: {{type: postgres, schema: core, threads: 4{settings}}}\nmodels: {{materialized: table}}\n"),
    );
    project
}

/// Carries out statements as the server's administrator.
fn administer(project: &Project, statements: &[&str]) {
    let mut admin = project.database.as_ref().unwrap().admin();
    for statement in statements {
        admin.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// A schema `ext` with the type `citext`, a schema `raw` with what these statements make in it, and the right to read all.
fn with_citext(project: &Project, more: &[&str]) {
    let role = postgres::ROLE;
    let before = ["create schema ext", "create extension citext schema ext", "create schema raw"];
    administer(project, &[&before, more].concat());
    administer(
        project,
        &[
            &format!("grant usage on schema ext, raw to {role}"),
            &format!("grant select on all tables in schema raw to {role}"),
        ],
    );
}

/// A table of another database is a source like any other, and so is a file that the server reads.
#[test]
fn foreign_tables_are_sources() {
    let project = project("");
    let file = project.path().join("rates.csv");
    project.write("rates.csv", "code,rate\nEUR,1.5\n");
    let options = project.database.as_ref().unwrap().options();
    let (host, port) = (options.host.unwrap_or_default(), options.port.unwrap_or_default());
    let (name, role) = (&project.database.as_ref().unwrap().name, postgres::ROLE);
    administer(
        &project,
        &[
            "create extension postgres_fdw schema pg_catalog",
            "create extension file_fdw schema pg_catalog",
            "create schema far",
            "create table far.orders as select 1 as id, 'EUR' as code",
            &format!("grant usage on schema far to {role}; grant select on far.orders to {role}"),
            &format!(
                "create server loop foreign data wrapper postgres_fdw options (host '{host}', port '{port}', dbname '{name}')"
            ),
            &format!("create user mapping for {role} server loop options (user '{role}', password_required 'false')"),
            "create server files foreign data wrapper file_fdw",
            "create schema raw",
            "create foreign table raw.orders (id integer, code text) server loop options (schema_name 'far', table_name 'orders')",
            &format!(
                "create foreign table raw.rates (code text, rate numeric) server files options (filename '{}', format 'csv', header 'true')",
                file.display()
            ),
            &format!("grant usage on schema raw to {role}; grant select on all tables in schema raw to {role}"),
        ],
    );
    // A location is for DuckDB; here the table of that name is read.
    project.write(
        "models/raw.yml",
        "sources: [{name: raw, tables: [{name: orders}, {name: rates, location: rates.csv}]}]\n",
    );
    project.models(&[("joined", "select o.id, rate from raw.orders as o join rates on rates.code = o.code")]);
    project.write("models/seen.sql", "{{ config(materialized='view') }}select id from raw.orders");
    // The server reads files as the user it runs as.
    std::fs::set_permissions(project.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    project.build(&[]);
    project.build(&[]);
    assert_eq!(project.rows("select id, rate from core.joined"), ["1|1.5"]);
    assert_eq!(project.value("select id from core.seen"), "1");
}

/// Types and operators of extensions are found where `settings` says; relations are not looked for there.
#[test]
fn types_of_extensions() {
    let project = project(", settings: {search_path: ext}");
    let role = postgres::ROLE;
    administer(
        &project,
        &[
            "create schema ext",
            "create extension citext schema ext",
            "create extension hstore schema ext",
            &format!("grant usage on schema ext to {role}"),
            "create table ext.decoy as select 'never read' as name",
            &format!("grant select on ext.decoy to {role}"),
            "create schema raw",
            "create table raw.people (name ext.citext, more ext.hstore)",
            "insert into raw.people values ('Ann', 'a=>1'), ('BEN', 'a=>2')",
            &format!("grant usage on schema raw to {role}; grant select on raw.people to {role}"),
        ],
    );
    project.write("models/raw.yml", "sources: [{name: raw, tables: [{name: people}]}]\n");
    project.models(&[
        ("people", "select name, more, more -> 'a' as a from raw.people"),
        ("found", "select a from core.people where name = 'aNN'"),
        ("cast_to", "select 'X'::citext = 'x' as same, 'k=>v'::ext.hstore -> 'k' as v"),
    ]);
    project.write("models/typed.csv", "name\nÉva\n");
    project.write("models/typed.yml", "seeds: [{name: typed, column_types: {name: citext}}]\n");
    project.build(&[]);
    project.build(&[]);
    assert_eq!(project.rows("select a from core.found"), ["1"]);
    assert_eq!(project.value("select same, v from core.cast_to"), "t|v");
    let kind = "select udt_schema, udt_name from information_schema.columns where table_schema = 'core' and column_name = 'name' order by table_name";
    assert_eq!(project.rows(kind), ["ext|citext", "ext|citext"]);
    // A name that is no model is an error, wherever the search path would lead.
    project.models(&[("lost", "select name from decoy")]);
    assert!(project.build_fails(1).contains("E0302"));
}

/// Without its schema on the search path, a type's own operators would silently give way to those of another type.
#[test]
fn operators_that_are_not_found_are_named() {
    let project = project("");
    with_citext(
        &project,
        &["create table raw.people (id int, name ext.citext)", "insert into raw.people values (1, 'Ann'), (2, 'BEN')"],
    );
    project.write("models/raw.yml", "sources: [{name: raw, tables: [{name: people}]}]\n");
    // What means the same either way is built: a column as it is, groups, which go by the type itself, a cast.
    project.models(&[
        ("people", "select id, name from raw.people"),
        ("names", "select name, count(*) as n, max(id) as id from raw.people where id > 0 group by name"),
        ("as_text", "select id from core.people where name::text = 'Ann'"),
    ]);
    project.build(&[]);
    for (sql, way) in [
        ("select id from core.people where name = 'aNN'", "="),
        ("select one.id from core.people as one join core.people as other on one.name = other.name", "join"),
        ("select id from core.people where name in ('ann', 'ben')", "in"),
        ("select id, replace(name, 'a', 'b') as b from raw.people", "function"),
        ("select id from core.people order by name like 'a%'", "like"),
    ] {
        project.models(&[("found", sql)]);
        let printed = project.build_fails(66);
        assert!(printed.contains("E0612") && printed.contains("settings: {search_path: ext}"), "{way}: {printed}");
        assert!(printed.contains("models/found.sql"), "{way}: {printed}");
    }
    assert_eq!(project.left_behind(), Vec::<String>::new());
    project.configure_target("threads: 4, settings: {search_path: ext}", "");
    project.models(&[("found", "select id from core.people where name = 'aNN'")]);
    project.build(&[]);
    assert_eq!(project.rows("select id from core.found"), ["1"]);
}

/// What suiro itself compares: keys of increments, of snapshots and of tables that stay, values in tests.
#[test]
fn keys_and_tests_whose_operators_are_not_found_are_named() {
    let project = project("");
    with_citext(
        &project,
        &[
            "create domain raw.email as ext.citext",
            "create table raw.people (id int, name ext.citext, mail raw.email)",
            "insert into raw.people values (1, 'Ann', 'a@x'), (2, 'BEN', 'b@x')",
        ],
    );
    let changed = "update raw.people set name = 'ANN' where id = 1";
    project.write("models/raw.yml", "sources: [{name: raw, tables: [{name: people}]}]\n");
    let hint = "settings: {search_path: ext}";
    let refused = |what: &str| {
        let ended = project.suiro(&["build", "--force"]);
        assert_eq!(ended.status, 66, "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains("E0612") && ended.stderr.contains(hint), "{what}: {}", ended.stderr);
    };
    let path = |search_path: &str| {
        project.configure_target(&format!("threads: 4{search_path}"), "");
    };
    for (name, config, sql) in [
        ("merged", "materialized: incremental\nunique_key: name", "select name, id from raw.people"),
        (
            "replaced",
            "materialized: incremental\nunique_key: name\nincremental_strategy: delete_insert",
            "select name, id from raw.people",
        ),
        ("mailed", "materialized: incremental\nunique_key: mail", "select mail, id from raw.people"),
        (
            "kept",
            "materialized: snapshot\nunique_key: id\nstrategy: check\ncheck_cols: all",
            "select id, name from raw.people",
        ),
    ] {
        path("");
        project.models(&[(name, &format!("/*---\n{config}\non_definition_change: forward\n---*/\n{sql}"))]);
        project.build(&[]);
        let before = project.rows(&format!("select * from core.{name} order by id"));
        administer(&project, &[changed]);
        refused(name);
        assert_eq!(project.rows(&format!("select * from core.{name} order by id")), before);
        assert_eq!(project.left_behind(), Vec::<String>::new());
        path(", settings: {search_path: ext}");
        project.build(&["--force"]);
        assert_eq!(project.value(&format!("select count(*) from core.{name}")), "2", "{name}: one row of each key");
        administer(&project, &["update raw.people set name = 'Ann' where id = 1"]);
        std::fs::remove_file(project.path().join(format!("models/{name}.sql"))).unwrap();
    }
    // Other columns of such a type do not matter to a key of another one.
    path("");
    project.models(&[(
        "by_id",
        "/*---\nmaterialized: incremental\nunique_key: id\n---*/\nselect id, name from raw.people",
    )]);
    project.build(&[]);
    administer(&project, &[changed]);
    project.build(&["--force"]);
    assert_eq!(project.rows("select id, name from core.by_id order by id"), ["1|ANN", "2|BEN"]);
    // Tests, on what is built, on what stands published, and without a build.
    project.models(&[("people", "select id, name from raw.people"), ("names", "select name from raw.people")]);
    for (test, is_right) in [
        ("unique", true),
        ("not_null", true),
        ("{accepted_values: {values: [ann, ben]}}", false),
        ("{relationships: {to: names, field: name}}", false),
        ("{expression: {expression: \"<> 'ann'\"}}", false),
    ] {
        project.write(
            "models/all.yml",
            &format!("models: [{{name: people, columns: [{{name: name, tests: [{test}]}}]}}]\n"),
        );
        if is_right {
            project.build(&["--force"]);
            assert_eq!(project.suiro(&["test"]).status, 0, "{test}");
            continue;
        }
        refused(test);
        let ended = project.suiro(&["test"]);
        assert_eq!(ended.status, 66, "{test}: {}", ended.stderr);
        assert!(ended.stderr.contains("E0612") && ended.stderr.contains(hint), "{test}: {}", ended.stderr);
    }
    path(", settings: {search_path: ext}");
    project.write("models/all.yml", "models: [{name: people, columns: [{name: name, tests: [{accepted_values: {values: [ann, ben]}}, {relationships: {to: names, field: name}}]}]}]\n");
    project.build(&["--force"]);
    assert_eq!(project.suiro(&["test"]).status, 0);
}

/// A table that stays where it is, because somebody refers to it, by a key of such a type.
#[test]
fn keys_of_tables_that_stay_are_named() {
    let project = project("");
    with_citext(&project, &[]);
    let model = |name: &str| {
        format!(
            "/*---\nconstraints: [{{type: primary_key, columns: [name]}}]\n---*/\nselect cast('{name}' as ext.citext) as name, 1 as n"
        )
    };
    project.models(&[("t", &model("Ann"))]);
    project.build(&[]);
    project.execute(&["create schema other", "create table other.r (name ext.citext references core.t)"]);
    project.models(&[("t", &model("ANN"))]);
    let printed = project.build_fails(66);
    assert!(printed.contains("E0612") && printed.contains("settings: {search_path: ext}"), "{printed}");
    assert_eq!(project.value("select name from core.t"), "Ann");
    project.configure_target("threads: 4, settings: {search_path: ext}", "");
    project.build(&[]);
    assert_eq!(project.value("select name from core.t"), "ANN");
}

/// A build sees what its role may see, and nothing says otherwise.
#[test]
fn row_level_security_of_sources() {
    let project = project("");
    let role = postgres::ROLE;
    administer(
        &project,
        &[
            "create schema raw",
            "create table raw.orders as select id, case when id < 3 then 'open' else 'secret' end as level from generate_series(1, 5) as id",
            "alter table raw.orders enable row level security",
            &format!("create policy mine on raw.orders to {role} using (level = 'open')"),
            &format!("grant usage on schema raw to {role}; grant select on raw.orders to {role}"),
        ],
    );
    project.write("models/raw.yml", "sources: [{name: raw, tables: [{name: orders}]}]\n");
    project.models(&[("counted", "select count(*) as n from orders")]);
    project.build(&[]);
    assert_eq!(project.value("select n from core.counted"), "2");
}

/// Policies that hooks make belong to the new version, from the moment that it is published, time and again.
#[test]
fn row_level_security_of_models() {
    let project = project("");
    let stranger = postgres::STRANGER;
    project.write(
        "models/orders.sql",
        &format!(
            "/*---\npost_hook:\n  - alter table {{{{ this }}}} enable row level security\n  - \"create policy readers on {{{{ this }}}} for select to {stranger} using (id < 3)\"\ngrants: {{select: [{stranger}]}}\n---*/\nselect id from generate_series(1, 5) as id"
        ),
    );
    project.models(&[("total", "select count(*) as n from orders")]);
    for _ in 0..3 {
        project.build(&[]);
        administer(&project, &[&format!("grant usage on schema core to {stranger}")]);
        // The owner sees everything, also the models that read it.
        assert_eq!(project.value("select n from core.total"), "5");
        let rows =
            project.database.as_ref().unwrap().stranger().query("select count(*) from core.orders", None).unwrap();
        assert_eq!(rows.rows[0][0].as_deref(), Some("2"));
    }
    assert_eq!(project.left_behind(), Vec::<String>::new());
    // One that no hook makes is kept beside them.
    administer(&project, &["create policy \"by hand\" on core.orders as restrictive using (id < 2)"]);
    for _ in 0..2 {
        project.build(&["--force"]);
        let seen = "select count(*) from core.orders";
        let rows = project.database.as_ref().unwrap().stranger().query(seen, None).unwrap();
        assert_eq!(rows.rows[0][0].as_deref(), Some("1"));
        assert_eq!(project.rows("select polname from pg_policy order by 1"), ["by hand", "readers"]);
    }
}

/// Kanji, capitals, reserved words, quotes and dots, as schemas, relations, columns, seeds, sources and instances.
#[test]
fn names_of_every_kind() {
    let project = project("");
    let role = postgres::ROLE;
    administer(
        &project,
        &[
            "create schema \"Order\"",
            "create table \"Order\".\"table\" (\"select\" integer, \"Größe\" text, \"a.b\" integer)",
            "insert into \"Order\".\"table\" values (1, 'x', 2)",
            &format!("grant usage on schema \"Order\" to {role}; grant select on \"Order\".\"table\" to {role}"),
        ],
    );
    project.write("models/raw.yml", "sources: [{name: Order, tables: [{name: table, columns: [{name: select, data_type: integer}, {name: Größe, data_type: text}, {name: a.b, data_type: integer}]}]}]\n");
    project.write("models/注文.csv", "番号,User\n1,a\n");
    project.write("models/user.sql", "{{ config(schema='Group By', alias='end') }}select {{ star('Order.table', except='a.b') }} from \"Order\".\"table\"");
    project.write("models/per.sql", "/*---\ninstances: [{name: 東京}, {name: \"O'Hara\"}]\nalias: \"{{ instance.name }}\"\n---*/\nselect 番号, \"User\", {{ instance.name | literal }} as \"where\" from 注文");
    project.models(&[
        ("both", "select t.\"Größe\", \"東京\".\"where\" as a, o.\"where\" as b from \"Group By\".\"end\" as t, 東京, \"O'Hara\" as o"),
        ("DESC", "{{ config(materialized='view') }}select \"a.b\" as \"A.B\" from {{ source('Order', 'table') }}"),
    ]);
    project.build(&[]);
    project.build(&[]);
    assert_eq!(project.rows("select * from core.both"), ["x|東京|O'Hara"]);
    assert_eq!(project.rows("select \"A.B\" from core.\"DESC\""), ["2"]);
    assert_eq!(project.rows("select * from \"Group By\".\"end\""), ["1|x"]);
}

/// Another database cannot be reached from a query, and the message says so.
#[test]
fn other_databases_are_refused() {
    let project = project("");
    project.models(&[("far", "select id from other.core.orders")]);
    let printed = project.build_fails(1);
    assert!(printed.contains("E0313") && printed.contains("postgres_fdw"), "{printed}");
    let project = project_with_dbname();
    let name = &project.database.as_ref().unwrap().name;
    project.execute(&["create schema raw", "create table raw.t as select 1 as n"]);
    project.write(
        "models/raw.yml",
        &format!("sources:\n  - {{name: raw, database: {name}, tables: [{{name: t}}]}}\n  - {{name: crm, database: elsewhere, tables: [{{name: t}}]}}\n"),
    );
    project.models(&[("own", "select n from raw.t"), ("three", &format!("select n from {name}.raw.t"))]);
    let printed = project.build_fails(1);
    assert!(
        printed.contains("E0313") && printed.contains("`elsewhere`") && printed.contains("models/raw.yml:3:"),
        "{printed}"
    );
    assert_eq!(project.value("select n from core.own"), "1");
}

fn project_with_dbname() -> Project {
    let project = Project::on_postgres();
    let name = project.database.as_ref().unwrap().name.clone();
    project.write(
        "suiro.yml",
        &format!("name: it\ntargets: {{it: {{type: postgres, schema: core, dbname: {name}}}}}\nmodels: {{materialized: table}}\n"),
    );
    project
}
