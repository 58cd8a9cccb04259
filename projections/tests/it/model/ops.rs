//! What can happen, and how it is drawn.

use eventlog::event::Duplicates;

use crate::facts::Song;

macro_rules! sixty {
    () => {
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
    };
}

/// One step of a history. Tracks are named by number, counted round; a track that does not exist
/// yet, or lives no more, may be named too: folds are total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    AddFile {
        origin: &'static str,
        path: &'static str,
        song: Song,
    },
    Retag {
        track: u64,
        song: Song,
    },
    Replace {
        track: u64,
        song: Song,
    },
    Move {
        track: u64,
        path: &'static str,
        song: Option<Song>,
    },
    Remove {
        track: u64,
    },
    Return {
        track: u64,
        origin: &'static str,
        path: &'static str,
        song: Song,
    },
    FindSidecar {
        sidecar: u64,
        origin: &'static str,
        path: &'static str,
    },
    ChangeSidecar {
        sidecar: u64,
    },
    LoseSidecar {
        sidecar: u64,
    },
    OriginAdd {
        origin: &'static str,
    },
    OriginChange {
        origin: &'static str,
    },
    OriginRemove {
        origin: &'static str,
    },
    Scan {
        origin: &'static str,
        whole: bool,
        held: bool,
        complete: bool,
    },
    /// Somebody reads a track; the time of the day is as it likes to be.
    Read {
        track: u64,
        reader: Option<&'static str>,
        seconds: u64,
        minute: i64,
    },
    /// Reads are folded away, but for the last ones.
    Fold {
        but: usize,
    },
    Define {
        name: &'static str,
        definition: Option<&'static str>,
    },
    /// An event about a track, or a new one, that cannot be read.
    Unread {
        track: u64,
        folded: bool,
    },
    LayoutChange {
        template: &'static str,
        windows: bool,
        duplicates: Duplicates,
    },
    Pin {
        path: &'static str,
        added: bool,
    },
    Rebuild,
    Restart,
    CrashBeforeCommit,
    CrashAfterCommit,
}

const ORIGINS: &[&str] = &["o", "o", "p", "q"];
/// In a path `\u{ff}` stands for the byte, which is not UTF-8.
const PATHS: &[&str] = &[
    "\u{ff}.flac",
    "\u{ff}/a\u{ff}.flac",
    "a.flac",
    "b.flac",
    "a/a.flac",
    "a/b.flac",
    "b/a.flac",
    "a/a (2).flac",
];
const BESIDE: &[&str] = &[
    "cover.jpg",
    "a/cover.jpg",
    "a/Folder.png",
    "a/a.lrc",
    "a.lrc",
    "b.flac",
    "a/a (2).flac",
    "\u{ff}/a\u{ff}.txt",
    "b/s/1.jpg",
    "a/s/cover.jpg",
];
const READERS: &[Option<&str>] = &[None, Some("mpv"), Some("mpv"), Some("mpd")];
const SECONDS: &[u64] = &[0, 1, 2, 2, 60, 700];
const DEFINED: &[&str] = &["a", "B/b"];
const DEFINITIONS: &[Option<&str>] = &[Some("a"), Some("artist:"), None];
const PINNED: &[&str] = &["", "a", "a/a", "b"];
const NAMES: &[&str] = &[
    "a", "a", "b", "A", "a.flac", "a (2)", "a (3)", "", LONG, LONGER,
];
/// Longer than any name may be, and alike where they are cut.
pub(super) const LONG: &str = concat!(sixty!(), sixty!(), sixty!(), sixty!(), sixty!(), "x");
pub(super) const LONGER: &str = concat!(sixty!(), sixty!(), sixty!(), sixty!(), sixty!(), "y (2)");
/// What files sound like; nothing is no sound.
const SOUNDS: &[&str] = &["a", "a", "a", "b", ""];
const DISCS: &[&str] = &["", "", "1", "2", "a.flac"];
const TEMPLATES: &[&str] = &[
    "$albumartist/$album< ($year)> [$format_upper]/<$disc->$track - $title.$format",
    "$artist/$title",
    "$artist/$album/$title",
    "$title",
    "$album/<$disc>/$title",
    "<$disc>/$title",
    "$artist/<$disc->$title",
    "x/$filename",
];

/// A reproducible source of chance (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    fn of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len())]
    }

    fn song(&mut self) -> Song {
        Song {
            artist: self.of(NAMES),
            album: self.of(&NAMES[..4]),
            title: self.of(NAMES),
            disc: self.of(DISCS),
            sound: self.of(SOUNDS),
        }
    }

    fn duplicates(&mut self) -> Duplicates {
        use Duplicates::{All, Content, Tags};
        [Content, Content, Tags, Tags, All][self.below(5)]
    }

    fn track(&mut self) -> u64 {
        self.below(12) as u64
    }

    fn op(&mut self) -> Op {
        let (origin, path) = (self.of(ORIGINS), self.of(PATHS));
        match self.below(61) {
            0..12 => Op::AddFile {
                origin,
                path,
                song: self.song(),
            },
            12..16 => Op::Retag {
                track: self.track(),
                song: self.song(),
            },
            16..18 => Op::Replace {
                track: self.track(),
                song: self.song(),
            },
            18..21 => {
                let song = (self.below(2) == 0).then(|| self.song());
                Op::Move {
                    track: self.track(),
                    path,
                    song,
                }
            }
            21..26 => Op::Remove {
                track: self.track(),
            },
            26..29 => Op::Return {
                track: self.track(),
                origin,
                path,
                song: self.song(),
            },
            29 => Op::OriginAdd { origin },
            30 => Op::OriginChange { origin },
            31 => Op::OriginRemove { origin },
            32 => Op::Scan {
                origin,
                whole: self.below(2) == 0,
                held: self.below(2) == 0,
                complete: self.below(3) > 0,
            },
            33 | 42..49 => Op::Read {
                track: self.track(),
                reader: READERS[self.below(READERS.len())],
                seconds: SECONDS[self.below(SECONDS.len())],
                minute: self.below(40) as i64,
            },
            34..36 => Op::LayoutChange {
                template: self.of(TEMPLATES),
                windows: self.below(2) == 0,
                duplicates: self.duplicates(),
            },
            36 => Op::Rebuild,
            37 => Op::Restart,
            38 => Op::CrashBeforeCommit,
            39 => Op::Unread {
                track: self.track(),
                folded: self.below(2) == 0,
            },
            40..42 => Op::Pin {
                path: self.of(PINNED),
                added: self.below(2) == 0,
            },
            49..51 => Op::Fold { but: self.below(3) },
            53..58 => Op::FindSidecar {
                sidecar: self.below(5) as u64,
                origin,
                path: self.of(BESIDE),
            },
            58 => Op::ChangeSidecar {
                sidecar: self.below(5) as u64,
            },
            59..61 => Op::LoseSidecar {
                sidecar: self.below(5) as u64,
            },
            51 => Op::Define {
                name: self.of(DEFINED),
                definition: DEFINITIONS[self.below(DEFINITIONS.len())],
            },
            _ => Op::CrashAfterCommit,
        }
    }

    /// A history, begun with a layout so that most of the others get their turn.
    pub(super) fn history(&mut self) -> Vec<Op> {
        let layout = Op::LayoutChange {
            template: self.of(TEMPLATES),
            windows: self.below(3) == 0,
            duplicates: self.duplicates(),
        };
        let steps = 4 + self.below(28);
        std::iter::once(layout)
            .chain((0..steps).map(|_| self.op()))
            .collect()
    }
}
