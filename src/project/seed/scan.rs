//! The two readings of a seed's file: once for its types and hash, once for its rows.

use super::{
    Problem, Seed, decode,
    infer::{Inference, SeedType, spelled},
    records::{Broken, Record, Records},
};
use crate::{
    diagnostic::{Diagnostic, Severity, closest, code},
    dialect::Dialect,
    project::disk,
    source::Span,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead, Read},
};

/// How many rows of another length are named.
const MOST_NAMED: usize = 5;

/// What a seed's file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedTable {
    /// The columns, in order.
    pub columns: Vec<SeedColumn>,
    /// How many rows there are, without the header.
    pub rows: u64,
    /// A hash of header and rows as they were parsed; line ends, quotes and encoding do not count. Hexadecimal, 64 digits.
    pub hash: String,
}

/// A column of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedColumn {
    /// Its name in the header.
    pub name: String,
    /// Its type in SQL: the one of `column_types`, else the inferred one.
    pub data_type: String,
    /// The inferred type; nothing where `column_types` gives one.
    pub inferred: Option<SeedType>,
}

type Input = Records<Box<dyn BufRead>>;

fn open(seed: &Seed) -> io::Result<Input> {
    disk::regular(&seed.absolute)?;
    let file = fs_err::File::open(&seed.absolute)?;
    let format = &seed.format;
    Ok(Records::new(decode::decoded(file, format.encoding)?, format.delimiter, format.quote))
}

/// Reads the whole file. The problems beside a table are warnings.
pub(super) fn scan(seed: &Seed, dialect: Option<Dialect>) -> Result<(SeedTable, Vec<Problem>), Vec<Problem>> {
    let mut scanning = Scanning { seed, problems: Vec::new() };
    let table = match scanning.table(dialect) {
        Ok(table) => table,
        Err(broken) => {
            let start = start_of(seed).unwrap_or_default();
            scanning.problems.push(Problem::of(broken, &seed.path, &start));
            None
        }
    };
    let errors = scanning.problems.iter().any(|problem| problem.severity == Severity::Error);
    match table.filter(|_| !errors) {
        Some(table) => Ok((table, scanning.problems)),
        None => Err(scanning.problems),
    }
}

fn start_of(seed: &Seed) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    fs_err::File::open(&seed.absolute)?.take(2).read_to_end(&mut start)?;
    Ok(start)
}

/// What seems to separate the values, where the delimiter does not: it stands in the only name.
fn other_delimiter(header: &[String]) -> Option<char> {
    let [only] = header else { return None };
    [';', '\t', '|', ','].into_iter().find(|other| only.contains(*other))
}

struct Scanning<'s> {
    seed: &'s Seed,
    problems: Vec<Problem>,
}

