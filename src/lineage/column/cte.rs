//! Common table expressions: who sees whom, and those that read themselves.

use super::{
    Analysis, Binding,
    scope::Scope,
    value::{Column, Columns, Rest},
};
use sqlparser::ast::{Cte, Query, SetExpr, SetOperator, TableAliasColumnDef, With};
use std::{rc::Rc, sync::Arc};

/// How often one that reads itself is read before its columns must be settled.
const ROUNDS: usize = 16;

impl Analysis<'_> {
    /// Brings the expressions of a WITH into scope.
    pub(super) fn with(&mut self, with: &With, outer: Option<&Scope<'_>>) {
        let first = self.ctes.len();
        // PostgreSQL: with RECURSIVE each sees all.
        if with.recursive && self.flavor.is_postgres() {
            for cte in &with.cte_tables {
                let key = self.flavor.name(&cte.alias.name).key;
                self.ctes.push(Binding { key, columns: None });
            }
        }
        for (index, cte) in with.cte_tables.iter().enumerate() {
            let key = self.flavor.name(&cte.alias.name).key;
            let columns = Rc::new(self.cte(cte, &key, with.recursive, outer));
            match self.ctes.get_mut(first + index) {
                Some(binding) if with.recursive && self.flavor.is_postgres() => binding.columns = Some(columns),
                _ => self.ctes.push(Binding { key, columns: Some(columns) }),
            }
        }
    }

    fn cte(&mut self, cte: &Cte, key: &Arc<str>, recursive: bool, outer: Option<&Scope<'_>>) -> Columns {
        if recursive && let SetExpr::SetOperation { op: SetOperator::Union, left, right, .. } = &*cte.query.body {
            return self.recursive(&cte.query, (left, right), &cte.alias.columns, key, outer);
        }
        let columns = self.query(&cte.query, outer);
        self.renamed(columns, &cte.alias.columns)
    }

    /// One that may read itself: read again with what is known of it, until that stays the same.
    fn recursive(
        &mut self,
        query: &Query,
        (left, right): (&SetExpr, &SetExpr),
        names: &[TableAliasColumnDef],
        key: &Arc<str>,
        outer: Option<&Scope<'_>>,
    ) -> Columns {
        let mark = self.ctes.len();
        if let Some(with) = &query.with {
            self.with(with, outer);
        }
        let columns = self.body(left, outer, None);
        let mut columns = self.renamed(columns, names);
        let mut settled = false;
        for _ in 0..ROUNDS {
            self.ctes.push(Binding { key: Arc::clone(key), columns: Some(Rc::new(columns.clone())) });
            let step = self.body(right, outer, None);
            self.ctes.pop();
            let before: Vec<Vec<_>> = columns.list.iter().map(|column| column.sources.as_slice().to_vec()).collect();
            columns = self.united(columns, &step, SetOperator::Union, super::select::place(right));
            settled = columns.list.iter().map(|column| column.sources.as_slice()).eq(before.iter().map(Vec::as_slice));
            if settled {
                break;
            }
        }
        if !settled {
            self.doubt(|| "a recursive query does not settle".to_owned());
        }
        self.ctes.truncate(mark);
        columns
    }

    /// The expression of that name in scope.
    pub(super) fn find_cte(&self, key: &str) -> Option<&Binding> {
        self.ctes.iter().rev().find(|binding| *binding.key == *key)
    }

    /// The columns with the names that an alias gives the first of them.
    pub(super) fn renamed(&self, mut columns: Columns, names: &[TableAliasColumnDef]) -> Columns {
        for (at, given) in names.iter().enumerate() {
            let name = Some(self.flavor.name(&given.name));
            let data_type = given.data_type.as_ref().and_then(|given| super::types::written(self.flavor, given));
            match columns.list.get_mut(at) {
                Some(column) => {
                    column.name = name;
                    column.data_type = data_type.or_else(|| column.data_type.take());
                }
                None => {
                    let sources = match &columns.rest {
                        Rest::Made(sources) => sources.clone(),
                        _ => super::value::Sources::None,
                    };
                    columns.list.push(Column { name, sources, data_type });
                }
            }
        }
        columns
    }
}
