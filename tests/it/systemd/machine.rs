//! A small machine with a real systemd, booted in a container (systemd-nspawn(1)) from a tree that
//! `tests/systemd-tree.sh` makes once. What it writes is gone with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::world::{LIMIT, binary, flac, root};

/// A machine that runs. It has the user `ann`, whose services start with it, the program under
/// test, one song below `/srv/music`, and the units of `dist/`.
pub(crate) struct Machine {
    dir: TempDir,
    nspawn: Child,
    /// The machine's own control group, where this machine has no systemd to make one.
    cgroup: Option<PathBuf>,
    /// The machine's first process, as it is numbered outside.
    leader: u32,
}

impl Machine {
    /// Boots a machine with this fstab, and waits until it is up.
    pub(crate) fn boot(fstab: &str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("musicfs-machine-")
            .tempdir()
            .unwrap();
        fs::create_dir(dir.path().join("music")).unwrap();
        fs::write(dir.path().join("music/song.flac"), song()).unwrap();
        fs::write(dir.path().join("fstab"), fstab).unwrap();
        let cgroup = cgroup();
        let nspawn = nspawn(dir.path(), cgroup.as_deref());
        let mut machine = Self {
            dir,
            nspawn,
            cgroup,
            leader: 0,
        };
        machine.until("the first process is there", |machine| {
            machine.leader = first_process(machine.nspawn.id()).unwrap_or_default();
            machine.leader != 0
        });
        machine.until("the machine is up", |machine| {
            let state = machine.run("systemctl is-system-running").stdout;
            ["running\n", "degraded\n"].contains(&&*String::from_utf8_lossy(&state))
        });
        machine
    }

    /// Runs a line of shell in the machine, as root, beside its services.
    pub(crate) fn run(&self, line: &str) -> Output {
        let leader = self.leader.to_string();
        Command::new("nsenter")
            .args(["-t", &leader, "-m", "-u", "-i", "-n", "-p", "--"])
            .args(["sh", "-c", line])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a line of shell, which must succeed, and returns what it printed.
    pub(crate) fn told(&self, line: &str) -> String {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{line}: {said}\n{}",
            self.messages()
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes a file of the machine.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = format!("/proc/{}/root{path}", self.leader);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Where MusicFS is mounted, by the machine's own table, as everybody there sees it.
    pub(crate) fn mounts(&self) -> Vec<String> {
        let table = fs::read_to_string(format!("/proc/{}/mountinfo", self.leader)).unwrap();
        let ours = table.lines().filter(|line| line.contains(" fuse.musicfs "));
        ours.map(|line| line.split(' ').nth(4).unwrap().to_owned())
            .collect()
    }

    /// The journal.
    pub(crate) fn messages(&self) -> String {
        let journal = self.run("journalctl --no-pager --output=short").stdout;
        String::from_utf8_lossy(&journal).into_owned()
    }

    /// Waits for a condition, within [`LIMIT`].
    pub(crate) fn until(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let began = Instant::now();
        while !condition(self) {
            let console = || fs::read_to_string(self.dir.path().join("console"));
            assert!(
                began.elapsed() < LIMIT,
                "waited in vain until {what}\n{}{}",
                console().unwrap_or_default(),
                self.messages()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Which has it shut down in order.
        let asked = Pid::from_child(&self.nspawn);
        let _ = kill_process(asked, Signal::TERM);
        let began = Instant::now();
        while matches!(self.nspawn.try_wait(), Ok(None)) {
            if began.elapsed() > LIMIT {
                drop(self.nspawn.kill());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some(cgroup) = &self.cgroup {
            remove_cgroup(cgroup);
        }
    }
}

/// The one song below `/srv/music`.
pub(crate) fn song() -> Vec<u8> {
    let tags = [
        ("ARTIST", "Ann"),
        ("ALBUM", "Box"),
        ("TITLE", "Song"),
        ("TRACKNUMBER", "1"),
    ];
    flac(1, &tags)
}

/// The tree that machines boot from.
fn tree() -> &'static Path {
    static TREE: OnceLock<PathBuf> = OnceLock::new();
    TREE.get_or_init(|| {
        let output = Command::new("bash")
            .arg(root().join("tests/systemd-tree.sh"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap().trim().into()
    })
}

fn nspawn(dir: &Path, cgroup: Option<&Path>) -> Child {
    let console = fs::File::create(dir.join("console")).unwrap();
    let dist = root().join("dist");
    // A machine is begun with a copy of all mounts: those of other tests would not end while it lasts.
    let enter = "[ -z \"$0\" ] || echo $$ >\"$0/cgroup.procs\"; \
                 umount --all --lazy --types fuse.musicfs; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", enter]);
    command.arg(cgroup.unwrap_or(Path::new("")));
    // Should the test be killed, the machine goes with it.
    command.args(["setpriv", "--pdeathsig=KILL", "systemd-nspawn", "--quiet"]);
    command.args(["--register=no", "--private-network", "--volatile=overlay"]);
    if cgroup.is_some() {
        command.arg("--keep-unit");
    }
    for device in ["/dev/fuse", "/dev/autofs"] {
        if Path::new(device).exists() {
            command.arg(format!("--bind={device}"));
        }
    }
    let units = "/usr/lib/systemd";
    for (from, to) in [
        (binary(), "/usr/bin/musicfs".to_owned()),
        (binary(), "/usr/sbin/mount.musicfs".to_owned()),
        (dir.join("music"), "/srv/music".to_owned()),
        (dir.join("fstab"), "/etc/fstab".to_owned()),
        (
            dist.join("musicfs.service"),
            format!("{units}/user/musicfs.service"),
        ),
        (
            dist.join("musicfs@.service"),
            format!("{units}/system/musicfs@.service"),
        ),
    ] {
        command.arg(format!("--bind-ro={}:{to}", from.display()));
    }
    command
        .arg("--directory")
        .arg(tree())
        .arg("--boot")
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        .stdin(Stdio::null())
        .stdout(console.try_clone().unwrap())
        .stderr(console)
        .spawn()
        .unwrap()
}

/// A control group of its own for a machine: two that shared one would end each other's services.
fn cgroup() -> Option<PathBuf> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    if Path::new("/run/systemd/system").exists() {
        return None;
    }
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut mounts = table.lines().map(|line| line.split(' '));
    let mounted = mounts.find_map(|mut mount| {
        let place = mount.nth(1)?;
        (mount.next()? == "cgroup2").then(|| place.to_owned())
    });
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("musicfs-test-{}-{number}", std::process::id());
    let path = Path::new(&mounted.expect("cgroup2 is mounted")).join(name);
    fs::create_dir(&path).unwrap();
    Some(path)
}

/// Control groups go from the innermost outwards, as soon as nobody is in them.
fn remove_cgroup(path: &Path) {
    let entries = fs::read_dir(path).into_iter().flatten();
    for entry in entries.map_while(Result::ok) {
        if entry.path().is_dir() {
            remove_cgroup(&entry.path());
        }
    }
    let began = Instant::now();
    while fs::remove_dir(path).is_err() && began.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process that systemd-nspawn started as the machine's first, once it is systemd.
fn first_process(nspawn: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    let child = children.split_whitespace().next()?.parse().ok()?;
    let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
    (name == "systemd\n").then_some(child)
}
