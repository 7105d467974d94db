//! What others have made on top of suiro's relations in PostgreSQL.

use crate::{project::Project, support::postgres::STRANGER};

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
fn a_strangers_view_stops_the_run_and_survives() {
    let project = built();
    project.execute(&["create schema other", "create view other.v as select id from core.orders"]);
    project.models(&[("unrelated", "select 1 as n")]);
    let printed = project.force_fails(66);
    assert!(printed.contains("E0606") && printed.contains("other.v"), "{printed}");
    assert_eq!(project.value("select id from other.v"), "1");
    assert_eq!(project.value("select n from core.unrelated"), "1");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

#[test]
fn every_kind_of_dependent_stops_the_run() {
    for (make, word) in [
        ("create materialized view other.d as select id from core.orders", "materialized view"),
        ("create table other.d (o core.orders)", "row type"),
        ("create table other.d () inherits (core.orders)", "child"),
        ("create policy d on core.orders using (true)", "policy"),
        ("create rule d as on insert to core.orders do nothing", "rule"),
        (
            "create function other.d() returns bigint language sql begin atomic; select count(*) from core.orders; end",
            "function",
        ),
    ] {
        let project = built();
        project.execute(&["create schema other", make]);
        let printed = project.force_fails(66);
        assert!(printed.contains("E0606") && printed.contains(word), "{make}: {printed}");
        assert_eq!(project.value("select count(*) from core.orders"), "1", "{make}");
    }
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

#[test]
fn readers_never_fail_and_never_see_two_versions_at_once() {
    let project = Project::on_postgres();
    let version = |number: u32| {
        [
            ("a", format!("select {number} as version, g as id from generate_series(1, 1000) as g")),
            ("b", "select version, count(*) as n from a group by version".to_owned()),
            ("c", "/*--- {materialized: view} ---*/ select version, id from a".to_owned()),
        ]
    };
    let write = |number: u32| {
        for (name, sql) in version(number) {
            project.models(&[(name, &sql)]);
        }
    };
    write(0);
    project.build(&[]);
    let done = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = project.connect();
                    let mut reads = 0;
                    while !done.load(order) {
                        let query = "select a.version, b.version, min(c.version), count(*), max(b.n) \
                                     from core.a join core.b on true join core.c on c.id = a.id group by 1, 2";
                        let rows = connection.query(query, None).unwrap_or_else(|error| panic!("{error:?}")).rows;
                        let [row] = rows.as_slice() else { panic!("{rows:?}") };
                        assert!(row[0] == row[1] && row[1] == row[2], "{rows:?}");
                        assert_eq!((row[3].as_deref(), row[4].as_deref()), (Some("1000"), Some("1000")));
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        for number in 1..=5 {
            write(number);
            project.build(&["--quiet"]);
        }
        done.store(true, order);
        for reader in readers {
            assert!(reader.join().unwrap() > 10);
        }
    });
    assert_eq!(project.value("select distinct version from core.c"), "5");
}
