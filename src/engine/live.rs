//! What a database has: relations, and what depends on them.

use crate::{dialect::functions::Volatility, name::RelationName};
use std::collections::{BTreeMap, BTreeSet};

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// An ordinary (or partitioned) table.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// Anything else that occupies the name: sequence, foreign table, index, composite type.
    Other,
}

impl RelationKind {
    /// What it is in the words of `DROP` and `ALTER`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Table | Self::Other => "table",
        }
    }
}

/// A relation as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRelation {
    /// What it is.
    pub kind: RelationKind,
    /// Its object id; changes when it is replaced.
    pub oid: u64,
    /// Its comment, which carries suiro's mark.
    pub comment: Option<String>,
    /// The role that owns it, where the engine has roles.
    pub owner: Option<String>,
    /// Whether the session's role may alter it: it is the owner or a member of it. Always true where there are no roles.
    pub may_alter: bool,
}

/// The ways in which something can depend on a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DependentKind {
    /// A view that reads it.
    View,
    /// A materialized view that reads it.
    MaterializedView,
    /// A foreign key of another table that references it.
    ForeignKey,
    /// A function or procedure whose body (`BEGIN ATOMIC`) or defaults are bound to it.
    Function,
    /// A rewrite rule: on another relation, reading it; or on itself, when `attached`.
    Rule,
    /// A row security policy: on another table, reading it; or on itself, when `attached`.
    Policy,
    /// A default of another table's column, most often `nextval` of a sequence that it owns.
    Default,
    /// A use of its row type: a column, a domain, a composite type, an argument or result of a function, a cast.
    RowType,
    /// An inheritance child or partition of it.
    Child,
    /// What it is itself an inheritance child or partition of.
    Parent,
    /// A trigger that somebody made on it.
    Trigger,
    /// A publication that it belongs to.
    Publication,
    /// Something else that the catalog records as dependent.
    Other,
}

impl DependentKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::View,
        Self::MaterializedView,
        Self::ForeignKey,
        Self::Function,
        Self::Rule,
        Self::Policy,
        Self::Default,
        Self::RowType,
        Self::Child,
        Self::Parent,
        Self::Trigger,
        Self::Publication,
        Self::Other,
    ];

    /// Its name, for people: `materialized view`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::ForeignKey => "foreign key",
            Self::Function => "function",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Default => "default",
            Self::RowType => "row type",
            Self::Child => "child",
            Self::Parent => "parent",
            Self::Trigger => "trigger",
            Self::Publication => "publication",
            Self::Other => "other",
        }
    }
}

impl std::fmt::Display for DependentKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Something that depends directly on a relation, or hangs on it and would go with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependent {
    /// The relation that is depended on.
    pub on: RelationName,
    /// What it is.
    pub kind: DependentKind,
    /// Its name, for people, qualified: `other.v`, `orders_fkey on other.orders`, `other.count_orders(integer)`.
    pub name: String,
    /// The relation it is (view, materialized view, child, parent) or stands on (foreign key, rule, policy, default,
    /// trigger, column of the row type).
    pub relation: Option<RelationName>,
    /// The role that owns it, or the relation it stands on, where the engine has roles.
    pub owner: Option<String>,
    /// Whether the session's role may alter it.
    pub may_alter: bool,
    /// Its comment, which carries suiro's mark when suiro made it.
    pub comment: Option<String>,
    /// The columns of `on` that it uses, sorted; empty when it uses none by name (`count(*)`, the whole row).
    pub columns: Vec<String>,
    /// Whether it hangs on `on` itself (its own trigger, rule, policy, publication, parent) instead of reading it: a
    /// table put in its place does not have it.
    pub attached: bool,
    /// Whether [`Connection::rebind`](super::Connection::rebind) can have a statement for it.
    pub rebindable: bool,
    /// How the engine finds it again: class and object.
    pub id: (u32, u32),
}

/// What the database has in some schemas.
#[derive(Debug, Clone, Default)]
pub struct LiveCatalog {
    /// The schemas that exist, of those that were asked for.
    pub schemas: BTreeSet<String>,
    /// The relations, by name.
    pub relations: BTreeMap<RelationName, LiveRelation>,
    /// What depends on those relations, anywhere in the database, directly; sorted by `on`, `kind`, `name`.
    pub dependents: Vec<Dependent>,
    /// What tables have that decides how they may be replaced; nothing for those that have nothing of it.
    pub fittings: BTreeMap<RelationName, Fitting>,
}

/// What a table has that decides how it may be replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitting {
    /// What tells its rows apart, the best first.
    pub keys: Vec<Key>,
    /// What a table in its place could not be given, for people, with the columns it is about.
    pub fixed: Vec<(String, Vec<String>)>,
    /// Why its rows cannot be changed where they are, for people.
    pub frozen: Vec<String>,
    /// How many indexes keep values from standing twice in it.
    pub unique: usize,
    /// Columns whose values it computes by itself.
    pub made: Vec<String>,
    /// Columns that take a value only where it is insisted on.
    pub identity: Vec<String>,
}

/// Columns that tell the rows of a table apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The columns.
    pub columns: Vec<String>,
    /// Whether there is a value in each of them in every row; rows without are not told apart.
    pub filled: bool,
}

/// A function that somebody has made in the database; several of one name count as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFunction {
    /// What the database says of it; nothing for a macro, which is as its body is.
    pub volatility: Option<Volatility>,
    /// Its text.
    pub body: String,
}

/// A column as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveColumn {
    /// Its name.
    pub name: String,
    /// The engine's name of its type, with length and precision.
    pub data_type: String,
    /// Whether NULL is allowed, as far as the engine says.
    pub nullable: bool,
    /// Its comment.
    pub comment: Option<String>,
    /// How its texts are ordered, where that is not what its type says.
    pub collation: Option<String>,
}
