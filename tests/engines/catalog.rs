//! What a database has, and what depends on it.

use crate::{duckdb, execute, memory, support::postgres, value};
use std::{collections::BTreeMap, time::Instant};
use suiro::{
    engine::{Dependent, DependentKind, Engine, RelationKind},
    name::RelationName,
};

fn name(schema: &str, name: &str) -> RelationName {
    RelationName::new(schema, name)
}

#[test]
fn relations_of_postgres() {
    let database = postgres::database();
    let mut connection = database.connect();
    execute(
        connection.as_mut(),
        &[
            "create schema live",
            "create schema \"Odd\"",
            "create table live.t (id int primary key, n numeric(10,2) not null, s serial)",
            "comment on table live.t is 'suiro: mark'",
            "create view live.v as select * from live.t",
            "create materialized view live.m as select * from live.t",
            "create sequence live.q",
            "create type live.e as enum ('a')",
            "create type live.c as (a int)",
            "create domain live.d as int",
            "create table live.p (a int) partition by list (a)",
            "create table \"Odd\".\"T t\" (\"A a\" varchar(5))",
        ],
    );
    execute(database.admin().as_mut(), &["create table live.foreign_owner (a int)"]);
    let catalog = connection.catalog(&["live", "Odd", "missing"]).unwrap();
    assert_eq!(catalog.schemas.iter().map(String::as_str).collect::<Vec<_>>(), ["Odd", "live"]);
    for (relation, kind) in [
        ("t", RelationKind::Table),
        ("p", RelationKind::Table),
        ("v", RelationKind::View),
        ("m", RelationKind::MaterializedView),
        ("q", RelationKind::Other),
        ("t_pkey", RelationKind::Other),
        ("e", RelationKind::Other),
        ("c", RelationKind::Other),
        ("d", RelationKind::Other),
    ] {
        assert_eq!(catalog.relations[&name("live", relation)].kind, kind, "{relation}");
    }
    let table = &catalog.relations[&name("live", "t")];
    assert_eq!(table.comment.as_deref(), Some("suiro: mark"));
    assert_eq!((table.owner.as_deref(), table.may_alter), (Some(postgres::ROLE), true));
    assert!(!catalog.relations[&name("live", "foreign_owner")].may_alter);
    assert!(!catalog.relations.contains_key(&name("live", "_t")), "array types make way");
    let before = table.oid;
    execute(connection.as_mut(), &["drop table live.t cascade", "create table live.t (id int)"]);
    let after = connection.catalog(&["live"]).unwrap().relations[&name("live", "t")].oid;
    assert_ne!(before, after);
    let columns = connection.columns(&["Odd", "live"]).unwrap();
    let odd = &columns[&name("Odd", "T t")][0];
    assert_eq!((odd.name.as_str(), odd.data_type.as_str(), odd.nullable), ("A a", "character varying(5)", true));
    assert!(connection.catalog(&[]).unwrap().relations.is_empty());
}

/// A stranger's things on our tables, one of each kind.
fn decorate(database: &postgres::Database) {
    let mut owner = database.connect();
    execute(
        owner.as_mut(),
        &[
            "create schema live",
            "create table live.t (id int primary key, name text, n int)",
            "create table live.s (id serial primary key, x text)",
            "create table live.part (id int) partition by list (id)",
            "grant usage on schema live to suiro_stranger",
            "grant select, references, trigger on all tables in schema live to suiro_stranger",
            "grant usage on all sequences in schema live to suiro_stranger",
        ],
    );
    let mut admin = database.admin();
    execute(
        admin.as_mut(),
        &["create schema other authorization suiro_stranger", "create schema \"Odd\" authorization suiro_stranger"],
    );
    let mut stranger = database.stranger();
    execute(
        stranger.as_mut(),
        &[
            "create view other.v as select id, name from live.t",
            "comment on view other.v is 'not ours'",
            "create view \"Odd\".\"V v\" with (security_barrier = true, check_option = local) as select id as \"I i\" from live.t where id > 1",
            "create view other.nested as select * from other.v",
            "create view other.counted as select count(*) from live.t",
            "create view other.whole as select t from live.t t",
            "create materialized view other.m as select n from live.t",
            "create table other.k (id int references live.t, x int)",
            "create table other.holder (a int, r live.t, rs live.t[])",
            "create table other.d (id int default nextval('live.s_id_seq'), y int)",
            "create function other.atomic() returns bigint language sql begin atomic select count(*) from live.t; end",
            "create function other.late() returns bigint language sql as 'select 1'",
            "create function other.takes(live.t) returns int language sql as 'select 1'",
            "create domain other.domain as live.t",
            "create type other.composite as (a live.t)",
            "create table other.p (id int)",
            "alter table other.p enable row level security",
            "create policy reads on other.p using (id in (select id from live.t)) with check (id > 0)",
            "create rule copies as on insert to other.p do also select n from live.t",
            "create function other.trigger() returns trigger language plpgsql as 'begin return new; end'",
            "create trigger watches after insert on live.t for each row execute function other.trigger()",
        ],
    );
    execute(
        admin.as_mut(),
        &[
            "create table other.child () inherits (live.t)",
            "create table other.part1 partition of live.part for values in (1)",
            "create publication named for table live.t",
            "create policy own on live.s using (true)",
            "create rule own as on insert to live.s do also select 1",
        ],
    );
}

