//! Fills the holes of static SQL: names and types, which no engine takes as bound parameters.
//!
//! In: a `.sql` file of this module's siblings and text that a dialect has already quoted. Never: a bare value.

use std::collections::BTreeMap;

/// `text` with every `{{name}}` replaced by its filling, in one pass: a filling is never read again.
///
/// A hole without filling stays as it is, which the database refuses as a syntax error.
pub fn fill(text: &str, fillings: &BTreeMap<&str, String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let hole = after.split_once("}}").and_then(|(name, tail)| Some((fillings.get(name)?, tail)));
        let (filling, tail) = hole.map_or(("{{", after), |(filling, tail)| (filling.as_str(), tail));
        filled.push_str(filling);
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;
    use std::collections::BTreeMap;

    #[test]
    fn a_filling_is_not_read_again() {
        let fillings = BTreeMap::from([("a", "{{b}}".to_owned()), ("b", "x".to_owned())]);
        assert_eq!(fill("{{a}} {{b}} {{c}} {{", &fillings), "{{b}} x {{c}} {{");
    }
}
