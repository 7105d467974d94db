//! PgBouncer in between: kept sessions work, shared ones are refused before anything is set in them.

use crate::{
    support::{
        pgbouncer::PgBouncer,
        postgres::{self, own_server},
    },
    value,
};
use std::time::Duration;
use suiro::{
    diagnostic::code,
    engine::{Engine, FailureKind},
};

#[test]
fn a_pooler_that_shares_sessions_is_found_out() {
    let server = own_server();
    let database = server.database();
    for (pool_mode, more) in [
        ("transaction", ""),
        ("transaction", "default_pool_size = 1"),
        ("transaction", "min_pool_size = 5\nserver_round_robin = 1"),
        ("transaction", "server_reset_query_always = 1"),
        ("statement", ""),
        ("statement", "default_pool_size = 1"),
    ] {
        let bouncer = PgBouncer::start(server, pool_mode, more);
        let options = bouncer.options(&database.name);
        // Some server sessions may be there already.
        let attempts: Vec<_> = (0..3).map(|_| postgres::engine(&options).connect("tests")).collect();
        for attempt in attempts {
            let error = attempt.err().unwrap_or_else(|| panic!("connected: {pool_mode}, {more}"));
            assert_eq!((error.code, error.kind), (code::SESSION_NOT_KEPT, FailureKind::Permanent), "{error:?}");
            assert!(error.help.as_deref().unwrap_or_default().contains("pool_mode = session"), "{error:?}");
        }
    }
    // Nobody's session was touched.
    let mut admin = database.admin();
    let touched = "select count(*) from pg_stat_activity where query like '%set_config%' and usename = 'suiro_test'";
    assert_eq!(value(admin.as_mut(), touched).as_deref(), Some("0"));
}

#[test]
fn a_pooler_that_keeps_sessions_works() {
    let server = own_server();
    let database = server.database();
    for more in ["", "default_pool_size = 1"] {
        let bouncer = PgBouncer::start(server, "session", more);
        let engine = postgres::engine(&bouncer.options(&database.name));
        let mut connection = engine.connect("tests").unwrap_or_else(|error| panic!("{more}: {error:?}"));
        assert_eq!(value(connection.as_mut(), "show timezone").as_deref(), Some("UTC"), "{more}");
        if !more.is_empty() {
            // PgBouncer 1.18 has no way to pass a cancellation on when its pool is used up.
            continue;
        }
        let interrupter = connection.interrupter();
        let waiter = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            interrupter.interrupt();
        });
        let error = connection.execute("select pg_sleep(20)").unwrap_err();
        waiter.join().unwrap();
        assert_eq!(error.code, code::CANCELLED, "{more}: {error:?}");
    }
}

#[test]
fn a_pooler_that_refuses_options_says_so() {
    let server = own_server();
    let bouncer = PgBouncer::start(server, "session", "");
    let mut options = bouncer.options("postgres");
    options.url = Some("postgresql://?options=-cgeqo%3Doff".to_owned());
    // Newer ones take them.
    if let Err(error) = postgres::engine(&options).connect("tests") {
        assert_eq!(error.code, code::BAD_CONNECTION_SETTING, "{error:?}");
        assert!(error.help.as_deref().unwrap_or_default().contains("options"), "{error:?}");
    }
}
