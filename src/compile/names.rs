//! What a name in a model's SQL means.
//!
//! A bare name is, in this order: the node of that name in the reading model's own schema; in the target's schema; the
//! only one of that name in the project. A qualified name is the node of that schema and name, and nothing else; one
//! with a database in front is the source that says so. `ref()` names a model or seed by its file, which `alias` does not
//! change, and else as a bare name does.
//! Names of CTEs never come here: `parse/` knows their scopes.

use crate::{
    dialect::Dialect,
    manifest::{Node, NodeId, NodeKind},
    name::NamePart,
    project::WrittenName,
};
use std::collections::BTreeMap;

/// Schema of the names that `ref()` prints.
pub const REF_SCHEMA: &str = crate::template::REF_SCHEMA;
/// Begins the schema of the names that `source()` prints; the source's name follows.
pub const SOURCE_SCHEMA: &str = crate::template::SOURCE_SCHEMA;
/// Schema of the name that `this` prints.
pub const THIS_SCHEMA: &str = crate::template::THIS_SCHEMA;

/// Schemas that every database has, and that no model can be in.
const SYSTEM_SCHEMAS: [&str; 2] = ["information_schema", "pg_catalog"];

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// This node.
    Node(NodeId),
    /// A relation of the database itself; left as it is.
    System,
    /// One of these, and nothing says which.
    Ambiguous(Vec<NodeId>),
    /// Nothing that is known.
    Unknown,
    /// Something in another database.
    OtherDatabase,
}

/// The names of a project.
pub struct Names {
    dialect: Dialect,
    target_schema: String,
    qualified: BTreeMap<(String, String), NodeId>,
    /// Sources in other databases, by schema and name.
    elsewhere: BTreeMap<(String, String), Vec<NodeId>>,
    /// The same with their databases in front.
    databases: BTreeMap<(String, String, String), NodeId>,
    bare: BTreeMap<String, Vec<NodeId>>,
    /// Models and seeds by the names of their files, with their schemas.
    files: BTreeMap<String, Vec<(String, NodeId)>>,
    sources: BTreeMap<(String, String), NodeId>,
}

impl Names {
    /// The names of these nodes; `source_tables` are keyed by the names of source and table as YAML gives them.
    pub fn new<'a>(
        dialect: Dialect,
        target_schema: &str,
        nodes: impl IntoIterator<Item = (NodeId, &'a Node)>,
        source_tables: impl IntoIterator<Item = ((String, String), NodeId)>,
    ) -> Self {
        let mut names = Self {
            dialect,
            target_schema: dialect.key(target_schema),
            qualified: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            databases: BTreeMap::new(),
            bare: BTreeMap::new(),
            files: BTreeMap::new(),
            sources: source_tables.into_iter().collect(),
        };
        for (id, node) in nodes {
            let Some(relation) = &node.relation else { continue };
            let (schema, name) = (dialect.key(&relation.schema), dialect.key(&relation.name));
            names.bare.entry(name.clone()).or_default().push(id);
            if let Some(file) = file(node) {
                names.files.entry(dialect.key(file)).or_default().push((schema.clone(), id));
            }
            match &relation.database {
                None => {
                    names.qualified.entry((schema, name)).or_insert(id);
                }
                Some(database) => {
                    names.elsewhere.entry((schema.clone(), name.clone())).or_default().push(id);
                    names.databases.entry((dialect.key(database), schema, name)).or_insert(id);
                }
            }
        }
        names
    }

