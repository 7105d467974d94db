//! The FROM clause: relations, subqueries, functions, joins, and DuckDB's statements that read one relation.

use super::{Place, Read, Reader, Scope};
use crate::{
    diagnostic::code,
    dialect::Dialect,
    name::NamePart,
    parse::{
        keyword::{Keyword, can_name_relation},
        lexer::Kind,
        outline::{AliasPlace, DottedName, FrameId, Item, ItemKind},
        problem::Problem,
        repair::Patch,
        strings,
    },
};

/// An alias that stands before or after a FROM item.
struct Alias {
    name: Option<(NamePart, usize)>,
    columns: bool,
}

impl Reader<'_, '_> {
    /// Reads a FROM clause without its keyword.
    pub(super) fn relations(&mut self, at: usize, end: usize, place: Place, frame: FrameId) -> Read<()> {
        let mut at = at;
        loop {
            at = self.joined(at, end, place, frame)?;
            if at >= end {
                return Ok(());
            }
            if !self.is_sign(at, end, b',') {
                return self.unread(at, end, "a comma, a join, or the next clause");
            }
            at += 1;
            // DuckDB allows a comma after the last one.
            if at >= end && self.duckdb() {
                self.drop_tokens(at - 1, at);
                return Ok(());
            }
        }
    }

    /// Reads one item and what is joined to it; answers where it ends.
    fn joined(&mut self, at: usize, end: usize, place: Place, frame: FrameId) -> Read<usize> {
        let mut at = self.relation(at, end, place, frame)?;
        loop {
            match self.keyword(at, end) {
                Keyword::On => {
                    let stop = self.end_of_condition(at + 1, end);
                    self.expression(at + 1, stop, place)?;
                    at = stop;
                }
                Keyword::Using if self.is_sign(at + 1, end, b'(') => {
                    at = self.next(at + 1);
                    // PostgreSQL: `join b using (id) as j`
                    if self.keyword(at, end) == Keyword::As && self.is_name(at + 1, end) {
                        let alias = self.token(at + 1).map(|token| (self.part(at + 1), token.start as usize));
                        self.drop_tokens(at, at + 2);
                        self.add(frame, ItemKind::Other, None, alias, AliasPlace::None, None);
                        at += 2;
                    }
                }
                _ => match self.join(at, end) {
                    Some(next) => at = self.relation(next, end, place, frame)?,
                    None => return Ok(at),
                },
            }
        }
    }

    /// Steps over the words of a join, if there is one.
    fn join(&mut self, at: usize, end: usize) -> Option<usize> {
        let mut next = at;
        while matches!(
            self.keyword(next, end),
            Keyword::Natural
                | Keyword::Asof
                | Keyword::Positional
                | Keyword::Inner
                | Keyword::Left
                | Keyword::Right
                | Keyword::Full
                | Keyword::Cross
                | Keyword::Outer
                | Keyword::Semi
                | Keyword::Anti
        ) {
            next += 1;
        }
        if self.keyword(next, end) != Keyword::Join {
            return None;
        }
        for word in at..next {
            match self.keyword(word, end) {
                Keyword::Positional => {
                    self.sketch.misread = true;
                    self.replace_tokens(word, word + 1, vec![Patch::Word("CROSS")]);
                }
                Keyword::Asof => {
                    self.sketch.misread = true;
                    self.drop_tokens(word, word + 1);
                }
                _ => {}
            }
        }
        Some(next + 1)
    }

    /// Where the condition of a join ends: at the next join, comma or condition.
    fn end_of_condition(&self, at: usize, end: usize) -> usize {
        let mut at = at;
        while at < end && !self.is_sign(at, end, b',') {
            let call = self.is_sign(at + 1, end, b'(');
            let stops = match self.keyword(at, end) {
                Keyword::Join
                | Keyword::Natural
                | Keyword::Inner
                | Keyword::Full
                | Keyword::Cross
                | Keyword::On
                | Keyword::Using => true,
                // `left(x, 1)` is a function.
                Keyword::Left | Keyword::Right => !call,
                Keyword::Asof | Keyword::Positional | Keyword::Semi | Keyword::Anti => self.duckdb() && !call,
                _ => false,
            };
            if stops && !self.is_label(at) {
                break;
            }
            at = self.next(at);
        }
        at
    }

