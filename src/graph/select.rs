//! Choosing nodes by words: names, globs, graph operators, methods, sets.
//!
//! The grammar is dbt's: a space is a union, a comma an intersection, `+m`, `m+`, `2+m+1` and `@m` follow edges, and
//! `method:value` asks for something else than a name. A test is chosen with what it reads: when all of that is chosen,
//! so is the test; when a part of it is excluded, so is the test.

use super::Graph;
use crate::{
    diagnostic::{
        Diagnostic, closest,
        code::{BAD_SELECTOR, SELECTED_NOTHING},
    },
    manifest::{Manifest, Node, NodeId, NodeKind},
};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::{BTreeMap, BTreeSet};

/// A set of nodes.
pub type Selection = BTreeSet<NodeId>;

/// A choice of nodes, read from text or from `selectors:` in `suiro.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Nodes that any of these chooses.
    Union(Vec<Selector>),
    /// Nodes that all of these choose.
    Intersection(Vec<Selector>),
    /// Nodes that the first chooses and the second does not.
    Difference(Box<Selector>, Box<Selector>),
    /// Nodes by one criterion, and what is around them.
    Term(Term),
}

/// One criterion with its graph operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What to look at: `name`, `tag`, `path`, `config.materialized`, …
    pub method: String,
    /// The glob that it must match.
    pub value: String,
    /// Ancestors to add: none, all, or those at most so many edges away.
    pub parents: Reach,
    /// Descendants to add.
    pub children: Reach,
    /// Whether to add all descendants and all their ancestors (`@`).
    pub closure: bool,
}

/// How far to follow edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    None,
    /// At most so many edges.
    Steps(usize),
    /// To the end.
    All,
}

const METHODS: [&str; 14] = [
    "changed",
    "name",
    "tag",
    "path",
    "file",
    "instances",
    "source",
    "owner",
    "config",
    "resource_type",
    "exposure",
    "selector",
    "test_type",
    "test_name",
];

impl Selector {
    /// Reads what people write behind `--select` and `--exclude`.
    ///
    /// # Errors
    /// A term that is no term: `BAD_SELECTOR`.
    pub fn read(words: &[String]) -> Result<Self, Diagnostic> {
        let unions = words.iter().flat_map(|word| word.split_whitespace());
        let parts = unions
            .map(|union| {
                let terms = union.split(',').map(Term::read).collect::<Result<Vec<_>, _>>()?;
                let mut terms: Vec<Self> = terms.into_iter().map(Self::Term).collect();
                Ok(match (terms.len(), terms.pop()) {
                    (1, Some(only)) => only,
                    (_, last) => {
                        terms.extend(last);
                        Self::Intersection(terms)
                    }
                })
            })
            .collect::<Result<Vec<_>, Diagnostic>>()?;
        Ok(Self::Union(parts))
    }
}

impl Term {
    /// Reads one term: `[@|N+]method:value[+N]`.
    fn read(text: &str) -> Result<Self, Diagnostic> {
        let bad = |why: &str| {
            Diagnostic::error(BAD_SELECTOR, format!("`{text}` is not a selector: {why}"))
                .help("for example `orders`, `+orders`, `orders+1`, `@orders`, `tag:daily`, `path:models/core`")
        };
        let mut rest = text;
        let closure = rest.starts_with('@');
        if closure {
            rest = &rest[1..];
        }
        let mut parents = Reach::None;
        if let Some((before, after)) = rest.split_once('+') {
            if before.is_empty() {
                (parents, rest) = (Reach::All, after);
            } else if before.bytes().all(|byte| byte.is_ascii_digit()) {
                let steps = before.parse().map_err(|_| bad("the number before `+` is too large"))?;
                (parents, rest) = (Reach::Steps(steps), after);
            }
        }
        let mut children = Reach::None;
        if let Some((before, after)) = rest.rsplit_once('+') {
            if after.is_empty() {
                (children, rest) = (Reach::All, before);
            } else if after.bytes().all(|byte| byte.is_ascii_digit()) {
                let steps = after.parse().map_err(|_| bad("the number behind `+` is too large"))?;
                (children, rest) = (Reach::Steps(steps), before);
            }
        }
        if closure && (parents != Reach::None || children != Reach::None) {
            return Err(bad("`@` already adds descendants and their ancestors, it takes no `+`"));
        }
        let (method, value) = match rest.split_once(':') {
            Some((method, value)) => (method, value),
            None if rest.contains('/') || has_file_ending(rest) => ("path", rest),
            None => ("name", rest),
        };
        if value.is_empty() {
            return Err(bad("there is no name in it"));
        }
        let known = METHODS.contains(&method) || method.strip_prefix("config.").is_some_and(|key| !key.is_empty());
        if !known || method == "config" {
            let diagnostic = bad(&format!("there is no method `{method}`"));
            return Err(diagnostic.suggest(method, METHODS));
        }
        Ok(Self { method: method.to_owned(), value: value.to_owned(), parents, children, closure })
    }
}

