//! One session with a PostgreSQL server, synchronous to the caller.

use super::{
    cancel::Canceller,
    catalog,
    connect::{Connected, Lost, application_name},
    error::{Situation, engine_error},
    load, query,
    runtime::runtime,
    session::{self, Served},
};
use crate::{
    diagnostic::code,
    engine::{
        Connection, Dependent, EngineError, FailureKind, Interrupt, LiveCatalog, LiveColumn, LoadColumn, Rows, scan,
    },
    name::RelationName,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use tokio_postgres::Client;

/// How long a request to cancel may take before the caller goes on.
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);

/// A request to cancel that came this long before a statement may still have hit it.
const CANCEL_LAG: Duration = Duration::from_secs(2);

/// When an interrupt was last asked for.
#[derive(Clone, Default)]
struct LastInterrupt(Arc<Mutex<Option<Instant>>>);

impl LastInterrupt {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_since(&self, start: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|asked| asked >= start)
    }
}

/// A session.
pub struct PostgresConnection {
    client: Client,
    runtime: &'static Runtime,
    lost: Lost,
    /// Who it is at the server: the role that statements run as, for people, and the process.
    served: Served,
    canceller: Canceller,
    interrupt: LastInterrupt,
    /// When the statement began that runs or ran last.
    begun: Instant,
    types: query::TypeNames,
    /// Whether the session's name is suiro's to choose.
    named_by_us: bool,
}

impl PostgresConnection {
    pub fn new(connected: Connected, served: Served, named_by_us: bool) -> Result<Self, EngineError> {
        Ok(Self {
            client: connected.client,
            runtime: runtime()?,
            lost: connected.lost,
            served,
            canceller: connected.canceller,
            interrupt: LastInterrupt::default(),
            begun: Instant::now(),
            types: query::TypeNames::default(),
            named_by_us,
        })
    }

    /// The engine's error for one of the protocol's, about that text, which was sent.
    fn error(&self, error: &tokio_postgres::Error, sent: &str) -> EngineError {
        let interrupted = self.interrupt.is_since(self.begun.checked_sub(CANCEL_LAG).unwrap_or(self.begun));
        let mut error = engine_error(error, Situation { statement: sent, role: &self.served.role, interrupted });
        if error.code == code::CONNECTION_LOST && error.sqlstate.is_none() {
            error.notes.extend(self.lost.get().filter(|reason| !error.notes.contains(reason)));
        }
        error
    }

