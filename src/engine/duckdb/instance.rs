//! Opening DuckDB files: once in the process for each file, and with errors that say what to do.

use super::{DuckDbOptions, error, outfit};
use crate::{
    diagnostic::code,
    dialect::Dialect,
    engine::{EngineError, FailureKind, template::fill},
};
use duckdb::{AccessMode, Config};
use fs_err as fs;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

const ATTACH: &str = "attach {{path}} as {{name}} {{mode}}";
const USE: &str = "use {{name}}";
const LEAVE_MEMORY: &str = "use {{name}}; detach memory";
const SET: &str = "set {{name}} = {{value}}";
const ERRORS_AS_JSON: &str = "set errors_as_json = true";

/// Settings that belong to the ICU extension. A DuckDB built without it knows no time zone but UTC and no other
/// calendar, which is what suiro pins.
const OF_ICU: &[(&str, &str)] = &[("Calendar", "gregorian"), ("TimeZone", "UTC")];

/// Settings that DuckDB takes only while it opens. All others are set afterwards: some (`max_temp_directory_size`) are
/// taken and forgotten when they come earlier.
const AT_OPENING: &[&str] = &[
    "allow_community_extensions",
    "allow_unredacted_secrets",
    "allow_unsigned_extensions",
    "custom_user_agent",
    "disable_database_invalidation",
    "duckdb_api",
    "vacuum_rebuild_indexes",
];
/// The settings that each session has for itself.
const SESSION_SETTINGS: &str = "select lower(name) from duckdb_settings() where scope = 'LOCAL'";
const ALL_SETTINGS: &str = "select lower(name) from duckdb_settings()";
/// Settings behind which nothing can be attached or set any more.
const AT_LAST: &[&str] = &["enable_external_access", "lock_configuration"];

/// The instances that are open in this process: DuckDB's file lock does not protect a file from its own process.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<Instance>>> = Mutex::new(BTreeMap::new());

/// One open database.
pub struct Instance {
    /// The connection that all others are made from.
    root: Mutex<duckdb::Connection>,
    options: DuckDbOptions,
    /// The names, in lower case, of the settings that each session has for itself.
    of_sessions: BTreeSet<String>,
    broken: AtomicBool,
}

