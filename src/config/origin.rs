//! An origin as it is configured, in the file or by `--origin`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use eventlog::OriginId;
use eventlog::event::OriginSpec;

/// When an origin is listed again (ORG-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refresh {
    /// As changes are told; at intervals where they cannot be.
    #[default]
    Watch,
    /// At intervals.
    Interval,
    /// When the daemon starts.
    Start,
    /// Only when asked.
    Never,
}

impl Refresh {
    pub(super) const NAMES: [(&'static str, Self); 4] = [
        ("watch", Self::Watch),
        ("interval", Self::Interval),
        ("start", Self::Start),
        ("never", Self::Never),
    ];

    /// The policy's name in the configuration and in [`OriginSpec::options`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Interval => "interval",
            Self::Start => "start",
            Self::Never => "never",
        }
    }

    /// The policy of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, policy)| *policy)
    }

    /// The policy that an origin's options tell; the default where they tell none that we know.
    #[must_use]
    pub fn of(spec: &OriginSpec) -> Self {
        spec.options
            .get("refresh")
            .and_then(|name| Self::from_name(name))
            .unwrap_or_default()
    }
}

/// What an origin is (ORG-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OriginKind {
    /// A folder of this machine.
    #[default]
    Local,
    /// A folder of an NFS share that the system has mounted.
    Nfs,
    /// A folder of an SMB share that the system has mounted.
    Smb,
}

impl OriginKind {
    pub(super) const NAMES: [(&'static str, Self); 3] = [
        ("local", Self::Local),
        ("nfs", Self::Nfs),
        ("smb", Self::Smb),
    ];

    /// The kind's name in the configuration and in [`OriginSpec::kind`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Nfs => "nfs",
            Self::Smb => "smb",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| *kind)
    }

    /// True where other machines change it, and this one is not told.
    #[must_use]
    pub const fn is_remote(self) -> bool {
        matches!(self, Self::Nfs | Self::Smb)
    }
}

/// Seconds between listings unless told otherwise (ORG-3).
const INTERVAL_SECS: u64 = 300;

/// An origin of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginConfig {
    /// Its id; `None` to keep the one that the library has for its path, or else to have one made.
    pub id: Option<OriginId>,
    /// What it is.
    pub kind: OriginKind,
    /// Its name for people; `None` to use the id.
    pub name: Option<String>,
    /// The folder, absolute.
    pub path: PathBuf,
    /// When it is listed again.
    pub refresh: Refresh,
    /// Seconds between listings.
    pub interval_secs: u64,
}

impl Default for OriginConfig {
    fn default() -> Self {
        Self {
            id: None,
            kind: OriginKind::default(),
            name: None,
            path: PathBuf::new(),
            refresh: Refresh::default(),
            interval_secs: INTERVAL_SECS,
        }
    }
}

impl OriginConfig {
    /// An origin out of `[ID=]PATH`, as `--origin` takes it. What is before the first `=` is an id
    /// where it could be one.
    #[must_use]
    pub fn parse(text: &OsStr) -> Self {
        let bytes = text.as_bytes();
        let split = bytes
            .iter()
            .position(|byte| *byte == b'=')
            .and_then(|at| bytes.split_at_checked(at));
        let id_and_path = split.and_then(|(id, path)| {
            let id = std::str::from_utf8(id).ok()?.parse().ok()?;
            Some((id, path.get(1..)?))
        });
        let (id, path) = match id_and_path {
            Some((id, path)) => (Some(id), path),
            None => (None, bytes),
        };
        Self {
            id,
            path: PathBuf::from(OsStr::from_bytes(path)),
            ..Self::default()
        }
    }

    /// What beside its path the log keeps of it. What is as by default is left out.
    #[must_use]
    pub fn options(&self) -> BTreeMap<String, String> {
        let mut options = BTreeMap::new();
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
            kind: self.kind.name().to_owned(),
            name: self.name.clone().unwrap_or_else(|| id.to_string()),
            root: self.path.as_os_str().as_bytes().to_vec(),
            options: self.options(),
        }
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
        let pairs: Vec<String> = super::keys::ORIGIN_KEYS
            .iter()
            .filter_map(|key| (key.get)(self).map(|value| format!("{} = {value}", key.name)))
            .collect();
        format!("{{ {} }}", pairs.join(", "))
    }
}

