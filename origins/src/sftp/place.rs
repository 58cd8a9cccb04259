//! Where a path of the origin leads at the server, and whether that is within the root (SEC-1).
//!
//! The server follows links by itself, so it is asked where each path really is (REALPATH). A server
//! that only tidies the path, without a look at links, is found out: the path that it gives for a
//! link is the link's own. There, no link is followed.

use eventlog::OriginPath;

use super::error::Failure;
use super::link::Replied;
use super::session::Session;
use super::wire::{Attributes, Kind, Request};
use crate::origin::{ErrorKind, OriginError};

/// The folder that is the origin's root, as it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root(Vec<u8>);

impl Root {
    pub(super) fn new(given: &[u8]) -> Self {
        let end = given.iter().rposition(|byte| *byte != b'/');
        let kept = match end {
            Some(end) => given.get(..=end).unwrap_or(given),
            None => given.get(..1).unwrap_or(b"."),
        };
        Self(kept.to_owned())
    }

    /// What to ask the server for.
    pub(super) fn at(&self, path: &OriginPath) -> Vec<u8> {
        join(&self.0, path.as_bytes())
    }
}

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Place {
    /// The state of what is there, links followed.
    pub(super) attributes: Attributes,
}

/// Where a folder is, without links on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Real {
    pub(super) root: Vec<u8>,
    pub(super) here: Vec<u8>,
}

impl Real {
    /// True for a path within the root.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        is_within(path, &self.root)
    }

    /// True where the way from the root to `path`, which is `here`, leads over a link.
    pub(super) fn is_linked(&self, path: &OriginPath) -> bool {
        self.here != join(&self.root, path.as_bytes())
    }

    /// True where `folder` is this folder or holds it.
    pub(super) fn is_below(&self, folder: &[u8]) -> bool {
        is_within(&self.here, folder)
    }

    /// The name `name` in this folder, if it is no link.
    pub(super) fn plain(&self, name: &[u8]) -> Vec<u8> {
        join(&self.here, name)
    }
}

/// Finds out where `path` leads.
///
/// # Errors
/// As not there: where there is nothing, or it is outside of the root. [`ErrorKind::Offline`] where
/// the root is not there.
pub(super) async fn find(
    session: &Session,
    root: &Root,
    path: &OriginPath,
) -> Result<Place, Failure> {
    let given = root.at(path);
    // All at once: what is asked waits in line at the server.
    let real_root = session.ask(Request::RealPath(&root.0));
    let here = session.ask(Request::RealPath(&given));
    let stat = session.ask(Request::Stat(&given));
    let steps: Vec<_> = steps(path)
        .map(|step| session.ask(Request::LStat(&join(&root.0, step))))
        .collect();
    let found = async {
        let attributes = stat.await?.attributes()?;
        let real = Real {
            root: absolute(&real_root.await?.path()?)?,
            here: absolute(&here.await?.path()?)?,
        };
        if !real.has(&real.here) {
            return Err(Failure::not_there("it leads out of the origin"));
        }
        let mut links = false;
        for step in steps {
            links |= step.await?.attributes()?.kind() == Kind::Link;
        }
        if links && !real.is_linked(path) {
            return Err(Failure::not_there(
                "the server does not tell where it leads",
            ));
        }
        Ok(Place { attributes })
    };
    match found.await {
        Err(failure) if failure.is_no_such_file() => Err(missing(session, root, failure).await),
        found => found,
    }
}

/// A file that is not there is gone only where the root is: `failure`, or that the root is missing.
pub(super) async fn missing(session: &Session, root: &Root, failure: Failure) -> Failure {
    match look_at_root(session, root).await {
        Ok(()) => failure,
        Err(failure) => failure,
    }
}

/// Makes sure that the root is a folder that is there.
pub(super) async fn look_at_root(session: &Session, root: &Root) -> Result<(), Failure> {
    let gone = |what: &str| {
        let root = String::from_utf8_lossy(&root.0);
        Failure::Told(OriginError {
            kind: ErrorKind::Offline,
            message: format!("the origin's folder {root} is {what}; check the server's disks"),
        })
    };
    let stat = session.ask(Request::Stat(&root.0)).await;
    match stat.and_then(Replied::attributes) {
        Ok(found) if matches!(found.kind(), Kind::Directory | Kind::Unknown) => Ok(()),
        Ok(_) => Err(gone("no folder")),
        Err(failure) if failure.is_no_such_file() => Err(gone("not there")),
        Err(failure) => Err(failure),
    }
}

