//! What the tree's fold asks of its rows about sidecars, and about the folders that they are in.

use std::collections::BTreeMap;

use eventlog::{OriginId, SidecarId, TrackId};

use super::beside::{Beside, Folder};
use super::node::Ino;

/// Rows of sidecars. No operation can fail in the fold's eyes.
pub trait SidecarRows {
    /// A sidecar's row.
    fn sidecar(&mut self, sidecar: SidecarId) -> Option<SidecarEntry>;

    /// Writes a sidecar's row.
    fn put_sidecar(&mut self, sidecar: SidecarId, entry: &SidecarEntry);

    /// Deletes a sidecar's row.
    fn remove_sidecar(&mut self, sidecar: SidecarId);

    /// The sidecars of an origin, by id.
    fn sidecars_of_origin(&mut self, origin: &OriginId) -> Vec<SidecarId>;

    /// The sidecars in a folder, in the folders in it, and in the folder above it, but for those that a
    /// track which is shown is named like: they go with it.
    fn sidecars_near(&mut self, folder: Folder, above: Option<Folder>) -> Vec<SidecarId>;

    /// The sidecars in a folder that have that stem.
    fn sidecars_named(&mut self, folder: Folder, stem: u64) -> Vec<SidecarId>;

    /// The first sidecar after that one.
    fn next_sidecar(&mut self, after: Option<SidecarId>) -> Option<SidecarId>;

    /// The living tracks in a folder that have that stem, by id.
    fn tracks_named(&mut self, folder: Folder, stem: u64) -> Vec<TrackId>;

    /// Counts a track of a folder into, or out of, those that a directory shows.
    fn count_home(&mut self, beside: Beside, directory: Ino, by: i64);

    /// Where the tracks in a folder are shown, one of them in `directory`, and where those in the folders
    /// beside it are. The latter need not be known where no sidecar is in the folder above.
    fn homes_about(&mut self, beside: Beside, directory: Ino) -> (Home, Home);

    /// Where the tracks in a folder are shown.
    fn home(&mut self, folder: Folder) -> Home;

    /// Where the tracks in the folders directly in a folder are shown.
    fn home_below(&mut self, folder: Folder) -> Home;
}

/// So many counts of tracks, each of one folder and one directory, are looked through for where most are.
pub(super) const MANY: usize = 64;

/// Where some tracks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// There is none: no track is shown.
    None,
    /// One directory shows more than half of them.
    One(Ino),
    /// None does, or nobody looks that far: they are in several, and have more than [`MANY`] counts.
    Several,
}

impl Home {
    /// From how many of them each directory shows; it may come more than once, for several folders.
    #[must_use]
    pub fn of(counts: impl IntoIterator<Item = (Ino, u64)>) -> Self {
        let (mut tracks, mut all, mut some) = (BTreeMap::new(), 0_u64, 0);
        for (directory, count) in counts {
            *tracks.entry(directory).or_insert(0_u64) += count;
            all = all.saturating_add(count);
            some += 1;
        }
        let is_one = tracks.len() == 1;
        let most = tracks.into_iter().max_by_key(|(_, count)| *count);
        match most {
            None => Self::None,
            Some((directory, _)) if is_one => Self::One(directory),
            Some((directory, count)) if some <= MANY && count > all - count => Self::One(directory),
            Some(_) => Self::Several,
        }
    }
}

/// A sidecar's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarEntry {
    /// The origin that has it.
    pub origin: OriginId,
    /// Where it is there.
    pub beside: Beside,
    /// Its own name.
    pub name: Box<str>,
    /// Bytes of its file.
    pub size: u64,
    /// Last modification of its file, nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
}
