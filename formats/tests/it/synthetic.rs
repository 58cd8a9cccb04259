//! Tags and headers that no tool at hand writes, made by hand.

use eventlog::Field;
use eventlog::tags::{AudioFormat, DefectKind, Media};

use crate::harness::{defects, library, read_bytes, read_made};

fn made(path: &str) -> Vec<u8> {
    std::fs::read(library().join(path)).unwrap()
}

fn custom(name: &str) -> Field {
    Field::Custom(name.into())
}

pub(crate) fn frame(version: u8, id: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let mut frame = id.as_bytes().to_vec();
    let shift = if version == 4 { 7 } else { 8 };
    let mask = (1 << shift) - 1;
    frame.extend([3, 2, 1, 0].map(|n| u8::try_from((len >> (shift * n)) & mask).unwrap()));
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(body);
    frame
}

/// What an MP3 with an ID3v2 tag of these frames says.
fn mp3(version: u8, flags: u8, frames: &[u8]) -> Media {
    read_bytes(tagged(version, flags, frames), "x.mp3")
}

/// An MP3 with an ID3v2 tag of these frames.
pub(crate) fn tagged(version: u8, flags: u8, frames: &[u8]) -> Vec<u8> {
    let mut bytes = vec![b'I', b'D', b'3', version, 0, flags];
    bytes.extend([21, 14, 7, 0].map(|shift| u8::try_from((frames.len() >> shift) & 0x7f).unwrap()));
    bytes.extend_from_slice(frames);
    bytes.extend_from_slice(&made("No tags/Track 01.mp3"));
    bytes
}

#[test]
fn frames_of_id3() {
    let mut frames = frame(3, "TIT2", b"\x01\xff\xfeA\0\xe9\0");
    frames.extend(frame(3, "TPE1", b"\0caf\xe9"));
    frames.extend(frame(
        3,
        "TALB",
        "\0Þögn in UTF-8, called Latin-1".as_bytes(),
    ));
    frames.extend(frame(3, "TYER", b"\x002004"));
    frames.extend(frame(3, "TDAT", b"\x003112"));
    frames.extend(frame(3, "TCON", b"\0(51)(39)Noise"));
    frames.extend(frame(3, "COMM", b"\0eng\0plain"));
    frames.extend(frame(3, "COMM", b"\0engiTunNORM\0 0001"));
    frames.extend(frame(3, "USLT", b"\x01eng\xff\xfe\0\0\xff\xfeL\0a\0"));
    frames.extend(frame(3, "UFID", b"http://musicbrainz.org\0f6b5e8c0"));
    frames.extend(frame(3, "TXXX", b"\0MusicBrainz Album Id\0abc"));
    frames.extend(frame(3, "TXXX", b"\0replaygain_track_gain\0-3.20 dB"));
    frames.extend(frame(3, "TXXX", b"\0My Own\0mine"));
    frames.extend(frame(3, "IPLS", b"\0producer\0Pat\0mix\0Max"));
    frames.extend(frame(3, "TBPM", b"\x00120"));
    let media = mp3(3, 0, &frames);
    for (field, values) in [
        (Field::Title, &["Aé"][..]),
        (Field::Artist, &["café"]),
        (Field::Album, &["Þögn in UTF-8, called Latin-1"]),
        (Field::Date, &["2004-12-31"]),
        (Field::Genre, &["Techno-Industrial", "Noise"]),
        (Field::Comment, &["plain"]),
        (custom("COMMENT:ITUNNORM"), &["0001"]),
        (Field::Lyrics, &["La"]),
        (Field::MusicBrainzTrackId, &["f6b5e8c0"]),
        (Field::MusicBrainzAlbumId, &["abc"]),
        (Field::ReplayGainTrackGain, &["-3.20 dB"]),
        (custom("MY OWN"), &["mine"]),
        (custom("PRODUCER"), &["Pat"]),
        (custom("MIXER"), &["Max"]),
        (Field::Bpm, &["120"]),
    ] {
        assert_eq!(media.tags.all(&field), values, "{}", field.name());
    }
    assert_eq!(media.defects, []);
}

