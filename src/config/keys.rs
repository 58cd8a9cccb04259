//! Every key of the configuration. The parser, the environment, `config init`, `config show` and
//! the reference are all made from these tables: there is no other list.

use std::path::PathBuf;
use std::thread::available_parallelism;

use eventlog::event::NameProfile;

use super::{Config, Env, OriginConfig, expand, shown};
use crate::logging::Format;

/// A value as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Text; from the environment, whatever the key's type.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A list of texts.
    List(Vec<String>),
    /// A value of a type that no key takes; what it is.
    Other(&'static str),
}

/// A key of `T`.
pub struct Key<T> {
    /// Its name, with dots where it is in a table.
    pub name: &'static str,
    /// What it takes, for people.
    pub takes: &'static str,
    /// What it is for; the first sentence stands alone.
    pub about: &'static str,
    /// What to write to have the default, as TOML; where there is none, an example.
    pub example: &'static str,
    /// Takes a value over, or says what is wrong with it.
    pub set: fn(&mut T, &Given, Env<'_>) -> Result<(), String>,
    /// The value as it stands, as TOML; `None` where there is none.
    pub get: fn(&T) -> Option<String>,
}

impl<T> Key<T> {
    /// The environment variable that sets it: `MUSICFS_` and the name in capitals.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("MUSICFS_{}", self.name.to_uppercase().replace('.', "_"))
    }
}

/// The keys outside of `[[origins]]`.
pub const KEYS: &[Key<Config>] = &[
    Key {
        name: "mountpoint",
        takes: "path",
        about: "Where `musicfs mount` shows the library when it is given no MOUNTPOINT.",
        example: "\"~/Music-view\"",
        set: |config, given, env| {
            config.mountpoint = Some(path(given, env)?);
            Ok(())
        },
        get: |config| {
            config
                .mountpoint
                .as_deref()
                .map(|path| quoted(&shown(path)))
        },
    },
    Key {
        name: "state_dir",
        takes: "path",
        about: "The directory of the log, the views, the lock and the socket. One library each. \
                Default: `$XDG_DATA_HOME/musicfs`.",
        example: "\"~/.local/share/musicfs\"",
        set: |config, given, env| {
            config.state_dir = path(given, env)?;
            Ok(())
        },
        get: |config| Some(quoted(&shown(&config.state_dir))),
    },
    Key {
        name: "mount.options",
        takes: "list of mount options",
        about: "Options as for `-o`, such as `allow_other`, `uid=1000`, `gid=1000`, `umask=022`.",
        example: "[]",
        set: |config, given, _| {
            config.mount_options = list(given)?;
            Ok(())
        },
        get: |config| {
            let options: Vec<String> = config
                .mount_options
                .iter()
                .map(|text| quoted(text))
                .collect();
            Some(format!("[{}]", options.join(", ")))
        },
    },
    Key {
        name: "layout.template",
        takes: "path template",
        about: "How paths are made of tags. Where it is set and differs from the library's, the \
                library is changed to it when it is mounted; see `musicfs layout preview`.",
        example: "\"$albumartist/$album< ($year)> [$format_upper]/<$disc->$track - $title.$format\"",
        set: |config, given, _| {
            config.layout_template = Some(text(given)?.to_owned());
            Ok(())
        },
        get: |config| config.layout_template.as_deref().map(quoted),
    },
    Key {
        name: "layout.names",
        takes: "`posix` or `windows`",
        about: "Which names are allowed. With `windows`, none that Windows refuses, for sharing the \
                mount over SMB.",
        example: "\"posix\"",
        set: |config, given, _| {
            let profiles = [
                ("posix", NameProfile::Posix),
                ("windows", NameProfile::Windows),
            ];
            config.layout_names = Some(one_of(given, &profiles)?);
            Ok(())
        },
        get: |config| {
            config.layout_names.map(|names| match names {
                NameProfile::Posix => quoted("posix"),
                NameProfile::Windows => quoted("windows"),
            })
        },
    },
    Key {
        name: "scan.threads",
        takes: "1 to 64",
        about: "How many files a scan reads at once. Default: the number of processors.",
        example: "4",
        set: |config, given, _| {
            config.scan_threads = number(given, 1, 64)?;
            Ok(())
        },
        get: |config| Some(config.scan_threads.to_string()),
    },
    Key {
        name: "metrics.listen",
        takes: "address and port",
        about: "Where `/metrics` (OpenMetrics), `/healthz` and `/readyz` are served over HTTP. \
                Whoever reaches it can read the names of origins; nothing is served unless it is set.",
        example: "\"127.0.0.1:9469\"",
        set: |config, given, _| {
            let address = text(given)?.parse();
            config.metrics_listen =
                Some(address.map_err(|_| "takes an address such as 127.0.0.1:9469".to_owned())?);
            Ok(())
        },
        get: |config| {
            config
                .metrics_listen
                .map(|address| quoted(&address.to_string()))
        },
    },
    Key {
        name: "log.level",
        takes: "`error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,fuse=debug`",
        about: "How much the daemon says about itself. `-v` says more, `-q` less.",
        example: "\"info\"",
        set: |config, given, _| {
            config.log.level = text(given)?.to_owned();
            Ok(())
        },
        get: |config| Some(quoted(&config.log.level)),
    },
    Key {
        name: "log.format",
        takes: "`text` or `json`",
        about: "How the daemon's messages look.",
        example: "\"text\"",
        set: |config, given, _| {
            config.log.format = one_of(given, &[("text", Format::Text), ("json", Format::Json)])?;
            Ok(())
        },
        get: |config| {
            Some(match config.log.format {
                Format::Text => quoted("text"),
                Format::Json => quoted("json"),
            })
        },
    },
    Key {
        name: "log.file",
        takes: "path",
        about: "A file for the daemon's messages. Default: standard error in the foreground, \
                `musicfs.log` in the state directory with `--daemon`.",
        example: "\"/var/log/musicfs.log\"",
        set: |config, given, env| {
            config.log.file = Some(path(given, env)?);
            Ok(())
        },
        get: |config| config.log.file.as_deref().map(|path| quoted(&shown(path))),
    },
];

