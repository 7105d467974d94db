//! What every part of a run shares.

use super::{Observer, Statement, Stop, session::Session};
use crate::{
    diagnostic::Diagnostic,
    engine::{Engine, EngineError, LoadColumn},
    manifest::{FilledSql, Manifest, Node, NodeId},
    name::RelationName,
    parse::Referee,
    plan::Staging,
    source::{Place, Span},
};
use serde_json::Value;
use std::collections::BTreeSet;

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
    fn place(&self, node: NodeId, rendered: usize) -> Option<Place>;

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
    /// The database.
    pub engine: &'a dyn Engine,
    /// The name that the database gives to itself, where names are to be qualified by it.
    pub database: Option<&'a str>,
    /// The run's name.
    pub run: &'a str,
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
}

impl<'a> Context<'a> {
    /// A watched connection, which is cancelled when the run is stopped.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn connect(&self, purpose: &str) -> Result<Session<'a>, EngineError> {
        let connection = self.engine.connect(&format!("{purpose} {}", self.run))?;
        self.stop.watch(connection.interrupter());
        self.prepared(connection)
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

    /// A node's SQL as it is built: relations of this run by their staged names, others by their published ones.
    #[must_use]
    pub fn staged_sql(&self, node: &Node) -> Option<FilledSql> {
        let dialect = self.manifest.dialect;
        let name = |id: NodeId| {
            let published = self.manifest.node(id).relation.as_ref();
            let staged = self.staging.relations.get(&id).filter(|_| self.built.contains(&id));
            staged.or(published).map(|relation| dialect.relation(&self.qualified(relation))).unwrap_or_default()
        };
        node.sql.as_ref().map(|sql| sql.fill(name))
    }

    /// A node's SQL as it is published: every relation by its published name.
    #[must_use]
    pub fn published_sql(&self, node: &Node) -> Option<FilledSql> {
        node.sql.as_ref().map(|sql| published_sql(self.manifest, sql, None))
    }

    /// The statements of one of suiro's own steps of publishing.
    ///
    /// # Errors
    /// When the template fails: a bug of suiro's, or of the project's own version of that template.
    pub fn step(&self, name: &str, values: &Value) -> Result<Vec<Statement>, EngineError> {
        self.statements.publish(name, values).map_err(|problems| broken(name, &problems))
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
        nodes.iter().any(|id| self.manifest.node(*id).reads.iter().any(|read| self.built.contains(&read.node)))
    }

    /// What the staged relation of a node is, in the words of `DROP`.
    #[must_use]
    pub fn staged_kind(&self, node: &Node) -> &'static str {
        if node.materialized.as_deref() == Some("view") { "view" } else { "table" }
    }
}

/// A template of suiro's own steps that failed.
fn broken(step: &str, problems: &[Diagnostic]) -> EngineError {
    let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    let mut error = EngineError::new(crate::diagnostic::code::BUG, crate::engine::FailureKind::Permanent, message);
    error.notes.push(format!("in the template of the step `{step}`"));
    error
}

/// SQL with every relation by its published name, qualified by `database` where that is given.
#[must_use]
pub fn published_sql(manifest: &Manifest, sql: &crate::manifest::CompiledSql, database: Option<&str>) -> FilledSql {
    sql.fill(|id| {
        let relation = manifest.node(id).relation.as_ref();
        relation
            .map(|relation| {
                let mut relation = relation.clone();
                relation.database = relation.database.or_else(|| database.map(Into::into));
                manifest.dialect.relation(&relation)
            })
            .unwrap_or_default()
    })
}
