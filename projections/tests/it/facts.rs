//! Short ways to write facts down.

use eventlog::event::{Duplicates, LayoutSpec, NameProfile, OriginSpec};
use eventlog::tags::{AudioProperties, ByteRange};
use eventlog::{
    AudioFormat, Body, CauseId, ContentId, Event, EventId, Field, Locator, Media, NewEvent,
    OriginId, OriginPath, Position, Recorded, Revision, Tags, Timestamp, TrackId,
};

/// What a file says about itself; empty text means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Song {
    pub(crate) artist: &'static str,
    pub(crate) album: &'static str,
    pub(crate) title: &'static str,
    pub(crate) disc: &'static str,
    /// What it sounds like; nothing means that it has no sound.
    pub(crate) sound: &'static str,
}

impl Song {
    pub(crate) fn media(self) -> Media {
        let mut tags = Tags::new();
        tags.push(Field::Artist, self.artist);
        tags.push(Field::Album, self.album);
        tags.push(Field::Title, self.title);
        tags.push(Field::Disc, self.disc);
        media(tags, self.sound)
    }
}

/// Media with those tags; files of one `sound` sound the same. Without one, they have none.
pub(crate) fn media(tags: Tags, sound: &str) -> Media {
    let mut content = [7; 16];
    content
        .iter_mut()
        .zip(sound.bytes())
        .for_each(|(to, from)| *to = from);
    Media {
        format: Some(AudioFormat::Flac),
        tags,
        audio: AudioProperties {
            duration_ms: Some(1),
            ..AudioProperties::default()
        },
        audio_range: ByteRange {
            offset: 42,
            len: 1000 * u64::from(!sound.is_empty()),
        },
        content: ContentId(content),
        cover: (sound == "b").then_some(7),
        defects: Vec::new(),
    }
}

pub(crate) fn origin(id: &str) -> OriginId {
    id.parse().unwrap()
}

/// A path; `\u{ff}` in it stands for the byte, which is not UTF-8.
pub(crate) fn path(path: &str) -> OriginPath {
    let bytes: Vec<u8> = path
        .chars()
        .flat_map(|char| match char {
            '\u{ff}' => vec![0xff],
            other => other.to_string().into_bytes(),
        })
        .collect();
    OriginPath::new(bytes).unwrap()
}

pub(crate) fn revision(size: u64) -> Revision {
    Revision {
        size,
        mtime_ns: size.cast_signed().wrapping_mul(1000),
        tag: None,
    }
}

pub(crate) fn spec(root: &str) -> OriginSpec {
    OriginSpec {
        kind: "local".into(),
        name: root.into(),
        root: root.into(),
        options: [("watch".to_owned(), "true".to_owned())].into(),
    }
}

pub(crate) fn layout(template: &str, windows: bool) -> LayoutSpec {
    let names = if windows {
        NameProfile::Windows
    } else {
        NameProfile::Posix
    };
    LayoutSpec {
        template: template.into(),
        names,
        duplicates: Duplicates::default(),
    }
}

/// A file found on origin `o`.
pub(crate) fn discovered(track: u64, at: &str, song: Song) -> Event {
    Event::TrackDiscovered {
        track: TrackId(track),
        locator: Locator {
            origin: origin("o"),
            path: path(at),
            revision: revision(track),
        },
        media: song.media(),
    }
}

/// An event as the log would give it.
pub(crate) fn recorded(position: u64, event: Event) -> Recorded {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&position.to_be_bytes());
    Recorded {
        position: Position(position),
        id: EventId(id),
        recorded_at: Timestamp(position.cast_signed() * 10),
        kind: "test".into(),
        version: 1,
        subject: event.subject().to_string().into(),
        cause: Some(CauseId(EventId([9; 16]))),
        body: Body::Known(event),
    }
}

pub(crate) fn new(events: impl IntoIterator<Item = Event>) -> Vec<NewEvent> {
    events
        .into_iter()
        .map(|event| NewEvent::now(event, None))
        .collect()
}
