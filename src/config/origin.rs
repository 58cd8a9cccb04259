//! An origin as it is configured, in the file or by `--origin`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use eventlog::OriginId;
use eventlog::event::OriginSpec;

use super::kind::{SECRETS, WAYS};
use super::origin_keys::ORIGIN_KEYS;
use super::{Given, OriginKind, Refresh, Root, SecretSource, process_env};

/// Seconds between listings unless told otherwise (ORG-3).
const INTERVAL_SECS: u64 = 300;

/// Options that tell, beside the root, which place it is.
pub(crate) const PLACE: [&str; 2] = ["endpoint", "user"];

/// An origin of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginConfig {
    /// Its id; `None` to keep the one that the library has for its root, or else to have one made.
    pub id: Option<OriginId>,
    /// What it is; `None` for what its root tells.
    pub kind: Option<OriginKind>,
    /// Its name for people; `None` to use the id.
    pub name: Option<String>,
    /// Where it is.
    pub root: Root,
    /// When it is listed again.
    pub refresh: Refresh,
    /// Seconds between listings.
    pub interval_secs: u64,
    /// What else is told of it, by key. Never a secret, only where one is kept (ORG-10).
    pub options: BTreeMap<String, String>,
}

impl Default for OriginConfig {
    fn default() -> Self {
        Self {
            id: None,
            kind: None,
            name: None,
            root: Root::default(),
            refresh: Refresh::default(),
            interval_secs: INTERVAL_SECS,
            options: BTreeMap::new(),
        }
    }
}

