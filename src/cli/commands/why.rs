//! `suiro why`: the chain of reasons from a model up to what changed.

use super::{lineage::find, plan};
use crate::{
    cli::{
        app::App,
        arguments::{Format, Why},
        summary,
    },
    compile::Compilation,
    exit::Exit,
    graph::Selection,
    manifest::{Form, NodeId},
    plan::{Action, INLINED_CHANGED, Known, Plan, Step, Wishes},
};
use serde_json::json;
use std::collections::BTreeSet;

/// Prints why a build would do what it would do with a model.
pub fn run(app: &App, arguments: &Why) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    compilation.check_data_files();
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let id = match find(&compilation, &arguments.model) {
        Ok(id) => id,
        Err(diagnostic) => return app.fail(&[*diagnostic], &compilation.sources),
    };
    let mut selection: Selection = compilation.graph.ancestors(id, None).into_iter().collect();
    selection.insert(id);
    app.terminal.diagnostics(&app.judged(&compilation, &selection), &compilation.sources);
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let known = match plan::known(app, &compilation, &selection, engine.as_ref()) {
        Ok(known) => known,
        Err(exit) => return exit,
    };
    let selection = compilation.within(&selection);
    let plan = plan::of(&compilation, (&selection, &Wishes::default()), &known);
    let chain = Chain { compilation: &compilation, plan: &plan, known: &known };
    match (plan.step(id), arguments.format) {
        (None, _) => app.terminal.data(&format!("{}\n", not_built(&compilation, id))),
        (Some(step), Format::Text) => {
            let mut text = format!("{}\n", chain.line(step));
            chain.branch(id, "", &mut BTreeSet::from([id]), &mut text);
            app.terminal.data(&text);
        }
        (Some(_), Format::Json) => {
            let mut lines = Vec::new();
            chain.objects(id, &mut BTreeSet::new(), &mut lines);
            app.terminal.data(&lines.join("\n"));
        }
    }
    Exit::Done
}

/// What there is to say of a node that no build makes.
fn not_built(compilation: &Compilation, id: NodeId) -> String {
    let node = compilation.manifest.node(id);
    let name = &node.name;
    if node.kind.has_relation() && node.form() == Form::Ephemeral {
        return format!("{name} is ephemeral: it is part of what reads it (`suiro lineage {name} --downstream`)");
    }
    if node.is_built() {
        return format!("{name} is read from production: nothing of it differs here");
    }
    format!("{name} is a {}, which no build makes", node.kind.word())
}

/// A plan of everything above a node.
struct Chain<'a> {
    compilation: &'a Compilation,
    plan: &'a Plan,
    known: &'a Known,
}

impl Chain<'_> {
    /// What is read directly and is not left alone either.
    fn above(&self, id: NodeId) -> Vec<&Step> {
        let read = self.compilation.manifest.relations_read(id).into_iter().filter(|read| *read != id);
        let steps = read.filter_map(|read| self.plan.step(read));
        let is_cause = |step: &&Step| !matches!(step.action, Action::Skip | Action::Describe);
        let concerned = self.plan.step(id).is_some_and(|step| is_cause(&step));
        steps.filter(|step| concerned && is_cause(step)).collect()
    }

    /// The files in which a change of the node itself is to be looked for.
    fn files(&self, step: &Step) -> Vec<&str> {
        if step.action == Action::Skip {
            return Vec::new();
        }
        let manifest = &self.compilation.manifest;
        let node = manifest.node(step.node);
        let recorded = node.relation.as_ref().and_then(|relation| self.known.recorded(relation));
        let differs = recorded.is_none_or(|recorded| recorded.identity.own != step.identity.own);
        let mut files: BTreeSet<&str> = BTreeSet::new();
        if differs || self.above(step.node).is_empty() {
            files.extend(node.path.as_deref());
        }
        if step.reasons.iter().any(|reason| reason == INLINED_CHANGED) {
            let above = self.compilation.graph.ancestors(step.node, None).into_iter().map(|id| manifest.node(id));
            let inlined = above.filter(|node| node.kind.has_relation() && node.form() == Form::Ephemeral);
            files.extend(inlined.filter_map(|node| node.path.as_deref()));
        }
        files.into_iter().collect()
    }

    fn line(&self, step: &Step) -> String {
        let node = self.compilation.manifest.node(step.node);
        let (kind, action, reasons) = (summary::kind(node), step.action.word(), step.reasons.join("; "));
        let files = self.files(step);
        let files = if files.is_empty() { String::new() } else { format!(" ({})", files.join(", ")) };
        format!("{} ({kind}): {action}: {reasons}{files}", node.name)
    }

    fn branch(&self, id: NodeId, indent: &str, seen: &mut BTreeSet<NodeId>, text: &mut String) {
        let above = self.above(id);
        let last = above.len().saturating_sub(1);
        for (index, step) in above.into_iter().enumerate() {
            let (corner, bar) = if index == last { ("└── ", "    ") } else { ("├── ", "│   ") };
            if seen.insert(step.node) {
                text.push_str(&format!("{indent}{corner}{}\n", self.line(step)));
                self.branch(step.node, &format!("{indent}{bar}"), seen, text);
            } else {
                let name = &self.compilation.manifest.node(step.node).name;
                text.push_str(&format!("{indent}{corner}{name} (see above)\n"));
            }
        }
    }

    fn objects(&self, id: NodeId, seen: &mut BTreeSet<NodeId>, lines: &mut Vec<String>) {
        let Some(step) = self.plan.step(id).filter(|_| seen.insert(id)) else { return };
        let manifest = &self.compilation.manifest;
        let node = manifest.node(id);
        let above = self.above(id);
        let names: Vec<&str> = above.iter().map(|step| manifest.node(step.node).name.as_str()).collect();
        let line = json!({
            "name": node.name,
            "kind": node.kind.word(),
            "action": step.action,
            "reasons": step.reasons,
            "files": self.files(step),
            "because_of": names,
        });
        lines.push(line.to_string());
        for step in above {
            self.objects(step.node, seen, lines);
        }
    }
}
