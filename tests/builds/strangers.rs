//! What others have made on top of suiro's relations in PostgreSQL.

use crate::{
    project::Project,
    support::postgres::{ROLE, STRANGER},
};

fn built() -> Project {
    let project = Project::on_postgres();
    project.models(&[
        ("orders", "select 1 as id, 10 as amount"),
        ("big", "/*--- {materialized: view} ---*/ select id from orders where amount > 5"),
    ]);
    project.build(&[]);
    project
}

#[test]
fn our_own_view_outside_the_selection_follows_the_new_table() {
    let project = built();
    project.models(&[("orders", "select 2 as id, 20 as amount")]);
    project.build(&["--select", "orders"]);
    assert_eq!(project.value("select id from core.big"), "2");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

#[test]
fn rights_of_others_are_carried_over() {
    let project = built();
    project.execute(&[
        &format!("grant usage on schema core to {STRANGER}"),
        &format!("grant select on core.orders to {STRANGER}"),
        &format!("grant select (id) on core.big to {STRANGER}"),
    ]);
    project.models(&[("big", "/*--- {materialized: view} ---*/ select 'x' as label, id from orders")]);
    project.build(&[]);
    let mut stranger = project.database.as_ref().unwrap().stranger();
    assert!(stranger.query("select * from core.orders", None).is_ok());
    assert!(stranger.query("select id from core.big", None).is_ok());
    assert!(stranger.query("select label from core.big", None).is_err());
}

/// Makes a schema that belongs to somebody else, who may read ours.
fn with_stranger() -> Project {
    let project = built();
    let mut admin = project.database.as_ref().unwrap().admin();
    for statement in [
        format!("create schema other authorization {STRANGER}"),
        format!("grant usage on schema core to {STRANGER}"),
        format!("grant select, references, trigger on all tables in schema core to {STRANGER}"),
    ] {
        admin.execute(&statement).unwrap();
    }
    project
}

fn as_stranger(project: &Project, statements: &[&str]) {
    let mut stranger = project.database.as_ref().unwrap().stranger();
    for statement in statements {
        stranger.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

fn seen_by_stranger(project: &Project, query: &str) -> Vec<String> {
    let rows = project.database.as_ref().unwrap().stranger().query(query, None);
    let rows = rows.unwrap_or_else(|error| panic!("{query}: {error:?}")).rows;
    rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("|")).collect()
}

/// Views that our role may replace, because it may act as their owner, are bound to the new table; their owner, rights,
/// options and comments stay, and so does all that stands on them.
#[test]
fn views_of_others_are_bound_again() {
    let project = built();
    project.execute(&[
        "create schema other",
        "create view other.direct with (security_barrier = true) as select id, amount from core.orders",
        "create view other.nested as select id from other.direct",
        &format!("grant select on other.direct, other.nested to {STRANGER}"),
        &format!("grant usage on schema other to {STRANGER}"),
        "comment on view other.direct is 'not of suiro'",
        "create function other.counted() returns bigint language sql begin atomic select count(*) from core.orders; end",
        "create table other.guarded as select 1 as id",
        "create policy known on other.guarded using (id in (select id from core.orders))",
        "create rule told as on insert to other.guarded do also select amount from core.orders",
        "create view other.of_view as select id from core.big",
    ]);
    let oids = || {
        project.rows("select oid, relname, relowner::regrole, relacl, reloptions, obj_description(oid, 'pg_class') from pg_class where relnamespace = 'other'::regnamespace order by 2")
    };
    let before = oids();
    for id in 2..5 {
        project.models(&[("orders", &format!("select {id} as id, 10 as amount, 'x' as appended"))]);
        project.build(&["--quiet"]);
        assert_eq!(
            project.rows(
                "select d.id, n.id, other.counted(), v.id from other.direct as d, other.nested as n, other.of_view as v"
            ),
            [format!("{id}|{id}|1|{id}")]
        );
        assert_eq!(oids(), before);
        assert_eq!(project.left_behind(), Vec::<String>::new());
        let bound = "select count(distinct d.classid) from pg_depend as d where d.refobjid = 'core.orders'::regclass and d.classid in ('pg_policy'::regclass, 'pg_rewrite'::regclass, 'pg_proc'::regclass)";
        assert_eq!(project.value(bound), "3");
    }
}

/// Of a role that ours may not act as: the table keeps its identity, and gets the new rows.
#[test]
fn what_nobody_may_bind_again_keeps_the_table_where_it_is() {
    for (make, reason) in [
        ("create view other.d as select id from core.orders", "view `other.d` of `suiro_stranger` depends on it"),
        ("create materialized view other.d as select id from core.orders", "materialized view `other.d`"),
        ("create table other.d (o core.orders)", "row type `other.d.o`"),
        (
            "create function other.d() returns bigint language sql begin atomic select count(*) from core.orders; end",
            "function `other.d()`",
        ),
        (
            "create function other.d() returns trigger language plpgsql as 'begin return new; end'; revoke execute on function other.d() from public; create trigger d after insert on core.orders execute function other.d()",
            "trigger `d on core.orders`",
        ),
        (
            "create table other.d (id integer); alter table other.d enable row level security; create policy p on other.d using (id in (select id from core.orders))",
            "policy `p on other.d`",
        ),
    ] {
        let project = with_stranger();
        as_stranger(
            &project,
            &make.split("; ").filter(|_| !make.contains("atomic") && !make.contains("begin")).collect::<Vec<_>>(),
        );
        if make.contains("begin") {
            let parts: Vec<&str> = if make.contains("atomic") { vec![make] } else { vec![] };
            as_stranger(&project, &parts);
            if parts.is_empty() {
                as_stranger(
                    &project,
                    &[
                        "create function other.d() returns trigger language plpgsql as 'begin return new; end'",
                        "revoke execute on function other.d() from public",
                        "create trigger d after insert on core.orders execute function other.d()",
                    ],
                );
            }
        }
        let oid = project.value("select 'core.orders'::regclass::oid");
        project.models(&[("orders", "select g as id, 10 as amount from generate_series(2, 4) as g")]);
        let planned = project.suiro(&["plan"]);
        assert!(
            planned.stdout.contains("published in place (all rows are written again)")
                && planned.stdout.contains(reason),
            "{make}: {}",
            planned.stdout
        );
        project.build(&[]);
        assert_eq!(project.value("select 'core.orders'::regclass::oid"), oid, "{make}");
        assert_eq!(project.rows("select id from core.orders order by 1"), ["2", "3", "4"], "{make}");
        assert_eq!(project.rows("select id from core.big order by 1"), ["2", "3", "4"], "{make}");
        assert_eq!(project.left_behind(), Vec::<String>::new(), "{make}");
    }
}

/// Inheritance children and publications need somebody with more rights to be made.
#[test]
fn children_and_publications_keep_the_table_where_it_is() {
    for (make, reason) in [
        ("create table other.d () inherits (core.orders)", "child `other.d`"),
        (
            "create publication d for table core.orders; alter table core.orders replica identity full",
            "publication `d` of `postgres` publishes it",
        ),
        ("create publication d for all tables with (publish = 'insert')", "publication `d` of `postgres` publishes it"),
        (
            "create table other.up (id integer, amount integer); alter table core.orders inherit other.up",
            "parent `other.up` of `postgres` is its parent",
        ),
    ] {
        let project = with_stranger();
        let mut admin = project.database.as_ref().unwrap().admin();
        admin.execute("set standard_conforming_strings = on").unwrap();
        for statement in make.split("; ") {
            admin.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
        let oid = project.value("select 'core.orders'::regclass::oid");
        project.models(&[("orders", "select 2 as id, 20 as amount")]);
        let planned = project.suiro(&["plan"]);
        assert!(planned.stdout.contains(reason), "{make}: {}{}", planned.stdout, planned.stderr);
        project.build(&[]);
        assert_eq!(
            project.rows("select 'core.orders'::regclass::oid, id from only core.orders"),
            [format!("{oid}|2")],
            "{make}"
        );
    }
}

/// Three publishes with everything of strangers' at once: the columns stay, one comes, one that nobody uses goes, one
/// that is used goes. Nothing is lost, or nothing is done and all of it is named.
#[test]
fn a_builder_among_strangers() {
    let project = with_stranger();
    project.models(&[("big", "/*--- {materialized: view} ---*/ select id from orders")]);
    project.models(&[("orders", "/*--- {constraints: [{type: primary_key, columns: [id]}]} ---*/ select g as id, 10 as amount, 'x' as spare from generate_series(1, 3) as g")]);
    project.build(&[]);
    as_stranger(
        &project,
        &[
            "create view other.seen as select id, amount from core.orders",
            "create view other.nested with (security_barrier = true) as select amount from other.seen",
            "grant select on other.nested to public",
            "create materialized view other.kept as select id from core.orders",
            "create table other.lines (order_id integer references core.orders on delete cascade, n integer)",
            "insert into other.lines values (1, 1), (2, 1)",
        ],
    );
    project.execute(&[
        "alter table core.orders enable row level security",
        &format!("create policy theirs on core.orders to {STRANGER} using (id > 1)"),
    ]);
    let all = "select relname, relowner::regrole, relacl, reloptions, oid from pg_class where relnamespace = 'other'::regnamespace or oid = 'core.orders'::regclass order by 1";
    let before = project.rows(all);
    let write = |columns: &str, rows: &str| {
        project.models(&[("orders", &format!("/*--- {{constraints: [{{type: primary_key, columns: [id]}}]}} ---*/ select {columns} from generate_series({rows}) as g"))]);
    };
    let lines = || {
        project
            .database
            .as_ref()
            .unwrap()
            .stranger()
            .query("select order_id from other.lines order by 1", None)
            .unwrap()
            .rows
            .len()
    };
    for (columns, kind) in [
        ("g as id, 20 as amount, 'x' as spare", "same"),
        ("g as id, 30 as amount, 'x' as spare, now() as appended", "appended"),
        ("g as id, 40 as amount", "removed unused"),
    ] {
        write(columns, "1, 4");
        project.build(&["--quiet"]);
        let amount = columns.split("as id, ").nth(1).unwrap().split(' ').next().unwrap();
        assert_eq!(
            project.rows("select id, amount from core.orders order by 1"),
            (1..5).map(|id| format!("{id}|{amount}")).collect::<Vec<_>>(),
            "{kind}"
        );
        assert_eq!(
            seen_by_stranger(&project, "select id || ' ' || amount from other.seen order by 1"),
            (2..5).map(|id| format!("{id} {amount}")).collect::<Vec<_>>(),
            "{kind}"
        );
        assert_eq!(project.rows(all), before, "{kind}");
        assert_eq!(lines(), 2, "{kind}");
        assert_eq!(project.left_behind(), Vec::<String>::new(), "{kind}");
        println!("columns {kind}: nothing lost");
    }
    // A column that is used goes away: refused, with what stands on the view, too.
    write("g as id", "1, 4");
    let printed = project.build_fails(66);
    for said in [
        "E0606",
        "view `other.seen` of `suiro_stranger` uses `amount`, which goes away",
        "view `other.nested` depends on `other.seen`",
    ] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
    // A row that a foreign key refers to goes away: its lines would go, too.
    write("g as id, 50 as amount", "2, 4");
    let printed = project.build_fails(66);
    for said in ["E0606", "loses rows that others refer to", "`lines_order_id_fkey` of `other.lines`", "GRANT SELECT"] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
    as_stranger(
        &project,
        &[&format!("grant select on other.lines to {ROLE}"), &format!("grant usage on schema other to {ROLE}")],
    );
    assert!(project.build_fails(66).contains("1 rows refer to rows that go away"));
    assert_eq!((lines(), project.rows(all).len()), (2, before.len()));
    assert_eq!(project.rows("select distinct amount from core.orders"), ["40"]);
    // A row that nothing refers to may go.
    write("g as id, 60 as amount", "1, 2");
    project.build(&["--quiet"]);
    assert_eq!(project.rows("select id, amount from core.orders order by 1"), ["1|60", "2|60"]);
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// A view whose columns change so that it has to be made anew, and a table that becomes a view: views of others follow
/// where they may, else nothing is done.
#[test]
fn views_that_are_made_anew_take_their_readers_along() {
    let project = with_stranger();
    project.execute(&[
        "create schema mine",
        "create view mine.d as select id from core.big",
        "create view mine.t as select id from core.orders",
    ]);
    project.models(&[
        ("big", "/*--- {materialized: view} ---*/ select 'x' as word, id from orders"),
        ("orders", "/*--- {materialized: view} ---*/ select 7 as id, 3 as amount"),
    ]);
    project.build(&[]);
    assert_eq!(project.rows("select d.id, t.id from mine.d, mine.t"), ["7|7"]);
    as_stranger(&project, &["create view other.d as select id from core.big"]);
    project.models(&[("big", "/*--- {materialized: view} ---*/ select id, 'x' as word from orders")]);
    let printed = project.build_fails(66);
    assert!(
        printed.contains("E0606")
            && printed.contains("view `other.d` of `suiro_stranger` depends on it")
            && printed.contains("GRANT \"suiro_stranger\" TO"),
        "{printed}"
    );
    assert_eq!(project.value("select word from core.big"), "x");
    // One that is made with more columns at its end stays itself.
    project.models(&[("big", "/*--- {materialized: view} ---*/ select 'x' as word, id, 9 as more from orders")]);
    project.build(&[]);
    assert_eq!(project.value("select more from core.big"), "9");
    assert_eq!(seen_by_stranger(&project, "select id from other.d"), ["7"]);
    // A table with a policy cannot become a view.
    project.models(&[("s", "select 1 as n")]);
    project.build(&[]);
    project.execute(&["create policy p on core.s using (true)"]);
    project.models(&[("s", "/*--- {materialized: view} ---*/ select 1 as n")]);
    assert!(project.build_fails(66).contains("policy `p on core.s` depends on it"));
}

/// A materialized view that somebody else's stands on is refreshed as long as its SQL is the same.
#[test]
fn materialized_views_under_others_are_refreshed() {
    let project = with_stranger();
    let model = |sql: &str| {
        project.models(&[(
            "m",
            &format!(
                "/*---\nmaterialized: materialized_view\nindexes: [{{columns: [id], unique: true}}]\n---*/\n{sql}"
            ),
        )]);
    };
    model("select id from orders");
    project.build(&[]);
    as_stranger(&project, &[]);
    project.execute(&[&format!("grant select on core.m to {STRANGER}")]);
    as_stranger(&project, &["create materialized view other.d as select id from core.m"]);
    let oid = project.value("select 'core.m'::regclass::oid");
    for id in 5..7 {
        project.models(&[("orders", &format!("select {id} as id, 10 as amount"))]);
        let planned = project.suiro(&["plan"]).stdout;
        assert!(
            planned.contains("published by a refresh: materialized view `other.d`")
                && planned.contains("materialized view `core.m` depends on it"),
            "{planned}"
        );
        project.build(&["--quiet"]);
        assert_eq!(project.rows("select 'core.m'::regclass::oid, id from core.m"), [format!("{oid}|{id}")]);
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
    model("select id + 1 as id from orders");
    let printed = project.build_fails(66);
    assert!(printed.contains("E0606") && printed.contains("`core.m` is to be made of other SQL"), "{printed}");
    assert_eq!(project.value("select id from core.m"), "6");
}
