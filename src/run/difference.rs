//! Two sets of rows, cell by cell, whatever their order.

use std::collections::BTreeMap;

/// A row of texts; NULL is none.
pub type Row = Vec<Option<String>>;

/// How two sets of rows differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The columns that were compared.
    pub columns: Vec<String>,
    /// The rows that differ.
    pub rows: Vec<Differing>,
    /// How many rows are the same.
    pub same: usize,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differing {
    /// Expected, and nothing like it came out.
    Missing(Row),
    /// Came out, and nothing like it was expected.
    Extra(Row),
    /// Expected, and this came out instead.
    Changed(Row, Row),
}

impl Difference {
    /// The difference; none if both have the same rows, each as often.
    #[must_use]
    pub fn between(columns: Vec<String>, expected: Vec<Row>, actual: Vec<Row>) -> Option<Self> {
        let mut left: BTreeMap<Row, usize> = BTreeMap::new();
        for row in &actual {
            *left.entry(row.clone()).or_default() += 1;
        }
        let mut missing = Vec::new();
        let mut same = 0;
        for row in expected {
            match left.get_mut(&row).filter(|count| **count > 0) {
                Some(count) => {
                    *count -= 1;
                    same += 1;
                }
                None => missing.push(row),
            }
        }
        // In the order in which they came.
        let mut extra = Vec::new();
        for row in actual {
            if let Some(count) = left.get_mut(&row).filter(|count| **count > 0) {
                *count -= 1;
                extra.push(row);
            }
        }
        if missing.is_empty() && extra.is_empty() {
            return None;
        }
        Some(Self { columns, rows: matched(missing, extra), same })
    }
}

/// Pairs of rows that have most in common, the best pairs first; a pair shares at least one cell, unless there is only
/// one cell.
fn matched(missing: Vec<Row>, extra: Vec<Row>) -> Vec<Differing> {
    let common = |one: &Row, other: &Row| one.iter().zip(other).filter(|(one, other)| one == other).count();
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (index, row) in missing.iter().enumerate() {
        for (other, candidate) in extra.iter().enumerate() {
            let shared = common(row, candidate);
            if shared > 0 || row.len() == 1 {
                pairs.push((shared, index, other));
            }
        }
    }
    pairs.sort_by_key(|(shared, index, other)| (std::cmp::Reverse(*shared), *index, *other));
    let mut partner: BTreeMap<usize, usize> = BTreeMap::new();
    let mut taken = vec![false; extra.len()];
    for (_, index, other) in pairs {
        if !partner.contains_key(&index) && taken.get(other) == Some(&false) {
            partner.insert(index, other);
            if let Some(taken) = taken.get_mut(other) {
                *taken = true;
            }
        }
    }
    let mut extra: Vec<Option<Row>> = extra.into_iter().map(Some).collect();
    let mut rows = Vec::new();
    for (index, row) in missing.into_iter().enumerate() {
        let other = partner.get(&index).and_then(|other| extra.get_mut(*other)).and_then(Option::take);
        rows.push(match other {
            Some(other) => Differing::Changed(row, other),
            None => Differing::Missing(row),
        });
    }
    rows.extend(extra.into_iter().flatten().map(Differing::Extra));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Row> {
        let cell = |cell: &str| (cell != "-").then(|| cell.to_owned());
        text.split_terminator('/').map(|row| row.split(' ').map(cell).collect()).collect()
    }

    fn between(expected: &str, actual: &str) -> Option<Difference> {
        Difference::between(vec!["a".to_owned()], rows(expected), rows(actual))
    }

    #[test]
    fn order_does_not_matter_and_number_does() {
        assert_eq!(between("1 x/2 -", "2 -/1 x"), None);
        assert_eq!(between("", ""), None);
        let twice = between("1 x/1 x", "1 x").unwrap();
        assert_eq!((twice.rows, twice.same), (vec![Differing::Missing(rows("1 x").remove(0))], 1));
    }

    #[test]
    fn rows_are_matched_with_what_they_have_most_in_common_with() {
        let found = between("1 a x/2 b x", "2 b y/9 q z/1 c x").unwrap();
        let changed = |one: &str, other: &str| Differing::Changed(rows(one).remove(0), rows(other).remove(0));
        let extra = Differing::Extra(rows("9 q z").remove(0));
        assert_eq!(found.rows, [changed("1 a x", "1 c x"), changed("2 b x", "2 b y"), extra]);
        // NULL is not the text that it is shown as.
        assert_eq!(between("-", "NULL").unwrap().rows, [changed("-", "NULL")]);
    }
}
