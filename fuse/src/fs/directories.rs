//! Listing directories.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Filesystem;
use crate::errno::FsError;
use crate::library::Ino;
use crate::operations::Operation;
use crate::readdir::DirEntry;
use crate::special::{Cookie, Listing};

impl Filesystem {
    /// Gives the entries of a directory from `offset` on to `take` until that returns false: 0 is its
    /// beginning, else what an entry said is [next](DirEntry::next). With `held` the kernel keeps each
    /// entry taken as if it had looked it up.
    ///
    /// # Errors
    /// [`NotADirectory`](crate::ErrorKind::NotADirectory), or where it cannot be told what is in it.
    pub fn readdir(
        &self,
        ino: Ino,
        offset: u64,
        held: bool,
        take: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<(), FsError> {
        if ino.is_special() {
            self.give_generated(&self.listed(ino, offset)?, held, take);
            return Ok(());
        }
        let _running = self.operations.begin(Operation::Readdir);
        let epoch = self.epoch.load(Ordering::Acquire);
        let library = self.library.as_ref();
        let mut give = |node: &_, entry: DirEntry<'_>| {
            let taken = take(entry);
            if taken && held && !matches!(entry.name, "." | "..") {
                self.known.gave(node);
            }
            taken
        };
        self.listings
            .read(library, &self.owner, (ino, offset), epoch, &mut give)
    }

    /// The listing of a generated directory that an offset is in, or a new one; and the place in it.
    ///
    /// # Errors
    /// Where it cannot be told what is in the directory.
    pub(crate) fn listed(&self, ino: Ino, offset: u64) -> Result<(Arc<Listing>, Cookie), FsError> {
        let _running = self.operations.begin(Operation::Readdir);
        let at = Cookie::of(offset);
        let kept = at.and_then(|at| Some((self.generated.find(ino, at)?, at)));
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let above = self.entry(self.parent(ino)?)?.attr;
        let listing = Arc::new(self.specials.list(&self.owner, ino, above)?);
        let begun = self.generated.begin(ino, Arc::clone(&listing));
        // One that was not kept so long goes on where it was.
        Ok((listing, begun.behind(at.map_or(0, |at| at.given))))
    }

    /// Gives the rest of a generated directory's listing, as [`readdir`](Self::readdir) does.
    pub(crate) fn give_generated(
        &self,
        (listing, at): &(Arc<Listing>, Cookie),
        held: bool,
        take: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) {
        let mut is_over = true;
        for (given, (name, attr)) in (1..).zip(listing.iter()).skip(at.given) {
            is_over = false;
            let taken = take(DirEntry {
                name,
                attr: *attr,
                lifetime: Duration::ZERO,
                next: at.behind(given).offset(),
            });
            if !taken {
                break;
            }
            if held && !matches!(name, "." | "..") {
                self.specials.gave(attr.ino);
            }
        }
        if is_over {
            self.generated.end(*at);
        }
    }
}
