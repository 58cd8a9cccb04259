//! Files beside tracks: which are shown, and which of those found are beside any (FS-11).

use std::collections::{BTreeMap, HashSet};

use eventlog::{OriginId, OriginPath};

use super::compare::Candidate;

/// Which files that are no tracks are shown, by extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecars {
    extensions: Vec<String>,
}

impl Sidecars {
    /// Covers, lyrics, cue sheets, playlists, booklets, logs.
    pub const DEFAULT: &[&str] = &[
        "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "lrc", "cue", "m3u", "m3u8",
        "pls", "pdf", "txt", "nfo", "log",
    ];

    /// Those with these extensions, whatever their case, with a dot before or without; none where there
    /// are none.
    #[must_use]
    pub fn new(extensions: &[impl AsRef<str>]) -> Self {
        let extensions = extensions.iter().map(AsRef::as_ref);
        let extensions =
            extensions.map(|it| it.strip_prefix('.').unwrap_or(it).to_ascii_lowercase());
        Self {
            extensions: extensions.collect(),
        }
    }

    /// Their extensions, in small letters.
    pub fn extensions(&self) -> impl Iterator<Item = &str> {
        self.extensions.iter().map(String::as_str)
    }

    /// True for a file that is shown where tracks are beside it. Hidden ones are not.
    pub(super) fn show(&self, name: &[u8]) -> bool {
        let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
            return false;
        };
        let extension = name.get(dot + 1..).unwrap_or_default();
        let is_known = |known: &String| known.as_bytes().eq_ignore_ascii_case(extension);
        name.first() != Some(&b'.')
            && self.extensions.iter().any(is_known)
            && !formats::is_audio_name(name)
    }
}

impl Default for Sidecars {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

/// Files that wait for it to be known whether there are tracks below them. Beyond so many, they are no
/// library's.
const WAITING: usize = 50_000;

/// What a walk has found in directories without tracks: it belongs to the library only where there are
/// tracks in the directory above, or in those directly below. Folders of photographs are not to fill
/// the log.
#[derive(Default)]
pub(super) struct Waiting {
    waiting: BTreeMap<OriginPath, Vec<Candidate>>,
    count: usize,
    /// Directories with tracks, and those above them.
    with: HashSet<OriginPath>,
    above: HashSet<OriginPath>,
}

impl Waiting {
    /// There are tracks in a directory.
    pub(super) fn tracks_in(&mut self, directory: &OriginPath) {
        if !directory.is_root() {
            self.above.insert(directory.parent());
        }
        self.with.insert(directory.clone());
    }

    /// True where tracks were found in a directory.
    pub(super) fn has_tracks_in(&self, directory: &OriginPath) -> bool {
        self.with.contains(directory)
    }

    /// True where tracks were found about a directory by now.
    pub(super) fn has_tracks_about(&self, directory: &OriginPath) -> bool {
        let is_below_some = !directory.is_root() && self.with.contains(&directory.parent());
        is_below_some || self.above.contains(directory)
    }

    /// There are none in a directory, nor in the one above, but these files: what is below it is still to
    /// be walked.
    pub(super) fn wait(&mut self, directory: &OriginPath, found: Vec<Candidate>) {
        if self.count < WAITING {
            self.count += found.len();
            self.waiting.insert(directory.clone(), found);
        }
    }

    /// Those that belong to the library after all, directory by directory.
    pub(super) fn settled(mut self, origin: &OriginId) -> Vec<Vec<Candidate>> {
        if self.count >= WAITING {
            tracing::info!(%origin, "there are more files without tracks about them than are looked at");
        }
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let belong = waiting.filter(|(directory, _)| self.has_tracks_about(directory));
        belong.map(|(_, found)| found).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecars_are_known_by_their_extension() {
        let sidecars = Sidecars::default();
        for name in [
            "cover.jpg",
            "Cover.JPG",
            "01 song.lrc",
            "a.b.log",
            "\u{e4}.pdf",
        ] {
            assert!(sidecars.show(name.as_bytes()), "{name}");
        }
        for name in [
            "cover",
            "song.flac",
            "._cover.jpg",
            ".jpg",
            "jpg",
            "a.exe",
            "a.jpg.part",
        ] {
            assert!(!sidecars.show(name.as_bytes()), "{name}");
        }
        assert!(!Sidecars::new(&[] as &[&str]).show(b"cover.jpg"));
        assert!(Sidecars::new(&[".PDF"]).show(b"booklet.pdf"));
    }
}
