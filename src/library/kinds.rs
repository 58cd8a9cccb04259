//! Origins by kind: what is told of one, made into one (ORG-1).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventlog::event::OriginSpec;
use eventlog::{OriginId, OriginPath};
use origins::{
    ErrorKind, Figures, Guarded, LocalOrigin, Origin, OriginError, RemoteOrigin, S3Settings,
    Secret, SftpLogin, SftpOrigin, SftpSettings, SmbLogin, SmbOrigin, SmbSettings, WebdavLogin,
    WebdavSettings,
};

use super::limits;
use crate::config::{Env, OriginConfig, OriginKind, RemoteUrl, Root};

/// The usual ports (RFC 4253, 4; MS-SMB2, 1.9).
const SSH_PORT: u16 = 22;
const SMB_PORT: u16 = 445;

/// Keys that are tried where none is named, as `ssh` does.
const USUAL_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// What is needed to reach an origin, its secrets included.
#[derive(Debug)]
pub(crate) enum Target {
    Folder(PathBuf),
    S3(S3Settings),
    Webdav(WebdavSettings),
    Sftp(SftpSettings),
    Smb(SmbSettings),
}

/// Makes an origin of what is told of it; the secrets are fetched anew. Blocks: a secret may be on a
/// disk, and so may the folder. Of other machines, none is asked yet.
///
/// # Errors
/// [`ErrorKind::Denied`] where a secret cannot be had, [`ErrorKind::Io`] where what is told cannot
/// be used, and what keeps a folder from being opened.
pub(crate) fn connect(
    id: &OriginId,
    spec: &OriginSpec,
    env: Env<'_>,
    figures: Arc<Figures>,
) -> Result<Guarded, OriginError> {
    let id = id.clone();
    let limits = limits::of(&OriginConfig::of_spec(spec).map_err(unusable)?);
    let origin: Arc<dyn Origin> = match target(spec, env)? {
        Target::Folder(root) => Arc::new(LocalOrigin::new(id, root)?),
        Target::Sftp(settings) => Arc::new(SftpOrigin::new(id, settings)?),
        Target::S3(settings) => Arc::new(RemoteOrigin::s3(id, &settings)?),
        Target::Webdav(settings) => Arc::new(RemoteOrigin::webdav(id, &settings)?),
        Target::Smb(settings) => Arc::new(SmbOrigin::new(id, settings)?),
    };
    Ok(Guarded::new(origin, limits, figures))
}

/// What is needed to reach an origin.
///
/// # Errors
/// As [`connect`].
pub(crate) fn target(spec: &OriginSpec, env: Env<'_>) -> Result<Target, OriginError> {
    let origin = OriginConfig::of_spec(spec).map_err(unusable)?;
    let url = match &origin.root {
        Root::Folder(path) => return Ok(Target::Folder(path.clone())),
        Root::Remote(url) => url,
    };
    let told = Told {
        connections: limits::connections(&origin).get(),
        origin: &origin,
        env,
    };
    Ok(match origin.kind() {
        OriginKind::S3 => Target::S3(told.s3(url)?),
        OriginKind::Sftp => Target::Sftp(told.sftp(url)?),
        OriginKind::Smb => Target::Smb(told.smb(url)?),
        // No other kind has an address.
        OriginKind::Webdav | OriginKind::Local | OriginKind::Nfs => {
            Target::Webdav(told.webdav(url)?)
        }
    })
}

/// What is told of an origin with an address.
struct Told<'a> {
    origin: &'a OriginConfig,
    connections: usize,
    env: Env<'a>,
}

