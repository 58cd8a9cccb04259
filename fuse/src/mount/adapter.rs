//! The kernel's requests, each turned into a call of [`Filesystem`] and its answer into a reply.
//!
//! What only looks at the tree is answered on the thread that took the request; what may wait for
//! an origin goes to the pool with its reply. A panic drops the reply, which answers EIO.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, FopenFlags, INodeNo,
    InitFlags, IoctlFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, PollEvents, PollFlags,
    PollNotifier, RenameFlags, ReplyAttr, ReplyBmap, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen, ReplyPoll,
    ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};

use super::convert::{self, GENERATION, errno};
use super::listing::ListReply;
use super::waiting;
use crate::attr::Entry;
use crate::errno::{ErrorKind, FsError};
use crate::fs::Filesystem;
use crate::mountpoint::{self, State};
use crate::pool::{Pool, guarded};

/// Nothing is written, so that this only bounds the size of a read: 256 pages.
const MAX_REQUEST: u32 = 1 << 20;
/// Read-ahead requests that the kernel may have under way before it waits.
const MAX_BACKGROUND: u16 = 64;
/// Backing files may be on any filesystem that is not stacked on another itself.
const STACK_DEPTH: u32 = 1;

pub(super) struct Adapter {
    filesystem: Arc<Filesystem>,
    passthrough: Arc<AtomicBool>,
    mountpoint: PathBuf,
    aborted: Arc<AtomicBool>,
    pool: Pool,
    /// True where the kernel can open directories by itself.
    opens_directories: bool,
}

impl Adapter {
    /// `aborted` turns true when the session ends while the mount is still in place.
    pub(super) fn new(
        filesystem: Arc<Filesystem>,
        mountpoint: &Path,
        passthrough: Arc<AtomicBool>,
        aborted: Arc<AtomicBool>,
    ) -> Self {
        Self {
            filesystem,
            passthrough,
            mountpoint: mountpoint.to_owned(),
            aborted,
            pool: Pool::new(),
            opens_directories: false,
        }
    }

    fn list<R: ListReply>(&self, ino: INodeNo, offset: u64, reply: R) {
        let ino = convert::ino(ino);
        if !ino.is_special() {
            let filesystem = &self.filesystem;
            return guarded(R::OPERATION, || {
                reply.fill(|take| filesystem.readdir(ino, offset, R::HELD, take));
            });
        }
        let filesystem = Arc::clone(&self.filesystem);
        let lane = self.filesystem.special_lane(ino);
        self.pool.answer(lane, reply, move |ticket| {
            let listed = filesystem.listed(ino, offset);
            if let Some(reply) = ticket.take() {
                reply.fill(|take| {
                    filesystem.give_generated(&listed?, R::HELD, take);
                    Ok(())
                });
            }
        });
    }
}

/// A value, or its size for those who ask with no room.
fn reply_value(reply: ReplyXattr, size: u32, result: Result<Vec<u8>, FsError>) {
    let value = match result {
        Ok(value) => value,
        Err(error) => return reply.error(errno("getxattr", &error)),
    };
    match u32::try_from(value.len()) {
        Ok(len) if size == 0 => reply.size(len),
        Ok(len) if len <= size => reply.data(&value),
        _ => reply.error(errno("getxattr", &ErrorKind::TooSmall.into())),
    }
}

fn reply_entry(reply: ReplyEntry, found: Result<Entry, FsError>) {
    match found {
        Ok(entry) => reply.entry(&entry.lifetime, &convert::attr(&entry.attr), GENERATION),
        // An error and not an entry without a number: what is not there is not remembered.
        Err(error) => reply.error(errno("lookup", &error)),
    }
}

fn reply_attr(reply: ReplyAttr, found: Result<Entry, FsError>) {
    match found {
        Ok(entry) => reply.attr(&entry.lifetime, &convert::attr(&entry.attr)),
        Err(error) => reply.error(errno("getattr", &error)),
    }
}

fn read_only() -> Errno {
    errno("write", &ErrorKind::ReadOnly.into())
}

/// Operations that get one answer whatever they are asked.
macro_rules! always {
    ($errno:expr => $($operation:ident($($argument:ty),*) -> $reply:ty;)*) => {
        $(fn $operation(&self, _: &Request, $(_: $argument,)* reply: $reply) {
            reply.error($errno);
        })*
    };
}

