//! What a collection is called (FIND-3).

use std::fmt;
use std::str::FromStr;

/// The name of a collection: 1 to 100 characters, none of them a control character, no blank at
/// either end. Names that differ in case are two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionName(Box<str>);

impl CollectionName {
    /// Longest name, in characters.
    pub const MAX_CHARS: usize = 100;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no name of a collection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name of a collection: take 1 to {max} characters, no control characters, and no blank \
     at either end", max = CollectionName::MAX_CHARS
)]
pub struct NotACollectionName(String);

impl FromStr for CollectionName {
    type Err = NotACollectionName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = !text.is_empty()
            && text.trim() == text
            && text.chars().nth(Self::MAX_CHARS).is_none()
            && !text.chars().any(char::is_control);
        if is_name {
            Ok(Self(text.into()))
        } else {
            Err(NotACollectionName(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_people_write() {
        for name in ["Jazz", "AC/DC: the best", "..", "ß☃", &"é".repeat(100)] {
            let parsed: CollectionName = name.parse().unwrap();
            assert_eq!(parsed.as_str(), name);
        }
        for text in ["", " ", " Jazz", "Jazz\n", "a\0b", &"é".repeat(101)] {
            assert!(text.parse::<CollectionName>().is_err(), "{text:?}");
        }
    }
}
