//! The SQL of a dbt model with plain names in the place of `ref()` and `source()`, where nothing is lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// What a text can name.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The dbt project.
    pub(super) project: String,
    /// Models and seeds, with how many have the name.
    pub(super) nodes: BTreeMap<String, usize>,
    /// Sources and tables to schema and name in the database.
    pub(super) sources: BTreeMap<(String, String), (String, String)>,
    /// Names of source tables, in lower case.
    pub(super) tables: BTreeSet<String>,
    /// Packages, and the project itself.
    pub(super) packages: BTreeSet<String>,
}

/// A byte of the text, what is there, and what to do.
type Remark = (usize, String, String);

/// What became of a text.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub(super) text: String,
    /// How many calls became plain names.
    pub(super) plain: usize,
    /// The calls that stayed.
    pub(super) kept: Vec<Remark>,
    /// What else needs a hand.
    pub(super) notes: Vec<Remark>,
}

/// Words that a bare name cannot be, on one engine or the other.
const RESERVED: &str = " all analyse analyze and any array as asc asymmetric both case cast check collate column \
    constraint create cross current_date current_role current_time current_timestamp current_user default deferrable desc \
    describe distinct do else end except false fetch filter for foreign freeze from full grant group having ilike in \
    initially inner intersect into is isnull join lambda lateral leading left like limit localtime localtimestamp natural \
    not notnull null offset on only or order outer overlaps pivot pivot_longer pivot_wider placing positional primary \
    qualify references returning right select session_user show similar some summarize symmetric table tablesample then to \
    trailing true union unique unpivot user using values variadic verbose when where window with ";

/// Why a call of something that the project does not have stays.
const MISSING: &str = "the project does not have it, or in another database";

/// What is known of macros of packages: the macro of suiro's own.
const INSTEAD: [(&str, &str); 8] = [
    ("generate_surrogate_key", "surrogate_key"),
    ("surrogate_key", "surrogate_key"),
    ("star", "star"),
    ("pivot", "pivot"),
    ("union_relations", "union_relations"),
    ("date_spine", "date_spine"),
    ("deduplicate", "deduplicate"),
    ("get_column_values", "values"),
];

/// Replaces what can be replaced.
pub(super) fn convert(text: &str, names: &Names) -> Converted {
    let mut converted = Converted { notes: notes(text, &names.packages), ..Converted::default() };
    let ctes = ctes(text);
    let mut done = 0;
    for print in prints(text) {
        let inner = text.get(print.start + 2..print.end - 2).unwrap_or_default();
        let Some((function, arguments)) = literal_call(inner) else { continue };
        let name = match plain_name(function, &arguments, names, &ctes) {
            Ok(Some(name)) => name,
            Ok(None) => continue,
            Err(why) => {
                let help = match why {
                    MISSING => "add what is missing",
                    _ => "it works as it is; write a plain name by hand if you like",
                };
                converted.kept.push((print.start, format!("`{}` stays: {why}", inner.trim()), help.to_owned()));
                continue;
            }
        };
        converted.text.push_str(text.get(done..print.start).unwrap_or_default());
        converted.text.push_str(&name);
        converted.plain += 1;
        done = print.end;
    }
    converted.text.push_str(text.get(done..).unwrap_or_default());
    converted
}

/// The plain name of a call; nothing if it is another function, an error if a plain name could mean something else.
fn plain_name(
    function: &str,
    arguments: &[&str],
    names: &Names,
    ctes: &BTreeSet<String>,
) -> Result<Option<String>, &'static str> {
    match (function, arguments) {
        ("ref", [name]) => node(name, names, ctes).map(Some),
        ("ref", [package, name]) if *package == names.project => node(name, names, ctes).map(Some),
        ("ref", [_, _]) => Err("it reads a package"),
        ("source", [source, table]) => {
            let key = ((*source).to_owned(), (*table).to_owned());
            let (schema, name) = names.sources.get(&key).ok_or(MISSING)?;
            if is_bare(schema) && is_bare(name) {
                Ok(Some(format!("{schema}.{name}")))
            } else {
                Err("its name would need quotes")
            }
        }
        _ => Ok(None),
    }
}

