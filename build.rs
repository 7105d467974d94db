//! Lets the binary find the DuckDB library it was linked with: first beside itself, then where it was at link time.

use std::{env, fs, path::Path};

fn main() {
    // What is compiled into the program besides Rust.
    for path in ["build.rs", "templates", "docs/errors", "models", "tests/shop", "suiro.yml"] {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() || cfg!(not(target_os = "linux")) {
        return;
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN");
    if let Some(folder) = env::var_os("DUCKDB_LIB_DIR") {
        // The folder is a link that may be set or moved after this ran: a library that appears there counts as a change.
        println!("cargo:rerun-if-changed={}", Path::new(&folder).join("libduckdb.so").display());
        if let Ok(folder) = fs::canonicalize(folder) {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
        }
    }
}
