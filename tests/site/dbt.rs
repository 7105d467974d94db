//! dbt's artifacts, read by `dbt-artifacts-parser`, which refuses every key that dbt's schemas do not have.

use crate::projects;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// The example's artifacts are dbt's, and tell what suiro knows.
pub fn artifacts_can_be_read() -> Result<(), Failed> {
    let (place, _) = projects::shop()?;
    projects::suiro(place.path(), &["docs", "artifacts", "--format", "dbt"], 0)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(root.join(".cargo/python/bin/python"))
        .arg(root.join("tests/site/dbt.py"))
        .arg(place.path().join("target/dbt"))
        .output()
        .map_err(|error| format!("Python cannot be started ({error}); `bash .ci/setup --tests` installs it"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let told: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(told["resources"], json!(["exposure", "model", "seed", "test"]));
    let parents = &told["parents"]["model.fruit_shop.core_orders"];
    assert_eq!(parents, &json!(["model.fruit_shop.core_order_items", "model.fruit_shop.staging_orders"]));
    let board = &told["parents"]["exposure.fruit_shop.sales_board"];
    assert_eq!(board, &json!(["model.fruit_shop.best_fruits", "model.fruit_shop.daily_sales"]));
    let fruits = &told["columns"]["seed.fruit_shop.raw_fruits"];
    assert_eq!(fruits[0], json!("fruit_code"));
    assert_eq!(told["statuses"], json!(["pass", "success"]));
    assert_eq!(told["results"], json!(24));
    Ok(())
}
