//! The mark that says a relation is ours: the last line of its comment.
//!
//! Ownership goes by mark and name, never by location: a relation without the mark, or with another name than the mark
//! says, is a stranger's and is left alone.

use crate::{
    engine::{LiveRelation, RelationKind},
    name::RelationName,
};

/// The mark of a relation of that project, to stand as the last line of its comment.
#[must_use]
pub fn mark(project: &str, relation: &RelationName) -> String {
    format!("suiro: {project} {relation}")
}

/// What the marks of a project begin with.
#[must_use]
pub fn begins(project: &str) -> String {
    format!("suiro: {project} ")
}

/// The mark of a schema that a run made for relations on their way in or out.
#[must_use]
pub fn staging_mark(project: &str, run: &str) -> String {
    format!("suiro: {project} staging of run {run}")
}

/// Whether a relation with that comment is the project's own relation of that name.
#[must_use]
pub fn is_ours(project: &str, relation: &RelationName, comment: Option<&str>) -> bool {
    comment.and_then(|comment| comment.lines().last()).is_some_and(|last| last == mark(project, relation))
}

/// Whether a relation with that comment in a schema that was lent was left by a run of the project: staged under the
/// name that it is published by, or under one that suiro made.
#[must_use]
pub fn is_staged(project: &str, relation: &RelationName, comment: Option<&str>) -> bool {
    let last = comment.and_then(|comment| comment.lines().last());
    let marked = last.and_then(|last| last.strip_prefix(&begins(project)));
    marked.is_some_and(|marked| {
        let published = marked.strip_suffix(&*relation.name).is_some_and(|schema| schema.ends_with('.'));
        relation.name.starts_with("__suiro_") || published
    })
}

/// Begins the comment of a view of an environment that shows a relation of production.
pub const SHOWS: &str = "Shows what production has.";

/// Whether a relation is a view of an environment that shows a relation of production: it gives way to whatever is built.
#[must_use]
pub fn shows_production(project: &str, relation: &RelationName, live: &LiveRelation) -> bool {
    let comment = live.comment.as_deref();
    live.kind == RelationKind::View
        && is_ours(project, relation, comment)
        && comment.is_some_and(|comment| comment.lines().next() == Some(SHOWS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mark_of_this_project_and_name_counts() {
        let relation = RelationName::new("core", "注文");
        let comment = format!("All orders.\n{}", mark("shop", &relation));
        assert!(is_ours("shop", &relation, Some(&comment)));
        assert!(!is_ours("other", &relation, Some(&comment)));
        assert!(!is_ours("shop", &RelationName::new("core", "orders_backup"), Some(&comment)));
        assert!(!is_ours("shop", &relation, Some("All orders.")));
        assert!(!is_ours("shop", &relation, None));
    }

    #[test]
    fn what_stands_staged_is_told_by_mark_and_name() {
        let mark = mark("shop", &RelationName::new("core", "注文"));
        let staged = |name: &str| is_staged("shop", &RelationName::new("lent", name), Some(&mark));
        assert!(staged("注文"));
        assert!(staged("__suiro_0123456789abcdef"));
        assert!(!staged("文"));
        assert!(!staged("注文_backup"));
        assert!(!is_staged("other", &RelationName::new("lent", "注文"), Some(&mark)));
        assert!(!is_staged("shop", &RelationName::new("lent", "注文"), None));
    }
}
