//! Ogg streams that are not as an encoder leaves them.

use eventlog::Field;
use eventlog::tags::DefectKind;

use crate::harness::{Memory, library, read_bytes};

/// The pages of a file: where they begin and end.
fn pages(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut pages = Vec::new();
    let mut at = 0;
    while let Some(&segments) = bytes.get(at + 26) {
        let lacing = &bytes[at + 27..at + 27 + usize::from(segments)];
        let end = at + 27 + lacing.len() + lacing.iter().map(|n| usize::from(*n)).sum::<usize>();
        pages.push((at, end));
        at = end;
    }
    pages
}

/// A stream as if it had been going on for so many samples before.
fn later(mut bytes: Vec<u8>, samples: u64) -> Vec<u8> {
    for (start, _) in pages(&bytes) {
        let field = start + 6..start + 14;
        let granule = u64::from_le_bytes(bytes[field.clone()].try_into().unwrap());
        if granule != 0 && granule != u64::MAX {
            bytes[field].copy_from_slice(&(granule + samples).to_le_bytes());
        }
    }
    bytes
}

/// RFC 7845 §4.5: what a recorder cut from a broadcast begins at any time.
#[test]
fn a_recorded_broadcast_is_as_long_as_what_was_recorded() {
    for (file, slack) in [
        ("opus.opus", 0),
        ("vorbis.ogg", 100),
        ("speex.spx", 100),
        ("oggflac.oga", 200),
    ] {
        let bytes = std::fs::read(library().join("Formats").join(file)).unwrap();
        let hour = later(bytes.clone(), 3600 * 48_000);
        let [whole, cut] = [bytes, hour].map(|bytes| {
            let media = read_bytes(bytes, file);
            assert_eq!(media.defects, [], "{file}");
            media.audio.duration_ms.unwrap()
        });
        assert!(
            (whole..=whole + slack).contains(&cut),
            "{file}: {whole} ms, {cut} ms"
        );
    }
}

/// What `opus.opus` is with two covers of so many bytes each before its title, in pages of as many segments
/// as `segments` gives for each.
fn with_covers(cover: usize, segments: impl Fn(usize) -> usize) -> Memory {
    let bytes = std::fs::read(library().join("Formats/opus.opus")).unwrap();
    let pages = pages(&bytes);
    let mut comment = b"OpusTags\x01\0\0\0x\x03\0\0\0".to_vec();
    let picture = b"METADATA_BLOCK_PICTURE=";
    for _ in 0..2 {
        comment.extend_from_slice(&u32::try_from(picture.len() + cover).unwrap().to_le_bytes());
        comment.extend_from_slice(picture);
        comment.resize(comment.len() + cover, b'A');
    }
    comment.extend_from_slice(b"\x0a\0\0\0TITLE=Late");

    let head = &bytes[..pages[0].1];
    let mut file = head.to_vec();
    let mut rest = &comment[..];
    let mut number = 1_u32;
    loop {
        let len = rest.len().min(segments(number as usize) * 255);
        let last = len == rest.len();
        file.extend_from_slice(b"OggS\0");
        file.push(u8::from(number > 1));
        file.extend_from_slice(&if last { [0; 8] } else { [0xff; 8] });
        file.extend_from_slice(&head[14..18]);
        file.extend_from_slice(&number.to_le_bytes());
        file.extend_from_slice(&[0; 4]);
        let mut lacing = vec![255; len / 255];
        lacing.extend(last.then(|| u8::try_from(len % 255).unwrap()));
        file.push(u8::try_from(lacing.len()).unwrap());
        file.extend_from_slice(&lacing);
        file.extend_from_slice(&rest[..len]);
        rest = &rest[len..];
        number += 1;
        if last {
            break;
        }
    }
    file.extend_from_slice(&bytes[pages[2].0..]);
    Memory::new(file)
}

/// TAG-3: covers are stepped over, in long pages as in mutagen's short ones.
#[test]
fn covers_in_a_comment_are_not_fetched() {
    let plain = crate::harness::read_made("Formats/opus.opus");
    for segments in [254, 16] {
        let file = with_covers(12 << 20, |_| segments);
        let media = formats::read(&file, b"x.opus").unwrap();
        assert_eq!(media.tags.first(&Field::Title), Some("Late"));
        assert_eq!(media.audio.duration_ms, plain.audio.duration_ms);
        assert_eq!(media.audio_range.len, plain.audio_range.len);
        assert_eq!(media.content, plain.content);
        assert_eq!(media.defects, []);
        let (reads, bytes) = (file.reads.get(), file.bytes.get());
        assert!(reads <= 8, "{reads} reads");
        assert!(bytes <= 1 << 20, "{bytes} bytes");
    }
}

/// Where that cannot be done, no more is wrong with the file than that.
#[test]
fn a_comment_that_is_given_up_leaves_the_sound() {
    let plain = crate::harness::read_made("Formats/opus.opus");
    let file = with_covers(12 << 20, |number| 150 + number * number % 101);
    let media = formats::read(&file, b"x.opus").unwrap();
    assert!(
        media
            .defects
            .iter()
            .all(|defect| defect.kind == DefectKind::BadTags)
    );
    assert_eq!(media.audio.duration_ms, plain.audio.duration_ms);
    assert!(media.audio_range.len > plain.audio_range.len);
    assert!(file.bytes.get() <= 16 << 20);
}
