//! The keys of models, seeds, sources and exposures, in front matter and in YAML files beside the models.

use super::{Effect, Key, Kind, Merge, Table, ignored, key, refused};

const MODEL_ONLY: &[&str] = &["model"];
const SEED_ONLY: &[&str] = &["seed"];
const TEST_ONLY: &[&str] = &["test"];
const ALL: &[&str] = &["model", "seed", "source", "exposure", "test"];
const WITH_TESTS: &[&str] = &["model", "seed", "test"];
const TEXT_OR_MAPPING: Kind = Kind::Either(&Kind::Text, &Kind::Mapping);

/// The top of a YAML file below `models/`.
pub(crate) const PROPERTIES: Table = Table {
    place: "a YAML file below models/",
    keys: &[&[
        key("version", Kind::Integer(1, 2), "the version of this shape, as in dbt").default("2"),
        key("models", Kind::List, "what there is to say about models"),
        key("seeds", Kind::List, "what there is to say about seeds"),
        key("sources", Kind::List, "relations that somebody else fills"),
        key("exposures", Kind::List, "who uses the results: dashboards, notebooks, applications"),
        key(
            "anchors",
            Kind::Any,
            "a place for YAML anchors that are repeated elsewhere in the file; means nothing itself",
        ),
        key("unit_tests", Kind::List, "tests of models on given rows"),
        key("data_tests", Kind::List, "what there is to say about tests that are SQL files"),
        refused("snapshots", "a snapshot is a model with `materialized: snapshot`; describe it below `models`"),
        ignored("macros", "macros are described by comments in their own files"),
        ignored("analyses", "a query that builds nothing needs no description"),
        ignored("groups", "give models an `owner` instead"),
        ignored("metrics", "metrics belong to the tool that computes them"),
        ignored("semantic_models", "semantic models belong to the tool that uses them"),
        ignored("saved_queries", "saved queries belong to the tool that uses them"),
    ]],
};

const NAME: &[Key] = &[key("name", Kind::Text, "the name of the file without its extension")];

/// What a node says besides its configuration.
const DESCRIPTION: &[Key] = &[
    key("config", Kind::Mapping, "configuration; its keys may also stand beside `name`"),
    key("columns", Kind::List, "what there is to say about columns"),
    key("tests", Kind::List, "tests of the rows").also(&["data_tests"]).late(),
];

/// An entry of `models:` or `seeds:`.
pub(crate) const ENTRY: Table = Table { place: "a model or seed", keys: &[NAME, DESCRIPTION, CONFIG_KEYS] };

/// The front matter of a model.
pub(crate) const FRONT_MATTER: Table = Table { place: "front matter", keys: &[DESCRIPTION, CONFIG_KEYS] };

/// An item of `tests:`.
pub(crate) const TEST: Table = Table {
    place: "a test",
    keys: &[
        &[
            key("name", Kind::Text, "its own name").default("made of test, relation and column"),
            key("test_name", Kind::Text, "which test, where the item is no mapping of one name"),
            key("arguments", Kind::Mapping, "what the test is told; may also stand beside the configuration"),
            key("config", Kind::Mapping, "configuration; its keys may also stand beside `name`"),
        ],
        CONFIG_KEYS,
    ],
};

/// An entry of `unit_tests:`.
pub(crate) const UNIT_TEST: Table = Table {
    place: "a unit test",
    keys: &[
        &[
            key("name", Kind::Text, "its name"),
            key("model", Kind::Text, "the model that it is about"),
            key("given", Kind::List, "what the model reads instead, each with `input` and `rows`"),
            key("expect", Kind::Mapping, "the rows that come out; only the columns that it names are compared"),
            key("config", Kind::Mapping, "configuration; its keys may also stand beside `name`"),
            refused("versions", "give each version a file of its own"),
        ],
        UNIT_SETTINGS,
        CONFIG_KEYS,
    ],
};

/// How a unit test has its model.
const UNIT_SETTINGS: &[Key] = &[
    key("overrides", Kind::Mapping, "`vars`, `env_vars` and `is_incremental`"),
    key("incremental", Kind::Boolean, "whether the model is rendered as for an increment").default("`false`"),
    key("now", Kind::Text, "what `now()`, `current_date` and the like answer, such as `2026-01-31 12:00`; without an offset in the session's time zone").default("the time"),
];

