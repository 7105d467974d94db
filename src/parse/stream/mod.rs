//! The token reader: a small grammar of queries that knows WITH, SELECT, FROM and brackets, and steps over the rest.
//!
//! In: the tokens of one statement. Out: a [`Sketch`], that is an outline, the places of unnamed outputs, and what to
//! change so that sqlparser can read the text too. Never: a guess; what stands in a FROM clause and is not understood
//! ends the reading with [`Unread`].
//!
//! One file per notion: this one WITH and set operations, `select` the clauses of one SELECT, `relation` the FROM
//! clause, `expression` everything between, `forms` what sqlparser does not know of it.

mod expression;
mod forms;
mod relation;
mod select;

use super::{
    keyword::{Keyword, can_name_relation},
    lexer::{Kind, Token, Tokens},
    outline::{DottedName, EnvironmentId, FrameId, Outline, Reference},
    problem::Problem,
    repair::{Patch, Repair},
};
use crate::{diagnostic::code, dialect::Dialect, name::NamePart};
use std::ops::Range;

/// How deep queries and brackets may nest.
const DEEPEST: usize = 100;

/// What the tokens say about a query.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    /// What stands in its FROM clauses.
    pub outline: Outline,
    /// The bytes of output columns that have no name of their own, where their text would become the name.
    pub unnamed: Vec<Range<usize>>,
    /// Changes after which sqlparser can read it.
    pub repairs: Vec<Repair>,
    /// Whether sqlparser would read it wrongly, without an error, unless it is repaired.
    pub misread: bool,
    /// What a model may not do.
    pub problems: Vec<Problem>,
}

/// Why the reading ended: the bytes, and what was expected there.
#[derive(Debug)]
pub(super) struct Unread {
    /// The bytes that were not understood.
    pub range: Range<usize>,
    /// What would have been understood: `a relation`.
    pub expected: &'static str,
    /// Whether the text ends where it should stand; then the bytes are those of the last token.
    pub at_end: bool,
}

type Read<T> = Result<T, Unread>;

/// Reads the statement that the tokens `within` make up.
pub(super) fn read(tokens: &Tokens<'_>, within: Range<usize>, dialect: Dialect) -> Result<Sketch, Unread> {
    let mut reader = Reader { tokens, dialect, sketch: Sketch::default(), depth: 0, end: within.end };
    let scope = Scope { environment: None, outer: None, named: true };
    reader.query(within.start, within.end, scope)?;
    Ok(reader.sketch)
}

/// What a query sees of the text around it.
#[derive(Debug, Clone, Copy)]
struct Scope {
    /// The common table expressions.
    environment: Option<EnvironmentId>,
    /// The FROM clause around it.
    outer: Option<FrameId>,
    /// Whether the names of its output columns matter to anybody.
    named: bool,
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The common table expressions in scope.
    environment: Option<EnvironmentId>,
    /// The nearest FROM clause.
    frame: Option<FrameId>,
}

/// One common table expression of a WITH clause.
struct CteSyntax {
    name: NamePart,
    columns: bool,
    body: Range<usize>,
}

struct Reader<'a, 't> {
    tokens: &'a Tokens<'t>,
    dialect: Dialect,
    sketch: Sketch,
    depth: usize,
    /// Where the statement ends.
    end: usize,
}

