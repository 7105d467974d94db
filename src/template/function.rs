//! The functions that templates can call.
//!
//! Each takes its answer from the context of the render, and writes down there that it was asked. None reaches a
//! database, a clock, or a file.

use super::{
    Ref,
    context::{Context, Halt, Progress},
    failure::Failure,
    known, names,
    relation::Relation,
    value::{from_json, to_json},
    window,
};
use crate::diagnostic::code::{TEMPLATE_FAILED, UNDEFINED_VALUE, UNSET_VARIABLE};
use minijinja::{
    Environment, Error, State, Value,
    value::{Kwargs, Object, ObjectRepr, StringInput, ValueKind},
};
use std::{fmt, sync::Arc};

/// The functions that a model can call, which no macro can replace.
pub(super) const NAMES: &[&str] = &[
    "column_types",
    "columns",
    "config",
    "dict",
    "doc",
    "env_var",
    "exceptions",
    "fromjson",
    "in_window",
    "is_incremental",
    "log",
    "namespace",
    "print",
    "range",
    "ref",
    "return",
    "source",
    "target",
    "this",
    "tojson",
    "values",
    "var",
    "window",
];

pub(super) type Body = fn(&mut State<'_, '_>, &Arc<Context>, &Arguments<'_>) -> Result<Value, Error>;

/// A function of suiro's.
pub(super) struct Function {
    name: &'static str,
    body: Body,
    methods: &'static [(&'static str, Body)],
}

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<function {}>", self.name)
    }
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let context = Context::of(state)?;
        (self.body)(state, &context, &Arguments::new(self.name, args))
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let Some((name, body)) = self.methods.iter().find(|(name, _)| *name == method) else {
            return Err(Error::from(minijinja::ErrorKind::UnknownMethod));
        };
        let context = Context::of(state)?;
        body(state, &context, &Arguments::new(name, args))
    }
}

/// What a function was called with.
pub(super) struct Arguments<'a> {
    function: &'static str,
    positional: &'a [Value],
    named: Option<&'a Value>,
}

impl<'a> Arguments<'a> {
    fn new(function: &'static str, args: &'a [Value]) -> Self {
        match args.split_last() {
            Some((last, rest)) if last.is_kwargs() => Self { function, positional: rest, named: Some(last) },
            _ => Self { function, positional: args, named: None },
        }
    }

    /// An argument by position or name.
    pub fn get(&self, position: usize, name: &str) -> Option<Value> {
        let named = || self.named?.get_attr(name).ok().filter(|value| !value.is_undefined());
        self.positional.get(position).cloned().or_else(named)
    }

    /// A string argument, which must be there.
    pub fn text(&self, state: &State<'_, '_>, position: usize, name: &str) -> Result<String, Error> {
        let Some(value) = self.get(position, name) else {
            return Err(self.wrong(&format!("needs {name}")));
        };
        // An undefined value is an error that knows its name.
        let text = StringInput::new(state, &value)?;
        match value.kind() {
            ValueKind::String => Ok(text.as_str().to_owned()),
            kind => Err(self.wrong(&format!("takes {name} as a string, not a {kind}"))),
        }
    }

    /// Refuses more than `most` arguments by position, and names that are not `allowed`.
    pub fn at_most(&self, most: usize, allowed: &[&str]) -> Result<(), Error> {
        if self.positional.len() > most {
            return Err(self.wrong(&format!("takes at most {most} arguments")));
        }
        for key in self.names() {
            if !allowed.contains(&key.as_str()) {
                return Err(self.wrong(&format!("has no argument `{key}`")));
            }
        }
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        let kwargs = self.named.cloned().and_then(|named| Kwargs::try_from(named).ok());
        kwargs.iter().flat_map(|kwargs| kwargs.args().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    pub fn wrong(&self, fault: &str) -> Error {
        Failure::new(TEMPLATE_FAILED, format!("`{}` {fault}", self.function)).into_error()
    }
}

/// Gives the functions to an engine that renders models.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    let mut add = |name: &'static str, body: Body, methods: &'static [(&'static str, Body)]| {
        environment.add_global(name, Value::from_object(Function { name, body, methods }));
    };
    add("ref", reference, &[]);
    add("source", source, &[]);
    add("config", config, &[("get", config_get), ("require", config_require)]);
    add("is_incremental", is_incremental, &[]);
    add("in_window", window::in_window, &[]);
    add("var", var, &[("has_var", has_var)]);
    add("env_var", env_var, &[]);
    add("doc", doc, &[]);
    add("columns", known::columns, &[]);
    add("column_types", known::column_types, &[]);
    add("values", known::values, &[]);
    add("return", give_back, &[]);
    add("log", log, &[]);
    add("print", log, &[]);
    add("fromjson", fromjson, &[]);
    add("tojson", tojson, &[]);
    add(
        "exceptions",
        |_, _, arguments| Err(arguments.wrong("cannot be called; call one of its methods")),
        &[("raise_compiler_error", raise), ("raise_not_implemented", raise), ("warn", log)],
    );
}

