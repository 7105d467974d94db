//! Macros that are known everywhere without an import.
//!
//! The engine can import a macro only from within a template, and a macro works only in the render that imported it. So
//! a model starts with a macro that imports (see `names::PRELUDE`); a proxy calls that the first time it is called
//! itself, and keeps what came of it for the rest of the render.

use super::{
    context::Context,
    failure::{Called, Failure},
    function, names,
};
use minijinja::{
    Environment, Error, State, Value, escape_formatter,
    value::{Object, ObjectRepr},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

/// How deep a value that is kept or printed may nest. The engine walks values by recursion.
const DEEPEST: usize = 64;
/// How many parts it may have. `{% set x = [x, x] %}` doubles them each time, and costs nothing until somebody looks.
const LARGEST: u64 = 1_000_000;

/// What a render has imported so far.
struct Imports {
    importer: Value,
    modules: BTreeMap<Arc<str>, Value>,
    latest: Option<Value>,
}

/// A macro that is imported when it is first called.
struct Proxy {
    name: Arc<str>,
    template: Arc<str>,
}

/// A macro that a template imported or defined itself.
struct Wrapped {
    name: Arc<str>,
    inner: Value,
}

/// Gives the macros, and what they need, to an engine.
pub(super) fn add_to<'m>(
    environment: &mut Environment<'_>,
    macros: impl IntoIterator<Item = (&'m String, &'m super::library::Macro)>,
) {
    environment.add_function(names::START, |state: &mut State<'_, '_>, importer: Value| {
        state.get_or_insert_extension(Imports { importer, modules: BTreeMap::new(), latest: None });
        ""
    });
    environment.add_function(names::KEEP, |state: &mut State<'_, '_>, module: Value| {
        if let Some(imports) = state.get_extension_mut::<Imports>() {
            imports.latest = Some(module);
        }
        ""
    });
    environment.add_function(names::WRAP, |inner: Value, name: String| {
        if inner.downcast_object_ref::<Wrapped>().is_some() {
            inner
        } else {
            Value::from_object(Wrapped { name: name.into(), inner })
        }
    });
    add_guard(environment);
    for (name, one) in macros {
        let proxy = Proxy { name: name.as_str().into(), template: Arc::clone(&one.template) };
        environment.add_global(name.clone(), Value::from_object(proxy));
    }
}

/// Gives the guard of namespaces to an engine.
pub(super) fn add_guard(environment: &mut Environment<'_>) {
    environment.add_function(names::PLAIN, guard);
    environment.add_function(names::BOUNDED, |state: &mut State<'_, '_>, value: Value| {
        check_size(state, &value, &mut Walk { in_namespace: false, seen: 0 })?;
        Ok(value)
    });
    environment.set_formatter(|output, state, value| {
        check_size(state, value, &mut Walk { in_namespace: false, seen: 0 })?;
        escape_formatter(output, state, value)
    });
}

impl Proxy {
    /// The macro itself, imported into this render.
    fn imported(&self, state: &mut State<'_, '_>) -> Result<Value, Error> {
        let missing = || Failure::bug("a macro is called outside of a model").into_error();
        let imports = state.get_extension_mut::<Imports>().ok_or_else(missing)?;
        let module = if let Some(module) = imports.modules.get(&self.template) {
            module.clone()
        } else {
            let importer = imports.importer.clone();
            importer.call(state, &[Value::from(&self.template)])?;
            let imports = state.get_extension_mut::<Imports>().ok_or_else(missing)?;
            let module = imports.latest.take().ok_or_else(missing)?;
            imports.modules.insert(Arc::clone(&self.template), module.clone());
            module
        };
        let found = module.get_attr(names::EXPORT)?;
        if found.is_undefined() { Err(missing()) } else { Ok(found) }
    }
}

/// Calls a macro; its errors leave a trace, and `return` ends here.
fn call(name: &Arc<str>, inner: &Value, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    inner.call(state, args).or_else(|error| {
        let context = Context::of(state)?;
        let returned = function::returned(&error, &mut context.progress());
        returned.ok_or_else(|| Called::error(name, error))
    })
}

impl Object for Proxy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        Context::of(state)?.progress().used(&self.name);
        let inner = self.imported(state).map_err(|error| Called::error(&self.name, error))?;
        call(&self.name, &inner, state, args)
    }
}

impl Object for Wrapped {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        Context::of(state)?.progress().used(&self.name);
        call(&self.name, &self.inner, state, args)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<macro {}>", self.name)
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<macro {}>", self.name)
    }
}

/// Lets a value into a namespace, if nothing that walks it can go on without end.
fn guard(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    // What came in a lazy sequence is made a list: it could hide anything, and could be read only once.
    let value = match value.kind() {
        minijinja::value::ValueKind::Iterable => value.try_iter()?.checked().collect::<Result<Value, Error>>()?,
        _ => value,
    };
    check_size(state, &value, &mut Walk { in_namespace: true, seen: 0 })?;
    Ok(value)
}

/// A walk through a value.
struct Walk {
    /// Whether the value is to be kept in a namespace, which must not hold itself.
    in_namespace: bool,
    /// How many parts it had so far. A part that stands in several places counts at each: whoever prints or compares the
    /// value meets it that often.
    seen: u64,
}

/// Refuses a value that is too large or nests too deeply for anything that walks it.
fn check_size(state: &State<'_, '_>, value: &Value, walk: &mut Walk) -> Result<(), Error> {
    if value.as_object().is_none() {
        return Ok(());
    }
    check(state, value, 0, walk)
}

fn check(state: &State<'_, '_>, value: &Value, depth: usize, walk: &mut Walk) -> Result<(), Error> {
    let refuse = |message: &str| {
        Err(Failure::new(crate::diagnostic::code::TEMPLATE_TOO_LONG, message)
            .help("keep plain, small lists, maps, and texts")
            .into_error())
    };
    walk.seen += 1;
    if walk.seen.is_multiple_of(64) {
        state.consume_fuel(8)?;
    }
    if walk.seen > LARGEST {
        return refuse("a value has too many parts");
    }
    let Some(object) = value.as_object() else { return Ok(()) };
    if object.type_name() == namespace_type() {
        // What it holds was looked at when it was put in.
        return if walk.in_namespace { refuse("a namespace cannot be kept in a namespace") } else { Ok(()) };
    }
    if depth >= DEEPEST {
        return refuse("a value nests too deeply");
    }
    // A lazy sequence can be read once, and not by us.
    if !matches!(object.repr(), ObjectRepr::Seq | ObjectRepr::Map) && !walk.in_namespace {
        return Ok(());
    }
    let Some(pairs) = object.try_iter_pairs().filter(|_| object.repr() != ObjectRepr::Plain) else { return Ok(()) };
    for (_, item) in pairs {
        check(state, &item, depth + 1, walk)?;
    }
    Ok(())
}

/// The engine's name for the type of namespaces, which it does not publish.
fn namespace_type() -> &'static str {
    static NAME: OnceLock<&'static str> = OnceLock::new();
    NAME.get_or_init(|| {
        let made = minijinja::functions::namespace(None).ok();
        made.as_ref().and_then(Value::as_object).map_or("", minijinja::value::DynObject::type_name)
    })
}