    /// Reads one FROM item.
    fn relation(&mut self, at: usize, end: usize, place: Place, frame: FrameId) -> Read<usize> {
        let mut at = at;
        let prefix = if self.is_prefix_alias(at, end) {
            let alias = self.token(at).map(|token| (self.part(at), token.start as usize));
            self.drop_tokens(at, at + 2);
            at += 2;
            alias.map(|alias| (alias, self.bytes(at - 2, at - 1)))
        } else {
            None
        };
        let lateral = self.keyword(at, end) == Keyword::Lateral;
        at += usize::from(lateral);
        let pivoted = self.is_pivoted(at, end);
        let inner = if pivoted { self.sketch.outline.frame(self.sketch.outline.outer(frame)) } else { frame };
        let inner_place = Place { frame: Some(inner), ..place };
        let (alias, bytes) = prefix.map_or((None, None), |(alias, bytes)| (Some(alias), Some(bytes)));
        let stop = match self.token(at).filter(|_| at < end).map(|token| token.kind) {
            Some(Kind::Sign(b'(')) => self.bracketed(at, end, inner_place, inner, lateral, alias)?,
            Some(Kind::String) if self.duckdb() => self.file(at, end, inner, alias)?,
            Some(Kind::Word | Kind::Quoted | Kind::UnicodeQuoted) => self.named(at, end, inner_place, inner, alias)?,
            _ => return self.unread(at, end, "a relation"),
        };
        if let Some(bytes) = bytes {
            self.insert_tokens(stop, vec![Patch::Word("AS"), Patch::Copy(bytes)]);
        }
        if pivoted { self.pivot_suffix(stop, end, inner_place, frame) } else { Ok(stop) }
    }

    /// A bracket: a subquery or a nested join.
    fn bracketed(
        &mut self,
        at: usize,
        end: usize,
        place: Place,
        frame: FrameId,
        lateral: bool,
        prefix: Option<(NamePart, usize)>,
    ) -> Read<usize> {
        let close = self.close(at);
        let mut stop = close + 1;
        let alias = match prefix {
            Some(alias) => Alias { name: Some(alias), columns: false },
            None => self.alias(&mut stop, end)?,
        };
        if self.is_query(at + 1, close) {
            let sees_siblings = lateral || self.dialect == Dialect::DuckDb;
            let outer = if sees_siblings { Some(frame) } else { self.sketch.outline.outer(frame) };
            let scope = Scope { environment: place.environment, outer, named: !alias.columns };
            self.query(at + 1, close, scope)?;
            self.add(frame, ItemKind::Other, None, alias.name, AliasPlace::None, None);
            self.sample(&mut stop, end, place)?;
            return Ok(stop);
        }
        if alias.name.is_none() {
            self.deeper(at)?;
            self.relations(at + 1, close, place, frame)?;
        } else {
            // The alias hides the names inside from everything outside.
            let inner = self.sketch.outline.frame(self.sketch.outline.outer(frame));
            self.deeper(at)?;
            self.relations(at + 1, close, Place { frame: Some(inner), ..place }, inner)?;
            self.add(frame, ItemKind::Other, None, alias.name, AliasPlace::None, None);
        }
        self.depth -= 1;
        Ok(stop)
    }

    /// A name: a relation, a common table expression, a function.
    fn named(
        &mut self,
        at: usize,
        end: usize,
        place: Place,
        frame: FrameId,
        prefix: Option<(NamePart, usize)>,
    ) -> Read<usize> {
        match self.keyword(at, end) {
            Keyword::Only => return self.only(at, end, place, frame, prefix),
            Keyword::Rows if self.keyword(at + 1, end) == Keyword::From => {
                return self.rows_from(at, end, place, frame);
            }
            Keyword::Values if self.duckdb() => return self.values(at, end, place, frame),
            _ => {}
        }
        let stop = self.dotted_end(at, end);
        if self.is_sign(stop, end, b'(') {
            return self.function(at, stop, end, place, frame, prefix);
        }
        // To sqlparser it may be a name; `select * from core.order` is one, because of the dot.
        if self.is_reserved(at) {
            return self.unread(at, end, "a relation");
        }
        let name = self.dotted(at, stop);
        self.plain(stop, end, place, frame, name, prefix)
    }

