//! What can be pinned (CAS-5).

use std::fmt;

use crate::collection::CollectionName;

/// What a pin holds. Further kinds come with versions that know them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinTarget {
    /// What the tree shows at a path, or below it, now and later.
    Path(TreePath),
    /// What a query finds, now and later; in the words that somebody asked in.
    Search(Box<str>),
    /// What a collection has, now and later.
    Collection(CollectionName),
}

/// For people: a path as one seen from the tree's root, a query as it was asked.
impl fmt::Display for PinTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Search(query) => write!(f, "the search {query:?}"),
            Self::Collection(name) => write!(f, "the collection {:?}", name.as_str()),
        }
    }
}

/// A path in the tree, from its root: names joined by `/`, without one at the beginning or the end.
/// The root's is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(Box<str>);

/// A text is no path in the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no path in the tree: it has a part that is empty, `.` or `..`, or a NUL")]
pub struct NotATreePath(String);

impl TreePath {
    /// The path as it is written down.
    ///
    /// # Errors
    /// Where a name in it is none: empty, `.`, `..`, or with a NUL.
    pub fn new(text: &str) -> Result<Self, NotATreePath> {
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
        if text.is_empty() || text.split('/').all(is_name) {
            return Ok(Self(text.into()));
        }
        Err(NotATreePath(text.to_owned()))
    }

    /// The path that somebody means: slashes may be at either end, and doubled.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn meant(text: &str) -> Result<Self, NotATreePath> {
        let names: Vec<&str> = text.split('/').filter(|name| !name.is_empty()).collect();
        Self::new(&names.join("/"))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for what is there or below it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        let rest = other.0.strip_prefix(&*self.0);
        rest.is_some_and(|rest| self.0.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}

/// As seen from the tree's root: `/Artist/Album`.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_in_one_way() {
        for text in ["", "a", "a/b c/ü", "..."] {
            let path = TreePath::new(text).unwrap();
            assert_eq!(path.as_str(), text);
            assert_eq!(TreePath::meant(&format!("//{text}/")), Ok(path));
        }
        for text in ["/", "/a", "a/", "a//b", "a/./b", "..", "a/\0"] {
            assert!(TreePath::new(text).is_err(), "{text:?}");
        }
        assert!(TreePath::meant("a/../b").is_err());
        assert_eq!(TreePath::meant("/").unwrap().to_string(), "/");
    }

    #[test]
    fn a_directory_holds_what_is_below_it() {
        let path = |text: &str| TreePath::new(text).unwrap();
        for below in ["a", "a/b", "a/b/c"] {
            assert!(path("a").holds(&path(below)) && path("").holds(&path(below)));
        }
        for other in ["", "b", "ab", "b/a"] {
            assert!(!path("a").holds(&path(other)), "{other}");
        }
    }
}
