//! Where an origin's root is: a folder of this machine, or an address on another one.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::OriginKind;

/// Where an origin's root is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A folder, absolute.
    Folder(PathBuf),
    /// A place on another machine.
    Remote(RemoteUrl),
}

impl Default for Root {
    fn default() -> Self {
        Self::Folder(PathBuf::new())
    }
}

impl Root {
    /// The root that a log or a request tells: an address where it is one, else a path's bytes. The
    /// user whom an address names is given apart.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn of_bytes(bytes: &[u8]) -> Result<(Self, Option<String>), String> {
        let text = std::str::from_utf8(bytes).ok();
        match text.filter(|text| RemoteUrl::is_one(text)) {
            Some(text) => {
                let (url, user) = RemoteUrl::parse(text)?;
                Ok((Self::Remote(url), user))
            }
            None => Ok((Self::Folder(OsStr::from_bytes(bytes).into()), None)),
        }
    }

    /// As the log keeps it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Folder(path) => path.as_os_str().as_bytes().to_vec(),
            Self::Remote(url) => url.to_string().into_bytes(),
        }
    }

    /// The folder, where it is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::Remote(_) => None,
        }
    }

    /// True where nothing was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.folder()
            .is_some_and(|path| path.as_os_str().is_empty())
    }

    /// What an id can be made of: the last part of the path, else the machine or the bucket.
    #[must_use]
    pub fn last_part(&self) -> String {
        match self {
            Self::Folder(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            Self::Remote(url) => url.last_part(),
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Remote(url) => url.fmt(f),
        }
    }
}

/// The address of a folder on another machine: without user, password, query and fragment, so that
/// it can be shown and logged (ORG-10).
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl(Url);

/// Schemes of addresses, and what speaks them.
const SCHEMES: [(&str, OriginKind); 5] = [
    ("s3", OriginKind::S3),
    ("https", OriginKind::Webdav),
    ("http", OriginKind::Webdav),
    ("sftp", OriginKind::Sftp),
    ("smb", OriginKind::Smb),
];

impl RemoteUrl {
    /// True for what begins as an address does.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        })
    }

    /// Reads an address. The user whom it names is given apart.
    ///
    /// # Errors
    /// What is wrong with it, for people; never shows a password that stands in it.
    pub fn parse(text: &str) -> Result<(Self, Option<String>), String> {
        let mut url = Url::parse(text).map_err(|error| {
            format!("takes an address such as sftp://me@nas.lan/srv/music: {error}")
        })?;
        let Some((_, kind)) = SCHEMES.iter().find(|(scheme, _)| *scheme == url.scheme()) else {
            let schemes: Vec<String> = SCHEMES.iter().map(|(it, _)| format!("{it}://")).collect();
            return Err(format!(
                "takes an address that begins with {}",
                schemes.join(", ")
            ));
        };
        if url.password().is_some() {
            return Err(
                "takes no password in the address, since addresses are shown and logged; name where \
                 it is kept with password_file, password_env, password_credential or password_keyring"
                    .to_owned(),
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(
                "takes no ? and no # in the address; write them as %3F and %23 where a name has them"
                    .to_owned(),
            );
        }
        let user = decoded(url.username());
        if user.is_some() && *kind == OriginKind::S3 {
            return Err(
                "takes no user in the address of a bucket: that is access_key_id".to_owned(),
            );
        }
        if url.set_username("").is_err() || url.host_str().is_none_or(str::is_empty) {
            return Err("takes an address that names a host or a bucket".to_owned());
        }
        let path = url.path().trim_end_matches('/');
        // A folder's address ends with a slash in WebDAV (RFC 4918, 5.2); elsewhere that says nothing.
        let path = match kind {
            OriginKind::Webdav => format!("{path}/"),
            _ => path.to_owned(),
        };
        url.set_path(&path);
        let parsed = Self(url);
        parsed.check(*kind)?;
        Ok((parsed, user))
    }

    fn check(&self, kind: OriginKind) -> Result<(), String> {
        if kind == OriginKind::S3 && self.0.port().is_some() {
            return Err("takes s3://BUCKET/PREFIX; a server goes to `endpoint`".to_owned());
        }
        if kind == OriginKind::Smb && self.path().is_empty() {
            return Err("takes an address that names a share: smb://HOST/SHARE".to_owned());
        }
        Ok(())
    }

    /// What speaks to it.
    #[must_use]
    pub fn kind(&self) -> OriginKind {
        let found = SCHEMES
            .iter()
            .find(|(scheme, _)| *scheme == self.0.scheme());
        found.map_or(OriginKind::Webdav, |(_, kind)| *kind)
    }

    /// True where whoever is on the way can read what is sent: by plain HTTP to another machine.
    #[must_use]
    pub fn is_overheard(&self) -> bool {
        let here = match self.0.host() {
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        self.0.scheme() == "http" && !here
    }

    /// The machine's name or address, or the bucket's name; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match self.0.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Domain(name)) => decoded(name).unwrap_or_default(),
            None => String::new(),
        }
    }

    /// The port that it names.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.0.port()
    }

    /// The path's bytes, without slashes around them.
    #[must_use]
    pub fn path(&self) -> Vec<u8> {
        percent_decode_str(self.0.path().trim_matches('/')).collect()
    }

    fn last_part(&self) -> String {
        let path = self.path();
        let last = path.rsplit(|byte| *byte == b'/').next();
        match last.filter(|part| !part.is_empty()) {
            Some(part) => String::from_utf8_lossy(part).into_owned(),
            None => self.host(),
        }
    }
}

