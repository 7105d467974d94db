//! Readers in PostgreSQL while tables are published under them, time and again: none fails, none sees a mixture.

use crate::project::Project;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use suiro::engine::Connection;

const PUBLISHES: usize = 100;
/// Between two reads of a reader, so that the builds under test get somewhere.
const PAUSE: Duration = Duration::from_millis(3);

/// What one kind of reader came to.
#[derive(Default)]
struct Count {
    reads: usize,
    errors: Vec<String>,
    wrong: Vec<String>,
    longest: Duration,
}

fn write(project: &Project, version: usize) {
    project.models(&[
        ("a", &format!("select {version} as version, g as id from generate_series(1, 500) as g")),
        ("b", "select version, id from a"),
        ("c", "/*--- {materialized: view} ---*/ select version, id from a"),
        // Cannot be swapped, and so are changed where they are.
        (
            "k",
            &format!(
                "/*--- {{unique_key: id}} ---*/ select g as id, {version} as version from generate_series(1, 300) as g"
            ),
        ),
        ("l", "/*--- {unique_key: id} ---*/ select id, version from k"),
    ]);
}

/// Tells readers to stop, whatever happens.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Reads until it is told to stop; the versions that one query saw must be one.
fn read(project: &Project, done: &AtomicBool, queries: &[&str], expected: &str, began: &AtomicUsize) -> Count {
    let mut connection = project.connect();
    let mut count = Count::default();
    began.fetch_add(1, Ordering::SeqCst);
    while !done.load(Ordering::SeqCst) {
        for query in queries {
            let start = Instant::now();
            match connection.query(query, None) {
                Err(error) => count.errors.push(error.message),
                Ok(rows) => {
                    let row = rows.rows.first().cloned().unwrap_or_default();
                    let text: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
                    if text.first().map(String::as_str) != Some(expected) || text.get(1) != text.get(2) {
                        count.wrong.push(text.join("|"));
                    }
                }
            }
            count.longest = count.longest.max(start.elapsed());
            count.reads += 1;
            std::thread::sleep(PAUSE);
        }
    }
    count
}

/// Reads tables that are changed where they are in transactions that stay open across publishes: what they saw first
/// they see to their end.
fn held_open(project: &Project, done: &AtomicBool, began: &AtomicUsize) -> Count {
    let mut connection = project.connect();
    let mut count = Count::default();
    let query = "select count(*), min(k.version), max(l.version), min(l.version), max(k.version) from core.k join core.l using (id)";
    began.fetch_add(1, Ordering::SeqCst);
    let look = |connection: &mut Box<dyn Connection>, count: &mut Count| {
        count.reads += 1;
        match connection.query(query, None) {
            Ok(rows) => rows.rows.first().cloned().unwrap_or_default(),
            Err(error) => {
                count.errors.push(error.message);
                Vec::new()
            }
        }
    };
    while !done.load(Ordering::SeqCst) {
        connection.execute("begin transaction isolation level repeatable read").unwrap();
        let first = look(&mut connection, &mut count);
        if first.first().cloned().flatten().as_deref() != Some("300")
            || first[1..].iter().any(|version| version != &first[1])
        {
            count.wrong.push(format!("{first:?}"));
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(700) && !done.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
            let again = look(&mut connection, &mut count);
            if again != first {
                count.wrong.push(format!("{first:?} {again:?}"));
            }
        }
        connection.execute("commit").unwrap();
    }
    count
}

/// The versions are read by one prepared statement all the time.
fn prepared(project: &Project, done: &AtomicBool, began: &AtomicUsize) -> Count {
    let mut connection = project.connect();
    connection
        .execute("prepare looked as select count(*), min(a.version), max(b.version) from core.a join core.b using (id)")
        .unwrap();
    let mut count = Count::default();
    began.fetch_add(1, Ordering::SeqCst);
    while !done.load(Ordering::SeqCst) {
        let start = Instant::now();
        let outcome = connection.query("execute looked", None);
        match outcome {
            Err(error) => count.errors.push(error.message),
            Ok(rows) => {
                let row = rows.rows.first().cloned().unwrap_or_default();
                if row.first().cloned().flatten().as_deref() != Some("500") || row.get(1) != row.get(2) {
                    count.wrong.push(format!("{row:?}"));
                }
            }
        }
        count.longest = count.longest.max(start.elapsed());
        count.reads += 1;
        std::thread::sleep(PAUSE);
    }
    count
}

#[test]
fn a_hundred_publishes_under_readers() {
    let project = Project::on_postgres();
    write(&project, 0);
    project.build(&[]);
    project.execute(&[
        "create schema other",
        "create view other.seen as select a.version, b.version as other_version from core.a join core.b using (id)",
        "create materialized view other.k as select count(*) from core.k",
        "create materialized view other.l as select count(*) from core.l",
    ]);
    let (done, began) = (AtomicBool::new(false), AtomicUsize::new(0));
    let counts: Mutex<BTreeMap<&str, Count>> = Mutex::default();
    let fixed = "select count(*), min(a.version), max(b.version) from core.a join core.b using (id)";
    let opposite = "select count(*), min(b.version), max(a.version) from core.b join core.a using (id)";
    let kinds: [(&str, &[&str], &str); 4] = [
        ("join in one order", &[fixed], "500"),
        ("join in both orders", &[fixed, opposite], "500"),
        ("a stranger's view", &["select count(*), min(version), max(other_version) from other.seen"], "500"),
        (
            "table and view",
            &["select count(*), min(c.version), max(b.version) from core.c join core.b using (id)"],
            "500",
        ),
    ];
    std::thread::scope(|scope| {
        let (project, done, began, counts) = (&project, &done, &began, &counts);
        for (kind, queries, expected) in kinds {
            scope.spawn(move || {
                let count = read(project, done, queries, expected, began);
                counts.lock().unwrap().insert(kind, count);
            });
        }
        scope.spawn(|| {
            let count = held_open(project, done, began);
            counts.lock().unwrap().insert("transaction held open, tables in place", count);
        });
        scope.spawn(|| {
            let count = prepared(project, done, began);
            counts.lock().unwrap().insert("prepared statement", count);
        });
        let stops = Stops(done);
        let start = Instant::now();
        while began.load(Ordering::SeqCst) < kinds.len() + 2 {
            assert!(start.elapsed() < Duration::from_secs(60), "the readers do not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
        for version in 1..=PUBLISHES {
            write(project, version);
            let ended = project.suiro(&["build", "--quiet"]);
            assert_eq!(ended.status, 0, "publish {version}: {}", ended.stderr);
        }
        drop(stops);
    });
    let counts = counts.into_inner().unwrap();
    assert_eq!(counts.len(), kinds.len() + 2);
    for (kind, count) in &counts {
        println!(
            "{kind}: {} reads across {PUBLISHES} publishes, {} errors, {} wrong, longest wait {:?}",
            count.reads,
            count.errors.len(),
            count.wrong.len(),
            count.longest
        );
    }
    for (kind, count) in &counts {
        assert!(count.reads > 100, "{kind}: {} reads", count.reads);
        assert_eq!((&count.errors, &count.wrong), (&Vec::new(), &Vec::new()), "{kind}");
    }
    let last = PUBLISHES.to_string();
    assert_eq!(project.rows("select distinct version from core.a union all select distinct version from core.c union all select distinct version from core.l"), [last.as_str(); 3]);
    assert_eq!(project.left_behind(), Vec::<String>::new());
}
