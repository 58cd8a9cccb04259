//! The tool in an environment of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A home directory that knows nothing of the machine's.
pub(super) struct Home(TempDir);

impl Home {
    pub(super) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.dir("music");
        home.dir("view");
        home
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a directory in it.
    pub(super) fn dir(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Writes a file in it.
    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The tool, with arguments separated by blanks, run from the home directory.
    pub(super) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(crate::world::binary());
        command
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "0");
        command
    }

    /// What the tool says: its exit code in brackets unless it is 0, then all that it prints, the
    /// home directory as `~`.
    pub(super) fn run(&self, line: &str) -> String {
        self.told(self.command(line))
    }

    /// The same with an environment variable.
    pub(super) fn run_with(&self, variable: &str, value: impl AsRef<OsStr>, line: &str) -> String {
        let mut command = self.command(line);
        command.env(variable, value);
        self.told(command)
    }

    /// What the tool prints as data, whatever its exit code.
    pub(super) fn json(&self, line: &str) -> serde_json::Value {
        let output = self.command(line).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn told(&self, mut command: Command) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let code = status.code().unwrap();
        let code = if code == 0 {
            String::new()
        } else {
            format!("[{code}]\n")
        };
        let text = [stdout, stderr]
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .concat();
        code + &text.replace(&self.0.path().display().to_string(), "~")
    }
}

/// Compares what was said with lines of a test's source, whose indentation does not count.
#[track_caller]
pub(super) fn says(said: &str, expected: &str) {
    let lines: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    let said: Vec<&str> = said.trim().lines().map(str::trim).collect();
    assert_eq!(said, lines);
}

/// True for root, who is refused nothing.
pub(super) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// A library's log with some events, made by the store itself.
pub(super) fn some_log(state: &Path) {
    use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
    use eventlog::{Event, EventStore, NewEvent, Position, SqliteStore};

    std::fs::create_dir_all(state.join("log")).unwrap();
    std::fs::create_dir_all(state.join("views")).unwrap();
    let events: Vec<NewEvent> = (0..50)
        .map(|number| {
            let layout = LayoutSpec {
                template: format!("$artist/{number} $title"),
                names: NameProfile::Posix,
                duplicates: Duplicates::Content,
            };
            NewEvent::now(Event::LayoutChanged { layout }, None)
        })
        .collect();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let log = SqliteStore::open(state.join("log/events.db"))
            .await
            .unwrap();
        log.append(Position::START, &events).await.unwrap();
        log.close().await;
    });
}