/// Gives the functions to an engine that renders settings.
pub(super) fn add_to_settings(environment: &mut Environment<'_>) {
    environment.add_global("var", Value::from_object(Function { name: "var", body: var, methods: &[] }));
    environment.add_global("env_var", Value::from_object(Function { name: "env_var", body: env_var, methods: &[] }));
    environment.add_global("doc", Value::from_object(Function { name: "doc", body: doc, methods: &[] }));
}

fn reference(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(2, &["v", "version"])?;
    let first = given.text(state, 0, "the name of a model")?;
    let second = if given.positional.len() > 1 { Some(given.text(state, 1, "the name of a model")?) } else { None };
    let version = given.get(usize::MAX, "version").or_else(|| given.get(usize::MAX, "v"));
    let (package, name) = match second {
        Some(name) => (Some(first), name),
        None => (None, first),
    };
    let relation = Relation::model(&name);
    context.progress().refs.insert(Ref { package, name, version: version.map(|version| version.to_string()) });
    Ok(Value::from_object(relation))
}

fn source(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(2, &[])?;
    let source = given.text(state, 0, "the name of a source")?;
    let table = given.text(state, 1, "the name of a table")?;
    let relation = Relation::source(&source, &table);
    context.progress().sources.insert((source, table));
    Ok(Value::from_object(relation))
}

/// Sets what is given by name, or in one map; prints nothing.
fn config(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    if given.positional.len() > 1 {
        return Err(given.wrong("takes settings by name, or one map of them"));
    }
    let call = context.note()?;
    for map in given.positional.iter().chain(given.named) {
        if map.kind() != ValueKind::Map {
            return Err(given.wrong("takes settings by name, or one map of them"));
        }
        for key in map.try_iter()? {
            let name = key.as_str().ok_or_else(|| given.wrong("takes settings whose names are strings"))?.to_owned();
            let value = map.get_item(&key)?;
            if value.is_undefined() {
                // The engine's own error knows its name.
                StringInput::new(state, &value)?;
            }
            let value = to_json(&value).map_err(|what| given.wrong(&format!("cannot set `{name}` to {what}")))?;
            context.progress().config.insert(name, (value, call));
        }
    }
    Ok(Value::from(""))
}

fn known_config(context: &Context, name: &str) -> Option<Value> {
    let set = context.progress().config.get(name).map(|(value, _)| from_json(value));
    set.or_else(|| context.config.get(name).map(from_json))
}

fn config_get(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(3, &["default", "validator"])?;
    let name = given.text(state, 0, "the name of a setting")?;
    Ok(known_config(context, &name).or_else(|| given.get(1, "default")).unwrap_or_else(|| Value::from(())))
}

fn config_require(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(2, &["validator"])?;
    let name = given.text(state, 0, "the name of a setting")?;
    known_config(context, &name).ok_or_else(|| {
        Failure::new(UNDEFINED_VALUE, format!("the setting `{name}` is required, and this model does not have it"))
            .help(format!("set it with `{{{{ config({name}=…) }}}}`, in the front matter, or in a YAML file"))
            .into_error()
    })
}

fn is_incremental(_: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(0, &[])?;
    context.progress().uses_incremental = true;
    Ok(Value::from(context.incremental))
}

