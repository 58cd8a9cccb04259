//! Fills a state directory's log with made-up tracks: `seed STATE TRACKS`.
//!
//! The tracks are of an origin whose folder is not there, so that a daemon serves them and has
//! nothing to scan: for figures at sizes for which nobody wants to keep files.

use std::path::Path;

use eventlog::event::{OriginSpec, ScanSummary};
use eventlog::tags::{AudioProperties, ByteRange};
use eventlog::{
    AudioFormat, CauseId, ContentId, Event, EventStore, Field, Locator, Media, NewEvent, OriginId,
    OriginPath, Revision, Tags, TrackId,
};

/// Events in a durable batch, as a scan makes them.
const BATCH: u64 = 1_000;
const WORDS: [&str; 8] = [
    "Amber", "Basin", "Cedar", "Delta", "Ember", "Flint", "Harbor", "Indigo",
];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(state), Some(tracks)) = (args.next(), args.next()) else {
        return Err("usage: seed STATE TRACKS".into());
    };
    let tracks: u64 = tracks.parse()?;
    let log = Path::new(&state).join("log");
    std::fs::create_dir_all(&log)?;
    let store = eventlog::SqliteStore::open(&log.join("events.db")).await?;
    let origin: OriginId = "made-up".parse()?;
    let cause = Some(CauseId::generate());
    let spec = OriginSpec {
        kind: "local".into(),
        name: "made up".into(),
        root: b"/nonexistent/made-up".to_vec(),
        options: std::collections::BTreeMap::new(),
    };
    let added = NewEvent::now(
        Event::OriginAdded {
            origin: origin.clone(),
            spec,
        },
        cause,
    );
    let mut head = store.append(store.head(), &[added]).await?;
    let mut next = 1;
    while next <= tracks {
        let last = tracks.min(next + BATCH - 1);
        let batch: Result<Vec<NewEvent>> = (next..=last)
            .map(|number| Ok(NewEvent::now(discovered(number, &origin)?, cause)))
            .collect();
        head = store.append(head, &batch?).await?;
        next = last + 1;
    }
    let summary = ScanSummary {
        complete: true,
        whole: true,
        listed: tracks,
        added: tracks,
        ..Default::default()
    };
    store
        .append(
            head,
            &[NewEvent::now(
                Event::ScanFinished { origin, summary },
                cause,
            )],
        )
        .await?;
    Ok(())
}

/// The discovery of a track: twelve an album, five albums an artist, every tenth album on two discs.
fn discovered(number: u64, origin: &OriginId) -> Result<Event> {
    let index = number - 1;
    let (album, place) = (index / 12, index % 12 + 1);
    let artist = album / 5;
    let word = |seed: u64| {
        let place = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61;
        WORDS.into_iter().nth(place as usize).unwrap_or_default()
    };
    let mut tags = Tags::new();
    tags.push(
        Field::Title,
        &format!("{} {} {number}", word(number), word(number + 1)),
    );
    tags.push(
        Field::Artist,
        &format!("{} {} {artist}", word(artist), word(artist + 3)),
    );
    tags.push(
        Field::Album,
        &format!("{} {} {album}", word(album), word(album + 5)),
    );
    tags.push(Field::Track, &place.to_string());
    tags.push(Field::Date, &(1960 + album % 65).to_string());
    tags.push(Field::Genre, if album % 2 == 0 { "Rock" } else { "Jazz" });
    if album % 10 == 4 {
        tags.push(Field::Disc, &(place / 7 + 1).to_string());
        tags.push(Field::DiscTotal, "2");
    }
    let size = 20_000_000 + number % 10_000_000;
    let path = format!("{:04}/{artist:06}/{album:07}/{place:02}.flac", artist / 100);
    let mut content = [0; 16];
    content[..8].copy_from_slice(&number.to_le_bytes());
    Ok(Event::TrackDiscovered {
        track: TrackId(number),
        locator: Locator {
            origin: origin.clone(),
            path: OriginPath::new(path.into_bytes())?,
            revision: Revision {
                size,
                mtime_ns: 1_600_000_000_000_000_000 + i64::try_from(number)?,
                tag: None,
            },
        },
        media: Media {
            format: Some(AudioFormat::Flac),
            tags,
            audio: AudioProperties {
                duration_ms: Some(200_000 + number % 100_000),
                bitrate_kbps: Some(900),
                sample_rate_hz: Some(44_100),
                channels: Some(2),
                bit_depth: Some(16),
                encoder: None,
                audio_md5: Some(content),
            },
            audio_range: ByteRange {
                offset: 8_192,
                len: size - 8_192,
            },
            content: ContentId(content),
            cover: None,
            defects: Vec::new(),
        },
    })
}
