//! TAG-3: what reading costs, in reads and bytes, as a remote origin would see it.

use eventlog::Field;
use eventlog::tags::DefectKind;

use crate::harness::{Memory, audio_files, defects, library, name_of};

const KIB: usize = 1 << 10;

/// A file of the library with its audio made `len` bytes long, by repeating it.
fn stretched(path: &str, start: usize, end: usize, len: usize) -> Vec<u8> {
    let bytes = std::fs::read(library().join(path)).unwrap();
    let mut long = bytes[..start].to_vec();
    while long.len() < start + len {
        long.extend_from_slice(&bytes[start..end]);
    }
    long.truncate(start + len);
    long.extend_from_slice(&bytes[end..]);
    long
}

fn audio_of(path: &str) -> (usize, usize) {
    let range = crate::harness::read_made(path).audio_range;
    let start = usize::try_from(range.offset).unwrap();
    (start, start + usize::try_from(range.len).unwrap())
}

fn assert_cheap(file: &Memory, name: &str, reads: usize, bytes: usize) {
    assert!(
        file.reads.get() <= reads,
        "{name}: {} reads",
        file.reads.get()
    );
    assert!(
        file.bytes.get() <= bytes,
        "{name}: {} bytes",
        file.bytes.get()
    );
}

#[test]
fn a_small_file_is_read_at_once() {
    for path in audio_files() {
        let bytes = std::fs::read(&path).unwrap();
        if (1..=64 * KIB).contains(&bytes.len()) {
            let file = Memory::new(bytes);
            formats::read(&file, name_of(&path)).unwrap();
            assert_eq!(file.reads.get(), 1, "{}", path.display());
        }
    }
}

#[test]
fn a_large_flac_costs_head_tail_and_little_else() {
    let (start, end) = audio_of("Formats/flac.flac");
    let file = Memory::new(stretched("Formats/flac.flac", start, end, 30 << 20));
    let media = formats::read(&file, b"x.flac").unwrap();
    assert_eq!(media.tags.first(&Field::Title), Some("Same Song"));
    assert_cheap(&file, "flac", 2, 128 * KIB);
}

#[test]
fn a_large_mp3_costs_head_tail_and_a_sample() {
    let (start, end) = audio_of("Formats/three tags.mp3");
    let file = Memory::new(stretched("Formats/three tags.mp3", start, end, 30 << 20));
    let media = formats::read(&file, b"x.mp3").unwrap();
    assert_eq!(media.tags.first(&Field::Album), Some("Formats"));
    assert_cheap(&file, "mp3", 3, 140 * KIB);
}

#[test]
fn a_large_m4a_with_its_index_at_the_end_costs_as_little() {
    let path = "Formats/aac.m4a";
    let (start, end) = audio_of(path);
    let mut bytes = stretched(path, start, end, 30 << 20);
    let size = u32::try_from((30 << 20) + 8).unwrap().to_be_bytes();
    bytes[start - 8..start - 4].copy_from_slice(&size);
    let file = Memory::new(bytes);
    let media = formats::read(&file, b"x.m4a").unwrap();
    assert_eq!(media.tags.first(&Field::Title), Some("Same Song"));
    assert_eq!(media.defects, []);
    assert_cheap(&file, "m4a", 3, 140 * KIB);
}

#[test]
fn a_large_opus_costs_head_and_tail() {
    let (start, end) = audio_of("Formats/opus.opus");
    let file = Memory::new(stretched("Formats/opus.opus", start, end, 10 << 20));
    formats::read(&file, b"x.opus").unwrap();
    assert_cheap(&file, "opus", 2, 196 * KIB);
}

