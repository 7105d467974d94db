//! A proxy between suiro and PostgreSQL that cuts the connection around a COMMIT.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Where the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// COMMIT never arrives at the server, which sees its client leave.
    Before,
    /// COMMIT never arrives, and the server does not see that its client is gone.
    BeforeUnseen,
    /// COMMIT is carried out; its answer never arrives at the client.
    After,
}

/// A proxy of its own for one run.
pub struct Proxy {
    /// The port that it listens at.
    pub port: u16,
    seen: Arc<AtomicUsize>,
}

impl Proxy {
    /// Passes everything on to that port, but cuts the COMMIT of this number, counted from 1 over all connections.
    pub fn start(server: u16, number: usize, cut: Cut) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else { return };
                let counted = Arc::clone(&counted);
                thread::spawn(move || carry(&client, &server, &counted, (number, cut)));
            }
        });
        Self { port, seen }
    }

    /// Whether the COMMIT was cut.
    pub fn has_cut(&self, number: usize) -> bool {
        self.seen.load(Ordering::SeqCst) >= number
    }
}

/// Carries what a connection says, in both directions, until one of its ends is closed or it is cut.
fn carry(client: &TcpStream, server: &TcpStream, seen: &AtomicUsize, (number, cut): (usize, Cut)) {
    let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let silent = Arc::new(AtomicUsize::new(0));
    let muted = Arc::clone(&silent);
    let back = thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = answers.read(&mut buffer) {
            if muted.load(Ordering::SeqCst) == 1 {
                break;
            }
            if to_client.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        // Whoever waits for an answer learns that there will be none.
        let _closed = to_client.shutdown(Shutdown::Both);
    });
    let (mut from_client, mut to_server) = (client, server);
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from_client.read(&mut buffer) {
        let said = &buffer[..read];
        let commits = said.windows(7).any(|window| window == b"commit\0");
        if commits && seen.fetch_add(1, Ordering::SeqCst) + 1 == number {
            silent.store(1, Ordering::SeqCst);
            match cut {
                Cut::After => {
                    let _sent = to_server.write_all(said);
                    // The answer comes, and is kept back.
                    let _ended = back.join();
                    let _left = server.shutdown(Shutdown::Both);
                }
                Cut::Before => {
                    let _left = server.shutdown(Shutdown::Both);
                    let _closed = client.shutdown(Shutdown::Both);
                }
                Cut::BeforeUnseen => {
                    let _closed = client.shutdown(Shutdown::Both);
                    // The server's end stays open for as long as nobody ends the session there.
                    let _ended = back.join();
                }
            }
            return;
        }
        if to_server.write_all(said).is_err() {
            break;
        }
    }
    let _left = server.shutdown(Shutdown::Both);
}