fn node(name: &str, names: &Names, ctes: &BTreeSet<String>) -> Result<String, &'static str> {
    match names.nodes.get(name) {
        None => Err(MISSING),
        Some(2..) => Err("several have that name"),
        Some(_) if names.tables.contains(name) => Err("a table of a source has the same name"),
        Some(_) if ctes.contains(name) => Err("a CTE in this file has the same name"),
        Some(_) if !is_bare(name) => Err("its name would need quotes"),
        Some(_) => Ok(name.to_owned()),
    }
}

/// Whether the name means itself on every engine without quotes.
fn is_bare(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !RESERVED.contains(&format!(" {name} "))
}

/// The places of `{{ … }}` outside of comments and raw blocks.
fn prints(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find('{')).map(|offset| at + offset) {
        let rest = text.get(open..).unwrap_or_default();
        let end = |close: &str| rest.find(close).map_or(text.len(), |offset| open + offset + close.len());
        at = if rest.starts_with("{#") {
            end("#}")
        } else if rest.starts_with("{{") {
            let close = end("}}");
            if rest.contains("}}") {
                found.push(open..close);
            }
            close
        } else if rest.starts_with("{%") {
            let close = end("%}");
            let tag = text.get(open + 2..close).unwrap_or_default().trim_start_matches(['-', '+']).trim_start();
            if tag.starts_with("raw") { end("endraw") } else { close }
        } else {
            open + 1
        };
    }
    found
}

/// `f('a', "b")`: the function and its arguments, if they are nothing but literal texts. A tag with signs that take
/// white space away is none: its place in the text would change.
fn literal_call(inner: &str) -> Option<(&str, Vec<&str>)> {
    let (function, rest) = inner.trim().split_once('(')?;
    let function = function.trim();
    let mut rest = rest.trim_start();
    let mut arguments = Vec::new();
    loop {
        let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (argument, behind) = rest.get(1..)?.split_once(quote)?;
        if argument.contains(['\\', '\n']) {
            return None;
        }
        arguments.push(argument);
        rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => break,
        }
    }
    let known = matches!(function, "ref" | "source");
    (known && rest.strip_prefix(')')?.trim().is_empty()).then_some((function, arguments))
}

