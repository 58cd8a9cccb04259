//! Mount options: what a mount can be told, and how `-o` and fstab spell it (FS-13).

use crate::attr::Owner;

/// How a filesystem is mounted. It is always read-only, and devices, set-user-id and execution are
/// never honoured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOptions {
    /// Other users may use the mount; ordinary users need `user_allow_other` in /etc/fuse.conf.
    pub allow_other: bool,
    /// Owner of everything; by default the user who mounts.
    pub uid: Option<u32>,
    /// Group of everything; by default that of the user who mounts.
    pub gid: Option<u32>,
    /// Permission bits to take away from 0555 and 0444.
    pub umask: u16,
    /// Lets the kernel read local files by itself where it may (CAS-8). It reads what a file holds
    /// at that moment: one that is rewritten in place, not replaced, under a reader is not noticed.
    pub passthrough: bool,
    /// What `mount` and `df` show as the source.
    pub source: String,
}

impl Default for MountOptions {
    fn default() -> Self {
        Self {
            allow_other: false,
            uid: None,
            gid: None,
            umask: 0,
            passthrough: true,
            source: "musicfs".to_owned(),
        }
    }
}

impl MountOptions {
    /// Who owns the files of such a mount, made by this process.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner {
            uid: self
                .uid
                .unwrap_or_else(|| rustix::process::geteuid().as_raw()),
            gid: self
                .gid
                .unwrap_or_else(|| rustix::process::getegid().as_raw()),
            umask: self.umask,
        }
    }
}

/// What `-o` said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The options of the mount.
    pub options: MountOptions,
    /// Options that belong to the caller, as `name` or `name=value` gave them, in order.
    pub callers: Vec<(String, Option<String>)>,
    /// What was accepted and has no effect although somebody may have meant it to.
    pub notes: Vec<String>,
}

/// An option that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// Nobody knows it.
    #[error("unknown mount option {name:?}{}", suggest(.suggestion.as_deref()))]
    Unknown {
        /// As it was given.
        name: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// Its value is missing, superfluous or wrong.
    #[error("mount option {option:?}: {expected}")]
    Value {
        /// As it was given.
        option: String,
        /// What it should look like.
        expected: &'static str,
    },
}

