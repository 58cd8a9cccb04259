//! What is at a mount point, told by the kernel's own table, and clearing what a killed process
//! left there (UP-3).

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::mount::UnmountFlags;

/// The kernel's table of mounts of this process (proc(5)).
const TABLE: &str = "/proc/self/mountinfo";
/// The program that unmounts for ordinary users.
const HELPER: &str = "fusermount3";
/// How the filesystem type reads in the table.
pub(crate) const FSTYPE: &str = "fuse.musicfs";
/// The type of a place where something is mounted once it is looked at (systemd.automount(5)).
const AUTOMOUNT: &str = "autofs";
/// How long a mount may take to answer before it is taken for alive and busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is at a path where a filesystem is to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Absent,
    /// Something else than a directory.
    NotADirectory,
    /// An empty directory, or one where a service manager mounts on demand: the right place.
    Empty,
    /// A directory with something in it, which a mount would hide.
    NotEmpty,
    /// A filesystem that answers, or that may yet.
    Mounted(Mount),
    /// A filesystem whose process is gone.
    Stale(Mount),
}

/// A line of the kernel's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub path: PathBuf,
    /// `major:minor` of its device number: no two mounts of FUSE share one.
    pub device: String,
    /// Its type, such as `ext4` or `fuse.musicfs`.
    pub fstype: String,
    /// Its source, such as a device or `musicfs`.
    pub source: OsString,
}

impl Mount {
    /// True where MusicFS mounted it.
    #[must_use]
    pub fn by_us(&self) -> bool {
        self.fstype == FSTYPE
    }
}

/// Why a mount point could not be looked at or cleared.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {reason}; {next}", path.display())]
pub struct MountPointError {
    /// What was being done.
    pub action: &'static str,
    /// To which mount point.
    pub path: PathBuf,
    /// What stood against it.
    pub reason: String,
    /// What to do about it.
    pub next: String,
}

/// What is at `path` now.
///
/// # Errors
/// Where the kernel's table or the directory cannot be read.
pub fn state(path: &Path) -> Result<State, MountPointError> {
    let failed = |error: io::Error| MountPointError {
        action: "look at the mount point",
        path: path.to_owned(),
        reason: error.to_string(),
        next: "check the path and its permissions".to_owned(),
    };
    if let Some(mount) = find(path).map_err(failed)? {
        // What mounts on demand waits for a mount on top of it, and for nobody to look before.
        if mount.fstype == AUTOMOUNT {
            return Ok(State::Empty);
        }
        let stale = mount.fstype.starts_with("fuse") && is_dead(&mount.path);
        return Ok(if stale {
            State::Stale(mount)
        } else {
            State::Mounted(mount)
        });
    }
    match std::fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            None => Ok(State::Empty),
            Some(_) => Ok(State::NotEmpty),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::Absent),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(State::NotADirectory),
        Err(error) => Err(failed(error)),
    }
}

/// Takes away the mount that a killed process left at `path`; does nothing where there is none.
/// To be called by the holder of the state directory's lock only: another daemon's mount that has
/// just begun is not to be taken for a dead one.
///
/// # Errors
/// Where what is mounted is not ours, or still alive, or cannot be unmounted.
pub fn clear_stale(path: &Path) -> Result<(), MountPointError> {
    let failed = |reason: String, next: String| MountPointError {
        action: "clear the mount point",
        path: path.to_owned(),
        reason,
        next,
    };
    match state(path)? {
        State::Stale(mount) if !mount.by_us() => Err(failed(
            format!("the {} that is dead there is not ours", mount.fstype),
            "unmount it with `fusermount3 -u` or `umount`".to_owned(),
        )),
        State::Stale(mount) => detach(&mount.path).map_err(|error| {
            let next = format!(
                "run `fusermount3 -uz {}` or `umount -l` it as root",
                path.display()
            );
            failed(error.to_string(), next)
        }),
        State::Mounted(mount) => Err(failed(
            format!(
                "a filesystem of type {} is mounted there and answers",
                mount.fstype
            ),
            format!(
                "unmount it, or choose another place than {}",
                path.display()
            ),
        )),
        State::Absent | State::NotADirectory | State::Empty | State::NotEmpty => Ok(()),
    }
}

/// The topmost mount at exactly this path.
///
/// # Errors
/// Where the kernel's table cannot be read.
pub(crate) fn find(path: &Path) -> io::Result<Option<Mount>> {
    let Ok(path) = absolute(path) else {
        return Ok(None);
    };
    Ok(all()?.into_iter().rfind(|mount| mount.path == path))
}

/// Where MusicFS is mounted, or was when its process was killed.
///
/// # Errors
/// Where the kernel's table cannot be read.
pub fn ours() -> io::Result<Vec<PathBuf>> {
    let ours = all()?.into_iter().filter(Mount::by_us);
    Ok(ours.map(|mount| mount.path).collect())
}

fn all() -> io::Result<Vec<Mount>> {
    let table = std::fs::read(TABLE)?;
    let lines = table.split(|byte| *byte == b'\n');
    Ok(lines.filter_map(parse_line).collect())
}

