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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalOrigin;

    #[test]
    fn origins_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let local =
            |id: &str| Arc::new(LocalOrigin::new(id.parse().unwrap(), folder.path()).unwrap());
        let registry = Registry::default();
        assert!(registry.add(local("a")).is_none());
        assert!(registry.add(local("b")).is_none());
        let replaced = registry.add(local("a"));
        assert_eq!(replaced.unwrap().id().as_str(), "a");
        let held = registry.get(&"a".parse().unwrap()).unwrap();
        assert!(registry.remove(held.id()).is_some() && registry.get(held.id()).is_none());
        assert!(registry.get(&"b".parse().unwrap()).is_some());
    }
}