impl fuser::Filesystem for Adapter {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let offered = config.capabilities();
        for flag in convert::WANTED {
            // What an older kernel lacks, it does without.
            let _ = config.add_capabilities(flag);
        }
        self.opens_directories = offered.contains(InitFlags::FUSE_NO_OPENDIR_SUPPORT);
        let passes = offered.contains(InitFlags::FUSE_PASSTHROUGH)
            && self.passthrough.load(Ordering::Relaxed)
            && config.add_capabilities(InitFlags::FUSE_PASSTHROUGH).is_ok()
            && config.set_max_stack_depth(STACK_DEPTH).is_ok();
        self.passthrough.store(passes, Ordering::Relaxed);
        // Each takes the nearest value that it may.
        if let Err(nearest) = config.set_max_readahead(MAX_REQUEST) {
            let _ = config.set_max_readahead(nearest);
        }
        let _ = config.set_max_write(MAX_REQUEST);
        let _ = config.set_max_background(MAX_BACKGROUND);
        Ok(())
    }

    /// The end of the session, before fuser takes away the mount.
    fn destroy(&mut self) {
        let stale = matches!(mountpoint::state(&self.mountpoint), Ok(State::Stale(_)));
        self.aborted.store(stale, Ordering::Release);
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let parent = convert::ino(parent);
        if !parent.is_special() {
            return guarded("lookup", || {
                reply_entry(reply, self.filesystem.lookup(parent, name));
            });
        }
        let (filesystem, name) = (Arc::clone(&self.filesystem), name.to_owned());
        let lane = self.filesystem.special_lane(parent);
        self.pool.answer(lane, reply, move |ticket| {
            let found = filesystem.lookup(parent, &name);
            match (ticket.take(), found) {
                (Some(reply), found) => reply_entry(reply, found),
                // The kernel was told that there is none.
                (None, Ok(entry)) => filesystem.forget(entry.attr.ino, 1),
                (None, Err(_)) => {}
            }
        });
    }

    fn forget(&self, _: &Request, ino: INodeNo, times: u64) {
        guarded("forget", || {
            self.filesystem.forget(convert::ino(ino), times);
        });
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let ino = convert::ino(ino);
        if !ino.is_special() {
            return guarded("getattr", || {
                reply_attr(reply, self.filesystem.getattr(ino));
            });
        }
        let (filesystem, lane) = (
            Arc::clone(&self.filesystem),
            self.filesystem.special_lane(ino),
        );
        self.pool.answer(lane, reply, move |ticket| {
            let found = filesystem.getattr(ino);
            if let Some(reply) = ticket.take() {
                reply_attr(reply, found);
            }
        });
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let (filesystem, ino) = (Arc::clone(&self.filesystem), convert::ino(ino));
        let lane = self.filesystem.special_lane(ino);
        self.pool.answer(lane, reply, move |ticket| {
            let target = filesystem.readlink(ino);
            let Some(reply) = ticket.take() else { return };
            match target {
                Ok(target) => reply.data(target.as_bytes()),
                Err(error) => reply.error(errno("readlink", &error)),
            }
        });
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if flags.acc_mode() != OpenAccMode::O_RDONLY {
            return reply.error(read_only());
        }
        guarded("open", || {
            let opening = match self.filesystem.find(convert::ino(ino)) {
                Ok(opening) => opening,
                Err(error) => return reply.error(errno("open", &error)),
            };
            let (filesystem, pool) = (Arc::clone(&self.filesystem), self.pool.clone());
            let (passthrough, thread) = (Arc::clone(&self.passthrough), request.pid());
            self.pool.answer(opening.lane(), reply, move |ticket| {
                waiting::open(&filesystem, &pool, opening, thread, &passthrough, ticket);
            });
        });
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let Some(lane) = self.filesystem.lane(handle.0) else {
            return reply.error(errno("read", &ErrorKind::BadHandle.into()));
        };
        let filesystem = Arc::clone(&self.filesystem);
        self.pool.answer(lane, reply, move |ticket| {
            waiting::read(&filesystem, handle.0, offset, size, ticket);
        });
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        guarded("release", || {
            waiting::discard(&self.pool, self.filesystem.release(handle.0));
            reply.ok();
        });
    }

    /// Nothing is kept for an open directory. A kernel that hears so opens directories by itself from then
    /// on, and lists again what it has listed without a word (Linux 5.1): what it keeps of the tree holds
    /// until it is told otherwise, and the generated directories' times say that they have changed.
    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        if self.opens_directories {
            reply.error(Errno::ENOSYS);
        } else {
            let flags = FopenFlags::FOPEN_CACHE_DIR | FopenFlags::FOPEN_KEEP_CACHE;
            reply.opened(FileHandle(0), flags);
        }
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        reply: ReplyDirectory,
    ) {
        self.list(ino, offset, reply);
    }

    fn readdirplus(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        reply: ReplyDirectoryPlus,
    ) {
        self.list(ino, offset, reply);
    }

    fn releasedir(&self, _: &Request, _: INodeNo, _: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        guarded("statfs", || match self.filesystem.statfs() {
            Ok(s) => {
                reply.statfs(
                    s.blocks,
                    0,
                    0,
                    s.files,
                    0,
                    s.block_size,
                    s.name_max,
                    s.block_size,
                );
            }
            Err(error) => reply.error(errno("statfs", &error)),
        });
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        guarded("getxattr", || {
            reply_value(
                reply,
                size,
                self.filesystem.getxattr(convert::ino(ino), name),
            );
        });
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        guarded("listxattr", || {
            reply_value(reply, size, self.filesystem.listxattr(convert::ino(ino)));
        });
    }

    fn access(&self, _: &Request, _: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        if mask.contains(AccessFlags::W_OK) {
            reply.error(read_only());
        } else {
            reply.ok();
        }
    }

    // What the kernel answers by itself once it hears that nobody here does.
    always! { Errno::ENOSYS =>
        flush(INodeNo, FileHandle, LockOwner) -> ReplyEmpty;
        fsync(INodeNo, FileHandle, bool) -> ReplyEmpty;
        fsyncdir(INodeNo, FileHandle, bool) -> ReplyEmpty;
        lseek(INodeNo, FileHandle, i64, i32) -> ReplyLseek;
        bmap(INodeNo, u32, u64) -> ReplyBmap;
        poll(INodeNo, FileHandle, PollNotifier, PollEvents, PollFlags) -> ReplyPoll;
    }

    // What no file here is.
    always! { Errno::ENOTTY =>
        ioctl(INodeNo, FileHandle, IoctlFlags, u32, &[u8], u32) -> ReplyIoctl;
    }

    // What writes. The kernel refuses all of it by itself while the mount is read-only; these
    // answer should somebody remount it for writing (FS-8).
    always! { read_only() =>
        setattr(
            INodeNo, Option<u32>, Option<u32>, Option<u32>, Option<u64>, Option<TimeOrNow>,
            Option<TimeOrNow>, Option<SystemTime>, Option<FileHandle>, Option<SystemTime>,
            Option<SystemTime>, Option<SystemTime>, Option<BsdFileFlags>
        ) -> ReplyAttr;
        mknod(INodeNo, &OsStr, u32, u32, u32) -> ReplyEntry;
        mkdir(INodeNo, &OsStr, u32, u32) -> ReplyEntry;
        unlink(INodeNo, &OsStr) -> ReplyEmpty;
        rmdir(INodeNo, &OsStr) -> ReplyEmpty;
        symlink(INodeNo, &OsStr, &Path) -> ReplyEntry;
        rename(INodeNo, &OsStr, INodeNo, &OsStr, RenameFlags) -> ReplyEmpty;
        link(INodeNo, INodeNo, &OsStr) -> ReplyEntry;
        create(INodeNo, &OsStr, u32, u32, i32) -> ReplyCreate;
        write(
            INodeNo, FileHandle, u64, &[u8], WriteFlags, OpenFlags, Option<LockOwner>
        ) -> ReplyWrite;
        fallocate(INodeNo, FileHandle, u64, u64, i32) -> ReplyEmpty;
        copy_file_range(
            INodeNo, FileHandle, u64, INodeNo, FileHandle, u64, u64, CopyFileRangeFlags
        ) -> ReplyWrite;
        setxattr(INodeNo, &OsStr, &[u8], i32, u32) -> ReplyEmpty;
        removexattr(INodeNo, &OsStr) -> ReplyEmpty;
    }
}