#[test]
fn dependents_of_each_kind() {
    let database = postgres::database();
    decorate(&database);
    let mut connection = database.connect();
    let catalog = connection.catalog(&["live"]).unwrap();
    let found: Vec<String> = catalog
        .dependents
        .iter()
        .map(|dependent| {
            let attached = if dependent.attached { " attached" } else { "" };
            let rebindable = if dependent.rebindable { " rebindable" } else { "" };
            let relation = dependent.relation.as_ref().map(|relation| format!(" at {relation}")).unwrap_or_default();
            let columns = dependent.columns.join(",");
            format!(
                "{}: {} {} ({columns}){relation}{attached}{rebindable}",
                dependent.on, dependent.kind, dependent.name
            )
        })
        .collect();
    let expected = [
        "live.part: child other.part1 () at other.part1",
        "live.s: rule own on live.s () at live.s attached",
        "live.s: policy own on live.s () at live.s attached",
        "live.s: default for other.d.id () at other.d",
        "live.t: view \"Odd\".\"V v\" (id) at Odd.V v rebindable",
        "live.t: view other.counted () at other.counted rebindable",
        "live.t: view other.v (id,name) at other.v rebindable",
        "live.t: view other.whole () at other.whole rebindable",
        "live.t: materialized view other.m (n) at other.m",
        "live.t: foreign key k_id_fkey on other.k (id) at other.k",
        "live.t: function other.atomic() () rebindable",
        "live.t: rule copies on other.p (n) at other.p rebindable",
        "live.t: policy reads on other.p (id) at other.p rebindable",
        "live.t: row type other.composite.a () at other.composite",
        "live.t: row type other.domain ()",
        "live.t: row type other.holder.r () at other.holder",
        "live.t: row type other.holder.rs () at other.holder",
        "live.t: row type other.takes(live.t) ()",
        "live.t: row type other.whole.t () at other.whole",
        "live.t: child other.child () at other.child",
        "live.t: trigger watches on live.t () at live.t attached",
        "live.t: publication named () attached",
    ];
    assert_eq!(found, expected, "{}", found.join("\n"));
    let by_name = |name: &str| catalog.dependents.iter().find(|dependent| dependent.name == name).unwrap();
    let view = by_name("other.v");
    assert_eq!(view.comment.as_deref(), Some("not ours"));
    assert_eq!((view.owner.as_deref(), view.may_alter), (Some(postgres::STRANGER), false));
    assert!(database.stranger().catalog(&["live"]).unwrap().dependents.iter().any(|dependent| dependent.may_alter));
}

#[test]
fn what_belongs_to_a_table_is_no_dependent() {
    let database = postgres::database();
    let mut connection = database.connect();
    execute(
        connection.as_mut(),
        &[
            "create schema live",
            "create table live.t (id serial primary key, up int references live.t, a text unique, b text generated always as (upper(a)) stored, check (id > 0))",
            "create index on live.t (lower(a))",
            "create statistics live.st on id, a from live.t",
            "create table live.i (id int generated always as identity, t text)",
            "create view live.v as select 1 as x",
        ],
    );
    let catalog = connection.catalog(&["live"]).unwrap();
    assert_eq!(catalog.dependents, []);
}

