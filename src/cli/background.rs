//! `musicfs mount --daemon`: the tool starts itself once more, and returns when that one serves.
//!
//! A fresh process instead of a fork: it has its threads from the start. It is told by a hidden
//! flag, and says on its standard output, a pipe, in one line of JSON how it went.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::report::{Kind, Report, Result, plain};
use crate::state::StateDir;

/// The flag that tells a process that it is the one in the background. First of its arguments.
pub(super) const FLAG: &str = "--background";

/// Starts the daemon and waits until it serves, or says why it does not. Returns its pid.
pub(super) fn start(state: &StateDir, arguments: &[OsString]) -> Result<u32> {
    let machine = |what: &str, error: &std::io::Error| {
        Report::new(Kind::Machine, format!("cannot {what}: {}", plain(error)))
    };
    let program =
        std::env::current_exe().map_err(|error| machine("find the program itself", &error))?;
    let mut child = Command::new(program)
        .arg0("musicfs")
        .arg(FLAG)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(state.open_messages()?)
        .spawn()
        .map_err(|error| machine("start the daemon", &error))?;
    let mut line = String::new();
    if let Some(pipe) = child.stdout.take() {
        BufReader::new(pipe)
            .read_line(&mut line)
            .map_err(|error| machine("hear from the daemon", &error))?;
    }
    let told: Value = serde_json::from_str(&line).unwrap_or_default();
    if told.get("ready").is_some() {
        return Ok(child.id());
    }
    let messages = state.messages_file();
    Err(Report::from_json(&told).unwrap_or_else(|| {
        Report::new(Kind::Bug, "the daemon ended before the mount answered")
            .hint(format!("see the end of {}", messages.display()))
    }))
}

/// Leaves the caller, tells it that the mount answers, and lets it go. Not earlier: where a service
/// manager mounts on demand, the mount point answers nobody but its own process group until then
/// (systemd.automount(5)).
pub(super) fn ready() {
    if let Err(error) = detach() {
        tracing::warn!(%error, "the caller's terminal or directory stays in use");
    }
    say(&json!({ "ready": true }));
    let silenced = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/null")
        .and_then(|null| Ok(rustix::stdio::dup2_stdout(null)?));
    if let Err(error) = silenced {
        tracing::warn!(%error, "standard output stays open");
    }
}

/// Leaves the terminal and the caller's directory, from where no path has to be seen any more.
fn detach() -> io::Result<()> {
    rustix::process::setsid()?;
    std::env::set_current_dir("/")
}

/// Tells the waiting process why there is no mount. Goes nowhere once it was let go.
pub(super) fn failed(report: &Report) {
    say(&report.to_json());
}

fn say(value: &Value) {
    let mut out = std::io::stdout().lock();
    // Should nobody wait any more, nobody has to be told.
    drop(writeln!(out, "{value}").and_then(|()| out.flush()));
}
