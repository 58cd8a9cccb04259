//! The keys of an entry of `[[origins]]`, as [`super::keys`] has the others.

use eventlog::OriginPath;

use super::keys::{Given, Key, number, one_of, path, quoted, text};
use super::root::RemoteUrl;
use super::{Env, OriginConfig, OriginKind, Refresh, Root, shown};

/// A key that tells where a secret is kept.
macro_rules! kept {
    ($name:literal, $takes:literal, $example:literal, $set:expr, $about:literal) => {
        Key {
            name: $name,
            takes: $takes,
            about: $about,
            example: $example,
            set: |origin, given, env| {
                let value: String = $set(given, env)?;
                origin.options.insert($name.to_owned(), value);
                Ok(())
            },
            get: |origin| origin.options.get($name).map(|value| quoted(value)),
        }
    };
}

macro_rules! variable {
    ($name:literal, $example:literal, $about:literal) => {
        kept!(
            $name,
            "name of an environment variable",
            $example,
            name,
            $about
        )
    };
}

macro_rules! file {
    ($name:literal, $example:literal, $about:literal) => {
        kept!($name, "path", $example, path_text, $about)
    };
}

macro_rules! credential {
    ($name:literal, $example:literal, $about:literal) => {
        kept!($name, "name of a credential", $example, credential, $about)
    };
}

macro_rules! keyring {
    ($name:literal, $example:literal, $about:literal) => {
        kept!($name, "name of an entry", $example, name, $about)
    };
}

