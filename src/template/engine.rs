//! The template engine as suiro sets it up: strict, bounded, without escaping, without files.

use super::{function, library::Library, method, origin::Units, proxy, refusal, tested, trace};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig};
use std::sync::Arc;

/// How much work one render may do: about two million steps, or 128 megabytes written.
pub(super) const FUEL: u64 = 2_000_000;
/// How deep calls, includes and loops may nest together, in the engine's count (a macro call counts four). A debug build
/// needs about a megabyte of stack for it.
const DEEPEST: usize = 200;

/// An engine that knows nothing but its own filters, tests, `range`, `dict` and `namespace`.
pub(super) fn bare() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_auto_reload(false);
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_unknown_method_callback(method::call);
    environment.remove_global("debug");
    environment
}

/// An engine for models, with these templates to import and include.
pub(super) fn for_models(library: &Arc<Library>, units: &Arc<Units>, traced: bool) -> Environment<'static> {
    let mut environment = bare();
    refusal::add_to(&mut environment);
    proxy::add_to(&mut environment, &library.macros);
    function::add_to(&mut environment);
    super::filter::add_to_models(&mut environment);
    tested::add_to(&mut environment);
    if traced {
        trace::add_to(&mut environment);
        environment.set_fuel(Some(FUEL * 4));
    }
    set_loader(&mut environment, units);
    let library = Arc::clone(library);
    environment.set_path_join_callback(move |name, from| library.resolve(name, from));
    environment
}

/// Lets an engine load these templates and no others.
pub(super) fn set_loader(environment: &mut Environment<'_>, units: &Arc<Units>) {
    let units = Arc::clone(units);
    environment.set_loader(move |name| Ok(units.get(name).map(|unit| unit.written.text().to_owned())));
}
