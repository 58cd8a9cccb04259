//! Ogg streams that are not as an encoder leaves them.

use crate::harness::{library, read_bytes};

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
