//! What is needed to reach an origin on another machine.

use std::path::PathBuf;

use eventlog::OriginPath;

use crate::Secret;

/// A bucket of an S3-compatible service, or what is below a prefix of it.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// Below which prefix the music is; the root for all of it.
    pub prefix: OriginPath,
    /// The service's address, such as `http://127.0.0.1:3900`; `None` for that of AWS.
    pub endpoint: Option<String>,
    /// The service's region; `None` for `us-east-1`.
    pub region: Option<String>,
    /// The access key's id and secret; `None` to read what everybody may.
    pub key: Option<(String, Secret)>,
    /// What belongs to a temporary key.
    pub session_token: Option<Secret>,
    /// How many requests may be under way at once; at least one.
    pub connections: usize,
}

/// A folder of a WebDAV server (RFC 4918).
#[derive(Debug, Clone)]
pub struct WebdavSettings {
    /// The folder's address, `http://` or `https://`, without user or password.
    pub url: String,
    /// Who we are.
    pub login: Option<WebdavLogin>,
    /// How many requests may be under way at once; at least one.
    pub connections: usize,
}

/// How to log in to a WebDAV server.
#[derive(Debug, Clone)]
pub enum WebdavLogin {
    /// By name and password (RFC 7617).
    Password(String, Secret),
    /// By a bearer token (RFC 6750).
    Token(Secret),
}

/// A folder of an SFTP server.
#[derive(Debug, Clone)]
pub struct SftpSettings {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The folder, absolute, or from where the user's session begins.
    pub root: Vec<u8>,
    /// How the user proves to be who they are; tried in order.
    pub logins: Vec<SftpLogin>,
    /// The file of known host keys, as `ssh` keeps it; a server that it does not know is refused.
    pub known_hosts: PathBuf,
    /// How many sessions may be open at once; at least one.
    pub connections: usize,
}

/// One way to log in to an SFTP server.
#[derive(Debug, Clone)]
pub enum SftpLogin {
    /// By a private key in a file, and the passphrase that it may need.
    Key(PathBuf, Option<Secret>),
    /// By the keys of the running `ssh-agent`.
    Agent,
    /// By password.
    Password(Secret),
}

/// A folder of an SMB share, spoken to directly.
#[derive(Debug, Clone)]
pub struct SmbSettings {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The share.
    pub share: String,
    /// The folder within it.
    pub root: OriginPath,
    /// Domain, user and password; `None` for a guest.
    pub login: Option<SmbLogin>,
    /// How many connections may be open at once; at least one.
    pub connections: usize,
}

/// How to log in to an SMB server.
#[derive(Debug, Clone)]
pub struct SmbLogin {
    /// The domain or workgroup, where there is one.
    pub domain: Option<String>,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: Secret,
}
