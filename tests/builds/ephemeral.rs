//! Ephemeral models: nothing in the database, everything in lineage and messages.

use crate::on_both_engines;

const EPHEMERAL: &str = "/*--- {materialized: ephemeral} ---*/\n";

on_both_engines! {
    /// Ephemeral models on ephemeral models, read by tables and views with expressions of their own, twice in one query.
    fn their_sql_stands_in_their_readers(project) {
        project.write("models/numbers.csv", "n\n1\n2\n3\n");
        project.models(&[
            ("odd", &format!("{EPHEMERAL}with numbers as (select n from core.numbers) select n from numbers where n % 2 = 1 -- odd")),
            ("tens", &format!("{EPHEMERAL}select odd.n * 10 as n from odd")),
            ("t", "with recursive counted(n) as (select 1 union all select n + 1 from counted where n < 2) select tens.n + counted.n as n from tens, counted"),
            ("v", "/*--- {materialized: view} ---*/ (select a.n from tens as a join tens as b on a.n = b.n) union all select n from odd;"),
            ("w", "select count(*) as n from v"),
        ]);
        for _ in 0..2 {
            project.build(&[]);
            assert_eq!(project.rows("select n from core.t order by n"), ["11", "12", "31", "32"]);
            assert_eq!(project.rows("select n from core.v order by n"), ["1", "3", "10", "30"]);
            assert_eq!(project.value("select n from core.w"), "4");
            assert_eq!(project.left_behind(), Vec::<String>::new());
        }
        let there = project.rows("select table_name from information_schema.tables where table_schema = 'core' order by 1");
        assert_eq!(there, ["numbers", "t", "v", "w"]);
        let listed = project.suiro(&["ls", "--select", "t", "--format", "json"]);
        assert!(listed.stdout.contains("\"depends_on\":[\"tens\"]"), "{}", listed.stdout);
        let shown = project.suiro(&["show", "tens", "--format", "json"]);
        assert_eq!(shown.stdout.trim(), "{\"n\":10}\n{\"n\":30}", "{}", shown.stderr);
    }

    /// A reader of an ephemeral model waits for what that one reads, and reads it staged.
    fn their_readers_wait_for_what_they_read(project) {
        project.models(&[("base", "select 1 as n"), ("e", &format!("{EPHEMERAL}select n from base")), ("t", "select n from e")]);
        project.build(&[]);
        project.models(&[("base", "select 2 as n")]);
        for publish in ["run", "group", "model"] {
            project.configure(&format!("publish: {publish}"));
            project.build(&[]);
            assert_eq!(project.value("select n from core.t"), "2");
        }
        let ended = project.suiro(&["build", "--select", "e"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }

    /// A database error inside an ephemeral model points at its own file, not at its reader's.
    fn errors_point_at_their_own_line(project) {
        project.models(&[
            ("base", "select 1 as n"),
            ("e", &format!("{EPHEMERAL}select\n  n,\n  nosuch_function() as x\nfrom base")),
            ("t", "-- 日本語\nselect n\nfrom e"),
        ]);
        let printed = project.build_fails(66);
        assert!(printed.contains("models/e.sql:4:3") && printed.contains("`t` could not be built"), "{printed}");
    }

    /// An ephemeral model with an error stops its readers with its name.
    fn an_error_in_one_stops_its_readers(project) {
        project.models(&[("e", &format!("{EPHEMERAL}select n from nosuch")), ("t", "select n from e"), ("other", "select 1 as n")]);
        let printed = project.build_fails(1);
        assert!(printed.contains("E0302") && printed.contains("because of e"), "{printed}");
        assert_eq!(project.value("select n from core.other"), "1");
    }

    /// A table becomes ephemeral: its readers stop reading it.
    fn a_table_may_become_ephemeral(project) {
        project.models(&[("e", "select 1 as n"), ("t", "select n from e")]);
        project.build(&[]);
        project.models(&[("e", &format!("{EPHEMERAL}select 2 as n"))]);
        project.build(&[]);
        assert_eq!(project.value("select n from core.t"), "2");
    }

    /// Names that folding, quoting or a length limit could break.
    fn names_of_all_kinds_work(project) {
        let long = "長い名前".repeat(5);
        project.models(&[("With \"quotes\"", &format!("{EPHEMERAL}select 1 as n")), (&long, &format!("{EPHEMERAL}select n from \"With \"\"quotes\"\"\"")), ("t", &format!("select n from {long} x, lateral (select x.n + 1 as m) y"))]);
        project.build(&[]);
        assert_eq!(project.value("select n from core.t"), "1");
    }
}
