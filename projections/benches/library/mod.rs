//! A library as large as one likes: albums of twelve tracks, some of two discs, and one album that
//! holds a tenth of all, at most 100,000 tracks.

use eventlog::tags::{AudioProperties, ByteRange};
use eventlog::{
    AudioFormat, ContentId, Event, EventStore, Field, Locator, Media, NewEvent, OriginId,
    OriginPath, Revision, Tags, TrackId,
};

use crate::Failure;

/// Events in one append.
const BATCH: u64 = 2_000;

pub(crate) fn origin() -> Result<OriginId, Failure> {
    Ok("music".parse()?)
}

/// Where a track's file is: directory and name.
pub(crate) fn place(track: u64) -> Result<(OriginPath, String), Failure> {
    let album = track / 12;
    let directory = format!(
        "artists/{:03}/artist {}/album {album}",
        album % 997,
        album / 8
    );
    Ok((
        OriginPath::new(directory.into_bytes())?,
        format!("{:02} track {track}.flac", track % 12),
    ))
}

pub(crate) async fn write(log: &dyn EventStore, tracks: u64) -> Result<(), Failure> {
    let crowd = (tracks / 10).min(100_000);
    let mut track = 1;
    while track <= tracks {
        let end = (track + BATCH).min(tracks + 1);
        let events: Result<Vec<NewEvent>, Failure> = (track..end)
            .map(|track| Ok(NewEvent::now(discovered(track, track <= crowd)?, None)))
            .collect();
        log.append(log.head(), &events?).await?;
        track = end;
    }
    // A third of them was played, some of those often.
    let played = |n: u64| Event::TrackRead {
        track: TrackId(1 + n * n % tracks),
        bytes: None,
        duration_ms: 200_000,
        reader: Some("mpv".to_owned()),
    };
    let plays: Vec<NewEvent> = (0..tracks / 3)
        .map(|n| NewEvent::now(played(n), None))
        .collect();
    for batch in plays.chunks(2_000) {
        log.append(log.head(), batch).await?;
    }
    Ok(())
}

fn discovered(track: u64, in_crowd: bool) -> Result<Event, Failure> {
    let album = track / 12;
    let (directory, name) = place(track)?;
    let mut tags = Tags::new();
    if in_crowd {
        tags.push(Field::AlbumArtist, "Various Artists");
        tags.push(Field::Album, "Everything");
    } else {
        tags.push(Field::AlbumArtist, &format!("The Artists of {}", album / 8));
        tags.push(Field::Album, &format!("An Album Called {album}"));
        tags.push(Field::Date, &format!("{}", 1960 + album % 60));
        let disc = if album.is_multiple_of(10) {
            1 + track % 12 / 6
        } else {
            1
        };
        tags.push(Field::Disc, &disc.to_string());
    }
    tags.push(Field::Artist, &format!("Artist {}", album / 8));
    tags.push(
        Field::Title,
        &format!(
            "A Song With Number {}",
            if in_crowd { track } else { track % 12 }
        ),
    );
    tags.push(Field::Genre, "Progressive Rock");
    tags.push(Field::Track, &(1 + track % 12).to_string());
    tags.push(Field::TrackTotal, "12");
    tags.push(Field::Label, "Some Records");
    tags.push(
        Field::MusicBrainzTrackId,
        "d6f0b7a4-2f5e-4b39-a1b3-0fd11bb4b5a5",
    );
    tags.push(
        Field::MusicBrainzAlbumId,
        "9b3f3a1c-6a1c-4f87-8be1-8f0d0f4a9f9c",
    );
    let mut content = [0; 16];
    let hash = track.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    content
        .iter_mut()
        .zip(hash)
        .for_each(|(to, from)| *to = from);
    Ok(Event::TrackDiscovered {
        track: TrackId(track),
        locator: Locator {
            origin: origin()?,
            path: directory.join(name.as_bytes())?,
            revision: Revision {
                size: 30_000_000 + track,
                mtime_ns: 1_600_000_000_000_000_000,
                tag: None,
            },
        },
        media: Media {
            format: Some(AudioFormat::Flac),
            tags,
            audio: AudioProperties {
                duration_ms: Some(240_000),
                sample_rate_hz: Some(44_100),
                channels: Some(2),
                bit_depth: Some(16),
                ..AudioProperties::default()
            },
            audio_range: ByteRange {
                offset: 8192,
                len: 29_990_000,
            },
            content: ContentId(content),
            cover: None,
            defects: Vec::new(),
        },
    })
}
