//! Signs into what they mean. `AND` binds more than `OR`; words beside each other have an `AND` between
//! them.

use super::error::QueryError;
use super::lex::{Kind, Sign, signs};
use super::{Field, LONGEST, Node};
use crate::words::words;

/// Most words and ranges of one query, those of phrases included.
const MOST: usize = 32;

/// Most words that may differ by two letters: each is held against every word there is.
const MOST_FAR: usize = 4;

pub(super) fn parse(text: &str) -> Result<Node, QueryError> {
    let length = text.chars().count();
    if length > LONGEST {
        return Err(QueryError::new(
            LONGEST,
            format!("it has {length} characters, and may have {LONGEST}"),
        ));
    }
    let signs = signs(text)?;
    let mut parser = Parser {
        signs: &signs,
        at: 0,
        end: length,
        terms: 0,
        far: 0,
    };
    if signs.is_empty() {
        return Ok(Node::All(vec![]));
    }
    let node = parser.any()?;
    match parser.peek() {
        Some(sign) => Err(QueryError::new(sign.at, "this ) has no ( before it")),
        None => Ok(node),
    }
}

struct Parser<'s> {
    signs: &'s [Sign],
    at: usize,
    /// The place of the end, for errors.
    end: usize,
    terms: usize,
    far: usize,
}

impl<'s> Parser<'s> {
    fn peek(&self) -> Option<&'s Sign> {
        self.signs.get(self.at)
    }

    /// Takes a sign of that kind, where one comes next.
    fn takes(&mut self, kind: &Kind) -> bool {
        let taken = self.peek().is_some_and(|sign| sign.kind == *kind);
        self.at += usize::from(taken);
        taken
    }

    fn any(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.all()?];
        while self.takes(&Kind::Or) {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.not()?];
        loop {
            let joined = self.takes(&Kind::And);
            match self.peek().map(|sign| &sign.kind) {
                None | Some(Kind::Close | Kind::Or) if !joined => break,
                _ => nodes.push(self.not()?),
            }
        }
        Ok(one_or(nodes, Node::All))
    }

    fn not(&mut self) -> Result<Node, QueryError> {
        if self.takes(&Kind::Not) {
            return Ok(Node::Not(Box::new(self.not()?)));
        }
        self.primary(None)
    }

    fn primary(&mut self, field: Option<Field>) -> Result<Node, QueryError> {
        let Some(Sign { kind, at }) = self.peek() else {
            let what = "something to look for is missing here";
            return Err(QueryError::new(self.end, what));
        };
        self.at += 1;
        self.terms += match kind {
            Kind::Word { text, .. } | Kind::Phrase(text) => words(text).len().max(1),
            Kind::Range(..) => 1,
            _ => 0,
        };
        if self.terms > MOST {
            return Err(QueryError::new(*at, format!("more than {MOST} words")));
        }
        if let Kind::Word {
            distance: Some(2), ..
        } = kind
        {
            self.far += 1;
            if self.far > MOST_FAR {
                let what = format!("at most {MOST_FAR} words may differ by two letters");
                return Err(QueryError::new(*at, what));
            }
        }
        match kind {
            Kind::Field(name) => self.primary(Some(Field::of(name))),
            Kind::Open if field.is_none() => {
                let node = self.any()?;
                if self.takes(&Kind::Close) {
                    Ok(node)
                } else {
                    Err(QueryError::new(*at, "this ( has no ) behind it"))
                }
            }
            Kind::Word { text, .. } | Kind::Phrase(text) if field == Some(Field::Year) => {
                let year = text.trim().parse().map_err(|_| {
                    QueryError::new(
                        *at,
                        "a year is a number; write year:1990 or year:[1990 TO 1999]",
                    )
                });
                year.map(|year| Node::Years {
                    from: Some(year),
                    to: Some(year),
                })
            }
            Kind::Word { text, distance } => Ok(Node::Word {
                field,
                text: text.clone(),
                distance: *distance,
            }),
            Kind::Phrase(text) => Ok(Node::Phrase {
                field,
                text: text.clone(),
            }),
            Kind::Range(from, to) => Ok(Node::Years {
                from: *from,
                to: *to,
            }),
            Kind::Open => {
                let what = "a field takes one word; write artist:a OR artist:b, or artist:\"a b\"";
                Err(QueryError::new(*at, what))
            }
            Kind::And | Kind::Or | Kind::Not | Kind::Close => {
                let sign = match kind {
                    Kind::And => "AND",
                    Kind::Or => "OR",
                    Kind::Not => "NOT",
                    _ => ")",
                };
                Err(QueryError::new(
                    *at,
                    format!(
                        "before {sign} something to look for is missing; to find the word itself, write \"{sign}\""
                    ),
                ))
            }
        }
    }
}

