//! UNION, EXCEPT, INTERSECT.

use super::{
    Analysis,
    finding::{Finding, FindingKind},
    operand::both,
    scope::Scope,
    value::{Column, Columns, Rest},
};
use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};
use std::ops::Range;

impl Analysis<'_> {
    /// The columns of a set operation; a chain of them is as long as it is written, so it is walked, not descended.
    pub(super) fn set_operation(&mut self, body: &SetExpr, outer: Option<&Scope<'_>>) -> Columns {
        let mut chain = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            chain.push((*op, *set_quantifier, &**right));
            first = left;
        }
        let mut columns = self.body(first, outer, None);
        for (operator, quantifier, right) in chain.into_iter().rev() {
            let place = super::select::place(right);
            let operand = self.body(right, outer, None);
            columns = match quantifier {
                SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                    self.united_by_name(columns, &operand)
                }
                _ => self.united(columns, &operand, operator, place),
            };
        }
        columns
    }

    /// The columns of both sides by their place.
    pub(super) fn united(
        &mut self,
        left: Columns,
        right: &Columns,
        operator: SetOperator,
        place: Range<usize>,
    ) -> Columns {
        if !left.rest.is_closed() || !right.rest.is_closed() {
            self.doubt(|| "the columns of a set operation cannot be told apart".to_owned());
            for column in left.list.iter().chain(&right.list) {
                self.note_inspected(&column.sources);
            }
            return Columns { list: Vec::new(), rest: Rest::Unknown };
        }
        if left.list.len() != right.list.len() {
            let operation = match operator {
                SetOperator::Union => "UNION",
                SetOperator::Intersect => "INTERSECT",
                SetOperator::Except | SetOperator::Minus => "EXCEPT",
            };
            let kind = FindingKind::DifferentWidths { operation, left: left.list.len(), right: right.list.len() };
            self.find(Finding { range: place, kind });
            self.doubt(|| format!("the sides of {operation} have different numbers of columns"));
        }
        let is_union = operator == SetOperator::Union;
        let mut list = Vec::with_capacity(left.list.len());
        for (at, mut column) in left.list.into_iter().enumerate() {
            if let Some(other) = right.list.get(at) {
                // The rows of the left side remain or go; the right side gives them no values.
                let sources = if is_union { other.sources.clone() } else { other.sources.inspected() };
                if !is_union {
                    self.note_inspected(&sources);
                }
                column.sources = both(&column.sources, &sources);
                column.data_type = super::types::common(self.flavor, &column.data_type, &other.data_type);
            }
            list.push(column);
        }
        Columns { list, rest: Rest::Closed }
    }

    /// DuckDB: `UNION BY NAME`.
    fn united_by_name(&mut self, left: Columns, right: &Columns) -> Columns {
        let rest = left.rest.and(right.rest.clone());
        let nameless = left.list.iter().chain(&right.list).any(|column| column.name.is_none());
        if !rest.is_closed() || nameless {
            self.doubt(|| "the columns of a set operation cannot be told apart".to_owned());
        }
        let mut list = left.list;
        for column in &right.list {
            let same = |other: &&mut Column| match (&other.name, &column.name) {
                (Some(one), Some(other)) => one.key == other.key,
                _ => false,
            };
            match list.iter_mut().find(same) {
                Some(found) => {
                    found.sources = both(&found.sources, &column.sources);
                    found.data_type = super::types::common(self.flavor, &found.data_type, &column.data_type);
                }
                None => list.push(column.clone()),
            }
        }
        Columns { list, rest }
    }
}
