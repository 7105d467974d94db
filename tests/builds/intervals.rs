//! Incremental models that are built interval by interval: each interval once, gaps filled, nothing lost or doubled.

use crate::{on_both_engines, project::Project};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Days of January 2026 whose events are there.
fn write(project: &Project, days: impl IntoIterator<Item = u32>) {
    project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: events}]\n");
    project.execute(&["create schema raw", "create table raw.events (id integer, happened timestamp)"]);
    add(project, days);
}

/// One more event of each of these days.
fn add(project: &Project, days: impl IntoIterator<Item = u32>) {
    for day in days {
        project.execute(&[&format!("insert into raw.events values ({day}, timestamp '2026-01-{day:02} 09:00:00')")]);
    }
}

/// The model of a day's events, which says which window made a row.
fn model(range: &str, more: &str) -> String {
    format!(
        "/*---\nmaterialized: incremental\ntime_range: {{column: day, start: 2026-01-01, end: \"{{{{ var('end') }}}}\"{range}}}\n{more}\n---*/\n\
         select cast(happened as date) as day, id, {{{{ window.start }}}} as made_from, {{{{ window.end }}}} as made_until\n\
         from raw.events where {{{{ in_window('happened') }}}}"
    )
}

/// Builds until a day.
fn build_until(project: &Project, day: u32, words: &[&str]) -> String {
    let vars = format!("end: 2026-01-{day:02}");
    let ended = project.suiro(&[&["build", "--vars", vars.as_str()], words].concat());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(project.left_behind(), Vec::<String>::new());
    ended.stderr
}

/// `id:day of the month from which the window was`, in order.
fn made(project: &Project) -> Vec<String> {
    project.rows("select id || ':' || cast(extract(day from made_from) as integer) || '-' || cast(extract(day from made_until) as integer) from core.m order by id, made_from")
}

fn days(project: &Project) -> String {
    project.rows("select id from core.m order by id").join(" ")
}

/// The plan for a day.
fn plan(project: &Project, day: u32, words: &[&str]) -> String {
    let vars = format!("end: 2026-01-{day:02}");
    project.suiro(&[&["plan", "--vars", vars.as_str()], words].concat()).stdout
}