    /// Starts a statement, unless the protocol would break over it.
    fn begin(&mut self, statement: &str) -> Result<(), EngineError> {
        self.begun = Instant::now();
        let refused = |message: &str| EngineError::new(code::STATEMENT_REFUSED, FailureKind::Permanent, message);
        if let Some(at) = statement.find('\0') {
            return Err(EngineError { position: Some(at), ..refused("the statement has a NUL byte in it") });
        }
        if scan::copies_with_client(statement) {
            return Err(
                refused("COPY with stdin or stdout has nobody to talk to here").with_help("load rows as a seed")
            );
        }
        Ok(())
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

impl Connection for PostgresConnection {
    fn process(&self) -> Option<u32> {
        self.served.process
    }

    fn serve(&mut self, purpose: &str) -> Result<(), EngineError> {
        if !self.named_by_us {
            return Ok(());
        }
        self.begin("")?;
        let work = session::rename(&self.client, application_name(purpose));
        self.runtime.block_on(work).map_err(|error| self.error(&error, ""))
    }

    fn execute(&mut self, statement: &str) -> Result<Option<u64>, EngineError> {
        self.begin(statement)?;
        let count = self
            .runtime
            .block_on(query::execute(&self.client, statement))
            .map_err(|error| self.error(&error, statement))?;
        // The protocol says 0 both for "no rows" and for "no such thing as rows".
        Ok(Some(count).filter(|count| *count > 0 || scan::counts_rows(statement)))
    }

    fn execute_all(&mut self, statements: &[&str]) -> Result<(), (usize, EngineError)> {
        for (index, statement) in statements.iter().enumerate() {
            self.begin(statement).map_err(|error| (index, error))?;
        }
        let batch = query::Batch::of(statements);
        self.runtime.block_on(batch.execute(&self.client)).map_err(|(done, error)| {
            let error = self.error(&error, batch.text());
            batch.place(done, error)
        })
    }

    fn query(&mut self, statement: &str, limit: Option<usize>) -> Result<Rows, EngineError> {
        self.begin(statement)?;
        let text = one_query(statement)?;
        let work = query::query(&self.client, text, limit, &mut self.types);
        self.runtime.block_on(work).map_err(|failure| {
            let error = self.error(&failure.error, failure.sent(text).as_ref());
            failure.place(text, error)
        })
    }

    fn values(&mut self, statement: &str) -> Result<Vec<Vec<Option<String>>>, EngineError> {
        self.begin(statement)?;
        let text = one_query(statement)?;
        self.runtime.block_on(query::values(&self.client, text)).map_err(|error| self.error(&error, text))
    }

    fn describe(&mut self, query: &str) -> Result<Vec<(String, String)>, EngineError> {
        self.begin(query)?;
        let text = one_query(query)?;
        let work = query::describe(&self.client, text, &mut self.types);
        self.runtime.block_on(work).map_err(|error| self.error(&error, text))
    }

    fn load(
        &mut self,
        table: &RelationName,
        columns: &[LoadColumn],
        rows: &mut dyn Iterator<Item = Vec<Option<String>>>,
    ) -> Result<u64, EngineError> {
        self.begin("")?;
        let is_interrupted = || self.interrupt.is_since(self.begun);
        let work = load::load(&self.client, table, columns, rows, &is_interrupted);
        self.runtime.block_on(work).map_err(|failure| match failure {
            load::Failure::Ours(error) => error,
            load::Failure::Theirs { error, statement } => {
                let mut shown = self.error(&error, &statement);
                // It is about suiro's own COPY, not about something that was written.
                shown.position = None;
                shown.load = load::place_of(&error, table);
                shown
            }
        })
    }

    fn catalog(&mut self, schemas: &[&str]) -> Result<LiveCatalog, EngineError> {
        self.begin("")?;
        self.runtime.block_on(catalog::read(&self.client, schemas)).map_err(|error| self.error(&error, ""))
    }

    fn columns(&mut self, schemas: &[&str]) -> Result<BTreeMap<RelationName, Vec<LiveColumn>>, EngineError> {
        self.begin("")?;
        self.runtime.block_on(catalog::read_columns(&self.client, schemas)).map_err(|error| self.error(&error, ""))
    }

    fn rebind(&mut self, dependents: &[Dependent]) -> Result<Vec<Option<String>>, EngineError> {
        self.begin("")?;
        self.runtime.block_on(catalog::rebind(&self.client, dependents)).map_err(|error| self.error(&error, ""))
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::new(PostgresInterrupt {
            canceller: self.canceller.clone(),
            runtime: self.runtime,
            interrupt: self.interrupt.clone(),
        })
    }
}

struct PostgresInterrupt {
    canceller: Canceller,
    runtime: &'static Runtime,
    interrupt: LastInterrupt,
}

impl Interrupt for PostgresInterrupt {
    fn interrupt(&self) {
        self.interrupt.note();
        let canceller = self.canceller.clone();
        let (done, wait) = mpsc::channel();
        // Not `block_on`: whoever calls this may stand in a runtime of its own.
        self.runtime.spawn(async move {
            // A request that fails leaves the statement running; whoever wants it stopped asks again.
            let _ = tokio::time::timeout(CANCEL_PATIENCE, canceller.cancel()).await;
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(CANCEL_PATIENCE);
    }
}
