//! The words of SQL that the token reader must know, and which words an engine keeps for itself.

mod words;

use crate::dialect::Dialect;

macro_rules! keywords {
    ($($name:ident $text:literal)*) => {
        /// A word that steers the token reader; every other word is `Other`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Keyword {
            /// Not one of them.
            Other,
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        /// In alphabetical order, so that a word is found by bisection.
        const KEYWORDS: &[(&str, Keyword)] = &[$(($text, Keyword::$name)),*];
    };
}

keywords! {
    All "all" Analyse "analyse" Analyze "analyze" And "and" Anti "anti" As "as" Asof "asof" At "at" By "by"
    Case "case" Cast "cast" Collate "collate" Cross "cross" Current "current" Cycle "cycle"
    Delete "delete" Desc "desc" Describe "describe" Distinct "distinct"
    Else "else" End "end" Except "except" Exclude "exclude" Extract "extract"
    Fetch "fetch" Filter "filter" First "first" For "for" From "from" Full "full"
    Glob "glob" Group "group" Having "having" If "if" Ilike "ilike" In "in" Inner "inner" Insert "insert"
    Intersect "intersect" Into "into" Is "is" Isnull "isnull"
    Join "join" Key "key" Lambda "lambda" Lateral "lateral" Left "left" Like "like" Limit "limit"
    Materialized "materialized" Merge "merge" Name "name" Natural "natural" Next "next" No "no" Not "not"
    Notnull "notnull" Null "null" Offset "offset" On "on" Only "only" Or "or" Order "order" Ordinality "ordinality"
    Others "others" Outer "outer" Overlay "overlay"
    Pivot "pivot" PivotLonger "pivot_longer" PivotWider "pivot_wider" Position "position" Positional "positional"
    Qualify "qualify" Range "range" Recursive "recursive" Rename "rename" Repeatable "repeatable" Right "right"
    Row "row" Rows "rows"
    Sample "sample" Search "search" Select "select" Semi "semi" Set "set" Show "show" Similar "similar"
    Substring "substring" Summarize "summarize"
    Table "table" Tablesample "tablesample" Then "then" Ties "ties" Trim "trim"
    Union "union" Unpivot "unpivot" Update "update" Using "using" Values "values"
    When "when" Where "where" Window "window" With "with" Within "within"
}

/// The longest text in the table.
const LONGEST: usize = 12;

impl Keyword {
    /// What the unquoted `word` steers.
    pub(super) fn of(word: &str) -> Self {
        let mut folded = [0_u8; LONGEST];
        let Some(folded) = folded.get_mut(..word.len()) else { return Self::Other };
        folded.copy_from_slice(word.as_bytes());
        folded.make_ascii_lowercase();
        match KEYWORDS.binary_search_by(|(text, _)| text.as_bytes().cmp(folded)) {
            Ok(found) => KEYWORDS.get(found).map_or(Self::Other, |(_, keyword)| *keyword),
            Err(_) => Self::Other,
        }
    }

    /// Whether it begins a query.
    pub(super) const fn begins_query(self, dialect: Dialect) -> bool {
        match self {
            Self::Select | Self::With | Self::Values | Self::Table => true,
            Self::From
            | Self::Pivot
            | Self::PivotWider
            | Self::PivotLonger
            | Self::Unpivot
            | Self::Describe
            | Self::Desc
            | Self::Show
            | Self::Summarize => matches!(dialect, Dialect::DuckDb),
            _ => false,
        }
    }

    /// `UNION`, `INTERSECT`, `EXCEPT`.
    pub(super) const fn combines_queries(self) -> bool {
        matches!(self, Self::Union | Self::Intersect | Self::Except)
    }

    /// Whether it ends one SELECT: what follows belongs to the query around it.
    pub(super) const fn ends_select(self) -> bool {
        self.combines_queries() || matches!(self, Self::Order | Self::Limit | Self::Offset | Self::Fetch | Self::For)
    }
}

/// Whether the unquoted `word` can be the name of a relation, or its alias without AS.
pub(super) fn can_name_relation(word: &str, dialect: Dialect) -> bool {
    let own = match dialect {
        Dialect::DuckDb => words::RESERVED_BY_DUCKDB,
        Dialect::Postgres => words::RESERVED_BY_POSTGRES,
    };
    !listed(word, words::RESERVED) && !listed(word, own)
}

/// Whether the unquoted `word` means nothing to the engine: on DuckDB only such words can be a column's alias without
/// AS.
pub(super) fn is_free(word: &str, dialect: Dialect) -> bool {
    let others = match dialect {
        Dialect::DuckDb => words::OTHERS_OF_DUCKDB,
        Dialect::Postgres => words::OTHERS_OF_POSTGRES,
    };
    can_name_relation(word, dialect) && !listed(word, others)
}

/// Whether `word`, in any case, stands in `list`, whose words have a space on both sides.
fn listed(word: &str, list: &str) -> bool {
    let mut spaced = String::with_capacity(word.len() + 2);
    spaced.push(' ');
    spaced.extend(word.chars().map(|character| character.to_ascii_lowercase()));
    spaced.push(' ');
    list.contains(&spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_bisected() {
        assert!(KEYWORDS.is_sorted_by(|left, right| left.0 < right.0));
        assert_eq!(KEYWORDS.iter().map(|(text, _)| text.len()).max(), Some(LONGEST));
        for (text, keyword) in KEYWORDS {
            assert_eq!(Keyword::of(&text.to_uppercase()), *keyword);
        }
        assert_eq!(Keyword::of("orders"), Keyword::Other);
        assert_eq!(Keyword::of(""), Keyword::Other);
        assert_eq!(Keyword::of("a_very_long_name"), Keyword::Other);
    }

    #[test]
    fn reserved_words_are_no_aliases() {
        for dialect in Dialect::ALL {
            assert!(!can_name_relation("WHERE", dialect));
            assert!(can_name_relation("o", dialect));
            assert!(can_name_relation("sample", dialect));
        }
        assert!(can_name_relation("positional", Dialect::Postgres));
        assert!(!can_name_relation("Positional", Dialect::DuckDb));
        assert!(!is_free("day", Dialect::DuckDb));
        assert!(is_free("total", Dialect::DuckDb));
    }
}
