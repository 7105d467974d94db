//! Who uses the results.

use super::{Reader, called, flat_fields, key, named, source::owner};
use crate::{
    diagnostic::{Diagnostic, code},
    project::{field::Given, yaml::Node},
    source::FileId,
};
use serde_json::Value;

/// A dashboard, notebook or application that reads models.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposure {
    /// The file that describes it.
    pub file: FileId,
    /// Its name, and where it stands.
    pub name: Given<String>,
    /// Its name for people.
    pub label: Option<String>,
    /// What it is: `dashboard`, `notebook`, …
    pub kind: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// How far it can be trusted: `high`, `medium`, `low`.
    pub maturity: Option<String>,
    /// What it is, as a template.
    pub description: Option<String>,
    /// Whether it exists at all.
    pub enabled: bool,
    /// Words to select by, in order of name.
    pub tags: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Anything.
    pub meta: Option<Value>,
    /// The relations that it reads.
    pub depends_on: Vec<Given<WrittenName>>,
}

/// A relation as YAML names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrittenName {
    /// A name as in SQL: `orders`, `derived.age`.
    Plain(String),
    /// `ref('orders')`: the file of that name.
    Ref(String),
    /// `source('icu', 'stays')`: a source and its table.
    Source(String, String),
}

impl std::fmt::Display for WrittenName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain(name) | Self::Ref(name) => formatter.write_str(name),
            Self::Source(source, table) => write!(formatter, "{source}.{table}"),
        }
    }
}

pub(crate) fn read(reader: &mut Reader<'_>, file: FileId, node: &Node) -> Option<Exposure> {
    let what = called(node, "exposure");
    let fields = flat_fields(reader, node, &key::EXPOSURE, &what);
    let name = named(reader, node, &fields, &what)?;
    let mut depends_on = Vec::new();
    for given in fields.texts("depends_on") {
        if let Some(value) = WrittenName::read(&given.value) {
            depends_on.push(Given { value, span: given.span });
        } else {
            let message = format!("`{}` does not name a relation", given.value);
            let found = Diagnostic::error(code::WRONG_VALUE, message).at(given.span, "");
            reader.found.push(found.help("write its name, such as `orders`, or `ref('orders')` as in dbt"));
        }
    }
    let mut tags: Vec<String> = fields.texts("tags").into_iter().map(|given| given.value).collect();
    tags.sort();
    tags.dedup();
    Some(Exposure {
        file,
        label: fields.string("label"),
        kind: fields.string("type"),
        url: fields.string("url"),
        maturity: fields.string("maturity"),
        description: fields.string("description"),
        enabled: fields.boolean("enabled").unwrap_or(true),
        tags,
        owner: owner(&fields),
        meta: fields.get("meta").map(|field| field.node.to_json()),
        depends_on,
        name,
    })
}

impl WrittenName {
    /// `orders`, `ref('orders')`, `{{ ref('orders') }}`, `source('icu', 'stays')`; none where a call makes no sense.
    #[must_use]
    pub fn read(written: &str) -> Option<Self> {
        let text = written.trim();
        let text = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}")).unwrap_or(text).trim();
        let Some((function, rest)) = text.split_once('(') else {
            return (!text.is_empty()).then(|| Self::Plain(text.to_owned()));
        };
        let arguments: Option<Vec<&str>> = rest.trim_end().strip_suffix(')')?.split(',').map(unquoted).collect();
        match (function.trim(), arguments?.as_slice()) {
            // With two names the first one is the package, and there are none.
            ("ref", [name] | [_, name]) => Some(Self::Ref((*name).to_owned())),
            ("source", [source, table]) => Some(Self::Source((*source).to_owned(), (*table).to_owned())),
            _ => None,
        }
    }
}

fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let inner = ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))?;
    (!inner.is_empty() && !inner.contains(['\'', '"'])).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::WrittenName;

    #[test]
    fn calls_of_dbt_are_names() {
        let read = |text: &str| WrittenName::read(text);
        let (orders, stays) = (WrittenName::Ref("orders".into()), WrittenName::Source("icu".into(), "stays".into()));
        assert_eq!(read("orders"), Some(WrittenName::Plain("orders".into())));
        assert_eq!(read("derived.age"), Some(WrittenName::Plain("derived.age".into())));
        assert_eq!(read("ref('orders')"), Some(orders.clone()));
        assert_eq!(read("{{ ref( \"shop\", \"orders\" ) }}"), Some(orders));
        assert_eq!(read("source('icu', 'stays')"), Some(stays));
        for wrong in
            ["", " ", "ref(orders)", "ref()", "ref('a", "source('a')", "metric('a')", "ref('a', 'b', 'c')", "ref('')"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
