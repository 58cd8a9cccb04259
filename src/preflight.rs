//! What is refused before a mount is tried, so that a slip of the pen is told at once.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use eventlog::{Event, EventStore, Filter, OriginId, Position, SqliteStore};
use futures::StreamExt;
use futures::future::join_all;

use crate::config::OriginConfig;
use crate::library::{self, RootError};
use crate::patience;
use crate::report::{Kind, Report, Result, plain};
use crate::state::StateDir;

/// Refuses origins that cannot be read, unless the library knows them: the disk of one that it
/// knows may just not be mounted yet, and its tracks are shown nevertheless. Refuses those, too,
/// that the mount point lies in. One that does not answer is not refused, nor waited for any longer.
///
/// # Errors
/// [`Kind::Origin`] or [`Kind::Input`], naming the folder.
pub(crate) async fn origins(
    origins: &[OriginConfig],
    mountpoint: &Path,
    state: &StateDir,
) -> Result<()> {
    // Other machines are not asked: they may be away as well.
    let folders = || origins.iter().filter_map(|origin| origin.root.folder());
    let asked = folders().map(|root| {
        let (root, mountpoint) = (root.to_owned(), mountpoint.to_owned());
        patience::ask(move || {
            library::apart(&root, &mountpoint)?;
            Ok(std::fs::read_dir(&root).err())
        })
    });
    let answers: Vec<Option<Result<_, RootError>>> = join_all(asked).await;
    let mut refused: Vec<(&Path, std::io::Error)> = Vec::new();
    for (path, answer) in folders().zip(answers) {
        match answer {
            Some(Ok(None)) => {}
            Some(Ok(Some(error))) => refused.push((path, error)),
            Some(Err(overlap)) => return Err(overlap.into()),
            None => tracing::warn!(
                "the origin {} does not answer; the library is mounted without waiting for it",
                path.display()
            ),
        }
    }
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
        std::io::ErrorKind::TimedOut => "check that its disk or server is connected",
        std::io::ErrorKind::NotADirectory => {
            "an origin is a folder; name the one that the file is in"
        }
        _ => "give your user the right to read and enter it; MusicFS never writes there",
    })
}
