//! What a PATH argument of `history` and `explain` leads to.

pub(super) mod absent;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use eventlog::{
    Event, EventStore, Filter, Locator, OriginId, OriginPath, Position, SqliteStore, TrackId,
};
use futures::StreamExt;
use projections::NodeKind;
use projections::layout::{Layout, NameInputs, Place, names};
use proto::v1;

use super::context::{Context, absolute};
use super::library::Opened;
use super::output::Output;
use crate::report::{Kind, Report, Result};

/// Highest number that is tried to tell a numbered name from one that ends like it.
const NUMBERS: u32 = 100;

/// A track that was found, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) track: TrackId,
    /// True where the path is one that the track had earlier.
    pub(super) formerly: bool,
}

impl Found {
    const fn now(track: TrackId) -> Self {
        Self {
            track,
            formerly: false,
        }
    }
}

/// Where the running daemon has mounted the library.
pub(super) async fn mountpoint(context: &Context) -> Option<PathBuf> {
    let client = context.connect_if_running().await.ok()??;
    let answer = client
        .control()
        .get_status(v1::GetStatusRequest {})
        .await
        .ok()?;
    let bytes = answer.into_inner().mountpoint;
    (!bytes.is_empty()).then(|| PathBuf::from(OsString::from_vec(bytes)))
}

/// Looks up each path, and has `tell` tell of the track that it leads to. A path that leads to none
/// keeps no other from being told of; what is wrong with each is told at the end.
pub(super) async fn each(
    context: &Context,
    paths: &[OsString],
    mut tell: impl AsyncFnMut(&Opened, Found, &mut Output) -> Result<()>,
) -> Result<()> {
    let library = Opened::at(&context.state()?).await?;
    let configured = || context.config().ok()?.config.mountpoint;
    let mountpoint = mountpoint(context).await.or_else(configured);
    let mut out = context.output();
    let mut refused = Vec::new();
    let mut is_first = true;
    for path in paths {
        let found = match find(&library, mountpoint.as_deref(), path).await {
            Ok(found) => found,
            Err(report) if report.kind() == Kind::Input => {
                refused.push(report);
                continue;
            }
            Err(report) => return Err(report),
        };
        if !is_first && !context.json() {
            out.line("")?;
        }
        is_first = false;
        tell(&library, found, &mut out).await?;
    }
    out.end()?;
    context.fail(refused)
}

/// The track that `text` names: `track:NUMBER`, a path in the mount (absolute, or from the root of
/// the tree), a path of a file on an origin, or `ORIGIN:PATH`. A path that no track has any more leads to the one
/// that had it last.
async fn find(library: &Opened, mountpoint: Option<&Path>, text: &OsStr) -> Result<Found> {
    if let Some(number) = text.to_str().and_then(|text| text.strip_prefix("track:")) {
        let track = number.parse().map(TrackId);
        let track = track
            .map_err(|_| Report::new(Kind::Input, format!("{number:?} is no track's number")))?;
        return match library.catalog.track(track)? {
            Some(_) => Ok(Found::now(track)),
            None => Err(absent::unknown(track)),
        };
    }
    let path = absolute(Path::new(text))?;
    let names = in_tree(mountpoint, text, &path);
    for name in &names {
        match library.tree.resolve(name)?.map(|node| node.kind) {
            Some(NodeKind::File { track, .. }) => return Ok(Found::now(track)),
            Some(NodeKind::Directory { .. }) => return Err(absent::directory(text)),
            Some(NodeKind::Sidecar { sidecar, .. }) => {
                return Err(absent::sidecar(text, library.catalog.sidecar(sidecar)?));
            }
            None => {}
        }
    }
    if let Some(track) = on_origin(library, text, &path)? {
        return Ok(Found::now(track));
    }
    if let Some(track) = former(library, &names).await? {
        return Ok(Found {
            track,
            formerly: true,
        });
    }
    Err(absent::why(library, text, &path, &names)?)
}

/// The paths in the tree that may be meant, the likeliest first.
pub(super) fn in_tree(mountpoint: Option<&Path>, text: &OsStr, path: &Path) -> Vec<String> {
    let resolved = resolved(path);
    let mut names = Vec::new();
    if let Some(mountpoint) = mountpoint {
        // What `.collections` and `.search` have are links to tracks.
        let followed = path.canonicalize().unwrap_or_default();
        for path in [path, &resolved, &followed] {
            if let Ok(rest) = path.strip_prefix(mountpoint) {
                names.extend(rest.to_str().map(str::to_owned));
            }
        }
    }
    if Path::new(text).is_relative() {
        names.extend(text.to_str().map(str::to_owned));
    } else {
        // As places of the tree are printed: from its root.
        names.extend(
            text.to_str()
                .map(|text| text.trim_start_matches('/').to_owned()),
        );
    }
    if mountpoint.is_none() && Path::new(text).is_absolute() {
        // Nobody tells where the library was mounted: whatever end of the path the tree knows.
        let parts: Vec<&str> = path
            .to_str()
            .into_iter()
            .flat_map(|path| path.split('/'))
            .collect();
        names.extend(
            (2..parts.len())
                .filter_map(|at| parts.get(at..))
                .map(|rest| rest.join("/")),
        );
    }
    names
}