/// The front matter of a unit test that is a file of SQL.
pub(crate) const UNIT_FILE: Table = Table {
    place: "a unit test",
    keys: &[
        &[
            key("unit_test", Kind::Text, "the model that the file is a unit test of"),
            key("config", Kind::Mapping, "configuration; its keys may also stand beside `unit_test`"),
        ],
        UNIT_SETTINGS,
        CONFIG_KEYS,
    ],
};

const ROWS: &[Key] = &[
    key("rows", Kind::Any, "a list of mappings of columns to values; with a `format`, a text"),
    key("format", Kind::Choice(&["dict", "csv", "sql"]), "what `rows` is").default("`dict`"),
    key(
        "fixture",
        Kind::Text,
        "the name of a file of rows instead, below `fixtures/` of a test path: `name.csv` or `name.sql`",
    ),
];

/// An item of a unit test's `given:`.
pub(crate) const UNIT_INPUT: Table = Table {
    place: "an input of a unit test",
    keys: &[
        &[key(
            "input",
            Kind::Text,
            "a relation that the model reads: a name, `ref('x')`, `source('a', 'b')`, or `this`",
        )
        .late()],
        ROWS,
    ],
};

/// A unit test's `expect:`.
pub(crate) const UNIT_ROWS: Table = Table { place: "`expect`", keys: &[ROWS] };

/// A unit test's `overrides:`.
pub(crate) const UNIT_OVERRIDES: Table = Table {
    place: "`overrides`",
    keys: &[&[
        key("vars", Kind::Mapping, "values of `var()`"),
        key("env_vars", Kind::TextMap, "values of `env_var()`"),
        key("is_incremental", Kind::Boolean, "what `is_incremental()` answers"),
        key("macros", Kind::Mapping, "`is_incremental: true`, as in dbt; other macros cannot be replaced"),
    ]],
};

/// An entry of `data_tests:` at the top of a YAML file.
pub(crate) const DATA_TEST: Table = Table {
    place: "a test that is a SQL file",
    keys: &[NAME, &[key("config", Kind::Mapping, "configuration; its keys may also stand beside `name`")], CONFIG_KEYS],
};

/// `config(…)` in a template, and defaults by folder.
pub(crate) const CONFIG: Table = Table { place: "a configuration", keys: &[CONFIG_KEYS] };

