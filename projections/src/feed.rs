//! Hands committed changes to whoever subscribed.

use std::sync::{Arc, Mutex, PoisonError};

use eventlog::Position;
use tokio::sync::mpsc;

use crate::view::{Change, Published};

/// Batches that a subscriber may be behind before it is told [`Change::Everything`] instead.
const DEPTH: usize = 1024;

/// Subscribers to a view's changes.
#[derive(Default)]
pub(crate) struct Feed(Mutex<Vec<mpsc::Sender<Published>>>);

impl Feed {
    pub(crate) fn subscribe(&self) -> mpsc::Receiver<Published> {
        let (sender, receiver) = mpsc::channel(DEPTH);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sender);
        receiver
    }

    /// Hands on what was committed. Never waits: the last free place of a subscriber's queue is kept
    /// for [`Change::Everything`], which stands for all that comes while the queue is full.
    pub(crate) fn publish(&self, position: Position, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let changes: Arc<[Change]> = changes.into();
        let mut subscribers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| {
            let changes = match subscriber.capacity() {
                1 => Arc::from([Change::Everything]),
                _ => changes.clone(),
            };
            let sent = subscriber.try_send(Published { position, changes });
            !matches!(sent, Err(mpsc::error::TrySendError::Closed(_)))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Ino;

    #[test]
    fn a_slow_subscriber_is_told_that_everything_changed() {
        let feed = Feed::default();
        let mut receiver = feed.subscribe();
        let batches = 3 * DEPTH as u64;
        for position in 1..=batches {
            feed.publish(
                Position(position),
                vec![Change::DirectoryChanged { ino: Ino(position) }],
            );
        }
        let mut last = None;
        while let Ok(published) = receiver.try_recv() {
            last = Some(published.changes);
        }
        assert_eq!(last.as_deref(), Some(&[Change::Everything][..]));
        feed.publish(
            Position(batches + 1),
            vec![Change::DirectoryChanged { ino: Ino(2) }],
        );
        let next = receiver.try_recv().unwrap();
        assert_eq!(*next.changes, [Change::DirectoryChanged { ino: Ino(2) }]);
    }
}