fn has_file_ending(text: &str) -> bool {
    [".sql", ".csv"].iter().any(|ending| text.ends_with(ending))
}

/// Why nothing is chosen.
#[derive(Debug)]
pub enum Unchosen<E> {
    /// What is wrong with the selector: every term that matches nothing (`SELECTED_NOTHING`, with a suggestion), and every
    /// selector name or glob that cannot be read (`BAD_SELECTOR`).
    Wrong(Vec<Diagnostic>),
    /// Why it could not be told what changed.
    Unknown(E),
}

/// The nodes that a selector chooses; `changed` tells which are other than they were in a commit.
///
/// # Errors
/// [`Unchosen`].
pub fn select<E>(
    selector: &Selector,
    named: &BTreeMap<String, Selector>,
    (manifest, graph): (&Manifest, &Graph),
    changed: &dyn Fn(&str) -> Result<Selection, E>,
) -> Result<Selection, Unchosen<E>> {
    let mut context =
        Context { named, manifest, graph, changed, inside: Vec::new(), problems: Vec::new(), unknown: None };
    let found = context.choose(selector);
    match context.unknown {
        Some(why) => Err(Unchosen::Unknown(why)),
        None if context.problems.is_empty() => Ok(found),
        None => Err(Unchosen::Wrong(context.problems)),
    }
}

struct Context<'a, E> {
    named: &'a BTreeMap<String, Selector>,
    manifest: &'a Manifest,
    graph: &'a Graph,
    changed: &'a dyn Fn(&str) -> Result<Selection, E>,
    inside: Vec<String>,
    problems: Vec<Diagnostic>,
    unknown: Option<E>,
}

impl<E> Context<'_, E> {
    fn choose(&mut self, selector: &Selector) -> Selection {
        match selector {
            Selector::Union(parts) => {
                let chosen = parts.iter().flat_map(|part| self.choose(part)).collect();
                with_tests(self.manifest, chosen)
            }
            Selector::Intersection(parts) => {
                let sets: Vec<Selection> = parts.iter().map(|part| self.choose(part)).collect();
                let mut sets = sets.into_iter();
                let first = sets.next().unwrap_or_default();
                sets.fold(first, |both, set| both.intersection(&set).copied().collect())
            }
            Selector::Difference(all, without) => {
                let without = self.choose(without);
                exclude(self.manifest, &self.choose(all), &without)
            }
            Selector::Term(term) => self.choose_term(term),
        }
    }

    fn choose_term(&mut self, term: &Term) -> Selection {
        let matched = match term.method.as_str() {
            "selector" => self.choose_named(&term.value),
            // That nothing changed is no mistake.
            "changed" => (self.changed)(&term.value).unwrap_or_else(|why| {
                self.unknown.get_or_insert(why);
                Selection::new()
            }),
            _ => self.matching(term),
        };
        let mut chosen = matched.clone();
        let relations =
            |nodes: Selection| nodes.into_iter().filter(|id| self.manifest.node(*id).kind != NodeKind::Test);
        for node in matched {
            if let Some(depth) = steps(term.parents) {
                chosen.extend(self.graph.ancestors(node, depth));
            }
            if let Some(depth) = steps(term.children) {
                chosen.extend(relations(self.graph.descendants(node, depth)));
            }
            if term.closure {
                let mut below: Selection = relations(self.graph.descendants(node, None)).collect();
                below.insert(node);
                for descendant in below {
                    chosen.extend(self.graph.ancestors(descendant, None));
                    chosen.insert(descendant);
                }
            }
        }
        with_tests(self.manifest, chosen)
    }

    fn choose_named(&mut self, name: &str) -> Selection {
        if self.inside.iter().any(|outer| outer == name) {
            let path = self.inside.join(" → ");
            self.problems.push(Diagnostic::error(
                BAD_SELECTOR,
                format!("the selector `{name}` is defined by itself ({path} → {name})"),
            ));
            return Selection::new();
        }
        let Some(selector) = self.named.get(name) else {
            let problem = Diagnostic::error(BAD_SELECTOR, format!("there is no selector `{name}` in suiro.yml"));
            self.problems.push(problem.suggest(name, self.named.keys().map(String::as_str)));
            return Selection::new();
        };
        self.inside.push(name.to_owned());
        let chosen = self.choose(selector);
        self.inside.pop();
        chosen
    }

    fn matching(&mut self, term: &Term) -> Selection {
        let glob = match glob(&term.value, term.method != "path") {
            Ok(glob) => glob,
            Err(why) => {
                self.problems.push(Diagnostic::error(BAD_SELECTOR, format!("`{}` is not a glob: {why}", term.value)));
                return Selection::new();
            }
        };
        let found: Selection = self
            .manifest
            .iter()
            .filter(|(_, node)| answers(term, node).iter().any(|answer| matches(term, &glob, answer)))
            .map(|(id, _)| id)
            .collect();
        if found.is_empty() {
            self.problems.push(self.nothing(term));
        }
        found
    }

    fn nothing(&self, term: &Term) -> Diagnostic {
        let known: BTreeSet<String> =
            self.manifest.nodes.iter().flat_map(|node| answers(term, node)).map(std::borrow::Cow::into_owned).collect();
        let what = match term.method.as_str() {
            "name" => format!("no model, seed, source or test is called `{}`", term.value),
            "path" | "file" => format!("no file of the project matches `{}`", term.value),
            method => format!("nothing has {method} `{}`", term.value),
        };
        let diagnostic = Diagnostic::error(SELECTED_NOTHING, what);
        match closest(&term.value, known.iter().map(String::as_str)) {
            Some(found) => diagnostic.help(format!("did you mean `{found}`?")),
            None => diagnostic.help("`suiro ls` shows what there is"),
        }
    }
}

