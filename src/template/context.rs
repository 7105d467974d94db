//! What belongs to one render: what its template can see, and what it asked for so far.

use super::{
    Input, Ref, failure::Failure, names, relation::Relation, scope::Seen, tested, trace::Trail, value::from_json,
};
use minijinja::{
    Error, State, Value,
    value::{Object, ObjectRepr},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The root of a render: every lookup of a name that the template does not define itself comes here first.
#[derive(Debug)]
pub(super) struct Context {
    pub scope: Arc<Seen>,
    pub incremental: bool,
    pub config: BTreeMap<String, serde_json::Value>,
    this: Option<Arc<Relation>>,
    /// What only the template of a test sees.
    tested: Option<BTreeMap<String, Value>>,
    instance: Option<Value>,
    progress: Mutex<Progress>,
    /// The noted call at which to give up, so that the error tells where it stands.
    stop_at: Option<usize>,
    trail: Option<Mutex<Trail>>,
}

/// What a render asked for and set so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Values by key, with the number of the noted call that set them.
    pub config: BTreeMap<String, (serde_json::Value, usize)>,
    /// Names of secrets, with the number of the noted call that first read them.
    pub secrets: BTreeMap<String, usize>,
    pub refs: BTreeSet<Ref>,
    pub sources: BTreeSet<(String, String)>,
    pub vars: BTreeSet<String>,
    pub environment: BTreeSet<String>,
    pub macros: BTreeSet<String>,
    pub uses_incremental: bool,
    pub logs: Vec<String>,
    /// What `return(…)` is carrying to the call of its macro.
    pub returning: Option<Value>,
    noted: usize,
}

impl Progress {
    /// Notes the call of a macro.
    pub fn used(&mut self, name: &str) {
        if !self.macros.contains(name) {
            self.macros.insert(name.to_owned());
        }
    }
}

/// Stops a render on purpose, at a place that is looked for.
#[derive(Debug)]
pub(super) struct Halt;

impl std::fmt::Display for Halt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("stopped on purpose")
    }
}

impl std::error::Error for Halt {}

impl Halt {
    pub fn error() -> Error {
        Error::new(minijinja::ErrorKind::InvalidOperation, "stopped on purpose").with_source(Self)
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Seen").finish_non_exhaustive()
    }
}

impl Context {
    /// What a render of a model starts with.
    pub fn new(input: &Input<'_>) -> Self {
        Self {
            scope: Arc::clone(&input.scope.0),
            incremental: input.incremental,
            config: input.config.clone(),
            this: Some(Arc::new(Relation::this(input.this))),
            tested: input.tested.map(|tested| tested.values()),
            instance: input.instance.map(from_json),
            progress: Mutex::default(),
            stop_at: None,
            trail: None,
        }
    }

    /// What a render of a setting starts with.
    pub fn of_setting(scope: &super::Scope, instance: Option<&serde_json::Value>) -> Self {
        Self {
            scope: Arc::clone(&scope.0),
            incremental: false,
            config: BTreeMap::new(),
            this: None,
            instance: instance.map(from_json),
            tested: None,
            progress: Mutex::default(),
            stop_at: None,
            trail: None,
        }
    }

    /// Gives up at that noted call.
    pub fn stopping_at(mut self, call: usize) -> Self {
        self.stop_at = Some(call);
        self
    }

    /// Leaves a trail of what is printed.
    pub fn tracing(mut self, trail: Trail) -> Self {
        self.trail = Some(Mutex::new(trail));
        self
    }

    /// The context of the render that `state` belongs to.
    pub fn of(state: &State<'_, '_>) -> Result<Arc<Self>, Error> {
        let found = state.lookup(names::CONTEXT).and_then(|value| value.downcast_object::<Self>());
        found.ok_or_else(|| Failure::bug("a template is rendered without a context").into_error())
    }

    /// What was asked for so far.
    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trail, if this render leaves one.
    pub fn trail(&self) -> Option<MutexGuard<'_, Trail>> {
        self.trail.as_ref().map(|trail| trail.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Numbers a call whose place somebody may want to know.
    pub fn note(&self) -> Result<usize, Error> {
        let mut progress = self.progress();
        let number = progress.noted;
        progress.noted += 1;
        if self.stop_at == Some(number) { Err(Halt::error()) } else { Ok(number) }
    }

    /// The schema of the model that is rendered; empty for a setting.
    pub fn schema(&self) -> &str {
        self.this.as_ref().map_or("", |this| this.schema())
    }

    /// Whether `this` was printed or looked into.
    pub fn uses_this(&self) -> bool {
        self.this.as_ref().is_some_and(|this| this.is_used())
    }
}

impl Object for Context {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(value) = self.tested.as_ref().and_then(|tested| tested.get(key)) {
            return Some(value.clone());
        }
        match key {
            names::CONTEXT => Some(Value::from_dyn_object(Arc::clone(self))),
            "this" => self.this.as_ref().map(|this| Value::from_dyn_object(Arc::clone(this))),
            tested::MODEL if self.tested.is_some() => self.get_value_by_str("this"),
            "window" if self.this.is_some() => Some(Value::from_object(super::window::Window)),
            "target" if !self.scope.target.is_undefined() => Some(self.scope.target.clone()),
            "instance" if self.instance.is_some() => self.instance.clone(),
            _ => self.scope.globals.get(key).cloned(),
        }
    }
}
