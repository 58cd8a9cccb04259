//! Reads a query's text.

use super::problem::{Found, QueryError};
use super::query::{Condition, Direction, Filter, Query, SortKey};
use super::text::{KEYWORDS, ends_word, instead_of, words};

type Result<T> = std::result::Result<T, QueryError>;

impl Query {
    /// The query that a text says. docs/FINDING.md tells how it is written.
    ///
    /// # Errors
    /// Where it says none: the place, and what could stand there.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser::new(text);
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            let expected = format!("at most {} characters", Self::MAX_CHARS);
            return Err(parser.error_at(Self::MAX_CHARS + 1, &expected, Found::End));
        }
        let query = parser.query()?;
        parser.end(&query)?;
        Ok(query)
    }
}

pub(super) struct Parser<'s> {
    rest: &'s str,
    column: usize,
    conditions: usize,
}

impl<'s> Parser<'s> {
    pub(super) const fn new(text: &'s str) -> Self {
        Self {
            rest: text,
            column: 1,
            conditions: 0,
        }
    }

    fn query(&mut self) -> Result<Query> {
        let is_short = self.next_keyword("SORT") || self.next_keyword("LIMIT") || self.sign('*');
        let filter = if is_short {
            Filter::All(Vec::new())
        } else {
            self.any(0)?
        };
        let mut sort = Vec::new();
        if self.keyword("SORT") {
            loop {
                sort.push(self.sort_key()?);
                if !self.sign(',') {
                    break;
                }
            }
        }
        let limit = if self.keyword("LIMIT") {
            Some(self.limit()?)
        } else {
            None
        };
        Ok(Query {
            filter,
            sort,
            limit,
        })
    }

