//! Listing directories, and following what may be followed.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::sync::Arc;

use eventlog::OriginPath;
use futures::StreamExt;
use futures::stream::{self, BoxStream, FuturesOrdered};

use super::error::{Failure, code};
use super::link::Replied;
use super::place::{self, Real, absolute};
use super::server::Server;
use super::session::Session;
use super::wire::{Attributes, Kind, Name, Request};
use crate::crawl::{Item, MANY, children, crawl};
use crate::local::is_left_out;
use crate::origin::{Depth, Directory, Entry, WalkError};

/// Questions for more names of one directory that are under way at once, at most.
const AHEAD: usize = 8;

/// Links of one directory that are looked at at once.
const LINKS: usize = 32;

/// Most names in one directory; a server that tells more tells them for ever (SEC-1).
const MAX_NAMES: usize = 2_000_000;

/// Lists `from` and, by `depth`, what is below it.
pub(super) fn walk(
    server: Arc<Server>,
    from: OriginPath,
    depth: Depth,
) -> BoxStream<'static, Item> {
    crawl(from, depth, MANY, move |path| {
        let listing = list(Arc::clone(&server), path);
        async move {
            let item = listing.await;
            let below = item.as_ref().map_or_else(|_| vec![], children);
            (item, below)
        }
    })
}

async fn list(server: Arc<Server>, path: OriginPath) -> Item {
    let listed = server
        .with_session(|session| {
            let (server, path) = (Arc::clone(&server), path.clone());
            async move { list_once(&session, &server, &path).await }
        })
        .await;
    listed.map_err(|failure| {
        let error = server.told("list", &path, failure);
        WalkError { path, error }
    })
}

async fn list_once(
    session: &Session,
    server: &Server,
    path: &OriginPath,
) -> Result<Directory, Failure> {
    let root = server.root();
    let opening = session.ask(Request::OpenDir(&root.at(path)));
    let real = place::real(session, root, path).await;
    let handle = match opening.await.and_then(Replied::handle) {
        Ok(handle) => handle,
        Err(failure) if failure.is_no_such_file() => {
            return Err(place::missing(session, root, failure).await);
        }
        Err(failure) => return Err(failure),
    };
    let real = real?;
    let names = names(session, handle.bytes()).await?;
    // Closes it while the links are looked at.
    drop(handle);
    let folder = Folder {
        session,
        server,
        path,
        linked: real.is_linked(path),
        real,
    };
    let mut items = BTreeMap::new();
    let mut links = Vec::new();
    let mut odd = 0_usize;
    for Name { name, attributes } in names {
        if is_left_out(&name) {
            continue;
        }
        let Ok(path) = path.join(&name) else {
            odd += 1;
            continue;
        };
        match Found::of(&attributes) {
            Some(found) => add(&mut items, &name, found),
            None => links.push((name, path)),
        }
    }
    if odd > 0 {
        tracing::warn!(%path, count = odd, "names left out: they cannot be names");
    }
    let looks = links
        .into_iter()
        .map(|(name, path)| folder.look(name, path));
    let mut looked = stream::iter(looks).buffer_unordered(LINKS);
    while let Some(found) = looked.next().await {
        let (name, found) = found?;
        if let Some(found) = found {
            add(&mut items, &name, found);
        }
    }
    Ok(directory(path, items))
}

/// All names of a directory. Each question is for some of them; the next ones are asked before the
/// first is answered.
async fn names(session: &Session, handle: &[u8]) -> Result<Vec<Name>, Failure> {
    let mut names = Vec::new();
    let mut asked = FuturesOrdered::new();
    let mut ahead = 2;
    loop {
        while asked.len() < ahead {
            asked.push_back(session.ask(Request::ReadDir(handle)));
        }
        match asked.next().await {
            None => return Ok(names),
            Some(Err(Failure::Refused(code::EOF, _))) => return Ok(names),
            Some(answer) => names.extend(answer?.names()?),
        }
        if names.len() > MAX_NAMES {
            let what = format!("it has more than {MAX_NAMES} names");
            return Err(Failure::Nonsense(what.into()));
        }
        ahead = (ahead * 2).min(AHEAD);
    }
}

/// What a name of a directory stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    File(Entry),
    Directory,
    Nothing,
}

impl Found {
    /// `None` where that takes another look.
    fn of(attributes: &Attributes) -> Option<Self> {
        match attributes.kind() {
            Kind::File => {
                let revision = attributes.revision()?;
                let name = Box::default();
                Some(Self::File(Entry { name, revision }))
            }
            Kind::Directory => Some(Self::Directory),
            Kind::Special => Some(Self::Nothing),
            Kind::Link | Kind::Unknown => None,
        }
    }
}

fn add(items: &mut BTreeMap<Box<[u8]>, Found>, name: &[u8], found: Found) {
    // A name that comes twice, as it may while a directory changes, counts once.
    if let btree_map::Entry::Vacant(place) = items.entry(name.into()) {
        place.insert(found);
    }
}

fn directory(path: &OriginPath, items: BTreeMap<Box<[u8]>, Found>) -> Directory {
    let mut directory = Directory {
        path: path.clone(),
        files: vec![],
        directories: vec![],
    };
    for (name, found) in items {
        match found {
            Found::File(entry) => directory.files.push(Entry { name, ..entry }),
            Found::Directory => directory.directories.push(name),
            Found::Nothing => {}
        }
    }
    directory
}

/// A directory whose links are looked at.
struct Folder<'a> {
    session: &'a Session,
    server: &'a Server,
    path: &'a OriginPath,
    real: Real,
    linked: bool,
}

impl Folder<'_> {
    /// Follows what may be a link. A link within the root is taken for what it leads to, except one
    /// to a directory that holds it. Behind a link to a directory no further links to directories
    /// are followed: what they lead to is listed in its own place, and following would list it as
    /// often as there are ways.
    async fn look(
        &self,
        name: bytes::Bytes,
        path: OriginPath,
    ) -> Result<(bytes::Bytes, Option<Found>), Failure> {
        let given = self.server.root().at(&path);
        let itself = self.session.ask(Request::LStat(&given));
        let leads_to = self.session.ask(Request::RealPath(&given));
        let stat = self.session.ask(Request::Stat(&given));
        let found = async {
            let itself = itself.await?.attributes()?;
            if itself.kind() != Kind::Link {
                return Ok(Found::of(&itself));
            }
            let leads_to = absolute(&leads_to.await?.path()?)?;
            if !self.real.has(&leads_to) || leads_to == self.real.plain(&name) {
                tracing::debug!(%path, "not followed: a link out of the origin");
                return Ok(None);
            }
            let found = Found::of(&stat.await?.attributes()?);
            let back = self.linked || self.real.is_below(&leads_to);
            Ok(found.filter(|found| *found != Found::Directory || !back))
        };
        match found.await {
            Ok(found) => Ok((name, found)),
            Err(failure @ (Failure::Lost(_) | Failure::Told(_))) => Err(failure),
            Err(failure) => {
                tracing::debug!(%path, ?failure, directory = %self.path, "not followed");
                Ok((name, None))
            }
        }
    }
}
