//! The fields of the index, and how a track's facts get into them.

use eventlog::{Field, TrackId};
use projections::TrackRow;
use projections::layout::{NameInputs, Variable};
use serde::{Deserialize, Serialize};
use tantivy::schema::{
    FAST, Field as Column, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use tantivy::{TantivyDocument, Term};

use crate::words::{whole, words};

/// Raised with every change of what is put into the index, or how: an index of another revision is
/// built anew.
pub(crate) const REVISION: u32 = 2;

/// What a word is kept as that stands in a tag without a field of its own: the tag's name, this, the
/// word.
const IN_TAG: char = '\u{0}';

const ANALYZER: &str = "words";
const WEIGHING: &str = "weighed words";

/// The fields.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) schema: Schema,
    pub(crate) id: Column,
    pub(crate) origin: Column,
    pub(crate) artist: Column,
    pub(crate) album_artist: Column,
    pub(crate) album: Column,
    pub(crate) title: Column,
    pub(crate) genre: Column,
    pub(crate) composer: Column,
    pub(crate) path: Column,
    pub(crate) tags: Column,
    pub(crate) year: Column,
    /// The words of all fields, each so often as its field counts: with its frequencies alone, the best of
    /// a common word are found without a look at all that have it.
    pub(crate) any: Column,
    /// Artist, album and title, each as one term.
    pub(crate) whole_artist: Column,
    pub(crate) whole_album: Column,
    pub(crate) whole_title: Column,
    /// What is shown of a track.
    pub(crate) shown: Column,
    /// A hash of all that was put in: what an index means is what its tracks' hashes are.
    pub(crate) print: Column,
}

impl Fields {
    pub(crate) fn new() -> Self {
        let indexed = |analyzer, record| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(analyzer)
                .set_index_option(record);
            TextOptions::default().set_indexing_options(indexing)
        };
        let text = indexed(ANALYZER, IndexRecordOption::WithFreqsAndPositions);
        let mut schema = Schema::builder();
        let mut of = |name| schema.add_text_field(name, text.clone());
        let [artist, album_artist, album, title, genre, composer, path] = [
            "artist",
            "album_artist",
            "album",
            "title",
            "genre",
            "composer",
            "path",
        ]
        .map(&mut of);
        // Its terms come ready-made.
        let tags = schema.add_text_field("tags", STRING);
        let weighed = indexed(WEIGHING, IndexRecordOption::WithFreqs);
        let any = schema.add_text_field("any", weighed);
        let [whole_artist, whole_album, whole_title] =
            ["whole_artist", "whole_album", "whole_title"]
                .map(|name| schema.add_text_field(name, STRING));
        Self {
            id: schema.add_u64_field("id", INDEXED | FAST),
            origin: schema.add_text_field("origin", STRING),
            year: schema.add_u64_field("year", INDEXED | FAST),
            shown: schema.add_bytes_field("shown", STORED),
            print: schema.add_u64_field("print", FAST),
            artist,
            album_artist,
            album,
            title,
            genre,
            composer,
            path,
            tags,
            any,
            whole_artist,
            whole_album,
            whole_title,
            schema: schema.build(),
        }
    }

    /// Makes an index understand the fields' text.
    pub(crate) fn register(index: &tantivy::Index) {
        index.tokenizers().register(ANALYZER, Words);
        index.tokenizers().register(WEIGHING, Weighed);
    }

    /// What says which document is a track's.
    pub(crate) fn key(&self, track: TrackId) -> Term {
        Term::from_field_u64(self.id, track.0)
    }

    /// What a living track is in the index.
    pub(crate) fn document(&self, row: &TrackRow) -> Entry {
        let mut entry = Entry::new(self, row.id);
        entry.text(self.origin, row.locator.origin.as_str());
        let inputs = NameInputs::of(&row.media, &row.locator.origin, &row.locator.path);
        let value = |variable: &Variable| inputs.value(variable, true).unwrap_or_default();
        for (column, whole_column, weight, field, variable) in [
            (
                self.artist,
                self.whole_artist,
                Weight::Most,
                Field::Artist,
                Variable::Artist,
            ),
            (
                self.album_artist,
                self.whole_artist,
                Weight::Most,
                Field::AlbumArtist,
                Variable::AlbumArtist,
            ),
            (
                self.album,
                self.whole_album,
                Weight::More,
                Field::Album,
                Variable::Album,
            ),
            (
                self.title,
                self.whole_title,
                Weight::Most,
                Field::Title,
                Variable::Title,
            ),
        ] {
            // As it is shown, and each of several values by itself.
            let shown = value(&variable);
            let values = row.media.tags.all(&field).iter().map(String::as_str);
            for text in std::iter::once(shown).chain(values.filter(|text| *text != shown)) {
                entry.searched(self, column, weight, text);
                let whole = whole(text);
                if !whole.is_empty() {
                    entry.text(whole_column, &whole);
                }
            }
        }
        for (tag, values) in row.media.tags.iter() {
            let name = tag.name().to_lowercase();
            for text in values {
                match tag {
                    Field::Artist | Field::AlbumArtist | Field::Album | Field::Title => {}
                    Field::Genre => entry.searched(self, self.genre, Weight::One, text),
                    Field::Composer => entry.searched(self, self.composer, Weight::One, text),
                    Field::Lyrics => {}
                    _ => {
                        entry.named(self, &name, text);
                        if !is_identifier(&name) {
                            entry.anywhere(self, Weight::One, text);
                        }
                    }
                }
            }
        }
        let path = String::from_utf8_lossy(row.locator.path.as_bytes());
        entry.searched(self, self.path, Weight::One, &path);
        let year: Option<u16> = value(&Variable::Year).parse().ok();
        if let Some(year) = year {
            entry.number(self.year, u64::from(year));
            entry.anywhere(self, Weight::One, &year.to_string());
        }
        let shown = |variable: &Variable| {
            let shown = inputs
                .value(variable, true)
                .or_else(|| inputs.fallback(variable));
            shown.unwrap_or_default().to_owned()
        };
        entry.shown(
            self,
            &Shown {
                artist: shown(&Variable::Artist),
                album: shown(&Variable::Album),
                title: shown(&Variable::Title),
                extension: inputs.format().unwrap_or_default().to_owned(),
                year,
                duration_ms: row.media.audio.duration_ms,
            },
        )
    }

    /// The term of a word in a tag that has no field of its own.
    pub(crate) fn in_tag(&self, tag: &str, word: &str) -> Term {
        Term::from_field_text(self.tags, &in_tag(tag, word))
    }
}

