//! A library of its own for each test: music, state, mount point, and a real daemon.

mod music;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use self::music::{flac, song};

/// How long anything may take that should happen at once.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A library, its daemon and its mount. Everything ends and is removed when dropped.
pub(crate) struct World {
    dir: TempDir,
    daemon: Option<Child>,
}

impl World {
    /// Empty music, empty mount point, no daemon yet.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("musicfs-")
            .tempdir()
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["music", "mnt", "home"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir, daemon: None }
    }

    /// A world whose music is the library that `tests/make-library.sh` makes.
    pub(crate) fn with_library() -> Self {
        let world = Self::new();
        let status = Command::new("cp")
            .arg("-a")
            .arg(format!("{}/.", made_library().display()))
            .arg(world.music())
            .status()
            .unwrap();
        assert!(status.success());
        world
    }

    pub(crate) fn music(&self) -> PathBuf {
        self.dir.path().join("music")
    }

    pub(crate) fn mnt(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The tool, in an environment of its own, on this world's state.
    pub(crate) fn tool<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary());
        command
            .args(args)
            .arg("--state-dir")
            .arg(self.state())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path().join("home"))
            .stdin(Stdio::null());
        command
    }

    /// Runs the tool and returns what it printed.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.tool(args).output().unwrap()
    }

    /// Runs the tool, which must succeed and print JSON.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Value {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts the daemon on this world's music, with more arguments, and does not wait.
    pub(crate) fn spawn(&mut self, more: &[&str]) {
        self.spawn_in(more, &[]);
    }

    /// As [`World::spawn`], with more environment.
    pub(crate) fn spawn_in(&mut self, more: &[&str], environment: &[(&str, &str)]) {
        assert!(self.daemon.is_none(), "one daemon a world");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("daemon.log"))
            .unwrap();
        let mut command = self.tool([OsStr::new("mount"), self.mnt().as_os_str()]);
        command
            .arg("--origin")
            .arg(format!("music={}", self.music().display()))
            .args(more)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0);
        self.daemon = Some(command.spawn().unwrap());
    }

    /// Starts the daemon, and waits until the first listing is done.
    pub(crate) fn start(&mut self) {
        self.start_with(&[]);
    }

    /// As [`World::start`], with more arguments.
    pub(crate) fn start_with(&mut self, more: &[&str]) {
        self.spawn(more);
        self.until("the daemon is ready", |world| {
            world.status()["state"] == "ready"
        });
    }

    /// What `status --json` prints, with or without a daemon; null where there is no library yet.
    pub(crate) fn status(&self) -> Value {
        let output = self.run(["status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// The log's head.
    pub(crate) fn position(&self) -> u64 {
        self.status()["position"].as_u64().unwrap()
    }

    /// The daemon's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("a daemon").id()
    }

    /// Kills the daemon as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    /// Sends the daemon a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until the daemon has ended, within a limit.
    pub(crate) fn ended(&mut self, limit: Duration) -> std::process::ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.daemon.as_mut().unwrap().try_wait().unwrap() {
                self.daemon = None;
                return status;
            }
            assert!(began.elapsed() < limit, "no end\n{}", self.daemon_log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops the daemon in order.
    pub(crate) fn stop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else {
            return;
        };
        let output = self.run(["shutdown"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let status = daemon.wait().unwrap();
        assert!(
            status.success(),
            "the daemon ended with {status}\n{}",
            self.daemon_log()
        );
    }

    /// What the daemon wrote to its standard error so far.
    pub(crate) fn daemon_log(&self) -> String {
        fs::read_to_string(self.dir.path().join("daemon.log")).unwrap_or_default()
    }

    /// Waits for a condition, within [`LIMIT`].
    pub(crate) fn until(&self, what: &str, condition: impl FnMut(&Self) -> bool) {
        self.within(LIMIT, what, condition);
    }

    /// Waits for a condition, within a limit.
    pub(crate) fn within(
        &self,
        limit: Duration,
        what: &str,
        mut condition: impl FnMut(&Self) -> bool,
    ) {
        let began = Instant::now();
        while !condition(self) {
            assert!(
                began.elapsed() < limit,
                "waited in vain until {what}\n{}",
                self.daemon_log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Every file below the mount: its path there → its size.
    pub(crate) fn tree(&self) -> BTreeMap<String, u64> {
        files(&self.mnt())
    }

    /// All events of the log, as `events --json` prints them.
    pub(crate) fn events(&self) -> Vec<Value> {
        let output = self.run(["events", "--json"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        lines(&output.stdout)
    }

    /// `events --follow --json` from the log's end on: a line comes out for each new event.
    pub(crate) fn follow(&self) -> Follow {
        self.follow_from(self.position() + 1)
    }

    /// As [`World::follow`], from a position on.
    pub(crate) fn follow_from(&self, from: u64) -> Follow {
        let mut child = self
            .tool(["events", "--follow", "--json", "--from", &from.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = std::sync::mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if send.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        Follow { child, lines }
    }

    /// With no daemon running: the log's chain holds, and every view equals its replay.
    pub(crate) fn assert_sound(&self) {
        let output = self.run(["log", "verify"]);
        assert!(output.status.success(), "{output:?}");
        let output = self.run(["replay", "--check", "--json"]);
        assert!(output.status.success(), "{output:?}\n{}", self.daemon_log());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let views = report["views"].as_array().unwrap();
        assert!(
            !views.is_empty() && views.iter().all(|view| view["equal"] == true),
            "{report}"
        );
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
        let unmounted = Command::new("fusermount3")
            .args(["-uzq"])
            .arg(self.mnt())
            .status();
        drop(unmounted);
    }
}

/// A running `events --follow`.
pub(crate) struct Follow {
    child: Child,
    lines: std::sync::mpsc::Receiver<Value>,
}

impl Follow {
    /// The next event of a kind within a limit; those of other kinds are passed over.
    pub(crate) fn next(&self, kind: &str, limit: Duration) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.lines.recv_timeout(left);
            let event = event.unwrap_or_else(|_| panic!("no {kind} within {limit:?}"));
            if event["kind"] == kind {
                return event;
            }
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The tool under test. Elsewhere than where it was built where `tests/run` says so.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("MUSICFS_BIN").map_or_else(|| env!("CARGO_BIN_EXE_musicfs").into(), Into::into)
}

/// The checkout, or what `tests/run` made of it.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("MUSICFS_ROOT").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), Into::into)
}

/// The library of `tests/make-library.sh`, made once a test run.
pub(crate) fn made_library() -> &'static Path {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = tempfile::Builder::new()
            .prefix("musicfs-made-")
            .tempdir()
            .unwrap();
        let script = root().join("tests/make-library.sh");
        let output = Command::new("bash")
            .arg(script)
            .arg(dir.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        dir
    })
    .path()
}

/// Every regular file below a folder: its relative path → its size.
pub(crate) fn files(root: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries.map_while(Result::ok) {
            let path = entry.path();
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => todo.push(path),
                Ok(meta) => {
                    let name = path
                        .strip_prefix(root)
                        .unwrap()
                        .to_string_lossy()
                        .into_owned();
                    found.insert(name, meta.len());
                }
                Err(_) => {}
            }
        }
    }
    found
}

/// Every file below a folder, hashed with its times: what must be the same before and after.
pub(crate) fn fingerprint(root: &Path) -> String {
    let script = "find . -printf '%p %y %s %T@ %m\\n' | LC_ALL=C sort | sha256sum; \
                  find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Lines of JSON.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Says on the terminal that a test had nothing to look at here; the harness knows only passed and
/// failed, once a test runs.
pub(crate) fn not_tested(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    // Past the capture of output, which would hide it.
    writeln!(std::io::stderr(), "{name} ... not tested: {why}").unwrap();
}