/// Links are ISO 8859-1 whatever their description is in; ratings keep who gave them.
#[test]
fn links_and_counters_of_id3() {
    let mut frames = frame(3, "WXXX", b"\x01\xff\xfe\0\0http://x.org");
    frames.extend(frame(3, "WXXX", b"\x01\xff\xfeM\0y\0\0\0http://my.org"));
    frames.extend(frame(3, "WOAR", b"http://artist.org/caf\xe9\0junk"));
    frames.extend(frame(3, "WCOM", b"http://shop.org/1"));
    frames.extend(frame(3, "WCOM", b"http://shop.org/2"));
    frames.extend(frame(3, "POPM", b"me@x.org\0\xc4\0\0\x01\x02"));
    frames.extend(frame(3, "POPM", b"\0\x01"));
    frames.extend(frame(3, "PCNT", b"\x01\0\0\0\0"));
    let media = mp3(3, 0, &frames);
    for (name, values) in [
        ("WXXX", &["http://x.org"][..]),
        ("MY", &["http://my.org"]),
        ("WOAR", &["http://artist.org/café"]),
        ("WCOM", &["http://shop.org/1", "http://shop.org/2"]),
        ("POPM:ME@X.ORG", &["196 258"]),
        ("POPM", &["1"]),
        ("PCNT", &["4294967296"]),
    ] {
        assert_eq!(media.tags.all(&custom(name)), values, "{name}");
    }
    assert_eq!(media.defects, []);
}

#[test]
fn unsynchronised_tags_are_put_right() {
    // 2.3 does it to the whole tag, 2.4 to each frame.
    let title = b"\x01\xff\0\xfeA\0";
    let mut whole = frame(3, "TIT2", title);
    whole[7] -= 1;
    whole.extend(frame(3, "TPE1", b"\0After"));
    let media = mp3(3, 0x80, &whole);
    assert_eq!(media.tags.first(&Field::Title), Some("A"));
    assert_eq!(media.tags.first(&Field::Artist), Some("After"));

    let mut single = frame(4, "TIT2", title);
    single[9] = 0x02;
    single.extend(frame(4, "TPE1", b"\0After"));
    let media = mp3(4, 0, &single);
    assert_eq!(media.tags.first(&Field::Title), Some("A"));
    assert_eq!(media.tags.first(&Field::Artist), Some("After"));
}

/// An old iTunes wrote the sizes of 2.4 as 2.3 has them.
#[test]
fn sizes_that_are_not_synchsafe_are_understood() {
    let long = [&b"\0"[..], &b"x".repeat(299)].concat();
    let mut frames = frame(3, "TIT2", &long);
    frames.extend(frame(3, "TPE1", b"\0After"));
    let media = mp3(4, 0, &frames);
    assert_eq!(media.tags.first(&Field::Title).unwrap().len(), 299);
    assert_eq!(media.tags.first(&Field::Artist), Some("After"));
}

#[test]
fn one_bad_frame_does_not_cost_the_others() {
    let mut frames = frame(4, "TIT2", b"\x01\xff\xfe\x00\xd8"); // half a surrogate pair
    frames.extend(frame(4, "TPE1", b"\x03bad \xff UTF-8"));
    frames.extend(frame(4, "TALB", b"\x09unknown encoding"));
    frames.extend(frame(4, "TCOM", b""));
    frames.extend(frame(4, "TRCK", b"\x0305"));
    let media = mp3(4, 0, &frames);
    assert_eq!(media.tags.first(&Field::Title), Some("\u{fffd}"));
    assert_eq!(media.tags.first(&Field::Artist), Some("bad \u{fffd} UTF-8"));
    assert_eq!(media.tags.first(&Field::Album), Some("unknown encoding"));
    assert_eq!(media.tags.first(&Field::Track), Some("5"));
}

#[test]
fn values_that_are_too_long_are_cut_and_told() {
    let media = mp3(
        4,
        0,
        &frame(
            4,
            "COMM",
            &[&b"\x03eng\0"[..], &b"y".repeat(200_000)].concat(),
        ),
    );
    assert_eq!(media.tags.first(&Field::Comment).unwrap().len(), 64 << 10);
    assert_eq!(defects(&media), [DefectKind::TooLong]);
}

/// A file of Monkey's Audio without tags.
pub(crate) fn monkeys() -> Vec<u8> {
    let mut bytes = b"MAC \x96\x0f\0\0".to_vec(); // version 3990
    for number in [52_u32, 24, 4, 44, 1000, 0, 0] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&[7; 16]);
    bytes.extend_from_slice(&[0xd0, 7, 0, 0]);
    for number in [73_728_u32, 14_472, 1] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&[16, 0, 2, 0]);
    bytes.extend_from_slice(&44_100_u32.to_le_bytes());
    bytes.resize(52 + 24 + 4 + 44 + 1000, 0x55);
    bytes
}

#[test]
fn monkeys_audio() {
    let mut bytes = monkeys();
    let whole = bytes.len();
    let tagged = made("Formats/apev2.mp3");
    let range = read_made("Formats/apev2.mp3").audio_range;
    let end = usize::try_from(range.offset + range.len).unwrap();
    bytes.extend_from_slice(&tagged[end..]);

    let media = read_bytes(bytes.clone(), "x.ape");
    assert_eq!(media.format, Some(AudioFormat::Ape));
    assert_eq!(media.tags.first(&Field::Title), Some("Same Song"));
    assert_eq!(media.audio.duration_ms, Some(328));
    assert_eq!(media.audio.bit_depth, Some(16));
    assert_eq!(
        (media.audio_range.offset, media.audio_range.len),
        (0, whole as u64)
    );
    assert_eq!(media.defects, []);

    bytes.truncate(900);
    assert_eq!(
        defects(&read_bytes(bytes, "x.ape")),
        [DefectKind::Truncated]
    );
}

