//! Files beside tracks.

use crate::event::Event;
use crate::id::{Locator, Revision, SidecarId};

/// What it means that an origin shows a sidecar: where the library knows it there in another state,
/// a change, and nothing in the same one; else a new one, numbered by `fresh`.
pub fn sidecar_sighted(
    locator: Locator,
    known: Option<(SidecarId, &Revision)>,
    fresh: impl FnOnce() -> SidecarId,
) -> Option<Event> {
    match known {
        None => Some(Event::SidecarFound {
            sidecar: fresh(),
            locator,
        }),
        Some((_, revision)) if *revision == locator.revision => None,
        Some((sidecar, _)) => Some(Event::SidecarChanged {
            sidecar,
            revision: locator.revision,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::OriginPath;

    #[test]
    fn a_sidecar_is_found_once_and_then_changes() {
        let revision = |size| Revision {
            size,
            mtime_ns: 1,
            tag: None,
        };
        let seen = |size| Locator {
            origin: "music".parse().unwrap(),
            path: OriginPath::new(&b"Album/cover.jpg"[..]).unwrap(),
            revision: revision(size),
        };
        let id = SidecarId(7);
        let found = sidecar_sighted(seen(1), None, || id);
        let locator = seen(1);
        assert_eq!(
            found,
            Some(Event::SidecarFound {
                sidecar: id,
                locator
            })
        );
        let known = revision(1);
        let never = || unreachable!();
        assert_eq!(sidecar_sighted(seen(1), Some((id, &known)), never), None);
        let changed = Event::SidecarChanged {
            sidecar: id,
            revision: revision(2),
        };
        let again = sidecar_sighted(seen(2), Some((id, &known)), never);
        assert_eq!(again, Some(changed));
    }
}
