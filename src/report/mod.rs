//! The one error of the shell: what failed, on what, who must act, and what to do next.

mod from;

pub(crate) use self::from::NOTHING_HOLDS;

use std::fmt;
use std::io;
use std::path::Path;

/// A result of the shell.
pub type Result<T, E = Report> = std::result::Result<T, E>;

/// Why something was not done, told to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $code:literal;)*) => {
        /// Kinds of errors, by who must act. Names and exit codes are stable: scripts rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[doc = $doc])* $variant,)* }

        impl Kind {
            /// Every kind, in the order of the exit codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The kind's name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The exit code of the tool.
            #[must_use]
            pub const fn exit_code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            /// What the kind means, for the reference.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*),)* }
            }

            /// The kind of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }
    };
}

/// A path as a shell takes it, for commands that are shown to be copied.
#[must_use]
pub fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._+-@:,%".contains(c);
    if !text.starts_with('-') && !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    let quoted = text.replace('\'', r"'\''");
    match text.starts_with('-') {
        true => format!("./'{quoted}'"),
        false => format!("'{quoted}'"),
    }
}

kinds! {
    /// A check was made and came out badly: a view differs, `doctor` found a failure.
    Failed = "failed", 1;
    /// The command line is not understood.
    Usage = "usage", 2;
    /// What the command names is not there, or not fit for it: a path, an origin, a mountpoint.
    Input = "input", 3;
    /// The configuration has to be corrected.
    Config = "config", 4;
    /// Another process holds the state directory, or something else the mountpoint.
    Busy = "busy", 5;
    /// The state directory or its disk: missing, full, read-only, not ours.
    Disk = "disk", 6;
    /// The log or a view is damaged.
    Damaged = "damaged", 7;
    /// No daemon runs on the state directory.
    NotRunning = "not_running", 8;
    /// An origin is missing, unreadable or does not answer.
    Origin = "origin", 9;
    /// This machine cannot do it: no FUSE, a limit reached, a permission missing.
    Machine = "machine", 10;
    /// A fault of MusicFS itself.
    Bug = "bug", 70;
}

impl Report {
    /// A report without a hint.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// The same report, with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What an input or output error on `path` means; `action` such as `read the state directory`.
    #[must_use]
    pub fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        let report = Self::new(
            Kind::Disk,
            format!("cannot {action} {}: {}", path.display(), plain(error)),
        );
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => report
                .hint("free some space there and try again; nothing that was recorded is lost"),
            io::ErrorKind::ReadOnlyFilesystem => report
                .hint("mount that filesystem writable, or choose another place with --state-dir"),
            io::ErrorKind::PermissionDenied => {
                report.hint("give your user access to it, or choose another place with --state-dir")
            }
            _ => report,
        }
    }

    /// Why the new file that a command names cannot be made; `what` such as `backup`.
    #[must_use]
    pub fn unwritable(what: &str, path: &Path, error: &io::Error) -> Self {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let path = path.display();
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::new(
                Kind::Input,
                format!("{path} exists already and is not overwritten; choose another name"),
            ),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::new(
                Kind::Input,
                format!(
                    "cannot write the {what} {path}: there is no directory {}",
                    parent.display()
                ),
            )
            .hint(format!(
                "make it: mkdir -p {}; or choose another place",
                shell(parent)
            )),
            _ => Self::new(
                Kind::Disk,
                format!("cannot write the {what} {path}: {}", plain(error)),
            )
            .hint("choose a place where there is room and your user may write"),
        }
    }

    /// Who must act.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What failed, on what.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next, where there is something to say.
    #[must_use]
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The report as a JSON object: `{"error": {"kind", "message", "hint"}}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": {
            "kind": self.kind.name(),
            "message": self.message,
            "hint": self.hint,
        }})
    }

    /// The report that [`Report::to_json`] wrote.
    #[must_use]
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        let error = value.get("error")?;
        let text = |key: &str| error.get(key).and_then(|text| text.as_str());
        let mut report = Self::new(Kind::from_name(text("kind")?)?, text("message")?);
        report.hint = text("hint").map(str::to_owned);
        Some(report)
    }
}

/// What an error says, without the number that the system gives it.
#[must_use]
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text.get(..end).unwrap_or_default().to_lowercase(),
        None => text,
    }
}

/// The message alone; the hint is shown apart.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_json() {
        let report = Report::new(Kind::Busy, "taken").hint("wait");
        assert_eq!(Report::from_json(&report.to_json()), Some(report));
    }

    #[test]
    fn the_reference_of_exit_codes_is_current() {
        let text = include_str!("../../docs/CLI.md");
        for kind in Kind::ALL {
            let row = format!(
                "| {} | `{}` |{} |",
                kind.exit_code(),
                kind.name(),
                kind.meaning()
            );
            assert!(text.contains(&row), "docs/CLI.md has no line: {row}");
        }
    }

    #[test]
    fn exit_codes_are_distinct() {
        let mut codes: Vec<u8> = Kind::ALL.iter().map(|kind| kind.exit_code()).collect();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
    }

    #[test]
    fn system_errors_lose_their_number() {
        assert_eq!(
            plain(&io::Error::from_raw_os_error(30)),
            "read-only file system"
        );
    }
}
