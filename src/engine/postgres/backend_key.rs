//! The key that a server gives at login: which of its processes serves the session, and the secret that allows to
//! cancel what it does.
//!
//! The client library tells it to nobody but the server, in a request to cancel: so this plays the server and reads one.

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_postgres::{
    Client,
    tls::{ChannelBinding, TlsConnect, TlsStream},
};

/// The second word of a request for TLS, in protocol 3.
pub const SSL_REQUEST: i32 = 80_877_103;
/// The second word of a request to cancel.
pub const CANCEL_REQUEST: i32 = 80_877_102;

/// Process and secret of a session.
#[derive(Clone, Copy)]
pub struct BackendKey {
    pub process: i32,
    pub secret: i32,
}

/// The key of this client's session.
pub async fn backend_key(client: &Client) -> io::Result<BackendKey> {
    let (near, mut far) = tokio::io::duplex(64);
    let token = client.cancel_token();
    let send = async { token.cancel_query_raw(near, Plain).await.map_err(io::Error::other) };
    let receive = async {
        loop {
            let _length = far.read_i32().await?;
            if far.read_i32().await? == SSL_REQUEST {
                far.write_all(b"S").await?;
                continue;
            }
            return Ok(BackendKey { process: far.read_i32().await?, secret: far.read_i32().await? });
        }
    };
    let (request, key): (_, io::Result<BackendKey>) = tokio::join!(send, receive);
    key.or_else(|error| request.and(Err(error)))
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
