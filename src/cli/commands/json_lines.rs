//! `suiro lineage --json-lines`: SQL of any dialect, traced without a project.

use crate::{
    cli::app::App,
    exit::Exit,
    lineage::{self, Known, Schema, Trace},
};
use serde_json::{Value, json};
use std::{io::BufRead, sync::Arc};

/// Answers each line of standard input with one line.
pub fn run(app: &App) -> Exit {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        if line.trim().is_empty() {
            continue;
        }
        app.terminal.data(&answer(&line).to_string());
    }
    Exit::Done
}

/// The answer to one line.
fn answer(line: &str) -> Value {
    let request: Value = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return shown(&Value::Null, &refused(&format!("this is no JSON: {error}"))),
    };
    let text = |key: &str| request.get(key).and_then(Value::as_str);
    let id = request.get("id").unwrap_or(&Value::Null);
    let Some(sql) = text("sql") else { return shown(id, &refused("`sql` is missing")) };
    let schema = request.get("schema").and_then(Value::as_object).map(schema);
    let trace = lineage::trace(sql, text("dialect").unwrap_or("ansi"), schema.as_ref());
    shown(id, &trace.unwrap_or_else(|reason| refused(&reason)))
}

fn refused(reason: &str) -> Trace {
    Trace { unsupported: Some(reason.to_owned()), ..Trace::default() }
}

/// Relation → column → type, or relation → list of columns.
fn schema(relations: &serde_json::Map<String, Value>) -> Schema {
    let known = |columns: &Value| {
        let columns = match columns {
            Value::Object(columns) => {
                let column = |(name, kind): (&String, &Value)| (Arc::from(name.as_str()), kind.as_str().map(Arc::from));
                columns.iter().map(column).collect()
            }
            Value::Array(columns) => {
                columns.iter().filter_map(Value::as_str).map(|name| (Arc::from(name), None)).collect()
            }
            _ => return Known::default(),
        };
        Known { columns, complete: true }
    };
    relations.iter().map(|(name, columns)| (name.to_lowercase(), known(columns))).collect()
}

fn shown(id: &Value, trace: &Trace) -> Value {
    let several = trace.columns.iter().any(|column| column.relation != trace.columns[0].relation);
    let columns: Vec<Value> = trace
        .columns
        .iter()
        .map(|column| {
            let source = |source: &lineage::TracedSource| match source.kind {
                lineage::EdgeKind::Copy => {
                    json!({"column": source.column, "kind": source.kind.word(), "cast": source.cast.word()})
                }
                kind => json!({"column": source.column, "kind": kind.word()}),
            };
            let sources: Vec<Value> = column.sources.iter().map(source).collect();
            let mut shown = json!({"name": column.name, "position": column.position, "sources": sources});
            // Of several tables each column says which one it is of.
            if let (true, Some(relation), Some(fields)) = (several, &column.relation, shown.as_object_mut()) {
                fields.insert("relation".to_owned(), relation.as_str().into());
            }
            shown
        })
        .collect();
    json!({
        "id": id,
        "inputs": trace.inputs,
        "outputs": trace.outputs,
        "columns": columns,
        "unsupported": trace.unsupported,
    })
}
