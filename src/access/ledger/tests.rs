use fuse::Reader;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A clock that tests set.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn at(self, millis: u64) -> Instant {
        self.0 + Duration::from_millis(millis)
    }

    /// A read that begins at a millisecond and lasts some.
    fn access(self, process: u32, name: &str, track: u64, from: u64, millis: u64) -> Access {
        Access {
            track: TrackId(track),
            reader: Reader {
                process,
                name: Some(name.into()),
            },
            bytes: Some(1_000),
            opened: self.at(from),
            closed: self.at(from + millis),
        }
    }
}

fn nothing_open(_: &Key) -> Option<Instant> {
    None
}

/// Track and opens of each read; tracks and opens of each scan.
fn brief(entries: &[Entry]) -> Vec<(&'static str, u64, u64)> {
    let brief = |entry: &Entry| match entry {
        Entry::Read(reading) => ("read", reading.track.0, reading.opens),
        Entry::Scan(scan) => ("scan", scan.tracks, scan.opens),
    };
    entries.iter().map(brief).collect()
}

#[test]
fn a_play_is_listed_once_it_is_sure_to_be_over() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    ledger.take(clock.access(1, "mpv", 7, 0, 240_000)).unwrap();
    assert_eq!(ledger.settle(clock.at(242_999), nothing_open), []);
    let entries = ledger.settle(clock.at(243_000), nothing_open);
    assert_eq!(brief(&entries), [("read", 7, 1)]);
    assert!(ledger.is_empty());
}

#[test]
fn a_player_that_opens_again_has_read_once() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    // Looks at it, opens it again to play it, and once more beside that for its cover.
    ledger.take(clock.access(1, "mpv", 7, 0, 50)).unwrap();
    assert_eq!(ledger.settle(clock.at(3_000), nothing_open), []);
    // It is open again, so nothing is over.
    let opened = |key: &Key| (*key == (1, TrackId(7))).then(|| clock.at(2_000));
    assert_eq!(ledger.settle(clock.at(9_000), opened), []);
    ledger.take(clock.access(1, "mpv", 7, 4_000, 10)).unwrap();
    ledger
        .take(clock.access(1, "mpv", 7, 2_000, 200_000))
        .unwrap();
    let entries = ledger.settle(clock.at(300_000), nothing_open);
    let [Entry::Read(reading)] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!((reading.opens, reading.bytes), (3, Some(3_000)));
    assert_eq!(
        (reading.opened, reading.closed),
        (clock.at(0), clock.at(202_000))
    );
}

#[test]
fn what_comes_later_or_of_another_process_is_another_read() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    ledger.take(clock.access(1, "mpv", 7, 0, 10_000)).unwrap();
    ledger.take(clock.access(2, "mpv", 7, 0, 11_000)).unwrap();
    ledger
        .take(clock.access(1, "mpv", 7, 13_001, 10_000))
        .unwrap();
    let entries = ledger.close();
    assert_eq!(brief(&entries), [("read", 7, 1); 3]);
}

#[test]
fn bytes_are_known_where_those_of_every_open_are() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    ledger.take(clock.access(1, "mpv", 7, 0, 50)).unwrap();
    let unseen = Access {
        bytes: None,
        ..clock.access(1, "mpv", 7, 100, 50)
    };
    ledger.take(unseen).unwrap();
    assert!(matches!(&ledger.close()[..], [Entry::Read(reading)] if reading.bytes.is_none()));
}

#[test]
fn a_few_short_reads_are_listed_when_their_program_is_quiet() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    for track in 1..10 {
        ledger
            .take(clock.access(1, "eog", track, track * 100, 10))
            .unwrap();
    }
    assert_eq!(ledger.settle(clock.at(5_000), nothing_open), []);
    assert_eq!(ledger.settle(clock.at(8_909), nothing_open), []);
    let entries = ledger.settle(clock.at(8_910), nothing_open);
    let expected: Vec<_> = (1..10).map(|track| ("read", track, 1)).collect();
    assert_eq!(brief(&entries), expected);
}

#[test]
fn one_process_a_track_is_a_scan_by_its_name() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    for n in 0..200 {
        let access = clock.access(100 + n, "ffprobe", n.into(), u64::from(n) * 30, 20);
        ledger.take(access).unwrap();
    }
    // Meanwhile somebody listens, and somebody else looks for a song.
    ledger.take(clock.access(1, "mpv", 3, 0, 20_000)).unwrap();
    ledger.take(clock.access(2, "head", 4, 100, 1)).unwrap();
    let entries = ledger.settle(clock.at(30_000), nothing_open);
    assert_eq!(
        brief(&entries),
        [("read", 4, 1), ("scan", 200, 200), ("read", 3, 1)]
    );
    let Entry::Scan(scan) = &entries[1] else {
        unreachable!()
    };
    assert_eq!((scan.since, scan.until), (clock.at(0), clock.at(5_990)));
    assert_eq!(
        (scan.bytes, scan.name.as_deref()),
        (Some(200_000), Some("ffprobe"))
    );
}

