//! The program is killed before each of its statements: what readers see is whole, and the next run makes good.

use crate::{on_both_engines, project::Project};
use std::{
    io::{BufRead, BufReader},
    time::{Duration, Instant},
};

/// More statements than any run of these projects has.
const MANY: u32 = 2000;

/// One model of each kind that the engine has, all of which say which version they are of.
pub fn write(project: &Project) -> Vec<(&'static str, &'static str)> {
    let forward = "on_definition_change: forward\nunique_key: id";
    let incremental = |strategy: &str| {
        format!(
            "/*---\nmaterialized: incremental\n{forward}\nincremental_strategy: {strategy}\n---*/\n\
             select 1 as id, {{{{ var('v') }}}} as v from base"
        )
    };
    project.write("models/all.yml", "models:\n  - name: base\n    columns: [{name: v, tests: [not_null, unique]}]\n");
    project.models(&[
        ("base", "/*---\nindexes: [{columns: [v]}]\npost_hook: select 1\n---*/\nselect {{ var('v') }} as v"),
        ("shown", "/*--- {materialized: view} ---*/ select v from base"),
        ("over", "select v from shown"),
        ("replaced", &incremental("delete_insert")),
        ("merged", &incremental("merge")),
        (
            "appended",
            "/*---\nmaterialized: incremental\non_definition_change: forward\nunique_key: v\n---*/\nselect v from base",
        ),
    ]);
    let mut all = vec![
        ("base", "select max(v) from core.base"),
        ("shown", "select max(v) from core.shown"),
        ("over", "select max(v) from core.over"),
        ("replaced", "select max(v) from core.replaced"),
        ("merged", "select max(v) from core.merged"),
        ("appended", "select max(v) from core.appended"),
    ];
    if project.database.is_some() {
        project.models(&[("kept", "/*--- {materialized: materialized_view} ---*/ select v from shown")]);
        all.push(("kept", "select max(v) from core.kept"));
    } else {
        project.models(&[("filed", "/*--- {materialized: file, location: filed.parquet} ---*/ select v from base")]);
        all.push(("filed", "select max(v) from core.filed"));
    }
    all
}

/// Runs until the statement of that number, and kills it there; whether it came that far.
pub fn killed_before(project: &Project, number: u32, version: u32) -> bool {
    let vars = format!("v: {version}");
    let halt = number.to_string();
    let words = ["build", "--threads", "1", "--vars", vars.as_str()];
    let mut child = project.start_with(&words, &[("SUIRO_HALT_BEFORE", &halt)]);
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut heard = Vec::new();
    for line in said {
        if line.starts_with("halted before statement") {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        heard.push(line);
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "{}", heard.join("\n"));
    false
}

pub fn seen(project: &Project, all: &[(&str, &str)]) -> Vec<String> {
    let mut connection = project.connect();
    let value = |query: &str, connection: &mut dyn suiro::engine::Connection| {
        let rows = connection.query(query, None).unwrap_or_else(|error| panic!("{query}: {error:?}")).rows;
        rows.into_iter().flatten().next().flatten().unwrap_or_default()
    };
    all.iter().map(|(_, query)| value(query, connection.as_mut())).collect()
}

/// What belongs to the transaction of a publish: a file is put in its place just before that is committed, and stands
/// there for the moment until the next run, if the program dies between the two.
pub fn transacted(all: &[(&str, &str)], found: Vec<String>) -> Vec<String> {
    let named = all.iter().zip(found).filter(|((name, _), _)| *name != "filed");
    named.map(|(_, value)| value).collect()
}

/// Builds until it is done and nothing is left: a server may need a moment to notice that its client is gone.
pub fn make_good(project: &Project, version: u32) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let ended = project.suiro(&["build", "--vars", &format!("v: {version}")]);
        if ended.status == 0 && project.left_behind().is_empty() {
            return;
        }
        assert!([0, 75].contains(&ended.status), "{}", ended.stderr);
        assert!(Instant::now() < deadline, "{:?} {}", project.left_behind(), ended.stderr);
        std::thread::sleep(Duration::from_millis(200));
    }
}