    /// What follows the name of a relation.
    fn plain(
        &mut self,
        at: usize,
        end: usize,
        place: Place,
        frame: FrameId,
        name: DottedName,
        prefix: Option<(NamePart, usize)>,
    ) -> Read<usize> {
        let mut at = at;
        if self.is_sign(at, end, b'*') {
            self.drop_tokens(at, at + 1);
            at += 1;
        }
        if self.keyword(at, end) == Keyword::At && self.is_sign(at + 1, end, b'(') {
            let problem = Problem::new(
                code::UNSAFE_NAME_FORM,
                self.bytes(at, self.next(at + 1)),
                "a model reads relations as they are now, not as they were",
            )
            .help("remove AT (…)");
            self.refuse(problem);
            at = self.next(at + 1);
        }
        let alias_place = AliasPlace::At(self.bytes(at.saturating_sub(1), at).end);
        let alias = match prefix {
            Some(alias) => Some(alias),
            None => self.alias(&mut at, end)?.name,
        };
        let kind = self.sketch.outline.classify(&name.parts, place.environment, self.dialect);
        self.add(frame, kind, Some(name), alias, alias_place, None);
        self.sample(&mut at, end, place)?;
        Ok(at)
    }

    /// `ONLY orders`, `ONLY (orders)`.
    fn only(
        &mut self,
        at: usize,
        end: usize,
        place: Place,
        frame: FrameId,
        prefix: Option<(NamePart, usize)>,
    ) -> Read<usize> {
        self.sketch.misread = true;
        let bracket = self.is_sign(at + 1, end, b'(');
        let start = at + 1 + usize::from(bracket);
        if !self.is_name(start, end) {
            return self.unread(start, end, "a relation");
        }
        let stop = self.dotted_end(start, end);
        let name = self.dotted(start, stop);
        self.drop_tokens(at, start);
        if !bracket {
            return self.plain(stop, end, place, frame, name, prefix);
        }
        if !self.is_sign(stop, end, b')') {
            return self.unread(stop, end, "`)`");
        }
        self.drop_tokens(stop, stop + 1);
        self.plain(stop + 1, end, place, frame, name, prefix)
    }

    /// A function in FROM, its arguments, and what it is called.
    fn function(
        &mut self,
        at: usize,
        bracket: usize,
        end: usize,
        place: Place,
        frame: FrameId,
        prefix: Option<(NamePart, usize)>,
    ) -> Read<usize> {
        let name = self.dotted(at, bracket).parts.pop();
        let close = self.close(bracket);
        self.arguments(at, bracket, place)?;
        let mut stop = close + 1;
        if self.keyword(stop, end) == Keyword::With && self.keyword(stop + 1, end) == Keyword::Ordinality {
            stop += 2;
        }
        let alias = match prefix {
            Some(alias) => Some(alias),
            None => self.function_alias(&mut stop, end)?,
        };
        self.add(frame, ItemKind::Other, None, alias, AliasPlace::None, name);
        self.sample(&mut stop, end, place)?;
        Ok(stop)
    }

    /// PostgreSQL: `ROWS FROM (f(…) AS (…), g(…))`.
    fn rows_from(&mut self, at: usize, end: usize, place: Place, frame: FrameId) -> Read<usize> {
        let bracket = at + 2;
        if !self.is_sign(bracket, end, b'(') {
            return self.unread(bracket, end, "`(`");
        }
        let close = self.close(bracket);
        self.replace_tokens(at, bracket, vec![Patch::Word("rows_from")]);
        let mut next = bracket + 1;
        while next < close {
            if self.keyword(next, close) == Keyword::As && self.is_sign(next + 1, close, b'(') {
                self.drop_tokens(next, self.next(next + 1));
            }
            next = self.next(next);
        }
        self.expression(bracket + 1, close, place)?;
        let mut stop = close + 1;
        if self.keyword(stop, end) == Keyword::With && self.keyword(stop + 1, end) == Keyword::Ordinality {
            stop += 2;
        }
        let alias = self.function_alias(&mut stop, end)?;
        self.add(frame, ItemKind::Other, None, alias, AliasPlace::None, None);
        Ok(stop)
    }

