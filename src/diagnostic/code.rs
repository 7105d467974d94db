//! Every code that suiro can print, in one table.
//!
//! The number says which phase found it: 0 command line, 1 files, 2 templates, 3 SQL and names, 4 graph and selection,
//! 5 connection, 6 building and publishing, 7 tests of data, 9 suiro itself. Each has a page in `docs/errors/`.

use crate::exit::Exit;

/// What a code stands for.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// `E0302`.
    pub id: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// The exit status that an error of this code leads to.
    pub exit: Exit,
}

/// A code is a reference into the table.
pub type Code = &'static CodeInfo;

macro_rules! codes {
    ($($name:ident = $id:literal $exit:ident $title:literal;)*) => {
        $(
            #[doc = concat!($id, ": ", $title, ".")]
            pub const $name: Code = &CodeInfo { id: $id, title: $title, exit: Exit::$exit };
        )*
        /// Every code, in order.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    // 0: the command line
    BAD_USAGE = "E0001" Usage "the command line does not make sense";
    PROTECTED_TARGET = "E0002" Mismatch "the target is protected";

    // 1: files and configuration
    NO_PROJECT_FILE = "E0101" Project "no suiro.yml was found";
    UNREADABLE_FILE = "E0102" Project "a file cannot be read";
    NOT_UTF8 = "E0103" Project "a file is not UTF-8";
    BROKEN_YAML = "E0104" Project "a YAML file cannot be read";
    UNKNOWN_KEY = "E0105" Project "a key is not known";
    WRONG_VALUE = "E0106" Project "a value is not of the kind that its key takes";
    UNKNOWN_TARGET = "E0107" Project "the target does not exist";
    UNSET_VARIABLE = "E0108" Project "an environment variable is not set";
    BROKEN_FRONT_MATTER = "E0109" Project "the configuration at the top of a model cannot be read";
    BROKEN_SEED = "E0110" Project "a seed cannot be read as a table";
    DUPLICATE_NAME = "E0111" Project "two nodes have the same name";
    BAD_NAME = "E0112" Project "a name cannot work in the database";
    DESCRIBES_NOTHING = "E0113" Project "a YAML file describes something that does not exist";
    KEY_WITHOUT_EFFECT = "E0114" Project "a key is known but has no effect here";
    NOT_WRITABLE = "E0115" Project "a file cannot be written";
    SECRET_IN_SQL = "E0116" Project "a secret stands in the text of a model";
    BROKEN_DOCS_BLOCK = "E0120" Project "a docs block cannot be read";
    TOO_MANY_VALUES = "E0121" Project "a list of values is too long";
    BROKEN_INSTANCES = "E0122" Project "the instances of a model cannot be read";

    // 2: templates
    TEMPLATE_SYNTAX = "E0201" Project "a template cannot be read";
    UNDEFINED_VALUE = "E0202" Project "a template uses a value that is not defined";
    TEMPLATE_FAILED = "E0203" Project "a template failed while it was rendered";
    TEMPLATE_TOO_LONG = "E0204" Project "a template did not end within its bounds";
    NOT_SUPPORTED_IN_TEMPLATE = "E0205" Project "a template asks the database, which suiro's templates never do";
    TEMPLATE_NOT_FOUND = "E0206" Project "a template or macro does not exist";

    // 3: SQL and names
    SQL_SYNTAX = "E0301" Project "the SQL of a model cannot be read";
    UNKNOWN_RELATION = "E0302" Project "a relation is not known";
    AMBIGUOUS_RELATION = "E0303" Project "a relation name has more than one meaning";
    NOT_A_SELECT = "E0304" Project "a model is not a SELECT";
    SEVERAL_STATEMENTS = "E0305" Project "a model has more than one statement";
    EMPTY_MODEL = "E0306" Project "a model has no statement";
    CAPTURED_QUALIFIER = "E0307" Project "a qualified column would change its meaning";
    WHOLE_ROW = "E0308" Project "a whole row is used as a value";
    UNNAMED_COLUMN = "E0309" Project "an output column would get another name";
    NAME_IN_STRING = "E0310" Project "a relation is named inside a string";
    UNSAFE_NAME_FORM = "E0311" Project "a relation is written in a form that cannot be replaced safely";
    REWRITERS_DISAGREE = "E0312" Project "two readings of the SQL disagree about its relations";
    THREE_PART_NAME = "E0313" Project "a name reaches into another database";
    READING_UNSUPPORTED = "E0314" Project "nothing could read the relations of this SQL";
    UNKNOWN_COLUMNS = "E0320" Project "the columns of a relation are not known without the database";
    UNKNOWN_COLUMN = "E0321" Project "a column is not known";
    AMBIGUOUS_COLUMN = "E0322" Project "a column may be of several relations";
    DIFFERENT_WIDTHS = "E0323" Project "the sides of a set operation have different numbers of columns";
    BARE_COLUMN = "E0324" Project "a column stands beside an aggregate, and nothing groups by it";
    DUPLICATE_COLUMN = "E0325" Project "two output columns have the same name";
    INCOMPARABLE_TYPES = "E0326" Project "values are compared whose types cannot be";
    STAR_OVER_UNKNOWN = "E0327" Project "a star stands for columns that are not known";
    NO_SUCH_COLUMN = "E0328" Project "a test or description names a column that does not exist";
    UNBOUNDED_APPEND = "E0330" Project "an incremental model would add the same rows again";
    WINDOW_WITHOUT_ORDER = "E0331" Project "a window's rows may stand in any order";
    LIMIT_WITHOUT_ORDER = "E0332" Project "which rows are left depends on chance";
    AGGREGATE_WITHOUT_ORDER = "E0333" Project "an aggregate keeps an order that nothing gives";
    WINDOW_WITHOUT_RANGE = "E0340" Project "the window of a run is used where there is none";
    WINDOW_NOT_USED = "E0341" Project "a model that is built interval by interval does not ask for the interval";

    // 4: graph and selection
    CYCLE = "E0401" Project "models read each other in a circle";
    SELECTED_NOTHING = "E0402" Usage "a selector matched nothing";
    BAD_SELECTOR = "E0403" Usage "a selector cannot be read";
    NO_SUCH_MODEL = "E0404" Usage "no model has that name";
    BAD_ENVIRONMENT = "E0406" Usage "an environment cannot have that name";
    UNREADABLE_COMMIT = "E0407" Usage "a commit cannot be read";
    NO_SUCH_EDGE = "E0405" Usage "there is no edge between the two";

    // 5: connection
    CANNOT_CONNECT = "E0501" Temporary "the database cannot be reached";
    LOGIN_REFUSED = "E0502" Database "the database refused the login";
    NO_SUCH_DATABASE = "E0503" Database "the database does not exist";
    FILE_LOCKED = "E0504" Temporary "another process has the DuckDB file open";
    UNREADABLE_DATABASE = "E0505" Database "the DuckDB file cannot be opened";
    SESSION_NOT_KEPT = "E0506" Database "a pooler in between does not keep sessions";
    BAD_CONNECTION_SETTING = "E0507" Project "a connection setting is wrong";
    CONNECTION_LOST = "E0508" Temporary "the connection was lost";
    UNTRUSTED_SERVER = "E0509" Database "the certificate of the server is not trusted";
    NO_DATA_FILES = "E0510" Project "the files of a source do not exist";
    MISSING_EXTENSION = "E0511" Database "a DuckDB extension is not installed";
    CANNOT_ATTACH = "E0512" Database "a database cannot be attached";

    STALE_SOURCE = "E0520" DataTest "a source is older than it may be";

    // 6: building and publishing
    STATEMENT_REFUSED = "E0601" Database "the database refused a statement";
    PERMISSION_DENIED = "E0602" Database "the role may not do this";
    DISK_FULL = "E0603" Database "the database has no room left";
    TEMPORARY_FAILURE = "E0604" Temporary "a statement failed for a reason that passes";
    FOREIGN_RELATION = "E0605" Database "a relation of this name exists and is not ours";
    DEPENDENT_IN_THE_WAY = "E0606" Database "something that is not ours depends on a relation to be replaced";
    LOCK_NOT_HAD = "E0607" Temporary "a lock could not be had in time";
    CANCELLED = "E0608" Interrupted "the run was interrupted";
    NOT_READ_ONLY = "E0609" Usage "only reading is allowed here";
    RELATION_MISSING = "E0610" Database "a relation does not exist in the database";
    TOO_MANY_LOCKS = "E0611" Database "one publish would need more locks than the server has";
    WRONG_BINDING = "E0612" Database "the database understands the SQL differently";
    DUPLICATE_KEY = "E0613" Database "two new rows have the same unique key";
    SCHEMA_CHANGED = "E0614" Database "the columns of an incremental model changed";
    ADDED_TO_ELSEWHERE = "E0616" Temporary "another run is adding to the same table";
    NOT_KEPT = "E0625" Usage "a version is not kept";
    TEMPLATE_CASE_FAILED = "E0617" Database "a template does not keep what templates promise";
    STAGING_UNUSABLE = "E0618" Database "the schemas to stage in cannot be used";
    STAGING_TAKEN = "E0619" Temporary "other runs use the schemas to stage in";
    KEY_OUT_OF_REACH = "E0620" Database "a new row has a key that `incremental_predicates` leaves out";
    OUTSIDE_OF_WINDOW = "E0630" Database "rows lie outside of the interval that they were computed for";
    INTERVALS_UNKNOWN = "E0631" Database "nobody knows which intervals a table holds";
    TABLE_REPLACED = "E0632" Temporary "another run has changed the table in the meantime";
    DEFINITION_CHANGED = "E0621" Database "an incremental model is made differently than its rows were";
    STATE_NOT_WRITABLE = "E0622" Database "the state cannot be written";
    SUPERSEDED = "E0623" Temporary "a newer run has published already";
    RUN_GOES_ON = "E0626" Temporary "the run to be taken up goes on";
    STATE_TOO_NEW = "E0624" Database "a newer suiro has written the state";
    MISSING_KEY_COLUMN = "E0615" Database "a unique key names a column that the model does not have";

    // 7: tests
    TEST_FAILED = "E0701" DataTest "a data test failed";
    UNKNOWN_TEST = "E0702" Project "a test does not exist";
    WRONG_TEST_ARGUMENT = "E0703" Project "a test is not told what it needs";
    FAILURES_NOT_STORED = "E0704" Database "failing rows could not be stored";
    BAD_UNIT_TEST = "E0705" Project "a unit test does not make sense";
    UNIT_TEST_FAILED = "E0706" DataTest "a unit test failed";
    ROWS_CHANGED = "E0707" DataTest "published rows are not those that were published";
    NOT_IDEMPOTENT = "E0708" DataTest "a model gives other rows when it is built again";

    // 9: suiro itself
    BUG = "E0901" Bug "a bug in suiro";
}

/// The entry of that id (`E0302`, in any case), if there is one.
#[must_use]
pub fn find(id: &str) -> Option<Code> {
    ALL.iter().copied().find(|code| code.id.eq_ignore_ascii_case(id))
}
