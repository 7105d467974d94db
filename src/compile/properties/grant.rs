//! Rights: `grants`, roles by right, and whether rights that are not listed are taken away.

use super::{Subject, effective, item::Item};
use crate::{
    diagnostic::Diagnostic,
    dialect::Dialect,
    manifest::{Form, Grants},
};
use std::collections::BTreeMap;

const RIGHTS: &[&str] = &["select", "insert", "update", "delete", "truncate", "references", "trigger"];

/// The rights on a relation.
pub fn grants(subject: Subject<'_>, found: &mut Vec<Diagnostic>) -> Option<Grants> {
    let why_not = match (subject.dialect, subject.node.form()) {
        (Dialect::DuckDb, _) => Some("DuckDB has no roles"),
        (_, Form::Ephemeral) => Some("the model is ephemeral"),
        _ => None,
    };
    let setting = effective(subject, "grants", why_not, found)?;
    let item = Item { what: "`grants`", value: &setting.value, span: setting.span };
    let Some(map) = item.value.as_object() else {
        found.push(
            item.wrong("`grants` is a mapping of rights to roles".to_owned()).help("write `select: [reporting]`"),
        );
        return None;
    };
    let mut grants = Grants { exact: false, rights: BTreeMap::new() };
    for key in map.keys() {
        match (key.as_str(), item.text("mode").as_deref()) {
            ("mode", Some("exact")) => grants.exact = true,
            ("mode", Some("add")) => {}
            ("mode", _) => found.push(item.wrong("the `mode` of `grants` is `add` or `exact`".to_owned())),
            (right, _) if RIGHTS.contains(&right) => {
                grants.rights.insert(right.to_owned(), item.texts(right));
            }
            (other, _) => {
                let problem = item.wrong(format!("there is no right `{other}`"));
                let problem = problem.suggest(other, RIGHTS.iter().copied().chain(["mode"]));
                found.push(problem.note(format!("there are: {}, and `mode`", RIGHTS.join(", "))));
            }
        }
    }
    Some(grants)
}
