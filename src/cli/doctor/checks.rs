//! The checks. Each looks at one thing and never fails itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventlog::{EventStore, SqliteStore};
use fuse::mountpoint;
use futures::future::join_all;
use origins::Origin;
use origins::local::unwatched;
use projections::{OriginRow, Views};

use super::Level;
use crate::cli::context::Context;
use crate::cli::track;
use crate::config::{Loaded, OriginConfig, default_state_dir, process_env};
use crate::library;
use crate::lock::Lock;
use crate::patience;
use crate::report::{Report, plain};
use crate::state::StateDir;

/// What a check came to.
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    pub(super) next: Option<String>,
}

fn ok(check: &'static str, found: impl Into<String>) -> Finding {
    Finding {
        check,
        level: Level::Ok,
        found: found.into(),
        next: None,
    }
}

fn warn(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding {
        check,
        level: Level::Warn,
        found: found.into(),
        next: Some(next.into()),
    }
}

fn fail(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding {
        check,
        level: Level::Fail,
        found: found.into(),
        next: Some(next.into()),
    }
}

fn failed(check: &'static str, report: &Report) -> Finding {
    fail(
        check,
        report.message(),
        report.next_step().unwrap_or("see docs/RECOVERY.md"),
    )
}

/// Every check, in the order in which one thing needs the other.
pub(super) async fn all(context: &Context) -> crate::report::Result<Vec<Finding>> {
    let mut findings = vec![
        device(),
        helper(),
        allow_other(Path::new("/etc/fuse.conf")),
        watches(),
        files(),
    ];
    let loaded = context.config();
    findings.push(configuration(loaded.as_ref()));
    let dir = context
        .state_dir()
        .unwrap_or_else(|_| default_state_dir(&process_env));
    let state = StateDir::at(&dir);
    findings.push(state_dir(&state));
    findings.push(daemon(context, &state).await);
    if state.log_file().exists() {
        findings.push(log(&state).await);
        findings.extend(views(&state).await);
    }
    let chosen = mountpoint_of(context, &loaded).await;
    findings.extend(chosen.as_deref().map(mount));
    // What a killed daemon left may be anywhere.
    let others = mountpoint::ours().unwrap_or_default().into_iter();
    let stale = |path: &PathBuf| matches!(mountpoint::state(path), Ok(mountpoint::State::Stale(_)));
    let others = others
        .filter(|path| Some(path) != chosen.as_ref())
        .filter(stale);
    findings.extend(others.map(|path| mount(&path)));
    Ok(findings)
}

