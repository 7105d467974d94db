//! `suiro intervals`: which intervals of a model are done, and taking somebody's word for it.

use super::{lineage::find, plan};
use crate::{
    cli::{
        app::App,
        arguments::{Format, Intervals, SaidInterval},
        table,
    },
    compile::Compilation,
    diagnostic::{
        Diagnostic,
        code::{BAD_USAGE, RELATION_MISSING},
    },
    exit::Exit,
    graph::Selection,
    interval::{Interval, Intervals as Set, Moment},
    manifest::{Node, TimeRange},
    name::RelationName,
    plan::Known,
    run::Upkeep,
    state::Ledger,
};
use serde_json::json;

/// Lists the intervals of a model, or changes what is remembered of them.
pub fn run(app: &App, command: &Intervals) -> Exit {
    let (name, reads) = match command {
        Intervals::List { model, .. } => (model, true),
        Intervals::Set(said) | Intervals::Unset(said) => (&said.model, false),
    };
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let id = match find(&compilation, name) {
        Ok(id) => id,
        Err(diagnostic) => return app.fail(&[*diagnostic], &compilation.sources),
    };
    let node = compilation.manifest.node(id);
    let (Some(range), Some(relation)) = (node.time_range(), &node.relation) else {
        let message = format!("`{}` is not built interval by interval", node.name);
        let problem = Diagnostic::error(BAD_USAGE, message).help("such a model has a `time_range`");
        return app.fail(&[problem], &compilation.sources);
    };
    let engine = match app.engine(&compilation, reads) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let known = match plan::look(app, &compilation, &Selection::new(), engine.as_ref()) {
        Ok(known) => known,
        Err(error) => return app.refuse(&compilation, &error, "the state could not be read"),
    };
    let subject = Subject { compilation: &compilation, node, relation, range: &range, known: &known };
    match command {
        Intervals::List { format, .. } => subject.list(app, *format),
        Intervals::Set(said) => subject.say(app, engine.as_ref(), said, true),
        Intervals::Unset(said) => subject.say(app, engine.as_ref(), said, false),
    }
}

/// A model that is built interval by interval, and what is known of it.
struct Subject<'a> {
    compilation: &'a Compilation,
    node: &'a Node,
    relation: &'a RelationName,
    range: &'a TimeRange,
    known: &'a Known,
}

impl Subject<'_> {
    fn now(&self) -> Moment {
        self.known.now.unwrap_or(self.range.start)
    }

    fn ledger(&self) -> Option<&Ledger> {
        self.known.state.ledgers.get(self.relation)
    }

    fn list(&self, app: &App, format: Format) -> Exit {
        let all = self.range.until(self.now());
        let nothing = Set::default();
        let done = self.ledger().map_or(&nothing, |ledger| &ledger.done);
        let missing = if self.known.live.relations.contains_key(self.relation) && self.ledger().is_none() {
            // Nobody knows.
            Set::default()
        } else {
            done.missing(all)
        };
        let mut lines: Vec<(Interval, &str)> = done.iter().map(|interval| (interval, "done")).collect();
        lines.extend(missing.iter().map(|interval| (interval, "missing")));
        lines.sort_unstable();
        let grain = self.range.grain;
        match format {
            Format::Json => {
                let object = |(interval, state): &(Interval, &str)| {
                    let count = grain.count(grain.within(*interval));
                    json!({"state": state, "start": interval.start, "end": interval.end, "intervals": count})
                        .to_string()
                };
                app.terminal.data(&lines.iter().map(object).collect::<Vec<_>>().join("\n"));
            }
            Format::Text => {
                let line = |(interval, state): &(Interval, &str)| {
                    let count = grain.count(grain.within(*interval));
                    let plural = if count == 1 { "" } else { "s" };
                    vec![(*state).to_owned(), interval.to_string(), format!("{count} {}{plural}", grain.word())]
                };
                let lines: Vec<Vec<String>> = lines.iter().map(line).collect();
                app.terminal.data(&table::aligned(&lines));
                let there = self.known.live.relations.contains_key(self.relation);
                match (there, self.ledger().is_some()) {
                    (false, _) => app.terminal.say(&format!("{} was not built here yet", self.node.name)),
                    (true, false) => app.terminal.say(&format!(
                        "nobody knows which intervals the table of {} holds (E0631); `suiro intervals set` says so",
                        self.node.name
                    )),
                    _ => {}
                }
            }
        }
        Exit::Done
    }

    fn say(&self, app: &App, engine: &dyn crate::engine::Engine, said: &SaidInterval, done: bool) -> Exit {
        let sources = &self.compilation.sources;
        if self.known.recorded(self.relation).is_none() {
            let message = format!("`{}` was not built here, so its table holds nothing", self.node.name);
            let problem = Diagnostic::error(RELATION_MISSING, message);
            let name = &self.node.name;
            let problem = if self.known.live.relations.contains_key(self.relation) {
                problem.help(format!("its table is there: take it over first, `suiro adopt {name}`"))
            } else {
                problem
                    .help(format!("build it: `suiro build --select {name}`; with `--start` and `--end`, a part of it"))
            };
            return app.fail(&[problem.of_node(self.node.name.clone())], sources);
        }
        let asked = Interval { start: said.start, end: said.end };
        let grain = self.range.grain;
        // Only what is whole can be done, and what is touched is not done any more.
        let interval = if done { grain.within(asked).and(self.range.until(self.now())) } else { grain.around(asked) };
        if asked.is_empty() || interval.is_empty() {
            let message = format!("no whole {} that has ended is in {asked}", grain.word());
            let problem = Diagnostic::error(BAD_USAGE, message).note("nothing was changed");
            return app.fail(&[problem.help("`--end` is the first moment that is not in it")], sources);
        }
        let upkeep = Upkeep {
            manifest: &self.compilation.manifest,
            engine,
            statements: self.compilation,
            state_schema: &self.compilation.project.target.state_schema,
        };
        if let Err(error) = upkeep.say(self.relation, interval, self.range.first().start, done) {
            return app.refuse(self.compilation, &error, "nothing was changed");
        }
        let what = if done { "done" } else { "not done" };
        let name = &self.node.name;
        app.terminal.say(&format!("{name}: {interval} ({} {}s) counts as {what}", grain.count(interval), grain.word()));
        plan::remember(app, self.compilation, engine);
        Exit::Done
    }
}
