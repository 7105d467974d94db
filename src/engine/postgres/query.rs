//! Statements and queries over the protocol: text in, text out.

use crate::engine::{EngineError, Rows, scan, template::fill};
use futures_util::{StreamExt, pin_mut};
use std::{borrow::Cow, collections::BTreeMap};
use tokio_postgres::{Client, Column, SimpleQueryMessage, types::Type};

/// Fetches no more than what is asked for, in or outside a transaction: the three are one message.
const LIMITED: &str =
    "declare suiro_rows no scroll cursor for {{query}}\n;\nfetch forward {{limit}} from suiro_rows;\nclose suiro_rows";
/// Says that the statement before it has been carried out.
const MARK: &str = "\n;\nselect 1 as suiro_statement_done\n;\n";
const MARK_COLUMN: &str = "suiro_statement_done";

/// Carries out a statement; the rows of its last part.
pub async fn execute(client: &Client, statement: &str) -> Result<u64, tokio_postgres::Error> {
    let messages = client.simple_query_raw(statement).await?;
    pin_mut!(messages);
    let mut count = 0;
    while let Some(message) = messages.next().await {
        if let SimpleQueryMessage::CommandComplete(rows) = message? {
            count = rows;
        }
    }
    Ok(count)
}

/// Statements in one message, with marks between them.
pub struct Batch {
    text: String,
    /// Where each statement starts and ends.
    places: Vec<std::ops::Range<usize>>,
}

impl Batch {
    pub fn of(statements: &[&str]) -> Self {
        let mut batch = Self { text: String::new(), places: Vec::with_capacity(statements.len()) };
        for statement in statements {
            let start = batch.text.len();
            batch.text.push_str(statement);
            batch.places.push(start..batch.text.len());
            batch.text.push_str(MARK);
        }
        batch
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Sends it; on failure, how many statements were carried out before.
    pub async fn execute(&self, client: &Client) -> Result<(), (usize, tokio_postgres::Error)> {
        if self.places.is_empty() {
            return Ok(());
        }
        let mut done = 0;
        let messages = client.simple_query_raw(&self.text).await.map_err(|error| (done, error))?;
        pin_mut!(messages);
        while let Some(message) = messages.next().await {
            let message = message.map_err(|error| (done, error))?;
            if let SimpleQueryMessage::RowDescription(columns) = message
                && columns.len() == 1
                && columns[0].name() == MARK_COLUMN
            {
                done += 1;
            }
        }
        Ok(())
    }

    /// The index of the statement that failed, and the error with its position in that statement.
    ///
    /// The message is read as a whole before any of it is carried out, so a syntax error is known by its position only.
    pub fn place(&self, done: usize, mut error: EngineError) -> (usize, EngineError) {
        let last = self.places.len().saturating_sub(1);
        let mut index = done.min(last);
        if let Some(position) = error.position.take() {
            let at = self.places.iter().rposition(|place| place.start <= position).unwrap_or(index);
            index = at.max(index);
            let place = &self.places[at];
            error.position = (at == index).then(|| position.min(place.end) - place.start);
        }
        (index, error)
    }
}

/// The names of types with their modifiers, as they were asked for.
#[derive(Default)]
pub struct TypeNames(BTreeMap<(u32, i32), String>);

impl TypeNames {
    async fn of(&mut self, client: &Client, columns: &[Column]) -> Result<Vec<String>, tokio_postgres::Error> {
        let key = |column: &Column| (column.type_().oid(), column.type_modifier());
        let mut unknown: Vec<(u32, i32)> = columns.iter().map(key).filter(|key| !self.0.contains_key(key)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            let (types, modifiers): (Vec<u32>, Vec<i32>) = unknown.iter().copied().unzip();
            let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
                [(&types, Type::OID_ARRAY), (&modifiers, Type::INT4_ARRAY)];
            let rows = client.query_typed(include_str!("types.sql"), &parameters).await?;
            for (key, row) in unknown.into_iter().zip(rows) {
                self.0.insert(key, row.try_get(0)?);
            }
        }
        Ok(columns.iter().map(|column| self.0.get(&key(column)).cloned().unwrap_or_default()).collect())
    }
}

/// The output columns and types of a query.
pub async fn describe(
    client: &Client,
    query: &str,
    types: &mut TypeNames,
) -> Result<Vec<(String, String)>, tokio_postgres::Error> {
    let prepared = client.prepare(query).await?;
    let types = types.of(client, prepared.columns()).await?;
    Ok(prepared.columns().iter().map(|column| column.name().to_owned()).zip(types).collect())
}

/// A failure, and what had been sent.
pub struct Failure {
    pub error: tokio_postgres::Error,
    limit: Option<usize>,
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self { error, limit: None }
    }
}

