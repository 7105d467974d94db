//! `suiro adopt`: takes over relations that exist and that suiro did not make.

use super::{build::run_id, origin, plan};
use crate::{
    cli::{
        app::App,
        arguments::{Adopt, Choice},
        summary, table,
    },
    compile::Compilation,
    diagnostic::exit_of,
    engine::{Engine, EngineError, LiveRelation},
    exit::Exit,
    graph::Selection,
    manifest::{Form, NodeId},
    plan::{Adoption, Known, Wishes, adopted, adoption, is_made_like, is_of_kind},
    run::{self, Compared, Comparing, Nobody, PublishMode, Request, Stop},
    state::Chosen,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Says what would be taken over, and takes it over if that is asked for.
pub fn run(app: &App, arguments: &Adopt) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    compilation.check_data_files();
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let choice = Choice { select: arguments.selector.clone(), exclude: Vec::new() };
    let selection = match app.selection(&compilation, &choice) {
        Ok(selection) => compilation.within(&selection),
        Err(exit) => return exit,
    };
    let exit = app.judge(&compilation, &selection);
    if exit != Exit::Done {
        return exit;
    }
    let engine = match app.engine(&compilation, !arguments.yes) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let mut above = selection.clone();
    above.extend(selection.iter().flat_map(|id| compilation.graph.ancestors(*id, None)));
    let above = compilation.within(&above);
    let known = match plan::look(app, &compilation, &above, engine.as_ref()) {
        Ok(known) => known,
        Err(error) => return app.refuse(&compilation, &error, "the database could not be looked at"),
    };
    let order = compilation.graph.order(&selection.iter().copied().collect());
    let found = adoption(&compilation.manifest, &known, &order);
    app.terminal.diagnostics(&App::placed(&compilation, &found.diagnostics), &compilation.sources);
    let exit = exit_of(&found.diagnostics);
    if exit != Exit::Done {
        return exit;
    }
    let adopting = Adopting { app, compilation: &compilation, engine: engine.as_ref(), known: &known, above: &above };
    let compared = match adopting.compare(&found.nodes, arguments.data) {
        Ok(compared) => compared,
        Err(error) => return app.refuse(&compilation, &error, "the relations could not be compared"),
    };
    adopting.list(&found, &compared);
    if found.nodes.is_empty() {
        return Exit::Done;
    }
    if !arguments.yes {
        app.terminal.say("`--yes` takes over; `--data` compares rows, and what has the same is not built again");
        return Exit::Done;
    }
    match adopting.take_over(&compared) {
        Ok(()) => {
            plan::remember(app, &compilation, engine.as_ref());
            app.terminal.say(&format!("Took over {}.", count(found.nodes.len())));
            Exit::Done
        }
        Err(error) => app.refuse(&compilation, &error, "nothing was taken over"),
    }
}

fn count(relations: usize) -> String {
    if relations == 1 { "1 relation".to_owned() } else { format!("{relations} relations") }
}

/// What takes over.
struct Adopting<'a> {
    app: &'a App,
    compilation: &'a Compilation,
    engine: &'a dyn Engine,
    known: &'a Known,
    above: &'a Selection,
}

