//! `suiro docs serve`: the documentation on this machine alone, made anew while the project is edited.
//!
//! In: requests of browsers on this machine. Out: the page, and a line on an open connection when it has changed. Never: an
//! answer to another machine, or to a page that came from elsewhere and asks under another name.

use crate::{
    cli::{app::App, arguments::DocsServe},
    compile::Compilation,
    diagnostic::{Diagnostic, code::BAD_USAGE},
    exit::Exit,
    graph::Selection,
    site::{self, Reading},
    source::Sources,
};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// How long after the last look the files are looked at again.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a browser may take for a request or an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a browser that waits for changes is told that there are none, so that one that went away is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The most bytes that a request's head may have.
const LONGEST_HEAD: u64 = 16_384;

/// The page as it is now, and how often it has changed.
#[derive(Default)]
struct Served {
    page: Mutex<(Arc<str>, u64)>,
    changed: Condvar,
}

impl Served {
    fn now(&self) -> (Arc<str>, u64) {
        self.page.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the place of the page, unless it is the same.
    fn replace(&self, text: String) {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if *page.0 != *text {
            *page = (text.into(), page.1 + 1);
            self.changed.notify_all();
        }
    }

    /// Whether the page is another than that of `version`, after waiting for it for a while.
    fn changes(&self, version: u64) -> Option<u64> {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(page, HEARTBEAT, |page| page.1 == version);
        let now = waited.unwrap_or_else(PoisonError::into_inner).0.1;
        (now != version).then_some(now)
    }
}

/// Serves the documentation until it is interrupted.
pub fn serve(app: &App, arguments: &DocsServe) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    judge(app, &compilation);
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)) {
        Ok(listener) => listener,
        Err(error) => {
            let message = format!("port {} of this machine cannot be had: {error}", arguments.port);
            let problem = Diagnostic::error(BAD_USAGE, message);
            return app
                .fail(&[problem.help("name another one: `--port 0` takes any that is free")], &Sources::default());
        }
    };
    let port = listener.local_addr().map_or(arguments.port, |address| address.port());
    let served = Arc::new(Served::default());
    served.replace(page(app, &compilation));
    let root = compilation.project.root.clone();
    app.terminal
        .line(&format!("Serving {} at http://127.0.0.1:{port}/ until interrupted", compilation.manifest.project));
    let for_browsers = Arc::clone(&served);
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            let served = Arc::clone(&for_browsers);
            // A browser that goes away in the middle of an answer is no matter.
            thread::spawn(move || drop(answer(&stream, &served, port)));
        }
    });
    drop(compilation);
    let mut seen = looked_at(&root);
    loop {
        thread::sleep(PAUSE);
        let now = looked_at(&root);
        if now == seen {
            continue;
        }
        seen = now;
        let Ok(compilation) = app.compiled() else { continue };
        if judge(app, &compilation) == Exit::Done {
            served.replace(page(app, &compilation));
            app.terminal.say("Made anew");
        } else {
            app.terminal.say("The page stays as it was");
        }
    }
}

fn judge(app: &App, compilation: &Compilation) -> Exit {
    let everything: Selection = compilation.manifest.iter().map(|(id, _)| id).collect();
    app.judge(compilation, &everything)
}

fn page(app: &App, compilation: &Compilation) -> String {
    let mask = |text: &str| app.terminal.mask(text);
    let mask: Option<site::Mask<'_>> = if compilation.secrets.is_empty() { None } else { Some(&mask) };
    site::page(&super::content(compilation), mask, Reading::Served)
}

