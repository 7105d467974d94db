//! What dbt's templates have and suiro's do not, because it would ask the database, the clock, or chance.
//!
//! A lookup of such a name is an error that says what to use instead. A project's own macro of the same name wins.

use super::failure::Failure;
use crate::diagnostic::code::NOT_SUPPORTED_IN_TEMPLATE;
use minijinja::{
    Environment, Error, State, Value,
    value::{Object, ObjectRepr},
};
use std::{fmt, sync::Arc};

/// Names that reach the database.
const ASKS_DATABASE: &[&str] = &[
    "adapter",
    "database_schemas",
    "execute",
    "get_columns_in_relation",
    "graph",
    "load_relation",
    "load_result",
    "run_query",
    "statement",
    "store_raw_result",
    "store_result",
    "api",
    "builtins",
];
/// Names whose answer differs from run to run.
const DIFFERS: &[&str] = &["invocation_id", "modules", "now", "random", "run_started_at", "thread_id"];
/// Packages that people know from dbt.
const PACKAGES: &[&str] = &["audit_helper", "codegen", "dbt", "dbt_date", "dbt_expectations", "dbt_utils"];

/// Names among them that are used as they are, without a call or an attribute.
const PLAIN: &[&str] = &["execute", "invocation_id", "run_started_at", "thread_id"];

/// A name that refuses to be called or looked into.
#[derive(Debug)]
struct Refused(&'static str);

/// Gives the refusals to an engine; macros that are added later win over them.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    for name in ASKS_DATABASE.iter().chain(DIFFERS).chain(PACKAGES) {
        let value = if PLAIN.contains(name) {
            // A lookup of an error fails with it; a call of one would not.
            Value::from(refusal(name).into_error())
        } else {
            Value::from_object(Refused(name))
        };
        environment.add_global(*name, value);
    }
}

impl Object for Refused {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from(refusal(self.0).into_error()))
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Err(refusal(self.0).into_error())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, _: &str, _: &[Value]) -> Result<Value, Error> {
        Err(refusal(self.0).into_error())
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

fn refusal(name: &'static str) -> Failure {
    let failure = |message: String| Failure::new(NOT_SUPPORTED_IN_TEMPLATE, message).about(name);
    if PACKAGES.contains(&name) {
        return failure(format!("there is no package `{name}` in suiro's templates"))
            .help("use the built-in macros, or copy the macro that you need to `templates/macros/`");
    }
    if DIFFERS.contains(&name) {
        let failure = failure(format!("`{name}` differs from run to run, and templates must not"));
        return match name {
            "modules" => failure.help("compute dates in SQL, or pass them with `--vars` and `var('…')`"),
            "now" => {
                failure.help("write the SQL function instead, for example `current_timestamp`, outside of the braces")
            }
            _ => failure.help("pass the value with `--vars` and read it with `var('…')`"),
        };
    }
    failure(format!("`{name}` asks the database, which templates never do"))
        .help("for the columns of a relation write `columns('relation', except=[…])`")
        .help("for values of a column write `values('name')`, which reads a file of the project")
        .help("for star, pivot, union and the like there are built-in macros")
}
