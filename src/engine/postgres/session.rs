//! What every session sets before anything else runs.

use super::{
    error::{Situation, engine_error},
    plan::Plan,
};
use crate::{
    diagnostic::code,
    engine::{EngineError, FailureKind},
};
use std::collections::BTreeMap;
use tokio_postgres::{Client, types::Type};

/// Pinned because they change results, or how text is read and written.
pub const PINNED: &[(&str, &str)] = &[
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("array_nulls", "on"),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("default_transaction_isolation", "read committed"),
    ("extra_float_digits", "1"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("quote_all_identifiers", "off"),
    // Names in compiled SQL are qualified; nothing else may be found.
    ("search_path", ""),
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    ("xmlbinary", "base64"),
    ("xmloption", "content"),
];

/// A client that died holds its locks, and may even commit, until the server notices; this makes it look every second.
/// Servers on systems that cannot look refuse it.
const CHECK_CLIENT: (&str, &str) = ("client_connection_check_interval", "1s");

/// What is part of every definition: the pins, replaced and extended by the target's `settings:`.
pub fn settings(plan: &Plan) -> BTreeMap<String, String> {
    let named = |name: &str| plan.settings.keys().any(|key| key.eq_ignore_ascii_case(name));
    let pinned = PINNED.iter().filter(|(name, _)| !named(name));
    let pinned = pinned.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    pinned.chain(plan.settings.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
}

/// Who a session is at the server.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// The role that it works as.
    pub role: String,
    /// The process that serves it.
    pub process: Option<u32>,
}

/// Sets everything, in one round trip; who the session then is.
pub async fn pin(client: &Client, plan: &Plan) -> Result<Served, EngineError> {
    let mut settings: Vec<(String, String)> = vec![(CHECK_CLIENT.0.to_owned(), CHECK_CLIENT.1.to_owned())];
    // Before the role: whoever logs in may set more than whom they become.
    settings.extend(self::settings(plan));
    if let Some(timeout) = &plan.statement_timeout {
        settings.push(("statement_timeout".to_owned(), timeout.clone()));
    }
    if plan.read_only {
        settings.push(("default_transaction_read_only".to_owned(), "on".to_owned()));
    }
    if let Some(role) = &plan.role {
        settings.push(("role".to_owned(), role.clone()));
    }
    let error = match set(client, &settings).await {
        Ok(served) => return Ok(served),
        Err(error) => error,
    };
    let about = |name: &str| error.as_db_error().is_some_and(|refusal| refusal.message().contains(name));
    if about(CHECK_CLIENT.0) && !plan.settings.contains_key(CHECK_CLIENT.0) {
        settings.remove(0);
        return set(client, &settings).await.map_err(|error| setting_error(&error, plan));
    }
    Err(setting_error(&error, plan))
}

/// Gives the session another `application_name`.
pub async fn rename(client: &Client, name: String) -> Result<(), tokio_postgres::Error> {
    set(client, &[("application_name".to_owned(), name)]).await.map(|_| ())
}

async fn set(client: &Client, settings: &[(String, String)]) -> Result<Served, tokio_postgres::Error> {
    let (names, values): (Vec<&str>, Vec<&str>) =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).unzip();
    let statement = include_str!("session.sql");
    let rows = client.query_typed(statement, &[(&names, Type::TEXT_ARRAY), (&values, Type::TEXT_ARRAY)]).await?;
    let Some(row) = rows.last() else { return Ok(Served::default()) };
    let process: i32 = row.try_get("process")?;
    Ok(Served { role: row.try_get("role")?, process: u32::try_from(process).ok() })
}

fn setting_error(error: &tokio_postgres::Error, plan: &Plan) -> EngineError {
    let role = plan.user.as_deref().unwrap_or("this user");
    let mut error = engine_error(error, Situation { statement: "", role, interrupted: false });
    if error.kind != FailureKind::Permanent || error.sqlstate.is_none() {
        return error;
    }
    let about_role = plan.role.as_ref().is_some_and(|role| error.message.contains(&["role \"", role, "\""].concat()));
    if about_role {
        if error.code != code::PERMISSION_DENIED {
            error.code = code::BAD_CONNECTION_SETTING;
            error.help = Some("correct `role` of the target, or create that role".to_owned());
        }
    } else {
        error.code = code::BAD_CONNECTION_SETTING;
        error.help = Some("correct `settings:` or `statement_timeout` of the target".to_owned());
    }
    error
}
