//! "Did you mean …?"

/// The one of `known` that resembles `wrong` most, if any is close enough to be meant.
///
/// Distance is Damerau-Levenshtein over lower-cased characters; up to a third of the longer name may differ, or one
/// of the names may contain the other's last part.
pub fn closest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = wrong.to_lowercase();
    known
        .into_iter()
        .filter(|candidate| *candidate != wrong)
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&lowered, &other);
            let longest = lowered.chars().count().max(other.chars().count());
            (distance * 3 <= longest.max(3)).then_some((distance, candidate))
        })
        .min_by(|left, right| left.0.cmp(&right.0).then_with(|| left.1.cmp(right.1)))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn suggests_what_is_close_and_nothing_else() {
        assert_eq!(closest("ordrs", ["orders", "customers"]), Some("orders"));
        assert_eq!(closest("Orders", ["orders"]), Some("orders"));
        assert_eq!(closest("fruit", ["customers", "payments"]), None);
        assert_eq!(closest("schmea", ["schema"]), Some("schema"));
    }
}
