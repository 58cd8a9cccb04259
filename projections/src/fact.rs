//! Which events a fold takes note of.

use eventlog::{Event, Recorded, Subject, TrackId};

/// The lowest number that is no track's any more: from it on, a file's inode (2 · track + 1) does not
/// fit into what SQLite keeps.
const END: u64 = 1 << 62;

/// The fact that an event holds, unless no view can show it. Every fold asks this first, so that all
/// views pass over the same events, and none fails on what some log may hold (VIEW-2):
///
/// - a kind or version of a newer MusicFS, and events that were folded away;
/// - a track numbered 0, or 2⁶² and above: those numbers are never given out;
/// - a file found at, or moved to, its origin's root: the root is a directory.
pub(crate) fn of(event: &Recorded) -> Option<&Event> {
    let fact = event.event()?;
    let is_track = match fact.subject() {
        Subject::Track(track) => is_valid(track),
        Subject::Library | Subject::Origin(_) | Subject::Collection(_) => true,
    };
    let path = match fact {
        Event::TrackDiscovered { locator, .. } | Event::TrackReturned { locator, .. } => {
            Some(&locator.path)
        }
        Event::TrackMoved { to, .. } => Some(to),
        _ => None,
    };
    let is_placed = path.is_none_or(|path| !path.is_root());
    (is_track && is_placed).then_some(fact)
}

/// The track that an event is about, also where nothing else of the event can be read: its number is
/// in use.
pub(crate) fn numbered(event: &Recorded) -> Option<TrackId> {
    match event.subject.parse() {
        Ok(Subject::Track(track)) => Some(track).filter(|track| is_valid(*track)),
        _ => None,
    }
}

/// True for a number that a track can have.
pub(crate) fn is_valid(track: TrackId) -> bool {
    (1..END).contains(&track.0)
}
