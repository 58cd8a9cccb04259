//! Events as a library makes them.

use std::collections::BTreeMap;

use crate::collection::CollectionName;
use crate::event::{
    Duplicates, Event, FoldedPlays, LayoutSpec, NameProfile, NewEvent, OriginSpec, ScanReason,
    ScanSummary,
};
use crate::id::{
    CauseId, ContentId, EventId, Locator, OriginId, OriginPath, Position, Revision, SidecarId,
    Timestamp, TrackId,
};
use crate::pin::{PinTarget, TreePath};
use crate::tags::{
    AudioFormat, AudioProperties, ByteRange, Defect, DefectKind, Field, Media, Tags,
};

/// A moment in 2025; samples are recorded one second apart from there on.
pub const EPOCH: i64 = 1_750_000_000_000_000;

/// The n-th event of a log: same number, same event.
#[must_use]
pub fn new_event(n: u64, event: Event) -> NewEvent {
    NewEvent {
        id: EventId(id_bytes(n)),
        recorded_at: Timestamp(EPOCH + i64::try_from(n).unwrap_or(0) * 1_000_000),
        cause: (!n.is_multiple_of(7)).then_some(CauseId(EventId(id_bytes(1 << 40)))),
        event,
    }
}

/// Discoveries of tracks `range.start + 1` and on, as a first scan records them.
#[must_use]
pub fn discoveries(range: std::ops::Range<u64>) -> Vec<NewEvent> {
    range.map(|n| new_event(n, discovery(n + 1))).collect()
}

/// A UUIDv7 that sorts by `n`.
fn id_bytes(n: u64) -> [u8; 16] {
    let mut id = [0x5a; 16];
    let (front, back) = id.split_at_mut(8);
    front.copy_from_slice(
        &(0x0197_0000_0000_7000_u64 | ((n >> 12) << 16) | (n & 0xfff)).to_be_bytes(),
    );
    back.copy_from_slice(
        &((0b10 << 62) | (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2)).to_be_bytes(),
    );
    id
}

/// The discovery of one track, with the tags that most files carry.
#[must_use]
pub fn discovery(track: u64) -> Event {
    Event::TrackDiscovered {
        track: TrackId(track),
        locator: locator(track),
        media: media(track),
    }
}

fn origin() -> OriginId {
    // A valid id; there is no other way to one.
    "music".parse().unwrap_or_else(|_| unreachable!())
}

fn collection() -> CollectionName {
    // A valid name; there is no other way to one.
    "Jazz: ß☃".parse().unwrap_or_else(|_| unreachable!())
}

fn path(text: String) -> OriginPath {
    OriginPath::new(text.into_bytes()).unwrap_or_default()
}

fn locator(track: u64) -> Locator {
    let (artist, album) = (track / 100, track / 10);
    Locator {
        origin: origin(),
        path: path(format!(
            "Artist {artist:05}/Album {album:06}/{:02} - Title {track}.flac",
            track % 10
        )),
        revision: revision(track),
    }
}

fn revision(track: u64) -> Revision {
    Revision {
        size: 20_000_000 + track,
        mtime_ns: 1_700_000_000_123_456_789,
        tag: None,
    }
}

/// What a usual file says.
#[must_use]
pub fn media(track: u64) -> Media {
    let mut tags = Tags::new();
    tags.push(Field::Title, &format!("Title of track {track}"));
    tags.push(Field::Artist, &format!("Artist {:05}", track / 100));
    tags.push(Field::AlbumArtist, &format!("Artist {:05}", track / 100));
    tags.push(Field::Album, &format!("Album {:06}", track / 10));
    tags.push(Field::Date, "1994-05-17");
    tags.push(Field::Genre, "Rock");
    tags.push(Field::Track, &(track % 10).to_string());
    tags.push(Field::TrackTotal, "10");
    tags.push(
        Field::MusicBrainzTrackId,
        "9a9e5f3c-5ea4-4f0c-a4d2-0f9b3d2f5c11",
    );
    Media {
        format: Some(AudioFormat::Flac),
        tags,
        audio: AudioProperties {
            duration_ms: Some(240_000),
            bitrate_kbps: Some(912),
            sample_rate_hz: Some(44_100),
            channels: Some(2),
            bit_depth: Some(16),
            encoder: None,
            audio_md5: Some(
                track
                    .wrapping_mul(7)
                    .to_le_bytes()
                    .repeat(2)
                    .try_into()
                    .unwrap_or_default(),
            ),
        },
        audio_range: ByteRange {
            offset: 8_192,
            len: 19_991_808,
        },
        content: ContentId(track.to_le_bytes().repeat(2).try_into().unwrap_or_default()),
        cover: None,
        defects: Vec::new(),
    }
}

/// A file that says all that a file can say, some of it oddly.
fn rich_media() -> Media {
    let mut media = media(7);
    for field in Field::KNOWN {
        media
            .tags
            .push(field.clone(), &format!("{} ß☃", field.name()));
    }
    media.tags.push(Field::Artist, "Second Artist");
    media.tags.push(Field::Custom("MOOD".into()), "calm");
    media.tags.push(Field::Custom("MOOD".into()), "wistful");
    media
        .tags
        .push(Field::Custom("title".into()), "no field but a custom tag");
    media.audio.encoder = Some("reference libFLAC 1.4.3".to_owned());
    media.defects.push(Defect {
        kind: DefectKind::Truncated,
        detail: "ends early".to_owned(),
    });
    media
}