fn var(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(2, &["default"])?;
    let name = given.text(state, 0, "the name of a variable")?;
    let value = context.scope.vars.get(&name).cloned();
    context.progress().vars.insert(name.clone());
    if let Some(value) = value.or_else(|| given.get(1, "default")) {
        return Ok(value);
    }
    let known: Vec<&str> = context.scope.vars.keys().map(String::as_str).collect();
    let mut failure = Failure::new(UNDEFINED_VALUE, format!("the variable `{name}` has no value and no default here"))
        .suggest(&name, known.iter().copied());
    if !known.is_empty() {
        failure = failure.note(format!("the variables with a value are: {}", listed(&known)));
    }
    let help = format!("set it below `vars:` in suiro.yml or with `--vars`, or write `var('{name}', a_default)`");
    Err(failure.help(help).into_error())
}

fn has_var(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    let name = given.text(state, 0, "the name of a variable")?;
    let is_set = context.scope.vars.contains_key(&name);
    context.progress().vars.insert(name);
    Ok(Value::from(is_set))
}

fn env_var(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(2, &["default"])?;
    let name = given.text(state, 0, "the name of an environment variable")?;
    context.progress().environment.insert(name.clone());
    if name.starts_with(names::SECRET_PREFIX) {
        let call = context.note()?;
        context.progress().secrets.entry(name.clone()).or_insert(call);
    }
    if let Some(value) = (context.scope.environment)(&name) {
        return Ok(Value::from(value));
    }
    given.get(1, "default").ok_or_else(|| {
        Failure::new(UNSET_VARIABLE, format!("the environment variable `{name}` is not set"))
            .help(format!("set it, or write `env_var('{name}', 'a default')`"))
            .into_error()
    })
}

fn doc(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(2, &[])?;
    let last = given.positional.len().saturating_sub(1);
    let name = given.text(state, last, "the name of a docs block")?;
    context.scope.docs.get(&name).map(|text| Value::from(text.as_str())).ok_or_else(|| {
        Failure::new(UNDEFINED_VALUE, format!("there is no docs block `{name}`"))
            .suggest(&name, context.scope.docs.keys().map(String::as_str))
            .help(format!("write `{{% docs {name} %}} … {{% enddocs %}}` in a .md file below `models/`"))
            .into_error()
    })
}

/// Ends the macro around it, whose call then has the value.
fn give_back(_: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(1, &[])?;
    context.progress().returning = Some(given.positional.first().cloned().unwrap_or_else(|| Value::from(())));
    Err(Failure::new(TEMPLATE_FAILED, "`return` stands outside of the macros that are known everywhere")
        .help("it works in macros of `templates/macros/`, not in a model's own text or macros")
        .into_error())
}

fn log(state: &mut State<'_, '_>, context: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    let Some(message) = given.get(0, "msg") else { return Err(given.wrong("needs a message")) };
    let message = state.format(message)?;
    state.consume_fuel(message.len() as u64)?;
    context.progress().logs.push(message);
    Ok(Value::from(""))
}

fn raise(state: &mut State<'_, '_>, _: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    let Some(message) = given.get(0, "msg") else { return Err(given.wrong("needs a message")) };
    Err(Failure::new(TEMPLATE_FAILED, state.format(message)?.trim()).into_error())
}

fn fromjson(state: &mut State<'_, '_>, _: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(2, &["default"])?;
    let text = given.text(state, 0, "a JSON text")?;
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) => Ok(from_json(&value)),
        Err(error) => given.get(1, "default").ok_or_else(|| given.wrong(&format!("cannot read this: {error}"))),
    }
}

fn tojson(state: &mut State<'_, '_>, _: &Arc<Context>, given: &Arguments<'_>) -> Result<Value, Error> {
    given.at_most(2, &["default", "sort_keys"])?;
    let Some(value) = given.get(0, "value") else { return Err(given.wrong("needs a value")) };
    match to_json(&value) {
        Ok(_) => state.apply_filter("tojson", &[value]),
        Err(what) => given.get(1, "default").ok_or_else(|| given.wrong(&format!("has no word for {what}"))),
    }
}

/// Whether an error is `return(…)` on its way to the call of its macro; if so, the value that it carries.
pub(super) fn returned(error: &Error, progress: &mut Progress) -> Option<Value> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if current.is::<Halt>() {
            return None;
        }
        next = current.source();
    }
    progress.returning.take()
}

/// Names in quotes, the first ten of them.
pub(super) fn listed(names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    shown.join(", ")
}
