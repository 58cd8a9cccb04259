//! MP4 in fragments, as DASH streams and recorders have it: of any number, it costs no more than
//! a whole file, and is as surely told from others.

use std::path::{Path, PathBuf};

use eventlog::tags::DefectKind;

use crate::harness::{Memory, defects, read_bytes, read_file};
use crate::identity::{RETAG, run};

/// Twenty seconds in fragments of so many microseconds, by ffmpeg with these `-movflags`.
pub(crate) fn made(name: &str, flags: &str, fragment_us: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fragmented");
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    let source = ["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "sine"];
    let codec = ["-t", "20", "-c:a", "aac", "-frag_duration", fragment_us];
    let to = ["-movflags", flags, path.to_str().unwrap()];
    run("ffmpeg", &[&source[..], &codec, &to].concat());
    path
}

const SECOND: &str = "1000000";
const DASH: &str = "empty_moov+default_base_moof";

/// Where the atoms of a file are, with their kinds.
fn atoms(bytes: &[u8]) -> Vec<(&[u8], usize, usize)> {
    let mut atoms = Vec::new();
    let mut at = 0;
    while let Some([a, b, c, d, kind @ ..]) = bytes.get(at..at + 8) {
        let len = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap();
        atoms.push((kind, at, at + len));
        at += len;
    }
    atoms
}

/// The index of the fragments, the segment index, the last fragment: whatever tells the duration.
#[test]
fn the_sound_is_all_of_the_fragments() {
    for (name, flags, us) in [
        ("single.m4a", DASH, "60000000"),
        ("indexed.m4a", DASH, SECOND),
        ("dash.m4a", "dash+global_sidx", SECOND),
        ("sidx each.m4a", "dash", SECOND),
        ("hybrid.m4a", "frag_keyframe", SECOND),
        (
            "bare.m4a",
            "empty_moov+default_base_moof+skip_trailer",
            SECOND,
        ),
    ] {
        let path = made(name, flags, us);
        let media = read_file(&path);
        let bytes = std::fs::read(&path).unwrap();
        let data: Vec<_> = atoms(&bytes)
            .into_iter()
            .filter(|(kind, ..)| kind == b"mdat")
            .collect();
        let (first, last) = (data.first().unwrap(), data.last().unwrap());
        let range = media.audio_range;
        assert_eq!(range.offset, first.1 as u64 + 8, "{name}");
        assert_eq!(range.offset + range.len, last.2 as u64, "{name}");
        let duration = media.audio.duration_ms.unwrap();
        assert!(
            (20_000..20_100).contains(&duration),
            "{name}: {duration} ms"
        );
        assert!(media.audio.bitrate_kbps.unwrap() >= 60, "{name}");
        assert_eq!(media.defects, [], "{name}");
    }
}

/// A dump that begins with the second fragment is a second shorter, though its times are not.
#[test]
fn a_dump_begins_at_any_time() {
    let bytes = std::fs::read(made("dump.m4a", DASH, SECOND)).unwrap();
    let fragments = atoms(&bytes);
    let moofs: Vec<_> = fragments
        .iter()
        .filter(|(kind, ..)| kind == b"moof")
        .collect();
    let cut = [&bytes[..moofs[0].1], &bytes[moofs[10].1..]].concat();
    let all = read_bytes(bytes.clone(), "x.m4a")
        .audio
        .duration_ms
        .unwrap();
    let rest = read_bytes(cut, "x.m4a").audio.duration_ms.unwrap();
    assert!(
        (9_500..10_500).contains(&(all - rest)),
        "{all} ms, {rest} ms"
    );
}

#[test]
fn what_is_cut_off_is_told() {
    for (name, flags) in [("cut dash.m4a", "dash+global_sidx"), ("cut bare.m4a", DASH)] {
        let mut bytes = std::fs::read(made(name, flags, SECOND)).unwrap();
        bytes.truncate(100_000);
        let media = read_bytes(bytes, "x.m4a");
        assert_eq!(defects(&media), [DefectKind::Truncated], "{name}");
        assert_eq!(media.audio_range.offset + media.audio_range.len, 100_000);
    }
}

#[test]
fn retagging_keeps_the_identity() {
    let path = made("retagged.m4a", DASH, SECOND);
    let before = read_file(&path);
    run("python3", &["-c", RETAG, path.to_str().unwrap(), "7000"]);
    let after = read_file(&path);
    assert_ne!(before.tags, after.tags);
    assert_eq!(before.content, after.content);
    assert_eq!(before.audio.duration_ms, after.audio.duration_ms);
    assert_eq!(after.defects, []);
}

/// ORG-4, TAG-3: thousands of fragments cost a few reads, and make no two mixes one.
#[test]
fn any_number_of_fragments_costs_as_little() {
    const FRAGMENT: usize = 70_000;
    let bytes = std::fs::read(made("many.m4a", DASH, SECOND)).unwrap();
    let fragments = atoms(&bytes);
    let moof = fragments.iter().find(|(kind, ..)| kind == b"moof").unwrap();
    let mut fragment = bytes[moof.1..moof.2].to_vec();
    let data = u32::try_from(FRAGMENT - fragment.len()).unwrap();
    fragment.extend_from_slice(&data.to_be_bytes());
    fragment.extend_from_slice(b"mdat");
    let media = |sound: &[u8]| {
        let mut pieces = vec![(0, bytes[..moof.1].to_vec())];
        let place = |n: usize| (moof.1 + n * FRAGMENT) as u64;
        pieces.extend((0..2000).map(|n| (place(n), fragment.clone())));
        pieces.push((place(1000) + 1000, sound.to_vec()));
        let file = Memory::sparse(pieces, place(2000));
        let media = formats::read(&file, b"x.m4a").unwrap();
        let (reads, bytes) = (file.reads.get(), file.bytes.get());
        assert!(reads <= 5, "{reads} reads");
        assert!(bytes <= 512 << 10, "{bytes} bytes");
        media
    };
    let (one, other) = (media(b"one"), media(b"other"));
    assert_ne!(one.content, other.content);
    assert_eq!(
        one.audio_range.len,
        (2000 * FRAGMENT - fragment.len()) as u64
    );
    assert_eq!(one.defects, []);
}
