//! How the columns of what is live differ from those of what takes its place.

use crate::{dialect::Dialect, engine::LiveColumn};

/// What becomes of the columns of a live relation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Columns that it gets.
    pub added: Vec<LiveColumn>,
    /// Columns that it loses, by name.
    pub removed: Vec<String>,
    /// Columns of another type than before.
    pub retyped: Vec<LiveColumn>,
    /// Columns that stay as they are, by name.
    pub kept: Vec<String>,
}

impl Shape {
    /// The difference between the columns of two relations.
    #[must_use]
    pub fn between(dialect: Dialect, old: &[LiveColumn], new: &[LiveColumn]) -> Self {
        let mut shape = Self::default();
        let find = |columns: &[LiveColumn], name: &str| {
            columns.iter().position(|column| dialect.key(&column.name) == dialect.key(name))
        };
        for column in new {
            match find(old, &column.name).and_then(|at| old.get(at)) {
                None => shape.added.push(column.clone()),
                Some(before) if is_same(before, column) => shape.kept.push(column.name.clone()),
                Some(_) => shape.retyped.push(column.clone()),
            }
        }
        let gone = old.iter().filter(|column| find(new, &column.name).is_none());
        shape.removed.extend(gone.map(|column| column.name.clone()));
        shape
    }

    /// Whether the columns are the same, in whatever order.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.retyped.is_empty()
    }

    /// Whether the columns of that name go away or change.
    #[must_use]
    pub fn touches(&self, column: &str) -> bool {
        self.removed.iter().any(|name| name == column) || self.retyped.iter().any(|other| other.name == column)
    }
}

/// Whether the columns of a view are the first ones of another: names, types with length, collations. What
/// PostgreSQL demands of `CREATE OR REPLACE VIEW`.
#[must_use]
pub fn is_prefix(old: &[LiveColumn], new: &[LiveColumn]) -> bool {
    old.len() <= new.len() && old.iter().zip(new).all(|(old, new)| old.name == new.name && is_same(old, new))
}

fn is_same(one: &LiveColumn, other: &LiveColumn) -> bool {
    one.data_type == other.data_type && one.collation == other.collation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Vec<LiveColumn> {
        let column = |text: &str| {
            let (name, data_type) = text.split_once(' ').unwrap();
            let (name, data_type) = (name.to_owned(), data_type.to_owned());
            LiveColumn { name, data_type, nullable: true, comment: None, collation: None }
        };
        text.split(", ").map(column).collect()
    }

    #[test]
    fn columns_are_added_removed_and_retyped() {
        let shape = Shape::between(
            Dialect::Postgres,
            &columns("id integer, name text, gone date, n varchar(3)"),
            &columns("fresh text, n varchar(4), name text, id integer"),
        );
        assert_eq!((shape.added, shape.removed), (columns("fresh text"), vec!["gone".to_owned()]));
        assert_eq!((shape.retyped, shape.kept), (columns("n varchar(4)"), vec!["name".to_owned(), "id".to_owned()]));
        assert!(Shape::between(Dialect::Postgres, &columns("a x, b y"), &columns("b y, a x")).is_same());
    }

    #[test]
    fn a_view_may_get_columns_at_its_end_only() {
        assert!(is_prefix(&columns("a x"), &columns("a x, b y")));
        for other in ["b y, a x", "a z", "b y"] {
            assert!(!is_prefix(&columns("a x, b y"), &columns(other)), "{other}");
        }
        let mut other = columns("a x");
        other[0].collation = Some("C".to_owned());
        assert!(!is_prefix(&columns("a x"), &other));
    }
}
