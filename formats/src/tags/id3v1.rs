//! ID3v1 and ID3v1.1: the last 128 bytes of a file.

use eventlog::Field;

use crate::layer::Layer;
use crate::{bytes::Bytes, genres, text};

/// Bytes of the tag.
pub(crate) const LEN: u64 = 128;

/// Reads the tag, which begins with `TAG`.
pub(crate) fn read(tag: &[u8]) -> Option<Layer> {
    let mut bytes = Bytes(tag);
    bytes.tag(b"TAG")?;
    let mut layer = Layer::new();
    for field in [Field::Title, Field::Artist, Field::Album] {
        layer.push(field, &padded(bytes.take(30)?));
    }
    let year = padded(bytes.take(4)?);
    if year != "0000" {
        layer.push(Field::Date, &year);
    }
    let comment = bytes.take(30)?;
    match comment.split_last_chunk() {
        Some((comment, [0, track])) if *track != 0 => {
            layer.push(Field::Comment, &padded(comment));
            layer.push(Field::Track, &track.to_string());
        }
        _ => layer.push(Field::Comment, &padded(comment)),
    }
    if let Some(genre) = bytes.u8().and_then(genres::by_number) {
        layer.push(Field::Genre, genre);
    }
    Some(layer)
}

fn padded(field: &[u8]) -> String {
    text::latin1(field.split(|byte| *byte == 0).next().unwrap_or_default())
}