impl OriginConfig {
    /// An origin out of `[ID=]PATH` or `[ID=]URL`, as `--origin` takes it. What is before the first
    /// `=` is an id where it could be one.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let split = bytes
            .iter()
            .position(|byte| *byte == b'=')
            .and_then(|at| bytes.split_at_checked(at));
        let id_and_root = split.and_then(|(id, root)| {
            let id = std::str::from_utf8(id).ok()?.parse().ok()?;
            Some((id, root.get(1..)?))
        });
        let (id, root) = match id_and_root {
            Some((id, root)) => (Some(id), root),
            None => (None, bytes),
        };
        let mut origin = Self {
            id,
            ..Self::default()
        };
        origin.set_root(root)?;
        Ok(origin)
    }

    /// An origin out of what a request or the log tells of it: the kind's name, empty where the root
    /// tells it; the root's bytes; options by key.
    ///
    /// # Errors
    /// What is wrong with one of them. Never shows the value of a key that is none.
    pub fn of_parts(
        kind: &str,
        root: &[u8],
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut origin = Self::default();
        if !kind.is_empty() {
            let unknown = || {
                let known = OriginKind::names();
                format!("origin type {kind:?} is not known; this version knows: {known}")
            };
            origin.kind = Some(OriginKind::from_name(kind).ok_or_else(unknown)?);
        }
        origin.set_root(root)?;
        for (key, value) in options {
            origin.set_option(&key, value)?;
        }
        Ok(origin)
    }

    /// An origin as the log has it.
    ///
    /// # Errors
    /// What this version does not understand of it.
    pub fn of_spec(spec: &OriginSpec) -> Result<Self, String> {
        let mut origin = Self::of_parts(&spec.kind, &spec.root, spec.options.clone())?;
        origin.name = Some(spec.name.clone());
        match origin.faults().into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(origin),
        }
    }

    fn set_root(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (root, user) = Root::of_bytes(bytes)?;
        self.root = root;
        match user {
            Some(user) => self.set_user(user),
            None => Ok(()),
        }
    }

    /// Sets the user; from the address or from its key, but not from both.
    pub(super) fn set_user(&mut self, user: String) -> Result<(), String> {
        match self.options.insert("user".to_owned(), user) {
            None => Ok(()),
            Some(_) => Err("comes beside a user in the url; keep one of them".to_owned()),
        }
    }

    /// Sets what one of the keys of an entry tells, as text. Who is asked for the whole entry has
    /// `id`, `type`, `name`, `path` and `url` asked for apart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set_option(&mut self, key: &str, value: String) -> Result<(), String> {
        let apart = ["id", "type", "name", "path", "url"];
        let mut keys = ORIGIN_KEYS.iter().filter(|it| !apart.contains(&it.name));
        match keys.find(|known| known.name == key) {
            Some(known) => (known.set)(self, &Given::Text(value), &process_env)
                .map_err(|problem| format!("`{key}` {problem}")),
            None if SECRETS.contains(&key) => Err(no_inline(key)),
            None => Err(format!(
                "origins have no option `{key}`; docs/CONFIGURATION.md lists those that there are"
            )),
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> OriginKind {
        self.kind.unwrap_or(match &self.root {
            Root::Folder(_) => OriginKind::Local,
            Root::Remote(url) => url.kind(),
        })
    }

    /// What the entry as a whole lacks, or has in vain.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        super::kind::faults(self)
    }

    /// Where a secret is kept, such as the `password`; `None` where nobody told.
    #[must_use]
    pub fn secret(&self, secret: &str) -> Option<SecretSource> {
        let told = |way: &str| self.options.get(&format!("{secret}_{way}")).cloned();
        told("env")
            .map(SecretSource::Environment)
            .or_else(|| told("file").map(|path| SecretSource::File(path.into())))
            .or_else(|| told("credential").map(SecretSource::Credential))
            .or_else(|| told("keyring").map(SecretSource::Keyring))
    }

    /// Which secret of it is sent so that others on the way can read it.
    #[must_use]
    pub fn overheard(&self) -> Option<&'static str> {
        let Root::Remote(url) = &self.root else {
            return None;
        };
        let sent = ["password", "token"].into_iter();
        let mut sent = sent.filter(|secret| self.secret(secret).is_some());
        sent.next().filter(|_| url.is_overheard())
    }

    /// What beside its root the log keeps of it. What is as by default is left out.
    #[must_use]
    pub fn options(&self) -> BTreeMap<String, String> {
        let mut options = self.options.clone();
        if self.refresh != Refresh::default() {
            options.insert("refresh".to_owned(), self.refresh.name().to_owned());
        }
        if self.interval_secs != INTERVAL_SECS {
            options.insert("interval".to_owned(), self.interval_secs.to_string());
        }
        options
    }

    /// The origin as the log keeps it, under that id.
    #[must_use]
    pub fn spec(&self, id: &OriginId) -> OriginSpec {
        OriginSpec {
            kind: self.kind().name().to_owned(),
            name: self.name.clone().unwrap_or_else(|| id.to_string()),
            root: self.root.to_bytes(),
            options: self.options(),
        }
    }

    /// True where both are the same place, seen by the same user.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        let same = |key: &&str| self.options.get(*key) == other.options.get(*key);
        self.root == other.root && PLACE.iter().all(same)
    }

    /// True where the log's origin is this place, seen by the same user.
    fn is_place_of(&self, spec: &OriginSpec) -> bool {
        let same = |key: &&str| self.options.get(*key) == spec.options.get(*key);
        let known = OriginKind::from_name(&spec.kind).is_some();
        known && spec.root == self.root.to_bytes() && PLACE.iter().all(same)
    }

    /// The id of the one of `known` that is the same place.
    #[must_use]
    pub fn known_as<'a>(
        &self,
        known: impl IntoIterator<Item = (&'a OriginId, &'a OriginSpec)>,
    ) -> Option<OriginId> {
        let mut known = known.into_iter();
        let same = known.find(|(_, spec)| self.is_place_of(spec));
        same.map(|(id, _)| id.clone())
    }

    /// Seconds between listings that an origin's options tell, else the default.
    #[must_use]
    pub fn interval_secs_of(spec: &OriginSpec) -> u64 {
        spec.options
            .get("interval")
            .and_then(|text| text.parse().ok())
            .unwrap_or(INTERVAL_SECS)
    }

    /// The origin as a TOML inline table, for showing.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let pairs: Vec<String> = ORIGIN_KEYS
            .iter()
            .filter_map(|key| (key.get)(self).map(|value| format!("{} = {value}", key.name)))
            .collect();
        format!("{{ {} }}", pairs.join(", "))
    }
}

