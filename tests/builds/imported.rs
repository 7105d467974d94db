//! A dbt project becomes one of suiro's, which builds the same rows.

use crate::on_both_engines;
use std::{collections::BTreeSet, fs, path::Path};

on_both_engines! {
    fn a_dbt_project_builds_the_same_rows(project) {
        let dbt = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/dbt/market");
        let dbt = dbt.to_str().unwrap();
        let imported = project.suiro(&["import", "dbt", dbt, "--to", "market"]);
        assert_eq!(imported.status, 0, "{}", imported.stderr);
        for said in [
            "9 of 10 ref() and source() are plain names now.",
            "models/staging/stg_sales.sql:5  `ref('sales')` stays: a CTE in this file has the same name",
            "models/marts/keys.sql:2  `dbt_utils.generate_surrogate_key` is a macro of a package",
            "`surrogate_key()` built in",
            "macros/schema.sql:1  `generate_schema_name` has no effect",
            "snapshots/fruits_history.sql:1  a snapshot was left out",
            "analyses/look.sql:1  an analysis was left out",
            "tests/generic/is_even.sql:1  a generic test was left out",
            "packages.yml:2  the package `dbt-labs/dbt_utils` was not copied",
        ] {
            assert!(imported.stdout.contains(said), "{said}\n{}", imported.stdout);
        }
        let read = |path: &str| fs::read_to_string(project.path().join("market").join(path)).unwrap();
        assert!(read("models/marts/daily_sales.sql").contains("from stg_sales as s\njoin stg_fruits as f"));
        assert!(read("models/staging/stg_weather.sql").contains("from weather_station.obs"));
        assert!(read("models/staging/stg_sales.sql").contains("from {{ ref('sales') }}"));
        assert!(read("models/marts/sales_log.sql").contains("from stg_sales\n{% if is_incremental() %}"));
        assert!(read("suiro.yml").contains("on_run_end: [\"select 1\"]"));
        assert!(read("tests/no_free_sales.sql").contains("from daily_sales where"));

        // Nothing is written over.
        let again = project.suiro(&["import", "dbt", dbt, "--to", "market"]);
        assert!(again.status == 64 && again.stderr.contains("not empty"), "{}", again.stderr);
        let json = project.suiro(&["import", "dbt", dbt, "--to", "other", "--format", "json"]);
        let notes: Vec<serde_json::Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(notes.iter().any(|note| note["path"] == "models/marts/keys.sql" && note["line"] == 2), "{}", json.stdout);

        project.execute(&[
            "create schema weather_station",
            "create table weather_station.obs as select cast('2026-01-01' as date) as seen_on, 'rain' as weather",
        ]);
        // What the report says needs a hand.
        let keys = read("models/marts/keys.sql").replace("dbt_utils.generate_surrogate_key", "surrogate_key");
        fs::write(project.path().join("market/models/marts/keys.sql"), keys).unwrap();
        // The same target as that of the test.
        let target = fs::read_to_string(project.path().join("suiro.yml")).unwrap().replace("it.duckdb", "../it.duckdb");
        let target = target.lines().filter(|line| line.starts_with("targets:") || line.starts_with("  it:"));
        let local = target.chain(["target: it"]).collect::<Vec<_>>().join("\n");
        fs::write(project.path().join("market/suiro.local.yml"), local).unwrap();
        for _ in 0..2 {
            project.build(&["--project-dir", "market"]);
            assert_eq!(
                project.rows("select day, weather, revenue, dear_fruits from marts.daily_sales order by day"),
                ["2026-01-01|rain|1260|1", "2026-01-02|NULL|240|0", "2026-01-03|NULL|800|0"]
            );
            assert_eq!(project.rows("select fruit, price_with_tax from staging.stg_fruits order by fruit_id"), ["apple|130", "melon|972", "mikan|86"]);
            assert_eq!(project.rows("select sale_id from marts.sales_log order by sale_id"), ["1", "2", "3", "4"]);
            assert_eq!(project.rows("select revenue_rank from marts.best order by day"), ["1", "3", "2"]);
        }
        let listed = project.suiro(&["ls", "--project-dir", "market", "--format", "json"]).stdout;
        let names: BTreeSet<String> = listed
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|node| node["kind"] == "model")
            .map(|node| node["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["best", "daily_sales", "sales_log", "stg_fruits", "stg_sales", "stg_weather"].map(str::to_owned).into());
    }
}
