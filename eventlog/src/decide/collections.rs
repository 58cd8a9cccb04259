//! Collections: what is a change of them, and what is not.

use crate::collection::CollectionName;
use crate::event::Event;

/// What defining a collection means where it has the definition `known` already, if any: nothing,
/// where that is the same.
#[must_use]
pub fn collection_defined(
    name: CollectionName,
    definition: String,
    known: Option<&str>,
) -> Option<Event> {
    (known != Some(&*definition)).then_some(Event::CollectionDefined { name, definition })
}

/// What removing a collection means.
///
/// # Errors
/// Where there is none of that name.
pub fn collection_removed(
    name: CollectionName,
    known: Option<&str>,
) -> Result<Event, NotACollection> {
    match known {
        Some(_) => Ok(Event::CollectionRemoved { name }),
        None => Err(NotACollection(name)),
    }
}

/// No collection of that name was defined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no collection is called {:?}", .0.as_str())]
pub struct NotACollection(pub CollectionName);

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> CollectionName {
        "Jazz".parse().unwrap()
    }

    #[test]
    fn only_another_definition_is_an_event() {
        let jazz = "genre:jazz".to_owned();
        assert_eq!(
            collection_defined(name(), jazz.clone(), Some("genre:jazz")),
            None
        );
        for known in [None, Some("genre:blues")] {
            let expected = Event::CollectionDefined {
                name: name(),
                definition: jazz.clone(),
            };
            let decided = collection_defined(name(), jazz.clone(), known);
            assert_eq!(decided, Some(expected));
        }
    }

    #[test]
    fn only_what_was_defined_can_be_removed() {
        let removed = Event::CollectionRemoved { name: name() };
        assert_eq!(collection_removed(name(), Some("")), Ok(removed));
        let refused = collection_removed(name(), None).unwrap_err();
        assert_eq!(refused.to_string(), "no collection is called \"Jazz\"");
    }
}
