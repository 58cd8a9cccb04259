//! A query into what the index is asked.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery,
    FuzzyTermQuery, Occur, PhraseQuery, Query as Asked, RangeQuery, TermQuery,
};
use tantivy::schema::{Field as Column, IndexRecordOption};

use crate::query::{Field, Node, Query};
use crate::schema::Fields;
use crate::words::{whole, words};

/// What a track is ranked by that is called exactly what was asked for: more than any words add up to.
const EXACT: f32 = 1_000.0;
/// An album that is called so.
const EXACT_ALBUM: f32 = 500.0;
/// A word that is spelt otherwise: less than any that is spelt so.
const MISSPELT: f32 = 0.01;

/// Shortest word that may be spelt otherwise, in characters: a letter more or less in a shorter one makes
/// another word of it.
const CORRECTED: usize = 4;

type Boxed = Box<dyn Asked>;

/// What the index is asked.
pub(crate) fn compile(fields: &Fields, query: &Query) -> Boxed {
    let compiler = Compiler {
        fields,
        strict: false,
    };
    let found = compiler.node(&query.0);
    let Some(text) = plain(&query.0) else {
        return found;
    };
    let whole = whole(&text);
    let called = |column, score| {
        let term = Term::from_field_text(column, &whole);
        let query: Boxed = Box::new(ConstScoreQuery::new(exactly(term), score));
        (Occur::Should, query)
    };
    Box::new(BooleanQuery::new(vec![
        (Occur::Must, found),
        called(fields.whole_artist, EXACT),
        called(fields.whole_title, EXACT),
        called(fields.whole_album, EXACT_ALBUM),
    ]))
}

/// The words of a query of which nothing is said but that all have to match.
fn plain(node: &Node) -> Option<String> {
    match node {
        Node::All(nodes) => {
            let texts: Option<Vec<String>> = nodes.iter().map(plain).collect();
            texts
                .filter(|texts| !texts.is_empty())
                .map(|texts| texts.join(" "))
        }
        Node::Word {
            field: None, text, ..
        }
        | Node::Phrase { field: None, text } => Some(text.clone()),
        _ => None,
    }
}

/// True for a word without letters and digits.
fn is_sign(node: &Node) -> bool {
    matches!(node, Node::Word { field: None, text, .. } if words(text).is_empty())
}

struct Compiler<'f> {
    fields: &'f Fields,
    /// True of what is not wanted: only what is spelt so is left out.
    strict: bool,
}

