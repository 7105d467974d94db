//! Relations as templates see them: what `this`, `ref()` and `source()` answer.
//!
//! They print a name under a reserved schema, which the SQL's reader resolves later, so that rendering needs no graph.

use super::{failure::Failure, names};
use crate::{diagnostic::code::NOT_SUPPORTED_IN_TEMPLATE, name::NamePart};
use minijinja::{
    Value,
    value::{Object, ObjectRepr},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A relation with the name that it prints.
#[derive(Debug)]
pub(super) struct Relation {
    /// The schema that it prints, which is no schema but says what the name is.
    reserved: String,
    name: String,
    schema: Option<String>,
    database: Option<String>,
    /// How it was written, for messages.
    written: String,
    used: AtomicBool,
}

impl Relation {
    /// The model that is rendered.
    pub fn this(this: &super::This) -> Self {
        Self {
            reserved: names::THIS_SCHEMA.to_owned(),
            name: this.name.clone(),
            schema: Some(this.schema.clone()),
            database: this.database.clone(),
            written: "this".to_owned(),
            used: AtomicBool::new(false),
        }
    }

    /// Another model.
    pub fn model(name: &str) -> Self {
        Self {
            reserved: names::REF_SCHEMA.to_owned(),
            name: name.to_owned(),
            schema: None,
            database: None,
            written: format!("ref('{name}')"),
            used: AtomicBool::new(false),
        }
    }

    /// A table of a source.
    pub fn source(source: &str, table: &str) -> Self {
        Self {
            reserved: format!("{}{source}", names::SOURCE_SCHEMA),
            name: table.to_owned(),
            schema: None,
            database: None,
            written: format!("source('{source}', '{table}')"),
            used: AtomicBool::new(false),
        }
    }

    /// How it was written, for messages.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The name that it prints, as parts.
    pub fn parts(&self) -> [NamePart; 2] {
        [NamePart::quoted(self.reserved.as_str()), NamePart::quoted(self.name.as_str())]
    }

    /// The schema, where it is known; else empty.
    pub fn schema(&self) -> &str {
        self.schema.as_deref().unwrap_or_default()
    }

    /// Whether it was printed or looked into.
    pub fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    fn unknown(&self, what: &str) -> Value {
        let message = format!("the {what} of `{}` is not known while templates are rendered", self.written);
        Value::from(
            Failure::new(NOT_SUPPORTED_IN_TEMPLATE, message)
                .help("print the relation itself; suiro puts the full name in its place")
                .into_error(),
        )
    }
}

/// A qualified name in quotes.
fn qualified(schema: &str, name: &str) -> String {
    format!("\"{}\".\"{}\"", schema.replace('"', "\"\""), name.replace('"', "\"\""))
}

impl Object for Relation {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.used.store(true, Ordering::Relaxed);
        match (key.as_str()?, &self.schema, &self.database) {
            ("name" | "identifier" | "table", ..) => Some(Value::from(self.name.as_str())),
            ("schema", Some(schema), _) => Some(Value::from(schema.as_str())),
            ("database", _, Some(database)) => Some(Value::from(database.as_str())),
            (what @ ("schema" | "database"), ..) => Some(self.unknown(what)),
            _ => None,
        }
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.used.store(true, Ordering::Relaxed);
        formatter.write_str(&qualified(&self.reserved, &self.name))
    }
}
