//! The files that templates may import, include, and call macros from.
//!
//! In: the files of `templates/macros/`. Out: what the engine is given for each file and for each macro in it. A name
//! that is none of these does not exist, wherever on the disk it may lead.
//!
//! Each macro gets a template of its own, which is its file without the other macros: so it is imported when it is
//! first called, a mistake in one does not break another, and calls between macros leave their trace in errors.

use super::{
    function, names,
    origin::{Unit, Units},
    scan::{Kind, Piece, Unscannable, scan},
    written::{Manner, Written, wrapping, write},
};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{DUPLICATE_NAME, TEMPLATE_TOO_LONG},
    },
    source::{FileId, Span},
};
use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::Arc};

/// A file of macros, or of text to include.
#[derive(Debug, Clone)]
pub struct MacroFile {
    /// The file.
    pub file: FileId,
    /// Its path, relative to the project, with `/`.
    pub path: String,
    /// Its path below `macros/`, by which it is imported.
    pub below: String,
    /// Where it comes from: of two macros of one name, or two files of one path below `macros/`, that of the higher
    /// layer counts. Built-in files have layer 0.
    pub layer: usize,
    /// Its text.
    pub text: Arc<str>,
}

impl MacroFile {
    /// A file of layer 0; its path below `macros/` is what follows the first `macros/` in its path.
    #[must_use]
    pub fn new(file: FileId, path: impl Into<String>, text: Arc<str>) -> Self {
        let path = path.into();
        let below = path.split_once("macros/").map_or(&*path, |(_, below)| below).to_owned();
        Self { file, path, below, layer: 0, text }
    }
}

/// A macro as it is written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenMacro<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where its name stands.
    pub span: Span,
    /// Its file, relative to the project.
    pub path: &'a str,
    /// All of it, from `{% macro` to `{% endmacro %}`.
    pub text: &'a str,
    /// Whether it comes with suiro.
    pub is_built_in: bool,
}

/// A macro that is known everywhere.
#[derive(Debug, Clone)]
pub(super) struct Macro {
    /// The name of its own template.
    pub template: Arc<str>,
    /// Where its name stands.
    pub span: Span,
    file: usize,
    own: Range<usize>,
}

/// All files and macros.
#[derive(Debug, Default)]
pub(super) struct Library {
    files: Vec<MacroFile>,
    pieces: Vec<Vec<Piece>>,
    by_path: BTreeMap<String, usize>,
    /// Every macro, by name.
    pub macros: BTreeMap<String, Macro>,
    others: Vec<Vec<(String, Range<usize>)>>,
}

impl Library {
    /// Takes the files apart. Of two macros of one name that of the higher layer counts.
    pub fn new(files: &[MacroFile]) -> (Self, Vec<Diagnostic>) {
        let mut library = Self::default();
        let mut problems = Vec::new();
        for file in files {
            let index = library.files.len();
            let pieces = match scan(&file.text, 0) {
                Ok(pieces) => pieces,
                Err(Unscannable::TooLong(range)) => {
                    problems.push(too_long(Span::new(file.file, range)));
                    continue;
                }
                Err(Unscannable::Unclosed) => Vec::new(),
            };
            let found = macros(&file.text, &pieces);
            for (name, name_range, own) in &found {
                let span = Span::new(file.file, name_range.clone());
                if let Some(problem) = library.clash(name, span, file.layer) {
                    problems.push(problem);
                    continue;
                }
                let other = library.macros.get(name).and_then(|other| library.files.get(other.file));
                if other.is_some_and(|other| other.layer > file.layer) {
                    continue;
                }
                let template = format!("\0{index}\0{name}").into();
                library.macros.insert(name.clone(), Macro { template, span, file: index, own: own.clone() });
            }
            library.by_path.insert(file.path.clone(), index);
            library.files.push(file.clone());
            library.pieces.push(pieces);
            library.others.push(found.into_iter().map(|(name, _, own)| (name, own)).collect());
        }
        (library, problems)
    }

