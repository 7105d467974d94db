//! Moving a file between folders changes nothing but its path.

use crate::project::Project;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// Every kind of file, with references of every kind between them.
const FILES: &[(&str, &str)] = &[
    ("fruits.csv", "id,name,price\n1,りんご,120\n2,みかん,80\n"),
    ("sources.yml", "sources: [{name: raw, tables: [{name: orders, columns: [{name: id}]}]}]\n"),
    (
        "about.yml",
        "models: [{name: orders, description: what was ordered, columns: [{name: id, description: a number}], config: {tags: [a]}}]\n\
         seeds: [{name: fruits, config: {tags: [b]}}]\n\
         exposures: [{name: board, type: dashboard, owner: {name: ann, email: a@example.com}, depends_on: [ref('last')]}]\n",
    ),
    ("orders.sql", "select o.id, f.name from raw.orders as o join fruits as f on f.id = o.id\n"),
    (
        "twice.sql",
        "/*--- {schema: other, materialized: view} ---*/ select id, name from orders union all select id, name from orders\n",
    ),
    (
        "grown.sql",
        "{{ config(materialized='incremental', incremental_strategy='append', unique_key='id') }}\nselect id from {{ ref('orders') }}{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}\n",
    ),
    ("again.sql", "with orders as (select 1 as id) select orders.id, twice.name from orders join twice using (id)\n"),
    ("last.sql", "select a.id, g.id as g from again as a cross join grown as g, {{ source('raw', 'orders') }} as o\n"),
];

/// What a compilation says, without paths: the nodes by their names, and the compiled SQL by its file's name.
fn compiled(project: &Project) -> (BTreeMap<String, Value>, Vec<(String, String)>) {
    let ended = project.suiro(&["compile"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let text = fs::read_to_string(project.path().join("target/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let nodes = manifest["nodes"].as_array().unwrap();
    let names: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    let nodes = nodes.iter().map(|node| {
        let mut node = node.clone();
        strip(&mut node, &names);
        (node["name"].as_str().unwrap().to_owned(), node)
    });
    let sql = walkdir::WalkDir::new(project.path().join("target/compiled")).into_iter().filter_map(Result::ok);
    let sql = sql
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).unwrap()));
    let mut sql: Vec<_> = sql.collect();
    sql.sort();
    (nodes.collect(), sql)
}

/// Takes out paths, and puts names in the place of indexes, which follow the order of the paths.
fn strip(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(map) => {
            map.remove("path");
            if let Some(node) = map.get_mut("node").filter(|node| node.is_number()) {
                *node = names[usize::try_from(node.as_u64().unwrap()).unwrap()].into();
            }
            map.values_mut().for_each(|value| strip(value, names));
            if let Some(Value::Array(reads)) = map.get_mut("reads") {
                reads.sort_by_key(ToString::to_string);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|value| strip(value, names)),
        _ => {}
    }
}

#[test]
fn a_file_may_be_moved_to_any_folder() {
    let project = Project::on_duckdb();
    for (name, text) in FILES {
        project.write(&format!("models/{name}"), text);
    }
    let before = compiled(&project);
    assert!(before.0.len() >= 8 && before.1.len() == 6, "{:?}", before.1);
    for (name, _) in FILES {
        let mut place = format!("models/{name}");
        for folder in ["models/a", "models/z/y/x", "models/日本 語"] {
            let next = format!("{folder}/{name}");
            let whole = |path: &str| project.path().join(path);
            fs::create_dir_all(whole(folder)).unwrap();
            fs::rename(whole(&place), whole(&next)).unwrap();
            place = next;
            let after = compiled(&project);
            assert_eq!(after, before, "{place}");
        }
        // It stays there while the others move.
        assert!(Path::new(&place).components().count() > 2);
    }
}
