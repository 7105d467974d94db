//! What is done with published relations without building anything: `suiro hold` and `prune`.

use crate::{on_both_engines, project::Project};

fn ends(project: &Project, words: &[&str]) -> String {
    let ended = project.suiro(words);
    assert_eq!(ended.status, 0, "{}{}", ended.stdout, ended.stderr);
    [ended.stdout, ended.stderr].concat()
}

on_both_engines! {
    /// A held model stays at its version whatever happens, and everybody is told why.
    fn what_is_held_stays_until_it_is_released(project) {
        project.models(&[("a", "select 1 as n"), ("b", "select n from a"), ("new", "select 1 as n")]);
        project.build(&["--select", "a", "b"]);
        assert_eq!(project.suiro(&["hold", "a"]).status, 64, "a reason is asked for");
        let ended = project.suiro(&["hold", "a", "new", "--why", "x"]);
        assert!(ended.status == 66 && ended.stderr.contains("`new` was not built here"), "{}", ended.stderr);
        assert!(ends(project, &["plan", "--select", "a"]).contains("nothing changed"), "nothing of it was held");
        ends(project, &["hold", "a", "--why", "the audit's numbers"]);
        project.models(&[("a", "select 2 as n")]);
        for words in [&["build"][..], &["build", "--force"], &["build", "--full-refresh"]] {
            ends(project, words);
            assert_eq!(project.rows("select a.n, b.n from core.a, core.b"), ["1|1"], "{words:?}");
        }
        assert!(ends(project, &["plan"]).contains("held at the version of run") && ends(project, &["plan"]).contains("the audit's numbers"));
        assert!(ends(project, &["status"]).lines().any(|line| line.starts_with("held") && line.contains("the audit's numbers")));
        assert!(ends(project, &["hold", "b", "--release"]).contains("Nothing of that is held"));
        assert!(ends(project, &["hold", "a", "--release"]).contains("Released a"));
        ends(project, &["build"]);
        assert_eq!(project.rows("select a.n, b.n from core.a, core.b"), ["2|2"]);
    }

    /// Only what the project published and has no more is dropped, and only when that is asked for.
    fn what_the_project_has_no_more_is_dropped_on_request(project) {
        project.write("models/gone/a.sql", "/*--- {schema: elsewhere} ---*/ select 1 as n");
        project.write("models/gone/v.sql", "/*--- {materialized: view} ---*/ select n from elsewhere.a");
        project.write("models/gone/w.sql", "/*--- {materialized: view} ---*/ select n from core.v");
        project.models(&[("kept", "select 1 as n"), ("mine", "select 1 as n"), ("read", "select 1 as n"), ("lost", "select 1 as n")]);
        project.build(&[]);
        assert!(ends(project, &["prune", "--yes"]).contains("Nothing to drop"));
        std::fs::remove_dir_all(project.path().join("models/gone")).unwrap();
        for name in ["mine", "read", "lost"] {
            std::fs::remove_file(project.path().join(format!("models/{name}.sql"))).unwrap();
        }
        project.execute(&["comment on table core.mine is 'mine now'", "create view core.theirs as select n from core.read", "drop table core.lost", "create table core.stray as select 1 as n"]);
        let listed = ends(project, &["prune"]);
        assert!(listed.contains("6 relations that the project has no more"), "{listed}");
        assert_eq!(project.value("select count(*) from suiro.relations"), "7");
        let printed = ends(project, &["prune", "--yes"]);
        for name in ["elsewhere.a", "core.v", "core.w", "core.lost"] {
            assert!(printed.contains(&format!("Dropped {name}")), "{name}: {printed}");
        }
        assert!(printed.contains("`core.mine` stays: it does not carry the project's mark"), "{printed}");
        let postgres = project.database.is_some();
        if postgres {
            assert!(printed.contains("`core.read` stays: something depends on it: view `core.theirs`"), "{printed}");
        }
        // A view is text to DuckDB, which does not know what it reads.
        let left: &[&str] = if postgres { &["kept", "mine", "read"] } else { &["kept", "mine"] };
        assert_eq!(project.rows("select relation_name from suiro.relations order by 1"), left);
        assert_eq!(project.value("select count(*) from core.mine, core.stray"), "1");
        assert!(project.connect().query("select * from elsewhere.a", None).is_err());
        // A model that cannot be read is not gone.
        project.execute(&["drop view core.theirs"]);
        project.write("models/kept.sql", "select from from");
        assert_eq!(project.suiro(&["prune", "--yes"]).status, 1);
        assert_eq!(project.value("select count(*) from core.kept"), "1");
        project.models(&[("kept", "select 1 as n")]);
        assert_eq!(ends(project, &["prune", "--yes"]).contains("Dropped core.read"), postgres);
        assert_eq!(project.value("select count(*) from suiro.history where relation_name = 'read'"), "1");
    }
}

/// A table that took the place of one that was published is not dropped for it.
#[test]
fn a_table_under_the_name_of_another_is_not_dropped() {
    let project = Project::on_postgres();
    project.models(&[("a", "select 1 as n"), ("b", "select 1 as n")]);
    project.build(&[]);
    std::fs::remove_file(project.path().join("models/a.sql")).unwrap();
    project.execute(&[
        "drop table core.a",
        "create table core.a as select 7 as n",
        "comment on table core.a is 'suiro: it core.a'",
    ]);
    let printed = ends(&project, &["prune", "--yes"]);
    assert!(printed.contains("`core.a` stays: it is not the relation that the project published"), "{printed}");
    assert_eq!(project.value("select n from core.a"), "7");
}
