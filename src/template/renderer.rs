//! From the text of a model to the SQL that it stands for.

use super::{
    Input, Recorded, SecretRead,
    context::Context,
    engine, function,
    library::{Library, MacroFile, WrittenMacro, too_long},
    names,
    origin::{Origin, Origins, Units},
    scan::{Unscannable, has_tags, scan},
    tested, trace,
    written::{Manner, Written, write},
};
use crate::{
    diagnostic::{Diagnostic, code::TEMPLATE_TOO_LONG},
    source::{Place, RenderMap, Segment, Span, floor_char_boundary},
};
use minijinja::{Environment, OutputSpan, OutputSpanKind, Template, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, OnceLock},
};

/// What renders models: made once for a project, shared by all threads.
pub struct Renderer {
    environment: Environment<'static>,
    library: Arc<Library>,
    units: Arc<Units>,
    /// Names of functions and macros, for suggestions.
    known: Vec<String>,
    traced: OnceLock<(Environment<'static>, Arc<Units>)>,
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Renderer").field("known", &self.known).finish_non_exhaustive()
    }
}

/// A rendered model.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The SQL.
    pub text: String,
    /// Where it was written.
    pub map: RenderMap,
    /// What the text asked for and set.
    pub recorded: Recorded,
}

impl Renderer {
    /// A renderer with these files of macros; their mistakes come with it, and the rest works all the same.
    ///
    /// Of two macros of one name that of the file with the higher [`MacroFile::layer`] counts.
    #[must_use]
    pub fn new(files: &[MacroFile]) -> (Self, Vec<Diagnostic>) {
        let (library, mut problems) = Library::new(files);
        let library = Arc::new(library);
        let units = Arc::new(library.units(false));
        let environment = engine::for_models(&library, &units, false);
        let known =
            function::NAMES.iter().map(|name| (*name).to_owned()).chain(library.macros.keys().cloned()).collect();
        let renderer = Self { environment, library, units, known, traced: OnceLock::new() };
        problems.extend(renderer.unreadable());
        (renderer, problems)
    }

