//! Tables in PostgreSQL that stay where they are and get other rows, because of what is bound to them.

use crate::{
    project::Project,
    support::postgres::{ROLE, STRANGER},
};

/// A project whose table `t` cannot be swapped: a materialized view of somebody else's reads it.
fn held(sql: &str) -> Project {
    let project = Project::on_postgres();
    project.models(&[("t", sql)]);
    project.build(&[]);
    hold(&project);
    project
}

fn hold(project: &Project) {
    project.execute(&["create schema other", "create materialized view other.d as select count(*) from core.t"]);
}

fn oid(project: &Project) -> String {
    project.value("select 'core.t'::regclass::oid")
}

/// Rows by a key: only what differs is written, and the rows are exactly the new ones, whatever their types.
#[test]
fn by_key_only_what_differs_is_written() {
    let model = |rows: &str| {
        format!("/*--- {{unique_key: [a, b]}} ---*/ select * from (values {rows}) as v (a, b, doc, place, price)")
    };
    let project = held(&model(
        "(1, 'x', json '{\"a\": 1}', point '(1,2)', 1.0), (2, 'x', json '[1]', point '(0,0)', 2), (3, 'gone', null, null, null), (4, null, null, null, 4), (4, null, null, null, 4)",
    ));
    let physical = |a: u32| project.rows(&format!("select ctid from core.t where a = {a}"));
    let (same, oid_before) = (physical(2), oid(&project));
    project.models(&[("t", &model(
        "(1, 'x', json '{\"a\":1}', point '(1,2)', 1.00), (2, 'x', json '[1]', point '(0,0)', 2), (5, 'new', null, point '(3,4)', null), (4, null, null, null, 4), (4, null, null, null, 40)",
    ))]);
    project.build(&[]);
    assert_eq!(
        project.rows("select a, b, doc, place, price from core.t order by a, price"),
        [
            "1|x|{\"a\":1}|(1,2)|1.00",
            "2|x|[1]|(0,0)|2",
            "4|NULL|NULL|NULL|4",
            "4|NULL|NULL|NULL|40",
            "5|new|NULL|(3,4)|NULL"
        ]
    );
    assert_eq!((physical(2), oid(&project)), (same, oid_before));
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// A primary key or unique index of the table is found; NULL in a unique index tells nothing apart.
#[test]
fn keys_are_found() {
    for (make, key) in [
        ("alter table core.t add primary key (id)", "told apart by `id`"),
        ("create unique index on core.t (id, n)", "told apart by `id`, `n`"),
        ("create unique index on core.t (id) where id > 0", "written again"),
        ("create unique index on core.t (abs(id))", "written again"),
    ] {
        let project = held("select g as id, case when g > 2 then g end as n from generate_series(1, 4) as g");
        project.execute(&[make]);
        project.models(&[("t", "select g as id, case when g > 3 then g + 1 end as n from generate_series(2, 6) as g")]);
        let planned = project.suiro(&["plan"]).stdout;
        assert!(planned.contains(key), "{make}: {planned}");
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(
                project.rows("select * from core.t order by 1"),
                ["2|NULL", "3|NULL", "4|5", "5|6", "6|7"],
                "{make}"
            );
        }
    }
}

/// A `unique_key` that is not unique is no key.
#[test]
fn a_key_that_is_none_is_not_used() {
    let model =
        |n: u32| format!("/*--- {{unique_key: id}} ---*/ select id, {n} as n from (values (1), (1), (2)) as v (id)");
    let project = held(&model(1));
    for n in 2..4 {
        project.models(&[("t", &model(n))]);
        project.build(&[]);
        assert_eq!(
            project.rows("select * from core.t order by 1"),
            [format!("1|{n}"), format!("1|{n}"), format!("2|{n}")]
        );
    }
}

/// Values that trade places in a second unique index, and keys that are handed on.
#[test]
fn other_unique_values_may_be_handed_on() {
    let project = held("select * from (values (1, 'a'), (2, 'b'), (3, 'c')) as v (id, code)");
    project.execute(&["alter table core.t add primary key (id)", "create unique index on core.t (code)"]);
    project.models(&[("t", "select * from (values (1, 'b'), (2, 'a'), (4, 'c')) as v (id, code)")]);
    project.build(&[]);
    assert_eq!(project.rows("select * from core.t order by 1"), ["1|b", "2|a", "4|c"]);
}

