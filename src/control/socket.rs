//! The control socket: where it is, and who may use it (SEC-2).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::net::{UnixListener, UnixStream};

use crate::report::{Kind, Report, Result};
use crate::state::StateDir;

/// Longest path of a socket, in bytes (`sockaddr_un` in unix(7), less the closing NUL).
const LONGEST: usize = 107;

/// Listens on a state directory's socket. The caller holds the lock, so a socket that is there
/// already is one that a dead daemon left; it is replaced.
///
/// The socket is made under another name and moved into place with mode 0600, so that nobody ever
/// finds it open to others.
pub(super) fn bind(state: &StateDir) -> Result<UnixListener> {
    let path = state.socket();
    let fresh = path.with_extension("new");
    check_length(&fresh)?;
    let bound = || -> io::Result<UnixListener> {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&fresh)?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
        fs::rename(&fresh, &path)?;
        Ok(listener)
    };
    bound().map_err(|error| Report::io("listen on", &path, &error))
}

/// Opens a connection to the daemon of a state directory.
pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

/// True where the process at the other end is ours, or root's.
pub(super) fn is_trusted(stream: &UnixStream) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == ours || peer.uid() == 0)
}

fn check_length(path: &Path) -> Result<()> {
    let length = path.as_os_str().len();
    if length <= LONGEST {
        return Ok(());
    }
    let message = format!(
        "the path of the control socket {} is too long: {length} bytes",
        path.display()
    );
    Err(Report::new(Kind::Disk, message)
        .hint("choose a --state-dir with a path of at most 90 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_by_a_private_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        drop(bind(&state).unwrap());
        let listener = bind(&state).unwrap();
        let mode = fs::metadata(state.socket()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let path = state.socket();
        let (_client, served) = tokio::join!(connect(&path), listener.accept());
        assert!(is_trusted(&served.unwrap().0));
    }

    #[tokio::test]
    async fn a_path_too_long_for_a_socket_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(&dir.path().join("x".repeat(100))).unwrap();
        assert!(bind(&state).unwrap_err().message().contains("too long"));
    }
}
