//! Observations to events: pure decisions. What they need is looked up before and handed in.

mod collections;
mod pins;
mod sidecars;

pub use collections::{NotACollection, collection_defined, collection_removed};
pub use pins::{NotPinned, pinned, unpinned};
pub use sidecars::sidecar_sighted;

use crate::event::Event;
use crate::id::{Locator, OriginPath, Revision, TrackId};
use crate::tags::Media;

/// A file that an origin shows and that was just read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Where it is, and in which state it was read.
    pub locator: Locator,
    /// What it says about itself.
    pub media: Media,
}

/// The living track that the library has at a sighting's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The track.
    pub track: TrackId,
    /// The state of its file that the library knows.
    pub revision: Revision,
    /// What the library knows of it.
    pub media: Media,
}

/// A track of the same origin that sounds the same as a sighting and was last seen elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The track.
    pub track: TrackId,
    /// Where it was last seen.
    pub path: OriginPath,
    /// The state in which it was last seen.
    pub revision: Revision,
    /// Where it is now.
    pub presence: Presence,
}

/// What has become of a track's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// The library has it, the origin no longer shows it there: it went somewhere.
    Gone,
    /// It vanished earlier.
    Vanished,
    /// It is where it was: the sighting is a copy.
    Present,
}

/// True where sounding the same tells that two files are the same recording. Files without audio
/// all sound the same.
#[must_use]
pub const fn is_telling(media: &Media) -> bool {
    media.audio_range.len > 0
}

/// What a sighting means (ORG-4).
///
/// A file known at its path keeps its track, unless a track that went missing elsewhere sounds
/// like it: then that track has moved here, over the other. A file unknown at its path is a track
/// that moved here, or one that returned, or else a new one, numbered by `fresh`. Among several
/// that could be meant, the one in the very same state is, then the one that went missing just now,
/// then the oldest.
///
/// Returns no event where nothing changed.
pub fn sighted(
    sighting: Sighting,
    here: Option<Here>,
    elsewhere: Vec<Elsewhere>,
    fresh: impl FnOnce() -> TrackId,
) -> Vec<Event> {
    let Sighting { locator, media } = sighting;
    let same_sound = here
        .as_ref()
        .is_some_and(|here| here.media.content == media.content);
    let came = if same_sound || !is_telling(&media) {
        None
    } else {
        elsewhere
            .into_iter()
            .filter(|other| other.presence != Presence::Present)
            .filter(|other| here.is_none() || other.presence == Presence::Gone)
            .min_by_key(|other| {
                (
                    other.revision != locator.revision,
                    other.presence,
                    other.track,
                )
            })
    };
    match (here, came) {
        (None, None) => vec![Event::TrackDiscovered {
            track: fresh(),
            locator,
            media,
        }],
        (None, Some(other)) => vec![arrived(other, locator, media)],
        (Some(here), Some(other)) => {
            vec![
                Event::TrackVanished { track: here.track },
                arrived(other, locator, media),
            ]
        }
        (Some(here), None) if same_sound => {
            if here.revision == locator.revision && here.media == media {
                Vec::new()
            } else {
                vec![Event::TrackTagsRead {
                    track: here.track,
                    revision: locator.revision,
                    media,
                }]
            }
        }
        (Some(here), None) => vec![Event::TrackContentChanged {
            track: here.track,
            revision: locator.revision,
            media,
        }],
    }
}

fn arrived(other: Elsewhere, locator: Locator, media: Media) -> Event {
    match other.presence {
        Presence::Vanished => Event::TrackReturned {
            track: other.track,
            locator,
            media,
        },
        Presence::Gone | Presence::Present => Event::TrackMoved {
            track: other.track,
            media: (!is_described(&other, &locator)).then_some(media),
            from: other.path,
            to: locator.path,
            revision: locator.revision,
        },
    }
}

