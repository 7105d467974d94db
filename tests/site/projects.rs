//! The projects whose documentation is looked at.

use libtest_mimic::Failed;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

fn suiro(root: &Path, words: &[&str], status: i32) -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_suiro")).args(words).current_dir(root).output()?;
    if output.status.code() == Some(status) {
        return Ok(());
    }
    Err(format!("suiro {}: {}\n{}", words.join(" "), output.status, String::from_utf8_lossy(&output.stderr)).into())
}

fn write(root: &Path, files: &[(&str, &str)]) -> Result<(), Failed> {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap())?;
        fs::write(path, text)?;
    }
    Ok(())
}

type Made = Result<(TempDir, PathBuf), Failed>;

fn page(place: TempDir) -> (TempDir, PathBuf) {
    let page = place.path().join("target/docs/index.html");
    (place, page)
}

/// The example, built twice, with an exposure and a docs block.
pub fn shop() -> Made {
    let place = tempfile::tempdir()?;
    let root = place.path();
    suiro(root, &["init", "--quiet", "."], 0)?;
    write(
        root,
        &[
            (
                "models/exposures.yml",
                "exposures:\n  - name: sales_board\n    label: Sales board\n    type: dashboard\n    owner: Ann\n    url: \
                 https://example.org/board\n    depends_on: [daily_sales, best_fruits]\n    description: What *everybody* \
                 looks at, see [orders](#/model/core.orders).\n",
            ),
            ("models/docs.md", "{% docs __overview__ %}\nThe **shop** sells fruit.\n{% enddocs %}\n"),
        ],
    )?;
    suiro(root, &["build", "--quiet"], 0)?;
    suiro(root, &["build", "--quiet"], 0)?;
    suiro(root, &["docs", "generate"], 0)?;
    Ok(page(place))
}

/// Names, descriptions and SQL that try to end an element or to run something, and a test that fails.
pub fn hostile() -> Made {
    let place = tempfile::tempdir()?;
    let root = place.path();
    let attack = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>";
    let markdown = "[a link](javascript:window.hacked=3) ![a picture](https://example.org/x.png) </style>";
    write(
        root,
        &[
            (
                "suiro.yml",
                "name: \"<script>window.hacked = 4;<b>\"\ntarget: local\ntargets: {local: {type: duckdb, path: \
                 x.duckdb}}\nmodels: {tags: [\"</script>\"]}\n",
            ),
            (
                "models/model.sql",
                "/*---\nalias: \"</script><script>window.hacked = 5</script>\"\n---*/\nselect 1 as \"<b>column</b>\", '</style> \
                 </script> <!--' as text -- </style><script>window.hacked = 6</script>\n",
            ),
            (
                "models/reader.sql",
                "select * from {{ ref('model') }} where text <> '<img src=x onerror=window.hacked=7>'\n",
            ),
            (
                "models/all.yml",
                &format!(
                    "models:\n  - name: reader\n    description: |\n      {attack}\n\n      {markdown}\n    owner: \
                     \"<i>owner</i>\"\n    meta: {{\"<b>\": \"</script>\"}}\n    columns:\n      - name: text\n        description: \
                     \"{}\"\n        tests: [{{accepted_values: {{values: [other]}}}}]\n",
                    attack.replace('"', "\\\"")
                ),
            ),
        ],
    )?;
    suiro(root, &["build", "--quiet"], 65)?;
    suiro(root, &["docs", "generate"], 0)?;
    Ok(page(place))
}

/// 600 models in layers and folders, from a file with instances, too.
pub fn large(split: bool) -> Made {
    let place = tempfile::tempdir()?;
    let root = place.path();
    let mut files = vec![("suiro.yml".to_owned(), "name: large\ntarget: local\ntargets: {local: {type: duckdb, path: x.duckdb}}\nmodels:\n  one: {schema: one}\n  two: {schema: two}\n  report: {schema: report, tags: [report]}\n".to_owned())];
    for number in 0..200 {
        files.push((
            format!("models/one/area_{}/one_{number:03}.sql", number / 50),
            format!("select {number} as id, 'needle{number}x' as word\n"),
        ));
        let parents = [number, number * 7 % 200];
        let sql = format!(
            "select a.id, b.word from one.one_{:03} a join one.one_{:03} b on a.id = b.id\n",
            parents[0], parents[1]
        );
        files.push((format!("models/two/two_{number:03}.sql"), sql));
    }
    let mut names = String::new();
    for number in 0..200 {
        write!(names, "{}r{number:03}", if number > 0 { ", " } else { "" }).unwrap();
    }
    files.push((
        "models/report/report.sql".to_owned(),
        format!("/*---\ninstances: [{names}]\n---*/\nselect id, {{{{ instance }}}} as name from two.two_000\n"),
    ));
    for (path, text) in &files {
        write(root, &[(path, text)])?;
    }
    suiro(root, if split { &["docs", "generate", "--split"] } else { &["docs", "generate"] }, 0)?;
    Ok(page(place))
}

/// The same project gives the same bytes, and a second time nothing is written.
pub fn is_stable() -> Result<(), Failed> {
    let (place, page) = large(false)?;
    let first = fs::read(&page)?;
    let time = fs::metadata(&page)?.modified()?;
    suiro(place.path(), &["docs", "generate"], 0)?;
    assert_eq!(first, fs::read(&page)?);
    assert_eq!(time, fs::metadata(&page)?.modified()?, "an unchanged page is left alone");
    suiro(place.path(), &["docs", "generate", "--split"], 0)?;
    assert!(place.path().join("target/docs/sql/000.js").exists());
    suiro(place.path(), &["docs", "generate"], 0)?;
    assert!(!place.path().join("target/docs/sql/000.js").exists(), "what belongs to another shape is taken away");
    Ok(())
}

/// The value of a secret is nowhere in the page.
pub fn secrets_are_masked() -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let root = place.path();
    write(
        root,
        &[
            (
                "suiro.yml",
                "name: secrets\nsecrets: [\"{{ env_var('SUIRO_SECRET_WORD') }}\"]\ntarget: local\ntargets: {local: {type: duckdb, path: x.duckdb}}\n",
            ),
            ("models/a.sql", "select 1 as id\n"),
            ("models/a.yml", "models:\n  - name: a\n    description: The word is s3cr3t-w0rd.\n"),
        ],
    )?;
    let output = Command::new(env!("CARGO_BIN_EXE_suiro"))
        .args(["docs", "generate"])
        .env("SUIRO_SECRET_WORD", "s3cr3t-w0rd")
        .current_dir(root)
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = fs::read_to_string(root.join("target/docs/index.html"))?;
    assert!(page.contains("The word is *****"), "the description is told");
    assert!(!page.contains("s3cr3t-w0rd"));
    Ok(())
}