const CONFIG_KEYS: &[Key] = &[
    key(
        "materialized",
        Kind::Text,
        "what is made of the model: `view`, `table`, `incremental`, `ephemeral`, `materialized_view`, `file`, `snapshot`, or the name of a template in `templates/materializations/`",
    )
    .default("`view`; `seed` for seeds"),
    key("schema", Kind::Text, "the schema, exactly as written; of a test, that of the rows it stores")
        .default("the target's schema; of a test `suiro_failures`")
        .on(WITH_TESTS),
    key("alias", Kind::Text, "the relation's name").default("the file's name; of a test its own").on(WITH_TESTS),
    key("enabled", Kind::Boolean, "whether it exists at all").default("`true`").on(ALL),
    key("tags", Kind::TextList, "words to select by; those of all places add up")
        .merge(Merge::Append)
        .on(ALL),
    key("owner", TEXT_OR_MAPPING, "who answers for it: a name, or `name` and `email`")
        .on(ALL),
    key("description", Kind::Text, "what it is, for people").late().on(ALL),
    key("meta", Kind::Mapping, "anything; those of all places are merged key by key")
        .merge(Merge::Keys)
        .on(ALL),
    key("depends_on", Kind::TextList, "relations that it reads besides those in its SQL").on(MODEL_ONLY),
    key("column_types", Kind::TextMap, "types of columns by name, instead of the inferred ones").on(SEED_ONLY),
    key("delimiter", Kind::Text, "the character between two values; `tab` for a tab").default("`,`").on(SEED_ONLY),
    key("quote", Kind::Text, "the character around values that hold a delimiter or a line break; `none` for none")
        .default("`\"`")
        .on(SEED_ONLY),
    key("encoding", Kind::Text, "the file's encoding, by its name on the web, such as `shift_jis` or `windows-1252`")
        .default("`utf-8`")
        .on(SEED_ONLY),
    key("null_values", Kind::TextList, "unquoted values that are NULL, besides the empty one").on(SEED_ONLY),
    key("severity", Kind::Choice(&["error", "warn"]), "whether a failure holds back what was tested").default("`error`").on(TEST_ONLY),
    key("error_if", Kind::Text, "which number of failing rows is an error: `>10`, `!=0`, `between 1 and 5`")
        .default("`!=0`")
        .on(TEST_ONLY),
    key("warn_if", Kind::Text, "which number of failing rows is a warning").default("`!=0`").on(TEST_ONLY),
    key("where", Kind::Text, "a condition on the rows that are tested").late().on(TEST_ONLY),
    key("limit", Kind::Integer(1, 1_000_000_000), "how many failing rows are counted at most").on(TEST_ONLY),
    key("fail_calc", Kind::Text, "what is computed from the failing rows instead of their number")
        .default("`count(*)`")
        .late()
        .on(TEST_ONLY),
    key("store_failures", Kind::Boolean, "whether failing rows are kept in a table").default("`false`").on(TEST_ONLY),
    key("deterministic", Kind::Boolean, "that the model gives the same rows again although it calls functions that may not, or has no order")
        .on(MODEL_ONLY),
    key("docs", Kind::Mapping, "how it is shown in the documentation").later("the documentation site"),
    key("persist_docs", Kind::Mapping, "whether descriptions become comments in the database: `relation: true`, `columns: true`").merge(Merge::Keys),
    key("grants", Kind::Mapping, "who may do what with the relation: `select: [reporting]`; `mode: exact` takes away what is not listed (PostgreSQL)").merge(Merge::Keys),
    key("indexes", Kind::List, "indexes to create, each with `columns` and possibly `unique`, `name`, `type`, `include`, `where`"),
    key("constraints", Kind::List, "constraints to create, each with `type` (`not_null`, `unique`, `primary_key`, `check`, `foreign_key`) and what it needs")
        .late(),
    key("contract", Kind::Any, "whether columns and types must be those declared").missing("contracts"),
    key("pre_hook", Kind::Any, "SQL to run before the relation is built; those of all places add up")
        .also(&["pre-hook"])
        .merge(Merge::Append)
        .late(),
    key("post_hook", Kind::Any, "SQL to run after the relation was built; those of all places add up")
        .also(&["post-hook"])
        .merge(Merge::Append)
        .late(),
    key(
        "unique_key",
        Kind::TextList,
        "the columns that tell rows apart; NULL is a value like any other. Of a table, which is made anew each time, for when it has to stay where it is",
    )
    .on(MODEL_ONLY),
    key(
        "incremental_strategy",
        Kind::Choice(&["append", "delete_insert", "merge", "delete+insert"]),
        "how new rows get into the table: only those whose key is not there, in the place of those with the same key, or by changing those",
    )
    .default("`merge` with a `unique_key`, else `append`")
    .on(MODEL_ONLY),
    key(
        "incremental_predicates",
        Kind::TextList,
        "conditions on the rows of the table that new rows may replace; a new row whose key is in another row is an error",
    )
        .also(&["predicates"])
        .on(MODEL_ONLY)
        .late(),
    key("merge_update_columns", Kind::TextList, "the columns that a merge sets in rows that are there").default("all").on(MODEL_ONLY),
    key("merge_exclude_columns", Kind::TextList, "the columns that a merge leaves alone in rows that are there").on(MODEL_ONLY),
    key(
        "on_schema_change",
        Kind::Choice(&["fail", "append", "sync", "full_refresh", "append_new_columns", "sync_all_columns"]),
        "what happens when an incremental model has other columns than its table: `append` adds the new ones, `sync` also removes and changes, `full_refresh` makes the table anew",
    )
    .default("`fail`")
    .on(MODEL_ONLY),
    key(
        "on_definition_change",
        Kind::Choice(&["full_refresh", "forward", "fail"]),
        "what happens when an incremental model or a snapshot, or something above it, is made differently than its rows were: the table is made anew, goes on with the old rows, or the model is refused",
    )
    .default("`full_refresh`; `fail` with `full_refresh: never` and for snapshots, which are never made anew")
    .on(MODEL_ONLY),
    key("full_refresh", Kind::Either(&Kind::Boolean, &Kind::Choice(&["never"])), "`never` (or `false`) keeps the rows of an incremental model whatever is asked for").on(MODEL_ONLY),
    key("time_range", Kind::Any, "the column by which the model is built piece by piece").on(MODEL_ONLY).missing("time ranges"),
    key("event_time", Kind::Text, "the column that says when a row happened").on(MODEL_ONLY).missing("time ranges"),
    key("batch_size", Kind::Text, "how long one piece is").on(MODEL_ONLY).missing("time ranges"),
    key("lookback", Kind::Any, "how far back each run begins again").on(MODEL_ONLY).missing("time ranges"),
    key("begin", Kind::Text, "where the first piece begins").on(MODEL_ONLY).missing("time ranges"),
    key("strategy", Kind::Choice(&["timestamp", "check"]), "how a snapshot notices that a row changed: by a later `updated_at`, or by another value of a column of `check_cols`")
        .default("`timestamp` with `updated_at`, else `check`")
        .on(MODEL_ONLY),
    key("updated_at", Kind::Text, "the column of a snapshot's rows that says when a row changed").on(MODEL_ONLY),
    key("check_cols", Kind::TextList, "the columns of a snapshot's rows whose change is a change of the row, or `all`").on(MODEL_ONLY),
    key(
        "hard_deletes",
        Kind::Choice(&["ignore", "invalidate", "new_record"]),
        "what a snapshot does with rows that are gone: nothing, end their last version, or also add a version that says so",
    )
    .default("`ignore`")
    .on(MODEL_ONLY),
    key("snapshot_meta_column_names", Kind::TextMap, "other names for the columns that a snapshot adds: `valid_from`, `valid_to`, `is_deleted`; dbt's names for them are understood")
        .on(MODEL_ONLY),
    key("partition_by", Kind::Any, "how a PostgreSQL table is partitioned: `method`, `columns`, `partitions`").on(MODEL_ONLY),
    key("unlogged", Kind::Boolean, "a PostgreSQL table that a crash of the server empties"),
    key("tablespace", Kind::Text, "where PostgreSQL keeps the table"),
    key("storage", Kind::Mapping, "storage parameters of a PostgreSQL table, such as `fillfactor: 70`").merge(Merge::Keys),
    key("location", Kind::Text, "the file that a model of `materialized: file` is written to, relative to the project")
        .default("`files/<name>.parquet`")
        .on(MODEL_ONLY),
    key("format", Kind::Choice(&["parquet", "csv"]), "the format of the file that is written")
        .default("that of its ending")
        .on(MODEL_ONLY),
    key(
        "instances",
        Kind::Any,
        "entries for each of which the file is one model, `instance` in its templates: a list of mappings or names, or the path of a YAML or CSV file",
    )
    .on(MODEL_ONLY),
    key("keep", Kind::Integer(0, 1000), "how many replaced versions stay, for `suiro rollback`").on(MODEL_ONLY),
    refused("invalidate_hard_deletes", "write `hard_deletes: invalidate`"),
    refused("dbt_valid_to_current", "`valid_to` is NULL as long as a version holds"),
    refused("target_schema", "write `schema`"),
    refused("store_failures_as", "failing rows are kept in a table: `store_failures: true`"),
    refused("database", "models are built in the target's own database"),
    refused("sql_header", "settings of the session stand under `settings` of the target"),
    refused("versions", "give each version a file of its own"),
    ignored("latest_version", "give each version a file of its own"),
    ignored("deprecation_date", "say it in the `description`"),
    ignored("access", "every model may be read"),
    ignored("group", "give the model an `owner` instead"),
    ignored("quoting", "suiro quotes every name"),
    ignored("quote_columns", "suiro quotes every name"),
    ignored("static_analysis", "suiro analyses every model"),
    ignored("time_spine", "semantic models belong to the tool that uses them"),
];

