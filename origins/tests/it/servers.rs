//! Servers of other machines, started here by the scripts of `tests/servers`.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts `tests/servers/NAME.sh DIR ROOT PORT` with further words, and waits until it answers.
    pub(crate) fn start(name: &str, dir: &Path, root: &Path, port: u16, more: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/servers")
            .join(name)
            .with_extension("sh");
        let mut child = Command::new(script)
            .args([dir, root])
            .arg(port.to_string())
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "{name} did not start");
        Self { child, port }
    }

    /// The id of the script's process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with all its sessions, as a power cut would, and waits until nothing is left.
    pub(crate) fn stop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A file's path below `root`.
pub(crate) fn place(root: &Path, path: &eventlog::OriginPath) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    root.join(std::ffi::OsStr::from_bytes(path.as_bytes()))
}

/// The processes that a process started.
pub(crate) fn children(id: &str) -> Vec<String> {
    let found = Command::new("pgrep").args(["-P", id]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    found.lines().map(str::to_owned).collect()
}

/// Sends a signal to processes.
pub(crate) fn signal(signal: &str, ids: &[String]) {
    assert!(!ids.is_empty());
    // Some may have ended by themselves.
    let _ = Command::new("kill").arg(signal).args(ids).output();
}
