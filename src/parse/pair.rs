//! Names of two quoted parts in any statement: how templates print relations.

use super::lexer::{Kind, Tokens};
use crate::{dialect::Dialect, name::NamePart};
use std::ops::Range;

/// Two quoted parts joined by a dot, with their bytes; nothing where the text cannot be cut into tokens.
#[must_use]
pub fn quoted_pairs(text: &str, dialect: Dialect) -> Vec<(Range<usize>, [NamePart; 2])> {
    let Ok(tokens) = Tokens::read(text, dialect) else { return Vec::new() };
    let quoted = |index: usize| {
        let token = tokens.list.get(index).filter(|token| token.kind == Kind::Quoted)?;
        let written = tokens.slice(token);
        let inner = written.strip_prefix('"')?.strip_suffix('"')?;
        Some((token.range(), NamePart::quoted(inner.replace("\"\"", "\""))))
    };
    let dot = |index: usize| tokens.list.get(index).is_some_and(|token| token.is(b'.'));
    (0..tokens.list.len())
        .filter(|index| dot(index + 1) && !index.checked_sub(1).is_some_and(dot))
        .filter_map(|index| {
            let ((first, schema), (second, name)) = (quoted(index)?, quoted(index + 2)?);
            Some((first.start..second.end, [schema, name]))
        })
        .collect()
}

/// The statements of a text, without the semicolons between them; the whole where it cannot be cut into tokens.
#[must_use]
pub fn statements(text: &str, dialect: Dialect) -> Vec<Range<usize>> {
    let Ok(tokens) = Tokens::read(text, dialect) else { return std::iter::once(0..text.len()).collect() };
    let parts = tokens.list.split(|token| token.is(b';'));
    parts.filter_map(|part| Some(part.first()?.range().start..part.last()?.range().end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_statements_are_found_outside_of_strings_and_comments() {
        let text = "vacuum \"a\".\"b\"; -- \"c\".\"d\";\n select '\"e\".\"f\";', \"g\" . \"h\"\"i\", \"x\".y;";
        let found: Vec<String> = quoted_pairs(text, Dialect::Postgres)
            .into_iter()
            .map(|(range, [schema, name])| format!("{} = {}.{}", &text[range], schema.value, name.value))
            .collect();
        assert_eq!(found, ["\"a\".\"b\" = a.b", "\"g\" . \"h\"\"i\" = g.h\"i"]);
        let split: Vec<&str> = statements(text, Dialect::Postgres).into_iter().map(|range| &text[range]).collect();
        assert_eq!(split.len(), 2);
        assert_eq!(split[0], "vacuum \"a\".\"b\"");
    }
}
