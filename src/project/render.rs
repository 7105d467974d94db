//! Templates in YAML values.
//!
//! In: a text with `{{ … }}`. Out: the text it stands for. Never: a template engine; `template/`, which stands below
//! this module, is handed in as a function.

use super::target::Target;
use crate::{diagnostic::Diagnostic, source::Span};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a template in a YAML value may use besides the environment.
#[derive(Debug, Clone, Copy)]
pub struct RenderScope<'a> {
    /// The values of `var()`, as far as they are known: those of `--vars` in `suiro.yml` itself, all of them elsewhere.
    pub vars: &'a BTreeMap<String, Value>,
    /// The chosen target, once it is known.
    pub target: Option<&'a Target>,
    /// What `instance` is, in the configuration of a model that is built once for each of several.
    pub instance: Option<&'a Value>,
}

/// Renders the template that stands at the span; errors come with a place.
pub type Render<'a> = dyn Fn(&str, Span, RenderScope<'_>) -> Result<String, Vec<Diagnostic>> + 'a;

/// A function that renders, and what it may use.
#[derive(Clone, Copy)]
pub(crate) struct Renderer<'a> {
    pub(crate) render: &'a Render<'a>,
    pub(crate) scope: RenderScope<'a>,
}

impl Renderer<'_> {
    pub(crate) fn render(&self, template: &str, span: Span) -> Result<String, Vec<Diagnostic>> {
        (self.render)(template, span, self.scope)
    }
}

/// Whether a text has anything to render.
pub(crate) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
}
