//! How old sources are, in sessions whose time zone is not UTC.

use crate::on_both_engines;

on_both_engines! {
    /// Ages from columns with and without a time zone, from expressions and queries; each limit has its end.
    fn sources_have_an_age(project) {
        let zone = "settings: {TimeZone: Asia/Tokyo}";
        project.configure_target(zone, "");
        // Three hours ago, once with its zone and once as a clock on a wall in Tokyo says it.
        let ago = |hours: u32| {
            if project.database.is_some() {
                format!("pg_catalog.now() - interval '{hours} hours'")
            } else {
                format!("now() - interval {hours} hour")
            }
        };
        project.execute(&[
            "create schema raw",
            &format!("create table raw.zoned as select {} as at_zone, 'a' as kind union all select {}, 'b'", ago(3), ago(30)),
            &format!(
                "create table raw.walled as select cast(({}) at time zone 'Asia/Tokyo' as timestamp) as wall",
                ago(3)
            ),
            "create table raw.nothing (at_zone timestamp with time zone)",
        ]);
        let sources = |warn: &str, error: &str| {
            project.write(
                "models/sources.yml",
                &format!(
                    "sources:\n  - name: raw\n    loaded_at: at_zone\n    freshness: {{warn_after: {warn}, error_after: {error}}}\n    tables:\n\
                     \x20     - name: zoned\n\
                     \x20     - {{name: walled, loaded_at: wall}}\n\
                     \x20     - {{name: nothing, freshness: null}}\n"
                ),
            );
        };
        let ask = |words: &[&str]| project.suiro(&[&["freshness", "--format", "json"], words].concat());
        sources("4h", "{count: 1, period: day}");
        let ended = ask(&[]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let lines: Vec<serde_json::Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{}", ended.stdout);
        for line in &lines {
            let age = line["age_seconds"].as_f64().unwrap();
            assert!((10_799.0..10_900.0).contains(&age) && line["status"] == "pass", "{line}");
            assert_eq!((&line["warn_after_seconds"], &line["error_after_seconds"]), (&14_400.into(), &86_400.into()));
            assert!(line["loaded_at"].as_str().unwrap().ends_with('Z'));
        }
        sources("2 hours", "1d");
        let ended = ask(&["--select", "source:raw.walled"]);
        assert!(ended.status == 0 && ended.stdout.contains("\"status\":\"warn\""), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("warning[E0520]") && !ended.stdout.contains("zoned"), "{}", ended.stderr);
        sources("1h", "{count: 170, period: minute}");
        let ended = project.suiro(&["freshness"]);
        assert_eq!(ended.status, 65, "{}", ended.stderr);
        assert!(ended.stderr.contains("error[E0520]: `raw.zoned` is 3 hours old"), "{}", ended.stderr);
        assert!(ended.stdout.starts_with("error raw."), "{}", ended.stdout);
        // A filter, a query, no rows, no time, and no such column.
        for (table, status, said) in [
            ("{name: zoned, loaded_at: at_zone, freshness: {error_after: 20h, filter: \"kind = 'b' -- old\"}}", 65, "30 hours"),
            ("{name: zoned, version: 'select max(at_zone) from {{ this }}', freshness: {error_after: 4h}}", 0, "pass"),
            ("{name: nothing, loaded_at: at_zone, freshness: {error_after: 4h}}", 65, "has no rows"),
            ("{name: zoned, freshness: {error_after: 4h}}", 65, "nothing says how old"),
            ("{name: zoned, loaded_at: gone, freshness: {error_after: 4h}}", 66, "gone"),
            ("{name: zoned, loaded_at: at_zone, freshness: {error_after: 4 moons}}", 1, "12h"),
        ] {
            project.write("models/sources.yml", &["sources: [{name: raw, tables: [", table, "]}]\n"].concat());
            let ended = project.suiro(&["freshness"]);
            assert_eq!(ended.status, status, "{table}\n{}{}", ended.stdout, ended.stderr);
            assert!(ended.stdout.contains(said) || ended.stderr.contains(said), "{table}\n{}{}", ended.stdout, ended.stderr);
        }
    }
}

/// Files that are read by a name have an age, too.
#[test]
fn files_have_an_age() {
    let project = crate::project::Project::on_duckdb();
    project.write("data/a.csv", "id,at_zone\n1,2020-01-01 00:00:00+00\n");
    project.write(
        "models/sources.yml",
        "sources: [{name: raw, tables: [{name: a, location: data/*.csv, loaded_at: at_zone, freshness: {error_after: 9d}}]}]\n",
    );
    project.models(&[("m", "select id from raw.a")]);
    project.build(&[]);
    let ended = project.suiro(&["freshness"]);
    assert!(ended.status == 65 && ended.stdout.contains("2020-01-01T00:00:00Z"), "{}{}", ended.stdout, ended.stderr);
}
