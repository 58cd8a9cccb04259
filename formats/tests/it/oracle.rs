//! A second opinion: what the `lofty` crate reads in the same files.

use std::io::Cursor;
use std::path::Path;

use eventlog::Field;
use lofty::config::ParseOptions;
use lofty::file::{AudioFile, TaggedFileExt};
use lofty::probe::Probe;
use lofty::tag::ItemKey;

use crate::harness::{audio_files, library, read_file};

/// Where it differs for a reason of its own.
fn is_known_difference(path: &Path, field: &Field) -> bool {
    // It takes the best tag alone.
    path.ends_with("three tags.mp3") && *field != Field::Title
}

#[test]
fn tags_and_sound_are_what_lofty_reads() {
    let broken = library().join("Broken");
    let mut compared = 0;
    for path in audio_files()
        .iter()
        .filter(|path| !path.starts_with(&broken))
    {
        let bytes = std::fs::read(path).unwrap();
        let probe =
            Probe::new(Cursor::new(bytes)).options(ParseOptions::new().read_cover_art(false));
        let Ok(theirs) = probe.guess_file_type().unwrap().read() else {
            continue;
        };
        let ours = read_file(path);

        let sound = theirs.properties();
        let rate = ours.audio.sample_rate_hz;
        assert_eq!(
            rate,
            sound.sample_rate(),
            "sample rate of {}",
            path.display()
        );
        assert_eq!(
            ours.audio.channels,
            sound.channels(),
            "channels of {}",
            path.display()
        );
        let (ms, theirs_ms) = (
            ours.audio.duration_ms.unwrap(),
            sound.duration().as_millis(),
        );
        // It does not subtract what an MP3 encoder added, and adds up ADTS frames otherwise.
        assert!(
            u128::from(ms).abs_diff(theirs_ms) < 80,
            "{}: {ms} {theirs_ms}",
            path.display()
        );

        let Some(tag) = theirs.primary_tag().or(theirs.first_tag()) else {
            continue;
        };
        for (field, key) in [
            (Field::Title, ItemKey::TrackTitle),
            (Field::Artist, ItemKey::TrackArtist),
            (Field::Album, ItemKey::AlbumTitle),
            (Field::AlbumArtist, ItemKey::AlbumArtist),
            (Field::Genre, ItemKey::Genre),
            (Field::Composer, ItemKey::Composer),
            (Field::Label, ItemKey::Label),
            (Field::CatalogNumber, ItemKey::CatalogNumber),
            (Field::MusicBrainzAlbumId, ItemKey::MusicBrainzReleaseId),
        ] {
            if !is_known_difference(path, &field) {
                let theirs: Vec<_> = tag
                    .get_strings(key)
                    .filter(|s| !s.trim().is_empty())
                    .collect();
                assert_eq!(
                    ours.tags.all(&field),
                    theirs,
                    "{} of {}",
                    field.name(),
                    path.display()
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 300, "only {compared} fields were compared");
}
