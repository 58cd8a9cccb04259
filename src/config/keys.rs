//! Every key of the configuration. The parser, the environment, `config init`, `config show` and
//! the reference are all made from these tables: there is no other list.

use std::thread::available_parallelism;

use content::DeltaVerify;
use eventlog::event::{Duplicates, NameProfile};

pub use super::given::Given;
pub(super) use super::given::{
    amount, boolean, list, name_of, number, one_of, path, path_of, quoted, text,
};
pub use super::key::Key;
use super::{Config, Env, shown};
use crate::cache::size;
use crate::logging::{Format, Target};
use crate::scan::Sidecars;

const DELTAS: [(&str, DeltaVerify); 3] = [
    ("proof", DeltaVerify::Proof),
    ("sampled", DeltaVerify::Sampled),
    ("full", DeltaVerify::Full),
];

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
        get: |config| path_of(config.mountpoint.as_deref()),
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
        name: "layout.duplicates",
        takes: "`content`, `tags` or `all`",
        about: "Which files of several origins are shown once: those that sound the same, or those \
                whose tags say the same; with `all`, every file is shown. See \
                [SEMANTICS](SEMANTICS.md#the-same-recording-on-several-origins).",
        example: "\"content\"",
        set: |config, given, _| {
            let rules = Duplicates::EVERY.map(|rule| (rule.name(), rule));
            config.layout_duplicates = Some(one_of(given, &rules)?);
            Ok(())
        },
        get: |config| config.layout_duplicates.map(|rule| quoted(rule.name())),
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
        name: "scan.sidecars",
        takes: "list of extensions",
        about: "Which files that are no tracks are shown beside tracks, in the directory of their album: \
                covers, lyrics, booklets and the like. With `[]`, none. See \
                [SEMANTICS](SEMANTICS.md#files-beside-tracks).",
        example: "[\"jpg\", \"png\", \"lrc\", \"cue\", \"pdf\"]",
        set: |config, given, _| {
            config.sidecars = Sidecars::new(&list(given)?);
            Ok(())
        },
        get: |config| {
            let extensions: Vec<_> = config.sidecars.extensions().map(quoted).collect();
            Some(format!("[{}]", extensions.join(", ")))
        },
    },
    Key {
        name: "cache.enabled",
        takes: "`true` or `false`",
        about: "Whether what is read of files on other machines is kept in the content store. With \
                `false`, it is fetched each time.",
        example: "true",
        set: |config, given, _| {
            config.cache.enabled = boolean(given)?;
            Ok(())
        },
        get: |config| Some(config.cache.enabled.to_string()),
    },
    Key {
        name: "cache.dir",
        takes: "path",
        about: "The directory of the content store; MusicFS makes it, and nothing else may be in it. \
                Default: `store` in the state directory.",
        example: "\"/var/cache/musicfs\"",
        set: |config, given, env| {
            config.cache.dir = Some(path(given, env)?);
            Ok(())
        },
        get: |config| path_of(config.cache.dir.as_deref()),
    },
    Key {
        name: "cache.size",
        takes: "amount of bytes, such as `10 GB` or `512 MiB`",
        about: "How much the content store keeps. What was used least recently leaves first; what is \
                pinned stays. From 90 % of its disk on, less is kept.",
        example: "\"10 GB\"",
        set: |config, given, _| {
            config.cache.size = amount(given)?;
            Ok(())
        },
        get: |config| Some(quoted(&size::exact(config.cache.size))),
    },
    Key {
        name: "cache.delta_verify",
        takes: "`proof`, `sampled` or `full`",
        about: "When the sound of a file whose tags changed is not fetched again: where a checksum \
                proves that it is as it was, as FLAC's own or that of an S3 object does; or where \
                samples of it are, too, and all of it is compared later; or never.",
        example: "\"sampled\"",
        set: |config, given, _| {
            config.cache.delta = one_of(given, &DELTAS)?;
            Ok(())
        },
        get: |config| name_of(&config.cache.delta, &DELTAS),
    },
    Key {
        name: "cache.verify_budget",
        takes: "amount of bytes",
        about: "How much is fetched a day to compare what samples said.",
        example: "\"1 GB\"",
        set: |config, given, _| {
            config.cache.verify_budget = amount(given)?;
            Ok(())
        },
        get: |config| Some(quoted(&size::exact(config.cache.verify_budget))),
    },
    Key {
        name: "prefetch.enabled",
        takes: "`true` or `false`",
        about: "Whether what is likely to be played next is fetched ahead, of files on other machines. \
                What is asked for by name (`musicfs cache prefetch`, `.prefetch`) is fetched with either.",
        example: "true",
        set: |config, given, _| {
            config.prefetch.enabled = boolean(given)?;
            Ok(())
        },
        get: |config| Some(config.prefetch.enabled.to_string()),
    },
    Key {
        name: "prefetch.tracks",
        takes: "1 to 20",
        about: "How many tracks ahead of the one that is playing.",
        example: "3",
        set: |config, given, _| {
            config.prefetch.tracks = number(given, 1, 20)?;
            Ok(())
        },
        get: |config| Some(config.prefetch.tracks.to_string()),
    },
    Key {
        name: "prefetch.queue",
        takes: "1 to 10000",
        about: "How many tracks may wait to be fetched ahead. What is asked for by name comes first; the \
                oldest prediction makes way.",
        example: "100",
        set: |config, given, _| {
            config.prefetch.queue = number(given, 1, 10_000)?;
            Ok(())
        },
        get: |config| Some(config.prefetch.queue.to_string()),
    },
    Key {
        name: "prefetch.concurrency",
        takes: "1 to 16",
        about: "How many tracks are fetched ahead at the same time.",
        example: "2",
        set: |config, given, _| {
            config.prefetch.concurrency = number(given, 1, 16)?;
            Ok(())
        },
        get: |config| Some(config.prefetch.concurrency.to_string()),
    },
    Key {
        name: "access.enabled",
        takes: "`true` or `false`",
        about: "Whether what is read through the mount becomes events: `track.read`, and \
                `access.scanned` for programs that look into many files.",
        example: "true",
        set: |config, given, _| {
            config.access.enabled = boolean(given)?;
            Ok(())
        },
        get: |config| Some(config.access.enabled.to_string()),
    },
    Key {
        name: "access.process_names",
        takes: "`true` or `false`",
        about: "Whether those events name the program that read, such as `mpv`.",
        example: "true",
        set: |config, given, _| {
            config.access.process_names = boolean(given)?;
            Ok(())
        },
        get: |config| Some(config.access.process_names.to_string()),
    },
    Key {
        name: "access.keep_days",
        takes: "days, 0 to 36500; 0 for ever",
        about: "After how many days `track.read` events are folded into sums for each track. What is \
                folded cannot be had back: who read, when and for how long is gone. Default: never, \
                since 100 tracks a day take some 10 MB a year.",
        example: "0",
        set: |config, given, _| {
            config.access.keep_days = number(given, 0, 36_500)?;
            Ok(())
        },
        get: |config| Some(config.access.keep_days.to_string()),
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
        name: "control.listen",
        takes: "address and port",
        about: "Where the control plane is served over TCP, beside the socket in the state \
                directory. With TLS and a token only, on whichever address; docs/CONTROL.md shows how.",
        example: "\"127.0.0.1:9470\"",
        set: |config, given, _| {
            let address = text(given)?.parse();
            config.control.listen =
                Some(address.map_err(|_| "takes an address such as 127.0.0.1:9470".to_owned())?);
            Ok(())
        },
        get: |config| {
            config
                .control
                .listen
                .map(|address| quoted(&address.to_string()))
        },
    },
    Key {
        name: "control.tls_cert",
        takes: "path",
        about: "The certificate for TCP, and after it those that it rests on, in PEM. Read again at \
                each reload, as the key and the token are.",
        example: "\"~/.config/musicfs/control.crt\"",
        set: |config, given, env| {
            config.control.tls_cert = Some(path(given, env)?);
            Ok(())
        },
        get: |config| path_of(config.control.tls_cert.as_deref()),
    },
    Key {
        name: "control.tls_key",
        takes: "path",
        about: "The key of that certificate, in PEM.",
        example: "\"~/.config/musicfs/control.key\"",
        set: |config, given, env| {
            config.control.tls_key = Some(path(given, env)?);
            Ok(())
        },
        get: |config| path_of(config.control.tls_key.as_deref()),
    },
    Key {
        name: "control.token_file",
        takes: "path",
        about: "A file with the token that calls over TCP have to show, of 20 characters or more. \
                In the environment, `MUSICFS_CONTROL_TOKEN` can hold the token itself, in its place.",
        example: "\"~/.config/musicfs/control.token\"",
        set: |config, given, env| {
            config.control.token_file = Some(path(given, env)?);
            Ok(())
        },
        get: |config| path_of(config.control.token_file.as_deref()),
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
        about: "How the daemon's messages look. In the journal, fields are fields with either.",
        example: "\"text\"",
        set: |config, given, _| {
            config.log.format = one_of(given, &FORMATS)?;
            Ok(())
        },
        get: |config| name_of(&config.log.format, &FORMATS),
    },
    Key {
        name: "log.target",
        takes: "`auto`, `stderr`, `file` or `journal`",
        about: "Where the daemon's messages go. By default to `log.file`, where that is set; to the \
                journal, where systemd has connected standard error to it; else to standard error, \
                and with `--daemon` to `musicfs.log` in the state directory.",
        example: "\"auto\"",
        set: |config, given, _| {
            config.log.target = one_of(given, &TARGETS)?;
            Ok(())
        },
        get: |config| name_of(&config.log.target, &TARGETS),
    },
    Key {
        name: "log.file",
        takes: "path",
        about: "The file for the daemon's messages. It is opened anew at each reload, for those who \
                move it away themselves.",
        example: "\"/var/log/musicfs.log\"",
        set: |config, given, env| {
            config.log.file = Some(path(given, env)?);
            Ok(())
        },
        get: |config| path_of(config.log.file.as_deref()),
    },
    Key {
        name: "log.rotate_mb",
        takes: "MB, 0 to 1000000; 0 for never",
        about: "The size at which that file is put aside as `FILE.1`, the one before it as `FILE.2`, \
                and so on.",
        example: "10",
        set: |config, given, _| {
            config.log.rotate_mb = number(given, 0, 1_000_000)?;
            Ok(())
        },
        get: |config| Some(config.log.rotate_mb.to_string()),
    },
    Key {
        name: "log.keep",
        takes: "0 to 1000",
        about: "How many files put aside are kept.",
        example: "5",
        set: |config, given, _| {
            config.log.keep = number(given, 0, 1_000)?;
            Ok(())
        },
        get: |config| Some(config.log.keep.to_string()),
    },
    Key {
        name: "log.redact_paths",
        takes: "`true` or `false`",
        about: "Whether paths are left out of the daemon's messages, as far as they can be told from \
                what is around them: for logs that are given to others.",
        example: "false",
        set: |config, given, _| {
            config.log.redact_paths = boolean(given)?;
            Ok(())
        },
        get: |config| Some(config.log.redact_paths.to_string()),
    },
];

const FORMATS: [(&str, Format); 2] = [("text", Format::Text), ("json", Format::Json)];

const TARGETS: [(&str, Target); 4] = [
    ("auto", Target::Auto),
    ("stderr", Target::Stderr),
    ("file", Target::File),
    ("journal", Target::Journal),
];

/// The configuration that nobody has said anything about.
#[must_use]
pub fn defaults(env: Env<'_>) -> Config {
    Config {
        state_dir: super::default_state_dir(env),
        sidecars: Sidecars::default(),
        scan_threads: available_parallelism().map_or(1, |threads| threads.get().min(64)),
        log: crate::logging::Settings {
            level: "info".to_owned(),
            rotate_mb: 10,
            keep: 5,
            ..Default::default()
        },
        ..Config::default()
    }
}