/// The configured origins under the ids that they have or get, given those that the library knows:
/// an origin without an id keeps the one that is known for its path.
#[must_use]
pub fn resolve(
    configured: &[OriginConfig],
    known: &[(OriginId, OriginSpec)],
) -> Vec<(OriginId, OriginSpec)> {
    let mut resolved: Vec<(OriginId, OriginSpec)> = Vec::new();
    for origin in configured {
        let root = origin.path.as_os_str().as_bytes();
        let same_root = || {
            known
                .iter()
                .find(|(_, spec)| OriginKind::from_name(&spec.kind).is_some() && spec.root == root)
        };
        let id = match (&origin.id, same_root()) {
            (Some(id), _) | (None, Some((id, _))) => id.clone(),
            (None, None) => id_for(&origin.path, |id| {
                let has = |(other, _): &(OriginId, OriginSpec)| other == id;
                known.iter().any(has)
                    || resolved.iter().any(has)
                    || configured.iter().any(|other| other.id.as_ref() == Some(id))
            }),
        };
        let spec = origin.spec(&id);
        resolved.push((id, spec));
    }
    resolved
}

/// An id made of a path's last part: in small letters, what is not allowed replaced by `-`, with a
/// number where `taken` says so.
#[must_use]
pub fn id_for(path: &Path, taken: impl Fn(&OriginId) -> bool) -> OriginId {
    /// Room for `-` and a number.
    const LONGEST: usize = OriginId::MAX_LEN - 11;
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let mut base = String::new();
    for c in name.chars().take(LONGEST) {
        let plain = c.is_ascii_lowercase() || c.is_ascii_digit();
        if plain || (!base.is_empty() && matches!(c, '.' | '_')) {
            base.push(c);
        } else if !base.is_empty() && !base.ends_with('-') {
            base.push('-');
        }
    }
    let base = match base.trim_end_matches('-') {
        "" => "music",
        base => base,
    };
    let mut number = 1_u32;
    loop {
        let text = if number == 1 {
            base.to_owned()
        } else {
            format!("{base}-{number}")
        };
        match text.parse() {
            Ok(id) if !taken(&id) => return id,
            _ => number += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(path: &str, taken: &[&str]) -> String {
        id_for(Path::new(path), |id| taken.contains(&id.as_str())).to_string()
    }

    #[test]
    fn ids_are_made_of_folder_names() {
        assert_eq!(id("/home/me/Music", &[]), "music");
        assert_eq!(id("/mnt/Ünïque  Stuff (2020)", &[]), "n-que-stuff-2020");
        assert_eq!(id("/", &[]), "music");
        assert_eq!(id("/日本", &[]), "music");
        assert_eq!(id("/a/music", &["music", "music-2"]), "music-3");
    }

    #[test]
    fn what_is_before_the_equals_sign_is_an_id_where_it_could_be_one() {
        let parsed = |text: &str| {
            let origin = OriginConfig::parse(OsStr::new(text));
            (origin.id.map(|id| id.to_string()), origin.path)
        };
        assert_eq!(
            parsed("nas=/mnt/a=b"),
            (Some("nas".to_owned()), "/mnt/a=b".into())
        );
        assert_eq!(parsed("/mnt/a=b"), (None, "/mnt/a=b".into()));
        assert_eq!(parsed("/mnt"), (None, "/mnt".into()));
    }

    #[test]
    fn a_spec_keeps_what_is_not_default() {
        let origin = OriginConfig {
            refresh: Refresh::Interval,
            interval_secs: 60,
            ..OriginConfig::default()
        };
        let id = "a".parse().unwrap();
        assert_eq!(Refresh::of(&origin.spec(&id)), Refresh::Interval);
        assert_eq!(OriginConfig::interval_secs_of(&origin.spec(&id)), 60);
        assert!(OriginConfig::default().spec(&id).options.is_empty());
        for (name, kind) in OriginKind::NAMES {
            let origin = OriginConfig {
                kind,
                ..OriginConfig::default()
            };
            assert_eq!(origin.spec(&id).kind, name);
            assert_eq!(OriginKind::from_name(name), Some(kind));
        }
    }

    #[test]
    fn a_known_path_keeps_its_id_and_a_new_one_gets_a_free_id() {
        let a = OriginConfig::parse(OsStr::new("/a/music"));
        let first = resolve(std::slice::from_ref(&a), &[]);
        let both = resolve(&[OriginConfig::parse(OsStr::new("/b/music")), a], &first);
        let ids: Vec<&str> = both.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["music-2", "music"]);
    }
}
