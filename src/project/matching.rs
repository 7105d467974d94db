//! Which model or seed a YAML entry is about.
//!
//! In: entries by name, nodes by stem and folder. Out: pairs. Never: configuration.

use super::{config::NodeKind, property::Description};
use crate::diagnostic::{Diagnostic, code};
use std::collections::BTreeMap;

/// A node as far as an entry can mean it.
pub(crate) struct Candidate<'n> {
    pub(crate) kind: NodeKind,
    pub(crate) stem: &'n str,
    /// Relative to the project.
    pub(crate) path: &'n str,
}

/// For each candidate the index of the entry about it.
pub(crate) fn entries_of(
    candidates: &[Candidate<'_>],
    descriptions: &[Description],
    found: &mut Vec<Diagnostic>,
) -> Vec<Option<usize>> {
    let mut by_stem: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        by_stem.entry(candidate.stem).or_default().push(index);
    }
    let mut entries: Vec<Option<usize>> = vec![None; candidates.len()];
    for (index, description) in descriptions.iter().enumerate() {
        let named = by_stem.get(description.name.value.as_str()).map_or(&[][..], Vec::as_slice);
        let named: Vec<usize> = named.iter().copied().filter(|at| candidates[*at].kind == description.kind).collect();
        match closest(&named, candidates, &description.folder).as_slice() {
            [] => found.push(nothing(description, candidates)),
            [only] => match entries[*only] {
                Some(first) => found.push(twice(description, &descriptions[first])),
                None => entries[*only] = Some(index),
            },
            several => found.push(unclear(description, several.iter().map(|at| candidates[*at].path))),
        }
    }
    entries
}

/// Of several nodes of one name those that the folder of the YAML file speaks for: in it, else below it, else all.
fn closest(named: &[usize], candidates: &[Candidate<'_>], folder: &str) -> Vec<usize> {
    if named.len() < 2 {
        return named.to_vec();
    }
    let folder_of = |at: &usize| candidates[*at].path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside: Vec<usize> = named.iter().copied().filter(|at| folder_of(at) == folder).collect();
    if !beside.is_empty() {
        return beside;
    }
    let below = format!("{folder}/");
    let below: Vec<usize> = named.iter().copied().filter(|at| candidates[*at].path.starts_with(&below)).collect();
    if below.is_empty() { named.to_vec() } else { below }
}

fn nothing(description: &Description, candidates: &[Candidate<'_>]) -> Diagnostic {
    let (name, kind) = (&description.name, description.kind);
    let message = format!("there is no {} `{}` to describe", kind.word(), name.value);
    let found = Diagnostic::error(code::DESCRIBES_NOTHING, message).at(name.span, format!("no such {}", kind.word()));
    if let Some(other) = candidates.iter().find(|candidate| candidate.stem == name.value) {
        return found.help(format!(
            "`{}` is a {}: describe it under `{}:`",
            other.path,
            other.kind.word(),
            other.kind.section()
        ));
    }
    let extension = if kind == NodeKind::Seed { "csv" } else { "sql" };
    if let Some(bare) = name.value.strip_suffix(&format!(".{extension}"))
        && candidates.iter().any(|candidate| candidate.stem == bare)
    {
        return found.help(format!("write the name without its extension: `{bare}`"));
    }
    let found =
        found.suggest(&name.value, candidates.iter().filter(|other| other.kind == kind).map(|other| other.stem));
    if found.help.is_empty() {
        let folder = if kind == NodeKind::Test { "tests" } else { "models" };
        found.help(format!("write the file `{}.{extension}` below `{folder}/`, or remove the entry", name.value))
    } else {
        found
    }
}

fn twice(description: &Description, first: &Description) -> Diagnostic {
    let message = format!("the {} `{}` is described twice", description.kind.word(), description.name.value);
    Diagnostic::error(code::DUPLICATE_NAME, message)
        .at(description.name.span, "again")
        .also(first.name.span, "first")
        .help("merge the two entries")
}

fn unclear<'p>(description: &Description, paths: impl Iterator<Item = &'p str>) -> Diagnostic {
    let paths: Vec<String> = paths.map(|path| format!("`{path}`")).collect();
    let (kind, name) = (description.kind.word(), &description.name);
    let message = format!("several {kind}s are called `{}`: {}", name.value, paths.join(", "));
    Diagnostic::error(code::AMBIGUOUS_RELATION, message)
        .at(name.span, "which one?")
        .help(format!("describe the {kind} in a YAML file in its own folder"))
}