/// Where the root and the folder `path` in it really are.
pub(super) async fn real(
    session: &Session,
    root: &Root,
    path: &OriginPath,
) -> Result<Real, Failure> {
    let (at_root, here) = (
        session.ask(Request::RealPath(&root.0)),
        session.ask(Request::RealPath(&root.at(path))),
    );
    let real = Real {
        root: absolute(&at_root.await?.path()?)?,
        here: absolute(&here.await?.path()?)?,
    };
    if real.has(&real.here) {
        Ok(real)
    } else {
        Err(Failure::not_there("it leads out of the origin"))
    }
}

/// Takes what a server says a path really is.
pub(super) fn absolute(path: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut parts = path.split(|byte| *byte == b'/');
    if !path.starts_with(b"/") || parts.any(|part| matches!(part, b"." | b"..")) {
        let what = format!("{:?} is no real path", String::from_utf8_lossy(path));
        return Err(Failure::Nonsense(what.into()));
    }
    let end = path.iter().rposition(|byte| *byte != b'/');
    let tidy = end.and_then(|end| path.get(..=end)).unwrap_or(b"/");
    Ok(tidy.to_owned())
}

fn is_within(path: &[u8], folder: &[u8]) -> bool {
    folder == b"/"
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

fn join(folder: &[u8], below: &[u8]) -> Vec<u8> {
    let slash: &[u8] = match (folder, below) {
        (b"/", _) | (_, b"") => b"",
        _ => b"/",
    };
    [folder, slash, below].concat()
}

/// The path's beginnings: `a`, `a/b`, `a/b/c`.
fn steps(path: &OriginPath) -> impl Iterator<Item = &[u8]> {
    let bytes = path.as_bytes();
    let slashes = (0..bytes.len()).filter(|at| bytes.get(*at) == Some(&b'/'));
    let end = (!bytes.is_empty()).then_some(bytes.len());
    slashes.chain(end).filter_map(|end| bytes.get(..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> OriginPath {
        OriginPath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn roots_are_joined_as_given() {
        let at = |root: &str, below: &str| {
            String::from_utf8(Root::new(root.as_bytes()).at(&path(below))).unwrap()
        };
        assert_eq!(at("/music", "a/b"), "/music/a/b");
        assert_eq!(at("/music//", ""), "/music");
        assert_eq!(at("/", "a"), "/a");
        assert_eq!(at("music", "a"), "music/a");
        assert_eq!(at("", "a"), "./a");
        assert_eq!(at("/mine /", "a"), "/mine /a");
    }

    #[test]
    fn what_is_within_is_told_by_whole_names() {
        assert!(is_within(b"/music/a", b"/music"));
        assert!(is_within(b"/music", b"/music"));
        assert!(is_within(b"/music", b"/"));
        assert!(!is_within(b"/music-2/a", b"/music"));
        assert!(!is_within(b"/", b"/music"));
    }

    #[test]
    fn a_servers_path_has_to_be_real() {
        assert_eq!(absolute(b"/a/b/").unwrap(), b"/a/b");
        assert_eq!(absolute(b"/").unwrap(), b"/");
        for lie in [&b"a"[..], b"", b"/music/../etc", b"/music/./x"] {
            assert!(absolute(lie).is_err(), "{lie:?}");
        }
    }

    #[test]
    fn links_on_the_way_are_seen() {
        let real = |here: &[u8]| Real {
            root: b"/m".to_vec(),
            here: here.to_vec(),
        };
        assert!(!real(b"/m/a/b").is_linked(&path("a/b")));
        assert!(real(b"/m/c").is_linked(&path("a/b")));
        assert!(real(b"/m/a/b").is_below(b"/m/a"));
        assert!(!real(b"/m/a").is_below(b"/m/a/b"));
        assert_eq!(steps(&path("a/b")).collect::<Vec<_>>(), [&b"a"[..], b"a/b"]);
        assert_eq!(steps(&path("")).count(), 0);
    }
}