impl Reader<'_, '_> {
    // The tokens.

    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.list.get(at)
    }

    /// The keyword at `at`, if it lies before `end`.
    fn keyword(&self, at: usize, end: usize) -> Keyword {
        if at < end { self.token(at).map_or(Keyword::Other, |token| token.keyword) } else { Keyword::Other }
    }

    fn is_sign(&self, at: usize, end: usize, sign: u8) -> bool {
        at < end && self.token(at).is_some_and(|token| token.is(sign))
    }

    fn is_name(&self, at: usize, end: usize) -> bool {
        at < end && self.token(at).is_some_and(Token::is_name)
    }

    fn duckdb(&self) -> bool {
        self.dialect == Dialect::DuckDb
    }

    /// Whether the token at `at` is a word that cannot name a relation.
    fn is_reserved(&self, at: usize) -> bool {
        self.token(at)
            .is_some_and(|token| token.kind == Kind::Word && !can_name_relation(self.tokens.slice(token), self.dialect))
    }

    /// The index of the bracket that closes the one at `at`.
    fn close(&self, at: usize) -> usize {
        self.token(at).map_or(at, |token| token.partner as usize)
    }

    /// The token after `at`, a whole pair of brackets counting as one.
    fn next(&self, at: usize) -> usize {
        match self.token(at).map(|token| token.kind) {
            Some(Kind::Sign(b'(' | b'[' | b'{')) => self.close(at) + 1,
            _ => at + 1,
        }
    }

    /// The bytes of the tokens `from..to`.
    fn bytes(&self, from: usize, to: usize) -> Range<usize> {
        let start = self.token(from).map_or(self.tokens.text.len(), |token| token.start as usize);
        let end = to.checked_sub(1).and_then(|last| self.token(last)).map_or(start, |token| token.end as usize);
        start..end.max(start)
    }

    fn part(&self, at: usize) -> NamePart {
        let Some(token) = self.token(at) else { return NamePart::bare("") };
        let text = self.tokens.slice(token);
        match token.kind {
            Kind::Quoted => {
                let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
                NamePart::quoted(inner.replace("\"\"", "\""))
            }
            _ => NamePart::bare(text),
        }
    }

    /// The end of the dotted name that begins at `at`.
    fn dotted_end(&self, at: usize, end: usize) -> usize {
        let mut last = at;
        while self.is_sign(last + 1, end, b'.') && self.is_name(last + 2, end) {
            last += 2;
        }
        last + 1
    }

    fn dotted(&self, from: usize, to: usize) -> DottedName {
        DottedName { range: self.bytes(from, to), parts: (from..to).step_by(2).map(|at| self.part(at)).collect() }
    }

    fn unread<T>(&self, at: usize, end: usize, expected: &'static str) -> Read<T> {
        // At the end of a piece of text the place is its last token: nothing stands after it.
        let at_end = at >= end && end == self.end;
        // Inside the text what follows is wrong: the bracket that closes, the next clause.
        let at = if at < end { at } else { end - usize::from(at_end && end > 0) };
        Err(Unread { range: self.bytes(at, at + 1), expected, at_end })
    }

    /// Whether the word at `at` is a name of something and no keyword: after a dot or AS everything is, and `::UNION(…)`
    /// is a type of DuckDB.
    fn is_label(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).and_then(|before| self.token(before)) else { return false };
        let is_type = before.is(b':') && at > 1 && self.is_sign(at - 2, at, b':');
        before.is(b'.')
            || before.keyword == Keyword::As
            || (is_type && self.duckdb() && self.keyword(at, at + 1) == Keyword::Union)
    }

    /// Whether the FOR at `at` is one of `collation for (…)`.
    fn is_collation_for(&self, at: usize) -> bool {
        self.keyword(at, at + 1) == Keyword::For
            && at
                .checked_sub(1)
                .and_then(|before| self.token(before))
                .is_some_and(|token| self.tokens.slice(token).eq_ignore_ascii_case("collation"))
    }

    // What comes out.

    fn refer(&mut self, at: usize, frame: Option<FrameId>) {
        if let Some(token) = self.token(at) {
            let start = token.start;
            self.sketch.outline.references.push(Reference { start, frame });
        }
    }

    fn drop_tokens(&mut self, from: usize, to: usize) {
        self.replace_tokens(from, to, Vec::new());
    }

    fn replace_tokens(&mut self, from: usize, to: usize, with: Vec<Patch>) {
        let range = self.bytes(from, to);
        self.sketch.repairs.push(Repair { range, with });
    }

    /// Puts something before the token `at`.
    fn insert_tokens(&mut self, at: usize, with: Vec<Patch>) {
        let byte = self.token(at).map_or(self.tokens.text.len(), |token| token.start as usize);
        self.sketch.repairs.push(Repair { range: byte..byte, with });
    }

    fn refuse(&mut self, problem: Problem) {
        self.sketch.problems.push(problem);
    }

    fn deeper(&mut self, at: usize) -> Read<()> {
        self.depth += 1;
        if self.depth > DEEPEST { self.unread(at, at + 1, "less nesting") } else { Ok(()) }
    }

    // Queries.

    /// Whether the tokens `at..end`, the content of a bracket, are a query.
    fn is_query(&self, at: usize, end: usize) -> bool {
        let (mut at, mut end) = (at, end);
        while self.is_sign(at, end, b'(') {
            let close = self.close(at);
            if close + 1 == end {
                (at, end) = (at + 1, close);
                continue;
            }
            let after = self.keyword(close + 1, end);
            if after.combines_queries() {
                return true;
            }
            if !after.ends_select() {
                return false;
            }
            (at, end) = (at + 1, close);
        }
        let keyword = self.keyword(at, end);
        match keyword {
            // These are names of columns too.
            Keyword::Values => self.is_sign(at + 1, end, b'('),
            Keyword::Show | Keyword::Describe | Keyword::Desc | Keyword::Summarize => {
                self.duckdb() && !self.is_sign(at + 1, end, b'.')
            }
            _ => keyword.begins_query(self.dialect),
        }
    }

    /// Reads a query; answers with its FROM clause if it is a single SELECT.
    fn query(&mut self, at: usize, end: usize, scope: Scope) -> Read<Option<FrameId>> {
        self.deeper(at)?;
        let mut scope = scope;
        let mut at = at;
        if self.keyword(at, end) == Keyword::With {
            (at, scope.environment) = self.with(at, end, scope)?;
        }
        let sole = self.body(at, end, scope, scope.environment)?;
        self.depth -= 1;
        Ok(sole)
    }

    /// Reads a WITH clause; answers where it ends and what is in scope after it.
    fn with(&mut self, at: usize, end: usize, scope: Scope) -> Read<(usize, Option<EnvironmentId>)> {
        let mut at = at + 1;
        let recursive = self.keyword(at, end) == Keyword::Recursive;
        at += usize::from(recursive);
        let mut expressions = Vec::new();
        loop {
            let expression = self.cte(&mut at, end)?;
            expressions.push(expression);
            if !self.is_sign(at, end, b',') {
                break;
            }
            at += 1;
        }
        let mut environment = scope.environment;
        if recursive && self.dialect == Dialect::Postgres {
            for expression in &expressions {
                environment = Some(self.sketch.outline.bind(environment, &expression.name, true, self.dialect));
            }
        }
        for expression in expressions {
            let inner = Scope { environment, outer: scope.outer, named: !expression.columns };
            let Range { start, end } = expression.body;
            if !recursive || self.dialect == Dialect::Postgres {
                self.query(start, end, inner)?;
                if !recursive {
                    environment = Some(self.sketch.outline.bind(environment, &expression.name, false, self.dialect));
                }
                continue;
            }
            let bound = Some(self.sketch.outline.bind(environment, &expression.name, true, self.dialect));
            self.recursive_body(start, end, inner, &expression.name)?;
            environment = bound;
        }
        Ok((at, environment))
    }

    /// DuckDB: the name is its own only in what stands right of the last UNION of its body.
    fn recursive_body(&mut self, at: usize, end: usize, scope: Scope, name: &NamePart) -> Read<()> {
        self.deeper(at)?;
        let (mut at, mut end, mut scope) = (at, end, scope);
        loop {
            if self.keyword(at, end) == Keyword::With {
                (at, scope.environment) = self.with(at, end, scope)?;
            }
            if !(self.is_sign(at, end, b'(') && self.close(at) + 1 == end) {
                break;
            }
            (at, end) = (at + 1, self.close(at));
        }
        let right = Some(self.sketch.outline.bind(scope.environment, name, true, self.dialect));
        self.body(at, end, scope, right)?;
        self.depth -= 1;
        Ok(())
    }

    /// Reads `name (columns) AS (body)` and what may stand around it.
    fn cte(&mut self, at: &mut usize, end: usize) -> Read<CteSyntax> {
        if !self.is_name(*at, end) || self.is_reserved(*at) {
            return self.unread(*at, end, "the name of a common table expression");
        }
        let name = self.part(*at);
        *at += 1;
        let columns = self.is_sign(*at, end, b'(');
        if columns {
            *at = self.next(*at);
        }
        if self.keyword(*at, end) == Keyword::Using && self.keyword(*at + 1, end) == Keyword::Key {
            let after = self.next(*at + 2);
            self.drop_tokens(*at, after);
            *at = after;
        }
        if self.keyword(*at, end) != Keyword::As {
            return self.unread(*at, end, "AS");
        }
        *at += 1;
        let hint = *at;
        if self.keyword(*at, end) == Keyword::Not {
            *at += 1;
        }
        if self.keyword(*at, end) == Keyword::Materialized {
            *at += 1;
            if self.duckdb() {
                self.drop_tokens(hint, *at);
            }
        }
        if !self.is_sign(*at, end, b'(') {
            return self.unread(*at, end, "a query in brackets");
        }
        let close = self.close(*at);
        let body = *at + 1..close;
        *at = close + 1;
        self.search_and_cycle(at, end)?;
        Ok(CteSyntax { name, columns, body })
    }

    /// PostgreSQL: `SEARCH DEPTH FIRST BY a SET b`, `CYCLE a SET b USING c`.
    fn search_and_cycle(&mut self, at: &mut usize, end: usize) -> Read<()> {
        for (word, last) in [(Keyword::Search, Keyword::Set), (Keyword::Cycle, Keyword::Using)] {
            if self.keyword(*at, end) != word {
                continue;
            }
            let start = *at;
            while *at < end && self.keyword(*at, end) != last {
                *at = self.next(*at);
            }
            *at += 2;
            if *at > end {
                return self.unread(end, end, "the name of a column");
            }
            self.drop_tokens(start, *at);
        }
        Ok(())
    }

    /// Reads SELECTs and what combines them, then ORDER BY and what follows. `right` is in scope, on the right of the
    /// last UNION, where this is the body of a recursive expression on DuckDB; elsewhere it is the scope's own.
    fn body(&mut self, at: usize, end: usize, scope: Scope, right: Option<EnvironmentId>) -> Read<Option<FrameId>> {
        let union = if right == scope.environment { None } else { self.last_union(at, end) };
        let mut term = scope;
        let mut sole = self.term(at, end, term)?;
        let mut at = sole.0;
        while self.keyword(at, end).combines_queries() {
            if union == Some(at) {
                term.environment = right;
            }
            at += 1;
            at += usize::from(matches!(self.keyword(at, end), Keyword::All | Keyword::Distinct));
            let by_name = self.keyword(at, end) == Keyword::By && self.keyword(at + 1, end) == Keyword::Name;
            at += if by_name { 2 } else { 0 };
            // Only the first SELECT names the columns, unless they are matched by name.
            term.named = scope.named && by_name;
            sole = (self.term(at, end, term)?.0, None);
            at = sole.0;
        }
        let frame = sole.1.or(scope.outer);
        self.after_selects(at, end, Place { environment: scope.environment, frame })?;
        Ok(sole.1)
    }

    /// The UNION that a body is made of, if it is one: the last operator but for INTERSECT, which binds tighter.
    fn last_union(&self, at: usize, end: usize) -> Option<usize> {
        let mut found = None;
        let mut at = at;
        while at < end {
            let keyword = self.keyword(at, end);
            if matches!(keyword, Keyword::Union | Keyword::Except) && !self.is_label(at) {
                found = Some(at);
            }
            at = self.next(at);
        }
        let union = found.filter(|found| self.keyword(*found, end) == Keyword::Union)?;
        let after = union + 1 + usize::from(matches!(self.keyword(union + 1, end), Keyword::All | Keyword::Distinct));
        // UNION BY NAME does not recurse.
        (self.keyword(after, end) != Keyword::By).then_some(union)
    }

    /// Reads one operand of a set operation; answers where it ends and its FROM clause.
    fn term(&mut self, at: usize, end: usize, scope: Scope) -> Read<(usize, Option<FrameId>)> {
        match self.keyword(at, end) {
            Keyword::Select => self.select(at, end, scope),
            Keyword::From if self.duckdb() => self.select(at, end, scope),
            Keyword::Values => {
                let place = Place { environment: scope.environment, frame: scope.outer };
                let stop = self.end_of_select(at + 1, end);
                self.expression(at + 1, stop, place)?;
                Ok((stop, None))
            }
            Keyword::Table => self.table(at, end, scope),
            Keyword::Pivot | Keyword::PivotWider | Keyword::PivotLonger | Keyword::Unpivot if self.duckdb() => {
                self.pivot_statement(at, end, scope)
            }
            Keyword::Describe | Keyword::Desc | Keyword::Show | Keyword::Summarize if self.duckdb() => {
                self.describe(at, end, scope)
            }
            _ if self.is_sign(at, end, b'(') => {
                let close = self.close(at);
                let sole = self.query(at + 1, close, scope)?;
                Ok((close + 1, sole))
            }
            Keyword::Insert | Keyword::Update | Keyword::Delete | Keyword::Merge => {
                let range = self.bytes(at, at + 1);
                let problem = Problem::new(code::NOT_A_SELECT, range, "a model only reads; it cannot change rows")
                    .help("write the SELECT alone: suiro creates and fills the relation");
                self.refuse(problem);
                Ok((end, None))
            }
            _ => self.unread(at, end, "SELECT"),
        }
    }

    /// The first token at or after `at` that ends a SELECT.
    fn end_of_select(&self, at: usize, end: usize) -> usize {
        let mut at = at;
        while at < end {
            if self.keyword(at, end).ends_select() && !self.is_label(at) && !self.is_collation_for(at) {
                break;
            }
            at = self.next(at);
        }
        at
    }

    /// Reads ORDER BY, LIMIT, OFFSET, FETCH, and refuses FOR.
    fn after_selects(&mut self, at: usize, end: usize, place: Place) -> Read<()> {
        if at < end && !self.keyword(at, end).ends_select() && !self.is_sample(at, end) {
            return self.unread(at, end, "the end of the query");
        }
        let mut at = at;
        while at < end {
            let start = at;
            let keyword = self.keyword(at, end);
            at = self.end_of_select(at + 1, end);
            match keyword {
                Keyword::For => {
                    let problem = Problem::new(
                        code::NOT_A_SELECT,
                        self.bytes(start, at.min(start + 2)),
                        "a model cannot lock the rows that it reads",
                    )
                    .help("remove the FOR clause");
                    self.refuse(problem);
                }
                Keyword::Fetch => self.fetch(start, at, place)?,
                Keyword::Limit => {
                    let sign = at.saturating_sub(1);
                    let word = self.token(sign).map(|token| self.tokens.slice(token)).unwrap_or_default();
                    if self.duckdb() && (word == "%" || word.eq_ignore_ascii_case("percent")) {
                        self.drop_tokens(sign, at);
                    }
                    self.sampled_expression(start + 1, at, place)?;
                }
                _ => self.sampled_expression(start + 1, at, place)?,
            }
        }
        Ok(())
    }

    /// `FETCH FIRST (expression) ROWS ONLY`, which sqlparser reads with a number only.
    fn fetch(&mut self, at: usize, end: usize, place: Place) -> Read<()> {
        if self.is_sign(at + 2, end, b'(') {
            let close = self.close(at + 2);
            self.replace_tokens(at, at + 2, vec![Patch::Word("LIMIT")]);
            self.drop_tokens(close + 1, end);
        }
        self.expression(at + 2, end, place)
    }

    /// An expression that DuckDB's `USING SAMPLE …` may follow.
    fn sampled_expression(&mut self, at: usize, end: usize, place: Place) -> Read<()> {
        let mut sample = at;
        while sample < end && !self.is_sample(sample, end) {
            sample = self.next(sample);
        }
        if sample < end {
            self.drop_tokens(sample, end);
        }
        self.expression(at, sample, place)
    }

    fn is_sample(&self, at: usize, end: usize) -> bool {
        self.duckdb()
            && self.keyword(at, end) == Keyword::Using
            && self.keyword(at + 1, end) == Keyword::Sample
            && !self.is_label(at)
    }
}
