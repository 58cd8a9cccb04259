//! Fetching all of a file in the background: what is pinned, and what is likely to be played next.

use std::time::{Duration, Instant};

use content::{Purpose, Store};
use origins::ErrorKind;
use tokio_util::sync::CancellationToken;

use super::survey::Missing;
use crate::originals::{Copies, Sources, key};

/// How long room is waited for, and how often it is looked for.
const ROOM: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(20);

/// How fetching a file ended.
pub(crate) enum Fetched {
    /// It is whole, or nobody wants it any more.
    Done,
    /// Only a part of it could be kept, or it was told to end.
    Ended,
    /// Its origin cannot be reached.
    Offline(String),
    /// Something is wrong with this file.
    Failed(String),
}

/// Fetches what is missing of a file. `go_on` is told up to where it has got, and ends it by returning
/// false. Blocks.
pub(crate) fn fetch(
    sources: &Sources,
    file: &Missing,
    mut go_on: impl FnMut(u64) -> bool,
) -> Fetched {
    let store = &sources.store;
    let wanted = match file.file.wanted(&sources.catalog) {
        Ok(wanted) => wanted.filter(|wanted| key(&wanted.locator) == *file.key),
        Err(error) => return Fetched::Failed(error.to_string()),
    };
    // One that is another by now is looked at again anyway.
    let Some(wanted) = wanted else {
        return Fetched::Done;
    };
    let copies = Copies::of(&wanted, sources.clone(), Purpose::Later);
    if !copies.can_be_reached() {
        return Fetched::Offline(format!("the origin {} does not answer", file.key.origin));
    }
    let (mut ended, before) = (false, store.kept(&file.key));
    let reader = sources.reader(&wanted, Purpose::Later);
    let filled = reader.fill(|at| {
        ended = !go_on(at);
        !ended
    });
    match filled {
        Ok(()) if store.kept(&file.key) >= file.key.revision.size => Fetched::Done,
        Ok(()) if ended || store.kept(&file.key) > before => Fetched::Ended,
        Ok(()) => Fetched::Failed("what was fetched could not be kept".to_owned()),
        Err(error) => match error.kind {
            ErrorKind::Offline | ErrorKind::Throttled { .. } => Fetched::Offline(error.message),
            _ => Fetched::Failed(error.message),
        },
    }
}

/// Waits until the store has made room for what came: what comes faster than that is not kept.
pub(crate) fn make_way(store: &Store, stop: &CancellationToken) {
    let began = Instant::now();
    let is_over = || store.bytes() > store.limit();
    while is_over() && !stop.is_cancelled() && began.elapsed() < ROOM {
        std::thread::sleep(TICK);
    }
}
