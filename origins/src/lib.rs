//! Where the originals are: listing, reading and watching them, never writing.

#[cfg(feature = "test-support")]
pub mod conformance;
mod debounce;
pub mod local;
pub mod origin;
mod refresh;
mod registry;
pub mod remote;
mod secret;
mod settings;
#[cfg(feature = "test-support")]
pub mod test_support;

pub use local::LocalOrigin;
pub use origin::{
    Depth, Directory, Dirty, Entry, ErrorKind, Origin, OriginError, OriginFile, WalkError, Watch,
};
pub use refresh::{RefreshPolicy, follow};
pub use registry::Registry;
pub use remote::RemoteOrigin;
pub use secret::Secret;
pub use settings::{
    S3Settings, SftpLogin, SftpSettings, SmbLogin, SmbSettings, WebdavLogin, WebdavSettings,
};
