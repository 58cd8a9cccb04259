//! Requests that may wait for an origin: opens and reads, on the pool's threads.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuser::{
    BackingId, Errno, FileHandle, FopenFlags, ReplyAttr, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEntry, ReplyOpen,
};

use super::convert::errno;
use crate::errno::{ErrorKind, FsError};
use crate::fs::{Closed, Filesystem, Opened, Opening};
use crate::inodes::{Backing, Caching};
use crate::library::Lane;
use crate::pool::{Pool, Ticket, TimedOut};

/// Asks the kernel to read `file` by itself.
fn register(reply: &ReplyOpen, file: &File, passthrough: &AtomicBool) -> Option<Backing> {
    if !passthrough.load(Ordering::Relaxed) {
        return None;
    }
    match reply.open_backing(file) {
        Ok(id) => Some(Backing::new(id)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::info!("no passthrough: it takes CAP_SYS_ADMIN; files are read here");
            passthrough.store(false, Ordering::Relaxed);
            None
        }
        Err(error) => {
            tracing::debug!(%error, "no passthrough for one file");
            None
        }
    }
}

fn reply_open(reply: ReplyOpen, result: Result<Opened, FsError>) {
    let opened = match result {
        Ok(opened) => opened,
        Err(error) => return reply.error(errno("open", &error)),
    };
    let handle = FileHandle(opened.handle);
    let flags = FopenFlags::FOPEN_NOFLUSH;
    match &opened.caching {
        Caching::Pages { keep: true } => reply.opened(handle, flags | FopenFlags::FOPEN_KEEP_CACHE),
        Caching::Pages { keep: false } => reply.opened(handle, flags),
        Caching::Direct => reply.opened(handle, flags | FopenFlags::FOPEN_DIRECT_IO),
        Caching::Passthrough(backing) => match backing.registration::<BackingId>() {
            Some(id) => reply.opened_passthrough(handle, flags, id),
            None => reply.error(Errno::EIO),
        },
    }
}

/// What a request is answered with that its origin did not answer in time.
fn unanswered(operation: &'static str, limit: Duration) -> Errno {
    let message = format!("there was no answer within {limit:?}");
    errno(operation, &FsError::new(ErrorKind::Io, message))
}

impl TimedOut for ReplyOpen {
    fn timed_out(self, limit: Duration) {
        self.error(unanswered("open", limit));
    }
}

impl TimedOut for ReplyEntry {
    fn timed_out(self, limit: Duration) {
        self.error(unanswered("lookup", limit));
    }
}

impl TimedOut for ReplyAttr {
    fn timed_out(self, limit: Duration) {
        self.error(unanswered("getattr", limit));
    }
}

impl TimedOut for ReplyDirectory {
    fn timed_out(self, limit: Duration) {
        self.error(unanswered("readdir", limit));
    }
}

impl TimedOut for ReplyDirectoryPlus {
    fn timed_out(self, limit: Duration) {
        self.error(unanswered("readdirplus", limit));
    }
}

impl TimedOut for ReplyData {
    fn timed_out(self, limit: Duration) {
        self.error(unanswered("read", limit));
    }
}

pub(super) fn open(
    filesystem: &Filesystem,
    pool: &Pool,
    opening: Opening,
    thread: u32,
    passthrough: &AtomicBool,
    ticket: &Ticket<ReplyOpen>,
) {
    let register = |file: &File| {
        ticket
            .with(|reply| register(reply, file, passthrough))
            .flatten()
    };
    let result = filesystem.open(opening, thread, &register);
    let handle = result.as_ref().map_or(0, |opened| opened.handle);
    match ticket.take() {
        Some(reply) => reply_open(reply, result),
        // Whoever asked has been told that it failed, and will not close it.
        None => discard(pool, filesystem.abandon(handle)),
    }
}

/// Drops what a closed file kept where that may wait.
pub(super) fn discard(pool: &Pool, closed: Option<(Lane, Closed)>) {
    if let Some((lane, closed)) = closed {
        pool.discard(lane, closed);
    }
}

pub(super) fn read(
    filesystem: &Filesystem,
    handle: u64,
    offset: u64,
    size: u32,
    ticket: &Ticket<ReplyData>,
) {
    thread_local! {
        /// One for each thread of the pool, as large as its largest read.
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        let size = size as usize;
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        let result = match buffer.get_mut(..size) {
            Some(piece) => filesystem.read(handle, offset, piece),
            None => Err(ErrorKind::Bug.into()),
        };
        let Some(reply) = ticket.take() else { return };
        match result {
            Ok(len) => reply.data(buffer.get(..len).unwrap_or_default()),
            Err(error) => reply.error(errno("read", &error)),
        }
    });
}
