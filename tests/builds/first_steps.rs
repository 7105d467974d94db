//! The first hour with a database that exists: describing it, checking what the role may do.

use crate::{on_both_engines, project::Project, support::postgres::STRANGER};
use std::fs;

on_both_engines! {
    /// What the database has becomes sources that models can read at once; nothing is overwritten.
    fn a_database_describes_itself(project) {
        project.models(&[("made", "select 1 as n")]);
        project.build(&[]);
        project.execute(&[
            "create schema raw",
            "create table raw.orders (id integer not null, \"単価\" decimal(10,2), arrived timestamp)",
            "comment on table raw.orders is 'what: was # ordered {{ x }}'",
            "comment on column raw.orders.\"単価\" is '円 \"net\"'",
            "create view raw.\"yes\" as select id from raw.orders",
            "create schema other",
            "create table other.t (flag boolean)",
        ]);
        let described = project.suiro(&["init", "--from", "it", "--schemas", "raw,core"]);
        assert_eq!(described.status, 0, "{}", described.stderr);
        let text = fs::read_to_string(project.path().join("models/sources.yml")).unwrap();
        assert!(!text.contains("made") && !text.contains("flag"), "{text}");
        project.models(&[("sums", "select sum(\"単価\") as total from raw.orders union all select id from raw.\"yes\"")]);
        project.build(&[]);
        let listed = project.suiro(&["ls", "--select", "source:raw.orders", "--format", "json"]).stdout;
        for part in ["単価", "円 \\\"net\\\"", "\"name\":\"id\",\"type\":\"integer\""] {
            assert!(listed.to_lowercase().contains(part), "{part}: {listed}");
        }
        let again = project.suiro(&["init", "--from", "it", "--schemas", "other"]);
        assert!(again.status == 64 && again.stderr.contains("--to"), "{}", again.stderr);
        assert_eq!(fs::read_to_string(project.path().join("models/sources.yml")).unwrap(), text);
        let more = project.suiro(&["init", "--from", "it", "--schemas", "other", "raw", "--to", "models/more.yml"]);
        assert_eq!(more.status, 0, "{}", more.stderr);
        let more = fs::read_to_string(project.path().join("models/more.yml")).unwrap();
        assert!(more.contains("flag") && !more.contains("orders"), "{more}");
        let missing = project.suiro(&["init", "--from", "it", "--schemas", "nosuch", "--to", "models/x.yml"]);
        assert!(missing.status == 66 && missing.stderr.contains("nosuch"), "{}", missing.stderr);
    }

    /// What is there and what is missing of what the project reads.
    fn debug_says_what_is_missing(project) {
        project.execute(&["create schema raw", "create table raw.orders (id integer)"]);
        project.write("models/sources.yml", "sources: [{name: raw, tables: [{name: orders}]}]\n");
        project.models(&[("a", "select id from raw.orders")]);
        let well = project.suiro(&["debug"]);
        assert_eq!(well.status, 0, "{}{}", well.stdout, well.stderr);
        assert!(well.stdout.contains("raw.orders") && !well.stdout.contains("FAIL"), "{}", well.stdout);
        project.write("models/sources.yml", "sources: [{name: raw, tables: [{name: orders}, {name: gone}]}]\n");
        let ill = project.suiro(&["debug", "--format", "json"]);
        assert_eq!(ill.status, 66, "{}", ill.stdout);
        let line = ill.stdout.lines().find(|line| line.contains("raw.gone")).unwrap();
        assert!(line.contains("\"ok\":false") && line.contains("\"fix\":\"correct the source"), "{line}");
    }
}

/// What `--print-grants` prints is all that a role with no rights at all needs.
#[test]
fn the_grants_that_are_printed_are_enough() {
    let project = Project::on_postgres();
    let database = project.database.as_ref().unwrap();
    let mut admin = database.admin();
    for statement in [
        format!("alter database {} owner to current_user", database.name),
        format!("revoke all on database {} from public", database.name),
        "create schema core".to_owned(),
        "create schema raw".to_owned(),
        "create table raw.\"Orders\" as select 1 as id".to_owned(),
    ] {
        admin.execute(&statement).unwrap();
    }
    project.write("models/sources.yml", "sources: [{name: raw, tables: [{name: Orders}]}]\n");
    project.models(&[("a", "select id from raw.\"Orders\""), ("b", "/*--- {schema: other} ---*/ select id from a")]);
    let stranger = [("PGUSER", STRANGER)];
    // It may not even log in, so it is named.
    let printed = project.suiro_with(&["debug", "--print-grants", "--role", STRANGER], &stranger);
    assert_eq!(printed.status, 64, "{}", printed.stderr);
    admin.execute(&format!("grant connect on database {} to {STRANGER}", database.name)).unwrap();
    let debug = project.suiro_with(&["debug"], &stranger);
    assert_eq!(debug.status, 66, "{}", debug.stderr);
    for said in [
        format!("grant create on database {} to {STRANGER}", database.name),
        format!("grant usage, create on schema core to {STRANGER}"),
        format!("create schema other authorization {STRANGER}"),
        format!("grant usage on schema raw to {STRANGER}"),
    ] {
        assert!(debug.stdout.contains(&said), "{said}\n{}", debug.stdout);
    }
    assert_eq!(project.suiro_with(&["build"], &stranger).status, 66);
    let printed = project.suiro_with(&["debug", "--print-grants"], &stranger);
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    for statement in printed.stdout.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        admin.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    for _ in 0..2 {
        let built = project.suiro_with(&["build"], &stranger);
        assert_eq!(built.status, 0, "{}", built.stderr);
    }
    let debug = project.suiro_with(&["debug"], &stranger);
    assert!(debug.status == 0 && !debug.stdout.contains("FAIL"), "{}", debug.stdout);
}

on_both_engines! {
    /// The columns of sources are read once, kept, and SQL is checked against them without the database.
    fn a_catalog_is_kept(project) {
        project.execute(&["create schema raw", "create table raw.orders (id integer, amount decimal(10,2))"]);
        project.write("models/sources.yml", "sources: [{name: raw, tables: [{name: orders}, {name: gone}]}]\n");
        project.models(&[("a", "select * from raw.orders")]);
        let before = project.suiro(&["check"]);
        assert!(before.status == 0 && before.stderr.contains("E0327"), "{}", before.stderr);
        let refreshed = project.suiro(&["catalog", "refresh"]);
        assert_eq!(refreshed.status, 0, "{}", refreshed.stderr);
        assert!(refreshed.stderr.contains("raw.gone is not in the database"), "{}", refreshed.stderr);
        let kept = fs::read_to_string(project.path().join("catalog.json")).unwrap();
        assert!(kept.contains("raw.orders") && kept.to_lowercase().contains("(10,2)"), "{kept}");
        let after = project.suiro(&["check"]);
        assert!(after.status == 0 && !after.stderr.contains("E0327"), "{}", after.stderr);
        project.models(&[("b", "select a.amuont from a"), ("c", "select {{ columns('raw.orders') | join(', ') }} from raw.orders")]);
        let wrong = project.suiro(&["check"]);
        assert!(wrong.status == 1 && wrong.stderr.contains("did you mean `amount`"), "{}", wrong.stderr);
        assert!(!wrong.stderr.contains("E0320"), "{}", wrong.stderr);
        let again = project.suiro(&["catalog", "refresh"]);
        assert!(again.stderr.contains("as before"), "{}", again.stderr);
        project.write("catalog.json", "{");
        assert!(project.suiro(&["check"]).stderr.contains("no catalog of columns"));
    }
}
