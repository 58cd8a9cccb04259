//! A collection as it is configured (FIND-3), and the keys of its entry.

use eventlog::CollectionName;
use projections::collections::{Query, is_reserved};

use super::keys::{Key, quoted, text};

/// An entry of `[[collections]]`. The table of keys documents every field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the table of keys documents every field")]
pub struct CollectionConfig {
    pub name: Option<CollectionName>,
    pub query: Option<Query>,
}

/// The keys of an entry of `[[collections]]`.
pub const COLLECTION_KEYS: &[Key<CollectionConfig>] = &[
    Key {
        name: "name",
        takes: "1 to 100 characters",
        about: "What the collection is called: the name of its directory in `.collections`. Required.",
        example: "\"Sixties Jazz\"",
        set: |collection, given, _| {
            let name: CollectionName = text(given)?
                .parse()
                .map_err(|error| format!("is no name: {error}"))?;
            if is_reserved(name.as_str()) {
                return Err(format!(
                    "is {:?}, a collection that is always there; take another name",
                    name.as_str()
                ));
            }
            collection.name = Some(name);
            Ok(())
        },
        get: |collection| collection.name.as_ref().map(|name| quoted(name.as_str())),
    },
    Key {
        name: "query",
        takes: "a query; see FINDING.md",
        about: "Which tracks it has, in which order, and how many. Required.",
        example: "\"genre:jazz AND year:[1960 TO 1969] SORT added DESC LIMIT 100\"",
        set: |collection, given, _| {
            let query = Query::parse(text(given)?);
            collection.query = Some(query.map_err(|error| format!("is no query: {error}"))?);
            Ok(())
        },
        get: |collection| {
            collection
                .query
                .as_ref()
                .map(|query| quoted(&query.to_string()))
        },
    },
];

impl CollectionConfig {
    /// What the entry as a whole lacks.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let lacks = |is_missing: bool, what: &str| {
            is_missing.then(|| format!("this collection has no {what}"))
        };
        let name = lacks(self.name.is_none(), "name");
        let query = lacks(self.query.is_none(), "query");
        name.into_iter().chain(query).collect()
    }

    /// The collection as a TOML inline table, for showing.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let pairs: Vec<String> = COLLECTION_KEYS
            .iter()
            .filter_map(|key| (key.get)(self).map(|value| format!("{} = {value}", key.name)))
            .collect();
        format!("{{ {} }}", pairs.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Given;
    use super::*;

    fn set(name: &str, query: &str) -> Result<CollectionConfig, String> {
        let mut collection = CollectionConfig::default();
        for (key, value) in COLLECTION_KEYS.iter().zip([name, query]) {
            (key.set)(&mut collection, &Given::Text(value.to_owned()), &|_| None)?;
        }
        Ok(collection)
    }

    #[test]
    fn an_entry_is_shown_as_it_would_be_written() {
        let jazz = set("Jazz", "genre=\"Hard Bop\" LIMIT 5").unwrap();
        assert_eq!(
            jazz.to_toml(),
            r#"{ name = "Jazz", query = 'genre="Hard Bop" LIMIT 5' }"#
        );
        assert_eq!(jazz.faults(), [""; 0]);
        assert_eq!(CollectionConfig::default().faults().len(), 2);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (name, query, told) in [
            (" ", "a", "is no name"),
            ("most played", "a", "always there"),
            ("1990s", "a", "always there"),
            ("a", "gnre:jazz", "column 1: expected a field such as genre"),
        ] {
            let refused = set(name, query).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
    }
}
