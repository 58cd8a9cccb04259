//! What the frames of ID3v2 mean.

use eventlog::Field;

use crate::bytes::Bytes;
use crate::genres;
use crate::layer::Layer;
use crate::text;

use super::id3v2_links::{self as links, decoded};

/// The fields of the frames read so far. What several frames say together (2.3 has year and day
/// in two) is put together at the end.
pub(super) struct Frames {
    layer: Layer,
    year: Option<String>,
    day_month: Option<String>,
    volumes: Vec<(Field, String)>,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            layer: Layer::new(),
            year: None,
            day_month: None,
            volumes: Vec::new(),
        }
    }
}

impl Frames {
    /// Whether a frame of that name is worth reading.
    pub(super) fn wants(id: [u8; 4]) -> bool {
        matches!(id, [b'T' | b'W', ..])
            || matches!(
                &id,
                b"COMM"
                    | b"USLT"
                    | b"UFID"
                    | b"POPM"
                    | b"PCNT"
                    | b"IPLS"
                    | b"RVA2"
                    | b"GRP1"
                    | b"MVNM"
                    | b"MVIN"
            )
    }

    /// Adds a frame.
    pub(super) fn add(&mut self, id: [u8; 4], body: &[u8]) {
        match &id {
            b"UFID" => self.unique_id(body),
            b"RVA2" => self.volume(body),
            b"COMM" => self.described(body, Some(Field::Comment), "COMMENT"),
            b"USLT" => self.described(body, Some(Field::Lyrics), "LYRICS"),
            b"POPM" => self.popularity(body),
            b"PCNT" => {
                if let Some(count) = links::count(body) {
                    self.layer.named("PCNT", &count.to_string());
                }
            }
            b"WXXX" => {
                if let Some((name, url)) = links::described_link(body) {
                    self.layer.named(or_id(&name, &id), &url);
                }
            }
            [b'W', ..] => self.layer.named(ascii(&id), &links::link(body)),
            _ => {
                let Some((encoding, text)) = body.split_first() else {
                    return;
                };
                let text = decoded(*encoding, text);
                match &id {
                    b"TXXX" => {
                        let (name, values) = text.split_once('\0').unwrap_or(("", &text));
                        values
                            .split('\0')
                            .for_each(|value| self.layer.named(or_id(name, &id), value));
                    }
                    b"TIPL" | b"IPLS" => self.people(&text, |role, _| role.to_owned()),
                    b"TMCL" => self.people(&text, |_, _| "PERFORMER".to_owned()),
                    _ => text.split('\0').for_each(|value| self.text(&id, value)),
                }
            }
        }
    }

    fn text(&mut self, id: &[u8; 4], value: &str) {
        let layer = &mut self.layer;
        match id {
            b"TCON" => {
                genres::from_id3(value)
                    .iter()
                    .for_each(|genre| layer.push(Field::Genre, genre));
            }
            b"TYER" => self.year = self.year.take().or_else(|| Some(value.trim().to_owned())),
            b"TDAT" => self.day_month = Some(value.trim().to_owned()),
            b"TDRL" => layer.spare(Field::Date, "RELEASEDATE".to_owned(), value),
            b"TSSE" => layer.encoder(value),
            _ => match field(id) {
                Some(field) => layer.push(field, value),
                None => layer.push(Field::Custom(custom(id).into()), value),
            },
        }
    }

    /// Text with a language and a description; a described one is a custom tag of that name.
    fn described(&mut self, body: &[u8], field: Option<Field>, name: &str) {
        let mut bytes = Bytes(body);
        let Some((encoding, _language)) = bytes.u8().zip(bytes.array::<3>()) else {
            return;
        };
        let text = decoded(encoding, bytes.0);
        let (description, values) = text.split_once('\0').unwrap_or(("", &text));
        let description = text::name(description);
        let field = field.filter(|_| description.is_empty() || *name == *"LYRICS");
        let field = field.unwrap_or_else(|| {
            Field::Custom(text::cut(&format!("{name}:{description}"), 256).into())
        });
        values
            .split('\0')
            .for_each(|value| self.layer.push(field.clone(), value));
    }

    /// Pairs of a role and who had it.
    fn people(&mut self, text: &str, name: impl Fn(&str, &str) -> String) {
        let mut parts = text.split('\0');
        while let (Some(role), Some(who)) = (parts.next(), parts.next()) {
            let name = name(role, who);
            let value = if name == "PERFORMER" && !role.trim().is_empty() {
                format!("{who} ({role})")
            } else {
                who.to_owned()
            };
            if !who.trim().is_empty() {
                let name = match &*text::name(&name) {
                    "MIX" => "MIXER".to_owned(),
                    "DJ-MIX" => "DJMIXER".to_owned(),
                    other => other.to_owned(),
                };
                self.layer.named(&name, &value);
            }
        }
    }

