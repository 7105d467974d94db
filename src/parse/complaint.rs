//! What is said about SQL that cannot be read.

use super::{
    keyword::{Keyword, can_name_relation},
    lexer::Kind,
    problem::Problem,
    reader::QueryReader,
    shape,
    stream::Unread,
    syntax::Failure,
};
use crate::diagnostic::{closest, code};
use std::ops::Range;

/// What somebody has to say about a text that cannot be read.
struct Complaint {
    range: Range<usize>,
    expected: Option<String>,
    /// Whether the text ends where that should stand; then the range is the last token.
    at_end: bool,
}

impl QueryReader<'_> {
    /// Says that sqlparser reads a text that the token reader does not.
    pub(super) fn unsupported(&self, unread: &Unread) -> Problem {
        let text = self.tokens.text.get(unread.range.clone()).unwrap_or_default();
        let is_reserved = text.bytes().all(|byte| byte.is_ascii_alphabetic()) && !can_name_relation(text, self.dialect);
        if is_reserved || text == "`" {
            return self.syntax_error(None, Some(unread));
        }
        Problem::new(
            code::READING_UNSUPPORTED,
            unread.range.clone(),
            "the relations of this SQL cannot be told for sure",
        )
        .label(format!("expected {} here", unread.expected))
        .help("list what the model reads under `depends_on`")
        .help("or write this part in another way")
    }

    /// Says what is wrong with a text that nothing can read: whatever stands first.
    pub(super) fn syntax_error(&self, failure: Option<&Failure>, unread: Option<&Unread>) -> Problem {
        if let Some(failure) = failure.filter(|failure| failure.too_deep) {
            let range = failure.byte.map_or_else(|| self.last_token(), |byte| self.token_at(byte));
            return Problem::new(code::SQL_SYNTAX, range, "the SQL nests too deeply to be read")
                .help("split it into several models or common table expressions");
        }
        let fault = shape::find_fault(self.tokens, self.within.clone(), self.dialect);
        let Complaint { range, expected, at_end } = self.first_complaint(
            unread.map(|unread| Complaint {
                range: unread.range.clone(),
                expected: Some(unread.expected.to_owned()),
                at_end: unread.at_end,
            }),
            fault.map(|fault| Complaint {
                range: fault.range,
                expected: Some(fault.expected.to_owned()),
                at_end: fault.at_end,
            }),
            failure.map(|failure| Complaint {
                range: failure.byte.map_or_else(|| self.last_token(), |byte| self.token_at(byte)),
                expected: failure.expected.as_deref().map(in_words),
                at_end: failure.byte.is_none(),
            }),
        );
        let (range, meant) = match self.meant(&range) {
            Some((word, meant)) => (word, Some(meant)),
            None => (range, None),
        };
        let text = self.tokens.text.get(range.clone()).unwrap_or_default();
        let message = match expected {
            Some(sentence) if sentence.starts_with("this ") => sentence,
            Some(expected) if at_end => format!("expected {expected} after `{text}`, but the SQL ends"),
            Some(expected) => format!("expected {expected}, found `{text}`"),
            None => format!("`{text}` cannot stand here"),
        };
        let mut problem = Problem::new(code::SQL_SYNTAX, range.clone(), message);
        if let Some(meant) = meant {
            problem = problem.help(format!("did you mean `{meant}`?"));
        }
        if self.follows_comma(&range) {
            problem = problem.help(format!("remove the comma before `{text}`"));
        }
        if text == "`" {
            problem = problem.help("names are quoted with double quotes");
        }
        problem
    }

    /// Of what the token reader, the shape of the tokens and sqlparser have to say, what stands first; but the token
    /// reader knows better what surrounds relations, and sqlparser often stops a word too early.
    fn first_complaint(
        &self,
        unread: Option<Complaint>,
        fault: Option<Complaint>,
        failure: Option<Complaint>,
    ) -> Complaint {
        let follows = |later: &Complaint, earlier: &Complaint| {
            self.token_at(earlier.range.end.saturating_add(1)) == later.range || earlier.range == later.range
        };
        let key = |complaint: &Complaint| (complaint.at_end, complaint.range.start);
        let own = match (unread, fault) {
            (Some(unread), Some(fault)) if !follows(&unread, &fault) && key(&fault) < key(&unread) => Some(fault),
            (Some(unread), _) => Some(unread),
            (None, fault) => fault,
        };
        match (own, failure) {
            (Some(own), Some(failure)) if key(&failure) < key(&own) && !follows(&own, &failure) => failure,
            (Some(own), _) => own,
            (None, Some(failure)) => failure,
            (None, None) => Complaint { range: self.last_token(), expected: None, at_end: false },
        }
    }

    /// Whether a comma stands before a word that begins a clause.
    fn follows_comma(&self, range: &Range<usize>) -> bool {
        let Some(at) = self.tokens.list.iter().position(|token| token.range() == *range) else { return false };
        let begins = self.tokens.list.get(at).is_some_and(|token| {
            token.keyword.ends_select()
                || matches!(
                    token.keyword,
                    Keyword::Select | Keyword::From | Keyword::Where | Keyword::Group | Keyword::Having
                )
        });
        begins
            && at.checked_sub(1).and_then(|before| self.tokens.list.get(before)).is_some_and(|before| before.is(b','))
    }

    /// A misspelt word at `range` or before it, and the clause that it was meant to begin.
    fn meant(&self, range: &Range<usize>) -> Option<(Range<usize>, &'static str)> {
        const CLAUSES: [&str; 12] =
            ["select", "from", "where", "group", "order", "having", "limit", "join", "left", "inner", "union", "using"];
        let at = self.tokens.list.iter().position(|token| token.range() == *range)?;
        for at in [Some(at), at.checked_sub(1)].into_iter().flatten() {
            let token = self.tokens.list.get(at).filter(|token| token.kind == Kind::Word)?;
            let word = self.tokens.slice(token).to_ascii_lowercase();
            if CLAUSES.contains(&word.as_str()) {
                return None;
            }
            // `orders` is no misspelt `order`.
            let plural = word.strip_suffix('s').is_some_and(|stem| CLAUSES.contains(&stem));
            if let Some(clause) = closest(&word, CLAUSES).filter(|_| !plural && word.len() > 2) {
                return Some((token.range(), clause));
            }
        }
        None
    }
}

/// sqlparser's expectations in an analyst's words.
fn in_words(expected: &str) -> String {
    match expected {
        "identifier" => "a name".to_owned(),
        "end of statement" | "EOF" => "the end of the query".to_owned(),
        "joined table" => "what is joined".to_owned(),
        "SELECT, VALUES, or a subquery in the query body" => "SELECT".to_owned(),
        other => other.to_owned(),
    }
}
