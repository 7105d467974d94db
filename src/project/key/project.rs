//! The keys of `suiro.yml`, of its targets and of its selectors.

use super::{Key, Kind, Merge, Table, ignored, key, refused};

/// The top of `suiro.yml`.
pub(crate) const PROJECT: Table = Table { place: "suiro.yml", keys: &[PROJECT_KEYS] };

const PROJECT_KEYS: &[Key] = &[
    key("name", Kind::Text, "the project's name; the only key that must be given, besides a target"),
    key("version", Kind::Text, "the project's own version, for people"),
    key("require_suiro", Kind::Text, "the versions of suiro that may build the project, such as `>=0.1, <0.3`"),
    key("target", Kind::Text, "the target that is used when neither `--target` nor `SUIRO_TARGET` names one")
        .default("the only target"),
    key("targets", Kind::Mapping, "the databases that can be built in, by name; see the sections on targets"),
    key("models", Kind::Mapping, "configuration of models by folder below `models/`; the closest folder wins"),
    key("seeds", Kind::Mapping, "configuration of seeds by folder below `models/`; the closest folder wins"),
    key("vars", Kind::Mapping, "values for `var()`; `--vars` goes first").merge(Merge::Keys),
    key("run_vars", Kind::TextList, "the names of variables that differ from run to run and change no definition"),
    key("selectors", Kind::Any, "selections with a name, in dbt's shape: a list of `name` and `definition`"),
    key("model_paths", Kind::TextList, "folders with models, seeds and the YAML files that describe them")
        .default("`[models]`"),
    key("test_paths", Kind::TextList, "folders with tests that are SQL files").default("`[tests]`"),
    key(
        "template_paths",
        Kind::TextList,
        "folders with macros and with templates of the project's own; the first one wins",
    )
    .default("`[templates]`"),
    key(
        "allow_unknown_relations",
        Kind::Choice(&["error", "warn"]),
        "what a relation is that is neither model, seed nor source",
    )
    .default("`error`"),
    key(
        "publish",
        Kind::Choice(&["run", "group", "model"]),
        "what is published in one transaction: everything that a run built, each connected part, or each model",
    )
    .default("`run`"),
    key("secrets", Kind::Any, "values, in a list or a mapping, that are masked in everything printed or written"),
    key("anchors", Kind::Any, "a place for YAML anchors that are repeated elsewhere in the file; means nothing itself"),
    key("on_run_start", Kind::Any, "SQL to run before anything is built; a text or a list").late(),
    key("on_run_end", Kind::Any, "SQL to run after everything was built and published, whatever came of it").late(),
    key(
        "tests",
        Kind::Mapping,
        "configuration of tests by folder below `models/` and `tests/`; the closest folder wins",
    )
    .also(&["data_tests"]),
    refused(
        "snapshots",
        "a snapshot is a model with `materialized: snapshot`; its folder is configured below `models`",
    ),
    refused("profile", "the databases stand under `targets:` in suiro.yml itself"),
    refused("sources", "sources are described in the YAML files below `models/`"),
    refused("exposures", "exposures are described in the YAML files below `models/`"),
    refused("seed_paths", "seeds are the .csv files below `models/`").also(&["seed-paths"]),
    refused("macro_paths", "macros are the files in `templates/macros/`; other folders go into `template_paths`")
        .also(&["macro-paths"]),
    ignored("config_version", "suiro.yml has one form").also(&["config-version"]),
];

/// The keys of every target.
const COMMON: &[Key] = &[
    key("type", Kind::Choice(&["duckdb", "postgres"]), "the engine"),
    key("schema", Kind::Text, "the schema of models and seeds that name none")
        .default("`main` on DuckDB, `public` on PostgreSQL"),
    key("threads", Kind::Integer(1, 1024), "how many models are built at the same time").default("4"),
    key("settings", Kind::TextMap, "settings of the session, by their names in the database"),
    key("state_schema", Kind::Text, "the schema that keeps what was built").default("`suiro`"),
    key(
        "protected",
        Kind::Boolean,
        "whether rows that may not come back, and relations, are only taken away with `--confirm` and the target's name",
    )
    .default("`false`"),
];

/// A target of `type: duckdb`.
pub(crate) const DUCKDB: Table = Table {
    place: "a DuckDB target",
    keys: &[
        COMMON,
        &[
            key("path", Kind::Text, "the database file, relative to the project, or `:memory:`")
                .default("the project's name with `.duckdb`"),
            key("memory_limit", Kind::Text, "how much memory DuckDB may use, such as `4GB`"),
            key(
                "secrets",
                Kind::Any,
                "secrets for DuckDB's own connections, a list of mappings as in `CREATE SECRET`; their values are masked",
            ),
            key("attach", Kind::List, "other databases to attach; tables in them are sources with their `database`"),
            key(
                "extensions",
                Kind::TextList,
                "extensions to load, such as `spatial` or `h3 from community`; `suiro debug --install-extensions` installs them",
            ),
            ignored("staging_schema", "on DuckDB relations are staged in the schema that they are published to"),
            refused("token", "a DuckDB file has no token; DuckDB's own secrets stand under `secrets`"),
            refused("password", "a DuckDB file has no password; DuckDB's own secrets stand under `secrets`"),
        ],
    ],
};

