//! What is loaded into an instance beside its own database: extensions, secrets, other databases.
//!
//! In: what the target names. Out: an instance that has it, or an error that says which of it cannot be had. Never: a
//! download, but for [`install`]; a secret in a log (these statements are told to nobody).

use super::{DuckDbOptions, error, instance};
use crate::{
    diagnostic::code,
    dialect::Dialect,
    engine::{EngineError, FailureKind, template::fill},
    project::{Attached, DuckDbSecret, Extension},
};
use serde_json::Value;
use std::collections::BTreeMap;

const INSTALL: &str = "install {{name}}{{from}}";
const FROM: &str = " from {{repository}}";
const LOAD: &str = "load {{name}}";
const SECRET: &str = "create or replace temporary secret {{name}} ({{parameters}})";
const ATTACH: &str = "attach {{path}} as {{name}} ({{options}})";

/// Loads extensions, each of which must be installed.
pub fn load(root: &duckdb::Connection, extensions: &[Extension]) -> Result<(), EngineError> {
    for extension in extensions {
        let statement = fill(LOAD, &BTreeMap::from([("name", extension.name.clone())]));
        root.execute_batch(&statement).map_err(|error| {
            let mut error = error::engine_error(&error, "");
            error.notes.insert(0, std::mem::take(&mut error.message));
            EngineError {
                code: code::MISSING_EXTENSION,
                kind: FailureKind::Permanent,
                message: ["the DuckDB extension `", &extension.name, "` cannot be loaded"].concat(),
                help: Some("install it: `suiro debug --install-extensions`".to_owned()),
                ..error
            }
        })?;
    }
    Ok(())
}

/// Installs the extensions from their repositories; their names.
pub fn install(options: &DuckDbOptions) -> Result<Vec<String>, EngineError> {
    let refused = |error: &duckdb::Error| error::engine_error(error, "");
    let config = instance::config(&DuckDbOptions { path: None, ..options.clone() });
    let config = config.map_err(|error| instance::setting_error("settings", &error))?;
    let root = duckdb::Connection::open_in_memory_with_flags(config).map_err(|error| refused(&error))?;
    for (name, value) in &options.settings {
        // What belongs to an extension is not known yet; where extensions are kept is.
        if name.to_ascii_lowercase().contains("extension") || name.to_ascii_lowercase().contains("proxy") {
            instance::set(&root, name, value).map_err(|error| instance::setting_error(name, &error))?;
        }
    }
    for extension in &options.extensions {
        let from = |repository: &String| fill(FROM, &BTreeMap::from([("repository", repository.clone())]));
        let from = extension.repository.as_ref().map(from).unwrap_or_default();
        let statement = fill(INSTALL, &BTreeMap::from([("name", extension.name.clone()), ("from", from)]));
        root.execute_batch(&statement).map_err(|error| {
            let mut error = refused(&error);
            error.notes.insert(0, std::mem::take(&mut error.message));
            EngineError {
                code: code::MISSING_EXTENSION,
                kind: FailureKind::Permanent,
                message: ["the DuckDB extension `", &extension.name, "` cannot be installed"].concat(),
                help: Some(
                    "check its name and the way to the network; a file can be installed with DuckDB's own `INSTALL`"
                        .to_owned(),
                ),
                ..error
            }
        })?;
    }
    Ok(options.extensions.iter().map(|extension| extension.name.clone()).collect())
}

/// Makes the secrets and attaches the databases.
pub fn furnish(root: &duckdb::Connection, options: &DuckDbOptions) -> Result<(), EngineError> {
    for one in &options.secrets {
        secret(root, one)?;
    }
    for one in &options.attach {
        attach(root, one)?;
    }
    Ok(())
}

fn secret(root: &duckdb::Connection, secret: &DuckDbSecret) -> Result<(), EngineError> {
    let what = secret.name.as_deref().unwrap_or_else(|| {
        let kind = secret.parameters.iter().find(|(name, _)| name == "type");
        kind.and_then(|(_, value)| value.as_str()).unwrap_or("without a name")
    });
    let wrong = |error: EngineError| EngineError {
        code: match error.code {
            code if code == code::MISSING_EXTENSION => code,
            _ => code::BAD_CONNECTION_SETTING,
        },
        kind: FailureKind::Permanent,
        message: ["the secret `", what, "` cannot be made: ", &error.message].concat(),
        ..error
    };
    let mut parameters = Vec::with_capacity(secret.parameters.len());
    for (name, value) in &secret.parameters {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let message = ["`", name, "` is no parameter of a secret"].concat();
            return Err(wrong(EngineError::new(code::BAD_CONNECTION_SETTING, FailureKind::Permanent, message)));
        }
        parameters.push([name, " ", &literal(value)].concat());
    }
    let statement = fill(
        SECRET,
        &BTreeMap::from([
            ("name", secret.name.as_ref().map(|name| Dialect::DuckDb.quote(name)).unwrap_or_default()),
            ("parameters", parameters.join(", ")),
        ]),
    );
    root.execute_batch(&statement).map_err(|error| wrong(error::engine_error(&error, "")))
}

/// A parameter's value: a text, a number, a boolean, a list or a map of these.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => Dialect::DuckDb.literal(text),
        Value::Array(items) => ["[", &items.iter().map(literal).collect::<Vec<_>>().join(", "), "]"].concat(),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| [&Dialect::DuckDb.literal(key), ": ", &literal(value)].concat());
            ["map {", &pairs.collect::<Vec<_>>().join(", "), "}"].concat()
        }
        other => other.to_string(),
    }
}

fn attach(root: &duckdb::Connection, attached: &Attached) -> Result<(), EngineError> {
    let refuse = |error: EngineError, message: String| EngineError {
        code: match error.code {
            code if [code::FILE_LOCKED, code::MISSING_EXTENSION].contains(&code) => code,
            _ => code::CANNOT_ATTACH,
        },
        message,
        ..error
    };
    if let Some(file) = attached.file.as_ref().filter(|file| attached.read_only && !file.exists()) {
        let file = file.display().to_string();
        let message = ["the file `", &file, "`, to be attached as `", &attached.alias, "`, does not exist"].concat();
        let error = EngineError::new(code::CANNOT_ATTACH, FailureKind::Permanent, message);
        return Err(error.with_help("see `attach:` of the target; paths start at the folder of suiro.yml"));
    }
    let mut options: Vec<String> = Vec::new();
    if let Some(kind) = &attached.kind {
        options.push(["type ", &Dialect::DuckDb.quote(kind)].concat());
    }
    if attached.read_only {
        options.push("read_only".to_owned());
    }
    let path = Dialect::DuckDb.literal(attached.path.expose());
    let fillings = |options: String| {
        BTreeMap::from([("path", path.clone()), ("name", Dialect::DuckDb.quote(&attached.alias)), ("options", options)])
    };
    let statement = fill(ATTACH, &fillings(options.join(", ")));
    let statement = if options.is_empty() { statement.trim_end_matches(" ()").to_owned() } else { statement };
    root.execute_batch(&statement).map_err(|error| {
        let error = error::engine_error(&error, "");
        let message = ["the database `", &attached.alias, "` cannot be attached: ", &error.message].concat();
        refuse(error, message)
    })
}
