//! Tests of data as nodes: which there are, what they are called, and their SQL.
//!
//! In: the items of `tests:` and the SQL files below the test paths. Out: nodes, and SQL with holes that returns the
//! failing rows. A generic test is a template that is rendered and read as a model is, so that it works against staged
//! and published names alike.

mod generic;
mod name;
mod template;
mod unit;

pub use generic::{Generic, Rendering, collect};
pub use template::TestTemplates;
pub use unit::edges as unit_edges;

use super::{nodes::Origin, reading::Reading};
use crate::{
    diagnostic::{Diagnostic, code::WRONG_VALUE},
    manifest::{Node, NodeKind, Test, TestSeverity, TestType, Threshold},
    name::RelationName,
    project::{Config, Project, UnitEntry},
    source::Sources,
};
use generic::GenericRead;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The schema of stored failures, unless a test names another.
const FAILURES_SCHEMA: &str = "suiro_failures";

/// The tests of a project.
#[derive(Default)]
pub struct Tests {
    /// The items of `tests:`.
    pub generic: Vec<Generic>,
    /// The files of SQL.
    pub singular: Vec<Reading>,
    /// The items of `unit_tests:` that are enabled.
    pub unit: Vec<UnitEntry>,
}

impl Tests {
    /// The nodes of all tests that are enabled, with names of their own, and what is wrong with their configuration.
    pub fn nodes(
        &mut self,
        project: &Project,
        sources: &Sources,
        others: &[(Node, Origin)],
    ) -> (Vec<(Node, Origin)>, Vec<Diagnostic>) {
        let mut nodes = Vec::new();
        let mut found = Vec::new();
        let names = name::names(self, others, &mut found);
        for (index, (generic, name)) in self.generic.iter_mut().zip(names.generic).enumerate() {
            let path = sources.get(generic.entry.test.span.file).path().to_owned();
            generic.name.clone_from(&name);
            let mut node = test_node(&name, Some(path), &generic.entry.config);
            let mut test = judged(TestType::Generic, &node.name, &generic.entry.config, project, &mut found);
            test.template = Some(generic.entry.test.value.clone());
            test.column.clone_from(&generic.column);
            node.test = Some(Box::new(test));
            nodes.push((node, Origin::Generic(index)));
        }
        for (index, name) in names.singular {
            let model = &self.singular[index].model;
            let mut node = test_node(&name, Some(model.path.clone()), &model.config);
            node.test = Some(Box::new(judged(TestType::Singular, &node.name, &model.config, project, &mut found)));
            nodes.push((node, Origin::Singular(index)));
        }
        for (index, name) in names.unit.into_iter().enumerate() {
            let entry = &self.unit[index];
            let path = sources.get(entry.name.span.file).path().to_owned();
            let mut node = test_node(&name, Some(path), &entry.config);
            let test = judged(TestType::Unit, &node.name, &entry.config, project, &mut found);
            // There is nothing to keep: how the rows differ is told.
            node.test = Some(Box::new(Test { stored: None, ..test }));
            nodes.push((node, Origin::Unit(index)));
        }
        (nodes, found)
    }

    /// Renders and reads the items of `tests:`, each on its own; what is wrong is noted at its node.
    pub fn read(&mut self, rendering: &Rendering<'_>, nodes: &mut [Node], origins: &[Origin]) -> Vec<Diagnostic> {
        let read: Vec<Result<GenericRead, Vec<Diagnostic>>> =
            self.generic.par_iter().map(|test| rendering.read(test)).collect();
        let mut plain: BTreeSet<usize> = BTreeSet::new();
        let mut problems: BTreeMap<usize, Vec<Diagnostic>> = BTreeMap::new();
        for (index, (test, read)) in self.generic.iter_mut().zip(read).enumerate() {
            match read {
                Ok(read) => {
                    plain.extend(read.is_plain(&test.entry).then_some(index));
                    test.read = Some(read);
                }
                Err(found) => {
                    problems.insert(index, found);
                }
            }
        }
        let mut all = Vec::new();
        for (node, origin) in nodes.iter_mut().zip(origins) {
            if let (Origin::Generic(index), Some(test)) = (origin, &mut node.test) {
                test.is_plain = plain.contains(index);
            }
            if let Origin::Generic(index) = origin
                && let Some(found) = problems.remove(index)
            {
                node.error = super::first_error(&found);
                all.extend(found.into_iter().map(|found| found.of_node(node.name.clone())));
            }
        }
        all
    }
}

fn test_node(name: &str, path: Option<String>, config: &Config) -> Node {
    let mut node = super::nodes::bare(NodeKind::Test, name, None);
    node.path = path;
    super::nodes::configured(node, config)
}

/// How a test is judged.
fn judged(kind: TestType, name: &str, config: &Config, project: &Project, found: &mut Vec<Diagnostic>) -> Test {
    let mut threshold = |key: &str| {
        let Some(given) = config.text(key) else { return Threshold::any() };
        Threshold::read(given.value).unwrap_or_else(|| {
            let message = format!("`{key}` takes a comparison with a number, and this is `{}`", given.value);
            let wrong = Diagnostic::error(WRONG_VALUE, message).at(given.span, "");
            found.push(wrong.help("write for example `\">10\"`, `\"!=0\"` or `\"between 1 and 5\"`").of_node(name));
            Threshold::any()
        })
    };
    let (error_if, warn_if) = (threshold("error_if"), threshold("warn_if"));
    let stores = config.get("store_failures").and_then(|setting| setting.value.as_bool()).unwrap_or(false);
    let text = |key: &str| config.text(key).map(|given| given.value);
    let table = || {
        let table = name::table(text("alias").unwrap_or(name), project.target.dialect());
        RelationName::new(text("schema").unwrap_or(FAILURES_SCHEMA), table)
    };
    Test {
        kind,
        template: None,
        column: None,
        severity: if text("severity") == Some("warn") { TestSeverity::Warn } else { TestSeverity::Error },
        error_if,
        warn_if,
        limit: config.get("limit").and_then(|setting| setting.value.as_u64()),
        fail_calc: text("fail_calc").unwrap_or("count(*)").to_owned(),
        stored: stores.then(table),
        is_plain: false,
        unit: None,
    }
}