/// Unmounts; refused with `EBUSY` while anything in it is in use.
pub(crate) fn unmount(path: &Path) -> io::Result<()> {
    unmount_with(path, UnmountFlags::NOFOLLOW, "-u")
}

/// Takes the mount out of the tree at once; it ends when nothing uses it any more.
pub(crate) fn detach(path: &Path) -> io::Result<()> {
    unmount_with(path, UnmountFlags::NOFOLLOW | UnmountFlags::DETACH, "-uz")
}

fn unmount_with(path: &Path, flags: UnmountFlags, helper_flag: &str) -> io::Result<()> {
    match rustix::mount::unmount(path, flags) {
        // Ordinary users unmount what is theirs through the set-user-id helper.
        Err(Errno::PERM) => ask_helper(path, helper_flag),
        other => other.map_err(io::Error::from),
    }
}

fn ask_helper(path: &Path, flag: &str) -> io::Result<()> {
    let run = Command::new(HELPER)
        .arg(flag)
        .arg("--")
        .arg(path)
        .stdin(Stdio::null())
        .output();
    let output = run.map_err(|error| io::Error::new(error.kind(), format!("{HELPER}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if said.contains("busy") {
        Err(Errno::BUSY.into())
    } else {
        Err(io::Error::other(said))
    }
}

/// The path as the kernel's table spells it. The last part is not asked for anything: a dead
/// filesystem there would answer with an error.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let path = std::path::absolute(path)?;
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
        _ => Ok(path),
    }
}

/// True where the kernel says that the filesystem's process is gone. Asked with `statfs`, which is
/// never answered from a cache, and from a thread of its own, since a live process may be slow to
/// answer for ever.
fn is_dead(path: &Path) -> bool {
    let (answer, answered) = mpsc::channel();
    let path = path.to_owned();
    let ask = move || {
        let result = rustix::fs::statfs(path);
        let dead = matches!(result, Err(Errno::NOTCONN | Errno::CONNABORTED));
        // Nobody listens any more where the answer came too late.
        let _ = answer.send(dead);
    };
    let asked = std::thread::Builder::new()
        .name("musicfs-probe".to_owned())
        .spawn(ask);
    asked.is_ok() && answered.recv_timeout(PATIENCE).unwrap_or(false)
}

/// One line of mountinfo: `36 35 98:0 /root /mount/point options optional… - type source super`.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let device = fields.nth(2)?;
    let path = fields.nth(1)?;
    let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
    let fstype = rest.next()?;
    let source = rest.next()?;
    Some(Mount {
        path: PathBuf::from(unescape(path)),
        device: String::from_utf8(device.to_owned()).ok()?,
        fstype: String::from_utf8(fstype.to_owned()).ok()?,
        source: unescape(source),
    })
}

/// Blank, tab, newline and backslash are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'\\')
            .then(|| tail.split_first_chunk::<3>())
            .flatten();
        let decoded = escaped.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 8).ok()?, after))
        });
        let (byte, after) = decoded.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn lines_of_the_kernels_table_are_read() {
        let line = br"46 28 0:41 / /home/a\040b/M\134x rw,nosuid,nodev shared:1 master:2 - fuse.musicfs musicfs ro,user_id=1000";
        let mount = parse_line(line).unwrap();
        assert_eq!(mount.path, Path::new(r"/home/a b/M\x"));
        assert_eq!(mount.device, "0:41");
        assert!(mount.by_us());
        assert_eq!(mount.source.as_bytes(), b"musicfs");
        let plain = br"28 1 254:0 / / rw,relatime - ext4 /dev/vda rw";
        assert_eq!(parse_line(plain).unwrap().fstype, "ext4");
        assert_eq!(parse_line(b""), None);
        assert_eq!(parse_line(b"28 1 254:0 / /"), None);
    }

    #[test]
    fn odd_escapes_stay_as_they_are() {
        assert_eq!(unescape(br"a\04"), r"a\04");
        assert_eq!(unescape(br"a\999b\011"), "a\\999b\t");
    }

    #[test]
    fn places_without_a_mount_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        assert_eq!(state(&dir.path().join("empty")).unwrap(), State::Empty);
        assert_eq!(state(dir.path()).unwrap(), State::NotEmpty);
        assert_eq!(state(&file).unwrap(), State::NotADirectory);
        assert_eq!(state(&dir.path().join("none")).unwrap(), State::Absent);
        assert_eq!(
            state(&dir.path().join("none/below")).unwrap(),
            State::Absent
        );
        clear_stale(&dir.path().join("none")).unwrap();
    }

    #[test]
    fn mounts_of_others_are_not_cleared() {
        let State::Mounted(mount) = state(Path::new("/proc")).unwrap() else {
            panic!("/proc is not mounted");
        };
        assert_eq!((mount.fstype.as_str(), mount.by_us()), ("proc", false));
        let error = clear_stale(Path::new("/proc")).unwrap_err().to_string();
        assert!(
            error.contains("/proc") && error.contains("type proc"),
            "{error}"
        );
    }
}
