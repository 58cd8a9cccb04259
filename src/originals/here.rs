//! Files on disks of this machine.

use std::fs::File;
use std::sync::{Arc, OnceLock};

use content::{Purpose, Reader};
use eventlog::Revision;
use fuse::{FsError, Lane, Located, Original};
use origins::local::read_checked;
use origins::{ErrorKind, Guarded, Origin, OriginError, OriginFile};

use super::{Copies, LIMIT, Sources, Wanted, for_pages, lane, readable, refused};

/// Where one original is.
pub(super) struct Here {
    pub(super) origin: Guarded,
    pub(super) wanted: Wanted,
    pub(super) sources: Sources,
}

impl Located for Here {
    fn lane(&self) -> Lane {
        lane(&self.wanted.locator.origin, LIMIT)
    }

    fn open(self: Box<Self>) -> Result<Box<dyn Original>, FsError> {
        let Self {
            origin,
            mut wanted,
            sources,
        } = *self;
        let path = &wanted.locator.path;
        let mut revision = readable(&wanted.locator.revision);
        let opened = origin
            .open_here(path, &revision)
            .unwrap_or_else(|| sources.runtime.block_on(origin.open(path, &revision)));
        let file = match opened {
            Ok(file) => Some(file),
            Err(error) if is_lost(&error) => {
                // Its disk is away: another origin may have it.
                let copies = Copies::of(&wanted, sources.clone(), Purpose::Listening);
                let stand_in = copies.stand_in().ok_or_else(|| refused(&error))?;
                revision = for_pages(&wanted, Some(&stand_in), 0);
                wanted = stand_in;
                None
            }
            Err(error) => return Err(refused(&error)),
        };
        Ok(Box::new(Source {
            file,
            revision,
            wanted,
            sources,
            copy: OnceLock::new(),
        }))
    }
}

/// True where the file may be as it was, and cannot be reached.
fn is_lost(error: &OriginError) -> bool {
    matches!(error.kind, ErrorKind::Offline | ErrorKind::Io)
}

/// One original, open.
struct Source {
    /// `None` where its disk was away when it was opened.
    file: Option<Arc<dyn OriginFile>>,
    revision: Revision,
    wanted: Wanted,
    sources: Sources,
    /// What other origins have of it, once its disk failed.
    copy: OnceLock<Reader>,
}

impl Original for Source {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, FsError> {
        let failed = match self
            .file
            .as_deref()
            .map(|file| self.read(file, buffer, offset))
        {
            Some(Ok(count)) => return Ok(count),
            Some(Err(error)) if !is_lost(&error) => return Err(refused(&error)),
            Some(Err(error)) => Some(error),
            None => None,
        };
        let copy = self
            .copy
            .get_or_init(|| self.sources.reader(&self.wanted, Purpose::Listening));
        let read = copy.read_at(buffer, offset);
        // Where no other has it, what was wrong first is what matters.
        read.map_err(|error| refused(failed.as_ref().unwrap_or(&error)))
    }

    fn file(&self) -> Option<&File> {
        self.file.as_deref().and_then(OriginFile::disk)
    }
}

impl Source {
    fn read(
        &self,
        file: &dyn OriginFile,
        buffer: &mut [u8],
        offset: u64,
    ) -> Result<usize, OriginError> {
        if let Some(file) = file.local() {
            return read_checked(file, &self.revision, buffer, offset);
        }
        let read = file.read_at(offset, buffer.len());
        let bytes = self.sources.runtime.block_on(read)?;
        let len = bytes.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), bytes.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }
}