impl Failure {
    /// The text that the error's position counts in.
    pub fn sent<'a>(&self, query: &'a str) -> Cow<'a, str> {
        self.limit.map_or(Cow::Borrowed(query), |limit| Cow::Owned(limited(query, limit)))
    }

    /// The error with its position in the query.
    pub fn place(&self, query: &str, mut error: EngineError) -> EngineError {
        if self.limit.is_some() {
            let before = LIMITED.find("{{query}}").unwrap_or(0);
            let position = error.position.and_then(|position| position.checked_sub(before));
            error.position = position.filter(|position| *position <= query.len());
        }
        error
    }
}

fn limited(query: &str, limit: usize) -> String {
    fill(LIMITED, &BTreeMap::from([("query", query.to_owned()), ("limit", limit.to_string())]))
}

/// The rows of one query, as text.
pub async fn query(client: &Client, query: &str, limit: Option<usize>, types: &mut TypeNames) -> Result<Rows, Failure> {
    // Prepared for the types, and because it refuses more than one statement and knows every place in the text.
    let prepared = client.prepare(query).await?;
    let mut rows = Rows {
        columns: prepared.columns().iter().map(|column| column.name().to_owned()).collect(),
        types: types.of(client, prepared.columns()).await?,
        rows: Vec::new(),
    };
    if let Some(limit) = limit
        && has_cursor(query)
    {
        match collect(client, &limited(query, limit), limit, &mut rows.rows).await {
            Ok(()) => return Ok(rows),
            // A query that also writes (in WITH) can have no cursor. In a transaction, asking has ended it.
            Err(error) if is_state(&error, "0A000") => {
                rows.rows.clear();
                return match collect(client, query, limit, &mut rows.rows).await {
                    Ok(()) => Ok(rows),
                    Err(later) if is_state(&later, "25P02") => Err(Failure { error, limit: Some(limit) }),
                    Err(later) => Err(later.into()),
                };
            }
            Err(error) => return Err(Failure { error, limit: Some(limit) }),
        }
    }
    collect(client, query, limit.unwrap_or(usize::MAX), &mut rows.rows).await?;
    Ok(rows)
}

/// The rows of one query, as text, in one round trip.
pub async fn values(client: &Client, query: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let mut rows = Vec::new();
    collect(client, query, usize::MAX, &mut rows).await?;
    Ok(rows)
}

fn is_state(error: &tokio_postgres::Error, state: &str) -> bool {
    error.code().is_some_and(|code| code.code() == state)
}

/// Whether DECLARE takes it.
fn has_cursor(query: &str) -> bool {
    scan::first_word(query)
        .is_some_and(|word| ["select", "with", "values", "table"].iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// Collects at most `limit` rows and reads over the rest.
async fn collect(
    client: &Client,
    text: &str,
    limit: usize,
    rows: &mut Vec<Vec<Option<String>>>,
) -> Result<(), tokio_postgres::Error> {
    let messages = client.simple_query_raw(text).await?;
    pin_mut!(messages);
    while let Some(message) = messages.next().await {
        if let SimpleQueryMessage::Row(row) = message?
            && rows.len() < limit
        {
            let values = (0..row.len()).map(|column| Ok(row.try_get(column)?.map(str::to_owned)));
            rows.push(values.collect::<Result<_, tokio_postgres::Error>>()?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Batch;
    use crate::{
        diagnostic::code,
        engine::{EngineError, FailureKind},
    };

    #[test]
    fn a_position_in_a_batch_names_its_statement() {
        let batch = Batch::of(&["select 1", "select 漢 -- x", "select 3"]);
        let at = |done: usize, position: Option<usize>| {
            let mut error = EngineError::new(code::STATEMENT_REFUSED, FailureKind::Permanent, "no");
            error.position = position;
            let (index, error) = batch.place(done, error);
            (index, error.position)
        };
        let kanji = batch.text().find('漢').unwrap();
        assert_eq!(at(0, Some(kanji)), (1, Some(7)), "a syntax error, before anything ran");
        assert_eq!(at(1, Some(kanji)), (1, Some(7)));
        assert_eq!(at(2, None), (2, None));
        assert_eq!(at(9, None), (2, None));
        assert_eq!(at(0, Some(batch.text().len())), (2, Some(8)), "at the end of the input");
    }
}