    /// Every macro that models can call, by name, as it is written.
    pub fn macros(&self) -> impl Iterator<Item = WrittenMacro<'_>> {
        self.library.written()
    }

    /// What the engine cannot read of the files, each mistake once.
    fn unreadable(&self) -> Vec<Diagnostic> {
        let mut found: BTreeMap<(Span, String), Diagnostic> = BTreeMap::new();
        for file in self.library.files() {
            let Err(whole) = self.environment.get_template(&file.path) else { continue };
            let macros = self.library.macros.values().filter(|one| one.span.file == file.file);
            let errors = macros.filter_map(|one| self.environment.get_template(&one.template).err()).chain([whole]);
            for error in errors {
                let diagnostic = self.origins(None, Span::new(file.file, 0..0)).diagnose(&error);
                let span = diagnostic.primary.as_ref().map_or(Span::new(file.file, 0..0), |label| label.span);
                found.entry((span, diagnostic.message.clone())).or_insert(diagnostic);
            }
        }
        found.into_values().collect()
    }

    /// The SQL of a model in one mode.
    ///
    /// The same input gives the same output. A text without tags is returned as it is. If [`Recorded::uses_incremental`]
    /// says that the mode was not asked for, the other mode renders to the same.
    ///
    /// # Errors
    /// When the text cannot be read as a template, or fails while it is rendered.
    pub fn render(&self, input: &Input<'_>) -> Result<Rendered, Vec<Diagnostic>> {
        let start = floor_char_boundary(input.text, input.start);
        let input = &Input { start, ..*input };
        let whole = Span::new(input.file, start..input.text.len());
        let text = input.text.get(start..).unwrap_or_default();
        if !has_tags(text) {
            let map = RenderMap::identity(whole);
            return Ok(Rendered { text: text.to_owned(), map, recorded: Recorded::default() });
        }
        let written = write_model(input).map_err(|range| vec![too_long(Span::new(input.file, range))])?;
        let model = Model { renderer: self, input, written: &written, whole };
        let template = self.environment.template_from_named_str(names::MODEL, written.text());
        let template = template.map_err(|error| vec![model.origins().diagnose(&error)])?;
        let context = Arc::new(Context::new(input));
        let output = template.render_with_spans(Value::from_dyn_object(Arc::clone(&context)));
        let (text, spans) = output.map_err(|error| vec![model.explain(&error)])?;
        let map = RenderMap::new(whole, model.segments(&text, &spans));
        let mut recorded = model.recorded(&template, &context, &text);
        let foreign = spans.iter().map(OutputSpan::name).filter(|name| *name != names::MODEL);
        recorded.files = foreign.map(str::to_owned).collect();
        Ok(Rendered { text, map, recorded })
    }

    /// The names that a text takes from outside and that neither suiro nor the project gives a meaning: what the template
    /// of a test can be told. Empty where the text cannot be read.
    #[must_use]
    pub fn asks(&self, text: &str) -> BTreeSet<String> {
        let Ok(pieces) = scan(text, 0) else { return BTreeSet::new() };
        let Ok(template) = self.environment.template_from_named_str(names::MODEL, text) else { return BTreeSet::new() };
        let known: BTreeSet<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let names = template.undeclared_variables(false).into_iter();
        names
            .filter(|name| tested::is_argument(name))
            .filter(|name| !known.contains(name.as_str()) || tested::is_plainly_used(text, &pieces, name))
            .collect()
    }

    /// Where bytes of the rendered text were written, as exactly as can be told: also inside macros, with the calls that
    /// led there. What cannot be told with certainty is answered by the expression of the model that printed it.
    ///
    /// Renders the model up to three times more, so it is for diagnostics only.
    #[must_use]
    pub fn place(&self, input: &Input<'_>, rendered: &Rendered, range: Range<usize>) -> Place {
        let coarse = rendered.map.place(range.clone());
        let segment = rendered.map.segments().iter().find(|segment| segment.rendered.contains(&range.start));
        if segment.is_none_or(|segment| segment.verbatim && segment.written.file == input.file) {
            return coarse;
        }
        let input = &Input { start: floor_char_boundary(input.text, input.start), ..*input };
        trace::place(self, input, rendered, &range).unwrap_or(coarse)
    }

    pub(super) fn known(&self) -> &[String] {
        &self.known
    }

    pub(super) fn library(&self) -> &Library {
        &self.library
    }

    /// The engine that leaves a trail, made when it is first needed.
    pub(super) fn traced(&self) -> (&Environment<'static>, &Units) {
        let (environment, units) = self.traced.get_or_init(|| {
            let units = Arc::new(self.library.units(true));
            (engine::for_models(&self.library, &units, true), units)
        });
        (environment, units)
    }

    fn origins<'a>(&'a self, model: Option<Origin<'a>>, fallback: Span) -> Origins<'a> {
        Origins { units: &self.units, model, known: &self.known, fallback }
    }
}

/// Writes a model for the engine; an error is the place of an expression that is too long.
fn write_model(input: &Input<'_>) -> Result<Written, Range<usize>> {
    let mut written = Written::with_capacity(input.text.len() - input.start + names::PRELUDE.len());
    written.insert(names::PRELUDE);
    match scan(input.text, input.start) {
        Ok(pieces) => write(&mut written, input.text, &pieces, Manner::Plain, &[]),
        Err(Unscannable::Unclosed) => written.copy(input.text, input.start..input.text.len()),
        Err(Unscannable::TooLong(range)) => return Err(range),
    }
    Ok(written)
}

/// A model on its way.
struct Model<'a> {
    renderer: &'a Renderer,
    input: &'a Input<'a>,
    written: &'a Written,
    whole: Span,
}

