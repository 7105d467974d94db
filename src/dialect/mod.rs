//! How engines differ as languages: quoting, case folding, limits, functions.
//!
//! In: names and text. Out: names and text of one dialect. Never: a connection (that is `engine/`).

pub mod functions;

use crate::name::{NamePart, RelationName};
use serde::{Deserialize, Serialize};

/// A SQL dialect that suiro builds in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// DuckDB 1.5.
    DuckDb,
    /// PostgreSQL 15 and later.
    Postgres,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 2] = [Self::DuckDb, Self::Postgres];

    /// Its name in `suiro.yml` and in template folders: `duckdb`, `postgres`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Postgres => "postgres",
        }
    }

    /// Its name for people: `DuckDB`, `PostgreSQL`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// The identifier, always quoted, so that neither folding nor reserved words matter.
    #[must_use]
    pub fn quote(self, identifier: &str) -> String {
        let mut quoted = String::with_capacity(identifier.len() + 2);
        quoted.push('"');
        for character in identifier.chars() {
            if character == '"' {
                quoted.push('"');
            }
            quoted.push(character);
        }
        quoted.push('"');
        quoted
    }

    /// The string as a literal of standard SQL.
    ///
    /// Relies on `standard_conforming_strings`, which every session of suiro pins to `on` on PostgreSQL.
    #[must_use]
    pub fn literal(self, text: &str) -> String {
        let mut literal = String::with_capacity(text.len() + 2);
        literal.push('\'');
        for character in text.chars() {
            if character == '\'' {
                literal.push('\'');
            }
            literal.push(character);
        }
        literal.push('\'');
        literal
    }

    /// The relation's name, qualified and quoted.
    #[must_use]
    pub fn relation(self, relation: &RelationName) -> String {
        relation.parts().map(|part| self.quote(part)).collect::<Vec<_>>().join(".")
    }

    /// What a written name part stands for in the catalog: PostgreSQL folds what is not quoted to ASCII lower case and
    /// cuts at 63 bytes; DuckDB keeps it.
    #[must_use]
    pub fn fold(self, part: &NamePart) -> String {
        match self {
            Self::DuckDb => part.value.clone(),
            Self::Postgres => {
                let folded = if part.quoted { part.value.clone() } else { part.value.to_ascii_lowercase() };
                match self.longest_name() {
                    Some(limit) => folded[..crate::source::floor_char_boundary(&folded, limit)].to_owned(),
                    None => folded,
                }
            }
        }
    }

    /// The key under which catalog names are compared: DuckDB ignores ASCII case even in quoted names.
    #[must_use]
    pub fn key(self, name: &str) -> String {
        match self {
            Self::DuckDb => name.to_ascii_lowercase(),
            Self::Postgres => name.to_owned(),
        }
    }

    /// The most bytes that a name may have: PostgreSQL cuts longer ones silently, so suiro refuses them.
    #[must_use]
    pub const fn longest_name(self) -> Option<usize> {
        match self {
            Self::DuckDb => None,
            Self::Postgres => Some(63),
        }
    }
}
