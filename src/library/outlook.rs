//! Whether anything is there at all: where no origin answers, MusicFS is offline (ORG-8). Then it says
//! so once a minute, and not of each origin.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::Library;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Time between lines that say so.
const SAY: Duration = Duration::from_secs(60);

/// True while no origin answers, for whoever would ask or tell less then.
#[derive(Debug, Default)]
pub(super) struct Outlook(AtomicBool);

impl Outlook {
    pub(super) fn is_offline(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What there is to say of all origins together.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Offline,
    Online,
}

/// What was said.
#[derive(Debug, Default)]
struct Said {
    offline: bool,
    last: Option<Instant>,
}

impl Said {
    /// What is to be said, where so many origins of `all` are down.
    fn next(&mut self, now: Instant, all: usize, down: usize) -> Option<Line> {
        let before = std::mem::replace(&mut self.offline, all > 0 && down == all);
        if !self.offline {
            return before.then_some(Line::Online);
        }
        let due = self.last.is_none_or(|last| now >= last + SAY);
        (!before || due).then(|| {
            self.last = Some(now);
            Line::Offline
        })
    }
}

/// Watches over a library's origins, as long as there is a library.
pub(super) async fn watch(library: Weak<Library>) {
    let mut said = Said::default();
    while let Some(library) = Weak::upgrade(&library) {
        let (all, down) = library.down();
        let outlook = Arc::clone(&library.outlook);
        drop(library);
        match said.next(Instant::now(), all, down) {
            Some(Line::Offline) if all == 1 => {
                tracing::warn!(
                    "offline: the only origin does not answer; what is cached is served"
                );
            }
            Some(Line::Offline) => {
                tracing::warn!("offline: none of {all} origins answers; what is cached is served");
            }
            Some(Line::Online) => {
                tracing::info!("online again: {} of {all} origins answer", all - down);
            }
            None => {}
        }
        outlook.0.store(said.offline, Ordering::Relaxed);
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_a_minute_and_when_it_is_over() {
        let start = Instant::now();
        let mut said = Said::default();
        let mut at = |secs, all, down| said.next(start + Duration::from_secs(secs), all, down);
        assert_eq!(at(0, 0, 0), None);
        assert_eq!(at(1, 2, 1), None);
        assert_eq!(at(2, 2, 2), Some(Line::Offline));
        assert_eq!(at(61, 2, 2), None);
        assert_eq!(at(62, 2, 2), Some(Line::Offline));
        assert_eq!(at(63, 3, 2), Some(Line::Online));
        assert_eq!(at(64, 3, 1), None);
        assert_eq!(at(65, 1, 1), Some(Line::Offline));
    }
}
