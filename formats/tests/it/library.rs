//! What each made file says, as a table.

use eventlog::Field;
use eventlog::tags::{AudioFormat, DefectKind, Media};

use crate::harness::{audio_files, defects, read_made};

fn custom(name: &str) -> Field {
    Field::Custom(name.into())
}

fn assert_tags(file: &str, media: &Media, expected: &[(Field, &[&str])]) {
    for (field, values) in expected {
        assert_eq!(media.tags.all(field), *values, "{} of {file}", field.name());
    }
}

/// TAG-1, TAG-2: one song in every format; every field that the kind of tag has room for.
#[test]
fn every_format_says_the_same() {
    use AudioFormat::{
        Aac, Adts, Aiff, Alac, Flac, M4b, Mp3, Musepack, OggFlac, OggVorbis, Opus, Speex, Wav,
        WavPack,
    };
    let all = [
        "2001-02-03",
        "7",
        "12",
        "1",
        "2",
        "The Band",
        "Ann",
        "A remark",
    ];
    // Date, track, total, disc, total, album artist, composer, comment.
    let year = ["2001", "7", "12", "1", "2", "The Band", "Ann", "A remark"];
    let info = ["2001-02-03", "7", "12", "", "", "", "", "A remark"];
    let id3v1 = ["2001", "7", "", "", "", "", "", "A remark"];
    for (file, format, rest) in [
        ("flac.flac", Flac, all),
        ("vorbis.ogg", OggVorbis, all),
        ("opus.opus", Opus, all),
        ("oggflac.oga", OggFlac, all),
        ("speex.spx", Speex, all),
        ("aac.m4a", Aac, all),
        ("faststart.m4a", Aac, all),
        ("alac.m4a", Alac, all),
        ("book.m4b", M4b, all),
        ("adts.aac", Adts, all),
        ("info.wav", Wav, info),
        ("id3.wav", Wav, all),
        ("aiff.aiff", Aiff, all),
        ("wavpack.wv", WavPack, all),
        ("musepack.mpc", Musepack, all),
        ("id3v24.mp3", Mp3, all),
        ("id3v23.mp3", Mp3, year),
        ("id3v22.mp3", Mp3, year),
        ("id3v1.mp3", Mp3, id3v1),
        ("apev2.mp3", Mp3, all),
    ] {
        let media = read_made(&format!("Formats/{file}"));
        assert_eq!(media.format, Some(format), "{file}");
        assert_eq!(media.defects, [], "{file}");
        let [
            date,
            track,
            total,
            disc,
            discs,
            albumartist,
            composer,
            comment,
        ] = rest;
        for (field, value) in [
            (Field::Title, "Same Song"),
            (Field::Artist, "The Band"),
            (Field::Album, "Formats"),
            (Field::Genre, "Rock"),
            (Field::Date, date),
            (Field::Track, track),
            (Field::TrackTotal, total),
            (Field::Disc, disc),
            (Field::DiscTotal, discs),
            (Field::AlbumArtist, albumartist),
            (Field::Composer, composer),
            (Field::Comment, comment),
        ] {
            assert_eq!(
                media.tags.first(&field).unwrap_or(""),
                value,
                "{} of {file}",
                field.name()
            );
            assert!(
                media.tags.all(&field).len() <= 1,
                "{} of {file}",
                field.name()
            );
        }
    }
}

/// Every whole file has a sound: duration, rate, channels, and a range of audio within the file.
#[test]
fn every_whole_file_has_its_sound() {
    for path in audio_files()
        .iter()
        .filter(|path| !path.to_string_lossy().contains("/Broken/"))
    {
        let media = crate::harness::read_file(path);
        let duration = media.audio.duration_ms.unwrap();
        assert!(
            (980..=1060).contains(&duration),
            "{}: {duration} ms",
            path.display()
        );
        assert!(media.audio.sample_rate_hz.is_some(), "{}", path.display());
        assert!(media.audio.channels.is_some(), "{}", path.display());
        assert!(media.audio.bitrate_kbps.is_some(), "{}", path.display());
        let size = std::fs::metadata(path).unwrap().len();
        let range = media.audio_range;
        assert!(
            range.len > 0 && range.offset + range.len <= size,
            "{}",
            path.display()
        );
    }
}

#[test]
fn sound_that_a_header_tells() {
    let hires = read_made("Formats/hires.flac").audio;
    assert_eq!(
        (hires.sample_rate_hz, hires.bit_depth),
        (Some(96_000), Some(24))
    );
    assert!(hires.audio_md5.is_some());
    let lame = read_made("Formats/id3v1.mp3").audio;
    assert_eq!(lame.encoder.as_deref(), Some("LAME3.100"));
    let alac = read_made("Formats/alac.m4a").audio;
    assert_eq!((alac.bit_depth, alac.channels), (Some(16), Some(2)));
    let speex = read_made("Formats/speex.spx").audio;
    assert_eq!(
        (speex.sample_rate_hz, speex.channels),
        (Some(16_000), Some(1))
    );
}

