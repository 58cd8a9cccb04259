//! What is refused before a mount is tried, so that a slip of the pen is told at once.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use eventlog::{Event, EventStore, Filter, OriginId, Position, SqliteStore};
use futures::StreamExt;

use crate::config::OriginConfig;
use crate::library;
use crate::report::{Kind, Report, Result, plain};
use crate::state::StateDir;

/// Refuses origins that cannot be read, unless the library knows them: the disk of one that it
/// knows may just not be mounted yet, and its tracks are shown nevertheless. Refuses those, too,
/// that the mount point lies in.
///
/// # Errors
/// [`Kind::Origin`] or [`Kind::Input`], naming the folder.
pub(crate) async fn origins(
    origins: &[OriginConfig],
    mountpoint: &Path,
    state: &StateDir,
) -> Result<()> {
    for origin in origins {
        library::apart(&origin.path, mountpoint)?;
    }
    let refused: Vec<(&Path, std::io::Error)> = origins
        .iter()
        .filter_map(|origin| Some((&*origin.path, std::fs::read_dir(&origin.path).err()?)))
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let known = known_roots(state).await?;
    match refused
        .into_iter()
        .find(|(path, _)| !known.iter().any(|root| root == path.as_os_str().as_bytes()))
    {
        Some((path, error)) => Err(unreadable(path, &error)),
        None => Ok(()),
    }
}

/// The roots of the library's origins, as the log has them.
async fn known_roots(state: &StateDir) -> Result<Vec<Vec<u8>>> {
    if !state.log_file().exists() {
        return Ok(Vec::new());
    }
    let log = SqliteStore::open_read_only(state.log_file()).await?;
    let mut roots: BTreeMap<OriginId, Vec<u8>> = BTreeMap::new();
    let filter = Filter {
        kinds: vec!["origin.*".to_owned()],
        subject: None,
    };
    let mut events = log.read(Position::START, None, filter);
    while let Some(recorded) = events.next().await.transpose()? {
        match recorded.event() {
            Some(Event::OriginAdded { origin, spec } | Event::OriginChanged { origin, spec }) => {
                roots.insert(origin.clone(), spec.root.clone());
            }
            Some(Event::OriginRemoved { origin }) => {
                roots.remove(origin);
            }
            _ => {}
        }
    }
    Ok(roots.into_values().collect())
}

/// Why a folder cannot be an origin.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Report {
    let message = format!(
        "cannot read the origin {}: {}",
        path.display(),
        plain(error)
    );
    Report::new(Kind::Origin, message).hint(match error.kind() {
        std::io::ErrorKind::NotFound => {
            "check the path; if it is on a disk or share, mount that first"
        }
        std::io::ErrorKind::NotADirectory => {
            "an origin is a folder; name the one that the file is in"
        }
        _ => "give your user the right to read and enter it; MusicFS never writes there",
    })
}