impl Compiler<'_> {
    fn node(&self, node: &Node) -> Boxed {
        match node {
            Node::All(nodes) if nodes.is_empty() => Box::new(EmptyQuery),
            Node::All(nodes) => self.all(nodes),
            Node::Any(nodes) => {
                let each = nodes.iter().map(|node| (Occur::Should, self.node(node)));
                Box::new(BooleanQuery::new(each.collect()))
            }
            Node::Not(_) => self.all(std::slice::from_ref(node)),
            Node::Word {
                field,
                text,
                distance,
            } => self.word(field.as_ref(), text, *distance),
            Node::Phrase { field, text } => self.phrase(field.as_ref(), text),
            Node::Years { from, to } => self.years(*from, *to),
        }
    }

    fn all(&self, nodes: &[Node]) -> Boxed {
        let unwanted = Self {
            strict: true,
            ..*self
        };
        // A sign between words, as in `Simon & Garfunkel`, is none of them.
        let of_words: Vec<&Node> = nodes.iter().filter(|node| !is_sign(node)).collect();
        let nodes = if of_words.is_empty() {
            nodes.iter().collect()
        } else {
            of_words
        };
        let mut clauses: Vec<(Occur, Boxed)> = nodes
            .into_iter()
            .map(|node| match node {
                Node::Not(node) => (Occur::MustNot, unwanted.node(node)),
                wanted => (Occur::Must, self.node(wanted)),
            })
            .collect();
        if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        Box::new(BooleanQuery::new(clauses))
    }

    fn word(&self, field: Option<&Field>, text: &str, distance: Option<u8>) -> Boxed {
        let found = words(text);
        let [word] = found.as_slice() else {
            return self.phrase(field, text);
        };
        let Some((columns, any)) = self.columns(field) else {
            return self.tagged(field, text);
        };
        let mut ways: Vec<Boxed> = columns
            .iter()
            .map(|(column, weight)| {
                let term = Term::from_field_text(*column, &word.text);
                boosted(scored(term), *weight)
            })
            .collect();
        let letters = word.text.chars().count();
        // A number with another digit is another number.
        let is_number = word.text.chars().any(char::is_numeric);
        let usual = u8::from(letters >= CORRECTED && !is_number && !self.strict);
        let distance = distance.unwrap_or(usual);
        let term = Term::from_field_text(any, &word.text);
        ways.push(boosted(exactly(term.clone()), 2.0 * MISSPELT));
        if distance > 0 {
            let misspelt = FuzzyTermQuery::new(term, distance, true);
            ways.push(boosted(Box::new(misspelt), MISSPELT));
        }
        Box::new(DisjunctionMaxQuery::with_tie_breaker(ways, 0.1))
    }

    /// Words that stand together; where there is none in it, what is called exactly so.
    fn phrase(&self, field: Option<&Field>, text: &str) -> Boxed {
        let found = words(text);
        let Some((columns, _)) = self.columns(field) else {
            return self.tagged(field, text);
        };
        let ways: Vec<Boxed> = match found.as_slice() {
            [] => {
                let whole = whole(text);
                let called = |column: &Column| exactly(Term::from_field_text(*column, &whole));
                self.wholes(field).iter().map(called).collect()
            }
            [word] => {
                let way = |(column, weight): &(Column, f32)| {
                    boosted(scored(Term::from_field_text(*column, &word.text)), *weight)
                };
                columns.iter().map(way).collect()
            }
            several => {
                let way = |(column, weight): &(Column, f32)| {
                    let terms = several
                        .iter()
                        .map(|it| Term::from_field_text(*column, &it.text));
                    boosted(Box::new(PhraseQuery::new(terms.collect())), *weight)
                };
                columns.iter().map(way).collect()
            }
        };
        if ways.is_empty() {
            return Box::new(EmptyQuery);
        }
        Box::new(DisjunctionMaxQuery::with_tie_breaker(ways, 0.1))
    }

    /// Words in a tag without a field of its own; or, since what looks like the name of one may be none,
    /// as in `Re:Stacks`, all of it somewhere.
    fn tagged(&self, field: Option<&Field>, text: &str) -> Boxed {
        let Some(Field::Tag(name)) = field else {
            return Box::new(EmptyQuery);
        };
        let in_tag = words(text)
            .into_iter()
            .map(|word| (Occur::Must, exactly(self.fields.in_tag(name, &word.text))));
        let in_tag: Boxed = Box::new(BooleanQuery::new(in_tag.collect()));
        let somewhere = self.phrase(None, &format!("{name} {text}"));
        Box::new(DisjunctionMaxQuery::new(vec![in_tag, somewhere]))
    }

    fn years(&self, from: Option<u16>, to: Option<u16>) -> Boxed {
        let bound = |year: Option<u16>| {
            year.map_or(Bound::Unbounded, |year| {
                Bound::Included(Term::from_field_u64(self.fields.year, year.into()))
            })
        };
        // One bound has to tell the field.
        let from = from.or(Some(0).filter(|_| to.is_none()));
        let range: Boxed = Box::new(RangeQuery::new(bound(from), bound(to)));
        Box::new(ConstScoreQuery::new(range, 0.0))
    }

    /// The columns that a field is looked for in, with their weights, and the one for what is spelt
    /// otherwise.
    fn columns(&self, field: Option<&Field>) -> Option<(Vec<(Column, f32)>, Column)> {
        let fields = self.fields;
        let one = |column| Some((vec![(column, 1.0)], column));
        match field {
            None => Some((
                vec![
                    (fields.title, 4.0),
                    (fields.artist, 4.0),
                    (fields.album_artist, 4.0),
                    (fields.album, 2.0),
                    (fields.composer, 1.0),
                    (fields.genre, 1.0),
                    (fields.path, 0.5),
                ],
                fields.any,
            )),
            Some(Field::Artist) => one(fields.artist),
            Some(Field::AlbumArtist) => one(fields.album_artist),
            Some(Field::Album) => one(fields.album),
            Some(Field::Title) => one(fields.title),
            Some(Field::Genre) => one(fields.genre),
            Some(Field::Composer) => one(fields.composer),
            Some(Field::Path) => one(fields.path),
            Some(Field::Year | Field::Tag(_)) => None,
        }
    }

    fn wholes(&self, field: Option<&Field>) -> Vec<Column> {
        let fields = self.fields;
        match field {
            None => vec![fields.whole_artist, fields.whole_title, fields.whole_album],
            Some(Field::Artist | Field::AlbumArtist) => vec![fields.whole_artist],
            Some(Field::Album) => vec![fields.whole_album],
            Some(Field::Title) => vec![fields.whole_title],
            Some(_) => vec![],
        }
    }
}

fn scored(term: Term) -> Boxed {
    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
}

fn exactly(term: Term) -> Boxed {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn boosted(query: Boxed, weight: f32) -> Boxed {
    Box::new(BoostQuery::new(query, weight))
}