impl Told<'_> {
    fn s3(&self, url: &RemoteUrl) -> Result<S3Settings, OriginError> {
        let key = self.option("access_key_id");
        let secret = self.secret("secret_access_key")?;
        Ok(S3Settings {
            bucket: url.host(),
            prefix: below(&url.path())?,
            endpoint: self.option("endpoint"),
            region: self.option("region"),
            key: key.zip(secret),
            session_token: self.secret("token")?,
            connections: self.connections,
        })
    }

    fn webdav(&self, url: &RemoteUrl) -> Result<WebdavSettings, OriginError> {
        let password = self.option("user").zip(self.secret("password")?);
        let login = match (password, self.secret("token")?) {
            (Some((user, password)), _) => Some(WebdavLogin::Password(user, password)),
            (None, Some(token)) => Some(WebdavLogin::Token(token)),
            (None, None) => None,
        };
        Ok(WebdavSettings {
            url: url.to_string(),
            login,
            connections: self.connections,
        })
    }

    fn sftp(&self, url: &RemoteUrl) -> Result<SftpSettings, OriginError> {
        let ssh = (self.env)("HOME").map(|home| PathBuf::from(home).join(".ssh"));
        let known_hosts = self.option("known_hosts").map(PathBuf::from);
        let usual = match &ssh {
            Some(ssh) => ssh.join("known_hosts"),
            None => PathBuf::from("/etc/ssh/ssh_known_hosts"),
        };
        let path = url.path();
        let root = match path.strip_prefix(b"~") {
            Some(rest) if matches!(rest.first(), None | Some(b'/')) => {
                rest.strip_prefix(b"/").unwrap_or(rest).to_vec()
            }
            _ => [b"/", &*path].concat(),
        };
        Ok(SftpSettings {
            host: url.host(),
            port: url.port().unwrap_or(SSH_PORT),
            user: self.option("user").unwrap_or_default(),
            root,
            logins: self.sftp_logins(ssh.as_deref())?,
            known_hosts: known_hosts.unwrap_or(usual),
            connections: self.connections,
        })
    }

    fn sftp_logins(&self, ssh: Option<&Path>) -> Result<Vec<SftpLogin>, OriginError> {
        let mut logins = Vec::new();
        if let Some(key) = self.option("key_file") {
            logins.push(SftpLogin::Key(key.into(), self.secret("passphrase")?));
        }
        if let Some(password) = self.secret("password")? {
            logins.push(SftpLogin::Password(password));
        }
        if !logins.is_empty() {
            return Ok(logins);
        }
        if (self.env)("SSH_AUTH_SOCK").is_some() {
            logins.push(SftpLogin::Agent);
        }
        let usual = USUAL_KEYS.iter().filter_map(|name| Some(ssh?.join(name)));
        let there = usual.filter(|key| key.is_file());
        logins.extend(there.map(|key| SftpLogin::Key(key, None)));
        if logins.is_empty() {
            return Err(OriginError {
                kind: ErrorKind::Denied,
                message:
                    "there is nothing to log in with: no ssh-agent, and no key in ~/.ssh; tell of \
                          one with `key_file`, or of a password with `password_file`"
                        .to_owned(),
            });
        }
        Ok(logins)
    }

    fn smb(&self, url: &RemoteUrl) -> Result<SmbSettings, OriginError> {
        let path = url.path();
        let mut parts = path.splitn(2, |byte| *byte == b'/');
        let share = parts.next().unwrap_or_default();
        let share = std::str::from_utf8(share)
            .map_err(|_| unusable(format!("the share's name in {url} is not UTF-8")))?;
        let root = below(parts.next().unwrap_or_default())?;
        let login = self.option("user").zip(self.secret("password")?);
        Ok(SmbSettings {
            host: url.host(),
            port: url.port().unwrap_or(SMB_PORT),
            share: share.to_owned(),
            root,
            login: login.map(|(user, password)| {
                let (domain, user) = match user.split_once(['\\', ';']) {
                    Some((domain, user)) => (Some(domain.to_owned()), user.to_owned()),
                    None => (None, user),
                };
                SmbLogin {
                    domain,
                    user,
                    password,
                }
            }),
            connections: self.connections,
        })
    }

    fn option(&self, key: &str) -> Option<String> {
        self.origin.options.get(key).cloned()
    }

    fn secret(&self, name: &str) -> Result<Option<Secret>, OriginError> {
        let source = self.origin.secret(name);
        let fetched = source.map(|source| source.fetch(self.env)).transpose();
        fetched.map_err(|problem| OriginError {
            kind: ErrorKind::Denied,
            message: format!("its {name} {problem}"),
        })
    }
}

/// A folder within a bucket or a share.
fn below(path: &[u8]) -> Result<OriginPath, OriginError> {
    OriginPath::new(path).map_err(|error| unusable(error.to_string()))
}

const fn unusable(message: String) -> OriginError {
    OriginError {
        kind: ErrorKind::Io,
        message,
    }
}

