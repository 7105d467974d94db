//! One session with a DuckDB database.

use super::{catalog, error, instance::Instance, load};
use crate::{
    diagnostic::code,
    engine::{
        Connection, Dependent, EngineError, FailureKind, Interrupt, LiveCatalog, LiveColumn, LoadColumn, Rows, scan,
        template::fill,
    },
    name::RelationName,
};
use duckdb::arrow::{
    array::{Array, Int64Array, StringArray, StructArray},
    datatypes::DataType,
    util::display::{ArrayFormatter, FormatOptions},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

const DESCRIBE: &str = "describe {{query}}";
const QUERY: &str = "select {{columns}} from ({{query}}) as q({{names}}) limit {{limit}}";
const TEXT_COLUMN: &str = "cast({{name}} as varchar)";

/// A session; the instance lives at least as long.
pub struct DuckDbConnection {
    inner: duckdb::Connection,
    instance: Arc<Instance>,
    stop: Arc<AtomicBool>,
}

impl DuckDbConnection {
    pub fn new(inner: duckdb::Connection, instance: Arc<Instance>) -> Self {
        Self { inner, instance, stop: Arc::default() }
    }

    /// The engine's error for one of DuckDB's, about that statement; notes when the database is gone.
    fn error(&self, error: &duckdb::Error, statement: &str) -> EngineError {
        let error = error::engine_error(error, statement);
        if error.kind == FailureKind::Connection {
            self.instance.mark_broken();
        }
        error
    }

    /// The rows of a statement whose values are all text already; of others, Arrow's rendering.
    fn text_rows(&self, statement: &str, limit: usize) -> Result<Rows, duckdb::Error> {
        let mut prepared = self.inner.prepare(statement)?;
        prepared.execute([])?;
        let mut rows = Rows::default();
        for column in 0..prepared.column_count() {
            rows.columns.push(prepared.column_name(column).cloned().unwrap_or_default());
            rows.types.push(type_name(&prepared.column_type(column)));
        }
        while rows.rows.len() < limit {
            let Some(chunk) = prepared.step()? else { break };
            append_chunk(&mut rows.rows, &chunk, limit);
        }
        Ok(rows)
    }

    /// The names and types of a query's columns.
    fn described(&self, query: &str) -> Result<Vec<(String, String)>, duckdb::Error> {
        let statement = fill(DESCRIBE, &BTreeMap::from([("query", query.to_owned())]));
        let rows = self.text_rows(&statement, usize::MAX)?;
        let pairs = rows.rows.into_iter().filter_map(|row| {
            let mut row = row.into_iter().flatten();
            Some((row.next()?, row.next()?))
        });
        Ok(pairs.collect())
    }
}

/// The statement without its end, if it is one.
fn one_query(statement: &str) -> Result<&str, EngineError> {
    if scan::is_several(statement) {
        let message = "this is more than one statement";
        return Err(EngineError::new(code::SEVERAL_STATEMENTS, FailureKind::Permanent, message));
    }
    Ok(scan::trim_end(statement))
}

/// The error with its position moved back by what suiro wrote before the user's statement.
fn behind(mut error: EngineError, template: &str, statement: &str, filled_before: usize) -> EngineError {
    let before = template.find("{{query}}").unwrap_or(0) + filled_before;
    error.position = error
        .position
        .and_then(|position| position.checked_sub(before))
        .filter(|position| *position <= statement.len());
    error
}

/// DuckDB's name of a type by what it is in Arrow; only for statements that cannot be described.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "VARCHAR".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        other => other.to_string(),
    }
}

fn append_chunk(rows: &mut Vec<Vec<Option<String>>>, chunk: &StructArray, limit: usize) {
    let options = FormatOptions::default();
    let columns: Vec<_> = chunk.columns().iter().map(|column| Values::of(column.as_ref(), &options)).collect();
    for row in 0..chunk.len().min(limit.saturating_sub(rows.len())) {
        rows.push(columns.iter().map(|column| column.get(row)).collect());
    }
}

/// The values of one column of a chunk.
enum Values<'a> {
    Text(&'a StringArray),
    Other(&'a dyn Array, Option<ArrayFormatter<'a>>),
}

impl<'a> Values<'a> {
    fn of(column: &'a dyn Array, options: &'a FormatOptions<'a>) -> Self {
        match column.as_any().downcast_ref::<StringArray>() {
            Some(text) => Self::Text(text),
            None => Self::Other(column, ArrayFormatter::try_new(column, options).ok()),
        }
    }

    fn get(&self, row: usize) -> Option<String> {
        match self {
            Self::Text(text) => (!text.is_null(row)).then(|| text.value(row).to_owned()),
            Self::Other(column, _) if column.is_null(row) => None,
            Self::Other(_, formatter) => {
                let formatter = formatter.as_ref()?;
                Some(formatter.value(row).try_to_string().unwrap_or_else(|error| error.to_string()))
            }
        }
    }
}