impl Scanning<'_> {
    fn table(&mut self, dialect: Option<Dialect>) -> Result<Option<SeedTable>, Broken> {
        let mut records = open(self.seed).map_err(Broken::Unreadable)?;
        let mut record = Record::default();
        let header = loop {
            if !records.next(&mut record)? {
                let help = "write the names of the columns on the first line, or remove the file";
                self.problems.push(Problem::new(
                    1,
                    "the seed is empty: it has no line with the names of its columns",
                    "",
                    help,
                ));
                return Ok(None);
            }
            if !record.is_blank() {
                break self.header(&record, dialect);
            }
        };
        let mut hash = Hash::new();
        hash.row(header.iter().map(|name| Some(name.as_str())));
        let mut inferences = vec![Inference::Nothing; header.len()];
        let mut rows = 0;
        let mut ragged = Ragged::default();
        // In a seed of one column a blank line is a row, except those at the end of the file.
        let mut blank = 0;
        while records.next(&mut record)? {
            if record.is_blank() {
                blank += 1;
                continue;
            }
            for _ in 0..if header.len() == 1 { std::mem::take(&mut blank) } else { 0 } {
                rows += 1;
                hash.row([None]);
            }
            if record.len() != header.len() {
                ragged.note(&record);
                continue;
            }
            rows += 1;
            for ((value, quoted), inference) in record.values().zip(&mut inferences) {
                if value.contains('\0') {
                    let help = "remove it, or say what the file is with `encoding`";
                    self.problems.push(Problem::new(
                        record.line,
                        "a value holds a NUL character, which no text in a database can",
                        "",
                        help,
                    ));
                    return Ok(None);
                }
                if let Some(value) = null_or(&self.seed.format.null_values, value, quoted) {
                    *inference = inference.with(value);
                }
            }
            hash.row(record.values().map(|(value, quoted)| null_or(&self.seed.format.null_values, value, quoted)));
        }
        self.ragged(&ragged, &header);
        let columns = self.columns(header, &inferences);
        Ok(Some(SeedTable { columns, rows, hash: hash.finish() }))
    }

    /// The names of the columns; wrong ones are reported.
    fn header(&mut self, record: &Record, dialect: Option<Dialect>) -> Vec<String> {
        let names: Vec<String> = record.values().map(|(name, _)| name.trim().to_owned()).collect();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let line = record.line;
        for (index, name) in names.iter().enumerate() {
            let number = index + 1;
            if name.is_empty() {
                let message = format!("column {number} of the seed has no name");
                self.problems.push(Problem::new(line, message, "", "give it a name, or remove the column"));
                continue;
            }
            // DuckDB does not tell names apart by case, and a seed is the same everywhere.
            if let Some(first) = seen.insert(name.to_lowercase(), number) {
                let message = format!("the columns {first} and {number} of the seed are both called `{name}`");
                self.problems.push(Problem::new(line, message, "", "rename one of the two"));
            }
            if name.chars().any(char::is_control) {
                let message = format!("the name of column {number} has a control character in it");
                self.problems.push(Problem::new(line, message, "", "rename the column"));
            }
            if let Some(limit) = dialect.and_then(Dialect::longest_name)
                && name.len() > limit
            {
                let message =
                    format!("the column `{name}` has a name of {} bytes, and PostgreSQL keeps {limit}", name.len());
                self.problems
                    .push(Problem { code: code::BAD_NAME, ..Problem::new(line, message, "", "shorten the name") });
            }
        }
        if let Some(other) = other_delimiter(&names) {
            let shown = if other == '\t' { "tab".to_owned() } else { format!("'{other}'") };
            let message = format!(
                "the seed has only one column, and its name contains {}",
                if other == '\t' { "a tab".to_owned() } else { format!("`{other}`") }
            );
            let name = &self.seed.stem;
            let help = format!(
                "if that separates the values, write `seeds: [{{name: {name}, delimiter: {shown}}}]` into a .yml file beside it"
            );
            self.problems.push(Problem { severity: Severity::Warning, ..Problem::new(line, message, "", help) });
        }
        names
    }

    fn ragged(&mut self, ragged: &Ragged, header: &[String]) {
        let Some(&(line, count)) = ragged.named.first() else { return };
        let values = |count: usize| if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
        let columns = if header.len() == 1 { "1 column".to_owned() } else { format!("{} columns", header.len()) };
        let message = format!("line {line} has {}, and the header has {columns}", values(count));
        let help = if other_delimiter(header).is_some() {
            "say what separates the values, with `delimiter`"
        } else if count > header.len() {
            "put a value that contains the delimiter in quotes"
        } else {
            "write every delimiter, also those between empty values"
        };
        let mut problem = Problem::new(line, message, values(count), help);
        let named: Vec<String> = ragged.named.iter().skip(1).map(|(line, _)| line.to_string()).collect();
        if !named.is_empty() {
            let others = ragged.all - 1 - named.len();
            let more = if others == 0 { String::new() } else { format!(" and {others} more") };
            let these = if named.len() == 1 && others == 0 { "line" } else { "lines" };
            problem.notes.push(format!("the same is wrong with {these} {}{more}", named.join(", ")));
        }
        self.problems.push(problem);
    }

    fn columns(&mut self, header: Vec<String>, inferences: &[Inference]) -> Vec<SeedColumn> {
        let given = &self.seed.format.column_types;
        let columns = header.into_iter().zip(inferences).map(|(name, inference)| {
            let kind = inference.kind();
            match given.get(&name).cloned() {
                Some(data_type) => SeedColumn { name, data_type, inferred: None },
                None => SeedColumn { name, data_type: kind.to_string(), inferred: Some(kind) },
            }
        });
        columns.collect()
    }
}

