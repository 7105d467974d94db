//! `suiro docs`: the documentation of a project, as a page that opens from the disk.

mod serve;

pub use serve::serve;

use crate::{
    artifact::Store,
    cli::{
        app::App,
        arguments::{DiagramLanguage, DocsGenerate, DocsGraph},
    },
    compile::Compilation,
    diagnostic::Diagnostic,
    exit::Exit,
    graph::Selection,
    site::{self, Content, Diagram, File, Past, Reading},
};

/// The folder below `target/`.
const FOLDER: &str = "docs";

/// How many runs are told of.
const RUNS: usize = 12;

/// How many bytes of a log are read: it is there for every statement, and of a large project it is long.
const LONGEST_LOG: u64 = 32_000_000;

/// From this size on, in bytes, a page is one that browsers take a while to open.
const LARGE: usize = 25_000_000;

/// Writes the documentation; asks no database.
pub fn generate(app: &App, arguments: &DocsGenerate) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let everything: Selection = compilation.manifest.iter().map(|(id, _)| id).collect();
    let exit = app.judge(&compilation, &everything);
    let store = Store::of(&compilation.project.root);
    let files = files(app, &compilation, arguments.split);
    let size: usize = files.iter().map(|file| file.text.len()).sum();
    if let Err(diagnostic) = write(&store, &files) {
        return exit.or(app.fail(&[diagnostic], &compilation.sources));
    }
    app.terminal.say("Wrote target/docs/index.html");
    if size > LARGE && !arguments.split {
        let size = size / 1_000_000;
        app.terminal.say(&format!("It is large ({size} MB); with `--split` it becomes a folder that opens faster."));
    }
    exit
}

/// Prints the graph as text that other programs draw.
pub fn graph(app: &App, arguments: &DocsGraph) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let selection = match app.selection(&compilation, &arguments.choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let language = match arguments.format {
        DiagramLanguage::Mermaid => Diagram::Mermaid,
        DiagramLanguage::Dot => Diagram::Dot,
    };
    app.terminal.data(&site::diagram(&compilation.manifest, &selection, language));
    app.judge(&compilation, &selection)
}

/// The files of the documentation.
fn files(app: &App, compilation: &Compilation, split: bool) -> Vec<File> {
    let content = content(compilation);
    let mask = |text: &str| app.terminal.mask(text);
    let mask: Option<site::Mask<'_>> = if compilation.secrets.is_empty() { None } else { Some(&mask) };
    if split {
        site::pages(&content, mask)
    } else {
        vec![File { path: "index.html".to_owned(), text: site::page(&content, mask, Reading::File) }]
    }
}

/// What the documentation tells: the project, and its last runs.
fn content(compilation: &Compilation) -> Content {
    let store = Store::of(&compilation.project.root);
    let past = Past::read(&compilation.manifest, store.read("run_results.json").as_deref(), &logs(&store));
    site::content(compilation, &past)
}

/// The logs of the last runs with the runs' names, the newest first.
fn logs(store: &Store) -> Vec<(String, String)> {
    let folder = store.folder().join("logs");
    let Ok(entries) = fs_err::read_dir(&folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() <= LONGEST_LOG))
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".jsonl").map(str::to_owned))
        .collect();
    names.sort_by(|one, other| other.cmp(one));
    names.truncate(RUNS);
    names
        .into_iter()
        .filter_map(|name| Some((store.read(&format!("logs/{name}.jsonl"))?, name)))
        .map(|(text, name)| (name, text))
        .collect()
}

/// Writes files below `target/docs`, and takes away those of an earlier time that are no longer there.
fn write(store: &Store, files: &[File]) -> Result<(), Diagnostic> {
    for file in files {
        store.write(&format!("{FOLDER}/{}", file.path), file.text.as_bytes())?;
    }
    store.retain(FOLDER, &files.iter().map(|file| file.path.as_str().into()).collect())
}