/// The keys of an entry of `[[origins]]`.
pub(super) const ORIGIN_KEYS: &[Key<OriginConfig>] = &[
    Key {
        name: "id",
        takes: "1 to 64 of `a-z 0-9 . _ -`",
        about: "The origin's id. Default: made of the last part of its path or url.",
        example: "\"music\"",
        set: |origin, given, _| {
            origin.id = Some(text(given)?.parse().map_err(|error| format!("{error}"))?);
            Ok(())
        },
        get: |origin| origin.id.as_ref().map(|id| quoted(id.as_str())),
    },
    Key {
        name: "type",
        takes: "`local`, `nfs`, `smb`, `s3`, `webdav` or `sftp`",
        about: "What kind of origin it is. Default: what its `url` tells, and `local` for a `path`. A \
                share that the system has mounted is `nfs` or `smb` with a `path`: it is listed at \
                intervals, since of changes that other machines make nothing is told, and its server \
                is given more time to answer.",
        example: "\"local\"",
        set: |origin, given, _| {
            origin.kind = Some(one_of(given, &OriginKind::NAMES)?);
            Ok(())
        },
        get: |origin| Some(quoted(origin.kind().name())),
    },
    Key {
        name: "path",
        takes: "path",
        about: "The folder, of an origin on this machine or of a mounted share. Required where there \
                is no `url`. MusicFS never writes to it.",
        example: "\"~/Music\"",
        set: |origin, given, env| {
            origin.root = only_root(origin, Root::Folder(path(given, env)?))?;
            Ok(())
        },
        get: |origin| origin.root.folder().map(|path| quoted(&shown(path))),
    },
    Key {
        name: "url",
        takes: "address that begins with `s3://`, `https://`, `http://`, `sftp://` or `smb://`",
        about: "The folder on another machine: `s3://BUCKET/PREFIX`, `https://HOST/FOLDER/` (WebDAV), \
                `sftp://USER@HOST:PORT/FOLDER`, `smb://USER@HOST/SHARE/FOLDER`. With SFTP, `/~/FOLDER` \
                is in the user's home. No password: that is kept elsewhere. [ORIGINS](ORIGINS.md) shows \
                how to add each.",
        example: "\"sftp://me@nas.lan/srv/music\"",
        set: |origin, given, _| {
            let (url, user) = RemoteUrl::parse(text(given)?)?;
            origin.root = only_root(origin, Root::Remote(url))?;
            user.map_or(Ok(()), |user| origin.set_user(user))
        },
        get: |origin| match &origin.root {
            Root::Remote(url) => Some(quoted(&url.to_string())),
            Root::Folder(_) => None,
        },
    },
    Key {
        name: "name",
        takes: "text",
        about: "The origin's name for people. Default: its id.",
        example: "\"My music\"",
        set: |origin, given, _| {
            origin.name = Some(text(given)?.to_owned());
            Ok(())
        },
        get: |origin| origin.name.as_deref().map(quoted),
    },
    Key {
        name: "refresh",
        takes: "`watch`, `interval`, `start` or `never`",
        about: "When the origin is listed again: as the system tells of changes, or else at \
                intervals; at intervals; when the daemon starts; only by `musicfs origin rescan`.",
        example: "\"watch\"",
        set: |origin, given, _| {
            origin.refresh = one_of(given, &Refresh::NAMES)?;
            Ok(())
        },
        get: |origin| Some(quoted(origin.refresh.name())),
    },
    Key {
        name: "interval",
        takes: "seconds, 1 to 604800",
        about: "Seconds between listings, where the origin is not watched.",
        example: "300",
        set: |origin, given, _| {
            origin.interval_secs = number(given, 1, 604_800)?;
            Ok(())
        },
        get: |origin| Some(origin.interval_secs.to_string()),
    },
    Key {
        name: "priority",
        takes: "-1000 to 1000",
        about: "Which of several origins with the same music is read: the one that answers; of those \
                the one with the highest priority; of those the fastest. Default: 0.",
        example: "0",
        set: |origin, given, _| numbered(origin, "priority", given, -1_000, 1_000),
        get: |origin| origin.options.get("priority").cloned(),
    },
    Key {
        name: "connections",
        takes: "1 to 64",
        about: "How many requests may be under way at once. Scans leave one of them to listeners. Not \
                for type `local`. Default: 4 for `sftp` and `smb://`, 8 for others.",
        example: "4",
        set: |origin, given, _| numbered(origin, "connections", given, 1, 64),
        get: |origin| origin.options.get("connections").cloned(),
    },
    Key {
        name: "requests_per_second",
        takes: "1 to 100000",
        about: "How many requests a second may be made. Not for type `local`. Default: no limit.",
        example: "20",
        set: |origin, given, _| numbered(origin, "requests_per_second", given, 1, 100_000),
        get: |origin| origin.options.get("requests_per_second").cloned(),
    },
    Key {
        name: "bytes_per_second",
        takes: "16384 to 100000000000",
        about: "How many bytes a second may be read of files, listeners and scans together. Not for \
                type `local`. Default: no limit.",
        example: "2000000",
        set: |origin, given, _| {
            numbered(origin, "bytes_per_second", given, 16_384, 100_000_000_000)
        },
        get: |origin| origin.options.get("bytes_per_second").cloned(),
    },
    Key {
        name: "user",
        takes: "text",
        about: "Who we are, for `webdav`, `sftp` and `smb://`, in place of `USER@` in the url. For SMB, \
                `DOMAIN\\USER` where there is a domain.",
        example: "\"me\"",
        set: |origin, given, env| {
            let user = name(given, env)?;
            origin.set_user(user)
        },
        get: |origin| origin.options.get("user").map(|user| quoted(user)),
    },
    Key {
        name: "endpoint",
        takes: "address that begins with `http://` or `https://`",
        about: "The server of an `s3` origin, where it is not AWS.",
        example: "\"https://minio.lan:9000\"",
        set: |origin, given, _| {
            let wrong = || "takes an address such as https://minio.lan:9000".to_owned();
            let (url, user) = RemoteUrl::parse(text(given)?).map_err(|_| wrong())?;
            if user.is_some() || url.kind() != OriginKind::Webdav {
                return Err(wrong());
            }
            let url = url.to_string();
            let url = url.trim_end_matches('/').to_owned();
            origin.options.insert("endpoint".to_owned(), url);
            Ok(())
        },
        get: |origin| origin.options.get("endpoint").map(|url| quoted(url)),
    },
    kept!(
        "region",
        "text",
        "\"us-east-1\"",
        name,
        "The region of an `s3` origin, as its server names it. Default: `us-east-1`."
    ),
    kept!(
        "access_key_id",
        "text",
        "\"AKIAIOSFODNN7EXAMPLE\"",
        name,
        "The id of the access key to an `s3` origin; it is no secret. Without it, what everybody may \
         read is read."
    ),
    variable!(
        "secret_access_key_env",
        "\"MUSICFS_BUCKET_SECRET\"",
        "The variable of the daemon that holds that key's secret."
    ),
    file!(
        "secret_access_key_file",
        "\"~/.config/musicfs/bucket.secret\"",
        "The file that holds that key's secret."
    ),
    credential!(
        "secret_access_key_credential",
        "\"bucket\"",
        "The systemd credential that holds that key's secret (`LoadCredential=` of the unit)."
    ),
    keyring!(
        "secret_access_key_keyring",
        "\"bucket\"",
        "The keyring's entry that holds that key's secret."
    ),
    variable!(
        "password_env",
        "\"NAS_PASSWORD\"",
        "The variable of the daemon that holds the user's password, for `webdav`, `sftp` and `smb://`."
    ),
    file!(
        "password_file",
        "\"~/.config/musicfs/nas.password\"",
        "The file that holds the user's password. One end of line at its end is not part of it."
    ),
    credential!(
        "password_credential",
        "\"nas\"",
        "The systemd credential that holds the user's password (`LoadCredential=` of the unit)."
    ),
    keyring!(
        "password_keyring",
        "\"nas\"",
        "The keyring's entry that holds the user's password: `secret-tool store --label='MusicFS nas' \
         service musicfs username nas` makes one."
    ),
    variable!(
        "token_env",
        "\"CLOUD_TOKEN\"",
        "The variable of the daemon that holds a bearer token (`webdav`) or what belongs to a temporary \
         key (`s3`)."
    ),
    file!(
        "token_file",
        "\"~/.config/musicfs/cloud.token\"",
        "The file that holds that token."
    ),
    credential!(
        "token_credential",
        "\"cloud\"",
        "The systemd credential that holds that token."
    ),
    keyring!(
        "token_keyring",
        "\"cloud\"",
        "The keyring's entry that holds that token."
    ),
    file!(
        "key_file",
        "\"~/.ssh/id_ed25519\"",
        "The private key for `sftp`. Without a key and a password, the running `ssh-agent` is asked, \
         then the usual keys in `~/.ssh` are tried."
    ),
    variable!(
        "passphrase_env",
        "\"KEY_PASSPHRASE\"",
        "The variable of the daemon that holds the passphrase of `key_file`."
    ),
    file!(
        "passphrase_file",
        "\"~/.config/musicfs/key.passphrase\"",
        "The file that holds that passphrase."
    ),
    credential!(
        "passphrase_credential",
        "\"key\"",
        "The systemd credential that holds that passphrase."
    ),
    keyring!(
        "passphrase_keyring",
        "\"key\"",
        "The keyring's entry that holds that passphrase."
    ),
    file!(
        "known_hosts",
        "\"~/.ssh/known_hosts\"",
        "The file of known host keys for `sftp`, as `ssh` keeps it; a server that it does not know is \
         refused. Default: `~/.ssh/known_hosts`, and `/etc/ssh/ssh_known_hosts` where nobody is at home."
    ),
];

