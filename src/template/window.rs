//! The run's window as templates see it: `window.start`, `window.end` and `in_window(…)`.
//!
//! They print moments that stand for those of the run, which are put in when the SQL is run: what a template renders to
//! is the same in every run.

use super::{context::Context, function::Arguments, names};
use minijinja::{
    Error, State, Value,
    value::{Object, ObjectRepr},
};
use std::sync::Arc;

/// The window of the run.
#[derive(Debug)]
pub(super) struct Window;

impl Object for Window {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "start" => Some(Value::from(moment(names::WINDOW_START))),
            "end" => Some(Value::from(moment(names::WINDOW_END))),
            _ => None,
        }
    }
}

/// A moment as SQL writes it: a time by the session's clock, which both engines compare with dates, with times, and with
/// times that know their zone.
fn moment(text: &str) -> String {
    ["timestamp '", text, "'"].concat()
}

/// `in_window('column')`: the condition that the column lies in the window.
pub(super) fn in_window(state: &mut State<'_, '_>, _: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(1, &[])?;
    let column = given.text(state, 0, "a column, such as `in_window('ordered_at')`")?;
    let (start, end) = (moment(names::WINDOW_START), moment(names::WINDOW_END));
    Ok(Value::from(["(", &column, " >= ", &start, " and ", &column, " < ", &end, ")"].concat()))
}