    /// DuckDB: `FROM VALUES (1), (2) t(a)`.
    fn values(&mut self, at: usize, end: usize, place: Place, frame: FrameId) -> Read<usize> {
        let mut stop = at + 1;
        if !self.is_sign(stop, end, b'(') {
            return self.unread(stop, end, "`(`");
        }
        stop = self.next(stop);
        while self.is_sign(stop, end, b',') && self.is_sign(stop + 1, end, b'(') {
            stop = self.next(stop + 1);
        }
        self.expression(at + 1, stop, place)?;
        self.insert_tokens(at, vec![Patch::Open]);
        self.insert_tokens(stop, vec![Patch::Close]);
        let alias = self.alias(&mut stop, end)?.name;
        self.add(frame, ItemKind::Other, None, alias, AliasPlace::None, None);
        Ok(stop)
    }

    /// DuckDB: a string in FROM is a file, or a relation in a form that hides it.
    fn file(&mut self, at: usize, end: usize, frame: FrameId, prefix: Option<(NamePart, usize)>) -> Read<usize> {
        let text = self.tokens.text.get(self.bytes(at, at + 1)).unwrap_or_default();
        if !strings::is_file(text) {
            let problem = Problem::new(
                code::UNSAFE_NAME_FORM,
                self.bytes(at, at + 1),
                "a relation is named by a string, which cannot be told from a file",
            )
            .help("write the name without quotes, or in double quotes");
            self.refuse(problem);
        }
        let mut stop = at + 1;
        let alias = match prefix {
            Some(alias) => Some(alias),
            None => self.alias(&mut stop, end)?.name,
        };
        self.add(frame, ItemKind::Other, None, alias, AliasPlace::None, None);
        Ok(stop)
    }

    /// Reads a function's `AS (column type, …)` or its alias, if either is there.
    fn function_alias(&mut self, at: &mut usize, end: usize) -> Read<Option<(NamePart, usize)>> {
        if self.keyword(*at, end) == Keyword::As && self.is_sign(*at + 1, end, b'(') {
            let start = *at;
            *at = self.next(*at + 1);
            self.drop_tokens(start, *at);
            return Ok(None);
        }
        Ok(self.alias(at, end)?.name)
    }

    /// Reads `[AS] name [(columns)]`, if it is there.
    fn alias(&mut self, at: &mut usize, end: usize) -> Read<Alias> {
        let explicit = self.keyword(*at, end) == Keyword::As;
        let word = *at + usize::from(explicit);
        let token = self.token(word).filter(|_| word < end);
        let is_alias = token.is_some_and(|token| match token.kind {
            Kind::Quoted | Kind::UnicodeQuoted => true,
            Kind::Word => can_name_relation(self.tokens.slice(token), self.dialect),
            Kind::String => explicit && self.duckdb(),
            _ => false,
        });
        if !is_alias {
            return if explicit {
                self.unread(word, end, "an alias")
            } else {
                Ok(Alias { name: None, columns: false })
            };
        }
        let start = token.map(|token| token.start as usize);
        let text = token.filter(|token| token.kind == Kind::String).map(|token| self.tokens.slice(token));
        let part = match text {
            Some(text) => {
                let name = text.trim_matches('\'').replace("''", "'");
                self.replace_tokens(word, word + 1, vec![Patch::Quoted(name.clone())]);
                NamePart::quoted(name)
            }
            None => self.part(word),
        };
        let name = start.map(|start| (part, start));
        *at = word + 1;
        let columns = self.is_sign(*at, end, b'(');
        if columns {
            *at = self.next(*at);
        }
        Ok(Alias { name, columns })
    }

    /// Steps over `TABLESAMPLE method (…) REPEATABLE (…)`.
    fn sample(&mut self, at: &mut usize, end: usize, place: Place) -> Read<()> {
        if self.keyword(*at, end) != Keyword::Tablesample {
            return Ok(());
        }
        let start = *at;
        *at += 1;
        let named = self.is_name(*at, end);
        *at += usize::from(named);
        if self.is_sign(*at, end, b'(') {
            let close = self.close(*at);
            self.expression(*at + 1, close, place)?;
            *at = close + 1;
        } else {
            // DuckDB: `TABLESAMPLE 10%`, `TABLESAMPLE 5 ROWS`
            *at += 1;
            while self.is_sign(*at, end, b'%') || (self.duckdb() && self.is_unit(*at, end)) {
                *at += 1;
            }
            // DuckDB: `TABLESAMPLE 10% (bernoulli, 7)`
            if self.is_sign(*at, end, b'(') {
                *at = self.next(*at);
            }
        }
        if self.keyword(*at, end) == Keyword::Repeatable && self.is_sign(*at + 1, end, b'(') {
            *at = self.next(*at + 1);
        }
        self.drop_tokens(start, (*at).min(end));
        Ok(())
    }

