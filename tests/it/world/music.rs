//! Music that is made in a moment.

use std::fs;

use super::World;

impl World {
    /// Puts songs of these numbers into the music, as `N.flac`.
    pub(crate) fn add_songs(&self, numbers: impl IntoIterator<Item = u64>) {
        for n in numbers {
            fs::write(self.music().join(format!("{n}.flac")), song(n)).unwrap();
        }
    }
}

/// A small valid FLAC of its own sound: `seed` makes the sound, the tags are Vorbis comments.
pub(crate) fn flac(seed: u64, tags: &[(&str, &str)]) -> Vec<u8> {
    let mut comments = Vec::new();
    let mut text = |value: &[u8]| {
        comments.extend((value.len() as u32).to_le_bytes());
        comments.extend(value);
    };
    text(b"tests");
    let entries: Vec<String> = tags
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut body = (entries.len() as u32).to_le_bytes().to_vec();
    entries.iter().for_each(|entry| {
        body.extend((entry.len() as u32).to_le_bytes());
        body.extend(entry.as_bytes());
    });
    comments.extend(body);

    let mut info = Vec::new();
    info.extend(4096_u16.to_be_bytes());
    info.extend(4096_u16.to_be_bytes());
    info.extend([0; 6]);
    // 44,100 Hz, one channel, 16 bits, 4,096 samples (RFC 9639 §8.2).
    info.extend(((44_100_u64 << 44) | (15 << 36) | 4_096).to_be_bytes());
    info.extend(u128::from(seed + 1).to_be_bytes());

    let mut file = b"fLaC".to_vec();
    for (kind, block) in [(0_u8, info), (0x84, comments)] {
        file.push(kind);
        file.extend(&(block.len() as u32).to_be_bytes()[1..]);
        file.extend(block);
    }
    file.extend([0xFF, 0xF8, 0xC9, 0x08, 0x00]);
    file.extend(seed.to_be_bytes());
    file
}

/// A song of the album *One* by *Ann*: number `n`, titled `Song n`, with a sound of its own.
pub(crate) fn song(n: u64) -> Vec<u8> {
    let (title, track) = (format!("Song {n}"), n.to_string());
    flac(
        n,
        &[
            ("ARTIST", "Ann"),
            ("ALBUM", "One"),
            ("TITLE", &title),
            ("TRACKNUMBER", &track),
        ],
    )
}