/// The nodes, and every test of which they are all that it reads.
fn with_tests(manifest: &Manifest, mut chosen: Selection) -> Selection {
    let of_these = |node: &Node| {
        let reads_all = node.reads.iter().all(|read| chosen.contains(&read.node));
        node.kind == NodeKind::Test && !node.reads.is_empty() && reads_all
    };
    let tests: Vec<NodeId> = manifest.iter().filter(|(_, node)| of_these(node)).map(|(id, _)| id).collect();
    chosen.extend(tests);
    chosen
}

/// What is left of some nodes without others, and without the tests that read one of the others.
#[must_use]
pub fn exclude(manifest: &Manifest, chosen: &Selection, without: &Selection) -> Selection {
    let goes = |id: &NodeId| {
        let node = manifest.node(*id);
        let reads_one = || node.reads.iter().any(|read| without.contains(&read.node));
        without.contains(id) || (node.kind == NodeKind::Test && reads_one())
    };
    chosen.iter().copied().filter(|id| !goes(id)).collect()
}

/// The depth to follow, if any: `Some(None)` is to the end.
#[expect(clippy::option_option, reason = "the outer level is whether to follow at all, the inner how far")]
const fn steps(reach: Reach) -> Option<Option<usize>> {
    match reach {
        Reach::None => None,
        Reach::Steps(steps) => Some(Some(steps)),
        Reach::All => Some(None),
    }
}

fn glob(value: &str, star_crosses_slashes: bool) -> Result<GlobMatcher, String> {
    GlobBuilder::new(value)
        .literal_separator(!star_crosses_slashes)
        .backslash_escape(false)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.kind().to_string())
}