/// True for tags that hold what machines tell things apart by, and how loud they are: found by their
/// names only, since each is a word that nothing else has. The year stands for the date.
fn is_identifier(tag: &str) -> bool {
    let prefixes = ["musicbrainz", "acoustid", "replaygain", "discogs", "itunes"];
    let whole = [
        "isrc",
        "barcode",
        "date",
        "originaldate",
        "encoder",
        "track",
        "tracktotal",
        "disc",
        "disctotal",
    ];
    prefixes.iter().any(|prefix| tag.starts_with(prefix)) || whole.contains(&tag)
}

fn in_tag(tag: &str, word: &str) -> String {
    format!("{tag}{IN_TAG}{word}")
}

/// What is shown of a track that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its artists, as one text; `Unknown Artist` where none is known.
    pub artist: String,
    /// Its album; `Unknown Album` where none is known.
    pub album: String,
    /// Its title; the name of its file where none is known.
    pub title: String,
    /// The extension that it is shown with; empty where it has none.
    pub extension: String,
    /// The year.
    pub year: Option<u16>,
    /// How long it plays.
    pub duration_ms: Option<u64>,
}

/// A track on its way into the index.
pub(crate) struct Entry {
    pub(crate) document: TantivyDocument,
    pub(crate) print: u64,
    hasher: blake3::Hasher,
}

impl Entry {
    fn new(fields: &Fields, track: TrackId) -> Self {
        let mut document = TantivyDocument::default();
        document.add_u64(fields.id, track.0);
        Self {
            document,
            print: 0,
            hasher: blake3::Hasher::new(),
        }
    }

    fn text(&mut self, field: Column, text: &str) {
        self.feed(field, text.as_bytes());
        self.document.add_text(field, text);
    }

    fn number(&mut self, field: Column, number: u64) {
        self.feed(field, &number.to_le_bytes());
        self.document.add_u64(field, number);
    }

    fn searched(&mut self, fields: &Fields, field: Column, weight: Weight, text: &str) {
        if !text.is_empty() {
            self.text(field, text);
            self.anywhere(fields, weight, text);
        }
    }

    fn anywhere(&mut self, fields: &Fields, weight: Weight, text: &str) {
        self.text(fields.any, &format!("{}{text}", weight.mark()));
    }

    /// The words of a tag by its name.
    fn named(&mut self, fields: &Fields, name: &str, text: &str) {
        for word in words(text) {
            self.text(fields.tags, &in_tag(name, &word.text));
        }
    }

    fn shown(mut self, fields: &Fields, shown: &Shown) -> Self {
        // Of strings and numbers, there is nothing that cannot be encoded.
        let bytes = rmp_serde::to_vec(shown).unwrap_or_default();
        self.feed(fields.shown, &bytes);
        self.document.add_bytes(fields.shown, &bytes);
        let hash = self.hasher.finalize();
        let head = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        self.print = u64::from_le_bytes(head);
        self.document.add_u64(fields.print, self.print);
        self
    }

    fn feed(&mut self, field: Column, bytes: &[u8]) {
        self.hasher.update(&field.field_id().to_le_bytes());
        self.hasher.update(&(bytes.len() as u64).to_le_bytes());
        self.hasher.update(bytes);
    }
}

/// How much it tells that a word is in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    One,
    More,
    Most,
}

impl Weight {
    /// What a text of that weight begins with.
    const fn mark(self) -> char {
        match self {
            Self::One => '1',
            Self::More => '2',
            Self::Most => '4',
        }
    }

    /// How often each word of a text counts, and the text.
    fn take(text: &str) -> (u32, &str) {
        let mut characters = text.chars();
        let times = characters.next().and_then(|mark| mark.to_digit(10));
        (times.unwrap_or(1), characters.as_str())
    }
}

/// Cuts the text of fields into [`words`].
#[derive(Debug, Clone)]
struct Words;

/// Cuts a text that begins with its [`Weight`] into [`words`], each so often as it counts.
#[derive(Debug, Clone)]
struct Weighed;

struct Stream {
    words: std::vec::IntoIter<crate::words::Word>,
    token: Token,
    /// How often each word comes, and how often the present one is still to come.
    times: u32,
    left: u32,
}

impl Stream {
    fn of(text: &str, times: u32) -> Self {
        Self {
            words: words(text).into_iter(),
            token: Token::default(),
            times,
            left: 0,
        }
    }
}

impl Tokenizer for Words {
    type TokenStream<'a> = Stream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream {
        Stream::of(text, 1)
    }
}

impl Tokenizer for Weighed {
    type TokenStream<'a> = Stream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream {
        let (times, text) = Weight::take(text);
        Stream::of(text, times)
    }
}

impl TokenStream for Stream {
    fn advance(&mut self) -> bool {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return true;
        }
        let Some(word) = self.words.next() else {
            return false;
        };
        self.left = self.times.saturating_sub(1);
        self.token.offset_from = word.range.start;
        self.token.offset_to = word.range.end;
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text = word.text;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