/// The root, where there is none yet.
fn only_root(origin: &OriginConfig, root: Root) -> Result<Root, String> {
    if origin.root.is_empty() {
        Ok(root)
    } else {
        Err("comes beside another root; keep one of `path` and `url`".to_owned())
    }
}

fn numbered(
    origin: &mut OriginConfig,
    key: &str,
    given: &Given,
    least: i64,
    most: i64,
) -> Result<(), String> {
    let number: i64 = number(given, least, most)?;
    origin.options.insert(key.to_owned(), number.to_string());
    Ok(())
}

/// A text that is not empty.
fn name(given: &Given, _: Env<'_>) -> Result<String, String> {
    match text(given)? {
        "" => Err("is empty".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// A path as text, since options are kept as texts.
fn path_text(given: &Given, env: Env<'_>) -> Result<String, String> {
    let path = path(given, env)?.into_os_string().into_string();
    path.map_err(|path| format!("{path:?} is not UTF-8"))
}

/// A name of a file in a directory, and no way out of it.
fn credential(given: &Given, env: Env<'_>) -> Result<String, String> {
    let name = name(given, env)?;
    let path = OriginPath::root().join(name.as_bytes());
    match path {
        Ok(_) => Ok(name),
        Err(_) => Err("takes a credential's name, such as nas-password".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::{SECRETS, WAYS};
    use super::*;

    fn given(example: &str) -> Given {
        let table: toml::Table = format!("value = {example}").parse().unwrap();
        match &table["value"] {
            toml::Value::String(text) => Given::Text(text.clone()),
            toml::Value::Integer(number) => Given::Integer(*number),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_key_can_be_set_to_its_example_and_shown_again() {
        for key in ORIGIN_KEYS {
            let mut origin = OriginConfig::default();
            let env = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
            (key.set)(&mut origin, &given(key.example), &env).unwrap();
            let shown = (key.get)(&origin).unwrap();
            let expected = key.example.replace('~', "/home/me").replace("me@", "");
            assert_eq!(shown, expected, "{}", key.name);
        }
    }

    #[test]
    fn every_secret_can_be_kept_in_every_place() {
        for secret in SECRETS {
            for way in WAYS {
                let name = format!("{secret}_{way}");
                assert!(ORIGIN_KEYS.iter().any(|key| key.name == name), "{name}");
            }
        }
    }

    #[test]
    fn a_credential_is_in_its_directory() {
        let mut origin = OriginConfig::default();
        for wrong in ["", "../passwd", "/etc/passwd", ".."] {
            let set = origin.set_option("password_credential", wrong.to_owned());
            assert!(set.is_err(), "{wrong}");
        }
    }
}
