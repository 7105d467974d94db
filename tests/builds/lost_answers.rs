//! The connection is cut around a COMMIT: nobody told suiro whether it was carried out, and it finds out.

use crate::{
    project::Project,
    support::{
        postgres::own_server,
        proxy::{Cut, Proxy},
    },
};

/// More than any run of these projects commits.
const MANY: usize = 60;

/// Models of all kinds whose rows would show that something was done twice, or not at all.
fn write(project: &Project) {
    project.models(&[
        ("a", "/*---\npost_hook: select 1\n---*/\nselect {{ var('v') }} as v"),
        ("seen", "/*--- {materialized: view} ---*/ select v from a"),
        ("b", "select v from seen"),
        (
            "kept",
            "/*---\nmaterialized: incremental\nincremental_strategy: append\nunique_key: v\n---*/\n\
             select v from b {% if is_incremental() %} where v > (select max(v) from {{ this }}) {% endif %}",
        ),
    ]);
    project.write("models/all.yml", "models:\n  - name: b\n    columns: [{name: v, tests: [not_null]}]\n");
}

fn cut(cut: Cut) {
    let project = Project::on_server(own_server());
    write(&project);
    project.configure("run_vars: [v]");
    project.build(&["--vars", "v: 1"]);
    let mut version = 1;
    for number in 1..MANY {
        version += 1;
        let proxy = Proxy::start(own_server().port, number, cut);
        let vars = format!("v: {version}");
        let port = proxy.port.to_string();
        let words = ["build", "--threads", "1", "--vars", vars.as_str()];
        let mut ended = project.suiro_with(&words, &[("PGHOST", "127.0.0.1"), ("PGPORT", &port)]);
        if ended.status == 75 && ended.stderr.contains("the run could not begin") {
            ended = project.suiro(&words);
        }
        assert_eq!(ended.status, 0, "{cut:?} of COMMIT {number}: {}", ended.stderr);
        let rows = project.rows("select a.v, b.v, seen.v from core.a, core.b, core.seen");
        assert_eq!(rows, [[version.to_string().as_str(); 3].join("|")], "{cut:?} of COMMIT {number}: {}", ended.stderr);
        let all = project.value("select count(*) || ' ' || count(distinct v) || ' ' || max(v) from core.kept");
        assert_eq!(all, format!("{version} {version} {version}"), "{cut:?} of COMMIT {number}: {}", ended.stderr);
        let published = project.value(
            "select count(*) from suiro.history where epoch = (select max(epoch) from suiro.history) and relation_name in ('a', 'b', 'kept')",
        );
        assert_eq!(published, "3", "published once: {}", ended.stderr);
        assert_eq!(project.left_behind(), Vec::<String>::new(), "{cut:?} of COMMIT {number}: {}", ended.stderr);
        if !proxy.has_cut(number) {
            assert!(number > 5, "only {} commits", number - 1);
            println!("{cut:?}: cut at {} commits, 0 failures", number - 1);
            return;
        }
    }
    panic!("more commits than expected");
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_out_about() {
    cut(Cut::After);
}

#[test]
fn a_commit_that_never_arrives_is_sent_again() {
    cut(Cut::Before);
}

#[test]
fn a_session_that_the_server_takes_for_alive_is_ended() {
    cut(Cut::BeforeUnseen);
}