fn pinned(path: &str) -> PinTarget {
    PinTarget::Path(TreePath::new(path).unwrap_or_default())
}

/// Somebody read a track.
#[must_use]
pub fn read(track: u64) -> Event {
    Event::TrackRead {
        track: TrackId(track),
        bytes: Some(1000 + track),
        duration_ms: 240_000,
        reader: Some("mpv".to_owned()),
    }
}

/// Events of every kind, the plain and the odd.
#[must_use]
pub fn every_kind() -> Vec<Event> {
    let spec = OriginSpec {
        kind: "local".to_owned(),
        name: "Music".to_owned(),
        root: b"/srv/m\xfcsic".to_vec(),
        options: BTreeMap::from([("watch".to_owned(), "true".to_owned())]),
    };
    let odd = OriginPath::new(&b"Caf\xe9/\xff.flac"[..]).unwrap_or_default();
    let tagged = Revision {
        tag: Some("\"etag-1\"".into()),
        mtime_ns: -1,
        ..revision(3)
    };
    let mut bare = media(0);
    bare.format = None;
    bare.tags = Tags::new();
    bare.audio = AudioProperties::default();
    let pictured = Media {
        cover: Some(123_456),
        ..rich_media()
    };
    vec![
        Event::OriginAdded {
            origin: origin(),
            spec: spec.clone(),
        },
        Event::OriginChanged {
            origin: origin(),
            spec,
        },
        Event::OriginRemoved { origin: origin() },
        discovery(1),
        Event::TrackDiscovered {
            track: TrackId(u64::MAX),
            locator: Locator {
                origin: origin(),
                path: odd.clone(),
                revision: tagged.clone(),
            },
            media: rich_media(),
        },
        Event::TrackContentChanged {
            track: TrackId(2),
            revision: tagged.clone(),
            media: bare,
        },
        Event::TrackTagsRead {
            track: TrackId(2),
            revision: revision(2),
            media: rich_media(),
        },
        Event::TrackMoved {
            track: TrackId(1),
            from: path("a/b.flac".to_owned()),
            to: odd,
            revision: tagged,
            media: None,
        },
        Event::TrackMoved {
            track: TrackId(1),
            from: OriginPath::root(),
            to: path("c".to_owned()),
            revision: revision(1),
            media: Some(media(1)),
        },
        Event::TrackVanished { track: TrackId(1) },
        Event::TrackReturned {
            track: TrackId(1),
            locator: locator(1),
            media: media(1),
        },
        Event::TrackDiscovered {
            track: TrackId(8),
            locator: locator(8),
            media: pictured.clone(),
        },
        Event::TrackTagsRead {
            track: TrackId(1),
            revision: revision(1),
            media: pictured,
        },
        Event::ScanStarted {
            origin: origin(),
            reason: ScanReason::Watched,
        },
        Event::ScanFinished {
            origin: origin(),
            summary: ScanSummary {
                complete: true,
                whole: false,
                listed: 1,
                added: 2,
                changed: 3,
                moved: 4,
                vanished: 5,
                errors: 6,
            },
        },
        Event::RemovalsHeld {
            origin: origin(),
            missing: 60,
            known: 100,
        },
        Event::LayoutChanged {
            layout: LayoutSpec {
                template: "$artist/$title".to_owned(),
                names: NameProfile::Windows,
                duplicates: Duplicates::Content,
            },
        },
        Event::LayoutChanged {
            layout: LayoutSpec {
                template: "$title".to_owned(),
                names: NameProfile::Posix,
                duplicates: Duplicates::Tags,
            },
        },
        Event::PinAdded {
            target: pinned("Artist 00001/Album ß☃"),
        },
        Event::PinAdded { target: pinned("") },
        Event::PinRemoved {
            target: pinned("Artist 00001/Album ß☃"),
        },
        Event::CollectionDefined {
            name: collection(),
            definition: "genre:jazz AND year:[1960 TO 1969] SORT added DESC LIMIT 100".to_owned(),
        },
        Event::CollectionDefined {
            name: collection(),
            definition: "of a newer version: ☃".to_owned(),
        },
        Event::CollectionRemoved { name: collection() },
        Event::SidecarFound {
            sidecar: SidecarId(3),
            locator: Locator {
                path: path("Artist/Album/cover.jpg".to_owned()),
                ..locator(3)
            },
        },
        Event::SidecarChanged {
            sidecar: SidecarId(3),
            revision: revision(4),
        },
        Event::SidecarVanished {
            sidecar: SidecarId(3),
        },
        read(1),
        Event::TrackRead {
            track: TrackId(2),
            bytes: Some(0),
            duration_ms: 0,
            reader: None,
        },
        Event::TrackRead {
            track: TrackId(3),
            bytes: None,
            duration_ms: 1,
            reader: Some("mpd".to_owned()),
        },
        Event::AccessScanned {
            reader: Some("ffprobe".to_owned()),
            tracks: 2000,
            opens: 2010,
            bytes: Some(131_072_000),
            since: Timestamp(EPOCH),
            until: Timestamp(EPOCH + 59_000_000),
        },
        Event::AccessScanned {
            reader: None,
            tracks: 10,
            opens: 10,
            bytes: None,
            since: Timestamp(-1),
            until: Timestamp(0),
        },
        Event::AccessFolded {
            through: Position(17),
            plays: vec![FoldedPlays {
                track: TrackId(1),
                reads: 3,
                bytes: 3003,
                last: Timestamp(EPOCH),
            }],
        },
    ]
}
