//! The names that suiro's side of a template goes by.
//!
//! Names that start with `__suiro` are not for people: they are how the engine finds what belongs to one render.

/// The schema under which `ref('orders')` is printed; resolved from the SQL later.
pub const REF_SCHEMA: &str = "__suiro_ref";
/// What comes before a source's name in the schema under which `source('shop', 'orders')` is printed.
pub const SOURCE_SCHEMA: &str = "__suiro_source:";
/// The schema under which `this` is printed.
pub const THIS_SCHEMA: &str = "__suiro_this";
/// What `window.start` prints in quotes, behind `timestamp`; as long as a moment.
pub const WINDOW_START: &str = "__suiro_window_from";
/// What `window.end` prints likewise.
pub const WINDOW_END: &str = "__suiro_window_till";
/// Environment variables of this prefix hold secrets.
pub const SECRET_PREFIX: &str = "SUIRO_SECRET_";

/// The template that is rendered, in the engine's words; no file can have this name.
pub(super) const MODEL: &str = "\u{0}model";
/// What no name of a project may start with.
pub(super) const RESERVED: &str = "__suiro";
/// What belongs to one render.
pub(super) const CONTEXT: &str = "__suiro_context";
/// The guard of values that are kept in a namespace.
pub(super) const PLAIN: &str = "__suiro_plain";
/// The guard of values that are kept under a name of their own.
pub(super) const BOUNDED: &str = "__suiro_bounded";
/// Makes calls of a macro leave a trace in errors.
pub(super) const WRAP: &str = "__suiro_wrap";
/// What a macro is called in the template of its own; a name of its own may be private, and is not exported then.
pub(super) const EXPORT: &str = "suiro_macro";
/// Takes the macro that imports others.
pub(super) const START: &str = "__suiro_start";
/// Takes what was imported.
pub(super) const KEEP: &str = "__suiro_keep";
/// Prints a text of a traced template.
pub(super) const TEXT: &str = "__suiro_text";

/// What stands before every model: a macro that imports others into the same render, and its registration. Only the
/// engine itself can import, and only from within a template.
pub(super) const PRELUDE: &str = "{% macro __suiro_import(file) %}{% import file as module %}\
                                  {{ __suiro_keep(module) }}{% endmacro %}{{ __suiro_start(__suiro_import) }}";

/// The filters of the engine, for suggestions.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "literal",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "quote",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// The tests of the engine, for suggestions.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// The tags of the engine, for suggestions.
pub(super) const TAGS: &[&str] = &[
    "autoescape",
    "block",
    "call",
    "do",
    "elif",
    "else",
    "endautoescape",
    "endblock",
    "endcall",
    "endfilter",
    "endfor",
    "endif",
    "endmacro",
    "endraw",
    "endset",
    "endwith",
    "extends",
    "filter",
    "for",
    "from",
    "if",
    "import",
    "include",
    "macro",
    "raw",
    "set",
    "with",
];

/// What every model can use besides functions and macros, for suggestions.
pub(super) const VARIABLES: &[&str] = &["caller", "loop", "target", "this"];

/// What `this` has, for suggestions.
pub(super) const OF_THIS: &[&str] = &["database", "identifier", "name", "schema", "table"];

/// What `window` has, for suggestions.
pub(super) const OF_WINDOW: &[&str] = &["end", "start"];

/// What `target` has, for suggestions.
pub(super) const OF_TARGET: &[&str] = &["database", "dbname", "name", "schema", "threads", "type"];
