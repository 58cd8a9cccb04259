//! Between this crate's words and the protocol's.

use fuser::{
    Config, Errno, FileAttr, FileType, Generation, INodeNo, InitFlags, MountOption, SessionACL,
};

use crate::attr::{Attr, FileKind};
use crate::errno::{FsError, Loudness};
use crate::library::Ino;
use crate::options::MountOptions;

/// The size that programs are advised to read in. Tag readers use buffers of it, so it is small.
const READ_SIZE: u32 = 4096;

/// How the session is set up.
pub(super) fn config(options: &MountOptions, threads: usize) -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(options.source.clone()),
        // As a plain option it reaches the kernel on both ways of mounting.
        MountOption::CUSTOM("subtype=musicfs".to_owned()),
        MountOption::RO,
        MountOption::NoDev,
        MountOption::NoSuid,
        MountOption::NoExec,
        MountOption::NoAtime,
        // Owner and modes are ours alone, so that the kernel can judge by them without asking.
        MountOption::DefaultPermissions,
    ];
    config.acl = if options.allow_other {
        SessionACL::All
    } else {
        SessionACL::Owner
    };
    config.n_threads = Some(threads);
    config.clone_fd = true;
    config
}

/// What the session asks the kernel for, as far as it has it.
pub(super) const WANTED: [InitFlags; 7] = [
    InitFlags::FUSE_ASYNC_READ,
    // Adaptive: attributes come with the first entries of a directory, which is all of an album,
    // and with later ones only for programs that ask for them. A plain listing of 100,000 names
    // then makes no 100,000 inodes in the kernel.
    InitFlags::FUSE_DO_READDIRPLUS,
    InitFlags::FUSE_READDIRPLUS_AUTO,
    InitFlags::FUSE_PARALLEL_DIROPS,
    InitFlags::FUSE_AUTO_INVAL_DATA,
    InitFlags::FUSE_EXPORT_SUPPORT,
    InitFlags::FUSE_MAX_PAGES,
];

/// Numbers come out of the log and are never reused, so that one generation is enough.
pub(super) const GENERATION: Generation = Generation(0);

pub(super) fn ino(number: INodeNo) -> Ino {
    Ino(number.0)
}

pub(super) fn file_type(kind: FileKind) -> FileType {
    match kind {
        FileKind::Directory => FileType::Directory,
        FileKind::File => FileType::RegularFile,
        FileKind::Link => FileType::Symlink,
    }
}

pub(super) fn attr(attr: &Attr) -> FileAttr {
    FileAttr {
        ino: INodeNo(attr.ino.0),
        size: attr.size,
        blocks: attr.blocks,
        atime: attr.mtime,
        mtime: attr.mtime,
        ctime: attr.mtime,
        crtime: attr.mtime,
        kind: file_type(attr.kind),
        perm: attr.mode,
        nlink: attr.links,
        uid: attr.uid,
        gid: attr.gid,
        rdev: 0,
        blksize: READ_SIZE,
        flags: 0,
    }
}

/// Logs an error once, as loudly as its kind asks for, and gives the number for the reply.
pub(super) fn errno(operation: &'static str, error: &FsError) -> Errno {
    match error.kind.loudness() {
        Loudness::Quiet => tracing::trace!(operation, "{error}"),
        Loudness::Warning => tracing::warn!(operation, "{error}"),
        Loudness::Alarm => tracing::error!(operation, "{error}"),
    }
    Errno::from_i32(error.kind.errno())
}