#[test]
fn a_long_scan_is_one_event_a_minute_and_its_end_is_none_a_track() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    let mut entries = Vec::new();
    // Five minutes and a few tracks.
    for n in 0..3_003_u64 {
        ledger.take(clock.access(1, "mpd", n, n * 100, 20)).unwrap();
        entries.extend(ledger.settle(clock.at(n * 100 + 20), nothing_open));
    }
    entries.extend(ledger.settle(clock.at(400_000), nothing_open));
    let found = brief(&entries);
    assert!(found.iter().all(|(kind, ..)| *kind == "scan"), "{found:?}");
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(found.iter().map(|(.., opens)| opens).sum::<u64>(), 3_003);
    assert!(ledger.is_empty());
}

#[test]
fn many_reads_of_one_track_are_a_scan_too() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    for n in 0..5_000 {
        ledger
            .take(clock.access(n, "head", 1, u64::from(n), 1))
            .unwrap();
    }
    assert_eq!(brief(&ledger.close()), [("scan", 1, 5_000)]);
}

#[test]
fn what_waits_is_bounded() {
    let clock = Clock::start();
    let mut ledger = Ledger::default();
    let most = u64::try_from(MOST_ENDED).unwrap();
    for track in 0..most {
        ledger.take(clock.access(1, "cp", track, 0, 1)).unwrap();
    }
    assert!(ledger.take(clock.access(1, "cp", most, 0, 1)).is_err());
    // What joins another takes no room.
    ledger.take(clock.access(1, "cp", 0, 2, 1)).unwrap();
    assert_eq!(ledger.len(), MOST_ENDED);
    assert_eq!(brief(&ledger.close()), [("scan", most, most + 1)]);
    // Names without end are not kept.
    for n in 0..2_000 {
        let access = clock.access(n, &format!("name {n}"), u64::from(n), 0, 1);
        ledger.take(access).unwrap();
    }
    assert_eq!(
        ledger.settle(clock.at(3_001), nothing_open).len(),
        2_000 - MOST_NAMES
    );
    assert_eq!(ledger.len(), MOST_NAMES);
}

#[derive(Debug, Clone)]
struct Made {
    process: u32,
    track: u64,
    /// Since the one before ended.
    pause: u64,
    millis: u64,
}

fn made() -> impl Strategy<Value = Made> {
    let millis = prop_oneof![4 => 0..2_000_u64, 1 => 8_000..30_000_u64];
    (0..6_u32, 0..30_u64, 0..4_000_u64, millis).prop_map(|(process, track, pause, millis)| Made {
        process,
        track,
        pause,
        millis,
    })
}

proptest! {
    /// Every open is in one entry, nothing waits for long, what is long is listed.
    #[test]
    fn all_that_was_read_is_told_once_and_in_time(all in vec(made(), 1..300), step in 200..3_000_u64) {
        let clock = Clock::start();
        let mut from = 0;
        let accesses: Vec<Access> = all
            .iter()
            .map(|it| {
                from += it.pause;
                // Three programs of two processes each.
                let name = format!("program {}", it.process / 2);
                clock.access(it.process, &name, it.track, from, it.millis)
            })
            .collect();
        let mut in_order = accesses.clone();
        in_order.sort_by_key(|access| access.closed);
        let mut ledger = Ledger::default();
        let mut left = in_order.into_iter().peekable();
        let (mut millis, mut told) = (0, Vec::new());
        while left.peek().is_some() || !ledger.is_empty() {
            let now = clock.at(millis);
            while let Some(access) = left.next_if(|access| access.closed <= now) {
                ledger.take(access).unwrap();
            }
            let opened = |key: &Key| {
                let open = accesses.iter().filter(|access| {
                    (access.reader.process, access.track) == *key
                        && access.opened <= now && now < access.closed
                });
                open.map(|access| access.opened).min()
            };
            for entry in ledger.settle(now, opened) {
                let over = match &entry {
                    Entry::Read(reading) => reading.closed,
                    Entry::Scan(scan) => scan.until,
                };
                prop_assert!(now - over <= MINUTE + Duration::from_millis(step), "{entry:?}");
                told.push(entry);
            }
            millis += step;
        }
        let opens: u64 = brief(&told).iter().map(|(.., opens)| opens).sum();
        prop_assert_eq!(opens, all.len() as u64);
        let listed = |access: &Access| {
            told.iter().any(|entry| matches!(
                entry,
                Entry::Read(reading) if reading.track == access.track
                    && reading.opened <= access.opened && reading.closed >= access.closed
            ))
        };
        for access in &accesses {
            let is_long = access.closed - access.opened >= LONG;
            prop_assert!(!is_long || listed(access), "{access:?}");
        }
    }

    /// Who reads little is never said to scan.
    #[test]
    fn a_few_tracks_are_no_scan(all in vec(made(), 1..60)) {
        let clock = Clock::start();
        let mut ledger = Ledger::default();
        let mut from = 0;
        for it in all {
            from += it.pause;
            let access = clock.access(it.process, "program", it.track % 9, from, it.millis);
            ledger.take(access).unwrap();
        }
        let scans = ledger.close().iter().any(|entry| matches!(entry, Entry::Scan(_)));
        prop_assert!(!scans);
    }
}
