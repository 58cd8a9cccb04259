//! MP4's item list: iTunes' tags.

use std::io;

use eventlog::Field;

use crate::bytes::Bytes;
use crate::containers::mp4::atoms::{self, Atom, children};
use crate::genres;
use crate::layer::{Layer, MAX_VALUE};
use crate::picture::{self, Picture, Rank};
use crate::source::Source;
use crate::stream::Plain;
use crate::text::{self, Endian};

/// The values of `well-known` type UTF-8, UTF-16, and whole numbers (QuickTime File Format,
/// "Well-known types").
const UTF8: u32 = 1;
const UTF16: u32 = 2;
const SIGNED: u32 = 21;
const UNSIGNED: u32 = 22;

/// What an item list holds.
pub(crate) struct Items {
    /// The tags.
    pub(crate) layer: Layer,
    /// True where iTunes' media kind says audiobook.
    pub(crate) audiobook: bool,
}

/// Reads the item list `list`, and how large its picture is.
///
/// # Errors
/// What the origin said.
pub(crate) fn read(source: &mut Source<'_>, list: Atom) -> io::Result<Items> {
    let mut items = Items {
        layer: Layer::new(),
        audiobook: false,
    };
    for item in children(source, list.body, list.end)? {
        if &item.kind == b"covr" {
            items.layer.cover.offer(first_picture(source, item)?);
            continue;
        }
        let mut name = None;
        for part in children(source, item.body, item.end)? {
            let len = usize::try_from(part.end - part.body).unwrap_or(usize::MAX);
            match &part.kind {
                b"name" => {
                    let bytes = source.at(part.body, len.min(4 + 256))?;
                    name = bytes.get(4..).map(|name| text::utf8(name).into_owned());
                }
                b"data" => {
                    let bytes = source.at(part.body, len.min(2 * MAX_VALUE + 8))?.to_vec();
                    if let Some(value) = Value::parse(&bytes) {
                        items.add(item.kind, name.as_deref(), &value);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(items)
}

/// The first picture of an item; MP4 does not tell what they show.
fn first_picture(source: &mut Source<'_>, item: Atom) -> io::Result<Option<Picture>> {
    let parts = atoms::until(source, item.body, item.end, |part| &part.kind == b"data")?;
    match parts.last() {
        Some(data) if &data.kind == b"data" && !data.cut() => {
            // Type and locale stand before it.
            let mut value = Plain::new(source, data.body.saturating_add(8), data.end);
            picture::rest(Rank::Front, &mut value)
        }
        _ => Ok(None),
    }
}

struct Value<'a> {
    kind: u32,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    fn parse(data: &'a [u8]) -> Option<Self> {
        let mut data = Bytes(data);
        let kind = data.u32_be()?;
        data.skip(4)?;
        Some(Self {
            kind,
            bytes: data.0,
        })
    }

    fn text(&self) -> Option<String> {
        match self.kind {
            UTF8 => Some(text::utf8(self.bytes).into_owned()),
            UTF16 => Some(text::utf16(self.bytes, Endian::Big)),
            SIGNED | UNSIGNED => self.number().map(|number| number.to_string()),
            _ => None,
        }
    }

    fn number(&self) -> Option<i64> {
        let (first, len) = (*self.bytes.first()?, self.bytes.len());
        let negative = self.kind == SIGNED && first >= 0x80;
        (len <= 8).then(|| {
            let start = if negative { -1 } else { 0 };
            self.bytes
                .iter()
                .fold(start, |sum: i64, byte| (sum << 8) | i64::from(*byte))
        })
    }
}

impl Items {
    fn add(&mut self, kind: [u8; 4], name: Option<&str>, value: &Value<'_>) {
        let layer = &mut self.layer;
        match &kind {
            b"----" => {
                if let (Some(name), Some(text)) = (name, value.text()) {
                    layer.named(name, &text);
                }
            }
            b"trkn" => pair(layer, Field::Track, Field::TrackTotal, value.bytes),
            b"disk" => pair(layer, Field::Disc, Field::DiscTotal, value.bytes),
            b"gnre" => {
                // Counted from 1, unlike ID3v1.
                let number = Bytes(value.bytes)
                    .u16_be()
                    .and_then(|n| u8::try_from(n.checked_sub(1)?).ok());
                if let Some(genre) = number.and_then(genres::by_number) {
                    layer.push(Field::Genre, genre);
                }
            }
            b"cpil" => {
                let set = value.bytes.iter().any(|byte| *byte != 0);
                layer.push(Field::Compilation, if set { "1" } else { "0" });
            }
            b"tmpo" => {
                if let Some(bpm) = Bytes(value.bytes).u16_be().filter(|bpm| *bpm > 0) {
                    layer.push(Field::Bpm, &bpm.to_string());
                }
            }
            b"stik" => self.audiobook = value.bytes.last() == Some(&2),
            b"\xa9too" => layer.encoder(&value.text().unwrap_or_default()),
            _ => {
                if let Some(text) = value.text() {
                    match field(&kind) {
                        Some(field) => layer.push(field, &text),
                        None => layer.push(Field::Custom(custom(kind).into()), &text),
                    }
                }
            }
        }
    }
}

/// Two zero bytes, a number, a total.
fn pair(layer: &mut Layer, number: Field, total: Field, bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let _reserved = bytes.u16_be();
    for field in [number, total] {
        if let Some(value) = bytes.u16_be().filter(|value| *value > 0) {
            layer.push(field, &value.to_string());
        }
    }
}

fn field(kind: &[u8; 4]) -> Option<Field> {
    Some(match kind {
        b"\xa9nam" => Field::Title,
        b"\xa9ART" => Field::Artist,
        b"\xa9alb" => Field::Album,
        b"aART" => Field::AlbumArtist,
        b"\xa9gen" => Field::Genre,
        b"\xa9day" => Field::Date,
        b"\xa9wrt" => Field::Composer,
        b"\xa9cmt" => Field::Comment,
        b"\xa9lyr" => Field::Lyrics,
        b"cprt" | b"\xa9cpy" => Field::Copyright,
        b"sonm" => Field::TitleSort,
        b"soar" => Field::ArtistSort,
        b"soal" => Field::AlbumSort,
        b"soaa" => Field::AlbumArtistSort,
        _ => return None,
    })
}

/// The usual name of an item that is no known field; its kind where there is none.
fn custom(kind: [u8; 4]) -> String {
    let name = match &kind {
        b"\xa9grp" => "GROUPING",
        b"soco" => "COMPOSERSORT",
        b"\xa9wrk" => "WORK",
        b"\xa9mvn" => "MOVEMENTNAME",
        b"\xa9mvi" => "MOVEMENT",
        b"\xa9mvc" => "MOVEMENTTOTAL",
        b"desc" => "DESCRIPTION",
        b"ldes" => "LONGDESCRIPTION",
        b"\xa9nrt" => "NARRATOR",
        b"\xa9con" => "CONDUCTOR",
        other => return text::name(&text::latin1(other)),
    };
    name.to_owned()
}