impl Adopting<'_> {
    fn live(&self, id: NodeId) -> Option<&LiveRelation> {
        self.known.live.relations.get(self.compilation.manifest.node(id).relation.as_ref()?)
    }

    fn compare(&self, nodes: &[NodeId], data: bool) -> Result<BTreeMap<NodeId, Compared>, EngineError> {
        let database = run::database(self.engine)?;
        let mut connection = self.engine.connect("adopt")?;
        let comparing = Comparing {
            manifest: &self.compilation.manifest,
            statements: self.compilation,
            seeds: self.compilation,
            database: database.as_deref(),
            data,
        };
        let none = Vec::new();
        let compared = nodes.iter().map(|id| {
            let relation = self.compilation.manifest.node(*id).relation.as_ref();
            let columns = relation.and_then(|relation| self.known.columns.get(relation)).unwrap_or(&none);
            (*id, run::compare(&comparing, connection.as_mut(), *id, columns))
        });
        Ok(compared.collect())
    }

    /// Whether a relation is exactly what a build would make.
    fn is_current(&self, id: NodeId, compared: &Compared) -> bool {
        let same = matches!(&compared.rows, Some(Ok(rows)) if rows.missing == 0 && rows.extra == 0);
        same && self.live(id).is_some_and(|live| is_made_like(self.compilation.manifest.node(id), live))
    }

    /// What there is to say of a relation.
    fn said(&self, id: NodeId, compared: &Compared) -> String {
        let node = self.compilation.manifest.node(id);
        let mut said = Vec::new();
        match &compared.columns {
            Ok(differences) if differences.is_empty() => said.push("the same columns".to_owned()),
            Ok(differences) => said.extend(differences.iter().cloned()),
            Err(error) => said.push(format!("its columns could not be compared: {}", error.message)),
        }
        match &compared.rows {
            None => {}
            Some(Ok(rows)) if rows.missing == 0 && rows.extra == 0 => {
                said.push(format!("the same {}", table::rows(rows.rows)));
            }
            Some(Ok(rows)) => {
                said.push(format!("{}: {} missing, {} too many", table::rows(rows.rows), rows.missing, rows.extra));
            }
            Some(Err(error)) => said.push(format!("its rows could not be compared: {}", error.message)),
        }
        let then = match node.form() {
            _ if self.is_current(id, compared) => "is current",
            Form::Incremental => "is added to from now on",
            _ => "is built anew by the next build",
        };
        format!("{}; {then}", said.join("; "))
    }

    fn list(&self, found: &Adoption, compared: &BTreeMap<NodeId, Compared>) {
        let manifest = &self.compilation.manifest;
        let line = |(id, compared): (&NodeId, &Compared)| {
            let node = manifest.node(*id);
            let kind = match self.live(*id) {
                Some(live) if !is_of_kind(node, live) => format!("{} → {}", live.kind.word(), summary::kind(node)),
                _ => summary::kind(node).to_owned(),
            };
            vec![node.name.clone(), kind, self.said(*id, compared)]
        };
        let compared = found.nodes.iter().filter_map(|id| Some((id, compared.get(id)?)));
        self.app.terminal.data(&table::aligned(&compared.map(line).collect::<Vec<_>>()));
        let mut parts = vec![format!("{} to take over", count(found.nodes.len()))];
        if found.known > 0 {
            parts.push(format!("{} the project's already", found.known));
        }
        if found.missing > 0 {
            parts.push(format!("{} not there yet", found.missing));
        }
        self.app.terminal.say(&parts.join(", "));
    }

    fn take_over(&self, compared: &BTreeMap<NodeId, Compared>) -> Result<(), EngineError> {
        let compilation = self.compilation;
        let manifest = &compilation.manifest;
        let current = |(id, compared): (&NodeId, &Compared)| self.is_current(*id, compared).then_some(*id);
        let same: BTreeSet<NodeId> = compared.iter().filter_map(current).collect();
        let run = run_id();
        let wishes = Wishes { run: run.as_str().to_owned(), ..Wishes::default() };
        let whole = plan::of(compilation, (self.above, &wishes), self.known);
        // What was not compared is read as something that is not known.
        let exact = plan::of(compilation, (&same.iter().copied().collect(), &wishes), self.known);
        let plan = adopted(manifest, &whole, &exact, &same);
        let relations: BTreeMap<NodeId, LiveRelation> =
            compared.keys().filter_map(|id| Some((*id, self.live(*id)?.clone()))).collect();
        let counted = |(id, compared): (&NodeId, &Compared)| match &compared.rows {
            Some(Ok(rows)) => Some((*id, rows.rows)),
            _ => None,
        };
        let project = &compilation.project;
        let request = Request {
            manifest,
            graph: &compilation.graph,
            plan: &plan,
            tests: &BTreeSet::new(),
            run: &run,
            engine: self.engine,
            root: &project.root,
            statements: compilation,
            seeds: compilation,
            places: compilation,
            referee: compilation.referee(),
            observer: &Nobody,
            stop: &Stop::default(),
            threads: 1,
            fail_fast: false,
            publish: PublishMode::Run,
            publish_timeout: project.target.publish_timeout(),
            staging_schemas: &[],
            lock_wait: Duration::ZERO,
            state_schema: &project.target.state_schema,
            origin: &origin::origin(&project.root, "adopt"),
            superseded_fails: false,
            resumes: false,
            chosen: &Chosen::default(),
            shared: None,
            ends: true,
            all_tests: false,
            protected: None,
        };
        run::adopt(&request, &relations, &compared.iter().filter_map(counted).collect())
    }
}
