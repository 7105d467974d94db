//! `suiro rollback`: publishes versions again that were replaced and kept, and holds them.
//!
//! A version is built from where it is kept, like a model whose SQL reads that and nothing else, so that everything which
//! a publish takes care of is taken care of here, too.

use super::{build::run_id, origin, plan};
use crate::{
    cli::{
        app::App,
        arguments::{Choice, Rollback},
        signals,
    },
    compile::Compilation,
    diagnostic::{Diagnostic, code::NOT_KEPT, exit_of},
    engine::{Engine, EngineError, LiveRelation, RelationKind},
    exit::Exit,
    graph::Selection,
    manifest::{CompiledSql, Head, Manifest, Node, NodeId, NodeKind, Properties, Read, SqlPart},
    plan::{Known, Plan, Wishes},
    run::{self, Nobody, PublishMode, Request, Stop, Upkeep, can_be_kept, versions_kept},
    state::{self, Kept, Recorded},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The most publishes of a relation that are looked through.
const MOST: usize = 100_000;

/// Publishes kept versions again.
pub fn run(app: &App, arguments: &Rollback) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let choice = Choice { select: arguments.selector.clone(), exclude: Vec::new() };
    let selection = match app.selection(&compilation, &choice) {
        Ok(selection) => compilation.within(&selection),
        Err(exit) => return exit,
    };
    let engine = match app.engine(&compilation, false) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let known = match plan::look(app, &compilation, &Selection::new(), engine.as_ref()) {
        Ok(known) => known,
        Err(error) => return app.refuse(&compilation, &error, "the state could not be read"),
    };
    let order = compilation.graph.order(&selection.iter().copied().collect());
    let chosen = match choose(&compilation, (engine.as_ref(), &known), &order, arguments.to.as_deref()) {
        Ok(chosen) => chosen,
        Err(error) => return app.refuse(&compilation, &error, "what is kept could not be read"),
    };
    if !chosen.problems.is_empty() {
        return app.fail(&App::placed(&compilation, &chosen.problems), &compilation.sources);
    }
    for (id, why) in &chosen.left {
        app.terminal.say(&format!("{} stays as it is: {why}", compilation.manifest.node(*id).name));
    }
    if chosen.versions.is_empty() {
        app.terminal.say("Nothing to roll back.");
        return Exit::Done;
    }
    let manifest = &compilation.manifest;
    let lost = chosen.versions.keys().find(|id| versions_kept(manifest.node(**id)) == 0);
    if let Some(id) = lost
        && let Err(exit) =
            app.confirm(&compilation, &format!("what stands now of `{}` would not be kept", manifest.node(*id).name))
    {
        return exit;
    }
    carry_out(app, arguments, compilation, (engine.as_ref(), &known), chosen)
}

/// What a selection is rolled back to.
#[derive(Default)]
struct Chosen {
    /// What was published then, and where it is kept.
    versions: BTreeMap<NodeId, (Recorded, Kept)>,
    /// What is left alone, and why.
    left: Vec<(NodeId, String)>,
    problems: Vec<Diagnostic>,
}

fn choose(
    compilation: &Compilation,
    (engine, known): (&dyn Engine, &Known),
    order: &[NodeId],
    to: Option<&str>,
) -> Result<Chosen, EngineError> {
    let manifest = &compilation.manifest;
    let upkeep =
        Upkeep { manifest, engine, statements: compilation, state_schema: &compilation.project.target.state_schema };
    let mut chosen = Chosen::default();
    let mut epoch = None;
    if let Some(to) = to {
        epoch = upkeep.epoch_of(to)?;
        if epoch.is_none() {
            let problem = Diagnostic::error(NOT_KEPT, format!("there was no run `{to}` of this project here"));
            chosen.problems.push(problem.help("`suiro history MODEL` shows the runs that published a model"));
            return Ok(chosen);
        }
    }
    let kept = upkeep.kept()?;
    for id in order.iter().copied().filter(|id| manifest.node(*id).is_built()) {
        let node = manifest.node(id);
        let Some(relation) = &node.relation else { continue };
        let Some(live) = known.state.relations.get(relation) else {
            chosen.left.push((id, "it was never published here".to_owned()));
            continue;
        };
        let last = epoch.unwrap_or_else(|| live.epoch.saturating_sub(1));
        let Some(then) = upkeep.history(relation, MOST)?.into_iter().find(|one| one.epoch <= last) else {
            chosen.left.push((id, "there was no version of it before".to_owned()));
            continue;
        };
        if then.epoch == live.epoch {
            chosen.left.push((id, format!("it has been the one of run {} since then", then.run)));
            continue;
        }
        if !can_be_kept(node) {
            let kind = node.materialized.as_deref().unwrap_or_else(|| node.kind.word()).replace('_', " ");
            chosen.left.push((id, format!("no versions are kept of a {kind}")));
            continue;
        }
        match kept.iter().find(|one| one.relation == *relation && one.epoch == then.epoch) {
            Some(found) => {
                chosen.versions.insert(id, (then, found.clone()));
            }
            None => chosen.problems.push(not_kept(node, &then, kept.iter().filter(|one| one.relation == *relation))),
        }
    }
    Ok(chosen)
}

