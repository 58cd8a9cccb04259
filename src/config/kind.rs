//! What an origin can be, and which keys tell what of it (ORG-1).

use super::{OriginConfig, Root};

/// What an origin is (ORG-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OriginKind {
    /// A folder of this machine.
    #[default]
    Local,
    /// A folder of an NFS share that the system has mounted.
    Nfs,
    /// A folder of an SMB share: one that the system has mounted, or one that is spoken to.
    Smb,
    /// A bucket of an S3-compatible service.
    S3,
    /// A folder of a WebDAV server.
    Webdav,
    /// A folder of an SFTP server.
    Sftp,
}

impl OriginKind {
    pub(super) const NAMES: [(&'static str, Self); 6] = [
        ("local", Self::Local),
        ("nfs", Self::Nfs),
        ("smb", Self::Smb),
        ("s3", Self::S3),
        ("webdav", Self::Webdav),
        ("sftp", Self::Sftp),
    ];

    /// The kind's name in the configuration and in [`eventlog::event::OriginSpec::kind`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Nfs => "nfs",
            Self::Smb => "smb",
            Self::S3 => "s3",
            Self::Webdav => "webdav",
            Self::Sftp => "sftp",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| *kind)
    }

    /// The kinds' names, for people.
    #[must_use]
    pub fn names() -> String {
        Self::NAMES.map(|(name, _)| name).join(", ")
    }

    /// True where other machines change it, and this one is not told.
    #[must_use]
    pub const fn is_remote(self) -> bool {
        !matches!(self, Self::Local)
    }

    /// True where its root can be a folder.
    const fn has_folder(self) -> bool {
        matches!(self, Self::Local | Self::Nfs | Self::Smb)
    }

    /// True where an address is what it has for a root, or can have.
    const fn has_address(self) -> bool {
        !matches!(self, Self::Local | Self::Nfs)
    }
}

/// What is kept elsewhere than in the configuration; keys tell where.
pub(super) const SECRETS: [&str; 4] = ["password", "secret_access_key", "token", "passphrase"];

/// The ways to tell where a secret is kept.
pub(super) const WAYS: [&str; 4] = ["env", "file", "credential", "keyring"];

/// How many keys tell where that secret is kept.
fn ways(origin: &OriginConfig, secret: &str) -> usize {
    let keys = WAYS.map(|way| format!("{secret}_{way}"));
    keys.iter()
        .filter(|key| origin.options.contains_key(key.as_str()))
        .count()
}

/// The secret that a key is about.
fn secret_of(key: &str) -> Option<&'static str> {
    let is_about = |secret: &&&str| {
        key.strip_prefix(**secret)
            .and_then(|rest| rest.strip_prefix('_'))
            .is_some_and(|way| WAYS.contains(&way))
    };
    SECRETS.iter().find(is_about).copied()
}

/// Whether that key tells anything of an origin of that kind and root.
fn takes(kind: OriginKind, root: &Root, key: &str) -> bool {
    let key = secret_of(key).unwrap_or(key);
    match key {
        "priority" => true,
        "connections" | "requests_per_second" | "bytes_per_second" => kind.is_remote(),
        _ if root.folder().is_some() => false,
        "endpoint" | "region" | "access_key_id" | "secret_access_key" => kind == OriginKind::S3,
        "token" => matches!(kind, OriginKind::S3 | OriginKind::Webdav),
        "user" | "password" => kind != OriginKind::S3,
        "key_file" | "passphrase" | "known_hosts" => kind == OriginKind::Sftp,
        _ => false,
    }
}

/// What the entry as a whole lacks, or has in vain.
pub(super) fn faults(origin: &OriginConfig) -> Vec<String> {
    let (kind, root) = (origin.kind(), &origin.root);
    if root.is_empty() {
        let what = match kind {
            OriginKind::Local | OriginKind::Nfs => "path",
            OriginKind::Smb => "path and no url",
            _ => "url",
        };
        return vec![format!("this origin has no {what}")];
    }
    let mut faults = Vec::new();
    let name = kind.name();
    match root {
        Root::Folder(_) if !kind.has_folder() => {
            faults.push(format!("an origin of type {name} has a `url`, and no path"));
        }
        Root::Remote(_) if !kind.has_address() => {
            faults.push(format!("an origin of type {name} has a `path`, and no url"));
        }
        Root::Remote(url) if url.kind() != kind => faults.push(format!(
            "the url {url} is one of type {}, and the type is {name}",
            url.kind().name()
        )),
        _ => {}
    }
    if !faults.is_empty() {
        return faults;
    }
    let what = match root {
        Root::Folder(_) if kind == OriginKind::Smb => "smb that the system has mounted".to_owned(),
        _ => name.to_owned(),
    };
    for key in origin.options.keys().filter(|key| !takes(kind, root, key)) {
        faults.push(format!("an origin of type {what} has no use for `{key}`"));
    }
    for secret in SECRETS.iter().filter(|secret| ways(origin, secret) > 1) {
        faults.push(format!(
            "more than one key tells where the {secret} is kept; keep one of them"
        ));
    }
    if faults.is_empty() && root.folder().is_none() {
        faults.extend(lacking(origin, kind).map(str::to_owned));
    }
    faults
}

