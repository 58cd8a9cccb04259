//! A copy of the log while it is in use (LOG-6).

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::SqliteStore;
use super::fault::Fault;
use super::file::Reserved;
use super::readers::Readers;
use crate::store::StoreError;

pub(super) async fn backup(readers: &Readers, to: &Path) -> Result<(), StoreError> {
    let fault = Fault::new(to, "back up to");
    let reserved = Reserved::new(to)?;
    // Absolute, so that no name is taken for a URI.
    let draft = std::path::absolute(&reserved.draft).map_err(|error| fault.io(error))?;
    let Ok(draft) = std::str::from_utf8(draft.as_os_str().as_bytes()) else {
        return Err(fault.backend("SQLite takes only names in UTF-8"));
    };
    // From one read transaction: appends go on, and are in the next backup.
    let draft = draft.to_owned();
    let copied = readers.read(move |connection| connection.execute("VACUUM INTO ?", [draft]));
    copied
        .await
        .map_err(|error| match Fault::new(readers.path(), "read").of(error) {
            StoreError::DiskFull { .. } => StoreError::DiskFull {
                path: to.display().to_string(),
            },
            other => other,
        })?;
    // Opened once, its end is checked before it gets its name.
    SqliteStore::open_read_only(&reserved.draft)
        .await?
        .close()
        .await;
    tokio::task::spawn_blocking(move || reserved.publish())
        .await
        .map_err(|error| fault.backend(error))?
        .map_err(|error| fault.io(error))
}
