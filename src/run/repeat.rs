//! Building a model three times from the same rows, in other orders and with other numbers of threads, to see whether the
//! same rows come out.
//!
//! In: a model and what it reads, as it is published. Out: [`Repeated`]. Never: anything that is left behind: all of it
//! happens in one transaction that is rolled back, in a schema that nobody else sees.

use super::Statements;
use crate::{
    diagnostic::code::BUG,
    dialect::Dialect,
    engine::{Connection, EngineError, FailureKind, LiveColumn},
    manifest::{EdgeKind, Filling, Form, Manifest, NodeId},
    name::RelationName,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Float types, and the distance of 1.0 from the next number.
const FLOATS: [(&str, f64); 5] = [
    ("double precision", f64::EPSILON),
    ("DOUBLE", f64::EPSILON),
    ("real", f32::EPSILON as f64),
    ("FLOAT", f32::EPSILON as f64),
    ("REAL", f32::EPSILON as f64),
];

/// Types that PostgreSQL cannot tell apart or cannot sort.
const AS_TEXT: [&str; 10] = ["json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle", "aclitem"];

/// What came of building a model three times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repeated {
    /// How many rows came out the first time.
    pub rows: u64,
    /// How many rows differ, in both directions, the most of any two builds.
    pub differing: u64,
    /// The columns whose values, or whose place in the rows, differ; empty where it is several together.
    pub columns: BTreeSet<String>,
    /// Float columns that differ by no more than 1 ulp for each row that was summed; nothing else differs then.
    pub floats: BTreeSet<String>,
}

/// What is needed to build models.
#[derive(Clone, Copy)]
pub struct Repeating<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// What renders statements.
    pub statements: &'a dyn Statements,
    /// The name that the database gives to itself, where names are to be qualified by it.
    pub database: Option<&'a str>,
    /// The schema to build in.
    pub scratch: &'a str,
}

/// A column that is compared.
struct Column {
    name: String,
    plain: bool,
    epsilon: Option<f64>,
}