/// The path with the symbolic links of its directory resolved; the file itself may be gone.
fn resolved(path: &Path) -> PathBuf {
    match (
        path.parent().and_then(|parent| parent.canonicalize().ok()),
        path.file_name(),
    ) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.to_owned(),
    }
}

fn on_origin(library: &Opened, text: &OsStr, path: &Path) -> Result<Option<TrackId>> {
    for (origin, path) in named(text).into_iter().chain(places(library, path)?) {
        if let Some((track, _)) = library.catalog.by_path(&origin, &path)? {
            return Ok(Some(track));
        }
    }
    Ok(None)
}

/// What `ORIGIN:PATH` names, as places on origins are printed.
fn named(text: &OsStr) -> Option<(OriginId, OriginPath)> {
    let mut parts = text.as_bytes().splitn(2, |byte| *byte == b':');
    let origin = str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let path = OriginPath::new(parts.next()?.trim_ascii_start()).ok()?;
    Some((origin, path))
}

/// Where on the library's origins that path is, as it stands and with symbolic links resolved.
fn places(library: &Opened, path: &Path) -> Result<Vec<(OriginId, OriginPath)>> {
    let resolved = resolved(path);
    let mut places = Vec::new();
    for origin in library.catalog.origins()? {
        let root = Path::new(OsStr::from_bytes(&origin.spec.root));
        let below = [path, &resolved].map(|path| path.strip_prefix(root).ok());
        for rest in below.into_iter().flatten() {
            if let Ok(path) = OriginPath::new(rest.as_os_str().as_bytes()) {
                places.push((origin.id.clone(), path));
            }
        }
    }
    Ok(places)
}

/// The track that had one of these names last, by what it said about itself then and the layout of
/// today.
async fn former(library: &Opened, names: &[String]) -> Result<Option<TrackId>> {
    let layout = Layout::of_or_default(&library.catalog.layout()?);
    let mut places: HashMap<TrackId, (OriginId, OriginPath)> = HashMap::new();
    let mut last = None;
    let mut events = of_tracks(&library.log);
    while let Some(recorded) = events.next().await.transpose()? {
        let Some(event) = recorded.event() else {
            continue;
        };
        let (track, media) = match event {
            Event::TrackDiscovered {
                track,
                locator,
                media,
            }
            | Event::TrackReturned {
                track,
                locator,
                media,
            } => {
                let Locator { origin, path, .. } = locator;
                places.insert(*track, (origin.clone(), path.clone()));
                (track, Some(media))
            }
            Event::TrackMoved {
                track, to, media, ..
            } => {
                if let Some((_, path)) = places.get_mut(track) {
                    path.clone_from(to);
                }
                (track, media.as_ref())
            }
            Event::TrackTagsRead { track, media, .. }
            | Event::TrackContentChanged { track, media, .. } => (track, Some(media)),
            _ => continue,
        };
        if let (Some(media), Some((origin, path))) = (media, places.get(track)) {
            let inputs = NameInputs::of(media, origin, path);
            let wanted = [false, true].map(|multi_disc| layout.place(&inputs, multi_disc));
            if wanted
                .iter()
                .any(|place| names.iter().any(|name| number(place, name).is_some()))
            {
                last = Some(*track);
            }
        }
    }
    Ok(last)
}

fn of_tracks(
    log: &SqliteStore,
) -> futures::stream::BoxStream<'_, Result<eventlog::Recorded, eventlog::StoreError>> {
    let kinds = [
        "track.discovered",
        "track.returned",
        "track.moved",
        "track.tags_read",
        "track.content_changed",
    ];
    let filter = Filter {
        kinds: kinds.map(str::to_owned).to_vec(),
        subject: None,
    };
    log.read(Position::START, None, filter)
}

/// A place as a path.
pub(super) fn path_of(place: &Place) -> String {
    let mut parts: Vec<&str> = place.directories.iter().map(String::as_str).collect();
    parts.push(&place.file);
    parts.join("/")
}

/// The number under which `path` is that place: 1 for the bare name, `None` where it is another.
pub(super) fn number(place: &Place, path: &str) -> Option<u32> {
    let bare = path_of(place);
    if path == bare {
        return Some(1);
    }
    let directory = bare.strip_suffix(&place.file)?;
    let name = path.strip_prefix(directory)?;
    (2..=NUMBERS).find(|n| names::numbered(&place.file, *n) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_names_are_told_from_others() {
        let place = Place {
            directories: vec!["A".to_owned(), "B".to_owned()],
            file: "c.mp3".to_owned(),
        };
        assert_eq!(path_of(&place), "A/B/c.mp3");
        for (path, expected) in [
            ("A/B/c.mp3", Some(1)),
            ("A/B/c (3).mp3", Some(3)),
            ("A/c (3).mp3", None),
            ("A/B/d.mp3", None),
        ] {
            assert_eq!(number(&place, path), expected, "{path}");
        }
    }
}
