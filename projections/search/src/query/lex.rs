//! A query's text into its signs.

use super::error::QueryError;

/// A sign, and the character that it begins at, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    And,
    Or,
    Not,
    /// `name:`, directly before what is looked for there.
    Field(String),
    Word {
        text: String,
        distance: Option<u8>,
    },
    Phrase(String),
    /// `[from TO to]`; `None` for `*`.
    Range(Option<u16>, Option<u16>),
}

/// Most letters that may differ: more finds anything.
const FARTHEST: u8 = 2;

pub(super) fn signs(text: &str) -> Result<Vec<Sign>, QueryError> {
    let characters: Vec<char> = text.chars().collect();
    let mut lexer = Lexer {
        characters: &characters,
        at: 0,
    };
    let mut signs: Vec<Sign> = Vec::new();
    loop {
        let in_field = matches!(signs.last().map(|sign| &sign.kind), Some(Kind::Field(_)));
        match lexer.next(in_field)? {
            Some(sign) => signs.push(sign),
            None => return Ok(signs),
        }
    }
}

struct Lexer<'t> {
    characters: &'t [char],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    /// Takes characters as long as they are wanted.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(character) = self.peek().filter(|next| wanted(*next)) {
            taken.push(character);
            self.at += 1;
        }
        taken
    }

    /// The next sign; directly behind the name of a field, none is a name or an operator.
    fn next(&mut self, in_field: bool) -> Result<Option<Sign>, QueryError> {
        self.take(char::is_whitespace);
        let at = self.at;
        let Some(first) = self.peek() else {
            return Ok(None);
        };
        let kind = match first {
            '(' => self.single(Kind::Open),
            ')' => self.single(Kind::Close),
            '"' | '“' | '”' | '„' => self.phrase()?,
            '-' if !in_field && self.begins_what_is_not_wanted() => self.single(Kind::Not),
            _ => self.word(in_field)?,
        };
        Ok(Some(Sign { kind, at }))
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.at += 1;
        kind
    }

    /// True for `-word`, but not for a dash between words.
    fn begins_what_is_not_wanted(&self) -> bool {
        let next = self.characters.get(self.at + 1);
        next.is_some_and(|next| next.is_alphanumeric() || matches!(next, '"' | '('))
    }

    fn phrase(&mut self) -> Result<Kind, QueryError> {
        let begin = self.at;
        self.at += 1;
        let text = self.take(|next| !is_quote(next));
        if self.peek().is_none() {
            return Err(QueryError::new(begin, "a second \" is missing"));
        }
        self.at += 1;
        Ok(Kind::Phrase(text))
    }

    fn word(&mut self, in_field: bool) -> Result<Kind, QueryError> {
        let begin = self.at;
        if !in_field && let Some(name) = self.field() {
            return match self.peek() {
                Some('[') => self.range(&name, begin),
                Some(next) if !next.is_whitespace() && next != ')' => Ok(Kind::Field(name)),
                // A word that ends in a colon, as in a title.
                _ if matches!(super::Field::of(&name), super::Field::Tag(_)) => Ok(Kind::Word {
                    text: name,
                    distance: None,
                }),
                _ => Err(QueryError::new(
                    self.at,
                    format!("after \"{name}:\" comes what to look for, without a space"),
                )),
            };
        }
        let text = self
            .take(|next| !next.is_whitespace() && !is_quote(next) && !matches!(next, '(' | ')'));
        Ok(match text.as_str() {
            "AND" | "&&" if !in_field => Kind::And,
            "OR" | "||" if !in_field => Kind::Or,
            "NOT" if !in_field => Kind::Not,
            _ => {
                let (text, distance) = distance(&text, begin)?;
                Kind::Word { text, distance }
            }
        })
    }

    /// The name of a field, where one begins here and its colon is followed by something.
    fn field(&mut self) -> Option<String> {
        let begin = self.at;
        let name = self.take(|next| next.is_alphanumeric() || matches!(next, '_' | '-'));
        let is_field = !name.is_empty() && self.peek() == Some(':');
        if is_field {
            self.at += 1;
            return Some(name);
        }
        self.at = begin;
        None
    }

    fn range(&mut self, name: &str, begin: usize) -> Result<Kind, QueryError> {
        if !matches!(super::Field::of(name), super::Field::Year) {
            return Err(QueryError::new(
                begin,
                format!("{name:?} has no range; write year:[1990 TO 1999]"),
            ));
        }
        let open = self.at;
        self.at += 1;
        let inside = self.take(|next| next != ']');
        if self.peek().is_none() {
            return Err(QueryError::new(open, "a ] is missing"));
        }
        self.at += 1;
        let form = || QueryError::new(open, "write a range as [1990 TO 1999]; * is open");
        let (from, to) = inside.split_once(" TO ").ok_or_else(form)?;
        let year = |text: &str| match text.trim() {
            "*" => Ok(None),
            year => year.parse::<u16>().map(Some).map_err(|_| form()),
        };
        let (from, to) = (year(from)?, year(to)?);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(QueryError::new(open, "the range ends before it begins"));
        }
        Ok(Kind::Range(from, to))
    }
}

const fn is_quote(character: char) -> bool {
    matches!(character, '"' | '“' | '”' | '„')
}

/// Takes `~1` off the end of a word.
fn distance(word: &str, begin: usize) -> Result<(String, Option<u8>), QueryError> {
    let Some((text, number)) = word.rsplit_once('~').filter(|(text, _)| !text.is_empty()) else {
        return Ok((word.to_owned(), None));
    };
    let distance = match number {
        "" => Some(1),
        number => number.parse().ok().filter(|distance| *distance <= FARTHEST),
    };
    match distance {
        Some(distance) => Ok((text.to_owned(), Some(distance))),
        None => Err(QueryError::new(
            begin + text.chars().count(),
            format!("after ~ comes how many letters may differ: 0 to {FARTHEST}"),
        )),
    }
}