    /// What the parts of a written name mean as seen from that schema; `this` is the reading model, if it is one.
    #[must_use]
    pub fn meaning(&self, parts: &[NamePart], schema: &str, this: Option<NodeId>) -> Meaning {
        match parts {
            [only] => self.bare(&self.key(only), schema),
            [first, second] if first.value == REF_SCHEMA => self.file(&self.dialect.key(&second.value), schema),
            [first, _] if first.value == THIS_SCHEMA => this.map_or(Meaning::Unknown, Meaning::Node),
            [first, second] if first.value.starts_with(SOURCE_SCHEMA) => {
                self.source(&first.value[SOURCE_SCHEMA.len()..], &second.value)
            }
            [first, second] => {
                let key = (self.key(first), self.key(second));
                match (self.qualified.get(&key), self.elsewhere.get(&key).map(Vec::as_slice)) {
                    (Some(id), _) | (None, Some([id])) => Meaning::Node(*id),
                    (None, Some(several)) => Meaning::Ambiguous(several.to_vec()),
                    (None, None) if SYSTEM_SCHEMAS.contains(&key.0.as_str()) => Meaning::System,
                    (None, None) => self.in_main(key),
                }
            }
            [database, schema, name] => {
                let key = (self.key(database), self.key(schema), self.key(name));
                self.databases.get(&key).map_or(Meaning::OtherDatabase, |id| Meaning::Node(*id))
            }
            _ => Meaning::OtherDatabase,
        }
    }

    /// What a name in YAML means.
    #[must_use]
    pub fn written(&self, name: &WrittenName, schema: &str, this: Option<NodeId>) -> Meaning {
        match name {
            WrittenName::Plain(name) => self.meaning(&super::parts(name), schema, this),
            WrittenName::Ref(name) => self.file(&self.dialect.key(name), schema),
            WrittenName::Source(source, table) => self.source(source, table),
        }
    }

    fn source(&self, source: &str, table: &str) -> Meaning {
        let found = self.sources.get(&(source.to_owned(), table.to_owned()));
        found.map_or(Meaning::Unknown, |id| Meaning::Node(*id))
    }

    /// DuckDB also takes `crm.orders` for `crm.main.orders`, where `crm` is a database.
    fn in_main(&self, (database, name): (String, String)) -> Meaning {
        let found = self.databases.get(&(database, "main".to_owned(), name));
        found.filter(|_| self.dialect == Dialect::DuckDb).map_or(Meaning::Unknown, |id| Meaning::Node(*id))
    }

    fn key(&self, part: &NamePart) -> String {
        self.dialect.key(&self.dialect.fold(part))
    }

    /// What `ref()` means: of several files of one name the one that a bare name would mean.
    fn file(&self, name: &str, schema: &str) -> Meaning {
        let files = self.files.get(name).map_or(&[][..], Vec::as_slice);
        let own = [&self.dialect.key(schema), &self.target_schema];
        let in_schema = own.into_iter().find_map(|own| files.iter().find(|(schema, _)| schema == own));
        match (files, in_schema) {
            ([], _) => self.bare(name, schema),
            ([(_, only)], _) | (_, Some((_, only))) => Meaning::Node(*only),
            (several, None) => Meaning::Ambiguous(several.iter().map(|(_, id)| *id).collect()),
        }
    }

    fn bare(&self, name: &str, schema: &str) -> Meaning {
        let in_schema = |schema: &str| self.qualified.get(&(schema.to_owned(), name.to_owned()));
        if let Some(id) = in_schema(&self.dialect.key(schema)).or_else(|| in_schema(&self.target_schema)) {
            return Meaning::Node(*id);
        }
        match self.bare.get(name).map(Vec::as_slice) {
            Some([only]) => Meaning::Node(*only),
            Some(several) => Meaning::Ambiguous(several.to_vec()),
            None => Meaning::Unknown,
        }
    }
}

/// The name of the file that a model or seed is; a file that is several models has no such name.
pub fn file(node: &Node) -> Option<&str> {
    let is_file = matches!(node.kind, NodeKind::Model | NodeKind::Seed) && node.instance_of.is_none();
    let last = node.path.as_deref().filter(|_| is_file)?.rsplit('/').next()?;
    Some(last.rsplit_once('.').map_or(last, |(stem, _)| stem))
}