/// A reader that began before the publish sees the old rows to its end, as rows are never taken from under it.
#[test]
fn an_older_snapshot_sees_the_old_rows() {
    for properties in ["tags: []", "unique_key: id"] {
        let model =
            |n: u32| format!("/*---\n{properties}\n---*/\nselect g as id, {n} as n from generate_series(1, 100) as g");
        let project = held(&model(1));
        let mut reader = project.connect();
        reader.execute("begin transaction isolation level repeatable read").unwrap();
        let mut seen = || reader.query("select count(*), min(n), max(n) from core.t", None).unwrap().rows;
        let before = seen();
        for n in 2..5 {
            project.models(&[("t", &model(n))]);
            project.build(&["--quiet"]);
            assert_eq!(seen(), before, "{properties}");
        }
        assert_eq!(project.value("select distinct n from core.t"), "4");
    }
}

/// Columns that come, go, or change their type, as long as nothing uses them.
#[test]
fn columns_that_nothing_uses_may_change() {
    let project = held("select 1 as id, 2 as n, 'x' as gone");
    let before = oid(&project);
    let columns = || {
        project.rows("select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'core.t'::regclass and attnum > 0 and not attisdropped order by 1")
    };
    for (sql, rows, types) in [
        (
            "select 1 as id, 2 as n, 'y' as gone, date '2026-01-01' as added",
            "1|2|y|2026-01-01",
            "added|date gone|text id|integer n|integer",
        ),
        ("select 1 as id, 3 as n", "1|3", "id|integer n|integer"),
        ("select 1 as id, cast(4.5 as numeric(5,1)) as n", "1|4.5", "id|integer n|numeric(5,1)"),
    ] {
        project.models(&[("t", sql)]);
        project.build(&[]);
        let order = sql.contains("added");
        assert_eq!(
            project.rows(if order { "select id, n, gone, added from core.t" } else { "select id, n from core.t" }),
            [rows]
        );
        assert_eq!((columns().join(" "), oid(&project)), (types.to_owned(), before.clone()));
    }
}

/// What files say reaches a table that stays: comments, indexes, constraints, rights; and leaves it when they say it no more.
#[test]
fn what_is_declared_reaches_a_table_that_stays() {
    let project = held("select 1 as id, 2 as n");
    project.execute(&["create index by_hand on core.t (n)"]);
    let before = oid(&project);
    project.write("models/t.yml", "models: [{name: t, columns: [{name: n, description: how many}]}]");
    let model =
        |properties: &str| project.models(&[("t", &format!("/*---\n{properties}\n---*/\nselect 1 as id, 2 as n"))]);
    model(&format!(
        "persist_docs: {{columns: true}}\nindexes: [{{columns: [id], name: declared}}]\nconstraints: [{{type: primary_key, columns: [id], name: pk}}, {{type: check, expression: n > 0, name: positive}}, {{type: not_null, columns: [n]}}]\ngrants: {{select: [{STRANGER}]}}"
    ));
    let all = || {
        project.rows(&format!("select indexname from pg_indexes where tablename = 't' union all select conname from pg_constraint where conrelid = 'core.t'::regclass union all select 'not null' from pg_attribute where attrelid = 'core.t'::regclass and attname = 'n' and attnotnull union all select description from pg_description where objoid = 'core.t'::regclass and objsubid = 2 union all select 'may read' where has_table_privilege('{STRANGER}', 'core.t', 'select') order by 1"))
    };
    for _ in 0..2 {
        project.build(&[]);
        assert_eq!(all(), ["by_hand", "declared", "how many", "may read", "not null", "pk", "pk", "positive"]);
    }
    model("indexes: [{columns: [id, n], name: declared}]");
    project.build(&[]);
    assert_eq!(
        project.value("select indexdef from pg_indexes where indexname = 'declared'"),
        "CREATE INDEX declared ON core.t USING btree (id, n)"
    );
    model("tags: []");
    project.build(&[]);
    assert_eq!(all(), ["by_hand", "how many", "may read", "not null"]);
    assert_eq!(oid(&project), before);
}

