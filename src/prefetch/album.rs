//! The order of an album: what a player takes next in a directory.

use eventlog::TrackId;
use projections::{Ino, Node, NodeKind, TreeReader, ViewError};

use super::next::{Heard, Next};
use super::order;

/// Entries of a directory that is looked at: what has more is no album.
const MOST: usize = 1_000;

/// The tracks after one in its directory, and then those of the discs after it.
pub struct Album(TreeReader);

impl Album {
    /// Albums as the tree shows them.
    #[must_use]
    pub const fn new(tree: TreeReader) -> Self {
        Self(tree)
    }

    /// What a directory holds, as players show it; nothing where that is too much for an album.
    fn entries(&self, directory: Ino) -> Result<Vec<Node>, ViewError> {
        let mut nodes = self.0.list(directory, Ino(0), MOST + 1)?;
        if nodes.len() > MOST {
            nodes.clear();
        }
        order::sort(&mut nodes);
        Ok(nodes)
    }

    /// The entries after one of a directory.
    fn after(&self, node: &Node) -> Result<impl Iterator<Item = Node> + use<>, ViewError> {
        let entries = self.entries(node.parent)?;
        let ino = node.ino;
        Ok(entries
            .into_iter()
            .skip_while(move |it| it.ino != ino)
            .skip(1))
    }
}

impl Next for Album {
    fn after(&self, heard: Heard, most: usize) -> Result<Vec<TrackId>, ViewError> {
        let Some(node) = self.0.node(Ino::of_track(heard.track))? else {
            return Ok(Vec::new());
        };
        let mut tracks: Vec<TrackId> = self.after(&node)?.filter_map(|it| track(&it)).collect();
        let folder = self.0.node(node.parent)?;
        if let Some(folder) = folder.filter(|it| tracks.len() < most && order::is_disc(&it.name)) {
            let discs = self.after(&folder)?;
            for disc in discs.filter(|it| track(it).is_none() && order::is_disc(&it.name)) {
                tracks.extend(self.entries(disc.ino)?.iter().filter_map(track));
                if tracks.len() >= most {
                    break;
                }
            }
        }
        tracks.truncate(most);
        Ok(tracks)
    }
}

fn track(node: &Node) -> Option<TrackId> {
    match node.kind {
        NodeKind::File { track, .. } => Some(track),
        NodeKind::Directory { .. } | NodeKind::Sidecar { .. } => None,
    }
}