/// A part of an address as it is meant; `None` where it is empty.
fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8_lossy().into_owned();
    (!decoded.is_empty()).then_some(decoded)
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, Option<String>) {
        let (url, user) = RemoteUrl::parse(text).unwrap();
        // What is shown reads as the same address again.
        assert_eq!(RemoteUrl::parse(&url.to_string()).unwrap().0, url);
        (url.to_string(), user)
    }

    #[test]
    fn addresses_have_one_spelling_and_their_user_apart() {
        let cases = [
            (
                "sftp://me@nas:2022/srv/music/",
                "sftp://nas:2022/srv/music",
                Some("me"),
            ),
            (
                "https://me@cloud.example/dav",
                "https://cloud.example/dav/",
                Some("me"),
            ),
            ("s3://music-bucket", "s3://music-bucket", None),
            ("s3://music/some/prefix/", "s3://music/some/prefix", None),
            (
                "smb://WORK;me@nas/share",
                "smb://nas/share",
                Some("WORK;me"),
            ),
            (
                "sftp://me@[::1]/~/Music",
                "sftp://[::1]/~/Music",
                Some("me"),
            ),
        ];
        for (text, shown, user) in cases {
            assert_eq!(parsed(text), (shown.to_owned(), user.map(str::to_owned)));
        }
        let (url, _) = RemoteUrl::parse("sftp://[::1]:22/a%20b/%C3%A9%FF").unwrap();
        assert_eq!((url.host(), url.port()), ("::1".to_owned(), Some(22)));
        assert_eq!(url.path(), b"a b/\xc3\xa9\xff");
        assert_eq!(url.kind(), OriginKind::Sftp);
    }

    #[test]
    fn what_may_not_be_shown_is_refused_and_not_shown() {
        for text in [
            "sftp://me:hunter2@nas/music",
            "https://cloud/dav/?token=hunter2",
            "https://cloud/dav/#hunter2",
            "ftp://me:hunter2@nas/",
            "s3://key@bucket/",
            "s3://bucket:9000/",
            "smb://nas",
            "sftp:///music",
        ] {
            let told = RemoteUrl::parse(text).unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_root_is_a_path_or_an_address() {
        let root = |bytes: &[u8]| Root::of_bytes(bytes).unwrap().0;
        assert_eq!(root(b"/music/\xff").to_bytes(), b"/music/\xff");
        assert_eq!(root(b"/a://b").folder(), Some(Path::new("/a://b")));
        assert_eq!(root(b"sftp://me@nas/m").to_bytes(), b"sftp://nas/m");
        assert_eq!(root(b"smb://nas/share/My%20Music").last_part(), "My Music");
        assert_eq!(root(b"s3://bucket").last_part(), "bucket");
        assert!(Root::default().is_empty());
        assert!(Root::of_bytes(b"ftp://nas/").is_err());
    }
}