impl Instance {
    /// The instance for that file, opened if it is not open yet.
    pub fn open(options: &DuckDbOptions, place: &str) -> Result<Arc<Self>, EngineError> {
        let Some(path) = &options.path else {
            return Ok(Arc::new(Self::open_new(options, place)?));
        };
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, instance| instance.strong_count() > 0);
        let key = absolute(path);
        if let Some(instance) = open.get(&key).and_then(Weak::upgrade)
            && !instance.is_broken()
        {
            if instance.options == (DuckDbOptions { path: instance.options.path.clone(), ..options.clone() }) {
                return Ok(instance);
            }
            let message = "the DuckDB file is already open in this process with other settings";
            return Err(EngineError::new(code::BAD_CONNECTION_SETTING, FailureKind::Permanent, message));
        }
        let instance = Arc::new(Self::open_new(options, place)?);
        open.insert(key, Arc::downgrade(&instance));
        Ok(instance)
    }

    fn open_new(options: &DuckDbOptions, place: &str) -> Result<Self, EngineError> {
        if let Some(path) = &options.path {
            check_path(path, options.read_only, place)?;
        }
        let config = config(options).map_err(|error| setting_error("settings", &error))?;
        let root = match (&options.path, &options.name) {
            (Some(path), None) => duckdb::Connection::open_with_flags(path, config),
            _ => duckdb::Connection::open_in_memory_with_flags(config),
        }
        .map_err(|error| opening_error(&error, place))?;
        if let Some(name) = &options.name {
            let path = options.path.as_ref().map_or_else(|| ":memory:".to_owned(), |path| path.display().to_string());
            let attach = fill(
                ATTACH,
                &BTreeMap::from([
                    ("path", Dialect::DuckDb.literal(&path)),
                    ("name", Dialect::DuckDb.quote(name)),
                    (
                        "mode",
                        if options.read_only && options.path.is_some() {
                            "(read_only)".to_owned()
                        } else {
                            String::new()
                        },
                    ),
                ]),
            );
            root.execute_batch(&attach).map_err(|error| opening_error(&error, place))?;
            // The database that the instance was opened with would be one more name to be confused with.
            let leave = fill(LEAVE_MEMORY, &BTreeMap::from([("name", Dialect::DuckDb.quote(name))]));
            root.execute_batch(&leave).map_err(|error| opening_error(&error, place))?;
        }
        let names = |query| settings(&root, query).map_err(|error| error::engine_error(&error, ""));
        let (mut of_sessions, early) = (names(SESSION_SETTINGS)?, names(ALL_SETTINGS)?);
        let is_early = |name: &str| early.contains(&name.to_ascii_lowercase());
        let is_last = |name: &str| among(AT_LAST.iter().copied(), name);
        set_all(&root, options, &of_sessions, &|name| is_early(name) && !is_last(name))?;
        if !options.extensions.is_empty() {
            outfit::load(&root, &options.extensions)?;
            of_sessions = names(SESSION_SETTINGS)?;
        }
        // Those that came with an extension; a name that nobody knows is refused here.
        set_all(&root, options, &of_sessions, &|name| !is_early(name))?;
        outfit::furnish(&root, options)?;
        set_all(&root, options, &of_sessions, &is_last)?;
        Ok(Self { root: Mutex::new(root), options: options.clone(), of_sessions, broken: AtomicBool::default() })
    }

    /// Whether it was opened for reading alone.
    pub fn is_read_only(&self) -> bool {
        self.options.read_only
    }

    fn is_of_sessions(&self, name: &str) -> bool {
        is_of_sessions(&self.of_sessions, name)
    }

    /// A new session with these settings.
    pub fn connect(
        &self,
        options: &DuckDbOptions,
        settings: &BTreeMap<String, String>,
    ) -> Result<duckdb::Connection, EngineError> {
        let connection = self
            .root
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .try_clone()
            .map_err(|error| error::engine_error(&error, ""))?;
        connection.execute_batch(ERRORS_AS_JSON).map_err(|error| error::engine_error(&error, ""))?;
        if let Some(name) = &options.name {
            let statement = fill(USE, &BTreeMap::from([("name", Dialect::DuckDb.quote(name))]));
            connection.execute_batch(&statement).map_err(|error| error::engine_error(&error, ""))?;
        }
        for (name, value) in settings.iter().filter(|(name, _)| self.is_of_sessions(name)) {
            match set(&connection, name, value) {
                Err(error) if !is_default_without_icu(name, value, &error) => return Err(setting_error(name, &error)),
                _ => {}
            }
        }
        Ok(connection)
    }

    /// Notes that DuckDB closed the database after a fatal error, so that the next connection opens it again.
    pub fn mark_broken(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Whether DuckDB closed the database.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

pub fn set(connection: &duckdb::Connection, name: &str, value: &str) -> duckdb::Result<()> {
    let fillings = BTreeMap::from([("name", Dialect::DuckDb.quote(name)), ("value", Dialect::DuckDb.literal(value))]);
    connection.execute_batch(&fill(SET, &fillings))
}

/// Whether each session has that setting for itself.
fn is_of_sessions(of_sessions: &BTreeSet<String>, name: &str) -> bool {
    of_sessions.contains(&name.to_ascii_lowercase())
        || among(OF_ICU.iter().chain(super::PINNED).map(|(name, _)| *name), name)
}

/// Sets those settings of the whole instance that are `wanted` now.
fn set_all(
    root: &duckdb::Connection,
    options: &DuckDbOptions,
    of_sessions: &BTreeSet<String>,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<(), EngineError> {
    let whole = |name: &str| !is_of_sessions(of_sessions, name) && !among(AT_OPENING.iter().copied(), name);
    let chosen = options.settings.iter().filter(|(name, _)| whole(name) && wanted(name));
    for (name, value) in chosen {
        set(root, name, value).map_err(|error| setting_error(name, &error))?;
    }
    Ok(())
}

fn settings(connection: &duckdb::Connection, query: &str) -> duckdb::Result<BTreeSet<String>> {
    let mut prepared = connection.prepare(query)?;
    prepared.query_map([], |row| row.get(0))?.collect()
}

/// Whether the name is one of these, without case, as DuckDB compares them.
fn among<'a>(mut names: impl Iterator<Item = &'a str>, name: &str) -> bool {
    names.any(|known| known.eq_ignore_ascii_case(name))
}

/// DuckDB's configuration at opening.
pub fn config(options: &DuckDbOptions) -> duckdb::Result<Config> {
    let named = |name: &str| among(options.settings.keys().map(String::as_str), name);
    let mut config = Config::default();
    // A DuckDB that may install extensions loads code from the network because a query names a function.
    if !named("autoinstall_known_extensions") {
        config = config.with("autoinstall_known_extensions", "false")?;
    }
    if let Some(threads) = options.threads
        && !named("threads")
    {
        config = config.with("threads", threads.max(1).to_string())?;
    }
    if options.read_only && options.path.is_some() && options.name.is_none() {
        config = config.access_mode(AccessMode::ReadOnly)?;
    }
    for (name, value) in options.settings.iter().filter(|(name, _)| among(AT_OPENING.iter().copied(), name)) {
        config = config.with(name, value)?;
    }
    Ok(config)
}

/// What DuckDB would only say in a roundabout way.
fn check_path(path: &Path, read_only: bool, place: &str) -> Result<(), EngineError> {
    let unreadable = |message: String| EngineError::new(code::UNREADABLE_DATABASE, FailureKind::Permanent, message);
    if path.is_dir() {
        return Err(unreadable(["`", place, "` is a folder, not a DuckDB file"].concat())
            .with_help("name a file in it as `path` of the target"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder.is_dir()
    {
        return Err(unreadable(["the folder of `", place, "` does not exist"].concat())
            .with_help(["make the folder `", &folder.display().to_string(), "` first"].concat()));
    }
    if read_only && !path.exists() {
        let message = ["the DuckDB file `", place, "` does not exist"].concat();
        return Err(EngineError::new(code::NO_SUCH_DATABASE, FailureKind::Permanent, message)
            .with_help("`suiro build` makes it"));
    }
    Ok(())
}

/// The path without `.`, `..` and links, also for a file that does not exist yet.
fn absolute(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name))
}

fn is_default_without_icu(name: &str, value: &str, error: &duckdb::Error) -> bool {
    let default =
        OF_ICU.iter().any(|(key, default)| key.eq_ignore_ascii_case(name) && default.eq_ignore_ascii_case(value));
    default && {
        let text = error.to_string();
        text.contains("unrecognized configuration parameter") || text.contains("icu")
    }
}

fn opening_error(error: &duckdb::Error, place: &str) -> EngineError {
    let mut error = error::engine_error(error, "");
    error.notes.insert(0, std::mem::take(&mut error.message));
    error.message = match error.code {
        code if code == code::FILE_LOCKED => ["another process has `", place, "` open"].concat(),
        code if code == code::PERMISSION_DENIED => ["no permission to open `", place, "`"].concat(),
        code if code == code::DISK_FULL => ["no room left to open `", place, "`"].concat(),
        _ => {
            if error.code == code::STATEMENT_REFUSED {
                error.code = code::UNREADABLE_DATABASE;
                error.help =
                    Some("name another file as `path` of the target, or bring this one back from a copy".to_owned());
            }
            ["cannot open `", place, "` as a DuckDB database"].concat()
        }
    };
    error
}

/// What DuckDB says of a setting.
pub fn setting_error(name: &str, error: &duckdb::Error) -> EngineError {
    let mut error = error::engine_error(error, "");
    if !error.message.contains(name) {
        error.message = ["`", name, "`: ", &error.message].concat();
    }
    error.code = code::BAD_CONNECTION_SETTING;
    error.kind = FailureKind::Permanent;
    error.help = Some("see `settings:` of the target; `from duckdb_settings()` lists what there is".to_owned());
    error
}