/// Why a secret itself is not taken.
pub(super) fn no_inline(secret: &str) -> String {
    let ways = WAYS.map(|way| format!("`{secret}_{way}`"));
    format!(
        "`{secret}` is not told here, since origins are kept in the log: name where it is kept, with {}",
        ways.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> OriginConfig {
        OriginConfig::parse(OsStr::new(text)).unwrap()
    }

    #[test]
    fn a_password_by_plain_http_can_be_overheard() {
        let overheard = |url: &str, secret: &str| {
            let mut origin = parse(url);
            origin.set_option(secret, "x".to_owned()).unwrap();
            origin.overheard()
        };
        assert_eq!(overheard("http://nas/", "password_env"), Some("password"));
        assert_eq!(overheard("http://10.0.0.1/", "token_env"), Some("token"));
        assert_eq!(overheard("http://nas/dav", "user"), None);
        for safe in [
            "https://nas/dav",
            "http://localhost/",
            "http://127.0.0.1:80/",
            "http://[::1]/",
        ] {
            assert_eq!(overheard(safe, "password_env"), None, "{safe}");
        }
    }

    #[test]
    fn what_is_before_the_equals_sign_is_an_id_where_it_could_be_one() {
        let parsed = |text: &str| {
            let origin = parse(text);
            (origin.id.map(|id| id.to_string()), origin.root.to_string())
        };
        let nas = Some("nas".to_owned());
        assert_eq!(parsed("nas=/mnt/a=b"), (nas.clone(), "/mnt/a=b".to_owned()));
        assert_eq!(parsed("/mnt/a=b"), (None, "/mnt/a=b".to_owned()));
        assert_eq!(parsed("/mnt"), (None, "/mnt".to_owned()));
        let (id, root) = parsed("nas=sftp://me@nas/a=b");
        assert_eq!((id, &*root), (nas, "sftp://nas/a=b"));
        assert!(OriginConfig::parse(OsStr::new("x=ftp://nas/")).is_err());
    }

    #[test]
    fn a_spec_keeps_what_is_not_default_and_reads_as_the_same() {
        let id = "a".parse().unwrap();
        let listed = OriginConfig {
            refresh: Refresh::Interval,
            interval_secs: 60,
            ..parse("/m")
        };
        assert_eq!(Refresh::of(&listed.spec(&id)), Refresh::Interval);
        assert_eq!(OriginConfig::interval_secs_of(&listed.spec(&id)), 60);
        assert!(parse("/m").spec(&id).options.is_empty());
        let mut remote = parse("sftp://me@nas/m");
        remote.set_option("password_env", "NAS".to_owned()).unwrap();
        remote.set_option("connections", "2".to_owned()).unwrap();
        for origin in [listed, remote] {
            let spec = origin.spec(&id);
            let read = OriginConfig::of_spec(&spec).unwrap();
            assert_eq!(read.spec(&id), spec);
        }
    }

    #[test]
    fn secrets_are_told_by_where_they_are_kept() {
        let mut origin = parse("sftp://me@nas/m");
        let told = origin
            .set_option("password", "hunter2".to_owned())
            .unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
        assert!(told.contains("`password_keyring`"), "{told}");
        let told = origin.set_option("pasword", "hunter2".to_owned());
        assert!(!told.unwrap_err().contains("hunter2"));
        assert_eq!(origin.secret("password"), None);
        origin
            .set_option("password_credential", "nas".to_owned())
            .unwrap();
        let credential = SecretSource::Credential("nas".to_owned());
        assert_eq!(origin.secret("password"), Some(credential));
    }
}
