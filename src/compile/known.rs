//! What templates may know of columns before anything is rendered: those of seeds, and those that YAML declares in full.

use super::{
    names::{REF_SCHEMA, SOURCE_SCHEMA, THIS_SCHEMA},
    nodes::{declared, kept},
};
use crate::{
    diagnostic::closest,
    dialect::Dialect,
    name::{NamePart, RelationName},
    project::{self, Project},
    template::{ColumnLookup, KnownColumns},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

/// A relation and what is known of its columns.
struct Known {
    relation: RelationName,
    /// The name of its file, which `ref()` goes by; none for a source, and for one of a file that is several models.
    file: Option<String>,
    kind: &'static str,
    columns: Option<Vec<(String, String)>>,
}

/// The relations of a project, as far as they are known without rendering a model.
struct Relations {
    dialect: Dialect,
    target_schema: String,
    known: Vec<Known>,
    sources: BTreeMap<(String, String), usize>,
    by_name: OnceLock<BTreeMap<String, Vec<usize>>>,
}

/// Answers what the columns of a relation are. A model that gives itself another name by `config()` is known here by its
/// file's.
pub(super) fn columns(project: &Project) -> ColumnLookup {
    let target = &project.target;
    let all = |columns: &[project::Column]| {
        let declared = declared(columns)?;
        Some(declared.into_iter().map(|column| (column.name, column.data_type.unwrap_or_default())).collect())
    };
    let mut known: Vec<Known> = Vec::new();
    known.extend(project.models.iter().filter(|model| model.config.enabled()).map(|model| Known {
        relation: model.relation(target),
        file: model.instance.is_none().then(|| model.stem.clone()),
        kind: "model",
        columns: all(&model.columns),
    }));
    known.extend(project.seeds.iter().filter(|seed| seed.config.enabled()).map(|seed| Known {
        relation: seed.relation(target),
        file: Some(seed.stem.clone()),
        kind: "seed",
        columns:
            seed.table.as_ref().map(|table| {
                table.columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect()
            }),
    }));
    let mut sources = BTreeMap::new();
    for table in project.source_tables.iter().filter(|table| table.enabled) {
        sources.insert((table.source.clone(), table.name.value.clone()), known.len());
        let kept = kept(project, table).map(|columns| {
            columns.into_iter().map(|column| (column.name, column.data_type.unwrap_or_default())).collect()
        });
        let columns = kept.or_else(|| all(&table.columns));
        known.push(Known { relation: table.relation.clone(), file: None, kind: "source", columns });
    }
    let relations = Relations {
        dialect: target.dialect(),
        target_schema: target.schema.clone(),
        known,
        sources,
        by_name: OnceLock::new(),
    };
    Arc::new(move |parts, schema| relations.answer(parts, schema))
}

impl Relations {
    fn answer(&self, parts: &[NamePart], schema: &str) -> KnownColumns {
        let candidates = match parts {
            [name] => self.bare(&name.value, schema),
            [first, name] if first.value == REF_SCHEMA => self.file(&name.value, schema),
            [first, name] if first.value == THIS_SCHEMA => self.qualified(schema, &name.value),
            [first, name] if first.value.starts_with(SOURCE_SCHEMA) => {
                let source = first.value[SOURCE_SCHEMA.len()..].to_owned();
                self.sources.get(&(source, name.value.clone())).copied().into_iter().collect()
            }
            [schema, name] => self.qualified(&schema.value, &name.value),
            _ => Vec::new(),
        };
        match candidates.as_slice() {
            [] => KnownColumns::NoSuchRelation(self.resembling(parts)),
            [only] => match self.known.get(*only) {
                Some(Known { columns: Some(columns), .. }) => KnownColumns::All(columns.clone()),
                Some(Known { kind, .. }) => KnownColumns::Unknown(kind),
                None => KnownColumns::NoSuchRelation(None),
            },
            _ => KnownColumns::Ambiguous,
        }
    }

    fn named(&self, name: &str) -> &[usize] {
        let by_name = self.by_name.get_or_init(|| {
            let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (index, known) in self.known.iter().enumerate() {
                by_name.entry(self.dialect.key(&known.relation.name)).or_default().push(index);
            }
            by_name
        });
        by_name.get(&self.dialect.key(name)).map_or(&[], Vec::as_slice)
    }

    fn qualified(&self, schema: &str, name: &str) -> Vec<usize> {
        let schema = self.dialect.key(schema);
        let same = |index: &usize| {
            self.known.get(*index).is_some_and(|known| self.dialect.key(&known.relation.schema) == schema)
        };
        // Two of one name and schema are an error of their own; here the first counts.
        self.named(name).iter().copied().filter(same).take(1).collect()
    }

    /// By the name of the file, else as a bare name.
    fn file(&self, name: &str, schema: &str) -> Vec<usize> {
        let name_of =
            |known: &Known| known.file.as_deref().is_some_and(|file| self.dialect.key(file) == self.dialect.key(name));
        let files: Vec<usize> =
            (0..self.known.len()).filter(|index| self.known.get(*index).is_some_and(name_of)).collect();
        let of = |schema: &str| {
            let schema = self.dialect.key(schema);
            let there = |index: &&usize| {
                self.known.get(**index).is_some_and(|known| self.dialect.key(&known.relation.schema) == schema)
            };
            files.iter().find(there).map(|index| vec![*index])
        };
        match files.as_slice() {
            [] => self.bare(name, schema),
            _ => of(schema).or_else(|| of(&self.target_schema)).unwrap_or(files),
        }
    }

    fn bare(&self, name: &str, schema: &str) -> Vec<usize> {
        let near = self.qualified(schema, name);
        let near = if near.is_empty() { self.qualified(&self.target_schema, name) } else { near };
        if near.is_empty() { self.named(name).to_vec() } else { near }
    }

    fn resembling(&self, parts: &[NamePart]) -> Option<String> {
        let wrong = parts.last()?;
        closest(&wrong.value, self.known.iter().map(|known| &*known.relation.name)).map(str::to_owned)
    }
}
