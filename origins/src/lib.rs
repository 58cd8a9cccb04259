//! Where the originals are: listing, reading and watching them, never writing.

mod checksum;
#[cfg(feature = "test-support")]
pub mod conformance;
mod crawl;
mod debounce;
mod guarded;
mod health;
pub mod local;
pub mod origin;
mod pool;
mod refresh;
mod registry;
pub mod remote;
mod secret;
mod settings;
mod sftp;
mod smb;
#[cfg(feature = "test-support")]
pub mod test_support;

pub use checksum::{Algorithm, Checksum, Verify};
pub use guarded::{Figures, Guarded, Limits, Op, Reach};
pub use health::{Health, Outcome, Vitals};
pub use local::LocalOrigin;
pub use origin::{
    Depth, Directory, Dirty, Entry, ErrorKind, Origin, OriginError, OriginFile, WalkError, Watch,
};
pub use refresh::{RefreshPolicy, follow};
pub use registry::{Registry, Standing};
pub use remote::RemoteOrigin;
pub use secret::Secret;
pub use settings::{
    S3Settings, SftpLogin, SftpSettings, SmbLogin, SmbSettings, WebdavLogin, WebdavSettings,
};
pub use sftp::SftpOrigin;
pub use smb::SmbOrigin;
