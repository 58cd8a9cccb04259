//! FIND-4, TAG-3: the picture that stands for a file is found in each kind of tag without being
//! fetched, and comes out as it went in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use formats::{Known, ReadAt};

use crate::harness::{Memory, cover_of, library, read_bytes};
use crate::identity::run;
use crate::synthetic::{frame, monkeys, tagged};

const MIB: usize = 1 << 20;

/// Puts pictures into a file (first argument): types and files by turns (the rest), in that order.
const EMBED: &str = r#"
import base64, sys, mutagen
from mutagen import apev2, flac, id3, mp4
path = sys.argv[1]
pictures = [(int(kind), open(file, "rb").read()) for kind, file in zip(sys.argv[2::2], sys.argv[3::2])]
def block(kind, data):
    picture = flac.Picture()
    picture.type, picture.data, picture.mime, picture.desc = kind, data, "image/jpeg", "ß☃"
    return picture
if "apev2" in path or path.endswith((".wv", ".mpc", ".ape")):
    try:
        tags = apev2.APEv2(path)
    except apev2.APENoHeaderError:
        tags = apev2.APEv2()
    for kind, data in pictures:
        name = {1: "Png Icon", 3: "Front"}.get(kind, "Back")
        tags["Cover Art (%s)" % name] = apev2.APEValue(b"a file.jpg\0" + data, apev2.BINARY)
    tags.save(path)
    sys.exit()
file = id3.ID3(path) if path.endswith(".aac") else mutagen.File(path)
tags = getattr(file, "tags", file)
if path.endswith("comment.flac") or "Ogg" in type(file).__name__:
    tags["metadata_block_picture"] = [
        base64.b64encode(block(*picture).write()).decode() for picture in pictures]
elif isinstance(file, flac.FLAC):
    for picture in pictures:
        file.add_picture(block(*picture))
elif isinstance(file, mp4.MP4):
    tags["covr"] = [mp4.MP4Cover(data) for _, data in pictures]
else:
    for number, (kind, data) in enumerate(pictures):
        tags.add(id3.APIC(encoding=number % 4, mime="image/jpeg", type=kind, desc="cover %d" % number, data=data))
    if "v23" in path:
        file.save(v2_version=3)
        sys.exit()
file.save()
"#;

/// Files of the library of every kind that can carry a picture, and one that is made here.
const KINDS: [&str; 19] = [
    "flac.flac",
    "comment.flac",
    "vorbis.ogg",
    "opus.opus",
    "oggflac.oga",
    "speex.spx",
    "aac.m4a",
    "faststart.m4a",
    "alac.m4a",
    "book.m4b",
    "adts.aac",
    "id3.wav",
    "aiff.aiff",
    "wavpack.wv",
    "musepack.mpc",
    "monkeys.ape",
    "id3v23.mp3",
    "id3v24.mp3",
    "apev2.mp3",
];