/// A column of anything.
pub(crate) const COLUMN: Table = Table {
    place: "a column",
    keys: &[&[
        key("name", Kind::Text, "its name"),
        key("description", Kind::Text, "what it holds, for people").late(),
        key("data_type", Kind::Text, "its type in the database"),
        key("tags", Kind::TextList, "words to select by").merge(Merge::Append),
        key("meta", Kind::Mapping, "anything").merge(Merge::Keys),
        key("config", Kind::Mapping, "`tags` and `meta`, as in dbt"),
        key("tests", Kind::List, "tests of its values").also(&["data_tests"]).late(),
        key(
            "constraints",
            Kind::List,
            "constraints on its values, each with `type` and possibly `expression`, `name`, `to`, `to_columns`",
        )
        .late(),
        ignored("quote", "suiro quotes every name"),
        ignored("policy_tags", "they belong to a database that suiro does not build in"),
        ignored("dimension", "semantic models belong to the tool that uses them"),
        ignored("entity", "semantic models belong to the tool that uses them"),
        ignored("granularity", "semantic models belong to the tool that uses them"),
    ]],
};

const ON_SOURCE: &[Key] = &[
    key("name", Kind::Text, "its name"),
    key("description", Kind::Text, "what it is, for people").late(),
    key("enabled", Kind::Boolean, "whether it exists at all").default("`true`"),
    key("tags", Kind::TextList, "words to select by").merge(Merge::Append),
    key("owner", TEXT_OR_MAPPING, "who answers for it: a name, or `name` and `email`"),
    key("meta", Kind::Mapping, "anything").merge(Merge::Keys),
    key("config", Kind::Mapping, "the keys of this table may also stand here, as in dbt"),
    key("loaded_at", Kind::Text, "the column or expression that says when a row arrived, for `suiro freshness`")
        .also(&["loaded_at_field"])
        .late(),
    key(
        "version",
        Kind::Text,
        "a query whose answer changes when the rows do; where that is a time, also for `suiro freshness`; `{{ this }}` is the table",
    )
    .late(),
    key("freshness", Kind::Mapping, "how old the rows may be; null takes away what the source says"),
    ignored("loaded_at_query", "`version` takes a query"),
    ignored("event_time", "only models are built by time range"),
    ignored("loader", "say it in the `description`, or under `meta`"),
    ignored("quoting", "suiro quotes every name"),
];

