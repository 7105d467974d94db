//! Every key that a project's files may have: the one table behind reading, "did you mean" and the reference page.
//!
//! In: nothing. Out: [`Table`]s of [`Key`]s. Never: values.
//!
//! A key whose feature does not exist yet stands here already and says so when it is used; it is never silently ignored.

mod describe;
mod node;
mod project;

pub use describe::key_reference;
pub(crate) use node::{
    AGE, COLUMN, CONFIG, DATA_TEST, ENTRY, EXPOSURE, FRESHNESS, FRONT_MATTER, PROPERTIES, SOURCE, SOURCE_TABLE, TEST,
    TIME_RANGE, UNIT_FILE, UNIT_INPUT, UNIT_OVERRIDES, UNIT_ROWS, UNIT_TEST,
};
pub(crate) use project::{ATTACH, DUCKDB, POSTGRES, PROJECT, SELECTOR, SELECTOR_METHOD, VALUE_LIST};

/// The keys of `time_range`.
#[must_use]
pub fn time_range_keys() -> Vec<&'static str> {
    TIME_RANGE.names().collect()
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Text; a number or boolean is taken as it was written.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number from … to.
    Integer(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text, or a list of texts.
    TextList,
    /// A mapping of names to texts.
    TextMap,
    /// A number with a unit: `500ms`, `30s`, `5m`, `1h`, `1d`.
    Duration,
    /// The same, or a bare number of seconds.
    Seconds,
    /// A mapping, read by whoever knows its keys.
    Mapping,
    /// A list, read by whoever knows its items.
    List,
    /// Either of two kinds.
    Either(&'static Kind, &'static Kind),
    /// Anything.
    Any,
}

/// What becomes of the values when a key is given in several places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// The closest one counts.
    Replace,
    /// They add up, the farthest first.
    Append,
    /// They are merged key by key, the closest one counts for each.
    Keys,
}

/// Whether a key does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It does what its description says.
    Works,
    /// Not yet: the feature it belongs to is named. Ignoring it would change what is built, so it is an error.
    Missing(&'static str),
    /// Not yet: the feature it belongs to is named. Without it the same is built, so it is a warning.
    Later(&'static str),
    /// Never, and going on without it would not be what was meant: an error that says what to do instead.
    Refused(&'static str),
    /// Never, and nothing is lost: a warning that says why.
    Ignored(&'static str),
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Key {
    /// As it is written.
    pub(crate) name: &'static str,
    /// Other spellings of it.
    pub(crate) also: &'static [&'static str],
    /// What its value has to be.
    pub(crate) kind: Kind,
    /// What holds without it, for people; empty for nothing.
    pub(crate) default: &'static str,
    /// What becomes of several values.
    pub(crate) merge: Merge,
    /// Whether the text is kept as a template until it is used.
    pub(crate) late: bool,
    /// Whether it does anything.
    pub(crate) effect: Effect,
    /// On which nodes it may stand, for keys of configuration: some of `model`, `seed`, `source`, `exposure`,
    /// `test`.
    pub(crate) on: &'static [&'static str],
    /// What it does, in a sentence without a full stop.
    pub(crate) about: &'static str,
}

/// A key that works, given once.
const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key {
        name,
        also: &[],
        kind,
        default: "",
        merge: Merge::Replace,
        late: false,
        effect: Effect::Works,
        on: &["model", "seed"],
        about,
    }
}

impl Key {
    const fn also(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    const fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    const fn late(mut self) -> Self {
        self.late = true;
        self
    }

    const fn on(mut self, on: &'static [&'static str]) -> Self {
        self.on = on;
        self
    }

    const fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    const fn missing(self, feature: &'static str) -> Self {
        self.effect(Effect::Missing(feature))
    }

    const fn later(self, feature: &'static str) -> Self {
        self.effect(Effect::Later(feature))
    }
}

/// A key that suiro has no use for, whose loss would not be what was meant.
const fn refused(name: &'static str, instead: &'static str) -> Key {
    key(name, Kind::Any, "").effect(Effect::Refused(instead))
}

/// A key that suiro has no use for, without which nothing is lost.
const fn ignored(name: &'static str, why: &'static str) -> Key {
    key(name, Kind::Any, "").effect(Effect::Ignored(why))
}

/// The keys of one kind of mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    /// Where they stand, for people: `suiro.yml`, `a column`.
    pub(crate) place: &'static str,
    /// The keys, in the order of the reference page.
    pub(crate) keys: &'static [&'static [Key]],
}

impl Table {
    /// The key of that name or other spelling.
    pub(crate) fn find(&self, name: &str) -> Option<&'static Key> {
        self.iter().find(|key| key.name == name || key.also.contains(&name))
    }

    /// Every key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().flat_map(|keys| keys.iter())
    }

    /// The names worth suggesting: those that do something, or will.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.iter().filter(|key| !matches!(key.effect, Effect::Refused(_) | Effect::Ignored(_))).map(|key| key.name)
    }
}