/// `column_types` that are given for columns that do not exist.
pub(crate) fn unknown_types(seed: &Seed, table: &SeedTable) -> Vec<Diagnostic> {
    let Some(at) = seed.format.types_at else { return Vec::new() };
    let known: BTreeSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let unknown = seed.format.column_types.keys().filter(|name| !known.contains(name.as_str()));
    unknown
        .map(|name| {
            let message = format!("`column_types` names the column `{name}`, which `{}` does not have", seed.path);
            let found = Diagnostic::error(code::DESCRIBES_NOTHING, message).at(at, "");
            found.help(match closest(name, known.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("the columns are {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
            })
        })
        .collect()
}

/// The first rows of another length, and how many there are.
#[derive(Default)]
struct Ragged {
    named: Vec<(u64, usize)>,
    all: usize,
}

impl Ragged {
    fn note(&mut self, record: &Record) {
        self.all += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push((record.line, record.len()));
        }
    }
}

/// The value, unless it is NULL: nothing between two delimiters, or one of `null_values`. A quoted value never is.
fn null_or<'v>(null_values: &BTreeSet<String>, value: &'v str, quoted: bool) -> Option<&'v str> {
    (quoted || (!value.is_empty() && !null_values.contains(value))).then_some(value)
}

/// A hash over rows: every value with its length, so that no two tables look the same.
struct Hash {
    hasher: blake3::Hasher,
    row: Vec<u8>,
}

impl Hash {
    fn new() -> Self {
        Self { hasher: blake3::Hasher::new(), row: Vec::new() }
    }

    fn row<'v>(&mut self, values: impl IntoIterator<Item = Option<&'v str>>) {
        self.row.clear();
        for value in values {
            match value {
                None => self.row.push(0),
                Some(value) => {
                    self.row.push(1);
                    self.row.extend_from_slice(&(value.len() as u64).to_le_bytes());
                    self.row.extend_from_slice(value.as_bytes());
                }
            }
        }
        self.row.push(2);
        self.hasher.update(&self.row);
    }

    fn finish(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }
}

/// The rows of a seed, without its header.
pub struct Rows {
    input: Option<Input>,
    failed: Option<Diagnostic>,
    record: Record,
    path: String,
    place: Span,
    null_values: BTreeSet<String>,
    /// The inferred types, by which values are spelled.
    types: Vec<Option<SeedType>>,
    columns: usize,
    /// Rows of one NULL that were passed and not yet given out.
    blank: u64,
    /// Whether the record holds a row that waits behind them.
    waiting: bool,
}

impl Rows {
    pub(super) fn open(seed: &Seed) -> Self {
        let columns = seed.table.as_ref().map_or(&[][..], |table| &table.columns);
        let mut rows = Self {
            input: None,
            failed: None,
            record: Record::default(),
            path: seed.path.clone(),
            place: Span::new(seed.file, 0..0),
            null_values: seed.format.null_values.clone(),
            types: columns.iter().map(|column| column.inferred).collect(),
            columns: columns.len(),
            blank: 0,
            waiting: false,
        };
        match open(seed).map_err(Broken::Unreadable).and_then(|input| rows.skip_header(input)) {
            Ok(input) => rows.input = Some(input),
            Err(broken) => rows.failed = Some(rows.changed(&broken)),
        }
        rows
    }

    fn skip_header(&mut self, mut input: Input) -> Result<Input, Broken> {
        while input.next(&mut self.record)? {
            if !self.record.is_blank() {
                if self.columns == 0 {
                    self.columns = self.record.len();
                }
                break;
            }
        }
        Ok(input)
    }

    /// The file was read before without an error, so that whatever is wrong now is new.
    fn changed(&self, broken: &Broken) -> Diagnostic {
        let reason = match broken {
            Broken::Unreadable(error) => disk::reason(error),
            Broken::WrongEncoding { line, .. }
            | Broken::Unterminated { line }
            | Broken::AfterQuote { line }
            | Broken::TooLong { line } => {
                format!("line {line} is broken")
            }
        };
        self.changed_because(&reason)
    }

    fn changed_because(&self, reason: &str) -> Diagnostic {
        let message = format!("`{}` changed while suiro was running: {reason}", self.path);
        Diagnostic::error(code::BROKEN_SEED, message).at(self.place, "").help("run the same command again")
    }

