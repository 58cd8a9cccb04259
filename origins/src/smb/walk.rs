//! Listing a share.
//!
//! A server may follow symlinks of its own and show what they lead to as if it were there. A
//! directory that holds itself in this way is known by its number, which the server tells of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventlog::OriginPath;
use futures::stream::BoxStream;
use smb2::DirectoryEntry;

use super::error::Failure;
use super::revision;
use super::server::Server;
use super::share::Share;
use crate::crawl::{Item, Job, MANY, children, crawl};
use crate::local::is_left_out;
use crate::origin::{Depth, Directory, Entry, ErrorKind, WalkError};

/// Most names in one directory; a server that tells more tells them for ever (SEC-1).
const MAX_NAMES: usize = 2_000_000;

/// Most directories within another, where the server tells no numbers.
const MAX_DEPTH: usize = 100;

/// A directory to list, and those that hold it.
struct Todo {
    path: OriginPath,
    above: Option<Arc<Above>>,
}

/// The numbers of the directories that hold another, from the inside outwards.
struct Above {
    number: Option<u64>,
    above: Option<Arc<Above>>,
}

impl Above {
    fn has(&self, number: u64) -> bool {
        self.iter().any(|above| above.number == Some(number))
    }

    fn depth(&self) -> usize {
        self.iter().count()
    }

    fn iter(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |above| above.above.as_deref())
    }
}

impl Job for Todo {
    fn path(&self) -> &OriginPath {
        &self.path
    }
}

/// Lists `from` and, by `depth`, what is below it.
pub(super) fn walk(
    server: Arc<Server>,
    from: OriginPath,
    depth: Depth,
) -> BoxStream<'static, Item> {
    let start = Todo {
        path: from,
        above: None,
    };
    crawl(start, depth, MANY, move |todo| {
        let server = Arc::clone(&server);
        async move {
            let listed = server
                .with_session(async |share: Arc<Share>| list(&share, &server, &todo).await)
                .await;
            match listed {
                Ok((directory, here)) => {
                    let below = children(&directory).into_iter().map(|path| Todo {
                        path,
                        above: Some(Arc::clone(&here)),
                    });
                    let below = below.collect();
                    (Ok(directory), below)
                }
                Err(failure) => {
                    let error = server.told("list", &todo.path, failure);
                    let path = todo.path;
                    (Err(WalkError { path, error }), vec![])
                }
            }
        }
    })
}

async fn list(
    share: &Share,
    server: &Server,
    todo: &Todo,
) -> Result<(Directory, Arc<Above>), Failure> {
    let given = server.at(&todo.path)?;
    let mut listing = match share.list(&given).await {
        Ok(listing) => listing,
        Err(failure) if failure.is_not_found() => {
            return Err(server.missing(share, failure).await);
        }
        Err(failure) => return Err(failure),
    };
    let mut entries = Vec::new();
    while let Some(batch) = listing.next().await? {
        entries.extend(batch);
        if entries.len() > MAX_NAMES {
            let what = format!("it has more than {MAX_NAMES} names");
            return Err(Failure::told_as(ErrorKind::Io, &what));
        }
    }
    drop(listing);
    let itself = entries.iter().find(|entry| entry.name == ".");
    let here = Arc::new(Above {
        number: itself.and_then(|entry| entry.index_number),
        above: todo.above.clone(),
    });
    Ok((directory(&todo.path, entries, &here), here))
}

fn directory(path: &OriginPath, entries: Vec<DirectoryEntry>, here: &Above) -> Directory {
    let (mut files, mut directories) = (BTreeMap::new(), BTreeMap::new());
    let mut odd = 0_usize;
    for entry in entries {
        let name: Box<[u8]> = entry.name.as_bytes().into();
        if is_left_out(&name) || entry.is_link() {
            continue;
        }
        if path.join(&name).is_err() {
            odd += 1;
        } else if !entry.is_directory {
            let revision = revision(entry.size, entry.modified);
            files.insert(name, revision);
        } else if entry.index_number.is_some_and(|number| here.has(number))
            || here.depth() >= MAX_DEPTH
        {
            tracing::debug!(%path, name = entry.name, "not followed: it holds itself");
        } else {
            directories.insert(name, ());
        }
    }
    if odd > 0 {
        tracing::warn!(%path, count = odd, "names left out: they cannot be names");
    }
    // A name that comes twice, as it may while a directory changes, counts once.
    files.retain(|name, _| !directories.contains_key(name));
    Directory {
        path: path.clone(),
        files: files
            .into_iter()
            .map(|(name, revision)| Entry { name, revision })
            .collect(),
        directories: directories.into_keys().collect(),
    }
}
