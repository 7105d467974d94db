//! `suiro.yml` as a whole.
//!
//! In: its tree, `suiro.local.yml` laid over it. Out: [`Settings`]. Never: the nodes below `models/`, or a target, which
//! have modules of their own.

use super::{
    config::Setting,
    disk,
    field::{Fields, Given, Reader},
    selector::{self, Selector},
    target,
    yaml::Node,
};
use crate::{
    diagnostic::{Diagnostic, code},
    source::Span,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is published in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Publish {
    /// Everything that a run built.
    #[default]
    Run,
    /// Each connected part of it.
    Group,
    /// Each model by itself.
    Model,
}

/// What a relation is that is neither model, seed nor source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownRelations {
    /// An error.
    #[default]
    Error,
    /// A warning; it is taken for a relation that somebody else fills.
    Warn,
}

/// The settings of a project that are neither targets nor nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// The project's own version, for people.
    pub version: Option<String>,
    /// The names of variables that differ from run to run and change no definition.
    pub run_vars: BTreeSet<String>,
    /// The values that the project's file gives to them, where it does.
    pub run_var_values: BTreeMap<String, Value>,
    /// What a relation is that is not known.
    pub allow_unknown_relations: UnknownRelations,
    /// What is published in one transaction.
    pub publish: Publish,
    /// Folders with models, seeds and YAML files, relative to the project.
    pub model_paths: Vec<String>,
    /// Folders with tests.
    pub test_paths: Vec<String>,
    /// Folders with macros and templates.
    pub template_paths: Vec<String>,
    /// Selections with a name.
    pub selectors: BTreeMap<String, Selector>,
    /// SQL to run before anything is built, as it is written.
    pub on_run_start: Option<Setting>,
    /// SQL to run after everything was built.
    pub on_run_end: Option<Setting>,
}

/// What stands in `suiro.yml` besides the mappings that need to know the project's folders.
pub(crate) struct Top {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) vars: BTreeMap<String, Value>,
    /// `secrets:` of the top.
    pub(crate) secrets: Vec<String>,
    /// `target:`.
    pub(crate) target: Option<Given<String>>,
    /// The paths that were given, so that a missing one is a mistake.
    pub(crate) given_paths: Vec<Given<String>>,
}

impl Default for Top {
    /// A project whose file could not be read.
    fn default() -> Self {
        let settings = Settings {
            model_paths: vec![MODELS.to_owned()],
            test_paths: vec![TESTS.to_owned()],
            template_paths: vec![TEMPLATES.to_owned()],
            ..Settings::default()
        };
        Self {
            name: NAMELESS.to_owned(),
            settings,
            vars: BTreeMap::new(),
            secrets: Vec::new(),
            target: None,
            given_paths: Vec::new(),
        }
    }
}

/// What stands for a name that was not given, or not rightly.
const NAMELESS: &str = "project";
const MODELS: &str = "models";
const TESTS: &str = "tests";
const TEMPLATES: &str = "templates";

/// Reads everything whose meaning does not depend on the rest; `top` is the place of the file as a whole.
pub(crate) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, top: Span) -> Top {
    let name = fields.text("name").filter(|name| good_name(reader, name));
    if !fields.has("name") {
        reader.missing("name", "the project", top, "write `name: …` at the top of suiro.yml");
    }
    require(reader, fields);
    let mut given_paths = Vec::new();
    let hook = |key: &str| {
        let field = fields.get(key)?;
        Some(Setting { value: field.node.to_json(), span: field.node.span, in_file: false })
    };
    let run_vars: BTreeSet<String> = fields.texts("run_vars").into_iter().map(|given| given.value).collect();
    let vars = fields.get("vars").map(|field| vars(reader, field.node)).unwrap_or_default();
    let settings = Settings {
        version: fields.string("version"),
        run_var_values: vars.clone().into_iter().filter(|(name, _)| run_vars.contains(name)).collect(),
        run_vars,
        allow_unknown_relations: match fields.string("allow_unknown_relations").as_deref() {
            Some("warn") => UnknownRelations::Warn,
            _ => UnknownRelations::Error,
        },
        publish: match fields.string("publish").as_deref() {
            Some("group") => Publish::Group,
            Some("model") => Publish::Model,
            _ => Publish::Run,
        },
        model_paths: paths(reader, fields, "model_paths", MODELS, &mut given_paths),
        test_paths: paths(reader, fields, "test_paths", TESTS, &mut given_paths),
        template_paths: paths(reader, fields, "template_paths", TEMPLATES, &mut given_paths),
        on_run_start: hook("on_run_start"),
        on_run_end: hook("on_run_end"),
        selectors: fields.get("selectors").map(|field| selector::read(reader, field.node)).unwrap_or_default(),
    };
    Top {
        name: name.map_or_else(|| NAMELESS.to_owned(), |name| name.value),
        settings,
        vars,
        secrets: fields.get("secrets").map(|field| target::texts_of(reader, field.node)).unwrap_or_default(),
        target: fields.text("target").filter(|target| !target.value.is_empty()),
        given_paths,
    }
}