    fn is_unit(&self, at: usize, end: usize) -> bool {
        self.keyword(at, end) == Keyword::Rows
            || (self.is_name(at, end)
                && self.token(at).is_some_and(|token| self.tokens.slice(token).eq_ignore_ascii_case("percent")))
    }

    fn add(
        &mut self,
        frame: FrameId,
        kind: ItemKind,
        name: Option<DottedName>,
        alias: Option<(NamePart, usize)>,
        alias_place: AliasPlace,
        function: Option<NamePart>,
    ) {
        self.sketch.outline.items.push(Item { frame, kind, name, alias, alias_place, function });
    }

    // Statements that read one relation.

    /// `TABLE orders`.
    pub(super) fn table(&mut self, at: usize, end: usize, scope: Scope) -> Read<(usize, Option<FrameId>)> {
        let frame = self.sketch.outline.frame(scope.outer);
        let start = at + 1 + usize::from(self.keyword(at + 1, end) == Keyword::Only);
        if !self.is_name(start, end) {
            return self.unread(start, end, "a relation");
        }
        let stop = self.dotted_end(start, end);
        let name = self.dotted(start, stop);
        let kind = self.sketch.outline.classify(&name.parts, scope.environment, self.dialect);
        self.replace_tokens(at, start, vec![Patch::Word("SELECT"), Patch::Star, Patch::Word("FROM")]);
        self.add(frame, kind, Some(name), None, AliasPlace::None, None);
        let star = self.is_sign(stop, end, b'*');
        if star {
            self.drop_tokens(stop, stop + 1);
        }
        Ok((stop + usize::from(star), Some(frame)))
    }

    /// DuckDB: `(DESCRIBE orders)`, `(SUMMARIZE select …)`, `(SHOW tables)`.
    pub(super) fn describe(&mut self, at: usize, end: usize, scope: Scope) -> Read<(usize, Option<FrameId>)> {
        if self.is_query(at + 1, end) {
            self.drop_tokens(at, at + 1);
            self.query(at + 1, end, scope)?;
            return Ok((end, None));
        }
        let stop = self.dotted_end(at + 1, end);
        let name = self.dotted(at + 1, stop);
        let lists = self.keyword(at, end) == Keyword::Show
            && name.parts.first().is_some_and(|part| !part.quoted && is_listing(&part.value));
        if at + 1 >= end || lists {
            self.replace_tokens(at, end, vec![Patch::Word("SELECT"), Patch::Star]);
            return Ok((end, None));
        }
        if !self.is_name(at + 1, end) || stop != end {
            return self.unread(at + 1, end, "a relation");
        }
        let frame = self.sketch.outline.frame(scope.outer);
        let kind = self.sketch.outline.classify(&name.parts, scope.environment, self.dialect);
        self.replace_tokens(at, at + 1, vec![Patch::Word("SELECT"), Patch::Star, Patch::Word("FROM")]);
        self.add(frame, kind, Some(name), None, AliasPlace::None, None);
        Ok((end, None))
    }

    /// DuckDB: `PIVOT orders ON … USING … GROUP BY …`, `UNPIVOT orders ON … INTO NAME … VALUE …`.
    pub(super) fn pivot_statement(&mut self, at: usize, end: usize, scope: Scope) -> Read<(usize, Option<FrameId>)> {
        let frame = self.sketch.outline.frame(scope.outer);
        let place = Place { environment: scope.environment, frame: Some(frame) };
        self.replace_tokens(at, at + 1, vec![Patch::Word("SELECT"), Patch::Star, Patch::Word("FROM")]);
        let clauses = self.pivot_clauses(at + 1, end);
        self.relations(at + 1, clauses, place, frame)?;
        let stop = self.end_of_select(clauses, end);
        if clauses < stop {
            let into = (clauses..stop).find(|at| self.keyword(*at, stop) == Keyword::Into && !self.is_label(*at));
            self.expression(clauses, into.unwrap_or(stop), place)?;
            self.pivot_repair(clauses, into.unwrap_or(stop), stop);
            // Its columns may be named after the text of the aggregates.
            if let Some(using) = (clauses..stop).find(|at| self.keyword(*at, stop) == Keyword::Using) {
                let range = self.bytes(using, stop);
                self.sketch.unnamed.push(range);
            }
        }
        Ok((stop, Some(frame)))
    }