/// An entry of `attach:`.
pub(crate) const ATTACH: Table = Table {
    place: "an attached database",
    keys: &[&[
        key("path", Kind::Text, "the file, relative to the project, or what else its type takes"),
        key("alias", Kind::Text, "its name as a database in SQL").default("the file's name"),
        key("type", Kind::Text, "`duckdb`, `postgres`, `sqlite` or another type that an extension brings")
            .default("`duckdb`"),
        key("read_only", Kind::Boolean, "whether it is only read").default("`true`"),
    ]],
};

/// A target of `type: postgres`. Whatever is not given comes from libpq's variables, the service file and `.pgpass`.
pub(crate) const POSTGRES: Table = Table {
    place: "a PostgreSQL target",
    keys: &[
        COMMON,
        &[
            key(
                "url",
                Kind::Text,
                "all of the connection in one, `postgres://user:password@host:port/dbname?key=value`; the keys below go first",
            ),
            key("host", Kind::Text, "the server's name or address, or the folder of its socket")
                .default("`PGHOST`, else `localhost`"),
            key("port", Kind::Integer(1, 65535), "the server's port").default("`PGPORT`, else 5432"),
            key("user", Kind::Text, "the role to log in as").default("`PGUSER`, else the name of the person"),
            key("password", Kind::Text, "its password; never printed")
                .also(&["pass"])
                .default("`PGPASSWORD`, else `.pgpass`"),
            key("token", Kind::Text, "a short-lived token that is sent as the password; never printed"),
            key("dbname", Kind::Text, "the database").also(&["database"]).default("`PGDATABASE`, else the user's name"),
            key("service", Kind::Text, "an entry of the service file").default("`PGSERVICE`"),
            key(
                "sslmode",
                Kind::Choice(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
                "how the connection is encrypted, as in libpq",
            )
            .default("`PGSSLMODE`, else `prefer`"),
            key("sslrootcert", Kind::Text, "the file with the certificates to trust, relative to the project")
                .default("`PGSSLROOTCERT`, else the system's"),
            key("role", Kind::Text, "the role to change to after the login"),
            key("connect_timeout", Kind::Seconds, "how long to wait for a connection; a bare number counts seconds")
                .default("`PGCONNECT_TIMEOUT`, else 10 seconds"),
            key("statement_timeout", Kind::Duration, "how long one statement may take; with a unit, such as `30m`")
                .default("the server's"),
            key(
                "publish_timeout",
                Kind::Duration,
                "how long a publish tries to get its locks before it gives up and leaves everything as it was",
            )
            .default("`30s`"),
            key(
                "staging_schema",
                Kind::TextList,
                "schemas that exist already, to build in before publishing where the role may create none; each serves one run at a time",
            ),
            key("application_name", Kind::Text, "what the server's administrator sees")
                .default("`suiro <model> <run>`"),
            key(
                "sslcert",
                Kind::Text,
                "the file with the certificate that suiro shows to the server, relative to the project",
            )
            .default("`PGSSLCERT`, else `~/.postgresql/postgresql.crt` if it is there"),
            key("sslkey", Kind::Text, "the file with its key, which nobody else may read, relative to the project")
                .default("`PGSSLKEY`, else `~/.postgresql/postgresql.key`"),
            refused(
                "search_path",
                "suiro writes every relation with its schema; schemas of types and operators, such as that of `citext`, go into `settings: {search_path: …}`",
            ),
            ignored("keepalives_idle", "suiro sets keepalives itself"),
            ignored("retries", "suiro repeats what failed for a reason that passes"),
        ],
    ],
};

/// An entry of `selectors:`.
pub(crate) const SELECTOR: Table = Table {
    place: "a selector",
    keys: &[&[
        key("name", Kind::Text, "its name, used as `selector:name`"),
        key("description", Kind::Text, "what it is for").late(),
        key(
            "definition",
            Kind::Any,
            "a selection as on the command line, or `method` and `value`, `union`, `intersection`, `exclude`",
        ),
        refused("default", "name the selection on the command line"),
    ]],
};

/// A definition that names a method.
pub(crate) const SELECTOR_METHOD: Table = Table {
    place: "a selector's definition",
    keys: &[&[
        key(
            "method",
            Kind::Text,
            "how to select: `tag`, `path`, `name`, `config.materialized`, `source`, `owner`, `selector`, …",
        ),
        key("value", Kind::Text, "what to select"),
        key("parents", Kind::Boolean, "with everything that it reads, as `+value`").default("`false`"),
        key("parents_depth", Kind::Integer(0, 1_000_000), "how many steps up"),
        key("children", Kind::Boolean, "with everything that reads it, as `value+`").default("`false`"),
        key("children_depth", Kind::Integer(0, 1_000_000), "how many steps down"),
        key("childrens_parents", Kind::Boolean, "with everything that reads it and what that reads, as `@value`")
            .default("`false`"),
        key("exclude", Kind::List, "what to leave out, each a definition"),
        ignored("indirect_selection", "a test is selected with what it reads"),
    ]],
};

/// A file of `values/`.
pub(crate) const VALUE_LIST: Table = Table {
    place: "a list of values",
    keys: &[&[
        key("description", Kind::Text, "what the values are, for people").late(),
        key("query", Kind::Text, "a query that fetches the values; names of the project are resolved").late(),
        key(
            "values",
            Kind::List,
            "the values, as `suiro catalog values` wrote them: one for each row, a mapping where the query has several columns",
        ),
    ]],
};
