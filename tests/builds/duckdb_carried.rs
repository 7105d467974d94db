//! What people gave to a published relation in DuckDB: its next version has it, too.

use crate::project::Project;

fn write(project: &Project, version: u32) {
    project.models(&[
        (
            "t",
            &format!("select range as id, {version} as version, 'n' || range as \"Näme 1\", 3 as spare from range(3)"),
        ),
        ("v", &format!("/*--- {{materialized: view}} ---*/ select {version} as version, id from t")),
    ]);
}

/// Carries out the statements, asks, publishes new versions twice, and asks again each time.
fn survives(make: &[&str], query: &str) -> Project {
    let project = Project::on_duckdb();
    write(&project, 1);
    project.build(&[]);
    project.execute(make);
    let before = project.rows(query);
    assert!(!before.is_empty(), "{make:?}");
    for version in 2..4 {
        write(&project, version);
        project.build(&[]);
        assert_eq!(project.rows(query), before, "{make:?}");
        assert_eq!(
            project.value("select distinct t.version || '|' || v.version from core.t join core.v using (id)"),
            format!("{version}|{version}")
        );
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
    project
}

#[test]
fn comments() {
    survives(
        &[
            "comment on column core.t.\"Näme 1\" is 'a ''name'''",
            "comment on column core.v.id is 'of a view'",
            "comment on table core.t is 'what\nit is\nsuiro: it core.t'",
            "comment on view core.v is 'a view\nsuiro: it core.v'",
        ],
        "select table_name, column_name, comment from duckdb_columns() where schema_name = 'core' and comment is not null union all select '', table_name, comment from duckdb_tables() where schema_name = 'core' union all select '', view_name, comment from duckdb_views() where schema_name = 'core' order by all",
    );
}

#[test]
fn indexes() {
    let project = survives(
        &[
            "create unique index \"by (Näme) on x\" on core.t (\"Näme 1\", id)",
            "create index summed on core.t ((id + spare))",
            "comment on index core.\"by (Näme) on x\" is 'fast'",
        ],
        "select index_name, is_unique, expressions, comment from duckdb_indexes() where schema_name = 'core' order by all",
    );
    // On a column that goes away, nothing is left.
    project.models(&[("t", "select 1 as id, 4 as version, 'x' as \"Näme 1\"")]);
    project.build(&[]);
    assert_eq!(project.rows("select index_name from duckdb_indexes()"), ["by (Näme) on x"]);
}

#[test]
fn constraints_and_defaults() {
    survives(
        &[
            "alter table core.t add primary key (id)",
            "alter table core.t alter column version set not null",
            "alter table core.t alter column spare set default 7",
        ],
        "select column_name, is_nullable, column_default from duckdb_columns() where schema_name = 'core' and table_name = 't' union all select constraint_text, false, null from duckdb_constraints() where schema_name = 'core' and constraint_type = 'PRIMARY KEY' order by all",
    );
}

/// Indexes that files name come from the files, or not at all.
#[test]
fn declared_indexes_go_with_their_declaration() {
    let project = Project::on_duckdb();
    let model =
        |properties: &str| project.models(&[("t", &format!("/*---\n{properties}\n---*/\nselect 1 as id, 2 as n"))]);
    model("indexes: [{columns: [n], name: declared}, {columns: [id], name: changed}]");
    project.build(&[]);
    project.execute(&["create index by_hand on core.t (id)"]);
    model("indexes: [{columns: [n, id], name: changed}]");
    project.build(&[]);
    assert_eq!(
        project.rows("select index_name, expressions from duckdb_indexes() order by 1"),
        ["by_hand|[id]", "changed|[n, id]"]
    );
}

/// A foreign key between tables of a schema cannot be bound again in DuckDB.
#[test]
fn a_foreign_key_by_hand_is_named() {
    let project = Project::on_duckdb();
    project.models(&[("t", "/*--- {constraints: [{type: primary_key, columns: [id]}]} ---*/ select 1 as id")]);
    project.build(&[]);
    project.execute(&["create table core.lines (id integer references core.t (id))"]);
    let printed = project.force_fails(66);
    assert!(printed.contains("E0606") && printed.contains("core.lines"), "{printed}");
    assert_eq!(project.value("select id from core.t"), "1");
}