/// True where the library knows what a file says that came from elsewhere: it is in the very same
/// state, and has not got a name that makes it another format.
fn is_described(from: &Elsewhere, to: &Locator) -> bool {
    let Revision { mtime_ns, tag, .. } = &to.revision;
    let is_told_apart = *mtime_ns != 0 || tag.is_some();
    let extension = |path: &OriginPath| {
        let name = path.name();
        let dot = name.iter().rposition(|byte| *byte == b'.');
        dot.and_then(|dot| name.get(dot..)).map(<[u8]>::to_vec)
    };
    is_told_apart && from.revision == to.revision && extension(&from.path) == extension(&to.path)
}

/// How many tracks one listing may remove without the user's word (ORG-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovalLimit {
    /// So many are always believed.
    pub count: u64,
    /// Beyond that, up to this share of the origin's tracks, in percent.
    pub percent: u64,
}

impl Default for RemovalLimit {
    fn default() -> Self {
        Self {
            count: 20,
            percent: 50,
        }
    }
}

impl RemovalLimit {
    /// True where a complete listing that lacks `missing` of `known` tracks is to be held.
    #[must_use]
    pub const fn holds(self, missing: u64, known: u64) -> bool {
        missing > self.count && missing as u128 * 100 > known as u128 * self.percent as u128
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContentId;
    use crate::tags::{AudioFormat, AudioProperties, ByteRange, Field, Tags};

    fn media(sound: u8, title: &str) -> Media {
        let mut tags = Tags::new();
        tags.push(Field::Title, title);
        Media {
            format: Some(AudioFormat::Flac),
            tags,
            audio: AudioProperties::default(),
            audio_range: ByteRange {
                offset: 100,
                len: 1000,
            },
            content: ContentId([sound; 16]),
            cover: None,
            defects: Vec::new(),
        }
    }

    fn path(text: &str) -> OriginPath {
        OriginPath::new(text.as_bytes()).unwrap()
    }

    fn state(mtime_ns: i64) -> Revision {
        Revision {
            size: 1100,
            mtime_ns,
            tag: None,
        }
    }

    fn seen(at: &str, mtime_ns: i64, media: Media) -> Sighting {
        let origin = "music".parse().unwrap();
        Sighting {
            locator: Locator {
                origin,
                path: path(at),
                revision: state(mtime_ns),
            },
            media,
        }
    }

    fn here(track: u64, mtime_ns: i64, media: Media) -> Option<Here> {
        Some(Here {
            track: TrackId(track),
            revision: state(mtime_ns),
            media,
        })
    }

    fn other(track: u64, mtime_ns: i64, presence: Presence) -> Elsewhere {
        Elsewhere {
            track: TrackId(track),
            path: path("old"),
            revision: state(mtime_ns),
            presence,
        }
    }

    fn fresh() -> TrackId {
        TrackId(99)
    }

    #[test]
    fn an_unknown_file_is_a_new_track() {
        let events = sighted(seen("a", 1, media(1, "t")), None, vec![], fresh);
        assert!(matches!(
            &*events,
            [Event::TrackDiscovered {
                track: TrackId(99),
                ..
            }]
        ));
    }

    #[test]
    fn a_copy_is_a_new_track() {
        let others = vec![other(1, 1, Presence::Present)];
        let events = sighted(seen("a", 1, media(1, "t")), None, others, fresh);
        assert!(matches!(&*events, [Event::TrackDiscovered { .. }]));
    }

    #[test]
    fn a_missing_track_that_sounds_the_same_has_moved_here() {
        let others = vec![other(1, 1, Presence::Gone)];
        let events = sighted(seen("a", 1, media(1, "t")), None, others, fresh);
        assert!(
            matches!(
                &*events,
                [Event::TrackMoved {
                    track: TrackId(1),
                    media: None,
                    ..
                }]
            ),
            "{events:?}"
        );
    }

    #[test]
    fn a_track_retagged_while_it_moved_keeps_its_id_and_is_described_anew() {
        let others = vec![other(1, 1, Presence::Gone)];
        let events = sighted(seen("a", 2, media(1, "new")), None, others, fresh);
        assert!(
            matches!(&*events, [Event::TrackMoved { media: Some(_), .. }]),
            "{events:?}"
        );
    }

    #[test]
    fn of_several_the_one_in_the_same_state_then_the_missing_then_the_oldest() {
        let others = vec![
            other(3, 7, Presence::Vanished),
            other(2, 8, Presence::Gone),
            other(1, 9, Presence::Vanished),
        ];
        let pick =
            |mtime| match &*sighted(seen("a", mtime, media(1, "t")), None, others.clone(), fresh) {
                [Event::TrackMoved { track, .. } | Event::TrackReturned { track, .. }] => track.0,
                events => panic!("{events:?}"),
            };
        assert_eq!((pick(7), pick(8), pick(9), pick(0)), (3, 2, 1, 2));
    }

    #[test]
    fn a_file_moved_over_another_ends_the_other() {
        let others = vec![other(2, 1, Presence::Gone)];
        let events = sighted(
            seen("a", 1, media(2, "b")),
            here(1, 1, media(1, "a")),
            others,
            fresh,
        );
        assert!(
            matches!(
                &*events,
                [
                    Event::TrackVanished { track: TrackId(1) },
                    Event::TrackMoved {
                        track: TrackId(2),
                        ..
                    }
                ]
            ),
            "{events:?}"
        );
    }

    #[test]
    fn a_changed_file_keeps_its_track() {
        let known = || here(1, 1, media(1, "a"));
        let retagged = sighted(seen("a", 2, media(1, "b")), known(), vec![], fresh);
        assert!(matches!(
            &*retagged,
            [Event::TrackTagsRead {
                track: TrackId(1),
                ..
            }]
        ));
        let replaced = sighted(seen("a", 2, media(2, "a")), known(), vec![], fresh);
        assert!(matches!(
            &*replaced,
            [Event::TrackContentChanged {
                track: TrackId(1),
                ..
            }]
        ));
        let vanished_elsewhere = vec![other(5, 9, Presence::Vanished)];
        let replaced = sighted(
            seen("a", 2, media(2, "a")),
            known(),
            vanished_elsewhere,
            fresh,
        );
        assert!(matches!(
            &*replaced,
            [Event::TrackContentChanged {
                track: TrackId(1),
                ..
            }]
        ));
    }

    #[test]
    fn a_file_with_another_extension_is_described_again() {
        let described = |to: &str, mtime_ns: i64| {
            let gone = vec![other(1, mtime_ns, Presence::Gone)];
            let sighting = seen(to, mtime_ns, media(1, "t"));
            match &*sighted(sighting, None, gone, fresh) {
                [Event::TrackMoved { media, .. }] => media.is_some(),
                events => panic!("{events:?}"),
            }
        };
        assert!(!described("new", 1));
        assert!(described("new.mp3", 1));
        // Without a time or tag, an equal size proves nothing.
        assert!(described("new", 0));
    }

    #[test]
    fn nothing_new_is_no_event() {
        assert!(
            sighted(
                seen("a", 1, media(1, "a")),
                here(1, 1, media(1, "a")),
                vec![],
                fresh
            )
            .is_empty()
        );
    }

    #[test]
    fn files_without_sound_are_never_taken_for_each_other() {
        let mut silent = media(1, "t");
        silent.audio_range.len = 0;
        let events = sighted(
            seen("a", 1, silent),
            None,
            vec![other(1, 1, Presence::Gone)],
            fresh,
        );
        assert!(matches!(&*events, [Event::TrackDiscovered { .. }]));
    }

    #[test]
    fn large_removals_are_held() {
        let limit = RemovalLimit::default();
        assert!(!limit.holds(20, 20));
        assert!(limit.holds(21, 21));
        assert!(!limit.holds(50, 100));
        assert!(limit.holds(51, 100));
        assert!(limit.holds(u64::MAX, u64::MAX));
    }
}
