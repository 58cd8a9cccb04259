//! What is different between two configurations, and what of it a running daemon can take over.

use super::keys::KEYS;
use super::{Config, OriginConfig};

/// Keys whose new value a reload puts in force. All others take a restart.
pub const LIVE: &[&str] = &[
    "layout.template",
    "layout.names",
    "layout.duplicates",
    "prefetch.enabled",
    "prefetch.tracks",
    "prefetch.queue",
    "prefetch.concurrency",
    "metrics.listen",
    "control.listen",
    "control.tls_cert",
    "control.tls_key",
    "control.token_file",
    "log.level",
    "log.format",
    "log.target",
    "log.file",
    "log.rotate_mb",
    "log.keep",
    "log.redact_paths",
    ORIGINS,
    WEBHOOKS,
    COLLECTIONS,
];

/// The name of all `[[origins]]` together.
pub const ORIGINS: &str = "origins";

/// The list of webhooks.
pub const WEBHOOKS: &str = "webhooks";

/// The list of collections.
pub const COLLECTIONS: &str = "collections";

/// Lists of tables, each under its name, and whether two configurations say the same in it.
const LISTS: &[(&str, Same)] = &[
    (ORIGINS, |one, other| one.origins == other.origins),
    (WEBHOOKS, |one, other| one.webhooks == other.webhooks),
    (COLLECTIONS, |one, other| {
        one.collections == other.collections
    }),
];

type Same = fn(&Config, &Config) -> bool;

/// What one configuration says otherwise than another.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that a reload can put in force, in the order of the reference; lists last.
    pub live: Vec<&'static str>,
    /// Keys that take a restart.
    pub restart: Vec<&'static str>,
    /// Origins that the one has, and the other has not: no entry of it is the same place.
    pub dropped: Vec<OriginConfig>,
}

/// What is to be done to get from one configuration to another.
#[must_use]
pub fn changes(from: &Config, to: &Config) -> Changes {
    let keys = KEYS.iter().map(|key| key.name);
    let lists = LISTS.iter().map(|(name, _)| *name);
    let (live, restart) = keys
        .chain(lists)
        .filter(|name| !is_same(name, from, to))
        .partition(|name| is_live(name));
    let is_gone = |origin: &&OriginConfig| !to.origins.iter().any(|new| new.is_same_place(origin));
    Changes {
        live,
        restart,
        dropped: from.origins.iter().filter(is_gone).cloned().collect(),
    }
}

/// True where both say the same of the key or list of that name.
#[must_use]
pub fn is_same(name: &str, one: &Config, other: &Config) -> bool {
    let key = KEYS.iter().find(|key| key.name == name);
    let list = LISTS.iter().find(|(list, _)| *list == name);
    key.is_none_or(|key| (key.get)(one) == (key.get)(other))
        && list.is_none_or(|(_, same)| same(one, other))
}

/// True where a reload puts a new value of that key in force.
#[must_use]
pub fn is_live(name: &str) -> bool {
    LIVE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_live_key_is_one() {
        let lists = LISTS.iter().map(|(name, _)| *name);
        let names: Vec<_> = KEYS.iter().map(|key| key.name).chain(lists).collect();
        for name in LIVE {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn changes_are_sorted_by_what_they_take() {
        let origin = |path: &str| OriginConfig::parse(path.as_ref()).unwrap();
        let from = Config {
            origins: vec![origin("/a"), origin("x=/b")],
            ..Config::default()
        };
        let mut to = from.clone();
        assert_eq!(changes(&from, &to), Changes::default());
        to.scan_threads = 7;
        to.log.level = "debug".to_owned();
        to.layout_template = Some("$title".to_owned());
        to.origins = vec![origin("y=/b"), origin("/c")];
        let changes = changes(&from, &to);
        assert_eq!(changes.live, ["layout.template", "log.level", ORIGINS]);
        assert_eq!(changes.restart, ["scan.threads"]);
        assert_eq!(changes.dropped, [origin("/a")]);
    }
}