on_both_engines! {
    /// Once, again, later, with a gap, and again: every day stands there once.
    fn every_interval_is_done_once(project) {
        write(project, 1..=9);
        project.models(&[("m", &model("", "")), ("reader", "select count(*) as n from m")]);
        let planned = plan(project, 4, &[]);
        assert!(planned.contains("3 days: 2026-01-01 to 2026-01-04"), "{planned}");
        build_until(project, 4, &[]);
        assert_eq!(made(project), ["1:1-4", "2:1-4", "3:1-4"]);
        // Nothing is due, although nobody knows whether the source has other rows.
        let said = build_until(project, 4, &["--select", "m"]);
        assert!(said.contains("nothing to do"), "{said}");
        let planned = plan(project, 4, &[]);
        assert!(planned.contains("every interval that has ended is done"), "{planned}");
        build_until(project, 6, &[]);
        assert_eq!(made(project), ["1:1-4", "2:1-4", "3:1-4", "4:4-6", "5:4-6"]);
        assert_eq!(project.value("select n from core.reader"), "5");
        let planned = plan(project, 7, &[]);
        assert!(planned.contains("increment") && planned.contains("1 day missing: 2026-01-06 to 2026-01-07"), "{planned}");
        build_until(project, 7, &[]);
        assert_eq!(days(project), "1 2 3 4 5 6");
    }

    /// One statement for each batch, in the first build and in later ones.
    fn batches_bound_what_one_statement_computes(project) {
        write(project, 1..=9);
        project.models(&[("m", &model(", batch: 2", ""))]);
        build_until(project, 6, &[]);
        assert_eq!(made(project), ["1:1-3", "2:1-3", "3:3-5", "4:3-5", "5:5-6"]);
        build_until(project, 10, &[]);
        assert_eq!(made(project)[5..], ["6:6-8", "7:6-8", "8:8-10", "9:8-10"]);
        build_until(project, 10, &["--full-refresh"]);
        assert_eq!(days(project), "1 2 3 4 5 6 7 8 9");
    }

    /// An interval that was asked for is done, be it done or not, and no other; what is left out is done later.
    fn asked_intervals_are_done_again_and_gaps_are_filled(project) {
        write(project, 1..=9);
        project.models(&[("m", &model("", ""))]);
        build_until(project, 9, &["--start", "2026-01-03", "--end", "2026-01-05"]);
        assert_eq!(made(project), ["3:3-5", "4:3-5"]);
        build_until(project, 9, &["--start", "2026-01-07", "--end", "2026-01-08"]);
        assert_eq!(made(project), ["3:3-5", "4:3-5", "7:7-8"]);
        let planned = plan(project, 9, &[]);
        assert!(planned.contains("5 days missing: 2026-01-01 to 2026-01-03, 2026-01-05 to 2026-01-07, 2026-01-08 to 2026-01-09"), "{planned}");
        build_until(project, 9, &[]);
        assert_eq!(made(project), ["1:1-3", "2:1-3", "3:3-5", "4:3-5", "5:5-7", "6:5-7", "7:7-8", "8:8-9"]);
        add(project, [4, 5]);
        project.execute(&["delete from raw.events where id = 3"]);
        build_until(project, 9, &[]);
        assert_eq!(days(project), "1 2 3 4 5 6 7 8");
        build_until(project, 9, &["--start", "2026-01-03T18:00", "--end", "2026-01-04 01:00"]);
        assert_eq!(days(project), "1 2 4 4 5 6 7 8");
        build_until(project, 9, &["--start", "2026-01-08"]);
        assert_eq!(days(project), "1 2 4 4 5 6 7 8");
        for (words, status, says) in [
            (&["build", "--vars", "end: 2026-01-09", "--end", "2026-01-05"] as &[&str], 64, "--start"),
            (&["build", "--vars", "end: 2026-01-09", "--start", "2026-01-05", "--end", "2026-01-05"], 64, "nothing is from 2026-01-05"),
            (&["build", "--vars", "end: 2026-01-09", "--start", "yesterday"], 64, "no moment"),
            (&["build", "--vars", "end: 2026-01-09", "--start", "2026-01-05", "--full-refresh"], 64, "--full-refresh"),
        ] {
            let ended = project.suiro(words);
            assert!(ended.status == status && ended.stderr.contains(says), "{words:?} {} {}", ended.status, ended.stderr);
        }
        assert_eq!(days(project), "1 2 4 4 5 6 7 8");
    }

    /// The last ones are done again, with what came late; what came later still stays out.
    fn lookback_does_the_last_ones_again(project) {
        write(project, 1..=9);
        project.models(&[("m", &model(", lookback: 2", ""))]);
        build_until(project, 5, &[]);
        add(project, [2, 3, 4]);
        let planned = plan(project, 6, &[]);
        assert!(planned.contains("1 day missing: 2026-01-05 to 2026-01-06; 2 days again: 2026-01-03 to 2026-01-05"), "{planned}");
        build_until(project, 6, &[]);
        assert_eq!(days(project), "1 2 3 3 4 4 5");
        // The source has no version: it may have other rows.
        add(project, [5]);
        build_until(project, 6, &[]);
        assert_eq!(days(project), "1 2 3 3 4 4 5 5");
    }

    /// A table without a ledger is neither added to nor made anew by guess.
    fn a_lost_ledger_is_not_guessed(project) {
        write(project, 1..=9);
        project.models(&[("m", &model("", ""))]);
        build_until(project, 4, &[]);
        project.execute(&["delete from suiro.intervals"]);
        for words in [&[] as &[&str], &["--force"], &["--start", "2026-01-01"]] {
            let ended = project.suiro(&[&["build", "--vars", "end: 2026-01-06"], words].concat());
            assert!(ended.status == 66 && ended.stderr.contains("E0631"), "{}", ended.stderr);
            assert!(ended.stderr.contains("suiro intervals set m --start 2026-01-01"), "{}", ended.stderr);
        }
        assert_eq!(days(project), "1 2 3");
        let listed = project.suiro(&["intervals", "list", "m", "--vars", "end: 2026-01-06"]);
        assert!(listed.stdout.is_empty() && listed.stderr.contains("E0631"), "{}{}", listed.stdout, listed.stderr);
        // Somebody knows: all but the second of three days.
        for words in [["set", "2026-01-01", "2026-01-04"], ["unset", "2026-01-02", "2026-01-03"]] {
            let ended = project.suiro(&["intervals", words[0], "m", "--start", words[1], "--end", words[2], "--vars", "end: 2026-01-06"]);
            assert_eq!(ended.status, 0, "{}", ended.stderr);
        }
        add(project, 1..=3);
        build_until(project, 6, &[]);
        assert_eq!(days(project), "1 2 2 3 4 5");
        build_until(project, 6, &["--full-refresh"]);
        assert_eq!(days(project), "1 1 2 2 3 3 4 5");
    }

    /// What is done and what is missing is listed, and taken back and forth in whole intervals that have ended.
    fn intervals_are_listed_and_said(project) {
        write(project, 1..=9);
        let text = model("", "");
        project.models(&[("m", &text), ("other", "select 1 as n")]);
        let vars = "end: 2026-01-08";
        let ask = |words: &[&str]| project.suiro(&[&["intervals"], words, &["--vars", vars]].concat());
        let said = ask(&["set", "m", "--start", "2026-01-01", "--end", "2026-01-04"]);
        assert!(said.status == 66 && said.stderr.contains("E0610"), "{}", said.stderr);
        let listed = ask(&["list", "m"]);
        assert!(listed.stdout.contains("missing  2026-01-01 to 2026-01-08  7 days"), "{}", listed.stdout);
        build_until(project, 8, &["--start", "2026-01-03", "--end", "2026-01-05"]);
        let listed = ask(&["list", "m"]).stdout;
        let lines: Vec<&str> = listed.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "missing  2026-01-01 to 2026-01-03  2 days",
                "done     2026-01-03 to 2026-01-05  2 days",
                "missing  2026-01-05 to 2026-01-08  3 days",
            ]
        );
        let listed = ask(&["list", "m", "--format", "json"]).stdout;
        let second: serde_json::Value = serde_json::from_str(listed.lines().nth(1).unwrap()).unwrap();
        let expected = serde_json::json!({"state": "done", "start": "2026-01-03 00:00:00", "end": "2026-01-05 00:00:00", "intervals": 2});
        assert_eq!(second, expected);
        // Parts of days are no days, and days that have not ended are none to say anything of.
        let ended = ask(&["set", "m", "--start", "2026-01-05 12:00", "--end", "2026-02-01"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ask(&["list", "m"]).stdout.contains("done     2026-01-06 to 2026-01-08  2 days"));
        let ended = ask(&["unset", "m", "--start", "2026-01-06 12:00", "--end", "2026-01-06 13:00"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ask(&["list", "m"]).stdout.contains("done     2026-01-07 to 2026-01-08  1 day"));
        for words in [
            ["set", "m", "--start", "2026-01-05 12:00", "--end", "2026-01-06"],
            ["set", "m", "--start", "2026-01-06", "--end", "2026-01-05"],
            ["unset", "m", "--start", "2026-01-06", "--end", "2026-01-06"],
            ["set", "other", "--start", "2026-01-01", "--end", "2026-01-06"],
        ] {
            let ended = ask(&words);
            assert_eq!(ended.status, 64, "{words:?} {}", ended.stderr);
        }
        build_until(project, 8, &[]);
        assert_eq!(days(project), "1 2 3 4 5 6", "the 7th counts as done");
    }

    /// A unit test says what the window is.
    fn a_unit_test_gives_the_window(project) {
        project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: events, columns: [{name: id, data_type: integer}, {name: happened, data_type: timestamp}]}]\n");
        project.models(&[("m", &model("", "").replace("end: \"{{ var('end') }}\"", "end: 2026-01-02"))]);
        let test = |window: &str| {
            format!(
                "unit_tests:\n  - name: u\n    model: m\n{window}    given:\n      - input: source('raw', 'events')\n        rows:\n          - {{id: 1, happened: 2026-03-01 23:59:59}}\n          - {{id: 2, happened: 2026-03-02 00:00:00}}\n          - {{id: 3, happened: 2026-03-03 00:00:00}}\n    expect:\n      rows:\n        - {{id: 2, day: 2026-03-02, made_until: 2026-03-03}}\n"
            )
        };
        for (window, status, says) in [
            ("    window: {start: 2026-03-02, end: 2026-03-03}\n", 0, ""),
            ("    window: {start: 2026-03-01, end: 2026-03-03}\n", 65, "E0706"),
            ("", 1, "asks for the window of the run"),
            ("    window: {start: 2026-03-03, end: 2026-03-03}\n", 1, "a later `end`"),
        ] {
            project.write("models/u.yml", &test(window));
            let ended = project.suiro(&["test"]);
            assert!(ended.status == status && ended.stderr.contains(says), "{window} {} {}", ended.status, ended.stderr);
        }
    }

    /// Whatever is asked of a model before it is built, and of what is no such model.
    fn messages_say_what_is_wrong(project) {
        project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: events}]\n");
        for (text, says) in [
            (model(", grian: day", ""), "has no key `grian`"),
            (model(", grain: fortnight", ""), "hour, day, week, month, quarter or year"),
            (model(", batch: 0", ""), "`batch` of `time_range` is 0"),
            (model("", "incremental_strategy: merge\nunique_key: id"), "do not go together"),
            (model("", "post_hook: \"select {{ window.start }}\""), "a hook has no window"),
            (model("", "").replace("{{ in_window('happened') }}", "happened >= '{{ window.start }}'"), "between quotes"),
            (model("", "").replace("window.start", "window.begin"), "E0202"),
            (model("", "").replace("materialized: incremental", "materialized: table"), "E0340"),
            (model("", "").replace("start: 2026-01-01", "start: soon"), "no moment"),
            (model("", "").replace("start: 2026-01-01, ", ""), "has no `start`"),
        ] {
            project.models(&[("m", &text)]);
            let ended = project.suiro(&["check", "--vars", "end: 2026-01-09"]);
            assert!(ended.status == 1 && ended.stderr.contains(says), "{says}: {} {}", ended.status, ended.stderr);
        }
        for (text, says) in [
            (model("", "").replace("column: day", "column: dya"), "did you mean `day`"),
            (model("", "").replace("column: day", "column: id"), "date or a timestamp"),
            (model(", grain: hour", ""), "has no hours"),
        ] {
            project.execute(&["create schema if not exists raw", "create table if not exists raw.events (id integer, happened timestamp)"]);
            project.models(&[("m", &text)]);
            let ended = project.suiro(&["build", "--vars", "end: 2026-01-09"]);
            assert!(ended.status != 0 && ended.stderr.contains(says), "{says}: {} {}", ended.status, ended.stderr);
        }
    }

    /// Each policy for another definition.
    fn another_definition_follows_the_policy(project) {
        for (policy, status, rows) in [("full_refresh", 0, "1 2 3 4 5 6"), ("forward", 0, "1 2 3 104 105"), ("fail", 66, "1 2 3")] {
            project.execute(&["drop schema if exists raw cascade"]);
            write(project, 1..=9);
            project.models(&[("m", &model("", &format!("on_definition_change: {policy}")))]);
            build_until(project, 4, &["--full-refresh"]);
            let changed = model("", &format!("on_definition_change: {policy}")).replace("day, id,", "day, id + 100 as id,");
            project.models(&[("m", &changed)]);
            let ended = project.suiro(&["build", "--vars", "end: 2026-01-04"]);
            assert_eq!(ended.status, status, "{policy}: {}", ended.stderr);
            let ended = project.suiro(&["build", "--vars", "end: 2026-01-06"]);
            assert_eq!(ended.status, status, "{policy}: {}", ended.stderr);
            let expected = if policy == "full_refresh" { "101 102 103 104 105" } else { rows };
            assert_eq!(days(project), expected, "{policy}");
            assert!(policy != "fail" || ended.stderr.contains("E0621"), "{}", ended.stderr);
        }
    }

    /// A model that was made whole goes on interval by interval.
    fn a_table_becomes_one_of_intervals(project) {
        write(project, 1..=3);
        project.models(&[("m", "/*--- {materialized: incremental, unique_key: id} ---*/ select cast(happened as date) as day, id, happened as made_from, happened as made_until from raw.events")]);
        build_until(project, 4, &[]);
        project.models(&[("m", &model("", "on_definition_change: forward"))]);
        let ended = project.suiro(&["build", "--vars", "end: 2026-01-06"]);
        assert!(ended.status == 66 && ended.stderr.contains("E0631"), "{}", ended.stderr);
        project.models(&[("m", &model("", ""))]);
        add(project, [4, 5]);
        build_until(project, 6, &[]);
        assert_eq!(days(project), "1 2 3 4 5");
        // And back: what it held as one of intervals is not what it holds now.
        project.models(&[("m", "select cast(happened as date) as day, id, happened as made_from, happened as made_until from raw.events where id > 4")]);
        build_until(project, 6, &[]);
        project.models(&[("m", &model("", "on_definition_change: forward"))]);
        let ended = project.suiro(&["build", "--vars", "end: 2026-01-06"]);
        assert!(ended.status == 66 && ended.stderr.contains("E0631"), "{}", ended.stderr);
    }

    /// Other columns, with a policy for each: what stays, and what is made of all intervals anew.
    fn changed_columns_keep_all_intervals(project) {
        for (policy, rows) in [("append", "3"), ("sync", "3"), ("full_refresh", "0")] {
            project.execute(&["drop schema if exists raw cascade"]);
            write(project, 1..=9);
            let front = format!("on_definition_change: forward\non_schema_change: {policy}");
            project.models(&[("m", &model(", batch: 2", &front))]);
            build_until(project, 4, &["--full-refresh"]);
            project.models(&[("m", &model(", batch: 2", &front).replace("made_until", "made_until, id * 2 as twice")), ("reader", "select count(*) as n from m")]);
            build_until(project, 6, &[]);
            assert_eq!(days(project), "1 2 3 4 5", "{policy}");
            assert_eq!(project.value("select count(*) from core.m where twice is null"), rows, "{policy}");
            assert_eq!(project.value("select n from core.reader"), "5");
            build_until(project, 7, &[]);
            assert_eq!(days(project), "1 2 3 4 5 6", "{policy}");
            // A column that goes away, or changes its type: the table is written anew with all that it has.
            if policy == "sync" {
                project.models(&[("m", &model(", batch: 2", &front).replace("made_until", "made_until, 'x' as twice").replace(" id,", " cast(id as bigint) as id,"))]);
                build_until(project, 9, &[]);
                assert_eq!(days(project), "1 2 3 4 5 6 7 8", "{policy}");
            }
        }
    }

    /// A key that moved from one interval to another stands there once.
    fn a_key_stands_once_in_all_intervals(project) {
        write(project, [1, 2, 3]);
        project.models(&[("m", &model("", "unique_key: id"))]);
        build_until(project, 4, &[]);
        project.execute(&["update raw.events set happened = timestamp '2026-01-05 10:00:00' where id = 2"]);
        build_until(project, 6, &[]);
        assert_eq!(made(project), ["1:1-4", "2:4-6", "3:1-4"]);
        project.execute(&["insert into raw.events values (9, timestamp '2026-01-06 10:00:00'), (9, timestamp '2026-01-06 11:00:00')"]);
        let ended = project.suiro(&["build", "--vars", "end: 2026-01-07"]);
        assert!(ended.status == 66 && ended.stderr.contains("E0613"), "{}", ended.stderr);
    }

    /// Rows that do not belong to the interval they were made for are an error, at its end, without a time, and between
    /// batches.
    fn rows_outside_of_their_interval_are_refused(project) {
        write(project, 1..=9);
        let sql = |range: &str, filter: &str, day: &str| {
            model(range, "").split("select").next().unwrap().to_owned()
                + &format!("select {day} as day, id from raw.events where {filter} -- {{{{ window.start }}}}")
        };
        let between = "happened between {{ window.start }} and {{ window.end }}";
        project.execute(&["insert into raw.events values (40, timestamp '2026-01-04 00:00:00')"]);
        let fails = |text: &str, end: u32| {
            project.models(&[("m", text)]);
            let ended = project.suiro(&["build", "--vars", &format!("end: 2026-01-{end:02}")]);
            assert_eq!(ended.status, 66, "{}", ended.stderr);
            assert!(ended.stderr.contains("E0630"), "{}", ended.stderr);
            assert_eq!(project.left_behind(), Vec::<String>::new());
            ended.stderr
        };
        let said = fails(&sql("", between, "happened"), 4);
        assert!(said.contains("made 1 row that lie") || said.contains("1 row"), "{said}");
        assert!(said.contains("2026-01-04 00:00:00"), "{said}");
        // In the next batch it is no row outside of all of them, and stands there twice.
        fails(&sql(", batch: 3", between, "happened"), 7);
        fails(&sql("", "{{ in_window('happened') }}", "cast(null as date)"), 4);
        fails(&sql("", "happened < {{ window.end }} or true", "happened"), 4);
        // And when it is added to.
        project.models(&[("m", &sql("", "{{ in_window('happened') }}", "happened"))]);
        build_until(project, 4, &[]);
        project.models(&[("m", &sql("", between, "happened").replace("time_range", "on_definition_change: forward\ntime_range"))]);
        project.execute(&["insert into raw.events values (60, timestamp '2026-01-06 00:00:00')"]);
        let ended = project.suiro(&["build", "--vars", "end: 2026-01-06"]);
        assert!(ended.status == 66 && ended.stderr.contains("E0630"), "{}", ended.stderr);
        assert_eq!(project.value("select count(*) from core.m"), "3");
    }

    /// A date, a time, and a time that knows its zone, in a session whose zone is far from UTC.
    fn columns_of_time_are_of_the_sessions_zone(project) {
        project.configure_target("settings: {timezone: Asia/Tokyo}", "");
        project.execute(&[
            "create schema raw",
            "create table raw.events (id integer, happened timestamp with time zone)",
            // 00:30 and 23:30 of the 2nd in Tokyo.
            "insert into raw.events values (1, timestamp with time zone '2026-01-01 15:30:00+00'), (2, timestamp with time zone '2026-01-02 14:30:00+00'), (3, timestamp with time zone '2026-01-02 15:30:00+00')",
        ]);
        project.write("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: events}]\n");
        let model = |column: &str| {
            format!("/*---\nmaterialized: incremental\ntime_range: {{column: t, start: 2026-01-02, end: 2026-01-03}}\n---*/\nselect {column} as t, id from raw.events where {{{{ in_window('happened') }}}}")
        };
        project.models(&[("zoned", &model("happened")), ("plain", &model("cast(happened as timestamp)")), ("dated", &model("cast(happened as date)"))]);
        for words in [&[] as &[&str], &["--start", "2026-01-01"]] {
            project.build(words);
            for name in ["zoned", "plain", "dated"] {
                assert_eq!(project.rows(&format!("select id from core.{name} order by id")), ["1", "2"], "{name}");
            }
        }
    }
}

