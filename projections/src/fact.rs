//! Which events a fold takes note of.

use eventlog::{Event, Recorded, SidecarId, Subject, TrackId};

/// The lowest number that is no track's or sidecar's any more: from it on, inodes of one kind would
/// run into those of another.
const END: u64 = 1 << 43;

/// The fact that an event holds, unless no view can show it. Every fold asks this first, so that all
/// views pass over the same events, and none fails on what some log may hold (VIEW-2):
///
/// - a kind or version of a newer MusicFS, and events that were folded away;
/// - a track or sidecar numbered 0, or 2⁴³ and above: those numbers are never given out;
/// - a file found at, or moved to, its origin's root: the root is a directory.
pub(crate) fn of(event: &Recorded) -> Option<&Event> {
    let fact = event.event()?;
    let is_numbered = match fact.subject() {
        Subject::Track(track) => is_valid(track),
        Subject::Sidecar(sidecar) => is_number(sidecar.0),
        Subject::Library | Subject::Origin(_) | Subject::Collection(_) => true,
    };
    let path = match fact {
        Event::TrackDiscovered { locator, .. }
        | Event::TrackReturned { locator, .. }
        | Event::SidecarFound { locator, .. } => Some(&locator.path),
        Event::TrackMoved { to, .. } => Some(to),
        _ => None,
    };
    let is_placed = path.is_none_or(|path| !path.is_root());
    (is_numbered && is_placed).then_some(fact)
}

/// The track that an event is about, also where nothing else of the event can be read: its number is
/// in use.
pub(crate) fn numbered(event: &Recorded) -> Option<TrackId> {
    match event.subject.parse() {
        Ok(Subject::Track(track)) => Some(track).filter(|track| is_valid(*track)),
        _ => None,
    }
}

/// The sidecar that an event is about, likewise.
pub(crate) fn numbered_sidecar(event: &Recorded) -> Option<SidecarId> {
    match event.subject.parse() {
        Ok(Subject::Sidecar(sidecar)) => Some(sidecar).filter(|sidecar| is_number(sidecar.0)),
        _ => None,
    }
}

/// True for a number that a track can have.
pub(crate) fn is_valid(track: TrackId) -> bool {
    is_number(track.0)
}

fn is_number(number: u64) -> bool {
    (1..END).contains(&number)
}
