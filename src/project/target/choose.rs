//! Which target is meant.

use crate::project::{
    field::{Given, Reader},
    yaml::{Entry, Node},
};
use crate::{
    diagnostic::{Diagnostic, code},
    source::Span,
};

/// Who named the target, the strongest first.
pub(crate) struct Wishes<'w> {
    /// `--target`.
    pub(crate) option: Option<&'w str>,
    /// `SUIRO_TARGET`.
    pub(crate) variable: Option<&'w str>,
    /// `target:`.
    pub(crate) key: Option<Given<String>>,
}

/// The entry of `targets:` that is meant. `top` is the place of suiro.yml as a whole.
pub(crate) fn choose<'n>(
    reader: &mut Reader<'_>,
    targets: &'n [Entry],
    wishes: &Wishes<'_>,
    top: Span,
) -> Option<(Given<String>, &'n Node)> {
    if targets.is_empty() {
        let help = "write `targets: {local: {type: duckdb}}`";
        reader.missing("targets", "the project", top, help);
        return None;
    }
    let names = || targets.iter().map(|entry| entry.key.as_str());
    let (name, place, by) = match (wishes.option, wishes.variable, &wishes.key) {
        (Some(name), _, _) => (name, None, "`--target`"),
        (None, Some(name), _) => (name, None, "the variable `SUIRO_TARGET`"),
        (None, None, Some(given)) => (given.value.as_str(), Some(given.span), "`target`"),
        (None, None, None) => {
            if let [only] = targets {
                return Some((Given::new(only.key.clone(), only.key_span), &only.value));
            }
            let known = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let found =
                Diagnostic::error(code::UNKNOWN_TARGET, "the project has several targets and names none of them");
            let first = targets.first().map_or(top, |entry| entry.key_span);
            reader.found.push(
                found
                    .at(first, "one of them")
                    .help(format!("write `target: …` or pass `--target …` with one of {known}")),
            );
            return None;
        }
    };
    if let Some(entry) = targets.iter().find(|entry| entry.key == name) {
        return Some((Given::new(entry.key.clone(), entry.key_span), &entry.value));
    }
    let found =
        Diagnostic::error(code::UNKNOWN_TARGET, format!("the project has no target `{name}`, which {by} names"));
    let found = match place {
        Some(place) => found.at(place, "no such target"),
        None => found.at(targets.first().map_or(top, |entry| entry.key_span), "the targets stand here"),
    };
    let found = found.suggest(name, names());
    let known = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    reader.found.push(if found.help.is_empty() { found.help(format!("the targets are {known}")) } else { found });
    None
}
