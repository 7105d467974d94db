//! A graph seen from one of its points, as a tree of lines; what was shown already is not opened again.

use std::collections::BTreeSet;

/// One line.
pub struct Branch<P> {
    /// Where it leads.
    pub to: P,
    /// Its name.
    pub label: String,
    /// What stands behind the name, in brackets.
    pub note: String,
    /// Whether nothing beyond it is shown.
    pub ends: bool,
}

/// The lines below a point.
pub fn draw<P: Ord + Clone, E>(
    from: &P,
    next: &dyn Fn(&P) -> Vec<E>,
    branch: &dyn Fn(&E) -> Branch<P>,
    seen: &mut BTreeSet<P>,
) -> String {
    let mut text = String::new();
    seen.insert(from.clone());
    below(from, "", (next, branch), seen, &mut text);
    if text.is_empty() { "└── nothing\n".to_owned() } else { text }
}

/// What leads on, and how each of it is shown.
type Drawing<'d, P, E> = (&'d dyn Fn(&P) -> Vec<E>, &'d dyn Fn(&E) -> Branch<P>);

fn below<P: Ord + Clone, E>(
    point: &P,
    indent: &str,
    (next, branch): Drawing<'_, P, E>,
    seen: &mut BTreeSet<P>,
    text: &mut String,
) {
    let edges = next(point);
    let last = edges.len().saturating_sub(1);
    for (index, edge) in edges.iter().enumerate() {
        let (corner, bar) = if index == last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let Branch { to, label, note, ends } = branch(edge);
        let is_new = ends || seen.insert(to.clone());
        let more = if is_new { "" } else { " (see above)" };
        text.push_str(&format!("{indent}{corner}{label} ({note}){more}\n"));
        if is_new && !ends {
            below(&to, &format!("{indent}{bar}"), (next, branch), seen, text);
        }
    }
}
