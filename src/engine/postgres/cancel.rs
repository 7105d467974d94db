//! Cancelling what a session runs, as libpq does it: by a connection of its own, held open until the server closes it.
//!
//! The client library's own way closes it at once, which PgBouncer 1.18 (Debian 12) answers by ending itself.

use super::backend_key::{BackendKey, CANCEL_REQUEST, SSL_REQUEST};
use std::{io, net::SocketAddr, path::PathBuf};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};
use tokio_postgres::{
    config::SslMode,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where exactly the session's server is: not a name, which may lead to another server next time.
#[derive(Debug, Clone)]
pub enum Address {
    Network(SocketAddr),
    Socket(PathBuf),
}

/// What it takes to cancel what a session runs.
#[derive(Clone)]
pub struct Canceller {
    pub address: Address,
    /// The name that the server's certificate must have.
    pub host: String,
    pub ssl_mode: SslMode,
    pub key: BackendKey,
    pub tls: MakeRustlsConnect,
}

impl Canceller {
    /// Asks the server; whether it did anything, nobody says.
    pub async fn cancel(mut self) -> io::Result<()> {
        match &self.address {
            Address::Socket(path) => self.send(UnixStream::connect(path).await?).await,
            Address::Network(address) => {
                let mut stream = TcpStream::connect(address).await?;
                if self.ssl_mode == SslMode::Disable {
                    return self.send(stream).await;
                }
                stream.write_i32(8).await?;
                stream.write_i32(SSL_REQUEST).await?;
                match stream.read_u8().await? {
                    b'S' => {
                        let connect = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut self.tls, &self.host);
                        let connect = connect.map_err(io::Error::other)?;
                        let stream = TlsConnect::<TcpStream>::connect(connect, stream).await?;
                        self.send(stream).await
                    }
                    _ if self.ssl_mode == SslMode::Require => Err(io::ErrorKind::InvalidData.into()),
                    _ => self.send(stream).await,
                }
            }
        }
    }

    async fn send(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut request = Vec::with_capacity(16);
        for word in [16, CANCEL_REQUEST, self.key.process, self.key.secret] {
            request.extend_from_slice(&i32::to_be_bytes(word));
        }
        stream.write_all(&request).await?;
        stream.flush().await?;
        // The server answers by closing. A close without TLS's own farewell is one, too.
        let _ = stream.read_u8().await;
        Ok(())
    }
}
