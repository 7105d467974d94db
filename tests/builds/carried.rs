//! What people gave to a published table in PostgreSQL: its next version, which is another table, has it, too.

use crate::{
    project::Project,
    support::postgres::{GROUP, STRANGER},
};

/// A table, a view and a materialized view, published once.
fn published() -> Project {
    let project = Project::on_postgres();
    write(&project, 1);
    project.execute(&[
        "create schema other",
        "create table other.dim as select g as id from generate_series(1, 9) as g",
        "alter table other.dim add primary key (id)",
    ]);
    project.build(&[]);
    project
}

fn write(project: &Project, version: u32) {
    project.models(&[
        (
            "t",
            &format!(
                "select g as id, {version} as version, 'n' || g as name, 1 as dim from generate_series(1, 5) as g"
            ),
        ),
        ("v", &format!("/*--- {{materialized: view}} ---*/ select {version} as version, id, name from t")),
        ("m", &format!("/*--- {{materialized: materialized_view}} ---*/ select {version} as version, id, name from t")),
        // Its columns change from build to build, so that the view is made anew.
        ("w", &format!("/*--- {{materialized: view}} ---*/ select {version} as \"v{version}\", id from t")),
    ]);
}

/// Carries out the statements, asks, publishes new versions twice, and asks again each time: nothing may be lost.
fn survives(make: &[&str], query: &str) {
    let project = published();
    project.execute(make);
    let before = project.rows(query);
    assert!(!before.is_empty(), "{make:?}");
    let oid = || project.value("select 'core.t'::pg_catalog.regclass::pg_catalog.oid");
    for version in 2..4 {
        let old = oid();
        write(&project, version);
        project.build(&[]);
        assert_eq!(project.rows(query), before, "{make:?}");
        assert_ne!(oid(), old, "{make:?}: it was not swapped");
        assert_eq!(project.value("select distinct t.version || '|' || v.version || '|' || m.version from core.t join core.v using (id) join core.m using (id)"), format!("{version}|{version}|{version}"));
        assert_eq!(project.left_behind(), Vec::<String>::new());
    }
}