    /// A rating is its giver's: players that do not know each other's keep them apart by email.
    fn popularity(&mut self, body: &[u8]) {
        if let Some((email, value)) = links::popularity(body) {
            let email = text::name(&email);
            let name = match &*email {
                "" => "POPM".to_owned(),
                email => format!("POPM:{email}"),
            };
            self.layer
                .push(Field::Custom(text::cut(&name, 256).into()), &value);
        }
    }

    fn unique_id(&mut self, body: &[u8]) {
        let mut parts = body.splitn(2, |byte| *byte == 0);
        if parts.next() == Some(b"http://musicbrainz.org")
            && let Some(id) = parts.next()
        {
            self.layer
                .push(Field::MusicBrainzTrackId, &text::latin1(id));
        }
    }

    /// `RVA2` of the master volume, as `mp3gain` and others write ReplayGain (id3v2.4.0 §4.11).
    fn volume(&mut self, body: &[u8]) {
        let mut parts = body.splitn(2, |byte| *byte == 0);
        let gain = match parts.next() {
            Some(b"track") => Field::ReplayGainTrackGain,
            Some(b"album") => Field::ReplayGainAlbumGain,
            _ => return,
        };
        let mut bytes = Bytes(parts.next().unwrap_or_default());
        if let (Some(1), Some(volume)) = (bytes.u8(), bytes.array().map(i16::from_be_bytes)) {
            self.volumes
                .push((gain, format!("{:.2} dB", f32::from(volume) / 512.0)));
        }
    }

    /// The tag as fields.
    pub(super) fn finish(mut self) -> Layer {
        if let Some(year) = self.year {
            let date = match self
                .day_month
                .as_deref()
                .and_then(|text| text.split_at_checked(2))
            {
                Some((day, month)) if year.len() == 4 && two_digits(day) && two_digits(month) => {
                    format!("{year}-{month}-{day}")
                }
                _ => year,
            };
            self.layer.spare(Field::Date, "YEAR".to_owned(), &date);
        }
        for (field, gain) in self.volumes {
            self.layer.push(field, &gain);
        }
        self.layer
    }
}

fn two_digits(text: &str) -> bool {
    text.len() == 2 && text != "00" && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn ascii(id: &[u8; 4]) -> &str {
    std::str::from_utf8(id).unwrap_or("")
}

/// A described frame's description, or its id where it has none.
fn or_id<'a>(description: &'a str, id: &'a [u8; 4]) -> &'a str {
    if description.trim().is_empty() {
        ascii(id)
    } else {
        description
    }
}

fn field(id: &[u8; 4]) -> Option<Field> {
    Some(match id {
        b"TIT2" => Field::Title,
        b"TPE1" => Field::Artist,
        b"TALB" => Field::Album,
        b"TPE2" => Field::AlbumArtist,
        b"TDRC" => Field::Date,
        b"TDOR" | b"TORY" => Field::OriginalDate,
        b"TRCK" => Field::Track,
        b"TPOS" => Field::Disc,
        b"TCOM" => Field::Composer,
        b"TCOP" => Field::Copyright,
        b"TCMP" => Field::Compilation,
        b"TSOT" => Field::TitleSort,
        b"TSOP" => Field::ArtistSort,
        b"TSOA" => Field::AlbumSort,
        b"TSO2" => Field::AlbumArtistSort,
        b"TSRC" => Field::Isrc,
        b"TPUB" => Field::Label,
        b"TBPM" => Field::Bpm,
        _ => return None,
    })
}

/// The usual name of a text frame that is no known field; its id where there is none.
fn custom(id: &[u8; 4]) -> &str {
    match id {
        b"TIT1" | b"GRP1" => "GROUPING",
        b"TIT3" => "SUBTITLE",
        b"TPE3" => "CONDUCTOR",
        b"TPE4" => "REMIXER",
        b"TEXT" => "LYRICIST",
        b"TENC" => "ENCODEDBY",
        b"TMED" => "MEDIA",
        b"TLAN" => "LANGUAGE",
        b"TKEY" => "KEY",
        b"TMOO" => "MOOD",
        b"TSST" => "DISCSUBTITLE",
        b"TSOC" => "COMPOSERSORT",
        b"TOAL" => "ORIGINALALBUM",
        b"TOPE" => "ORIGINALARTIST",
        b"TOLY" => "ORIGINALLYRICIST",
        b"MVNM" => "MOVEMENTNAME",
        b"MVIN" => "MOVEMENT",
        other => ascii(other),
    }
}