/// The keys of an entry of `[[origins]]`.
pub const ORIGIN_KEYS: &[Key<OriginConfig>] = &[
    Key {
        name: "id",
        takes: "1 to 64 of `a-z 0-9 . _ -`",
        about: "The origin's id. Default: made of the last part of its path.",
        example: "\"music\"",
        set: |origin, given, _| {
            origin.id = Some(text(given)?.parse().map_err(|error| format!("{error}"))?);
            Ok(())
        },
        get: |origin| origin.id.as_ref().map(|id| quoted(id.as_str())),
    },
    Key {
        name: "type",
        takes: "`local`",
        about: "What kind of origin it is.",
        example: "\"local\"",
        set: |_, given, _| one_of(given, &[("local", ())]),
        get: |_| Some(quoted("local")),
    },
    Key {
        name: "path",
        takes: "path",
        about: "The folder. Required. MusicFS never writes to it.",
        example: "\"~/Music\"",
        set: |origin, given, env| {
            origin.path = path(given, env)?;
            Ok(())
        },
        get: |origin| Some(quoted(&shown(&origin.path))),
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
            origin.refresh = one_of(given, &super::Refresh::NAMES)?;
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
];

/// The configuration that nobody has said anything about.
#[must_use]
pub fn defaults(env: Env<'_>) -> Config {
    Config {
        state_dir: super::default_state_dir(env),
        scan_threads: available_parallelism().map_or(1, |threads| threads.get().min(64)),
        log: crate::logging::Settings {
            level: "info".to_owned(),
            ..Default::default()
        },
        ..Config::default()
    }
}

/// A text as a TOML string (TOML 1.1, basic strings).
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

pub(super) fn text(given: &Given) -> Result<&str, String> {
    match given {
        Given::Text(text) => Ok(text),
        Given::Integer(_) => Err("takes a text in quotes, not a number".to_owned()),
        Given::List(_) => Err("takes one text, not a list".to_owned()),
        Given::Other(what) => Err(format!("takes a text in quotes, not {what}")),
    }
}

pub(super) fn path(given: &Given, env: Env<'_>) -> Result<PathBuf, String> {
    expand(text(given)?, env)
}

/// A list; from one text, its parts between commas.
pub(super) fn list(given: &Given) -> Result<Vec<String>, String> {
    match given {
        Given::List(list) => Ok(list.clone()),
        Given::Text(text) => Ok(text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()),
        Given::Integer(_) | Given::Other(_) => Err("takes a list of texts".to_owned()),
    }
}

pub(super) fn number<T: TryFrom<i64>>(given: &Given, least: i64, most: i64) -> Result<T, String> {
    let number = match given {
        Given::Integer(number) => Some(*number),
        Given::Text(text) => text.parse().ok(),
        Given::List(_) | Given::Other(_) => None,
    };
    number
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("takes a number from {least} to {most}"))
}

pub(super) fn one_of<T: Copy>(given: &Given, allowed: &[(&str, T)]) -> Result<T, String> {
    let text = text(given)?;
    allowed
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let names: Vec<&str> = allowed.iter().map(|(name, _)| *name).collect();
            format!("is {text:?}, and has to be {}", names.join(" or "))
        })
}