fn suggest(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

/// Options that mount(8), fstab and systemd use among themselves, or that change nothing on a
/// filesystem that is never written.
const WITHOUT_EFFECT: &[&str] = &[
    "_netdev",
    "async",
    "atime",
    "auto",
    "comment",
    "defaults",
    "default_permissions",
    "diratime",
    "group",
    "iversion",
    "lazytime",
    "loud",
    "mand",
    "noatime",
    "noauto",
    "nodev",
    "nodiratime",
    "noexec",
    "nofail",
    "noiversion",
    "nolazytime",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nouser",
    "owner",
    "relatime",
    "ro",
    "silent",
    "strictatime",
    "sync",
    "dirsync",
    "user",
    "users",
];

/// Options that somebody means something by, and that are refused silently by the kernel's side
/// of this mount: accepted because fstab lines carry them, with a note.
const REFUSED: &[(&str, &str)] = &[
    (
        "rw",
        "\"rw\" has no effect: MusicFS never writes, the mount is read-only",
    ),
    ("dev", "\"dev\" has no effect: the mount shows no devices"),
    (
        "suid",
        "\"suid\" has no effect: the mount shows no programs",
    ),
    (
        "exec",
        "\"exec\" has no effect: the mount shows no programs",
    ),
];

const OWN: &[&str] = &[
    "allow_other",
    "uid",
    "gid",
    "umask",
    "passthrough",
    "nopassthrough",
    "fsname",
    "subtype",
];

/// Reads options separated by commas, as after `-o`. Those named in `callers` are handed back for
/// the caller to read.
///
/// # Errors
/// For the first option that is unknown or has a wrong value.
pub fn parse(text: &str, callers: &[&str]) -> Result<Parsed, OptionError> {
    let mut parsed = Parsed::default();
    for option in text
        .split(',')
        .map(str::trim)
        .filter(|option| !option.is_empty())
    {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        if callers.contains(&name) {
            parsed
                .callers
                .push((name.to_owned(), value.map(str::to_owned)));
        } else if !apply(&mut parsed.options, option, name, value)? {
            accept(&mut parsed.notes, name, callers)?;
        }
    }
    Ok(parsed)
}

/// Takes an option of ours; false where it is none.
fn apply(
    options: &mut MountOptions,
    option: &str,
    name: &str,
    value: Option<&str>,
) -> Result<bool, OptionError> {
    let wrong = |expected| OptionError::Value {
        option: option.to_owned(),
        expected,
    };
    let number = || {
        let value = value.and_then(|value| value.parse::<u32>().ok());
        value
            .map(Some)
            .ok_or_else(|| wrong("a number is needed, as in \"uid=1000\""))
    };
    let flag = |set| match value {
        None => Ok(set),
        Some(_) => Err(wrong("it takes no value")),
    };
    match name {
        "allow_other" => options.allow_other = flag(true)?,
        "passthrough" => options.passthrough = flag(true)?,
        "nopassthrough" => options.passthrough = flag(false)?,
        "uid" => options.uid = number()?,
        "gid" => options.gid = number()?,
        "umask" => {
            let bits = value.and_then(|value| u16::from_str_radix(value, 8).ok());
            options.umask = bits
                .filter(|bits| *bits <= 0o777)
                .ok_or_else(|| wrong("octal bits are needed, as in \"umask=022\""))?;
        }
        "fsname" => {
            let source = value.filter(|value| !value.is_empty());
            options.source = source.ok_or_else(|| wrong("a name is needed"))?.to_owned();
        }
        // Always "musicfs"; mount(8) may pass it on.
        "subtype" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn accept(notes: &mut Vec<String>, name: &str, callers: &[&str]) -> Result<(), OptionError> {
    let others = ["x-", "X-"];
    if WITHOUT_EFFECT.contains(&name) || others.iter().any(|prefix| name.starts_with(prefix)) {
        return Ok(());
    }
    if let Some((_, note)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        notes.push((*note).to_owned());
        return Ok(());
    }
    let known = OWN.iter().chain(callers).chain(WITHOUT_EFFECT);
    let nearest = known
        .map(|known| (strsim::levenshtein(name, known), *known))
        .min();
    let suggestion = nearest
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, near)| near.to_owned());
    Err(OptionError::Unknown {
        name: name.to_owned(),
        suggestion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_fstab_is_understood() {
        let line = "ro,allow_other,_netdev,nofail,x-systemd.automount,x-systemd.requires=a.mount,\
                    noauto,user,uid=1000,gid=100,umask=027,config=/etc/musicfs.toml";
        let parsed = parse(line, &["config"]).unwrap();
        let options = MountOptions {
            allow_other: true,
            uid: Some(1000),
            gid: Some(100),
            umask: 0o027,
            ..MountOptions::default()
        };
        assert_eq!(parsed.options, options);
        assert_eq!(
            parsed.callers,
            [("config".to_owned(), Some("/etc/musicfs.toml".to_owned()))]
        );
        assert_eq!(parsed.notes, Vec::<String>::new());
    }

    #[test]
    fn rw_is_accepted_and_said_to_do_nothing() {
        let parsed = parse("rw,dev", &[]).unwrap();
        assert_eq!(parsed.options, MountOptions::default());
        assert_eq!(parsed.notes.len(), 2);
        assert!(parsed.notes[0].contains("read-only"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            (
                "allow_othr",
                r#"unknown mount option "allow_othr"; did you mean "allow_other"?"#,
            ),
            (
                "confg=/a",
                r#"unknown mount option "confg"; did you mean "config"?"#,
            ),
            ("frobnicate", r#"unknown mount option "frobnicate""#),
            (
                "uid=me",
                r#"mount option "uid=me": a number is needed, as in "uid=1000""#,
            ),
            (
                "umask=999",
                r#"mount option "umask=999": octal bits are needed, as in "umask=022""#,
            ),
            (
                "umask=7777",
                r#"mount option "umask=7777": octal bits are needed, as in "umask=022""#,
            ),
            (
                "allow_other=1",
                r#"mount option "allow_other=1": it takes no value"#,
            ),
            ("fsname=", r#"mount option "fsname=": a name is needed"#),
        ] {
            assert_eq!(parse(text, &["config"]).unwrap_err().to_string(), message);
        }
    }
}