#[test]
fn musepack_7() {
    let mut bytes = b"MP+\x17".to_vec();
    bytes.extend_from_slice(&100_u32.to_le_bytes());
    bytes.extend_from_slice(&(1_u32 << 16).to_le_bytes());
    bytes.resize(4000, 0x11);
    let media = read_bytes(bytes, "x.mpc");
    assert_eq!(media.format, Some(AudioFormat::Musepack));
    assert_eq!(media.audio.sample_rate_hz, Some(48_000));
    assert_eq!(media.audio.duration_ms, Some((100 * 1152 - 481) / 48));
}

/// A leading ID3v2 tag hides nothing, whatever follows it.
#[test]
fn a_tag_may_stand_before_any_container() {
    let mut tag = b"ID3\x04\0\0\0\0\0".to_vec();
    let frames = [
        frame(4, "TIT2", b"\x03Leading"),
        frame(4, "TSRC", b"\x03XX0000000001"),
    ]
    .concat();
    tag.push(u8::try_from(frames.len()).unwrap());
    tag.extend_from_slice(&frames);
    for (file, format) in [
        ("flac.flac", AudioFormat::Flac),
        ("opus.opus", AudioFormat::Opus),
        ("info.wav", AudioFormat::Wav),
        ("wavpack.wv", AudioFormat::WavPack),
        ("musepack.mpc", AudioFormat::Musepack),
        ("aac.m4a", AudioFormat::Aac),
    ] {
        let bytes = [tag.clone(), made(&format!("Formats/{file}"))].concat();
        let media = read_bytes(bytes, file);
        assert_eq!(media.format, Some(format), "{file}");
        assert_eq!(media.tags.first(&Field::Title), Some("Same Song"), "{file}");
        assert_eq!(
            media.tags.first(&Field::Isrc),
            Some("XX0000000001"),
            "{file}"
        );
        assert_eq!(
            media.content,
            read_made(&format!("Formats/{file}")).content,
            "{file}"
        );
    }
}

/// MP4 keeps several values as several `data` atoms in one item, and names its own items.
#[test]
fn items_of_mp4() {
    fn atom(kind: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
        let body = parts.concat();
        let len = u32::try_from(body.len() + 8).unwrap();
        [&len.to_be_bytes()[..], kind, &body].concat()
    }
    fn data(kind: u32, value: &[u8]) -> Vec<u8> {
        atom(
            b"data",
            &[kind.to_be_bytes().to_vec(), vec![0; 4], value.to_vec()],
        )
    }
    let named = |name: &str, value: &str| {
        let [mean, name] =
            ["com.apple.iTunes", name].map(|text| [&[0; 4], text.as_bytes()].concat());
        atom(
            b"----",
            &[
                atom(b"mean", &[mean]),
                atom(b"name", &[name]),
                data(1, value.as_bytes()),
            ],
        )
    };
    let list = atom(
        b"ilst",
        &[
            atom(b"\xa9ART", &[data(1, b"One"), data(1, b"Two")]),
            atom(b"gnre", &[data(0, &[0, 18])]),
            atom(b"tmpo", &[data(21, &[0, 98])]),
            atom(b"stik", &[data(21, &[2])]),
            atom(b"covr", &[data(13, &[0xff; 4000])]),
            named("MusicBrainz Album Id", "mb"),
            named("LABEL", "Label"),
            named("initialkey", "Am"),
        ],
    );
    let moov = atom(
        b"moov",
        &[atom(b"udta", &[atom(b"meta", &[vec![0; 4], list])])],
    );
    let file = [
        atom(b"ftyp", &[b"M4A \0\0\0\0".to_vec()]),
        moov,
        atom(b"mdat", &[vec![1; 99]]),
    ]
    .concat();
    let media = read_bytes(file, "x.m4a");
    for (field, values) in [
        (Field::Artist, &["One", "Two"][..]),
        (Field::Genre, &["Rock"]),
        (Field::Bpm, &["98"]),
        (Field::MusicBrainzAlbumId, &["mb"]),
        (Field::Label, &["Label"]),
        (custom("INITIALKEY"), &["Am"]),
    ] {
        assert_eq!(media.tags.all(&field), values, "{}", field.name());
    }
    assert_eq!(media.audio_range.len, 99);
}