/// The machine whose name has to be resolved to reach an origin; `None` where there is none, or only
/// its implementation knows.
pub(super) fn host(spec: &OriginSpec) -> Option<String> {
    let root = std::str::from_utf8(&spec.root).ok()?;
    let address = spec.options.get("endpoint").map_or(root, String::as_str);
    let (url, _) = RemoteUrl::parse(address).ok()?;
    // A bucket of AWS is no host.
    (url.kind() != OriginKind::S3).then(|| url.host())
}

/// The folder that a root is, where it is one.
pub(crate) fn folder(spec: &OriginSpec) -> Option<PathBuf> {
    let is_remote = std::str::from_utf8(&spec.root).is_ok_and(RemoteUrl::is_one);
    (!is_remote).then(|| PathBuf::from(OsStr::from_bytes(&spec.root)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(root: &str, options: &[(&str, &str)]) -> Result<Target, OriginError> {
        let options = options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let origin = OriginConfig::of_parts("", root.as_bytes(), options).unwrap();
        let spec = origin.spec(&"a".parse().unwrap());
        target(&spec, &|name| match name {
            "HOME" => Some("/nowhere/me".to_owned()),
            "PW" => Some("hunter2".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn an_address_tells_where_and_the_options_how() {
        let key = [("access_key_id", "K"), ("secret_access_key_env", "PW")];
        let Ok(Target::S3(s3)) = made("s3://music/a/b", &key) else {
            panic!("no bucket")
        };
        assert_eq!((&*s3.bucket, s3.prefix.as_bytes()), ("music", &b"a/b"[..]));
        let (id, secret) = s3.key.unwrap();
        assert_eq!((&*id, secret.reveal()), ("K", "hunter2"));

        let Ok(Target::Webdav(dav)) = made("https://me@h/dav", &[("password_env", "PW")]) else {
            panic!("no folder")
        };
        assert_eq!(dav.url, "https://h/dav/");
        assert!(matches!(dav.login, Some(WebdavLogin::Password(user, _)) if user == "me"));

        let sftp = |root: &str| match made(root, &[("password_env", "PW")]) {
            Ok(Target::Sftp(sftp)) => sftp,
            other => panic!("{other:?}"),
        };
        let nas = sftp("sftp://me@[::1]:2022/srv/%FF");
        assert_eq!((&*nas.host, nas.port), ("::1", 2022));
        assert_eq!((&*nas.user, &*nas.root), ("me", &b"/srv/\xff"[..]));
        assert_eq!(
            nas.known_hosts,
            PathBuf::from("/nowhere/me/.ssh/known_hosts")
        );
        assert_eq!(sftp("sftp://me@h/~/Music").root, b"Music");
        assert_eq!(sftp("sftp://me@h/~").root, b"");
        assert_eq!(sftp("sftp://me@h/~other").root, b"/~other");
        assert_eq!(sftp("sftp://me@h").root, b"/");

        let Ok(Target::Smb(smb)) = made("smb://W;me@nas/share/a/b", &[("password_env", "PW")])
        else {
            panic!("no share")
        };
        assert_eq!((&*smb.share, smb.root.as_bytes()), ("share", &b"a/b"[..]));
        let login = smb.login.unwrap();
        assert_eq!((login.domain.as_deref(), &*login.user), (Some("W"), "me"));
    }

    #[test]
    fn hosts_are_those_that_are_asked() {
        let host = |root: &str, options: &[(&str, &str)]| {
            let options = options
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let origin = OriginConfig::of_parts("", root.as_bytes(), options).unwrap();
            super::host(&origin.spec(&"a".parse().unwrap()))
        };
        assert_eq!(
            host("sftp://me@nas.lan:22/m", &[]).as_deref(),
            Some("nas.lan")
        );
        let endpoint = [("endpoint", "http://minio.lan:9000")];
        assert_eq!(host("s3://music", &endpoint).as_deref(), Some("minio.lan"));
        assert_eq!(host("s3://music", &[]), None);
        assert_eq!(host("/music", &[]), None);
    }

    #[test]
    fn what_keeps_one_from_being_reached_is_told_without_secrets() {
        let told = made("sftp://me@h/", &[("password_env", "NONE")]).unwrap_err();
        assert_eq!(told.kind, ErrorKind::Denied);
        let expected = "its password names the variable NONE, which is not set";
        assert_eq!(told.message, expected);
        let told = made("sftp://me@h/", &[]).unwrap_err();
        assert!(told.message.contains("nothing to log in with"), "{told}");
        let shown = format!("{:?}", made("sftp://me@h/", &[("password_env", "PW")]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