/// The words of a node that a term's glob is compared with.
fn answers<'a>(term: &Term, node: &'a Node) -> Vec<std::borrow::Cow<'a, str>> {
    use std::borrow::Cow::{Borrowed, Owned};
    let bare = node.relation.as_ref().map(|relation| Borrowed(&*relation.name));
    let qualified = node.relation.as_ref().map(|relation| Owned(relation.to_string()));
    match term.method.as_str() {
        "name" if node.kind == NodeKind::Source => vec![Borrowed(node.name.as_str())],
        "name" => [Some(Borrowed(node.name.as_str())), bare, qualified].into_iter().flatten().collect(),
        "tag" => node.tags.iter().map(|tag| Borrowed(tag.as_str())).collect(),
        "path" => node.path.iter().map(|path| Borrowed(path.as_str())).collect(),
        "file" => node.path.iter().filter_map(|path| path.rsplit('/').next()).map(Borrowed).collect(),
        "instances" => node.instance_of.iter().map(|of| Borrowed(of.as_str())).collect(),
        "owner" => node.owner.iter().map(|owner| Borrowed(owner.as_str())).collect(),
        "resource_type" => vec![Borrowed(node.kind.word())],
        "test_type" => node.test.iter().map(|test| Borrowed(test.kind.word())).collect(),
        "test_name" => node.test.iter().filter_map(|test| test.template.as_deref()).map(Borrowed).collect(),
        "exposure" if node.kind == NodeKind::Exposure => vec![Borrowed(node.name.as_str())],
        "source" if node.kind == NodeKind::Source => {
            let text = |key| node.config.get(key).and_then(serde_json::Value::as_str);
            let group = text("source");
            // By its name in YAML, too: the relation's is that of the database.
            let table = text("table").or(node.relation.as_ref().map(|relation| &*relation.name));
            let written = group.zip(table).map(|(group, table)| Owned(format!("{group}.{table}")));
            [group.map(Borrowed), Some(Borrowed(node.name.as_str())), written].into_iter().flatten().collect()
        }
        method => match method.strip_prefix("config.") {
            Some("materialized") => node.materialized.iter().map(|word| Borrowed(word.as_str())).collect(),
            Some("schema") => node.relation.iter().map(|relation| Borrowed(&*relation.schema)).collect(),
            Some(key) => config_words(node, key),
            None => Vec::new(),
        },
    }
}

fn config_words<'a>(node: &'a Node, key: &str) -> Vec<std::borrow::Cow<'a, str>> {
    use serde_json::Value;
    let mut keys = key.split('.');
    let first = keys.next().and_then(|key| node.config.get(key));
    let value = keys.fold(first, |value, key| value.and_then(|value| value.get(key)));
    let word = |value: &'a Value| match value {
        Value::String(text) => Some(std::borrow::Cow::Borrowed(text.as_str())),
        Value::Bool(_) | Value::Number(_) => Some(std::borrow::Cow::Owned(value.to_string())),
        _ => None,
    };
    match value {
        Some(Value::Array(values)) => values.iter().filter_map(word).collect(),
        Some(value) => word(value).into_iter().collect(),
        None => Vec::new(),
    }
}

