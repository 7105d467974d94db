//! Methods of strings, lists and maps, as templates written for Jinja in Python call them.
//!
//! Most are filters of the engine under another name. Lists and maps do not change here, so that a render stays a
//! function of its inputs; methods that would change one say how to write it instead.

use super::failure::Failure;
use crate::diagnostic::code::TEMPLATE_FAILED;
use minijinja::{Error, ErrorKind, State, Value, value::ValueKind};

/// The methods that some value has, for suggestions.
pub(super) const KNOWN: &[&str] = &[
    "capitalize",
    "count",
    "endswith",
    "find",
    "format",
    "get",
    "index",
    "isdigit",
    "items",
    "join",
    "keys",
    "lower",
    "lstrip",
    "replace",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "title",
    "upper",
    "values",
];

/// Answers a method that the value itself does not have.
pub(super) fn call(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => text_method(state, value, method, args),
        ValueKind::Map => map_method(state, value, method, args),
        ValueKind::Seq | ValueKind::Iterable => list_method(value, method, args),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn text_method(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let text = value.as_str().unwrap_or_default();
    let argument = |position: usize| args.get(position).and_then(Value::as_str);
    let is_any = |found: &dyn Fn(&str) -> bool| match args.first() {
        Some(one) if one.as_str().is_some() => Ok(Value::from(one.as_str().is_some_and(found))),
        Some(many) => Ok(Value::from(many.try_iter()?.any(|one| one.as_str().is_some_and(found)))),
        None => Err(Error::from(ErrorKind::MissingArgument)),
    };
    let set: Vec<char> = argument(0).unwrap_or_default().chars().collect();
    let strips = |character: char| if set.is_empty() { character.is_whitespace() } else { set.contains(&character) };
    Ok(match method {
        "upper" | "lower" | "title" | "capitalize" if args.is_empty() => {
            return state.apply_filter(method, std::slice::from_ref(value));
        }
        "strip" => Value::from(text.trim_matches(strips)),
        "lstrip" => Value::from(text.trim_start_matches(strips)),
        "rstrip" => Value::from(text.trim_end_matches(strips)),
        "startswith" => is_any(&|one| text.starts_with(one))?,
        "endswith" => is_any(&|one| text.ends_with(one))?,
        "isdigit" => Value::from(!text.is_empty() && text.chars().all(char::is_numeric)),
        "splitlines" => text.lines().collect(),
        "split" | "replace" => {
            let mut all = vec![value.clone()];
            all.extend_from_slice(args);
            return state.apply_filter(method, &all);
        }
        "join" => {
            let Some(items) = args.first() else { return Err(Error::from(ErrorKind::MissingArgument)) };
            return state.apply_filter("join", &[items.clone(), value.clone()]);
        }
        "find" => {
            let Some(part) = argument(0) else { return Err(Error::from(ErrorKind::MissingArgument)) };
            let at = text.find(part).and_then(|at| text.get(..at)).map(|before| before.chars().count());
            at.map_or_else(|| Value::from(-1), Value::from)
        }
        "count" => {
            let Some(part) = argument(0) else { return Err(Error::from(ErrorKind::MissingArgument)) };
            Value::from(text.matches(part).count())
        }
        "format" => return filled(state, text, args),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn map_method(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "keys" if args.is_empty() => Ok(value.try_iter()?.collect()),
        "values" if args.is_empty() => value.try_iter()?.map(|key| value.get_item(&key)).collect(),
        "items" if args.is_empty() => state.apply_filter("items", std::slice::from_ref(value)),
        "get" => {
            let Some(key) = args.first() else { return Err(Error::from(ErrorKind::MissingArgument)) };
            let found = Some(value.get_item(key)?).filter(|found| !found.is_undefined());
            Ok(found.or_else(|| args.get(1).cloned()).unwrap_or_else(|| Value::from(())))
        }
        // A value under that name may be callable.
        _ if !value.get_attr(method)?.is_undefined() => Err(Error::from(ErrorKind::UnknownMethod)),
        "update" | "pop" | "setdefault" | "clear" | "popitem" => {
            Err(unchanging("map", method, "{% set ns.all = dict(ns.all, key=value) %}"))
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn list_method(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match (method, args.first()) {
        ("append" | "extend" | "insert" | "pop" | "remove" | "sort" | "reverse" | "clear", _) => {
            Err(unchanging("list", method, "{% set ns.all = ns.all + [one] %}"))
        }
        ("count", Some(wanted)) => Ok(Value::from(value.try_iter()?.filter(|item| item == wanted).count())),
        ("index", Some(wanted)) => match value.try_iter()?.position(|item| item == *wanted) {
            Some(at) => Ok(Value::from(at)),
            None => Err(Failure::new(TEMPLATE_FAILED, format!("{wanted} is not in the list")).into_error()),
        },
        ("count" | "index", None) => Err(Error::from(ErrorKind::MissingArgument)),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// The text with `{}`, `{0}` and `{name}` filled in; `{{` and `}}` stand for braces.
///
/// Charges for what it writes while it writes: a short text can ask for a long value many times over.
fn filled(state: &mut State<'_, '_>, text: &str, args: &[Value]) -> Result<Value, Error> {
    let wrong = |fault: String| Failure::new(TEMPLATE_FAILED, fault).into_error();
    let (named, positional) = match args.split_last() {
        Some((last, rest)) if last.is_kwargs() => (Some(last), rest),
        _ => (None, args),
    };
    let mut written = String::new();
    let mut next = 0;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        written.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            written.extend(from.chars().next());
            rest = after;
            continue;
        }
        let field = from.strip_prefix('{').and_then(|from| from.split_once('}'));
        let Some((field, after)) = field else { return Err(wrong("`format` found a single brace".to_owned())) };
        if field.contains([':', '!', '{']) {
            let fault = format!("`format` takes names and numbers in braces only, not `{{{field}}}`");
            return Err(Failure::new(TEMPLATE_FAILED, fault)
                .help("for widths and digits use the filter: `{{ '%05.2f'|format(value) }}`")
                .into_error());
        }
        let value = match field.parse::<usize>() {
            Ok(position) => positional.get(position).cloned(),
            Err(_) if field.is_empty() => {
                next += 1;
                positional.get(next - 1).cloned()
            }
            Err(_) => named.and_then(|named| named.get_attr(field).ok()).filter(|value| !value.is_undefined()),
        };
        let value = value.ok_or_else(|| wrong(format!("`format` has no value for `{{{field}}}`")))?;
        let value = state.format(value)?;
        state.consume_fuel(value.len() as u64 / 64 + 1)?;
        written.push_str(&value);
        rest = after;
    }
    written.push_str(rest);
    Ok(Value::from(written))
}

fn unchanging(kind: &str, method: &str, instead: &str) -> Error {
    Failure::new(TEMPLATE_FAILED, format!("a {kind} does not change in a template, so `{method}` cannot be used"))
        .help(format!("make a new one, in a namespace where it is to outlive a loop: `{instead}`"))
        .into_error()
}