macro_rules! carried {
    ($($(#[$about:meta])* fn $name:ident([$($make:expr),* $(,)?], $query:expr);)*) => {$(
        $(#[$about])*
        #[test]
        fn $name() {
            let make: Vec<String> = vec![$($make.to_string()),*];
            let make: Vec<&str> = make.iter().map(String::as_str).collect();
            survives(&make, $query);
        }
    )*};
}

carried! {
    fn the_owner(
        [format!("grant create on schema core to {GROUP}"), format!("alter table core.t owner to {GROUP}"), format!("alter view core.w owner to {GROUP}"), format!("alter materialized view core.m owner to {GROUP}")],
        "select relname, pg_get_userbyid(relowner) from pg_class where relnamespace = 'core'::regnamespace and relname in ('t', 'v', 'w', 'm') order by 1"
    );
    /// Also what was taken away from the owner, and what others may pass on.
    fn grants_on_tables_and_columns(
        [
            format!("grant select on core.t to {STRANGER} with grant option"),
            format!("grant update (name), references (id) on core.t to {STRANGER}"),
            format!("grant select on core.w, core.v, core.m to public"),
            "revoke truncate on core.t from current_user",
            format!("grant insert (id) on core.w to {STRANGER}"),
        ],
        "select relname, a.grantee::regrole, a.privilege_type, a.is_grantable, att from (select relname, relacl as acl, '' as att from pg_class where relnamespace = 'core'::regnamespace union all select relname, attacl, attname from pg_class join pg_attribute on attrelid = pg_class.oid where relnamespace = 'core'::regnamespace) as x cross join lateral aclexplode(acl) as a order by 1, 2, 3, 5"
    );
    /// What default privileges of the database would give to any new table, and was taken away here by hand.
    fn rights_that_were_taken_away(
        ["alter default privileges grant select on tables to public", "revoke select on core.t from public"],
        "select has_table_privilege('public', 'core.t', 'select')"
    );
    fn comments(
        [
            "comment on table core.t is E'what it is\\nsuiro: it core.t'",
            "comment on column core.t.name is 'a ''name'''",
            "comment on column core.v.id is 'of a view'",
            "comment on column core.m.id is 'of a materialized view'",
            "comment on column core.w.id is 'of a view that is made anew'",
        ],
        "select c.relname, d.objsubid > 0, d.description from pg_description as d join pg_class as c on c.oid = d.objoid where c.relnamespace = 'core'::regnamespace and d.classoid = 'pg_class'::regclass order by 1, 2, 3"
    );
    fn indexes(
        [
            "create unique index \"by Name\" on core.t (lower(name) desc nulls last, id) include (version) with (fillfactor = 60) where id > 0",
            "create index on core.t using hash (name)",
            "create unique index on core.m (id)",
            "comment on index core.\"by Name\" is 'fast'",
        ],
        "select indexname, indexdef, obj_description(('core.' || quote_ident(indexname))::regclass, 'pg_class') from pg_indexes where schemaname = 'core' order by 1"
    );
    fn constraints(
        [
            "alter table core.t add primary key (id)",
            "alter table core.t add constraint named unique nulls not distinct (name, version) deferrable initially deferred",
            "alter table core.t add check (id > 0)",
            "alter table core.t add constraint later check (id < 100) not valid",
            "alter table core.t alter column name set not null",
            "alter table core.t add constraint no_two exclude using btree (id with =)",
            "comment on constraint t_id_check on core.t is 'positive'",
        ],
        "select conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint') from pg_constraint where conrelid = 'core.t'::regclass union all select attname, 'not null', null from pg_attribute where attrelid = 'core.t'::regclass and attnotnull order by 1"
    );
    /// Out of the table, to somebody else's, to itself, to another model.
    fn foreign_keys_out_of_it(
        [
            "alter table core.t add constraint dims foreign key (dim) references other.dim on update cascade",
            "alter table core.t add primary key (id)",
            "alter table core.t add constraint own foreign key (dim) references core.t (id)",
        ],
        "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'core.t'::regclass and contype = 'f' order by 1"
    );
    fn row_level_security_and_policies(
        [
            "alter table core.t enable row level security",
            format!("create policy \"few rows\" on core.t as restrictive for select to {STRANGER}, {GROUP} using (id < 3 and exists (select from core.v as w where w.id = t.id))"),
            "create policy writes on core.t for insert with check (id in (select id from other.dim))",
            "comment on policy writes on core.t is 'known ones'",
        ],
        "select c.relrowsecurity, c.relforcerowsecurity, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid), obj_description(p.oid, 'pg_policy') from pg_class as c join pg_policy as p on p.polrelid = c.oid where c.oid = 'core.t'::regclass order by polname"
    );
    fn forced_row_level_security(
        ["alter table core.t enable row level security", "alter table core.t force row level security", "create policy all_of_them on core.t using (true)"],
        "select relrowsecurity, relforcerowsecurity from pg_class where oid = 'core.t'::regclass"
    );
    fn triggers(
        [
            "create function other.noted() returns trigger language plpgsql as 'begin return new; end'",
            "create trigger one after insert or update of name on core.t for each row when (new.id > 1) execute function other.noted('x')",
            "create constraint trigger two after delete on core.t deferrable initially deferred for each row execute function other.noted()",
            "alter table core.t disable trigger one",
            "create trigger instead instead of insert on core.w for each row execute function other.noted()",
            "comment on trigger one on core.t is 'off'",
        ],
        "select tgname, pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger') from pg_trigger where tgrelid in ('core.t'::regclass, 'core.w'::regclass) and not tgisinternal order by 1"
    );
    fn rules(
        [
            "create rule kept as on delete to core.t where old.id = 1 do instead nothing",
            "create rule told as on insert to core.t do also select id from other.dim",
            "alter table core.t disable rule told",
            "create rule written as on insert to core.v do instead nothing",
        ],
        "select rulename, pg_get_ruledef(oid), ev_enabled from pg_rewrite where rulename <> '_RETURN' and ev_class in ('core.t'::regclass, 'core.v'::regclass) order by 1"
    );
    fn extended_statistics(
        [
            "create statistics core.both (ndistinct, dependencies) on id, version from core.t",
            "create statistics other.elsewhere on lower(name), id from core.t",
            "alter statistics core.both set statistics 50",
            "analyze core.t",
            "comment on statistics core.both is 'together'",
        ],
        "select stxnamespace::regnamespace, stxname, pg_get_statisticsobjdef(s.oid), stxstattarget, obj_description(s.oid, 'pg_statistic_ext'), exists (select from pg_stats_ext as x where x.statistics_name = stxname) from pg_statistic_ext as s where stxrelid = 'core.t'::regclass order by 2"
    );
    fn storage_options(
        [
            "alter table core.t set (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false)",
            "alter view core.v set (security_barrier = true)",
            "alter view core.w set (security_invoker = true)",
            "alter materialized view core.m set (fillfactor = 80)",
        ],
        "select c.relname, c.reloptions, t.reloptions from pg_class as c left join pg_class as t on t.oid = c.reltoastrelid where c.relnamespace = 'core'::regnamespace and c.relkind in ('r', 'v', 'm') order by 1"
    );
    fn settings_of_columns(
        [
            "alter table core.t alter column id set statistics 77, alter column id set (n_distinct = -0.5), alter column name set storage external, alter column name set compression pglz",
            "alter materialized view core.m alter column id set statistics 33",
        ],
        "select attrelid::regclass, attname, attstattarget, attoptions, attstorage, attcompression from pg_attribute where attrelid in ('core.t'::regclass, 'core.m'::regclass) and attnum > 0 order by 1, 2"
    );
    fn defaults(
        ["alter table core.t alter column name set default 'none' || now()", "alter view core.w alter column id set default 7"],
        "select adrelid::regclass, pg_get_expr(adbin, adrelid) from pg_attrdef order by 1"
    );
    fn replica_identity_and_the_mark_of_cluster(
        ["create unique index by_id on core.t (id)", "alter table core.t alter column id set not null", "alter table core.t replica identity using index by_id", "alter table core.t cluster on by_id"],
        "select c.relreplident, i.indisreplident, i.indisclustered from pg_class as c join pg_index as i on i.indrelid = c.oid where c.oid = 'core.t'::regclass"
    );
    fn a_full_replica_identity(["alter table core.t replica identity full"], "select relreplident from pg_class where oid = 'core.t'::regclass");
}

#[test]
fn the_tablespace() {
    let project = published();
    let folder = crate::support::postgres::server().folder.join("space");
    let name = format!("space_{}", project.database.as_ref().unwrap().name);
    std::fs::create_dir_all(&folder).unwrap();
    crate::support::process::give(&folder);
    let mut admin = project.database.as_ref().unwrap().admin();
    admin.execute(&format!("create tablespace {name} location '{}'", folder.display())).unwrap();
    admin.execute(&format!("grant create on tablespace {name} to public")).unwrap();
    project.execute(&[
        &format!("alter table core.t set tablespace {name}"),
        &format!("create index placed on core.t (id) tablespace {name}"),
    ]);
    write(&project, 2);
    project.build(&[]);
    let query = "select relname, spcname from pg_class join pg_tablespace as s on s.oid = reltablespace where relname in ('t', 'placed') order by 1";
    assert_eq!(project.rows(query), [format!("placed|{name}"), format!("t|{name}")]);
}

#[test]
fn default_privileges_reach_what_is_published_first() {
    let project = Project::on_postgres();
    project.execute(&[
        "create schema core",
        &format!("alter default privileges in schema core grant select on tables to {STRANGER}"),
        &format!("alter default privileges grant references on tables to {STRANGER}"),
    ]);
    write(&project, 1);
    project.build(&[]);
    let may = |relation: &str, right: &str| {
        project.value(&format!("select has_table_privilege('{STRANGER}', 'core.{relation}', '{right}')"))
    };
    for relation in ["t", "v", "m", "w"] {
        assert_eq!(
            [may(relation, "select"), may(relation, "references"), may(relation, "insert")],
            ["t", "t", "f"],
            "{relation}"
        );
    }
    // What is taken away by hand later stays away.
    project.execute(&[&format!("revoke all on core.t, core.w from {STRANGER}")]);
    write(&project, 2);
    project.build(&[]);
    assert_eq!(
        [may("t", "select"), may("t", "references"), may("w", "select"), may("v", "select")],
        ["f", "f", "f", "t"]
    );
}

/// What files said once, and say no longer, goes; what people made stays beside it.
#[test]
fn declared_indexes_and_constraints_go_with_their_declaration() {
    let project = Project::on_postgres();
    let model =
        |properties: &str| project.models(&[("t", &format!("/*---\n{properties}\n---*/\nselect 1 as id, 2 as n"))]);
    model(
        "indexes: [{columns: [n], name: declared}]\nconstraints: [{type: check, expression: n > 0, name: positive}, {type: unique, columns: [id]}]",
    );
    project.build(&[]);
    project.execute(&["create index by_hand on core.t (id)", "alter table core.t add constraint hand check (id > 0)"]);
    let all = || {
        project.rows("select conname from pg_constraint where conrelid = 'core.t'::regclass union all select indexname from pg_indexes where tablename = 't' order by 1")
    };
    model("tags: []");
    project.build(&[]);
    assert_eq!(all(), ["by_hand", "hand"]);
}

/// A constraint that people made holds for the next version, too, and the message says whose it is.
#[test]
fn rows_that_break_a_constraint_of_others_are_not_published() {
    let project = published();
    project.execute(&["alter table core.t add constraint hand check (version < 2)"]);
    write(&project, 2);
    let printed = project.build_fails(66);
    for said in ["`t` could not be built", "add constraint hand CHECK", "take it away from the table in place"] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
    assert_eq!(project.value("select distinct version from core.t"), "1");
}

/// An index or constraint on a column that goes away goes with it, as in DROP COLUMN; a policy does not.
#[test]
fn what_uses_a_column_that_goes_away() {
    let project = published();
    project.execute(&["create index gone on core.t (dim, id)", "create index stays on core.t (id)"]);
    project.models(&[("t", "select 1 as id, 2 as version, 'n' as name")]);
    project.build(&[]);
    assert_eq!(project.rows("select indexname from pg_indexes where tablename = 't'"), ["stays"]);
    project.execute(&["create policy named on core.t using (name = current_user)"]);
    project.models(&[("t", "select 1 as id, 3 as version"), ("v", "select 1 as n"), ("m", "select 1 as n")]);
    let printed = project.build_fails(66);
    assert!(
        printed.contains("E0606") && printed.contains("policy `named on core.t` uses `name`, which goes away"),
        "{printed}"
    );
    assert_eq!(project.value("select version from core.t"), "2");
}

#[test]
fn parts_of_a_divided_table_keep_what_is_theirs() {
    let project = Project::on_postgres();
    let model = |n: u32| {
        format!(
            "/*---\npartition_by: {{method: list, columns: [k], partitions: [{{name: t_a, values: [a]}}]}}\n---*/\nselect 'a' as k, {n} as n union all select 'z', {n}"
        )
    };
    project.models(&[("t", &model(1))]);
    project.build(&[]);
    project.execute(&[
        &format!("grant select on core.t_a to {STRANGER}"),
        "create index on_part on core.t_a (n)",
        "create index on_all on core.t (k)",
        "alter table core.t_a set (fillfactor = 50)",
        "alter table core.t add check (n > 0)",
    ]);
    let query = format!(
        "select tablename, indexname, has_table_privilege('{STRANGER}', 'core.t_a', 'select'), (select reloptions from pg_class where oid = 'core.t_a'::regclass), (select count(*) from pg_constraint where contype = 'c' and connamespace = 'core'::regnamespace) from pg_indexes where schemaname = 'core' order by 1, 2"
    );
    let before = project.rows(&query);
    assert_eq!(before.len(), 4, "{before:?}");
    for n in 2..4 {
        project.models(&[("t", &model(n))]);
        project.build(&[]);
        assert_eq!(project.rows(&query), before);
        assert_eq!(project.value("select distinct n from core.t"), n.to_string());
    }
}
