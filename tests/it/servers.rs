//! Servers of other machines, started here by the scripts of `tests/servers`, and what stands between
//! them and the library.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use crate::world::root;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts `tests/servers/NAME.sh DIR ROOT PORT` with further words, and waits until it answers.
    pub(crate) fn start(name: &str, dir: &Path, music: &Path, port: u16, more: &[&str]) -> Self {
        let script = root().join("tests/servers").join(name).with_extension("sh");
        let mut child = Command::new(script)
            .args([dir, music])
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

    /// Ends it with all its sessions, and waits until nothing is left.
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

/// Copies a folder into the bucket `music` of the server that `s3.sh` has started on that port.
pub(crate) fn upload(folder: &Path, port: u16) {
    let copied = Command::new("rclone")
        .args(["--config", "/dev/null", "copy"])
        .arg(folder)
        .arg("s3:music")
        // It cannot do with one.
        .env_remove("AWS_CA_BUNDLE")
        .env("RCLONE_CONFIG_S3_TYPE", "s3")
        .env("RCLONE_CONFIG_S3_PROVIDER", "Ceph")
        .env("RCLONE_CONFIG_S3_ACCESS_KEY_ID", "AKAKAKAK")
        .env("RCLONE_CONFIG_S3_SECRET_ACCESS_KEY", "SKSKSKSK")
        .env(
            "RCLONE_CONFIG_S3_ENDPOINT",
            format!("http://127.0.0.1:{port}"),
        )
        .status();
    assert!(copied.unwrap().success());
}

/// What a line does with what it is given.
const CARRIES: u8 = 0;
const SWALLOWS: u8 = 1;

/// A line to a server, that can be made to swallow whatever is sent: no answer, no end.
pub(crate) struct Line {
    pub(crate) port: u16,
    mode: Arc<AtomicU8>,
}

impl Line {
    /// A line to a server on this machine, on a port of its own.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let mode = Arc::new(AtomicU8::new(CARRIES));
        let shared = Arc::clone(&mode);
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Where nobody answers behind it, it hangs up.
                if let Ok(server) = TcpStream::connect(server) {
                    let ends = [(&client, &server), (&server, &client)];
                    for (from, to) in ends {
                        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                        let mode = Arc::clone(&shared);
                        thread::spawn(move || carry(from, to, &mode));
                    }
                }
            }
        });
        Self { port: own, mode }
    }

    /// From now on, nothing comes out at either end.
    pub(crate) fn swallow(&self) {
        self.mode.store(SWALLOWS, Ordering::Relaxed);
    }

    /// Carries again; what was swallowed is lost.
    pub(crate) fn carry(&self) {
        self.mode.store(CARRIES, Ordering::Relaxed);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8) {
    let mut buffer = [0; 65_536];
    let mut swallowed = false;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        swallowed |= mode.load(Ordering::Relaxed) == SWALLOWS;
        // A stream that lost something cannot go on.
        if swallowed && mode.load(Ordering::Relaxed) == CARRIES {
            break;
        }
        if !swallowed && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    while mode.load(Ordering::Relaxed) == SWALLOWS {
        thread::sleep(Duration::from_millis(20));
    }
    drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
}