impl Repeating<'_> {
    /// Builds a model three times and compares.
    ///
    /// # Errors
    /// When the database refuses any of it; nothing is left either way.
    pub fn repeat(&self, connection: &mut dyn Connection, id: NodeId) -> Result<Repeated, EngineError> {
        let found = self.in_transaction(connection, id);
        let ended = self.execute(connection, json!({"step": "end"}));
        let repeated = found?;
        ended.map(|()| repeated)
    }

    fn in_transaction(&self, connection: &mut dyn Connection, id: NodeId) -> Result<Repeated, EngineError> {
        self.execute(connection, json!({"step": "begin", "scratch": self.scratch}))?;
        let mut summed: u64 = 0;
        for round in 0..3 {
            self.execute(connection, json!({"step": "settings", "settings": self.settings(round)}))?;
            let mut inputs: BTreeMap<NodeId, RelationName> = BTreeMap::new();
            let mut total: u64 = 0;
            for read in self.manifest.relations_read(id).into_iter().filter(|read| *read != id) {
                let Some(source) = self.published(read) else { continue };
                let target = self.name(&format!("r{round}_{}", read.0));
                let values = json!({"step": "input", "source": source, "target": target});
                total = total.saturating_add(self.number(connection, values)?);
                inputs.insert(read, target);
            }
            summed = summed.max(total);
            let sql = self.sql(id, &inputs);
            self.execute(connection, json!({"step": "build", "target": self.built(round), "sql": sql}))?;
        }
        let columns = self.columns(connection)?;
        let rows = self.number(connection, json!({"step": "count", "one": self.built(0)}))?;
        let mut repeated = Repeated { rows, ..Repeated::default() };
        for round in 1..3 {
            self.compare(connection, (id, round, summed.max(1)), &columns, &mut repeated)?;
        }
        if repeated.differing > 0 {
            repeated.floats.clear();
        }
        Ok(repeated)
    }

    fn compare(
        &self,
        connection: &mut dyn Connection,
        (id, round, summed): (NodeId, usize, u64),
        columns: &[Column],
        repeated: &mut Repeated,
    ) -> Result<(), EngineError> {
        let all: Vec<&Column> = columns.iter().collect();
        let differing = self.differing(connection, round, &all)?;
        if differing == 0 {
            return Ok(());
        }
        let (floats, others): (Vec<&Column>, Vec<&Column>) = columns.iter().partition(|one| one.epsilon.is_some());
        if !floats.is_empty() {
            let values = json!({
                "step": "floats", "one": self.built(0), "other": self.built(round), "summed": summed,
                "columns": others.iter().map(|one| value(one)).collect::<Vec<_>>(),
                "floats": floats.iter().map(|one| value(one)).collect::<Vec<_>>(),
            });
            let numbers = self.numbers(connection, values)?;
            let mut numbers = numbers.into_iter();
            let mut beyond = numbers.next().unwrap_or_default();
            let mut noisy = BTreeSet::new();
            for column in &floats {
                let (different, too_much) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
                beyond = beyond.saturating_add(too_much);
                if different > 0 {
                    noisy.insert(column.name.clone());
                }
            }
            if beyond == 0 {
                repeated.floats.extend(noisy);
                return Ok(());
            }
        }
        repeated.differing = repeated.differing.max(differing);
        // The one column without which the rows are the same; else those whose values differ by themselves.
        let mut alone = BTreeSet::new();
        for left_out in &all {
            let rest: Vec<&Column> = all.iter().copied().filter(|one| one.name != left_out.name).collect();
            if self.differing(connection, round, &rest)? == 0 {
                alone.insert(left_out.name.clone());
            }
        }
        // A number that is given out by chance can be told from its bearer by nothing but that it is computed.
        let computed: BTreeSet<String> = alone.iter().filter(|name| !self.is_copied(id, name)).cloned().collect();
        if !computed.is_empty() {
            alone = computed;
        }
        if alone.is_empty() {
            for column in &all {
                if self.differing(connection, round, &[*column])? > 0 {
                    alone.insert(column.name.clone());
                }
            }
        }
        repeated.columns.extend(alone);
        Ok(())
    }

    fn differing(
        &self,
        connection: &mut dyn Connection,
        round: usize,
        columns: &[&Column],
    ) -> Result<u64, EngineError> {
        let columns: Vec<Value> = columns.iter().map(|one| value(one)).collect();
        let values = json!({"step": "differ", "one": self.built(0), "other": self.built(round), "columns": columns});
        self.number(connection, values)
    }

    /// Whether a column is one of what is read, as it is.
    fn is_copied(&self, id: NodeId, name: &str) -> bool {
        let columns = self.manifest.node(id).lineage.iter().flat_map(|lineage| &lineage.columns);
        columns.filter(|column| column.name == name).any(|column| {
            let mut sources = column.sources.iter();
            sources.next().is_some_and(|source| source.kind == EdgeKind::Copy) && sources.next().is_none()
        })
    }

    /// The columns of what was built.
    fn columns(&self, connection: &mut dyn Connection) -> Result<Vec<Column>, EngineError> {
        let found = connection.columns(&[self.scratch])?;
        let built = RelationName { database: None, ..self.built(0) };
        let column = |one: &LiveColumn| Column {
            name: one.name.clone(),
            plain: self.manifest.dialect == Dialect::DuckDb || !AS_TEXT.contains(&one.data_type.trim_end_matches("[]")),
            epsilon: FLOATS.iter().find(|(name, _)| *name == one.data_type).map(|(_, epsilon)| *epsilon),
        };
        Ok(found.get(&built).into_iter().flatten().map(column).collect())
    }

    /// The model's SQL on copies of what it reads.
    fn sql(&self, id: NodeId, inputs: &BTreeMap<NodeId, RelationName>) -> String {
        let dialect = self.manifest.dialect;
        let name = |read: NodeId| {
            let relation = inputs.get(&read).cloned().or_else(|| self.published(read));
            relation.map(|relation| dialect.relation(&relation)).unwrap_or_default()
        };
        let filling = Filling {
            manifest: self.manifest,
            name: &name,
            inlined: &|read| self.manifest.node(read).form() == Form::Ephemeral,
        };
        self.manifest.node(id).sql.as_ref().map(|sql| sql.fill(&filling).text).unwrap_or_default()
    }

    fn published(&self, id: NodeId) -> Option<RelationName> {
        let relation = self.manifest.node(id).relation.clone()?;
        let database = relation.database.clone().or_else(|| self.database.map(Into::into));
        Some(RelationName { database, ..relation })
    }

    fn name(&self, name: &str) -> RelationName {
        RelationName { database: self.database.map(Into::into), ..RelationName::new(self.scratch, name) }
    }

    fn built(&self, round: usize) -> RelationName {
        self.name(&format!("built{round}"))
    }

    /// The settings of a round.
    fn settings(&self, round: usize) -> Map<String, Value> {
        let pairs: &[(&str, &str)] = match (self.manifest.dialect, round) {
            (Dialect::DuckDb, 0) => &[("threads", "1")],
            (Dialect::DuckDb, 1) => &[("threads", "4")],
            (Dialect::DuckDb, _) => &[("threads", "2"), ("preserve_insertion_order", "false")],
            (Dialect::Postgres, 0) => &[("max_parallel_workers_per_gather", "0")],
            (Dialect::Postgres, 1) => &[
                ("max_parallel_workers_per_gather", "2"),
                ("parallel_setup_cost", "0"),
                ("parallel_tuple_cost", "0"),
                ("min_parallel_table_scan_size", "0"),
            ],
            (Dialect::Postgres, _) => &[("max_parallel_workers_per_gather", "4"), ("enable_hashagg", "off")],
        };
        pairs.iter().map(|(name, setting)| ((*name).to_owned(), Value::from(*setting))).collect()
    }

    fn statements(&self, mut values: Value) -> Result<Vec<super::Statement>, EngineError> {
        if let Value::Object(values) = &mut values {
            values.insert("dialect".to_owned(), self.manifest.dialect.name().into());
        }
        self.statements.testing("repeat", &values).map_err(|problems| {
            let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
            EngineError::new(BUG, FailureKind::Permanent, message)
        })
    }

    fn execute(&self, connection: &mut dyn Connection, values: Value) -> Result<(), EngineError> {
        for statement in self.statements(values)? {
            connection.execute(&statement.text)?;
        }
        Ok(())
    }

    fn numbers(&self, connection: &mut dyn Connection, values: Value) -> Result<Vec<u64>, EngineError> {
        let mut numbers = Vec::new();
        for statement in self.statements(values)? {
            if matches!(statement.purpose.as_str(), "count" | "differ" | "floats") {
                let rows = connection.values(&statement.text)?;
                let number =
                    |value: Option<String>| value.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
                numbers.extend(rows.into_iter().flatten().map(number));
            } else {
                connection.execute(&statement.text)?;
            }
        }
        Ok(numbers)
    }

    fn number(&self, connection: &mut dyn Connection, values: Value) -> Result<u64, EngineError> {
        Ok(self.numbers(connection, values)?.into_iter().next().unwrap_or_default())
    }
}

fn value(column: &Column) -> Value {
    json!({"name": column.name, "plain": column.plain, "epsilon": column.epsilon})
}
