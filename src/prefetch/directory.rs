//! `.prefetch`: asking for files with the tools of a shell (FS-10).

use std::sync::Arc;

use fuse::FsError;
use fuse::special::{Item, SpecialDir};
use projections::NodeKind;

use super::Prefetch;
use crate::originals::FileRef;
use crate::show::unreadable;

/// The tree once more. Who reads a file there asks for it, who lists a directory for the files that
/// are directly in it.
pub(crate) struct PrefetchDir(pub(crate) Arc<Prefetch>);

impl SpecialDir for PrefetchDir {
    fn name(&self) -> &'static str {
        ".prefetch"
    }

    fn item(&self, path: &str) -> Result<Option<Item>, FsError> {
        let node = self.0.tree.resolve(path);
        let Some(node) = node.map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        Ok(Some(match FileRef::of(&node) {
            None => Item::Directory,
            Some(file) => {
                let told = self.0.told(file).map_err(|error| unreadable(&error))?;
                Item::File(told.into_bytes().into())
            }
        }))
    }

    fn list(&self, path: &str) -> Result<Vec<(String, Item)>, FsError> {
        let Self(prefetch) = self;
        let directory = prefetch.tree.resolve(path);
        let Some(directory) = directory.map_err(|error| unreadable(&error))? else {
            return Err(fuse::ErrorKind::NotFound.into());
        };
        let entries = prefetch.entries(directory.ino);
        let entries = entries.map_err(|error| unreadable(&error))?.into_iter();
        prefetch.hint(path);
        let items = entries.map(|node| {
            let item = match node.kind {
                NodeKind::Directory { .. } => Item::Directory,
                // What it says is found out when it is looked at by itself: there may be very many.
                NodeKind::File { .. } | NodeKind::Sidecar { .. } => Item::File(Arc::default()),
            };
            (node.name.into_string(), item)
        });
        Ok(items.collect())
    }

    fn opened(&self, path: &str) {
        self.0.hint(path);
    }
}
