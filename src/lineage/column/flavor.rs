//! How dialects differ in what names mean.

use super::value::Name;
use crate::dialect::Dialect;
use sqlparser::ast::Ident;
use std::sync::Arc;

/// The rules of one dialect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flavor {
    /// The engine, if suiro builds in it.
    pub engine: Option<Dialect>,
    /// Whether names are compared without regard to case, quoted or not.
    ignores_case: bool,
    /// Whether an expression may use the name of one before it in the same SELECT.
    pub lateral_aliases: bool,
}

impl Flavor {
    /// The rules of an engine that suiro builds in.
    pub(crate) const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::DuckDb => Self { engine: Some(dialect), ignores_case: true, lateral_aliases: true },
            Dialect::Postgres => Self { engine: Some(dialect), ignores_case: false, lateral_aliases: false },
        }
    }

    /// The rules of a dialect by its name; those of standard SQL for what is not known better.
    pub(crate) fn named(dialect: &str) -> Self {
        match dialect {
            "duckdb" => Self::of(Dialect::DuckDb),
            "postgres" | "postgresql" => Self::of(Dialect::Postgres),
            "snowflake" | "redshift" | "databricks" | "teradata" | "spark" | "sparksql" => {
                Self { engine: None, ignores_case: false, lateral_aliases: true }
            }
            "tsql" | "mssql" | "mysql" | "mariadb" | "sqlite" => {
                Self { engine: None, ignores_case: true, lateral_aliases: false }
            }
            _ => Self { engine: None, ignores_case: false, lateral_aliases: false },
        }
    }

    pub(super) fn is_postgres(self) -> bool {
        self.engine == Some(Dialect::Postgres)
    }

    pub(super) fn is_duckdb(self) -> bool {
        self.engine == Some(Dialect::DuckDb)
    }

    /// The name that an identifier stands for.
    pub(super) fn name(self, ident: &Ident) -> Name {
        self.name_of(&ident.value, ident.quote_style.is_some())
    }

    pub(super) fn name_of(self, value: &str, quoted: bool) -> Name {
        let lower = || -> Arc<str> {
            if self.engine.is_some() { value.to_ascii_lowercase().into() } else { value.to_lowercase().into() }
        };
        if self.ignores_case {
            let key = lower();
            let text =
                if *key == *value || (self.engine.is_none() && !quoted) { Arc::clone(&key) } else { value.into() };
            return Name { text, key };
        }
        let text: Arc<str> = match (quoted, self.engine) {
            (true, _) => value.into(),
            (false, Some(engine)) => engine.fold(&crate::name::NamePart::bare(value)).into(),
            (false, None) => lower(),
        };
        Name { key: Arc::clone(&text), text }
    }

    /// The name of a column that the database has.
    pub(super) fn stored(self, text: &Arc<str>) -> Name {
        let is_key = !self.ignores_case || !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let key = if is_key { Arc::clone(text) } else { text.to_ascii_lowercase().into() };
        Name { text: Arc::clone(text), key }
    }
}