/// Pictures are stepped over, in every kind of tag that says how long they are.
#[test]
fn pictures_are_not_fetched() {
    const PICTURE: usize = 8 << 20;

    let flac = std::fs::read(library().join("Formats/flac.flac")).unwrap();
    let mut bytes = flac[..42].to_vec();
    bytes.push(6);
    bytes.extend_from_slice(&u32::try_from(PICTURE).unwrap().to_be_bytes()[1..]);
    bytes.resize(bytes.len() + PICTURE, 0xff);
    bytes.extend_from_slice(&flac[42..]);
    let file = Memory::new(bytes);
    let media = formats::read(&file, b"x.flac").unwrap();
    assert_eq!(media.tags.first(&Field::Title), Some("Same Song"));
    assert_cheap(&file, "flac", 3, 256 * KIB);

    let mp3 = std::fs::read(library().join("Formats/id3v22.mp3")).unwrap();
    let (start, _) = audio_of("Formats/id3v22.mp3");
    let mut frames = b"APIC".to_vec();
    frames.extend_from_slice(&u32::try_from(PICTURE).unwrap().to_be_bytes());
    frames.extend_from_slice(&[0, 0]);
    frames.resize(frames.len() + PICTURE, 0xff);
    frames.extend_from_slice(b"TIT2\0\0\0\x05\0\0\0Late");
    let mut bytes = b"ID3\x03\0\0".to_vec();
    bytes.extend([21, 14, 7, 0].map(|shift| u8::try_from((frames.len() >> shift) & 0x7f).unwrap()));
    bytes.extend_from_slice(&frames);
    bytes.extend_from_slice(&mp3[start..]);
    let file = Memory::new(bytes);
    let media = formats::read(&file, b"x.mp3").unwrap();
    assert_eq!(media.tags.first(&Field::Title), Some("Late"));
    assert_cheap(&file, "mp3", 3, 256 * KIB);
}

/// SEC-1: a file that claims gigabytes makes us read neither gigabytes nor much at once.
#[test]
fn claims_cost_nothing() {
    const LEN: u64 = 8 << 30;
    for (name, head) in [
        ("x.mp3", &b"ID3\x04\0\0\x7f\x7f\x7f\x7fTIT2\x7f\x7f\x7f\x7f\0\0\x03"[..]),
        ("x.mp3", b"ID3\x03\0\x80\x7f\x7f\x7f\x7fAPIC\x7f\xff\xff\xff\0\0\0"),
        ("x.flac", b"fLaC\x84\xff\xff\xff\xff\xff\xff\x0f"),
        ("x.flac", b"fLaC\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
        ("x.m4a", b"\0\0\0\x08ftyp\0\0\0\x01moov\0\0\0\x01\0\0\0\0\0\0\0\x10trak"),
        ("x.m4a", b"\0\0\0\0moov\0\0\0\x08trak\0\0\0\x08trak\0\0\0\x08trak"),
        ("x.wav", b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xffINFOINAM\xff\xff\xff\x7f"),
        ("x.aiff", b"FORM\xff\xff\xff\xffAIFFNAME\xff\xff\xff\xff"),
        ("x.ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis\0\0\0\0\x02\x44\xac\0\0"),
        ("x.wv", b"wvpk\xff\xff\xff\xff\x10\x04\0\0\xff\xff\xff\x7f\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("x.ape", b"MAC \xff\xff\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("x.mpc", b"MPCKSH\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("x.mp3", b""),
    ] {
        let file = Memory::sparse(vec![(0, head.to_vec())], LEN);
        let media = formats::read(&file, name.as_bytes()).unwrap();
        assert!(!defects(&media).is_empty(), "{name}");
        assert!(file.bytes.get() <= 16 << 20, "{name}: {} bytes", file.bytes.get());
        assert!(file.longest.get() <= 1 << 20, "{name}: {} bytes at once", file.longest.get());
    }
}

/// A tag that is scattered without end is given up, and that is told.
#[test]
fn reading_is_bounded() {
    let mut head = b"ID3\x03\0\x80\x7f\x7f\x7f\x7f".to_vec();
    head.extend_from_slice(b"APIC\x0f\xff\xff\xff\0\0");
    let file = Memory::sparse(vec![(0, head)], 1 << 30);
    let media = formats::read(&file, b"x.mp3").unwrap();
    assert!(defects(&media).contains(&DefectKind::BadTags));
    assert!(file.bytes.get() <= 16 << 20);
}

/// Such files are told apart all the same, by their sound.
#[test]
fn an_identity_is_never_made_of_nothing() {
    const BLOCK: u64 = 1 << 20;
    let content = |sound: &[u8]| {
        let mut pieces = vec![(0, b"fLaC\0\0\0\x22".to_vec())];
        pieces.extend((0..300).map(|n| (42 + n * BLOCK, b"\x01\x0f\xff\xfc".to_vec())));
        pieces.push((400 * BLOCK, sound.to_vec()));
        let file = Memory::sparse(pieces, 400 * BLOCK + 100);
        let media = formats::read(&file, b"x.flac").unwrap();
        assert!(defects(&media).contains(&DefectKind::BadTags));
        assert!(file.bytes.get() <= 16 << 20);
        media.content
    };
    assert_ne!(content(b"one"), content(b"other"));
}
