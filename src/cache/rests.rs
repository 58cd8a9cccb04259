//! Who is left alone for a while, since it failed.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// Whatever failed rests, longer each time, until it is well again.
#[derive(Debug)]
pub(crate) struct Rests<K> {
    first: Duration,
    longest: Duration,
    resting: HashMap<K, (Instant, Duration)>,
}

impl<K: Eq + Hash> Rests<K> {
    /// Nobody rests. Whoever does, does for `first` at first, and for `longest` at most.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            resting: HashMap::new(),
        }
    }

    /// It failed. What fails twice at a time, as two reads of one origin, rests once for that.
    pub(crate) fn failed(&mut self, of: K, now: Instant) {
        let (first, longest) = (self.first, self.longest);
        let rest = self.resting.entry(of);
        rest.and_modify(|(until, length)| {
            if *until <= now {
                *length = (*length * 2).min(longest);
                *until = now + *length;
            }
        })
        .or_insert((now + first, first));
    }

    /// It works.
    pub(crate) fn well(&mut self, of: &K) {
        self.resting.remove(of);
    }

    /// Until when it rests.
    pub(crate) fn until(&self, of: &K, now: Instant) -> Option<Instant> {
        let until = self.resting.get(of).map(|(until, _)| *until);
        until.filter(|until| *until > now)
    }

    /// Forgets those that are not any more.
    pub(crate) fn retain(&mut self, is: impl Fn(&K) -> bool) {
        self.resting.retain(|of, _| is(of));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_and_end() {
        let secs = Duration::from_secs;
        let mut rests = Rests::new(secs(2), secs(5));
        let now = Instant::now();
        assert_eq!(rests.until(&"a", now), None);
        rests.failed("a", now);
        rests.failed("a", now + secs(1));
        assert_eq!(rests.until(&"a", now), Some(now + secs(2)));
        assert_eq!(rests.until(&"a", now + secs(2)), None);
        rests.failed("a", now + secs(2));
        rests.failed("a", now + secs(6));
        assert_eq!(rests.until(&"a", now + secs(6)), Some(now + secs(11)));
        rests.well(&"a");
        rests.failed("a", now);
        assert_eq!(rests.until(&"a", now), Some(now + secs(2)));
    }
}
