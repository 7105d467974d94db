//! Finds out whether a pooler stands between, and whether it keeps sessions.
//!
//! suiro needs sessions: settings are pinned, locks are taken, a statement is cancelled by its session. A pooler that
//! gives each transaction another server session takes all of that away without an error.
//!
//! A pooler shows in the process id that came with the login: PostgreSQL gives its own, a pooler makes one up. Then a
//! second connection decides: two open connections in one server session, or one connection that changes its server
//! session while the other holds a transaction, cannot happen when sessions are kept.

use crate::{
    diagnostic::code,
    engine::{EngineError, FailureKind},
};
use std::{
    future::{Future, Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_postgres::{
    Client, SimpleQueryMessage,
    tls::{ChannelBinding, TlsConnect, TlsStream},
};

const BACKEND: &str = "select pg_catalog.pg_backend_pid()";
const BEGIN_BACKEND: &str = "begin; select pg_catalog.pg_backend_pid()";
const COMMIT: &str = "commit";
/// Server sessions that are free are handed out in some order; a few rounds pass through those that matter.
const ROUNDS: usize = 8;
/// A pooler that keeps sessions lets the second connection wait when its pool is used up.
const PATIENCE: Duration = Duration::from_secs(2);
/// Protocol 3.0: SSLRequest and CancelRequest, told apart by their second word.
const SSL_REQUEST: i32 = 80_877_103;

/// Whether what answers is PostgreSQL itself.
pub async fn is_direct(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let backend = backend(client, BACKEND).await?;
    Ok(match login_process(client).await {
        Ok(process) => backend == Some(process.to_string()),
        Err(_) => false,
    })
}

/// Whether two connections through a pooler have server sessions of their own, as far as can be found out.
pub async fn keeps_sessions<F>(first: &Client, second: F) -> Result<bool, tokio_postgres::Error>
where
    F: Future<Output = Result<Client, EngineError>>,
{
    let Ok(Ok(second)) = tokio::time::timeout(PATIENCE, second).await else {
        // No second connection: nothing can be said against the pooler.
        return Ok(true);
    };
    for _ in 0..ROUNDS {
        let before = backend(first, BACKEND).await?;
        let other = match tokio::time::timeout(PATIENCE, backend(&second, BEGIN_BACKEND)).await {
            Ok(Ok(other)) => other,
            // "transaction blocks not allowed in statement pooling mode"
            Ok(Err(error)) if error.code().is_some_and(|state| state.code() == "08P01") => return Ok(false),
            Ok(Err(_)) | Err(_) => return Ok(true),
        };
        let Ok(after) = tokio::time::timeout(PATIENCE, backend(first, BACKEND)).await else {
            // It waits while the other one is in a transaction: it has no session of its own.
            return Ok(false);
        };
        if other == before || after? != before {
            return Ok(false);
        }
        if second.batch_execute(COMMIT).await.is_err() {
            return Ok(true);
        }
    }
    Ok(true)
}

/// The error for a pooler that does not keep sessions.
pub fn not_kept(place: &str) -> EngineError {
    let message = format!("a pooler at {place} gives each transaction another session");
    EngineError::new(code::SESSION_NOT_KEPT, FailureKind::Permanent, message)
        .with_help("connect to PostgreSQL itself, or let the pooler keep sessions (`pool_mode = session` in PgBouncer)")
}

/// The last value of the last row of a query.
async fn backend(client: &Client, query: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let mut found = None;
    for message in client.simple_query(query).await? {
        if let SimpleQueryMessage::Row(row) = message {
            found = row.try_get(0)?.map(str::to_owned);
        }
    }
    Ok(found)
}

/// The process id that the server gave at login. The client tells it to nobody but the server, in a request to cancel:
/// so this plays the server and reads one.
async fn login_process(client: &Client) -> io::Result<i32> {
    let (near, mut far) = tokio::io::duplex(64);
    let request = client.cancel_token();
    let send = async { request.cancel_query_raw(near, Plain).await.map_err(io::Error::other) };
    let receive = async {
        loop {
            let _length = far.read_i32().await?;
            if far.read_i32().await? == SSL_REQUEST {
                far.write_all(b"S").await?;
                continue;
            }
            let process = far.read_i32().await?;
            let _secret = far.read_i32().await?;
            return Ok(process);
        }
    };
    let (sent, received) = tokio::join!(send, receive);
    received.or_else(|error| sent.and(Err(error)))
}

/// TLS that encrypts nothing, for the request that never leaves the process.
struct Plain;

struct PlainStream(DuplexStream);

impl TlsConnect<DuplexStream> for Plain {
    type Stream = PlainStream;
    type Error = io::Error;
    type Future = Ready<io::Result<PlainStream>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(PlainStream(stream)))
    }
}

impl TlsStream for PlainStream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for PlainStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for PlainStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