fn matches(term: &Term, glob: &GlobMatcher, answer: &str) -> bool {
    // A folder stands for everything below it.
    let below = |folder: &str| answer.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    glob.is_match(answer) || answer == term.value || (term.method == "path" && below(term.value.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dialect::Dialect, manifest::Read, name::RelationName};

    /// raw.src → a → b → d, a → c → d, c → e
    fn project() -> (Manifest, Graph) {
        let node = |name: &str, reads: &[u32], tags: &[&str], path: &str| Node {
            name: name.to_owned(),
            kind: if path.is_empty() { NodeKind::Source } else { NodeKind::Model },
            relation: Some(RelationName::new("core", name)),
            materialized: (!path.is_empty()).then(|| "table".to_owned()),
            path: (!path.is_empty()).then(|| path.to_owned()),
            reads: reads
                .iter()
                .map(|read| Read { node: NodeId(*read), sites: Vec::new(), incremental_only: false })
                .collect(),
            columns: None,
            description: None,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            owner: (name == "e").then(|| "finance".to_owned()),
            config: BTreeMap::from([
                ("source".to_owned(), "raw".into()),
                ("meta".to_owned(), serde_json::json!({"pii": true})),
            ]),
            sql: None,
            incremental_sql: None,
            varying: None,
            properties: crate::manifest::Properties::default(),
            error: None,
            instance_of: path.contains("mart").then(|| "mart".to_owned()),
            instance: None,
            test: None,
            lineage: None,
            content: None,
        };
        let manifest = Manifest {
            project: "p".to_owned(),
            dialect: Dialect::DuckDb,
            target: "t".to_owned(),
            schema: "main".to_owned(),
            run_hooks: crate::manifest::RunHooks::default(),
            nodes: vec![
                node("raw.src", &[], &[], ""),
                node("a", &[0], &["daily"], "models/core/a.sql"),
                node("b", &[1], &["daily", "slow"], "models/core/b.sql"),
                node("c", &[1], &[], "models/mart/c.sql"),
                node("d", &[2, 3], &["slow"], "models/mart/d.sql"),
                node("e", &[3], &[], "models/mart/deep/e.sql"),
            ],
        };
        let graph = Graph::new(&manifest);
        (manifest, graph)
    }

    fn names(words: &str) -> Result<String, String> {
        let (manifest, graph) = project();
        let named = BTreeMap::from([
            ("slow".to_owned(), Selector::read(&["tag:slow".to_owned()]).map_err(|problem| problem.message)?),
            ("self".to_owned(), Selector::read(&["selector:self".to_owned()]).map_err(|problem| problem.message)?),
        ]);
        let selector = Selector::read(&[words.to_owned()]).map_err(|problem| problem.message)?;
        // In this project, `c` changed since `main`, nothing since `HEAD`, and there is no other commit.
        let changed = |commit: &str| match commit {
            "main" => Ok(manifest.find("c").into_iter().collect()),
            "HEAD" => Ok(Selection::new()),
            other => Err(format!("no commit {other}")),
        };
        let found = select(&selector, &named, (&manifest, &graph), &changed).map_err(|why| match why {
            Unchosen::Wrong(problems) => {
                problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ")
            }
            Unchosen::Unknown(why) => why,
        })?;
        Ok(found.iter().map(|id| manifest.node(*id).name.clone()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn every_form_of_the_grammar_chooses_what_it_says() {
        let cases = [
            ("b", "b"),
            ("changed:main", "c"),
            ("changed:main+", "c d e"),
            ("changed:HEAD", ""),
            ("changed:main,tag:daily", ""),
            ("core.b", "b"),
            ("[bc]", "b c"),
            ("+d", "raw.src a b c d"),
            ("1+d", "b c d"),
            ("a+1", "a b c"),
            ("a+", "a b c d e"),
            ("1+c+1", "a c d e"),
            ("@b", "raw.src a b c d"),
            ("tag:daily", "a b"),
            ("tag:daily,tag:slow", "b"),
            ("tag:daily tag:slow", "a b d"),
            ("+tag:slow,path:models/core", "a b"),
            ("path:models/mart", "c d e"),
            ("path:models/mart/*.sql", "c d"),
            ("models/mart/c.sql", "c"),
            ("file:e.sql", "e"),
            ("source:raw", "raw.src"),
            ("source:raw.src+1", "raw.src a"),
            ("owner:finance", "e"),
            ("instances:mart", "c d e"),
            ("instances:m*,d+", "d"),
            ("config.materialized:table", "a b c d e"),
            ("config.meta.pii:true,d", "d"),
            ("selector:slow", "b d"),
            ("resource_type:source", "raw.src"),
        ];
        for (words, expected) in cases {
            assert_eq!(names(words).as_deref(), Ok(expected), "{words}");
        }
    }

    #[test]
    fn what_matches_nothing_or_cannot_be_read_is_said() {
        for (words, part) in [
            ("zzz", "no model, seed, source or test is called `zzz`"),
            ("b tag:nothing", "nothing has tag `nothing`"),
            ("tagg:x", "there is no method `tagg`"),
            ("+", "there is no name in it"),
            ("@b+", "takes no `+`"),
            ("selector:self", "defined by itself"),
            ("selector:other", "there is no selector `other`"),
            ("99999999999999999999999+b", "too large"),
        ] {
            let found = names(words);
            assert!(found.as_ref().is_err_and(|problem| problem.contains(part)), "{words}: {found:?}");
        }
    }

    #[test]
    fn order_respects_edges_and_heights_count_the_longest_chain() {
        let (manifest, graph) = project();
        let all: Selection = manifest.iter().map(|(id, _)| id).collect();
        let order = graph.order(&all);
        for (id, node) in manifest.iter() {
            let place = |wanted: NodeId| order.iter().position(|found| *found == wanted);
            for read in &node.reads {
                assert!(place(read.node) < place(id));
            }
        }
        assert_eq!(graph.heights(&all)[&NodeId(0)], 3);
        assert!(graph.cycles().is_empty());
        assert_eq!(graph.components(&BTreeSet::from([NodeId(2), NodeId(5)])).len(), 2);
    }

    #[test]
    fn a_circle_is_found_with_its_shortest_way() {
        let (mut manifest, _) = project();
        manifest.nodes[1].reads.push(Read { node: NodeId(4), sites: Vec::new(), incremental_only: false });
        manifest.nodes[5].reads.push(Read { node: NodeId(5), sites: Vec::new(), incremental_only: false });
        let cycles = Graph::new(&manifest).cycles();
        assert_eq!(cycles, [vec![NodeId(1), NodeId(2), NodeId(4)], vec![NodeId(5)]]);
    }
}
