//! What every part of a run shares.

use super::{Observer, Statement, Stop, resume::Note, session::Session, state::Recording};
use crate::{
    diagnostic::Diagnostic,
    engine::{Engine, EngineError, LoadColumn},
    interval::Interval,
    manifest::{CompiledSql, FilledSql, Filling, Form, Manifest, Node, NodeId, Rendering},
    name::RelationName,
    parse::Referee,
    plan::{Staging, mark},
    source::{Place, Span},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

/// What renders the statements of materializations and of publishing.
pub trait Statements: Sync {
    /// The statements of a materialization.
    ///
    /// # Errors
    /// When the template does not exist or fails.
    fn materialization(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>>;

    /// The statements of a step of testing: `count`, `failures`, `store`.
    ///
    /// # Errors
    /// When the template fails.
    fn testing(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>>;

    /// The statements of a step of state: `read`, `create`, `begin`, `record`, `end`.
    ///
    /// # Errors
    /// When the template fails.
    fn state(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>>;

    /// The text of the materialization template of that name, where the project has one of its own.
    fn own_materialization(&self, name: &str) -> Option<String>;

    /// The statements of a step of publishing: `stage`, `lock`, `cut`, `discard`.
    ///
    /// # Errors
    /// When the template fails.
    fn publish(&self, name: &str, values: &Value) -> Result<Vec<Statement>, Vec<Diagnostic>>;
}

/// A seed's rows, as they are read.
pub type SeedRows<'a> = Box<dyn Iterator<Item = Result<Vec<Option<String>>, Diagnostic>> + 'a>;

/// What reads seeds.
pub trait Seeds: Sync {
    /// The columns of a seed's table, with types in the engine's words.
    ///
    /// # Errors
    /// When the file cannot be read as a table.
    fn columns(&self, node: NodeId) -> Result<Vec<LoadColumn>, Diagnostic>;

    /// The rows, from the start.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn rows(&self, node: NodeId) -> Result<SeedRows<'_>, Diagnostic>;
}

/// What knows where a model's rendered SQL was written.
pub trait Places: Sync {
    /// Where the byte of a node's rendered SQL was written.
    fn place(&self, node: NodeId, rendering: Rendering, rendered: usize) -> Option<Place>;

    /// The file of a node, at its start.
    fn file(&self, node: NodeId) -> Option<Span>;
}

/// What every part of a run shares.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// Where relations stand while they are built.
    pub staging: &'a Staging,
    /// The nodes that this run builds; what reads one of them reads its staged relation.
    pub built: &'a BTreeSet<NodeId>,
    /// Those of them that are added to.
    pub increments: &'a BTreeSet<NodeId>,
    /// The database.
    pub engine: &'a dyn Engine,
    /// The name that the database gives to itself, where names are to be qualified by it.
    pub database: Option<&'a str>,
    /// The run's name.
    pub run: &'a str,
    /// The folder of the project, which paths of files are relative to.
    pub root: &'a Path,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// What reads seeds.
    pub seeds: &'a dyn Seeds,
    /// What knows where SQL was written.
    pub places: &'a dyn Places,
    /// The engine's own parser, where there is one.
    pub referee: Option<&'a dyn Referee>,
    /// Who wants to know.
    pub observer: &'a dyn Observer,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// How long a publish tries to get its locks.
    pub publish_timeout: Duration,
    /// Schemas that exist already, to stage in; empty where the run makes its own.
    pub staging_schemas: &'a [String],
    /// The name of the target, if rows that may not come back are to stay there.
    pub protected: Option<&'a str>,
    /// Whether the database has types whose operators the search path does not lead to.
    pub hides_operators: bool,
    /// The nodes whose live version has something that is given to the new one while that is built.
    pub burdened: &'a BTreeSet<NodeId>,
    /// What is used of what earlier runs built, instead of being built.
    pub resumed: &'a BTreeMap<NodeId, Note>,
    /// Whether anything of theirs may be used.
    pub resumes: bool,
    /// What is recorded, and with what.
    pub recording: Recording<'a>,
}

impl<'a> Context<'a> {
    /// A watched connection, which is cancelled when the run is stopped.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn connect(&self, purpose: &str) -> Result<Session<'a>, EngineError> {
        let connection = self.engine.connect(&self.purpose(purpose))?;
        self.stop.watch(connection.interrupter());
        self.prepared(connection)
    }

    /// What a session for that node or step is called.
    #[must_use]
    pub fn purpose(&self, what: &str) -> String {
        format!("{what} {}", self.run)
    }

    /// A watched connection with the settings that runs need.
    ///
    /// # Errors
    /// When the database refuses them.
    pub fn prepared(&self, connection: Box<dyn crate::engine::Connection>) -> Result<Session<'a>, EngineError> {
        let mut session = Session::new(connection, self.observer);
        for statement in self.step("session", &Value::Null)? {
            session.execute(None, &statement)?;
        }
        Ok(session)
    }

    /// The relation, qualified by the database where the engine needs that to resolve names in nothing else.
    #[must_use]
    pub fn qualified(&self, relation: &RelationName) -> RelationName {
        RelationName {
            database: relation.database.clone().or_else(|| self.database.map(Into::into)),
            ..relation.clone()
        }
    }

    /// A node's SQL as it is built: relations of this run by their staged names, others by their published ones; its own
    /// is the published one. Of several intervals it is about the first.
    #[must_use]
    pub fn staged_sql(&self, id: NodeId, rendering: Rendering) -> Option<FilledSql> {
        let intervals = self.recording.plan.step(id).and_then(|step| step.intervals.as_ref());
        self.staged_sql_in(id, rendering, intervals.and_then(|intervals| intervals.batches.first()).copied())
    }

    /// The same, about that interval.
    #[must_use]
    pub fn staged_sql_in(&self, id: NodeId, rendering: Rendering, window: Option<Interval>) -> Option<FilledSql> {
        let node = self.manifest.node(id);
        let dialect = self.manifest.dialect;
        let name = |read: NodeId| self.read_from(id, read).map(|relation| dialect.relation(&relation));
        let filling = Filling {
            manifest: self.manifest,
            name: &|read| name(read).unwrap_or_default(),
            inlined: &|read| self.is_inlined(node, read),
            window,
        };
        node.rendering(rendering).map(|sql| sql.fill(&filling))
    }

    /// The relation that `reader` reads as `read` while it is built.
    #[must_use]
    pub fn read_from(&self, reader: NodeId, read: NodeId) -> Option<RelationName> {
        let staged = self.staging.relations.get(&read).filter(|_| read != reader && self.built.contains(&read));
        let relation = staged.or(self.manifest.node(read).relation.as_ref())?;
        Some(self.qualified(relation))
    }

    /// Whether the SQL of `read` stands in that of its reader.
    ///
    /// A materialized view keeps what it was made from; a staged view goes away when it is published, so it cannot be
    /// one of these.
    #[must_use]
    pub fn is_inlined(&self, reader: &Node, read: NodeId) -> bool {
        let form = self.manifest.node(read).form();
        let view = form == Form::View && self.built.contains(&read);
        form == Form::Ephemeral || (view && reader.form() == Form::MaterializedView)
    }

    /// A hook of a node, which sees `own` as its own relation and all others as that node does while it is built.
    #[must_use]
    pub fn hook(&self, id: NodeId, sql: &CompiledSql, own: &RelationName) -> String {
        let dialect = self.manifest.dialect;
        let name = |read: NodeId| {
            let relation = if read == id { Some(self.qualified(own)) } else { self.read_from(id, read) };
            relation.map(|relation| dialect.relation(&relation)).unwrap_or_default()
        };
        sql.fill(&Filling { manifest: self.manifest, name: &name, inlined: &|_| false, window: None }).text
    }

    /// What runs before and after the making of a node's relation, which they see under the name `own`.
    #[must_use]
    pub fn hooks(&self, id: NodeId, own: &RelationName) -> (Vec<Statement>, Vec<Statement>) {
        let hooks = &self.manifest.node(id).properties.hooks;
        let statement = |purpose: &str, sql: &CompiledSql| Statement {
            purpose: purpose.to_owned(),
            text: self.hook(id, sql, own),
            sql_at: None,
        };
        let all = |purpose: &str, list: &[CompiledSql]| list.iter().map(|sql| statement(purpose, sql)).collect();
        (all("pre_hook", &hooks.before), all("post_hook", &hooks.after))
    }

    /// What runs before and after a view is published, under published names.
    #[must_use]
    pub fn hooks_of_view(&self, id: NodeId) -> (Vec<String>, Vec<String>) {
        let hooks = &self.manifest.node(id).properties.hooks;
        let all = |list: &[CompiledSql]| {
            list.iter().map(|sql| published_sql(self.manifest, sql, self.database).text).collect()
        };
        (all(&hooks.before), all(&hooks.after))
    }

    /// The conditions on the rows of a node's table that new rows may replace.
    #[must_use]
    pub fn predicates(&self, id: NodeId) -> Vec<String> {
        let predicates = &self.manifest.node(id).properties.predicates;
        predicates.iter().map(|sql| published_sql(self.manifest, sql, self.database).text).collect()
    }

    /// The comment of a node's relation: what people wrote, and the mark that makes it the project's own.
    #[must_use]
    pub fn comment(&self, node: &Node, relation: &RelationName) -> String {
        let mark = mark(&self.manifest.project, relation);
        match &node.properties.comment {
            Some(comment) => format!("{comment}\n{mark}"),
            None => mark,
        }
    }

    /// What the database said, with the names that people know in the place of those that only this run has.
    #[must_use]
    pub fn with_known_names(&self, error: &EngineError) -> EngineError {
        let named = |text: &str| {
            let mut text = text.to_owned();
            for (id, made) in self.staging.relations.iter().chain(&self.staging.batches) {
                let Some(known) = &self.manifest.node(*id).relation else { continue };
                // A schema that was lent is one that people know.
                let schemas = (!self.staging.lent).then_some((&made.schema, &known.schema));
                for (made, known) in std::iter::once((&made.name, &known.name)).chain(schemas) {
                    if made != known && text.contains(&**made) {
                        text = text.replace(&**made, known);
                    }
                }
            }
            text
        };
        let mut error = error.clone();
        error.message = named(&error.message);
        error.notes = error.notes.iter().map(|note| named(note)).collect();
        error
    }

    /// The node's SQL as it is published: every relation by its published name.
    #[must_use]
    pub fn published_sql(&self, node: &Node) -> Option<FilledSql> {
        node.sql.as_ref().map(|sql| published_sql(self.manifest, sql, None))
    }

    /// The same, with the SQL of those views in it that it has while it is built.
    #[must_use]
    pub fn published_inlined(&self, node: &Node) -> Option<FilledSql> {
        let name =
            |id: NodeId| self.manifest.node(id).relation.as_ref().map(|name| self.manifest.dialect.relation(name));
        let filling = Filling {
            manifest: self.manifest,
            name: &|id| name(id).unwrap_or_default(),
            inlined: &|id| self.is_inlined(node, id),
            window: None,
        };
        node.sql.as_ref().map(|sql| sql.fill(&filling))
    }

    /// The mark of an index of a node's relation.
    #[must_use]
    pub fn index_marks(&self, node: &Node, relation: &RelationName) -> Vec<String> {
        let named = |name: &str| RelationName { name: name.into(), ..relation.clone() };
        node.properties.indexes.iter().map(|index| mark(&self.manifest.project, &named(&index.name))).collect()
    }

    /// The statements of one of suiro's own steps of publishing.
    ///
    /// # Errors
    /// When the template fails: a bug of suiro's, or of the project's own version of that template.
    pub fn step(&self, name: &str, values: &Value) -> Result<Vec<Statement>, EngineError> {
        step(self.statements, name, values)
    }

    /// The statements of one of suiro's own steps of testing.
    ///
    /// # Errors
    /// When the template fails: a bug of suiro's, or of the project's own version of that template.
    pub fn testing(&self, name: &str, values: &Value) -> Result<Vec<Statement>, EngineError> {
        self.statements.testing(name, values).map_err(|problems| broken(name, &problems))
    }

    /// Whether one of these nodes reads something that this run builds.
    #[must_use]
    pub fn reads_staged(&self, nodes: &[NodeId]) -> bool {
        nodes.iter().any(|id| !self.manifest.relations_read(*id).is_disjoint(self.built))
    }
}

/// A template of suiro's own steps that failed.
fn broken(step: &str, problems: &[Diagnostic]) -> EngineError {
    let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    let mut error = EngineError::new(crate::diagnostic::code::BUG, crate::engine::FailureKind::Permanent, message);
    error.notes.push(format!("in the template of the step `{step}`"));
    error
}

/// The statements of one of suiro's own steps of publishing.
pub fn step(statements: &dyn Statements, name: &str, values: &Value) -> Result<Vec<Statement>, EngineError> {
    statements.publish(name, values).map_err(|problems| broken(name, &problems))
}

/// SQL with every relation by its published name, qualified by `database` where that is given.
#[must_use]
pub fn published_sql(manifest: &Manifest, sql: &CompiledSql, database: Option<&str>) -> FilledSql {
    published_sql_in(manifest, sql, database, None)
}

/// The same, about an interval; without one about the first that there is.
#[must_use]
pub fn published_sql_in(
    manifest: &Manifest,
    sql: &CompiledSql,
    database: Option<&str>,
    window: Option<Interval>,
) -> FilledSql {
    let name = |id: NodeId| {
        let mut relation = manifest.node(id).relation.clone()?;
        relation.database = relation.database.or_else(|| database.map(Into::into));
        Some(manifest.dialect.relation(&relation))
    };
    sql.fill(&Filling {
        manifest,
        name: &|id| name(id).unwrap_or_default(),
        inlined: &|id| manifest.node(id).form() == Form::Ephemeral,
        window,
    })
}