    fn row(&self) -> Result<Vec<Option<String>>, Box<Diagnostic>> {
        if self.record.len() != self.columns {
            let reason = format!("line {} has another number of values", self.record.line);
            return Err(Box::new(self.changed_because(&reason)));
        }
        let types = self.types.iter().copied().chain(std::iter::repeat(None));
        let values = self.record.values().zip(types).map(|((value, quoted), kind)| {
            let value = null_or(&self.null_values, value, quoted)?.to_owned();
            Some(match kind {
                Some(kind) => spelled(kind, value),
                None => value,
            })
        });
        Ok(values.collect())
    }
}

impl Iterator for Rows {
    type Item = Result<Vec<Option<String>>, Diagnostic>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failed) = self.failed.take() {
            return Some(Err(failed));
        }
        loop {
            if self.waiting {
                if self.blank > 0 && self.columns == 1 {
                    self.blank -= 1;
                    return Some(Ok(vec![None]));
                }
                (self.waiting, self.blank) = (false, 0);
                return Some(self.row().map_err(|changed| *changed));
            }
            match self.input.as_mut()?.next(&mut self.record) {
                Ok(true) if self.record.is_blank() => self.blank += 1,
                Ok(true) => self.waiting = true,
                Ok(false) => {
                    self.input = None;
                    return None;
                }
                Err(broken) => {
                    self.input = None;
                    return Some(Err(self.changed(&broken)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        project::{Config, seed::Format},
        source::{SourceFile, Sources},
    };

    fn seed(folder: &std::path::Path, text: &str) -> Seed {
        let absolute = folder.join("a.csv");
        fs_err::write(&absolute, text).unwrap();
        let file = Sources::default().add(SourceFile::new("models/a.csv", ""));
        let (path, below, stem) = ("models/a.csv".to_owned(), "a".to_owned(), "a".to_owned());
        let (config, columns, tests, format) = (Config::default(), Vec::new(), Vec::new(), Format::default());
        let mut seed = Seed { file, path, below, stem, absolute, config, columns, tests, table: None, format };
        seed.table = seed.scan(None).ok().map(|(table, _)| table);
        seed
    }

    #[test]
    fn rows_come_back_as_they_were_scanned() {
        let folder = tempfile::tempdir().unwrap();
        let seed = seed(folder.path(), "a,b\n1,\n,\"\"\n");
        let rows: Vec<_> = seed.rows().map(Result::unwrap).collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(rows, [[text("1"), None], [None, text("")]]);
    }

    /// Between the scan and the load somebody may write the file: never half a table without a word.
    #[test]
    fn a_file_that_changes_in_between_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let seed = seed(folder.path(), "a,b\n1,2\n3,4\n");
        for (text, reason) in [
            ("a,b\n1,2\n3\n", "line 3 has another number of values"),
            ("a,b\n1,2\n\"3,4\n", "line 3 is broken"),
            ("a,b\n1,2\n3,\u{fffd}\n", ""),
        ] {
            fs_err::write(&seed.absolute, text).unwrap();
            let last = seed.rows().last().unwrap();
            match last {
                Err(found) => {
                    assert!(found.code == code::BROKEN_SEED && found.message.ends_with(reason), "{}", found.message);
                }
                Ok(_) => assert_eq!(reason, ""),
            }
        }
        fs_err::remove_file(&seed.absolute).unwrap();
        let rows: Vec<_> = seed.rows().collect();
        assert!(matches!(rows.as_slice(), [Err(found)] if found.message.ends_with("no such file or directory")));
    }

    /// What looks alike as text need not be the same table.
    #[test]
    fn different_tables_have_different_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let texts = [
            "a,b\n1,2\n",
            "a\n1\n2\n",
            "a,b\n12,\n",
            "a,b\n,12\n",
            "a,b\n\"\",12\n",
            "b,a\n1,2\n",
            "a,b\n1,2\n1,2\n",
            "a,b\n",
        ];
        let hashes: BTreeSet<String> = texts.iter().map(|text| seed(folder.path(), text).table.unwrap().hash).collect();
        assert_eq!(hashes.len(), texts.len());
    }
}