fn not_kept<'k>(node: &Node, then: &Recorded, kept: impl Iterator<Item = &'k Kept>) -> Diagnostic {
    let message = format!("the version of `{}` that run {} published is not kept", node.name, then.run);
    let problem = Diagnostic::error(NOT_KEPT, message).of_node(node.name.clone());
    let runs: Vec<String> = kept.map(|one| format!("run {}", one.run)).collect();
    let problem = if runs.is_empty() {
        problem.note("none of its versions is kept")
    } else {
        problem.note(format!("kept are those of {}", runs.join(", ")))
    };
    let problem = match &then.commit {
        Some(commit) => problem.help(format!("it was built from commit {commit}: build that again")),
        None => problem.help("build it again from the files that it was built from"),
    };
    problem.help("`keep: 3` in the model's configuration keeps the last three versions that are replaced")
}

/// Makes each node one that reads the version that is kept, and nothing else.
fn redirect(manifest: &mut Manifest, known: &mut Known, versions: &BTreeMap<NodeId, (Recorded, Kept)>) {
    for (id, (_, kept)) in versions {
        let source = NodeId::of(manifest.nodes.len());
        let Some(node) = manifest.nodes.get_mut(id.index()) else { continue };
        let version = Node {
            name: kept.place.to_string(),
            kind: NodeKind::Source,
            relation: Some(kept.place.clone()),
            materialized: None,
            reads: Vec::new(),
            columns: None,
            config: BTreeMap::new(),
            sql: None,
            incremental_sql: None,
            varying: None,
            properties: Properties::default(),
            lineage: None,
            ..node.clone()
        };
        let parts = vec![SqlPart::Inserted("select * from ".to_owned()), SqlPart::Relation { node: source, at: 0 }];
        node.sql = Some(CompiledSql { head: Head::default(), parts });
        node.incremental_sql = None;
        node.varying = None;
        node.error = None;
        node.reads = vec![Read { node: source, sites: Vec::new(), incremental_only: false }];
        node.config.remove("full_refresh");
        if let Some(relation) = &node.relation
            && let Some(recorded) = known.state.relations.get_mut(relation)
        {
            recorded.held = None;
        }
        manifest.nodes.push(version);
        let kind = RelationKind::Table;
        let live = LiveRelation { kind, oid: kept.oid.unwrap_or(0), comment: None, owner: None, may_alter: true };
        known.live.relations.insert(kept.place.clone(), live);
    }
}

fn carry_out(
    app: &App,
    arguments: &Rollback,
    mut compilation: Compilation,
    (engine, known): (&dyn Engine, &Known),
    chosen: Chosen,
) -> Exit {
    let versions = chosen.versions;
    let mut known = known.clone();
    redirect(&mut compilation.manifest, &mut known, &versions);
    let run = run_id();
    let wishes = Wishes { run: run.as_str().to_owned(), force: true, full_refresh: true, ..Wishes::default() };
    let selection: Selection = versions.keys().copied().collect();
    let mut plan: Plan = plan::of(&compilation, (&selection, &wishes), &known);
    for step in &mut plan.steps {
        if let Some((recorded, _)) = versions.get(&step.node) {
            step.identity = recorded.identity.clone();
        }
    }
    let exit = exit_of(&plan.diagnostics);
    if exit != Exit::Done {
        return app.fail(&App::placed(&compilation, &plan.diagnostics), &compilation.sources);
    }
    let mut held = match &arguments.to {
        Some(to) => format!("rolled back to run {to}"),
        None => "rolled back to the version before".to_owned(),
    };
    if let Some(why) = &arguments.why {
        held.push_str(&format!(": {why}"));
    }
    let project = &compilation.project;
    let mut origin = origin::origin(&project.root, "rollback");
    origin.held = Some(held.clone());
    let stop = Arc::new(Stop::default());
    let _listening = signals::listen(&stop, &app.terminal);
    let report = run::run(&Request {
        manifest: &compilation.manifest,
        graph: &compilation.graph,
        plan: &plan,
        tests: &BTreeSet::new(),
        run: &run,
        engine,
        root: &project.root,
        statements: &compilation,
        seeds: &compilation,
        places: &compilation,
        referee: compilation.referee(),
        observer: &Nobody,
        stop: &stop,
        threads: project.target.threads,
        // All of them or none.
        fail_fast: true,
        publish: PublishMode::Run,
        publish_timeout: project.target.publish_timeout(),
        staging_schemas: project.target.staging_schemas(),
        lock_wait: app.global.lock_wait.unwrap_or_default(),
        state_schema: &project.target.state_schema,
        origin: &origin,
        superseded_fails: true,
        resumes: false,
        chosen: &state::Chosen::default(),
        shared: None,
        ends: true,
        all_tests: false,
        protected: None,
    });
    app.terminal.diagnostics(&App::placed(&compilation, &report.diagnostics), &compilation.sources);
    let manifest = &compilation.manifest;
    let mut readers: BTreeSet<NodeId> = BTreeSet::new();
    for node in report.nodes.iter().filter(|node| node.status == run::Status::Built) {
        if let Some((recorded, _)) = versions.get(&node.node) {
            let name = &manifest.node(node.node).name;
            app.terminal.say(&format!("{name} is that of run {} again, and held there", recorded.run));
            readers.extend(compilation.graph.children(node.node));
        }
    }
    readers.retain(|id| !versions.contains_key(id) && manifest.node(*id).is_built());
    if !readers.is_empty() {
        let names: Vec<&str> = readers.iter().map(|id| manifest.node(*id).name.as_str()).collect();
        app.terminal.say(&format!("What reads them was built from other versions: {}", names.join(", ")));
    }
    if report.exit() == Exit::Done {
        let names: Vec<&str> = versions.keys().map(|id| manifest.node(*id).name.as_str()).collect();
        app.terminal.say(&format!("`suiro hold {} --release` lets builds go on", names.join(" ")));
    }
    plan::remember(app, &compilation, engine);
    report.exit()
}