/// Where the gate of runs on PostgreSQL is shut, they wait while they compute.
fn gate(project: &Project) {
    project.execute(&[
        "create table raw.gate (shut boolean)",
        "insert into raw.gate values (false)",
        "create function raw.pass() returns boolean language plpgsql as $$ begin \
         if (select shut from raw.gate) then perform pg_advisory_xact_lock_shared(7); end if; return true; end $$",
    ]);
}

/// Starts a run with these words that waits at the gate, does something in between, and lets the run go on.
fn meanwhile(project: &Project, words: &[&str], between: impl FnOnce()) -> std::process::Output {
    let mut holder = project.connect();
    holder.execute("update raw.gate set shut = true").unwrap();
    holder.execute("select pg_advisory_lock(7)").unwrap();
    let waiting = project.start_heard(words);
    let deadline = Instant::now() + Duration::from_secs(60);
    while project.value("select count(*) from pg_locks where locktype = 'advisory' and objid = 7 and not granted")
        == "0"
    {
        assert!(Instant::now() < deadline, "nobody waits");
        thread::sleep(Duration::from_millis(20));
    }
    holder.execute("update raw.gate set shut = false").unwrap();
    between();
    holder.execute("select pg_advisory_unlock(7)").unwrap();
    waiting.wait_with_output().unwrap()
}