/// What keys lack that belongs to them.
fn lacking(origin: &OriginConfig, kind: OriginKind) -> Option<&'static str> {
    let has = |key: &str| origin.options.contains_key(key) || ways(origin, key) > 0;
    let lone = |one: &str, other: &str| has(one) != has(other);
    match kind {
        OriginKind::S3 if lone("access_key_id", "secret_access_key") => Some(
            "`access_key_id` and secret_access_key_file (or _env, _credential, _keyring) go together",
        ),
        OriginKind::S3 if has("token") && !has("access_key_id") => {
            Some("a token belongs to a temporary key: there is no `access_key_id`")
        }
        OriginKind::Webdav if lone("user", "password") => {
            Some("`user` and password_file (or _env, _credential, _keyring) go together")
        }
        OriginKind::Webdav if has("token") && has("user") => {
            Some("there are a password and a token; keep one of them")
        }
        OriginKind::Sftp if !has("user") => {
            Some("an origin of type sftp has a user: sftp://USER@HOST/FOLDER, or `user`")
        }
        OriginKind::Sftp if has("passphrase") && !has("key_file") => {
            Some("a passphrase belongs to a key: there is no `key_file`")
        }
        OriginKind::Smb if lone("user", "password") => {
            Some("`user` and password_file (or _env, _credential, _keyring) go together")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options as they are told.
    type Told = &'static [(&'static str, &'static str)];

    fn faults_of(kind: &str, root: &str, options: &[(&str, &str)]) -> Vec<String> {
        let options = options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        match OriginConfig::of_parts(kind, root.as_bytes(), options) {
            Ok(origin) => origin.faults(),
            Err(error) => vec![error],
        }
    }

    #[test]
    fn whole_entries_have_no_faults() {
        let fine: [(&str, &str, Told); 9] = [
            ("", "/music", &[("priority", "5"), ("interval", "60")]),
            ("nfs", "/mnt/nas", &[("connections", "2")]),
            ("smb", "/mnt/nas", &[]),
            ("", "smb://nas/share", &[]),
            ("smb", "smb://me@nas/share", &[("password_file", "/p")]),
            ("", "s3://bucket", &[("endpoint", "http://127.0.0.1:3900")]),
            (
                "s3",
                "s3://bucket",
                &[("access_key_id", "K"), ("secret_access_key_env", "S")],
            ),
            ("webdav", "https://h/dav/", &[("token_credential", "t")]),
            (
                "",
                "sftp://me@nas/m",
                &[("key_file", "/k"), ("passphrase_keyring", "k")],
            ),
        ];
        for (kind, root, options) in fine {
            assert_eq!(faults_of(kind, root, options), [""; 0], "{root}");
        }
    }

    #[test]
    fn entries_tell_what_they_lack_and_what_is_in_vain() {
        let wrong: [(&str, &str, Told, &str); 12] = [
            ("", "", &[], "has no path"),
            ("sftp", "", &[], "has no url"),
            ("sftp", "/music", &[], "has a `url`"),
            ("local", "sftp://me@nas/m", &[], "has a `path`"),
            ("s3", "sftp://me@nas/m", &[], "is one of type sftp"),
            ("", "/music", &[("user", "me")], "has no use for `user`"),
            (
                "smb",
                "/mnt",
                &[("user", "me")],
                "mounted has no use for `user`",
            ),
            ("", "sftp://nas/m", &[], "has a user"),
            ("", "s3://b", &[("access_key_id", "K")], "go together"),
            (
                "",
                "sftp://me@nas/m",
                &[("password_env", "A"), ("password_file", "/b")],
                "more than one key tells where the password",
            ),
            ("", "https://h/d", &[("user", "me")], "go together"),
            (
                "",
                "sftp://me@nas/m",
                &[("passphrase_env", "P")],
                "no `key_file`",
            ),
        ];
        for (kind, root, options, part) in wrong {
            let faults = faults_of(kind, root, options);
            assert!(faults.len() == 1 && faults[0].contains(part), "{faults:?}");
        }
    }

    #[test]
    fn kinds_have_names() {
        for (name, kind) in OriginKind::NAMES {
            assert_eq!(kind.name(), name);
            assert_eq!(OriginKind::from_name(name), Some(kind));
        }
    }
}