    /// Nothing stands behind what was read.
    fn end(&mut self, read: &Query) -> Result<()> {
        self.blanks();
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.error(match (read.sort.is_empty(), read.limit) {
            (_, Some(_)) => "the end",
            (false, None) => "a comma and what else to sort by, LIMIT or the end",
            (true, None) => "AND, OR, SORT, LIMIT or the end",
        }))
    }

    fn any(&mut self, depth: usize) -> Result<Filter> {
        let mut parts = vec![self.all(depth)?];
        while self.keyword("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(joined(parts, Filter::Any, |part| match part {
            Filter::Any(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    /// Conditions that stand beside each other are joined as if by `AND`.
    fn all(&mut self, depth: usize) -> Result<Filter> {
        let mut parts = vec![self.one(depth)?];
        loop {
            let is_told = self.keyword("AND");
            let is_over = ["OR", "SORT", "LIMIT"]
                .iter()
                .any(|keyword| self.next_keyword(keyword));
            if !is_told && (is_over || matches!(self.peek(), None | Some(')'))) {
                break;
            }
            parts.push(self.one(depth)?);
        }
        Ok(joined(parts, Filter::All, |part| match part {
            Filter::All(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    fn one(&mut self, depth: usize) -> Result<Filter> {
        if depth >= Query::MAX_DEPTH {
            let expected = format!("at most {} conditions within each other", Query::MAX_DEPTH);
            return Err(self.error(&expected));
        }
        if self.keyword("NOT") {
            return Ok(Filter::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.sign('(') {
            let inner = self.any(depth + 1)?;
            if !self.sign(')') {
                return Err(self.error("AND, OR or `)`"));
            }
            return Ok(inner);
        }
        if self.conditions == Query::MAX_CONDITIONS {
            let expected = format!("at most {} conditions", Query::MAX_CONDITIONS);
            return Err(self.error(&expected));
        }
        self.conditions += 1;
        self.condition().map(Filter::Is)
    }

    fn condition(&mut self) -> Result<Condition> {
        self.blanks();
        let (column, start) = (self.column, self.rest);
        if self.peek() == Some('"') {
            return self.text().map(Condition::Anywhere);
        }
        let word = self.word();
        if word.is_empty() || KEYWORDS.contains(&word) {
            (self.column, self.rest) = (column, start);
            return Err(self.error("a condition"));
        }
        let field = self.here();
        let is_field = matches!(field, Some(':' | '=' | '"' | '<' | '>'));
        if is_field || word.starts_with("tag.") {
            return self.field(column, word);
        }
        let joins = ["AND", "OR", "NOT"].into_iter();
        if let Some(join) = joins.into_iter().find(|it| it.eq_ignore_ascii_case(word)) {
            let expected = format!("{join} in capital letters, or \"{word}\" in quotes");
            return Err(self.error_at(column, &expected, found(word)));
        }
        self.bare(column, word).map(Condition::Anywhere)
    }

    fn sort_key(&mut self) -> Result<(SortKey, Direction)> {
        self.blanks();
        let column = self.column;
        let name = self.word();
        let key = SortKey::EVERY.iter().find(|key| key.name() == name);
        let year = (name == "year").then_some(&SortKey::Date);
        let Some(key) = key.or(year) else {
            let names: Vec<&str> = SortKey::EVERY.iter().map(|key| key.name()).collect();
            let expected = format!("what to sort by: {}", names.join(", "));
            return Err(self.error_at(column, &expected, found(name)));
        };
        let direction = if self.keyword("DESC") {
            Direction::Descending
        } else {
            self.keyword("ASC");
            Direction::Ascending
        };
        Ok((*key, direction))
    }

    fn limit(&mut self) -> Result<u32> {
        self.blanks();
        let column = self.column;
        let word = self.word();
        let limit = word.parse().ok();
        limit
            .filter(|limit| (1..=Query::MOST).contains(limit))
            .ok_or_else(|| {
                let expected = format!("a number from 1 to {}", Query::MOST);
                self.error_at(column, &expected, found(word))
            })
    }

    /// Words, bare or quoted.
    pub(super) fn text(&mut self) -> Result<Box<str>> {
        self.blanks();
        let column = self.column;
        if self.peek() == Some('"') {
            let text = self.string()?;
            return self.checked(column, text);
        }
        let word = self.word();
        self.bare(column, word)
    }

    /// A bare word that is one.
    fn bare(&self, column: usize, word: &str) -> Result<Box<str>> {
        match instead_of(word) {
            Some(expected) => Err(self.error_at(column, &expected, found(word))),
            None => self.checked(column, word.into()),
        }
    }

    /// Text that has words at all.
    fn checked(&self, column: usize, text: Box<str>) -> Result<Box<str>> {
        if words(&text).is_empty() {
            return Err(self.error_at(column, "a word", found(&text)));
        }
        Ok(text)
    }

    /// A quoted text; `\` takes the next character as it is.
    pub(super) fn string(&mut self) -> Result<Box<str>> {
        let column = self.column;
        self.take();
        let mut text = String::new();
        loop {
            match self.take() {
                Some('"') => return Ok(text.into()),
                Some('\\') => text.extend(self.take()),
                Some(char) => text.push(char),
                None => {
                    let quoted = Found::Text(format!("\"{text}"));
                    return Err(self.error_at(column, "a text that ends with `\"`", quoted));
                }
            }
        }
    }

    /// What stands here up to a blank, a comma or a sign.
    pub(super) fn word(&mut self) -> &'s str {
        let end = self.rest.find(ends_word).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let (word, rest) = match word.find(',') {
            Some(comma) => self.rest.split_at(comma),
            None => (word, rest),
        };
        self.column += word.chars().count();
        self.rest = rest;
        word
    }

    /// Takes a keyword, where it stands here.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let is_here = self.next_keyword(keyword);
        if is_here {
            self.rest = self.rest.get(keyword.len()..).unwrap_or_default();
            self.column += keyword.len();
        }
        is_here
    }

    /// True where that word or keyword stands here.
    pub(super) fn next_keyword(&mut self, keyword: &str) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(keyword);
        rest.is_some_and(|rest| {
            let next = rest.chars().next();
            next.is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')' | ',' | '"'))
        })
    }

    /// Takes a sign, where it stands here.
    pub(super) fn sign(&mut self, sign: char) -> bool {
        let is_here = self.peek() == Some(sign);
        if is_here {
            self.take();
        }
        is_here
    }

    /// The next character that is no blank.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.blanks();
        self.rest.chars().next()
    }

    /// The next character that stands here at once.
    pub(super) fn here(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let char = chars.next()?;
        self.rest = chars.as_str();
        self.column += 1;
        Some(char)
    }

    /// What stands here up to a blank or the end of what it stands in.
    pub(super) fn value(&mut self) -> &'s str {
        let is_end = |char: char| char.is_whitespace() || matches!(char, '(' | ')' | '[' | ']');
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.column += value.chars().count();
        self.rest = rest;
        value
    }

    pub(super) const fn column(&self) -> usize {
        self.column
    }

    fn blanks(&mut self) {
        while self.rest.starts_with(char::is_whitespace) {
            self.take();
        }
    }

    /// Something else is expected here.
    pub(super) fn error(&mut self, expected: &str) -> QueryError {
        self.blanks();
        let end = self.rest.find(char::is_whitespace);
        let word = self.rest.get(..end.unwrap_or(self.rest.len()));
        let shown: String = word.unwrap_or_default().chars().take(40).collect();
        self.error_at(self.column, expected, found(&shown))
    }

    pub(super) fn error_at(&self, column: usize, expected: &str, found: Found) -> QueryError {
        QueryError {
            column,
            expected: expected.to_owned(),
            found,
        }
    }
}

pub(super) fn found(text: &str) -> Found {
    if text.is_empty() {
        Found::End
    } else {
        Found::Text(text.to_owned())
    }
}

/// Parts as one; those that are of the same kind as the whole take their place in it.
fn joined(
    parts: Vec<Filter>,
    whole: impl Fn(Vec<Filter>) -> Filter,
    own: impl Fn(Filter) -> std::result::Result<Vec<Filter>, Filter>,
) -> Filter {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match own(part) {
            Ok(parts) => flat.extend(parts),
            Err(part) => flat.push(part),
        }
    }
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        last => {
            flat.extend(last);
            whole(flat)
        }
    }
}
