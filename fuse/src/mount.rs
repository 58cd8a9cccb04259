//! Joining a filesystem to a mount point: the session with the kernel, from mount to unmount.

mod adapter;
mod convert;
mod listing;
mod waiting;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::io::Errno;

use crate::fs::Filesystem;
use crate::mountpoint;
use crate::notify::Notifier;
use crate::options::MountOptions;
use adapter::Adapter;

/// Threads that take requests from the kernel. Reads wait elsewhere.
const THREADS: usize = 2;
/// How often a busy mount is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// What a logger should leave out (a directive of tracing-subscriber): at the end of every session
/// fuser warns that it could not unmount, because it was unmounted already.
pub const QUIET: &str = "fuser::session=error";

/// A filesystem in its place. Dropping it takes it out of the tree.
pub struct Mounted {
    mountpoint: PathBuf,
    /// The kernel's number for this very mount; another may since lie on the same path.
    device: Option<String>,
    passthrough: Arc<AtomicBool>,
    notifier: Notifier,
    end: Arc<End>,
    threads: Vec<JoinHandle<()>>,
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was unmounted, by us or by somebody with `fusermount3 -u` or `umount`.
    Unmounted,
    /// The channel to the kernel broke while the mount was in place (UP-8).
    Lost(String),
}

/// How an unmount went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmounted {
    /// Nothing used it any more.
    Cleanly,
    /// It was still in use: gone from the tree, and served on to those who hold it open for as
    /// long as this process lives.
    Detached,
    /// Nothing used it here, yet somebody holds it: another mount namespace has a copy, or it was
    /// detached before by somebody else while in use. Served on like [`Unmounted::Detached`].
    Held,
}

/// Why a filesystem could not be mounted or unmounted.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {reason}{}", path.display(), next.map(|next| format!("; {next}")).unwrap_or_default())]
pub struct MountError {
    /// Mount or unmount.
    pub action: &'static str,
    /// The mount point.
    pub path: PathBuf,
    /// What stood against it.
    pub reason: String,
    /// What to do about it, where that can be told.
    pub next: Option<&'static str>,
}

/// Mounts `filesystem` at a directory and serves it from threads of its own. As root by a system
/// call, as an ordinary user through `fusermount3`.
///
/// The same filesystem can be mounted again once its session has ended (UP-8).
///
/// # Errors
/// Where the kernel or `fusermount3` refuses. What may lie at the mount point already, see
/// [`mountpoint::state`], is the caller's to judge.
pub fn mount(
    filesystem: Arc<Filesystem>,
    mountpoint: &Path,
    options: &MountOptions,
) -> Result<Mounted, MountError> {
    let failed = |error: &io::Error| MountError::mounting(mountpoint, error);
    let passthrough = Arc::new(AtomicBool::new(options.passthrough));
    let aborted = Arc::new(AtomicBool::new(false));
    let adapter = Adapter::new(
        Arc::clone(&filesystem),
        mountpoint,
        Arc::clone(&passthrough),
        Arc::clone(&aborted),
    );
    let session = fuser::Session::new(adapter, mountpoint, &convert::config(options, THREADS))
        .map_err(|error| failed(&error))?;
    let channel = session.notifier();
    let (notifier, sender) =
        Notifier::start(Arc::clone(&filesystem), channel).map_err(|error| failed(&error))?;
    let end = Arc::new(End::default());
    let closing = (Arc::clone(&end), notifier.clone());
    let server = std::thread::Builder::new()
        .name("musicfs-session".to_owned())
        .spawn(move || {
            let result = session.run();
            let (end, notifier) = closing;
            notifier.close();
            let left_open = filesystem.session_ended();
            end.come(match result {
                Err(error) => Ended::Lost(error.to_string()),
                Ok(()) if aborted.load(Ordering::Acquire) => {
                    Ended::Lost("the kernel aborted it".to_owned())
                }
                Ok(()) => Ended::Unmounted,
            });
            // Nobody waits for a disk that hangs while its files are closed.
            drop(left_open);
        })
        .map_err(|error| failed(&error))?;
    let found = mountpoint::find(mountpoint).ok().flatten();
    Ok(Mounted {
        mountpoint: found
            .as_ref()
            .map_or_else(|| mountpoint.to_owned(), |found| found.path.clone()),
        device: found.map(|found| found.device),
        passthrough,
        notifier,
        end,
        threads: vec![server, sender],
    })
}

impl Mounted {
    /// Where it is mounted.
    #[must_use]
    pub fn mountpoint(&self) -> &Path {
        &self.mountpoint
    }

    /// Where changes of the library are told to the kernel.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// True while local files are read by the kernel itself. Turns false at the first open that
    /// shows that this process may not ask for it (CAP_SYS_ADMIN).
    #[must_use]
    pub fn passthrough(&self) -> bool {
        self.passthrough.load(Ordering::Relaxed)
    }