on_both_engines! {
    /// Before each statement of a run that replaces, adds, tests, publishes and records.
    fn killed_before_every_statement_nothing_is_lost_or_doubled(project) {
        let all = write(project);
        make_good(project, 1);
        let (mut version, mut points) = (1, 0);
        for number in 1..MANY {
            let next = version + 1;
            let halted = killed_before(project, number, next);
            let found = seen(project, &all);
            let found = transacted(&all, found);
            let whole = |version: u32| found.iter().all(|value| *value == version.to_string());
            assert!(whole(version) || whole(next), "killed before statement {number}: {found:?} between {version} and {next}");
            assert!(halted || whole(next), "{found:?}");
            make_good(project, next);
            let again = seen(project, &all);
            assert!(again.iter().all(|value| *value == next.to_string()), "after statement {number}: {again:?}");
            version = next;
            if !halted {
                break;
            }
            points += 1;
        }
        let versions = project.value("select count(*) || ' ' || count(distinct v) from core.appended");
        assert_eq!(versions, format!("{version} {version}"), "each version once, whatever was killed");
        assert_eq!(project.value("select count(*) from core.merged"), "1");
        assert_eq!(project.value("select count(*) from core.replaced"), "1");
        assert!(points > 50, "{points} points");
        println!("killed at {points} points: 0 failures");
        // Nothing is left to do.
        let ended = project.suiro(&["build", "--vars", &format!("v: {version}")]);
        assert!(ended.stderr.contains("nothing to do"), "{}", ended.stderr);
    }

    /// The first build of all, with nothing there before: all of it appears, or nothing.
    fn killed_in_the_first_build_it_can_be_begun_again(project) {
        for number in (1..MANY).step_by(7) {
            let all = write(project);
            let halted = killed_before(project, number, 1);
            make_good(project, 1);
            assert_eq!(seen(project, &all), vec!["1"; all.len()], "killed before statement {number}");
            if !halted {
                break;
            }
            // From nothing again.
            for (name, _) in all.iter().rev() {
                let kind = match *name {
                    "shown" | "filed" => "view",
                    "kept" => "materialized view",
                    _ => "table",
                };
                project.execute(&[&format!("drop {kind} core.{name}")]);
            }
        }
    }
}

/// A model that is built day by day, in batches, with a lookback, and a reader.
fn write_days(project: &Project) {
    project.execute(&["create schema raw", "create table raw.events (id integer, happened timestamp)"]);
    for day in 1..=40 {
        let day = format!("timestamp '2026-01-01 09:00:00' + {day} * interval '1 day' - interval '1 day'");
        project.execute(&[&format!("insert into raw.events select cast(extract(day from {day}) as integer), {day}")]);
    }
    project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: events}]\n");
    project.models(&[
        (
            "days",
            "/*---\nmaterialized: incremental\ntime_range: {column: day, start: 2026-01-01, end: \"{{ var('end') }}\", batch: 1, lookback: 1}\n---*/\n\
             select cast(happened as date) as day, id from raw.events where {{ in_window('happened') }}",
        ),
        ("counted", "select count(*) as n, count(distinct day) as days from days"),
    ]);
}

on_both_engines! {
    /// Before each statement of a run that does intervals, new ones and some again: each stands there once.
    fn killed_before_every_statement_each_interval_stands_there_once(project) {
        write_days(project);
        let until = |day: u32| format!("end: 2026-01-{day:02}");
        let good = |day: u32| {
            let deadline = Instant::now() + Duration::from_secs(60);
            loop {
                let ended = project.suiro(&["build", "--vars", &until(day)]);
                if ended.status == 0 && project.left_behind().is_empty() {
                    return;
                }
                assert!([0, 75].contains(&ended.status) && Instant::now() < deadline, "{}", ended.stderr);
                std::thread::sleep(Duration::from_millis(200));
            }
        };
        let rows = |what: &str| project.value(&format!("select count(*) || ' ' || count(distinct day) || ' ' || max(day) from core.{what}"));
        good(4);
        // The days done by then, and the next two of them in each run; from the first again when the month is over.
        let (mut day, mut points, mut ended) = (4, 0, false);
        for number in 1..MANY {
            if day > 27 {
                day = 4;
                let refreshed = project.suiro(&["build", "--full-refresh", "--vars", &until(day)]);
                assert_eq!(refreshed.status, 0, "{}", refreshed.stderr);
            }
            let next = day + 2;
            let halt = number.to_string();
            let vars = until(next);
            let mut child = project.start_with(&["build", "--threads", "1", "--vars", &vars], &[("SUIRO_HALT_BEFORE", &halt)]);
            let halted = BufReader::new(child.stderr.take().unwrap())
                .lines()
                .map_while(Result::ok)
                .any(|line| line.starts_with("halted before statement"));
            if halted {
                child.kill().unwrap();
            }
            assert!(child.wait().unwrap().success() || halted, "not halted before {number}, and failed");
            let seen = rows("days");
            let whole = |day: u32| format!("{0} {0} 2026-01-{0:02}", day - 1);
            assert!(seen == whole(day) || seen == whole(next), "killed before {number}: {seen}, until {day} and {next}");
            good(next);
            assert_eq!(rows("days"), whole(next), "after statement {number}");
            let counted = project.value("select n || ' ' || days from core.counted");
            assert_eq!(counted, format!("{0} {0}", next - 1), "after statement {number}");
            day = next;
            if !halted {
                ended = true;
                break;
            }
            points += 1;
        }
        assert!(ended && points > 30, "{points} points");
        println!("killed at {points} points: 0 failures");
    }
}
