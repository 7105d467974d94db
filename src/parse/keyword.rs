//! The words of SQL that the token reader must know, and which words an engine keeps for itself.
//!
//! The lists are what the engines say of themselves: `pg_get_keywords()` of PostgreSQL 15 to 18 and
//! `duckdb_keywords()` of DuckDB 1.5.

use crate::dialect::Dialect;

macro_rules! keywords {
    ($($name:ident $text:literal)*) => {
        /// A word that steers the token reader; every other word is `Other`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Keyword {
            /// Not one of them.
            Other,
            $(#[doc = $text] $name,)*
        }

        /// In alphabetical order, so that a word is found by bisection.
        const KEYWORDS: &[(&str, Keyword)] = &[$(($text, Keyword::$name)),*];
    };
}

keywords! {
    All "all" Analyse "analyse" Analyze "analyze" And "and" Anti "anti" As "as" Asof "asof" At "at" By "by"
    Case "case" Cast "cast" Collate "collate" Cross "cross" Current "current" Cycle "cycle"
    Delete "delete" Desc "desc" Describe "describe" Distinct "distinct"
    End "end" Except "except" Exclude "exclude" Extract "extract"
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

/// Words that cannot be an alias without AS after a relation: the reserved ones and those of functions and types.
const NO_RELATION_ALIAS: &str = " all analyse analyze and any array as asc asymmetric authorization binary both case \
     cast check collate collation column concurrently constraint create cross default deferrable desc distinct do \
     else end except false fetch for foreign freeze from full group having ilike in initially inner intersect into is \
     isnull join lateral leading left like limit natural not notnull null offset on only or order outer overlaps \
     placing primary references returning right select similar some symmetric table tablesample then to trailing true \
     union unique using variadic verbose when where window with ";

/// Those of PostgreSQL alone.
const NO_RELATION_ALIAS_POSTGRES: &str = " current_catalog current_date current_role current_schema current_time \
     current_timestamp current_user grant localtime localtimestamp session_user user ";

/// Those of DuckDB alone.
const NO_RELATION_ALIAS_DUCKDB: &str = " anti asof at by columns describe generated glob lambda map pivot pivot_longer \
     pivot_wider positional qualify semi show struct summarize try_cast unpack unpivot ";

/// DuckDB's other keywords: names for relations and columns, but never a column's alias without AS.
const NO_COLUMN_ALIAS_DUCKDB: &str = " abort absolute access action add admin after aggregate also alter always \
     assertion assignment attach attribute backward before begin between bigint bit boolean cache call called cascade \
     cascaded catalog centuries century chain char character characteristics checkpoint class close cluster coalesce \
     comment comments commit committed compression configuration conflict connection constraints content continue \
     conversion copy cost csv cube current cursor cycle data database day days deallocate dec decade decades decimal \
     declare defaults deferred definer delete delimiter delimiters depends detach dictionary disable discard document \
     domain double drop each enable encoding encrypted enum error escape event exclude excluding exclusive execute \
     exists explain export export_state extension extensions external extract family filter first float following \
     force forward function functions global granted grouping groups handler header hold hour hours identity if \
     ignore immediate immutable implicit import include including increment index indexes inherit inherits inline \
     inout input insensitive insert install instead int integer interval invoker isolation json key label language \
     large last leakproof level listen load local location lock locked logged macro mapping match matched \
     materialized maxvalue merge method microsecond microseconds millennia millennium millisecond milliseconds minute \
     minutes minvalue mode month months move name names national nchar new next no none nothing notify nowait nullif \
     nulls numeric object of off oids old operator option options ordinality others out over overlay overriding owned \
     owner parallel parser partial partition partitioned passing password percent persistent plans policy position \
     pragma preceding precision prepare prepared preserve prior privileges procedural procedure program publication \
     quarter quarters quote range read real reassign recheck recursive ref referencing refresh reindex relative \
     release rename repeatable replace replica reset respect restart restrict returns revoke role rollback rollup row \
     rows rule sample savepoint schema schemas scope scroll search second seconds secret security sequence sequences \
     serializable server session set setof sets share simple skip smallint snapshot sorted source sql stable \
     standalone start statement statistics stdin stdout storage stored strict strip subscription substring sysid \
     system tables tablespace target temp template temporary text ties time timestamp transaction transform treat \
     trigger trim truncate trusted type types unbounded uncommitted unencrypted unknown unlisten unlogged until \
     update use user vacuum valid validate validator value values varchar variable varying version view views virtual \
     volatile week weeks whitespace within without work wrapper write xml xmlattributes xmlconcat xmlelement \
     xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable year years yes zone ";

/// Whether the unquoted `word` can be the alias of a relation without AS.
pub(super) fn can_alias_relation(word: &str, dialect: Dialect) -> bool {
    let own = match dialect {
        Dialect::DuckDb => NO_RELATION_ALIAS_DUCKDB,
        Dialect::Postgres => NO_RELATION_ALIAS_POSTGRES,
    };
    !listed(word, NO_RELATION_ALIAS) && !listed(word, own)
}

/// Whether the unquoted `word` can be the alias of an output column without AS, on DuckDB.
pub(super) fn can_alias_column_on_duckdb(word: &str) -> bool {
    can_alias_relation(word, Dialect::DuckDb) && !listed(word, NO_COLUMN_ALIAS_DUCKDB)
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
            assert!(!can_alias_relation("WHERE", dialect));
            assert!(can_alias_relation("o", dialect));
            assert!(can_alias_relation("sample", dialect));
        }
        assert!(can_alias_relation("positional", Dialect::Postgres));
        assert!(!can_alias_relation("Positional", Dialect::DuckDb));
        assert!(!can_alias_column_on_duckdb("day"));
        assert!(can_alias_column_on_duckdb("total"));
    }
}
