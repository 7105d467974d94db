//! PostgreSQL: whole rows used as values.
//!
//! `select o from core.orders o` has a column of the type of `core.orders`, so that what it builds would hang on the
//! relation that took its place. Rows may be counted, compared, expanded, or turned into JSON or text.

use super::{Plan, Target, chain::Chain};
use crate::{
    diagnostic::code,
    parse::{
        keyword::Keyword,
        lexer::{Kind, Token},
        outline::FrameId,
        problem::Problem,
    },
};

/// Functions whose result does not have the type of the row that they are given.
const SAFE_FUNCTIONS: [&str; 16] = [
    "count",
    "to_json",
    "to_jsonb",
    "row_to_json",
    "json_agg",
    "jsonb_agg",
    "json_build_array",
    "jsonb_build_array",
    "json_build_object",
    "jsonb_build_object",
    "json_object_agg",
    "jsonb_object_agg",
    "num_nulls",
    "num_nonnulls",
    "pg_column_size",
    "row",
];

impl Plan<'_> {
    /// The problems of rows that are used as values.
    pub(super) fn whole_rows(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for reference in &self.outline.references {
            let Some(at) = self.tokens.at_byte(reference.start as usize) else { continue };
            let Some(chain) = self.chain(at) else { continue };
            if chain.call || (!chain.star && chain.parts() > 1) || (chain.star && !self.is_value(&chain)) {
                continue;
            }
            let Some((index, target)) = self.row_of(&chain, reference.frame) else { continue };
            if !self.may_be_column(&chain, index, target, reference.frame) && !self.is_safe(&chain) {
                problems.push(self.problem(&chain));
            }
        }
        problems.sort_by_key(|problem| problem.range.start);
        problems.dedup();
        problems
    }

    /// The replaced relation that a name means, if it is the name of one and nothing else.
    fn row_of(&self, chain: &Chain, frame: Option<FrameId>) -> Option<(usize, &Target)> {
        if chain.parts() > 1 {
            let found = self.targets.iter().find(|(index, _)| {
                let keys = self.keys(**index);
                [&keys.written, &keys.resolved]
                    .iter()
                    .any(|name| name.len() == chain.parts() && self.has(chain, 0, name.as_slice()))
            });
            return found.map(|(index, target)| (*index, target));
        }
        let wanted = self.key(chain, 0);
        for here in self.frames(frame) {
            if let Some(index) = self.items_of(here).iter().find(|index| self.exposes(**index, &wanted)) {
                return self.targets.get(index).map(|target| (*index, target));
            }
        }
        None
    }

    /// Whether a plain name can be a column, which PostgreSQL looks for first: one that is known, or, where columns
    /// are not known, one that is called like the relation, as `age` in `mimiciv_derived.age` is. A name that was
    /// given as an alias is taken for the row.
    fn may_be_column(&self, chain: &Chain, index: usize, target: &Target, frame: Option<FrameId>) -> bool {
        if chain.star {
            return false;
        }
        let name = self.key(chain, 0);
        let mut all_known = true;
        for here in self.frames(frame) {
            for item in self.items_of(here) {
                match self.targets.get(item).and_then(|target| target.replacement.columns.as_ref()) {
                    Some(columns) if columns.iter().any(|column| *column == name) => return true,
                    Some(_) => {}
                    None => all_known = false,
                }
            }
        }
        let has_alias = self.outline.items.get(index).is_some_and(|item| item.alias.is_some());
        !all_known && !has_alias && target.replacement.columns.is_none()
    }

    /// Whether `t.*` is a value here: an argument, or something that an operator follows; in a list of outputs it is
    /// its columns.
    fn is_value(&self, chain: &Chain) -> bool {
        let after = chain.tokens.end + 2;
        match self.enclosing(chain.tokens.start) {
            Some(open) if self.function_before(open).is_some() => true,
            Some(open) => {
                let alone = open + 1 == chain.tokens.start && self.is_sign(after, b')');
                let in_query = self.token(open + 1).is_some_and(|token| token.keyword == Keyword::Select);
                alone || (in_query && self.continues(after))
            }
            None => self.continues(after),
        }
    }

    /// Whether an operator follows.
    fn continues(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| match token.kind {
            Kind::Sign(sign) => !matches!(sign, b',' | b')' | b';'),
            _ => token.keyword == Keyword::Is,
        })
    }

    /// Whether what is done with the row does not keep its type.
    fn is_safe(&self, chain: &Chain) -> bool {
        let start = chain.tokens.start;
        let end = chain.tokens.end + if chain.star { 2 } else { 0 };
        let before = start.checked_sub(1).and_then(|at| self.token(at));
        let after = self.token(end);
        if after.is_some_and(|token| token.keyword == Keyword::Is) {
            return true;
        }
        if self.is_sign(end, b':') && self.is_sign(end + 1, b':') {
            return self.token(end + 2).is_some_and(|token| self.is_text_type(token));
        }
        let compares = |at: usize| {
            let signs = |at: usize| match self.token(at).map(|token| token.kind) {
                Some(Kind::Sign(sign @ (b'=' | b'<' | b'>' | b'!'))) => Some(sign),
                _ => None,
            };
            match (signs(at), signs(at + 1)) {
                (Some(b'='), Some(b'>')) | (None, _) => false,
                (Some(_), _) => true,
            }
        };
        if compares(end) || before.is_some_and(|_| start >= 2 && compares(start - 1) && !self.is_sign(start - 2, b'-'))
        {
            return true;
        }
        if before.is_some_and(|token| token.keyword == Keyword::From)
            && start >= 2
            && self.token(start - 2).is_some_and(|token| token.keyword == Keyword::Distinct)
        {
            return true;
        }
        let Some(open) = self.enclosing(start) else { return false };
        if open + 1 == start && self.is_sign(end, b')') && self.is_sign(end + 1, b'.') {
            return true;
        }
        let argument = before.is_some_and(|token| {
            token.is(b'(') || token.is(b',') || matches!(token.keyword, Keyword::Distinct | Keyword::All)
        }) && after
            .is_some_and(|token| token.is(b')') || token.is(b',') || token.keyword == Keyword::Order);
        if after.is_some_and(|token| token.keyword == Keyword::As) {
            return self.function_before(open).is_some_and(|name| name.eq_ignore_ascii_case("cast"))
                && self.token(end + 1).is_some_and(|token| self.is_text_type(token));
        }
        argument
            && self
                .function_before(open)
                .is_some_and(|name| SAFE_FUNCTIONS.iter().any(|safe| name.eq_ignore_ascii_case(safe)))
    }

    fn is_text_type(&self, token: &Token) -> bool {
        ["text", "varchar"].iter().any(|name| self.tokens.slice(token).eq_ignore_ascii_case(name))
    }

    /// The bracket that a token stands in.
    fn enclosing(&self, at: usize) -> Option<usize> {
        let mut at = at.checked_sub(1)?;
        loop {
            let token = self.token(at)?;
            match token.kind {
                Kind::Sign(b'(') => return Some(at),
                Kind::Sign(b')' | b']' | b'}') => at = (token.partner as usize).checked_sub(1)?,
                _ => at = at.checked_sub(1)?,
            }
        }
    }

    /// The name of the function whose bracket stands at `open`, if it is one.
    fn function_before(&self, open: usize) -> Option<&str> {
        let token = open.checked_sub(1).and_then(|at| self.token(at))?;
        let is_function = match token.kind {
            Kind::Quoted => true,
            Kind::Word => !matches!(
                token.keyword,
                Keyword::In
                    | Keyword::And
                    | Keyword::Or
                    | Keyword::Not
                    | Keyword::On
                    | Keyword::Where
                    | Keyword::Select
                    | Keyword::By
                    | Keyword::When
                    | Keyword::Then
                    | Keyword::Values
                    | Keyword::As
                    | Keyword::From
                    | Keyword::Distinct
                    | Keyword::All
                    | Keyword::Using
                    | Keyword::Like
                    | Keyword::Ilike
                    | Keyword::Having
            ),
            _ => false,
        };
        is_function.then(|| self.tokens.slice(token))
    }

    fn problem(&self, chain: &Chain) -> Problem {
        let name = self.tokens.text.get(chain.range.clone()).unwrap_or_default();
        Problem::new(
            code::WHOLE_ROW,
            chain.range.clone(),
            format!("`{name}` is a whole row here, whose type belongs to the relation that is replaced"),
        )
        .help(format!("name the columns that are meant, or write `to_jsonb({name})`"))
        .help(format!("if a column is meant, qualify it: `{name}.{name}`"))
    }
}