/// What a table computes by itself, or counts by itself, cannot be given to another one.
#[test]
fn what_a_table_makes_by_itself_keeps_it_where_it_is() {
    for (make, reason) in [
        (
            "alter table core.t alter column id set not null, alter column id add generated always as identity",
            "the identity of `id`",
        ),
        (
            "alter table core.t drop column n, add column n integer generated always as (id * 2) stored",
            "the generated column `n`",
        ),
        ("create sequence core.counted owned by core.t.id", "the sequence `core.counted` that belongs to it"),
    ] {
        let project = Project::on_postgres();
        project.models(&[("t", "select g as id, g * 2 as n from generate_series(1, 3) as g")]);
        project.build(&[]);
        project.execute(&[make]);
        let before = oid(&project);
        project.models(&[("t", "select g as id, g * 2 as n from generate_series(2, 5) as g")]);
        let planned = project.suiro(&["plan"]).stdout;
        assert!(planned.contains("it has ") && planned.contains(reason), "{planned}");
        project.build(&[]);
        assert_eq!(project.rows("select id, n from core.t order by 1"), ["2|4", "3|6", "4|8", "5|10"], "{make}");
        assert_eq!(oid(&project), before, "{make}");
    }
}

/// Rows that cannot be changed for sure are not changed.
#[test]
fn tables_whose_rows_cannot_be_changed_for_sure() {
    for (make, reason) in [
        (
            "alter table core.t enable row level security; alter table core.t force row level security",
            "row level security is forced",
        ),
        ("create rule r as on delete to core.t do instead nothing", "the rule `r` stands on it"),
    ] {
        let project = held("select 1 as id");
        project.execute(&make.split("; ").collect::<Vec<_>>());
        project.models(&[("t", "select 2 as id")]);
        let printed = project.build_fails(66);
        assert!(
            printed.contains("E0606") && printed.contains(reason) && printed.contains("materialized view `other.d`"),
            "{printed}"
        );
    }
    let project = held("select 1 as id");
    let mut admin = project.database.as_ref().unwrap().admin();
    admin.execute("create publication p for table core.t").unwrap();
    let printed = project.force_fails(66);
    assert!(printed.contains("the publication `p` needs a replica identity of it"), "{printed}");
    admin.execute("alter table core.t replica identity full").unwrap();
    project.build(&["--force"]);
}

/// Foreign keys between tables that both stay: rows come before what refers to them, and go after it.
#[test]
fn foreign_keys_between_tables_that_stay() {
    let project = Project::on_postgres();
    let write = |keys: &str| {
        project.models(&[
            ("t", &format!("/*--- {{constraints: [{{type: primary_key, columns: [id]}}]}} ---*/ select * from unnest(array[{keys}]) as u (id)")),
            ("a_child", &format!("/*--- {{unique_key: n}} ---*/ select row_number() over () as n, id from unnest(array[{keys}]) as u (id)")),
        ]);
    };
    write("1, 2");
    project.build(&[]);
    hold(&project);
    project.execute(&[
        "create materialized view other.e as select count(*) from core.a_child",
        "alter table core.a_child add foreign key (id) references core.t",
    ]);
    let before = oid(&project);
    write("2, 3, 4");
    let printed = project.build_fails(66);
    // The key of the row that goes away is referred to at the time of the publish.
    assert!(printed.contains("loses rows that others refer to"), "{printed}");
    write("1, 2, 3, 4");
    project.build(&[]);
    assert_eq!(project.rows("select id from core.a_child order by 1"), ["1", "2", "3", "4"]);
    assert_eq!(oid(&project), before);
}

/// What writes to the table is waited for, readers are not; nobody waits for ever.
#[test]
fn a_writer_is_waited_for_to_the_deadline() {
    let project = held("select 1 as id");
    project.configure_target("publish_timeout: 500ms", "");
    let mut writer = project.connect();
    writer.execute("begin").unwrap();
    writer.execute("insert into core.t values (7)").unwrap();
    project.models(&[("t", "select 2 as id")]);
    let printed = project.build_fails(75);
    assert!(printed.contains("E0607") && printed.contains("core.t") && printed.contains(ROLE), "{printed}");
    writer.execute("rollback").unwrap();
    project.build(&[]);
    assert_eq!(project.value("select id from core.t"), "2");
}

/// An incremental model that is made anew is published like any other table.
#[test]
fn a_full_refresh_in_place() {
    let project = held(
        "/*--- {materialized: incremental, unique_key: id, on_definition_change: forward} ---*/ select 1 as id, 1 as n",
    );
    let before = oid(&project);
    project.models(&[(
        "t",
        "/*--- {materialized: incremental, unique_key: id, on_definition_change: forward} ---*/ select 2 as id, 1 as n",
    )]);
    project.build(&[]);
    assert_eq!(project.rows("select id from core.t order by 1"), ["1", "2"]);
    project.build(&["--full-refresh"]);
    assert_eq!(project.rows("select id from core.t order by 1"), ["2"]);
    assert_eq!(oid(&project), before);
}
