//! Whether an incremental model can be added to without adding the same rows again.

use super::{reading::Reading, snapshot};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{KEY_WITHOUT_EFFECT, UNBOUNDED_APPEND, WRONG_VALUE},
    },
    manifest::{Form, Node},
};

/// The keys that only incremental models have a use for.
const KEYS: [&str; 7] = [
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