    /// sqlparser is spared the clauses of a pivot, unless a query stands in them: then they become a condition.
    fn pivot_repair(&mut self, at: usize, into: usize, stop: usize) {
        let has_query = (at..into).any(|at| self.is_sign(at, into, b'(') && self.is_query(at + 1, self.close(at)));
        if !has_query {
            return self.drop_tokens(at, stop);
        }
        let mut clause = at;
        while clause < into {
            match self.keyword(clause, into) {
                _ if clause == at => {
                    self.replace_tokens(
                        clause,
                        clause + 1,
                        vec![Patch::Word("WHERE"), Patch::Word("pivot_by"), Patch::Open],
                    );
                }
                Keyword::Using => self.replace_tokens(clause, clause + 1, vec![Patch::Comma]),
                Keyword::Group => self.replace_tokens(clause, clause + 2, vec![Patch::Comma]),
                Keyword::As => self.drop_tokens(clause, clause + 2),
                _ => {}
            }
            clause = self.next(clause);
        }
        self.insert_tokens(into, vec![Patch::Close]);
        self.drop_tokens(into, stop);
    }

    /// Where ON, USING or GROUP BY of a pivot begin; an ON right after a join belongs to the join.
    fn pivot_clauses(&self, at: usize, end: usize) -> usize {
        let stop = self.end_of_select(at, end);
        let mut at = at;
        let mut joins = 0_usize;
        while at < stop {
            match self.keyword(at, stop) {
                _ if self.is_label(at) => {}
                Keyword::Join if !matches!(self.keyword(at - 1, stop), Keyword::Cross | Keyword::Positional) => {
                    joins += 1;
                }
                Keyword::Using if self.is_sign(at + 1, stop, b'(') && joins > 0 => joins -= 1,
                Keyword::On if joins > 0 => joins -= 1,
                Keyword::On | Keyword::Using | Keyword::Group => return at,
                _ => {}
            }
            at = self.next(at);
        }
        stop
    }

    /// Whether `PIVOT (…)` or `UNPIVOT (…)` follows the item that begins at `at`.
    fn is_pivoted(&self, at: usize, end: usize) -> bool {
        if !self.duckdb() {
            return false;
        }
        let mut at = at;
        while at < end && !self.is_sign(at, end, b',') {
            match self.keyword(at, end) {
                Keyword::Pivot | Keyword::PivotWider | Keyword::Unpivot | Keyword::PivotLonger
                    if !self.is_label(at) =>
                {
                    return true;
                }
                Keyword::Join | Keyword::On | Keyword::Using => return false,
                _ => at = self.next(at),
            }
        }
        false
    }

    /// `PIVOT (aggregate FOR column IN (…)) alias`; what is pivoted stands in a frame of its own.
    fn pivot_suffix(&mut self, at: usize, end: usize, place: Place, frame: FrameId) -> Read<usize> {
        let mut at = at;
        let mut alias = None;
        while matches!(
            self.keyword(at, end),
            Keyword::Pivot | Keyword::PivotWider | Keyword::Unpivot | Keyword::PivotLonger
        ) {
            let start = at;
            at += 1;
            // `UNPIVOT INCLUDE NULLS (…)`
            while self.is_name(at, end) {
                at += 1;
            }
            if !self.is_sign(at, end, b'(') {
                return self.unread(at, end, "`(`");
            }
            let close = self.close(at);
            self.expression(at + 1, close, place)?;
            let range = self.bytes(at, close + 1);
            self.sketch.unnamed.push(range);
            at = close + 1;
            self.drop_tokens(start, at);
            let start = at;
            alias = self.alias(&mut at, end)?.name;
            self.drop_tokens(start, at);
        }
        self.add(frame, ItemKind::Other, None, alias, AliasPlace::None, None);
        Ok(at)
    }
}

/// What DuckDB's SHOW lists, where a relation could stand.
fn is_listing(word: &str) -> bool {
    ["tables", "databases", "schemas", "all", "variables", "views"]
        .iter()
        .any(|listed| word.eq_ignore_ascii_case(listed))
}
