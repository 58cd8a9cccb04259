//! Open handles: many at once, looked up on every read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

const SHARDS: usize = 16;

/// Values under numbers that are given out once. Readers of different handles rarely meet on a
/// lock, and none is held while a value is used.
#[derive(Debug)]
pub(crate) struct Handles<T> {
    next: AtomicU64,
    shards: [Mutex<HashMap<u64, Arc<T>>>; SHARDS],
}

impl<T> Handles<T> {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicU64::new(1),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    pub(crate) fn insert(&self, value: T) -> u64 {
        let handle = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(shard) = self.shard(handle) {
            shard.lock().insert(handle, Arc::new(value));
        }
        handle
    }

    pub(crate) fn get(&self, handle: u64) -> Option<Arc<T>> {
        self.shard(handle)?.lock().get(&handle).cloned()
    }

    /// Takes a handle out; a read that is still under way keeps the value until it is done.
    pub(crate) fn remove(&self, handle: u64) -> Option<Arc<T>> {
        self.shard(handle)?.lock().remove(&handle)
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Every value now open.
    pub(crate) fn values(&self) -> Vec<Arc<T>> {
        self.shards
            .iter()
            .flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Takes all handles out.
    pub(crate) fn take(&self) -> Vec<Arc<T>> {
        let shards = self.shards.iter();
        shards
            .flat_map(|shard| std::mem::take(&mut *shard.lock()).into_values())
            .collect()
    }

    fn shard(&self, handle: u64) -> Option<&Mutex<HashMap<u64, Arc<T>>>> {
        let index = usize::try_from(handle).ok()? % SHARDS;
        self.shards.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_never_given_out_twice() {
        let handles = Handles::new();
        let first = handles.insert("a");
        assert_eq!(handles.remove(first).as_deref(), Some(&"a"));
        let second = handles.insert("b");
        assert_ne!(first, second);
        assert!(handles.get(first).is_none());
        assert_eq!(handles.len(), 1);
        assert_eq!(handles.take().len(), 1);
        assert_eq!(handles.len(), 0);
    }
}