/// `freshness` of a source or source table.
pub(crate) const FRESHNESS: Table = Table {
    place: "freshness",
    keys: &[&[
        key(
            "warn_after",
            Kind::Either(&Kind::Text, &Kind::Mapping),
            "the age from which on it is a warning, such as `12h`",
        ),
        key(
            "error_after",
            Kind::Either(&Kind::Text, &Kind::Mapping),
            "the age from which on it is an error, such as `2d`",
        ),
        key("filter", Kind::Text, "the rows that count, as a condition in SQL"),
    ]],
};

/// An age in dbt's shape.
pub(crate) const AGE: Table = Table {
    place: "an age",
    keys: &[&[
        key("count", Kind::Integer(0, i64::MAX), "how many"),
        key("period", Kind::Choice(&["second", "minute", "hour", "day", "week"]), "of what"),
    ]],
};

/// An entry of `sources:`.
pub(crate) const SOURCE: Table = Table {
    place: "a source",
    keys: &[
        ON_SOURCE,
        &[
            key("schema", Kind::Text, "the schema of its tables").default("the source's name"),
            key("database", Kind::Text, "the database of its tables").default("the target's own"),
            key("tables", Kind::List, "its tables"),
            refused("overrides", "there are no packages to override"),
        ],
    ],
};

/// An entry of a source's `tables:`.
pub(crate) const SOURCE_TABLE: Table = Table {
    place: "a source table",
    keys: &[
        ON_SOURCE,
        &[
            key("identifier", Kind::Text, "its name in the database").default("its `name`"),
            key("columns", Kind::List, "its columns; `data_type` makes their types known"),
            key("tests", Kind::List, "tests of the rows").also(&["data_tests"]).late(),
            key(
                "location",
                Kind::Text,
                "on DuckDB, the files that are read by this name: `data/*.parquet`, relative to the project, or an address",
            ),
            key("format", Kind::Choice(&["csv", "json", "parquet"]), "what the files are").default("by their ending"),
            key(
                "read_options",
                Kind::Mapping,
                "options of DuckDB's `read_csv`, `read_json` or `read_parquet`, such as `{delim: \";\"}`",
            ),
            key("external", Kind::Mapping, "").effect(Effect::Refused("`location` names the files of a source table")),
        ],
    ],
};

/// An entry of `exposures:`.
pub(crate) const EXPOSURE: Table = Table {
    place: "an exposure",
    keys: &[&[
        key("name", Kind::Text, "its name"),
        key("label", Kind::Text, "its name for people").default("`name`"),
        key("type", Kind::Text, "what it is: `dashboard`, `notebook`, `analysis`, `ml`, `application`"),
        key("url", Kind::Text, "where it is"),
        key("maturity", Kind::Choice(&["high", "medium", "low"]), "how far it can be trusted"),
        key("description", Kind::Text, "what it is, for people").late(),
        key("enabled", Kind::Boolean, "whether it exists at all").default("`true`"),
        key("tags", Kind::TextList, "words to select by").merge(Merge::Append),
        key("owner", TEXT_OR_MAPPING, "who answers for it: a name, or `name` and `email`"),
        key("meta", Kind::Mapping, "anything").merge(Merge::Keys),
        key("config", Kind::Mapping, "`enabled`, `tags` and `meta`, as in dbt"),
        key(
            "depends_on",
            Kind::TextList,
            "the models, seeds and sources that it reads; `ref('x')` and `source('a', 'b')` are understood",
        )
        .late(),
    ]],
};
