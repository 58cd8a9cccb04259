//! Pins: what is a change of them, and what is not.

use crate::event::Event;
use crate::pin::PinTarget;

/// What pinning something means where `pinned` is pinned already: nothing, for what is among it. What
/// lies within something pinned is pinned for itself, too, and stays so when the other is not any more.
#[must_use]
pub fn pinned(target: PinTarget, pinned: &[PinTarget]) -> Option<Event> {
    (!pinned.contains(&target)).then_some(Event::PinAdded { target })
}

/// What unpinning something means.
///
/// # Errors
/// Where it is not pinned itself.
pub fn unpinned(target: PinTarget, pinned: &[PinTarget]) -> Result<Event, NotPinned> {
    if pinned.contains(&target) {
        return Ok(Event::PinRemoved { target });
    }
    let holds = |other: &&PinTarget| match (other, &target) {
        (PinTarget::Path(other), PinTarget::Path(path)) => other.holds(path),
        _ => false,
    };
    let within = pinned.iter().filter(holds).max().cloned();
    Err(NotPinned { target, within })
}

/// Something cannot be unpinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target} is not pinned{}", within.as_ref().map(|it| format!(" by itself, but within {it}")).unwrap_or_default())]
pub struct NotPinned {
    /// What was to be unpinned.
    pub target: PinTarget,
    /// What is pinned and holds it; the innermost of several.
    pub within: Option<PinTarget>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pin::TreePath;

    fn path(text: &str) -> PinTarget {
        PinTarget::Path(TreePath::new(text).unwrap())
    }

    #[test]
    fn what_is_pinned_already_is_no_event() {
        let target = path("a");
        assert_eq!(pinned(path("a"), &[path("a")]), None);
        for others in [vec![], vec![path("")], vec![path("a/b"), path("b")]] {
            let expected = Event::PinAdded {
                target: target.clone(),
            };
            assert_eq!(pinned(path("a"), &others), Some(expected));
        }
    }

    #[test]
    fn only_what_was_pinned_can_be_unpinned() {
        let known = [path("a"), path("a/b")];
        let target = path("a/b");
        assert_eq!(
            unpinned(path("a/b"), &known),
            Ok(Event::PinRemoved { target })
        );
        let refused = unpinned(path("a/b/c"), &known).unwrap_err();
        assert_eq!(refused.within, Some(path("a/b")));
        assert_eq!(
            refused.to_string(),
            "/a/b/c is not pinned by itself, but within /a/b"
        );
        let query = || PinTarget::Search("jazz".into());
        let refused = unpinned(query(), &[path("")]).unwrap_err();
        assert_eq!(refused.to_string(), "the search \"jazz\" is not pinned");
        assert!(unpinned(query(), &[query()]).is_ok());
        let refused = unpinned(path("c"), &known).unwrap_err();
        assert_eq!(refused.to_string(), "/c is not pinned");
    }
}
