//! Lets the binary find the DuckDB library it was linked with: first beside itself, then where it was at link time.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if std::env::var_os("CARGO_FEATURE_BUNDLED").is_some() || cfg!(not(target_os = "linux")) {
        return;
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN");
    if let Some(folder) = std::env::var_os("DUCKDB_LIB_DIR")
        && let Ok(folder) = std::fs::canonicalize(folder)
    {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}