/// The names of CTEs, as far as words tell: `x as (`, `x (a, b) as materialized (`. Rather too many than too few.
fn ctes(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let mut found = BTreeSet::new();
    for (at, _) in lower.match_indices("as") {
        let (before, after) = (lower.get(..at).unwrap_or_default(), lower.get(at + 2..).unwrap_or_default());
        let after = after.trim_start();
        let after = after.strip_prefix("not ").map_or(after, str::trim_start);
        let after = after.strip_prefix("materialized").map_or(after, str::trim_start);
        if !after.starts_with('(') || !before.ends_with(|last: char| last.is_whitespace() || last == ')') {
            continue;
        }
        let mut head = before.trim_end();
        if head.ends_with(')') {
            head = head.rfind('(').and_then(|open| head.get(..open)).unwrap_or_default().trim_end();
        }
        let name = head.trim_end_matches('"').rsplit(|last: char| !(last.is_alphanumeric() || last == '_')).next();
        found.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    found
}

/// Calls in templates that suiro does not know: macros of packages, and questions to the database.
pub(super) fn notes(text: &str, packages: &BTreeSet<String>) -> Vec<Remark> {
    let mut found = Vec::new();
    let word = |character: char| character.is_alphanumeric() || character == '_';
    for tag in tags(text) {
        let inner = text.get(tag.clone()).unwrap_or_default();
        for package in packages {
            for (at, _) in inner.match_indices(&format!("{package}.")) {
                let after = inner.get(at + package.len() + 1..).unwrap_or_default();
                let name = after.split(|character| !word(character)).next().unwrap_or_default();
                if inner.get(..at).is_some_and(|before| before.ends_with(word)) || name.is_empty() {
                    continue;
                }
                let help = match INSTEAD.iter().find(|(known, _)| *known == name) {
                    Some((_, ours)) => format!("suiro has `{ours}()` built in"),
                    None => "copy the macro to templates/macros/ and leave the package's name away".to_owned(),
                };
                found.push((tag.start + at, format!("`{package}.{name}` is a macro of a package"), help));
            }
        }
        for name in ["run_query", "adapter.", "statement(", "load_result", "graph.nodes", "execute"] {
            let at = inner.find(name).filter(|at| !inner.get(..*at).is_some_and(|before| before.ends_with(word)));
            if let Some(at) = at {
                let found_here =
                    format!("`{}` asks the database while the template is rendered", name.trim_end_matches(['.', '(']));
                let help = "suiro's templates never do: `columns()` and `values()` know columns and values";
                found.push((tag.start + at, found_here, help.to_owned()));
            }
        }
    }
    found
}

/// The insides of all tags.
fn tags(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (open, close) in [("{{", "}}"), ("{%", "%}")] {
        let mut at = 0;
        while let Some(start) = text.get(at..).and_then(|rest| rest.find(open)).map(|offset| at + offset + 2) {
            let end = text.get(start..).and_then(|rest| rest.find(close)).map_or(text.len(), |offset| start + offset);
            found.push(start..end);
            at = end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Names, convert};

    fn names() -> Names {
        let mut names = Names { project: "shop".to_owned(), ..Names::default() };
        for (name, count) in [("orders", 1), ("stg_orders", 1), ("twice", 2), ("Mixed", 1), ("order", 1), ("items", 1)]
        {
            names.nodes.insert(name.to_owned(), count);
        }
        names.tables.insert("items".to_owned());
        names.packages = ["dbt_utils".to_owned(), "shop".to_owned()].into();
        let relation = |schema: &str, name: &str| (schema.to_owned(), name.to_owned());
        names.sources.insert(("raw".to_owned(), "items".to_owned()), relation("raw_data", "items"));
        names.sources.insert(("raw".to_owned(), "Odd".to_owned()), relation("raw_data", "Odd"));
        names
    }

    #[test]
    fn plain_names_stand_where_nothing_is_lost() {
        for (text, expected) in [
            ("select * from {{ ref('orders') }}", "select * from orders"),
            ("from {{ref(\"orders\")}} as o, {{ ref('shop', 'stg_orders') }}", "from orders as o, stg_orders"),
            ("from {{ source('raw', 'items') }}", "from raw_data.items"),
            // A CTE of the same name, another package, two of a name, a source table of that name.
            ("with orders as (select 1) select * from {{ ref('orders') }}", "="),
            ("with \"orders\" (a) as not materialized (select 1) select * from {{ ref('orders') }}", "="),
            ("from {{ ref('other', 'orders') }}", "="),
            ("from {{ ref('twice') }}, {{ ref('items') }}, {{ ref('nosuch') }}", "="),
            // Names that need quotes, and calls that are not plain.
            ("from {{ ref('Mixed') }}, {{ ref('order') }}, {{ source('raw', 'Odd') }}, {{ source('raw', 'x') }}", "="),
            ("from {{- ref('orders') -}}, {{ ref(name) }}, {{ ref('orders', v=1) }}, {{ ref('orders') | upper }}", "="),
            ("{% raw %}{{ ref('orders') }}{% endraw %}{# {{ ref('orders') }} #}{% set x = ref('orders') %}", "="),
            (
                "{{ config(materialized='view') }} select '{' from {{ ref('orders') }}",
                "{{ config(materialized='view') }} select '{' from orders",
            ),
            ("{{ ref('orders'", "="),
        ] {
            let expected = if expected == "=" { text } else { expected };
            assert_eq!(convert(text, &names()).text, expected);
        }
    }

    #[test]
    fn what_needs_a_hand_has_its_place() {
        let text =
            "select {{ dbt_utils.star(ref('orders')) }}, {{ my_dbt_utils.x }}\n{% set q = run_query('select 1') %}";
        let notes = convert(text, &names()).notes;
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(text[notes[0].0..].starts_with("dbt_utils.star") && notes[0].2.contains("`star()`"), "{notes:?}");
        assert!(text[notes[1].0..].starts_with("run_query"), "{notes:?}");
        let kept = convert("a\n{{ ref('twice') }}", &names()).kept;
        assert!(kept[0].0 == 2 && kept[0].1.contains("several"), "{kept:?}");
    }
}