#[test]
fn dependents_are_bound_again() {
    let database = postgres::database();
    decorate(&database);
    let mut admin = database.admin();
    let dependents: Vec<Dependent> = admin
        .catalog(&["live"])
        .unwrap()
        .dependents
        .into_iter()
        // A view with a column of the row type cannot be bound to another table.
        .filter(|dependent| dependent.rebindable && dependent.name != "other.whole")
        .collect();
    let statements = admin.rebind(&dependents).unwrap();
    let oid = |relation: &str| format!("select '{relation}'::regclass::oid");
    let view = value(admin.as_mut(), &oid("other.v"));
    execute(
        admin.as_mut(),
        &[
            "create schema old",
            "create table old.next (like live.t)",
            "grant select on old.next to suiro_stranger",
            "insert into old.next values (5, 'five', 55)",
            "begin",
            "alter table live.t set schema old",
            "alter table old.next rename to t2",
            "alter table old.t2 set schema live",
            "alter table live.t2 rename to t",
        ],
    );
    for (dependent, statement) in dependents.iter().zip(&statements) {
        let statement = statement.as_deref().unwrap_or_else(|| panic!("{dependent:?}"));
        admin.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    execute(admin.as_mut(), &["commit"]);
    let now = admin.catalog(&["live"]).unwrap();
    let rebound: Vec<&str> =
        now.dependents.iter().filter(|d| d.on == name("live", "t")).map(|d| d.name.as_str()).collect();
    for dependent in &dependents {
        assert!(rebound.contains(&dependent.name.as_str()), "{} is not bound to the new table", dependent.name);
    }
    assert_eq!(value(admin.as_mut(), &oid("other.v")), view, "the view is still the same object");
    assert_eq!(value(admin.as_mut(), "select name from other.nested").as_deref(), Some("five"));
    let options = "select array_to_string(reloptions, ',') from pg_class where relname = 'V v'";
    assert_eq!(value(admin.as_mut(), options).as_deref(), Some("security_barrier=true,check_option=local"));
    let policy = "select pg_get_expr(polwithcheck, polrelid) from pg_policy where polname = 'reads'";
    assert_eq!(value(admin.as_mut(), policy).as_deref(), Some("(id > 0)"));
    let comment = "select obj_description('other.v'::regclass, 'pg_class')";
    assert_eq!(value(admin.as_mut(), comment).as_deref(), Some("not ours"));
}

#[test]
fn thousands_of_relations_are_read_at_once() {
    let database = postgres::database();
    let mut connection = database.connect();
    execute(
        connection.as_mut(),
        &[
            "create schema many",
            "do $$ begin for i in 1..1500 loop
                execute format('create table many.t%s (id int primary key, a text)', i);
                execute format('create view many.v%s as select x.id, y.a from many.t%s x join many.t%s y using (id)', i, i, greatest(1, i - 1));
             end loop; end $$",
        ],
    );
    let started = Instant::now();
    let catalog = connection.catalog(&["many"]).unwrap();
    let elapsed = started.elapsed();
    assert_eq!(catalog.relations.len(), 4500);
    assert_eq!(catalog.dependents.len(), 2999);
    println!("catalog of 3,000 relations: {elapsed:?}");
    assert!(elapsed.as_secs_f64() < 2.0, "{elapsed:?}");
    let started = Instant::now();
    let statements = connection.rebind(&catalog.dependents).unwrap();
    println!("rebinding statements: {:?}", started.elapsed());
    assert!(statements.iter().all(Option::is_some));
}

#[test]
fn relations_of_duckdb() {
    let mut connection = memory();
    execute(
        connection.as_mut(),
        &[
            "create schema live",
            "create schema other",
            "create table live.t (id integer primary key, n decimal(10,2) not null, u integer unique)",
            "comment on table live.t is 'suiro: mark'",
            "create view live.v as select * from live.t",
            "comment on view live.v is 'suiro: view'",
            "create table live.k (a integer references live.t(id), b integer references live.t(u))",
            "create temp table t2 (a integer)",
            "create table other.x (a integer)",
        ],
    );
    let catalog = connection.catalog(&["LIVE", "main", "missing"]).unwrap();
    let names: BTreeMap<String, RelationKind> =
        catalog.relations.iter().map(|(name, relation)| (name.to_string(), relation.kind)).collect();
    let expected = [("live.k", RelationKind::Table), ("live.t", RelationKind::Table), ("live.v", RelationKind::View)];
    assert_eq!(names, expected.map(|(name, kind)| (name.to_owned(), kind)).into());
    assert_eq!(catalog.relations[&name("live", "t")].comment.as_deref(), Some("suiro: mark"));
    assert_eq!(catalog.relations[&name("live", "v")].comment.as_deref(), Some("suiro: view"));
    let dependents: Vec<_> = catalog
        .dependents
        .iter()
        .map(|d| (d.on.to_string(), d.kind, d.relation.as_ref().unwrap().to_string(), d.columns.join(",")))
        .collect();
    let on = |columns: &str| ("live.t".to_owned(), DependentKind::ForeignKey, "live.k".to_owned(), columns.to_owned());
    assert_eq!(dependents, [on("id"), on("u")]);
    assert_eq!(connection.rebind(&catalog.dependents).unwrap(), [None, None]);
    let columns = connection.columns(&["live"]).unwrap();
    let shown: Vec<_> =
        columns[&name("live", "t")].iter().map(|c| (c.name.as_str(), c.data_type.as_str(), c.nullable)).collect();
    assert_eq!(shown, [("id", "INTEGER", false), ("n", "DECIMAL(10,2)", false), ("u", "INTEGER", true)]);
    assert_eq!(columns[&name("live", "v")].len(), 3);
    let before = catalog.relations[&name("live", "v")].oid;
    execute(connection.as_mut(), &["create or replace view live.v as select 1 as a"]);
    assert_ne!(connection.catalog(&["live"]).unwrap().relations[&name("live", "v")].oid, before);
}

#[test]
fn a_catalog_is_the_targets_own() {
    let engine = duckdb(None);
    let mut connection = engine.connect("tests").unwrap();
    execute(
        connection.as_mut(),
        &[
            "attach ':memory:' as elsewhere",
            "create schema elsewhere.live",
            "create table elsewhere.live.t (a integer)",
        ],
    );
    let catalog = connection.catalog(&["live", "main"]).unwrap();
    assert!(catalog.relations.is_empty() && !catalog.schemas.contains("live"), "{catalog:?}");
    assert!(connection.columns(&["live"]).unwrap().is_empty());
}
