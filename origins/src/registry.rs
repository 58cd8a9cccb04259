//! The origins of a running MusicFS.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use eventlog::OriginId;

use crate::guarded::Guarded;
use crate::health::Health;
use crate::origin::Origin;

/// Origins by id; they come and go while others read (ORG-11).
#[derive(Default)]
pub struct Registry {
    origins: RwLock<BTreeMap<OriginId, Registered>>,
}

struct Registered {
    origin: Guarded,
    standing: Standing,
}

/// What decides which of several origins is read (ORG-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether it answers.
    pub health: Health,
    /// The higher, the sooner it is read.
    pub priority: i32,
    /// How long its last checks took, in the middle.
    pub latency: Option<Duration>,
}

impl Standing {
    /// Smaller is better: healthy first, then by priority, then the fastest.
    fn key(self) -> (u8, Reverse<i32>, Duration) {
        let health = match self.health {
            Health::Healthy => 0,
            Health::Degraded => 1,
            Health::Unknown => 2,
            Health::Unhealthy => 3,
        };
        let latency = self.latency.unwrap_or(Duration::MAX);
        (health, Reverse(self.priority), latency)
    }
}

impl Registry {
    /// Puts an origin in, of which nothing is known yet; gives back the one that had its id.
    pub fn add(&self, origin: Guarded) -> Option<Guarded> {
        let id = origin.id().clone();
        let standing = Standing::default();
        let before = self.write().insert(id, Registered { origin, standing });
        before.map(|registered| registered.origin)
    }

    /// Takes an origin out; who holds it can use it further.
    pub fn remove(&self, id: &OriginId) -> Option<Guarded> {
        let removed = self.write().remove(id);
        removed.map(|registered| registered.origin)
    }

    /// The origin of that id.
    #[must_use]
    pub fn get(&self, id: &OriginId) -> Option<Guarded> {
        let origins = self.read();
        origins.get(id).map(|it| it.origin.clone())
    }

    /// Notes how an origin is doing, where it is here.
    pub fn judge(&self, id: &OriginId, standing: Standing) {
        if let Some(registered) = self.write().get_mut(id) {
            registered.standing = standing;
        }
    }

    /// How an origin is doing, where it is here.
    #[must_use]
    pub fn standing(&self, id: &OriginId) -> Option<Standing> {
        self.read().get(id).map(|it| it.standing)
    }

    /// In which order to read from these: places in `ids`, the best first, those that are not here
    /// last. Of equals, the one that was named first.
    #[must_use]
    pub fn rank(&self, ids: &[OriginId]) -> Vec<usize> {
        let keys: Vec<_> = {
            let origins = self.read();
            let key = |id| origins.get(id).map(|it| it.standing.key());
            ids.iter().map(key).collect()
        };
        let mut order: Vec<usize> = (0..ids.len()).collect();
        // What is not here comes after all else.
        order.sort_by_key(|at| {
            let key = keys.get(*at).copied().flatten();
            (key.is_none(), key)
        });
        order
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<OriginId, Registered>> {
        self.origins.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<OriginId, Registered>> {
        self.origins.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::{Limits, LocalOrigin, Reach};

    fn id(text: &str) -> OriginId {
        text.parse().unwrap()
    }

    fn local(name: &str, folder: &Path) -> Guarded {
        let origin = LocalOrigin::new(id(name), folder).unwrap();
        let limits = Limits {
            reach: Reach::Disk,
            connections: None,
            requests_per_second: None,
            bytes_per_second: None,
        };
        Guarded::new(Arc::new(origin), limits, Arc::default())
    }

    #[test]
    fn origins_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let local = |text: &str| local(text, folder.path());
        let registry = Registry::default();
        assert!(registry.add(local("a")).is_none());
        assert!(registry.add(local("b")).is_none());
        let replaced = registry.add(local("a"));
        assert_eq!(replaced.unwrap().id().as_str(), "a");
        let held = registry.get(&id("a")).unwrap();
        assert!(registry.remove(held.id()).is_some() && registry.get(held.id()).is_none());
        assert!(registry.get(&id("b")).is_some());
    }

    #[test]
    fn the_best_is_healthy_then_preferred_then_fast() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::default();
        let known = [
            ("slow", Health::Healthy, 0, Some(50)),
            ("fast", Health::Healthy, 0, Some(2)),
            ("new", Health::Unknown, 9, None),
            ("preferred", Health::Healthy, 5, Some(900)),
            ("limping", Health::Degraded, 9, Some(1)),
            ("untimed", Health::Healthy, 0, None),
            ("dead", Health::Unhealthy, 9, Some(1)),
        ];
        for (name, health, priority, millis) in known {
            registry.add(local(name, folder.path()));
            let latency = millis.map(Duration::from_millis);
            let standing = Standing {
                health,
                priority,
                latency,
            };
            registry.judge(&id(name), standing);
            assert_eq!(registry.standing(&id(name)), Some(standing));
        }
        let mut ids: Vec<OriginId> = known.iter().map(|(name, ..)| id(name)).collect();
        ids.insert(0, id("nowhere"));
        let ranked: Vec<&str> = registry
            .rank(&ids)
            .into_iter()
            .map(|at| ids[at].as_str())
            .collect();
        let expected = [
            "preferred",
            "fast",
            "slow",
            "untimed",
            "limping",
            "new",
            "dead",
            "nowhere",
        ];
        assert_eq!(ranked, expected);
        // Of equals, the one that was named first.
        assert_eq!(registry.rank(&[id("x"), id("y")]), [0, 1]);
        registry.judge(&id("nowhere"), Standing::default());
        assert_eq!(registry.standing(&id("nowhere")), None);
    }
}
