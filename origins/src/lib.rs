//! Where the originals are: listing, reading and watching them, never writing.

pub mod local;
pub mod origin;

pub use local::LocalOrigin;
pub use origin::{
    Depth, Directory, Dirty, Entry, ErrorKind, Origin, OriginError, OriginFile, WalkError, Watch,
};
