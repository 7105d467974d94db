//! Reading projects, case by case: `tests/cases/project/<name>.case` holds a small project in one file, and what suiro
//! says about it.
//!
//! A line `== <section>` starts a section; what stands before the first one says what the case is about.
//!
//! - `== file PATH`: a file of the project. With `(escaped)` after the path, `\xNN` is a byte and `\r`, `\n`, `\t`, `\\`
//!   are what they are elsewhere, and the line breaks of the case itself do not count.
//! - `== link PATH -> TARGET`: a symbolic link.
//! - `== options`: `target: …`, `vars: …`, `dir: …` (`--project-dir`), `from: …` (the current folder), `env NAME: …`.
//! - `== diagnostics`: what is printed; nothing if the section is empty.
//! - `== project`: what was read, if the section is there.
//!
//! `SUIRO_BLESS=1` writes the last two anew.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails here")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};
use suiro::{
    diagnostic::{Diagnostic, Style, code, render},
    project::{Column, Config, LoadOptions, Loaded, Project, RenderScope, Target, TargetKind, TestEntry, load},
    source::Span,
};

struct Case {
    head: String,
    sections: Vec<(String, String)>,
}

impl Case {
    fn read(text: &str) -> Self {
        let mut case = Self { head: String::new(), sections: Vec::new() };
        for line in text.split_inclusive('\n') {
            match line.strip_prefix("== ") {
                Some(title) => case.sections.push((title.trim_end().to_owned(), String::new())),
                None => match case.sections.last_mut() {
                    Some((_, body)) => body.push_str(line),
                    None => case.head.push_str(line),
                },
            }
        }
        case
    }

    fn section(&self, title: &str) -> Option<&str> {
        self.sections.iter().find(|(known, _)| known == title).map(|(_, body)| body.as_str())
    }

    fn text(&self) -> String {
        let mut text = self.head.clone();
        for (title, body) in &self.sections {
            let _ = write!(text, "== {title}\n{body}");
        }
        text
    }
}

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/project");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut failures = String::new();
    let mut count = 0;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "case")) {
        count += 1;
        let mut case = Case::read(&fs::read_to_string(path).unwrap());
        let (diagnostics, project) = run(&case);
        let mut differs = false;
        for (title, body) in &mut case.sections {
            let actual = match title.as_str() {
                "diagnostics" => &diagnostics,
                "project" => &project,
                _ => continue,
            };
            if body != actual {
                differs = true;
                let name = path.file_stem().unwrap().to_string_lossy();
                let _ = writeln!(failures, "=== {name}: {title}\n--- expected\n{body}+++ actual\n{actual}");
                body.clone_from(actual);
            }
        }
        assert!(case.section("diagnostics").is_some(), "{} has no section `diagnostics`", path.display());
        if differs && std::env::var_os("SUIRO_BLESS").is_some() {
            fs::write(path, case.text()).unwrap();
        }
    }
    assert!(count > 30, "only {count} cases were found");
    assert!(std::env::var_os("SUIRO_BLESS").is_some() || failures.is_empty(), "{failures}");
}

fn run(case: &Case) -> (String, String) {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap();
    lay_out(case, &root);
    let mut options = Options::default();
    for line in case.section("options").unwrap_or_default().lines() {
        options.take(line);
    }
    let current = root.join(options.from.as_deref().unwrap_or_default());
    let env = options.env.clone();
    let render_setting = move |template: &str, span: Span, scope: RenderScope<'_>| setting(template, span, scope, &env);
    let load_options = LoadOptions {
        project_dir: options.dir.as_deref().map(Path::new),
        current_dir: &current,
        target: options.target.as_deref(),
        vars: &options.vars,
        env: &options.env,
        render: &render_setting,
        scan_seeds: true,
    };
    let Loaded { project, sources, diagnostics: mut found, secrets } = load(&load_options);
    found.extend(project.iter().flat_map(Project::check_names));
    let mut diagnostics: String = found.iter().map(|diagnostic| render(diagnostic, &sources, Style::PLAIN)).collect();
    diagnostics = diagnostics.replace(root.to_str().unwrap(), "ROOT");
    for diagnostic in found.iter().filter(|diagnostic| diagnostic.help.is_empty() && diagnostic.is_error()) {
        let _ = writeln!(diagnostics, "no way out of {}: {}", diagnostic.code.id, diagnostic.message);
    }
    let mut project = project.map_or_else(|| "none\n".to_owned(), |project| shown(&project, &root));
    if !secrets.is_empty() {
        let _ = writeln!(project, "secrets: {}", secrets.join(" "));
    }
    (diagnostics, project)
}

#[derive(Default)]
struct Options {
    target: Option<String>,
    vars: Vec<String>,
    dir: Option<String>,
    from: Option<String>,
    env: BTreeMap<String, String>,
}

