//! What keeps a relation from being replaced, in words, with what would help.

use super::shape::Shape;
use crate::{
    diagnostic::{Diagnostic, code::DEPENDENT_IN_THE_WAY},
    engine::{Dependent, DependentKind},
    manifest::Node,
    name::RelationName,
};
use std::collections::BTreeSet;

/// One thing that keeps a relation from being replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    what: String,
    why: String,
    help: Option<String>,
    /// The relation that hangs on it, if it is one, for looking further.
    pub relation: Option<RelationName>,
}

impl Blocker {
    /// Something that depends on a relation.
    #[must_use]
    pub fn of(found: &Dependent) -> Self {
        let owner = found.owner.as_deref().filter(|_| !found.may_alter);
        let of = owner.map_or_else(String::new, |owner| [" of `", owner, "`"].concat());
        let what = [found.kind.name(), " `", &found.name, "`", &of].concat();
        let why = match found.kind {
            DependentKind::Publication => "publishes it",
            DependentKind::Parent => "is its parent",
            _ => "depends on it",
        };
        let help = owner.filter(|_| found.rebindable || found.attached).map(|owner| {
            let schema = found.relation.as_ref().map(|relation| relation.schema.to_string());
            let create = match (found.kind, schema) {
                (DependentKind::View, Some(schema)) => {
                    [" and `GRANT CREATE ON SCHEMA \"", &schema, "\" TO …`"].concat()
                }
                (DependentKind::Trigger, _) => " and `GRANT EXECUTE` on its function".to_owned(),
                _ => String::new(),
            };
            [
                "an administrator's `GRANT \"",
                owner,
                "\" TO <the role that suiro uses>`",
                &create,
                " lets suiro bind it again",
            ]
            .concat()
        });
        Self { what, why: why.to_owned(), help, relation: found.relation.clone().filter(|_| !found.attached) }
    }

    /// Something of the table itself.
    #[must_use]
    pub fn of_table(why: String) -> Self {
        Self { what: String::new(), why, help: None, relation: None }
    }

    /// Something that uses columns that change.
    #[must_use]
    pub fn of_columns(found: &Dependent, shape: &Shape, used: &[&str]) -> Self {
        let columns = used.iter().map(|column| {
            let new = shape.retyped.iter().find(|other| other.name == **column);
            let change = new.map_or_else(|| "goes away".to_owned(), |new| ["becomes ", &new.data_type].concat());
            ["`", column, "`, which ", &change].concat()
        });
        let why = ["uses ", &columns.collect::<Vec<_>>().join(", and ")].concat();
        Self { why, help: None, ..Self::of(found) }
    }

    /// It in one phrase: `materialized view `other.m` depends on it`.
    #[must_use]
    pub fn reason(&self) -> String {
        [self.what.as_str(), self.why.as_str()].join(" ").trim().to_owned()
    }
}

/// A relation that cannot be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub diagnostic: Diagnostic,
    /// The relations that are in the way, for looking further.
    pub by: Vec<RelationName>,
}

/// The refusal to replace a relation, with everything that is in its way.
#[must_use]
pub fn refused(node: &Node, relation: &RelationName, blockers: &[Blocker]) -> Refusal {
    let message = ["`", &relation.to_string(), "` cannot be replaced"].concat();
    let mut diagnostic = Diagnostic::error(DEPENDENT_IN_THE_WAY, message);
    for blocker in blockers {
        diagnostic = diagnostic.note(blocker.reason());
    }
    let helps: BTreeSet<&String> = blockers.iter().filter_map(|blocker| blocker.help.as_ref()).collect();
    for help in helps {
        diagnostic = diagnostic.help(help.clone());
    }
    let diagnostic = diagnostic
        .help("nothing was changed; drop what is in the way yourself, or let it read something that suiro does not replace")
        .of_node(node.name.clone());
    Refusal { diagnostic, by: blockers.iter().filter_map(|blocker| blocker.relation.clone()).collect() }
}