/// The project's name becomes part of file names.
fn good_name(reader: &mut Reader<'_>, name: &Given<String>) -> bool {
    let bad = name.value.trim().is_empty()
        || name.value.chars().any(|character| character.is_control() || matches!(character, '/' | '\\' | ':'));
    if bad {
        let message = "the project's name must not be empty and must not contain `/`, `\\`, `:` or control characters";
        reader.found.push(Diagnostic::error(code::BAD_NAME, message).at(name.span, "").help("choose another name"));
    }
    !bad
}

fn paths(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    key: &str,
    default: &str,
    given: &mut Vec<Given<String>>,
) -> Vec<String> {
    if !fields.has(key) {
        return vec![default.to_owned()];
    }
    let mut paths: Vec<String> = Vec::new();
    for text in fields.texts(key) {
        match disk::inside(&text.value) {
            Some(path) => {
                given.push(Given::new(path.clone(), text.span));
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
            None => reader.found.push(
                Diagnostic::error(code::WRONG_VALUE, format!("`{}` leads out of the project", text.value))
                    .at(text.span, "")
                    .help("name a folder below that of suiro.yml; a shared folder can be a git submodule"),
            ),
        }
    }
    paths
}

/// Each by itself, so that one that cannot be rendered does not take the others with it.
fn vars(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, Value> {
    let entries = node.entries().unwrap_or_default();
    entries.iter().filter_map(|entry| Some((entry.key.clone(), reader.render(&entry.value)?.to_json()))).collect()
}

/// `require_suiro`: every condition must hold for this version.
fn require(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    let Some(wanted) = fields.text("require_suiro") else { return };
    let ours = env!("CARGO_PKG_VERSION");
    let found = match satisfies(ours, &wanted.value) {
        Some(true) => return,
        Some(false) => {
            let message = format!("the project wants suiro {}, and this is suiro {ours}", wanted.value);
            Diagnostic::error(code::WRONG_VALUE, message).help("install that version, or change `require_suiro`")
        }
        None => {
            let message =
                format!("`require_suiro` takes conditions such as `>=0.1, <0.3`, and this is `{}`", wanted.value);
            Diagnostic::error(code::WRONG_VALUE, message).help("write `>=`, `>`, `<`, `<=` or `=` and a version")
        }
    };
    reader.found.push(found.at(wanted.span, ""));
}

/// Whether a version meets all conditions; nothing if one of them cannot be read.
fn satisfies(version: &str, conditions: &str) -> Option<bool> {
    let ours = numbers(version)?;
    let mut all = true;
    for condition in conditions.split(',').map(str::trim) {
        let operators = [">=", "<=", "==", ">", "<", "="];
        let (operator, theirs) = operators
            .iter()
            .find_map(|operator| condition.strip_prefix(operator).map(|rest| (*operator, rest)))
            .unwrap_or((">=", condition));
        let theirs = numbers(theirs.trim())?;
        all &= match operator {
            ">=" => ours >= theirs,
            "<=" => ours <= theirs,
            ">" => ours > theirs,
            "<" => ours < theirs,
            _ => ours == theirs,
        };
    }
    Some(all)
}

/// `1.2` as 1, 2, 0.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = version.split('.');
    for number in &mut numbers {
        match parts.next() {
            Some(part) => *number = part.parse().ok()?,
            None => break,
        }
    }
    (parts.next().is_none() && !version.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::satisfies;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(satisfies("0.10.0", ">=0.9"), Some(true));
        assert_eq!(satisfies("0.10.0", ">=0.1, <0.3"), Some(false));
        assert_eq!(satisfies("0.1.0", "=0.1"), Some(true));
        assert_eq!(satisfies("0.1.0", "0.1"), Some(true));
        for wrong in ["", "abc", ">=", "1.2.3.4", "^1", ">=0.1,"] {
            assert_eq!(satisfies("0.1.0", wrong), None, "{wrong}");
        }
    }
}
