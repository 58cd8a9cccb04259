//! Where a file is among those of its origin.

use eventlog::{OriginId, OriginPath};

/// A folder of an origin, by a 64-bit hash of both, the same in every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(pub u64);

/// Where a file is: what other files are beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Beside {
    /// The folder it is in.
    pub folder: Folder,
    /// The folder that one is in; none for the origin's root.
    pub above: Option<Folder>,
    /// Its name without the extension, by a hash.
    pub stem: u64,
}

impl Beside {
    /// Where the file at a path of an origin is.
    #[must_use]
    pub fn of(origin: &OriginId, path: &OriginPath) -> Self {
        let parent = path.parent();
        let folder =
            |path: &OriginPath| Folder(hash(&[origin.as_str().as_bytes(), path.as_bytes()]));
        Self {
            folder: folder(&parent),
            above: (!parent.is_root()).then(|| folder(&parent.parent())),
            stem: hash(&[stem(path.name())]),
        }
    }
}

/// A name without its extension.
fn stem(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) if dot > 0 => name.get(..dot).unwrap_or(name),
        _ => name,
    }
}

/// SQLite's integers are signed: all 64 bits are used, and 0 is a hash like any other.
fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
        hasher.update(&[0]);
    }
    let mut hash = [0; 8];
    hasher.finalize_xof().fill(&mut hash);
    u64::from_le_bytes(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(origin: &str, path: &str) -> Beside {
        let path = OriginPath::new(path.as_bytes()).unwrap();
        Beside::of(&origin.parse().unwrap(), &path)
    }

    #[test]
    fn files_of_one_folder_are_beside_each_other() {
        let (song, cover) = (at("o", "a/b/song.flac"), at("o", "a/b/cover.jpg"));
        assert_eq!(song.folder, cover.folder);
        assert_eq!(song.above, Some(at("o", "a/x").folder));
        assert_ne!(song.folder, at("p", "a/b/song.flac").folder);
        assert_eq!(at("o", "song.flac").above, None);
        assert_eq!(at("o", "a/x").above, Some(at("o", "x").folder));
    }

    #[test]
    fn stems_are_names_without_extension() {
        assert_eq!(at("o", "a/song.flac").stem, at("p", "song.lrc").stem);
        assert_ne!(at("o", "song.a.flac").stem, at("o", "song.lrc").stem);
        assert_eq!(at("o", ".lrc").stem, at("o", ".lrc.txt").stem);
        assert_eq!(at("o", "song").stem, at("o", "song.").stem);
    }
}