    /// The session's end, for somebody who waits for it while another holds the mount.
    #[must_use]
    pub fn ending(&self) -> Ending {
        Ending(Arc::clone(&self.end))
    }

    /// Waits for the session's end, for `limit` at most if there is one; `None` where it goes on.
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> Option<Ended> {
        self.end.wait(limit)
    }

    /// Unmounts, once nothing uses the mount any more, or after `patience` in any case. Returns
    /// when the session has ended, except for what [`Unmounted`] says.
    ///
    /// # Errors
    /// Where the kernel or `fusermount3` refuses for another reason than use.
    pub fn unmount(mut self, patience: Duration) -> Result<Unmounted, MountError> {
        let deadline = Instant::now() + patience;
        let mut lasting = Unmounted::Held;
        while !self.is_over() && self.is_in_place() {
            match mountpoint::unmount(&self.mountpoint) {
                Ok(()) => break,
                Err(error) if !is_busy(&error) => {
                    return Err(MountError::unmounting(&self.mountpoint, &error));
                }
                Err(_) if Instant::now() >= deadline => {
                    mountpoint::detach(&self.mountpoint)
                        .map_err(|error| MountError::unmounting(&self.mountpoint, &error))?;
                    lasting = Unmounted::Detached;
                    break;
                }
                Err(_) => std::thread::sleep(RETRY),
            }
        }
        // Somebody may hold a mount that was taken from the tree, by us or by another, and the
        // session then lasts for as long as they do.
        let rest = deadline
            .saturating_duration_since(Instant::now())
            .max(RETRY);
        if self.end.wait(Some(rest)).is_none() {
            self.threads.clear();
            return Ok(lasting);
        }
        self.threads.clear();
        Ok(Unmounted::Cleanly)
    }

    /// True once the session has ended.
    fn is_over(&self) -> bool {
        self.end.wait(Some(Duration::ZERO)).is_some()
    }

    /// True while this mount, and no other, is the topmost at its path.
    fn is_in_place(&self) -> bool {
        let found = mountpoint::find(&self.mountpoint).ok().flatten();
        found.is_some_and(|found| Some(found.device) == self.device)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.threads.is_empty() || self.is_over() || !self.is_in_place() {
            return;
        }
        if let Err(error) = mountpoint::detach(&self.mountpoint) {
            tracing::warn!(mountpoint = %self.mountpoint.display(), %error, "cannot unmount");
        }
    }
}

impl MountError {
    fn mounting(path: &Path, error: &io::Error) -> Self {
        let reason = error.to_string().trim().to_owned();
        let next = if reason.contains("user_allow_other") {
            Some("add the line \"user_allow_other\" to /etc/fuse.conf, or leave out allow_other")
        } else if reason.contains("no write access") {
            Some("choose a directory that is yours")
        } else if error.kind() == io::ErrorKind::NotFound && !Path::new("/dev/fuse").exists() {
            Some("load the kernel module with `modprobe fuse`")
        } else if error.kind() == io::ErrorKind::NotFound && path.exists() {
            Some("install the package fuse3, which has fusermount3")
        } else if error.kind() == io::ErrorKind::NotFound {
            Some("create the directory first")
        } else {
            None
        };
        Self {
            action: "mount at",
            path: path.to_owned(),
            reason,
            next,
        }
    }

    fn unmounting(path: &Path, error: &io::Error) -> Self {
        let next = Some("unmount it with `fusermount3 -uz` or as root with `umount -l`");
        Self {
            action: "unmount",
            path: path.to_owned(),
            reason: error.to_string(),
            next,
        }
    }
}

fn is_busy(error: &io::Error) -> bool {
    error.raw_os_error().map(Errno::from_raw_os_error) == Some(Errno::BUSY)
}

/// A session's end, yet to come.
pub struct Ending(Arc<End>);

impl Ending {
    /// Waits until the session is over, and tells why it is. Blocks.
    #[must_use]
    pub fn wait(&self) -> Ended {
        loop {
            if let Some(ended) = self.0.wait(None) {
                return ended;
            }
        }
    }
}

/// The end of a session, for whoever waits for it.
#[derive(Default)]
struct End {
    reason: Mutex<Option<Ended>>,
    came: Condvar,
}

impl End {
    fn come(&self, reason: Ended) {
        *self.reason.lock() = Some(reason);
        self.came.notify_all();
    }

    fn wait(&self, limit: Option<Duration>) -> Option<Ended> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut reason = self.reason.lock();
        while reason.is_none() {
            match deadline {
                None => self.came.wait(&mut reason),
                Some(deadline) => {
                    if self.came.wait_until(&mut reason, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        reason.clone()
    }
}
