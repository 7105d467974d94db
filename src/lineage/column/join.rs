//! JOIN: ON, USING, NATURAL, and what is left of the two sides.

use super::{
    Analysis,
    finding::{Finding, FindingKind},
    operand::both,
    scope::{Frame, Scope, Visible},
    value::{Column, Name, Sources},
};
use sqlparser::ast::{JoinConstraint, JoinOperator, ObjectName, ObjectNamePart};

/// Whose value a merged column has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Left,
    Right,
    Either,
}

/// Which sides are still seen after the join.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sees {
    Both,
    Left,
    Right,
}

impl Analysis<'_> {
    /// Two sides joined; `before` stands before both in the same FROM.
    pub(super) fn join(&mut self, left: Frame, right: Frame, operator: &JoinOperator, before: &Scope<'_>) -> Frame {
        let none = JoinConstraint::None;
        let (constraint, keeps, sees) = match operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::CrossJoin(constraint)
            | JoinOperator::StraightJoin(constraint) => (constraint, Keeps::Left, Sees::Both),
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (constraint, Keeps::Right, Sees::Both)
            }
            JoinOperator::FullOuter(constraint) => (constraint, Keeps::Either, Sees::Both),
            JoinOperator::Semi(constraint)
            | JoinOperator::LeftSemi(constraint)
            | JoinOperator::Anti(constraint)
            | JoinOperator::LeftAnti(constraint) => (constraint, Keeps::Left, Sees::Left),
            JoinOperator::RightSemi(constraint) | JoinOperator::RightAnti(constraint) => {
                (constraint, Keeps::Right, Sees::Right)
            }
            JoinOperator::CrossApply | JoinOperator::OuterApply => (&none, Keeps::Left, Sees::Both),
            JoinOperator::AsOf { match_condition, constraint } => {
                let frame = left.clone().and(right.clone());
                let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer: Some(before) };
                self.inspect(match_condition, &scope);
                (constraint, Keeps::Left, Sees::Both)
            }
            JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
                self.doubt(|| "ARRAY JOIN is not followed".to_owned());
                (&none, Keeps::Left, Sees::Both)
            }
        };
        let split = (left.items.len(), left.visible.len());
        let mut frame = match constraint {
            JoinConstraint::On(expression) => {
                let frame = left.and(right);
                let scope = Scope { frame: &frame, parameters: &[], aliases: &[], outer: Some(before) };
                self.inspect(expression, &scope);
                frame
            }
            JoinConstraint::Using(names) => {
                let names: Vec<_> = names.iter().filter_map(|name| self.joining(name)).collect();
                self.merged(left, right, &names, keeps)
            }
            JoinConstraint::Natural => {
                let names = self.shared(&left, &right);
                self.merged(left, right, &names, keeps)
            }
            JoinConstraint::None => left.and(right),
        };
        match sees {
            Sees::Both => {}
            Sees::Left => {
                frame.items.truncate(split.0);
                frame.open.retain(|index| *index < split.0);
                frame.visible.retain(|visible| visible.item.is_none_or(|item| item < split.0));
            }
            Sees::Right => {
                let rest = frame.items.split_off(split.0);
                frame.items = rest;
                frame.open = frame.open.iter().filter_map(|index| index.checked_sub(split.0)).collect();
                frame.visible.retain_mut(|visible| match visible.item {
                    Some(item) => {
                        visible.item = item.checked_sub(split.0);
                        visible.item.is_some()
                    }
                    None => true,
                });
            }
        }
        frame
    }

    fn joining(&self, name: &ObjectName) -> Option<(Name, std::ops::Range<usize>)> {
        let ident = name.0.last().and_then(ObjectNamePart::as_ident)?;
        Some((self.flavor.name(ident), super::range(ident)))
    }

    /// The columns that both sides of a NATURAL JOIN have.
    fn shared(&mut self, left: &Frame, right: &Frame) -> Vec<(Name, std::ops::Range<usize>)> {
        if !left.open.is_empty() || !right.open.is_empty() {
            self.doubt(|| "a natural join is over columns that are not known".to_owned());
        }
        for item in left.items.iter().chain(&right.items) {
            self.note_star(&item.clone());
        }
        let names = left.visible.iter().filter_map(|visible| visible.column.name.clone());
        let shared = names.filter(|name| {
            right.visible.iter().any(|other| other.column.name.as_ref().is_some_and(|other| other.key == name.key))
        });
        shared.map(|name| (name, 0..0)).collect()
    }

    /// Both sides, with the columns of these names once.
    fn merged(&mut self, left: Frame, right: Frame, names: &[(Name, std::ops::Range<usize>)], keeps: Keeps) -> Frame {
        let mut merged: Vec<Visible> = Vec::with_capacity(names.len());
        for (name, place) in names {
            let (one, other) = (self.side(&left, name, place), self.side(&right, name, place));
            let empty = || Column { name: Some(name.clone()), sources: Sources::None, data_type: None };
            let (one, other) = (one.unwrap_or_else(empty), other.unwrap_or_else(empty));
            self.note_inspected(&one.sources);
            self.note_inspected(&other.sources);
            let column = match keeps {
                Keeps::Left => one,
                Keeps::Right => Column { name: one.name, ..other },
                Keeps::Either => Column { sources: both(&one.sources.computed(), &other.sources.computed()), ..one },
            };
            merged.push(Visible { column, item: None });
        }
        let is_merged = |visible: &Visible| {
            visible.column.name.as_ref().is_some_and(|found| names.iter().any(|(name, _)| name.key == found.key))
        };
        let split = left.visible.len();
        let mut frame = left.and(right);
        let all = std::mem::take(&mut frame.visible);
        // PostgreSQL puts merged columns first; DuckDB leaves them where they stand on the left.
        let in_place = self.flavor.is_duckdb();
        if !in_place {
            frame.visible.append(&mut merged);
        }
        for (at, visible) in all.into_iter().enumerate() {
            if !is_merged(&visible) {
                frame.visible.push(visible);
            } else if in_place && at < split {
                let same = |other: &Visible| match (&other.column.name, &visible.column.name) {
                    (Some(one), Some(other)) => one.key == other.key,
                    _ => false,
                };
                if let Some(found) = merged.iter().position(same) {
                    frame.visible.push(merged.remove(found));
                }
            }
        }
        // Those of a side whose columns are not known.
        frame.visible.append(&mut merged);
        frame
    }

    /// The column of that name on one side.
    fn side(&mut self, frame: &Frame, name: &Name, place: &std::ops::Range<usize>) -> Option<Column> {
        let is = |visible: &&Visible| visible.column.name.as_ref().is_some_and(|found| found.key == name.key);
        if let Some(visible) = frame.visible.iter().find(is) {
            let column = visible.column.clone();
            self.note_read(&column.sources);
            return Some(column);
        }
        match frame.open.as_slice() {
            [] => {
                let known = frame.visible.iter().filter_map(|visible| visible.column.name.as_ref());
                let known = known.map(|name| std::sync::Arc::clone(&name.text)).collect();
                let kind = FindingKind::UnknownColumn { name: std::sync::Arc::clone(&name.text), of: None, known };
                self.find(Finding { range: place.clone(), kind });
                self.doubt(|| format!("no side has the column `{}`", name.text));
                None
            }
            [index] => {
                let item = frame.items.get(*index)?.clone();
                let column = self.column_of_rest(&item, name);
                match &column {
                    Some(column) => self.note_read(&column.sources.clone()),
                    None => self.doubt(|| format!("it cannot be told what `{}` is of", name.text)),
                }
                column
            }
            _ => {
                self.doubt(|| format!("it cannot be told what `{}` is of", name.text));
                None
            }
        }
    }
}