/// What several are together; one is itself.
fn one_or(mut nodes: Vec<Node>, several: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        last => {
            nodes.extend(last);
            several(nodes)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str) -> Node {
        Node::Word {
            field: None,
            text: text.to_owned(),
            distance: None,
        }
    }

    fn of(field: Field, text: &str) -> Node {
        Node::Word {
            field: Some(field),
            text: text.to_owned(),
            distance: None,
        }
    }

    fn failed(text: &str) -> (usize, String) {
        let error = parse(text).unwrap_err();
        (error.at, error.what)
    }

    #[test]
    fn words_have_to_match_all_of_them() {
        assert_eq!(parse("").unwrap(), Node::All(vec![]));
        assert_eq!(parse("  björk ").unwrap(), word("björk"));
        let both = Node::All(vec![word("a"), word("b")]);
        assert_eq!(parse("a b").unwrap(), both);
        assert_eq!(parse("a AND b").unwrap(), both);
    }

    #[test]
    fn and_binds_more_than_or() {
        let expected = Node::Any(vec![
            word("a"),
            Node::All(vec![word("b"), Node::Not(Box::new(word("c")))]),
        ]);
        assert_eq!(parse("a OR b NOT c").unwrap(), expected);
        assert_eq!(parse("a OR (b -c)").unwrap(), expected);
        assert_eq!(
            parse("(a OR b) c").unwrap(),
            Node::All(vec![Node::Any(vec![word("a"), word("b")]), word("c")])
        );
        assert_eq!(
            parse("and or not").unwrap(),
            Node::All(vec![word("and"), word("or"), word("not")])
        );
    }

    #[test]
    fn fields_phrases_ranges_and_distances() {
        assert_eq!(parse("Artist:abba").unwrap(), of(Field::Artist, "abba"));
        assert_eq!(
            parse("mood:calm").unwrap(),
            of(Field::Tag("mood".to_owned()), "calm")
        );
        assert_eq!(
            parse("title:\"so what\"").unwrap(),
            Node::Phrase {
                field: Some(Field::Title),
                text: "so what".to_owned()
            }
        );
        let years = |from, to| Node::Years { from, to };
        assert_eq!(
            parse("year:[1990 TO 1999]").unwrap(),
            years(Some(1990), Some(1999))
        );
        assert_eq!(parse("year:[* TO 1999]").unwrap(), years(None, Some(1999)));
        assert_eq!(parse("year:1994").unwrap(), years(Some(1994), Some(1994)));
        let Node::Word { distance, .. } = parse("metalica~2").unwrap() else {
            panic!();
        };
        assert_eq!(distance, Some(2));
    }

    #[test]
    fn signs_that_are_words() {
        for text in [
            "AC/DC",
            "~",
            "*",
            "a:b:c",
            "-",
            "Re:Stacks",
            "!!!",
            "…",
            "4:33",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        assert_eq!(parse("AC/DC").unwrap(), word("AC/DC"));
        assert_eq!(
            parse("a:b:c").unwrap(),
            of(Field::Tag("a".to_owned()), "b:c")
        );
        assert_eq!(
            parse("a - b").unwrap(),
            Node::All(vec![word("a"), word("-"), word("b")])
        );
    }

    #[test]
    fn a_colon_at_the_end_of_a_word_is_no_field() {
        assert_eq!(
            parse("Mission: Impossible").unwrap(),
            Node::All(vec![word("Mission"), word("Impossible")])
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert_eq!(failed("a OR").0, 5);
        assert_eq!(failed("AND b").0, 1);
        assert_eq!(failed("(a b"), (1, "this ( has no ) behind it".to_owned()));
        assert_eq!(failed("a b)").0, 4);
        assert_eq!(failed("\"so what").0, 1);
        assert_eq!(failed("artist:").0, 8);
        assert!(failed("artist:(a OR b)").1.contains("one word"));
        assert_eq!(
            failed("year:[1999 TO 1990]").1,
            "the range ends before it begins"
        );
        assert_eq!(failed("year:[1990").1, "a ] is missing");
        assert!(failed("genre:[a TO b]").1.contains("has no range"));
        assert_eq!(failed("word~9").0, 5);
        assert!(failed("year:late").1.contains("number"));
        assert_eq!(failed(&"a ".repeat(33)).1, "more than 32 words");
        assert_eq!(failed(&"x".repeat(257)).0, 257);
        assert!(failed("NOT NOT").1.contains("missing"));
        assert!(parse(&"artist:ab ".repeat(16)).is_ok());
        assert_eq!(
            failed(&format!("\"{}\"", "a ".repeat(33))).1,
            "more than 32 words"
        );
        assert!(failed(&"word~2 ".repeat(5)).1.contains("two letters"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail_otherwise(text in ".{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn nothing_of_signs_makes_it_fail_otherwise(text in "[ab()\" :~\\[\\]-]{0,12}( AND| OR| NOT| TO){0,3}[ab)\"]{0,4}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.at <= text.chars().count() + 1);
            }
        }
    }
}