    /// Every macro as it is written, by name.
    pub fn written(&self) -> impl Iterator<Item = WrittenMacro<'_>> {
        self.macros.iter().filter_map(|(name, found)| {
            let file = self.files.get(found.file)?;
            let text = file.text.get(found.own.clone())?;
            Some(WrittenMacro { name, span: found.span, path: &file.path, text, is_built_in: file.layer == 0 })
        })
    }

    /// Why a macro cannot have this name.
    fn clash(&self, name: &str, span: Span, layer: usize) -> Option<Diagnostic> {
        if function::NAMES.contains(&name) || name.starts_with(names::RESERVED) {
            return Some(
                Diagnostic::error(DUPLICATE_NAME, format!("`{name}` is a name of suiro's own and cannot be a macro"))
                    .at(span, "")
                    .help("give the macro another name"),
            );
        }
        let other = self.macros.get(name)?;
        // A file of `other` that is not there yet is this file itself.
        let same = self.files.get(other.file).is_none_or(|file| file.layer == layer);
        same.then(|| {
            Diagnostic::error(DUPLICATE_NAME, format!("there are two macros `{name}`"))
                .at(span, "the second")
                .also(other.span, "the first")
                .help("rename one of them; macros are known everywhere by their names alone")
        })
    }

    /// The files, in order.
    pub fn files(&self) -> &[MacroFile] {
        &self.files
    }

    /// What the engine is given for each file (by its path) and each macro (by the name of its template).
    pub fn units(&self, traced: bool) -> Units {
        let manner = |index| if traced { Manner::Traced(index) } else { Manner::Plain };
        let mut units = Units::new();
        for (index, (file, pieces)) in self.files.iter().zip(&self.pieces).enumerate() {
            let mut written = Written::with_capacity(file.text.len() + 64);
            if pieces.is_empty() {
                written.copy(&file.text, 0..file.text.len());
            } else {
                write(&mut written, &file.text, pieces, manner(index), &[]);
            }
            if !traced {
                // Imported macros, too, leave a trace and end with `return`; in a traced text this stands behind each.
                for (name, _) in self.others.get(index).into_iter().flatten() {
                    written.insert(&wrapping(name, ""));
                }
            }
            let unit = |written| Unit { file: file.file, original: Arc::clone(&file.text), written };
            units.insert(file.path.clone(), unit(written));
            for (name, one) in self.macros.iter().filter(|(_, one)| one.file == index) {
                let mut written = Written::with_capacity(one.own.len() + 64);
                let others = self.others.get(index).into_iter().flatten().map(|(_, own)| own.clone());
                let without: Vec<Range<usize>> = others.filter(|own| *own != one.own).collect();
                write(&mut written, &file.text, pieces, manner(index), &without);
                if !traced {
                    // A macro that calls itself must find what ends with `return`, not only itself.
                    written.insert(&wrapping(name, ""));
                }
                written.insert(&format!("{{% set {} = {name} %}}", names::EXPORT));
                units.insert(one.template.to_string(), unit(written));
            }
        }
        units
    }

    /// The path of the file that a template means by `name`; `name` itself if there is none, which then is not found.
    ///
    /// A file can be named by its path in the project, by its path below `macros/`, or by its path beside the file that
    /// names it.
    pub fn resolve<'n>(&self, name: &'n str, from: &str) -> Cow<'n, str> {
        if name.starts_with('\0') {
            return Cow::Borrowed(name);
        }
        let is_plain = |part: &str| !part.is_empty() && part != ".." && !part.contains(['\\', ':', '\0']);
        let clean: Vec<&str> = name.split('/').filter(|part| *part != ".").collect();
        if clean.iter().all(|part| is_plain(part)) {
            let clean = clean.join("/");
            let from = self.path_of(from).and_then(|path| path.rsplit_once('/'));
            let beside = from.map(|(folder, _)| format!("{folder}/{clean}"));
            let below = || {
                let same = self.files.iter().filter(|file| file.below == clean);
                same.max_by_key(|file| file.layer).map(|file| file.path.clone())
            };
            for path in beside.into_iter().chain([clean.clone()]) {
                if self.by_path.contains_key(&path) {
                    return Cow::Owned(path);
                }
            }
            if let Some(path) = below() {
                return Cow::Owned(path);
            }
        }
        // A name that no file has, also where a file's name is reached by a forbidden way.
        if self.by_path.contains_key(name) { Cow::Owned(format!("{name}\0")) } else { Cow::Borrowed(name) }
    }

    /// The path of the file that a template of the engine belongs to.
    fn path_of(&self, template: &str) -> Option<&str> {
        let Some(own) = template.strip_prefix('\0') else {
            return self.by_path.get_key_value(template).map(|(path, _)| &**path);
        };
        let index: usize = own.split('\0').next()?.parse().ok()?;
        self.files.get(index).map(|file| &*file.path)
    }
}

/// An expression that is too long to be read safely.
pub(super) fn too_long(span: Span) -> Diagnostic {
    Diagnostic::error(TEMPLATE_TOO_LONG, "this expression chains or nests too many parts")
        .at(span, "")
        .help("divide it with `{% set %}`")
}

/// The macros that stand by themselves in a file: name, place of the name, and place of the whole.
fn macros(text: &str, pieces: &[Piece]) -> Vec<(String, Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let mut open: Vec<&Piece> = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.kind == Kind::Tag) {
        match piece.word(text) {
            "macro" | "call" | "for" | "if" | "filter" | "block" | "with" | "autoescape" => open.push(piece),
            "endmacro" | "endcall" | "endfor" | "endif" | "endfilter" | "endblock" | "endwith" | "endautoescape" => {
                let Some(start) = open.pop().filter(|start| open.is_empty() && start.word(text) == "macro") else {
                    continue;
                };
                if let Some((name, range)) = start.words(text).get(1) {
                    found.push(((*name).to_owned(), range.clone(), start.outer.start..piece.outer.end));
                }
            }
            _ => {}
        }
    }
    found
}
