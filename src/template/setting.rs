//! Values of `suiro.yml` that are written as templates: `"{{ env_var('PGHOST', 'localhost') }}"`.

use super::{
    Scope,
    context::Context,
    engine, function,
    library::too_long,
    names,
    origin::{Origin, Origins, Units},
    scan::{Unscannable, has_tags, scan},
    written::{Manner, Written, write},
};
use crate::{
    diagnostic::{Diagnostic, Label},
    source::Span,
};
use minijinja::{Environment, Value};
use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

/// A rendered setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its text.
    pub text: String,
    /// The environment variables that it was made from.
    pub environment: BTreeSet<String>,
    /// Those of them that hold secrets.
    pub secrets: BTreeSet<String>,
}

/// Renders a value of a YAML file; it sees `env_var()`, `var()`, `doc()`, the target once it is known, and the
/// `instance` of a model that is one of several.
///
/// `span` is the place of the value; diagnostics point at all of it, since YAML may have written it in another way.
///
/// # Errors
/// When it cannot be read as a template, or fails; an environment variable that is not set is `UNSET_VARIABLE`, with
/// the variable's name in its message.
pub fn render_setting(
    text: &str,
    span: Span,
    scope: &Scope,
    instance: Option<&serde_json::Value>,
) -> Result<Setting, Vec<Diagnostic>> {
    if !has_tags(text) {
        return Ok(Setting { text: text.to_owned(), environment: BTreeSet::new(), secrets: BTreeSet::new() });
    }
    let mut written = Written::with_capacity(text.len());
    match scan(text, 0) {
        Ok(pieces) => write(&mut written, text, &pieces, Manner::Plain, &[]),
        Err(Unscannable::Unclosed) => written.copy(text, 0..text.len()),
        Err(Unscannable::TooLong(_)) => return Err(vec![too_long(span)]),
    }
    let context = Arc::new(Context::of_setting(scope, instance));
    let rendered = environment()
        .template_from_named_str(names::MODEL, written.text())
        .and_then(|template| template.render(Value::from_dyn_object(Arc::clone(&context))));
    match rendered {
        Ok(text) => {
            let progress = std::mem::take(&mut *context.progress());
            let secrets = progress.secrets.into_keys().collect();
            Ok(Setting { text, environment: progress.environment, secrets })
        }
        Err(error) => {
            let mut known: Vec<String> = ["doc", "env_var", "var"].map(str::to_owned).to_vec();
            known.extend(instance.map(|_| "instance".to_owned()));
            let model = Some(Origin { file: span.file, text, start: 0, written: &written });
            let origins = Origins { units: &Units::new(), model, known: &known, fallback: span };
            let mut diagnostic = origins.diagnose(&error);
            let label = diagnostic.primary.take().map(|label| label.text).unwrap_or_default();
            diagnostic.primary = Some(Label { span, text: label });
            Err(vec![diagnostic])
        }
    }
}

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = engine::bare();
        super::proxy::add_guard(&mut environment);
        function::add_to_settings(&mut environment);
        environment
    })
}
