//! How the columns of a relation differ from those that it should have, in words for people.

/// A column: its name, and the engine's name of its type.
pub type Column = (String, String);

/// What is other in the columns found than in those that were wanted; nothing where they are the same.
#[must_use]
pub fn column_differences(wanted: &[Column], found: &[Column]) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, data_type) in wanted {
        match found.iter().find(|(other, _)| other == name) {
            None => differences.push(format!("there is no column `{name}`")),
            Some((_, other)) if other != data_type => {
                differences.push(format!("the column `{name}` is of type {other}, not {data_type}"));
            }
            Some(_) => {}
        }
    }
    for (name, _) in found {
        if !wanted.iter().any(|(other, _)| other == name) {
            differences.push(format!("there is also a column `{name}`"));
        }
    }
    if differences.is_empty() && wanted != found {
        differences.push("its columns stand in another order".to_owned());
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Vec<Column> {
        text.split(' ').filter_map(|one| one.split_once(':')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    #[test]
    fn each_difference_is_told_once() {
        for (wanted, found, expected) in [
            ("a:integer b:text", "a:integer b:text", ""),
            ("a:integer b:text", "b:text a:integer", "its columns stand in another order"),
            ("a:integer", "a:text", "the column `a` is of type text, not integer"),
            ("a:integer b:text", "a:integer c:text", "there is no column `b`; there is also a column `c`"),
            ("", "a:text", "there is also a column `a`"),
        ] {
            assert_eq!(
                column_differences(&columns(wanted), &columns(found)).join("; "),
                expected,
                "{wanted} / {found}"
            );
        }
    }
}
