//! The origins of a running MusicFS.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use eventlog::OriginId;

use crate::origin::Origin;

/// Origins by id; they come and go while others read (ORG-11).
#[derive(Default)]
pub struct Registry {
    origins: RwLock<BTreeMap<OriginId, Arc<dyn Origin>>>,
}

impl Registry {
    /// Puts an origin in; gives back the one that had its id.
    pub fn add(&self, origin: Arc<dyn Origin>) -> Option<Arc<dyn Origin>> {
        let mut origins = self.origins.write().unwrap_or_else(PoisonError::into_inner);
        origins.insert(origin.id().clone(), origin)
    }

    /// Takes an origin out; who holds it can use it further.
    pub fn remove(&self, id: &OriginId) -> Option<Arc<dyn Origin>> {
        self.origins
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)
    }

    /// The origin of that id.
    #[must_use]
    pub fn get(&self, id: &OriginId) -> Option<Arc<dyn Origin>> {
        self.origins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// All origins, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<dyn Origin>> {
        let origins = self.origins.read().unwrap_or_else(PoisonError::into_inner);
        origins.values().cloned().collect()
    }
}
