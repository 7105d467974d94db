//! The page as a text: its data, its JavaScript and its CSS in one file, or in several.
//!
//! In: what the page tells. Out: HTML, in which nothing that a user wrote can end an element: data stand in it as JSON
//! without `<`. A policy in its head forbids whatever did not come with the page: other scripts, and every request.

use super::content::Content;
use serde_json::{Map, Value, json};

/// The page's JavaScript, in the order in which it is read.
const SCRIPTS: [&str; 15] = [
    include_str!("page/kit.js"),
    include_str!("page/store.js"),
    include_str!("page/route.js"),
    include_str!("page/sql.js"),
    include_str!("page/search.js"),
    include_str!("page/layout.js"),
    include_str!("page/column.js"),
    include_str!("page/scene.js"),
    include_str!("page/paint.js"),
    include_str!("page/tiles.js"),
    include_str!("page/graph.js"),
    include_str!("page/parts.js"),
    include_str!("page/start.js"),
    include_str!("page/node.js"),
    include_str!("page/list.js"),
];

/// What is read last: it needs all others.
const LAST_SCRIPTS: [&str; 2] = [include_str!("page/graphpage.js"), include_str!("page/shell.js")];

/// What the page does when it is served instead of opened.
const RELOAD: &str = include_str!("page/reload.js");

const STYLES: [&str; 4] = [
    include_str!("page/base.css"),
    include_str!("page/pages.css"),
    include_str!("page/graph.css"),
    include_str!("page/narrow.css"),
];

/// The mark of the page in the browser's tabs.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' \
                    height='32' rx='8' fill='%2316658a'/%3E%3Cg fill='none' stroke='white' stroke-linecap='round'%3E%3Cpath \
                    d='M6 11c5 0 5 4 10 4s5-4 10-4' stroke-width='3'/%3E%3Cpath d='M6 18c5 0 5 4 10 4s5-4 10-4' \
                    stroke-width='2' opacity='.7'/%3E%3C/g%3E%3C/svg%3E";

/// How many nodes have their SQL in one file, where it is not in the page.
const NODES_IN_PART: usize = 250;

/// Takes secrets out of a text.
pub type Mask<'a> = &'a dyn Fn(&str) -> String;

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder of the documentation.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// How the page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// From the disk, without any request.
    File,
    /// From a server that tells when it has changed.
    Served,
}

/// The page in one file; `mask` is asked for every text of the project, where there are secrets.
#[must_use]
pub fn page(content: &Content, mask: Option<Mask<'_>>, reading: Reading) -> String {
    html(&value(content, mask), reading, false)
}

/// The page, and beside it the SQL of its nodes in files that are read when they are needed.
#[must_use]
pub fn pages(content: &Content, mask: Option<Mask<'_>>) -> Vec<File> {
    let mut data = value(content, mask);
    let nodes = data.get("nodes").and_then(Value::as_array).map_or(0, Vec::len);
    let parts = nodes.div_ceil(NODES_IN_PART);
    let mut files: Vec<Vec<Value>> = vec![Vec::new(); parts];
    let mut taken = vec![Vec::new(); parts];
    let mut seen = std::collections::BTreeSet::new();
    let mut texts = take_texts(&mut data);
    for (index, node) in data.get_mut("nodes").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        let part = index / NODES_IN_PART;
        let Some(node) = node.as_object_mut() else { continue };
        let mut moved = Map::new();
        for key in ["compiled", "increment", "links"] {
            moved.extend(node.shift_remove(key).map(|value| (key.to_owned(), value)));
        }
        let file = node.get("file").and_then(Value::as_u64).and_then(|file| usize::try_from(file).ok());
        // A file of several models belongs to the part of each of them.
        if let Some(file) = file
            && seen.insert((part, file))
            && let Some(text) = texts.get_mut(file)
        {
            files[part].push(json!([file, text.clone()]));
        }
        if file.is_some() || !moved.is_empty() {
            node.insert("part".to_owned(), Value::from(part));
        }
        if !moved.is_empty() {
            taken[part].push(json!([index, moved]));
        }
    }
    if let Some(data) = data.as_object_mut() {
        data.insert("parts".to_owned(), Value::from(parts));
    }
    let part = |(number, (nodes, files)): (usize, (Vec<Value>, Vec<Value>))| File {
        path: format!("sql/{number:03}.js"),
        text: format!("suiroPart({});\n", harmless(&json!({"nodes": nodes, "files": files}))),
    };
    let mut all = vec![File { path: "index.html".to_owned(), text: html(&data, Reading::File, true) }];
    all.extend(taken.into_iter().zip(files).enumerate().map(part));
    all
}

