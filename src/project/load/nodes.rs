//! Files and what is said about them to models and seeds.

use super::{Loading, files::Opening};
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        Column, TextFile,
        config::{Config, NodeKind},
        disk::{Found, Walk},
        field::{Given, Reader},
        folder::Defaults,
        matching::{Candidate, entries_of},
        model::{self, InFile, Model, Opened},
        property::{
            Description, FixtureFile, Properties, SourceTable, TestEntry, UnitEntry, is_unit_file, merge_columns,
            unit_file,
        },
        seed::{self, Format, Seed},
        target::Target,
        yaml::{self, Node},
    },
    source::{SourceFile, Span},
};
use rayon::prelude::*;

impl Loading<'_> {
    pub(super) fn properties(
        &mut self,
        reader: &mut Reader<'_>,
        yamls: &[Opening],
        fixtures: Vec<FixtureFile>,
    ) -> Properties {
        let usable: Vec<&Opening> = yamls.iter().filter(|yaml| yaml.usable).collect();
        let sources = &*self.sources;
        let trees: Vec<(Option<Node>, Vec<Diagnostic>)> = usable
            .par_iter()
            .map(|yaml| {
                let text = sources.get(yaml.file).text();
                yaml::read(yaml.file, text, 0..text.len(), code::BROKEN_YAML)
            })
            .collect();
        let mut properties = Properties { fixtures, ..Properties::default() };
        for (yaml, (node, found)) in usable.iter().zip(trees) {
            self.found.extend(found);
            if let Some(node) = node {
                properties.read(reader, yaml.file, &yaml.found.path, &node);
            }
        }
        properties
    }

    pub(super) fn match_entries(
        &mut self,
        (sqls, csvs, tests): (&[Opening], &[&Found], &[Opening]),
        descriptions: &[Description],
    ) -> Vec<Option<usize>> {
        let models = sqls.iter().map(|sql| (NodeKind::Model, &sql.found));
        let seeds = csvs.iter().map(|csv| (NodeKind::Seed, *csv));
        let tests = tests.iter().map(|test| (NodeKind::Test, &test.found));
        let candidates: Vec<Candidate<'_>> = models
            .chain(seeds)
            .chain(tests)
            .map(|(kind, found)| Candidate { kind, stem: found.stem(), path: &found.path })
            .collect();
        entries_of(&candidates, descriptions, self.found)
    }

    /// The files of rows below `fixtures/` of the test paths.
    pub(super) fn fixtures(&mut self, tests: &Walk) -> Vec<FixtureFile> {
        let files: Vec<&Found> = tests.files.iter().filter(|file| is_fixture(file)).collect();
        let files = self.text_files(files.into_iter());
        let fixture = |file: TextFile| {
            let below = file.below.strip_prefix(FIXTURES).unwrap_or(&file.below);
            let (name, extension) = below.rsplit_once('.').unwrap_or((below, ""));
            let (name, is_csv) = (name.to_owned(), extension.eq_ignore_ascii_case("csv"));
            FixtureFile { name, path: file.path, is_csv, file: file.file, text: file.text }
        };
        files.into_iter().map(fixture).collect()
    }

    /// The unit tests among test files, and the files themselves; they are no tests of rows.
    pub(super) fn unit_files(
        &mut self,
        reader: &mut Reader<'_>,
        tests: Vec<Opening>,
        defaults: &Defaults,
    ) -> (Vec<Opening>, Vec<UnitEntry>) {
        let (mut others, mut units) = (Vec::new(), Vec::new());
        for test in tests {
            let opened = model::open(test.file, self.sources.get(test.file).text());
            let Some(node) = opened.yaml.as_ref().filter(|node| test.usable && is_unit_file(node)) else {
                others.push(test);
                continue;
            };
            self.found.extend(opened.found);
            let name = Given::new(test.found.stem().to_owned(), Span::new(test.file, 0..0));
            let Some(mut entry) = unit_file(reader, node, name) else { continue };
            entry.config = entry.config.over(&defaults.of(test.found.below_without_extension()));
            let file = Model {
                kind: NodeKind::Test,
                file: test.file,
                stem: test.found.stem().to_owned(),
                below: test.found.below_without_extension().to_owned(),
                path: test.found.path,
                sql_start: opened.sql_start,
                config: entry.config.clone(),
                columns: Vec::new(),
                tests: Vec::new(),
                instance: None,
                usable: opened.usable,
            };
            units.push(UnitEntry { file: Some(Box::new(file)), ..entry });
        }
        (others, units)
    }

    /// The files of SQL of one kind.
    pub(super) fn models(
        &mut self,
        reader: &mut Reader<'_>,
        (kind, sqls): (NodeKind, Vec<Opening>),
        defaults: &Defaults,
        (entries, descriptions): (&[Option<usize>], &[Description]),
    ) -> Vec<Model> {
        let sources = &*self.sources;
        let opened: Vec<Opened> =
            sqls.par_iter().map(|sql| model::open(sql.file, sources.get(sql.file).text())).collect();
        let mut models = Vec::with_capacity(sqls.len());
        for ((sql, opened), entry) in sqls.into_iter().zip(opened).zip(entries) {
            if sql.usable {
                self.found.extend(opened.found);
            }
            let in_file = opened.yaml.as_ref().map(|node| model::in_file(reader, node, kind)).unwrap_or_default();
            let InFile { config, columns, tests } = in_file;
            let described = Described::of(*entry, descriptions, defaults, &sql.found);
            models.push(Model {
                kind,
                file: sql.file,
                stem: sql.found.stem().to_owned(),
                below: sql.found.below_without_extension().to_owned(),
                path: sql.found.path,
                sql_start: opened.sql_start,
                config: config.over(&described.config),
                columns: merge_columns(columns, described.columns),
                tests: described.tests.into_iter().chain(tests).collect(),
                instance: None,
                usable: sql.usable && opened.usable,
            });
        }
        models
    }

    pub(super) fn seeds(
        &mut self,
        csvs: &[&Found],
        defaults: &Defaults,
        entries: &[Option<usize>],
        descriptions: &[Description],
    ) -> Vec<Seed> {
        let mut seeds = Vec::with_capacity(csvs.len());
        for (csv, entry) in csvs.iter().zip(entries) {
            let Described { config, columns, tests } = Described::of(*entry, descriptions, defaults, csv);
            if let Some(other) = config.materialized().filter(|given| given.value != "seed") {
                let message = format!("`{}` is a seed and cannot be materialized as `{}`", csv.path, other.value);
                let found = Diagnostic::error(code::WRONG_VALUE, message).at(other.span, "");
                self.found.push(found.help("remove the key; a model that reads the seed can be anything"));
            }
            let format = Format::of(&config, self.found);
            // Messages about the seed as a whole show its first line.
            let header = seed::excerpt(&csv.absolute, format.encoding, 1).unwrap_or_default();
            seeds.push(Seed {
                file: self.sources.add(SourceFile::excerpt(csv.path.as_str(), 1, header)),
                path: csv.path.clone(),
                below: csv.below_without_extension().to_owned(),
                stem: csv.stem().to_owned(),
                absolute: csv.absolute.clone(),
                config,
                columns,
                tests,
                table: None,
                format,
            });
        }
        seeds
    }

    pub(super) fn scan(&mut self, seeds: &mut [Seed], target: Option<&Target>) {
        let dialect = target.map(Target::dialect);
        let scanned: Vec<_> = seeds.par_iter().map(|seed| seed.config.enabled().then(|| seed.scan(dialect))).collect();
        for (seed, scanned) in seeds.iter_mut().zip(scanned) {
            let problems = match scanned {
                None => continue,
                Some(Ok((table, warnings))) => {
                    self.found.extend(seed::unknown_types(seed, &table));
                    seed.table = Some(table);
                    warnings
                }
                Some(Err(problems)) => problems,
            };
            for problem in problems {
                let diagnostic = problem.into_diagnostic(seed, self.sources);
                self.found.push(diagnostic);
            }
        }
    }
}