impl Options {
    fn take(&mut self, line: &str) {
        let (key, value) = line.split_once(": ").unwrap();
        match key {
            "target" => self.target = Some(value.to_owned()),
            "vars" => self.vars.push(value.to_owned()),
            "dir" => self.dir = Some(value.to_owned()),
            "from" => self.from = Some(value.to_owned()),
            _ => {
                self.env.insert(key.strip_prefix("env ").unwrap().to_owned(), value.to_owned());
            }
        }
    }
}

fn lay_out(case: &Case, root: &Path) {
    for (title, body) in &case.sections {
        if let Some(link) = title.strip_prefix("link ") {
            let (path, target) = link.split_once(" -> ").unwrap();
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(target, path).unwrap();
        }
        let Some(path) = title.strip_prefix("file ") else { continue };
        let (path, bytes) = match path.strip_suffix(" (escaped)") {
            Some(path) => (path, unescaped(body)),
            None => (path, body.clone().into_bytes()),
        };
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn unescaped(body: &str) -> Vec<u8> {
    let body = body.replace('\n', "");
    let mut bytes = Vec::new();
    let mut rest = body.as_str();
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (used, byte) = match &rest[at + 1..at + 2] {
            "x" => (4, u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap()),
            "r" => (2, b'\r'),
            "n" => (2, b'\n'),
            "t" => (2, b'\t'),
            "\\" => (2, b'\\'),
            other => panic!("the escape \\{other}"),
        };
        bytes.push(byte);
        rest = &rest[at + used..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// What the template phase gives to settings: `env_var`, `var`, `target`.
fn setting(
    template: &str,
    span: Span,
    scope: RenderScope<'_>,
    env: &BTreeMap<String, String>,
) -> Result<String, Vec<Diagnostic>> {
    let mut jinja = minijinja::Environment::new();
    jinja.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let env = env.clone();
    jinja.add_function("env_var", move |name: String, default: Option<String>| {
        env.get(&name).cloned().or(default).ok_or_else(|| {
            minijinja::Error::new(minijinja::ErrorKind::UndefinedError, format!("the variable `{name}` is not set"))
        })
    });
    let vars = scope.vars.clone();
    jinja.add_function("var", move |name: String| {
        vars.get(&name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let target = scope
        .target
        .map(|target| minijinja::context! { name => target.name.as_str(), schema => target.schema.as_str() });
    // JSON is a literal of the template's language, but for null.
    let instance = scope.instance.map(|value| value.to_string().replace("null", "none"));
    let set = instance.map_or_else(String::new, |value| format!("{{% set instance = {value} %}}"));
    jinja.render_str(&format!("{set}{template}"), minijinja::context! { target }).map_err(|error| {
        let message = error.detail().unwrap_or("the template failed").to_owned();
        vec![Diagnostic::error(code::UNSET_VARIABLE, message).at(span, "").help("set it, or give a default")]
    })
}

/// What was read, a line for each thing, without what was not given.
fn shown(project: &Project, root: &Path) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "name: {}", project.name);
    show_target(&mut text, &project.target, root);
    let settings = format!("{:?}", project.settings);
    if settings != default_settings() {
        let settings = &project.settings;
        let paths = (&settings.model_paths, &settings.test_paths, &settings.template_paths);
        let _ = writeln!(text, "paths: {paths:?}");
        let _ = writeln!(
            text,
            "settings: {:?} {:?} {:?}",
            settings.allow_unknown_relations, settings.publish, settings.run_vars
        );
    }
    for (name, selector) in &project.settings.selectors {
        let definition = format!("{:?}", selector.definition);
        let _ = writeln!(text, "selector {name}: {}", without_spans(&definition));
    }
    for (name, value) in &project.vars {
        let _ = writeln!(text, "var {name}: {value}");
    }
    for model in &project.models {
        let sql = model.usable.then_some(model.sql_start);
        let _ = writeln!(text, "model {} = {} from {sql:?}", model.path, model.relation(&project.target));
        show_config(&mut text, &model.config);
        show_columns(&mut text, &model.columns);
        let _ = model.tests.iter().try_for_each(|test| writeln!(text, "  test {}", shown_test(test)));
    }
    for seed in &project.seeds {
        let _ = writeln!(text, "seed {} = {}", seed.path, seed.relation(&project.target));
        show_config(&mut text, &seed.config);
        show_columns(&mut text, &seed.columns);
        if let Some(table) = &seed.table {
            let _ = writeln!(text, "  {} rows, {}", table.rows, &table.hash[..8]);
            let _ =
                table.columns.iter().try_for_each(|column| writeln!(text, "  {} {}", column.name, column.data_type));
            for row in seed.rows() {
                let row = row.unwrap().iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" ");
                let _ = writeln!(text, "  | {}", row.replace("None", "NULL").replace("Some(", "").replace(')', ""));
            }
        }
    }
    for table in &project.source_tables {
        let _ = writeln!(text, "source {}.{} = {}", table.source, table.name.value, table.relation);
        let said = (&table.description, &table.tags, &table.owner, &table.loaded_at, &table.version, table.enabled);
        let _ = writeln!(text, "  {}", without_spans(&format!("{said:?}")));
        show_columns(&mut text, &table.columns);
    }
    for exposure in &project.exposures {
        let reads: Vec<String> = exposure.depends_on.iter().map(|given| given.value.to_string()).collect();
        let _ =
            writeln!(text, "exposure {} {:?} {:?} reads {reads:?}", exposure.name.value, exposure.kind, exposure.owner);
    }
    for (name, block) in &project.docs {
        let _ = writeln!(text, "docs {name}: {block:?}");
    }
    for list in &project.value_lists {
        let values = list.values.as_ref().map_or_else(|| "none".to_owned(), serde_json::Value::to_string);
        let _ = writeln!(text, "values {}: {:?} {values}", list.name, list.query.as_ref().map(|query| &query.value));
    }
    let files = |files: Vec<&str>| files.join(" ");
    for (title, paths) in [
        ("macros", files(project.macro_files.iter().map(|file| file.path.as_str()).collect())),
        ("templates", files(project.template_overrides.values().map(|file| file.path.as_str()).collect())),
        ("tests", files(project.singular_tests.iter().map(|file| file.path.as_str()).collect())),
    ] {
        if !paths.is_empty() {
            let _ = writeln!(text, "{title}: {paths}");
        }
    }
    text
}

fn default_settings() -> String {
    let paths = |path: &str| vec![path.to_owned()];
    format!(
        "{:?}",
        suiro::project::Settings {
            model_paths: paths("models"),
            test_paths: paths("tests"),
            template_paths: paths("templates"),
            ..Default::default()
        }
    )
}

fn show_target(text: &mut String, target: &Target, root: &Path) {
    let kind = match &target.kind {
        TargetKind::DuckDb(duckdb) => format!("{duckdb:?}"),
        TargetKind::Postgres(postgres) => format!("{postgres:?}"),
    };
    let kind = kind.replace(root.to_str().unwrap(), "ROOT");
    let _ = writeln!(
        text,
        "target {} schema {} threads {} {:?}",
        target.name, target.schema, target.threads, target.settings
    );
    let empty = [": None", ": None }", ": []", ": [] }"];
    let given: Vec<&str> = kind.split(", ").filter(|field| !empty.iter().any(|empty| field.ends_with(empty))).collect();
    let _ = writeln!(text, "  {}", given.join(", "));
}

fn show_config(text: &mut String, config: &Config) {
    for (key, setting) in config.iter() {
        let _ = writeln!(text, "  {key}: {}", setting.value);
    }
}

fn show_columns(text: &mut String, columns: &[Column]) {
    for column in columns {
        let kind = column.data_type.as_ref().map_or("", |kind| &kind.value);
        let tests: Vec<String> = column.tests.iter().map(shown_test).collect();
        let description = column.description.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  column {} {kind} {description:?} {tests:?}", column.name.value);
    }
}

fn shown_test(test: &TestEntry) -> String {
    let mut text = test.test.value.clone();
    let name = test.name.iter().map(|name| format!("name={}", name.value));
    let short = test.short.iter().map(|short| format!("={}", short.value));
    let arguments = test.arguments.iter().map(|(name, argument)| format!("{name}={}", argument.value));
    let config = test.config.iter().map(|(key, setting)| format!("{key}:{}", setting.value));
    for part in name.chain(short).chain(arguments).chain(config) {
        let _ = write!(text, " {part}");
    }
    text
}

/// `Given { value: x, span: … }` as `x`.
fn without_spans(debug: &str) -> String {
    let mut text = debug.replace("Given { value: ", "");
    while let Some(start) = text.find(", span: Span {") {
        let end = start + text[start..].find("} }").unwrap() + 3;
        text.replace_range(start..end, "");
    }
    text
}

/// The tables of the reference page are those of the program; `SUIRO_BLESS=1` writes them anew.
#[test]
fn the_reference_page_has_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut written = page.clone();
    for (name, table) in suiro::project::key_reference() {
        let start = format!("<!-- keys: {name} -->\n");
        let from = written.find(&start).unwrap_or_else(|| panic!("the page has no table `{name}`")) + start.len();
        let to = from + written[from..].find("<!-- end -->").unwrap();
        written.replace_range(from..to, &format!("\n{table}\n"));
    }
    if std::env::var_os("SUIRO_BLESS").is_some() {
        fs::write(&path, &written).unwrap();
    } else {
        assert!(page == written, "{} is not up to date: SUIRO_BLESS=1 cargo test --test project", path.display());
    }
}