/// The texts of all files, which are then no longer in the data.
fn take_texts(data: &mut Value) -> Vec<Value> {
    let files = data.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten();
    files.filter_map(|file| file.as_object_mut()?.shift_remove("text")).collect()
}

fn value(content: &Content, mask: Option<Mask<'_>>) -> Value {
    let mut value = serde_json::to_value(content).unwrap_or_default();
    if let Some(mask) = mask {
        masked(&mut value, mask);
    }
    value
}

fn masked(value: &mut Value, mask: Mask<'_>) {
    match value {
        Value::String(text) => *text = mask(text),
        Value::Array(items) => items.iter_mut().for_each(|item| masked(item, mask)),
        Value::Object(entries) => entries.values_mut().for_each(|entry| masked(entry, mask)),
        _ => {}
    }
}

/// JSON that can stand within any element of HTML, and within a script.
fn harmless(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(data: &Value, reading: Reading, in_parts: bool) -> String {
    let text = harmless(data);
    // A number that nobody who writes a description can know, since it depends on all descriptions.
    let nonce = blake3::hash(text.as_bytes()).to_hex();
    let nonce = &nonce.as_str()[..32];
    let project = escaped(data.get("project").and_then(Value::as_str).unwrap_or_default());
    let connect = if reading == Reading::Served { "'self'" } else { "'none'" };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data:; connect-src {connect}; \
         base-uri 'none'; form-action 'none'"
    );
    let script: Vec<&str> = SCRIPTS.iter().chain(&LAST_SCRIPTS).copied().collect();
    let reload = if reading == Reading::Served { RELOAD } else { "" };
    let lazily = if in_parts { " data-parts" } else { "" };
    [
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        &format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n"),
        "<meta name=\"generator\" content=\"suiro\">\n<meta name=\"referrer\" content=\"no-referrer\">\n",
        &format!("<title>{project}</title>\n<link rel=\"icon\" href=\"{ICON}\">\n<style>\n"),
        &STYLES.join("\n"),
        "</style>\n</head>\n<body>\n<noscript>This page needs JavaScript, which came with it.</noscript>\n",
        &format!("<script type=\"application/json\" id=\"content\" nonce=\"{nonce}\"{lazily}>{text}</script>\n"),
        &format!("<script nonce=\"{nonce}\">\n(() => {{\n\"use strict\";\n\n"),
        &script.join("\n"),
        reload,
        "})();\n</script>\n</body>\n</html>\n",
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::Reading;
    use super::{LAST_SCRIPTS, SCRIPTS, STYLES, harmless, html};
    use serde_json::json;

    #[test]
    fn nothing_that_a_user_wrote_ends_an_element() {
        let data = json!({
            "project": "</title><script>alert(1)</script>",
            "nodes": [{"name": "</script><script>alert(1)</script>", "description": "<!-- </style> -->"}],
        });
        let page = html(&data, Reading::File, false);
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script").count(), 2);
        assert_eq!(page.matches("</style").count(), 1);
        assert_eq!(page.matches("<!--").count(), 0);
        assert_eq!(page.matches("alert(1)").count(), 3, "it is still told");
        let text = harmless(&data);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), data);
        assert_eq!(html(&data, Reading::File, false), page, "the same data are the same page");
    }

    #[test]
    fn the_page_itself_ends_no_element_and_asks_for_nothing() {
        for text in SCRIPTS.iter().chain(&LAST_SCRIPTS).chain(&STYLES) {
            assert!(!text.contains("</script") && !text.contains("</style") && !text.contains("<!--"));
            for address in ["http://", "https://", "url(", "@import"] {
                let others = text.replace("http://www.w3.org/2000/svg", "").replace("https?:", "");
                assert!(!others.contains(address), "{address}");
            }
        }
    }
}
