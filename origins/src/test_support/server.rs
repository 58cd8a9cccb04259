//! Servers that scripts in `tests/servers/` start.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::need;

/// How long a server may take to start: a Ceph on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

/// A running server. It ends when this is dropped, and with this process, however that ends.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts `tests/servers/NAME.sh` on a free port: `dir` is for what it keeps, `root` is what it
    /// serves. Waits until it accepts connections.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(name: &str, dir: &Path, root: &Path) -> Self {
        let port = free_port();
        let script = checkout().join("tests/servers").join(format!("{name}.sh"));
        let child = Command::new(&script)
            .arg(dir)
            .arg(root)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let child = need(child, &format!("start {}", script.display()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self { child, address };
        server.wait(name);
        server
    }

    fn wait(&mut self, name: &str) {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = need(self.child.try_wait(), "look at a server");
            assert!(ended.is_none(), "{name} ended: {ended:?}");
            assert!(begun.elapsed() < LIMIT, "{name} does not answer");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it, and waits until it has.
    pub fn stop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that nobody listens on at the moment.
#[must_use]
pub fn free_port() -> u16 {
    let listener = need(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), "a free port");
    need(listener.local_addr(), "a free port").port()
}

/// Where the repository is: where this was built, except for tests that were moved.
fn checkout() -> PathBuf {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::env::var_os("MUSICFS_ROOT").map_or_else(built, PathBuf::from)
}