impl<'a> Model<'a> {
    fn origin(&self) -> Origin<'a> {
        Origin { file: self.input.file, text: self.input.text, start: self.input.start, written: self.written }
    }

    fn origins(&self) -> Origins<'a> {
        self.renderer.origins(Some(self.origin()), Span { end: self.whole.start, ..self.whole })
    }

    /// An error of the render, with the calls of the model's own macros where the traced engine can tell them.
    fn explain(&self, error: &minijinja::Error) -> Diagnostic {
        let diagnostic = self.origins().diagnose(error);
        if diagnostic.code == TEMPLATE_TOO_LONG {
            return diagnostic;
        }
        trace::with_calls(self.renderer, self.input, &diagnostic).unwrap_or(diagnostic)
    }

    /// The segments of the rendered text.
    fn segments(&self, text: &str, spans: &[OutputSpan]) -> Vec<Segment> {
        let origins = self.origins();
        let segment = |span: &OutputSpan| {
            let origin = origins.find(span.name())?;
            let range = origin.written.original(span.source_range())?;
            let rendered = span.output_range();
            let same = || text.get(rendered.clone()) == origin.text.get(range.clone());
            let verbatim = span.kind() == OutputSpanKind::Raw && same();
            Some(Segment { rendered, written: Span::new(origin.file, range), verbatim, calls: Vec::new() })
        };
        spans.iter().filter_map(segment).collect()
    }

    /// What was asked for and set, with places.
    fn recorded(&self, template: &Template<'_, '_>, context: &Context, text: &str) -> Recorded {
        let progress = std::mem::take(&mut *context.progress());
        let calls: BTreeSet<usize> =
            progress.config.values().map(|(_, call)| *call).chain(progress.secrets.values().copied()).collect();
        let places: BTreeMap<usize, Span> =
            calls.into_iter().filter_map(|call| Some((call, self.place_of_call(template, call)?))).collect();
        let fallback = Span { end: self.whole.start, ..self.whole };
        let place = |call: usize| places.get(&call).copied().unwrap_or(fallback);
        let config = progress.config.into_iter().map(|(key, (value, call))| {
            let span = self.place_of_key(place(call), &key);
            (key, (value, span))
        });
        let secrets = progress.secrets.into_iter().map(|(name, call)| {
            let value = (self.input.scope.0.environment)(&name).unwrap_or_default();
            let printed = !value.is_empty() && text.to_lowercase().contains(&value.to_lowercase());
            SecretRead { name, span: place(call), printed }
        });
        Recorded {
            config: config.collect(),
            secrets: secrets.collect(),
            refs: progress.refs,
            sources: progress.sources,
            vars: progress.vars,
            environment: progress.environment,
            macros: progress.macros,
            files: BTreeSet::new(),
            uses_incremental: progress.uses_incremental,
            uses_this: context.uses_this(),
            logs: progress.logs,
        }
    }

    /// Where a noted call stands: a second render that stops there says it in its error.
    fn place_of_call(&self, template: &Template<'_, '_>, call: usize) -> Option<Span> {
        let context = Arc::new(Context::new(self.input).stopping_at(call));
        let error = template.render(Value::from_dyn_object(context)).err()?;
        self.origins().locate(&error).map(|found| found.span)
    }

    /// Where a key is set within the tag of a call; the call itself if that cannot be seen.
    fn place_of_key(&self, call: Span, key: &str) -> Span {
        let Some((text, tag)) = self.origins().tag_at(call) else { return call };
        let Some(written) = text.get(tag.clone()) else { return call };
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let mut keys = written.match_indices(key).filter(|(at, _)| {
            let (before, after) =
                (written.get(..*at).unwrap_or_default(), written.get(at + key.len()..).unwrap_or_default());
            let named = after.trim_start().strip_prefix('=').is_some_and(|rest| !rest.starts_with('='));
            let quoted =
                after.starts_with(['\'', '"']) && after.get(1..).is_some_and(|rest| rest.trim_start().starts_with(':'));
            !before.ends_with(is_word) && !after.starts_with(is_word) && (named || quoted)
        });
        match (keys.next(), keys.next()) {
            (Some((at, _)), None) => Span::new(call.file, tag.start + at..tag.start + at + key.len()),
            _ => call,
        }
    }
}
