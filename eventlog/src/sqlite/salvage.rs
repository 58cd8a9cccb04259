//! What holds of a damaged log, in its place.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::Connection as _;

use super::fault::Fault;
use super::file::{beside, sync_parent, writer};
use super::{SqliteStore, import};
use crate::id::{Position, Timestamp};
use crate::store::StoreError;

/// Puts a log of the events up to `last` in the place of a damaged one, which nobody may have open.
/// The damaged one is kept under the name that is returned. At every moment one of the two is in
/// place, whole; a try that was cut short leaves at most files with `salvaged` in their names.
///
/// # Errors
/// Where nothing holds, so that `last` is 0; where the events up to `last` do not hold after all, or
/// the disk refuses. The log is then as it was.
pub async fn salvage(path: &Path, last: Position) -> Result<PathBuf, StoreError> {
    let fault = Fault::new(path, "salvage");
    if last == Position::START {
        return Err(fault.damaged("not even its first event holds"));
    }
    // Without its write-ahead log, which would be taken for the new one's, the file is whole.
    let mut connection = writer(path).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut connection)
        .await
        .map_err(|error| fault.of(error))?;
    connection.close().await.map_err(|error| fault.of(error))?;
    let (export, salvaged) = (beside(path, ".salvaged.jsonl"), beside(path, ".salvaged"));
    for rest in [&export, &salvaged] {
        remove(rest).map_err(|error| fault.io(error))?;
    }
    let log = SqliteStore::open_unchecked(path).await?;
    let mut options = OpenOptions::new();
    let to = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&export);
    let mut to = BufWriter::new(to.map_err(|error| fault.io(error))?);
    log.export(Some(last), &mut to, |_, _| {}).await?;
    drop(to);
    log.close().await;
    let from = File::open(&export).map_err(|error| fault.io(error))?;
    import(BufReader::new(from), &salvaged, |_| {}).await?;
    let kept = beside(path, &format!(".damaged-{}", Timestamp::now().0));
    let swapped = remove(&export)
        .and_then(|()| fs::hard_link(path, &kept))
        .and_then(|()| {
            remove(&beside(path, "-wal"))?;
            remove(&beside(path, "-shm"))?;
            sync_parent(path)?;
            fs::rename(&salvaged, path)?;
            sync_parent(path)
        });
    swapped.map_err(|error| fault.io(error))?;
    Ok(kept)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