fn directory(test: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("pictures")
        .join(test);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A JPEG and a PNG.
static PICTURES: LazyLock<[PathBuf; 2]> = LazyLock::new(|| {
    ["front.jpg", "back.png"].map(|name| {
        let path = directory("made").join(name);
        let mut arguments = vec!["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"];
        arguments.extend([
            "testsrc=size=320x320",
            "-frames:v",
            "1",
            path.to_str().unwrap(),
        ]);
        run("ffmpeg", &arguments);
        path
    })
});

/// The front cover, grown to `len` bytes by what is behind its end.
fn grown(test: &str, len: usize) -> PathBuf {
    let mut bytes = std::fs::read(&PICTURES[0]).unwrap();
    bytes.extend(
        (0_u32..)
            .map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()[0])
            .take(len - bytes.len()),
    );
    let path = directory(test).join(format!("{len}.jpg"));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A file of that kind with these pictures.
fn with(test: &str, kind: &str, pictures: &[(u32, &Path)]) -> Vec<u8> {
    let path = directory(test).join(kind);
    let bytes = match kind {
        "monkeys.ape" => monkeys(),
        "comment.flac" => std::fs::read(library().join("Formats/flac.flac")).unwrap(),
        _ => std::fs::read(library().join("Formats").join(kind)).unwrap(),
    };
    std::fs::write(&path, bytes).unwrap();
    let mut arguments = vec![
        "-c".to_owned(),
        EMBED.to_owned(),
        path.display().to_string(),
    ];
    for (kind, picture) in pictures {
        arguments.extend([kind.to_string(), picture.display().to_string()]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    run("python3", &arguments);
    std::fs::read(path).unwrap()
}

/// Files of every kind, each with two pictures of a few hundred bytes.
pub(crate) fn small() -> Vec<PathBuf> {
    let dir = directory("small");
    let picture = dir.join("x.png");
    let mut arguments = vec!["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"];
    arguments.extend([
        "color=size=8x8",
        "-frames:v",
        "1",
        picture.to_str().unwrap(),
    ]);
    run("ffmpeg", &arguments);
    let path = |kind| {
        with("small", kind, &[(4, &picture), (3, &picture)]);
        dir.join(kind)
    };
    KINDS.map(path).to_vec()
}

#[test]
fn the_front_cover_comes_out_as_it_went_in() {
    let [front, back] = &*PICTURES;
    let picture = std::fs::read(front).unwrap();
    for kind in KINDS {
        // MP4 does not tell what a picture shows: the first counts.
        let mut pictures = [(4, back.as_path()), (3, front)];
        if kind.contains(".m4") {
            pictures.reverse();
        }
        let bytes = with("front", kind, &pictures);
        let media = read_bytes(bytes.clone(), kind);
        assert_eq!(media.cover, Some(picture.len() as u64), "{kind}");
        assert_eq!(media.defects, [], "{kind}");
        assert!(cover_of(bytes, kind) == Some(picture.clone()), "{kind}");
    }
}

#[test]
fn any_picture_is_better_than_none_and_an_icon_is_the_last() {
    let [front, back] = &*PICTURES;
    let [jpeg, png] = [front, back].map(|path| std::fs::read(path).unwrap());
    for kind in ["flac.flac", "opus.opus", "id3v24.mp3", "wavpack.wv"] {
        let both = with("icon", kind, &[(1, back), (4, front)]);
        assert!(cover_of(both, kind) == Some(jpeg.clone()), "{kind}");
        let icon = with("icon", kind, &[(1, back)]);
        assert!(cover_of(icon, kind) == Some(png.clone()), "{kind}");
        assert_eq!(cover_of(with("icon", kind, &[]), kind), None, "{kind}");
    }
}

/// FLAC's own blocks, in Ogg.
#[test]
fn picture_blocks_in_ogg() {
    let dir = directory("blocks");
    let [wav, out] = ["x.wav", "x.oga"].map(|name| dir.join(name).display().to_string());
    let sound = ["-i", "sine=duration=1", "-y", &wav];
    run(
        "ffmpeg",
        &[&["-nostdin", "-v", "error", "-f", "lavfi"][..], &sound].concat(),
    );
    let [front, back] = &*PICTURES;
    let [first, second] = [(4, back), (3, front)]
        .map(|(kind, path)| format!("--picture={kind}||ß||{}", path.display()));
    run("flac", &["--ogg", "-sf", &first, &second, "-o", &out, &wav]);
    let cover = cover_of(std::fs::read(out).unwrap(), "x.oga");
    assert!(cover == Some(std::fs::read(front).unwrap()));
}

/// TAG-3: a scan reads no picture, and taking one out reads little else.
#[test]
fn a_scan_does_not_fetch_pictures() {
    let large = grown("large", 3 * MIB);
    let picture = std::fs::read(&large).unwrap();
    for kind in KINDS {
        let bytes = with("large", kind, &[(3, &large)]);
        let file = Memory::new(bytes);
        let media = formats::read(&file, kind.as_bytes()).unwrap();
        assert_eq!(media.cover, Some(picture.len() as u64), "{kind}");
        let (reads, fetched) = (file.reads.replace(0), file.bytes.replace(0));
        assert!(
            reads <= 12 && fetched <= MIB,
            "{kind}: {reads} reads, {fetched} bytes"
        );

        let known = Known {
            media: &media,
            size: file.len(),
        };
        let again = formats::read_again(&file, kind.as_bytes(), known).unwrap();
        assert_eq!(again, media, "{kind}");
        let fetched = file.bytes.replace(0);
        assert!(fetched <= 2 * MIB, "{kind}: {fetched} bytes again");

        let cover = formats::cover(&file, kind.as_bytes()).unwrap();
        assert!(cover == Some(picture.clone()), "{kind}");
        let fetched = file.bytes.get();
        assert!(fetched <= 6 * MIB, "{kind}: {fetched} bytes");
    }
}

/// A file that is read again has the picture that it has now.
#[test]
fn other_pictures_are_found_again() {
    let [front, back] = &*PICTURES;
    for kind in KINDS {
        let [none, one, other] = [&[][..], &[(3, front.as_path())], &[(3, back)]]
            .map(|pictures| with("again", kind, pictures));
        for (before, after) in [(&none, &one), (&one, &other), (&other, &none)] {
            let known = read_bytes(before.clone(), kind);
            let anew = read_bytes(after.clone(), kind);
            assert_ne!(known.cover, anew.cover, "{kind}");
            let known = Known {
                media: &known,
                size: before.len() as u64,
            };
            let file = Memory::new(after.clone());
            let again = formats::read_again(&file, kind.as_bytes(), known).unwrap();
            assert_eq!(again, anew, "{kind}");
        }
    }
}

#[test]
fn more_than_ten_mebibytes_are_refused() {
    let [largest, larger] = [10 * MIB, 10 * MIB + 1].map(|len| grown("refused", len));
    let small = &PICTURES[1];
    for kind in [
        "flac.flac",
        "opus.opus",
        "aac.m4a",
        "id3v24.mp3",
        "wavpack.wv",
    ] {
        let allowed = cover_of(with("refused", kind, &[(3, &largest)]), kind);
        assert_eq!(allowed.unwrap().len(), 10 * MIB, "{kind}");
        let refused = cover_of(with("refused", kind, &[(3, &larger)]), kind);
        assert_eq!(refused, None, "{kind}");
        if kind != "aac.m4a" {
            let other = cover_of(with("refused", kind, &[(3, &larger), (4, small)]), kind);
            assert!(other == Some(std::fs::read(small).unwrap()), "{kind}");
        }
    }
}

/// Wherever a file ends, either all of the picture is there or none.
#[test]
fn what_is_cut_off_is_no_picture() {
    let front = &PICTURES[0];
    let picture = std::fs::read(front).unwrap();
    for kind in KINDS {
        let bytes = with("cut", kind, &[(3, front)]);
        for part in 0..60 {
            let cut = bytes[..bytes.len() * part / 60].to_vec();
            if let Some(cover) = cover_of(cut, kind) {
                assert!(cover == picture, "{kind}, {part} of 60");
            }
        }
    }
}

/// A frame of ID3v2.2.
fn old_frame(id: &str, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    [id.as_bytes(), &len[1..], body].concat()
}

fn unsynchronised(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, byte) in bytes.iter().enumerate() {
        out.push(*byte);
        let next = bytes.get(index + 1);
        if *byte == 0xff && next.is_none_or(|next| *next == 0 || *next >= 0xe0) {
            out.push(0);
        }
    }
    out
}

#[test]
fn frames_of_id3_that_hold_pictures() {
    let picture = std::fs::read(&PICTURES[0]).unwrap();
    let body = |head: &[u8]| [head, &picture].concat();
    let plain = body(b"\0image/jpeg\0\x03\0");
    let wide = body(b"\x01image/jpeg\0\x03\xff\xfeA\0\0\x01\0\0");
    assert_ne!(unsynchronised(&plain), plain);
    let flagged = |body: &[u8], flags: u8| {
        let mut frame = frame(4, "APIC", body);
        frame[9] = flags;
        frame
    };
    let len = u32::try_from(plain.len()).unwrap();
    let safe = [21, 14, 7, 0].map(|shift| u8::try_from((len >> shift) & 0x7f).unwrap());
    let counted = [&safe, &unsynchronised(&plain)[..]].concat();
    let whole = |version, frame: Vec<u8>| (version, 0x80, unsynchronised(&frame));
    for (what, (version, flags, frames)) in [
        (
            "2.2",
            (2, 0, old_frame("PIC", &body(b"\0JPG\x03a cover\0"))),
        ),
        ("2.3", (3, 0, frame(3, "APIC", &plain))),
        ("2.4", (4, 0, frame(4, "APIC", &plain))),
        ("UTF-16", (3, 0, frame(3, "APIC", &wide))),
        (
            "2.2, all unsynchronised",
            whole(2, old_frame("PIC", &body(b"\x01JPG\x03\0\0"))),
        ),
        ("2.3, all unsynchronised", whole(3, frame(3, "APIC", &wide))),
        (
            "2.4, unsynchronised",
            (4, 0, flagged(&unsynchronised(&plain), 2)),
        ),
        ("2.4, counted", (4, 0, flagged(&counted, 3))),
        (
            "2.4, grouped",
            (4, 0, flagged(&[&b"\x80"[..], &plain].concat(), 0x40)),
        ),
    ] {
        let frames = [frames, frame(version, "TIT2", b"\0After")].concat();
        let bytes = tagged(version, flags, &frames);
        assert!(cover_of(bytes, "x.mp3") == Some(picture.clone()), "{what}");
    }
    for (what, frames) in [
        (
            "a link",
            frame(4, "APIC", b"\0-->\0\x03\0http://x.org/y.jpg"),
        ),
        ("nothing", frame(4, "APIC", b"\0image/jpeg\0\x03\0")),
        (
            "no description's end",
            frame(4, "APIC", b"\0image/jpeg\0\x03cover"),
        ),
        ("no picture at all", frame(4, "APIC", b"")),
        ("compressed", flagged(&plain, 0x09)),
        ("encrypted", flagged(&plain, 0x04)),
    ] {
        assert_eq!(cover_of(tagged(4, 0, &frames), "x.mp3"), None, "{what}");
    }
}

#[test]
fn blocks_that_lie_are_no_pictures() {
    let block = |lengths: [u32; 3], link: &[u8]| {
        let [media_type, description, size] = lengths.map(u32::to_be_bytes);
        let parts = [
            &[0, 0, 0, 3],
            &media_type[..],
            link,
            &description,
            &[0; 16],
            &size,
            b"picture",
        ];
        let block = parts.concat();
        let len = u32::try_from(block.len()).unwrap().to_be_bytes();
        let flac = std::fs::read(library().join("Formats/flac.flac")).unwrap();
        [&flac[..42], &[6], &len[1..], &block, &flac[42..]].concat()
    };
    let cover = cover_of(block([0, 0, 7], b""), "x.flac");
    assert_eq!(cover.as_deref(), Some(&b"picture"[..]));
    for (lengths, link) in [
        ([0, 0, 8], &b""[..]),
        ([0, 0, 0], b""),
        ([0, 0, u32::MAX], b""),
        ([u32::MAX, 0, 7], b""),
        ([0, u32::MAX, 7], b""),
        ([3, 0, 7], b"-->"),
    ] {
        assert_eq!(
            cover_of(block(lengths, link), "x.flac"),
            None,
            "{lengths:?}"
        );
    }
}

/// A picture that was there and cannot be told any more is an error of the file, not of ours.
#[test]
fn damage_within_a_picture_is_told() {
    let bytes = with("damaged", "opus.opus", &[(3, &PICTURES[0])]);
    let middle = bytes
        .windows(23)
        .position(|part| part.eq_ignore_ascii_case(b"METADATA_BLOCK_PICTURE="));
    let mut bytes = bytes;
    bytes[middle.unwrap() + 2_000] = b'*';
    let file = Memory::new(bytes);
    assert!(formats::read(&file, b"x.opus").unwrap().cover.is_some());
    let error = formats::cover(&file, b"x.opus").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("damaged"), "{error}");
}

struct Failing(Memory);

impl ReadAt for Failing {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.0.reads.get() {
            0..3 => self.0.read_at(buf, offset),
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

#[test]
fn an_origin_that_fails_is_an_error() {
    let large = grown("failing", 3 * MIB);
    let file = Failing(Memory::new(with("failing", "flac.flac", &[(3, &large)])));
    let error = formats::cover(&file, b"x.flac").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