fn gated(project: &Project) {
    write(project, 1..=9);
    gate(project);
    let text =
        model("", "").replace("where", "where raw.pass() and").replace("end: \"{{ var('end') }}\"", "end: 2026-01-10");
    project.models(&[("m", &text)]);
}

/// A run that waited publishes what no newer run has published, and nothing twice.
#[test]
fn a_late_run_leaves_alone_what_a_newer_one_has_done() {
    let project = Project::on_postgres();
    gated(&project);
    project.build(&["--start", "2026-01-01", "--end", "2026-01-03"]);
    let words = ["build", "--start", "2026-01-04", "--end", "2026-01-07"];
    let late = meanwhile(&project, &words, || {
        add(&project, [5]);
        project.build(&["--start", "2026-01-05", "--end", "2026-01-06"]);
        project.build(&["--start", "2026-01-08", "--end", "2026-01-09"]);
        project.execute(&["delete from raw.events where id = 1"]);
    });
    assert!(late.status.success(), "{}", String::from_utf8_lossy(&late.stderr));
    // The 5th is as the newer run saw it, with a row more.
    assert_eq!(made(&project), ["1:1-3", "2:1-3", "4:4-7", "5:5-6", "5:5-6", "6:4-7", "8:8-9"]);
    // Everything of it was done by a newer run: nothing is left to publish.
    let words = ["build", "--start", "2026-01-06", "--end", "2026-01-07", "--superseded", "fail"];
    let late = meanwhile(&project, &words, || project.build(&["--start", "2026-01-06", "--end", "2026-01-07"]));
    assert_eq!(late.status.code(), Some(75), "{}", String::from_utf8_lossy(&late.stderr));
    project.build(&[]);
    assert_eq!(days(&project), "1 2 3 4 5 5 6 7 8 9");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// What was computed for a table that is no more is not added to another one.
#[test]
fn a_table_that_was_made_anew_is_not_added_to() {
    let project = Project::on_postgres();
    gated(&project);
    project.build(&["--start", "2026-01-01", "--end", "2026-01-03"]);
    let words = ["build", "--start", "2026-01-04", "--end", "2026-01-05"];
    // A newer run's table: this one's rows are in it already.
    let anew = ["update suiro.intervals set table_epoch = 1000000, epoch = 1000000"];
    let late = meanwhile(&project, &words, || project.execute(&anew));
    assert!(late.status.success(), "{}", String::from_utf8_lossy(&late.stderr));
    assert_eq!(days(&project), "1 2");
    // The table of an older run that came late is none that this one knows either.
    let late = meanwhile(&project, &words, || project.execute(&["update suiro.intervals set table_epoch = 0"]));
    let said = String::from_utf8_lossy(&late.stderr).into_owned();
    assert!(late.status.code() == Some(75) && said.contains("E0632"), "{said}");
    assert_eq!(days(&project), "1 2");
    project.build(&words[1..]);
    assert_eq!(days(&project), "1 2 4");
    // A full refresh of a table to which somebody has added meanwhile holds all of it, or leaves it due.
    let late = meanwhile(&project, &["build", "--full-refresh"], || {
        project.build(&["--start", "2026-01-06", "--end", "2026-01-07"]);
    });
    assert!(late.status.success(), "{}", String::from_utf8_lossy(&late.stderr));
    assert_eq!(days(&project), "1 2 4 6", "the older run's table comes too late");
    project.build(&[]);
    assert_eq!(days(&project), "1 2 3 4 5 6 7 8 9");
    assert_eq!(project.left_behind(), Vec::<String>::new());
}

/// Whoever read the table between two runs that added to it side by side reads it again.
#[test]
fn a_reader_of_one_of_two_runs_side_by_side_is_built_again() {
    let project = Project::on_postgres();
    gated(&project);
    project.models(&[
        ("m", &model("", "").replace("end: \"{{ var('end') }}\"", "end: 2026-01-10")),
        ("reader", "/*--- {deterministic: true} ---*/ select count(*) as n, bool_and(raw.pass()) as passed from m"),
    ]);
    project.build(&["--start", "2026-01-01", "--end", "2026-01-03"]);
    // The late run's reader has looked at the table before the other run, which does not build it, adds to that.
    let words = ["build", "--start", "2026-01-04", "--end", "2026-01-05"];
    let between = || project.build(&["--select", "m", "--start", "2026-01-06", "--end", "2026-01-07"]);
    let late = meanwhile(&project, &words, between);
    assert!(late.status.success(), "{}", String::from_utf8_lossy(&late.stderr));
    assert_eq!((days(&project), project.value("select n from core.reader")), ("1 2 4 6".to_owned(), "3".to_owned()));
    project.build(&["--select", "reader"]);
    assert_eq!(project.value("select n from core.reader"), "4");
    let said = project.suiro(&["build", "--select", "reader"]).stderr;
    assert!(said.contains("nothing to do"), "{said}");
}

/// Many backfills at once, some of them of the same days: all of them land, and every day stands there once.
#[test]
fn backfills_at_once_all_land() {
    let project = Project::on_postgres();
    write(&project, 1..=20);
    project.models(&[("m", &model("", "").replace("end: \"{{ var('end') }}\"", "end: 2026-01-21"))]);
    project.build(&["--start", "2026-01-20"]);
    for _ in 0..3 {
        let pieces = [(1, 4), (4, 7), (6, 9), (9, 12), (12, 15), (12, 15), (15, 18), (17, 20)];
        let runs: Vec<_> = pieces
            .iter()
            .map(|(start, end)| {
                let (start, end) = (format!("2026-01-{start:02}"), format!("2026-01-{end:02}"));
                project.start_heard(&["build", "--threads", "1", "--start", &start, "--end", &end])
            })
            .collect();
        for run in runs {
            let ended = run.wait_with_output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        }
        let all: Vec<String> = (1..=20).map(|day| day.to_string()).collect();
        assert_eq!(days(&project), all.join(" "));
        let said = project.suiro(&["build"]).stderr;
        assert!(said.contains("nothing to do"), "{said}");
    }
    assert_eq!(project.left_behind(), Vec::<String>::new());
}