/// Where files of rows stand, below a test path.
const FIXTURES: &str = "fixtures/";

/// Whether a file below a test path is one of rows.
pub(super) fn is_fixture(file: &Found) -> bool {
    file.below.starts_with(FIXTURES) && matches!(file.extension().as_str(), "csv" | "sql")
}

/// Lays what the folders say about tests under the configuration of every test of a model, seed or source table.
pub(super) fn lay_under_tests(
    defaults: &Defaults,
    (models, seeds): (&mut [Model], &mut [Seed]),
    (tables, yamls): (&mut [SourceTable], &[Opening]),
) {
    if defaults.is_empty() {
        return;
    }
    let lay = |path: &str, tests: &mut Vec<TestEntry>, columns: &mut Vec<Column>| {
        let farther = defaults.of(path);
        let of_columns = columns.iter_mut().flat_map(|column| column.tests.iter_mut());
        for test in tests.iter_mut().chain(of_columns) {
            test.config = std::mem::take(&mut test.config).over(&farther);
        }
    };
    for model in models {
        lay(&model.below, &mut model.tests, &mut model.columns);
    }
    for seed in seeds {
        lay(&seed.below, &mut seed.tests, &mut seed.columns);
    }
    for table in tables {
        let yaml = yamls.iter().find(|yaml| yaml.file == table.file);
        let below = yaml.map_or("", |yaml| yaml.found.below_without_extension());
        lay(below, &mut table.tests, &mut table.columns);
    }
}

/// What is said about a node outside its own file.
struct Described {
    config: Config,
    columns: Vec<Column>,
    tests: Vec<TestEntry>,
}

impl Described {
    fn of(entry: Option<usize>, descriptions: &[Description], defaults: &Defaults, found: &Found) -> Self {
        let farther = defaults.of(found.below_without_extension());
        match entry.and_then(|entry| descriptions.get(entry)) {
            Some(entry) => Self {
                config: entry.config.clone().over(&farther),
                columns: entry.columns.clone(),
                tests: entry.tests.clone(),
            },
            None => Self { config: farther, columns: Vec::new(), tests: Vec::new() },
        }
    }
}
