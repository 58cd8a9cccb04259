//! What commands share: where things are, how to print, how to reach the daemon.

use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::Global;
use super::output::{self, Output};
use crate::config::{Flags, Loaded, Sources, process_env};
use crate::control::tcp::Token;
use crate::control::{Client, Remote};
use crate::logging::{self, Surroundings};
use crate::report::{Kind, Report, Result, plain};
use crate::state::StateDir;

/// How long the threads have to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// One run of the tool.
#[derive(Debug)]
pub(super) struct Context {
    global: Global,
    /// The arguments as they were given, without the program's name.
    arguments: Vec<OsString>,
    runtime: OnceLock<tokio::runtime::Runtime>,
    /// Set once it was told that the configuration is wrong.
    warned: OnceLock<()>,
}

impl Context {
    pub(super) const fn new(global: Global, arguments: Vec<OsString>) -> Self {
        Self {
            global,
            arguments,
            runtime: OnceLock::new(),
            warned: OnceLock::new(),
        }
    }

    /// The arguments as they were given, without the program's name.
    pub(super) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// True where data is to be printed as JSON.
    pub(super) const fn json(&self) -> bool {
        self.global.json
    }

    /// True in the process that `mount --daemon` left in the background.
    pub(super) const fn is_background(&self) -> bool {
        self.global.background
    }

    /// True where only what was asked for is to be printed.
    pub(super) const fn is_quiet(&self) -> bool {
        self.global.quiet > 0
    }

    /// Standard output.
    pub(super) fn output(&self) -> Output {
        Output::new()
    }

    /// The configuration file that was named.
    pub(super) fn config_file(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    /// The whole configuration, with the flags that every command takes.
    pub(super) fn config(&self) -> Result<Loaded> {
        self.sources()?.read(&process_env)
    }

    /// Where the configuration comes from.
    pub(super) fn sources(&self) -> Result<Sources> {
        let flag = if self.is_quiet() {
            "--quiet"
        } else {
            "--verbose"
        };
        let flags = Flags {
            state_dir: self.global.state_dir.as_deref().map(absolute).transpose()?,
            level: self.asked_level().map(|level| (level, flag)),
            ..Flags::default()
        };
        let file = self.global.config.clone();
        Ok(Sources { file, flags })
    }

    /// The state directory. A flag or variable names it even where the configuration is broken.
    pub(super) fn state_dir(&self) -> Result<PathBuf> {
        self.only_here()?;
        match &self.global.state_dir {
            Some(dir) => absolute(dir),
            None => Ok(self.config()?.config.state_dir),
        }
    }

    /// The state directory of a library that is there.
    pub(super) fn state(&self) -> Result<StateDir> {
        StateDir::existing(&self.state_dir()?)
    }

    /// Refuses what cannot be done from elsewhere.
    pub(super) fn only_here(&self) -> Result<()> {
        if self.is_remote() {
            let message = "this works only on the machine that the library is on";
            return Err(Report::new(Kind::Usage, message).hint("run it there, without --connect"));
        }
        Ok(())
    }

    /// True where a daemon elsewhere is asked.
    pub(super) const fn is_remote(&self) -> bool {
        self.global.connect.is_some()
    }

    /// The running daemon.
    pub(super) async fn connect(&self) -> Result<Client> {
        if let Some(address) = self.global.connect.clone() {
            let Global { token_file, ca, .. } = &self.global;
            let read = |file: &PathBuf| {
                std::fs::read(file).map_err(|error| {
                    let (file, why) = (file.display(), plain(&error));
                    Report::new(Kind::Input, format!("--ca: cannot read {file}: {why}"))
                })
            };
            return Client::connect_to(&Remote {
                address,
                token: Token::find("--token-file", token_file.as_deref(), &process_env)?,
                authorities: ca.as_ref().map(read).transpose()?,
            })
            .await;
        }
        Client::connect(&StateDir::at(&self.state_dir_of_daemon()?)).await
    }

    /// The state directory of a daemon that runs. It works by a configuration that was right: what is
    /// wrong with it since is told, and no reason not to reach it, where it still says which that is.
    pub(super) fn state_dir_of_daemon(&self) -> Result<PathBuf> {
        if self.global.state_dir.is_some() {
            return self.state_dir();
        }
        let (loaded, faults) = self.sources()?.examine(&process_env);
        // A key that is misspelt, or has a wrong value, is not what it says.
        let is_about_it = |fault: &Report| {
            let told = [Some(fault.message()), fault.next_step()];
            let names_it = |text: &str| text.to_ascii_lowercase().contains("state_dir");
            told.into_iter().flatten().any(names_it)
        };
        let is_known = loaded.is_read && !faults.iter().any(is_about_it);
        match faults.into_iter().next() {
            Some(fault) if !is_known => return Err(fault),
            Some(fault) => {
                self.warned.get_or_init(|| output::warning(&fault));
            }
            None => {}
        }
        Ok(loaded.config.state_dir)
    }

    /// The running daemon; `None` where none runs.
    pub(super) async fn connect_if_running(&self) -> Result<Option<Client>> {
        match self.connect().await {
            Ok(client) => Ok(Some(client)),
            Err(report) if self.is_absent(&report) => Ok(None),
            Err(report) => Err(report),
        }
    }

    /// True where a report says that no daemon runs here, so that the state itself can be opened.
    pub(super) fn is_absent(&self, report: &Report) -> bool {
        report.kind() == Kind::NotRunning && !self.is_remote()
    }

    /// Runs a command's asynchronous part. Messages of the libraries go to standard error.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let settings = logging::Settings {
            level: self.asked_level().unwrap_or("warn").to_owned(),
            target: logging::Target::Stderr,
            ..logging::Settings::default()
        };
        logging::start(&settings, Surroundings::default())?;
        self.runtime()?.block_on(work)
    }

    /// The threads that asynchronous work runs on.
    pub(super) fn runtime(&self) -> Result<&tokio::runtime::Runtime> {
        if self.runtime.get().is_none() {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|error| {
                    Report::new(Kind::Machine, format!("cannot start threads: {error}"))
                })?;
            drop(self.runtime.set(runtime));
        }
        self.runtime
            .get()
            .ok_or_else(|| Report::new(Kind::Bug, "the runtime is gone"))
    }

    /// Ends the threads. What waits for a disk that hangs is not waited for: it ends with the process.
    pub(super) fn end(self) {
        if let Some(runtime) = self.runtime.into_inner() {
            runtime.shutdown_timeout(PATIENCE);
        }
    }

    /// Ends with these reports, where there are any: tells all but the last, and returns that one.
    pub(super) fn fail(&self, mut reports: Vec<Report>) -> Result<()> {
        let Some(last) = reports.pop() else {
            return Ok(());
        };
        for report in &reports {
            super::failed(report, self.json());
        }
        Err(last)
    }

    fn asked_level(&self) -> Option<&'static str> {
        match (self.global.verbose, self.global.quiet) {
            (0, 0) => None,
            (1, _) => Some("debug"),
            (2.., _) => Some("trace"),
            (_, 1) => Some("warn"),
            (_, _) => Some("error"),
        }
    }
}

/// A path from the command line, seen from the root. Symbolic links stay as they are.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(Report::new(Kind::Usage, "the path is empty"));
    }
    std::path::absolute(path).map_err(|error| {
        let message = format!("{} is no path: {}", path.display(), plain(&error));
        Report::new(Kind::Usage, message)
    })
}