/// TAG-2: all values are kept, in their order.
#[test]
fn several_values_stay_several() {
    for file in ["duet.flac", "duet.opus", "duet.ogg", "duet.mp3"] {
        let media = read_made(&format!("Several values/{file}"));
        assert_tags(
            file,
            &media,
            &[
                (Field::Artist, &["First Singer", "Second Singer"]),
                (Field::Genre, &["Jazz", "Soul"]),
                (Field::Composer, &["Ann", "Bob"]),
                // They say what the artist says already.
                (custom("ARTISTS"), &[]),
            ],
        );
    }
}

/// The better tag wins field by field, and the others fill in what it lacks.
#[test]
fn several_tags_are_laid_over_one_another() {
    let media = read_made("Formats/three tags.mp3");
    assert_tags(
        "three tags.mp3",
        &media,
        &[
            (Field::Title, &["Same Song"]),
            (Field::Artist, &["Ape Band"]),
            (Field::Album, &["Formats"]),
            (Field::Genre, &["Rock"]),
            (Field::Date, &["1999"]),
        ],
    );
}

#[test]
fn every_alphabet_and_numbering() {
    let accents = read_made("Ásgeir Trausti/Dýrð í dauðaþögn/01 Hærra.flac");
    assert_tags(
        "Hærra",
        &accents,
        &[
            (Field::Title, &["Hærra"]),
            (Field::Track, &["1"]),
            (Field::TrackTotal, &["4"]),
            (Field::Label, &["Sena"]),
            (Field::CatalogNumber, &["SCD 561"]),
            (
                Field::MusicBrainzAlbumId,
                &["0e5f8c1b-0000-4000-8000-000000000001"],
            ),
            (Field::ReplayGainAlbumGain, &["-6.54 dB"]),
        ],
    );
    let kanji = read_made("宇多田ヒカル/First Love/1.Automatic.mp3");
    assert_eq!(kanji.tags.first(&Field::Artist), Some("宇多田ヒカル"));
    let arabic = read_made("فيروز/كيفك إنت/3 - ضاق خلقي.opus");
    assert_eq!(arabic.tags.first(&Field::Title), Some("ضاق خلقي"));
    assert_eq!(arabic.tags.first(&custom("R128_TRACK_GAIN")), Some("-512"));
    let emoji = read_made("🎷🐙/Under the 🌊/02 🪩.m4a");
    assert_eq!(emoji.tags.first(&Field::Title), Some("🪩"));
    let various = read_made("Compilations/Now 1/01.mp3");
    assert_eq!(various.tags.first(&Field::Compilation), Some("1"));
    assert_eq!(various.tags.all(&Field::Artist), ["AC/DC"]);
    let vinyl = read_made("Kraftwerk/Autobahn/B2.ogg");
    assert_eq!(vinyl.tags.first(&Field::Track), Some("B2"));
    assert!(read_made("No tags/blank.flac").tags.is_empty());
}

/// TAG-1: the content decides, and a name that says otherwise is told.
#[test]
fn content_decides_over_the_name() {
    for (file, format, kinds) in [
        (
            "really mp3.flac",
            AudioFormat::Mp3,
            &[DefectKind::WrongExtension][..],
        ),
        (
            "really flac.mp3",
            AudioFormat::Flac,
            &[DefectKind::WrongExtension],
        ),
        (
            "really wav.ogg",
            AudioFormat::Wav,
            &[DefectKind::WrongExtension],
        ),
        ("really opus.ogg", AudioFormat::Opus, &[]),
        ("UPPER.FLAC", AudioFormat::Flac, &[]),
    ] {
        let media = read_made(&format!("Wrong names/{file}"));
        assert_eq!(media.format, Some(format), "{file}");
        assert_eq!(defects(&media), kinds, "{file}");
    }
}

/// TAG-4: what is broken is told, and what can still be read is read.
#[test]
fn broken_files_say_what_is_wrong() {
    use DefectKind::{BadTags, NotAudio, Truncated};
    for (file, kind, title) in [
        ("cut flac.flac", Truncated, true),
        ("cut id3v24.mp3", Truncated, true),
        ("cut aac.m4a", Truncated, false),
        ("cut faststart.m4a", Truncated, true),
        ("cut info.wav", Truncated, true),
        ("cut aiff.aiff", Truncated, true),
        ("cut opus.opus", Truncated, true),
        ("cut vorbis.ogg", Truncated, true),
        ("cut wavpack.wv", Truncated, false),
        ("empty.mp3", NotAudio, false),
        ("text.mp3", NotAudio, false),
        ("page.flac", NotAudio, false),
        ("zeros.mp3", NotAudio, false),
        ("huge claim.mp3", BadTags, false),
        ("huge claim.flac", Truncated, false),
    ] {
        let media = read_made(&format!("Broken/{file}"));
        assert!(
            defects(&media).contains(&kind),
            "{file}: {:?}",
            media.defects
        );
        assert_eq!(media.tags.first(&Field::Title).is_some(), title, "{file}");
        assert!(media.format.is_some(), "{file} has a format by its name");
        // Where there is no audio, none is claimed: such files are never matched by their sound.
        assert!(kind != NotAudio || media.audio_range.len == 0, "{file}");
    }
}
