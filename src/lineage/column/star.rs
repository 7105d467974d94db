//! `*`, `t.*`, and what may be left out, replaced or renamed of them.

use super::finding::{Finding, FindingKind};
use super::{
    Analysis,
    scope::{Frame, Scope},
    value::{Columns, Name, Rest},
};
use sqlparser::ast::{
    ExcludeSelectItem, Ident, ObjectName, ObjectNamePart, RenameSelectItem, SelectItemQualifiedWildcardKind,
    WildcardAdditionalOptions,
};
use std::sync::Arc;

impl Analysis<'_> {
    /// Says that a star stands for columns that nobody knows, and over which relation.
    fn check_star(&mut self, rest: &Rest, options: &WildcardAdditionalOptions) {
        let Rest::Relation(number) = rest else { return };
        let Some(relation) = self.relations.get(*number as usize).map(|relation| relation.id) else { return };
        let span = options.wildcard_token.0.span;
        if span.start.line > 0 {
            let range = crate::parse::byte(span.start)..crate::parse::byte(span.end);
            self.find(Finding { range, kind: FindingKind::StarOverUnknown { relation } });
        }
    }

    /// All columns of what stands in FROM.
    pub(super) fn star(&mut self, frame: &Frame, options: &WildcardAdditionalOptions, scope: &Scope<'_>) -> Columns {
        for item in &frame.items {
            self.note_star(item);
        }
        for index in &frame.open {
            if let Some(item) = frame.items.get(*index) {
                self.check_star(&item.columns.rest, options);
            }
        }
        let mut columns = frame.star();
        // A name that is qualified leaves out that of one item only.
        let hidden: Vec<(Arc<str>, Name)> = self.qualified_exclusions(options);
        if !hidden.is_empty() {
            let mut at = 0;
            columns.list.retain(|column| {
                let visible = frame.visible.get(at);
                at += 1;
                let of = visible.and_then(|visible| frame.items.get(visible.item?)).and_then(|item| item.path.last());
                !hidden.iter().any(|(qualifier, name)| {
                    of == Some(qualifier) && column.name.as_ref().is_some_and(|found| found.key == name.key)
                })
            });
        }
        self.chosen(columns, options, scope)
    }

    /// All columns of one item, or all fields of a value.
    pub(super) fn qualified_star(
        &mut self,
        kind: &SelectItemQualifiedWildcardKind,
        options: &WildcardAdditionalOptions,
        scope: &Scope<'_>,
    ) -> Columns {
        let name = match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => name,
            SelectItemQualifiedWildcardKind::Expr(expression) => {
                let sources = self.value(expression, scope).sources.computed();
                return Columns { list: Vec::new(), rest: Rest::Made(sources) };
            }
        };
        let idents: Vec<&Ident> = name.0.iter().filter_map(ObjectNamePart::as_ident).collect();
        let path: Vec<Arc<str>> = idents.iter().map(|ident| self.flavor.name(ident).key).collect();
        let mut next = Some(scope);
        while let Some(scope) = next {
            if let Some(item) = scope.frame.item(&path).cloned() {
                self.note_star(&item);
                self.check_star(&item.columns.rest, options);
                let columns = Columns { list: item.columns.list.clone(), rest: item.columns.rest.clone() };
                return self.chosen(columns, options, scope);
            }
            next = scope.outer;
        }
        // DuckDB, BigQuery: all fields of a struct. With an alias the relation has no other name.
        let parts: Vec<Ident> = idents.into_iter().cloned().collect();
        let sources = self.quietly(|analysis| analysis.compound(&parts, scope).sources.computed());
        Columns { list: Vec::new(), rest: Rest::Made(sources) }
    }

    /// The columns that are left.
    fn chosen(&mut self, mut columns: Columns, options: &WildcardAdditionalOptions, scope: &Scope<'_>) -> Columns {
        for column in &columns.list {
            self.read.extend(column.sources.as_slice().iter().map(|source| (source.relation, source.column)));
        }
        let is = |column: &super::value::Column, name: &Name| {
            column.name.as_ref().is_some_and(|found| found.key == name.key)
        };
        let mut out: Vec<Name> = Vec::new();
        match &options.opt_exclude {
            Some(ExcludeSelectItem::Single(name)) => out.extend(self.bare(name)),
            Some(ExcludeSelectItem::Multiple(names)) => out.extend(names.iter().filter_map(|name| self.bare(name))),
            None => {}
        }
        if let Some(except) = &options.opt_except {
            let idents = std::iter::once(&except.first_element).chain(&except.additional_elements);
            out.extend(idents.map(|ident| self.flavor.name(ident)));
        }
        columns.list.retain(|column| !out.iter().any(|name| is(column, name)));
        for element in options.opt_replace.iter().flat_map(|replace| &replace.items) {
            let value = self.value(&element.expr, scope);
            let name = self.flavor.name(&element.column_name);
            match columns.list.iter_mut().find(|column| is(column, &name)) {
                Some(column) => {
                    column.sources = value.sources;
                    column.data_type = value.data_type;
                }
                // One of those that are not known.
                None => columns.rest = std::mem::replace(&mut columns.rest, Rest::Closed).and(Rest::Unknown),
            }
        }
        let renames: &[_] = match &options.opt_rename {
            Some(RenameSelectItem::Single(rename)) => std::slice::from_ref(rename),
            Some(RenameSelectItem::Multiple(renames)) => renames,
            None => &[],
        };
        for rename in renames {
            let (from, to) = (self.flavor.name(&rename.ident), self.flavor.name(&rename.alias));
            match columns.list.iter_mut().find(|column| is(column, &from)) {
                Some(column) => column.name = Some(to),
                None => columns.rest = std::mem::replace(&mut columns.rest, Rest::Closed).and(Rest::Unknown),
            }
        }
        if options.opt_ilike.is_some() || options.opt_alias.is_some() {
            columns = Columns { list: Vec::new(), rest: Rest::Unknown };
        }
        columns
    }

    /// The column of a name without qualifier.
    fn bare(&self, name: &ObjectName) -> Option<Name> {
        match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => Some(self.flavor.name(ident)),
            _ => None,
        }
    }

    fn qualified_exclusions(&self, options: &WildcardAdditionalOptions) -> Vec<(Arc<str>, Name)> {
        let names: &[ObjectName] = match &options.opt_exclude {
            Some(ExcludeSelectItem::Single(name)) => std::slice::from_ref(name),
            Some(ExcludeSelectItem::Multiple(names)) => names,
            None => &[],
        };
        let pair = |name: &ObjectName| match name.0.as_slice() {
            [.., ObjectNamePart::Identifier(qualifier), ObjectNamePart::Identifier(column)] => {
                Some((self.flavor.name(qualifier).key, self.flavor.name(column)))
            }
            _ => None,
        };
        names.iter().filter_map(pair).collect()
    }
}
