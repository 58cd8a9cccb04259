//! A query into what the index is asked.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery,
    FuzzyTermQuery, Occur, PhraseQuery, Query as Asks, RangeQuery, TermQuery,
};
use tantivy::schema::{Field as Column, IndexRecordOption};

use crate::query::{Field, Node, Query};
use crate::schema::Fields;
use crate::words::{whole, words};

/// What a track is ranked by that is called exactly what was asked for: more than any words add up to.
const EXACT: f32 = 1_000.0;
/// An album that is called so.
const EXACT_ALBUM: f32 = 500.0;
/// A word that is nearly spelt so, beside others that are.
const MISSPELT: f32 = 0.01;

/// Shortest word that may be spelt otherwise, in characters: a letter more or less in a shorter one makes
/// another word of it.
const CORRECTED: usize = 4;

type Boxed = Box<dyn Asks>;

/// What the index is asked.
pub(crate) struct Asked {
    /// What has the words as they are spelt.
    pub(crate) spelt: Boxed,
    /// What of that is called exactly what was asked for, ranked before all else; none where nothing can
    /// be.
    pub(crate) called: Option<Boxed>,
    /// What has them, or words that are nearly spelt so; none where only what is spelt so is asked for.
    pub(crate) nearly: Option<Boxed>,
}

/// What to ask the index for a query.
pub(crate) fn compile(fields: &Fields, query: &Query) -> Asked {
    let as_spelt = |spelling| Compiler { fields, spelling }.node(&query.0);
    let spelt = as_spelt(Spelling::Exact);
    let called = plain(&query.0).map(|text| {
        let whole = whole(&text);
        let called = |column, score| {
            let term = Term::from_field_text(column, &whole);
            Box::new(ConstScoreQuery::new(exactly(term), score)) as Boxed
        };
        let so = BooleanQuery::union(vec![
            called(fields.whole_artist, EXACT),
            called(fields.whole_title, EXACT),
            called(fields.whole_album, EXACT_ALBUM),
        ]);
        Box::new(BooleanQuery::intersection(vec![
            spelt.box_clone(),
            Box::new(so),
        ])) as Boxed
    });
    Asked {
        called,
        nearly: is_loose(&query.0).then(|| as_spelt(Spelling::Usual)),
        spelt,
    }
}

/// True where a word that is wanted may be spelt otherwise.
fn is_loose(node: &Node) -> bool {
    match node {
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(is_loose),
        Node::Word {
            field,
            text,
            distance,
        } => match words(text).as_slice() {
            [word] if !matches!(field, Some(Field::Tag(_))) => {
                Spelling::Usual.distance(&word.text, *distance) > 0
            }
            _ => false,
        },
        Node::Not(_) | Node::Phrase { .. } | Node::Years { .. } => false,
    }
}

/// By how many letters a word may differ.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    /// By none.
    Exact,
    /// By as many as it says, and by none where it says nothing: of what is not wanted, only what is
    /// spelt so is left out.
    Told,
    /// By as many as it says, or as is usual.
    Usual,
}

impl Spelling {
    fn distance(self, word: &str, told: Option<u8>) -> u8 {
        // A number with another digit is another number.
        let is_number = || word.chars().any(char::is_numeric);
        match self {
            Self::Exact => 0,
            Self::Told => told.unwrap_or(0),
            Self::Usual => {
                told.unwrap_or_else(|| u8::from(word.chars().count() >= CORRECTED && !is_number()))
            }
        }
    }
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
    spelling: Spelling,
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
            spelling: Spelling::Told,
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
        let Some(column) = self.column(field) else {
            return self.tagged(field, text);
        };
        let term = Term::from_field_text(column, &word.text);
        let distance = self.spelling.distance(&word.text, distance);
        let spelt = scored(term.clone());
        if distance == 0 {
            return spelt;
        }
        let nearly = Box::new(FuzzyTermQuery::new(term, distance, true));
        Box::new(DisjunctionMaxQuery::new(vec![
            spelt,
            boosted(nearly, MISSPELT),
        ]))
    }

    /// Words that stand together; where there is none in it, what is called exactly so.
    fn phrase(&self, field: Option<&Field>, text: &str) -> Boxed {
        let found = words(text);
        let Some(columns) = self.columns(field) else {
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

    /// The column that a word is looked for in.
    const fn column(&self, field: Option<&Field>) -> Option<Column> {
        let fields = self.fields;
        match field {
            None => Some(fields.any),
            Some(Field::Artist) => Some(fields.artist),
            Some(Field::AlbumArtist) => Some(fields.album_artist),
            Some(Field::Album) => Some(fields.album),
            Some(Field::Title) => Some(fields.title),
            Some(Field::Genre) => Some(fields.genre),
            Some(Field::Composer) => Some(fields.composer),
            Some(Field::Path) => Some(fields.path),
            Some(Field::Year | Field::Tag(_)) => None,
        }
    }

    /// The columns that words are looked for in together, with their weights.
    fn columns(&self, field: Option<&Field>) -> Option<Vec<(Column, f32)>> {
        let fields = self.fields;
        match field {
            None => Some(vec![
                (fields.title, 4.0),
                (fields.artist, 4.0),
                (fields.album_artist, 4.0),
                (fields.album, 2.0),
                (fields.composer, 1.0),
                (fields.genre, 1.0),
                (fields.path, 0.5),
            ]),
            field => self.column(field).map(|column| vec![(column, 1.0)]),
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
