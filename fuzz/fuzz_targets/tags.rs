//! Any bytes under any name are read without a panic, within bounds, and always alike: again, too.

#![no_main]

use std::io;

use eventlog::tags::Media;
use formats::{Known, ReadAt};
use libfuzzer_sys::fuzz_target;

struct Bytes<'a>(&'a [u8]);

impl ReadAt for Bytes<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|from| self.0.get(from..)).unwrap_or(&[]);
        let len = buf.len().min(rest.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

const NAMES: [&str; 16] = [
    "x.flac", "x.mp3", "x.ogg", "x.opus", "x.spx", "x.m4a", "x.m4b", "x.aac", "x.wav", "x.aiff",
    "x.wv", "x.ape", "x.mpc", "x.txt", "x", "",
];

fn read(bytes: &[u8], name: &str) -> Media {
    formats::read(&Bytes(bytes), name.as_bytes()).expect("bytes in memory can be read")
}

fuzz_target!(|input: &[u8]| {
    // The last byte picks the name, so that seeds can be whole files.
    let Some((pick, bytes)) = input.split_last() else { return };
    let name = NAMES[usize::from(*pick) % NAMES.len()];
    let media = read(bytes, name);
    let range = media.audio_range;
    assert!(range.offset + range.len <= bytes.len() as u64);
    let kept: usize = media.tags.iter().flat_map(|(_, values)| values).map(String::len).sum();
    assert!(kept <= 1 << 20);
    assert!(media.tags.iter().all(|(_, values)| !values.is_empty() && values.len() <= 256));
    assert_eq!(media, read(bytes, name));

    // The picture is as large as was said, unless it is damaged where only fetching it shows that.
    match formats::cover(&Bytes(bytes), name.as_bytes()) {
        Ok(cover) => assert_eq!(cover.map(|cover| cover.len() as u64), media.cover),
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(media.cover.is_some());
        }
    }

    // What is known of a file, or of what was there before, changes nothing that is found.
    let before = &bytes[..bytes.len() / 2];
    for (known, size) in [(&media, bytes.len()), (&read(before, name), before.len())] {
        let known = Known { media: known, size: size as u64 };
        let again = formats::read_again(&Bytes(bytes), name.as_bytes(), known);
        assert_eq!(media, again.expect("bytes in memory can be read"));
    }
});