impl Connection for DuckDbConnection {
    fn execute(&mut self, statement: &str) -> Result<Option<u64>, EngineError> {
        if scan::trim_end(statement).is_empty() {
            return Ok(None);
        }
        let run = || {
            let mut prepared = self.inner.prepare(statement)?;
            prepared.execute([])?;
            if !scan::counts_rows(statement) {
                return Ok(None);
            }
            // What changes rows answers with one row `Count`; a query and RETURNING with rows.
            let counted = prepared.column_count() == 1
                && prepared.column_name(0).is_ok_and(|name| name == "Count")
                && !scan::first_word(statement).is_some_and(|word| word.eq_ignore_ascii_case("select"));
            let count = if counted { prepared.step()? } else { None };
            let count = count.as_ref().and_then(|chunk| {
                let counts = chunk.column(0).as_any().downcast_ref::<Int64Array>()?;
                (counts.len() == 1).then(|| counts.value(0))
            });
            Ok(count.map_or_else(|| u64::try_from(prepared.row_count()).ok(), |count| u64::try_from(count).ok()))
        };
        run().map_err(|error| self.error(&error, statement))
    }

    fn query(&mut self, statement: &str, limit: Option<usize>) -> Result<Rows, EngineError> {
        let query = one_query(statement)?;
        let columns = match self.described(query) {
            Ok(columns) => columns,
            Err(error) => {
                let described = fill(DESCRIBE, &BTreeMap::from([("query", query.to_owned())]));
                let error = self.error(&error, &described);
                // What cannot be described (EXPLAIN, PRAGMA, SHOW, INSERT … RETURNING) is run as it is.
                return if error.code == code::STATEMENT_REFUSED && !is_describable(query) {
                    if self.instance.is_read_only() && !scan::asks(query) {
                        return Err(writes(query));
                    }
                    self.text_rows(query, limit.unwrap_or(usize::MAX)).map_err(|error| self.error(&error, statement))
                } else {
                    Err(behind(error, DESCRIBE, query, 0))
                };
            }
        };
        let names: Vec<String> = (0..columns.len()).map(|index| ["c", &index.to_string()].concat()).collect();
        let texts = names.iter().map(|name| fill(TEXT_COLUMN, &BTreeMap::from([("name", name.clone())])));
        let texts = texts.collect::<Vec<_>>().join(", ");
        let before = texts.len() - "{{columns}}".len();
        let wrapped = fill(
            QUERY,
            &BTreeMap::from([
                ("columns", texts),
                ("query", query.to_owned()),
                ("names", names.join(", ")),
                ("limit", limit.map_or_else(|| "all".to_owned(), |limit| limit.to_string())),
            ]),
        );
        let rows = self
            .text_rows(&wrapped, usize::MAX)
            .map_err(|error| behind(self.error(&error, &wrapped), QUERY, query, before))?;
        let (columns, types) = columns.into_iter().unzip();
        Ok(Rows { columns, types, rows: rows.rows })
    }

    fn values(&mut self, statement: &str) -> Result<Vec<Vec<Option<String>>>, EngineError> {
        let query = one_query(statement)?;
        let rows = self.text_rows(query, usize::MAX).map_err(|error| self.error(&error, statement))?;
        Ok(rows.rows)
    }

    fn describe(&mut self, query: &str) -> Result<Vec<(String, String)>, EngineError> {
        let query = one_query(query)?;
        self.described(query).map_err(|error| {
            let described = fill(DESCRIBE, &BTreeMap::from([("query", query.to_owned())]));
            behind(self.error(&error, &described), DESCRIBE, query, 0)
        })
    }

    fn load(
        &mut self,
        table: &RelationName,
        columns: &[LoadColumn],
        rows: &mut dyn Iterator<Item = Vec<Option<String>>>,
    ) -> Result<u64, EngineError> {
        self.stop.store(false, Ordering::Relaxed);
        load::load(&self.inner, table, columns, rows, &self.stop)
    }

    fn catalog(&mut self, schemas: &[&str]) -> Result<LiveCatalog, EngineError> {
        catalog::read(&self.inner, schemas).map_err(|error| self.error(&error, ""))
    }

    fn columns(&mut self, schemas: &[&str]) -> Result<BTreeMap<RelationName, Vec<LiveColumn>>, EngineError> {
        catalog::read_columns(&self.inner, schemas).map_err(|error| self.error(&error, ""))
    }

    fn rebind(&mut self, dependents: &[Dependent]) -> Result<Vec<Option<String>>, EngineError> {
        // Views are text in DuckDB and find what has the name; a foreign key cannot be bound again.
        Ok(vec![None; dependents.len()])
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::new(DuckDbInterrupt { handle: self.inner.interrupt_handle(), stop: Arc::clone(&self.stop) })
    }
}

/// Whether DESCRIBE takes it: then its refusal is the query's own.
fn is_describable(query: &str) -> bool {
    scan::first_word(query).is_some_and(scan::is_query)
}

/// That a statement is none of those that only read. DuckDB itself refuses to change a file that is opened for reading,
/// but would write another one (COPY … TO, ATTACH), and changes what is only in memory.
fn writes(statement: &str) -> EngineError {
    let word = scan::first_word(statement).unwrap_or_default().to_uppercase();
    let message = ["only reading is allowed here, and this is `", &word, "`"].concat();
    EngineError::new(code::NOT_READ_ONLY, FailureKind::Permanent, message)
}

struct DuckDbInterrupt {
    handle: Arc<duckdb::InterruptHandle>,
    /// For the part of a load that is not inside DuckDB.
    stop: Arc<AtomicBool>,
}

impl Interrupt for DuckDbInterrupt {
    fn interrupt(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.handle.interrupt();
    }
}
