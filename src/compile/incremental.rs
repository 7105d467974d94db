//! Whether an incremental model can be added to without adding the same rows again.

use super::{properties::Item, reading::Reading, snapshot, window};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{KEY_WITHOUT_EFFECT, UNBOUNDED_APPEND, WRONG_VALUE},
    },
    manifest::{Form, Node, TimeRange},
    project::{Setting, time_range_keys},
};

/// The keys that only incremental models have a use for.
const KEYS: [&str; 8] = [
    "time_range",
    "incremental_strategy",
    "on_schema_change",
    "on_definition_change",
    "full_refresh",
    "merge_update_columns",
    "merge_exclude_columns",
    "incremental_predicates",
];

/// What is wrong with how a model is added to; `reads_itself` says whether a rendering reads its own live rows.
#[must_use]
pub fn check(node: &Node, reading: &Reading, reads_itself: bool) -> Vec<Diagnostic> {
    let config = &reading.model.config;
    let given = |key: &str| config.get(key).filter(|setting| setting.in_file);
    if node.is_snapshot() {
        return snapshot::check(node, reading);
    }
    let elsewhere = snapshot::elsewhere(node, reading);
    if node.form() != Form::Incremental {
        // Defaults of a folder are for those models in it that have a use for them.
        // A table that is changed where it is has a use for a key, too.
        let key = (node.form() != Form::Table).then_some(&"unique_key");
        let without_effect = key.into_iter().chain(&KEYS).filter_map(|key| Some((*key, given(key)?)));
        return without_effect
            .map(|(key, setting)| {
                let what = node.materialized.as_deref().unwrap_or("view");
                Diagnostic::warning(KEY_WITHOUT_EFFECT, format!("`{key}` has no effect on a `{what}`"))
                    .at(setting.span, "has no effect")
                    .help("it is a key of models that are `materialized: incremental`")
            })
            .chain(elsewhere)
            .collect();
    }
    if let Some(setting) = config.get("time_range").filter(|setting| !setting.value.is_null()) {
        let mut problems = time_range(node, reading, setting);
        problems.extend(elsewhere);
        return problems;
    }
    let keyed = !node.texts("unique_key").is_empty();
    let strategy = config.text("incremental_strategy");
    match &strategy {
        Some(strategy) if !keyed && strategy.value != "append" => {
            let message = format!("`{}` needs a `unique_key`", strategy.value);
            vec![
                Diagnostic::error(WRONG_VALUE, message)
                    .at(strategy.span, "by which key?")
                    .help("name the columns that tell rows apart: `unique_key: id`, or `unique_key: [customer, day]`"),
            ]
        }
        _ if !keyed && !reads_itself => {
            let message = format!("every run would add all rows of `{}` again", node.name);
            let mut problem = Diagnostic::error(UNBOUNDED_APPEND, message);
            if let Some(materialized) = config.materialized() {
                problem = problem.at(materialized.span, "adds rows");
            }
            vec![
                problem
                    .note(
                        "nothing says which rows are new: no `unique_key`, no filter on `{{ this }}`, no `time_range`",
                    )
                    .help("give it a `unique_key`, the columns that tell rows apart")
                    .help("or a `time_range`, and its rows are made interval by interval, each once")
                    .help(
                        "or filter on the rows that are there: \
                         `{% if is_incremental() %} where day > (select max(day) from {{ this }}) {% endif %}`",
                    ),
            ]
        }
        _ => {
            let appended = strategy.as_ref().is_some_and(|strategy| strategy.value == "append") || !keyed;
            let unused = given("incremental_predicates").filter(|_| appended).map(|setting| {
                let message = "`incremental_predicates` has no effect: an `append` replaces no rows";
                Diagnostic::warning(KEY_WITHOUT_EFFECT, message)
                    .at(setting.span, "has no effect")
                    .help("it is a key of `merge` and `delete_insert`")
            });
            elsewhere.into_iter().chain(unused).collect()
        }
    }
}

/// What is wrong with a model that is built interval by interval.
fn time_range(node: &Node, reading: &Reading, setting: &Setting) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let item = Item { what: "`time_range`", value: &setting.value, span: setting.span };
    if !item.check(&time_range_keys(), &mut problems) {
        return problems;
    }
    let range = match TimeRange::read(&setting.value) {
        Ok(range) => range,
        Err((message, help)) => {
            problems.push(item.wrong(message).help(help));
            return problems;
        }
    };
    let config = &reading.model.config;
    if let Some(strategy) = config.text("incremental_strategy")
        && (strategy.value == "merge" || (strategy.value == "append" && !node.texts("unique_key").is_empty()))
    {
        let message = format!("`{}` and a `time_range` do not go together", strategy.value);
        problems.push(
            Diagnostic::error(WRONG_VALUE, message)
                .at(strategy.span, "not interval by interval")
                .note("the rows of an interval take the place of those that it had, whole")
                .help("leave it out"),
        );
    }
    // Where its SQL could not be read, that has been said.
    let renderings = [&reading.full, &reading.incremental].into_iter().flatten();
    if renderings.clone().all(|read| read.query.is_some())
        && renderings.clone().any(|read| !window::is_asked(&read.rendered.text))
    {
        problems.push(window::not_used(node, &range).at(setting.span, "interval by interval"));
    }
    problems
}