/// What changes when a file of the project does: names, times and sizes, without hidden folders and what suiro wrote, but for
/// what became of the last run.
fn looked_at(root: &Path) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut add = |path: &Path| {
        let Ok(metadata) = fs_err::metadata(path) else { return };
        hasher.update(path.to_string_lossy().as_bytes());
        hasher.update(&metadata.len().to_le_bytes());
        if let Ok(time) = metadata.modified() {
            hasher.update(format!("{time:?}").as_bytes());
        }
    };
    let is_wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || entry.depth() == 1 && name == crate::artifact::FOLDER)
    };
    let is_database = |path: &Path| path.extension().is_some_and(|ending| ending == "duckdb" || ending == "wal");
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(is_wanted);
    for file in files.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
        if !is_database(file.path()) {
            add(file.path());
        }
    }
    add(&root.join(crate::artifact::FOLDER).join("run_results.json"));
    hasher.finalize()
}

/// What a browser asks for.
struct Asked {
    method: String,
    path: String,
    host: String,
}

/// Reads the head of a request.
fn asked(stream: &TcpStream) -> io::Result<Asked> {
    let mut reader = BufReader::new(stream.take(LONGEST_HEAD));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut host = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(Asked { method, path, host });
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("host")
        {
            value.trim().clone_into(&mut host);
        }
    }
}

/// Answers one request. A name other than this machine's own means that a page from elsewhere asks by way of a name that
/// leads here: it is told nothing.
fn answer(mut stream: &TcpStream, served: &Served, port: u16) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let asked = asked(stream)?;
    let is_own = ["127.0.0.1", "localhost"].iter().any(|name| asked.host == format!("{name}:{port}"));
    let path = asked.path.split(['?', '#']).next().unwrap_or_default();
    let (status, kind, body): (&str, &str, Arc<str>) = match path {
        _ if !is_own => ("403 Forbidden", "text/plain", "only as http://127.0.0.1 or http://localhost\n".into()),
        _ if asked.method != "GET" && asked.method != "HEAD" => ("405 Method Not Allowed", "text/plain", "".into()),
        "/" | "/index.html" => ("200 OK", "text/html; charset=utf-8", served.now().0),
        "/changes" if asked.method == "GET" => return tell(stream, served),
        _ => ("404 Not Found", "text/plain", "there is only /\n".into()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if asked.method == "GET" {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

/// Tells a browser of every change, until it goes away.
fn tell(mut stream: &TcpStream, served: &Served) -> io::Result<()> {
    let mut version = served.now().1;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    loop {
        let line = match served.changes(version) {
            Some(now) => {
                version = now;
                format!("event: changed\ndata: {now}\n\n")
            }
            None => ": nothing\n\n".to_owned(),
        };
        stream.write_all(line.as_bytes())?;
        stream.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::{Served, answer};
    use std::{
        io::{Read, Write},
        net::{Ipv4Addr, TcpListener, TcpStream},
        sync::Arc,
    };

    /// What is answered to a request.
    fn asked(request: &str) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = Arc::new(Served::default());
        served.replace("the page".to_owned());
        let server = std::thread::spawn(move || answer(&listener.accept().unwrap().0, &served, port));
        let mut browser = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        browser.write_all(request.replace("PORT", &port.to_string()).as_bytes()).unwrap();
        let mut text = String::new();
        browser.read_to_string(&mut text).unwrap();
        server.join().unwrap().unwrap();
        text
    }

    #[test]
    fn only_this_machine_is_answered_and_only_with_the_page() {
        let page = asked("GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n");
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("\r\n\r\nthe page"), "{page}");
        let head = asked("HEAD /index.html?x HTTP/1.1\r\nhost: localhost:PORT\r\n\r\n");
        assert!(head.contains("Content-Length: 8\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: elsewhere.example:PORT\r\n\r\n", "403"),
            ("GET / HTTP/1.1\r\n\r\n", "403"),
            ("POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "405"),
            ("GET /../suiro.yml HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "404"),
        ] {
            let answer = asked(request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && !answer.contains("the page"), "{answer}");
        }
    }

    #[test]
    fn a_change_is_told_once() {
        let served = Served::default();
        served.replace("one".to_owned());
        let version = served.now().1;
        served.replace("one".to_owned());
        assert_eq!(served.now().1, version, "the same page is no change");
        served.replace("two".to_owned());
        assert_eq!(served.changes(version), Some(version + 1));
    }
}