fn device() -> Finding {
    const DEVICE: &str = "/dev/fuse";
    match fs::OpenOptions::new().read(true).write(true).open(DEVICE) {
        Ok(_) => ok("fuse", format!("{DEVICE} can be opened")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fail(
            "fuse",
            format!("there is no {DEVICE}"),
            "load the module: sudo modprobe fuse",
        ),
        Err(error) => fail(
            "fuse",
            format!("cannot open {DEVICE}: {}", plain(&error)),
            "let users open it: sudo chmod 666 /dev/fuse, or join the group that may",
        ),
    }
}

fn helper() -> Finding {
    let name = "fusermount3";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    match found {
        Some(path) => ok(name, path.display().to_string()),
        None if rustix::process::geteuid().is_root() => warn(
            name,
            "not found; root mounts without it",
            "for other users: apt install fuse3",
        ),
        None => fail(name, "not found", "install it: apt install fuse3"),
    }
}

fn allow_other(config: &Path) -> Finding {
    let text = fs::read_to_string(config).unwrap_or_default();
    if text.lines().any(|line| line.trim() == "user_allow_other") {
        ok("allow_other", "every user may pass -o allow_other")
    } else if rustix::process::geteuid().is_root() {
        ok("allow_other", "root may pass -o allow_other")
    } else {
        warn(
            "allow_other",
            "only you will see the mount",
            format!(
                "to share it (media servers, SMB), add user_allow_other to {}",
                config.display()
            ),
        )
    }
}

fn watches() -> Finding {
    /// Directories of a large library.
    const ENOUGH: u64 = 65_536;
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches");
    match limit.ok().and_then(|text| text.trim().parse::<u64>().ok()) {
        Some(limit) if limit >= ENOUGH => {
            ok("inotify", format!("{limit} directories can be watched"))
        }
        Some(limit) => warn(
            "inotify",
            format!("{limit} directories can be watched; origins with more are polled"),
            format!(
                "raise it: sudo sysctl fs.inotify.max_user_watches={}",
                8 * ENOUGH
            ),
        ),
        None => warn("inotify", "not available", "origins are polled instead"),
    }
}

fn files() -> Finding {
    /// A thousand open files through the mount, and what else the daemon holds.
    const ENOUGH: u64 = 4_096;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    match limit {
        Some(limit) if limit < ENOUGH => warn(
            "open files",
            format!("at most {limit}"),
            "raise the hard limit: ulimit -Hn 65536, or LimitNOFILE= in systemd",
        ),
        Some(limit) => ok("open files", format!("at most {limit}")),
        None => ok("open files", "no limit"),
    }
}

fn configuration(loaded: Result<&Loaded, &Report>) -> Finding {
    match loaded {
        Ok(loaded) => ok(
            "config",
            match &loaded.file {
                Some(file) => format!("{} is fine", file.display()),
                None => "none; the defaults are fine".to_owned(),
            },
        ),
        Err(report) => failed("config", report),
    }
}

fn state_dir(state: &StateDir) -> Finding {
    let path = state.path().display();
    if !state.path().exists() {
        return ok("state", format!("{path} is not there yet; it will be made"));
    }
    match state.probe() {
        Ok(()) => match state.exposed() {
            None => ok("state", format!("{path} can be written")),
            Some(report) => Finding {
                level: Level::Warn,
                ..failed("state", &report)
            },
        },
        Err(report) => failed("state", &report),
    }
}

async fn daemon(context: &Context, state: &StateDir) -> Finding {
    match (context.connect_if_running().await, Lock::holder(state)) {
        (Ok(Some(_)), Some(Some(pid))) => ok("daemon", format!("runs as process {pid}")),
        (Ok(Some(_)), _) => ok("daemon", "runs"),
        (Ok(None), _) => ok("daemon", "does not run"),
        (Err(report), _) => failed("daemon", &report),
    }
}

async fn log(state: &StateDir) -> Finding {
    match SqliteStore::open_read_only(state.log_file()).await {
        Ok(log) => ok("log", format!("its end holds, at position {}", log.head())),
        Err(error) => failed("log", &error.into()),
    }
}

async fn views(state: &StateDir) -> Vec<Finding> {
    let (catalog, tree) = match Views::open_read_only(&state.views_dir()) {
        Ok(readers) => readers,
        Err(error) => {
            let next = "mount: the views are rebuilt from the log";
            return vec![warn("views", error.to_string(), next)];
        }
    };
    let positions = catalog
        .position()
        .and_then(|catalog| Ok((catalog, tree.position()?)));
    let mut findings = vec![match positions {
        Ok((catalog, tree)) => ok(
            "views",
            format!("catalog at position {catalog}, tree at {tree}"),
        ),
        Err(error) => warn("views", error.to_string(), "musicfs replay rebuilds them"),
    }];
    let origins = catalog.origins().unwrap_or_default();
    findings.extend(join_all(origins.iter().map(origin)).await);
    findings
}

async fn origin(row: &OriginRow) -> Finding {
    let Some(root) = library::folder(&row.spec) else {
        return remote(row).await;
    };
    let (id, shown, asked) = (&row.id, root.display(), root.clone());
    let answer = patience::ask(move || unwatched(&asked)).await;
    match answer.unwrap_or_else(|| Err(patience::silence())) {
        Ok(None) => ok("origin", format!("{id}: {shown} can be read")),
        Ok(Some(kind)) => ok(
            "origin",
            format!("{id}: {shown} can be read; it is on {kind}, and so listed at intervals"),
        ),
        Err(error) => warn(
            "origin",
            format!("{id}: cannot read {shown}: {}", plain(&error)),
            "its tracks stay in the tree and give errors when read; mount its disk, or correct its rights",
        ),
    }
}

/// Asks a server whether it answers, with the secrets that this command can have.
async fn remote(row: &OriginRow) -> Finding {
    let (id, spec) = (row.id.clone(), row.spec.clone());
    let connected =
        patience::ask(move || library::connect(&id, &spec, &process_env, Arc::default())).await;
    let silent = || format!("no answer within {} s", patience::LIMIT.as_secs());
    let answer = match connected {
        Some(Ok(origin)) => match tokio::time::timeout(patience::LIMIT, origin.check()).await {
            Ok(answer) => answer.map_err(|error| error.message),
            Err(_) => Err(silent()),
        },
        Some(Err(error)) => Err(error.message),
        None => Err(silent()),
    };
    let (id, shown) = (&row.id, String::from_utf8_lossy(&row.spec.root));
    let overheard = OriginConfig::of_spec(&row.spec).ok();
    let overheard = overheard.and_then(|origin| origin.overheard());
    match (answer, overheard) {
        (Ok(()), None) => ok("origin", format!("{id}: {shown} answers")),
        (Ok(()), Some(secret)) => warn(
            "origin",
            format!("{id}: {shown} answers, and is sent its {secret} unencrypted"),
            "write https:// where the server speaks it",
        ),
        (Err(why), _) => warn(
            "origin",
            format!("{id}: {shown} does not answer: {why}"),
            "its tracks stay in the tree; `musicfs origin health` has the daemon ask, with its own \
             environment and secrets",
        ),
    }
}

/// Where the running daemon has mounted, else where the configuration says.
async fn mountpoint_of(
    context: &Context,
    loaded: &crate::report::Result<Loaded>,
) -> Option<PathBuf> {
    match track::mountpoint(context).await {
        Some(path) => Some(path),
        None => loaded.as_ref().ok()?.config.mountpoint.clone(),
    }
}

fn mount(path: &Path) -> Finding {
    use mountpoint::State;
    let shown = path.display();
    match mountpoint::state(path) {
        Ok(State::Mounted(mount)) if mount.by_us() => match fs::read_dir(path) {
            Ok(_) => ok("mountpoint", format!("{shown} is mounted and answers")),
            Err(error) => fail(
                "mountpoint",
                format!("{shown} is mounted and does not answer: {}", plain(&error)),
                "musicfs shutdown, then mount again",
            ),
        },
        Ok(State::Mounted(mount)) => warn(
            "mountpoint",
            format!(
                "{shown} has something else mounted on it, of type {}",
                mount.fstype
            ),
            "unmount that, or choose another mountpoint",
        ),
        Ok(State::Stale(_)) => warn(
            "mountpoint",
            format!("{shown} was left behind by a daemon that was killed"),
            format!("the next mount clears it; or now: fusermount3 -uz {shown}"),
        ),
        Ok(State::Empty) => ok("mountpoint", format!("{shown} is an empty directory")),
        Ok(State::Absent) => warn(
            "mountpoint",
            format!("there is no {shown}"),
            format!("mkdir -p {shown}"),
        ),
        Ok(State::NotADirectory) => warn(
            "mountpoint",
            format!("{shown} is no directory"),
            "choose another mountpoint",
        ),
        Ok(State::NotEmpty) => warn(
            "mountpoint",
            format!("{shown} is not empty"),
            "choose an empty directory",
        ),
        Err(error) => fail(
            "mountpoint",
            error.to_string(),
            "check the path and its permissions",
        ),
    }
}
